// check() of lean_hnsw: what it finds, what it cannot, and that no damage makes anything crash, loop or break
// a rule of the store.

#include "paged/hnsw/check.h"

#include <gtest/gtest.h>

#include "hnsw_vacuum_fixture.h"

namespace lowdim::testing::churn {
namespace {

using hnsw::Census;
using hnsw::Geometry;
using hnsw::NodeId;
using hnsw::State;
using paged::Block;
using paged::kBodyOffset;
using paged::kTrailerOffset;

// 150 rows, the first 60 of them of one vector, so that there are chains; some slots are freed.
const World& world() {
  static const auto made = [] {
    std::vector<float> rows = cluster_rows(156, 16, 5, 3);
    for (uint32_t i = 1; i < 60; ++i) std::copy(rows.begin(), rows.begin() + 16, rows.begin() + i * 16);
    auto w = make_world(std::move(rows), 16, 150, true);
    StrictStore s(w->image);
    s.set_read_bound(1000);
    BumpArena arena;
    s.operation([&] { vacuum_rows(s, *w, arena.arena(), [](uint32_t i) { return i > 60 && i % 10 == 7; }); });
    w->image = s.image();
    w->image.slots.clear();  // damage changes states: slots may be in any
    return w;
  }();
  return *made;
}

TEST(HnswCheck, CountsAGoodIndex) {
  StrictStore s(world().image);
  const Census c = census_of(s);
  EXPECT_EQ(s.damages().size(), 0u);
  EXPECT_EQ(c.damages, 0u);
  EXPECT_EQ(c.nodes, 82u);
  EXPECT_EQ(c.tids, 141u);
  EXPECT_GE(c.overflow, 1u);
  EXPECT_GT(c.free, 0u);
  EXPECT_GT(c.links, 82u * 8);
  EXPECT_GT(c.entries, 5u);
  EXPECT_EQ(c.pages, 1 + c.node_pages + c.model_pages + c.entries_pages);
  EXPECT_EQ(c.dead + c.dead_links + c.dead_entries + c.orphans + c.unused_pages + c.new_pages + c.bare, 0u);
  // Little memory: the same in many passes.
  hnsw::CheckOptions how;
  how.memory_bytes = 1;
  s.set_read_bound(1000);
  const Census again = census_of(s, how);
  EXPECT_GT(again.passes, 2 * c.passes);
  EXPECT_EQ(again.damages, 0u);
  EXPECT_EQ(again.links, c.links);
  EXPECT_EQ(again.orphans, c.orphans);
  how.full = false;
  EXPECT_EQ(census_of(s, how).passes, 1u);
}

// --- Each kind of damage by itself
class Damaged {
 public:
  Damaged() : store(world().image), g(world().first) { hnsw::read_options(store, &o); }

  Block page_of(uint16_t kind) const {
    for (Block b = 0; b < store.pages(); ++b) {
      if (store.page(b).is_kind(kind)) return b;
    }
    return paged::kNoBlock;
  }
  NodeId slot_in(State state, uint32_t nth = 0) const {
    for (Block b = 1; b < store.pages(); ++b) {
      if (!hnsw::is_nodes(store.page(b), g)) continue;
      for (uint32_t item = 0; item < g.slots_per_page; ++item) {
        if (hnsw::head_of(hnsw::slot_at(store.page(b), g, item)).state == state && nth-- == 0)
          return g.id(b, item);
      }
    }
    return hnsw::kNoNode;
  }
  const uint8_t* slot(NodeId id) const { return hnsw::slot_at(store.page(g.block(id)), g, g.item(id)); }
  template <class T>
  void put(Block b, size_t offset, T value) {
    for (size_t i = 0; i < sizeof value; ++i)
      store.overwrite(b, offset + i, reinterpret_cast<const uint8_t*>(&value)[i]);
  }
  template <class T>
  void put_in_slot(NodeId id, size_t offset, T value) {
    put(g.block(id), kBodyOffset + size_t{g.item(id)} * g.slot_bytes + offset, value);
  }
  template <class T>
  void put_in_options(size_t offset, T value) {
    put(0, kBodyOffset + sizeof(paged::MetaHead) + offset, value);
  }
  // What check() says first; the same with little memory.
  std::string said() {
    store.set_read_bound(100000);
    const Census c = census_of(store);
    const std::string what = store.damages().empty() ? "" : store.damages().front().what;
    EXPECT_EQ(c.damages, store.damages().size());
    hnsw::CheckOptions how;
    how.memory_bytes = 1;
    EXPECT_EQ(census_of(store, how).damages, c.damages);
    return what;
  }

