// See train.h.

#include "core/codec/train.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/codec/chain.h"
#include "core/codec/float32.h"
#include "core/codec/kinds.h"
#include "core/codec/leanvec.h"
#include "core/codec/linear.h"
#include "core/codec/lvq.h"
#include "core/codec/opq.h"
#include "core/codec/optimized_scalar.h"
#include "core/codec/osq.h"
#include "core/codec/pca.h"
#include "core/codec/pq.h"
#include "core/codec/rabitq.h"
#include "core/codec/random_projection.h"
#include "core/codec/rotation.h"
#include "core/codec/scalar.h"

namespace lowdim::core {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

constexpr uint32_t kDefaultSample = 20000;
constexpr uint32_t kMaxDims = 16000;

bool needs_moments(const CodecSpec& spec) {
  return spec.projection == ProjectionKind::kPca || spec.projection == ProjectionKind::kLeanvec;
}

// Fills in what the user left open and refuses what does not fit `dims` dimensions.
CodecSpec complete(CodecSpec spec, size_t dims) {
  const uint32_t d = static_cast<uint32_t>(dims);
  const bool reduces = needs_moments(spec) || spec.projection == ProjectionKind::kRandom ||
                       spec.projection == ProjectionKind::kSparseRandom;
  if (!reduces || (spec.quantizer == QuantizerKind::kOsq && spec.dims == 0)) {
    spec.dims = d;  // OSQ's own PCA keeps all dimensions: it only decorrelates
  } else if (spec.dims == 0) {
    spec.dims = std::min(d, std::max<uint32_t>(1, (d / 4 + 7) / 8 * 8));
  }
  if (spec.dims > d) {
    throw Error(ErrorKind::kInvalidParameter, "codec option \"dims\" is " + std::to_string(spec.dims) +
                                                  ", the vectors have " + std::to_string(d) + " dimensions");
  }
  if (spec.quantizer == QuantizerKind::kOsq && spec.bits_per_dim == 0) spec.bits_per_dim = 4;
  if (spec.quantizer == QuantizerKind::kPq || spec.quantizer == QuantizerKind::kOpq) {
    if (spec.m == 0) spec.m = std::max<uint32_t>(1, spec.bits == 4 ? spec.dims / 4 : spec.dims / 8);
    if (spec.m > spec.dims) {
      throw Error(ErrorKind::kInvalidParameter, "codec option \"m\" is " + std::to_string(spec.m) +
                                                    ", there are " + std::to_string(spec.dims) +
                                                    " dimensions to split");
    }
  }
  return spec;
}

PqOptions pq_options(const CodecSpec& spec) {
  PqOptions options;
  options.m = spec.m;
  options.bits = static_cast<int>(spec.bits);
  options.seed = spec.seed;
  return options;
}

}  // namespace

void CodecTrainer::start(const CodecSpec& spec, size_t dims, size_t budget_bytes) {
  spec_ = complete(spec, dims);
  budget_bytes_ = budget_bytes;
  size_t room = budget_bytes;
  if (needs_moments(spec_)) {
    // The solver works on copies of the second moments, beside the sample.
    moments_.emplace(dims, budget_bytes);
    room -= std::min(room, Moments::bytes(dims));
  } else {
    sum_.assign(dims, 0.0);
  }
  // The sample, its copy in order and its projection are alive at the same time.
  const size_t fits = room / (3 * dims * sizeof(float) + 32);
  const size_t wanted = spec.sample != 0 ? spec.sample : kDefaultSample;
  const size_t capacity = std::min(fits, wanted);
  if (capacity < std::min<size_t>(wanted, 256)) {
    throw Error(ErrorKind::kLimit,
                "codec training on " + std::to_string(dims) + " dimensions needs more memory",
                "Increase maintenance_work_mem.");
  }
  sample_.emplace(dims, capacity, spec.seed);
  dims_ = dims;
}

