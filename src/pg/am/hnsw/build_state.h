// A build in progress: what all its processes share, and what one of them holds. The leader, which is the
// backend that runs CREATE INDEX, goes through all steps in order; workers, if there are any, join it in
// those that divide (scan, load, link, improve, finish, write, join, last). meet() stands between steps: what
// was written to shared memory or pages before it is there after it.
//
// Plain data, and offsets only, in what is shared: workers may map it elsewhere. Between build.cpp (the
// course), build_pages.cpp (table to pages), build_graph.cpp (graph) and build_parallel.cpp (processes).
#pragma once

#include <type_traits>

#include "core/graph/build.h"
#include "paged/hnsw/build.h"
#include "pg/am/hnsw/am.h"

extern "C" {
#include "access/tableam.h"
#include "port/atomics.h"
#include "storage/barrier.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/spin.h"
}

namespace lowdim::pg::hnsw {

// What pg_stat_progress_create_index shows; see build_phase_name().
namespace phase {
inline constexpr int64 kTraining = 2;
inline constexpr int64 kScanning = 3;
inline constexpr int64 kMerging = 4;
inline constexpr int64 kLinking = 5;
inline constexpr int64 kImproving = 6;
inline constexpr int64 kWriting = 7;
inline constexpr int64 kJoining = 8;
inline constexpr int64 kCalibrating = 9;
inline constexpr int64 kLogging = 10;
}  // namespace phase

// Steps whose work is handed out piece by piece from a counter.
enum class Step : int { kLoad, kHome, kLink, kImprove, kFinish, kWrite, kJoin, kLast, kCount };

inline constexpr uint32_t kNoPlace = 0xFFFFFFFF;

// Nodes are linked in a shuffled order: node `order[p]` has place p, in the graph too. Places from graph.n on
// did not fit into memory, or are the last `held` ones, with which searches are measured before they are
// linked.
struct GraphPlan {
  core::GraphBuildOptions graph;
  uint32_t nodes;  // in `order`
  uint32_t held;
  uint32_t cells;  // of the pages of nodes
  uint32_t code_bytes;
  // The one piece of memory.
  size_t order_at;  // nodes times the cell of a place
  size_t place_at;  // cells times the place of a cell, or kNoPlace
  size_t codes_at;  // graph.n codes
  size_t graph_at;  // GraphBuild
  size_t bytes;
};

struct SharedBuild {
  Oid heap;
  Oid index;
  bool concurrent;
  Options options;       // as in the meta page; after kWrite as they are to be
  uint32_t model_bytes;  // 0: not trained

  int participants;  // the leader included; valid once `started`
  bool started;
  ConditionVariable start;
  Barrier barrier;
  slock_t mutex;
  double heap_rows;  // under mutex
  double rows;       // under mutex: indexed
  uint64_t scanned;  // under mutex: nodes laid out
  pg_atomic_uint64 counter[static_cast<int>(Step::kCount)];

  // --- the leader fills in before kLoad
  bool has_graph;
  bool dismissed;  // workers may go: there is no shared memory for a graph
  paged::Block node_pages;
  GraphPlan plan;
  dsm_handle segment;  // of the memory, if workers share it
};
static_assert(std::is_trivially_copyable_v<SharedBuild>);

struct Participant {
  SharedBuild* shared;
  Relation heap;
  Relation index;
  IndexInfo* info;
  const OpclassInfo* opclass;
  StorePg* store;
  const uint8_t* model;         // null: not trained
  const core::GraphCode* code;  // of it; null likewise
  bool leader;
  uint8_t* memory;       // GraphPlan's
  dsm_segment* segment;  // where it is, if workers share it

  uint32_t* order() const { return reinterpret_cast<uint32_t*>(memory + shared->plan.order_at); }
  uint32_t* place() const { return reinterpret_cast<uint32_t*>(memory + shared->plan.place_at); }
  uint8_t* code_of(uint32_t p) const {
    return memory + shared->plan.codes_at + size_t{p} * shared->plan.code_bytes;
  }
};

void init_shared(SharedBuild* shared, Relation heap, Relation index, const IndexInfo* info,
                 const Options& options, uint32_t model_bytes);
// A participant in this process, in the current memory context.
Participant make_participant(SharedBuild* shared, Relation heap, Relation index, IndexInfo* info,
                             const uint8_t* model, bool leader);
// Waits for all participants.
void meet(Participant& p);
inline uint64_t next_piece(Participant& p, Step step, uint64_t count = 1) {
  return pg_atomic_fetch_add_u64(&p.shared->counter[static_cast<int>(step)], count);
}

// --- build_pages.cpp
// Rows drawn from all over the table, as the code is made of them.
struct Sample {
  float* rows;
  uint32_t count;
  uint32_t dims;
};
Sample take_sample(Relation heap, Relation index, IndexInfo* info, const Options& o,
                   const OpclassInfo& opclass);
// A trained code's image, in the current memory context.
uint8_t* train_code(const Options& o, const StorageOptions& storage, const OpclassInfo& opclass,
                    const Sample& sample, uint32_t* bytes);
// Reads the table (or a share of it, with a parallel scan) into pages of nodes.
void scan_rows(Participant& p, TableScanDesc scan);

// --- build_graph.cpp
// For the leader: merges equal rows, decides what fits into memory, makes the memory and the order. False if
// there is no node for a graph.
bool prepare_graph(Participant& p);
// For everybody: from rows on pages to links and codes on pages.
void make_graph(Participant& p);
// For the leader: the pages of entries and of the model. Sets them in shared->options.
void complete_graph(Participant& p);
// For everybody: the rows that did not fit, by the way of inserts.
void join_rest(Participant& p);
// For the leader, when all rows are linked but those that are held: what searches cost and find, into the
// meta page.
void measure_searches(Participant& p, const Sample& sample);
// For everybody: those that were held.
void join_held(Participant& p);
// For the leader: puts pages with free slots on their list.
void list_room(Participant& p);

// --- build_parallel.cpp
// How many workers to ask for.
int plan_workers(Relation heap, Relation index);
struct Team;  // workers that run, in the leader
// Launches workers; null if there are none to be had. *shared then lies in memory that they see, initialised.
Team* start_team(Relation heap, Relation index, IndexInfo* info, int workers, const Options& options,
                 const uint8_t* model, uint32_t model_bytes, SharedBuild** shared);
// The leader's share of the table.
TableScanDesc team_scan(Team* team, Relation heap);
// Maps the segment that the leader has made.
void map_memory(Participant& p);
// Whether the machine has shared memory of that size now. Without it, an error would say so in the middle.
bool can_share(size_t bytes);
// Waits for the workers' end.
void end_team(Team* team);

}  // namespace lowdim::pg::hnsw
