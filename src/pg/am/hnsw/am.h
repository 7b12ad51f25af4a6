// What the parts of the access method lean_hnsw share: the callbacks, an operator class's meaning, the
// storage options, and the context of one index in one backend. Each callback has a file of its own name.
#pragma once

#include "core/graph/build.h"
#include "core/graph/code.h"
#include "paged/hnsw/distance.h"
#include "paged/hnsw/layout.h"
#include "pg/detoast.h"
#include "pg/pg.h"
#include "pg/store_pg.h"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
}

namespace lowdim::pg::hnsw {

using paged::hnsw::Input;
using paged::hnsw::Options;
using paged::hnsw::Payload;

// --- Operator classes (opclass.cpp). Support function 1 of each returns a pointer to one of these.
enum class ColumnType : uint8_t { kVector, kHalfvec, kBit, kSparse };
struct OpclassInfo {
  ColumnType type;
  paged::hnsw::Metric metric;
};
// Looks the support function up: not under a lock or a gate.
const OpclassInfo* opclass_of(Relation index);

// --- Storage options (options.cpp)
enum class CodeOption : int { kAuto, kLeanvec, kPq };
enum class RerankOption : int { kAuto, kFloat32, kFloat16, kInt8, kNone };
struct StorageOptions {
  int32 vl_len_;
  int m;
  int ef_construction;
  int ef_search;
  double target_recall;  // 0: ef_search counts
  int code;              // CodeOption
  int code_dims;         // 0: chosen
  int code_bytes;        // a neighbour's code without the byte of the rest; 0: chosen by the room on a page
  int rerank;            // RerankOption
  int build_order;       // core::GraphOrder

  // By inner product rows have no local dimension: the order is shuffled then.
  core::GraphOrder graph_order(paged::hnsw::Metric metric) const {
    const core::GraphOrder order = static_cast<core::GraphOrder>(build_order);
    return order == core::GraphOrder::kLidDescending && metric == paged::hnsw::Metric::kInner
               ? core::GraphOrder::kShuffle
               : order;
  }
};
void register_options();                         // once, by _PG_init
StorageOptions storage_options(Relation index);  // with defaults where the index has none
bytea* parse_options(Datum reloptions, bool validate);
// From the type modifier of the column or expression, vector(3) or bit(3), or the options of an encoding;
// below 1 where neither says.
int32 declared_dims(Relation index);
// What a new index of `dims` dimensions looks like. Raises an ERROR for what does not fit.
Options plan_options(Relation index, const OpclassInfo& opclass);

// --- Values (value.cpp)
// Memory for one value at a time.
struct ValueRoom {
  ToastCursor* cursor;  // values of a table's rows come in the order in which they were stored
  float* x;
  float* guide;
  float* scratch;  // at least dims, and code.scratch_floats() where a code is there
};
ValueRoom make_value_room(const Options& o, MemoryContext context);
// The value as the index sees it; it may point into the detoasted value and into `room`. False: not indexed
// (nothing today: NULLs never come here). Raises an ERROR for other dimensions.
bool read_value(const Options& o, const OpclassInfo& opclass, Datum value, const ValueRoom& room, Input* out);

// --- The context of an index (context.cpp)
struct IndexContext {
  Options options;       // as the meta page had them just now
  core::GraphCode code;  // valid if options.model_block is a block: cached in the backend
};
// Reads the meta page, and the model unless this backend has it. Raises an ERROR with a hint to REINDEX for a
// format that this version does not read.
IndexContext load_context(Relation index, StorePg& store);

// --- How wide a search is (effort.cpp)
struct Effort {
  uint32_t ef;              // candidates that a search keeps
  double recall;            // of ten rows, as the index was measured; NaN if it was not
  const char* chosen;       // what decided: a setting or an option
  bool per_query;           // a search stops by itself
  core::EffortStep judged;  // if so: when, and what that costs on average
};
// In this order: lowdim.ef_search, lowdim.target_recall, the index's target_recall, its ef_search. A recall
// that is asked of an index that has not been measured leaves it with its ef_search; of one that knows when a
// search has enough, it is left to each search unless they are to be `alike`.
Effort choose_effort(const Options& o, const StorageOptions& storage, bool alike = false);
// Measures the index anew and stores it, within `memory_bytes`, `quickly` with fewer queries. False if there
// is nothing to measure.
bool calibrate_index(Relation index, StorePg& store, size_t memory_bytes, bool quickly);

// --- Callbacks
IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info);
void build_empty(Relation index);
bool insert(Relation index, Datum* values, bool* is_null, ItemPointer tid, Relation heap,
            IndexUniqueCheck unique, bool unchanged, IndexInfo* info);
IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* state);
IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats);
IndexScanDesc begin_scan(Relation index, int keys, int orderbys);
void rescan(IndexScanDesc scan, ScanKey keys, int n_keys, ScanKey orderbys, int n_orderbys);
bool next_row(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);
// Before the first row: the scan gives rows as the codes order them where an index keeps no vectors, instead
// of measuring them in the table, for a caller that ranks them by something else. And expect_rows().
void rank_by_codes(IndexScanDesc scan, uint32_t rows);
// Before the first row: the first round is wide enough for so many rows.
void expect_rows(IndexScanDesc scan, uint32_t rows);
void cost(PlannerInfo* root, IndexPath* path, double loops, Cost* startup, Cost* total,
          Selectivity* selectivity, double* correlation, double* pages);
bool validate(Oid opclass);
char* build_phase_name(int64 phase);

inline paged::hnsw::Tid pack_tid(const ItemPointerData& tid) {
  return static_cast<uint64_t>(ItemPointerGetBlockNumberNoCheck(&tid)) << 16 |
         ItemPointerGetOffsetNumberNoCheck(&tid);
}
inline ItemPointerData unpack_tid(paged::hnsw::Tid tid) {
  ItemPointerData out;
  ItemPointerSet(&out, static_cast<BlockNumber>(tid >> 16), static_cast<OffsetNumber>(tid & 0xFFFF));
  return out;
}

// --- Settings (pg/guc.cpp defines them)
extern int ef_search_setting;         // lowdim.ef_search: 0, the default, means the index's own
extern double target_recall_setting;  // lowdim.target_recall: 0, the default, means the index's own
extern int max_scan_tuples_setting;   // lowdim.max_scan_tuples: 0, the default, means no limit

// What the last scan of this backend did, for lowdim_last_scan().
struct LastScan {
  Oid index;
  uint64_t hops, scored, measured, rows, rounds;
  bool swept;
  uint32_t ef;     // of the first round; 0 if there was none
  bool per_query;  // it stopped by itself, or might have
  double recall;   // predicted; NaN if not known
};
extern LastScan last_scan;

}  // namespace lowdim::pg::hnsw
