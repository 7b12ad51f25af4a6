// Does recall depend on the order in which rows come? Rows are put in an order (as the file has them,
// shuffled, by rising and by falling local intrinsic dimension) and indexed: by a plain HNSW graph, row after
// row, and by the graph of lean_hnsw, whose build orders the rows itself. The experiment of Elliott and Clark
// (2024, section 4.2), with the local dimension of a row from its 100 nearest others. docs/benchmarks.md
// quotes its tables.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "../data/truth.h"
#include "lean_graph.h"
#include "plain_hnsw.h"

namespace {

using namespace lowdim;

constexpr size_t kNeighbours = 100;
constexpr const char* kUsage =
    "orders --base FILE --queries FILE --metric l2|cosine [--rows 50000] [--n 1000] [--k 10] [--threads 2]\n"
    "       [--m 16] [--ef-construction 128] [--segments 50] [--ef 10,40] [--draws 1]\n"
    "       [--build-orders shuffle,lid_desc,heap] [--labels FILE]\n"
    "  the first rows of FILE; --labels: a number a line, for an order class by class; --draws: so many "
    "graphs\n"
    "  with other levels, numberings and samples, of which the mean is given with its standard error\n";

// -1 / mean ln(T_j / T_k) over the k nearest others, zero distances dropped; 0 where there is none.
std::vector<double> local_dimensions(const bench::Matrix<float>& base, size_t threads) {
  const bench::Truth near = bench::find_truth(bench::Metric::kL2, base, base, kNeighbours + 1, threads);
  std::vector<double> out(base.rows, 0);
  for (size_t i = 0; i < base.rows; ++i) {
    const float* squared = near.distances.row(i);
    const double last = static_cast<double>(squared[near.distances.cols - 1]);
    double logs = 0;
    size_t n = 0;
    for (size_t j = 0; j < near.distances.cols; ++j) {
      const double d = static_cast<double>(squared[j]);
      if (d <= 1e-6 * last) continue;  // the row itself, up to rounding, and its equals
      logs += 0.5 * std::log(last / d);
      ++n;
    }
    if (logs > 0) out[i] = static_cast<double>(n) / logs;
  }
  return out;
}

struct Mean {
  double value, error;  // its standard error
};
Mean mean_of(const std::vector<double>& draws) {
  const double n = static_cast<double>(draws.size());
  double sum = 0, squares = 0;
  for (const double x : draws) sum += x;
  for (const double x : draws) squares += (x - sum / n) * (x - sum / n);
  return {sum / n, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

std::vector<int> read_labels(const std::string& path, size_t rows) {
  std::ifstream in(path);
  std::vector<int> labels;
  for (int label; labels.size() < rows && in >> label;) labels.push_back(label);
  if (labels.size() < rows) throw std::runtime_error(path + " has fewer labels than there are rows");
  return labels;
}

int run(const bench::Arguments& args) {
  bench::Matrix<float> base = bench::read_vectors(args.required("base"), args.count("rows", 50000));
  bench::Matrix<float> queries = bench::read_vectors(args.required("queries"), args.count("n", 1000));
  const std::string metric = args.required("metric");
  if (metric == "cosine") {
    bench::normalize(base);
    bench::normalize(queries);
  } else if (metric != "l2") {
    throw std::invalid_argument("metric must be l2 or cosine, not " + metric);
  }
  const size_t k = args.count("k", 10), threads = args.count("threads", 2);
  const uint32_t n = static_cast<uint32_t>(base.rows), m = static_cast<uint32_t>(args.count("m", 16));
  std::vector<uint32_t> efs;
  for (const std::string& word : bench::split(args.text("ef", "10,40"))) {
    efs.push_back(static_cast<uint32_t>(std::stoul(word)));
  }
  const bench::Matrix<int32_t> truth = bench::find_truth(bench::Metric::kL2, base, queries, k, threads).ids;

  const std::vector<double> lid = local_dimensions(base, threads);
  std::vector<double> sorted = lid;
  std::sort(sorted.begin(), sorted.end());
  std::printf("%u rows of %zu dimensions, local dimension %.1f / %.1f / %.1f (p10, p50, p90)\n\n", n,
              base.cols, sorted[n / 10], sorted[n / 2], sorted[n - 1 - n / 10]);

  std::map<std::string, std::vector<uint32_t>> arrivals;
  std::vector<uint32_t> file(n);
  std::iota(file.begin(), file.end(), 0u);
  const auto by = [&](auto before) {
    std::vector<uint32_t> order = file;
    std::stable_sort(order.begin(), order.end(), before);
    return order;
  };
  arrivals["file"] = file;
  arrivals["shuffled"] = bench::shuffled(n, 9);
  arrivals["rising"] = by([&](uint32_t a, uint32_t b) { return lid[a] < lid[b]; });
  arrivals["falling"] = by([&](uint32_t a, uint32_t b) { return lid[a] > lid[b]; });
  if (args.has("labels")) {
    const std::vector<int> labels = read_labels(args.text("labels", ""), n);
    arrivals["by class"] = by([&](uint32_t a, uint32_t b) { return labels[a] < labels[b]; });
  }

  const size_t draws = args.count("draws", 1);
  const std::vector<std::string> orders = bench::split(args.text("build-orders", "shuffle,lid_desc,heap"));
  std::map<std::string, std::map<std::string, std::vector<double>>> table;  // graph and ef, arrival; of draws
  for (const auto& [name, arrival] : arrivals) {
    const bench::Matrix<float> rows = bench::rows_in_order(base, arrival);
    for (size_t draw = 0; draw < draws; ++draw) {
      const auto put = [&](const std::string& graph, uint32_t ef, bench::Recall& recall) {
        table[graph + " | " + std::to_string(ef)][name].push_back(recall.value());
      };
      bench::PlainHnsw plain(rows, m, static_cast<uint32_t>(args.count("ef-construction", 128)), 5 + draw);
      for (const uint32_t ef : efs) {
        bench::Recall recall(truth, arrival, k);
        for (size_t q = 0; q < queries.rows; ++q) {
          for (const auto& [d, i] : plain.search(queries.row(q), ef)) recall.see(q, d, i);
        }
        put("hnsw", ef, recall);
      }
      // As in a server: nodes are numbered by what they contain, whatever order the rows came in.
      const std::vector<uint32_t> places =
          core::order_by_content({rows.values.data(), rows.rows, rows.cols}, 1 + draw);
      const bench::Matrix<float> nodes = bench::rows_in_order(rows, places);
      std::vector<uint32_t> ids(n);
      for (uint32_t i = 0; i < n; ++i) ids[i] = arrival[places[i]];
      for (const std::string& order : orders) {
        bench::LeanGraphOptions o;
        o.quiet = true;
        o.threads = threads;
        o.seed = 2 + draw;
        o.segments = static_cast<uint32_t>(args.count("segments", o.segments));
        o.graph.degree = 2 * m;
        o.graph.order = bench::order_named(order);
        const bench::LeanGraph lean(nodes, places, o);
        for (const uint32_t ef : efs) {
          bench::Recall recall(truth, ids, k);
          lean.search(queries, queries.rows, ef, [&](size_t q, float d, uint32_t i) { recall.see(q, d, i); });
          put("lean_hnsw, " + order, ef, recall);
        }
      }
    }
    std::fprintf(stderr, "%s done\n", name.c_str());
  }

  std::printf("| graph | ef |");
  for (const auto& [name, arrival] : arrivals) std::printf(" %s |", name.c_str());
  std::printf(" falling - rising | spread |\n| --- | ---: |");
  for (size_t i = 0; i < arrivals.size() + 2; ++i) std::printf(" ---: |");
  std::printf("\n");
  for (const auto& [graph, recalls] : table) {
    double low = 1, high = 0;
    std::printf("| %s |", graph.c_str());
    for (const auto& [name, recall] : recalls) {
      const Mean mean = mean_of(recall);
      std::printf(draws > 1 ? " %.4f +- %.4f |" : " %.4f |", mean.value, mean.error);
      low = std::min(low, mean.value);
      high = std::max(high, mean.value);
    }
    std::vector<double> apart = recalls.at("falling");
    for (size_t i = 0; i < draws; ++i) apart[i] = 100 * (apart[i] - recalls.at("rising")[i]);
    const Mean mean = mean_of(apart);
    std::printf(draws > 1 ? " %+.2f +- %.2f |" : " %+.2f |", mean.value, mean.error);
    std::printf(" %.2f |\n", 100 * (high - low));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments args(argc, argv, kUsage,
                              {"base", "queries", "metric", "rows", "n", "k", "threads", "m",
                               "ef-construction", "segments", "ef", "labels", "draws", "build-orders"});
  try {
    return run(args);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "orders: %s\n", e.what());
    return 1;
  }
}
