// Other codes that the neighbours of a node could carry, for comparison with the one that the index has: the
// same graph is searched with each, and hops and recall are counted. Called by graph.cpp (--schemes).
//
//   exact      the vectors themselves
//   lvqB:D     principal components to D dimensions, then B-bit LVQ, one code a vector
//   rabitqB    B-bit RaBitQ of (neighbour - node), made for every link: |q - x|^2 = |q - c|^2 + |r|^2 + 2 <c,
//   r>
//              - 2 <q, r>, all but the last exact
// Distances are squared L2; vectors are normalized where the metric is cosine.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../data/fvecs.h"
#include "core/codec/rabitq.h"
#include "core/codec/rotation.h"
#include "core/codec/train.h"
#include "core/graph/build.h"
#include "core/simd/kernels.h"

namespace lowdim::bench {

// Scores the neighbours of one node for the query that was prepared.
class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual size_t bytes() const = 0;  // a neighbour's code, its number not counted
  virtual void prepare(const float* q) = 0;
  // out[j] = about |q - neighbour j|^2; `exact` is |q - node|^2.
  virtual void score(uint32_t node, float exact, float* out) = 0;
  virtual float one(uint32_t node) = 0;
};

class ExactScheme : public Scheme {
 public:
  ExactScheme(const Matrix<float>& base, const core::GraphBuild& graph) : base_(base), graph_(graph) {}
  size_t bytes() const override { return base_.cols * sizeof(float); }
  void prepare(const float* q) override { q_ = q; }
  void score(uint32_t node, float, float* out) override {
    for (uint32_t j = 0; j < graph_.count(node); ++j) out[j] = one(graph_.links(node)[j]);
  }
  float one(uint32_t node) override {
    return simd::kernels().l2sq_f32(q_, base_.row(node), static_cast<uint32_t>(base_.cols));
  }

 protected:
  const Matrix<float>& base_;
  const core::GraphBuild& graph_;
  const float* q_ = nullptr;
};

class LvqScheme : public ExactScheme {
 public:
  LvqScheme(const Matrix<float>& base, const core::GraphBuild& graph, uint32_t bits, uint32_t dims)
      : ExactScheme(base, graph) {
    core::CodecSpec spec;
    spec.projection = core::ProjectionKind::kPca;
    spec.dims = dims;
    spec.quantizer = core::QuantizerKind::kLvq;
    spec.bits = bits;
    trainer_.start(spec, base.cols, size_t{1} << 30);
    for (size_t i = 0; i < base.rows; ++i) trainer_.add(base.row(i), base.cols);
    codec_ = &trainer_.finish(core::Stop{});
    codes_.resize(base.rows * codec_->code_bytes());
    for (size_t i = 0; i < base.rows; ++i)
      codec_->encode(base.row(i), codes_.data() + i * codec_->code_bytes());
  }
  size_t bytes() const override { return codec_->code_bytes(); }
  void prepare(const float* q) override { query_ = std::make_unique<core::CodecQuery>(*codec_, q); }
  float one(uint32_t node) override {
    const double d = query_->l2(codes_.data() + size_t{node} * codec_->code_bytes());
    return static_cast<float>(d * d);
  }

 private:
  core::CodecTrainer trainer_;
  const core::Codec* codec_ = nullptr;
  std::vector<uint8_t> codes_;
  std::unique_ptr<core::CodecQuery> query_;
};

class NodeRabitqScheme : public ExactScheme {
 public:
  NodeRabitqScheme(const Matrix<float>& base, const core::GraphBuild& graph, uint32_t n, int bits)
      : ExactScheme(base, graph),
        rotation_(base.cols, 1),
        quantizer_(base.cols, bits),
        rotated_(n, base.cols) {
    const size_t dims = base.cols, stride = quantizer_.code_bytes();
    begins_.resize(n + 1);
    for (uint32_t i = 0; i < n; ++i) {
      rotation_.apply_base(base.row(i), rotated_.row(i));
      begins_[i + 1] = begins_[i] + graph.count(i);
    }
    codes_.resize(begins_[n] * stride);
    adds_.resize(begins_[n]);
    std::vector<float> rest(dims);
    for (uint32_t i = 0; i < n; ++i) {
      for (uint32_t j = 0; j < graph.count(i); ++j) {
        const float* x = rotated_.row(graph.links(i)[j]);
        const float* c = rotated_.row(i);
        double add = 0;
        for (size_t d = 0; d < dims; ++d) {
          rest[d] = x[d] - c[d];
          add +=
              static_cast<double>(rest[d]) * (static_cast<double>(rest[d]) + 2 * static_cast<double>(c[d]));
        }
        quantizer_.encode(rest.data(), codes_.data() + (begins_[i] + j) * stride);
        adds_[begins_[i] + j] = static_cast<float>(add);
      }
    }
  }
  size_t bytes() const override { return quantizer_.code_bytes() + sizeof(float); }
  void prepare(const float* q) override {
    ExactScheme::prepare(q);
    turned_.resize(base_.cols);
    rotation_.apply_query(q, turned_.data());
    scorer_ = quantizer_.prepare(turned_.data());
  }
  void score(uint32_t node, float exact, float* out) override {
    const uint32_t n = graph_.count(node);
    scorer_->score(codes_.data() + begins_[node] * quantizer_.code_bytes(), quantizer_.code_bytes(), n, out);
    for (uint32_t j = 0; j < n; ++j) out[j] = exact + adds_[begins_[node] + j] - 2 * out[j];
  }

 private:
  core::HadamardRotation rotation_;
  core::RabitqQuantizer quantizer_;
  Matrix<float> rotated_;
  std::vector<size_t> begins_;
  std::vector<uint8_t> codes_;
  std::vector<float> adds_, turned_;
  std::unique_ptr<core::Scorer> scorer_;
};

inline std::unique_ptr<Scheme> make_scheme(const std::string& name, const Matrix<float>& base,
                                           const core::GraphBuild& graph, uint32_t n) {
  if (name == "exact") return std::make_unique<ExactScheme>(base, graph);
  if (name.rfind("lvq", 0) == 0) {
    const size_t colon = name.find(':');
    if (colon != std::string::npos) {
      return std::make_unique<LvqScheme>(base, graph, static_cast<uint32_t>(std::stoul(name.substr(3))),
                                         static_cast<uint32_t>(std::stoul(name.substr(colon + 1))));
    }
  }
  if (name.rfind("rabitq", 0) == 0) {
    return std::make_unique<NodeRabitqScheme>(base, graph, n, std::stoi(name.substr(6)));
  }
  throw std::invalid_argument("a scheme is exact, lvqB:D or rabitqB, not " + name);
}

}  // namespace lowdim::bench
