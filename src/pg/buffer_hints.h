// Where a backend last found a block in the shared buffers. Looking a block up costs a hash, a lock and
// several cache misses in shared memory, as much as all else that a hop of a graph search does; a hint that
// is right costs one look at the buffer's header, and one that is wrong only that. Plain memory of the
// backend, shared by all relations; a place is overwritten by whoever comes next. Called by store_pg.
#pragma once

#include "pg/compat.h"

extern "C" {
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace lowdim::pg {

class BufferHints {
 public:
  // The buffer where the block was last seen; InvalidBuffer if nothing is known.
  static Buffer find(Relation relation, BlockNumber block) {
    const Place& place = places_[slot(relation, block)];
    return place.block == block && place.file == relation_file_number(relation) ? place.buffer
                                                                                : InvalidBuffer;
  }
  static void note(Relation relation, BlockNumber block, Buffer buffer) {
    places_[slot(relation, block)] = {relation_file_number(relation), block, buffer};
  }
  // Pins the block where the hint says; InvalidBuffer if it is not there.
  static Buffer read_known(Relation relation, BlockNumber block) {
    const Buffer hint = find(relation, block);
    // A pin by hint does not count as a use for the replacement of buffers: now and then it must.
    if (hint == InvalidBuffer || (++turn_ % 16) == 0) return InvalidBuffer;
    return read_recent_buffer(relation, block, hint) ? hint : InvalidBuffer;
  }
  // Pins the block where the hint says, or else finds it. Only for the main fork of relations in shared
  // buffers.
  static Buffer read(Relation relation, BlockNumber block) {
    if (const Buffer known = read_known(relation, block); known != InvalidBuffer) return known;
    const Buffer buffer = ReadBuffer(relation, block);
    note(relation, block, buffer);
    return buffer;
  }

 private:
  struct Place {
    Oid file;
    BlockNumber block;
    Buffer buffer;
  };
  static constexpr uint32_t kPlaces = 1 << 16;  // 768 kB, touched as far as it is used

  static uint32_t slot(Relation relation, BlockNumber block) {
    return (block + relation_file_number(relation) * 0x9E3779B1u) % kPlaces;
  }

  static Place places_[kPlaces];
  static uint32_t turn_;
};

}  // namespace lowdim::pg
