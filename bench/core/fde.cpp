// What fixed-dimensional encodings find of the exact MaxSim answer on a multi-vector set, and how many
// candidates the alternatives need: the single-vector heuristic (each vector of the query asks for its
// nearest document vectors; the documents in the order in which they turn up) and mean vectors.
//   fde --set DIR [--queries N] [--fill on|off] [--join N] [--what all|dims|fill|final|center|grid|carve]
// DIR has base.mvecs, query.mvecs and truth.ivecs.
// --join N makes a document of every N that follow each other, and finds the exact answer itself. For each
// encoding: its dimensions, how much of the exact top 100 is among its first 100, and the candidates after
// which 80 and 90 % of the queries have their exact best document, and 80 and 90 % of the exact top 10 are
// found. All scores are exact float products of whole encodings: no index, no codes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "../data/mvecs.h"
#include "core/multi/carve.h"
#include "core/multi/fde.h"
#include "core/multi/maxsim.h"
#include "core/simd/kernels.h"

namespace {

using lowdim::bench::Matrix;
using lowdim::bench::MultiSet;
using lowdim::core::FdeEncoder;
using lowdim::core::FdeOptions;
using lowdim::core::MultiView;
using lowdim::core::Stop;

constexpr unsigned kThreads = 2;

struct Task {
  MultiSet base, queries;
  Matrix<int32_t> truth;
  size_t n;  // queries used
};

MultiView view(const MultiSet& set, size_t i) { return {set.document(i), set.count(i), set.dims}; }

// body(thread, i) for all i below n, in shares.
void in_threads(size_t n, const std::function<void(unsigned, size_t)>& body) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = n * t / kThreads; i < n * (t + 1) / kThreads; ++i) body(t, i);
    });
  for (std::thread& thread : threads) thread.join();
}

// Scores of all documents for all queries, [query][document].
using Scores = std::vector<std::vector<float>>;

// Where an encoded query is not zero.
struct Run {
  uint32_t start, length;
};
std::vector<Run> runs_of(const std::vector<float>& x) {
  constexpr uint32_t kStep = 16;
  std::vector<Run> runs;
  for (uint32_t i = 0; i < x.size(); i += kStep) {
    const uint32_t length = std::min<uint32_t>(kStep, static_cast<uint32_t>(x.size()) - i);
    if (std::all_of(x.begin() + i, x.begin() + i + length, [](float v) { return v == 0; })) continue;
    if (!runs.empty() && runs.back().start + runs.back().length == i) {
      runs.back().length += length;
    } else {
      runs.push_back({i, length});
    }
  }
  return runs;
}

Scores score_encodings(const Task& task, const FdeOptions& options) {
  FdeEncoder encoder(options, task.base.dims);
  std::vector<std::vector<float>> queries(task.n, std::vector<float>(encoder.out_dims()));
  std::vector<std::vector<Run>> runs;
  for (size_t q = 0; q < task.n; ++q) {
    encoder.query(view(task.queries, q), queries[q].data(), Stop{});
    runs.push_back(runs_of(queries[q]));
  }
  Scores scores(task.n, std::vector<float>(task.base.size()));
  std::vector<FdeEncoder> encoders(kThreads, encoder);
  std::vector<std::vector<float>> encoded(kThreads, std::vector<float>(encoder.out_dims()));
  const auto dot = lowdim::simd::kernels().dot_f32;
  in_threads(task.base.size(), [&](unsigned t, size_t d) {
    const float* const x = encoded[t].data();
    encoders[t].document(view(task.base, d), encoded[t].data(), Stop{});
    for (size_t q = 0; q < task.n; ++q) {
      float sum = 0;
      for (const Run& run : runs[q]) sum += dot(queries[q].data() + run.start, x + run.start, run.length);
      scores[q][d] = sum;
    }
  });
  return scores;
}

