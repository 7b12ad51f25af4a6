// The advice on encodings: what it promises holds when counted again from the definition, the sample is
// uniform and within its budget, the same seed gives the same answer, and it stops when asked.

#include "core/multi/advice.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/multi/fde.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kDims = 24;
constexpr size_t kBudget = size_t{64} << 20;

struct Set {
  std::vector<float> x;
  uint32_t dims = kDims;
  MultiView view() const { return {x.data(), static_cast<uint32_t>(x.size() / dims), dims}; }
};

// Documents about a few of 40 topics each: vectors near the topics' directions, off the origin where `shift`
// says so.
Set about_topics(uint32_t vectors, uint64_t seed, double noise = 0.4, double shift = 0,
                 uint32_t dims = kDims) {
  Random random(seed);
  Set set{{}, dims};
  uint64_t topics[3];
  for (uint64_t& topic : topics) topic = random.below(40);
  for (uint32_t i = 0; i < vectors; ++i) {
    Random direction(1000 + topics[random.below(3)]);
    for (uint32_t d = 0; d < dims; ++d)
      set.x.push_back(static_cast<float>(shift + direction.normal() + noise * random.normal()));
  }
  return set;
}

std::vector<Set> collection(size_t n, uint64_t seed, double shift = 0) {
  std::vector<Set> sets;
  for (size_t i = 0; i < n; ++i) sets.push_back(about_topics(4 + i % 9, seed * 100000 + i, 0.4, shift));
  return sets;
}

struct Advice {
  FdeAdvisor advisor;
  std::string answer;
};

void run(Advice& r, const std::vector<Set>& documents, const std::vector<Set>& queries, double target,
         size_t budget = kBudget, uint64_t seed = 1) {
  r.advisor.start(target, budget, seed);
  for (const Set& d : documents) {
    if (!r.advisor.skip()) r.advisor.add(d.view());
  }
  for (const Set& q : queries) r.advisor.add_query(q.view());
  r.advisor.begin(Stop{});
  for (size_t i = 0; i < r.advisor.steps(); ++i) r.advisor.step(i, Stop{});
  r.answer = r.advisor.answer(Stop{});
}

// The first value of the key, as text.
std::string field(const std::string& json, const std::string& key) {
  const size_t at = json.find("\"" + key + "\": ");
  if (at == std::string::npos) return "missing";
  const size_t start = at + key.size() + 4;
  if (json[start] == '"') return json.substr(start + 1, json.find('"', start + 1) - start - 1);
  return json.substr(start, json.find_first_of(",}", start) - start);
}

double maxsim(const Set& document, const Set& query) {
  double sum = 0;
  for (size_t q = 0; q < query.x.size(); q += query.dims) {
    double best = -1e300;
    for (size_t d = 0; d < document.x.size(); d += query.dims)
      best = std::max(best, std::inner_product(query.x.begin() + static_cast<long>(q),
                                               query.x.begin() + static_cast<long>(q + query.dims),
                                               document.x.begin() + static_cast<long>(d), 0.0));
    sum += best;
  }
  return sum;
}

