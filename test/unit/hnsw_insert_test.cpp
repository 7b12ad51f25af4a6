// Inserts into lean_hnsw indexes over StrictStore: what is found afterwards, every crash and error, inserts,
// scans and training in orders drawn from seeds (LOWDIM_SEED in the environment moves them).

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "hnsw_fixture.h"
#include "interleave.h"
#include "stepper.h"

namespace lowdim::testing {
namespace {

using namespace paged;
using namespace paged::hnsw;

Options options_of(StrictStore& s) {
  Options o{};
  EXPECT_EQ(read_options(s, &o), MetaStatus::kGood);
  return o;
}

// f(id, slot) for each slot of the nodes' pages.
template <class F>
void each_slot(const StrictStore& s, const Geometry& g, F f) {
  for (Block b = 1; b < s.pages(); ++b) {
    if (!is_nodes(s.page(b), g)) continue;
    for (uint32_t i = 0; i < g.slots_per_page; ++i) f(g.id(b, i), slot_at(s.page(b), g, i));
  }
}

uint32_t overflow_slots(StrictStore& s) {
  uint32_t n = 0;
  each_slot(s, Geometry(options_of(s)),
            [&](NodeId, const uint8_t* slot) { n += head_of(slot).state == State::kOverflow; });
  return n;
}
uint32_t live_nodes(StrictStore& s) {
  uint32_t n = 0;
  each_slot(s, Geometry(options_of(s)),
            [&](NodeId, const uint8_t* slot) { n += head_of(slot).state == State::kLive; });
  return n;
}

// "" if the list of pages with room is as slots.h says.
std::string odd_room(StrictStore& s) {
  const Options o = options_of(s);
  const Geometry g(o);
  std::set<Block> listed;
  for (Block b = o.room_head; b != kNoBlock; b = s.page(b).next()) {
    if (!listed.insert(b).second) return "the list of pages with room is a ring";
    if (b >= s.pages() || !is_nodes(s.page(b), g)) return "the list of pages with room has a foreign page";
  }
  uint64_t uncounted = 0, nodes = 0;
  for (Block b = 1; b < s.pages(); ++b) {
    if (!is_nodes(s.page(b), g)) continue;
    const bool free = count_free(s.page(b), g) > 0;
    const std::string who = "page " + std::to_string(b);
    if (has_room(s.page(b)) != (listed.count(b) != 0)) return who + ": its flag is not what the list says";
    if (free != has_room(s.page(b)))
      return who + (free ? " has room but is not listed" : " is listed but full");
    if (!has_room(s.page(b)) && s.page(b).next() != kNoBlock) return who + " leads on";
    uncounted += uncounted_of(s.page(b));
  }
  each_slot(s, g, [&](NodeId, const uint8_t* slot) { nodes += head_of(slot).state == State::kLive; });
  if (o.nodes + uncounted != nodes) return "nodes are not counted";
  return "";
}

// "" if every link of the trained index leads to a live node, once, and its code is that node's.
std::string odd_links(StrictStore& s) {
  const Options o = options_of(s);
  const Geometry g(o);
  std::map<NodeId, std::vector<uint8_t>> codes;
  each_slot(s, g, [&](NodeId id, const uint8_t* slot) {
    if (head_of(slot).state == State::kLive) {
      codes[id].assign(slot + g.code_offset(), slot + g.code_offset() + g.code_bytes());
    }
  });
  std::string what;
  std::vector<uint8_t> code(g.code_bytes());
  each_slot(s, g, [&](NodeId id, const uint8_t* slot) {
    if (head_of(slot).state != State::kLive) return;
    const std::string who = "node " + std::to_string(id);
    if (head_of(slot).count > g.degree) what = who + " has too many links";
    std::set<NodeId> seen{id};
    for (uint32_t j = 0; j < head_of(slot).count; ++j) {
      const NodeId to = neighbour_of(slot, g, j);
      if (!seen.insert(to).second) what = who + " links to itself or twice to one";
      get_code(Geometry::bundle_codes(bundle_of(slot, g, j / kLanes)), j % kLanes, g.segments, code.data());
      if (codes.count(to) == 0) {
        what = who + " links to no node";
      } else if (codes[to] != code) {
        what = who + " has another code for a neighbour";
      }
    }
  });
  return what;
}

std::string odd(StrictStore& s) {
  const std::string what = odd_room(s);
  return !what.empty() || options_of(s).model_block == kNoBlock ? what : odd_links(s);
}

bool is_entry(StrictStore& s, NodeId id) {
  const Options o = options_of(s);
  const Geometry g(o);
  for (Block b = o.entries_block; b != kNoBlock; b = s.page(b).next()) {
    for (uint32_t e = 0; e < s.page(b).body<EntriesHead>()->count; ++e) {
      if (Geometry::bundle_ids(entries_bundle(s.page(b), g, e / kLanes))[e % kLanes] == id) return true;
    }
  }
  return false;
}
uint32_t links_to(StrictStore& s, NodeId id) {
  const Geometry g(options_of(s));
  uint32_t n = 0;
  each_slot(s, g, [&](NodeId, const uint8_t* slot) {
    n += head_of(slot).state == State::kLive && has_link(slot, g, id);
  });
  return n;
}

std::vector<Tid> tids(size_t n) {
  std::vector<Tid> out;
  for (size_t i = 1; i <= n; ++i) out.push_back(i);
  return out;
}
std::vector<Tid> with(std::vector<Tid> list, std::vector<Tid> more) {
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

// --- What is found

TEST(HnswInsert, RowsAddedToATrainedIndexAreFound) {
  struct Case {
    Metric metric;
    uint32_t dims;
    double least;
  };
  for (const Case c : {Case{Metric::kL2, 4, 0.97},
                       {Metric::kCosine, 4, 0.97},
                       {Metric::kL1, 4, 0.97},
                       {Metric::kInner, 4, 0.84},
                       {Metric::kL2, 16, 0.86}}) {
    IndexShape shape;
    shape.dims = c.dims;
    shape.metric = c.metric;
    shape.segments = c.dims + 2;
    shape.ef_construction = 64;
    const Vectors rows = draw_vectors(1200, c.dims, 1), queries = draw_vectors(60, c.dims, 2);
    StrictStore s(make_index(shape, rows, 250)), whole(make_index(shape, rows));
    s.set_read_bound(64);
    whole.set_read_bound(64);
    const double found = recall(s, shape, rows, queries, 10, 40);
    EXPECT_GE(found, c.least) << "metric " << static_cast<int>(c.metric) << ", dims " << c.dims;
    EXPECT_GE(found, recall(whole, shape, rows, queries, 10, 40) - 0.06);
    EXPECT_EQ(odd(s), "");
    EXPECT_EQ(whole_index(s, tids(rows.size())), "");
  }
}

TEST(HnswInsert, AnIndexThatIsNotTrainedAnswersExactly) {
  IndexShape shape;
  shape.payload = Payload::kFloat32;
  const Vectors rows = draw_vectors(300, shape.dims, 3), queries = draw_vectors(10, shape.dims, 4);
  StrictStore s(make_index(shape, rows, 0));
  s.set_read_bound(64);
  EXPECT_EQ(options_of(s).model_block, kNoBlock);
  EXPECT_EQ(recall(s, shape, rows, queries, 10, 10), 1);
  EXPECT_EQ(odd(s), "");
}

TEST(HnswInsert, AsksForTrainingOnceItPays) {
  IndexShape shape;
  shape.dims = 4;
  const Vectors rows = draw_vectors(kTrainAt + 100, shape.dims, 5);
  StrictStore s;
  create(s, shape_options(shape));
  uint64_t first = 0, asked = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!insert_row(s, rows[i], i + 1).train) continue;
    if (++asked == 1) first = i + 1;
  }
  const uint32_t per_page = options_of(s).slots_per_page;
  EXPECT_GE(first, kTrainAt);
  EXPECT_LT(first, kTrainAt + per_page);
  EXPECT_LE(asked, 2 * (100 / per_page + 1));  // about once a page
  EXPECT_TRUE(train_index(s));
  EXPECT_FALSE(train_index(s));
  EXPECT_EQ(options_of(s).generation, 1u);
  for (uint32_t i = 0; i <= per_page; ++i) {
    EXPECT_FALSE(insert_row(s, {1, 2, 3, static_cast<float>(i)}, 99000 + i).train);
  }
  EXPECT_EQ(odd(s), "");
}

TEST(HnswInsert, EqualVectorsShareANodeAndEachRowIsFoundOnce) {
  for (const size_t trained : {size_t{0}, SIZE_MAX}) {
    IndexShape shape;
    shape.dims = 4;
    const Vectors rows = draw_vectors(60, shape.dims, 6);
    StrictStore s(make_index(shape, rows, trained));
    const uint32_t room = Geometry(options_of(s)).overflow_room(), nodes = live_nodes(s);
    const size_t copies = kInlineTids + 3 * size_t{room} + 1;
    for (size_t i = 1; i < copies; ++i) {
      const Inserted r = insert_row(s, rows[7], 1000 + i);
      ASSERT_TRUE(r.duplicate);
    }
    EXPECT_EQ(live_nodes(s), nodes);
    EXPECT_EQ(overflow_slots(s), 4u);
    std::vector<Tid> must = tids(60), equal{8};
    for (size_t i = 1; i < copies; ++i) must.push_back(1000 + i), equal.push_back(1000 + i);
    EXPECT_EQ(whole_index(s, must), "");
    EXPECT_EQ(odd(s), "");
    std::vector<Tid> found = search_alone(s, rows[7], copies);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, equal);
  }
}

