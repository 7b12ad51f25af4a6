// See kinds.h.

#include "core/codec/kinds.h"

#include <cmath>

#include "core/codec/chain.h"
#include "core/codec/float32.h"
#include "core/codec/linear.h"
#include "core/codec/lvq.h"
#include "core/codec/optimized_scalar.h"
#include "core/codec/osq.h"
#include "core/codec/pq.h"
#include "core/codec/rabitq.h"
#include "core/codec/random_projection.h"
#include "core/codec/rotation.h"
#include "core/codec/scalar.h"

namespace lowdim::core {
namespace {

uint8_t get_kind(ByteReader& in, uint8_t last) {
  const uint8_t kind = in.get<uint8_t>();
  if (kind > last) ByteReader::corrupted();
  return kind;
}

std::unique_ptr<Projection> read_one(ByteReader& in, ProjectionKind kind, size_t in_dims) {
  switch (kind) {
    case ProjectionKind::kNone:
      break;
    case ProjectionKind::kPca:
    case ProjectionKind::kLeanvec:
      return LinearProjection::read(in, in_dims);
    case ProjectionKind::kRotation:
      return HadamardRotation::read(in, in_dims);
    case ProjectionKind::kRandom:
    case ProjectionKind::kSparseRandom:
      return RandomProjection::read(in, in_dims);
  }
  ByteReader::corrupted();
}

}  // namespace

bool read_flag(ByteReader& in) { return get_kind(in, 1) == 1; }

void write_spec(ByteWriter& out, const CodecSpec& spec) {
  out.put<uint8_t>(static_cast<uint8_t>(spec.projection));
  out.put<uint8_t>(static_cast<uint8_t>(spec.leanvec));
  out.put<uint8_t>(static_cast<uint8_t>(spec.quantizer));
  out.put<uint8_t>(spec.sign_bits);
  out.put<uint8_t>(spec.normalize);
  out.put<uint32_t>(spec.dims);
  out.put<uint32_t>(spec.bits);
  out.put<uint32_t>(spec.residual_bits);
  out.put<uint32_t>(spec.m);
  out.put<double>(spec.bits_per_dim);
  out.put<uint64_t>(spec.seed);
  out.put<uint32_t>(spec.sample);
}

CodecSpec read_spec(ByteReader& in) {
  CodecSpec spec;
  spec.projection =
      static_cast<ProjectionKind>(get_kind(in, static_cast<uint8_t>(ProjectionKind::kSparseRandom)));
  spec.leanvec = static_cast<LeanvecAlgorithm>(get_kind(in, static_cast<uint8_t>(LeanvecAlgorithm::kEigen)));
  spec.quantizer = static_cast<QuantizerKind>(get_kind(in, static_cast<uint8_t>(QuantizerKind::kOpq)));
  spec.sign_bits = read_flag(in);
  spec.normalize = read_flag(in);
  spec.dims = in.get_count(0, 16000);
  spec.bits = in.get_count(0, 8);
  spec.residual_bits = in.get_count(0, 8);
  spec.m = in.get_count(0, 16000);
  spec.bits_per_dim = in.get<double>();
  if (!(spec.bits_per_dim >= 0 && spec.bits_per_dim <= 8)) ByteReader::corrupted();
  spec.seed = in.get<uint64_t>();
  spec.sample = in.get<uint32_t>();
  return spec;
}

std::unique_ptr<Projection> read_projection(ByteReader& in, const CodecSpec& spec, size_t in_dims) {
  const bool learned = spec.quantizer == QuantizerKind::kOpq;
  if (spec.projection == ProjectionKind::kNone) {
    if (!learned) ByteReader::corrupted();
    return LinearProjection::read(in, in_dims);
  }
  std::unique_ptr<Projection> first = read_one(in, spec.projection, in_dims);
  if (!learned) return first;
  std::unique_ptr<Projection> second = LinearProjection::read(in, first->out_dims());
  if (second->mean() != nullptr) ByteReader::corrupted();
  return std::make_unique<ChainProjection>(std::move(first), std::move(second));
}

std::unique_ptr<Quantizer> read_quantizer(ByteReader& in, const CodecSpec& spec, size_t dims) {
  switch (spec.quantizer) {
    case QuantizerKind::kFloat32:
      return Float32Quantizer::read(in, dims);
    case QuantizerKind::kFloat16:
      return Float16Quantizer::read(in, dims);
    case QuantizerKind::kInt8:
      return Int8Quantizer::read(in, dims);
    case QuantizerKind::kLvq:
      return LvqQuantizer::read(in, dims);
    case QuantizerKind::kOptimizedScalar:
      return OptimizedScalarQuantizer::read(in, dims);
    case QuantizerKind::kRabitq:
      return RabitqQuantizer::read(in, dims);
    case QuantizerKind::kOsq:
      return OsqQuantizer::read(in, dims);
    case QuantizerKind::kPq:
    case QuantizerKind::kOpq:
      return PqQuantizer::read(in, dims);
  }
  ByteReader::corrupted();
}

}  // namespace lowdim::core
