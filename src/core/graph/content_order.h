// An order of rows that follows from what they contain: the same rows give the same order however they lie in
// their table, so that what is trained on them, and a graph that is built in that order by one thread, are
// the same too. As good as a shuffle otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/codec/matrix.h"

namespace lowdim::core {

// Numbers of rows by a hash of their bytes and `seed`, equal rows by their numbers.
std::vector<uint32_t> order_by_content(Rows rows, uint64_t seed);

// The rows themselves into that order, in place.
void sort_by_content(float* rows, size_t n, size_t dims, uint64_t seed);

}  // namespace lowdim::core
