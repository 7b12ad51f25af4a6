// Command-line options of the bench programs: `--name value`, `--name` for flags.
// Anything else ends the program with its usage text. Used by every main() of bench/data and bench/sql.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <system_error>
#include <vector>

namespace lowdim::bench {

// "a,b" as its parts.
inline std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  for (size_t at = 0; at < list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    out.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

class Arguments {
 public:
  // `options` take a value, `flags` take none.
  Arguments(int argc, char** argv, const char* usage, std::vector<std::string> options,
            std::vector<std::string> flags = {})
      : usage_(usage) {
    auto has = [](const std::vector<std::string>& v, const std::string& s) {
      return std::find(v.begin(), v.end(), s) != v.end();
    };
    for (int i = 1; i < argc; i++) {
      const std::string word = argv[i];
      if (word.rfind("--", 0) != 0) {
        fail("unexpected word: " + word);
      } else if (has(flags, word.substr(2))) {
        values_[word.substr(2)].push_back("");
      } else if (has(options, word.substr(2)) && i + 1 < argc) {
        values_[word.substr(2)].push_back(argv[++i]);
      } else {
        fail(word == "--help" ? "" : "unknown option or missing value: " + word);
      }
    }
  }

  [[noreturn]] void fail(const std::string& why) const {
    if (!why.empty()) std::fprintf(stderr, "%s\n", why.c_str());
    std::fprintf(stderr, "%s", usage_);
    std::exit(why.empty() ? 0 : 2);
  }

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  std::vector<std::string> all(const std::string& name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? std::vector<std::string>{} : it->second;
  }
  std::string text(const std::string& name, const std::string& fallback) const {
    const auto it = values_.find(name);
    return it == values_.end() ? fallback : it->second.back();
  }
  std::string required(const std::string& name) const {
    if (!has(name)) fail("--" + name + " is required");
    return text(name, "");
  }
  // A whole number; a sign, a fraction or trailing text ends the program instead of being read as something
  // else.
  size_t count(const std::string& name, size_t fallback) const {
    if (!has(name)) return fallback;
    const std::string word = text(name, "");
    size_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size())
      fail("--" + name + " takes a whole number, not " + word);
    return value;
  }
  double number(const std::string& name, double fallback) const {
    if (!has(name)) return fallback;
    const std::string word = text(name, "");
    char* end = nullptr;
    const double value = std::strtod(word.c_str(), &end);
    if (word.empty() || *end != '\0') fail("--" + name + " takes a number, not " + word);
    return value;
  }

 private:
  const char* usage_;
  std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace lowdim::bench
