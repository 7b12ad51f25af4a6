// Index scans: one query vector, rows in order of distance for as long as the executor asks.
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

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
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
  PagedScan* scan;
  uint64_t rows;
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

void start(IndexScanDesc scan) {
  if (scan->numberOfOrderBys == 0) elog(ERROR, "cannot scan lean_hnsw index without order");
  if (!IsMVCCSnapshot(scan->xs_snapshot)) elog(ERROR, "non-MVCC snapshots are not supported with lean_hnsw");
  ScanState* state = state_of(scan);
  const MemoryContext old = MemoryContextSwitchTo(state->context);
  state->store = make<StorePg>(state->context, scan->indexRelation);
  state->index = load_context(scan->indexRelation, *state->store);
  const Options& o = state->index.options;

  const ValueRoom room = make_value_room(o, state->context);
  ScanKey key = scan->orderByData;
  state->null_query = (key->sk_flags & SK_ISNULL) != 0;
  Query& query = state->query;
  query = Query{};
  query.scratch = room.scratch;
  if (state->null_query) {
    query.input.alone = true;  // no distance at all: every row, in any order
  } else {
    state->query_value = PointerGetDatum(PG_DETOAST_DATUM(key->sk_argument));
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
  // The storage option, not the meta page's copy: ALTER INDEX changes it for an index that is there.
  limits.ef = static_cast<uint32_t>(ef_search_setting > 0 ? ef_search_setting
                                                          : storage_options(scan->indexRelation).ef_search);
  // A round hands out all that it keeps where codes are all there is, else half.
  limits.ef = Max(limits.ef, state->least_rows * (o.payload == Payload::kNone ? 1 : 2));
  limits.most_nodes = static_cast<uint64_t>(max_scan_tuples_setting);
  limits.memory_bytes = static_cast<size_t>(work_mem) * 1024;
  const Arena arena = arena_in(state->context);
  state->scan = new (palloc(sizeof(PagedScan))) PagedScan(*state->store, o, query, limits, arena);
  state->rows = 0;
  state->measure = nullptr;
  const bool has_code = o.model_block != paged::kNoBlock;
  if (o.payload == Payload::kNone && !state->null_query && !(state->by_codes && has_code)) {
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
bool next_measured(ScanState* state, Measured* out) {
  for (;;) {
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
    if (!(out->distance < state->last)) {
      state->last = out->distance;
      return true;
    }
    state->late->push(*out);
  }
  if (state->late->empty()) return false;
  *out = state->late->pop();
  return true;
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
               state->scan->swept()};
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
  ScanState* state = state_of(scan);
  state->by_codes = true;
  state->least_rows = rows;
}

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
  if (state->measure != nullptr) {
    Measured measured{};
    const bool found = next_measured(state, &measured);
    MemoryContextSwitchTo(old);
    if (!found) return false;
    row = {measured.tid, measured.distance, true, {}};
  } else {
    const bool found = state->scan->next(&row);
    MemoryContextSwitchTo(old);
    if (!found) return false;
  }
  state->rows++;
  // The executor will measure the row, for its output if for nothing else.
  if (row.place.value != 0) expect_toast(row.place.value, row.place.block, row.place.offset);
  scan->xs_heaptid = unpack_tid(row.tid);
  scan->xs_recheck = false;
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
