// The pages of an index under construction, which nobody else sees: nodes are laid into fresh pages as the
// table is read, equal ones are merged, and when the graph is there its links and codes are written into the
// slots in place. Pages of nodes are the blocks from 1 on, without a gap, so that a build counts cells: cell
// c is slot c of them, its number NodeId c + slots_per_page.
//
// Until the links are written a slot keeps there what the builder needs of its vector, a row of bytes
// (core/graph/build.h): it always fits where the codes of 32 neighbours do. Called by pg/am/hnsw/build*.cpp.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/base/arena.h"
#include "core/graph/build.h"
#include "paged/hnsw/distance.h"
#include "paged/hnsw/layout.h"
#include "paged/store.h"

namespace lowdim::paged::hnsw {

// --- Rows of bytes in slots without links

inline core::GraphRowTerms* stashed_terms(uint8_t* slot, const Geometry& g) {
  return reinterpret_cast<core::GraphRowTerms*>(bundle_of(slot, g, 0));
}
inline uint8_t* stashed_row(uint8_t* slot, const Geometry& g) {
  return bundle_of(slot, g, 0) + sizeof(core::GraphRowTerms);
}
inline const core::GraphRowTerms* stashed_terms(const uint8_t* slot, const Geometry& g) {
  return reinterpret_cast<const core::GraphRowTerms*>(bundle_of(slot, g, 0));
}
inline const uint8_t* stashed_row(const uint8_t* slot, const Geometry& g) {
  return bundle_of(slot, g, 0) + sizeof(core::GraphRowTerms);
}

// Bytes of a row: all coordinates of the code, or every k-th of them where a code has many to a segment
// (those that do not project) and they would not fit.
struct RowShape {
  uint32_t bytes;
  uint32_t step;
};
inline RowShape row_shape(const Geometry& g, uint32_t code_dims) {
  const uint32_t room = g.bundles() * g.bundle_bytes() - static_cast<uint32_t>(sizeof(core::GraphRowTerms));
  const uint32_t step = (code_dims + room - 1) / room;
  return {(code_dims + step - 1) / step, step};
}

// --- Laying out nodes

// A page of nodes in private memory. bytes: kPageBytes, 8-aligned.
class NodePage {
 public:
  NodePage(uint8_t* bytes, const Options& o) : page_(bytes), g_(o) { begin(); }

  void begin() {
    std::memset(page_.bytes(), 0, kPageBytes);
    page_.init(kind::kNodes);
    page_.set_body_bytes(size_t{g_.slot_bytes} * g_.slots_per_page);
    used_ = 0;
  }
  bool empty() const { return used_ == 0; }
  bool full() const { return used_ == g_.slots_per_page; }
  uint8_t* take() { return slot_at(page_, g_, used_++); }
  const uint8_t* bytes() const { return page_.bytes(); }

