// The second part of a build: from rows on pages to a graph, in one piece of memory that all processes see,
// and back to links and codes on pages. See build_state.h.

#include <algorithm>

#include "core/base/random.h"
#include "paged/hnsw/calibrate.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/join.h"
#include "paged/hnsw/search.h"
#include "paged/hnsw/slots.h"
#include "pg/am/hnsw/build_state.h"
#include "pg/arena_pg.h"

extern "C" {
#include "commands/progress.h"
#include "pgstat.h"
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::PageEdit;
using paged::PageView;
using paged::Verdict;
using paged::hnsw::Geometry;
using paged::hnsw::kNoNode;
using paged::hnsw::NodeId;
using paged::hnsw::State;

constexpr uint64_t kOrderSeed = 0x6C65616E;
constexpr uint32_t kSlacks[] = {32, 16, 8};  // room for more links while building: the first that fits
constexpr uint32_t kLeastGraph = 1024;       // however little memory there is
constexpr uint32_t kQueries = 64;            // searches that measure hops where nothing else can be

size_t align64(size_t n) { return (n + 63) & ~size_t{63}; }

void report(uint64_t done) {
  pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(done));
}
void begin_phase(Participant& p, int64 phase) {
  if (!p.leader) return;
  const int columns[] = {PROGRESS_CREATEIDX_SUBPHASE, PROGRESS_CREATEIDX_TUPLES_TOTAL,
                         PROGRESS_CREATEIDX_TUPLES_DONE};
  const int64 values[] = {phase, static_cast<int64>(p.shared->plan.graph.n), 0};
  pgstat_progress_update_multi_param(3, columns, values);
}

void lay_out(GraphPlan& plan) {
  size_t at = 0;
  const auto take = [&](size_t bytes) {
    const size_t here = at;
    at += align64(bytes);
    return here;
  };
  plan.order_at = take(size_t{plan.nodes} * sizeof(uint32_t));
  plan.place_at = take(size_t{plan.cells} * sizeof(uint32_t));
  plan.codes_at = take(size_t{plan.graph.n} * plan.code_bytes);
  plan.graph_at = take(core::GraphBuild::shared_bytes(plan.graph));
  plan.bytes = at;
}

size_t memory_of(GraphPlan& plan, int participants) {
  lay_out(plan);
  return plan.bytes + static_cast<size_t>(participants) * core::GraphBuild::scratch_bytes(plan.graph);
}

paged::hnsw::CalibrateLimits calibrate_limits() {
  paged::hnsw::CalibrateLimits limits;
  limits.memory_bytes = static_cast<size_t>(maintenance_work_mem) * 1024;
  return limits;
}

// Chooses the slack, and if even the least does not fit, how many nodes the graph in memory has.
void fit(GraphPlan& plan, const Options& o, int participants) {
  // What measures searches has its queries beside the graph.
  const size_t budget =
      static_cast<size_t>(maintenance_work_mem) * 1024 - plan.held * paged::hnsw::query_bytes(o);
  plan.graph.n = plan.nodes;
  for (const uint32_t slack : kSlacks) {
    plan.graph.slack = slack;
    if (memory_of(plan, participants) <= budget) return;
  }
  // Linear in n but for roundings, so two points tell.
  plan.graph.n = 0;
  const size_t fixed = memory_of(plan, participants);
  plan.graph.n = plan.nodes;
  const double each = static_cast<double>(memory_of(plan, participants) - fixed) / plan.nodes;
  const double most = budget > fixed ? static_cast<double>(budget - fixed) / each : 0;
  plan.graph.n = static_cast<uint32_t>(
      Min(static_cast<double>(plan.nodes), Max(most, static_cast<double>(kLeastGraph))));
  lay_out(plan);
  if (plan.graph.n == plan.nodes) return;
  ereport(NOTICE,
          (errmsg("lean_hnsw graph no longer fits into maintenance_work_mem after %u tuples", plan.graph.n),
           errdetail("The remaining tuples are added one at a time."),
           errhint("Increase maintenance_work_mem to speed up builds.")));
}

// The one piece of memory: shared if there are workers and the machine has as much.
uint8_t* make_memory(Participant& p) {
  SharedBuild* shared = p.shared;
  const size_t bytes = shared->plan.bytes;
  if (shared->participants > 1 && !can_share(bytes)) {
    ereport(NOTICE, (errmsg("not enough shared memory for a parallel build of %zu MB", bytes >> 20),
                     errdetail("The graph is built by one process.")));
    shared->dismissed = true;
  }
  if (shared->participants > 1 && !shared->dismissed) {
    p.segment = dsm_create(bytes, 0);
    shared->segment = dsm_segment_handle(p.segment);
    return static_cast<uint8_t*>(dsm_segment_address(p.segment));
  }
  return static_cast<uint8_t*>(MemoryContextAllocHuge(CurrentMemoryContext, bytes));
}

