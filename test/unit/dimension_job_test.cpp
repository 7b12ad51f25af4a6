// The aggregates' states: the same bits whatever the order of the rows and the workers, options, memory.
#include "core/dimension/job.h"

#include <gtest/gtest.h>

#include "core/dimension/estimators.h"
#include "core/dimension/spectrum.h"
#include "dimension_manifolds.h"

namespace lowdim::core {
namespace {

using test::manifold_named;
using test::rows_in;
using test::sample_of;

constexpr size_t kBudget = size_t{64} << 20;

DimensionOptions options_of(DimensionUse use, const std::vector<OptionPair>& pairs) {
  return parse_dimension_options(use, pairs.data(), pairs.size());
}

DimensionState state_of(DimensionUse use, const std::vector<OptionPair>& pairs, size_t dims) {
  DimensionState state;
  state.start(use, options_of(use, pairs), dims, kBudget);
  return state;
}

OptionPair word(const char* key, const char* text) { return {key, text, true}; }
OptionPair figure(const char* key, const char* text) { return {key, text, false}; }

const char* label_of(size_t i) { return i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue"; }

// Rows i with i % parts == part, in the order of `step`, of x in which the last 100 rows are copies.
void feed(DimensionState& state, const Matrix& x, size_t part, size_t parts, bool backwards) {
  const size_t n = static_cast<size_t>(x.rows());
  for (size_t at = 0; at < n; ++at) {
    const size_t i = backwards ? n - 1 - at : at;
    if (i % parts != part) continue;
    state.add(x.row(static_cast<Eigen::Index>(i)).data(), static_cast<size_t>(x.cols()), label_of(i % 1900));
  }
}

DimensionState through_image(DimensionState& state) {
  DimensionState copy;
  copy.restore(state.image().data(), state.image().size());
  return copy;
}

TEST(DimensionState, PlansAgreeToTheBit) {
  Matrix x = sample_of(manifold_named("M6_Nonlinear"), 2000, 1);
  x.bottomRows(100) = x.topRows(100).eval();
  const size_t dims = static_cast<size_t>(x.cols());
  for (const char* sample : {"500", "5000"}) {  // fewer and more than there are
    for (const DimensionUse use :
         {DimensionUse::kDimension, DimensionUse::kSpectrum, DimensionUse::kLabels}) {
      DimensionState serial = state_of(use, {figure("sample", sample)}, dims);
      feed(serial, x, 0, 1, false);
      DimensionState merged;
      for (size_t part = 0; part < 3; ++part) {
        DimensionState worker = state_of(use, {figure("sample", sample)}, dims);
        feed(worker, x, part, 3, part != 1);
        merged.merge(through_image(worker));
      }
      merged.merge(DimensionState());
      if (use == DimensionUse::kDimension) {
        EXPECT_EQ(serial.estimate(Stop{}).value, merged.estimate(Stop{}).value);
        EXPECT_EQ(serial.estimate(Stop{}).base, std::string(sample) == "500" ? 500u : 1900u);
        // Another seed is another sample; asking changes nothing.
        DimensionState other = state_of(use, {figure("sample", sample), figure("seed", "2")}, dims);
        feed(other, x, 0, 1, false);
        EXPECT_NE(serial.estimate(Stop{}).value,
                  other.estimate(Stop{}).value + (std::string(sample) == "5000"));
        EXPECT_EQ(serial.estimate(Stop{}).value, merged.estimate(Stop{}).value);
      } else if (use == DimensionUse::kSpectrum) {
        EXPECT_EQ(serial.spectrum(Stop{}), merged.spectrum(Stop{}));
        EXPECT_EQ(serial.participation(Stop{}).value, merged.participation(Stop{}).value);
        if (std::string(sample) == "5000") {
          // All rows are in, with their weights: the column's own covariance.
          const auto all = covariance_spectrum(rows_in(x), nullptr, SIZE_MAX, Stop{});
          for (size_t i = 0; i < dims; ++i) EXPECT_NEAR(serial.spectrum(Stop{})[i], all[i], 1e-9);
        }
      } else {
        const SharpestPair a = serial.sharpest(Stop{});
        const SharpestPair& b = merged.sharpest(Stop{});
        EXPECT_EQ(a.figures.value, b.figures.value);
        EXPECT_EQ(a.figures.quantile, b.figures.quantile);
        EXPECT_EQ(a.a, b.a);
        EXPECT_EQ(a.b_label, b.b_label);
        EXPECT_NE(a.a_label, a.b_label);
        const Eigen::Map<const Vector> va(a.a.data(), static_cast<Eigen::Index>(dims));
        const Eigen::Map<const Vector> vb(a.b.data(), static_cast<Eigen::Index>(dims));
        EXPECT_NEAR(a.figures.value, 1 / (va - vb).norm(), 1e-5 * a.figures.value);
      }
    }
  }
}

TEST(DimensionState, MethodsAreThoseOfTheEstimators) {
  const Matrix x = sample_of(manifold_named("M7_Roll"), 1500, 2);
  const auto ask = [&](const std::vector<OptionPair>& pairs) {
    DimensionState state = state_of(DimensionUse::kDimension, pairs, 3);
    feed(state, x, 0, 1, false);
    return state.estimate(Stop{});
  };
  const NeighbourTable t = nearest_of_sample(rows_in(x), 40, Stop{});
  const auto near = [](const Estimate& a, const Estimate& b) {
    EXPECT_NEAR(a.value, b.value, 1e-6 * b.value);
  };
  near(ask({}), mackay_ghahramani(t, 20));
  near(ask({word("method", "mle"), figure("k", "5")}), mackay_ghahramani(t, 5));
  near(ask({word("method", "lid")}), mean_local(t, 20));
  near(ask({word("method", "twonn")}), two_nn_fit(t));
  near(ask({word("method", "twonn_ml")}), two_nn_ml(t));
  near(ask({word("method", "gride"), figure("k", "16")}), gride(t, 16));
  near(ask({word("method", "mind")}), mind_ml(t, 20));
  near(ask({word("method", "correlation")}), correlation_dimension(rows_in(x), t, 10, 20, Stop{}));
  for (const char* method : {"danco", "ess_a", "ess_b", "correlation"}) {
    EXPECT_NEAR(ask({word("method", method)}).value, 2, 0.5) << method;
  }
  near(ask({word("method", "participation_ratio")}),
       participation_ratio(spectrum_sums(rows_in(x), nullptr, SIZE_MAX, Stop{})));
  EXPECT_EQ(ask({word("method", "fukunaga_olsen")}).value, 3);
  EXPECT_EQ(ask({figure("k", "5")}).k, 5u);
}

TEST(DimensionState, RefusesOptions) {
  const auto refused = [](DimensionUse use, const OptionPair& p) {
    EXPECT_THROW(options_of(use, {p}), Error) << p.key << " " << p.text;
  };
  for (const DimensionUse use : {DimensionUse::kDimension, DimensionUse::kSpectrum, DimensionUse::kLabels}) {
    for (const OptionPair& p :
         {figure("nonsense", "1"), figure("sample", "0"), figure("sample", "1e9"), figure("sample", "2.5"),
          word("sample", "10"), figure("seed", "-1"), figure("seed", "1e300"), figure("", "")}) {
      refused(use, p);
    }
  }
  for (const OptionPair& p : {word("method", "magic"), figure("method", "1"), figure("k", "1"),
                              figure("k", "1001"), figure("quantile", "0.5")}) {
    refused(DimensionUse::kDimension, p);
  }
  refused(DimensionUse::kSpectrum, figure("k", "5"));
  refused(DimensionUse::kSpectrum, word("method", "mle"));
  refused(DimensionUse::kLabels, figure("quantile", "1.5"));
  EXPECT_THROW(options_of(DimensionUse::kDimension, {word("method", "twonn"), figure("k", "2")}), Error);
  EXPECT_THROW(options_of(DimensionUse::kDimension, {word("method", "danco"), figure("k", "21")}), Error);
  EXPECT_EQ(options_of(DimensionUse::kDimension, {figure("k", "30"), word("method", "gride")}).k, 30u);
  EXPECT_EQ(options_of(DimensionUse::kLabels, {figure("quantile", "0.5")}).quantile, 0.5);
}

TEST(DimensionState, ScaleDoesNotMatter) {
  // Rows whose squares overflow, or vanish, in single precision.
  Matrix x = sample_of(manifold_named("M7_Roll"), 500, 2);
  const auto all = [&](float size) {
    const Matrix scaled = x * size;
    DimensionState d = state_of(DimensionUse::kDimension, {}, 3),
                   s = state_of(DimensionUse::kSpectrum, {}, 3), l = state_of(DimensionUse::kLabels, {}, 3);
    for (DimensionState* state : {&d, &s, &l}) feed(*state, scaled, 0, 1, false);
    return std::vector<double>{d.estimate(Stop{}).value, s.spectrum(Stop{})[0] / size / size,
                               s.participation(Stop{}).value, l.sharpest(Stop{}).figures.value * size,
                               static_cast<double>(l.sharpest(Stop{}).a[0]) / size};
  };
  const auto plain = all(1);
  for (const float size : {0x1p100f, 0x1p-100f}) {
    const auto scaled = all(size);
    // The sample is in another order.
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(scaled[i], plain[i], 1e-5 * plain[i]) << i;
    EXPECT_TRUE(std::isfinite(scaled[4]));
  }
}

TEST(DimensionState, FewRows) {
  for (const size_t n : {size_t{1}, size_t{2}, size_t{20}}) {
    const Matrix x = sample_of(manifold_named("M7_Roll"), n, 1);
    DimensionState d = state_of(DimensionUse::kDimension, {}, 3),
                   s = state_of(DimensionUse::kSpectrum, {}, 3), l = state_of(DimensionUse::kLabels, {}, 3);
    for (DimensionState* state : {&d, &s, &l}) feed(*state, x, 0, 1, false);
    EXPECT_FALSE(d.estimate(Stop{}).known());
    EXPECT_STREQ(d.estimate(Stop{}).reason, n == 1 ? kTooFewPoints : kTooFewNeighbours);
    EXPECT_EQ(s.spectrum(Stop{}).size(), 3u);
    EXPECT_EQ(s.participation(Stop{}).known(), n > 1);
    EXPECT_EQ(l.sharpest(Stop{}).figures.reason == nullptr, n > 1);
  }
}

TEST(DimensionState, MemoryIsBounded) {
  // 1 MB holds 64 rows of 2,000 dimensions, not of 16,000.
  const DimensionOptions options = options_of(DimensionUse::kDimension, {});
  DimensionState state;
  EXPECT_THROW(state.start(DimensionUse::kDimension, options, 16000, 1 << 20), Error);
  state.start(DimensionUse::kDimension, options, 2000, 2 << 20);
  Random random(1);
  std::vector<float> row(2000);
  for (int i = 0; i < 1000; ++i) {
    for (float& c : row) c = static_cast<float>(random.uniform());
    state.add(row.data(), 2000);
  }
  EXPECT_LE(state.image().size(), size_t{1} << 20);
  EXPECT_GE(state.estimate(Stop{}).base, 64u);
  EXPECT_THROW(state.add(row.data(), 3), Error);
  EXPECT_THROW(state.add(row.data(), 2000, std::string(1001, 'x')), Error);
}

TEST(DimensionState, ImagesAreChecked) {
  const Matrix x = sample_of(manifold_named("M7_Roll"), 50, 1);
  DimensionState state = state_of(DimensionUse::kLabels, {}, 3);
  feed(state, x, 0, 1, false);
  const std::vector<uint8_t> image = state.image();
  for (size_t n = 0; n < image.size(); n += n < 60 ? 1 : 13) {
    DimensionState cut;
    EXPECT_THROW(cut.restore(image.data(), n), Error) << n;
  }
  for (size_t at = 0; at < 70; ++at) {
    std::vector<uint8_t> damaged = image;
    damaged[at] = 0xff;
    DimensionState other;
    try {
      other.restore(damaged.data(), damaged.size());
    } catch (const Error&) {
    }
  }
  DimensionState empty, copy;
  copy.restore(empty.image().data(), empty.image().size());
  EXPECT_FALSE(copy.started());
}

TEST(RowSample, CountsAreExact) {
  // Row i comes i % 7 + 1 times, spread over two samples that keep a tenth of the rows.
  // Several seeds: any row may be the one with the largest key.
  std::vector<uint64_t> counts;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    RowSample a(1, 20, seed), b(1, 20, seed);
    for (int round = 0; round < 7; ++round) {
      for (int i = 0; i < 200; ++i) {
        const float row = static_cast<float>(i);
        if (round <= i % 7) ((i + round) % 2 == 0 ? a : b).add(&row);
      }
    }
    a.merge(b);
    const std::vector<float> rows = a.ordered(&counts);
    ASSERT_EQ(rows.size(), 20u);
    for (size_t i = 0; i < 20; ++i) EXPECT_EQ(counts[i], static_cast<uint64_t>(rows[i]) % 7 + 1);
  }
  // Tags tell equal rows apart.
  const float row = 5;
  RowSample tagged(1, 20, 3);
  tagged.add(&row, "x");
  tagged.add(&row, "y");
  tagged.add(&row, "x");
  std::vector<std::string> tags;
  EXPECT_EQ(tagged.ordered(&counts, &tags).size(), 2u);
  EXPECT_EQ(counts[tags[0] == "x" ? 0 : 1], 2u);
  EXPECT_EQ(tagged.take_ordered().size(), 2u);
  EXPECT_EQ(tagged.size(), 0u);
}

}  // namespace
}  // namespace lowdim::core
