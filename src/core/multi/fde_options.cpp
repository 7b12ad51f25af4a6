// See fde_options.h.

#include "core/multi/fde_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/vec/literal.h"

namespace lowdim::core {
namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
  throw Error(ErrorKind::kInvalidParameter, message, hint);
}

[[noreturn]] void refuse_value(std::string_view key, std::string_view text, const std::string& hint) {
  constexpr size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  if (text.size() > kShown) shown += "...";
  refuse("invalid value for FDE option \"" + std::string(key) + "\": \"" + shown + "\"", hint);
}

uint64_t whole_number(std::string_view key, std::string_view text, uint64_t low, uint64_t high) {
  double v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc() || end != text.data() + text.size() ||
      !(v >= static_cast<double>(low) && v <= static_cast<double>(high)) || v != std::floor(v)) {
    refuse_value(
        key, text,
        "It must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ".");
  }
  return static_cast<uint64_t>(v);
}

FillEmpty on_or_off(std::string_view key, std::string_view text) {
  if (text == "on" || text == "true") return FillEmpty::kOn;
  if (text == "off" || text == "false") return FillEmpty::kOff;
  refuse_value(key, text, "It must be on or off.");
}

std::vector<float> vector_literal(std::string_view key, std::string_view text) {
  std::vector<float> x(kMaxDims);
  uint32_t n = 0;
  if (parse_dense(text, std::numeric_limits<float>::max(), x.data(), n)) {
    refuse_value(key, text, "It must be a vector, like [0.1,0.2].");
  }
  x.resize(n);
  return x;
}

constexpr std::string_view kKeys[] = {"repetitions", "k_sim",      "d_proj", "seed",
                                      "final_dims",  "fill_empty", "center"};

// Collects options, each at most once.
class Reader {
 public:
  void take(std::string_view key, std::string_view text) {
    const auto known = std::find(std::begin(kKeys), std::end(kKeys), key);
    if (known == std::end(kKeys)) {
      refuse("unknown FDE option \"" + std::string(key.substr(0, 60)) + "\"",
             "Options are repetitions, k_sim, d_proj, seed, final_dims, fill_empty, center.");
    }
    bool& seen = seen_[known - std::begin(kKeys)];
    if (seen) refuse("FDE option \"" + std::string(key) + "\" is given twice", {});
    seen = true;
    const auto number = [&](uint64_t low, uint64_t high) { return whole_number(key, text, low, high); };
    if (key == "repetitions") options.repetitions = number32(number(1, FdeOptions::kMaxRepetitions));
    if (key == "k_sim") options.k_sim = number32(number(0, FdeOptions::kMaxSim));
    if (key == "d_proj") options.d_proj = number32(number(1, kMaxDims));
    if (key == "seed") options.seed = number(0, (uint64_t{1} << 53) - 1);
    if (key == "final_dims") options.final_dims = number32(number(0, kMaxDims));
    if (key == "fill_empty") options.fill_empty = on_or_off(key, text);
    if (key == "center") options.center = vector_literal(key, text);
  }
  FdeOptions options;

 private:
  static uint32_t number32(uint64_t x) { return static_cast<uint32_t>(x); }
  bool seen_[std::size(kKeys)] = {};
};

bool separates(char c) { return c == ',' || c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

FdeOptions parse_fde_options(std::string_view text) {
  Reader reader;
  size_t at = 0;
  for (;;) {
    while (at < text.size() && separates(text[at])) ++at;
    if (at == text.size()) return reader.options;
    const size_t start = at;
    while (at < text.size() && text[at] != '=' && !separates(text[at])) ++at;
    const std::string_view key = text.substr(start, at - start);
    if (at == text.size() || text[at] != '=') {
      refuse("FDE option \"" + std::string(key.substr(0, 60)) + "\" has no value",
             "Write options as key=value, like \"repetitions=20 k_sim=5 d_proj=16\", or as a JSON object.");
    }
    const size_t value = ++at;
    if (at < text.size() && text[at] == '[') {  // a list may have separators inside
      at = std::min(text.find(']', at), text.size() - 1) + 1;
    } else {
      while (at < text.size() && !separates(text[at])) ++at;
    }
    reader.take(key, text.substr(value, at - value));
  }
}

FdeOptions parse_fde_options(const OptionPair* pairs, size_t n) {
  Reader reader;
  for (size_t i = 0; i < n; ++i) reader.take(pairs[i].key, pairs[i].text);
  return reader.options;
}

std::string FdeOptions::text() const {
  std::string out = "repetitions=" + std::to_string(repetitions) + " k_sim=" + std::to_string(k_sim) +
                    " d_proj=" + std::to_string(d_proj) + " seed=" + std::to_string(seed);
  if (final_dims != 0) out += " final_dims=" + std::to_string(final_dims);
  if (fill_empty == FillEmpty::kOn) out += " fill_empty=on";
  if (fill_empty == FillEmpty::kOff) out += " fill_empty=off";
  if (center.empty()) return out;
  out += " center=[";
  char number[32];
  for (size_t i = 0; i < center.size(); ++i) {
    if (i != 0) out += ',';
    out.append(number, std::to_chars(number, number + sizeof number, center[i]).ptr);
  }
  return out += ']';
}

}  // namespace lowdim::core
