// A trained codec: a projection and a quantizer that were trained together, as one value that can be stored,
// sent and applied. It encodes vectors of `dims()` floats into `code_bytes()` bytes and estimates L2, inner
// product and cosine between a full-precision query and a code. Immutable; the SQL type `codec` holds its
// image.
//
// A code is a float32 squared norm followed by the quantizer's bytes. With m the mean, A and B the
// projection's maps and u^ the decoded vector:
//   <q, x>    ~ <q, m> + <A^T q, u^>
//   |q - x|^2 ~ |q|^2 + norm - 2 <q, x>      norm as NormKind says: the decoded vector's or the true one
//   cos(q, x) ~ <q, x> / (|q| sqrt(norm))
// Where the norm is the true one and distances survive the projection, the query is centred too: the error of
// an unbiased estimate grows with the query's length, and that of q - m is smaller. <m, u> then follows from
// the norms:
//   |q - x|^2 ~ |q - m|^2 + |u|^2 - 2 <A^T (q - m), u^>
//   <q, x>    ~ <q, m> + <A^T (q - m), u^> + <m, u>      <m, u> = (norm - |m|^2 - |u|^2) / 2
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/options.h"
#include "core/codec/projection.h"
#include "core/codec/quantizer.h"

namespace lowdim::core {

enum class CodecMetric : uint8_t { kL2, kInner, kCosine };

class Codec;

// A query prepared for one codec, which must outlive it.
class CodecQuery {
 public:
  CodecQuery(const Codec& codec, const float* q);

  double l2(const uint8_t* code) const;      // Euclidean distance
  double inner(const uint8_t* code) const;   // inner product
  double cosine(const uint8_t* code) const;  // cosine distance, 0 to 2; NaN if either vector is zero
  double distance(CodecMetric metric, const uint8_t* code) const;  // smaller is nearer: l2, -inner, cosine

  // distance() of n codes that lie `stride` bytes apart.
  void distances(CodecMetric metric, const uint8_t* codes, size_t stride, size_t n, float* out) const;

  // An interval that holds the exact value (l2, inner product, cosine distance) of the vector that was
  // encoded: always, or with the quantizer's stated probability. Throws Error(kNotSupported) where the codec
  // has no bounds.
  Interval bounds(CodecMetric metric, const uint8_t* code) const;

 private:
  // The metric's value from the scorer's estimate for a code.
  double finish(CodecMetric metric, float estimate, const uint8_t* code) const;
  double inner_of(float estimate, const uint8_t* code) const;

  const Codec& codec_;
  std::vector<float> q_;
  double mean_inner_ = 0;    // <q, m>
  double norm_ = 0;          // |q|^2
  double centred_norm_ = 0;  // |q - m|^2
  std::unique_ptr<Scorer> scorer_;
};

class Codec {
 public:
  Codec(CodecSpec spec, std::vector<float> mean, std::unique_ptr<Projection> projection,
        std::unique_ptr<Quantizer> quantizer, std::vector<std::pair<std::string, std::string>> facts);

  size_t dims() const { return dims_; }
  size_t code_bytes() const { return sizeof(float) + quantizer_->code_bytes(); }
  const CodecSpec& spec() const { return spec_; }
  // Of the image: two codecs with the same fingerprint are the same.
  uint64_t fingerprint() const { return fingerprint_; }
  const std::vector<uint8_t>& image() const { return image_; }

  // x: dims() finite floats. The zero vector of a normalizing codec stays zero.
  void encode(const float* x, uint8_t* code) const;
  // An approximation of x (of x / |x| for a normalizing codec).
  void decode(const uint8_t* code, float* x) const;

  const char* bounds_kind() const;  // "none", "certain" or "probable"
  // A JSON object: method, dims, bytes, model bytes, and what projection and quantizer say.
  const std::string& info() const { return info_; }

  // Throws Error(kCorrupted) for anything but an image that this version can read. The fingerprint in the
  // image is verified, so damage is found before a model is built from it.
  static std::unique_ptr<Codec> read(const uint8_t* bytes, size_t n);
  // The fingerprint that an image claims, without reading the rest; false if it is no codec image.
  static bool peek_fingerprint(const uint8_t* bytes, size_t n, uint64_t* fingerprint);
  // Writes the fingerprint that belongs to an image's other bytes into it: for the fuzzer, which otherwise
  // would get no further than its verification.
  static void seal(std::vector<uint8_t>& image);

 private:
  friend class CodecQuery;
  // x (normalized if that is asked for) less the mean, projected.
  void project(const float* x, std::vector<float>& centred, std::vector<float>& u) const;
  const float* mean() const;
  bool has_bounds() const;
  bool centres_queries() const;
  void write();
  std::string describe() const;

  CodecSpec spec_;
  size_t dims_;
  std::vector<float> mean_;                 // empty where the projection has its own
  std::unique_ptr<Projection> projection_;  // nullptr: the identity
  std::unique_ptr<Quantizer> quantizer_;
  std::vector<std::pair<std::string, std::string>> facts_;
  std::vector<float> projected_mean_;  // A^T m, for decoded norms
  double mean_norm_ = 0;               // |m|^2
  uint64_t fingerprint_ = 0;
  std::vector<uint8_t> image_;
  std::string info_;
};

}  // namespace lowdim::core
