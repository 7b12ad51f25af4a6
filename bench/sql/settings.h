// What the query benchmark runs: a list of settings, each a label, SET statements and the SQL. A settings
// file is lines of `key = value` in sections; what stands before the first [section] holds for all of them.
//
//   [hnsw]
//   target = pgvector                       only on this target; without it, on every one
//   sql    = SELECT id FROM glove ORDER BY emb <=> $1 LIMIT {k}
//   set    = enable_seqscan = off           one SET statement; may be repeated
//   sweep  = hnsw.ef_search = 40, 100, 200  one setting a value, labelled with it
//   rows   = 331479                         rows the query visits: adds nanoseconds a row
//
// The section's name is the series, the line that its points form in a plot. Called by query_bench.cpp; pure,
// so that the unit tests need no server.
#pragma once

#include <charconv>
#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace lowdim::bench {

struct Setting {
  std::string series;
  std::string label;   // the swept value, or the series where nothing is swept
  std::string target;  // "" for all
  std::vector<std::string> sets;
  std::string sql;  // {k} replaced
  size_t rows = 0;
};

// A section before its sweep is spread out; also what the command line gives.
struct SettingSection {
  std::string series = "default";
  std::string target;
  std::vector<std::string> sets;
  std::string sql;
  std::string sweep;
  size_t rows = 0;
};

namespace settings_detail {

inline std::string trim(const std::string& s) {
  const size_t first = s.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
}

// "name = value" at the first =.
inline bool cut_at_equals(const std::string& s, std::string& name, std::string& value) {
  const size_t at = s.find('=');
  if (at == std::string::npos) return false;
  name = trim(s.substr(0, at));
  value = trim(s.substr(at + 1));
  return !name.empty() && !value.empty();
}

inline void assign(SettingSection& section, const std::string& key, const std::string& value) {
  if (key == "target") {
    section.target = value;
  } else if (key == "sql") {
    section.sql = value;
  } else if (key == "set") {
    section.sets.push_back(value);
  } else if (key == "sweep") {
    section.sweep = value;
  } else if (key == "rows") {
    const char* end = value.data() + value.size();
    const auto got = std::from_chars(value.data(), end, section.rows);
    if (got.ec != std::errc() || got.ptr != end) throw std::runtime_error("rows takes a whole number");
  } else {
    throw std::runtime_error("unknown key " + key);
  }
}

}  // namespace settings_detail

// The settings of one section.
inline std::vector<Setting> spread(const SettingSection& section, size_t k) {
  using namespace settings_detail;
  if (section.sql.empty()) throw std::runtime_error("[" + section.series + "] has no sql");
  Setting one{section.series, section.series, section.target, section.sets, section.sql, section.rows};
  const std::string hole = "{k}";
  for (size_t at; (at = one.sql.find(hole)) != std::string::npos;)
    one.sql.replace(at, hole.size(), std::to_string(k));
  if (section.sweep.empty()) return {one};

  std::string name, list;
  if (!cut_at_equals(section.sweep, name, list))
    throw std::runtime_error("[" + section.series + "] sweep is not name = value, value...");
  std::vector<Setting> all;
  std::istringstream values(list);
  for (std::string value; std::getline(values, value, ',');) {
    if (trim(value).empty()) continue;
    all.push_back(one);
    all.back().label = name.substr(name.rfind('.') + 1) + "=" + trim(value);
    all.back().sets.push_back(name + " = " + trim(value));
  }
  return all;
}

// Reads a settings file's text; `common` holds for every section. Throws std::runtime_error naming the line.
inline std::vector<Setting> parse_settings(const std::string& text, const SettingSection& common, size_t k) {
  using namespace settings_detail;
  std::vector<SettingSection> sections;
  SettingSection all = common;
  std::istringstream in(text);
  size_t line_number = 0;
  for (std::string raw; std::getline(in, raw);) {
    line_number++;
    const std::string line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    try {
      if (line[0] == '[') {
        if (line.back() != ']' || line.size() < 3) throw std::runtime_error("a section is [name]");
        sections.push_back(all);
        sections.back().series = trim(line.substr(1, line.size() - 2));
        continue;
      }
      std::string key, value;
      if (!cut_at_equals(line, key, value)) throw std::runtime_error("expected key = value");
      assign(sections.empty() ? all : sections.back(), key, value);
    } catch (const std::runtime_error& e) {
      throw std::runtime_error("settings line " + std::to_string(line_number) + ": " + e.what());
    }
  }
  if (sections.empty()) sections.push_back(all);
  std::vector<Setting> out;
  for (const SettingSection& s : sections)
    for (const Setting& one : spread(s, k)) out.push_back(one);
  return out;
}

}  // namespace lowdim::bench
