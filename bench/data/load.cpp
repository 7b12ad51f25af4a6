// Loads a vector file into a table (id, emb) by COPY BINARY: id is the row number from 0, as in the ground
// truth. Leaves the table vacuumed and analysed, because a scan before the first vacuum also pays for hint
// bits. Called by bench/sql/exact_scan.sh and by hand.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "../sql/session.h"
#include "arguments.h"
#include "fvecs.h"
#include "wire.h"

namespace {

constexpr const char* kUsage =
    "load --connect CONNINFO --table NAME --in FILE [--type vector|halfvec|bit] [--storage "
    "plain|external|...]\n"
    "     [--rows N]\n"
    "  drops and creates NAME (id integer PRIMARY KEY, emb TYPE(dimension)); reads .fvecs or .bvecs;\n"
    "  for bit, an element above zero sets its bit\n";

constexpr size_t kBatchBytes = 1 << 18;

void copy_rows(lowdim::bench::Session& session, const std::string& table, lowdim::bench::WireType type,
               const lowdim::bench::Matrix<float>& rows) {
  using namespace lowdim::bench;
  session.copy_begin("COPY " + table + " (id, emb) FROM STDIN (FORMAT binary)");
  std::string out("PGCOPY\n\377\r\n\0", 11);
  put_big_endian(out, uint32_t{0});  // flags
  put_big_endian(out, uint32_t{0});  // header extension
  std::string value;
  for (size_t i = 0; i < rows.rows; i++) {
    value.clear();
    put_value(value, type, rows.row(i), rows.cols);
    put_big_endian(out, uint16_t{2});  // fields
    put_big_endian(out, uint32_t{4});
    put_big_endian(out, static_cast<uint32_t>(i));
    put_big_endian(out, static_cast<uint32_t>(value.size()));
    out += value;
    if (out.size() >= kBatchBytes) {
      session.copy_put(out);
      out.clear();
    }
  }
  put_big_endian(out, uint16_t{0xffff});
  session.copy_put(out);
  session.copy_end();
}

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const auto start = std::chrono::steady_clock::now();
  const std::string table = args.required("table");
  const std::string type_name = args.text("type", "vector");
  const WireType type = wire_type_named(type_name);
  const Matrix<float> rows = read_vectors(args.required("in"), args.count("rows", SIZE_MAX));
  Session session(args.required("connect"));
  session.execute("DROP TABLE IF EXISTS " + table);
  session.execute("CREATE TABLE " + table + " (id integer PRIMARY KEY, emb " + type_name + "(" +
                  std::to_string(rows.cols) + ") NOT NULL)");
  if (args.has("storage"))
    session.execute("ALTER TABLE " + table + " ALTER COLUMN emb SET STORAGE " + args.text("storage", ""));
  copy_rows(session, table, type, rows);
  session.execute("VACUUM (FREEZE, ANALYZE) " + table);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%s: %zu rows of %s(%zu), %s, %.1f s\n", table.c_str(), rows.rows, type_name.c_str(), rows.cols,
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
