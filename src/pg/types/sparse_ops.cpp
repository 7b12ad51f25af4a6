// Distances, norms, order and hashing of sparsevec.

#include <cmath>

#include "core/vec/sparse.h"
#include "pg/pg.h"
#include "pg/types/compare.h"
#include "pg/types/types.h"

extern "C" {
#include "common/hashfn.h"
}

namespace lowdim::pg {

int compare(const SparseVector* a, const SparseVector* b) {
  return core::sparse_compare(a->view(), b->view());
}

// Indices and values lie in one piece; the dimensions are part of the value.
uint64 hash(const SparseVector* v, uint64 seed) {
  const uint64 dims =
      hash_bytes_extended(reinterpret_cast<const unsigned char*>(&v->dim), sizeof v->dim, seed);
  return hash_bytes_extended(reinterpret_cast<const unsigned char*>(v->indices),
                             v->nnz * static_cast<int>(sizeof(int32) + sizeof(float)), dims);
}

}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

#define LOWDIM_SPARSE_DISTANCE(name, expression)              \
  LOWDIM_FN(name) {                                           \
    const SparseVector* left = arg<SparseVector>(fcinfo, 0);  \
    const SparseVector* right = arg<SparseVector>(fcinfo, 1); \
    check_same_dim(left, right);                              \
    const core::SparseView a = left->view();                  \
    const core::SparseView b = right->view();                 \
    PG_RETURN_FLOAT8(expression);                             \
  }

LOWDIM_SPARSE_DISTANCE(lowdim_sparsevec_l2_distance, std::sqrt(static_cast<double>(core::sparse_l2sq(a, b))))
LOWDIM_SPARSE_DISTANCE(lowdim_sparsevec_l2_squared_distance, static_cast<double>(core::sparse_l2sq(a, b)))
LOWDIM_SPARSE_DISTANCE(lowdim_sparsevec_inner_product, static_cast<double>(core::sparse_dot(a, b)))
LOWDIM_SPARSE_DISTANCE(lowdim_sparsevec_negative_inner_product, -static_cast<double>(core::sparse_dot(a, b)))
LOWDIM_SPARSE_DISTANCE(lowdim_sparsevec_l1_distance, static_cast<double>(core::sparse_l1(a, b)))
LOWDIM_SPARSE_DISTANCE(lowdim_sparsevec_cosine_distance,
                       cosine_distance(core::sparse_dot_wide(a, b), core::sparse_norm2(a),
                                       core::sparse_norm2(b)))

LOWDIM_FN(lowdim_sparsevec_norm) {
  PG_RETURN_FLOAT8(std::sqrt(core::sparse_norm2(arg<SparseVector>(fcinfo, 0)->view())));
}

// The zero vector stays zero. A value so small that its quotient is 0 is dropped: zeros are not stored.
LOWDIM_FN(lowdim_sparsevec_l2_normalize) {
  const SparseVector* v = arg<SparseVector>(fcinfo, 0);
  const double norm = std::sqrt(core::sparse_norm2(v->view()));
  int kept = 0;
  for (int i = 0; i < v->nnz; ++i) kept += static_cast<float>(v->values()[i] / norm) != 0;
  SparseVector* result = make_sparse(v->dim, kept);
  for (int i = 0, j = 0; i < v->nnz; ++i) {
    const float x = static_cast<float>(v->values()[i] / norm);
    if (x == 0) continue;
    result->indices[j] = v->indices[i];
    result->values()[j++] = x;
  }
  PG_RETURN_POINTER(result);
}

LOWDIM_COMPARISONS(sparsevec, SparseVector)
