// Samples of manifolds whose dimension is known: the benchmark of Hein and Audibert (2005), extended by
// Rozza et al. (2012) and Campadelli et al. (2015), from its formulas. Used by the tests of core/dimension.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "core/base/random.h"
#include "core/codec/matrix.h"

namespace lowdim::test {

struct ManifoldPoints {
  explicit ManifoldPoints(uint64_t seed) : random_(seed) {}

  double uniform() { return random_.uniform(); }
  double exponential() { return -std::log1p(-random_.uniform()); }
  double normal() {  // Marsaglia's polar method
    for (;;) {
      const double u = 2 * uniform() - 1, v = 2 * uniform() - 1, s = u * u + v * v;
      if (s > 0 && s < 1) return u * std::sqrt(-2 * std::log(s) / s);
    }
  }
  // Beta(10, 1/2), of two gamma variables.
  double beta() {
    double a = 0;
    for (int i = 0; i < 10; ++i) a += exponential();
    const double b = normal();
    return a / (a + b * b / 2);
  }
  std::vector<double> uniforms(size_t n) {
    std::vector<double> u(n);
    for (double& x : u) x = uniform();
    return u;
  }

 private:
  core::Random random_;
};

using Point = std::vector<double>;

struct BenchmarkManifold {
  const char* name;
  uint32_t dimension;  // true
  size_t ambient;
  std::function<Point(ManifoldPoints&, size_t i, size_t n)> point;  // the i-th of n
};

inline Point sphere(ManifoldPoints& r, size_t d) {
  Point x(d + 1);
  double norm = 0;
  for (double& c : x) {
    c = r.normal();
    norm += c * c;
  }
  for (double& c : x) c /= std::sqrt(norm);
  return x;
}

// On the faces of a cube in d + 1 dimensions, one after another.
inline Point cube_faces(ManifoldPoints& r, size_t d, size_t i, size_t n) {
  Point x = r.uniforms(d + 1);
  const size_t each = n / (2 * (d + 1)) + 1;
  const size_t face = i / each;
  x[face / 2] = static_cast<double>(face % 2);
  return x;
}

// d circles, each scaled by the next one's angle; `copies` of all.
inline Point linked_circles(ManifoldPoints& r, size_t d, size_t copies) {
  const Point p = r.uniforms(d);
  Point x;
  for (size_t c = 0; c < copies; ++c) {
    for (size_t i = 0; i < d; ++i) {
      x.push_back(p[(i + 1) % d] * std::cos(2 * M_PI * p[i]));
      x.push_back(p[(i + 1) % d] * std::sin(2 * M_PI * p[i]));
    }
  }
  return x;
}

// Burr-distributed coordinates, the sum of their squares, then sines and squares of all.
inline Point paraboloid(ManifoldPoints& r, size_t d) {
  const double scale = r.exponential();
  Point x;
  double squares = 0;
  for (size_t i = 0; i < d; ++i) {
    x.push_back(1 / (1 + r.exponential() / scale));
    squares += x.back() * x.back();
  }
  x.push_back(squares);
  const size_t n = x.size();
  for (size_t i = 0; i < n; ++i) x.push_back(std::sin(x[i]));
  for (size_t i = 0; i < n; ++i) x.push_back(x[i] * x[i]);
  return x;
}

// Two curved images of each coordinate, both twice.
inline Point doubled(const Point& first, const Point& second) {
  Point x;
  for (int copy = 0; copy < 2; ++copy) {
    x.insert(x.end(), first.begin(), first.end());
    x.insert(x.end(), second.begin(), second.end());
  }
  return x;
}

inline Point tangents(ManifoldPoints& r, size_t d) {
  const Point u = r.uniforms(d);
  Point first(d), second(d);
  for (size_t i = 0; i < d; ++i) {
    first[i] = std::tan(u[i] * std::cos(u[d - 1 - i]));
    second[i] = std::atan(u[d - 1 - i] * std::sin(u[i]));
  }
  return doubled(first, second);
}

inline Point betas(ManifoldPoints& r, size_t d) {
  Point first(d), second(d);
  for (size_t i = 0; i < d; ++i) {
    const double b = r.beta();
    first[i] = b * std::sin(std::cos(2 * M_PI * b));
    second[i] = b * std::cos(std::sin(2 * M_PI * b));
  }
  return doubled(first, second);
}

inline Point affine_3_in_5(ManifoldPoints& r) {
  const double a = 4 * r.uniform(), b = 4 * r.uniform(), c = 4 * r.uniform();
  return {1.2 * a - 0.5 * b + 3, 0.5 * a + 0.9 * b - 1, -0.5 * a - 0.2 * b + c, 0.4 * a - 0.9 * b - 0.1 * c,
          1.1 * a - 0.3 * b + 8};
}

inline Point nonlinear_4_in_6(ManifoldPoints& r) {
  const Point p = r.uniforms(4);
  const auto square = [](double x) { return x * x; };
  const double turn = 2 * M_PI * p[0];
  return {square(p[1]) * std::cos(turn),          square(p[2]) * std::sin(turn),
          p[1] + p[2] + square(p[1] - p[3]),      p[1] - 2 * p[2] + square(p[0] - p[3]),
          -p[1] - 2 * p[2] + square(p[2] - p[3]), square(p[0]) - square(p[1]) + square(p[2]) - square(p[3])};
}

inline Point moebius(ManifoldPoints& r) {
  const double phi = 2 * M_PI * r.uniform(), width = 2 * r.uniform() - 1;
  const double radius = 1 + 0.5 * width * std::cos(5 * phi);
  return {radius * std::cos(phi), radius * std::sin(phi), 0.5 * width * std::sin(5 * phi)};
}

inline const std::vector<BenchmarkManifold>& benchmark_manifolds() {
  using P = ManifoldPoints;
  static const std::vector<BenchmarkManifold> all = {
      {"M1_Sphere", 10, 11, [](P& r, size_t, size_t) { return sphere(r, 10); }},
      {"M2_Affine_3to5", 3, 5, [](P& r, size_t, size_t) { return affine_3_in_5(r); }},
      {"M3_Nonlinear_4to6", 4, 6, [](P& r, size_t, size_t) { return nonlinear_4_in_6(r); }},
      {"M4_Nonlinear", 4, 8, [](P& r, size_t, size_t) { return linked_circles(r, 4, 1); }},
      {"M5a_Helix1d", 1, 3,
       [](P& r, size_t, size_t n) {
         const double t = 2 * M_PI / static_cast<double>(n) + 2 * M_PI * r.uniform();
         const double radius = 2 + std::cos(8 * t);
         return Point{radius * std::cos(t), radius * std::sin(t), std::sin(8 * t)};
       }},
      {"M5b_Helix2d", 2, 3,
       [](P& r, size_t, size_t) {
         const double radius = 10 * M_PI * r.uniform(), p = 10 * M_PI * r.uniform();
         return Point{radius * std::cos(p), radius * std::sin(p), 0.5 * p};
       }},
      {"M6_Nonlinear", 6, 36, [](P& r, size_t, size_t) { return linked_circles(r, 6, 3); }},
      {"M7_Roll", 2, 3,
       [](P& r, size_t, size_t) {
         const double t = 1.5 * M_PI * (1 + 2 * r.uniform()), p = 21 * r.uniform();
         return Point{t * std::cos(t), p, t * std::sin(t)};
       }},
      {"M8_Nonlinear", 12, 72, [](P& r, size_t, size_t) { return linked_circles(r, 12, 3); }},
      {"M9_Affine", 20, 20,
       [](P& r, size_t, size_t) {
         Point x = r.uniforms(20);
         for (double& c : x) c = 5 * c - 2.5;
         return x;
       }},
      {"M10a_Cubic", 10, 11, [](P& r, size_t i, size_t n) { return cube_faces(r, 10, i, n); }},
      {"M10b_Cubic", 17, 18, [](P& r, size_t i, size_t n) { return cube_faces(r, 17, i, n); }},
      {"M10c_Cubic", 24, 25, [](P& r, size_t i, size_t n) { return cube_faces(r, 24, i, n); }},
      {"M10d_Cubic", 70, 71, [](P& r, size_t i, size_t n) { return cube_faces(r, 70, i, n); }},
      {"M11_Moebius", 2, 3, [](P& r, size_t, size_t) { return moebius(r); }},
      {"M12_Norm", 20, 20,
       [](P& r, size_t, size_t) {
         Point x(20);
         for (double& c : x) c = r.normal();
         return x;
       }},
      {"M13a_Scurve", 2, 3,
       [](P& r, size_t, size_t) {
         const double t = 3 * M_PI * (r.uniform() - 0.5), p = 2 * r.uniform();
         return Point{std::sin(t), p, (t < 0 ? -1 : 1) * (std::cos(t) - 1)};
       }},
      {"M13b_Spiral", 1, 13,
       [](P& r, size_t, size_t) {
         const double t = 10 * M_PI * r.uniform();
         Point x(13, 0.0);
         x[0] = 100 * std::cos(t);
         x[1] = 100 * std::sin(t);
         x[2] = t;
         return x;
       }},
      {"Mbeta", 10, 40, [](P& r, size_t, size_t) { return betas(r, 10); }},
      {"Mn1_Nonlinear", 18, 72, [](P& r, size_t, size_t) { return tangents(r, 18); }},
      {"Mn2_Nonlinear", 24, 96, [](P& r, size_t, size_t) { return tangents(r, 24); }},
      {"Mp1_Paraboloid", 3, 12, [](P& r, size_t, size_t) { return paraboloid(r, 3); }},
      {"Mp2_Paraboloid", 6, 21, [](P& r, size_t, size_t) { return paraboloid(r, 6); }},
      {"Mp3_Paraboloid", 9, 30, [](P& r, size_t, size_t) { return paraboloid(r, 9); }},
  };
  return all;
}

inline core::Matrix sample_of(const BenchmarkManifold& manifold, size_t n, uint64_t seed) {
  ManifoldPoints random(seed);
  core::Matrix out(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(manifold.ambient));
  for (size_t i = 0; i < n; ++i) {
    const Point x = manifold.point(random, i, n);
    for (size_t j = 0; j < manifold.ambient; ++j) {
      out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = static_cast<float>(x[j]);
    }
  }
  return out;
}

inline const BenchmarkManifold& manifold_named(const std::string& name) {
  for (const BenchmarkManifold& m : benchmark_manifolds()) {
    if (name == m.name) return m;
  }
  throw std::invalid_argument(name);
}

inline core::Rows rows_in(const core::Matrix& x) {
  return {x.data(), static_cast<size_t>(x.rows()), static_cast<size_t>(x.cols())};
}

}  // namespace lowdim::test
