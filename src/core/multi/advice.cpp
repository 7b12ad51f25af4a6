// See advice.h.

#include "core/multi/advice.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/error.h"
#include "core/multi/fde.h"
#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kMostDims = 10240;  // of an encoding that is tried
constexpr size_t kTogether = 8;        // documents that are compared with a query while it is in the cache
constexpr size_t kOverhead = 64;       // bytes of a document beside its elements
constexpr size_t kMostWorkBytes = size_t{32} << 20;
constexpr size_t kEntropyVectors = 20000;

std::string number(double v) {
  if (!std::isfinite(v)) return "null";
  char text[32];
  const auto [end, ec] = std::to_chars(text, text + sizeof text, v);
  return ec == std::errc() ? std::string(text, end) : "null";
}

double rounded(double v, double unit) { return std::round(v * unit) / unit; }

const char* truth(bool b) { return b ? "true" : "false"; }

// How many of the sorted places are among the first c.
double share(const std::vector<uint32_t>& places, size_t c) {
  const auto end = std::lower_bound(places.begin(), places.end(), c);
  return static_cast<double>(end - places.begin()) / static_cast<double>(places.size());
}

bool better(const FdeTrial& a, const FdeTrial& b) {
  if (a.reached != b.reached) return a.reached;
  return a.reached ? a.candidates < b.candidates : a.recall > b.recall;
}

}  // namespace

size_t choose_trial(const std::vector<FdeTrial>& trials) {
  size_t least = 0;
  for (size_t i = 1; i < trials.size(); ++i) {
    if (better(trials[i], trials[least])) least = i;
  }
  const FdeTrial& first = trials[least];
  size_t best = least;
  for (size_t i = 0; i < trials.size(); ++i) {
    const FdeTrial& t = trials[i];
    const bool near =
        first.reached ? t.reached && 5 * t.candidates <= 6 * first.candidates : t.recall == first.recall;
    if (!near) continue;
    const FdeTrial& b = trials[best];
    if (t.dims < b.dims || (t.dims == b.dims && better(t, b))) best = i;
  }
  return best;
}

void FdeAdvisor::start(double target, size_t budget_bytes, uint64_t seed) {
  if (!(target > 0 && target <= 1)) {
    throw Error(ErrorKind::kInvalidParameter, "target_recall must be above 0 and at most 1");
  }
  target_ = target;
  work_bytes_ = std::min(budget_bytes / 4, kMostWorkBytes);
  document_bytes_ = budget_bytes - work_bytes_;
  random_ = Random(seed);
}

FdeAdvisor::Set FdeAdvisor::copy(const MultiView& set, uint64_t key) const {
  Set out{key, set.count, std::vector<float>(size_t{set.count} * set.dims)};
  std::memcpy(out.x.data(), static_cast<const void*>(set.x), out.x.size() * sizeof(float));
  return out;
}

void FdeAdvisor::check_dims(const MultiView& set) const {
  if (dims_ != 0 && set.dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(set.dims));
  }
}

bool FdeAdvisor::skip() {
  key_ = random_.next();
  has_key_ = key_ < limit_;
  if (!has_key_) ++seen_;
  return !has_key_;
}

void FdeAdvisor::drop_last() {
  std::pop_heap(documents_.begin(), documents_.end());
  const Set& last = documents_.back();
  limit_ = last.key;
  bytes_ -= last.x.size() * sizeof(float) + kOverhead;
  documents_.pop_back();
}

void FdeAdvisor::add(const MultiView& document) {
  check_dims(document);
  if (!has_key_ && skip()) return;
  has_key_ = false;
  ++seen_;
  dims_ = document.dims;
  const size_t bytes = size_t{document.count} * document.dims * sizeof(float) + kOverhead;
  while (!documents_.empty() && documents_.front().key > key_ &&
         (bytes_ + bytes > document_bytes_ || documents_.size() == kMaxDocuments)) {
    drop_last();
  }
  if (bytes_ + bytes > document_bytes_ || documents_.size() == kMaxDocuments) {
    limit_ = key_;
    return;
  }
  documents_.push_back(copy(document, key_));
  std::push_heap(documents_.begin(), documents_.end());
  bytes_ += bytes;
}

