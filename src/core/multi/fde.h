// Fixed-dimensional encodings of sets of vectors: one vector for a document and one for a query, whose inner
// product estimates the MaxSim of the sets (Dhulipala, Hadian, Jayaram, Lee, Mirrokni, "MUVERA: Multi-Vector
// Retrieval via Fixed Dimensional Encodings", NeurIPS 2024, section 2). Any index for inner products then
// finds candidates for MaxSim.
//
// In each of `repetitions` rounds, k_sim random hyperplanes part the space into 2^k_sim blocks. A query's
// block is the sum of its vectors there, a document's block their mean: so each query vector meets the mean
// of the document vectors that are on its side of every hyperplane, which likely include the nearest one. An
// empty block of a document takes the vector whose signs differ least from the block's (the first of equals).
// Blocks are projected to d_proj dimensions by random signs over sqrt(d_proj), and concatenated. The expected
// product is repetitions x MaxSim, less what the mean loses.
//
// final_dims: every coordinate of the concatenation is added, with a random sign, to a random one of
// final_dims (a count-sketch, as in the authors' code). Blocks go there as they are made, so what is
// concatenated never exists, however large.
//
// Encodings are stored and compared across machines: the same bits on every processor and build. Random
// numbers are core/base/random.h's, products project_f32's, sums in the order of the vectors; nothing is
// fused. Differences to the authors' code: random signs for the inner projection as in the paper, not a
// count-sketch; blocks numbered by sign bits, not by their Gray code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/multi/fde_options.h"
#include "core/multi/maxsim.h"

namespace lowdim::core {

// The dimensions of an encoding of vectors of `dims` dimensions. Throws Error: kLimit above kMaxDims without
// final_dims, beyond kMaxFdeCoordinates before it or beyond kMaxFdeRandom; kData where the center has other
// dimensions.
uint32_t fde_dims(const FdeOptions& options, uint32_t dims);

// Coordinates before the final projection: bounds time and memory (the paper's largest has 327,680).
inline constexpr uint64_t kMaxFdeCoordinates = uint64_t{1} << 22;
// Random numbers of the hyperplanes and signs, which an encoder holds as floats: 64 MB.
inline constexpr uint64_t kMaxFdeRandom = uint64_t{1} << 24;

class FdeEncoder {
 public:
  // Draws the hyperplanes and projections: some tens of nanoseconds for each of their elements. Throws as
  // fde_dims does.
  FdeEncoder(const FdeOptions& options, uint32_t dims);

  uint32_t dims() const { return dims_; }
  uint32_t out_dims() const { return out_dims_; }

  // Write out_dims() floats. The set must have dims() dimensions. Elements beyond float32 become infinite or
  // NaN. query() throws Error(kInvalidParameter) where fill_empty was said to be on. Both throw Stopped.
  void document(const MultiView& set, float* out, Stop stop);
  void query(const MultiView& set, float* out, Stop stop);

  // The blocks of the vectors in one repetition, for looking at how evenly they are used: set.count numbers
  // below 2^k_sim.
  void blocks(const MultiView& set, uint32_t repetition, uint32_t* out);

 private:
  void encode(const MultiView& set, bool is_query, float* out, Stop stop);
  void assign_blocks(const MultiView& set, uint32_t first, uint32_t count, Stop stop);
  void encode_repetition(const MultiView& set, uint32_t repetition, const uint32_t* block_of, bool is_query,
                         float* out, Stop stop);
  void find_fillings(const uint32_t* block_of, uint32_t n);
  void put(uint32_t repetition, uint32_t block, const float* values, float* out) const;

  FdeOptions options_;
  uint32_t dims_, out_dims_;
  uint32_t blocks_;                // 2^k_sim
  uint32_t block_dims_;            // of a block: d_proj, or dims_ where nothing is projected
  uint32_t padded_;                // columns of signs_
  uint32_t group_;                 // repetitions whose hyperplanes are applied together
  uint32_t plane_columns_;         // of one such group's matrix
  std::vector<float> planes_;      // [group][dims_][plane_columns_]
  std::vector<float> thresholds_;  // [group][plane_columns_]: the center's products
  std::vector<float> signs_;       // [repetition][dims_][padded_], empty where nothing is projected
  std::vector<uint16_t> sketch_;   // for each coordinate 2 x its place + (1 to subtract it)

  // Scratch of a call.
  std::vector<float> rows_, products_, projected_;
  std::vector<uint32_t> assigned_, order_, starts_, filled_by_, next_;
  std::vector<double> sums_;
  std::vector<uint64_t> nearest_;
};

}  // namespace lowdim::core