// Equal after rounding is not equal.
TEST(HnswInsert, VectorsThatOnlyRoundToTheSameDoNotShareANode) {
  IndexShape shape;
  shape.dims = 4;
  StrictStore s(make_index(shape, draw_vectors(20, 4, 7)));
  const uint32_t nodes = live_nodes(s);
  EXPECT_FALSE(insert_row(s, {1.0f - 0x1p-20f, 2, 3, 4}, 101).duplicate);
  EXPECT_FALSE(insert_row(s, {1.0f + 0x1p-20f, 2, 3, 4}, 102).duplicate);
  EXPECT_EQ(live_nodes(s), nodes + 2);
}

TEST(HnswInsert, ZeroVectorsUnderCosineComeLast) {
  IndexShape shape;
  shape.metric = Metric::kCosine;
  const Vectors rows = draw_vectors(40, shape.dims, 8);
  const std::vector<float> zero(shape.dims, 0.0f);
  for (const bool before : {false, true}) {
    StrictStore s(make_index(shape, rows, before ? 0 : SIZE_MAX));
    s.set_read_bound(64);
    const Inserted r = insert_row(s, zero, 41);
    if (before) train_index(s);
    EXPECT_EQ(links_to(s, r.id), 0u);
    EXPECT_FALSE(is_entry(s, r.id));
    EXPECT_EQ(search_alone(s, rows[0], SIZE_MAX).back(), 41u);
    EXPECT_EQ(odd(s), "");
  }
}

