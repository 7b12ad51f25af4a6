// One connection to a server, over libpq. Errors are std::runtime_error with the server's message and the
// statement. Used by load.cpp and by the query benchmark; one thread uses a session at a time.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "queries.h"

namespace lowdim::bench {

struct ResultCloser {
  void operator()(PGresult* r) const { PQclear(r); }
};
using Result = std::unique_ptr<PGresult, ResultCloser>;

class Session {
 public:
  explicit Session(const std::string& conninfo);

  // Runs SQL text and returns its last result.
  Result execute(const std::string& sql);

  // The first field of the first row, as text; "" when there is none.
  std::string value(const std::string& sql);

  // Names the statement "q" and returns the type of its single parameter, nameless when it has none.
  ParameterType prepare(const std::string& sql);

  // Runs "q" with one binary parameter, or none when it takes none; the rows come back in binary.
  Result run_prepared(const std::string* parameter);

  // COPY ... FROM STDIN: begin, any number of puts, end.
  void copy_begin(const std::string& sql);
  void copy_put(const std::string& bytes);
  void copy_end();

 private:
  struct Closer {
    void operator()(PGconn* c) const { PQfinish(c); }
  };
  [[noreturn]] void fail(const std::string& doing) const;

  std::unique_ptr<PGconn, Closer> connection_;
};

}  // namespace lowdim::bench
