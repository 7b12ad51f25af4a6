// Order, equality and hashing of vector and halfvec. The order is lexicographic over the common elements,
// then by dimensions; -0 equals 0, and hashes alike.

#include "pg/pg.h"
#include "pg/types/compare.h"
#include "pg/types/types.h"

extern "C" {
#include "common/hashfn.h"
}

namespace lowdim::pg {
namespace {

template <class T>
int dense_compare(const T* a, const T* b) {
  const int common = Min(a->dim, b->dim);
  for (int i = 0; i < common; ++i) {
    const float x = T::to_float(a->x[i]);
    const float y = T::to_float(b->x[i]);
    if (x != y) return x < y ? -1 : 1;
  }
  return a->dim < b->dim ? -1 : a->dim > b->dim;
}

// Hashes the elements in blocks, each block's hash being the next one's seed.
template <class T>
uint64 dense_hash(const T* v, uint64 seed) {
  constexpr int kBlock = 512;
  typename T::Element block[kBlock];
  for (int i = 0; i < v->dim; i += kBlock) {
    const int n = Min(kBlock, v->dim - i);
    for (int j = 0; j < n; ++j) {
      const typename T::Element x = v->x[i + j];
      block[j] = T::to_float(x) == 0 ? typename T::Element{} : x;
    }
    seed = hash_bytes_extended(reinterpret_cast<const unsigned char*>(block),
                               n * static_cast<int>(sizeof(block[0])), seed);
  }
  return seed;
}

}  // namespace

int compare(const Vector* a, const Vector* b) { return dense_compare(a, b); }
int compare(const HalfVector* a, const HalfVector* b) { return dense_compare(a, b); }
uint64 hash(const Vector* v, uint64 seed) { return dense_hash(v, seed); }
uint64 hash(const HalfVector* v, uint64 seed) { return dense_hash(v, seed); }

}  // namespace lowdim::pg

LOWDIM_COMPARISONS(vector, Vector)
LOWDIM_COMPARISONS(halfvec, HalfVector)
