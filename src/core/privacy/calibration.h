// How much noise a privacy budget asks for, and what several releases cost together. All for sensitivity 1;
// the noise of a value of sensitivity D is D times that. Every result is rounded to the side that is private:
// scales and costs up, what may be spent down.
//
// Laplace of scale b on values of L1 sensitivity 1 is 1/b-differentially private.
// Gaussian of scale sigma on values of L2 sensitivity 1 has rho = 1 / (2 sigma^2) of zero-concentrated
// differential privacy (zCDP, Bun and Steinke 2016), continuous or discrete, and
//   zCDP      (rho + 2 sqrt(rho ln(1/delta)), delta) for every delta: composes by adding rho;
//   analytic  the exact delta of one continuous release (Balle and Wang, ICML 2018): less noise for one
//             release, the same rho for composing.
#pragma once

#include <cstdint>

namespace lowdim::core {

// The largest rho whose epsilon at `delta` is not above `epsilon`.
double zcdp_rho(double epsilon, double delta);
// rho + 2 sqrt(rho ln(1/delta)).
double zcdp_epsilon(double rho, double delta);
// sigma for rho: 1 / sqrt(2 rho).
double zcdp_sigma(double rho);

// The least delta at which one release with Gaussian noise is (epsilon, delta)-differentially private.
double analytic_delta(double sigma, double epsilon);
// The least sigma (to 12 digits) whose analytic_delta is not above delta.
double analytic_sigma(double epsilon, double delta);

// What releases cost. A release has a cost in two currencies, and so has what is made of several; who pays
// in rho ignores epsilon and delta, and the other way round.
struct PrivacyCost {
  double epsilon = 0;  // infinite where nothing is hidden
  double delta = 0;
  double rho = 0;

  // The least epsilon at `delta` that either currency proves; infinite where neither does.
  double epsilon_at(double delta) const;
};

// eps-differential privacy is eps^2/2-zCDP.
PrivacyCost pure_cost(double epsilon);

// Releases from the same rows: all three add up.
PrivacyCost together(const PrivacyCost& a, const PrivacyCost& b);
// Releases from rows of disjoint groups, where a unit has rows in one group only: the greater of each. Holds
// for both neighbour relations: a unit that is replaced by one of another group changes two groups by half of
// what each release allows for.
PrivacyCost beside(const PrivacyCost& a, const PrivacyCost& b);

}  // namespace lowdim::core
