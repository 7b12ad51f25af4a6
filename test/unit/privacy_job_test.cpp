// Options of private aggregates, what they cost, and the aggregates' states: every plan gives the same sums,
// rows that do not fit are no errors, nothing is released twice, and damaged images are refused.

#include "core/privacy/job.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

using Pairs = std::vector<OptionPair>;

OptionPair word(std::string_view key, std::string_view text) { return {key, text, true}; }
OptionPair figure(std::string_view key, std::string_view text) { return {key, text, false}; }

PrivateJob parse(std::optional<PrivateStatistic> own, const Pairs& pairs) {
  return parse_private_job(own, pairs.data(), pairs.size());
}

Pairs with(Pairs pairs, const Pairs& more) {
  for (const OptionPair& m : more) {
    std::erase_if(pairs, [&](const OptionPair& p) { return p.key == m.key; });
    pairs.push_back(m);
  }
  return pairs;
}

Pairs without(Pairs pairs, std::string_view key) {
  std::erase_if(pairs, [&](const OptionPair& p) { return p.key == key; });
  return pairs;
}

const Pairs kKde = {figure("dims", "4"), figure("bandwidth", "0.5"), figure("epsilon", "1"),
                    figure("delta", "1e-6"), figure("features", "64")};
const Pairs kL1 = {figure("dims", "4"),    figure("low", "-2"),       figure("high", "2"),
                   figure("epsilon", "1"), figure("delta", "0.0001"), figure("depth", "3")};
const Pairs kL2 = {figure("dims", "4"),       word("norm", "l2"),     figure("radius", "4"),
                   figure("directions", "8"), figure("epsilon", "1"), figure("delta", "0.0001")};
const Pairs kSum = {figure("dims", "4"), figure("radius", "4"), figure("epsilon", "1"),
                    figure("delta", "1e-6")};
const Pairs kCount = {figure("epsilon", "1"), figure("delta", "1e-6")};

Pairs options_for(PrivateStatistic s) {
  return s == PrivateStatistic::kKde        ? kKde
         : s == PrivateStatistic::kDistance ? kL1
         : s == PrivateStatistic::kCount    ? kCount
                                            : kSum;
}

constexpr PrivateStatistic kAll[] = {PrivateStatistic::kKde,     PrivateStatistic::kDistance,
                                     PrivateStatistic::kMoments, PrivateStatistic::kSum,
                                     PrivateStatistic::kAvg,     PrivateStatistic::kCount};

std::string refusal(std::optional<PrivateStatistic> own, const Pairs& pairs) {
  try {
    parse(own, pairs);
  } catch (const Error& e) {
    return std::string(e.what()) + "|" + e.hint();
  }
  return "";
}

TEST(PrivateJob, Defaults) {
  const PrivateJob kde = parse(PrivateStatistic::kKde, without(kKde, "features"));
  const KdeOptions& k = std::get<KdeOptions>(kde.structure);
  EXPECT_EQ(k.kernel, Kernel::kGaussian);
  EXPECT_EQ(k.features, 2048u);
  EXPECT_EQ(k.seed, 1u);
  EXPECT_EQ(k.bandwidth, 0.5);
  EXPECT_EQ(kde.dims(), 4u);
  EXPECT_EQ(kde.privacy.mechanism, NoiseMechanism::kGaussian);
  EXPECT_EQ(kde.privacy.bound, GaussianBound::kAnalytic);
  EXPECT_EQ(kde.privacy.neighbours, Neighbours::kAddRemove);
  EXPECT_EQ(kde.privacy.max_rows, 1u);
  EXPECT_EQ(kde.privacy.epsilon, 1);
  EXPECT_EQ(kde.privacy.delta, 1e-6);

  const PrivateJob l2 = parse(PrivateStatistic::kDistance, kL2);
  const DistanceOptions& d = std::get<DistanceOptions>(l2.structure);
  EXPECT_EQ(d.kind, DistanceKind::kL2);
  EXPECT_EQ(d.radius, 4);
  EXPECT_EQ(d.directions, 8u);
  EXPECT_EQ(d.depth, 8u);

  const PrivateJob directions =
      parse(PrivateStatistic::kAvg, with(without(kSum, "radius"), {figure("normalize", "true")}));
  EXPECT_TRUE(std::get<MomentOptions>(directions.structure).normalize);
  EXPECT_EQ(std::get<MomentOptions>(directions.structure).content, MomentContent::kMean);
  EXPECT_EQ(parse(PrivateStatistic::kCount, kCount).dims(), 0u);
}

