// See column_statistics.h.

#include "pg/planner/column_statistics.h"

#include "pg/compat.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
}

namespace lowdim::pg {

bool read_column_statistics(HeapTuple tuple, bool with_pivots, ColumnStatistics* out) {
  *out = {};
  if (!HeapTupleIsValid(tuple)) return false;
  const int flags = ATTSTATSSLOT_NUMBERS | (with_pivots ? ATTSTATSSLOT_VALUES : 0);
  if (!get_attstatsslot(&out->slot, tuple, kVectorStatisticsKind, InvalidOid, flags)) return false;
  out->nulls = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(tuple))->stanullfrac;
  if (!core::read_statistics(out->slot.numbers, static_cast<size_t>(out->slot.nnumbers), &out->figures)) {
    free_column_statistics(out);
    return false;
  }
  if (!with_pivots || out->figures.pivots == 0) return true;
  if (out->slot.nvalues == 1 && out->slot.valuetype == BYTEAOID) {
    const bytea* image = DatumGetByteaPP(out->slot.values[0]);
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(VARDATA_ANY(image));
    if (core::valid_pivots(bytes, VARSIZE_ANY_EXHDR(image), out->figures.pivots, out->figures.dims)) {
      out->pivots = {bytes, out->figures.pivots, out->figures.dims};
      return true;
    }
  }
  free_column_statistics(out);
  return false;
}

void free_column_statistics(ColumnStatistics* statistics) { free_attstatsslot(&statistics->slot); }

}  // namespace lowdim::pg