  StrictStore store;
  Geometry g;
  hnsw::Options o{};
};

template <class Break>
std::string after(Break break_it) {
  Damaged d;
  break_it(d);
  return d.said();
}

TEST(HnswCheck, FindsDamageOfSlots) {
  const auto live = [](Damaged& d, uint32_t nth = 3) { return d.slot_in(State::kLive, nth); };
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 0, uint8_t{9}); }), "a slot in an unknown state");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 0, State::kFree); }), "a free slot is not empty");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 0, State::kDead); }), "a dead node has rows");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 2, uint8_t{33}); }), "a node's head is damaged");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 3, uint8_t{0}); }), "a live node has no rows");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 4, NodeId{1} << 30); }),
            "a node's head is damaged");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 4, live(d, 4)); }),
            "a chain of rows is a ring, or leads to what is not one of its slots");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), 1, uint8_t{hnsw::kExact | hnsw::kAlone}); }),
            "a node that should be alone has links");
  const uint32_t payload = Geometry(world().first).payload_offset(), code = payload + 64;
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), payload, 0x7FC00000); }),
            "a node's payload is not a vector of this index");
  EXPECT_NE(after([&](Damaged& d) {
              d.put_in_slot(live(d), code, static_cast<uint8_t>(d.slot(live(d))[code] ^ 1));
            }),
            "");
  const auto link = [&](uint32_t j) { return sizeof(hnsw::SlotHead) + j * sizeof(NodeId); };
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), link(2), NodeId{1} << 30); }),
            "a link leads to a node that does not exist");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), link(2), live(d)); }), "a node links to itself");
  EXPECT_EQ(after([&](Damaged& d) {
              d.put_in_slot(live(d), link(2), hnsw::neighbour_of(d.slot(live(d)), d.g, 1));
            }),
            "a node links twice to another");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(live(d), link(2), d.slot_in(State::kFree)); }),
            "a link leads to what is not a node of the graph");
  EXPECT_EQ(after([&](Damaged& d) {
              d.put_in_slot(live(d), link(32), static_cast<uint8_t>(d.slot(live(d))[link(32)] ^ 1));
            }),
            "the code beside a neighbour's number is not the neighbour's");
  EXPECT_EQ(after([&](Damaged& d) {
              d.put_in_slot(live(d), 20, hnsw::get_tid(hnsw::head_of(d.slot(live(d, 5))).tids));
            }),
            "the address of a row stands in the index twice");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(d.slot_in(State::kFree), 100, uint8_t{1}); }),
            "a free slot is not empty");
  const auto over = [](Damaged& d) { return d.slot_in(State::kOverflow); };
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(over(d), 4, over(d)); }),
            "a chain of rows is a ring, or leads to what is not one of its slots");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(over(d), 8, live(d)); }),
            "a chain of rows is a ring, or leads to what is not one of its slots");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_slot(over(d), 12, uint16_t{60000}); }),
            "an overflow slot's head is damaged");
  EXPECT_EQ(
      after([&](Damaged& d) { d.put_in_slot(hnsw::overflow_of(d.slot(over(d))).owner, 4, hnsw::kNoNode); }),
      "no node leads to an overflow slot");
}