TEST(PrivateJob, EveryOptionIsUsed) {
  const PrivateJob job = parse(
      {},
      with(kKde, {word("statistic", "kde"), word("kernel", "cauchy"), figure("seed", "18446744073709551615"),
                  word("mechanism", "zcdp"), word("neighbours", "replace_one"), figure("max_rows", "5")}));
  EXPECT_EQ(std::get<KdeOptions>(job.structure).kernel, Kernel::kCauchy);
  EXPECT_EQ(std::get<KdeOptions>(job.structure).seed, UINT64_MAX);
  EXPECT_EQ(job.privacy.bound, GaussianBound::kZcdp);
  EXPECT_EQ(job.privacy.neighbours, Neighbours::kReplaceOne);
  EXPECT_EQ(job.privacy.max_rows, 5u);
  const PrivateJob laplace =
      parse(PrivateStatistic::kDistance, with(without(kL1, "delta"), {word("mechanism", "laplace")}));
  EXPECT_EQ(laplace.privacy.mechanism, NoiseMechanism::kLaplace);
  EXPECT_EQ(std::get<DistanceOptions>(laplace.structure).low, -2);
  EXPECT_EQ(std::get<DistanceOptions>(laplace.structure).high, 2);
  EXPECT_EQ(std::get<DistanceOptions>(laplace.structure).depth, 3u);
}

