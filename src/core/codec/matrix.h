// Matrices of the trainers: rows are vectors, row-major, so that a row is what the kernels and the tables
// read.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>

namespace lowdim::core {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;
using VectorD = Eigen::VectorXd;

// rows x dims floats that somebody else owns; any alignment.
struct Rows {
  const float* data = nullptr;
  size_t n = 0;
  size_t dims = 0;

  const float* row(size_t i) const { return data + i * dims; }
  auto matrix() const {
    return Eigen::Map<const Matrix, Eigen::Unaligned>(data, static_cast<Eigen::Index>(n),
                                                      static_cast<Eigen::Index>(dims));
  }
};

}  // namespace lowdim::core
