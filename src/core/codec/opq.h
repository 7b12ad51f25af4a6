// Optimized product quantization (Ge, He, Ke, Sun 2013): an orthogonal rotation before PQ that spreads what
// PQ loses evenly over the sub-spaces. Alternates Lloyd's iterations in the sub-spaces with the rotation that
// brings the rows nearest to what they are encoded to (orthogonal Procrustes).
//
// What differs from the paper: the rotation of a step is drawn to the present one by a small ridge, so that
// directions that hold next to no variance keep still and the polar factor is well conditioned; the
// distortion falls all the same. A step turns twice as far as Procrustes says, since it stops short of where
// the codes, too, will follow; where twice is too far, it is taken once. The number of steps follows the work
// that one takes: at 784 dimensions training takes seconds on one core.
#pragma once

#include "core/codec/pq.h"

namespace lowdim::core {

// The rotation's matrices and the polar factor's take 20 bytes a squared dimension.
constexpr size_t kMaxOpqDims = 2048;

struct OpqResult {
  Matrix rotation;                         // dims x dims, orthogonal: a row vector x becomes x * rotation
  std::unique_ptr<PqQuantizer> quantizer;  // of rotated rows
  std::vector<double> distortion;  // at the start and after each step, on the rows of the alternation;
                                   // never rises
  double final_distortion;         // mean |x R - decoded|^2 of all rows
};

// rows: centred. Half of options.iterations are Lloyd's at the end, on all rows; the alternation sees at most
// 10,000 of them, evenly spaced. Throws as train_pq does, and Error(kLimit) above kMaxOpqDims.
OpqResult train_opq(Rows rows, const PqOptions& options, const Stop& stop, int most_steps = 24);

// The orthonormal factor of m, the R that maximizes trace(R^T m), by scaled Newton-Schulz iterations (Chen
// and Chow 2014). `least` is about m's smallest singular value over its largest; smaller ones take more
// steps. Empty if m is so near to singular that the steps did not suffice.
Matrix polar_factor(const Matrix& m, double least, const Stop& stop);

// Principal directions dealt to the sub-spaces of PQ: largest variance first, each to the sub-space with the
// smallest product of variances so far that has room. Gives the direction of each rotated dimension.
// variances: as many as begins.back(), largest first.
std::vector<size_t> allocate_directions(const VectorD& variances, const std::vector<size_t>& begins);

}  // namespace lowdim::core
