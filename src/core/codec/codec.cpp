// See codec.h.

#include "core/codec/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/random.h"
#include "core/codec/kinds.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kMagic = 0x4D43444C;  // "LDCM"
constexpr uint16_t kVersion = 1;
constexpr size_t kHeaderBytes = 16;  // magic, version, reserved, fingerprint
constexpr size_t kMaxFacts = 64;

uint64_t hash_bytes(const uint8_t* bytes, size_t n) {
  uint64_t h = 0x9e3779b97f4a7c15u ^ n;
  for (; n >= 8; bytes += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    h = mix64(h ^ word) + 0x9e3779b97f4a7c15u;
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes, n);
  return mix64(h ^ rest);
}

// Sums in eight lanes that are then added in order: the same to the bit whatever the compiler makes of it,
// and quick.
template <class Term>
double sum_in_lanes(size_t n, Term term) {
  constexpr size_t kLanes = 8;
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) lanes[l] += term(i + l);
  }
  for (size_t l = 0; i < n; ++i, ++l) lanes[l] += term(i);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

double squared_norm(const float* v, size_t n) {
  return sum_in_lanes(n, [=](size_t i) { return static_cast<double>(v[i]) * v[i]; });
}

double inner_product(const float* a, const float* b, size_t n) {
  return sum_in_lanes(n, [=](size_t i) { return static_cast<double>(a[i]) * b[i]; });
}

void put_text(ByteWriter& out, const std::string& text) {
  out.put<uint32_t>(static_cast<uint32_t>(text.size()));
  out.put_all(text.data(), text.size());
}

std::string get_text(ByteReader& in) {
  const std::vector<char> text = in.get_all<char>(in.get_count(0, 1 << 20));
  return {text.begin(), text.end()};
}

float stored_norm(const uint8_t* code) {
  float norm;
  std::memcpy(&norm, code, sizeof norm);
  return norm;
}

}  // namespace

Codec::Codec(CodecSpec spec, std::vector<float> mean, std::unique_ptr<Projection> projection,
             std::unique_ptr<Quantizer> quantizer, std::vector<std::pair<std::string, std::string>> facts)
    : spec_(spec),
      dims_(projection != nullptr ? projection->in_dims() : quantizer->dims()),
      mean_(std::move(mean)),
      projection_(std::move(projection)),
      quantizer_(std::move(quantizer)),
      facts_(std::move(facts)) {
  if (const float* m = this->mean(); m != nullptr) {
    projected_mean_.assign(m, m + dims_);
    mean_norm_ = squared_norm(m, dims_);
    if (projection_ != nullptr) {
      projected_mean_.resize(projection_->out_dims());
      projection_->apply_query(m, projected_mean_.data());
    }
  }
  write();
  info_ = describe();
}

const float* Codec::mean() const {
  if (!mean_.empty()) return mean_.data();
  return projection_ != nullptr ? projection_->mean() : nullptr;
}

void Codec::project(const float* x, std::vector<float>& y, std::vector<float>& u) const {
  y.assign(x, x + dims_);
  if (spec_.normalize) {
    const double norm = std::sqrt(squared_norm(x, dims_));
    if (norm > 0) {
      for (float& v : y) v = static_cast<float>(v / norm);
    }
  }
  std::vector<float> centred = y;
  for (size_t i = 0; i < mean_.size(); ++i) centred[i] -= mean_[i];
  if (projection_ == nullptr) {
    u = std::move(centred);
  } else {
    u.resize(projection_->out_dims());
    projection_->apply_base(centred.data(), u.data());
  }
}