template <class Score>
std::vector<size_t> ranking(size_t n, Score score) {
  std::vector<double> scores;
  for (size_t i = 0; i < n; ++i) scores.push_back(score(i));
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

// The mean share of the exact ten best among the first c by encodings.
double recall(const std::vector<Set>& documents, const std::vector<Set>& queries, const FdeOptions& options,
              size_t c) {
  FdeEncoder encoder(options, kDims);
  const size_t dims = encoder.out_dims();
  std::vector<float> encoded(documents.size() * dims), q(dims);
  for (size_t i = 0; i < documents.size(); ++i)
    encoder.document(documents[i].view(), encoded.data() + i * dims, Stop{});
  double hits = 0;
  for (const Set& query : queries) {
    encoder.query(query.view(), q.data(), Stop{});
    const std::vector<size_t> exact =
        ranking(documents.size(), [&](size_t i) { return maxsim(documents[i], query); });
    const std::vector<size_t> found = ranking(documents.size(), [&](size_t i) {
      return std::inner_product(q.begin(), q.end(), encoded.begin() + static_cast<long>(i * dims), 0.0);
    });
    for (size_t i = 0; i < c; ++i) hits += std::count(exact.begin(), exact.begin() + 10, found[i]);
  }
  return hits / static_cast<double>(10 * queries.size());
}

TEST(FdeAdvice, ReachesItsTarget) {
  const std::vector<Set> documents = collection(300, 1), queries = collection(20, 2);
  for (const double target : {0.7, 0.95}) {
    Advice r;
    run(r, documents, queries, target);
    EXPECT_EQ(field(r.answer, "queries_from"), "argument");
    EXPECT_EQ(field(r.answer, "documents"), "300");
    EXPECT_EQ(field(r.answer, "table_rows"), "300");
    EXPECT_EQ(field(r.answer, "queries"), "20");
    EXPECT_EQ(field(r.answer, "reached"), "true");
    const FdeOptions options = parse_fde_options(field(r.answer, "options"));
    const size_t candidates = std::stoul(field(r.answer, "candidates"));
    EXPECT_EQ(std::stoul(field(r.answer, "dims")), fde_dims(options, kDims));
    // Sums in another order may swap two neighbours.
    const double counted = recall(documents, queries, options, candidates);
    EXPECT_GE(counted, target - 0.004);
    EXPECT_NEAR(std::stod(field(r.answer, "recall")), counted, 0.004);
    EXPECT_LT(recall(documents, queries, options, candidates - 1), target + 0.004);
    // Every trial is what the definition says.
    const FdeTrial& some = r.advisor.trials()[3];
    EXPECT_NEAR(some.recall, recall(documents, queries, some.options, some.candidates), 0.004);
    EXPECT_NEAR(some.recall_at_100, recall(documents, queries, some.options, 100), 0.004);
  }
}

TEST(FdeAdvice, MoreRecallNeedsMoreCandidates) {
  const std::vector<Set> documents = collection(300, 3), queries = collection(10, 4);
  size_t last = 0;
  for (const double target : {0.3, 0.6, 0.9, 1.0}) {
    Advice r;
    run(r, documents, queries, target);
    const FdeTrial& first = r.advisor.trials().front();
    EXPECT_GT(first.candidates, last);
    EXPECT_GE(first.recall, first.reached ? target : 0);
    last = first.candidates;
  }
}

TEST(FdeAdvice, TriesWhatFits) {
  Advice r;
  run(r, collection(150, 5), {}, 0.8);
  std::vector<std::string> names;
  for (size_t i = 0; i < r.advisor.steps(); ++i) names.emplace_back(r.advisor.step_name(i));
  const auto has = [&](const char* name) { return std::count(names.begin(), names.end(), name) == 1; };
  EXPECT_TRUE(has("repetitions=10 k_sim=3 d_proj=8 seed=1"));
  EXPECT_TRUE(has("repetitions=20 k_sim=5 d_proj=16 seed=1"));
  EXPECT_TRUE(has("repetitions=20 k_sim=4 d_proj=24 seed=1"));
  EXPECT_FALSE(has("repetitions=20 k_sim=5 d_proj=24 seed=1"));  // 15,360 dimensions
  EXPECT_TRUE(has("repetitions=40 k_sim=6 d_proj=24 seed=1 final_dims=2560"));
  EXPECT_TRUE(has("repetitions=40 k_sim=6 d_proj=24 seed=1 final_dims=5120"));
  ASSERT_EQ(r.advisor.trials().size(), names.size());
  for (const FdeTrial& t : r.advisor.trials()) EXPECT_LE(t.dims, 10240u);
  EXPECT_EQ(r.advisor.trials().back().options.center.size(), kDims);
  const FdeTrial& unfilled = r.advisor.trials()[names.size() - 2];
  EXPECT_EQ(unfilled.options.fill_empty, FillEmpty::kOff);
  EXPECT_TRUE(unfilled.options.center.empty());
}

TEST(FdeAdvice, HoldsQueriesOut) {
  std::vector<Set> documents = collection(150, 6);
  for (size_t i = 0; i < documents.size(); ++i) documents[i] = about_topics(50, 700 + i);
  Advice r;
  run(r, documents, {}, 0.8);
  EXPECT_EQ(field(r.answer, "queries_from"), "held out");
  EXPECT_EQ(field(r.answer, "queries"), "30");
  EXPECT_EQ(field(r.answer, "documents"), "120");
  EXPECT_EQ(field(r.answer, "vectors_per_document"), "50");
  EXPECT_NE(r.answer.find("first 32 vectors"), std::string::npos);
  const double entropy = std::stod(field(r.answer, "bucket_entropy"));
  EXPECT_GT(entropy, 1);
  EXPECT_LE(entropy, parse_fde_options(field(r.answer, "options")).k_sim);
}

// Most vectors are on the same side of many hyperplanes through the origin.
TEST(FdeAdvice, CenterHelpsShiftedVectors) {
  Advice r;
  run(r, collection(600, 7, 1), collection(40, 8, 1), 0.9);
  EXPECT_EQ(field(r.answer, "center_helps"), "true");
  const FdeOptions options = parse_fde_options(field(r.answer, "options"));
  ASSERT_EQ(options.center.size(), kDims);
  EXPECT_NEAR(options.center[5], 1, 0.5);
  EXPECT_NE(r.answer.find("\"center\": \"mean\"}"), std::string::npos);
}

TEST(FdeAdvice, SameSeedSameAnswer) {
  const std::vector<Set> documents = collection(300, 9), queries = collection(10, 14);
  const size_t budget = 200000;  // of about 180 documents
  Advice a, b, c;
  run(a, documents, queries, 0.9, budget, 5);
  run(b, documents, queries, 0.9, budget, 5);
  run(c, documents, queries, 0.9, budget, 6);
  EXPECT_LT(a.advisor.documents(), 300u);
  EXPECT_EQ(a.answer, b.answer);
  EXPECT_NE(a.answer, c.answer);
}

// The scores of a query do not depend on the batch that its encoding is in.
TEST(FdeAdvice, BatchesDoNotMatter) {
  const std::vector<Set> documents = collection(120, 10), queries = collection(12, 11);
  Advice large, small;
  run(large, documents, queries, 0.9, kBudget);
  run(small, documents, queries, 0.9, 150000);  // less than one of the larger encodings
  ASSERT_EQ(small.advisor.documents(), 120u);
  EXPECT_EQ(large.answer, small.answer);
}

TEST(FdeAdvice, SampleIsUniformAndWithinItsBudget) {
  const size_t budget = 100000;
  std::vector<int> taken(10);
  double vectors = 0, documents = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    FdeAdvisor advisor;
    advisor.start(0.9, budget, seed);
    for (size_t i = 0; i < 3000; ++i) {
      const Set set = about_topics(i % 2 == 0 ? 2 : 6, i, 0.4, 0, 4);
      if (!advisor.skip()) advisor.add(set.view());
      ASSERT_LE(advisor.sample_bytes(), budget);
    }
    EXPECT_EQ(advisor.seen(), 3000u);
    advisor.begin(Stop{});
    documents += static_cast<double>(advisor.documents());
    vectors += static_cast<double>(advisor.sample_bytes());
    EXPECT_GT(advisor.sample_bytes(), budget / 2);
  }
  // Held-out documents are a fifth. Documents have 64 bytes beside 4 vectors of 16 bytes on average.
  EXPECT_NEAR(vectors / (documents / 0.8), 64 + 64, 8);
}

