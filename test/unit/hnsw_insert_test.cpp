// Inserts into lean_hnsw indexes over StrictStore: what is found afterwards, slots, entries and models.
// Crashes, errors and races are in hnsw_insert_race_test.cpp.

#include "hnsw_insert_fixture.h"
#include "interleave.h"

namespace lowdim::testing {
namespace {

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

}  // namespace
}  // namespace lowdim::testing
