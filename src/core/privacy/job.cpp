// See job.h.

#include "core/privacy/job.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

constexpr const char* kStatistics[] = {"kde", "distance", "moments", "sum", "avg", "count"};

constexpr uint8_t bit(PrivateStatistic s) { return static_cast<uint8_t>(1 << static_cast<int>(s)); }
constexpr uint8_t kKdes = bit(PrivateStatistic::kKde), kDistances = bit(PrivateStatistic::kDistance),
                  kVectors = bit(PrivateStatistic::kMoments) | bit(PrivateStatistic::kSum) |
                             bit(PrivateStatistic::kAvg),
                  kEvery = 0x3f;

// Which statistics take an option.
struct Key {
  std::string_view name;
  uint8_t statistics;
};
constexpr Key kKeys[] = {
    {"statistic", kEvery},
    {"dims", kKdes | kDistances | kVectors},
    {"bandwidth", kKdes},
    {"kernel", kKdes},
    {"features", kKdes},
    {"norm", kDistances},
    {"low", kDistances},
    {"high", kDistances},
    {"radius", kDistances | kVectors},
    {"normalize", kVectors},
    {"directions", kDistances},
    {"depth", kDistances},
    {"seed", kKdes | kDistances},
    {"epsilon", kEvery},
    {"delta", kEvery},
    {"mechanism", kEvery},
    {"neighbours", kEvery},
    {"max_rows", kEvery},
};

constexpr double kLargest = 1e30, kLeast = 1e-30;  // of lengths

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::kInvalidParameter, message, hint);
}

std::string quoted(std::string_view text) { return "\"" + std::string(text.substr(0, 60)) + "\""; }

class Reader {
 public:
  Reader(const OptionPair* pairs, size_t n) : pairs_(pairs), n_(n) {}

  const OptionPair* find(std::string_view key) const {
    for (size_t i = 0; i < n_; ++i)
      if (pairs_[i].key == key) return pairs_ + i;
    return nullptr;
  }

  // Refuses what this statistic does not take.
  void check_keys(PrivateStatistic statistic) const {
    const std::string name = statistic_name(statistic);
    std::string known;
    for (const Key& key : kKeys) {
      if ((key.statistics & bit(statistic)) == 0) continue;
      known += (known.empty() ? "" : ", ") + std::string(key.name);
    }
    for (size_t i = 0; i < n_; ++i) {
      const std::string_view given = pairs_[i].key;
      const auto found =
          std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& k) { return k.name == given; });
      if (found == std::end(kKeys)) {
        refuse("unknown privacy option " + quoted(given), "Options of " + name + " are " + known + ".");
      }
      if ((found->statistics & bit(statistic)) == 0) {
        refuse("privacy option " + quoted(given) + " is not one of " + name,
               "Options of " + name + " are " + known + ".");
      }
      for (size_t j = 0; j < i; ++j)
        if (pairs_[j].key == given) refuse("privacy option " + quoted(given) + " is given twice");
    }
  }

  // A number in [low, high].
  std::optional<double> number(std::string_view key, double low, double high) const {
    const OptionPair* p = find(key);
    if (p == nullptr) return {};
    double v = 0;
    const auto [end, ec] = std::from_chars(p->text.data(), p->text.data() + p->text.size(), v);
    if (p->is_string || ec != std::errc() || end != p->text.data() + p->text.size() ||
        !(v >= low && v <= high)) {
      refuse_value(*p, "It must be a number from " + number_text(low) + " to " + number_text(high) +
                           (key == "epsilon" ? ", or \"inf\" for no noise." : "."));
    }
    return v;
  }
  uint64_t whole(std::string_view key, uint64_t low, uint64_t high, std::optional<uint64_t> without) const {
    const OptionPair* p = find(key);
    if (p == nullptr) {
      if (!without) missing(key);
      return *without;
    }
    uint64_t v = 0;
    const auto [end, ec] = std::from_chars(p->text.data(), p->text.data() + p->text.size(), v);
    if (p->is_string || ec != std::errc() || end != p->text.data() + p->text.size() ||
        !(v >= low && v <= high)) {
      refuse_value(
          *p, "It must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ".");
    }
    return v;
  }
  double needed(std::string_view key, double low, double high) const {
    const std::optional<double> v = number(key, low, high);
    if (!v) missing(key);
    return *v;
  }
  // One of `names`, by its place; the first without the option.
  template <size_t n>
  size_t one_of(std::string_view key, const char* const (&names)[n]) const {
    const OptionPair* p = find(key);
    if (p == nullptr) return 0;
    std::string known;
    for (size_t i = 0; i < n; ++i) {
      if (p->is_string && p->text == names[i]) return i;
      known += (i == 0 ? "" : ", ") + std::string(names[i]);
    }
    refuse_value(*p, "It is one of " + known + ".");
  }
  bool flag(std::string_view key) const {
    const OptionPair* p = find(key);
    if (p == nullptr || p->text == "false") return false;
    if (p->is_string || p->text != "true") refuse_value(*p, "It must be true or false.");
    return true;
  }
  void without(std::string_view key, const std::string& other) const {
    if (find(key) != nullptr) refuse("privacy option " + quoted(key) + " does not go with " + other);
  }

  [[noreturn]] static void missing(std::string_view key, const std::string& hint = {}) {
    refuse("privacy option " + quoted(key) + " is missing", hint);
  }

 private:
  [[noreturn]] static void refuse_value(const OptionPair& p, const std::string& hint) {
    refuse("invalid value for privacy option " + quoted(p.key) + ": " + quoted(p.text), hint);
  }

  const OptionPair* pairs_;
  size_t n_;
};

