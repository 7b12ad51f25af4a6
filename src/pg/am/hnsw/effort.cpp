// How wide a search is: given as a number of candidates, or as a recall that the index's own table
// (calibration.h) turns into one. One choice for scans, the planner and what shows it; see am.h.

#include <cmath>
#include <limits>

#include "paged/hnsw/calibrate.h"
#include "pg/am/hnsw/am.h"
#include "pg/arena_pg.h"

extern "C" {
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {

Effort choose_effort(const Options& o, const StorageOptions& storage, bool alike) {
  const paged::hnsw::Calibration& c = o.calibration;
  const bool known = o.model_block != paged::kNoBlock && paged::hnsw::knows_recall(c);
  const auto of = [&](uint32_t ef, const char* chosen) {
    const double recall = known ? paged::hnsw::recall_at(c, ef) : std::numeric_limits<double>::quiet_NaN();
    return Effort{ef, recall, chosen, false, {}};
  };
  if (ef_search_setting > 0) return of(static_cast<uint32_t>(ef_search_setting), "lowdim.ef_search");
  const bool session = target_recall_setting > 0;
  const double target = session ? target_recall_setting : storage.target_recall;
  if (!(target > 0) || !known) return of(static_cast<uint32_t>(storage.ef_search), "ef_search");
  const char* chosen = session ? "lowdim.target_recall" : "target_recall";
  core::EffortStep judged{};
  if (alike || !paged::hnsw::effort_for(c, target, &judged))
    return of(paged::hnsw::ef_for(c, target), chosen);
  const double width = Min(std::ceil(static_cast<double>(judged.width)), paged::hnsw::kMostEf);
  return {static_cast<uint32_t>(width), static_cast<double>(judged.recall), chosen, true, judged};
}

bool calibrate_index(Relation index, StorePg& store, size_t memory_bytes, bool quickly) {
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw calibration", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  const IndexContext now = load_context(index, store);
  paged::hnsw::CalibrateLimits limits;
  limits.memory_bytes = memory_bytes;
  if (quickly) limits.most_queries = paged::hnsw::kLeastQueries;
  const bool done = now.options.model_block != paged::kNoBlock &&
                    paged::hnsw::calibrate(store, now.options, now.code, arena_in(context), limits);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  return done;
}

}  // namespace lowdim::pg::hnsw
