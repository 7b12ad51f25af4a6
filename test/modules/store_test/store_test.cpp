// What the module's SQL functions do: check an index of the access method store_test, break rules of the
// store, use the containers of core/base/arena.h in a memory context.

#include <cstdint>
#include <functional>

#include "chain.h"
#include "core/base/arena.h"
#include "pg/arena_pg.h"
#include "pg/failpoint.h"
#include "pg/fn.h"
#include "pg/store_pg.h"

extern "C" {
#include "access/genam.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
  lowdim::pg::define_failpoint_setting("store_test.failpoint");
  MarkGUCPrefixReserved("store_test");
}

namespace lowdim::pg {
namespace {

void put_line(ReturnSetInfo* rows, const char* text) {
  Datum value = CStringGetTextDatum(text);
  bool is_null = false;
  tuplestore_putvalues(rows->setResult, rows->setDesc, &value, &is_null);
}

void put_damage(void* self, paged::Block block, uint32_t, const char* what) {
  put_line(static_cast<ReturnSetInfo*>(self), psprintf("block %u: %s", block, what));
}

}  // namespace
}  // namespace lowdim::pg

LOWDIM_FN(store_test_check) {
  using namespace lowdim;
  using namespace lowdim::pg;
  // A function that returns one text column has no row type of its own.
  ReturnSetInfo* rows = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const MemoryContext old = MemoryContextSwitchTo(rows->econtext->ecxt_per_query_memory);
  rows->returnMode = SFRM_Materialize;
  rows->setResult = tuplestore_begin_heap(true, false, work_mem);
  rows->setDesc = CreateTupleDescCopy(rows->expectedDesc);
  MemoryContextSwitchTo(old);

  const Relation index = index_open(PG_GETARG_OID(0), AccessShareLock);
  StorePg store(index, {.sink = {&put_damage, rows}});
  const chain::Census c = chain::check(store);
  put_line(rows, psprintf("values %llu, pages %u live %u free %u lost %u",
                          static_cast<unsigned long long>(c.values), store.pages(), c.live, c.free, c.lost));
  index_close(index, AccessShareLock);
  return static_cast<Datum>(0);
}

LOWDIM_FN(store_test_break) {
  using namespace lowdim;
  using namespace lowdim::pg;
  const Relation index = index_open(PG_GETARG_OID(0), RowExclusiveLock);
  const char* rule = text_to_cstring(PG_GETARG_TEXT_PP(1));
  StorePg store(index);
  store.txn([&](auto& txn) {
    if (strcmp(rule, "order") == 0) {
      txn.edit(1);
      txn.edit(0);
    } else if (strcmp(rule, "pages") == 0) {
      for (paged::Block b = 0; b < 5; b++) txn.edit(b);
    } else if (strcmp(rule, "header") == 0) {
      txn.edit(1).header().lower = 9000;
    }
    return paged::Verdict::kCommit;
  });
  index_close(index, RowExclusiveLock);
  PG_RETURN_VOID();
}

LOWDIM_FN(store_test_arena) {
  using namespace lowdim;
  const int64 n = PG_GETARG_INT64(0);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "store_test", ALLOCSET_DEFAULT_SIZES);
  const Arena arena = pg::arena_in(context);
  struct alignas(64) Wide {
    char bytes[64];
  };
  ArenaVec<int64> vec(arena);
  ArenaHeap<int64, std::less<>> heap(arena);
  FlatSet<uint64_t> set(arena);
  for (int64 i = 0; i < n; i++) {
    vec.push_back(i);
    heap.push(n - i);
    set.insert(static_cast<uint64_t>(i / 2));
    if (i % 1000 == 0 && reinterpret_cast<uintptr_t>(arena.grab<Wide>(1)) % 64 != 0)
      elog(ERROR, "not aligned");
  }
  int64 sum = static_cast<int64>(set.size());
  for (const int64 v : vec) sum += v;
  if (n > 0) sum += heap.top();
  MemoryContextDelete(context);
  PG_RETURN_INT64(sum);
}
