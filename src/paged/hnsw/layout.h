// The pages of a lean_hnsw index. Everything of a node lies in one slot of one page: its rows' addresses, its
// neighbours' numbers with their codes, its own code and its payload (the vector, rounded), so that a hop of
// a search is one page. Slots have one size in an index, and a node's number is block * slots_per_page +
// slot.
//
// Invariants, after every prefix of the log:
//   - a live slot's neighbours are numbers of slots; that they are live, and that the codes beside them are
//     theirs, is the rule and not a promise: vacuum may free a slot that a scan still knows, a standby shows
//     pages in the middle of a change. Readers take what the slot itself says (state, payload, rows) as true,
//     codes and numbers as hints.
//   - an address stands in one live slot, or in one overflow slot of its chain.
//   - pages of nodes never move or shrink; a slot of zeros is free.
//
// Kinds of pages: the meta page with Options; nodes; the model (the image of core/graph/code.h in consecutive
// blocks); entries, a chain of pages of bundles, which searches begin with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/graph/code.h"
#include "paged/hnsw/calibration.h"
#include "paged/meta.h"
#include "paged/page.h"

namespace lowdim::paged::hnsw {

namespace kind {
inline constexpr uint16_t kNodes = paged::kind::kFirstOwn;
inline constexpr uint16_t kModel = kNodes + 1;
inline constexpr uint16_t kEntries = kNodes + 2;
}  // namespace kind

// trailer.flags of a page of nodes: it is on the list of pages with free slots.
inline constexpr uint16_t kHasRoom = 1;

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0xFFFFFFFF;

// An address of a row: PostgreSQL's block number in the upper 32 bits of 48, the offset in the lower 16.
using Tid = uint64_t;
inline constexpr size_t kTidBytes = 6;

// The distance that the index answers. On disk: never renumber.
enum class Metric : uint8_t { kL2, kInner, kCosine, kL1, kHamming, kJaccard };

// What a slot keeps of the vector. On disk: never renumber.
enum class Payload : uint8_t {
  kNone,  // nothing: results are measured in the table
  kFloat32,
  kFloat16,
  kInt8,  // a float32 bias and step, then dims bytes
  kBits,  // as the server's bit strings
};

enum class State : uint8_t {
  kFree,      // zeros but for the version: may be taken
  kLive,      // a node
  kDead,      // a node without rows: searches pass through it, nobody links to it, vacuum will free it
  kOverflow,  // more rows of a node: see OverflowSlot
};

// SlotHead.flags
inline constexpr uint8_t kExact = 1;  // the payload is the vector itself, not rounded
inline constexpr uint8_t kAlone = 2;  // no links by design: a zero vector under cosine

inline constexpr uint32_t kInlineTids = 2;

//   offset  size  field
//        0     1  state
//        1     1  flags
//        2     1  count         neighbours
//        3     1  tid_count     in `tids`
//        4     4  overflow      number of the first overflow slot, kNoNode if none
//        8     4  error         how far the payload can be from the vector (distance.h); 0 if kExact
//       12     2  exponent      the payload is the vector times 2^-exponent
//       14     2  version       raised when the slot is freed
//       16     4  hash          of the vector's own bytes: equal vectors share a node
//       20    12  tids
//       32        bundles       degree / 32 bundles
//                 payload       payload_bytes
//                 code          code_bytes, the node's own
//                 place         place_bytes: Place, where the row's value lies out of line
struct SlotHead {
  State state;
  uint8_t flags;
  uint8_t count;
  uint8_t tid_count;
  NodeId overflow;
  float error;
  int16_t exponent;
  uint16_t version;
  uint32_t hash;
  uint8_t tids[kInlineTids * kTidBytes];
};
static_assert(sizeof(SlotHead) == 32 && offsetof(SlotHead, tids) == 20);

// Where a value lay in the table's out-of-line storage when its row was indexed: the value's number, and the
// place before its first piece. A hint for the server's side, which looks there first and believes what the
// piece says of itself. All zeros: not known.
//
//   offset  size  field
//        0     4  value
//        4     4  block
//        8     2  offset
//       10     2  reserved
struct Place {
  uint32_t value;
  uint32_t block;
  uint16_t offset;
  uint16_t reserved;
};
static_assert(sizeof(Place) == 12);

// An overflow slot: this head, then addresses up to the slot's end.
//
//   offset  size  field
//        0     1  state         kOverflow
//        1     3  reserved
//        4     4  next          kNoNode, or the next overflow slot
//        8     4  owner         the node whose rows these are
//       12     2  tid_count
//       14     2  version
//       16        tids
struct OverflowHead {
  State state;
  uint8_t reserved[3];
  NodeId next;
  NodeId owner;
  uint16_t tid_count;
  uint16_t version;
};
static_assert(sizeof(OverflowHead) == 16 && offsetof(OverflowHead, version) == offsetof(SlotHead, version));

// A bundle: 32 numbers, then the FastScan block of their codes, 16 bytes a segment. Lanes past the count hold
// anything.
inline constexpr uint32_t kLanes = 32;
inline constexpr uint32_t kMostEf = 65536;  // more than an option allows; bounds memory where one is damaged
inline constexpr uint32_t kMostDegree = 224;  // SlotHead::count is a byte

// Stored in the meta page. What a build decided; and, at the end, what inserts change.
struct Options {
  // --- fixed at build
  Metric metric;
  Payload payload;
  uint8_t trainable;    // inserts train it when it has rows enough
  uint8_t place_bytes;  // sizeof(Place) where values may lie out of line, or 0
  uint32_t dims;        // of the column
  uint32_t guide_dims;  // of the vectors that the code is made of (guide.h); dims for dense types
  uint32_t degree;      // most neighbours, a multiple of kLanes
  uint32_t ef_construction;
  uint32_t ef_search;  // default of scans
  uint32_t segments;   // of codes, those of the rest included: even
  uint32_t payload_bytes;
  uint32_t slot_bytes;  // a multiple of 4
  uint32_t slots_per_page;
  // --- the model and the entries; changed under the meta page's lock
  Block model_block;  // kNoBlock: not trained yet, scans read all nodes
  uint32_t model_bytes;
  uint32_t generation;  // raised with each training
  Block entries_block;  // first page of entries, kNoBlock before training
  Block room_head;      // first page of the list of pages with free slots, kNoBlock if none
  uint32_t reserved1;
  uint64_t nodes;     // about the number of live nodes
  uint64_t inserted;  // since the build, or the last vacuum
  // --- what searches cost and find
  Calibration calibration;
};
static_assert(sizeof(Options) == 80 + sizeof(Calibration) && sizeof(Calibration) == 544);

inline constexpr Format kFormat = {
    .magic = 0x4C484E57, .current = 3, .oldest_readable = 3, .oldest_reader = 3, .library_version = 100};

// Gates. Inserts are inside kInserters from before they read a node until their links are written; vacuum
// passes it between marking nodes dead and repairing, so that nobody links to a dead node afterwards.
// Training holds it exclusively. Scans take no gate: see the first invariant.
inline constexpr Gate kInserters{0};

// Where things lie in a slot and in a bundle.
struct Geometry {
  uint32_t slot_bytes, slots_per_page, degree, segments, payload_bytes, place_bytes;

