// Answers from a released sketch, whatever kind it is: reads an image, says what is in it, and answers any
// number of queries. All of it is computed from what is released, so no answer costs any privacy. Called by
// the query functions of SQL (src/pg).
//
// Asked for what a sketch does not carry, functions throw Error(kInvalidParameter) and say which aggregate
// makes such sketches; for a query of other dimensions Error(kData).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/privacy/distances.h"
#include "core/privacy/kde.h"
#include "core/privacy/moments.h"

namespace lowdim::core {

// Scratch inside: one query at a time.
class SketchQuery {
 public:
  SketchQuery(const uint8_t* image, size_t n);  // throws Error(kCorrupted)

  // Of the rows; 0 where they were only counted.
  uint32_t dims() const;
  const Guarantee& guarantee() const;
  // What the sketch is and promises: a JSON object.
  const std::string& explain();

  // y: dims floats. See KdeQuery, DistanceQuery, MomentSketch for what each is.
  double kde(const float* y, size_t dims);      // mean of kernels
  double kde_sum(const float* y, size_t dims);  // in rows
  double distance_sum(const float* y, size_t dims);
  double power_sum(const float* y, size_t dims, double power);
  double squared_distance_sum(const float* y, size_t dims) const;
  double inner_sum(const float* y, size_t dims) const;
  double mean_cosine(const float* y, size_t dims) const;

  double rows() const;
  // dims() numbers, cut to what a float holds.
  void sum(float* out) const;
  void mean(float* out) const;
  // How much a mean of kernels is off, on average: KdeError::mean_absolute.
  double kde_error() const;

  // How well y fits to the rows, to compare sketches of several classes; larger is better. The mean kernel;
  // minus the mean distance; minus the squared distance to the mean, up to what is the same for all sketches,
  // and without what noise adds to it.
  // Kernel sketches with the same options share the features of y, which the first computes.
  struct SharedFeatures {
    KdeOptions options;
    const std::vector<float>* waves = nullptr;
  };
  double score(const float* y, size_t dims, SharedFeatures& shared);
  // Whether scores of both can be compared: the same statistic of the same kind of rows.
  bool comparable(const SketchQuery& other) const;

 private:
  struct Kde {
    KdeSketch sketch;
    std::optional<KdeQuery> query;  // made when needed
  };
  struct Distance {
    DistanceSketch sketch;
    std::optional<DistanceQuery> query;
  };
  using Held = std::variant<Kde, Distance, MomentSketch>;
  static Held read(const uint8_t* image, size_t n);
  void check_dims(size_t dims) const;
  KdeQuery& kde_query(size_t dims);
  DistanceQuery& distance_query(size_t dims);
  const MomentSketch& moments(const char* wanted, bool vectors) const;
  const MomentSketch& moments(const char* wanted, size_t dims) const;
  // |mean|^2 without noise; computed once, for score.
  double mean_square();

  Held held_;
  std::string explained_;
  std::optional<double> mean_square_;
};

// Sketches prepared at a call site, kept for as long as it sees the same ones in the same places: reading an
// image and preparing a query cost far more than using them. Owned by the server's side through make_in
// (pg/door.h).
class SketchCache {
 public:
  // The sketch that was loaded for this place under this key, nullptr if another one or none is there. A key
  // is what names an image.
  SketchQuery* find(size_t place, const void* key, size_t key_bytes) const;
  // Reads the sketch from its image and keeps it. Throws as SketchQuery; then nothing is there.
  SketchQuery* load(size_t place, const void* key, size_t key_bytes, const uint8_t* image, size_t n);

  // The place of the first `count` with the best score. Throws Error(kInvalidParameter) where they are not
  // comparable; count > 0.
  size_t best(size_t count, const float* y, size_t dims) const;

 private:
  struct Place {
    std::vector<uint8_t> key;
    std::unique_ptr<SketchQuery> query;
  };
  std::vector<Place> places_;
};

}  // namespace lowdim::core
