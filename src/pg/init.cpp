// What the server calls when it loads the library. No preloading is needed: everything here works in a
// session that loads the library on first use.

#include "pg/am/hnsw/am.h"
#include "pg/guc.h"
#include "pg/pg.h"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
  lowdim::pg::define_settings();
  lowdim::pg::hnsw::register_options();
}
