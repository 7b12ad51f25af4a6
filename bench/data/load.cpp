// Loads a vector file into a table by COPY BINARY: (id, emb), id being the row number from 0, as in the
// ground truth; a file of multi-vector documents as one multivector a document, or as one row a vector.
// Leaves the table vacuumed and analysed, because a scan before the first vacuum also pays for hint bits.
// Called by bench/sql/exact_scan.sh and by hand.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "../sql/session.h"
#include "arguments.h"
#include "fvecs.h"
#include "mvecs.h"
#include "wire.h"

namespace {

constexpr const char* kUsage =
    "load --connect CONNINFO --table NAME --in FILE [--type vector|halfvec|bit] [--storage "
    "plain|external|...]\n"
    "     [--rows N]\n"
    "  drops and creates NAME (id integer PRIMARY KEY, emb TYPE(dimension)); reads .fvecs or .bvecs;\n"
    "  for bit, an element above zero sets its bit\n"
    "load --connect CONNINFO --table NAME --in FILE.mvecs [--type multivector|vector|halfvec|bit] ...\n"
    "  NAME (id integer PRIMARY KEY, tokens multivector(dimension)), or with any other type one row a "
    "vector,\n"
    "  NAME (id integer PRIMARY KEY, document integer, token TYPE(dimension)); --rows N: the first N "
    "documents\n";

constexpr size_t kBatchBytes = 1 << 18;

// The rows of a COPY BINARY, sent in batches.
class Rows {
 public:
  Rows(lowdim::bench::Session& session, const std::string& target)
      : session_(session), out_("PGCOPY\n\377\r\n\0", 11) {
    session_.copy_begin("COPY " + target + " FROM STDIN (FORMAT binary)");
    lowdim::bench::put_big_endian(out_, uint32_t{0});  // flags
    lowdim::bench::put_big_endian(out_, uint32_t{0});  // header extension
  }

  // One row: some integers, then `value`, which is in wire format.
  void put(const std::vector<uint32_t>& integers, const std::string& value) {
    using lowdim::bench::put_big_endian;
    put_big_endian(out_, static_cast<uint16_t>(integers.size() + 1));  // fields
    for (const uint32_t i : integers) {
      put_big_endian(out_, uint32_t{4});
      put_big_endian(out_, i);
    }
    put_big_endian(out_, static_cast<uint32_t>(value.size()));
    out_ += value;
    if (out_.size() >= kBatchBytes) {
      session_.copy_put(out_);
      out_.clear();
    }
  }

  void end() {
    lowdim::bench::put_big_endian(out_, uint16_t{0xffff});
    session_.copy_put(out_);
    session_.copy_end();
  }

 private:
  lowdim::bench::Session& session_;
  std::string out_;
};

// What the table holds beside its id, and the rows that fill it.
struct Content {
  std::string columns;  // names and types
  std::string names;    // as COPY takes them
  std::string value;    // the column of --type
  size_t rows = 0;
  std::string type;
};

void make_table(lowdim::bench::Session& session, const lowdim::bench::Arguments& args, const Content& c) {
  const std::string table = args.required("table");
  session.execute("DROP TABLE IF EXISTS " + table);
  session.execute("CREATE TABLE " + table + " (id integer PRIMARY KEY, " + c.columns + ")");
  if (args.has("storage"))
    session.execute("ALTER TABLE " + table + " ALTER COLUMN " + c.value + " SET STORAGE " +
                    args.text("storage", ""));
}

Content load_vectors(lowdim::bench::Session& session, const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const std::string type_name = args.text("type", "vector");
  const WireType type = wire_type_named(type_name);
  const Matrix<float> m = read_vectors(args.required("in"), args.count("rows", SIZE_MAX));
  const std::string full = type_name + "(" + std::to_string(m.cols) + ")";
  const Content c{"emb " + full + " NOT NULL", "(id, emb)", "emb", m.rows, full};
  make_table(session, args, c);
  Rows rows(session, args.required("table") + " " + c.names);
  std::string value;
  for (size_t i = 0; i < m.rows; i++) {
    value.clear();
    put_value(value, type, m.row(i), m.cols);
    rows.put({static_cast<uint32_t>(i)}, value);
  }
  rows.end();
  return c;
}

Content load_documents(lowdim::bench::Session& session, const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const MultiSet set = read_mvecs(args.required("in"), args.count("rows", SIZE_MAX));
  const std::string full = "multivector(" + std::to_string(set.dims) + ")";
  const Content c{"tokens " + full + " NOT NULL", "(id, tokens)", "tokens", set.size(), full};
  make_table(session, args, c);
  Rows rows(session, args.required("table") + " " + c.names);
  std::string value;
  for (size_t i = 0; i < set.size(); i++) {
    value.clear();
    put_multivector(value, set.document(i), set.count(i), set.dims);
    rows.put({static_cast<uint32_t>(i)}, value);
  }
  rows.end();
  return c;
}

Content load_tokens(lowdim::bench::Session& session, const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const std::string type_name = args.required("type");
  const WireType type = wire_type_named(type_name);
  const MultiSet set = read_mvecs(args.required("in"), args.count("rows", SIZE_MAX));
  const std::string full = type_name + "(" + std::to_string(set.dims) + ")";
  const Content c{"document integer NOT NULL, token " + full + " NOT NULL", "(id, document, token)", "token",
                  set.vectors(), full};
  make_table(session, args, c);
  Rows rows(session, args.required("table") + " " + c.names);
  std::string value;
  for (size_t i = 0; i < set.size(); i++)
    for (uint64_t v = set.starts[i]; v < set.starts[i + 1]; v++) {
      value.clear();
      put_value(value, type, set.x.data() + v * set.dims, set.dims);
      rows.put({static_cast<uint32_t>(v), static_cast<uint32_t>(i)}, value);
    }
  rows.end();
  return c;
}

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const auto start = std::chrono::steady_clock::now();
  const std::string table = args.required("table");
  const std::string in = args.required("in");
  const bool multi = in.size() >= 6 && in.compare(in.size() - 6, 6, ".mvecs") == 0;
  Session session(args.required("connect"));
  const Content c = !multi                                              ? load_vectors(session, args)
                    : args.text("type", "multivector") == "multivector" ? load_documents(session, args)
                                                                        : load_tokens(session, args);
  session.execute("VACUUM (FREEZE, ANALYZE) " + table);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%s: %zu rows of %s, %s, %.1f s\n", table.c_str(), c.rows, c.type.c_str(),
              session.value("SELECT pg_size_pretty(pg_table_size('" + table + "'))").c_str(), took.count());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(argc, argv, kUsage, {"connect", "table", "in", "type", "storage", "rows"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "load: %s\n", e.what());
    return 1;
  }
}
