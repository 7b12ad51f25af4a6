// See report_plan.h.

#include "core/codec/report_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "core/codec/opq.h"

namespace lowdim::core {
namespace {

constexpr double kNormBytes = 4;  // before every code
constexpr double kLvqHeader = 4;

class Planner {
 public:
  explicit Planner(const PlanOptions& options)
      : options_(options),
        dims_(static_cast<double>(options.dims)),
        model_weight_(1.0 / static_cast<double>(std::max<size_t>(1, options.table_rows))) {}

  std::vector<ReportCandidate> run() {
    target_ = 2;
    add(quantizer(QuantizerKind::kFloat16, 0));
    target_ = 4;
    add(quantizer(QuantizerKind::kInt8, 0));
    for (const double target : options_.compressions) {
      target_ = target;
      budget_ = dims_ * sizeof(float) / target;
      scalars();
      projections();
      osq();
      products();
      if (options_.table_methods) {
        for (const TableMethod method : kTableMethods) {
          ReportCandidate candidate;
          candidate.target = target_;
          candidate.is_table = true;
          candidate.table = method;
          plan_.push_back(std::move(candidate));
        }
      }
    }
    return std::move(plan_);
  }

 private:
  CodecSpec quantizer(QuantizerKind kind, uint32_t bits) const {
    CodecSpec spec;
    spec.quantizer = kind;
    spec.bits = bits;
    spec.normalize = options_.normalize;
    spec.seed = options_.seed;
    if (kind == QuantizerKind::kRabitq) spec.projection = ProjectionKind::kRotation;
    if (kind == QuantizerKind::kOsq) spec.projection = ProjectionKind::kPca;
    return spec;
  }

  void add(CodecSpec spec) {
    ReportCandidate candidate;
    candidate.target = target_;
    candidate.spec = spec;
    plan_.push_back(std::move(candidate));
  }

  void misfit(CodecSpec spec, double least) {
    ReportCandidate candidate;
    candidate.target = target_;
    candidate.spec = spec;
    char text[160];
    std::snprintf(text, sizeof text, "no parameters fit: the least takes %.0f bytes a vector, model included",
                  std::ceil(least));
    candidate.misfit = text;
    plan_.push_back(std::move(candidate));
  }

  void scalars() {
    const double bits = 32 / target_;
    if (bits == 8) add(quantizer(QuantizerKind::kLvq, 8));
    if (bits == 4) add(quantizer(QuantizerKind::kLvq, 4));
    if (bits >= 1) {
      add(quantizer(QuantizerKind::kRabitq, static_cast<uint32_t>(std::min(bits, 8.0))));
    }
    if (bits == 4) add(quantizer(QuantizerKind::kOptimizedScalar, 4));
    if (bits == 1) add(quantizer(QuantizerKind::kOptimizedScalar, 1));
  }

  void projections() {
    project(ProjectionKind::kPca, QuantizerKind::kFloat32, 0, 4, 0);
    for (const uint32_t bits : {8u, 4u}) {
      project(ProjectionKind::kPca, QuantizerKind::kLvq, bits, bits / 8.0, kLvqHeader);
      if (options_.queries) {
        project(ProjectionKind::kLeanvec, QuantizerKind::kLvq, bits, bits / 8.0, kLvqHeader);
      }
    }
  }

  // As many dimensions as fit. Left out where all would: nothing is gained by turning them.
  void project(ProjectionKind projection, QuantizerKind kind, uint32_t bits, double bytes_per_dim,
               double header) {
    const double matrices = projection == ProjectionKind::kLeanvec ? 2 : 1;
    const double fixed = kNormBytes + header + model_weight_ * dims_ * sizeof(float);
    const double each = bytes_per_dim + model_weight_ * matrices * dims_ * sizeof(float);
    const double fits = std::floor((budget_ - fixed) / each);
    CodecSpec spec = quantizer(kind, bits);
    spec.projection = projection;
    if (fits >= dims_) return;
    if (fits < 1) return misfit(spec, fixed + each);
    spec.dims = static_cast<uint32_t>(fits);
    add(spec);
  }

  void osq() {
    const auto size = [&](double bits) {
      const double cells = 8 * std::min(255.0, std::exp2(bits)) + 5;  // an edge and a value each
      const double model = dims_ * sizeof(float) * (dims_ + 2) + dims_ * cells;
      return kNormBytes + 1 + std::ceil(dims_ * bits / 8) + model_weight_ * model;
    };
    constexpr double kStep = 1.0 / 16;
    double bits = 8;
    while (bits > 0.125 && size(bits) > budget_) bits -= kStep;
    CodecSpec spec = quantizer(QuantizerKind::kOsq, 0);
    spec.bits_per_dim = bits;
    if (size(bits) > budget_) return misfit(spec, size(bits));
    add(spec);
  }

