// Vectors of words that depend on the words beside them, as those of a late-interaction model do: each word's
// vector is normalized, mixed with its neighbours', and normalized again. Arithmetic is + * / and square
// roots in double, in one order: the same words have the same vectors on every machine. Called by mix.cpp and
// the unit test.
#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace lowdim::bench {

// Of the word itself and of each word beside it. The first and the last word have one neighbour, and a text
// of one word none. A mixture is never zero: what a word keeps of itself outweighs both neighbours.
constexpr double kOwnShare = 0.7;
constexpr double kNeighbourShare = 0.15;

namespace mixture_detail {

// Throws std::invalid_argument where there is no direction.
inline void normalize(std::vector<double>& v) {
  double square = 0;
  for (const double e : v) square += e * e;
  if (!(square > 0) || !std::isfinite(square))
    throw std::invalid_argument("a word's vector has no direction");
  const double norm = std::sqrt(square);
  for (double& e : v) e = e / norm;
}

}  // namespace mixture_detail

// Appends one vector of `dims` elements for each word of a text; words[i] is the vector of word i.
inline void append_mixture(const std::vector<const float*>& words, size_t dims, std::vector<float>& out) {
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
  std::vector<std::vector<double>> unit;
  for (const float* word : words) {
    unit.emplace_back(word, word + dims);
    mixture_detail::normalize(unit.back());
  }
  std::vector<double> mixed(dims);
  for (size_t i = 0; i < words.size(); i++) {
    for (size_t d = 0; d < dims; d++) {
      double beside = 0;
      if (i > 0) beside += unit[i - 1][d];
      if (i + 1 < words.size()) beside += unit[i + 1][d];
      mixed[d] = kOwnShare * unit[i][d] + kNeighbourShare * beside;
    }
    mixture_detail::normalize(mixed);
    for (const double e : mixed) out.push_back(static_cast<float>(e));
  }
}

}  // namespace lowdim::bench
