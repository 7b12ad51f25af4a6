// Holds out queries from a vector file: the first --queries entries of the seeded shuffle (random.h) become
// the queries, in that order; all other rows keep their order and become the base. Words, one a line, follow
// their rows. Called by `prepare`; the same seed gives the same split on every machine.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "arguments.h"
#include "fvecs.h"
#include "random.h"

namespace {

constexpr const char* kUsage =
    "split --in FILE --out DIR --queries N [--seed 42] [--words FILE]\n"
    "  writes DIR/base.fvecs and DIR/query.fvecs, and with --words DIR/words.txt and DIR/query_words.txt\n";

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot open " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void write_lines(const std::string& path, const std::vector<std::string>& lines,
                 const std::vector<uint32_t>& rows) {
  std::ofstream out(path);
  for (const uint32_t r : rows) out << lines[r] << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

lowdim::bench::Matrix<float> pick(const lowdim::bench::Matrix<float>& m, const std::vector<uint32_t>& rows) {
  lowdim::bench::Matrix<float> out(rows.size(), m.cols);
  for (size_t i = 0; i < rows.size(); i++) std::copy_n(m.row(rows[i]), m.cols, out.row(i));
  return out;
}

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const Matrix<float> all = read_vectors(args.required("in"));
  const size_t n_queries = args.count("queries", 0);
  if (n_queries == 0 || n_queries >= all.rows)
    args.fail("--queries must be between 1 and the number of rows less one");
  const std::vector<uint32_t> order = shuffled(all.rows, args.count("seed", 42));
  const std::vector<uint32_t> queries(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n_queries));
  std::vector<uint32_t> base(order.begin() + static_cast<std::ptrdiff_t>(n_queries), order.end());
  std::sort(base.begin(), base.end());

  const std::string out = args.required("out");
  write_vecs(out + "/base.fvecs", pick(all, base));
  write_vecs(out + "/query.fvecs", pick(all, queries));
  if (args.has("words")) {
    const std::vector<std::string> words = read_lines(args.text("words", ""));
    if (words.size() != all.rows) throw std::runtime_error("there are not as many words as vectors");
    write_lines(out + "/words.txt", words, base);
    write_lines(out + "/query_words.txt", words, queries);
  }
  std::printf("%zu base rows, %zu queries, %zu dimensions\n", base.size(), queries.size(), all.cols);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(argc, argv, kUsage, {"in", "out", "queries", "seed", "words"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "split: %s\n", e.what());
    return 1;
  }
}