void FdeAdvisor::add_query(const MultiView& query) {
  check_dims(query);
  given_ = true;
  if (queries_.size() < kMaxQueries) queries_.push_back(copy(query, 0));
}

void FdeAdvisor::hold_out() {
  const size_t n = std::min(kHeldOut, documents_.size() / 5);
  for (size_t i = 0; i < n; ++i) {
    MultiView query = view(documents_[i]);
    query.count = std::min(query.count, kHeldOutVectors);
    queries_.push_back(copy(query, 0));
  }
  documents_.erase(documents_.begin(), documents_.begin() + static_cast<std::ptrdiff_t>(n));
}

void FdeAdvisor::find_exact(Stop stop) {
  std::vector<float> best;
  std::vector<double> scores(documents_.size()), sorted;
  for (const Set& query : queries_) {
    best.resize(query.count);
    for (size_t d = 0; d < documents_.size(); ++d) {
      max_matches(view(documents_[d]), view(query), best.data(), nullptr, stop);
      scores[d] = sum_matches(best.data(), query.count);
      if (std::isnan(scores[d])) scores[d] = -std::numeric_limits<double>::infinity();
    }
    sorted = scores;
    const auto tenth = sorted.begin() + static_cast<std::ptrdiff_t>(kNeighbours - 1);
    std::nth_element(sorted.begin(), tenth, sorted.end(), std::greater<>());
    std::vector<uint32_t> found;
    for (size_t d = 0; d < scores.size(); ++d) {
      if (scores[d] >= *tenth) found.push_back(static_cast<uint32_t>(d));
    }
    exact_.push_back(std::move(found));
  }
}

void FdeAdvisor::plan() {
  const auto put = [&](uint32_t repetitions, uint32_t k_sim, uint32_t d_proj, uint32_t final_dims) {
    FdeOptions o;
    o.repetitions = repetitions;
    o.k_sim = k_sim;
    o.d_proj = d_proj;
    o.final_dims = final_dims;
    const uint64_t coordinates = (uint64_t{repetitions} << k_sim) * d_proj;
    if (final_dims == 0 ? coordinates > kMostDims
                        : coordinates > kMaxFdeCoordinates || coordinates <= final_dims) {
      return;
    }
    plan_.push_back(o);
    names_.push_back(o.text());
  };
  for (const uint32_t repetitions : {10u, 20u, 40u}) {
    for (const uint32_t k_sim : {3u, 4u, 5u}) {
      for (const uint32_t d_proj : {8u, 16u}) {
        if (d_proj < dims_) put(repetitions, k_sim, d_proj, 0);
      }
      put(repetitions, k_sim, dims_, 0);  // no projection
    }
  }
  for (const uint32_t final_dims : {2560u, 5120u}) put(40, 6, dims_, final_dims);
  names_.push_back("the best without filling empty blocks");
  names_.push_back("the best around the mean vector");
}

void FdeAdvisor::begin(Stop stop) {
  if (seen_ < kLeastDocuments) {
    throw Error(ErrorKind::kData,
                "advice needs at least " + std::to_string(kLeastDocuments) + " documents that are not null",
                "There are " + std::to_string(seen_) + ".");
  }
  if (documents_.size() < kLeastDocuments) {
    throw Error(ErrorKind::kLimit,
                "a sample of " + std::to_string(kLeastDocuments) + " documents exceeds the memory allowed",
                "Raise maintenance_work_mem: it holds " + std::to_string(documents_.size()) + " documents.");
  }
  std::sort_heap(documents_.begin(), documents_.end());
  for (const Set& document : documents_) vectors_ += document.count;
  vectors_ /= static_cast<double>(documents_.size());
  if (queries_.empty()) hold_out();
  find_exact(stop);
  plan();
}

