// See query.h.

#include "core/privacy/query.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/error.h"

namespace lowdim::core {
namespace {

template <class... F>
struct Each : F... {
  using F::operator()...;
};
template <class... F>
Each(F...) -> Each<F...>;

[[noreturn]] void refuse(const char* wanted, const char* held, const char* hint) {
  throw Error(ErrorKind::kInvalidParameter,
              std::string("this private sketch holds ") + held + ", not " + wanted, hint);
}

const char* held_by(const MomentSketch& sketch) {
  constexpr const char* kNames[] = {"moments", "an average", "a sum", "a number of rows"};
  return kNames[static_cast<size_t>(sketch.options().content)];
}

float cut(double v) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(v, -kMost, kMost));
}

// Facts are numbers or plain words.
std::string json_value(const std::string& text) {
  double v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  const bool number = ec == std::errc() && end == text.data() + text.size() && std::isfinite(v);
  return number ? text : "\"" + text + "\"";
}

std::string promise(const Guarantee& g) {
  const PrivacyOptions& o = g.options;
  if (o.mechanism == NoiseMechanism::kNone) return "none: exact values";
  std::string text =
      "(" + number_text(g.cost.epsilon) + ", " + number_text(g.cost.delta) + ")-differential privacy where ";
  text += o.max_rows == 1 ? "a row is " : "up to " + std::to_string(o.max_rows) + " rows are ";
  return text + (o.neighbours == Neighbours::kAddRemove ? "added or removed" : "replaced");
}

}  // namespace

SketchQuery::Held SketchQuery::read(const uint8_t* image, size_t n) {
  switch (image_kind(image, n)) {
    case PrivateImage::kKdeSketch:
      return Kde{KdeSketch::read(image, n), {}};
    case PrivateImage::kDistanceSketch:
      return Distance{DistanceSketch::read(image, n), {}};
    case PrivateImage::kMomentSketch:
      return MomentSketch::read(image, n);
    default:
      damaged_image();  // sums are no sketch: they must not get out
  }
}

SketchQuery::SketchQuery(const uint8_t* image, size_t n) : held_(read(image, n)) {}

uint32_t SketchQuery::dims() const {
  return std::visit(Each{[](const MomentSketch& s) { return s.options().dims; },
                         [](const auto& s) { return s.sketch.options().dims; }},
                    held_);
}

const Guarantee& SketchQuery::guarantee() const {
  return std::visit(Each{[](const MomentSketch& s) -> const Guarantee& { return s.guarantee(); },
                         [](const auto& s) -> const Guarantee& { return s.sketch.guarantee(); }},
                    held_);
}

const std::string& SketchQuery::explain() {
  if (!explained_.empty()) return explained_;
  auto facts = std::visit(Each{[](const MomentSketch& s) {
                                 auto f = s.facts();
                                 if (s.options().has_sum())
                                   f.emplace_back("sum_noise", number_text(s.sum_noise()));
                                 if (s.options().has_rows())
                                   f.emplace_back("rows_noise", number_text(s.rows_noise()));
                                 return f;
                               },
                               [](const Kde& s) {
                                 auto f = s.sketch.facts();
                                 const KdeError e = core::kde_error(s.sketch);
                                 f.emplace_back("sum_noise", number_text(e.sum_noise));
                                 f.emplace_back("kde_error", number_text(e.mean_absolute));
                                 return f;
                               },
                               [](const Distance& s) { return s.sketch.facts(); }},
                          held_);
  facts.emplace_back("guarantee", promise(guarantee()));
  std::string json = "{";
  for (const auto& [key, value] : facts)
    json += (json.size() > 1 ? ", \"" : "\"") + key + "\": " + json_value(value);
  explained_ = json + "}";
  return explained_;
}

void SketchQuery::check_dims(size_t dims) const {
  if (dims != this->dims()) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(this->dims()) + " dimensions, not " + std::to_string(dims));
  }
}

