// Two projections, one after the other: a user's projection and the rotation that OPQ learns behind it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/codec/projection.h"

namespace lowdim::core {

class ChainProjection final : public Projection {
 public:
  // second->in_dims() == first->out_dims(), and second has no mean.
  ChainProjection(std::unique_ptr<Projection> first, std::unique_ptr<Projection> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  size_t in_dims() const override { return first_->in_dims(); }
  size_t out_dims() const override { return second_->out_dims(); }
  const float* mean() const override { return first_->mean(); }
  void apply_base(const float* x, float* out) const override {
    std::vector<float> middle(first_->out_dims());
    first_->apply_base(x, middle.data());
    second_->apply_base(middle.data(), out);
  }
  void apply_query(const float* q, float* out) const override {
    std::vector<float> middle(first_->out_dims());
    first_->apply_query(q, middle.data());
    second_->apply_query(middle.data(), out);
  }
  void restore(const float* u, float* x) const override {
    std::vector<float> middle(first_->out_dims());
    second_->restore(u, middle.data());
    first_->restore(middle.data(), x);
  }
  bool orthonormal() const override { return first_->orthonormal() && second_->orthonormal(); }
  void write(ByteWriter& out) const override {
    first_->write(out);
    second_->write(out);
  }
  std::vector<std::pair<std::string, std::string>> facts() const override { return first_->facts(); }

 private:
  std::unique_ptr<Projection> first_;
  std::unique_ptr<Projection> second_;
};

}  // namespace lowdim::core