// Documents by the rank, among all document vectors, of the nearest of theirs to any vector of the query: the
// order in which the single-vector heuristic meets them, however far each vector's list goes.
Scores score_single_vectors(const Task& task) {
  Scores scores(task.n, std::vector<float>(task.base.size()));
  const auto dot = lowdim::simd::kernels().dot_f32;
  in_threads(task.n, [&](unsigned, size_t q) {
    std::vector<std::pair<float, uint32_t>> nearest;  // of a document, to one vector of the query
    std::fill(scores[q].begin(), scores[q].end(), -1e30f);
    for (uint32_t j = 0; j < task.queries.count(q); ++j) {
      nearest.clear();
      const float* const x = task.queries.document(q) + size_t{j} * task.base.dims;
      for (size_t d = 0; d < task.base.size(); ++d)
        for (uint32_t i = 0; i < task.base.count(d); ++i)
          nearest.emplace_back(-dot(x, task.base.document(d) + size_t{i} * task.base.dims, task.base.dims),
                               static_cast<uint32_t>(d));
      const size_t most = std::min<size_t>(nearest.size(), 60000);
      std::partial_sort(nearest.begin(), nearest.begin() + static_cast<ptrdiff_t>(most), nearest.end());
      for (size_t rank = 0; rank < most; ++rank) {
        float& score = scores[q][nearest[rank].second];
        score = std::max(score, -static_cast<float>(rank));
      }
    }
  });
  return scores;
}

// Exact answers for documents that truth.ivecs does not know: the best 100 by MaxSim.
Matrix<int32_t> exact_answers(const Task& task) {
  constexpr size_t kBest = 100;
  Matrix<int32_t> truth(task.n, kBest);
  in_threads(task.n, [&](unsigned, size_t q) {
    std::vector<std::pair<double, int32_t>> scores;
    std::vector<float> best(task.queries.count(q));
    for (size_t d = 0; d < task.base.size(); ++d) {
      lowdim::core::max_matches(view(task.base, d), view(task.queries, q), best.data(), nullptr, Stop{});
      scores.emplace_back(-lowdim::core::sum_matches(best.data(), task.queries.count(q)),
                          static_cast<int32_t>(d));
    }
    std::partial_sort(scores.begin(), scores.begin() + kBest, scores.end());
    for (size_t i = 0; i < kBest; ++i) truth.row(q)[i] = scores[i].second;
  });
  return truth;
}

void join_documents(MultiSet& set, size_t together) {
  std::vector<uint64_t> starts{0};
  for (size_t i = together; i < set.starts.size(); i += together) starts.push_back(set.starts[i]);
  set.starts = starts;
}

Scores score_means(const Task& task) {
  FdeOptions mean;
  mean.repetitions = 1;
  mean.k_sim = 0;
  mean.d_proj = task.base.dims;
  return score_encodings(task, mean);
}

struct Result {
  double recall_100;
  size_t best_80, best_90, top_80, top_90;
};

size_t quantile(std::vector<size_t> ranks, double share) {
  std::sort(ranks.begin(), ranks.end());
  const size_t at = static_cast<size_t>(std::ceil(share * static_cast<double>(ranks.size()))) - 1;
  return ranks[at] + 1;
}

Result judge(const Task& task, const Scores& scores) {
  constexpr size_t kTop = 10, kMany = 100;
  std::vector<size_t> best, top;
  double found = 0;
  for (size_t q = 0; q < task.n; ++q) {
    const std::vector<float>& of = scores[q];
    for (size_t i = 0; i < kMany; ++i) {
      const float score = of[static_cast<size_t>(task.truth.row(q)[i])];
      const size_t rank =
          static_cast<size_t>(std::count_if(of.begin(), of.end(), [&](float s) { return s > score; }));
      if (i == 0) best.push_back(rank);
      if (i < kTop) top.push_back(rank);
      found += rank < kMany ? 1 : 0;
    }
  }
  return {found / static_cast<double>(task.n * kMany), quantile(best, 0.8), quantile(best, 0.9),
          quantile(top, 0.8), quantile(top, 0.9)};
}

