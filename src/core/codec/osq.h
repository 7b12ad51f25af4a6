// OSQ, the scalar quantizer of SQUASH (Oakley and Ferhatosmanoglu, 2025): decorrelated dimensions get as many
// bits as their variance earns, cells between Lloyd's edges, and share 8-bit segments. Every cell is an
// interval, so a code gives certain lower and upper bounds on distances, in the way of a VA-file.
//
// The vectors come decorrelated (a PCA that keeps all dimensions is the KLT). Differences from the authors'
// program: the bit of a dimension that is full goes to another; every dimension is trained, whatever the
// order of the energies; empty cells are given to the cell with the largest error; and vectors beyond the
// trained edges keep their bounds, see "overshoot".
//
// Code, segment_bytes() + 1 (+ ceil(dims/8)) bytes:
//   0                    cell numbers, dimension after dimension, the lowest bit first; a dimension may
//                        straddle two segments, one with 0 bits takes no room
//   segment_bytes()      overshoot: 0 if the vector is inside the outer edges of all dimensions. Otherwise
//   the
//                        radius of a ball around the clamped vector that holds it, rounded up to unit *
//                        2^((v-128)/4), and 255 for more than that. Bounds grow by it (triangle inequality).
//   segment_bytes() + 1  sign companion, if asked for: bit i%8 of byte i/8 is set where u[i] is above the
//   mean
#pragma once

#include <array>

#include "core/base/stop.h"
#include "core/codec/quantizer.h"

namespace lowdim::core {

struct OsqOptions {
  double bits_per_dim = 4;  // (0, 8]; the budget is dims times this, rounded
  bool signs = false;       // with the sign companion, for pruning by Hamming distance
};

// The cells of one dimension: edges[0] <= ... <= edges[n], cell c = [edges[c], edges[c + 1]), the last one
// closed. values[c] is the mean of the training values in cell c.
struct OsqCells {
  std::vector<float> edges;
  std::vector<float> values;
};

inline constexpr int kOsqMaxBits = 8;
inline constexpr size_t kOsqMaxCells = 255;

// Bits for each dimension: one bit after another goes to the largest energy, which then falls to a quarter.
// A dimension with 8 bits or without variance gets no more, so fewer than `budget` may be given out.
std::vector<uint8_t> osq_allocate(const std::vector<double>& variances, size_t budget);

// At most n_cells cells (fewer if there are fewer values): equi-depth, then at most 250 rounds of Lloyd until
// the error falls by less than 0.005 of itself. `values` holds at least one number.
OsqCells osq_train_cells(std::vector<float> values, size_t n_cells);

class OsqQuantizer final : public Quantizer {
 public:
  // Error(kInvalidParameter) for bits_per_dim outside (0, 8] or rows without dimensions, Error(kData) if
  // there are no rows.
  static std::unique_ptr<OsqQuantizer> train(const Rows& rows, const OsqOptions& options, const Stop& stop);
  // With bits chosen by the caller, each in 0..8.
  static std::unique_ptr<OsqQuantizer> train_with_bits(const Rows& rows, const std::vector<uint8_t>& bits,
                                                       bool signs, const Stop& stop);
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);

  size_t dims() const override { return bits_.size(); }
  size_t code_bytes() const override { return sign_offset() + sign_bytes(); }
  size_t segment_bytes() const { return segment_bytes_; }
  size_t sign_offset() const { return segment_bytes_ + 1; }
  size_t sign_bytes() const { return has_signs() ? (dims() + 7) / 8 : 0; }
  bool has_signs() const { return !means_.empty(); }
  const std::vector<uint8_t>& bits() const { return bits_; }

  void encode(const float* u, uint8_t* code) const override;
  // Means of the cells.
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  Bounds bounds() const override { return Bounds::kCertain; }
  void write(ByteWriter& out) const override;
  std::vector<std::pair<std::string, std::string>> facts() const override;

  // The sign companion of a query or vector, sign_bytes() bytes: what the companions in codes are compared
  // with.
  void encode_signs(const float* u, uint8_t* out) const;

 private:
  friend class OsqScorer;

  // Where a dimension's cell number lies. Two bytes are read from `byte` on: the second is at most the
  // overshoot byte, so never beyond the code.
  struct Field {
    uint32_t dim;
    uint32_t byte;
    uint32_t first;  // of the 2^bits cells in the flat arrays
    uint16_t mask;
    uint8_t shift;

    uint32_t cell(const uint8_t* code) const {
      const uint32_t two = code[byte] | static_cast<uint32_t>(code[byte + 1]) << 8;
      return first + (two >> shift & mask);
    }
  };

  OsqQuantizer(std::vector<uint8_t> bits, const std::vector<OsqCells>& cells, float unit,
               std::vector<float> means);

  std::vector<uint8_t> bits_;
  std::vector<uint16_t> cells_;   // cells of each dimension
  std::vector<uint32_t> firsts_;  // of each dimension in the flat arrays
  std::vector<Field> fields_;     // of the dimensions with bits, in order
  size_t segment_bytes_ = 0;
  // Flat: 2^bits entries a dimension, those past the last cell are copies of it, so that no cell number, in
  // however damaged a code, points outside.
  std::vector<float> left_, right_, value_;
  float unit_;                        // of the overshoot: the root of the total variance, or 1
  std::array<double, 256> radius_{};  // of each overshoot byte
  std::vector<float> means_;          // empty without signs
};

}  // namespace lowdim::core
