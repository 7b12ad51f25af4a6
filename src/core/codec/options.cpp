// See options.h.

#include "core/codec/options.h"

#include <charconv>
#include <cmath>
#include <string>

#include "core/base/error.h"

namespace lowdim::core {
namespace {

[[noreturn]] void invalid(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::kInvalidParameter, message, hint);
}

struct Method {
  const char* name;
  bool projects;  // a projection, which something may follow; else a quantizer
  ProjectionKind projection;
  QuantizerKind quantizer;
  uint32_t bits;
  uint32_t residual_bits;
  const char* keys;  // beside method, then, seed, sample and normalize
};

constexpr Method kMethods[] = {
    {"pca", true, ProjectionKind::kPca, QuantizerKind::kFloat32, 0, 0, "dims"},
    {"leanvec", true, ProjectionKind::kLeanvec, QuantizerKind::kFloat32, 0, 0, "dims algorithm"},
    {"rotation", true, ProjectionKind::kRotation, QuantizerKind::kFloat32, 0, 0, ""},
    {"random_projection", true, ProjectionKind::kRandom, QuantizerKind::kFloat32, 0, 0, "dims"},
    {"sparse_random_projection", true, ProjectionKind::kSparseRandom, QuantizerKind::kFloat32, 0, 0, "dims"},
    {"float16", false, ProjectionKind::kNone, QuantizerKind::kFloat16, 0, 0, ""},
    {"int8", false, ProjectionKind::kNone, QuantizerKind::kInt8, 0, 0, ""},
    {"lvq4", false, ProjectionKind::kNone, QuantizerKind::kLvq, 4, 0, ""},
    {"lvq8", false, ProjectionKind::kNone, QuantizerKind::kLvq, 8, 0, ""},
    {"lvq4x8", false, ProjectionKind::kNone, QuantizerKind::kLvq, 4, 8, ""},
    {"lvq8x8", false, ProjectionKind::kNone, QuantizerKind::kLvq, 8, 8, ""},
    {"optimized_scalar", false, ProjectionKind::kNone, QuantizerKind::kOptimizedScalar, 1, 0, "bits"},
    {"rabitq", false, ProjectionKind::kRotation, QuantizerKind::kRabitq, 1, 0, "bits"},
    {"osq", false, ProjectionKind::kPca, QuantizerKind::kOsq, 0, 0, "bits_per_dim sign_bits"},
    {"pq", false, ProjectionKind::kNone, QuantizerKind::kPq, 8, 0, "m bits"},
    {"opq", false, ProjectionKind::kNone, QuantizerKind::kOpq, 8, 0, "m bits"},
};

const Method& method_named(std::string_view name) {
  std::string known;
  for (const Method& m : kMethods) {
    if (name == m.name) return m;
    known += (known.empty() ? "" : ", ") + std::string(m.name);
  }
  invalid("unknown codec method \"" + std::string(name) + "\"", "Methods are " + known + ".");
}

double number(const OptionPair& p, double low, double high, bool whole) {
  double v = 0;
  const auto [end, ec] = std::from_chars(p.text.data(), p.text.data() + p.text.size(), v);
  if (p.is_string || ec != std::errc() || end != p.text.data() + p.text.size() || !(v >= low && v <= high) ||
      (whole && v != std::floor(v))) {
    invalid("invalid value for codec option \"" + std::string(p.key) + "\": " + std::string(p.text),
            "It must be " + std::string(whole ? "a whole number" : "a number") + " from " +
                (whole ? std::to_string(static_cast<int64_t>(low)) : std::to_string(low)) + " to " +
                (whole ? std::to_string(static_cast<int64_t>(high)) : std::to_string(high)) + ".");
  }
  return v;
}

bool boolean(const OptionPair& p) {
  if (!p.is_string && p.text == "true") return true;
  if (!p.is_string && p.text == "false") return false;
  invalid("invalid value for codec option \"" + std::string(p.key) + "\": " + std::string(p.text),
          "It must be true or false.");
}

// One of the words of `list`, which are separated by single spaces.
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

std::string join(std::string_view list) {
  std::string out;
  for (const char c : list) out += c == ' ' ? std::string(", ") : std::string(1, c);
  return out;
}

const OptionPair* find(const OptionPair* pairs, size_t n, std::string_view key) {
  for (size_t i = 0; i < n; ++i) {
    if (pairs[i].key == key) return &pairs[i];
  }
  return nullptr;
}

// Options of one method; `prefix` is "" or "then.".
void apply(const Method& method, const OptionPair& p, std::string_view key, CodecSpec& spec) {
  if (!has_word(method.keys, key)) {
    const std::string keys =
        *method.keys == '\0' ? "no options of its own" : "the options " + join(method.keys);
    invalid("codec method \"" + std::string(method.name) + "\" has no option \"" + std::string(key) + "\"",
            "It has " + keys + "; every codec has method, then, normalize, sample and seed.");
  }
  if (key == "dims") spec.dims = static_cast<uint32_t>(number(p, 1, 16000, true));
  if (key == "m") spec.m = static_cast<uint32_t>(number(p, 1, 16000, true));
  if (key == "bits_per_dim") spec.bits_per_dim = number(p, 0.125, 8, false);
  if (key == "sign_bits") spec.sign_bits = boolean(p);
  if (key == "bits") {
    spec.bits = static_cast<uint32_t>(number(p, 1, 8, true));
    const bool coarse =
        method.quantizer == QuantizerKind::kOptimizedScalar && spec.bits != 1 && spec.bits != 4;
    const bool table = (method.quantizer == QuantizerKind::kPq || method.quantizer == QuantizerKind::kOpq) &&
                       spec.bits != 4 && spec.bits != 8;
    if (coarse)
      invalid("invalid value for codec option \"bits\": " + std::string(p.text), "It must be 1 or 4.");
    if (table)
      invalid("invalid value for codec option \"bits\": " + std::string(p.text), "It must be 4 or 8.");
  }
  if (key == "algorithm") {
    if (p.is_string && p.text == "sphering") {
      spec.leanvec = LeanvecAlgorithm::kSphering;
    } else if (p.is_string && p.text == "frank_wolfe") {
      spec.leanvec = LeanvecAlgorithm::kFrankWolfe;
    } else if (p.is_string && p.text == "eigen") {
      spec.leanvec = LeanvecAlgorithm::kEigen;
    } else {
      invalid("unknown leanvec algorithm \"" + std::string(p.text) + "\"",
              "Algorithms are sphering, frank_wolfe, eigen.");
    }
  }
}

void take_quantizer(const Method& m, CodecSpec& spec) {
  spec.quantizer = m.quantizer;
  spec.bits = m.bits;
  spec.residual_bits = m.residual_bits;
}

}  // namespace