TEST(HnswCheck, FindsDamageOfPages) {
  constexpr size_t kNext = kTrailerOffset, kKindAt = kNext + 4, kFlags = kNext + 6;
  const auto nodes = [](Damaged& d) { return d.page_of(hnsw::kind::kNodes); };
  EXPECT_EQ(after([&](Damaged& d) { d.put(d.page_of(hnsw::kind::kEntries), kKindAt, uint16_t{77}); }),
            "a page of an unknown kind");
  EXPECT_EQ(after([&](Damaged& d) { d.put(nodes(d), 12, uint16_t{600}); }),
            "a page of nodes has another length");
  EXPECT_EQ(after([&](Damaged& d) { d.put(nodes(d), 12, uint16_t{9000}); }), "not a page of this index");
  EXPECT_EQ(after([&](Damaged& d) { d.put(nodes(d), 14, uint16_t{8170}); }), "the page's header is changed");
  EXPECT_EQ(after([&](Damaged& d) { d.put(nodes(d), kNext + 8, uint8_t{1}); }),
            "the page's trailer is changed");
  EXPECT_EQ(after([&](Damaged& d) { d.put(d.o.room_head, kFlags, uint8_t{0}); }),
            "a page that is on no list leads to another");
  EXPECT_EQ(after([&](Damaged& d) { d.put(d.o.room_head, kNext, d.o.room_head); }),
            "the list of room is a ring");
  EXPECT_EQ(after([&](Damaged& d) { d.put(d.o.room_head, kNext, Block{9999}); }),
            "the list of room leads nowhere");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_options(offsetof(hnsw::Options, room_head), paged::kNoBlock); }),
            "a page says that it is on the list of room, but is not");
  const auto entries = [](Damaged& d) { return d.page_of(hnsw::kind::kEntries); };
  EXPECT_EQ(after([&](Damaged& d) { d.put(entries(d), kBodyOffset, uint32_t{5000}); }),
            "a page of entries is damaged");
  EXPECT_EQ(after([&](Damaged& d) { d.put(entries(d), kBodyOffset + 8, NodeId{0}); }),
            "an entry is not a node of the graph");
  EXPECT_EQ(after([&](Damaged& d) { d.put(entries(d), kNext, entries(d)); }),
            "the entries lead nowhere or are a ring");
  const auto model = [](Damaged& d) { return d.page_of(hnsw::kind::kModel); };
  EXPECT_EQ(after([&](Damaged& d) { d.put(model(d), kBodyOffset, uint32_t{0}); }), "the model is damaged");
  EXPECT_EQ(after([&](Damaged& d) { d.put(model(d), kBodyOffset + 60, 0x7F800000); }),
            "the model has a weight that is no number");
  EXPECT_EQ(after([&](Damaged& d) { d.put(model(d), kKindAt, hnsw::kind::kEntries); }),
            "a page of the model is missing or has another size");
  EXPECT_EQ(after([&](Damaged& d) { d.put(0, kBodyOffset, uint32_t{1}); }),
            "not the meta page of a lean_hnsw index that this version reads");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_options(offsetof(hnsw::Options, slot_bytes), 8u); }),
            "the options say what cannot be");
  EXPECT_EQ(after([&](Damaged& d) { d.put_in_options(offsetof(hnsw::Options, model_block), 9999u); }),
            "the model lies where it cannot be");
  EXPECT_EQ(after([&](Damaged& d) { d.put(0, kBodyOffset + 16, Block{1}); }),
            "the list of free pages leads nowhere or is a ring");
  EXPECT_EQ(after([&](Damaged& d) { d.put(nodes(d), kKindAt, paged::kind::kFree); }).substr(0, 6), "the pa");
}

// --- Every byte

// Whether a changed bit at this place is found for certain. What is not: values of which all are possible
// (addresses, hashes, versions, payloads, counts that became less, figures for the planner), and bytes that
// nobody reads.
bool promised(const StrictStore& s, const Geometry& g, Block block, size_t at, uint8_t bit) {
  const paged::PageView page = s.page(block);
  const uint16_t kind = page.trailer().kind;
  if (at < kBodyOffset) return at >= 10;  // not the server's LSN and checksum
  if (at >= kTrailerOffset) {
    return at != kTrailerOffset + 7 || kind != hnsw::kind::kNodes;  // nodes not counted yet
  }
  size_t in = at - kBodyOffset;
  if (in >= page.body_bytes()) return false;
  switch (kind) {
    case paged::kind::kMeta:
      if (in < 4 || (in >= 12 && in < 24)) return true;
      if (in < 24) return false;
      in -= 24;
      return (in >= 3 && in < 12 + 4) || (in >= 24 && in < 48) || (in >= 52 && in < 64);
    case hnsw::kind::kModel:
      return in < 20 && page.items<uint32_t>()[0] == core::GraphCode::kMagic;  // sizes in the image's head
    case hnsw::kind::kEntries: {
      if (in < 4) return false;
      if (in < 8) return true;
      const size_t bundle = (in - 8) / g.bundle_bytes(), rest = (in - 8) % g.bundle_bytes();
      const uint32_t count = page.body<hnsw::EntriesHead>()->count;
      const uint32_t used =
          std::min<uint32_t>(hnsw::kLanes, count - static_cast<uint32_t>(bundle) * hnsw::kLanes);
      const uint32_t lane = rest < 128 ? static_cast<uint32_t>(rest) / 4
                                       : static_cast<uint32_t>(rest - 128) % 16 + (bit >= 16 ? 16 : 0);
      return lane < used;
    }
    default:
      break;
  }
  const uint32_t item = static_cast<uint32_t>(in / g.slot_bytes);
  if (item >= g.slots_per_page) return false;
  in %= g.slot_bytes;
  const uint8_t* slot = hnsw::slot_at(page, g, item);
  const hnsw::SlotHead& head = hnsw::head_of(slot);
  if (in == 0) return true;
  if (head.state == State::kFree) return in != 14 && in != 15;
  if (head.state == State::kOverflow) return in < 12;
  if (in < 32) {
    if (in == 2) return (head.count & bit) == 0;
    if (in == 3) return head.overflow == hnsw::kNoNode && (head.tid_count != 3 - bit);
    return in == 1 || (in >= 4 && in < 14);
  }
  if (in < g.payload_offset()) {
    const size_t rest = in - 32;
    const uint32_t lane = rest < 128 ? static_cast<uint32_t>(rest) / 4
                                     : static_cast<uint32_t>(rest - 128) % 16 + (bit >= 16 ? 16 : 0);
    return lane < head.count;
  }
  return in >= g.code_offset() && in < g.code_offset() + g.code_bytes();
}

