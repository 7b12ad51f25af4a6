// ANALYZE of vector and halfvec: what it collects for every type, and then a slot of vector statistics
// (column_statistics.h). Of the rows that ANALYZE has sampled, a few are read, in the order in which they
// lie, so that out-of-line values are read in storage order as well (detoast.h); the others are looked at no
// further than their size, which tells their dimensions.
//
// Not reached where the column has SET STATISTICS 0; lowdim.vector_statistics = off leaves the standard part.

#include <cstring>

#include "core/base/random.h"
#include "core/statistics/collect.h"
#include "pg/door.h"
#include "pg/planner/column_statistics.h"
#include "pg/stop.h"

extern "C" {
#include "access/detoast.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "utils/memutils.h"
}

namespace lowdim::pg {
namespace {

using core::StatisticsJob;

// What std_typanalyze chose, for which ours stands in.
struct Standard {
  AnalyzeAttrComputeStatsFunc compute;
  void* extra_data;
};

// The dimensions of a value, by its size; 0 if it cannot be one.
template <class T>
size_t dims_of(Datum value) {
  const Size header = offsetof(T, x) - VARHDRSZ;
  const Size size = toast_raw_datum_size(value) - VARHDRSZ;
  if (size < header) return 0;
  const size_t dims = (size - header) / sizeof(typename T::Element);
  return dims <= kMaxDims ? dims : 0;
}

struct UsualDims {
  size_t dims;    // what most of the sampled rows have; 0 if none is known
  double others;  // the share of those that have not, NULLs apart
};

template <class T>
UsualDims usual_dims(VacAttrStats* stats, AnalyzeAttrFetchFunc fetch, int rows) {
  if (stats->attrtypmod > 0) return {static_cast<size_t>(stats->attrtypmod), 0};
  uint32* count = static_cast<uint32*>(palloc0((kMaxDims + 1) * sizeof(uint32)));
  size_t best = 0;
  uint32 all = 0;
  for (int i = 0; i < rows; ++i) {
    bool null;
    const Datum value = fetch(stats, i, &null);
    if (null) continue;
    ++all;
    const size_t dims = dims_of<T>(value);
    if (dims == 0) continue;
    if (++count[dims] > count[best] || best == 0) best = dims;
  }
  const double others = all == 0 ? 0 : static_cast<double>(all - count[best]) / all;
  pfree(count);
  return {best, others};
}

// Draws `wanted` rows that have a value of these dimensions, uniformly, or takes all that there are; in the
// order in which they lie. Others are looked at only as far as they are drawn.
template <class T>
int draw(VacAttrStats* stats, AnalyzeAttrFetchFunc fetch, int rows, size_t dims, int wanted, int* chosen) {
  int* order = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(rows)));
  for (int i = 0; i < rows; ++i) order[i] = i;
  core::Random random(1);  // the same rows for the same sample
  int n = 0;
  for (int i = 0; i < rows && n < wanted; ++i) {
    const int j = i + static_cast<int>(random.below(static_cast<uint64_t>(rows - i)));
    const int row = order[j];
    order[j] = order[i];
    bool null;
    const Datum value = fetch(stats, row, &null);
    if (!null && dims_of<T>(value) == dims) chosen[n++] = row;
  }
  pfree(order);
  pg_qsort(chosen, static_cast<size_t>(n), sizeof(int), [](const void* a, const void* b) {
    const int x = *static_cast<const int*>(a), y = *static_cast<const int*>(b);
    return (x > y) - (x < y);
  });
  return n;
}

