// The choice among the rows of a report. See report.h.

#include <algorithm>
#include <cstdio>

#include "core/codec/report.h"

namespace lowdim::core {
namespace {

constexpr double kSimilarBytes = 1.05;  // bytes that are no reason to give up recall

bool usable(const ReportRow& row) { return row.is_codec && row.measured(); }

bool better(const ReportRow& a, const ReportRow& b) {
  if (a.recall_at_10 != b.recall_at_10) return a.recall_at_10 > b.recall_at_10;
  return a.distance_ns < b.distance_ns;
}

template <class... Parts>
std::string text(const char* format, Parts... parts) {
  char out[512];
  std::snprintf(out, sizeof out, format, parts...);
  return out;
}

std::string describe(const ReportRow& row) {
  return text("%s (%.1f bytes a vector, recall@10 %.3f)", row.method.c_str(), row.bytes_per_vector,
              row.recall_at_10);
}

// The first of the rows that satisfy `fits` by the order `before`.
template <class Fits, class Before>
const ReportRow* first(const std::vector<ReportRow>& rows, Fits fits, Before before) {
  const ReportRow* best = nullptr;
  for (const ReportRow& row : rows) {
    if (usable(row) && fits(row) && (best == nullptr || before(row, *best))) best = &row;
  }
  return best;
}

}  // namespace

Recommendation recommend(const std::vector<ReportRow>& rows, double max_bytes, double min_recall) {
  const auto small = [&](const ReportRow& r) { return r.bytes_per_vector <= max_bytes; };
  const auto good = [&](const ReportRow& r) { return r.recall_at_10 >= min_recall; };
  const auto fewer_bytes = [](const ReportRow& a, const ReportRow& b) {
    return a.bytes_per_vector != b.bytes_per_vector ? a.bytes_per_vector < b.bytes_per_vector : better(a, b);
  };
  const auto all = [](const ReportRow&) { return true; };
  const ReportRow* smallest = first(
      rows, [&](const ReportRow& r) { return small(r) && good(r); }, fewer_bytes);

  if (smallest != nullptr) {
    const double near = std::min(max_bytes, smallest->bytes_per_vector * kSimilarBytes);
    const ReportRow* chosen = first(
        rows, [&](const ReportRow& r) { return good(r) && r.bytes_per_vector <= near; }, better);
    std::string reason = describe(*chosen);
    if (chosen == smallest) {
      reason += " is the smallest codec that reaches a recall@10 of " + text("%.3f", min_recall);
    } else {
      reason += " has the best recall of the codecs within 5 % of the smallest that qualifies, " +
                describe(*smallest);
    }
    reason += text("; it compresses %.1f times", chosen->compression);
    const ReportRow* next = first(
        rows, [&](const ReportRow& r) { return !good(r) && r.bytes_per_vector < chosen->bytes_per_vector; },
        better);
    if (next != nullptr) reason += "; the best smaller one is " + describe(*next);
    return {static_cast<size_t>(chosen - rows.data()), reason + "."};
  }

  const ReportRow* best_small = first(rows, small, better);
  const ReportRow* smallest_good = first(rows, good, fewer_bytes);
  std::string reason = text("No codec takes at most %.1f bytes a vector with a recall@10 of at least %.3f. ",
                            max_bytes, min_recall);
  if (best_small != nullptr) {
    reason += "The best within the bytes is " + describe(*best_small) + ". ";
  } else if (const ReportRow* least = first(rows, all, fewer_bytes); least != nullptr) {
    reason += "The smallest that was measured is " + describe(*least) + ". ";
  }
  if (smallest_good != nullptr) {
    reason += "The recall needs at least " + describe(*smallest_good) + ".";
  } else if (const ReportRow* best = first(rows, all, better); best != nullptr) {
    reason += "No codec that was measured reaches the recall; the best is " + describe(*best) +
              ". Rerank more candidates with the vectors themselves.";
  } else {
    reason += "No codec could be measured.";
  }
  return {std::nullopt, reason};
}

}  // namespace lowdim::core