  // Sub-spaces of at least two dimensions: with one each it is scalar quantization.
  void products() {
    product(QuantizerKind::kPq, 8);
    product(QuantizerKind::kPq, 4);
    if (options_.dims <= kMaxOpqDims) product(QuantizerKind::kOpq, 8);
  }

  void product(QuantizerKind kind, uint32_t bits) {
    const double centroids = dims_ * sizeof(float) * std::exp2(bits);
    const double rotation = kind == QuantizerKind::kOpq ? dims_ * dims_ * sizeof(float) : 0;
    const double fixed = kNormBytes + model_weight_ * (centroids + rotation + dims_ * sizeof(float));
    const double fits = std::floor((budget_ - fixed) * 8 / bits);
    CodecSpec spec = quantizer(kind, bits);
    spec.m = 1;
    if (2 * fits > dims_ + 1) return;
    if (fits < 1) return misfit(spec, fixed + 1);
    spec.m = static_cast<uint32_t>(fits);
    add(spec);
  }

  const PlanOptions& options_;
  double dims_;
  double model_weight_;  // of a byte that all rows share, in bytes a vector
  double target_ = 0;
  double budget_ = 0;  // bytes a vector
  std::vector<ReportCandidate> plan_;
};

void field(std::string& json, const char* key, const std::string& value) {
  json += std::string(json.empty() ? "{\"" : ",\"") + key + "\":" + value;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string quantizer_name(const CodecSpec& spec) {
  switch (spec.quantizer) {
    case QuantizerKind::kFloat32:
      return "";
    case QuantizerKind::kFloat16:
      return "float16";
    case QuantizerKind::kInt8:
      return "int8";
    case QuantizerKind::kLvq:
      return "lvq" + std::to_string(spec.bits) +
             (spec.residual_bits != 0 ? "x" + std::to_string(spec.residual_bits) : "");
    case QuantizerKind::kOptimizedScalar:
      return "optimized_scalar";
    case QuantizerKind::kRabitq:
      return "rabitq";
    case QuantizerKind::kOsq:
      return "osq";
    case QuantizerKind::kPq:
      return "pq";
    case QuantizerKind::kOpq:
      return "opq";
  }
  return "";
}

std::string projection_name(ProjectionKind kind) {
  switch (kind) {
    case ProjectionKind::kNone:
      return "";
    case ProjectionKind::kPca:
      return "pca";
    case ProjectionKind::kLeanvec:
      return "leanvec";
    case ProjectionKind::kRotation:
      return "rotation";
    case ProjectionKind::kRandom:
      return "random_projection";
    case ProjectionKind::kSparseRandom:
      return "sparse_random_projection";
  }
  return "";
}

}  // namespace

std::string ReportCandidate::name() const { return is_table ? table_method_name(table) : spec.text(); }

std::vector<ReportCandidate> plan_report(const PlanOptions& options) { return Planner(options).run(); }

std::string options_json(const CodecSpec& spec) {
  const std::string quantizer = quantizer_name(spec);
  const bool own_projection =
      spec.projection == ProjectionKind::kNone ||
      (spec.quantizer == QuantizerKind::kRabitq && spec.projection == ProjectionKind::kRotation) ||
      (spec.quantizer == QuantizerKind::kOsq && spec.projection == ProjectionKind::kPca && spec.dims == 0);
  std::string json;
  if (own_projection) {
    field(json, "method", quoted(quantizer));
  } else {
    field(json, "method", quoted(projection_name(spec.projection)));
    if (spec.dims != 0 && spec.projection != ProjectionKind::kRotation) {
      field(json, "dims", std::to_string(spec.dims));
    }
    if (spec.leanvec == LeanvecAlgorithm::kFrankWolfe) field(json, "algorithm", quoted("frank_wolfe"));
    if (spec.leanvec == LeanvecAlgorithm::kEigen) field(json, "algorithm", quoted("eigen"));
  }
  std::string own;  // options of a quantizer behind a projection
  const bool has_bits = spec.quantizer == QuantizerKind::kRabitq ||
                        spec.quantizer == QuantizerKind::kOptimizedScalar ||
                        spec.quantizer == QuantizerKind::kPq || spec.quantizer == QuantizerKind::kOpq;
  const auto option = [&](const char* key, const std::string& value) {
    field(own_projection ? json : own, key, value);
  };
  if (spec.m != 0) option("m", std::to_string(spec.m));
  if (has_bits) option("bits", std::to_string(spec.bits));
  if (spec.quantizer == QuantizerKind::kOsq) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", spec.bits_per_dim);
    option("bits_per_dim", text);
    if (spec.sign_bits) option("sign_bits", "true");
  }
  if (!own_projection && !quantizer.empty()) {
    std::string then;
    field(then, "method", quoted(quantizer));
    field(json, "then", own.empty() ? quoted(quantizer) : then + "," + own.substr(1) + "}");
  }
  if (spec.normalize) field(json, "normalize", "true");
  return json + "}";
}

}  // namespace lowdim::core