void Codec::encode(const float* x, uint8_t* code) const {
  std::vector<float> y;
  std::vector<float> u;
  project(x, y, u);
  uint8_t* const payload = code + sizeof(float);
  quantizer_->encode(u.data(), payload);
  double norm = squared_norm(y.data(), dims_);
  const bool zero = norm == 0;
  const bool orthonormal = projection_ == nullptr || projection_->orthonormal();
  if (quantizer_->norm_kind() == NormKind::kDecoded && orthonormal) {
    // What the code changed: u^ for u, in the span of the projection; the rest of x stays as it is.
    std::vector<float> decoded(u.size());
    quantizer_->decode(payload, decoded.data());
    const float* const was = u.data();
    const float* const is = decoded.data();
    norm += sum_in_lanes(u.size(), [=](size_t i) {
      return (static_cast<double>(is[i]) - was[i]) * (static_cast<double>(is[i]) + was[i]);
    });
    if (!projected_mean_.empty()) {
      const float* const m = projected_mean_.data();
      norm +=
          2 * sum_in_lanes(u.size(), [=](size_t i) { return m[i] * (static_cast<double>(is[i]) - was[i]); });
    }
  }
  if (zero) norm = 0;  // it has no direction, whatever its code says
  const float stored =
      static_cast<float>(std::clamp(norm, 0.0, static_cast<double>(std::numeric_limits<float>::max())));
  std::memcpy(code, &stored, sizeof stored);
}

void Codec::decode(const uint8_t* code, float* x) const {
  std::vector<float> u(quantizer_->dims());
  quantizer_->decode(code + sizeof(float), u.data());
  if (projection_ == nullptr) {
    std::memcpy(x, u.data(), dims_ * sizeof(float));
  } else {
    projection_->restore(u.data(), x);
  }
  for (size_t i = 0; i < mean_.size(); ++i) x[i] += mean_[i];
}

bool Codec::centres_queries() const {
  return quantizer_->norm_kind() == NormKind::kTrue && (projection_ == nullptr || projection_->isometric());
}

bool Codec::has_bounds() const {
  return quantizer_->bounds() != Bounds::kNone && (projection_ == nullptr || projection_->isometric());
}

const char* Codec::bounds_kind() const {
  if (!has_bounds()) return "none";
  return quantizer_->bounds() == Bounds::kCertain ? "certain" : "probable";
}

std::string Codec::describe() const {
  std::string json = "{\"method\": \"" + spec_.text() + "\"";
  const auto add = [&](const std::string& key, const std::string& value) {
    json += ", \"" + key + "\": " + value;
  };
  add("dims", std::to_string(dims_));
  add("code_dims", std::to_string(quantizer_->dims()));
  add("bytes_per_vector", std::to_string(code_bytes()));
  add("model_bytes", std::to_string(image_.size()));
  add("normalize", spec_.normalize ? "true" : "false");
  add("bounds", std::string("\"") + bounds_kind() + "\"");
  for (const auto& [key, value] : facts_) add(key, value);
  if (projection_ != nullptr) {
    for (const auto& [key, value] : projection_->facts()) add(key, value);
  }
  for (const auto& [key, value] : quantizer_->facts()) add(key, value);
  return json + "}";
}

void Codec::write() {
  ByteWriter out;
  out.put(kMagic);
  out.put(kVersion);
  out.put<uint16_t>(0);
  out.put<uint64_t>(0);  // the fingerprint, below
  out.put<uint32_t>(static_cast<uint32_t>(dims_));
  write_spec(out, spec_);
  out.put<uint8_t>(mean_.empty() ? 0 : 1);
  out.put_all(mean_.data(), mean_.size());
  out.put<uint8_t>(projection_ != nullptr ? 1 : 0);
  if (projection_ != nullptr) projection_->write(out);
  out.put<uint32_t>(static_cast<uint32_t>(quantizer_->dims()));
  quantizer_->write(out);
  out.put<uint32_t>(static_cast<uint32_t>(facts_.size()));
  for (const auto& [key, value] : facts_) {
    put_text(out, key);
    put_text(out, value);
  }
  image_ = out.take();
  seal(image_);
  peek_fingerprint(image_.data(), image_.size(), &fingerprint_);
}

void Codec::seal(std::vector<uint8_t>& image) {
  const uint64_t fingerprint = hash_bytes(image.data() + kHeaderBytes, image.size() - kHeaderBytes);
  std::memcpy(image.data() + kHeaderBytes - sizeof fingerprint, &fingerprint, sizeof fingerprint);
}