TEST(PrivateJob, Refusals) {
  struct Case {
    PrivateStatistic own;
    Pairs pairs;
    const char* message;
  };
  using S = PrivateStatistic;
  const std::vector<Case> cases = {
      {S::kKde, {}, "\"epsilon\" is missing"},
      {S::kKde, without(kKde, "dims"), "\"dims\" is missing"},
      {S::kKde, without(kKde, "bandwidth"), "\"bandwidth\" is missing"},
      {S::kKde, without(kKde, "delta"), "\"delta\" is missing"},
      {S::kDistance, without(kL1, "low"), "\"low\" is missing"},
      {S::kDistance, without(kL1, "high"), "\"high\" is missing"},
      {S::kDistance, without(kL2, "radius"), "\"radius\" is missing"},
      {S::kSum, without(kSum, "radius"), "\"radius\" is missing"},
      {S::kKde, with(kKde, {figure("bandwith", "1")}),
       "unknown privacy option \"bandwith\"|Options of kde are"},
      {S::kKde, with(kKde, {figure("radius", "1")}), "\"radius\" is not one of kde"},
      {S::kCount, with(kCount, {figure("dims", "4")}), "\"dims\" is not one of count"},
      {S::kSum, with(kSum, {figure("bandwidth", "1")}), "\"bandwidth\" is not one of sum"},
      {S::kDistance, with(kL1, {figure("radius", "1")}), "\"radius\" does not go with l1 distances"},
      {S::kDistance, with(kL1, {figure("seed", "1")}), "\"seed\" does not go with l1 distances"},
      {S::kDistance, with(kL2, {figure("low", "1")}), "\"low\" does not go with l2 distances"},
      {S::kDistance, with(kL1, {figure("low", "2")}), "must be below"},
      {S::kSum, with(kSum, {figure("normalize", "true")}), "\"radius\" does not go with \"normalize\""},
      {S::kKde, with(kKde, {word("mechanism", "laplace")}), "\"delta\" does not go with laplace noise"},
      {S::kKde, with(kKde, {word("mechanism", "exponential")}), "It is one of gaussian, zcdp, laplace"},
      {S::kKde, with(kKde, {word("neighbours", "near")}), "It is one of add_remove, replace_one"},
      {S::kKde, with(kKde, {word("kernel", "linear")}), "unknown kernel \"linear\""},
      {S::kKde, with(kKde, {word("statistic", "sum")}), "this aggregate makes \"kde\""},
      {S::kKde, with(kKde, {word("statistic", "median")}), "unknown private statistic \"median\""},
      {S::kKde, with(kKde, {figure("epsilon", "0")}), "a number from 1e-09 to 100"},
      {S::kKde, with(kKde, {figure("epsilon", "101")}), "a number from 1e-09 to 100"},
      {S::kKde, with(kKde, {figure("epsilon", "-1")}), "a number from 1e-09 to 100"},
      {S::kKde, with(kKde, {word("epsilon", "1")}), "a number from 1e-09 to 100"},
      {S::kKde, with(kKde, {word("epsilon", "nan")}), "a number from 1e-09 to 100"},
      {S::kKde, with(kKde, {figure("delta", "0")}), "a number from 1e-100 to 0.5"},
      {S::kKde, with(kKde, {figure("delta", "1")}), "a number from 1e-100 to 0.5"},
      {S::kKde, with(kKde, {figure("delta", "1e-90")}), "delta is too small for the analytic bound"},
      {S::kKde, with(kKde, {figure("dims", "0")}), "a whole number from 1 to 16000"},
      {S::kKde, with(kKde, {figure("dims", "16001")}), "a whole number from 1 to 16000"},
      {S::kKde, with(kKde, {figure("dims", "4.5")}), "a whole number from 1 to 16000"},
      {S::kKde, with(kKde, {figure("dims", "-4")}), "a whole number from 1 to 16000"},
      {S::kKde, with(kKde, {figure("features", "65537")}), "a whole number from 1 to 65536"},
      {S::kKde, with(kKde, {figure("bandwidth", "0")}), "a number from 1e-30 to 1e+30"},
      {S::kKde, with(kKde, {figure("max_rows", "0")}), "a whole number from 1 to 1000000"},
      {S::kKde, with(kKde, {figure("max_rows", "1000001")}), "a whole number from 1 to 1000000"},
      {S::kKde, with(kKde, {figure("seed", "18446744073709551616")}), "a whole number from 0 to"},
      {S::kDistance, with(kL1, {figure("depth", "13")}), "a whole number from 1 to 12"},
      {S::kDistance, with(kL1, {figure("dims", "16000"), figure("depth", "12")}), "have more than 4194304"},
      {S::kKde, with(kKde, {word("kernel", "laplace"), figure("dims", "16000"), figure("features", "65536")}),
       "features times dimensions"},
      {S::kSum, with(kSum, {word("normalize", "yes")}), "It must be true or false"},
      {S::kSum, with(kSum, {figure("epsilon", "1e-9"), figure("max_rows", "1000000")}), "|"},
  };
  for (const Case& c : cases) {
    const std::string said = refusal(c.own, c.pairs);
    EXPECT_NE(said.find(c.message), std::string::npos) << c.message << " <> " << said;
  }
  EXPECT_NE(refusal({}, kKde).find("\"statistic\" is missing"), std::string::npos);
  Pairs twice = kKde;
  twice.push_back(figure("dims", "4"));
  EXPECT_NE(refusal(PrivateStatistic::kKde, twice).find("given twice"), std::string::npos);
}

