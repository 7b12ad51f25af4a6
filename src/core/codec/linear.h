// A dense linear projection: a base vector x becomes B^T (x - mean), a query q becomes A^T q. What PCA and
// the query-aware trainers give. Sums run over the input coordinates in order, in float32, so that a vector
// has one projection wherever it lies in memory and whatever the processor.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/projection.h"

namespace lowdim::core {

class LinearProjection final : public Projection {
 public:
  // p: in_dims x out_dims with orthonormal columns. `mean` is empty or has in_dims floats.
  LinearProjection(std::vector<float> mean, Matrix p);
  // a and b: in_dims x out_dims. Throws Error(kData) if b is not finite or has no pseudo-inverse in float32.
  LinearProjection(std::vector<float> mean, Matrix a, Matrix b);

  size_t in_dims() const override { return static_cast<size_t>(b_.rows()); }
  size_t out_dims() const override { return static_cast<size_t>(b_.cols()); }
  const float* mean() const override { return mean_.empty() ? nullptr : mean_.data(); }
  void apply_base(const float* x, float* out) const override;
  void apply_query(const float* q, float* out) const override;
  void restore(const float* u, float* x) const override;
  bool orthonormal() const override { return a_.size() == 0; }

  // The projection onto the first `dims` columns: valid where the trainer ordered them.
  std::unique_ptr<LinearProjection> prefix(size_t dims) const;

  void write(ByteWriter& out) const override;
  static std::unique_ptr<Projection> read(ByteReader& in, size_t in_dims);
  std::vector<std::pair<std::string, std::string>> facts() const override;

 private:
  std::vector<float> mean_;
  Matrix a_;  // empty: orthonormal, and a = b
  Matrix b_;
  Matrix restore_;  // out_dims x in_dims, the pseudo-inverse of b^T, transposed; empty where orthonormal
};

}  // namespace lowdim::core
