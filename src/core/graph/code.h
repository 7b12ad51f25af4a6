// The code by which a graph is walked: 4-bit sub-codes of a projected vector, scored 32 at a time by FastScan
// (simd/fastscan.h). A model is one flat image of plain data: index pages and shared memory hold it, every
// process reads it in place, and nothing here allocates or throws. Trained by graph/train.h; used by the
// builder (graph/build.h) and by the index (paged/hnsw).
//
// A vector x is centred and projected, u = A (x - mean), code_dims of dims. (Of few dimensions it is lifted
// to more, by an A with orthonormal columns: lengths stay, and the errors of more coordinates average out.)
// Segment s covers the coordinates begin[s] .. begin[s+1], each with 16 centroids of its own: four bits for
// one coordinate where variance is large, for two or four where it is small (graph/train.h chooses). What the
// code leaves out,
//   e = |x - mean - A^T u^|^2   (dropped directions and rounding alike)
// is kept in a byte, two more segments. With centroids that are means, E <u - u^, q> is zero, hence
//   |q - x|^2 ~ |A (q - mean) - u^|^2 + |rest of q|^2 + e
// and the estimate is a sum of table entries. For inner products the sum is -<A q, u^> and e is left out; for
// L1 it is sum |q_d - x^_d|, with no projection.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowdim::core {

enum class GraphMetric : uint8_t { kL2, kInner, kL1 };

// The image's head; what follows it is described by the accessors of GraphCode. On disk: never reorder.
//
//   offset  size  field
//        0     4  magic
//        4     4  bytes          of the whole image
//        8     4  dims           of the vectors
//       12     4  code_dims      of u
//       16     4  segments       those of u; two more follow for e
//       20     1  metric         GraphMetric
//       21     1  projects       0: u = x - mean
//       22     2  reserved       0
//       24     4  error_low      e of byte 0
//       28     4  error_step     per unit of the byte
//       32     4  row_scale      of rows for the builder: round(u * row_scale), -127 .. 127
//       36     4  mean_norm      |mean|^2
//       40        mean           dims floats
//                 projected mean code_dims floats
//                 matrix         code_dims x dims floats, if projects
//                 centroids      code_dims x 16 floats: a coordinate of all centroids is one run
//                 begins         segments + 1 times uint16
struct GraphCodeHead {
  uint32_t magic;
  uint32_t bytes;
  uint32_t dims;
  uint32_t code_dims;
  uint32_t segments;
  uint8_t metric;
  uint8_t projects;
  uint16_t reserved0;
  float error_low;
  float error_step;
  float row_scale;
  float mean_norm;
};
static_assert(sizeof(GraphCodeHead) == 40);

// A vector as the builder compares it: code_dims bytes u * row_scale + 128, and what else its distances need.
struct GraphRowTerms {
  int32_t add;  // L2: |u|^2 + rest, in units of the row scale; inner product: -2 <mean, x> + |mean|^2
  int32_t sum;  // of the signed coordinates
};

// The tables of one query: 16 bytes a segment; sums of them order codes as the estimate does.
struct GraphTables {
  uint8_t* entries;  // 16 * all_segments(), the caller's memory
  float bias;        // estimate = bias + step * sum
  float step;
};

class GraphCode {
 public:
  static constexpr uint32_t kMagic = 0x4C444743;
  // Vectors of fewer dimensions are lifted to that many, if codes project at all.
  static constexpr uint32_t kMostLifted = 16;
  static constexpr uint32_t coordinates(uint32_t dims, bool projects) {
    return projects && dims > 1 && dims < kMostLifted ? kMostLifted : dims;
  }
  static constexpr uint32_t kMaxSegments = 240;  // with those of e below the 257 that 16-bit sums allow

  GraphCode() = default;
  // A view of `image`, which must stay. False for anything but a whole, sane image.
  static bool open(const void* image, size_t bytes, GraphCode* out);
  static size_t image_bytes(uint32_t dims, uint32_t code_dims, uint32_t segments, bool projects);

  uint32_t dims() const { return head().dims; }
  uint32_t code_dims() const { return head().code_dims; }
  uint32_t segments() const { return head().segments; }
  uint32_t all_segments() const { return segments() + 2; }
  GraphMetric metric() const { return static_cast<GraphMetric>(head().metric); }
  // A code by itself: segment s in the low half of byte s/2 if s is even, else in the high half.
  uint32_t code_bytes() const { return (all_segments() + 1) / 2; }
  // Floats of scratch that encode(), query() and row() need.
  size_t scratch_floats() const { return dims() + code_dims() + 16 * size_t{all_segments()}; }

  // x: dims finite floats. code: code_bytes().
  void encode(const float* x, float* scratch, uint8_t* code) const;
  // u^: code_dims floats.
  void decode(const uint8_t* code, float* u) const;
  // What distance_decoded needs beside u^.
  float decoded_term(const uint8_t* code, const float* u) const;
  // About the distance (L2 squared, inner product negated) of two decoded vectors.
  float distance_decoded(const float* u, float term_u, const float* v, float term_v) const;
  void tables(const float* q, float* scratch, GraphTables* out) const;
  // The vector as a builder's row of code_dims() bytes.
  void row(const float* x, float* scratch, uint8_t* row, GraphRowTerms* terms) const;

 private:
  const GraphCodeHead& head() const { return *reinterpret_cast<const GraphCodeHead*>(image_); }
  const float* mean() const { return reinterpret_cast<const float*>(image_ + sizeof(GraphCodeHead)); }
  const float* projected_mean() const { return mean() + dims(); }
  const float* matrix() const { return projected_mean() + code_dims(); }
  const float* centroids() const {
    return matrix() + (head().projects != 0 ? size_t{dims()} * code_dims() : 0);
  }
  const uint16_t* begins() const {
    return reinterpret_cast<const uint16_t*>(centroids() + size_t{code_dims()} * 16);
  }
  // u of x; returns the squared length of what the projection leaves out. `centred`: dims floats.
  double project(const float* x, float* centred, float* u) const;
  void finish_row(const float* u, double rest, uint8_t* row, GraphRowTerms* terms) const;

  const uint8_t* image_ = nullptr;
};

}  // namespace lowdim::core
