// See guc.h.

#include "pg/guc.h"

#include "core/simd/kernels.h"
#include "pg/am/hnsw/am.h"
#include "pg/failpoint.h"
#include "pg/pg.h"
#include "pg/planner/column_statistics.h"

extern "C" {
#include "utils/guc.h"
}

namespace lowdim::pg::hnsw {

int ef_search_setting = 0;
double target_recall_setting = 0;
int max_scan_tuples_setting = 0;

}  // namespace lowdim::pg::hnsw

namespace lowdim::pg {

bool vector_statistics_setting = true;

namespace {

constexpr int kSimdAuto = -1;
int simd_level = kSimdAuto;

const config_enum_entry simd_levels[] = {{"auto", kSimdAuto, false},
                                         {"baseline", static_cast<int>(simd::Level::kBase), false},
                                         {"avx2", static_cast<int>(simd::Level::kAvx2), false},
                                         {"avx512", static_cast<int>(simd::Level::kAvx512), false},
                                         {nullptr, 0, false}};

bool check_simd(int* value, void**, GucSource) {
  if (*value == kSimdAuto || simd::kernels_for(static_cast<simd::Level>(*value)) != nullptr) return true;
  GUC_check_errdetail("This processor, or this build, does not have these instructions.");
  return false;
}

void assign_simd(int value, void*) {
  simd::force(value == kSimdAuto ? simd::detect() : static_cast<simd::Level>(value));
}

}  // namespace

void define_settings() {
  DefineCustomEnumVariable(
      "lowdim.simd", "Instruction set of the distance kernels.",
      "auto takes the best that this processor has; the others force a level, for tests.", &simd_level,
      kSimdAuto, simd_levels, PGC_USERSET, 0, check_simd, assign_simd, nullptr);
  DefineCustomIntVariable(
      "lowdim.ef_search", "Candidates that a lean_hnsw scan keeps.",
      "More find more of the true neighbours and take longer. 0 means each index's own ef_search.",
      &hnsw::ef_search_setting, 0, 0, 10000, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomRealVariable(
      "lowdim.target_recall", "Share of the true neighbours that a lean_hnsw scan is to find.",
      "The scan's ef_search follows from what was measured of the index. 0 means each index's own "
      "target_recall; lowdim.ef_search comes first.",
      &hnsw::target_recall_setting, 0, 0, 1, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("lowdim.max_scan_tuples", "Nodes after which a lean_hnsw scan ends.",
                          "A scan goes on for as long as rows are wanted. 0 means no limit.",
                          &hnsw::max_scan_tuples_setting, 0, 0, INT_MAX, PGC_USERSET, 0, nullptr, nullptr,
                          nullptr);
  DefineCustomBoolVariable("lowdim.vector_statistics", "ANALYZE collects statistics of vector columns.",
                           "They estimate how many rows a range search finds. Off, ANALYZE collects what it "
                           "collects for every type.",
                           &vector_statistics_setting, true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  define_failpoint_setting("lowdim.failpoint");
  MarkGUCPrefixReserved("lowdim");
}

}  // namespace lowdim::pg
