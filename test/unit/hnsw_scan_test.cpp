// Scans that go on (paged/hnsw/search.h): rows beyond those of the first round must be the near ones too, and
// no row may be lost or come twice, however far the scan goes.
#include <gtest/gtest.h>

#include "hnsw_fixture.h"

namespace lowdim::testing {
namespace {

TEST(HnswScan, RowsOfLaterRoundsAreNearOnes) {
  IndexShape shape;
  shape.dims = 24;
  const Vectors rows = draw_vectors(6000, shape.dims, 11), queries = draw_vectors(30, shape.dims, 12);
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(SIZE_MAX);
  // 6,000 nodes: walks of 40, 160 and 640, then the whole index is read.
  const double first = recall(s, shape, rows, queries, 10, 40);
  for (const size_t k : {20, 30, 60, 120, 300}) {
    EXPECT_GE(recall(s, shape, rows, queries, k, 40), first - 0.06) << k << " rows";
  }
  std::vector<paged::hnsw::Tid> all;
  for (size_t i = 0; i < rows.size(); ++i) all.push_back(i + 1);
  EXPECT_EQ(whole_index(s, all), "");
}

}  // namespace
}  // namespace lowdim::testing
