// Index scans: one query vector, rows in order of distance for as long as the executor asks. A condition of
// range search, <<->> sphere(center, radius), ends them at the radius: without an order the center is the
// query, with one the scan ends there if the order is by the same center, and otherwise the executor's check
// of the condition is all there is.
// paged/hnsw/search.h does the work; here are the server's callbacks, and, for indexes that keep no vectors,
// a window of rows that are measured in the table before the nearest of them is handed out. See am.h.
//
// No gate and no heavyweight lock is held: what a scan may see while others work is harmless (layout.h), and
// an MVCC snapshot says which rows are right.

#include <cmath>
#include <limits>
#include <new>

#include "core/base/arena.h"
#include "paged/hnsw/search.h"
#include "pg/am/hnsw/am.h"
#include "pg/am/hnsw/measure.h"
#include "pg/arena_pg.h"
#include "pg/types/sphere.h"

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace lowdim::pg::hnsw {

LastScan last_scan;

namespace {

using paged::hnsw::Query;
using paged::hnsw::Row;
using PagedScan = paged::hnsw::Scan<StorePg>;

struct Measured {
  double distance;
  paged::hnsw::Tid tid;
};
// NaN last; equal distances by address, so that the order is the same each time.
struct Nearer {
  bool operator()(const Measured& a, const Measured& b) const {
    if (std::isnan(a.distance) != std::isnan(b.distance)) return std::isnan(b.distance);
    return a.distance < b.distance || (!(b.distance < a.distance) && a.tid < b.tid);
  }
};

struct ScanState {
  MemoryContext context;  // everything below; reset by rescan
  const OpclassInfo* opclass;
  bool started;
  bool by_codes;  // see rank_by_codes
  uint32_t least_rows;
  // --- once started
  StorePg* store;
  IndexContext index;
  Query query;
  Datum query_value;
  bool null_query;
  bool nothing;  // a condition that no row meets
  bool has_end;  // rows from `radius` on are not wanted
  bool at_end;
  double radius;
  PagedScan* scan;
  uint64_t rows;
  uint32_t ef;
  bool per_query;
  double recall;  // predicted
  // --- for indexes without payloads
  TableMeasure* measure;
  ArenaHeap<Measured, Nearer>* window;
  ArenaHeap<Measured, Nearer>* late;
  uint32_t window_rows;
  bool drained;
  double last;
};

ScanState* state_of(IndexScanDesc scan) { return static_cast<ScanState*>(scan->opaque); }

template <class T, class... Args>
T* make(MemoryContext context, Args... args) {
  static_assert(std::is_trivially_destructible_v<T>);
  return new (MemoryContextAllocZero(context, sizeof(T))) T(args...);
}

// The query: what is ordered by, or the center of the condition. Sets `nothing` and where the scan ends.
void read_keys(IndexScanDesc scan, ScanState* state) {
  const bool ordered = scan->numberOfOrderBys > 0;
  const ScanKey order = scan->orderByData;
  state->nothing = state->has_end = state->at_end = false;
  state->null_query = ordered && (order->sk_flags & SK_ISNULL) != 0;
  if (ordered && !state->null_query) {
    state->query_value = PointerGetDatum(PG_DETOAST_DATUM(order->sk_argument));
  }
  SphereType type{};
  for (int i = 0; i < scan->numberOfKeys; ++i) {
    const ScanKey key = &scan->keyData[i];
    Sphere sphere{};
    if ((key->sk_flags & SK_ISNULL) != 0 ||
        !read_sphere(DatumGetHeapTupleHeader(key->sk_argument), &type, state->context, &sphere)) {
      state->nothing = true;
      return;
    }
    const Datum center = PointerGetDatum(PG_DETOAST_DATUM(sphere.center));
    if (!ordered && i == 0) state->query_value = center;
    if (state->null_query || !datumIsEqual(center, state->query_value, false, -1)) continue;
    if (!state->has_end || sphere.radius < state->radius) state->radius = sphere.radius;
    state->has_end = true;
  }
}

void start(IndexScanDesc scan) {
  if (scan->numberOfOrderBys == 0 && scan->numberOfKeys == 0) {
    elog(ERROR, "cannot scan lean_hnsw index without an order or a condition");
  }
  if (!IsMVCCSnapshot(scan->xs_snapshot)) elog(ERROR, "non-MVCC snapshots are not supported with lean_hnsw");
  ScanState* state = state_of(scan);
  const MemoryContext old = MemoryContextSwitchTo(state->context);
  state->store = make<StorePg>(state->context, scan->indexRelation);
  state->index = load_context(scan->indexRelation, *state->store);
  const Options& o = state->index.options;

  const ValueRoom room = make_value_room(o, state->context);
  read_keys(scan, state);
  Query& query = state->query;
  query = Query{};
  query.scratch = room.scratch;
  if (state->null_query || state->nothing) {
    query.input.alone = true;  // no distance at all: every row, in any order
  } else {
    read_value(o, *state->opclass, state->query_value, room, &query.input);
    if (o.payload != Payload::kBits && query.input.x != nullptr) {
      query.norm = std::sqrt(simd::kernels().norm2_f32(query.input.x, o.dims));
    }
    if (o.model_block != paged::kNoBlock && !query.input.alone) {
      // Segments that the model does not have stay zero.
      query.tables.entries = static_cast<uint8_t*>(palloc0(16 * size_t{o.segments}));
      state->index.code.tables(query.input.guide, room.scratch, &query.tables);
    }
  }
  paged::hnsw::ScanLimits limits;
  // The storage options, not the meta page's copy: ALTER INDEX changes them for an index that is there.
  const Effort effort = choose_effort(o, storage_options(scan->indexRelation), state->least_rows > 0);
  limits.ef = effort.ef;
  if (effort.per_query) {
    limits.model = &o.calibration.model;
    limits.threshold = static_cast<double>(effort.judged.threshold);
  }
  // A round hands out all that it keeps where codes are all there is, else half.
  limits.ef = Max(limits.ef, state->least_rows * (o.payload == Payload::kNone ? 1 : 2));
  state->ef = limits.ef;
  state->per_query = effort.per_query;
  state->recall = limits.ef == effort.ef ? effort.recall : std::numeric_limits<double>::quiet_NaN();
  limits.most_nodes = static_cast<uint64_t>(max_scan_tuples_setting);
  limits.ordered = scan->numberOfOrderBys > 0;
  limits.memory_bytes = static_cast<size_t>(work_mem) * 1024;
  const Arena arena = arena_in(state->context);
  state->scan = new (palloc(sizeof(PagedScan))) PagedScan(*state->store, o, query, limits, arena);
  state->rows = 0;
  state->measure = nullptr;
  const bool has_code = o.model_block != paged::kNoBlock;
  if (o.payload == Payload::kNone && !state->null_query && !state->nothing &&
      !(state->by_codes && has_code)) {
    state->measure = make_table_measure(scan);
    state->window = make<ArenaHeap<Measured, Nearer>>(state->context, arena);
    state->late = make<ArenaHeap<Measured, Nearer>>(state->context, arena);
    // Without a code nothing is known of a row before it is measured: all of them are, before the first is
    // given.
    state->window_rows = has_code ? limits.ef : std::numeric_limits<uint32_t>::max();
    state->drained = false;
    state->last = -std::numeric_limits<double>::infinity();
  }
  state->started = true;
  pgstat_count_index_scan(scan->indexRelation);
  MemoryContextSwitchTo(old);
}

// The nearest of a window of measured rows. What turns out nearer than a row that is gone comes at the end.
bool next_measured(ScanState* state, bool ordered, Measured* out) {
  while (!state->at_end) {
    while (!state->drained && state->window->size() < state->window_rows) {
      Row row;
      if (!state->scan->next(&row)) {
        state->drained = true;
        break;
      }
      double distance;
      if (!measure_row(state->measure, row.tid, state->query_value, &distance)) continue;
      state->window->push({distance, row.tid});
    }
    if (state->window->empty()) break;
    // What is late has a distance; NaN is none, and comes last.
    if (std::isnan(state->window->top().distance) && !state->late->empty()) break;
    *out = state->window->pop();
    if (!ordered || !(out->distance < state->last)) {
      state->last = out->distance;
      return true;
    }
    state->late->push(*out);
  }
  if (state->late->empty()) return false;
  *out = state->late->pop();
  return true;
}

bool next_any(ScanState* state, bool ordered, Row* row) {
  if (state->measure == nullptr) return state->scan->next(row);
  Measured measured{};
  if (!next_measured(state, ordered, &measured)) return false;
  *row = {measured.tid, measured.distance, true, {}};
  return true;
}

// From the first row on that lies at the radius or beyond, only what was found late can still be within.
bool next_within(ScanState* state, bool ordered, Row* row) {
  while (!state->nothing && next_any(state, ordered, row)) {
    if (!state->has_end || float8_lt(row->bound, state->radius)) return true;
    if (state->at_end) continue;
    state->at_end = true;
    state->scan->end_search();
  }
  return false;
}

void note_last_scan(IndexScanDesc scan) {
  ScanState* state = state_of(scan);
  if (!state->started) return;
  const paged::hnsw::WalkCounts& c = state->scan->counts();
  last_scan = {RelationGetRelid(scan->indexRelation),
               c.hops,
               c.scored,
               c.measured,
               state->rows,
               state->scan->rounds(),
               state->scan->swept(),
               state->scan->rounds() == 0 ? 0 : state->ef,
               state->per_query && state->scan->rounds() != 0,
               state->recall};
}

void stop(IndexScanDesc scan) {
  ScanState* state = state_of(scan);
  note_last_scan(scan);
  if (state->started && state->measure != nullptr) end_table_measure(state->measure);
  state->measure = nullptr;
  state->started = false;
  MemoryContextReset(state->context);
}

}  // namespace

IndexScanDesc begin_scan(Relation index, int keys, int orderbys) {
  IndexScanDesc scan = RelationGetIndexScan(index, keys, orderbys);
  ScanState* state = static_cast<ScanState*>(palloc0(sizeof(ScanState)));
  state->context = AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw scan", ALLOCSET_DEFAULT_SIZES);
  state->opclass = opclass_of(index);
  scan->opaque = state;
  if (orderbys > 0) {
    scan->xs_orderbyvals = static_cast<Datum*>(palloc0(sizeof(Datum) * static_cast<size_t>(orderbys)));
    scan->xs_orderbynulls = static_cast<bool*>(palloc0(sizeof(bool) * static_cast<size_t>(orderbys)));
  }
  return scan;
}

void rank_by_codes(IndexScanDesc scan, uint32_t rows) {
  state_of(scan)->by_codes = true;
  expect_rows(scan, rows);
}

void expect_rows(IndexScanDesc scan, uint32_t rows) { state_of(scan)->least_rows = rows; }

void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
  stop(scan);
  if (keys != nullptr && scan->numberOfKeys > 0) {
    memmove(scan->keyData, keys, static_cast<size_t>(scan->numberOfKeys) * sizeof(ScanKeyData));
  }
  if (orderbys != nullptr && scan->numberOfOrderBys > 0) {
    memmove(scan->orderByData, orderbys, static_cast<size_t>(scan->numberOfOrderBys) * sizeof(ScanKeyData));
  }
}

