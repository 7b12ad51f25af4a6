// See report.h.
#include "report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "score.h"

namespace lowdim::bench {
namespace {

__attribute__((format(printf, 1, 2))) std::string print(const char* format, ...) {
  char buffer[512];
  va_list args;
  va_start(args, format);
  std::vsnprintf(buffer, sizeof buffer, format, args);
  va_end(args);
  return buffer;
}

double smallest(const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); }

std::string name_of(const std::string& series, const std::string& label) {
  return label == series ? series : series + " " + label;
}

// Columns as wide as their widest cell; the first n_left of them left-aligned.
std::string aligned(const std::vector<std::vector<std::string>>& rows, size_t n_left) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t c = 0; c < row.size(); c++) {
      if (c == widths.size()) widths.push_back(0);
      widths[c] = std::max(widths[c], row[c].size());
    }
  std::string out;
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); c++) {
      const std::string pad(widths[c] - row[c].size(), ' ');
      const std::string cell = c < n_left ? row[c] + pad : pad + row[c];
      out += (c ? "  " : "") + cell;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string quoted(const std::string& s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += print("\\u%04x", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string csv_cell(const std::string& s) {
  if (s.find_first_of(",\"\n") == std::string::npos) return s;
  std::string out = "\"";
  for (const char c : s) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

template <class T, class F>
std::string listed(const std::vector<T>& items, F f) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); i++) out += (i ? ", " : "") + f(items[i]);
  return out + "]";
}

std::string numbers(const std::vector<double>& v) {
  return listed(v, [](double x) { return print("%.6g", x); });
}

}  // namespace

std::vector<Ratio> ratios(const Report& report) {
  std::vector<Ratio> out;
  for (const Outcome& a : report.outcomes)
    for (const Outcome& b : report.outcomes) {
      if (a.target != report.targets.front() || b.target == a.target) continue;
      if (a.setting.series != b.setting.series || a.setting.label != b.setting.label) continue;
      Ratio r{a.setting.label, a.setting.series, a.target, b.target, {}, 0};
      for (size_t i = 0; i < std::min(a.query_ms.size(), b.query_ms.size()); i++)
        r.rounds.push_back(a.query_ms[i] / b.query_ms[i]);
      r.median = median(r.rounds);
      out.push_back(r);
    }
  return out;
}

std::string table(const Report& report) {
  const auto any = [&](auto f) { return std::any_of(report.outcomes.begin(), report.outcomes.end(), f); };
  const bool has_recall = any([](const Outcome& o) { return o.recall.has_value(); });
  const bool has_rows = any([](const Outcome& o) { return o.setting.rows > 0; });
  std::vector<std::vector<std::string>> rows(1, {"setting", "target"});
  if (has_recall) rows[0].push_back(print("recall@%zu", report.k));
  for (const char* head : {"queries/s", "min ms", "p50 ms", "p99 ms", "rows"}) rows[0].push_back(head);
  if (has_rows) rows[0].insert(rows[0].end(), {"ns/row p50", "ns/row min"});
  for (const Outcome& o : report.outcomes) {
    const double qps = median(o.queries_per_s);
    const double times[] = {smallest(o.latencies_ms), percentile(o.latencies_ms, 0.5),
                            percentile(o.latencies_ms, 0.99)};
    std::vector<std::string> row{name_of(o.setting.series, o.setting.label), o.target};
    if (has_recall) row.push_back(o.recall ? print("%.4f", *o.recall) : "-");
    row.push_back(print(qps < 100 ? "%.2f" : "%.0f", qps));
    for (const double ms : times) row.push_back(print("%.3f", ms));
    row.push_back(print("%.1f", o.rows));
    for (const double ms : {times[1], times[0]})
      if (has_rows)
        row.push_back(o.setting.rows ? print("%.1f", ms * 1e6 / static_cast<double>(o.setting.rows)) : "-");
    rows.push_back(row);
  }
  std::string out;
  if (!report.title.empty()) out += report.title + "\n";
  for (size_t i = 0; i < report.targets.size(); i++)
    out += report.targets[i] + ": " + report.servers[i] + "\n";
  out += print("%zu queries a round, %zu rounds, %zu client%s; queries/s is the median round\n\n",
               report.n_queries, report.n_rounds, report.n_clients, report.n_clients == 1 ? "" : "s");
  out += aligned(rows, 2);

  const std::vector<Ratio> all = ratios(report);
  if (all.empty()) return out;
  std::vector<std::vector<std::string>> lines(1, {"setting", "time a query", "median", "each round"});
  for (const Ratio& r : all) {
    std::vector<std::string> line{name_of(r.series, r.label), r.target + " / " + r.against,
                                  print("%.3f", r.median)};
    for (const double x : r.rounds) line.push_back(print("%.3f", x));
    lines.push_back(line);
  }
  return out + "\n" + aligned(lines, 2);
}