TEST(FdeAdvice, SampleHasAtMostItsNumber) {
  FdeAdvisor advisor;
  advisor.start(0.9, kBudget, 1);
  const Set set{{1, 2}, 2};
  size_t skipped = 0;
  for (size_t i = 0; i < 20000; ++i) {
    if (advisor.skip()) {
      ++skipped;
    } else {
      advisor.add(set.view());
    }
  }
  EXPECT_EQ(advisor.documents(), FdeAdvisor::kMaxDocuments);
  EXPECT_EQ(advisor.seen(), 20000u);
  EXPECT_GT(skipped, 5000u);  // most need not be read: 20000 - 5000 (1 + ln 4)
}

TEST(FdeAdvice, GivenQueriesAreBounded) {
  FdeAdvisor advisor;
  advisor.start(0.9, kBudget, 1);
  const Set set{{1, 2}, 2};
  for (int i = 0; i < 300; ++i) advisor.add_query(set.view());
  EXPECT_EQ(advisor.queries(), FdeAdvisor::kMaxQueries);
}

TEST(FdeAdvice, EqualDocumentsAreAllGood) {
  const std::vector<Set> documents(200, about_topics(5, 1));
  Advice r;
  run(r, documents, {}, 1);
  EXPECT_EQ(field(r.answer, "candidates"), "10");
  EXPECT_EQ(field(r.answer, "recall"), "1");
}

TEST(FdeAdvice, SaysWhenNothingReaches) {
  // Random directions in few dimensions, and every document is wanted: nothing tells them apart.
  std::vector<Set> documents, queries;
  Random random(5);
  for (int i = 0; i < 130; ++i) {
    Set set;
    for (uint32_t d = 0; d < 60 * kDims; ++d) set.x.push_back(static_cast<float>(random.normal()));
    (i < 120 ? documents : queries).push_back(set);
  }
  Advice r;
  run(r, documents, queries, 1);
  EXPECT_EQ(field(r.answer, "reached"), "false");
  EXPECT_EQ(field(r.answer, "candidates"), "60");
  EXPECT_LT(std::stod(field(r.answer, "recall")), 1);
  EXPECT_NE(r.answer.find("No options reach the target"), std::string::npos);
  EXPECT_NE(r.answer.find("\"candidates\": null"), std::string::npos);
}

