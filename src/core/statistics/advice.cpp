// See advice.h.

#include "core/statistics/advice.h"

#include <cstdarg>
#include <cstdio>

namespace lowdim::core {
namespace {

constexpr float kFewRows = 100;           // below which the figures are rough
constexpr float kManyDuplicates = 0.01F;  // shares worth a sentence
constexpr float kManyNear = 0.05F;
constexpr float kHardDimension = 25;  // GloVe words, which searches find hard, have 29 by this measure
constexpr float kWorthProjecting = 0.75F;
constexpr float kSameLength = 1e-3F;  // sd of the norms, in means

__attribute__((format(printf, 1, 2))) std::string sentence(const char* format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return text;
}

double percent(float share) { return 100.0 * static_cast<double>(share); }

// {"name":value,...} in the making; the caller opens and closes.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) {}

  void raw(const char* name, const std::string& value) {
    out_ += sentence("%s\"%s\":", first_ ? "" : ",", name) + value;
    first_ = false;
  }
  void number(const char* name, double value) { raw(name, sentence("%.6g", value)); }
  void known(const char* name, float value) {
    raw(name, value > 0 ? sentence("%.6g", static_cast<double>(value)) : "null");
  }

 private:
  std::string& out_;
  bool first_ = true;
};

template <class Body>
std::string object(Body body) {
  std::string out = "{";
  Members members(out);
  body(members);
  return out + "}";
}

template <class Value>
std::string array(size_t n, Value value) {
  std::string out = "[";
  for (size_t i = 0; i < n; ++i) out += (i == 0 ? "" : ",") + value(i);
  return out + "]";
}

}  // namespace

std::vector<std::string> statistics_advice(const VectorStatistics& s) {
  std::vector<std::string> out;
  if (!(s.rows > 0)) return out;
  const double dims = s.dims;
  if (s.dimension > 0) {
    out.push_back(
        sentence("%u columns, intrinsic dimension about %.0f", s.dims, static_cast<double>(s.dimension)));
    if (s.dimension >= kHardDimension) {
      out.push_back(
          "neighbours are hard to tell from others at such a dimension: measure with lowdim_recall, "
          "and raise ef_search");
    }
  }
  if (s.duplicates >= kManyDuplicates) {
    out.push_back(sentence("%.0f %% of the sampled rows equal another one", percent(s.duplicates)));
  }
  if (s.near_duplicates >= kManyNear && s.near_duplicates > s.duplicates) {
    out.push_back(
        sentence("%.0f %% of the rows have a near duplicate: a row nearer than a tenth of the median "
                 "distance",
                 percent(s.near_duplicates)));
  }
  if (s.components_98 > 0 && s.components_98 <= kWorthProjecting * s.dims) {
    out.push_back(
        sentence("a projection (pca, leanvec) to about %.0f components keeps 98 %% of the variance, "
                 "one to %.0f keeps 90 %%",
                 static_cast<double>(s.components_98), static_cast<double>(s.components_90)));
  } else if (s.components_90 > 0 && s.components_90 <= kWorthProjecting * s.dims) {
    out.push_back(sentence("a projection (pca, leanvec) to about %.0f components keeps 90 %% of the variance",
                           static_cast<double>(s.components_90)));
  }
  if (s.norm_mean > 0 && s.norm_sd < kSameLength * s.norm_mean) {
    out.push_back(
        "all vectors are about equally long: Euclidean distance, cosine distance and inner product "
        "give the same order");
  }
  if (s.zeros > 0) {
    out.push_back(
        sentence("%.2g %% of the vectors are zero: their cosine distance is NaN", percent(s.zeros)));
  }
  if (s.other_dims > 0) {
    out.push_back(sentence("%.2g %% of the rows do not have %.0f dimensions and were left out",
                           percent(s.other_dims), dims));
  }
  if (s.rows < kFewRows) out.push_back("few rows: all figures are rough");
  return out;
}

void StatisticsReport::make(const VectorStatistics& s, double nulls) {
  json_ = object([&](Members& m) {
    m.number("version", VectorStatistics::kVersion);
    m.number("dims", s.dims);
    m.number("rows", static_cast<double>(s.rows));
    m.number("anchors", static_cast<double>(s.anchors));
    m.number("pivots", s.pivots);
    m.number("nulls", nulls);
    m.number("zeros", static_cast<double>(s.zeros));
    m.number("duplicates", static_cast<double>(s.duplicates));
    m.number("near_duplicates", static_cast<double>(s.near_duplicates));
    m.number("other_dims", static_cast<double>(s.other_dims));
    m.raw("norm", object([&](Members& norm) {
            norm.number("mean", static_cast<double>(s.norm_mean));
            norm.number("sd", static_cast<double>(s.norm_sd));
          }));
    m.raw("dimension", object([&](Members& d) {
            d.known("all", s.dimension);
            d.known("error", s.dimension_error);
            d.known("half", s.dimension_half);
            d.known("quarter", s.dimension_quarter);
            d.known("cosine", s.dimension_chord);
          }));
    m.raw("local_dimension", object([&](Members& d) {
            d.known("p10", s.local_p10);
            d.known("p50", s.local_p50);
            d.known("p90", s.local_p90);
          }));
    m.known("participation_ratio", s.participation);
    m.raw("components", object([&](Members& c) {
            c.known("0.90", s.components_90);
            c.known("0.98", s.components_98);
          }));
    m.raw("distances", object([&](Members& d) {
            d.raw("share", array(PairQuantiles::kCount,
                                 [](size_t i) { return sentence("%.6g", PairQuantiles::probability(i)); }));
            constexpr const char* kNames[kSphereMetrics] = {"l2", "ip", "cosine", "l1"};
            for (size_t k = 0; k < kSphereMetrics; ++k) {
              d.raw(kNames[k], array(PairQuantiles::kCount, [&](size_t i) {
                      return sentence("%.6g", static_cast<double>(s.pairs[k].at[i]));
                    }));
            }
          }));
    const std::vector<std::string> lines = statistics_advice(s);
    m.raw("advice", array(lines.size(), [&](size_t i) { return "\"" + lines[i] + "\""; }));
  });
}

}  // namespace lowdim::core