void CodecTrainer::check_dims(size_t dims) const {
  if (dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
}

// v at length one, in row_; nullptr for the zero vector, which has no direction.
const float* CodecTrainer::direction(const float* v) {
  double norm = 0;
  for (size_t i = 0; i < dims_; ++i) norm += static_cast<double>(v[i]) * v[i];
  if (!(norm > 0)) return nullptr;
  norm = std::sqrt(norm);
  row_.resize(dims_);
  for (size_t i = 0; i < dims_; ++i) row_[i] = static_cast<float>(v[i] / norm);
  return row_.data();
}

void CodecTrainer::add_query(const float* q, size_t dims) {
  check_dims(dims);
  // By cosine a query's length means nothing, so long ones must not outweigh the others.
  if (spec_.normalize) q = direction(q);
  if (q != nullptr) queries_.insert(queries_.end(), q, q + dims);
}

void CodecTrainer::add(const float* row, size_t dims) {
  check_dims(dims);
  ++rows_;
  if (spec_.normalize) row = direction(row);
  if (row == nullptr) return;
  ++used_rows_;
  sample_->add(row);
  if (moments_) {
    moments_->add(row, Stop{});
  } else {
    for (size_t i = 0; i < dims; ++i) sum_[i] += row[i];
  }
}

void CodecTrainer::merge(CodecTrainer& other) {
  if (!other.started()) return;
  if (!started()) {
    *this = std::move(other);
    other = CodecTrainer();
    return;
  }
  check_dims(other.dims_);
  rows_ += other.rows_;
  used_rows_ += other.used_rows_;
  sample_->merge(*other.sample_);
  if (moments_) moments_->merge(*other.moments_, Stop{});
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += other.sum_[i];
  if (queries_.empty()) queries_ = other.queries_;
}

std::unique_ptr<Projection> CodecTrainer::train_projection(const Stop& stop, Facts& facts) {
  const size_t d = spec_.dims;
  switch (spec_.projection) {
    case ProjectionKind::kNone:
      return nullptr;
    case ProjectionKind::kRotation:
      return std::make_unique<HadamardRotation>(dims_, spec_.seed);
    case ProjectionKind::kRandom:
      return std::make_unique<RandomProjection>(RandomEntries::kDense, dims_, d, spec_.seed);
    case ProjectionKind::kSparseRandom:
      return std::make_unique<RandomProjection>(RandomEntries::kSparse, dims_, d, spec_.seed);
    case ProjectionKind::kLeanvec:
      if (!queries_.empty()) {
        const size_t n = queries_.size() / dims_;
        Moments asked(dims_, budget_bytes_);
        asked.add(Rows{queries_.data(), n, dims_}, stop);
        const Leanvec model = train_leanvec(spec_.leanvec, *moments_, asked, d, stop, budget_bytes_);
        facts.emplace_back("sample_queries", std::to_string(n));
        facts.emplace_back("inner_product_energy_lost", std::to_string(model.relative));
        return model.projection(moments_->mean());
      }
      [[fallthrough]];  // without queries, they are taken to be like the rows
    case ProjectionKind::kPca: {
      const Pca model = train_pca(*moments_, d, stop, budget_bytes_);
      facts.emplace_back("kept_variance", std::to_string(model.kept(d)));
      return model.projection(d);
    }
  }
  return nullptr;
}

std::unique_ptr<Quantizer> CodecTrainer::train_quantizer(Rows rows, const Stop& stop) {
  const size_t d = rows.dims;
  switch (spec_.quantizer) {
    case QuantizerKind::kFloat32:
      return std::make_unique<Float32Quantizer>(d);
    case QuantizerKind::kFloat16:
      return std::make_unique<Float16Quantizer>(d);
    case QuantizerKind::kInt8:
      return Int8Quantizer::train(rows);
    case QuantizerKind::kLvq:
      return LvqQuantizer::train(rows, spec_.bits, spec_.residual_bits);
    case QuantizerKind::kOptimizedScalar:
      return std::make_unique<OptimizedScalarQuantizer>(d, spec_.bits);
    case QuantizerKind::kRabitq:
      return std::make_unique<RabitqQuantizer>(d, static_cast<int>(spec_.bits));
    case QuantizerKind::kOsq:
      return OsqQuantizer::train(rows, {spec_.bits_per_dim, spec_.sign_bits}, stop);
    case QuantizerKind::kPq:
      return train_pq(rows, pq_options(spec_), stop).quantizer;
    case QuantizerKind::kOpq:
      break;  // with its rotation, in finish
  }
  throw Error(ErrorKind::kInternal, "quantizer without a trainer");
}

const Codec& CodecTrainer::finish(const Stop& stop) {
  if (codec_ != nullptr) return *codec_;
  if (used_rows_ == 0) {
    throw Error(ErrorKind::kData, rows_ == 0 ? "no rows to train a codec on" : "all rows are zero vectors");
  }
  Facts facts;
  std::unique_ptr<Projection> projection = train_projection(stop, facts);
  std::vector<float> mean;
  if (moments_) {
    moments_.reset();  // its matrices are large
  } else {
    for (const double s : sum_) mean.push_back(static_cast<float>(s / static_cast<double>(used_rows_)));
  }

  std::vector<float> sample = sample_->take_ordered();
  const size_t n = sample.size() / dims_;
  facts.emplace_back("rows", std::to_string(rows_));
  facts.emplace_back("sample_rows", std::to_string(n));
  for (size_t i = 0; i < n && !mean.empty(); ++i) {
    for (size_t j = 0; j < dims_; ++j) sample[i * dims_ + j] -= mean[j];
  }
  size_t d = dims_;
  if (projection != nullptr) {
    d = projection->out_dims();
    std::vector<float> projected(n * d);
    for (size_t i = 0; i < n; ++i) {
      if (i % 64 == 0) stop.check();
      projection->apply_base(sample.data() + i * dims_, projected.data() + i * d);
    }
    sample = std::move(projected);
  }
  const Rows rows{sample.data(), n, d};

  std::unique_ptr<Quantizer> quantizer;
  if (spec_.quantizer == QuantizerKind::kOpq) {
    OpqResult model = train_opq(rows, pq_options(spec_), stop);
    quantizer = std::move(model.quantizer);
    auto rotation = std::make_unique<LinearProjection>(std::vector<float>{}, std::move(model.rotation));
    if (projection == nullptr) {
      projection = std::move(rotation);
    } else {
      projection = std::make_unique<ChainProjection>(std::move(projection), std::move(rotation));
    }
  } else {
    quantizer = train_quantizer(rows, stop);
  }
  codec_ = std::make_unique<Codec>(spec_, std::move(mean), std::move(projection), std::move(quantizer),
                                   std::move(facts));
  return *codec_;
}

const std::vector<uint8_t>& CodecTrainer::image() {
  ByteWriter out;
  out.put<uint32_t>(static_cast<uint32_t>(dims_));
  if (started()) {
    write_spec(out, spec_);
    out.put<uint64_t>(budget_bytes_);
    out.put<uint64_t>(rows_);
    out.put<uint64_t>(used_rows_);
    sample_->write(out);
    out.put<uint8_t>(moments_.has_value());
    if (moments_) {
      moments_->write(out);
    } else {
      out.put_all(sum_.data(), sum_.size());
    }
    out.put<uint32_t>(static_cast<uint32_t>(queries_.size() / dims_));
    out.put_all(queries_.data(), queries_.size());
  }
  image_ = out.take();
  return image_;
}

void CodecTrainer::restore(const uint8_t* bytes, size_t n) {
  ByteReader in(bytes, n);
  dims_ = in.get_count(0, kMaxDims);
  if (started()) {
    spec_ = read_spec(in);
    budget_bytes_ = in.get<uint64_t>();
    rows_ = in.get<uint64_t>();
    used_rows_ = in.get<uint64_t>();
    sample_ = RowSample::read(in);
    if (read_flag(in)) {
      moments_ = Moments::read(in, budget_bytes_);
    } else {
      sum_ = in.get_all<double>(dims_);
    }
    if (sample_->dims() != dims_ || (moments_ && moments_->dims() != dims_) ||
        needs_moments(spec_) != moments_.has_value()) {
      ByteReader::corrupted();
    }
    queries_ = in.get_all<float>(static_cast<size_t>(in.get<uint32_t>()) * dims_);
  }
  in.end();
}

}  // namespace lowdim::core
