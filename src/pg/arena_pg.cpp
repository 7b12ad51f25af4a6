// See arena_pg.h.

#include "pg/arena_pg.h"

extern "C" {
#include "utils/memutils.h"
}

namespace lowdim::pg {
namespace {

void* grab(void* self, size_t bytes, size_t align) {
  const size_t extra =
      align > MAXIMUM_ALIGNOF ? align - MAXIMUM_ALIGNOF : 0;  // palloc aligns to MAXIMUM_ALIGNOF
  if (bytes > MaxAllocHugeSize - extra)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  void* block = MemoryContextAllocHuge(static_cast<MemoryContext>(self), bytes + extra);
  return reinterpret_cast<void*>(TYPEALIGN(align, block));
}

}  // namespace

Arena arena_in(MemoryContext context) { return Arena{&grab, context}; }

}  // namespace lowdim::pg
