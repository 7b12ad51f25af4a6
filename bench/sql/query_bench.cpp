// query_bench: recall@k, queries/s and latencies of any SQL, for a list of settings, on one or several
// targets (connections) in alternation. Every search figure of the project comes from here;
// docs/benchmarks.md shows how.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "measure.h"
#include "report.h"
#include "score.h"
#include "settings.h"

namespace {

using namespace lowdim::bench;

constexpr const char* kUsage =
    "query_bench --target NAME=CONNINFO... --queries FILE [--truth FILE.ivecs] (--settings FILE | --sql SQL) "
    "...\n"
    "  --target NAME=CONNINFO  a server to measure, e.g. \"pgvector=host=127.0.0.1 dbname=a\"; may be "
    "repeated:\n"
    "                          targets take turns within each round, the ratios compare the first with the "
    "others\n"
    "  --queries FILE          .fvecs, .bvecs or .mvecs; a query is bound as $1 in binary, of the type that "
    "the\n"
    "                          SQL gives it: vector, halfvec, bit; of .mvecs multivector, vector[], "
    "halfvec[]\n"
    "  --truth FILE            .ivecs of the same queries; FILE with .fvecs, if there, tells ties\n"
    "  --settings FILE         sections of target, sql, set, sweep, rows (see settings.h)\n"
    "  --sql SQL               instead of a file, or for the sections without their own; {k} stands for k\n"
    "  --set 'NAME = VALUE'    SET on every setting; may be repeated\n"
    "  --sweep 'NAME = A, B'   one setting a value\n"
    "  --rows N                rows that a query visits: adds ns/row\n"
    "  --before SQL            any statement to run before each setting; may be repeated\n"
    "  --k 10 --n-queries 1000 --rounds 3 --warmup 10 --clients 1\n"
    "                          the warm-up, on every connection, should be at least 6: the server may change "
    "to a\n"
    "                          generic plan after five runs\n"
    "  --series NAME           names the setting of --sql in tables and plots\n"
    "  --title TEXT --json FILE --csv FILE\n"
    "  --save-ids FILE.ivecs   the ids that came back, of one target and setting: an exact query's become "
    "the truth\n"
    "                          of a filtered search\n";

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

struct TruthFiles {
  Matrix<int32_t> ids;
  Matrix<float> distances;
};

TruthFiles read_truth(const std::string& path) {
  TruthFiles t{read_ivecs(path), {}};
  const size_t dot = path.rfind('.');
  const std::string beside = path.substr(0, dot) + ".fvecs";
  if (dot != std::string::npos && std::ifstream(beside)) t.distances = read_fvecs(beside);
  return t;
}

std::vector<Target> connect_all(const Arguments& args) {
  std::vector<Target> targets;
  for (const std::string& word : args.all("target")) {
    const size_t at = word.find('=');
    if (at == std::string::npos || at == 0) args.fail("--target is NAME=CONNINFO, not " + word);
    targets.push_back(connect_target(word.substr(0, at), word.substr(at + 1), args.count("clients", 1)));
  }
  if (targets.empty()) args.fail("--target is required");
  return targets;
}

std::vector<Setting> all_settings(const Arguments& args, size_t k) {
  SettingSection common;
  common.series = args.text("series", common.series);
  common.sql = args.text("sql", "");
  common.sets = args.all("set");
  common.sweep = args.text("sweep", "");
  common.rows = args.count("rows", 0);
  if (args.has("settings")) return parse_settings(read_text(args.text("settings", "")), common, k);
  if (common.sql.empty()) args.fail("--sql or --settings is required");
  return spread(common, k);
}

// One slot for each setting on each target it is meant for, setting by setting.
std::vector<Outcome> empty_outcomes(const std::vector<Setting>& settings,
                                    const std::vector<Target>& targets) {
  std::vector<Outcome> out;
  for (const Setting& s : settings) {
    const size_t before = out.size();
    for (const Target& t : targets)
      if (s.target.empty() || s.target == t.name) out.push_back({t.name, s, {}, {}, {}, {}, {}, 0});
    if (out.size() == before)
      throw std::runtime_error("[" + s.series + "] names the target " + s.target + ", which is not given");
  }
  return out;
}

void add_round(Outcome& o, const RunResult& run, size_t k, const TruthFiles* truth) {
  const auto n = static_cast<double>(run.latencies.size());
  o.queries_per_s.push_back(n / run.seconds);
  o.query_ms.push_back(median(run.latencies) * 1000);
  for (const double s : run.latencies) o.latencies_ms.push_back(s * 1000);
  o.rows = run.rows;
  if (truth && !o.recall && run.ids.rows > 0) {
    o.recall = recall_at(k, run.ids, truth->ids, truth->distances);
    o.low = low_recalls_at(k, run.ids, truth->ids, truth->distances);
  }
}

void run(const Arguments& args) {
  Report report;
  RunSpec spec;
  spec.k = report.k = args.count("k", 10);
  spec.warmup = args.count("warmup", 10);
  spec.before = args.all("before");
  report.n_rounds = args.count("rounds", 3);
  report.n_clients = args.count("clients", 1);
  report.title = args.text("title", "");
  if (spec.k == 0 || report.n_rounds == 0 || report.n_clients == 0)
    args.fail("--k, --rounds and --clients start at 1");

  const Queries queries = Queries::read(args.required("queries"), args.count("n-queries", 1000));
  if (queries.size() == 0) args.fail("there are no queries");
  spec.n_queries = report.n_queries = queries.size();
  TruthFiles truth;
  if (args.has("truth")) truth = read_truth(args.text("truth", ""));
  const std::vector<Setting> settings = all_settings(args, spec.k);
  std::vector<Target> targets = connect_all(args);
  for (const Target& t : targets) {
    report.targets.push_back(t.name);
    report.servers.push_back(t.server);
  }
  report.outcomes = empty_outcomes(settings, targets);
  if (args.has("save-ids") && report.outcomes.size() != 1)
    args.fail("--save-ids is for one target and setting");

  for (size_t round = 0; round < report.n_rounds; round++)
    for (size_t i = 0; i < report.outcomes.size(); i++) {
      // Odd rounds go backwards, so that no target always runs first.
      Outcome& o = report.outcomes[round % 2 ? report.outcomes.size() - 1 - i : i];
      Target& target =
          *std::find_if(targets.begin(), targets.end(), [&](const Target& t) { return t.name == o.target; });
      const RunResult result = measure(target, o.setting, queries, spec);
      add_round(o, result, spec.k, args.has("truth") ? &truth : nullptr);
      if (args.has("save-ids") && round == 0) write_vecs(args.text("save-ids", ""), result.ids);
    }
  std::printf("%s", table(report).c_str());
  if (args.has("json")) write_text(args.text("json", ""), json(report));
  if (args.has("csv")) write_text(args.text("csv", ""), csv(report));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(Arguments(
        argc, argv, kUsage,
        {"target", "queries", "truth", "settings", "sql", "set", "sweep", "rows", "before", "k", "n-queries",
         "rounds", "warmup", "clients", "title", "series", "json", "csv", "save-ids"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "query_bench: %s\n", e.what());
    return 1;
  }
}
