// Linear maps before quantization. A projection sends a base vector x to B^T (x - mean) and a query q to A^T
// q, both of `out_dims` floats, such that <q, x> ~ <q, mean> + <A^T q, B^T (x - mean)>. For orthonormal ones
// A = B; for query-aware ones (LeanVec-OOD) they differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

class Projection {
 public:
  virtual ~Projection() = default;

  virtual size_t in_dims() const = 0;
  virtual size_t out_dims() const = 0;
  // in_dims floats, subtracted from base vectors before anything else; nullptr for none.
  virtual const float* mean() const { return nullptr; }
  // B^T (x - mean): the mean is subtracted here. `x` and `out` do not overlap.
  virtual void apply_base(const float* x, float* out) const = 0;
  // A^T q: the mean is not subtracted.
  virtual void apply_query(const float* q, float* out) const = 0;
  // The vector whose projection is nearest to u, mean added: B u + mean for orthonormal B, the
  // pseudo-inverse's otherwise.
  virtual void restore(const float* u, float* x) const = 0;
  // A = B, columns orthonormal.
  virtual bool orthonormal() const = 0;
  // Orthonormal and square: distances are kept.
  bool isometric() const { return orthonormal() && in_dims() == out_dims(); }

  // As Quantizer::write and facts; `read(ByteReader&, size_t in_dims)` in each class.
  virtual void write(ByteWriter& out) const = 0;
  virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }
};

}  // namespace lowdim::core