uint32_t dims_of(const Reader& in) { return static_cast<uint32_t>(in.whole("dims", 1, kMaxDims, {})); }

uint64_t seed_of(const Reader& in) { return in.whole("seed", 0, UINT64_MAX, 1); }

KdeOptions kde_options(const Reader& in) {
  KdeOptions o;
  o.dims = dims_of(in);
  o.bandwidth = in.needed("bandwidth", kLeast, kLargest);
  if (const OptionPair* p = in.find("kernel")) o.kernel = kernel_of(p->text);
  o.features = static_cast<uint32_t>(in.whole("features", 1, KdeOptions::kMaxFeatures, o.features));
  o.seed = seed_of(in);
  return o;
}

DistanceOptions distance_options(const Reader& in) {
  constexpr const char* kNorms[] = {"l1", "l2"};
  DistanceOptions o;
  o.dims = dims_of(in);
  o.kind = static_cast<DistanceKind>(in.one_of("norm", kNorms));
  o.depth = static_cast<uint32_t>(in.whole("depth", 1, DistanceOptions::kMaxDepth, o.depth));
  if (o.kind == DistanceKind::kL1) {
    for (const char* key : {"radius", "directions", "seed"}) in.without(key, "l1 distances");
    o.low = in.needed("low", -kLargest, kLargest);
    o.high = in.needed("high", -kLargest, kLargest);
    if (!(o.high > o.low)) refuse("privacy option \"low\" must be below \"high\"");
  } else {
    for (const char* key : {"low", "high"}) in.without(key, "l2 distances");
    o.radius = in.needed("radius", kLeast, kLargest);
    o.directions = static_cast<uint32_t>(in.whole("directions", 1, kMaxDims, o.directions));
    o.seed = seed_of(in);
  }
  return o;
}

MomentContent content_of(PrivateStatistic statistic) {
  switch (statistic) {
    case PrivateStatistic::kSum:
      return MomentContent::kSum;
    case PrivateStatistic::kAvg:
      return MomentContent::kMean;
    case PrivateStatistic::kCount:
      return MomentContent::kCount;
    default:
      return MomentContent::kAll;
  }
}

MomentOptions moment_options(PrivateStatistic statistic, const Reader& in) {
  MomentOptions o;
  o.content = content_of(statistic);
  if (!o.has_sum()) return o;
  o.dims = dims_of(in);
  o.normalize = in.flag("normalize");
  if (o.normalize) {
    in.without("radius", "\"normalize\"");
  } else if (in.find("radius") == nullptr) {
    Reader::missing("radius",
                    "Rows are cut to this length, a constant that must not be taken from the data; or give "
                    "\"normalize\": true.");
  } else {
    o.radius = in.needed("radius", kLeast, kLargest);
  }
  return o;
}

