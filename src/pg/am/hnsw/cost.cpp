// What a scan costs, for the planner. The server takes costs as linear from the first row to the last and
// pays for rows in the table itself; a search is not linear: its first `ef` rows come together, further ones
// come in rounds four times as wide each, and in the end all pages are read (paged/hnsw/search.h). So what is
// told is a line through two points: the first row, and the last one that will be wanted, as far as LIMIT and
// the other conditions tell.
//
// Pages of a graph are read at random and again and again: they are paid for as far as they do not fit
// effective_cache_size. What is always paid is the way into an index, as elsewhere: the meta page and the
// entries. It is what makes the exact scan of a small table the cheaper one.

#include <cmath>

#include "paged/hnsw/create.h"
#include "paged/hnsw/search.h"
#include "pg/am/hnsw/am.h"
#include "pg/compat.h"

extern "C" {
#include "access/relation.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace lowdim::pg::hnsw {
namespace {

// In the planner's parameters. The planner takes each page of a table that is scanned for a read, also where
// all is in memory; beside that a hop must not look as cheap as it is, or scans lose that would be quicker.
// Chosen so that plans of 331,479 rows of 100 dimensions, all in memory, cost in proportion to their times,
// exact scans included (bench/sql/plans.sh): a hop as much as 30 rows of such a scan, a node in a sweep
// a fifth of it.
constexpr double kPageAccess = 400;  // cpu_index_tuple_cost: finding, pinning, locking, missing caches, beam
constexpr double kNodeInSweep = 90;  // cpu_index_tuple_cost, its share of the page among it
constexpr double kRow = 40;          // cpu_index_tuple_cost
constexpr double kCodesAtOnce = 4;   // codes for a cpu_operator_cost
constexpr double kPayloadBytes = 128;  // of a payload measured for a cpu_operator_cost

struct Shape {
  double rows, nodes, pages;
  double ef;                       // of the first round, or what it comes to on average if searches stop
  double first_hops, first_codes;  // of it
  const paged::hnsw::Calibration* measured;  // null: searches have not been measured
  double degree;
  bool trained, measures_table;
  double page_io, sequential_page_io;  // what a page costs that may be in memory
  double hop, visit;                   // work: of a hop but for its codes, of a node in a sweep

  // A search expands what ends up in the beam, and on the way there some more: about the logarithm of n.
  double hops(double width) const {
    const double expanded =
        measured != nullptr ? paged::hnsw::hops_at(*measured, width) : width + std::log2(nodes + 1);
    return Min(expanded, nodes);
  }
  double codes(double width) const {
    return measured != nullptr ? paged::hnsw::scored_at(*measured, width)
                               : hops(width) * degree + std::sqrt(nodes);
  }
  double work(double hops, double codes) const {
    return hops * hop + codes / kCodesAtOnce * cpu_operator_cost + Min(hops, pages) * page_io;
  }
  double search(double width) const { return work(hops(width), codes(width)); }
  double sweep() const { return pages * sequential_page_io + nodes * visit; }
  double start() const { return trained ? work(first_hops, first_codes) : sweep(); }
  // Of rows beyond the first round's, `wanted` in all.
  double rest(double wanted) const {
    const double nodes_wanted = wanted * nodes / rows;
    paged::hnsw::Rounds round(static_cast<uint32_t>(ef), measures_table);
    if (!trained || nodes_wanted <= static_cast<double>(round.total())) return 0;
    double sum = 0;
    for (round.widen(); static_cast<double>(round.ef()) < nodes / 8; round.widen()) {
      sum += search(static_cast<double>(round.ef()));
      if (nodes_wanted <= static_cast<double>(round.total())) return sum;
    }
    return sum + sweep();
  }
};

// The options on the meta page; false if it cannot be read, which the scan then says with a hint.
bool look_up(const IndexOptInfo* info, Options* o, StorageOptions* storage) {
  if (info->hypothetical) return false;
  // The planner has locked the index.
  Relation index = relation_open(info->indexoid, NoLock);
  StorePg store(index);
  *storage = storage_options(index);
  const bool good = paged::hnsw::read_options(store, o) == paged::MetaStatus::kGood;
  relation_close(index, NoLock);
  return good;
}

// `o` must stay for as long as the shape.
Shape shape_of(PlannerInfo* root, const IndexPath* path, Options& o) {
  const IndexOptInfo* info = path->indexinfo;
  StorageOptions storage{};
  storage.ef_search = 40;
  Shape s{};
  s.rows = Max(info->tuples, 1);
  s.pages = Max(static_cast<double>(info->pages), 1);
  if (look_up(info, &o, &storage)) {
    s.trained = o.model_block != paged::kNoBlock;
    s.nodes = Min(Max(static_cast<double>(o.nodes), 1), s.rows);
  } else {
    o.degree = paged::hnsw::kLanes;
    o.payload = Payload::kFloat16;
    s.trained = true;
    s.nodes = s.rows;
  }
  const Effort effort = choose_effort(o, storage);
  s.ef = effort.per_query ? static_cast<double>(effort.judged.hops) : effort.ef;
  s.measured = paged::hnsw::knows_hops(o.calibration) ? &o.calibration : nullptr;
  s.degree = o.degree;
  s.first_hops = effort.per_query ? static_cast<double>(effort.judged.hops) : s.hops(s.ef);
  s.first_codes = effort.per_query ? static_cast<double>(effort.judged.scored) : s.codes(s.ef);
  s.measures_table = o.payload == Payload::kNone;

  double random_page, sequential_page;
  get_tablespace_page_costs(info->reltablespace, &random_page, &sequential_page);
  const double all_pages = root->total_table_pages + s.pages;
  const double missing = 1 - Min(1.0, effective_cache_size / all_pages);
  s.page_io = missing * random_page;
  s.sequential_page_io = missing * sequential_page;
  const double measure = (1 + o.payload_bytes / kPayloadBytes) * cpu_operator_cost;
  s.visit = kNodeInSweep * cpu_index_tuple_cost + measure;
  s.hop = kPageAccess * cpu_index_tuple_cost + measure;
  return s;
}

}  // namespace

void cost(PlannerInfo* root, IndexPath* path, double loops, Cost* startup, Cost* total,
          Selectivity* selectivity, double* correlation, double* pages) {
  *correlation = 0;
  if (path->indexorderbys == NIL && path->indexclauses == NIL) {
    // There is no scan without an order or a condition.
    *startup = *total = get_float8_infinity();
    *selectivity = 0;
    *pages = 0;
    LOWDIM_DISABLE_PATH(path);
    return;
  }
  const RelOptInfo* rel = path->indexinfo->rel;
  Options options{};
  const Shape s = shape_of(root, path, options);
  double random_page;
  get_tablespace_page_costs(path->indexinfo->reltablespace, &random_page, nullptr);

  // The way in: the meta page and the entries, about sqrt(n) codes.
  const double entries = s.trained ? std::sqrt(s.nodes) : 0;
  const double way_in = random_page * (1 + std::ceil(entries / 256)) / Max(loops, 1);
  *startup = way_in + s.start() + index_other_operands_eval_cost(root, path->indexorderbys);
  if (s.measures_table) {
    // A window of rows is fetched before the first is known; those that are returned are paid for elsewhere.
    double table_random_page;
    get_tablespace_page_costs(rel->reltablespace, &table_random_page, nullptr);
    const double window = s.trained ? Min(s.ef, s.rows) : s.rows;
    *startup += Min(window, rel->pages) * table_random_page + window * cpu_tuple_cost;
  }

  // What the index itself leaves out: rows beyond a radius, and those that a partial index lacks.
  List* conditions = get_quals_from_indexclauses(path->indexclauses);
  const double within =
      conditions == NIL ? 1 : clauselist_selectivity(root, conditions, rel->relid, JOIN_INNER, nullptr);

  // How many rows will be asked for: with conditions beside the order, more than the LIMIT.
  const double most = Max(s.rows * within, 1);
  double wanted = most;
  if (root->limit_tuples > 0 && bms_membership(root->all_baserels) == BMS_SINGLETON) {
    const double passing = Min(Max(rel->rows, 1) / s.rows, 1.0);
    wanted = Min(root->limit_tuples * within / passing, most);
  }
  if (max_scan_tuples_setting > 0) wanted = Min(wanted, max_scan_tuples_setting);
  const double each = kRow * cpu_index_tuple_cost;
  *total = *startup + s.rest(wanted) * most / Max(wanted, 1) + most * each;
  *selectivity = within * (rel->tuples > 0 ? Min(path->indexinfo->tuples / rel->tuples, 1.0) : 1.0);
  *pages = Min(s.trained ? s.first_hops : s.pages, s.pages);
}

}  // namespace lowdim::pg::hnsw
