// An Arena (core/base/arena.h) whose owner is a memory context: reset or deletion of the context frees
// everything, and an error does that by itself. A request that cannot be met raises an ERROR, so an arena
// must not be handed to core.
#pragma once

#include "core/base/arena.h"
#include "pg/pg.h"

namespace lowdim::pg {

// Memory comes from `context`, single requests above 1 GB included.
Arena arena_in(MemoryContext context);

}  // namespace lowdim::pg
