// Ball carving of queries.

#include "core/multi/carve.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "core/base/error.h"

namespace lowdim::core {
namespace {

std::vector<float> carved(const std::vector<float>& x, uint32_t dims, double threshold) {
  std::vector<float> out(x.size());
  const MultiView set{x.data(), static_cast<uint32_t>(x.size() / dims), dims};
  out.resize(carve(set, threshold, out.data(), Stop{}) * dims);
  return out;
}

using Floats = std::vector<float>;

TEST(Carve, SumsWhatIsAlike) {
  const Floats x = {1, 0, 0, 1, 2, 0.1f, 0.1f, 1, -1, 0};
  EXPECT_EQ(carved(x, 2, 0.9), (Floats{3, 0.1f, 0.1f, 2, -1, 0}));
  EXPECT_EQ(carved(x, 2, 2), x);                      // nothing is that alike
  EXPECT_EQ(carved(x, 2, -1), (Floats{2.1f, 2.1f}));  // everything is
}

// The first vector that is left is the middle: 45 degrees to either side of it join, the third is 90 from the
// first and starts a ball of its own; a chain does not grow.
TEST(Carve, BallsHaveTheirFirstVectorAsMiddle) {
  EXPECT_EQ(carved({1, 0, 1, 1, 0, 1}, 2, 0.7), (Floats{2, 1, 0, 1}));
  EXPECT_EQ(carved({1, 1, 1, 0, 0, 1}, 2, 0.7), (Floats{2, 2}));
  EXPECT_EQ(carved({1, 0, 0, 1, 1, 1}, 2, 0.7), (Floats{2, 1, 0, 1}));
}

TEST(Carve, TheThresholdItselfJoins) {
  EXPECT_EQ(carved({3, 4, 5, 0}, 2, 0.6), (Floats{8, 4}));
  EXPECT_EQ(carved({3, 4, 5, 0}, 2, 0.6000001), (Floats{3, 4, 5, 0}));
}

TEST(Carve, ZeroVectorsAreAlone) {
  EXPECT_EQ(carved({0, 0, 1, 0, 0, 0}, 2, 0.5), (Floats{0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(carved({0, 0, 1, 0, 0, 0}, 2, 0), (Floats{1, 0}));
}

TEST(Carve, LargeNormsDoNotOverflow) {
  EXPECT_EQ(carved({3e38f, 0, 3e38f, 1e37f, 0, 1}, 2, 0.7).size(), 4u);
  EXPECT_EQ(carved({1e-38f, 0, 2e-38f, 0}, 2, 0.99), (Floats{3e-38f, 0}));
}

TEST(Carve, UnalignedAndStopped) {
  const Floats x = {1, 0, 0, 1};
  const std::unique_ptr<char[]> bytes(new char[17]);
  std::memcpy(bytes.get() + 1, x.data(), 16);
  Floats out(4);
  const MultiView set{reinterpret_cast<const float*>(bytes.get() + 1), 2, 2};
  EXPECT_EQ(carve(set, 0.5, out.data(), Stop{}), 2u);
  EXPECT_EQ(out, x);
  Stop stop;
  stop.asked = [](void*) { return true; };
  EXPECT_THROW(carve(set, 0.5, out.data(), stop), Stopped);
}

}  // namespace
}  // namespace lowdim::core