KdeQuery& SketchQuery::kde_query(size_t dims) {
  constexpr const char* kWanted = "a kernel density";
  Kde* const kde = std::get_if<Kde>(&held_);
  if (kde == nullptr) {
    const MomentSketch* const m = std::get_if<MomentSketch>(&held_);
    refuse(kWanted, m != nullptr ? held_by(*m) : "distances", "Such sketches are made by dp_kde.");
  }
  check_dims(dims);
  if (!kde->query) kde->query.emplace(kde->sketch);
  return *kde->query;
}

DistanceQuery& SketchQuery::distance_query(size_t dims) {
  Distance* const distance = std::get_if<Distance>(&held_);
  if (distance == nullptr) {
    const MomentSketch* const m = std::get_if<MomentSketch>(&held_);
    refuse("distances", m != nullptr ? held_by(*m) : "a kernel density",
           "Such sketches are made by dp_distance.");
  }
  check_dims(dims);
  if (!distance->query) distance->query.emplace(distance->sketch);
  return *distance->query;
}

const MomentSketch& SketchQuery::moments(const char* wanted, bool vectors) const {
  const MomentSketch* const m = std::get_if<MomentSketch>(&held_);
  const char* const hint = "Such sketches are made by dp_moments.";
  if (m == nullptr)
    refuse(wanted, std::get_if<Kde>(&held_) != nullptr ? "a kernel density" : "distances", hint);
  if (vectors && !m->options().has_sum()) refuse(wanted, held_by(*m), hint);
  return *m;
}

const MomentSketch& SketchQuery::moments(const char* wanted, size_t dims) const {
  const MomentSketch& m = moments(wanted, true);
  check_dims(dims);
  return m;
}

double SketchQuery::kde(const float* y, size_t dims) { return kde_query(dims).mean(y); }
double SketchQuery::kde_sum(const float* y, size_t dims) { return kde_query(dims).sum(y); }
double SketchQuery::distance_sum(const float* y, size_t dims) { return distance_query(dims).sum(y); }

double SketchQuery::power_sum(const float* y, size_t dims, double power) {
  DistanceQuery& query = distance_query(dims);
  if (std::get<Distance>(held_).sketch.options().kind != DistanceKind::kL1) {
    refuse("powers of l1 distances", "l2 distances", "Powers need a sketch of dp_distance with norm l1.");
  }
  return query.power_sum(y, power);
}

double SketchQuery::squared_distance_sum(const float* y, size_t dims) const {
  constexpr const char* kWanted = "squared distances";
  const MomentSketch& m = moments(kWanted, dims);
  if (m.options().content != MomentContent::kAll)
    refuse(kWanted, held_by(m), "Such sketches are made by dp_moments.");
  return m.squared_distance_sum(y);
}

double SketchQuery::inner_sum(const float* y, size_t dims) const {
  return moments("inner products", dims).inner_sum(y);
}

double SketchQuery::mean_cosine(const float* y, size_t dims) const {
  constexpr const char* kWanted = "cosines";
  const MomentSketch& m = moments(kWanted, dims);
  if (!m.options().normalize || !m.options().has_rows()) {
    refuse(kWanted, held_by(m), "Such sketches are made by dp_moments with \"normalize\": true.");
  }
  return m.mean_cosine(y);
}

double SketchQuery::rows() const {
  return std::visit(Each{[](const MomentSketch& s) {
                           if (!s.options().has_rows())
                             refuse("a number of rows", held_by(s), "A sum is made without one.");
                           return s.rows();
                         },
                         [](const auto& s) { return s.sketch.rows(); }},
                    held_);
}

void SketchQuery::sum(float* out) const {
  const MomentSketch& m = moments("a sum", true);
  std::vector<double> v(m.options().dims);
  m.sum(v.data());
  std::transform(v.begin(), v.end(), out, cut);
}

void SketchQuery::mean(float* out) const {
  const MomentSketch& m = moments("an average", true);
  if (!m.options().has_rows()) refuse("an average", held_by(m), "Such sketches are made by dp_moments.");
  std::vector<double> v(m.options().dims);
  m.mean(v.data());
  std::transform(v.begin(), v.end(), out, cut);
}