PrivacyOptions privacy_options(const Reader& in) {
  constexpr const char* kMechanisms[] = {"gaussian", "zcdp", "laplace"};
  constexpr const char* kNeighbours[] = {"add_remove", "replace_one"};
  PrivacyOptions o;
  const OptionPair* epsilon = in.find("epsilon");
  if (epsilon == nullptr) Reader::missing("epsilon", "It is the privacy budget; \"inf\" adds no noise.");
  const bool open = epsilon->is_string && epsilon->text == "inf";
  if (!open) o.epsilon = in.needed("epsilon", PrivacyOptions::kMinEpsilon, PrivacyOptions::kMaxEpsilon);
  const size_t mechanism = in.one_of("mechanism", kMechanisms);
  o.neighbours = static_cast<Neighbours>(in.one_of("neighbours", kNeighbours));
  o.max_rows = static_cast<uint32_t>(in.whole("max_rows", 1, PrivacyOptions::kMaxRows, 1));
  const std::optional<double> delta = in.number("delta", 1e-100, 0.5);
  if (mechanism == 2) {
    in.without("delta", "laplace noise");
    o.mechanism = NoiseMechanism::kLaplace;
  } else {
    if (!delta && !open) {
      Reader::missing("delta",
                      "Gaussian noise needs one, well below 1 divided by the number of rows; or choose "
                      "\"mechanism\": \"laplace\".");
    }
    o.delta = delta.value_or(o.delta);
    o.mechanism = NoiseMechanism::kGaussian;
    o.bound = mechanism == 1 ? GaussianBound::kZcdp : GaussianBound::kAnalytic;
  }
  if (!open) return o;
  PrivacyOptions none;
  none.mechanism = NoiseMechanism::kNone;
  return none;
}

// Of the sums' variant: what is done to each.
template <class... F>
struct Each : F... {
  using F::operator()...;
};
template <class... F>
Each(F...) -> Each<F...>;

bool same(const PrivacyOptions& a, const PrivacyOptions& b) {
  return a.mechanism == b.mechanism && a.bound == b.bound && a.epsilon == b.epsilon && a.delta == b.delta &&
         a.neighbours == b.neighbours && a.max_rows == b.max_rows;
}

}  // namespace

const char* statistic_name(PrivateStatistic statistic) { return kStatistics[static_cast<size_t>(statistic)]; }

PrivateStatistic statistic_of(std::string_view name) {
  const auto found = std::find(std::begin(kStatistics), std::end(kStatistics), name);
  if (found == std::end(kStatistics)) {
    refuse("unknown private statistic " + quoted(name),
           "Statistics are kde, distance, moments, sum, avg, count.");
  }
  return static_cast<PrivateStatistic>(found - std::begin(kStatistics));
}

uint32_t PrivateJob::dims() const {
  return std::visit([](const auto& o) { return o.dims; }, structure);
}

Guarantee PrivateJob::guarantee() const {
  return std::visit([this](const auto& o) { return guarantee_of(o, privacy); }, structure);
}

PrivateJob parse_private_job(std::optional<PrivateStatistic> own, const OptionPair* pairs, size_t n) {
  const Reader in(pairs, n);
  PrivateJob job;
  const OptionPair* given = in.find("statistic");
  if (given == nullptr && !own) {
    Reader::missing("statistic", "Statistics are kde, distance, moments, sum, avg, count.");
  }
  job.statistic = given != nullptr ? statistic_of(given->text) : *own;
  if (own && job.statistic != *own) {
    refuse("privacy option \"statistic\" is " + quoted(statistic_name(job.statistic)) +
           ", but this aggregate makes " + quoted(statistic_name(*own)));
  }
  in.check_keys(job.statistic);
  job.privacy = privacy_options(in);
  if (job.statistic == PrivateStatistic::kKde) {
    job.structure = kde_options(in);
  } else if (job.statistic == PrivateStatistic::kDistance) {
    job.structure = distance_options(in);
  } else {
    job.structure = moment_options(job.statistic, in);
  }
  job.guarantee();  // throws what a release would
  return job;
}

double expected_kde_error(const OptionPair* pairs, size_t n, double rows) {
  const PrivateJob job = parse_private_job(PrivateStatistic::kKde, pairs, n);
  return kde_error(std::get<KdeOptions>(job.structure), job.privacy, rows).mean_absolute;
}

void PrivateState::start(const PrivateJob& job) {
  job_ = job;
  std::visit(Each{[this](const KdeOptions& o) { sums_.emplace(KdeSums(o)); },
                  [this](const DistanceOptions& o) { sums_.emplace(DistanceSums(o)); },
                  [this](const MomentOptions& o) { sums_.emplace(MomentSums(o)); }},
             job.structure);
}