// scores[query of the batch][document] = the product of their encodings; what is not a number is the least.
void FdeAdvisor::score(FdeEncoder& encoder, const std::vector<float>& encoded, size_t batch,
                       std::vector<float>& scores, Stop stop) const {
  const size_t dims = encoder.out_dims();
  const size_t n = documents_.size();
  std::vector<float> some(kTogether * dims);
  for (size_t d = 0; d < n; d += kTogether) {
    const size_t together = std::min(kTogether, n - d);
    for (size_t i = 0; i < together; ++i)
      encoder.document(view(documents_[d + i]), some.data() + i * dims, stop);
    for (size_t q = 0; q < batch; ++q) {
      stop.check();
      for (size_t i = 0; i < together; ++i) {
        const float product = simd::kernels().dot_f32(encoded.data() + q * dims, some.data() + i * dims,
                                                      static_cast<uint32_t>(dims));
        scores[q * n + d + i] = std::isnan(product) ? -std::numeric_limits<float>::infinity() : product;
      }
    }
  }
}

// Appends the places, from 0, of the query's ten best documents in the order of the scores; of equal scores
// the earlier document's is the lower.
void FdeAdvisor::add_places(size_t query, const float* scores, std::vector<uint32_t>& places) const {
  const size_t n = documents_.size();
  std::vector<uint32_t> order(n), place(n);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [=](uint32_t a, uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  for (size_t i = 0; i < n; ++i) place[order[i]] = static_cast<uint32_t>(i);
  std::vector<uint32_t> found;
  for (const uint32_t d : exact_[query]) found.push_back(place[d]);
  std::sort(found.begin(), found.end());
  places.insert(places.end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kNeighbours));
}

FdeTrial FdeAdvisor::measure(const FdeOptions& options, Stop stop) const {
  FdeEncoder encoder(options, dims_);
  FdeTrial trial;
  trial.options = options;
  trial.dims = encoder.out_dims();
  const size_t n = documents_.size();
  const size_t most =
      std::clamp(work_bytes_ / (sizeof(float) * (n + trial.dims)), size_t{1}, queries_.size());
  std::vector<float> encoded(most * trial.dims), scores(most * n);
  std::vector<uint32_t> places;
  for (size_t first = 0; first < queries_.size(); first += most) {
    const size_t batch = std::min(most, queries_.size() - first);
    for (size_t q = 0; q < batch; ++q)
      encoder.query(view(queries_[first + q]), encoded.data() + q * trial.dims, stop);
    score(encoder, encoded, batch, scores, stop);
    for (size_t q = 0; q < batch; ++q) {
      stop.check();
      add_places(first + q, scores.data() + q * n, places);
    }
  }
  std::sort(places.begin(), places.end());
  // Shares of whole numbers: what rounding adds to the product must not ask for one more.
  const double wanted = std::ceil(target_ * static_cast<double>(places.size()) - 1e-9);
  const size_t last = static_cast<size_t>(std::max(wanted, 1.0)) - 1;
  trial.candidates = places[last] + size_t{1};
  trial.reached = trial.candidates <= n / 2;
  if (!trial.reached) trial.candidates = n / 2;
  trial.recall = share(places, trial.candidates);
  trial.recall_at_100 = share(places, 100);
  return trial;
}

std::vector<float> FdeAdvisor::mean(Stop stop) const {
  std::vector<double> sums(dims_);
  double count = 0;
  for (const Set& document : documents_) {
    for (uint32_t i = 0; i < document.count; ++i) {
      if (i % 64 == 0) stop.check();
      const float* x = document.x.data() + size_t{i} * dims_;
      for (uint32_t d = 0; d < dims_; ++d) sums[d] += static_cast<double>(x[d]);
    }
    count += document.count;
  }
  std::vector<float> out;
  for (const double sum : sums) out.push_back(static_cast<float>(sum / count));
  return out;
}

void FdeAdvisor::step(size_t i, Stop stop) {
  if (i != trials_.size() || i >= steps()) {
    throw Error(ErrorKind::kInternal, "the steps of an advice are out of order");
  }
  stop.check();
  FdeOptions options;
  if (i < plan_.size()) {
    options = plan_[i];
  } else {
    options = trials_[choose_trial(trials_)].options;
    if (i == plan_.size()) {
      options.fill_empty = FillEmpty::kOff;
    } else {
      options.center = mean(stop);
    }
  }
  trials_.push_back(measure(options, stop));
}