double SketchQuery::kde_error() const {
  const Kde* const kde = std::get_if<Kde>(&held_);
  if (kde == nullptr) {
    const MomentSketch* const m = std::get_if<MomentSketch>(&held_);
    refuse("a kernel density", m != nullptr ? held_by(*m) : "distances", "Such sketches are made by dp_kde.");
  }
  return core::kde_error(kde->sketch).mean_absolute;
}

double SketchQuery::mean_square() {
  if (!mean_square_) {
    const MomentSketch& m = std::get<MomentSketch>(held_);
    std::vector<double> mean(m.options().dims);
    m.mean(mean.data());
    const double noise = m.sum_noise() / std::max(m.rows(), 1.0);
    double square = -noise * noise * m.options().dims;
    for (const double v : mean) square += v * v;
    mean_square_ = square;
  }
  return *mean_square_;
}

double SketchQuery::score(const float* y, size_t dims, SharedFeatures& shared) {
  if (const Kde* const held = std::get_if<Kde>(&held_)) {
    KdeQuery& query = kde_query(dims);
    if (shared.waves == nullptr || !(shared.options == held->sketch.options()))
      shared = {held->sketch.options(), &query.waves(y)};
    return query.mean_of(*shared.waves);
  }
  if (std::holds_alternative<Distance>(held_)) return -distance_sum(y, dims) / std::max(rows(), 1.0);
  const MomentSketch& m = moments("averages of classes", dims);
  if (!m.options().has_rows()) {
    refuse("averages of classes", held_by(m), "Classes are told apart by sketches of dp_kde or dp_moments.");
  }
  const double inner = m.options().normalize ? m.mean_cosine(y) : m.inner_sum(y) / std::max(m.rows(), 1.0);
  return 2 * inner - mean_square();
}

bool SketchQuery::comparable(const SketchQuery& other) const {
  if (held_.index() != other.held_.index() || dims() != other.dims()) return false;
  return std::visit(
      Each{[&](const Kde& s) {
             const KdeOptions &a = s.sketch.options(), &b = std::get<Kde>(other.held_).sketch.options();
             return a.kernel == b.kernel && a.bandwidth == b.bandwidth;
           },
           [&](const Distance& s) {
             return s.sketch.options().kind == std::get<Distance>(other.held_).sketch.options().kind;
           },
           [&](const MomentSketch& s) {
             return s.options().normalize == std::get<MomentSketch>(other.held_).options().normalize;
           }},
      held_);
}

SketchQuery* SketchCache::find(size_t place, const void* key, size_t key_bytes) const {
  if (place >= places_.size() || places_[place].query == nullptr) return nullptr;
  const std::vector<uint8_t>& have = places_[place].key;
  const bool same = have.size() == key_bytes && std::memcmp(have.data(), key, key_bytes) == 0;
  return same ? places_[place].query.get() : nullptr;
}

SketchQuery* SketchCache::load(size_t place, const void* key, size_t key_bytes, const uint8_t* image,
                               size_t n) {
  if (place >= places_.size()) places_.resize(place + 1);
  Place& at = places_[place];
  at.query.reset();
  at.query = std::make_unique<SketchQuery>(image, n);
  const uint8_t* const k = static_cast<const uint8_t*>(key);
  at.key.assign(k, k + key_bytes);
  return at.query.get();
}

size_t SketchCache::best(size_t count, const float* y, size_t dims) const {
  size_t best = 0;
  double most = 0;
  SketchQuery::SharedFeatures shared;
  for (size_t i = 0; i < count; ++i) {
    if (!places_[0].query->comparable(*places_[i].query)) {
      throw Error(ErrorKind::kInvalidParameter, "the private sketches of the classes cannot be compared",
                  "They must be of the same statistic, kernel and bandwidth.");
    }
    const double score = places_[i].query->score(y, dims, shared);
    if (i == 0 || score > most) best = i, most = score;
  }
  return best;
}

}  // namespace lowdim::core