TEST(HnswCheck, FindsEveryChangedBitThatItPromisesTo) {
  Damaged d;
  std::mt19937_64 random(4);
  uint64_t tried = 0, found = 0, should = 0;
  std::vector<std::string> missed;
  const StrictStore::Image& image = world().image;
  for (Block block = 0; block < image.pages.size(); ++block) {
    for (size_t at = random() % 5; at < paged::kPageBytes; at += 5) {
      const uint8_t bit = static_cast<uint8_t>(1u << random() % 8);
      const bool must = promised(d.store, d.g, block, at, bit);
      if (!must && at % 3 != 0) continue;
      StrictStore s(image);
      s.overwrite(block, at, (*image.pages[block])[at] ^ bit);
      s.set_read_bound(1000);
      const bool saw = census_of(s).damages != 0;
      ++tried;
      found += saw;
      should += must;
      if (must && !saw) {
        missed.push_back("block " + std::to_string(block) + " byte " + std::to_string(at) + " bit " +
                         std::to_string(bit));
      }
    }
  }
  std::printf("%lu bits changed, %lu found, %lu promised\n", tried, found, should);
  EXPECT_GT(should, 2000u);
  EXPECT_EQ(missed.size(), 0u) << missed.front();
}

// --- No crash

TEST(HnswCheck, NoDamageMakesAnythingCrashOrLoop) {
  const char* text = std::getenv("LOWDIM_SEEDS");
  const uint64_t count = text == nullptr ? 400 : std::strtoull(text, nullptr, 10);
  const StrictStore::Image& image = world().image;
  const Block pages = static_cast<Block>(image.pages.size());
  for (uint64_t seed = 1; seed <= count; ++seed) {
    std::mt19937_64 random(seed);
    StrictStore s(image);
    const auto any = [&] { return static_cast<Block>(random() % pages); };
    const auto copy_page = [&](Block to, const uint8_t* from) {
      for (size_t i = 8; i < paged::kPageBytes; ++i) {
        if (s.page(to).bytes()[i] != from[i]) s.overwrite(to, i, from[i]);
      }
    };
    switch (seed % 6) {
      case 0:  // bits
        for (uint64_t n = 1 + random() % 16; n > 0; --n) {
          const Block b = any();
          const size_t at = random() % paged::kPageBytes;
          s.overwrite(b, at, s.page(b).bytes()[at] ^ static_cast<uint8_t>(1u << random() % 8));
        }
        break;
      case 1: {  // a foreign page
        const Block from = any();
        copy_page(any(), image.pages[from]->data());
        break;
      }
      case 2: {  // truncated
        const Block b = any();
        const uint16_t lower = static_cast<uint16_t>(24 + random() % 8153);
        s.overwrite(b, 12, static_cast<uint8_t>(lower));
        s.overwrite(b, 13, static_cast<uint8_t>(lower >> 8));
        break;
      }
      case 3: {  // zeros
        const std::vector<uint8_t> zeros(paged::kPageBytes);
        copy_page(any(), zeros.data());
        break;
      }
      case 4: {  // noise in a body, or in heads of slots
        const Block b = any();
        const size_t from = kBodyOffset + random() % 8000, n = 1 + random() % 300;
        for (size_t i = from; i < from + n && i < kTrailerOffset; ++i)
          s.overwrite(b, i, static_cast<uint8_t>(random()));
        break;
      }
      case 5: {  // numbers of nodes and blocks that mean something, in odd places
        for (uint64_t n = 1 + random() % 30; n > 0; --n) {
          const Block b = any();
          const size_t at = kBodyOffset + random() % (kTrailerOffset - kBodyOffset) / 4 * 4;
          s.overwrite(b, at, static_cast<uint8_t>(random() % (pages * 16)));
          for (size_t i = 1; i < 4; ++i) s.overwrite(b, at + i, 0);
        }
        break;
      }
    }
    try {
      exercise(s, world());
    } catch (const std::exception& e) {
      FAIL() << "seed " << seed << ": " << e.what();
    }
  }
}

}  // namespace
}  // namespace lowdim::testing::churn