core::GraphBuild graph_of(Participant& p, bool create) {
  return core::GraphBuild(p.shared->plan.graph, p.memory + p.shared->plan.graph_at, create);
}

void load_rows(Participant& p, const core::GraphBuild& graph) {
  const Geometry g(p.shared->options);
  const GraphPlan& plan = p.shared->plan;
  const uint32_t* place = p.place();
  constexpr uint64_t kPages = 16;
  for (uint64_t from; (from = next_piece(p, Step::kLoad, kPages)) < p.shared->node_pages;) {
    const uint64_t to = Min(from + kPages, uint64_t{p.shared->node_pages});
    for (uint64_t i = from; i < to; ++i) {
      const paged::Block block = static_cast<paged::Block>(i + 1);
      CHECK_FOR_INTERRUPTS();
      p.store->read(block, [&](PageView page) {
        if (!paged::hnsw::is_nodes(page, g)) return;
        for (uint32_t item = 0; item < g.slots_per_page; ++item) {
          const uint32_t at = place[g.id(block, item) - g.slots_per_page];
          if (at >= plan.graph.n) continue;
          const uint8_t* slot = paged::hnsw::slot_at(page, g, item);
          memcpy(graph.row(at), paged::hnsw::stashed_row(slot, g), plan.graph.row_bytes);
          *graph.terms(at) = *paged::hnsw::stashed_terms(slot, g);
          memcpy(p.code_of(at), slot + g.code_offset(), plan.code_bytes);
        }
      });
    }
  }
}

// All nodes of the graph in their order, by all participants.
template <class Work>
void for_nodes(Participant& p, Step step, Work work) {
  const uint32_t n = p.shared->plan.graph.n;
  for (uint64_t i, told = 0; (i = next_piece(p, step)) < n;) {
    CHECK_FOR_INTERRUPTS();
    work(static_cast<uint32_t>(i));
    if (p.leader && i >= told) {
      report(i);
      told = i + 1000;
    }
  }
}

void write_links(Participant& p, const core::GraphBuild& graph) {
  const Geometry g(p.shared->options);
  const GraphPlan& plan = p.shared->plan;
  const uint32_t *place = p.place(), *order = p.order();
  constexpr uint64_t kPages = 16;
  for (uint64_t from; (from = next_piece(p, Step::kWrite, kPages)) < p.shared->node_pages;) {
    if (p.leader) report(Min(from * g.slots_per_page, uint64_t{plan.graph.n}));
    const uint64_t to = Min(from + kPages, uint64_t{p.shared->node_pages});
    for (uint64_t i = from; i < to; ++i) {
      const paged::Block block = static_cast<paged::Block>(i + 1);
      CHECK_FOR_INTERRUPTS();
      p.store->change(block, [&](PageEdit page) {
        if (!paged::hnsw::is_nodes(page, g)) return Verdict::kAbandon;
        for (uint32_t item = 0; item < g.slots_per_page; ++item) {
          const uint32_t at = place[g.id(block, item) - g.slots_per_page];
          if (at == kNoPlace) continue;  // free, or a node that is alone, or more rows of a node
          uint8_t* slot = paged::hnsw::slot_at(page, g, item);
          const uint32_t count = at < plan.graph.n ? graph.count(at) : 0;
          const uint32_t* links = at < plan.graph.n ? graph.links(at) : nullptr;
          paged::hnsw::put_links(
              slot, g, count, [&](uint32_t j) { return paged::hnsw::node_of_cell(g, order[links[j]]); },
              [&](uint32_t j) { return p.code_of(links[j]); });
        }
        return Verdict::kCommit;
      });
    }
  }
}

