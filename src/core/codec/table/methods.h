// The methods behind compress_table, and what they share. Only table.cpp and its neighbours include this.
#pragma once

#include <memory>
#include <vector>

#include "core/codec/table/table.h"

namespace lowdim::core {

// What a method may spend, in bytes of the given rows; a shared byte costs `shared_weight` bytes.
struct TableBudget {
  double bytes;
  double shared_weight;
};

std::unique_ptr<CompressedTable> compress_dedup(Rows rows, TableBudget budget, uint64_t seed,
                                                const Stop& stop);
std::unique_ptr<CompressedTable> compress_magnitude_pq(Rows rows, TableBudget budget, uint64_t seed,
                                                       const Stop& stop);
std::unique_ptr<CompressedTable> compress_magnitude_svd(Rows rows, TableBudget budget, const Stop& stop);
std::unique_ptr<CompressedTable> compress_svd(Rows rows, TableBudget budget, const Stop& stop);
std::unique_ptr<CompressedTable> compress_tensor_train(Rows rows, TableBudget budget, const Stop& stop);
std::unique_ptr<CompressedTable> compress_prune(Rows rows, TableBudget budget, const Stop& stop);

// The best approximation of rank r, left (n x r) times right (r x dims), as far as the eigenvectors of x^T x
// are exact (Eckart and Young). The rows of `right` are orthonormal, the most important first.
struct LowRank {
  Matrix left;
  Matrix right;
};
LowRank low_rank(Rows rows, size_t rank, const Stop& stop);

}  // namespace lowdim::core
