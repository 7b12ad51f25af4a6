// The vector statistics of a column as they lie in pg_statistic: one slot beside the standard ones, of a kind
// of its own, with the figures as numbers and the pivots as a bytea. ANALYZE writes it (analyze.cpp), the
// estimators (selectivity.cpp) and vector_stats (vector_stats.cpp) read it.
#pragma once

#include "core/statistics/pivots.h"
#include "core/statistics/vector_statistics.h"
#include "pg/detoast.h"
#include "pg/pg.h"

extern "C" {
#include "access/htup.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {

// From the range that PostgreSQL leaves to private use; drawn once and never to change.
constexpr int16 kVectorStatisticsKind = 21747;

// The setting lowdim.vector_statistics: does ANALYZE collect them.
extern bool vector_statistics_setting;

struct ColumnStatistics {
  core::VectorStatistics figures;
  core::Pivots pivots;  // none where they were not asked for
  double nulls;         // share of the rows
  AttStatsSlot slot;    // what the pivots point into
};

// False where the tuple of pg_statistic has none, or has damaged ones, which count as none: a plan is not
// worth an error. with_pivots: these are rows of the table, and to be used only where the user might read
// them all, or by functions that reveal nothing of them.
bool read_column_statistics(HeapTuple tuple, bool with_pivots, ColumnStatistics* out);
void free_column_statistics(ColumnStatistics* statistics);

// A stored vector or halfvec as floats in the current memory context; nullptr if it has other dimensions.
template <class T>
float* stored_floats(Datum datum, size_t dims, ToastCursor* cursor) {
  struct varlena* value = reinterpret_cast<struct varlena*>(DatumGetPointer(datum));
  const bool plain = VARATT_IS_4B_U(value) || (VARATT_IS_SHORT(value) && !VARATT_IS_EXTERNAL(value));
  if (!plain) value = detoast(value, cursor);
  const DenseView<T> view = dense_view<T>(VARDATA_ANY(value));
  if (view.dim != static_cast<int32>(dims)) return nullptr;
  float* floats = static_cast<float*>(palloc(sizeof(float) * dims));
  if constexpr (sizeof(typename T::Element) == sizeof(float)) {
    memcpy(floats, view.x, sizeof(float) * dims);
  } else {
    simd::kernels().f16_to_f32(view.x, floats, dims);
  }
  return floats;
}

}  // namespace lowdim::pg