  explicit Geometry(const Options& o)
      : slot_bytes(o.slot_bytes),
        slots_per_page(o.slots_per_page),
        degree(o.degree),
        segments(o.segments),
        payload_bytes(o.payload_bytes),
        place_bytes(o.place_bytes) {}

  uint32_t bundle_bytes() const { return kLanes * sizeof(NodeId) + 16 * segments; }
  uint32_t bundles() const { return degree / kLanes; }
  uint32_t code_bytes() const { return segments / 2; }
  uint32_t payload_offset() const { return sizeof(SlotHead) + bundles() * bundle_bytes(); }
  uint32_t code_offset() const { return payload_offset() + payload_bytes; }
  uint32_t place_offset() const { return code_offset() + code_bytes(); }
  uint32_t overflow_room() const {
    return (slot_bytes - static_cast<uint32_t>(sizeof(OverflowHead))) / kTidBytes;
  }
  uint32_t bundles_per_entries_page() const {
    return (static_cast<uint32_t>(kBodyBytes) - 8) / bundle_bytes();
  }

  Block block(NodeId id) const { return id / slots_per_page; }
  uint32_t item(NodeId id) const { return id % slots_per_page; }
  NodeId id(Block block, uint32_t item) const { return block * slots_per_page + item; }

  static const NodeId* bundle_ids(const uint8_t* bundle) { return reinterpret_cast<const NodeId*>(bundle); }
  static NodeId* bundle_ids(uint8_t* bundle) { return reinterpret_cast<NodeId*>(bundle); }
  static const uint8_t* bundle_codes(const uint8_t* bundle) { return bundle + kLanes * sizeof(NodeId); }
  static uint8_t* bundle_codes(uint8_t* bundle) { return bundle + kLanes * sizeof(NodeId); }
};

// A page of nodes has a body of exactly slots_per_page slots.
inline bool is_nodes(PageView page, const Geometry& g) {
  return page.is_kind(kind::kNodes) && page.body_bytes() == size_t{g.slot_bytes} * g.slots_per_page;
}
inline const uint8_t* slot_at(PageView page, const Geometry& g, uint32_t item) {
  return page.bytes() + kBodyOffset + size_t{item} * g.slot_bytes;
}
inline uint8_t* slot_at(PageEdit page, const Geometry& g, uint32_t item) {
  return page.bytes() + kBodyOffset + size_t{item} * g.slot_bytes;
}
inline const SlotHead& head_of(const uint8_t* slot) { return *reinterpret_cast<const SlotHead*>(slot); }
inline SlotHead& head_of(uint8_t* slot) { return *reinterpret_cast<SlotHead*>(slot); }
inline const uint8_t* bundle_of(const uint8_t* slot, const Geometry& g, uint32_t i) {
  return slot + sizeof(SlotHead) + size_t{i} * g.bundle_bytes();
}
inline uint8_t* bundle_of(uint8_t* slot, const Geometry& g, uint32_t i) {
  return slot + sizeof(SlotHead) + size_t{i} * g.bundle_bytes();
}
inline NodeId neighbour_of(const uint8_t* slot, const Geometry& g, uint32_t j) {
  return Geometry::bundle_ids(bundle_of(slot, g, j / kLanes))[j % kLanes];
}

inline Place get_place(const uint8_t* slot, const Geometry& g) {
  Place place{};
  if (g.place_bytes == sizeof(Place)) std::memcpy(&place, slot + g.place_offset(), sizeof(Place));
  return place;
}
inline void put_place(uint8_t* slot, const Geometry& g, const Place& place) {
  if (g.place_bytes == sizeof(Place)) std::memcpy(slot + g.place_offset(), &place, sizeof(Place));
}

// A page of entries: a count, then bundles.
struct EntriesHead {
  uint32_t count;
  uint32_t reserved;
};
static_assert(sizeof(EntriesHead) == 8);
inline const uint8_t* entries_bundle(PageView page, const Geometry& g, uint32_t i) {
  return page.bytes() + kBodyOffset + sizeof(EntriesHead) + size_t{i} * g.bundle_bytes();
}
inline uint8_t* entries_bundle(PageEdit page, const Geometry& g, uint32_t i) {
  return page.bytes() + kBodyOffset + sizeof(EntriesHead) + size_t{i} * g.bundle_bytes();
}

inline Tid get_tid(const uint8_t* at) {
  Tid tid = 0;
  std::memcpy(&tid, at, kTidBytes);
  return tid;
}
inline void put_tid(uint8_t* at, Tid tid) { std::memcpy(at, &tid, kTidBytes); }

// A code in lane `lane` of a block: core/codec/fastscan.h's order, without its vectors.
inline void put_code(uint8_t* block, uint32_t lane, uint32_t segments, const uint8_t* code) {
  const uint32_t byte = lane % 16, shift = lane < 16 ? 0 : 4;
  for (uint32_t s = 0; s < segments; ++s) {
    const unsigned v = code[s / 2] >> (4 * (s % 2)) & 15u;
    uint8_t& at = block[16 * s + byte];
    at = static_cast<uint8_t>((at & ~(15u << shift)) | v << shift);
  }
}
inline void get_code(const uint8_t* block, uint32_t lane, uint32_t segments, uint8_t* code) {
  const uint32_t byte = lane % 16, shift = lane < 16 ? 0 : 4;
  for (uint32_t s = 0; s < segments; s += 2) {
    const unsigned low = block[16 * s + byte] >> shift & 15u,
                   high = block[16 * (s + 1) + byte] >> shift & 15u;
    code[s / 2] = static_cast<uint8_t>(low | high << 4);
  }
}

// --- Choosing the geometry
// -----------------------------------------------------------------------------------

constexpr uint32_t payload_bytes_of(Payload payload, uint32_t dims) {
  switch (payload) {
    case Payload::kNone:
      return 0;
    case Payload::kFloat32:
      return 4 * dims;
    case Payload::kFloat16:
      return 2 * dims;
    case Payload::kInt8:
      return 8 + dims;
    case Payload::kBits:
      return (dims + 7) / 8;
  }
  return 0;
}

// Fills in segments, payload_bytes, slot_bytes and slots_per_page from degree, dims, guide_dims and payload.
// `segments` wanted (with those of the rest), 0 for the choice by room: as many as still leave the slots that
// a page can hold with about five bits for every two dimensions, at least kLeastSegments. False if a slot
// does not fit a page.
inline constexpr uint32_t kLeastSegments = 18;
inline constexpr uint32_t kUsualSegments = 64;
inline bool choose_geometry(Options& o) {
  o.payload_bytes = payload_bytes_of(o.payload, o.dims);
  const auto slot_bytes = [&](uint32_t segments) {
    const uint32_t bundles = o.degree / kLanes;
    const uint32_t bytes = static_cast<uint32_t>(sizeof(SlotHead)) +
                           bundles * (kLanes * static_cast<uint32_t>(sizeof(NodeId)) + 16 * segments) +
                           o.payload_bytes + segments / 2 + o.place_bytes;
    return (bytes + 3) / 4 * 4;
  };
  const uint32_t body = static_cast<uint32_t>(kBodyBytes);
  if (o.segments == 0) {
    // More than a sub-code a coordinate is of no use; few dimensions are lifted to more coordinates, except
    // where the code does not project.
    const uint32_t coordinates = core::GraphCode::coordinates(o.guide_dims, o.metric != Metric::kL1);
    const uint32_t useful = (coordinates + 1) / 2 * 2 + 2;
    const uint32_t half = (coordinates / 2 + 1) / 2 * 2 + 2;
    uint32_t want = half < kUsualSegments ? half : kUsualSegments;
    if (want < kLeastSegments) want = kLeastSegments < useful ? kLeastSegments : useful;
    if (slot_bytes(want) > body) want = kLeastSegments < useful ? kLeastSegments : useful;
    if (slot_bytes(want) > body) return false;
    // A little less may put one slot more on a page; then as much as that number of slots leaves room for.
    const uint32_t least = want * 9 / 10 / 2 * 2;
    uint32_t slots = body / slot_bytes(want);
    if (want >= 20 && body / slot_bytes(least) > slots) slots = body / slot_bytes(least);
    want = useful < core::GraphCode::kMaxSegments ? useful : core::GraphCode::kMaxSegments;
    while (want > 4 && body / slot_bytes(want) < slots) want -= 2;
    o.segments = want;
  }
  o.slot_bytes = slot_bytes(o.segments);
  if (o.slot_bytes > body) return false;
  o.slots_per_page = body / o.slot_bytes;
  return true;
}

// What may be relied on before anything else is read: offsets that follow from these stay within a page.
inline bool sane_geometry(const Options& o) {
  if (o.dims == 0 || o.guide_dims == 0 || o.degree == 0 || o.degree % kLanes != 0 || o.degree > kMostDegree ||
      o.segments == 0 || o.segments % 2 != 0 || o.segments > core::GraphCode::kMaxSegments + 2 ||
      (o.place_bytes != 0 && o.place_bytes != sizeof(Place)) || o.payload > Payload::kBits ||
      o.ef_construction == 0 || o.ef_construction > kMostEf || o.ef_search == 0 || o.ef_search > kMostEf ||
      o.metric > Metric::kJaccard) {
    return false;
  }
  Options again = o;
  return choose_geometry(again) && again.slot_bytes == o.slot_bytes &&
         again.slots_per_page == o.slots_per_page && again.payload_bytes == o.payload_bytes;
}

}  // namespace lowdim::paged::hnsw