bool next_row(IndexScanDesc scan, ScanDirection direction) {
  Assert(ScanDirectionIsForward(direction));
  (void)direction;
  ScanState* state = state_of(scan);
  if (!state->started) start(scan);
  const MemoryContext old = MemoryContextSwitchTo(state->context);
  Row row;
  const bool found = next_within(state, scan->numberOfOrderBys > 0, &row);
  MemoryContextSwitchTo(old);
  if (!found) return false;
  state->rows++;
  // The executor will measure the row, for its output if for nothing else.
  if (row.place.value != 0) expect_toast(row.place.value, row.place.block, row.place.offset);
  scan->xs_heaptid = unpack_tid(row.tid);
  scan->xs_recheck = scan->numberOfKeys > 0;
  if (scan->numberOfOrderBys == 0) return true;
  // A bound lets the executor measure the row and wait until no later one can be nearer.
  scan->xs_recheckorderby = !row.exact;
  scan->xs_orderbynulls[0] = state->null_query;
  scan->xs_orderbyvals[0] = state->null_query ? static_cast<Datum>(0) : Float8GetDatum(row.bound);
  return true;
}

void end_scan(IndexScanDesc scan) {
  stop(scan);
  MemoryContextDelete(state_of(scan)->context);
}

}  // namespace lowdim::pg::hnsw