// For inner products nobody is near a short vector, yet a search must be able to come to it.
TEST(HnswInsert, EveryNewNodeCanBeReached) {
  IndexShape shape;
  shape.metric = Metric::kInner;
  shape.dims = 4;
  shape.segments = 6;
  StrictStore s(make_index(shape, draw_vectors(400, 4, 9)));
  const Vectors more = draw_vectors(60, 4, 10);
  uint32_t refused = 0;
  for (size_t i = 0; i < more.size(); ++i) {
    std::vector<float> x = more[i];
    for (float& v : x) v *= 0.01f;
    const Inserted r = insert_row(s, x, 1001 + i);
    EXPECT_GT(links_to(s, r.id), 0u) << i;
    refused += links_to(s, r.id) == 1;
  }
  EXPECT_GT(refused, 10u);  // of the kind that the test is about
  EXPECT_EQ(odd(s), "");
}

TEST(HnswInsert, EntriesGrowWithTheIndex) {
  IndexShape shape;
  shape.dims = 4;
  const auto entries = [](StrictStore& s) {
    uint32_t n = 0;
    for (Block b = options_of(s).entries_block; b != kNoBlock; b = s.page(b).next())
      n += s.page(b).body<EntriesHead>()->count;
    return n;
  };
  StrictStore small(make_index(shape, draw_vectors(50, 4, 11)));
  EXPECT_EQ(entries(small), 8u);
  StrictStore grown(make_index(shape, draw_vectors(900, 4, 11), 50));
  EXPECT_GE(entries(grown), 29u);
  EXPECT_LE(entries(grown), 31u);
}

