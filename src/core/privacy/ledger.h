// What a privacy budget allows after what was spent of it.
//
// A budget counts in one currency that is fixed before the first release, because later releases are chosen
// by people who have seen earlier ones. Sums against a limit that was fixed before hold for such choices
// (Rogers, Roth, Ullman, Vadhan 2016 for sums; Feldman, Zrnic 2021 for rho); taking the better of two
// currencies afterwards does not, each would need a delta of its own.
//   zcdp  the rho of all releases within the largest rho that proves (epsilon, delta)
//   sum   the epsilons within epsilon and the deltas within delta
// A limit counts as kept up to one part in 10^9: ten times 0.1 is 1 although no double is 0.1.
#pragma once

#include "core/privacy/calibration.h"

namespace lowdim::core {

enum class Accounting { kZcdp, kSum };

// "zcdp" or "sum". Throws Error(kInvalidParameter).
Accounting parse_accounting(const char* text);
const char* accounting_name(Accounting accounting);

struct PrivacyBudget {
  double epsilon = 0;
  double delta = 0;
  Accounting accounting = Accounting::kSum;

  // epsilon above 0 and finite, delta from 0 to below 1 and not 0 for zcdp. Throws
  // Error(kInvalidParameter).
  void check() const;

  // The largest rho; for zcdp only.
  double rho() const;
  // Whether releases that cost `total` together are within the budget. Costs that are infinite, negative or
  // no numbers are not.
  bool covers(const PrivacyCost& total) const;
};

// A budget after releases. What is left is what one more release may cost: of the budget's delta under zcdp,
// where what fits is less than the difference of the epsilons.
struct PrivacyBalance {
  PrivacyCost spent;  // epsilon and delta as the budget's currency proves them
  PrivacyCost left;   // rho is infinite for sums, which do not count it
};
PrivacyBalance balance_of(const PrivacyBudget& budget, const PrivacyCost& total);

}  // namespace lowdim::core
