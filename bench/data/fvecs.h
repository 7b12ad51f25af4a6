// Vector files: .fvecs, .ivecs and .bvecs, the layout of the TEXMEX sets: every row is a little-endian int32
// dimension followed by that many float32, int32 or uint8 values. All rows of a file have one dimension; a
// file that breaks this is refused with its path. Used by every program of bench/data and bench/sql.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace lowdim::bench {

static_assert(std::endian::native == std::endian::little, "the vector files are little-endian");

// Row-major rows x cols values.
template <class T>
struct Matrix {
  size_t rows = 0;
  size_t cols = 0;
  std::vector<T> values;

  Matrix() = default;
  Matrix(size_t r, size_t c) : rows(r), cols(c), values(r * c) {}
  T* row(size_t i) { return values.data() + i * cols; }
  const T* row(size_t i) const { return values.data() + i * cols; }
};

struct FileCloser {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

inline File open_file(const std::string& path, const char* mode) {
  File f(std::fopen(path.c_str(), mode));
  if (!f) throw std::runtime_error("cannot open " + path);
  return f;
}

// Reads at most max_rows rows of T-valued records. Throws std::runtime_error on a damaged file.
template <class T>
Matrix<T> read_vecs(const std::string& path, size_t max_rows = SIZE_MAX) {
  File f = open_file(path, "rb");
  Matrix<T> m;
  int32_t dim = 0;
  while (m.rows < max_rows) {
    const size_t got = std::fread(&dim, 1, sizeof dim, f.get());
    if (got == 0 && !std::ferror(f.get())) break;
    if (got != sizeof dim)
      throw std::runtime_error(path + ": row " + std::to_string(m.rows) + " is cut short");
    if (dim < 1 || dim > 1000000)
      throw std::runtime_error(path + ": impossible dimension " + std::to_string(dim));
    if (m.rows == 0) m.cols = static_cast<size_t>(dim);
    if (static_cast<size_t>(dim) != m.cols)
      throw std::runtime_error(path + ": row " + std::to_string(m.rows) + " has another dimension");
    m.values.resize((m.rows + 1) * m.cols);
    if (std::fread(m.row(m.rows), sizeof(T), m.cols, f.get()) != m.cols)
      throw std::runtime_error(path + ": row " + std::to_string(m.rows) + " is cut short");
    m.rows++;
  }
  return m;
}

template <class T>
void write_vecs(const std::string& path, const Matrix<T>& m) {
  File f = open_file(path, "wb");
  const int32_t dim = static_cast<int32_t>(m.cols);
  bool ok = true;
  for (size_t i = 0; i < m.rows && ok; i++)
    ok = std::fwrite(&dim, sizeof dim, 1, f.get()) == 1 &&
         std::fwrite(m.row(i), sizeof(T), m.cols, f.get()) == m.cols;
  if (!ok || std::fflush(f.get()) != 0) throw std::runtime_error("cannot write " + path);
}

inline Matrix<float> read_fvecs(const std::string& path, size_t max_rows = SIZE_MAX) {
  return read_vecs<float>(path, max_rows);
}
inline Matrix<int32_t> read_ivecs(const std::string& path, size_t max_rows = SIZE_MAX) {
  return read_vecs<int32_t>(path, max_rows);
}

// .bvecs rows, widened to float: what the byte-valued public sets are searched as.
inline Matrix<float> read_bvecs(const std::string& path, size_t max_rows = SIZE_MAX) {
  const Matrix<uint8_t> bytes = read_vecs<uint8_t>(path, max_rows);
  Matrix<float> m(bytes.rows, bytes.cols);
  for (size_t i = 0; i < bytes.values.size(); i++) m.values[i] = bytes.values[i];
  return m;
}

// Either kind, told apart by the name.
inline Matrix<float> read_vectors(const std::string& path, size_t max_rows = SIZE_MAX) {
  const bool bytes = path.size() >= 6 && path.compare(path.size() - 6, 6, ".bvecs") == 0;
  return bytes ? read_bvecs(path, max_rows) : read_fvecs(path, max_rows);
}

// FNV-1a over the bytes: names a set in golden tests.
inline uint64_t checksum(const void* data, size_t n_bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n_bytes; i++) h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

}  // namespace lowdim::bench