 private:
  PageEdit page_;
  Geometry g_;
  uint32_t used_ = 0;
};

// Scratch for lay_node beside the code's own.
inline size_t lay_scratch_bytes(const core::GraphCode* code) {
  return code == nullptr ? 0 : code->code_dims();
}

// A node with one row, no links yet; with its code and row of bytes if there is a code. floats: o.dims and
// code->scratch_floats(), whichever is more; bytes: lay_scratch_bytes.
inline void lay_node(const Options& o, const core::GraphCode* code, const Input& in, Tid tid, float* floats,
                     uint8_t* bytes, uint8_t* slot) {
  const Geometry g(o);
  SlotHead& head = head_of(slot);
  head.state = State::kLive;
  head.overflow = kNoNode;
  head.tid_count = 1;
  put_tid(head.tids, tid);
  make_payload(o, in, floats, slot + g.payload_offset(), head);
  put_place(slot, g, in.place);
  if (code == nullptr || in.alone) return;
  code->encode(in.guide, floats, slot + g.code_offset());
  const RowShape shape = row_shape(g, code->code_dims());
  if (shape.step == 1) {
    code->row(in.guide, floats, stashed_row(slot, g), stashed_terms(slot, g));
    return;
  }
  core::GraphRowTerms terms;
  code->row(in.guide, floats, bytes, &terms);
  terms = {0, 0};
  for (uint32_t i = 0; i < shape.bytes; ++i) {
    const uint8_t b = bytes[i * shape.step];
    stashed_row(slot, g)[i] = b;
    terms.sum += b - 128;
    terms.add += (b - 128) * (b - 128);
  }
  *stashed_terms(slot, g) = terms;
}

// --- Merging equal nodes

// A cell with its hash, so that sorting brings equal ones together; nodes that are alone by themselves.
inline uint64_t cell_key(const SlotHead& head, uint32_t cell) {
  const uint64_t alone = (head.flags & kAlone) != 0 ? 1 : 0;
  return static_cast<uint64_t>(head.hash >> 1) << 33 | alone << 32 | cell;
}
inline bool is_alone(uint64_t key) { return (key >> 32 & 1) != 0; }
inline uint32_t cell_of(uint64_t key) { return static_cast<uint32_t>(key); }
inline NodeId node_of_cell(const Geometry& g, uint32_t cell) { return cell + g.slots_per_page; }

// The keys of all nodes on the pages 1 .. pages; room for as many as there are. Returns how many.
template <Store S>
size_t list_cells(S& s, const Geometry& g, Block pages, uint64_t* keys, size_t room) {
  size_t n = 0;
  for (Block block = 1; block <= pages; ++block) {
    s.poll();
    s.read(block, [&](PageView page) {
      if (!is_nodes(page, g)) return;
      for (uint32_t item = 0; item < g.slots_per_page && n < room; ++item) {
        const SlotHead& head = head_of(slot_at(page, g, item));
        if (head.state == State::kLive) keys[n++] = cell_key(head, g.id(block, item) - g.slots_per_page);
      }
    });
  }
  return n;
}

namespace build_detail {

// The same vector: payload, code and row of bytes agree, the hash of the whole value does already.
inline bool same_vector(const uint8_t* a, const uint8_t* b, const Geometry& g, bool coded) {
  const SlotHead &x = head_of(a), &y = head_of(b);
  if (x.hash != y.hash || x.flags != y.flags || x.exponent != y.exponent) return false;
  if (std::memcmp(a + g.payload_offset(), b + g.payload_offset(), g.payload_bytes) != 0) return false;
  return !coded ||
         std::memcmp(a + sizeof(SlotHead), b + sizeof(SlotHead), g.payload_offset() - sizeof(SlotHead)) == 0;
}

// The rows of `others` (one each) become rows of `first`: two in its slot, the rest in slots that they leave.
template <Store S>
void merge_into(S& s, const Geometry& g, NodeId first, const NodeId* others, size_t n, const Tid* tids) {
  const size_t inline_more = kInlineTids - 1 < n ? kInlineTids - 1 : n;
  const size_t room = g.overflow_room(), rest = n - inline_more;
  s.change(g.block(first), [&](PageEdit page) {
    SlotHead& head = head_of(slot_at(page, g, g.item(first)));
    for (size_t i = 0; i < inline_more; ++i) put_tid(head.tids + (head.tid_count++) * kTidBytes, tids[i]);
    head.overflow = rest > 0 ? others[0] : kNoNode;
    return Verdict::kCommit;
  });
  for (size_t i = 0, done = 0; i < n; ++i) {
    s.poll();
    s.change(g.block(others[i]), [&](PageEdit page) {
      uint8_t* slot = slot_at(page, g, g.item(others[i]));
      std::memset(slot, 0, g.slot_bytes);
      if (done == rest) return Verdict::kCommit;
      OverflowHead& head = *reinterpret_cast<OverflowHead*>(slot);
      const size_t count = rest - done < room ? rest - done : room;
      head.state = State::kOverflow;
      head.next = done + count < rest ? others[i + 1] : kNoNode;
      head.owner = first;
      head.tid_count = static_cast<uint16_t>(count);
      for (size_t j = 0; j < count; ++j) {
        put_tid(slot + sizeof(OverflowHead) + j * kTidBytes, tids[inline_more + done + j]);
      }
      done += count;
      return Verdict::kCommit;
    });
  }
}

}  // namespace build_detail

// Makes one node of equal ones. keys: sorted; afterwards those of the nodes that are left, in the same order,
// and their number is returned. coded: slots have rows of bytes.
template <Store S>
size_t merge_equal(S& s, const Geometry& g, uint64_t* keys, size_t n, bool coded, Arena arena) {
  uint8_t* mine = arena.grab<uint8_t>(kPageBytes);
  ArenaVec<NodeId> others(arena);
  ArenaVec<Tid> tids(arena);
  ArenaVec<uint64_t> left(arena);  // of one hash: those unlike the ones before them
  size_t out = 0;
  for (size_t from = 0, to = 0; from < n; from = to) {
    to = from + 1;
    while (to < n && keys[to] >> 32 == keys[from] >> 32) ++to;
    size_t end = to;
    for (size_t at = from; at < end;) {
      const uint64_t key = keys[at];
      const NodeId first = node_of_cell(g, cell_of(key));
      if (end - at > 1) {
        s.read(g.block(first),
               [&](PageView page) { std::memcpy(mine, slot_at(page, g, g.item(first)), g.slot_bytes); });
        others.clear();
        tids.clear();
        left.clear();
        for (size_t i = at + 1; i < end; ++i) {
          s.poll();
          const NodeId id = node_of_cell(g, cell_of(keys[i]));
          Tid tid = 0;
          const bool same = s.read(g.block(id), [&](PageView page) {
            const uint8_t* slot = slot_at(page, g, g.item(id));
            tid = get_tid(head_of(slot).tids);
            return build_detail::same_vector(mine, slot, g, coded);
          });
          if (same) {
            others.push_back(id);
            tids.push_back(tid);
          } else {
            left.push_back(keys[i]);
          }
        }
        if (!others.empty()) {
          build_detail::merge_into(s, g, first, others.data(), others.size(), tids.data());
          std::copy(left.begin(), left.end(), keys + at + 1);
          end = at + 1 + left.size();
        }
      }
      keys[out++] = key;
      ++at;
    }
  }
  return out;
}

// --- Links and codes

// The codes of `count` nodes as one FastScan block; lanes past them are zeros. code_of(j): code_bytes.
template <class CodeOf>
void put_codes(uint8_t* block, const Geometry& g, uint32_t count, CodeOf code_of) {
  static constexpr uint8_t kZeros[256] = {};
  const uint8_t* codes[kLanes];
  for (uint32_t j = 0; j < kLanes; ++j) codes[j] = j < count ? code_of(j) : kZeros;
  for (uint32_t s = 0; s < g.segments; s += 2) {
    uint8_t* even = block + 16 * s;
    uint8_t* odd = even + 16;
    for (uint32_t j = 0; j < 16; ++j) {
      const unsigned a = codes[j][s / 2], b = codes[j + 16][s / 2];
      even[j] = static_cast<uint8_t>((a & 15) | b << 4);
      odd[j] = static_cast<uint8_t>(a >> 4 | (b & 0xF0));
    }
  }
}

// Bundles of `count` nodes, numbers and codes.
template <class IdOf, class CodeOf>
void put_bundles(uint8_t* at, const Geometry& g, uint32_t count, IdOf id_of, CodeOf code_of) {
  for (uint32_t from = 0; from < count; from += kLanes, at += g.bundle_bytes()) {
    const uint32_t n = count - from < kLanes ? count - from : kLanes;
    for (uint32_t j = 0; j < n; ++j) Geometry::bundle_ids(at)[j] = id_of(from + j);
    put_codes(Geometry::bundle_codes(at), g, n, [&](uint32_t j) { return code_of(from + j); });
  }
}

// A slot's links; what was there is overwritten.
template <class IdOf, class CodeOf>
void put_links(uint8_t* slot, const Geometry& g, uint32_t count, IdOf id_of, CodeOf code_of) {
  std::memset(bundle_of(slot, g, 0), 0, size_t{g.bundles()} * g.bundle_bytes());
  put_bundles(bundle_of(slot, g, 0), g, count, id_of, code_of);
  head_of(slot).count = static_cast<uint8_t>(count);
}

// How many entries n nodes want.
inline uint32_t build_entries(uint64_t n) {
  const uint64_t root = static_cast<uint64_t>(std::sqrt(static_cast<double>(n)));
  const uint64_t want = root < 64 ? 64 : root;
  return static_cast<uint32_t>(want < n ? want : n);
}

}  // namespace lowdim::paged::hnsw
