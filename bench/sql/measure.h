// Runs one setting on one target: prepared statement, binary parameters and rows, one connection a client
// thread, every client taking the next query that is left. Called by query_bench.cpp, once a setting, target
// and round.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../data/fvecs.h"
#include "queries.h"
#include "session.h"
#include "settings.h"

namespace lowdim::bench {

struct Target {
  std::string name;
  std::string server;  // what version() says
  std::vector<Session> clients;
};

struct RunResult {
  std::vector<double> latencies;  // seconds, one a query
  double seconds = 0;             // all queries, first start to last end
  Matrix<int32_t> ids;            // n_queries x k, -1 where fewer rows came back; empty when no ids came back
  double rows = 0;                // mean number of rows a query returned
};

struct RunSpec {
  size_t k = 10;
  size_t n_queries = 1000;
  size_t warmup = 10;               // queries before the clock starts, on every connection
  std::vector<std::string> before;  // statements run before every setting's own SETs, e.g. "SET jit = off"
};

Target connect_target(const std::string& name, const std::string& conninfo, size_t n_clients);

// Runs `queries` from the first. Throws std::runtime_error with what the server said.
RunResult measure(Target& target, const Setting& setting, const Queries& queries, const RunSpec& spec);

}  // namespace lowdim::bench
