// Budgets: what they cover, in both currencies, at the edge; and what they say is left can be spent.

#include "core/privacy/ledger.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/error.h"

namespace lowdim::core {
namespace {

constexpr double kDelta = 1e-6;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

PrivacyCost gaussian(double epsilon, double delta) { return {epsilon, delta, zcdp_rho(epsilon, delta)}; }

PrivacyCost times(int n, const PrivacyCost& cost) {
  PrivacyCost total;
  for (int i = 0; i < n; ++i) total = together(total, cost);
  return total;
}

TEST(PrivacyLedger, SumsAreKeptToTheLastRelease) {
  const PrivacyBudget budget{1, 0, Accounting::kSum};
  EXPECT_TRUE(budget.covers(times(10, pure_cost(0.1))));
  EXPECT_FALSE(budget.covers(times(11, pure_cost(0.1))));
  EXPECT_FALSE(budget.covers(pure_cost(1.0001)));
  EXPECT_FALSE(budget.covers(gaussian(0.5, kDelta))) << "no delta to spend";
  const PrivacyBudget both{1, 3 * kDelta, Accounting::kSum};
  EXPECT_TRUE(both.covers(times(3, gaussian(0.3, kDelta))));
  EXPECT_FALSE(both.covers(times(4, gaussian(0.1, kDelta)))) << "the deltas add up as well";
}

TEST(PrivacyLedger, ZcdpAddsRho) {
  const PrivacyBudget budget{1, kDelta, Accounting::kZcdp};
  EXPECT_TRUE(budget.covers(gaussian(1, kDelta)));
  EXPECT_FALSE(budget.covers(gaussian(1.0001, kDelta)));
  // n releases of a hundredth of rho each.
  const double each = zcdp_epsilon(budget.rho() / 100, kDelta);
  EXPECT_NEAR(each, 0.0986, 1e-3);
  EXPECT_TRUE(budget.covers(times(100, gaussian(each, kDelta))));
  EXPECT_FALSE(budget.covers(times(101, gaussian(each, kDelta))));
  // A pure release is paid with half the square of its epsilon.
  EXPECT_TRUE(budget.covers(pure_cost(0.18)));
  EXPECT_FALSE(budget.covers(pure_cost(0.19)));
}

TEST(PrivacyLedger, NonsenseIsNeverCovered) {
  for (const Accounting accounting : {Accounting::kZcdp, Accounting::kSum}) {
    const PrivacyBudget budget{1, kDelta, accounting};
    for (const double bad : {kInfinite, -kInfinite, -1.0, std::nan("")}) {
      EXPECT_FALSE(budget.covers({bad, 0, bad})) << bad;
    }
    EXPECT_TRUE(budget.covers({}));
  }
}

TEST(PrivacyLedger, WhatIsLeftCanBeSpentAndNoMore) {
  const PrivacyBudget zcdp{2, kDelta, Accounting::kZcdp};
  PrivacyCost spent = times(3, gaussian(0.7, kDelta));
  PrivacyBalance b = balance_of(zcdp, spent);
  EXPECT_GT(b.left.epsilon, 2 - b.spent.epsilon) << "zcdp composes better than sums";
  EXPECT_NEAR(b.spent.epsilon, zcdp_epsilon(3 * zcdp_rho(0.7, kDelta), kDelta), 1e-9);
  EXPECT_EQ(b.left.delta, kDelta);
  EXPECT_TRUE(zcdp.covers(together(spent, gaussian(b.left.epsilon, kDelta))));
  EXPECT_FALSE(zcdp.covers(together(spent, gaussian(b.left.epsilon * 1.0001, kDelta))));

  const PrivacyBudget sum{2, kDelta, Accounting::kSum};
  spent = times(3, pure_cost(0.6));
  b = balance_of(sum, spent);
  EXPECT_NEAR(b.spent.epsilon, 1.8, 1e-12);
  EXPECT_NEAR(b.left.epsilon, 0.2, 1e-12);
  EXPECT_EQ(b.left.delta, kDelta);
  EXPECT_TRUE(sum.covers(together(spent, pure_cost(b.left.epsilon))));
  EXPECT_FALSE(sum.covers(together(spent, pure_cost(b.left.epsilon * 1.0001))));

  b = balance_of(sum, times(10, pure_cost(1)));  // a budget from elsewhere, overspent
  EXPECT_EQ(b.left.epsilon, 0);
  b = balance_of(zcdp, {});
  EXPECT_EQ(b.spent.epsilon, 0);
  EXPECT_EQ(b.spent.delta, 0);
  EXPECT_NEAR(b.left.epsilon, 2, 1e-9);
}

TEST(PrivacyLedger, BudgetsAreChecked) {
  const auto bad = [](double epsilon, double delta, Accounting accounting) {
    EXPECT_THROW((PrivacyBudget{epsilon, delta, accounting}.check()), Error) << epsilon << " " << delta;
  };
  for (const double epsilon : {0.0, -1.0, kInfinite, std::nan("")}) bad(epsilon, kDelta, Accounting::kSum);
  for (const double delta : {-1e-9, 1.0, kInfinite, std::nan("")}) bad(1, delta, Accounting::kSum);
  bad(1, 0, Accounting::kZcdp);
  PrivacyBudget{1, 0, Accounting::kSum}.check();
  PrivacyBudget{1e-9, 0.999, Accounting::kZcdp}.check();
  EXPECT_EQ(parse_accounting("zcdp"), Accounting::kZcdp);
  EXPECT_EQ(parse_accounting(accounting_name(Accounting::kSum)), Accounting::kSum);
  EXPECT_THROW(parse_accounting("ZCDP"), Error);
}

}  // namespace
}  // namespace lowdim::core