TEST(HnswInsert, EntriesFillSeveralPages) {
  StrictStore s;
  Options o = shape_options({});
  create(s, o);
  const Geometry g(o);
  const uint32_t per_page = g.bundles_per_entries_page() * kLanes;
  std::vector<uint8_t> code(g.code_bytes());
  std::vector<Entry> list(per_page + 5, Entry{0, code.data()});
  for (uint32_t i = 0; i < list.size(); ++i) list[i].id = 10 + i;
  Block first = kNoBlock;
  s.operation([&] { first = write_entries(s, g, list.data(), static_cast<uint32_t>(list.size())); });
  for (uint32_t i = 0; i < 2 * per_page; ++i) {
    s.operation([&] { ASSERT_TRUE(add_entry(s, g, first, 100000 + i, code.data())); });
  }
  std::set<NodeId> seen;
  uint32_t pages = 0;
  for (Block b = first; b != kNoBlock; b = s.page(b).next(), ++pages) {
    ASSERT_TRUE(is_entries(s.page(b), g));
    for (uint32_t e = 0; e < s.page(b).body<EntriesHead>()->count; ++e) {
      EXPECT_TRUE(
          seen.insert(Geometry::bundle_ids(entries_bundle(s.page(b), g, e / kLanes))[e % kLanes]).second);
    }
  }
  EXPECT_EQ(pages, 4u);
  EXPECT_EQ(seen.size(), 3 * per_page + 5);
}

// --- Slots

TEST(HnswSlots, TheMetaPageIsWrittenOnceAPage) {
  IndexShape shape;
  shape.dims = 4;
  const Vectors rows = draw_vectors(400, 4, 12);
  StrictStore s;
  create(s, shape_options(shape));
  uint32_t written = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto before = s.image().pages[kMetaBlock];
    insert_row(s, rows[i], i + 1);
    written += s.image().pages[kMetaBlock] != before;
    const Options o = options_of(s);
    ASSERT_LE(o.nodes, i + 1);
    ASSERT_GT(o.nodes + o.slots_per_page, i + 1);
    ASSERT_EQ(o.inserted, o.nodes);
  }
  EXPECT_LE(written, 2 * (400 / options_of(s).slots_per_page + 1));
}

TEST(HnswSlots, FreedSlotsAreTakenAgain) {
  IndexShape shape;
  shape.degree = 224;  // a few slots a page
  const Vectors rows = draw_vectors(40, shape.dims, 13);
  StrictStore s(make_index(shape, rows, 0));
  const Geometry g(options_of(s));
  ASSERT_LE(g.slots_per_page, 4u);
  const Block pages = s.pages();
  std::vector<NodeId> freed;
  for (Block b = 2; b < 6; ++b) {
    for (uint32_t item = b % 2; item < g.slots_per_page; ++item) {
      s.change(b, [&](PageEdit page) {
        s.slot(b, item, SlotEvent::kDied);
        free_slot(s, g, page, b, item);
        set_uncounted(page, 0);
        return Verdict::kCommit;
      });
      freed.push_back(g.id(b, item));
    }
    EXPECT_TRUE(add_room(s, g, b));
    EXPECT_FALSE(add_room(s, g, b));
  }
  EXPECT_FALSE(add_room(s, g, 7));  // full
  Options o = options_of(s);
  o.nodes -= freed.size();
  s.change(kMetaBlock,
           [&](PageEdit meta) { return write_options(meta, o) ? Verdict::kCommit : Verdict::kAbandon; });
  ASSERT_EQ(odd_room(s), "");
  std::vector<NodeId> taken;
  for (size_t i = 0; i < freed.size(); ++i) {
    taken.push_back(insert_row(s, draw_vectors(1, shape.dims, 100 + i)[0], 1000 + i).id);
    ASSERT_EQ(odd_room(s), "");
    EXPECT_EQ(head_of(slot_at(s.page(g.block(taken.back())), g, g.item(taken.back()))).version, 1);
  }
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, freed);
  EXPECT_EQ(s.pages(), pages);
}

