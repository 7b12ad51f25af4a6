// Insertion of one row into an index: paged/hnsw/insert.h does it; here are the server's callback, and the
// training that an insert sets off when an index that began empty has rows enough. See am.h.
//
// The value is read before the gate is taken: fetching it from a TOAST table takes locks. So does training
// with the rows of an index that keeps no vectors.

#include <algorithm>

#include "core/graph/small.h"
#include "paged/hnsw/insert.h"
#include "paged/hnsw/train.h"
#include "pg/am/hnsw/am.h"
#include "pg/am/hnsw/learn.h"
#include "pg/am/hnsw/row_reader.h"
#include "pg/arena_pg.h"
#include "pg/door.h"
#include "pg/stop.h"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::hnsw::Inserted;
using paged::hnsw::TrainedGraph;
using paged::hnsw::TrainingRows;

// Kept from row to row of a statement, in IndexInfo. Plain memory: nobody is told when it is freed.
struct InsertCache {
  MemoryContext row_context;
  const OpclassInfo* opclass;
  Options options;  // what is fixed at build may be used
  ValueRoom room;
};

InsertCache* cache_of(Relation index, IndexInfo* info, StorePg& store) {
  if (info->ii_AmCache != nullptr) return static_cast<InsertCache*>(info->ii_AmCache);
  const MemoryContext context = info->ii_Context;
  const MemoryContext row = AllocSetContextCreate(context, "lean_hnsw insert", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(row);
  InsertCache* cache = static_cast<InsertCache*>(MemoryContextAllocZero(context, sizeof(InsertCache)));
  cache->row_context = row;
  cache->opclass = opclass_of(index);
  cache->options = load_context(index, store).options;
  cache->room = make_value_room(cache->options, context);
  MemoryContextSwitchTo(old);
  MemoryContextReset(row);
  info->ii_AmCache = cache;
  return cache;
}

template <class T>
T* take(size_t count) {
  return static_cast<T*>(MemoryContextAllocHuge(CurrentMemoryContext, Max(count, size_t{1}) * sizeof(T)));
}

// False if the rows are not fit to be learned from: the index stays as it is, and so does the insert.
bool learn(const Options& o, const core::GraphCodeOptions& options, const TrainingRows& rows,
           TrainedGraph* out) {
  if (rows.distinct < kLeastSample) return false;
  const size_t n = rows.n, code_bytes = o.segments / 2, model_room = most_model_bytes(o, options);
  uint8_t* model = take<uint8_t>(model_room);
  uint8_t* codes = take<uint8_t>(n * code_bytes);
  uint32_t* counts = take<uint32_t>(n);
  uint32_t* links = take<uint32_t>(n * o.degree);
  uint32_t* entries = take<uint32_t>(n);
  const core::Rows vectors{rows.rows, n, rows.dims};
  const core::Stop stop = server_stop();
  TrainedGraph graph{};
  bool fits = false;
  // The results are vectors, which must not outlive the call: they are copied inside.
  auto body = [&] {
    const core::SmallGraph made = core::make_small_graph(vectors, options, o.degree, o.ef_construction, stop);
    if (made.model.size() > model_room || made.codes.size() != n * code_bytes || made.counts.size() != n ||
        made.links.size() != n * o.degree || made.entries.size() > n) {
      return;
    }
    std::copy(made.model.begin(), made.model.end(), model);
    std::copy(made.codes.begin(), made.codes.end(), codes);
    std::copy(made.counts.begin(), made.counts.end(), counts);
    std::copy(made.links.begin(), made.links.end(), links);
    std::copy(made.entries.begin(), made.entries.end(), entries);
    graph = {model,   static_cast<uint32_t>(made.model.size()),  codes, counts, links,
             entries, static_cast<uint32_t>(made.entries.size())};
    fits = true;
  };
  Fault fault;
  if (!runs(body, fault)) {
    CHECK_FOR_INTERRUPTS();
    ereport(DEBUG1, (errmsg("lean_hnsw index is not trained yet: %s", fault.message)));
    return false;
  }
  *out = graph;
  return fits;
}

void train_index(Relation index, Relation heap, StorePg& store, const InsertCache* cache) {
  const core::GraphCodeOptions options =
      code_options(cache->options, storage_options(index), *cache->opclass);
  RowReader* reader = nullptr;
  if (cache->options.payload == Payload::kNone) {
    reader = make_row_reader(heap, index, cache->options, *cache->opclass, cache->room);
  }
  const bool trained = paged::hnsw::train(
      store, arena_in(CurrentMemoryContext), size_t{1024} * static_cast<size_t>(maintenance_work_mem),
      [&](paged::hnsw::Tid tid, uint32_t hash, float* guide) { return read_row(reader, tid, hash, guide); },
      [&](const Options& o, const TrainingRows& rows, TrainedGraph* out) {
        return learn(o, options, rows, out);
      });
  if (reader != nullptr) end_row_reader(reader);
  // An insert waits for it, and it is soon measured anew.
  if (trained) calibrate_index(index, store, size_t{1024} * static_cast<size_t>(maintenance_work_mem), true);
}

}  // namespace

bool insert(Relation index, Datum* values, bool* is_null, ItemPointer tid, Relation heap, IndexUniqueCheck,
            bool, IndexInfo* info) {
  if (is_null[0]) return false;
  StorePg store(index);
  const InsertCache* cache = cache_of(index, info, store);
  const MemoryContext old = MemoryContextSwitchTo(cache->row_context);
  Input in;
  if (read_value(cache->options, *cache->opclass, values[0], cache->room, &in)) {
    Inserted done;
    store.with(paged::hnsw::kInserters, paged::GateMode::kShare, [&] {
      const IndexContext context = load_context(index, store);
      done = paged::hnsw::insert(store, context.options, context.code, in, pack_tid(*tid),
                                 arena_in(cache->row_context));
    });
    if (done.id == paged::hnsw::kNoNode) {
      const char* name = RelationGetRelationName(index);
      ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("index \"%s\" is damaged", name),
                      errhint("REINDEX INDEX %s", name)));
    }
    if (done.train) train_index(index, heap, store, cache);
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(cache->row_context);
  return false;
}

}  // namespace lowdim::pg::hnsw