// The mean over repetitions of the entropy, in bits, of which blocks the documents' vectors fall into, over
// the first of them: the documents are in random order.
double FdeAdvisor::bucket_entropy(const FdeOptions& options, Stop stop) const {
  FdeEncoder encoder(options, dims_);
  const uint32_t most = std::clamp<uint32_t>((1u << 16) / dims_, 1, 256);  // vectors between two polls
  const size_t blocks = size_t{1} << options.k_sim;
  std::vector<uint64_t> used(options.repetitions * blocks);
  std::vector<uint32_t> block_of(most);
  size_t seen = 0;
  for (size_t d = 0; d < documents_.size() && seen < kEntropyVectors; ++d) {
    const Set& document = documents_[d];
    for (uint32_t start = 0; start < document.count && seen < kEntropyVectors; start += most) {
      const uint32_t count = std::min(most, document.count - start);
      for (uint32_t r = 0; r < options.repetitions; ++r) {
        stop.check();
        encoder.blocks({document.x.data() + size_t{start} * dims_, count, dims_}, r, block_of.data());
        for (uint32_t i = 0; i < count; ++i) ++used[r * blocks + block_of[i]];
      }
      seen += count;
    }
  }
  double entropy = 0;
  for (const uint64_t n : used) {
    const double p = static_cast<double>(n) / static_cast<double>(seen);
    if (n > 0) entropy -= p * std::log2(p);
  }
  return entropy / options.repetitions;
}

const std::string& FdeAdvisor::answer(Stop stop) {
  if (trials_.empty() || trials_.size() != steps()) {
    throw Error(ErrorKind::kInternal, "an advice was asked for before its last step");
  }
  const FdeTrial& centered = trials_.back();
  const std::vector<FdeTrial> plain(trials_.begin(), trials_.end() - 1);
  const FdeTrial& best = plain[choose_trial(plain)];
  const bool center_helps = better(centered, best);
  const FdeTrial& chosen = center_helps ? centered : best;
  const double entropy = bucket_entropy(chosen.options, stop);
  answer_ =
      "{\"options\": \"" + chosen.options.text() + "\", \"dims\": " + std::to_string(chosen.dims) +
      ", \"candidates\": " + std::to_string(chosen.candidates) + ", \"recall\": " + number(chosen.recall) +
      ", \"target\": " + number(target_) + ", \"reached\": " + truth(chosen.reached) +
      ", \"table_rows\": " + std::to_string(seen_) + ", \"documents\": " + std::to_string(documents_.size()) +
      ", \"queries\": " + std::to_string(queries_.size()) + ", \"queries_from\": \"" +
      (given_ ? "argument" : "held out") + "\", \"vectors_per_document\": " + number(rounded(vectors_, 10)) +
      ", \"bucket_entropy\": " + number(rounded(entropy, 100)) +
      ", \"center_helps\": " + truth(center_helps) + ", \"tried\": [";
  for (const FdeTrial& t : trials_) {
    FdeOptions named = t.options;  // the center's elements once are enough
    named.center.clear();
    if (&t != &trials_.front()) answer_ += ", ";
    answer_ += "{\"options\": \"" + named.text() + "\", \"dims\": " + std::to_string(t.dims) +
               ", \"candidates\": " + (t.reached ? std::to_string(t.candidates) : "null") +
               ", \"recall_at_100\": " + number(t.recall_at_100) +
               (t.options.center.empty() ? "}" : ", \"center\": \"mean\"}");
  }
  answer_ += "], \"note\": \"";
  if (!given_) {
    answer_ += "The queries are documents cut to their first " + std::to_string(kHeldOutVectors) +
               " vectors: real queries can be easier or harder, so pass some. ";
  }
  if (!chosen.reached) {
    answer_ +=
        "No options reach the target with half of the documents as candidates: these have the highest "
        "recall. ";
  }
  answer_ +=
      "Candidates are counted among the " + std::to_string(documents_.size()) +
      " documents measured; a larger table needs more of them for the same recall. To check, compare what "
      "muvera_search finds with the exact ORDER BY tokens @# $1 LIMIT 10 for some queries.\"}";
  return answer_;
}

}  // namespace lowdim::core
