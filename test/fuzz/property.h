// What the fuzzers demand of a result: property(condition, "what should hold") ends the run with its words,
// so that libFuzzer keeps the input. Also the few text and byte writers that round trips need, written apart
// from the code under test.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace lowdim::fuzz {

inline void property(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

inline bool same_bits(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

// Nine significant digits tell any two floats apart.
inline void print_float(std::string& out, float v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(v));
  out += text;
}

inline void put16(std::vector<uint8_t>& out, uint32_t v) {
  out.push_back(static_cast<uint8_t>(v >> 8));
  out.push_back(static_cast<uint8_t>(v));
}

inline void put32(std::vector<uint8_t>& out, uint32_t v) {
  put16(out, v >> 16);
  put16(out, v & 0xFFFF);
}

inline int32_t get16(const uint8_t* p) { return static_cast<int16_t>(p[0] * 256 + p[1]); }

inline int32_t get32(const uint8_t* p) {
  uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v = v * 256 + p[i];
  return static_cast<int32_t>(v);
}

}  // namespace lowdim::fuzz