std::string json(const Report& report) {
  std::string out = "{\n";
  out += "  \"title\": " + quoted(report.title) + ",\n";
  out += print("  \"k\": %zu, \"queries\": %zu, \"clients\": %zu, \"rounds\": %zu,\n", report.k,
               report.n_queries, report.n_clients, report.n_rounds);
  out += "  \"targets\": {";
  for (size_t i = 0; i < report.targets.size(); i++)
    out += (i ? ", " : "") + quoted(report.targets[i]) + ": " + quoted(report.servers[i]);
  out += "},\n  \"results\": [";
  const char* between = "\n";
  for (const Outcome& o : report.outcomes) {
    out += between;
    between = ",\n";
    out += "    {\"target\": " + quoted(o.target) + ", \"series\": " + quoted(o.setting.series) +
           ", \"label\": " + quoted(o.setting.label) + ",\n     \"sets\": " + listed(o.setting.sets, quoted) +
           ",\n     \"sql\": " + quoted(o.setting.sql) +
           ",\n     \"recall\": " + (o.recall ? print("%.6f", *o.recall) : "null") +
           ", \"below_0.8\": " + (o.low ? print("%.6f", *o.low) : "null") +
           print(", \"qps\": %.6g, \"min_ms\": %.6g, \"p50_ms\": %.6g, \"p99_ms\": %.6g, \"rows\": %.6g",
                 median(o.queries_per_s), smallest(o.latencies_ms), percentile(o.latencies_ms, 0.5),
                 percentile(o.latencies_ms, 0.99), o.rows) +
           (o.setting.rows ? print(", \"rows_visited\": %zu", o.setting.rows) : "") +
           ",\n     \"qps_rounds\": " + numbers(o.queries_per_s) + "}";
  }
  out += "\n  ],\n  \"ratios\": [";
  between = "\n";
  for (const Ratio& r : ratios(report)) {
    out += between;
    between = ",\n";
    out += "    {\"series\": " + quoted(r.series) + ", \"label\": " + quoted(r.label) +
           ", \"target\": " + quoted(r.target) + ", \"against\": " + quoted(r.against) +
           print(", \"median\": %.6g, \"rounds\": ", r.median) + numbers(r.rounds) + "}";
  }
  return out + "\n  ]\n}\n";
}

std::string csv(const Report& report) {
  std::string out = "series,label,target,k,recall,qps,min_ms,p50_ms,p99_ms,rows\n";
  for (const Outcome& o : report.outcomes)
    out += csv_cell(o.setting.series) + "," + csv_cell(o.setting.label) + "," + csv_cell(o.target) +
           print(",%zu,", report.k) + (o.recall ? print("%.6f", *o.recall) : "") +
           print(",%.6g,%.6g,%.6g,%.6g,%.6g\n", median(o.queries_per_s), smallest(o.latencies_ms),
                 percentile(o.latencies_ms, 0.5), percentile(o.latencies_ms, 0.99), o.rows);
  return out;
}

}  // namespace lowdim::bench
