// Builds by parts (paged/hnsw/build.h, join.h): nodes laid out, equal ones merged, links written, nodes
// joined that memory had no room for. The index that comes of it must pass the check and answer as an
// inserted one.
#include <gtest/gtest.h>

#include <numeric>

#include "core/graph/train.h"
#include "hnsw_fixture.h"
#include "paged/hnsw/build.h"
#include "paged/hnsw/check.h"
#include "paged/hnsw/join.h"

namespace lowdim::testing {
namespace {

using namespace paged::hnsw;  // NOLINT
using paged::Block;
using paged::kBodyBytes;
using paged::kMetaBlock;
using paged::kNoBlock;
using paged::NewPage;
using paged::PageEdit;
using paged::PageView;
using paged::Verdict;

struct Trained {
  std::vector<uint8_t> image;
  core::GraphCode code;
};
Trained train_code(const Options& o, const Vectors& rows) {
  std::vector<float> flat;
  for (const auto& x : rows) flat.insert(flat.end(), x.begin(), x.end());
  core::GraphCodeOptions options;
  options.segments = o.segments - 2;
  Trained t;
  t.image = core::train_graph_code({flat.data(), rows.size(), o.dims}, options, {});
  core::GraphCode::open(t.image.data(), t.image.size(), &t.code);
  return t;
}

std::vector<uint64_t> merge_all(StrictStore& s, const Options& o, Block pages, size_t rows, bool coded) {
  BumpArena arena;
  std::vector<uint64_t> keys(rows);
  keys.resize(list_cells(s, Geometry(o), pages, keys.data(), rows));
  std::sort(keys.begin(), keys.end());
  keys.resize(merge_equal(s, Geometry(o), keys.data(), keys.size(), coded, arena.arena()));
  return keys;
}

TEST(HnswBuild, CodesOfABlockLieAsPutCodeLaysThem) {
  core::Random random(7);
  for (const uint32_t segments : {2u, 6u, 52u}) {
    Options o{};
    o.segments = segments;
    const Geometry g(o);
    std::vector<uint8_t> codes(32 * g.code_bytes());
    for (uint8_t& c : codes) c = static_cast<uint8_t>(random.below(256));
    for (uint32_t count = 0; count <= 32; ++count) {
      const auto code_of = [&](uint32_t j) { return codes.data() + size_t{j} * g.code_bytes(); };
      std::vector<uint8_t> one(16 * segments), other(16 * segments, 0xEE);
      for (uint32_t j = 0; j < count; ++j) put_code(one.data(), j, segments, code_of(j));
      put_codes(other.data(), g, count, code_of);
      ASSERT_EQ(one, other) << segments << " segments, " << count << " codes";
    }
  }
}

TEST(HnswBuild, EqualRowsBecomeOneNode) {
  IndexShape shape;
  const Options o = shape_options(shape);
  Vectors rows = draw_vectors(300, shape.dims, 1);
  const std::vector<float> often = rows[10], twice = rows[20];
  // As many as fill several overflow slots, laid between the others.
  for (size_t i = 0; i < 400; ++i) rows.insert(rows.begin() + static_cast<ptrdiff_t>(i), often);
  rows.push_back(twice);
  for (const bool coded : {false, true}) {
    const Trained t = train_code(o, rows);
    StrictStore s;
    s.set_read_bound(64);
    paged::hnsw::create(s, o);
    const Block pages = lay_rows(s, o, coded ? &t.code : nullptr, rows);
    EXPECT_EQ(merge_all(s, o, pages, rows.size(), coded).size(), 300u);
    std::vector<Tid> all(rows.size());
    std::iota(all.begin(), all.end(), 1);
    EXPECT_EQ(whole_index(s, all), "");
    BumpArena arena;
    const Census c = check(s, arena.arena());
    EXPECT_EQ(c.nodes, 300u);
    EXPECT_EQ(c.tids, rows.size());
    EXPECT_EQ(c.overflow, (401 - 2 + Geometry(o).overflow_room() - 1) / Geometry(o).overflow_room());
    EXPECT_TRUE(s.damages().empty());
  }
}

TEST(HnswBuild, AHashAloneMergesNothing) {
  IndexShape shape;
  const Options o = shape_options(shape);
  Vectors rows = draw_vectors(40, shape.dims, 2);
  rows.push_back(rows[3]);
  rows.push_back(rows[30]);
  rows.push_back(rows[3]);
  StrictStore s;
  s.set_read_bound(SIZE_MAX);
  paged::hnsw::create(s, o);
  const Block pages = lay_rows(s, o, nullptr, rows, 77);
  EXPECT_EQ(merge_all(s, o, pages, rows.size(), false).size(), 40u);
  std::vector<Tid> all(rows.size());
  std::iota(all.begin(), all.end(), 1);
  EXPECT_EQ(whole_index(s, all), "");
}

TEST(HnswBuild, JoinedNodesAreFound) {
  IndexShape shape;
  shape.dims = 16;
  Options o = shape_options(shape);
  const Vectors rows = draw_vectors(1500, shape.dims, 3), queries = draw_vectors(40, shape.dims, 4);
  const Trained t = train_code(o, rows);
  const Geometry g(o);
  StrictStore s;
  s.set_read_bound(SIZE_MAX);
  paged::hnsw::create(s, o);
  const Block pages = lay_rows(s, o, &t.code, rows);
  clear_links(s, g, 1, pages + 1);
  // The first node is all there is of the graph.
  std::vector<uint8_t> code(g.code_bytes());
  s.read(1, [&](PageView page) {
    std::memcpy(code.data(), slot_at(page, g, 0) + g.code_offset(), code.size());
  });
  const Entry entry{node_of_cell(g, 0), code.data()};
  o.entries_block = write_entries(s, g, &entry, 1);
  o.model_block = write_model(s, t.image.data(), static_cast<uint32_t>(t.image.size()));
  o.model_bytes = static_cast<uint32_t>(t.image.size());
  o.nodes = rows.size();
  s.change(kMetaBlock, [&](PageEdit page) {
    paged::write_options(page, o);
    return Verdict::kCommit;
  });
  BumpArena arena;
  Joiner<StrictStore> joiner(s, o, t.code, arena.arena());
  for (uint32_t i = 1; i < rows.size(); ++i) joiner.join(node_of_cell(g, i));
  StrictStore whole(make_index(shape, rows));  // a graph made in memory
  whole.set_read_bound(SIZE_MAX);
  EXPECT_GE(recall(s, shape, rows, queries, 10, 40), recall(whole, shape, rows, queries, 10, 40) - 0.06);
  const Census c = check(s, arena.arena(), {.full = true});
  EXPECT_EQ(c.nodes, rows.size());
  EXPECT_EQ(c.bare, 0u);
  EXPECT_GT(c.links, rows.size() * 8);
  for (const auto& d : s.damages()) ADD_FAILURE() << d.what;
}

}  // namespace
}  // namespace lowdim::testing