TEST(PrivateJob, Cost) {
  for (const PrivateStatistic s : kAll) {
    const PrivacyCost gaussian = parse(s, options_for(s)).cost();
    EXPECT_EQ(gaussian.epsilon, 1);
    EXPECT_GT(gaussian.delta, 0);
    EXPECT_GT(gaussian.rho, 0);
    // rho is that of the noise that is drawn: sensitivity and the width of it cancel.
    const PrivacyCost stronger =
        parse(s, with(options_for(s), {word("neighbours", "replace_one"), figure("max_rows", "7")})).cost();
    EXPECT_NEAR(stronger.rho, gaussian.rho, 1e-6 * gaussian.rho);
    const PrivacyCost zcdp = parse(s, with(options_for(s), {word("mechanism", "zcdp")})).cost();
    EXPECT_LT(zcdp.rho, gaussian.rho);
    EXPECT_NEAR(zcdp.rho, zcdp_rho(1, gaussian.delta), 1e-9);
    const PrivacyCost pure =
        parse(s, with(without(options_for(s), "delta"), {word("mechanism", "laplace")})).cost();
    EXPECT_EQ(pure.epsilon, 1);
    EXPECT_EQ(pure.delta, 0);
    EXPECT_NEAR(pure.rho, 0.5, 1e-12);
    const PrivacyCost open = parse(s, with(options_for(s), {word("epsilon", "inf")})).cost();
    EXPECT_TRUE(std::isinf(open.epsilon));
    EXPECT_TRUE(std::isinf(open.rho));
  }
}

TEST(PrivateJob, CostIsThatOfTheRelease) {
  for (const PrivateStatistic s : kAll) {
    const PrivateJob job = parse(s, options_for(s));
    PrivateState state;
    state.start(job);
    SeededEntropy entropy(3);
    const std::vector<uint8_t> image = state.release(entropy.source(), {});
    Guarantee told;
    if (s == PrivateStatistic::kKde) {
      told = KdeSketch::read(image.data(), image.size()).guarantee();
    } else if (s == PrivateStatistic::kDistance) {
      told = DistanceSketch::read(image.data(), image.size()).guarantee();
    } else {
      told = MomentSketch::read(image.data(), image.size()).guarantee();
    }
    EXPECT_EQ(told.cost.rho, job.cost().rho);
    EXPECT_EQ(told.noise.value(), job.guarantee().noise.value());
  }
}

std::vector<std::vector<float>> some_rows(size_t n) {
  Random random(5);
  std::vector<std::vector<float>> rows(n, std::vector<float>(4));
  for (auto& row : rows)
    for (float& v : row) v = static_cast<float>(random.normal());
  return rows;
}

// Of some rows, each third of another number of dimensions.
PrivateState state_over(const PrivateJob& job, const std::vector<std::vector<float>>& rows, size_t part,
                        size_t parts) {
  PrivateState state;
  state.start(job);
  for (size_t i = 0; i < rows.size(); ++i)
    if (i % parts == part) state.add(rows[i].data(), i % 3 == 0 ? 2 : 4);
  return state;
}

TEST(PrivateState, PlansAgreeToTheBit) {
  const auto rows = some_rows(300);
  for (const PrivateStatistic s : kAll) {
    for (const bool l2 : {false, true}) {
      if (l2 && s != PrivateStatistic::kDistance) continue;
      const PrivateJob job = parse(s, l2 ? kL2 : options_for(s));
      PrivateState serial = state_over(job, rows, 0, 1), merged;
      for (size_t part = 3; part-- > 0;) {
        PrivateState worker = state_over(job, rows, part, 3), copy;
        copy.restore(worker.image().data(), worker.image().size());
        merged.merge(copy);
      }
      merged.merge(PrivateState());
      EXPECT_EQ(serial.image(), merged.image());
      // The same entropy is the same release.
      SeededEntropy one(9), two(9);
      EXPECT_EQ(serial.release(one.source(), {}), merged.release(two.source(), {}));
      EXPECT_GT(one.asked, 0u);
    }
  }
}