TEST(FdeAdvice, ExtremeElements) {
  std::vector<Set> documents = collection(120, 12);
  for (Set& set : documents) {
    for (float& x : set.x) x *= 1e37f;  // products are infinite and not a number
  }
  Advice r;
  run(r, documents, {}, 0.9);
  EXPECT_NE(field(r.answer, "candidates"), "missing");
}

TEST(FdeAdvice, ManyDimensions) {
  std::vector<Set> documents;
  for (size_t i = 0; i < 100; ++i) documents.push_back(about_topics(2, i, 0.4, 0, 2000));
  FdeAdvisor advisor;
  advisor.start(0.9, kBudget, 1);
  for (const Set& d : documents) advisor.add(d.view());
  advisor.begin(Stop{});
  EXPECT_EQ(advisor.steps(), 19u);  // no block of 2000 dimensions fits, nor does 40 x 2^6 of them
}

ErrorKind kind_of(auto f) {
  try {
    f();
  } catch (const Error& e) {
    return e.kind();
  }
  return ErrorKind::kInternal;
}

TEST(FdeAdvice, Refuses) {
  for (const double target : {0.0, -1.0, 1.01, double{NAN}}) {
    EXPECT_EQ(kind_of([=] { FdeAdvisor().start(target, kBudget, 1); }), ErrorKind::kInvalidParameter);
  }
  FdeAdvisor advisor;
  advisor.start(1, kBudget, 1);
  const Set wide{std::vector<float>(3), 3};
  EXPECT_EQ(kind_of([&] { advisor.begin(Stop{}); }), ErrorKind::kData);
  for (size_t i = 0; i < 99; ++i) advisor.add(about_topics(3, i).view());
  EXPECT_EQ(kind_of([&] { advisor.begin(Stop{}); }), ErrorKind::kData);
  EXPECT_EQ(kind_of([&] { advisor.add(wide.view()); }), ErrorKind::kData);
  EXPECT_EQ(kind_of([&] { advisor.add_query(wide.view()); }), ErrorKind::kData);

  FdeAdvisor poor;
  poor.start(1, 30000, 1);
  for (size_t i = 0; i < 300; ++i) poor.add(about_topics(9, i).view());
  EXPECT_EQ(kind_of([&] { poor.begin(Stop{}); }), ErrorKind::kLimit);
}

TEST(FdeAdvice, StopsWhenAsked) {
  struct Watch {
    size_t polls = 0, limit = SIZE_MAX;
    double last = now(), longest = 0;
    static double now() {
      timespec t;
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
    }
    static bool asked(void* self) {
      Watch& w = *static_cast<Watch*>(self);
      const double t = now();
      w.longest = std::max(w.longest, t - w.last);
      w.last = t;
      return ++w.polls > w.limit;
    }
  };
  const std::vector<Set> documents = collection(100, 13);
  const auto all = [&](Watch& watch) {
    const Stop stop{&Watch::asked, &watch};
    FdeAdvisor advisor;
    advisor.start(0.9, kBudget, 1);
    for (const Set& d : documents) advisor.add(d.view());
    advisor.begin(stop);
    for (size_t i = 0; i < advisor.steps(); ++i) advisor.step(i, stop);
    advisor.answer(stop);
  };
  Watch watch;
  all(watch);
  EXPECT_LT(watch.longest, 0.1);
  for (const size_t limit : {size_t{0}, watch.polls / 3, watch.polls / 2, watch.polls - 1}) {
    Watch cut;
    cut.limit = limit;
    EXPECT_THROW(all(cut), Stopped);
    EXPECT_EQ(cut.polls, limit + 1);
  }
}

FdeTrial trial(uint32_t dims, size_t candidates, bool reached, double recall) {
  FdeTrial t;
  t.dims = dims;
  t.candidates = candidates;
  t.reached = reached;
  t.recall = recall;
  return t;
}

TEST(FdeAdvice, ChoosesFewDimensionsAmongTheBest) {
  EXPECT_EQ(
      choose_trial({trial(900, 100, true, 0.9), trial(300, 120, true, 0.9), trial(200, 121, true, 0.9)}), 1u);
  EXPECT_EQ(choose_trial({trial(900, 100, true, 0.9), trial(900, 90, true, 0.9)}), 1u);
  EXPECT_EQ(choose_trial({trial(100, 50, false, 0.5), trial(900, 500, true, 0.9)}), 1u);
  EXPECT_EQ(
      choose_trial({trial(100, 50, false, 0.5), trial(900, 50, false, 0.6), trial(800, 50, false, 0.6)}), 2u);
}

}  // namespace
}  // namespace lowdim::core