template <class T>
StatisticsJob* collect(VacAttrStats* stats, AnalyzeAttrFetchFunc fetch, int rows) {
  const UsualDims usual = usual_dims<T>(stats, fetch, rows);
  const size_t dims = usual.dims;
  if (dims == 0) return nullptr;
  const int wanted = static_cast<int>(core::collect_plan(dims).rows);
  int* chosen = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(wanted)));
  const int n = draw<T>(stats, fetch, rows, dims, wanted, chosen);
  if (n == 0) return nullptr;
  StatisticsJob* job = make_in<StatisticsJob>(CurrentMemoryContext);
  call_core([=] { job->start(dims); });
  MemoryContext one =
      AllocSetContextCreate(CurrentMemoryContext, "vector statistics", ALLOCSET_DEFAULT_SIZES);
  ToastCursor cursor{};
  ToastTrack track;
  for (int i = 0; i < n; ++i) {
    vacuum_delay_point();
    MemoryContext old = MemoryContextSwitchTo(one);
    bool null;
    const Datum value = fetch(stats, chosen[i], &null);
    track.look_for(reinterpret_cast<struct varlena*>(DatumGetPointer(value)));
    const float* row = stored_floats<T>(value, dims, &cursor);
    if (row != nullptr) call_core([=] { job->add(row); });
    MemoryContextSwitchTo(old);
    MemoryContextReset(one);
  }
  const core::Stop stop = server_stop();
  call_core([=] { job->finish(usual.others, stop); });
  return job;
}

// Into the first slot that the standard statistics have left.
void store(VacAttrStats* stats, const StatisticsJob* job) {
  int slot = 0;
  while (slot < STATISTIC_NUM_SLOTS && stats->stakind[slot] != 0) ++slot;
  if (slot == STATISTIC_NUM_SLOTS) return;
  MemoryContext old = MemoryContextSwitchTo(stats->anl_context);
  const size_t n = job->numbers().size();
  float4* numbers = static_cast<float4*>(palloc(sizeof(float4) * n));
  memcpy(numbers, job->numbers().data(), sizeof(float4) * n);
  const Size size = VARHDRSZ + job->pivots().size();
  bytea* pivots = static_cast<bytea*>(palloc(size));
  SET_VARSIZE(pivots, size);
  memcpy(VARDATA(pivots), job->pivots().data(), size - VARHDRSZ);
  Datum* values = static_cast<Datum*>(palloc(sizeof(Datum)));
  values[0] = PointerGetDatum(pivots);
  MemoryContextSwitchTo(old);
  stats->stakind[slot] = kVectorStatisticsKind;
  stats->staop[slot] = InvalidOid;
  stats->stacoll[slot] = InvalidOid;
  stats->stanumbers[slot] = numbers;
  stats->numnumbers[slot] = static_cast<int>(n);
  stats->stavalues[slot] = values;
  stats->numvalues[slot] = 1;
  stats->statypid[slot] = BYTEAOID;
  stats->statyplen[slot] = -1;
  stats->statypbyval[slot] = false;
  stats->statypalign[slot] = TYPALIGN_INT;
}

template <class T>
void compute(VacAttrStatsP stats, AnalyzeAttrFetchFunc fetch, int rows, double total) {
  const Standard* standard = static_cast<const Standard*>(stats->extra_data);
  stats->extra_data = standard->extra_data;
  standard->compute(stats, fetch, rows, total);
  if (!stats->stats_valid || !vector_statistics_setting) return;
  const StatisticsJob* job = collect<T>(stats, fetch, rows);
  if (job != nullptr && job->has_statistics()) store(stats, job);
}

template <class T>
bool prepare(VacAttrStats* stats) {
  if (!std_typanalyze(stats)) return false;
  Standard* standard = static_cast<Standard*>(palloc(sizeof(Standard)));
  standard->compute = stats->compute_stats;
  standard->extra_data = stats->extra_data;
  stats->compute_stats = compute<T>;
  stats->extra_data = standard;
  return true;
}

}  // namespace
}  // namespace lowdim::pg

LOWDIM_FN(lowdim_vector_typanalyze) {
  PG_RETURN_BOOL(
      lowdim::pg::prepare<lowdim::pg::Vector>(reinterpret_cast<VacAttrStats*>(PG_GETARG_POINTER(0))));
}

LOWDIM_FN(lowdim_halfvec_typanalyze) {
  PG_RETURN_BOOL(
      lowdim::pg::prepare<lowdim::pg::HalfVector>(reinterpret_cast<VacAttrStats*>(PG_GETARG_POINTER(0))));
}
