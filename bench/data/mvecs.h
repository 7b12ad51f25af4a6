// Files of multi-vector documents: .mvecs. Every record is a little-endian int32 count of vectors, at least
// 1, an int32 dimension, and the vectors' float32 elements, vector after vector. All records of a file have
// one dimension; a file that breaks this is refused with its path. Used by the programs of bench/data and
// bench/core.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "fvecs.h"

namespace lowdim::bench {

// Documents of one or more vectors. Document i has vectors starts[i] to starts[i + 1] - 1 of `x`, which holds
// all vectors one behind the other.
struct MultiSet {
  std::vector<float> x;
  std::vector<uint64_t> starts{0};
  uint32_t dims = 0;

  size_t size() const { return starts.size() - 1; }
  size_t vectors() const { return starts.back(); }
  uint32_t count(size_t i) const { return static_cast<uint32_t>(starts[i + 1] - starts[i]); }
  const float* document(size_t i) const { return x.data() + starts[i] * dims; }
};

// Reads at most max_documents documents. Throws std::runtime_error on a damaged file.
inline MultiSet read_mvecs(const std::string& path, size_t max_documents = SIZE_MAX) {
  File f = open_file(path, "rb");
  MultiSet set;
  uint64_t left = std::filesystem::file_size(path);
  int32_t header[2];  // vectors, dimension
  while (left > 0 && set.size() < max_documents) {
    const auto refuse = [&](const std::string& what) {
      throw std::runtime_error(path + ": document " + std::to_string(set.size()) + " " + what);
    };
    if (std::fread(header, 1, sizeof header, f.get()) != sizeof header) refuse("is cut short");
    left -= sizeof header;
    if (header[0] < 1) refuse("has " + std::to_string(header[0]) + " vectors");
    if (header[1] < 1 || header[1] > 1000000) refuse("has dimension " + std::to_string(header[1]));
    if (set.size() == 0) set.dims = static_cast<uint32_t>(header[1]);
    if (static_cast<uint32_t>(header[1]) != set.dims) refuse("has another dimension");
    const uint64_t n = static_cast<uint64_t>(header[0]) * set.dims;
    if (n > left / sizeof(float)) refuse("is cut short");  // before room is made for what is not there
    left -= n * sizeof(float);
    set.x.resize(set.x.size() + n);
    set.starts.push_back(set.starts.back() + static_cast<uint64_t>(header[0]));
    if (std::fread(set.x.data() + set.x.size() - n, sizeof(float), n, f.get()) != n) refuse("is cut short");
  }
  return set;
}

inline void write_mvecs(const std::string& path, const MultiSet& set) {
  File f = open_file(path, "wb");
  bool ok = true;
  for (size_t i = 0; i < set.size() && ok; i++) {
    const int32_t header[2] = {static_cast<int32_t>(set.count(i)), static_cast<int32_t>(set.dims)};
    const size_t n = size_t{set.count(i)} * set.dims;
    ok = std::fwrite(header, sizeof header, 1, f.get()) == 1 &&
         std::fwrite(set.document(i), sizeof(float), n, f.get()) == n;
  }
  if (!ok || std::fflush(f.get()) != 0) throw std::runtime_error("cannot write " + path);
}

}  // namespace lowdim::bench