bool Codec::peek_fingerprint(const uint8_t* bytes, size_t n, uint64_t* fingerprint) {
  uint32_t magic;
  if (n < kHeaderBytes) return false;
  std::memcpy(&magic, bytes, sizeof magic);
  std::memcpy(fingerprint, bytes + kHeaderBytes - sizeof *fingerprint, sizeof *fingerprint);
  return magic == kMagic;
}

std::unique_ptr<Codec> Codec::read(const uint8_t* bytes, size_t n) {
  ByteReader in(bytes, n);
  if (in.get<uint32_t>() != kMagic) ByteReader::corrupted();
  if (const uint16_t version = in.get<uint16_t>(); version != kVersion) {
    throw Error(ErrorKind::kCorrupted,
                "codec format " + std::to_string(version) + " is unknown to this version",
                "This version reads format " + std::to_string(kVersion) + ".");
  }
  if (in.get<uint16_t>() != 0) ByteReader::corrupted();
  const uint64_t fingerprint = in.get<uint64_t>();
  if (fingerprint != hash_bytes(bytes + kHeaderBytes, n - kHeaderBytes)) ByteReader::corrupted();
  const uint32_t dims = in.get_count(1, 16000);
  const CodecSpec spec = read_spec(in);
  std::vector<float> mean;
  if (read_flag(in)) mean = in.get_all<float>(dims);
  std::unique_ptr<Projection> projection;
  if (read_flag(in)) projection = read_projection(in, spec, dims);
  const uint32_t code_dims = in.get_count(1, 16000);
  if (code_dims != (projection != nullptr ? projection->out_dims() : dims)) ByteReader::corrupted();
  std::unique_ptr<Quantizer> quantizer = read_quantizer(in, spec, code_dims);
  std::vector<std::pair<std::string, std::string>> facts(in.get_count(0, kMaxFacts));
  for (auto& [key, value] : facts) {
    key = get_text(in);
    value = get_text(in);
  }
  in.end();
  auto codec = std::make_unique<Codec>(spec, std::move(mean), std::move(projection), std::move(quantizer),
                                       std::move(facts));
  if (codec->fingerprint_ != fingerprint) ByteReader::corrupted();
  return codec;
}

CodecQuery::CodecQuery(const Codec& codec, const float* q) : codec_(codec), q_(q, q + codec.dims()) {
  norm_ = squared_norm(q, codec.dims());
  std::vector<float> asked = q_;
  if (const float* m = codec.mean(); m != nullptr) {
    mean_inner_ = inner_product(q, m, codec.dims());
    if (codec.centres_queries()) {
      for (size_t i = 0; i < asked.size(); ++i) asked[i] -= m[i];
    }
  }
  centred_norm_ = squared_norm(asked.data(), asked.size());
  if (codec.projection_ == nullptr) {
    scorer_ = codec.quantizer_->prepare(asked.data());
  } else {
    std::vector<float> projected(codec.projection_->out_dims());
    codec.projection_->apply_query(asked.data(), projected.data());
    scorer_ = codec.quantizer_->prepare(projected.data());
  }
}

double CodecQuery::inner_of(float estimate, const uint8_t* code) const {
  if (!codec_.centres_queries()) return mean_inner_ + estimate;
  const double u = codec_.quantizer_->norm2(code + sizeof(float));
  return mean_inner_ + estimate + (stored_norm(code) - codec_.mean_norm_ - u) / 2;
}

double CodecQuery::finish(CodecMetric metric, float estimate, const uint8_t* code) const {
  const double norm = stored_norm(code);
  switch (metric) {
    case CodecMetric::kInner:
      return inner_of(estimate, code);
    case CodecMetric::kCosine:
      if (!(norm_ > 0 && norm > 0)) return std::numeric_limits<double>::quiet_NaN();
      return 1 - std::clamp(inner_of(estimate, code) / std::sqrt(norm_ * norm), -1.0, 1.0);
    case CodecMetric::kL2:
      break;
  }
  if (codec_.centres_queries()) {
    return std::sqrt(
        std::max(0.0, centred_norm_ + codec_.quantizer_->norm2(code + sizeof(float)) - 2.0 * estimate));
  }
  return std::sqrt(std::max(0.0, norm_ + norm - 2 * inner_of(estimate, code)));
}