// Pruning may leave nodes that nobody links to (where many vectors are nearly equal): a node that they link
// to links back, in place of one that others lead to as well. Appends to `entries` those that nobody has room
// for.
void adopt_orphans(Participant& p, const core::GraphBuild& graph, ArenaVec<uint32_t>& entries) {
  const Geometry g(p.shared->options);
  const uint32_t n = p.shared->plan.graph.n, degree = p.shared->plan.graph.degree;
  uint8_t* leading = static_cast<uint8_t*>(MemoryContextAllocHuge(CurrentMemoryContext, n));  // 255: or more
  memset(leading, 0, n);
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t j = 0; j < graph.count(i); ++j) {
      uint8_t& count = leading[graph.links(i)[j]];
      if (count < 255) ++count;
    }
  }
  for (const uint32_t entry : entries) leading[entry] = 255;
  FlatSet<uint32_t> changed(entries.arena());
  for (uint32_t i = 0; i < n; ++i) {
    if (leading[i] != 0) continue;
    CHECK_FOR_INTERRUPTS();
    bool adopted = false;
    for (uint32_t k = 0; k < graph.count(i) && !adopted; ++k) {
      const uint32_t by = graph.links(i)[k], count = graph.count(by);
      if (changed.contains(by)) continue;
      uint32_t lane = count;
      if (count == degree) {
        while (lane > 0 && leading[graph.links(by)[lane - 1]] <= 1) --lane;
        if (lane == 0) continue;
        --leading[graph.links(by)[--lane]];
      }
      const NodeId parent = paged::hnsw::node_of_cell(g, p.order()[by]);
      adopted = p.store->change(g.block(parent), [&](PageEdit page) {
        uint8_t* slot = paged::hnsw::slot_at(page, g, g.item(parent));
        paged::hnsw::put_link(slot, g, lane, paged::hnsw::node_of_cell(g, p.order()[i]), p.code_of(i));
        if (lane == count) paged::hnsw::head_of(slot).count = static_cast<uint8_t>(count + 1);
        return Verdict::kCommit;
      });
      changed.insert(by);
    }
    if (!adopted) entries.push_back(i);
  }
  pfree(leading);
}

}  // namespace

bool prepare_graph(Participant& p) {
  SharedBuild* shared = p.shared;
  const Geometry g(shared->options);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw merge", ALLOCSET_DEFAULT_SIZES);
  uint64_t* keys = static_cast<uint64_t*>(
      MemoryContextAllocHuge(context, (size_t{shared->scanned} + 1) * sizeof(uint64_t)));
  size_t n = paged::hnsw::list_cells(*p.store, g, shared->node_pages, keys, shared->scanned);
  std::sort(keys, keys + n);
  n = paged::hnsw::merge_equal(*p.store, g, keys, n, p.code != nullptr, arena_in(context));
  shared->options.nodes = n;
  if (p.code == nullptr) {
    MemoryContextDelete(context);
    return false;
  }
  GraphPlan& plan = shared->plan;
  size_t linked = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!paged::hnsw::is_alone(keys[i])) keys[linked++] = keys[i];
  }
  core::Random random(kOrderSeed);
  for (size_t i = linked; i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);

  plan.nodes = static_cast<uint32_t>(linked);
  plan.cells = shared->node_pages * g.slots_per_page;
  plan.code_bytes = g.code_bytes();
  plan.graph.row_bytes = paged::hnsw::row_shape(g, p.code->code_dims()).bytes;
  plan.graph.degree = g.degree;
  plan.graph.ef_construction = shared->options.ef_construction;
  plan.graph.entries = paged::hnsw::build_entries(linked);
  plan.graph.order = storage_options(p.index).graph_order(shared->options.metric);
  plan.held = paged::hnsw::held_queries(shared->options, calibrate_limits(), linked);
  fit(plan, shared->options, shared->participants);
  plan.graph.n = Min(plan.graph.n, plan.nodes - plan.held);
  lay_out(plan);
  p.memory = nullptr;
  if (linked > 0) {
    p.memory = make_memory(p);
    uint32_t *order = p.order(), *place = p.place();
    memset(place, 0xFF, size_t{plan.cells} * sizeof(uint32_t));
    for (uint32_t i = 0; i < plan.nodes; ++i) {
      order[i] = paged::hnsw::cell_of(keys[i]);
      place[order[i]] = i;
    }
    graph_of(p, true);
  }
  MemoryContextDelete(context);
  return linked > 0;
}

void make_graph(Participant& p) {
  const core::GraphBuild graph = graph_of(p, false);
  load_rows(p, graph);
  meet(p);
  uint8_t* memory = static_cast<uint8_t*>(
      MemoryContextAllocHuge(CurrentMemoryContext, core::GraphBuild::scratch_bytes(p.shared->plan.graph)));
  core::GraphBuild::Scratch scratch = core::GraphBuild::make_scratch(p.shared->plan.graph, memory);
  begin_phase(p, phase::kLinking);
  for_nodes(p, Step::kHome, [&](uint32_t i) { graph.find_home(i, p.order()[i], scratch); });
  meet(p);
  if (p.leader) graph.make_tour();
  meet(p);
  for_nodes(p, Step::kLink, [&](uint32_t i) { graph.insert(graph.tour(i), scratch); });
  meet(p);
  begin_phase(p, phase::kImproving);
  for_nodes(p, Step::kImprove, [&](uint32_t i) { graph.improve(graph.tour(i), scratch); });
  meet(p);
  for_nodes(p, Step::kFinish, [&](uint32_t i) { graph.finish(i, scratch); });
  meet(p);
  pfree(memory);
  begin_phase(p, phase::kWriting);
  write_links(p, graph);
  meet(p);
}