TEST(HnswSlots, AForeignPageOnTheListIsReportedAndLeftAlone) {
  StrictStore s(make_index({}, draw_vectors(60, 8, 14)));
  Options o = options_of(s);
  o.room_head = o.model_block;
  s.change(kMetaBlock,
           [&](PageEdit meta) { return write_options(meta, o) ? Verdict::kCommit : Verdict::kAbandon; });
  const StrictStore::PageBytes model = *s.image().pages[o.model_block];
  EXPECT_NE(insert_row(s, draw_vectors(1, 8, 15)[0], 61).id, kNoNode);
  EXPECT_EQ(s.damages().size(), 1u);
  EXPECT_TRUE(*s.image().pages[o.model_block] == model);
  StrictStore again(s.image());
  again.set_read_bound(64);
  EXPECT_EQ(whole_index(again, tids(61)), "");
}

TEST(HnswSlots, ADamagedMetaPageEndsAnInsert) {
  StrictStore s(make_index({}, draw_vectors(20, 8, 16), 0));
  BumpArena arena;
  const Options o = options_of(s);
  const Geometry g(o);
  const auto same = [](const uint8_t*) { return true; };
  for (Tid tid = 101; tid < 101 + kInlineTids - 1; ++tid) add_tid(s, g, g.id(1, 0), tid, same);
  s.overwrite(kMetaBlock, kBodyOffset, 0);  // the magic
  const std::vector<float> x(8, 1.0f);
  s.operation([&] {
    EXPECT_EQ(insert(s, o, core::GraphCode(), to_input(o, x.data(), arena.arena()), 21, arena.arena()).id,
              kNoNode);
  });
  EXPECT_FALSE(add_tid(s, g, g.id(1, 0), 200, same));
}

// --- The model

TEST(HnswCreate, ModelsFillConsecutivePages) {
  StrictStore s;
  create(s, shape_options({}));
  std::vector<uint8_t> bytes(3 * kBodyBytes + 11);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
  const Race race{s.image(),
                  {[&](StrictStore& store, Arena) {
                     const Block b = write_model(store, bytes.data(), static_cast<uint32_t>(bytes.size()));
                     for (Block at = 0; at < 4; ++at) {
                       const PageView page = store.page(b + at);
                       const size_t n = std::min(bytes.size() - at * kBodyBytes, kBodyBytes);
                       if (!page.is_kind(hnsw::kind::kModel) || page.body_bytes() != n ||
                           std::memcmp(page.items<uint8_t>(), bytes.data() + at * kBodyBytes, n) != 0) {
                         throw Violation(Rule::kRange, "the model is not whole");
                       }
                     }
                   },
                   [](StrictStore& store, Arena) {
                     const Geometry g(shape_options({}));
                     for (int i = 0; i < 2; ++i) write_entries(store, g, nullptr, 0);
                   }},
                  [](StrictStore&) { return std::string(); }};
  const auto found = explore(race, 200);
  EXPECT_FALSE(found.has_value()) << found->first.failure;
}

// --- Crashes and errors

Operation insert_of(std::vector<float> x, Tid tid) {
  const auto row = std::make_shared<std::vector<float>>(std::move(x));
  return [row, tid](StrictStore& s, Arena arena) { insert_row(s, arena, row->data(), tid); };
}

// The rows are there, and perhaps those of `may`; and the index is good for more work. A crash may lose
// links, never have wrong ones.
Check good_for_more(std::vector<Tid> must, std::vector<Tid> may, uint32_t dims) {
  const std::vector<float> fresh = draw_vectors(1, dims, 77)[0];
  return [=](StrictStore& s) {
    s.set_read_bound(64);
    std::string what = odd(s);
    if (what.empty()) what = whole_index(s, must, may);
    if (!what.empty()) return what;
    for (int i = 0; i < 3; ++i) insert_row(s, fresh, 5000 + i);
    what = odd(s);
    if (what.empty()) what = whole_index(s, with(must, {5000, 5001, 5002}), may);
    if (!what.empty()) return "after more work: " + what;
    const std::vector<Tid> found = search_alone(s, fresh, 3);
    if (found.size() != 3 || *std::min_element(found.begin(), found.end()) < 5000)
      return std::string("the new rows are not near");
    return what;
  };
}

