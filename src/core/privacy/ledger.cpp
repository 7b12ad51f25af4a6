// See ledger.h.

#include "core/privacy/ledger.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/error.h"

namespace lowdim::core {
namespace {

constexpr double kKept = 1 + 1e-9;

bool within(double spent, double limit) { return spent >= 0 && spent <= limit * kKept; }

}  // namespace

Accounting parse_accounting(const char* text) {
  if (std::strcmp(text, "zcdp") == 0) return Accounting::kZcdp;
  if (std::strcmp(text, "sum") == 0) return Accounting::kSum;
  throw Error(ErrorKind::kInvalidParameter, std::string("unknown accounting \"") + text + "\"",
              "It is zcdp or sum.");
}

const char* accounting_name(Accounting accounting) {
  return accounting == Accounting::kZcdp ? "zcdp" : "sum";
}

void PrivacyBudget::check() const {
  if (!(epsilon > 0 && std::isfinite(epsilon))) {
    throw Error(ErrorKind::kInvalidParameter, "the budget's epsilon must be above 0 and finite");
  }
  if (!(delta >= 0 && delta < 1)) {
    throw Error(ErrorKind::kInvalidParameter, "the budget's delta must be at least 0 and below 1");
  }
  if (delta == 0 && accounting == Accounting::kZcdp) {
    throw Error(ErrorKind::kInvalidParameter, "accounting by zcdp needs a delta above 0",
                "State a delta, 1e-6 for instance, or the accounting sum.");
  }
}

double PrivacyBudget::rho() const { return zcdp_rho(epsilon, delta); }

bool PrivacyBudget::covers(const PrivacyCost& total) const {
  if (accounting == Accounting::kZcdp) return within(total.rho, rho());
  return within(total.epsilon, epsilon) && within(total.delta, delta);
}

PrivacyBalance balance_of(const PrivacyBudget& budget, const PrivacyCost& total) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  const auto rest = [](double limit, double spent) { return std::max(0.0, limit - spent); };
  PrivacyBalance b;
  if (budget.accounting == Accounting::kZcdp) {
    b.spent = {zcdp_epsilon(total.rho, budget.delta), total.rho > 0 ? budget.delta : 0, total.rho};
    b.left.rho = rest(budget.rho(), total.rho);
    b.left.epsilon = std::min(budget.epsilon, zcdp_epsilon(b.left.rho, budget.delta));
    b.left.delta = budget.delta;
  } else {
    b.spent = total;
    b.left = {rest(budget.epsilon, total.epsilon), rest(budget.delta, total.delta), kInfinite};
  }
  return b;
}

}  // namespace lowdim::core