double CodecQuery::distance(CodecMetric metric, const uint8_t* code) const {
  float estimate;
  scorer_->score(code + sizeof(float), 0, 1, &estimate);
  const double value = finish(metric, estimate, code);
  return metric == CodecMetric::kInner ? -value : value;
}

double CodecQuery::l2(const uint8_t* code) const { return distance(CodecMetric::kL2, code); }
double CodecQuery::inner(const uint8_t* code) const { return -distance(CodecMetric::kInner, code); }
double CodecQuery::cosine(const uint8_t* code) const { return distance(CodecMetric::kCosine, code); }

void CodecQuery::distances(CodecMetric metric, const uint8_t* codes, size_t stride, size_t n,
                           float* out) const {
  scorer_->score(codes + sizeof(float), stride, n, out);
  for (size_t i = 0; i < n; ++i) {
    const double value = finish(metric, out[i], codes + i * stride);
    out[i] = static_cast<float>(metric == CodecMetric::kInner ? -value : value);
  }
}

Interval CodecQuery::bounds(CodecMetric metric, const uint8_t* code) const {
  if (!codec_.has_bounds()) {
    throw Error(ErrorKind::kNotSupported, "codec " + codec_.spec().text() + " has no distance bounds",
                "Quantizers with bounds are float16, int8, lvq, rabitq and osq, after no projection or an "
                "isometric one.");
  }
  const uint8_t* const payload = code + sizeof(float);
  const size_t dims = codec_.dims();
  // Bounds on |p - x|^2 for a point p: the quantizer sees p - m as it sees x - m.
  const auto squared = [&](const std::vector<float>& p) {
    std::vector<float> shifted = p;
    if (const float* m = codec_.mean(); m != nullptr) {
      for (size_t i = 0; i < dims; ++i) shifted[i] -= m[i];
    }
    std::vector<float> projected = shifted;
    if (codec_.projection_ != nullptr) codec_.projection_->apply_query(shifted.data(), projected.data());
    Interval b = codec_.quantizer_->prepare(projected.data())->l2sq_bounds(payload);
    // Mean and projection round in float32; an isometry keeps lengths only to that.
    const double slack =
        1e-5 * (b.high < 1e300 ? std::sqrt(b.high) + std::sqrt(squared_norm(shifted.data(), dims)) : 0);
    const double low = std::max(0.0, std::sqrt(std::max(0.0, b.low)) - slack);
    const double high = std::sqrt(std::max(0.0, b.high)) + slack;
    return Interval{low * low, high * high};
  };
  if (metric == CodecMetric::kL2) {
    const Interval b = squared(q_);
    return {std::sqrt(b.low), std::sqrt(b.high)};
  }
  Interval norm = squared(std::vector<float>(dims, 0.0f));
  Interval inner = scorer_->inner_bounds(payload);
  double shift = mean_inner_;
  if (codec_.centres_queries()) {
    norm = {stored_norm(code) * (1 - 1e-6), stored_norm(code) * (1 + 1e-6)};
    shift += (stored_norm(code) - codec_.mean_norm_ - codec_.quantizer_->norm2(payload)) / 2;
  }
  const double slack = 1e-5 * std::sqrt(norm_) * (norm.high < 1e300 ? std::sqrt(norm.high) : 0);
  inner = {inner.low + shift - slack, inner.high + shift + slack};
  if (metric == CodecMetric::kInner) return inner;
  const auto cosine = [&](double value, double norm2) {
    return norm2 > 0 && norm_ > 0 ? std::clamp(value / std::sqrt(norm_ * norm2), -1.0, 1.0)
                                  : (value >= 0 ? 1.0 : -1.0);
  };
  // The largest similarity divides by the smallest norm where it is positive, by the largest where it is
  // negative.
  return {1 - cosine(inner.high, inner.high >= 0 ? norm.low : norm.high),
          1 - cosine(inner.low, inner.low >= 0 ? norm.high : norm.low)};
}

}  // namespace lowdim::core
