// The processes of a parallel build: how many, how they start, what they find in shared memory. The leader
// takes part in everything; a worker that fails makes the leader's next wait raise its error, and the end of
// the leader's transaction ends all workers. See build_state.h.

#include <sys/statvfs.h>

#include "pg/am/hnsw/build_state.h"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/dsm_impl.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PGDLLEXPORT void lowdim_hnsw_build_worker(dsm_segment* segment, shm_toc* toc);
}

namespace lowdim::pg::hnsw {
namespace {

constexpr uint64_t kShared = 0x4C44000000000001, kScan = kShared + 1, kModel = kShared + 2,
                   kQuery = kShared + 3;

}  // namespace

struct Team {
  ParallelContext* context;
  Snapshot snapshot;
  ParallelTableScanDesc scan;
};

int plan_workers(Relation heap, Relation index) {
  // The server's own choice knows what forbids workers: temporary tables, expressions that are not safe. Its
  // number is meant for sorting, which gains less from workers than distances do.
  if (plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index)) == 0) return 0;
  const int wanted = RelationGetParallelWorkers(heap, -1);
  return wanted != -1 ? Min(wanted, max_parallel_maintenance_workers) : max_parallel_maintenance_workers;
}

Team* start_team(Relation heap, Relation index, IndexInfo* info, int workers, const Options& options,
                 const uint8_t* model, uint32_t model_bytes, SharedBuild** shared) {
  EnterParallelMode();
  ParallelContext* context = CreateParallelContext("lowdim", "lowdim_hnsw_build_worker", workers);
  const Snapshot snapshot = info->ii_Concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
  const Size scan_bytes = table_parallelscan_estimate(heap, snapshot);
  const char* query = debug_query_string;
  const Size query_bytes = query != nullptr ? strlen(query) + 1 : 0;
  for (const Size bytes :
       {static_cast<Size>(sizeof(SharedBuild)), scan_bytes, static_cast<Size>(model_bytes), query_bytes}) {
    if (bytes == 0) continue;
    shm_toc_estimate_chunk(&context->estimator, bytes);
    shm_toc_estimate_keys(&context->estimator, 1);
  }
  InitializeParallelDSM(context);
  const auto leave = [&] {
    if (IsMVCCSnapshot(snapshot)) UnregisterSnapshot(snapshot);
    DestroyParallelContext(context);
    ExitParallelMode();
    return static_cast<Team*>(nullptr);
  };
  if (context->seg == nullptr) return leave();

  SharedBuild* state = static_cast<SharedBuild*>(shm_toc_allocate(context->toc, sizeof(SharedBuild)));
  init_shared(state, heap, index, info, options, model_bytes);
  shm_toc_insert(context->toc, kShared, state);
  ParallelTableScanDesc scan = static_cast<ParallelTableScanDesc>(shm_toc_allocate(context->toc, scan_bytes));
  table_parallelscan_initialize(heap, scan, snapshot);
  shm_toc_insert(context->toc, kScan, scan);
  void* image = shm_toc_allocate(context->toc, model_bytes);
  memcpy(image, model, model_bytes);
  shm_toc_insert(context->toc, kModel, image);
  if (query != nullptr) {
    char* text = static_cast<char*>(shm_toc_allocate(context->toc, query_bytes));
    memcpy(text, query, query_bytes);
    shm_toc_insert(context->toc, kQuery, text);
  }

  LaunchParallelWorkers(context);
  if (context->nworkers_launched == 0) return leave();
  // The barrier counts on everybody: one that does not come up is an error here, not a wait for ever.
  WaitForParallelWorkersToAttach(context);
  BarrierInit(&state->barrier, context->nworkers_launched + 1);
  SpinLockAcquire(&state->mutex);
  state->participants = context->nworkers_launched + 1;
  state->started = true;
  SpinLockRelease(&state->mutex);
  ConditionVariableBroadcast(&state->start);
  *shared = state;
  Team* team = static_cast<Team*>(palloc(sizeof(Team)));
  *team = {context, snapshot, scan};
  return team;
}

TableScanDesc team_scan(Team* team, Relation heap) { return table_beginscan_parallel(heap, team->scan); }

void map_memory(Participant& p) {
  p.segment = dsm_attach(p.shared->segment);
  if (p.segment == nullptr) elog(ERROR, "lean_hnsw: the leader's memory is gone");
  p.memory = static_cast<uint8_t*>(dsm_segment_address(p.segment));
}

bool can_share(size_t bytes) {
#if defined(__linux__)
  // Containers often have 64 MB there, whatever memory they have.
  struct statvfs room;
  if (dynamic_shared_memory_type == DSM_IMPL_POSIX && statvfs("/dev/shm", &room) == 0) {
    return static_cast<uint64_t>(room.f_bavail) * room.f_frsize > bytes + (size_t{4} << 20);
  }
#endif
  return true;
}

void end_team(Team* team) {
  WaitForParallelWorkersToFinish(team->context);
  if (IsMVCCSnapshot(team->snapshot)) UnregisterSnapshot(team->snapshot);
  DestroyParallelContext(team->context);
  ExitParallelMode();
}

namespace {

void work(SharedBuild* shared, const uint8_t* model, ParallelTableScanDesc table) {
  const LOCKMODE heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
  const LOCKMODE index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
  const Relation heap = table_open(shared->heap, heap_lock);
  const Relation index = index_open(shared->index, index_lock);
  IndexInfo* info = BuildIndexInfo(index);
  info->ii_Concurrent = shared->concurrent;

  ConditionVariablePrepareToSleep(&shared->start);
  for (;;) {
    SpinLockAcquire(&shared->mutex);
    const bool started = shared->started;
    SpinLockRelease(&shared->mutex);
    if (started) break;
    ConditionVariableSleep(&shared->start, PG_WAIT_EXTENSION);
  }
  ConditionVariableCancelSleep();

  Participant p = make_participant(shared, heap, index, info, model, false);
  scan_rows(p, table_beginscan_parallel(heap, table));
  meet(p);
  meet(p);  // the leader merges and plans
  if (shared->has_graph && !shared->dismissed) {
    map_memory(p);
    make_graph(p);
    meet(p);  // the leader completes the graph
    join_rest(p);
    meet(p);
    meet(p);  // the leader measures
    join_held(p);
    meet(p);
    dsm_detach(p.segment);
  }
  index_close(index, index_lock);
  table_close(heap, heap_lock);
}

}  // namespace
}  // namespace lowdim::pg::hnsw

void lowdim_hnsw_build_worker(dsm_segment*, shm_toc* toc) {
  using namespace lowdim::pg::hnsw;
  debug_query_string = static_cast<char*>(shm_toc_lookup(toc, kQuery, true));
  pgstat_report_activity(STATE_RUNNING, debug_query_string);
  work(static_cast<SharedBuild*>(shm_toc_lookup(toc, kShared, false)),
       static_cast<const uint8_t*>(shm_toc_lookup(toc, kModel, false)),
       static_cast<ParallelTableScanDesc>(shm_toc_lookup(toc, kScan, false)));
}