CodecSpec parse_options(const OptionPair* pairs, size_t n) {
  CodecSpec spec;
  const OptionPair* first = find(pairs, n, "method");
  if (first == nullptr || !first->is_string) {
    invalid("codec options need a \"method\"", "For example {\"method\": \"lvq8\"}.");
  }
  const Method& method = method_named(first->text);
  const Method* then = nullptr;
  const OptionPair* next = find(pairs, n, "then");
  if (next == nullptr) next = find(pairs, n, "then.method");
  if (next != nullptr) {
    if (!method.projects) {
      invalid("codec method \"" + std::string(method.name) + "\" cannot be followed by another one",
              "Only projections have \"then\".");
    }
    then = &method_named(next->text);
    if (then->projects) {
      invalid("codec method \"" + std::string(then->name) + "\" cannot follow another one",
              "A quantizer may follow a projection.");
    }
    take_quantizer(*then, spec);
  } else if (!method.projects) {
    take_quantizer(method, spec);
  }
  spec.projection = method.projection;

  for (size_t i = 0; i < n; ++i) {
    const OptionPair& p = pairs[i];
    if (p.key == "method" || p.key == "then" || p.key == "then.method") continue;
    if (p.key == "seed") {
      spec.seed = static_cast<uint64_t>(number(p, 0, 9007199254740991.0, true));
    } else if (p.key == "sample") {
      spec.sample = static_cast<uint32_t>(number(p, 1, 10000000, true));
    } else if (p.key == "normalize") {
      spec.normalize = boolean(p);
    } else if (p.key.substr(0, 5) == "then.") {
      if (then == nullptr) invalid("codec option \"then\" needs a \"method\"");
      apply(*then, p, p.key.substr(5), spec);
    } else {
      apply(method, p, p.key, spec);
    }
  }
  return spec;
}

std::string CodecSpec::text() const {
  std::string out;
  const char* projections[] = {
      "", "pca", "leanvec", "rotation", "random_projection", "sparse_random_projection"};
  const bool implied = (quantizer == QuantizerKind::kRabitq && projection == ProjectionKind::kRotation) ||
                       (quantizer == QuantizerKind::kOsq && projection == ProjectionKind::kPca);
  if (projection != ProjectionKind::kNone && !implied) {
    out = projections[static_cast<int>(projection)];
    if (dims != 0 && projection != ProjectionKind::kRotation) {
      const char* algorithms[] = {"", ", frank_wolfe", ", eigen"};
      const bool leanvec_used = projection == ProjectionKind::kLeanvec;
      out += "(" + std::to_string(dims) + (leanvec_used ? algorithms[static_cast<int>(leanvec)] : "") + ")";
    }
    if (quantizer == QuantizerKind::kFloat32) return out;
    out += " then ";
  }
  switch (quantizer) {
    case QuantizerKind::kFloat32:
      out += "float32";
      break;
    case QuantizerKind::kFloat16:
      out += "float16";
      break;
    case QuantizerKind::kInt8:
      out += "int8";
      break;
    case QuantizerKind::kLvq:
      out += "lvq" + std::to_string(bits);
      if (residual_bits != 0) out += "x" + std::to_string(residual_bits);
      break;
    case QuantizerKind::kOptimizedScalar:
      out += "optimized_scalar(" + std::to_string(bits) + " bits)";
      break;
    case QuantizerKind::kRabitq:
      out += "rabitq(" + std::to_string(bits) + " bits)";
      break;
    case QuantizerKind::kOsq: {
      std::string b = std::to_string(bits_per_dim);
      b.erase(b.find_last_not_of('0') + 1);
      if (b.back() == '.') b.pop_back();
      out += "osq(" + b + " bits/dim)";
      break;
    }
    case QuantizerKind::kPq:
      out += "pq(" + std::to_string(m) + "x" + std::to_string(bits) + ")";
      break;
    case QuantizerKind::kOpq:
      out += "opq(" + std::to_string(m) + "x" + std::to_string(bits) + ")";
      break;
  }
  return out;
}

}  // namespace lowdim::core