void report(const char* name, uint32_t dims, const Result& r) {
  std::printf("%-66s %6u %8.4f %7zu %7zu %7zu %7zu\n", name, dims, r.recall_100, r.best_80, r.best_90,
              r.top_80, r.top_90);
  std::fflush(stdout);
}

Result report_encoding(const Task& task, const FdeOptions& options, Scores* kept = nullptr) {
  Scores scores = score_encodings(task, options);
  const Result result = judge(task, scores);
  std::string name = options.text();
  if (const size_t at = name.find(" center="); at != std::string::npos)
    name = name.substr(0, at) + " center=mean";
  report(name.c_str(), lowdim::core::fde_dims(options, task.base.dims), result);
  if (kept != nullptr) *kept = std::move(scores);
  return result;
}

lowdim::core::FillEmpty fill = lowdim::core::FillEmpty::kByDefault;  // --fill, but for --what fill

FdeOptions options(uint32_t repetitions, uint32_t k_sim, uint32_t d_proj, uint32_t final_dims = 0) {
  FdeOptions o;
  o.repetitions = repetitions;
  o.k_sim = k_sim;
  o.d_proj = d_proj;
  o.final_dims = final_dims;
  o.fill_empty = fill;
  return o;
}

std::vector<float> mean_vector(const MultiSet& set) {
  std::vector<double> sum(set.dims);
  for (size_t i = 0; i < set.vectors(); ++i)
    for (uint32_t d = 0; d < set.dims; ++d) sum[d] += static_cast<double>(set.x[i * set.dims + d]);
  std::vector<float> mean;
  for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(set.vectors())));
  return mean;
}

// Bits of which block a document vector is in, mean over repetitions: k_sim where all are used alike.
double entropy(const Task& task, const FdeOptions& options) {
  FdeEncoder encoder(options, task.base.dims);
  const MultiView all{task.base.x.data(),
                      static_cast<uint32_t>(std::min<size_t>(task.base.vectors(), 200000)), task.base.dims};
  std::vector<uint32_t> block_of(all.count);
  double sum = 0;
  for (uint32_t r = 0; r < options.repetitions; ++r) {
    encoder.blocks(all, r, block_of.data());
    std::vector<double> members(size_t{1} << options.k_sim);
    for (const uint32_t b : block_of) ++members[b];
    for (const double m : members)
      if (m > 0) sum -= m / all.count * std::log2(m / all.count) / options.repetitions;
  }
  return sum;
}

// Recall at 10 of MaxSim with carved queries, among the first 1000 by encoding, beside that of the whole
// queries.
void report_carving(const Task& task) {
  const Scores scores = score_encodings(task, options(20, 4, 16));
  for (const double threshold : {1.0, 0.9, 0.8, 0.7, 0.6, 0.5}) {
    double found = 0, vectors = 0;
    for (size_t q = 0; q < task.n; ++q) {
      std::vector<float> carved(size_t{task.queries.count(q)} * task.queries.dims);
      const uint32_t n = lowdim::core::carve(view(task.queries, q), threshold, carved.data(), Stop{});
      const MultiView query{carved.data(), n, task.queries.dims};
      vectors += n;
      std::vector<std::pair<double, size_t>> candidates;
      for (size_t d = 0; d < task.base.size(); ++d) candidates.emplace_back(-scores[q][d], d);
      std::nth_element(candidates.begin(), candidates.begin() + 1000, candidates.end());
      candidates.resize(1000);
      std::vector<float> best(n);
      for (auto& [score, d] : candidates) {
        lowdim::core::max_matches(view(task.base, d), query, best.data(), nullptr, Stop{});
        score = -lowdim::core::sum_matches(best.data(), n);
      }
      std::sort(candidates.begin(), candidates.end());
      for (size_t i = 0; i < 10; ++i)
        for (size_t j = 0; j < 10; ++j)
          found += candidates[i].second == static_cast<size_t>(task.truth.row(q)[j]);
    }
    std::printf("carve at %.1f: %.2f vectors a query, recall@10 %.4f\n", threshold,
                vectors / static_cast<double>(task.n), found / static_cast<double>(10 * task.n));
  }
}

