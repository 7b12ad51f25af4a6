// What every quantizer offers: vectors of `dims` floats become codes of `code_bytes` bytes, and inner
// products with a full-precision query are estimated from the codes. L2 and cosine follow from the inner
// product and a squared norm that codec/codec.h keeps beside each code, so this is the only estimator there
// is:
//
//   <q, u> ~ add + scale * (<q, c> + shift * sum(q))     c the integer code, add, scale and shift per code or
//   method
//
// A quantizer is trained once, never changes, and is safe to use from any number of places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

struct Interval {
  double low;
  double high;
};

// One prepared query. Made by Quantizer::prepare, which must outlive it.
class Scorer {
 public:
  virtual ~Scorer() = default;

  // Estimates of <q, u> for n codes that lie `stride` bytes apart.
  virtual void score(const uint8_t* codes, size_t stride, size_t n, float* out) const = 0;

  // Bounds on <q, u> for the vector u that was encoded, and on |q - u|^2; only where Quantizer::bounds() says
  // so.
  virtual Interval inner_bounds(const uint8_t* code) const;
  virtual Interval l2sq_bounds(const uint8_t* code) const;
};

// Whether the bounds of a quantizer's scorers always hold, or with a stated probability.
enum class Bounds : uint8_t { kNone, kCertain, kProbable };

// Which squared norm makes |q|^2 + norm - 2 <q, u> the better L2 estimate: that of the decoded vector, where
// the estimate is <q, decoded u> (errors of both then cancel for near neighbours), or the true one, where it
// is unbiased.
enum class NormKind : uint8_t { kDecoded, kTrue };

class Quantizer {
 public:
  virtual ~Quantizer() = default;

  virtual size_t dims() const = 0;
  virtual size_t code_bytes() const = 0;
  virtual void encode(const float* u, uint8_t* code) const = 0;
  virtual void decode(const uint8_t* code, float* u) const = 0;
  virtual std::unique_ptr<Scorer> prepare(const float* q) const = 0;
  virtual Bounds bounds() const { return Bounds::kNone; }
  virtual NormKind norm_kind() const { return NormKind::kDecoded; }
  // |u|^2 of the vector that was encoded, from its code alone; only where norm_kind() is kTrue.
  virtual double norm2(const uint8_t* code) const;

  // The trained parameters, without the kind (codec/codec.cpp writes that). Each class has a static
  // `std::unique_ptr<Quantizer> read(ByteReader&, size_t dims)` that gives back an equal quantizer or throws
  // Error(kCorrupted); no code, however damaged, makes encode, decode or a scorer read or write out of
  // bounds.
  virtual void write(ByteWriter& out) const = 0;

  // Facts for codec_info, as pairs of a JSON key and a JSON value.
  virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }
};

}  // namespace lowdim::core