void expect_every_step(const StrictStore::Image& start, const Operation& operation, const Check& check,
                       uint64_t least_states) {
  const Stepped crashes = step_crashes(start, operation, check);
  EXPECT_EQ(crashes.failure, "");
  EXPECT_GE(crashes.states, least_states);
  const Stepped errors = step_errors(start, operation, check);
  EXPECT_EQ(errors.failure, "");
  EXPECT_GT(errors.states, crashes.states);
}

TEST(HnswInsertSteps, IntoFullLists) {
  IndexShape shape;
  shape.dims = 4;
  shape.segments = 6;
  const Vectors rows = draw_vectors(300, 4, 17);
  const StrictStore::Image start = make_index(shape, rows);
  const std::vector<float> x = draw_vectors(1, 4, 18)[0];
  // It is what it says: some of those that link to the new node were full, and dropped another for it.
  StrictStore before(start), after(start);
  const Inserted r = insert_row(after, x, 301);
  const Geometry g(options_of(before));
  uint32_t full = 0;
  each_slot(before, g, [&](NodeId id, const uint8_t* slot) {
    const uint8_t* now = slot_at(after.page(g.block(id)), g, g.item(id));
    full += head_of(slot).count == g.degree && head_of(now).count == g.degree && has_link(now, g, r.id);
  });
  ASSERT_GE(full, 1u);
  expect_every_step(start, insert_of(x, 301), good_for_more(tids(300), {301}, 4), 5);
}

TEST(HnswInsertSteps, ThatExtends) {
  for (const uint32_t degree : {32u, 224u}) {
    IndexShape shape;
    shape.degree = degree;
    shape.ef_construction = 8;
    const uint32_t per_page = shape_options(shape).slots_per_page;
    for (uint32_t n : {2 * per_page, 2 * per_page - 1}) {  // a page for the new node; its last slot
      const StrictStore::Image start = make_index(shape, draw_vectors(n, shape.dims, 19));
      StrictStore after(start);
      const Block pages = after.pages();
      insert_row(after, draw_vectors(1, shape.dims, 20)[0], n + 1);
      EXPECT_EQ(after.pages(), n == 2 * per_page ? pages + 1 : pages);
      EXPECT_EQ(options_of(after).room_head == kNoBlock, n != 2 * per_page);
      expect_every_step(start, insert_of(draw_vectors(1, shape.dims, 20)[0], n + 1),
                        good_for_more(tids(n), {n + 1}, shape.dims), 4);
    }
  }
}

TEST(HnswInsertSteps, OfADuplicateThatOpensAnOverflowSlot) {
  for (const uint32_t degree : {32u, 224u}) {
    for (const uint32_t more : {0u, 1u}) {  // the slot is on another page than the node; or on its own
      IndexShape shape;
      shape.degree = degree;
      shape.ef_construction = 8;
      const uint32_t per_page = shape_options(shape).slots_per_page, n = per_page + more;
      const Vectors rows = draw_vectors(n, shape.dims, 21);
      StrictStore s(make_index(shape, rows));
      const size_t which = more == 0 ? 0 : n - 1;
      insert_row(s, rows[which], 1001);
      ASSERT_EQ(overflow_slots(s), 0u);
      StrictStore after(s.image());
      insert_row(after, rows[which], 1002);
      ASSERT_EQ(overflow_slots(after), 1u);
      expect_every_step(s.image(), insert_of(rows[which], 1002),
                        good_for_more(with(tids(n), {1001}), {1002}, shape.dims), 2);
    }
  }
}

TEST(HnswInsertSteps, Training) {
  IndexShape shape;
  shape.degree = 96;
  shape.dims = 64;  // the model takes two pages
  shape.segments = 18;
  shape.ef_construction = 8;
  const Vectors rows = draw_vectors(40, shape.dims, 22);
  const StrictStore::Image start = make_index(shape, rows, 0);
  StrictStore after(start);
  ASSERT_TRUE(train_index(after));
  ASSERT_GT(options_of(after).model_bytes, kBodyBytes);
  const auto learner = std::make_shared<Learner>();
  const Check works = good_for_more(tids(40), {}, shape.dims);
  uint32_t not_yet = 0;
  expect_every_step(
      start, [learner](StrictStore& s, Arena arena) { train_index(s, arena, *learner); },
      [&](StrictStore& s) {
        if (options_of(s).model_block == kNoBlock) {
          ++not_yet;
          StrictStore again(s.image());
          if (!train_index(again) || options_of(again).generation != 1)
            return std::string("cannot be trained again");
          const std::string what = works(again);
          if (!what.empty()) return "trained again: " + what;
        }
        return works(s);
      },
      40 / shape_options(shape).slots_per_page + 6);
  EXPECT_GT(not_yet, 10u);
}

