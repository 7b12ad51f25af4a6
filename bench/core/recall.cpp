// Recall of codecs by exhaustive code scan: every codec is trained on the whole base, encodes all of it, and
// the codes nearest to each held-out query by estimated distance are compared with the exact neighbours.
// With `rerank`, that many candidates are reordered by exact distance first. Prints a Markdown table; the
// tables of docs/compression.md are made with it.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "../data/truth.h"
#include "core/codec/train.h"

namespace {

using namespace lowdim;

constexpr const char* kUsage =
    "recall --base FILE --queries FILE --metric l2|cosine|ip --codec SPEC [--codec SPEC ...]\n"
    "       [--n 200] [--k 10] [--rows N] [--learn N | --learn-from FILE] [--budget MB]\n"
    "  FILE   .fvecs or .bvecs\n"
    "  SPEC   options as in codec_train, without JSON: lvq8, rabitq:bits=4, opq:m=16,bits=8,\n"
    "         leanvec:dims=96,then=lvq8, pca:dims=64,then=rabitq,then.bits=4; with ;rerank=50 behind it the\n"
    "         50 nearest codes are reordered by exact distance\n"
    "  --n    the first n queries are searched for (200)\n"
    "  --learn  the N queries behind those are given to query-aware codecs (0)\n"
    "  --learn-from  all vectors of this file are given to them\n"
    "  --rows at most this many rows of the base\n"
    "  --budget  megabytes for training (256)\n";

// A specification taken apart; the views point into `text`.
struct Request {
  std::string text;
  std::vector<core::OptionPair> pairs;
  size_t rerank = 0;
};

bool is_scalar(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return text == "true" || text == "false" || (error == std::errc() && end == text.data() + text.size());
}

std::pair<std::string_view, std::string_view> cut(std::string_view text, char at) {
  const size_t place = text.find(at);
  if (place == text.npos) return {text, {}};
  return {text.substr(0, place), text.substr(place + 1)};
}

void parse(const std::string& text, Request& out) {
  out.text = text;
  const auto [codec, after] = cut(out.text, ';');
  if (!after.empty()) {
    const auto [key, value] = cut(after, '=');
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.rerank);
    if (key != "rerank" || error != std::errc() || end != value.data() + value.size() || out.rerank == 0) {
      throw std::invalid_argument(text + ": only rerank=N may follow the semicolon");
    }
  }
  auto [method, rest] = cut(codec, ':');
  out.pairs.push_back({"method", method, true});
  while (!rest.empty()) {
    const auto [option, others] = cut(rest, ',');
    const auto [key, value] = cut(option, '=');
    out.pairs.push_back({key, value, !is_scalar(value)});
    rest = others;
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class Bench {
 public:
  explicit Bench(const bench::Arguments& args)
      : metric_(bench::metric_named(args.required("metric"))),
        k_(args.count("k", 10)),
        budget_bytes_(args.count("budget", 256) << 20),
        base_(bench::read_vectors(args.required("base"), args.count("rows", SIZE_MAX))) {
    const size_t n = args.count("n", 200);
    const size_t learn = args.count("learn", 0);
    const bench::Matrix<float> all = bench::read_vectors(args.required("queries"), n + learn);
    if (all.rows < n + learn || all.cols != base_.cols || n == 0) {
      throw std::invalid_argument("too few queries, or of other dimensions than the base");
    }
    queries_ = bench::Matrix<float>(n, all.cols);
    learn_ = bench::Matrix<float>(learn, all.cols);
    std::copy_n(all.row(0), n * all.cols, queries_.values.data());
    std::copy_n(all.row(0) + n * all.cols, learn * all.cols, learn_.values.data());
    if (args.has("learn-from")) learn_ = bench::read_vectors(args.text("learn-from", ""));
    truth_ = bench::find_truth(metric_, base_, queries_, k_, std::thread::hardware_concurrency());
  }

  void header() const {
    std::printf("%zu rows of %zu dimensions, %zu queries\n\n", base_.rows, base_.cols, queries_.rows);
    std::printf("| codec | bytes | times | recall@%zu | rerank | training s | encoding us | scan ns |\n", k_);
    std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  }

  void run(const Request& request) const {
    core::CodecSpec spec = core::parse_options(request.pairs.data(), request.pairs.size());
    if (metric_ == bench::Metric::kCosine) spec.normalize = true;
    auto start = std::chrono::steady_clock::now();
    core::CodecTrainer trainer;
    trainer.start(spec, base_.cols, budget_bytes_);
    if (spec.projection == core::ProjectionKind::kLeanvec) {
      for (size_t i = 0; i < learn_.rows; i++) trainer.add_query(learn_.row(i), learn_.cols);
    }
    for (size_t i = 0; i < base_.rows; i++) trainer.add(base_.row(i), base_.cols);
    const core::Codec& codec = trainer.finish(core::Stop{});
    const double training = seconds_since(start);

    const size_t stride = codec.code_bytes();
    std::vector<uint8_t> codes(base_.rows * stride);
    start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < base_.rows; i++) codec.encode(base_.row(i), codes.data() + i * stride);
    const double encoding = seconds_since(start);

    start = std::chrono::steady_clock::now();
    size_t hits = 0;
    for (size_t q = 0; q < queries_.rows; q++) hits += search(codec, codes, q, request.rerank);
    const double scanning = seconds_since(start);

    const double rows = static_cast<double>(base_.rows);
    const double bytes = static_cast<double>(stride) + static_cast<double>(codec.image().size()) / rows;
    const double wanted = static_cast<double>(queries_.rows * truth_.ids.cols);
    std::printf("| %s | %.1f | %.1f | %.4f | %s | %.1f | %.1f | %.1f |\n", codec.spec().text().c_str(), bytes,
                static_cast<double>(base_.cols * sizeof(float)) / bytes, static_cast<double>(hits) / wanted,
                request.rerank != 0 ? std::to_string(request.rerank).c_str() : "-", training,
                encoding * 1e6 / rows, scanning * 1e9 / (rows * static_cast<double>(queries_.rows)));
    std::fflush(stdout);
  }

 private:
  // How many of the k rows found for query q are no farther than its exact k-th neighbour.
  size_t search(const core::Codec& codec, const std::vector<uint8_t>& codes, size_t q, size_t rerank) const {
    constexpr size_t kChunk = 1024;
    const core::CodecMetric metric = metric_ == bench::Metric::kL2       ? core::CodecMetric::kL2
                                     : metric_ == bench::Metric::kCosine ? core::CodecMetric::kCosine
                                                                         : core::CodecMetric::kInner;
    const size_t keep = std::max(k_, rerank);
    const core::CodecQuery query(codec, queries_.row(q));
    std::vector<std::pair<float, uint32_t>> heap;
    std::vector<float> distances(kChunk);
    for (size_t at = 0; at < base_.rows; at += kChunk) {
      const size_t n = std::min(kChunk, base_.rows - at);
      query.distances(metric, codes.data() + at * codec.code_bytes(), codec.code_bytes(), n,
                      distances.data());
      for (size_t i = 0; i < n; i++) {
        if (heap.size() == keep && !(distances[i] < heap.front().first)) continue;
        if (heap.size() == keep) {
          std::pop_heap(heap.begin(), heap.end());
          heap.pop_back();
        }
        heap.emplace_back(distances[i], static_cast<uint32_t>(at + i));
        std::push_heap(heap.begin(), heap.end());
      }
    }
    // Exact distances decide what counts as found, and, with rerank, what is returned.
    std::vector<double> exact;
    for (const auto& [distance, row] : heap) {
      exact.push_back(bench::exact_distance(metric_, queries_.row(q), base_.row(row), base_.cols));
    }
    std::sort(exact.begin(), exact.end());
    const size_t last = static_cast<size_t>(truth_.ids.row(q)[truth_.ids.cols - 1]);
    const double kth = bench::exact_distance(metric_, queries_.row(q), base_.row(last), base_.cols);
    size_t hits = 0;
    for (size_t i = 0; i < std::min(truth_.ids.cols, exact.size()); i++) hits += exact[i] <= kth;
    return hits;
  }

  bench::Metric metric_;
  size_t k_;
  size_t budget_bytes_;
  bench::Matrix<float> base_;
  bench::Matrix<float> queries_;
  bench::Matrix<float> learn_;
  bench::Truth truth_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const bench::Arguments args(
        argc, argv, kUsage,
        {"base", "queries", "metric", "codec", "n", "k", "rows", "learn", "learn-from", "budget"});
    if (!args.has("codec")) args.fail("--codec is required");
    // Specifications are read before any work is done; a request's views do not survive a move.
    std::vector<std::unique_ptr<Request>> requests;
    for (const std::string& text : args.all("codec")) {
      requests.push_back(std::make_unique<Request>());
      parse(text, *requests.back());
      core::parse_options(requests.back()->pairs.data(), requests.back()->pairs.size());
    }
    const Bench bench(args);
    bench.header();
    for (const auto& request : requests) bench.run(*request);
  } catch (const core::Error& e) {
    std::fprintf(stderr, "recall: %s\n%s%s", e.what(), e.hint().c_str(), e.hint().empty() ? "" : "\n");
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "recall: %s\n", e.what());
    return 1;
  }
}
