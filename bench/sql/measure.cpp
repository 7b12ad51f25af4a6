// See measure.h.
#include "measure.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace lowdim::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The first column of row i as an id, -1 where it is no integer.
int64_t id_of(const PGresult* r, int i) {
  constexpr Oid kInt8 = 20, kInt2 = 21, kInt4 = 23;  // fixed numbers of pg_type
  const Oid type = PQnfields(r) > 0 ? PQftype(r, 0) : 0;
  if ((type != kInt8 && type != kInt4 && type != kInt2) || PQgetisnull(r, i, 0)) return -1;
  const auto* p = reinterpret_cast<const unsigned char*>(PQgetvalue(r, i, 0));
  uint64_t x = 0;
  const int n = PQgetlength(r, i, 0);
  for (int b = 0; b < n; b++) x = x << 8 | p[b];
  const int shift = 64 - 8 * n;
  return static_cast<int64_t>(x << shift) >> shift;
}

// Leaves every connection with the same settings and the prepared query; returns the parameter's type.
ParameterType make_ready(Target& target, const Setting& setting, const RunSpec& spec) {
  ParameterType type;
  for (Session& s : target.clients) {
    s.execute("RESET ALL");
    s.execute("DEALLOCATE ALL");
    for (const std::string& statement : spec.before) s.execute(statement);
    for (const std::string& set : setting.sets) s.execute("SET " + set);
    type = s.prepare(setting.sql);
  }
  return type;
}

}  // namespace

Target connect_target(const std::string& name, const std::string& conninfo, size_t n_clients) {
  Target t{name, "", {}};
  for (size_t i = 0; i < n_clients; i++) t.clients.emplace_back(conninfo);
  t.server = t.clients.front().value(
      "SELECT concat_ws(', ', 'PostgreSQL ' || current_setting('server_version'), "
      "(SELECT string_agg(extname || ' ' || extversion, ', ') FROM pg_catalog.pg_extension "
      "WHERE extname IN ('lowdim', 'vector')))");
  return t;
}

RunResult measure(Target& target, const Setting& setting, const Queries& queries, const RunSpec& spec) {
  const ParameterType type = make_ready(target, setting, spec);
  const size_t n = std::min(spec.n_queries, queries.size());
  std::vector<std::string> parameters;
  if (!type.name.empty())
    for (size_t i = 0; i < n; i++) parameters.push_back(queries.encode(i, type));
  const auto parameter = [&](size_t q) { return parameters.empty() ? nullptr : &parameters[q]; };

  RunResult out;
  out.latencies.resize(n);
  out.ids = Matrix<int32_t>(n, spec.k);
  std::fill(out.ids.values.begin(), out.ids.values.end(), -1);
  std::atomic<size_t> next{0}, rows{0}, n_clients_warm{0};
  std::atomic<bool> go{false}, has_ids{false}, failed{false};
  std::mutex failure_lock;
  std::exception_ptr failure;

  const auto note_failure = [&] {
    const std::lock_guard<std::mutex> hold(failure_lock);
    failure = std::current_exception();
    failed = true;  // the other clients stop
  };

  const auto client = [&](Session& session, size_t number) {
    try {
      for (size_t i = 0; i < spec.warmup; i++) session.run_prepared(parameter((number + i) % n));
    } catch (...) {
      note_failure();
    }
    n_clients_warm++;
    go.wait(false);
    try {
      for (size_t q; !failed && (q = next++) < n;) {
        const Clock::time_point start = Clock::now();
        const Result r = session.run_prepared(parameter(q));
        out.latencies[q] = seconds_since(start);
        const int returned = PQntuples(r.get());
        rows += static_cast<size_t>(returned);
        for (size_t i = 0; i < std::min(spec.k, static_cast<size_t>(returned)); i++) {
          const int64_t id = id_of(r.get(), static_cast<int>(i));
          if (id >= 0) has_ids = true;
          out.ids.row(q)[i] = static_cast<int32_t>(id);
        }
      }
    } catch (...) {
      note_failure();
    }
  };

  std::vector<std::thread> threads;
  for (size_t i = 0; i < target.clients.size(); i++)
    threads.emplace_back(client, std::ref(target.clients[i]), i);
  while (n_clients_warm < threads.size()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Clock::time_point start = Clock::now();
  go = true;
  go.notify_all();
  for (std::thread& t : threads) t.join();
  out.seconds = seconds_since(start);
  if (failure) std::rethrow_exception(failure);
  out.rows = static_cast<double>(rows) / static_cast<double>(n);
  if (!has_ids) out.ids = {};
  return out;
}

}  // namespace lowdim::bench
