// Payloads and exact distances: how a vector is kept in a slot, and what its distance from a query can be.
// bound() is never greater than the distance that SQL computes for the row: its executor then measures rows
// anew and orders them, and rounding never shows. Where the payload is the vector itself, it is that
// distance.
//
// Cosine distances are measured on normalized vectors. Plain data; called by search, insert and build.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/base/half.h"
#include "core/simd/codes.h"
#include "core/simd/kernels.h"
#include "paged/hnsw/layout.h"

namespace lowdim::paged::hnsw {

// A vector that comes in, from a row or a query.
struct Input {
  const float* x;        // o.dims floats, normalized for cosine; null for bits and sparse vectors
  const uint16_t* half;  // the same as stored, for halfvec columns: SQL measures those with other kernels
  const uint8_t* bits;   // (o.dims + 7) / 8 bytes, for Payload::kBits
  const float* guide;    // o.guide_dims floats that codes are made of; x itself for dense types
  uint32_t hash;         // of the value's own bytes
  Place place;           // zeros if not known
  bool alone;            // a zero vector under cosine: distance NaN, no place in the graph
};

// A query that is ready: tables for codes, the vector for payloads.
struct Query {
  Input input;
  core::GraphTables tables;  // entries null while the index is not trained
  float* scratch;            // o.dims floats
  double norm;               // |x|, 1 for cosine
};

// Relative error of a float kernel's sum of n terms of one sign, with room to spare; the distance of SQL has
// one like it, hence twice.
inline double kernel_slop(uint32_t n) { return 2 * (n / 8.0 + 16) * 0x1p-24; }

namespace distance_detail {

inline void scale_by(float* x, uint32_t n, int exponent) {
  if (exponent == 0) return;
  // In two steps: 2^exponent alone may be outside of the floats.
  const float a = std::ldexp(1.0f, exponent / 2), b = std::ldexp(1.0f, exponent - exponent / 2);
  for (uint32_t i = 0; i < n; ++i) x[i] = x[i] * a * b;
}

// Brings the largest component into the range where half floats keep all their bits; mostly 0.
inline int half_exponent(const float* x, uint32_t n) {
  float largest = 0;
  for (uint32_t i = 0; i < n; ++i) largest = std::fabs(x[i]) > largest ? std::fabs(x[i]) : largest;
  if (largest == 0 || (largest < 32768.0f && largest > 0x1p-4f)) return 0;
  return std::ilogb(largest) - 8;
}

}  // namespace distance_detail

// The vector that a payload stands for, as o.dims floats.
inline void decode_payload(const Options& o, const SlotHead& head, const uint8_t* payload, float* x) {
  switch (o.payload) {
    case Payload::kFloat32:
      std::memcpy(x, payload, o.payload_bytes);
      return;
    case Payload::kFloat16:
      simd::kernels().f16_to_f32(reinterpret_cast<const uint16_t*>(payload), x, o.dims);
      distance_detail::scale_by(x, o.dims, head.exponent);
      return;
    case Payload::kInt8: {
      float bias, step;
      std::memcpy(&bias, payload, sizeof bias);
      std::memcpy(&step, payload + sizeof bias, sizeof step);
      const uint8_t* codes = payload + 8;
      for (uint32_t i = 0; i < o.dims; ++i) x[i] = bias + step * static_cast<float>(codes[i]);
      return;
    }
    case Payload::kBits:
      for (uint32_t i = 0; i < o.dims; ++i) x[i] = static_cast<float>(payload[i / 8] >> (7 - i % 8) & 1);
      return;
    case Payload::kNone:
      return;
  }
}

// Writes the payload of `in` (o.payload_bytes) and the fields of `head` that belong to it. `scratch`: o.dims
// floats.
inline void make_payload(const Options& o, const Input& in, float* scratch, uint8_t* payload,
                         SlotHead& head) {
  head.flags = in.alone ? kAlone : 0;
  head.exponent = 0;
  head.error = 0;
  head.hash = in.hash;
  switch (o.payload) {
    case Payload::kNone:
      return;
    case Payload::kBits:
      std::memcpy(payload, in.bits, o.payload_bytes);
      head.flags |= kExact;
      return;
    case Payload::kFloat32:
      std::memcpy(payload, in.x, o.payload_bytes);
      break;
    case Payload::kFloat16:
      if (in.half == nullptr) {
        head.exponent = static_cast<int16_t>(distance_detail::half_exponent(in.x, o.dims));
      }
      std::memcpy(scratch, in.x, o.dims * sizeof(float));
      distance_detail::scale_by(scratch, o.dims, -head.exponent);
      simd::kernels().f32_to_f16(scratch, reinterpret_cast<uint16_t*>(payload), o.dims);
      break;
    case Payload::kInt8: {
      float range[2];
      simd::code_kernels().min_max_f32(in.x, o.dims, range);
      const float step = range[1] / 255 - range[0] / 255;
      std::memcpy(payload, &range[0], sizeof(float));
      std::memcpy(payload + 4, &step, sizeof(float));
      if (step > 0) {
        simd::code_kernels().quantize_f32(in.x, o.dims, 1.0f, range[0], 1.0f / step, 255.0f, payload + 8);
      } else {
        std::memset(payload + 8, 0, o.dims);
      }
      break;
    }
  }
  decode_payload(o, head, payload, scratch);
  double off = 0, norm = 0;
  for (uint32_t i = 0; i < o.dims; ++i) {
    const double e = static_cast<double>(in.x[i]) - static_cast<double>(scratch[i]);
    off += o.metric == Metric::kL1 ? std::fabs(e) : e * e;
    norm += static_cast<double>(in.x[i]) * static_cast<double>(in.x[i]);
  }
  if (o.metric != Metric::kL1) off = std::sqrt(off);
  // Normalizing rounds, and it rounds otherwise than SQL, which does not normalize.
  if (off == 0 && o.metric != Metric::kCosine) {
    head.flags |= kExact;
    return;
  }
  // Inner products err in proportion to the lengths of both: the vector's part is put here, see bound().
  if (o.metric == Metric::kInner || o.metric == Metric::kCosine) off += kernel_slop(o.dims) * std::sqrt(norm);
  head.error =
      std::nextafter(static_cast<float>(off * (1 + 0x1p-20)), std::numeric_limits<float>::infinity());
}

// What the distance of SQL is at least; the distance itself if *exact becomes true. NaN for a row that is
// alone. *about: the distance of what the payload has, in the unit of the code's estimates, squared for L2.
inline double bound(const Options& o, const Query& q, const SlotHead& head, const uint8_t* payload,
                    bool* exact, double* about) {
  const simd::Kernels& k = simd::kernels();
  *exact = (head.flags & kExact) != 0;
  if ((head.flags & kAlone) != 0 || q.input.alone) {
    *exact = true;
    return *about = std::numeric_limits<double>::quiet_NaN();
  }
  if (o.payload == Payload::kBits) {
    if (o.metric == Metric::kHamming)
      return *about = static_cast<double>(k.hamming(q.input.bits, payload, o.payload_bytes));
    uint64_t counts[2];
    k.jaccard(q.input.bits, payload, o.payload_bytes, counts);
    // As SQL has it: two strings without common bits are at 1, also if neither has any.
    return *about =
               counts[0] == 0 ? 1.0 : 1 - static_cast<double>(counts[0]) / static_cast<double>(counts[1]);
  }
  if (o.payload == Payload::kNone) return *about = -std::numeric_limits<double>::infinity();
  if (*exact && q.input.half != nullptr) {
    if (o.payload == Payload::kFloat16) {
      const uint16_t* x = reinterpret_cast<const uint16_t*>(payload);
      if (o.metric == Metric::kL2) {
        *about = static_cast<double>(k.l2sq_f16(q.input.half, x, o.dims));
        return std::sqrt(*about);
      }
      if (o.metric == Metric::kL1) return *about = static_cast<double>(k.l1_f16(q.input.half, x, o.dims));
      return *about = -static_cast<double>(k.dot_f16(q.input.half, x, o.dims));
    }
    *exact = false;  // another order of sums than SQL's
  }
  const float* x = reinterpret_cast<const float*>(payload);
  if (o.payload != Payload::kFloat32) {
    decode_payload(o, head, payload, q.scratch);
    x = q.scratch;
  }
  const double error = static_cast<double>(head.error);
  switch (o.metric) {
    case Metric::kL2: {
      *about = static_cast<double>(k.l2sq_f32(q.input.x, x, o.dims));
      const double d = std::sqrt(*about);
      if (*exact) return d;
      const double low = d * (1 - kernel_slop(o.dims)) - error;
      return low > 0 ? low : 0;
    }
    case Metric::kL1: {
      const double d = *about = static_cast<double>(k.l1_f32(q.input.x, x, o.dims));
      if (*exact) return d;
      const double low = d * (1 - kernel_slop(o.dims)) - error;
      return low > 0 ? low : 0;
    }
    case Metric::kInner: {
      const double d = *about = -static_cast<double>(k.dot_f32(q.input.x, x, o.dims));
      return *exact ? d : d - q.norm * error * (1 + 0x1p-10);  // error has the kernel's slop times |x|
    }
    case Metric::kCosine: {
      *about = -static_cast<double>(k.dot_f32(q.input.x, x, o.dims));
      const double d = 1 + *about;
      const double low = d - error * (1 + 0x1p-10) - 4 * kernel_slop(o.dims);
      return low > 0 ? low : 0;
    }
    case Metric::kHamming:
    case Metric::kJaccard:
      break;
  }
  return *about = -std::numeric_limits<double>::infinity();
}

}  // namespace lowdim::paged::hnsw
