// See session.h.
#include "session.h"

#include <stdexcept>

namespace lowdim::bench {

Session::Session(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail("connecting");
  execute("SET client_min_messages = warning");
}

void Session::fail(const std::string& doing) const {
  throw std::runtime_error(PQerrorMessage(connection_.get()) + ("  while " + doing));
}

Result Session::execute(const std::string& sql) {
  Result r(PQexec(connection_.get(), sql.c_str()));
  const ExecStatusType status = PQresultStatus(r.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail("running " + sql);
  return r;
}

std::string Session::value(const std::string& sql) {
  const Result r = execute(sql);
  return PQntuples(r.get()) > 0 && PQnfields(r.get()) > 0 ? PQgetvalue(r.get(), 0, 0) : "";
}

ParameterType Session::prepare(const std::string& sql) {
  Result r(PQprepare(connection_.get(), "q", sql.c_str(), 0, nullptr));
  if (PQresultStatus(r.get()) != PGRES_COMMAND_OK) fail("preparing " + sql);
  r.reset(PQdescribePrepared(connection_.get(), "q"));
  if (PQresultStatus(r.get()) != PGRES_COMMAND_OK) fail("describing " + sql);
  const int n = PQnparams(r.get());
  if (n > 1) throw std::runtime_error("only $1, the query vector, can be a parameter: " + sql);
  if (n == 0) return {};
  r = execute(
      "SELECT t.typname, e.typname, t.typelem FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e "
      "ON e.oid = t.typelem WHERE t.oid = " +
      std::to_string(PQparamtype(r.get(), 0)));
  return {PQgetvalue(r.get(), 0, 0), PQgetvalue(r.get(), 0, 1),
          static_cast<uint32_t>(std::stoul(PQgetvalue(r.get(), 0, 2)))};
}

Result Session::run_prepared(const std::string* parameter) {
  const char* value = parameter ? parameter->data() : nullptr;
  const int length = parameter ? static_cast<int>(parameter->size()) : 0;
  const int binary = 1;
  Result r(PQexecPrepared(connection_.get(), "q", parameter ? 1 : 0, &value, &length, &binary, binary));
  if (PQresultStatus(r.get()) != PGRES_TUPLES_OK) fail("running the prepared query");
  return r;
}

void Session::copy_begin(const std::string& sql) {
  const Result r(PQexec(connection_.get(), sql.c_str()));
  if (PQresultStatus(r.get()) != PGRES_COPY_IN) fail("running " + sql);
}

void Session::copy_put(const std::string& bytes) {
  if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) fail("copying");
}

void Session::copy_end() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) fail("ending the copy");
  for (;;) {  // until libpq says there is no more, or the connection stays busy
    const Result r(PQgetResult(connection_.get()));
    if (!r) return;
    if (PQresultStatus(r.get()) != PGRES_COMMAND_OK) fail("ending the copy");
  }
}

}  // namespace lowdim::bench