// --- Every order

uint64_t first_seed() {
  const char* text = std::getenv("LOWDIM_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

void expect_no_finding(const Race& race, uint64_t seeds) {
  const auto found = explore(race, seeds, first_seed());
  if (found) {
    ADD_FAILURE() << "seed " << found->seed << ": " << found->first.failure << "\nshrunk to "
                  << found->shrunk.schedule.size() << " switches: " << found->shrunk.failure << "\n"
                  << found->shrunk.trace;
  }
}

Check has_exactly(std::vector<Tid> must) {
  return [=](StrictStore& s) {
    s.set_read_bound(64);
    const std::string what = odd(s);
    return what.empty() ? whole_index(s, must) : what;
  };
}

// Sees the rows 1 .. n, each once, whatever others do.
Operation scan_of(std::vector<float> x, size_t n) {
  return [=](StrictStore& s, Arena arena) {
    std::vector<size_t> times(n + 1);
    for (const Tid tid : search(s, x, SIZE_MAX, 4, arena)) {
      if (tid <= n) ++times[tid];
    }
    for (size_t i = 1; i <= n; ++i) {
      if (times[i] != 1) {
        throw Violation(Rule::kEndless,
                        "the scan saw row " + std::to_string(i) + " " + std::to_string(times[i]) + " times");
      }
    }
  };
}

struct Small {
  IndexShape shape;
  Vectors rows;
  StrictStore::Image start;
  Vectors more;
};
Small small_index(uint32_t degree, size_t n, size_t trained = SIZE_MAX) {
  Small out;
  out.shape.degree = degree;
  out.shape.ef_construction = 4;
  out.rows = draw_vectors(n, out.shape.dims, 23);
  out.start = make_index(out.shape, out.rows, trained);
  out.more = draw_vectors(6, out.shape.dims, 24);
  return out;
}

TEST(HnswInsertRace, InsertsAtOnce) {
  for (const uint32_t degree : {32u, 224u}) {
    const Small i = small_index(degree, 12);
    expect_no_finding({i.start,
                       {insert_of(i.more[0], 101), insert_of(i.more[1], 102), insert_of(i.more[2], 103)},
                       has_exactly(with(tids(12), {101, 102, 103}))},
                      1000);
  }
}

TEST(HnswInsertRace, InsertsAndAScan) {
  for (const size_t trained : {size_t{0}, SIZE_MAX}) {
    const Small i = small_index(224, 9, trained);
    expect_no_finding({i.start,
                       {insert_of(i.more[0], 101), scan_of(i.more[1], 9), insert_of(i.more[2], 103)},
                       has_exactly(with(tids(9), {101, 103}))},
                      1000);
  }
}

TEST(HnswInsertRace, EqualVectorsAtOnce) {
  for (const size_t trained : {size_t{0}, SIZE_MAX}) {
    for (const bool full : {false, true}) {  // the node's own places for addresses
      const Small i = small_index(224, 4, trained);
      StrictStore s(i.start);
      std::vector<Tid> must = with(tids(4), {102, 103, 104});
      if (full) {
        insert_row(s, i.rows[0], 101);
        must.push_back(101);
      }
      expect_no_finding({s.image(),
                         {insert_of(i.rows[0], 102), insert_of(i.rows[0], 103), insert_of(i.rows[0], 104),
                          scan_of(i.rows[0], 4)},
                         [=](StrictStore& store) {
                           if (live_nodes(store) != 4) return std::string("the node is there twice");
                           return has_exactly(must)(store);
                         }},
                        500);
    }
  }
}

// Few free slots for many: a page leaves the list once, and with it nothing else does.
TEST(HnswInsertRace, TheLastSlotsOfAPage) {
  IndexShape shape;
  shape.degree = 224;
  const size_t per_page = shape_options(shape).slots_per_page;
  for (const uint32_t left : {1u, 2u}) {
    const size_t n = 2 * per_page - left;
    const Small i = small_index(224, n, 0);
    expect_no_finding({i.start,
                       {insert_of(i.more[0], 101), insert_of(i.more[1], 102), insert_of(i.more[2], 103)},
                       has_exactly(with(tids(n), {101, 102, 103}))},
                      700);
  }
}

TEST(HnswInsertRace, EntriesOfAFullPage) {
  StrictStore s;
  const Options o = shape_options({});
  create(s, o);
  const Geometry g(o);
  const std::vector<uint8_t> code(g.code_bytes());
  const std::vector<Entry> list(g.bundles_per_entries_page() * kLanes, Entry{7, code.data()});
  Block first = kNoBlock;
  s.operation([&] { first = write_entries(s, g, list.data(), static_cast<uint32_t>(list.size())); });
  const auto add = [&](NodeId id) {
    return [&, id](StrictStore& store, Arena) { add_entry(store, g, first, id, code.data()); };
  };
  expect_no_finding(
      {s.image(),
       {add(100), add(101), add(102)},
       [&](StrictStore& store) {
         std::set<NodeId> seen;
         for (Block b = first; b != kNoBlock; b = store.page(b).next()) {
           for (uint32_t e = 0; e < store.page(b).body<EntriesHead>()->count; ++e) {
             seen.insert(Geometry::bundle_ids(entries_bundle(store.page(b), g, e / kLanes))[e % kLanes]);
           }
         }
         return seen == std::set<NodeId>{7, 100, 101, 102} ? "" : std::string("an entry is lost");
       }},
      300);
}

// The first overflow slot has room for one more; who comes second opens another.
TEST(HnswInsertRace, TheLastPlaceOfAnOverflowSlot) {
  Small i = small_index(32, 4);
  StrictStore s(i.start);
  std::vector<Tid> must = tids(4);
  const uint32_t room = Geometry(options_of(s)).overflow_room();
  for (Tid tid = 101; tid < 101 + kInlineTids - 1 + room - 1; ++tid) {
    insert_row(s, i.rows[0], tid);
    must.push_back(tid);
  }
  ASSERT_EQ(overflow_slots(s), 1u);
  expect_no_finding({s.image(),
                     {insert_of(i.rows[0], 1102), insert_of(i.rows[0], 1103), insert_of(i.more[0], 1104)},
                     [=](StrictStore& store) {
                       if (overflow_slots(store) != 2) return std::string("not two overflow slots");
                       return has_exactly(with(must, {1102, 1103, 1104}))(store);
                     }},
                    1000);
}

TEST(HnswInsertRace, TrainingInsertsAndAScan) {
  const Small i = small_index(224, 7, 0);
  const auto learner = std::make_shared<Learner>();
  expect_no_finding({i.start,
                     {insert_of(i.more[0], 101),
                      [learner](StrictStore& s, Arena arena) { train_index(s, arena, *learner); },
                      scan_of(i.more[1], 7), insert_of(i.more[2], 103)},
                     [](StrictStore& s) {
                       if (options_of(s).generation != 1) return std::string("not trained");
                       // What came before the training must be in the graph as what came after it.
                       std::string what;
                       each_slot(s, Geometry(options_of(s)), [&](NodeId id, const uint8_t* slot) {
                         if (head_of(slot).state == State::kLive && head_of(slot).count == 0) {
                           what = "node " + std::to_string(id) + " has no links";
                         }
                       });
                       return what.empty() ? has_exactly(with(tids(7), {101, 103}))(s) : what;
                     }},
                    800);
}

// Two train at once: one does.
TEST(HnswInsertRace, TwoTrain) {
  const Small i = small_index(224, 5, 0);
  const auto one = std::make_shared<Learner>(), two = std::make_shared<Learner>();
  expect_no_finding(
      {i.start,
       {[one](StrictStore& s, Arena arena) { train_index(s, arena, *one); },
        [two](StrictStore& s, Arena arena) { train_index(s, arena, *two); }, insert_of(i.more[0], 101)},
       [](StrictStore& s) {
         if (options_of(s).generation != 1) return std::string("not trained once");
         return has_exactly(with(tids(5), {101}))(s);
       }},
      400);
}

}  // namespace
}  // namespace lowdim::testing
