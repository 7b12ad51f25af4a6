// The distance kernels: one table of plain function pointers for each instruction set, chosen once at run
// time. Called by the distance functions of pg/types, by the indexes and by the trainers.
//
// All pointers may be unaligned (palloc aligns to 8) and n may be 0; no kernel reads or writes outside its n
// elements. Sums of distances agree between levels to a tolerance (the order of addition differs);
// conversions and bit counts are the same to the bit on every level. Kernels raise nothing and check nothing:
// overflow gives infinity.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowdim::simd {

enum class Level {
  kBase,    // what the platform guarantees: SSE2 on x86-64, NEON on AArch64
  kAvx2,    // AVX2, FMA, F16C, BMI2, POPCNT
  kAvx512,  // AVX-512 F, BW, DQ, VL, VNNI, VPOPCNTDQ, and all of kAvx2
};

// f16 arguments are IEEE half precision bits; their products are summed in float32, like those of f32.
struct Kernels {
  const char* name;  // "baseline", "avx2", "avx512"
  Level level;

  float (*l2sq_f32)(const float* a, const float* b, uint32_t n);                 // sum (a - b)^2
  float (*dot_f32)(const float* a, const float* b, uint32_t n);                  // sum a b
  float (*l1_f32)(const float* a, const float* b, uint32_t n);                   // sum |a - b|
  void (*cosine_f32)(const float* a, const float* b, uint32_t n, float out[3]);  // sum a b, sum a^2, sum b^2
  double (*norm2_f32)(const float* a, uint32_t n);  // sum a^2, products and sum in double

  float (*l2sq_f16)(const uint16_t* a, const uint16_t* b, uint32_t n);
  float (*dot_f16)(const uint16_t* a, const uint16_t* b, uint32_t n);
  float (*l1_f16)(const uint16_t* a, const uint16_t* b, uint32_t n);
  void (*cosine_f16)(const uint16_t* a, const uint16_t* b, uint32_t n, float out[3]);
  double (*norm2_f16)(const uint16_t* a, uint32_t n);

  // For each of the n_queries vectors of n floats in `queries`: raises best[j] to its largest inner product
  // with the n_documents vectors in `documents`, and sets which[j] to `place` + the document vector's number,
  // where that is above best[j]; the first of equals wins. `which` may be nullptr. A product that is not a
  // number never wins.
  void (*max_dots_f32)(const float* documents, size_t n_documents, const float* queries, size_t n_queries,
                       uint32_t n, uint32_t place, float* best, uint32_t* which);

  uint64_t (*hamming)(const uint8_t* a, const uint8_t* b, size_t n_bytes);  // popcount(a ^ b)
  void (*jaccard)(const uint8_t* a, const uint8_t* b, size_t n_bytes,
                  uint64_t out[2]);  // popcount(a & b), (a | b)

  // in and out may not overlap.
  void (*f16_to_f32)(const uint16_t* in, float* out, size_t n);
  void (*f32_to_f16)(const float* in, uint16_t* out, size_t n);  // round to nearest even, see base/half.h
};

// The best level of this processor (and operating system) that this build has.
Level detect();

// nullptr if the processor or the build lacks the level.
const Kernels* kernels_for(Level level);

// From now on kernels() is the table of `level`, or of the best lower one where `level` cannot run.
void force(Level level);

namespace internal {
extern const Kernels* active;  // nullptr until the first choice
const Kernels& choose();       // force(detect())
}  // namespace internal

// The table in use: a load and a branch that is never taken after the first call, so it can be called per
// distance.
inline const Kernels& kernels() {
  // Relaxed: whoever sees the pointer sees a constant table behind it.
  const Kernels* table = __atomic_load_n(&internal::active, __ATOMIC_RELAXED);
  if (__builtin_expect(table == nullptr, false)) return internal::choose();
  return *table;
}

}  // namespace lowdim::simd
