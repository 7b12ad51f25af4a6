// What the query benchmark found, for people (a table) and for plots (JSON, CSV). A ratio compares the first
// target with each other one, setting by setting, round by round: both sides of it ran within one round, so a
// machine that slows down in between slows both. Called by query_bench.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "settings.h"

namespace lowdim::bench {

// All rounds of one setting on one target.
struct Outcome {
  std::string target;
  Setting setting;
  std::optional<double> recall;       // of the first round
  std::optional<double> low;          // share of its queries below 0.8
  std::vector<double> query_ms;       // median time a query, one a round
  std::vector<double> queries_per_s;  // one a round; all clients together
  std::vector<double> latencies_ms;   // of all rounds
  double rows = 0;                    // returned by a query, mean
};

struct Ratio {
  std::string label, series, target, against;
  std::vector<double> rounds;  // median time a query of target / of against
  double median = 0;
};

struct Report {
  std::string title;
  size_t k = 0, n_queries = 0, n_clients = 0, n_rounds = 0;
  std::vector<std::string> targets, servers;  // names, and what each runs
  std::vector<Outcome> outcomes;
};

std::vector<Ratio> ratios(const Report& report);

std::string table(const Report& report);
std::string json(const Report& report);
std::string csv(const Report& report);

}  // namespace lowdim::bench
