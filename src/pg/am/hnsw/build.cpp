// CREATE INDEX: the course of a build. Rows go from the table to pages of nodes, each with its code, which a
// sample has been trained for before; equal rows are merged; a graph is made in memory and written into the
// slots. Nothing is logged until the end. With too few rows for a code the index stays untrained, and inserts
// train it when there are enough. See build_state.h for who does which part.

#include "pg/am/hnsw/build_state.h"

#include <new>

#include "paged/hnsw/create.h"
#include "pg/am/hnsw/learn.h"
#include "pg/arena_pg.h"

extern "C" {
#include "catalog/index.h"
#include "commands/progress.h"
#include "pgstat.h"
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {

void init_shared(SharedBuild* shared, Relation heap, Relation index, const IndexInfo* info,
                 const Options& options, uint32_t model_bytes) {
  memset(static_cast<void*>(shared), 0, sizeof *shared);
  shared->heap = RelationGetRelid(heap);
  shared->index = RelationGetRelid(index);
  shared->concurrent = info->ii_Concurrent;
  shared->options = options;
  shared->model_bytes = model_bytes;
  shared->participants = 1;
  ConditionVariableInit(&shared->start);
  SpinLockInit(&shared->mutex);
  for (pg_atomic_uint64& counter : shared->counter) pg_atomic_init_u64(&counter, 0);
  shared->segment = DSM_HANDLE_INVALID;
}

Participant make_participant(SharedBuild* shared, Relation heap, Relation index, IndexInfo* info,
                             const uint8_t* model, bool leader) {
  Participant p{};
  p.shared = shared;
  p.heap = heap;
  p.index = index;
  p.info = info;
  p.opclass = opclass_of(index);
  p.store = new (palloc(sizeof(StorePg))) StorePg(index, {.logging = Logging::kLater});
  p.leader = leader;
  if (model != nullptr) {
    core::GraphCode* code = new (palloc(sizeof(core::GraphCode))) core::GraphCode();
    if (!core::GraphCode::open(model, shared->model_bytes, code))
      elog(ERROR, "lean_hnsw: a trained code is broken");
    p.model = model;
    p.code = code;
  }
  return p;
}

void meet(Participant& p) {
  if (p.shared->participants > 1) BarrierArriveAndWait(&p.shared->barrier, PG_WAIT_EXTENSION);
}

namespace {

void show(int64 phase) { pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase); }

}  // namespace

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info) {
  if (RelationGetNumberOfBlocks(index) != 0) {
    elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
  }
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw build", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  const OpclassInfo* opclass = opclass_of(index);
  const StorageOptions storage = storage_options(index);
  Options options = plan_options(index, *opclass);
  StorePg store(index, {.logging = Logging::kLater});
  paged::hnsw::create(store, options);

  show(phase::kTraining);
  const Sample sample = take_sample(heap, index, info, options, *opclass);
  uint8_t* model = nullptr;
  uint32_t model_bytes = 0;
  if (sample.count >= kLeastSample) model = train_code(options, storage, *opclass, sample, &model_bytes);

  SharedBuild* shared = nullptr;
  Team* team = nullptr;
  const int workers = model == nullptr ? 0 : plan_workers(heap, index);
  if (workers > 0) team = start_team(heap, index, info, workers, options, model, model_bytes, &shared);
  if (team == nullptr) {
    shared = static_cast<SharedBuild*>(palloc(sizeof(SharedBuild)));
    init_shared(shared, heap, index, info, options, model_bytes);
  }
  Participant p = make_participant(shared, heap, index, info, model, true);

  show(phase::kScanning);
  scan_rows(p, team == nullptr ? nullptr : team_scan(team, heap));
  meet(p);
  show(phase::kMerging);
  shared->node_pages = store.pages() - 1;
  shared->has_graph = prepare_graph(p) && model != nullptr;
  meet(p);
  if (shared->dismissed) shared->participants = 1;
  if (shared->has_graph) {
    make_graph(p);
    complete_graph(p);
  }
  options = shared->options;
  store.change(paged::kMetaBlock, [&](paged::PageEdit page) {
    return paged::write_options(page, options) ? paged::Verdict::kCommit : paged::Verdict::kAbandon;
  });
  list_room(p);
  if (shared->has_graph) {
    meet(p);
    join_rest(p);
    meet(p);
    measure_searches(p, sample);
    meet(p);
    join_held(p);
    meet(p);
  }
  if (p.segment != nullptr) dsm_detach(p.segment);
  if (p.segment == nullptr && p.memory != nullptr) pfree(p.memory);
  p.memory = nullptr;
  IndexBuildResult* result =
      static_cast<IndexBuildResult*>(MemoryContextAlloc(old, sizeof(IndexBuildResult)));
  result->heap_tuples = shared->heap_rows;
  result->index_tuples = shared->rows;
  if (team != nullptr) end_team(team);

  show(phase::kLogging);
  log_all_pages(index, MAIN_FORKNUM);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  return result;
}

void build_empty(Relation index) {
  StorePg store(index, {.fork = INIT_FORKNUM, .logging = Logging::kLater});
  paged::hnsw::create(store, plan_options(index, *opclass_of(index)));
  log_all_pages(index, INIT_FORKNUM);
}

char* build_phase_name(int64 phase) {
  switch (phase) {
    case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
      return pstrdup("initializing");
    case phase::kTraining:
      return pstrdup("training code");
    case phase::kScanning:
      return pstrdup("scanning table");
    case phase::kMerging:
      return pstrdup("merging equal rows");
    case phase::kLinking:
      return pstrdup("linking nodes");
    case phase::kImproving:
      return pstrdup("improving links");
    case phase::kWriting:
      return pstrdup("writing links");
    case phase::kJoining:
      return pstrdup("joining rows one by one");
    case phase::kCalibrating:
      return pstrdup("measuring recall");
    case phase::kLogging:
      return pstrdup("writing log");
    default:
      return nullptr;
  }
}

}  // namespace lowdim::pg::hnsw