void PrivateState::add(const float* x, size_t dims) {
  const bool fits = dims == job_.dims();
  std::visit(Each{[&](DistanceSums& sums) {
                    if (!fits && nowhere_.empty())
                      nowhere_.assign(job_.dims(), std::numeric_limits<float>::quiet_NaN());
                    sums.add(fits ? x : nowhere_.data());
                  },
                  [&](auto& sums) {
                    if (fits) {
                      sums.add(x);
                    } else {
                      sums.add_other();
                    }
                  }},
             *sums_);
}

void PrivateState::merge(const PrivateState& other) {
  if (!other.started()) return;
  if (!started()) {
    *this = other;
    return;
  }
  if (job_.statistic != other.job_.statistic || !same(job_.privacy, other.job_.privacy) ||
      sums_->index() != other.sums_->index()) {
    refuse("private sums with different options cannot be merged");
  }
  std::visit([&](auto& sums) { sums.merge(std::get<std::remove_cvref_t<decltype(sums)>>(*other.sums_)); },
             *sums_);
}

// Statistic, privacy options, the image of the sums. Between processes of one server only.
const std::vector<uint8_t>& PrivateState::image() {
  ByteWriter out;
  out.put<uint8_t>(started());
  if (started()) {
    out.put<uint8_t>(static_cast<uint8_t>(job_.statistic));
    out.put<uint8_t>(static_cast<uint8_t>(job_.privacy.mechanism));
    out.put<uint8_t>(static_cast<uint8_t>(job_.privacy.bound));
    out.put<uint8_t>(static_cast<uint8_t>(job_.privacy.neighbours));
    out.put<uint32_t>(job_.privacy.max_rows);
    out.put<double>(job_.privacy.epsilon);
    out.put<double>(job_.privacy.delta);
    const std::vector<uint8_t> sums = std::visit([](const auto& s) { return s.image(); }, *sums_);
    out.put_all(sums.data(), sums.size());
  }
  image_.assign(out.bytes().begin(), out.bytes().end());  // asked twice, it stays where it is
  return image_;
}

void PrivateState::restore(const uint8_t* bytes, size_t n) {
  PrivateState state;
  read_or_damaged([&] {
    ByteReader in(bytes, n);
    const uint8_t started = in.get<uint8_t>();
    if (started > 1) damaged_image();
    if (started == 0) return in.end();
    PrivateJob& job = state.job_;
    const uint8_t statistic = in.get<uint8_t>(), mechanism = in.get<uint8_t>(), bound = in.get<uint8_t>(),
                  neighbours = in.get<uint8_t>();
    if (statistic >= std::size(kStatistics) || mechanism > 2 || bound > 1 || neighbours > 1) damaged_image();
    job.statistic = static_cast<PrivateStatistic>(statistic);
    job.privacy.mechanism = static_cast<NoiseMechanism>(mechanism);
    job.privacy.bound = static_cast<GaussianBound>(bound);
    job.privacy.neighbours = static_cast<Neighbours>(neighbours);
    job.privacy.max_rows = in.get<uint32_t>();
    job.privacy.epsilon = in.get<double>();
    job.privacy.delta = in.get<double>();
    job.privacy.check();
    const size_t left = in.left();
    const uint8_t* const sums = bytes + (n - left);
    if (job.statistic == PrivateStatistic::kKde) {
      state.sums_ = KdeSums::read(sums, left);
    } else if (job.statistic == PrivateStatistic::kDistance) {
      state.sums_ = DistanceSums::read(sums, left);
    } else {
      MomentSums moments = MomentSums::read(sums, left);
      if (moments.options().content != content_of(job.statistic)) damaged_image();
      state.sums_ = std::move(moments);
    }
    std::visit([&](const auto& s) { job.structure = s.options(); }, *state.sums_);
  });
  *this = std::move(state);
}

const std::vector<uint8_t>& PrivateState::release(Entropy entropy, Stop stop) {
  if (!started() || released_) throw Error(ErrorKind::kInternal, "a private state is released once");
  released_ = true;
  RandomBits bits(entropy, stop);
  std::visit(Each{[&](const KdeSums& s) { image_ = KdeSketch(s, job_.privacy, bits).image(); },
                  [&](const DistanceSums& s) { image_ = DistanceSketch(s, job_.privacy, bits).image(); },
                  [&](const MomentSums& s) { image_ = MomentSketch(s, job_.privacy, bits).image(); }},
             *sums_);
  return image_;
}

}  // namespace lowdim::core
