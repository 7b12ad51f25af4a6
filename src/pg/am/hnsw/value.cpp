// Column values as the index sees them: floats for payloads and distances, and the floats that codes are made
// of. See am.h.

#include <cmath>
#include <cstring>

#include "core/base/random.h"
#include "core/simd/kernels.h"
#include "pg/am/hnsw/am.h"
#include "pg/types/types.h"

extern "C" {
#include "utils/varbit.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::hnsw::Metric;

// Equal values have equal hashes; that is all it is for, a payload is compared beside it.
uint32_t hash_bytes(const void* bytes, size_t n) {
  const uint8_t* at = static_cast<const uint8_t*>(bytes);
  uint64_t h = n;
  for (; n >= 8; n -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    h = core::mix64(h ^ word) + 0x9e3779b97f4a7c15u;
  }
  uint64_t rest = 0;
  memcpy(&rest, at, n);
  h = core::mix64(h ^ rest);
  return static_cast<uint32_t>(h ^ h >> 32);
}

// x / |x| into out; false for the zero vector.
bool normalize(const float* x, uint32_t n, float* out) {
  const double norm2 = simd::kernels().norm2_f32(x, n);
  if (!(norm2 > 0)) {
    memset(out, 0, n * sizeof(float));
    return false;
  }
  const double norm = std::sqrt(norm2);
  // Divided, not multiplied by the inverse: that of a tiny norm is infinite as a float.
  for (uint32_t i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(x[i]) / norm);
  return true;
}

void read_dense(const Options& o, const float* x, const ValueRoom& room, Input* out) {
  out->x = x;
  if (o.metric == Metric::kCosine) {
    out->alone = !normalize(x, o.dims, room.x);
    out->x = room.x;
  }
  out->guide = out->x;
}

// A sparse vector folded into guide_dims floats: every element is added, with random signs, to kFolds places
// that its index chooses (the count sketch of Charikar, Chen, Farach-Colton 2002). Inner products of sketches
// are those of the vectors on average.
void fold(const Options& o, const SparseVector* v, float* guide, bool* alone) {
  constexpr uint32_t kFolds = 4;
  const float* values = v->values();
  double norm2 = 0;
  for (int32 i = 0; i < v->nnz; ++i) norm2 += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  memset(guide, 0, o.guide_dims * sizeof(float));
  double scale = 1 / std::sqrt(static_cast<double>(kFolds));
  if (o.metric == Metric::kCosine) {
    *alone = !(norm2 > 0);
    if (*alone) return;
    scale /= std::sqrt(norm2);
  }
  for (int32 i = 0; i < v->nnz; ++i) {
    uint64_t random = core::mix64(static_cast<uint64_t>(v->indices[i]) + 0x9e3779b97f4a7c15u);
    const float value = static_cast<float>(static_cast<double>(values[i]) * scale);
    for (uint32_t f = 0; f < kFolds; ++f, random >>= 16) {
      guide[(random & 0x7FFF) % o.guide_dims] += (random & 0x8000) != 0 ? value : -value;
    }
  }
}

}  // namespace

ValueRoom make_value_room(const Options& o, MemoryContext context) {
  const auto floats = [&](size_t n) {
    return static_cast<float*>(MemoryContextAllocHuge(context, n * sizeof(float)));
  };
  // A sparse vector is never spread out: only its guide is.
  const size_t dims = o.guide_dims != o.dims ? o.guide_dims : o.dims;
  const size_t widest = dims + core::GraphCode::kMostLifted;
  ValueRoom room;
  room.cursor = static_cast<ToastCursor*>(MemoryContextAllocZero(context, sizeof(ToastCursor)));
  room.x = floats(dims);
  room.guide = floats(o.guide_dims);
  // What GraphCode::scratch_floats() asks for at most.
  room.scratch = floats(2 * widest + 16 * size_t{core::GraphCode::kMaxSegments + 2});
  return room;
}

bool read_value(const Options& o, const OpclassInfo& opclass, Datum value, const ValueRoom& room,
                Input* out) {
  *out = {};
  struct varlena* plain = reinterpret_cast<struct varlena*>(DatumGetPointer(value));
  if (VARATT_IS_EXTENDED(plain)) {
    room.cursor->first_value = InvalidOid;
    plain = detoast(plain, room.cursor);
    const ToastCursor& c = *room.cursor;
    if (c.first_value != InvalidOid) out->place = {c.first_value, c.first_block, c.first_offset, 0};
  }
  out->hash = hash_bytes(VARDATA(plain), VARSIZE(plain) - VARHDRSZ);
  switch (opclass.type) {
    case ColumnType::kVector: {
      const Vector* v = reinterpret_cast<const Vector*>(plain);
      if (static_cast<uint32_t>(v->dim) != o.dims)
        raise_different_dims(Vector::kName, static_cast<int>(o.dims), v->dim);
      read_dense(o, v->x, room, out);
      return true;
    }
    case ColumnType::kHalfvec: {
      const HalfVector* v = reinterpret_cast<const HalfVector*>(plain);
      if (static_cast<uint32_t>(v->dim) != o.dims) {
        raise_different_dims(HalfVector::kName, static_cast<int>(o.dims), v->dim);
      }
      out->half = v->x;
      simd::kernels().f16_to_f32(v->x, room.guide, o.dims);
      read_dense(o, room.guide, room, out);
      return true;
    }
    case ColumnType::kBit: {
      VarBit* v = reinterpret_cast<VarBit*>(plain);
      if (static_cast<uint32_t>(VARBITLEN(v)) != o.dims) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different bit lengths %u and %u", o.dims,
                                                                static_cast<uint32_t>(VARBITLEN(v)))));
      }
      out->bits = VARBITS(v);
      for (uint32_t i = 0; i < o.dims; ++i)
        room.guide[i] = static_cast<float>(out->bits[i / 8] >> (7 - i % 8) & 1);
      out->guide = room.guide;
      return true;
    }
    case ColumnType::kSparse: {
      const SparseVector* v = reinterpret_cast<const SparseVector*>(plain);
      if (static_cast<uint32_t>(v->dim) != o.dims) {
        raise_different_dims(SparseVector::kName, static_cast<int>(o.dims), v->dim);
      }
      fold(o, v, room.guide, &out->alone);
      out->guide = room.guide;
      return true;
    }
  }
  return false;
}

}  // namespace lowdim::pg::hnsw