TEST(PrivateState, RowsThatDoNotFitCount) {
  for (const PrivateStatistic s : {PrivateStatistic::kKde, PrivateStatistic::kMoments, PrivateStatistic::kAvg,
                                   PrivateStatistic::kCount, PrivateStatistic::kDistance}) {
    PrivateState state;
    state.start(parse(s, with(options_for(s), {word("epsilon", "inf")})));
    const std::vector<float> longer(9, 1.0f);
    state.add(longer.data(), 9);
    state.add(longer.data(), 0);
    const std::vector<float> nan(4, std::numeric_limits<float>::quiet_NaN());
    state.add(nan.data(), 4);
    const std::vector<uint8_t> image = state.release({}, {});
    double count = 0;
    if (s == PrivateStatistic::kKde) {
      count = KdeSketch::read(image.data(), image.size()).rows();
    } else if (s == PrivateStatistic::kDistance) {
      count = DistanceSketch::read(image.data(), image.size()).rows();
    } else {
      count = MomentSketch::read(image.data(), image.size()).rows();
    }
    EXPECT_EQ(count, 3) << statistic_name(s);
  }
}

TEST(PrivateState, ReleasesOnce) {
  PrivateState state;
  EXPECT_THROW(state.release({}, {}), Error);
  state.start(parse(PrivateStatistic::kCount, kCount));
  SeededEntropy entropy(1);
  state.release(entropy.source(), {});
  EXPECT_THROW(state.release(entropy.source(), {}), Error);
}

TEST(PrivateState, NoRandomBytesNoRelease) {
  for (const int good : {0, 1}) {
    PrivateState state;
    state.start(parse(PrivateStatistic::kKde, kKde));
    FailingEntropy entropy{good};
    EXPECT_THROW(state.release(entropy.source(), {}), Error);
    EXPECT_THROW(state.release(entropy.source(), {}), Error);  // not even a second time
  }
  PrivateState stopped;
  stopped.start(parse(PrivateStatistic::kKde, kKde));
  SeededEntropy entropy(1);
  EXPECT_THROW(stopped.release(entropy.source(), Stop{[](void*) { return true; }, nullptr}), Stopped);
}

TEST(PrivateState, OtherOptionsDoNotMerge) {
  PrivateState a, b, c;
  a.start(parse(PrivateStatistic::kKde, kKde));
  b.start(parse(PrivateStatistic::kKde, with(kKde, {figure("epsilon", "2")})));
  c.start(parse(PrivateStatistic::kKde, with(kKde, {figure("seed", "2")})));
  EXPECT_THROW(a.merge(b), Error);
  EXPECT_THROW(a.merge(c), Error);
  PrivateState sum, avg;
  sum.start(parse(PrivateStatistic::kSum, kSum));
  avg.start(parse(PrivateStatistic::kAvg, kSum));
  EXPECT_THROW(sum.merge(avg), Error);
  EXPECT_THROW(sum.merge(a), Error);
}

// The sums have a checksum; what is before them is checked by value.
TEST(PrivateState, DamagedImages) {
  const auto rows = some_rows(20);
  for (const PrivateStatistic s : kAll) {
    PrivateState state = state_over(parse(s, options_for(s)), rows, 0, 1);
    const std::vector<uint8_t> image = state.image();
    const size_t head = 1 + 4 + 4 + 16;
    for (size_t n = 0; n < image.size(); n += n < 200 ? 1 : 97) {
      PrivateState copy;
      EXPECT_THROW(copy.restore(image.data(), n), Error);
      EXPECT_FALSE(copy.started());
    }
    for (size_t i = 0; i < 8 * image.size(); i += i < 800 ? 1 : 61) {
      std::vector<uint8_t> flipped = image;
      flipped[i / 8] ^= static_cast<uint8_t>(1 << (i % 8));
      PrivateState copy;
      if (i / 8 >= head || i / 8 == 1) {  // the statistic is told twice
        EXPECT_THROW(copy.restore(flipped.data(), flipped.size()), Error) << i;
        continue;
      }
      try {
        copy.restore(flipped.data(), flipped.size());
        EXPECT_EQ(copy.image(), flipped);
        copy.job().privacy.check();
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace lowdim::core