void complete_graph(Participant& p) {
  Options& o = p.shared->options;
  const Geometry g(o);
  const core::GraphBuild graph = graph_of(p, false);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw entries", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  ArenaVec<uint32_t> places(arena_in(context));
  for (uint32_t i = 0; i < graph.entry_count(); ++i) places.push_back(graph.entry(i));
  adopt_orphans(p, graph, places);
  const uint32_t count = static_cast<uint32_t>(places.size());
  paged::hnsw::Entry* entries =
      static_cast<paged::hnsw::Entry*>(MemoryContextAllocHuge(context, count * sizeof(paged::hnsw::Entry)));
  for (uint32_t i = 0; i < count; ++i) {
    entries[i] = {paged::hnsw::node_of_cell(g, p.order()[places[i]]), p.code_of(places[i])};
  }
  o.entries_block = paged::hnsw::write_entries(*p.store, g, entries, count);
  o.model_block = paged::hnsw::write_model(*p.store, p.model, p.shared->model_bytes);
  o.model_bytes = p.shared->model_bytes;
  o.generation++;
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
}

namespace {

// The places from..to.
void join(Participant& p, Step step, uint32_t from, uint32_t to) {
  if (from == to) return;
  const Options& o = p.shared->options;
  const Geometry g(o);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw join", ALLOCSET_DEFAULT_SIZES);
  paged::hnsw::Joiner<StorePg> joiner(*p.store, o, *p.code, arena_in(context));
  begin_phase(p, phase::kJoining);
  const uint32_t n = to - from;
  if (p.leader) pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, n);
  for (uint64_t i, told = 0; (i = next_piece(p, step)) < n;) {
    CHECK_FOR_INTERRUPTS();
    joiner.join(paged::hnsw::node_of_cell(g, p.order()[from + i]));
    if (p.leader && i >= told) {
      report(i);
      told = i + 1000;
    }
  }
  MemoryContextDelete(context);
}

}  // namespace

void join_rest(Participant& p) {
  const GraphPlan& plan = p.shared->plan;
  join(p, Step::kJoin, plan.graph.n, plan.nodes - plan.held);
}

void join_held(Participant& p) {
  const GraphPlan& plan = p.shared->plan;
  join(p, Step::kLast, plan.nodes - plan.held, plan.nodes);
}

void measure_searches(Participant& p, const Sample& sample) {
  const Options& o = p.shared->options;
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw calibration", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  begin_phase(p, phase::kCalibrating);
  const paged::hnsw::CalibrateLimits limits = calibrate_limits();
  if (o.payload == Payload::kNone) {
    // Without vectors in the index nothing is exact; what a search costs is known all the same.
    paged::hnsw::Calibration calibration{};
    paged::hnsw::Calibrator<StorePg> calibrator(*p.store, o, *p.code, arena_in(context), limits);
    if (calibrator.run_with(sample.rows, Min(sample.count, kQueries), &calibration)) {
      paged::hnsw::put_calibration(*p.store, o, calibration);
    }
  } else {
    const GraphPlan& plan = p.shared->plan;
    const Geometry g(o);
    NodeId* held = static_cast<NodeId*>(palloc(sizeof(NodeId) * (plan.held + 1)));
    for (uint32_t i = 0; i < plan.held; ++i) {
      held[i] = paged::hnsw::node_of_cell(g, p.order()[plan.nodes - plan.held + i]);
    }
    paged::hnsw::calibrate(*p.store, o, *p.code, arena_in(context), limits, held, plan.held);
  }
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
}

void list_room(Participant& p) {
  const Geometry g(p.shared->options);
  for (paged::Block block = 1; block <= p.shared->node_pages; ++block) {
    CHECK_FOR_INTERRUPTS();
    const bool room = p.store->read(block, [&](PageView page) {
      return paged::hnsw::is_nodes(page, g) && paged::hnsw::count_free(page, g) > 0;
    });
    if (room) paged::hnsw::add_room(*p.store, g, block);
  }
}

}  // namespace lowdim::pg::hnsw
