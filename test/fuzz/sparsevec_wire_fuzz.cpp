// The binary input of sparsevec, and the arithmetic that relies on its checks: order, distances, the state of
// sum().

#include <algorithm>

#include "core/vec/limits.h"
#include "core/vec/sparse.h"
#include "core/vec/wire.h"
#include "property.h"

namespace {

using lowdim::core::WireFault;
using lowdim::fuzz::get32;
using lowdim::fuzz::property;

WireFault expected_header(const uint8_t* data, size_t size) {
  if (size < 12) return WireFault::kTruncated;
  const int32_t dims = get32(data);
  const int32_t nnz = get32(data + 4);
  if (dims < 1 || dims > lowdim::kMaxSparseDims) return WireFault::kDims;
  if (nnz < 0 || nnz > std::min(dims, lowdim::kMaxSparseNonZeros)) return WireFault::kNonZeros;
  return get32(data + 8) != 0 ? WireFault::kUnused : WireFault::kNone;
}

bool well_formed(const uint8_t* data, int32_t dims, size_t nnz) {
  const uint8_t* indices = data + 12;
  const uint8_t* values = indices + 4 * nnz;
  for (size_t i = 0; i < nnz; ++i) {
    const int32_t index = get32(indices + 4 * i);
    if (index < (i == 0 ? 0 : get32(indices + 4 * i - 4) + 1) || index >= dims) return false;
    const int32_t bits = get32(values + 4 * i) & 0x7FFFFFFF;
    if (bits == 0 || bits >= 0x7F800000) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int32_t dims = 0;
  int32_t nnz = 0;
  const lowdim::core::WireError header = lowdim::core::decode_sparse_header(data, size, dims, nnz);
  property(header.fault == expected_header(data, size), "the header's fault");
  if (header) return 0;

  const auto count = static_cast<size_t>(nnz);
  std::vector<int32_t> indices(count);
  std::vector<float> values(count);
  const lowdim::core::WireError e = lowdim::core::decode_sparse(
      data + 12, size - 12, dims, static_cast<uint32_t>(nnz), indices.data(), values.data());
  const bool truncated = size - 12 < 8 * count;
  property((e.fault == WireFault::kTruncated) == truncated, "truncated or not");
  if (truncated) return 0;
  property(!e == well_formed(data, dims, count), "accepted exactly when well formed");
  if (e) {
    property(e.value >= 0 && e.value < nnz, "an element's number");
    return 0;
  }

  std::vector<uint8_t> sent(data, data + 12);
  for (const int32_t i : indices) lowdim::fuzz::put32(sent, static_cast<uint32_t>(i));
  for (const float v : values) lowdim::fuzz::put32(sent, std::bit_cast<uint32_t>(v));
  property(sent.size() <= size && std::memcmp(sent.data(), data, sent.size()) == 0, "sent, it is the same");

  const lowdim::core::SparseView a{indices.data(), values.data(), static_cast<uint32_t>(nnz), dims};
  const lowdim::core::SparseView half{indices.data(), values.data(), static_cast<uint32_t>(nnz) / 2, dims};
  property(lowdim::core::sparse_compare(a, a) == 0, "equal to itself");
  property(lowdim::core::sparse_l2sq(a, a) == 0 && lowdim::core::sparse_l1(a, a) == 0,
           "no distance to itself");
  property(lowdim::core::sparse_l1(a, half) == lowdim::core::sparse_l1(half, a), "symmetric");
  property((lowdim::core::sparse_compare(a, half) == 0) == (nnz == 0), "other than its first half");

  lowdim::core::SparseSum sum;
  sum.add(a);
  sum.add(half);
  const std::vector<uint8_t> image = sum.image();
  lowdim::core::SparseSum restored = lowdim::core::SparseSum::restore(image.data(), image.size());
  property(restored.rows() == 2 && restored.dims() == dims, "the state's counts survive");
  const auto& total = restored.total();
  property(total.size() == count, "one entry an index");
  for (size_t i = 0; i < count; ++i) {
    const double expected = (i < count / 2 ? 2.0 : 1.0) * static_cast<double>(values[i]);
    property(total[i].index == indices[i] && total[i].value == expected, "the state's sums survive");
  }
  return 0;
}