void run(const lowdim::bench::Arguments& args) {
  Task task;
  const std::string folder = args.required("set"), what = args.text("what", "all");
  task.base = lowdim::bench::read_mvecs(folder + "/base.mvecs");
  task.queries = lowdim::bench::read_mvecs(folder + "/query.mvecs");
  task.truth = lowdim::bench::read_ivecs(folder + "/truth.ivecs");
  task.n = std::min(args.count("queries", 300), task.queries.size());
  if (args.text("fill", "on") == "off") fill = lowdim::core::FillEmpty::kOff;
  if (const size_t together = args.count("join", 1); together > 1) {
    join_documents(task.base, together);
    task.truth = exact_answers(task);
  }
  const uint32_t d = task.base.dims;
  std::printf("%zu documents, %zu vectors of %u dimensions, %zu queries\n", task.base.size(),
              task.base.vectors(), d, task.n);
  std::printf("%-66s %6s %8s %7s %7s %7s %7s\n", "encoding", "dims", "rec@100", "1: 80%", "90%", "10: 80%",
              "90%");
  const auto wanted = [&](const char* part) { return what == "all" || what == part; };
  if (wanted("dims")) {
    report("single vectors, deduplicated", 0, judge(task, score_single_vectors(task)));
    report("mean vectors", d, judge(task, score_means(task)));
    for (const uint32_t repetitions : {5u, 10u, 20u, 40u, 80u})
      report_encoding(task, options(repetitions, 3, 16));
    for (const uint32_t repetitions : {5u, 10u, 20u, 40u}) report_encoding(task, options(repetitions, 4, 16));
  }
  if (wanted("fill")) {
    for (const auto& [repetitions, k_sim] : {std::pair{80u, 3u}, {40u, 4u}, {20u, 5u}}) {
      for (const auto filled : {lowdim::core::FillEmpty::kByDefault, lowdim::core::FillEmpty::kOff}) {
        FdeOptions o = options(repetitions, k_sim, 8);
        o.fill_empty = filled;
        report_encoding(task, o);
      }
    }
  }
  if (wanted("final")) {
    report_encoding(task, options(20, 4, 16));
    report_encoding(task, options(40, 6, d, 2560));
    report_encoding(task, options(40, 6, d, 5120));
    report_encoding(task, options(40, 6, d, 10240));
    report_encoding(task, options(40, 4, d, 5120));
  }
  if (wanted("center")) {
    for (const uint32_t k_sim : {3u, 4u, 5u}) {
      FdeOptions o = options(20, k_sim, 16), centered = o;
      centered.center = mean_vector(task.base);
      std::printf("entropy of blocks at k_sim %u: %.2f bits, with center %.2f\n", k_sim, entropy(task, o),
                  entropy(task, centered));
      report_encoding(task, o);
      report_encoding(task, centered);
    }
  }
  if (wanted("grid")) {
    for (const uint32_t k_sim : {2u, 3u, 4u, 5u})
      for (const uint32_t d_proj : {8u, 16u, 32u})
        for (const uint32_t dims : {2560u, 5120u}) {
          const uint32_t repetitions = dims / (d_proj << k_sim);
          if (repetitions > 0) report_encoding(task, options(repetitions, k_sim, d_proj));
        }
  }
  if (wanted("carve")) report_carving(task);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(argc, argv,
                                 "fde --set DIR [--queries 300] [--fill on|off] [--join N] [--what "
                                 "all|dims|fill|final|center|grid|carve]\n",
                                 {"set", "queries", "fill", "join", "what"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fde: %s\n", e.what());
    return 1;
  }
}
