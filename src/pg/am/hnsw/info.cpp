// lowdim_info, lowdim_last_scan, lowdim_prewarm: what an index is, what the last scan did, and an index into
// memory. Figures come out as jsonb, so that more of them can be added.

#include <cmath>

#include "paged/hnsw/create.h"
#include "pg/am/hnsw/am.h"
#include "pg/am/hnsw/open.h"
#include "pg/fn.h"

extern "C" {
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/jsonb.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::hnsw::Metric;

const char* metric_name(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return "l2";
    case Metric::kInner:
      return "ip";
    case Metric::kCosine:
      return "cosine";
    case Metric::kL1:
      return "l1";
    case Metric::kHamming:
      return "hamming";
    case Metric::kJaccard:
      return "jaccard";
  }
  return "";
}

const char* payload_name(Payload payload) {
  switch (payload) {
    case Payload::kNone:
      return "none";
    case Payload::kFloat32:
      return "float32";
    case Payload::kFloat16:
      return "float16";
    case Payload::kInt8:
      return "int8";
    case Payload::kBits:
      return "bit";
  }
  return "";
}

// Whether searches stop by themselves.
const char* effort_name(bool per_query) { return per_query ? "per query" : "fixed"; }

// One JSON object in the making.
struct Object {
  StringInfoData text;

  Object() {
    initStringInfo(&text);
    appendStringInfoChar(&text, '{');
  }
  void key(const char* name) {
    if (text.len > 1) appendStringInfoString(&text, ", ");
    appendStringInfo(&text, "\"%s\": ", name);
  }
  void put(const char* name, uint64_t value) {
    key(name);
    appendStringInfo(&text, UINT64_FORMAT, value);
  }
  void put(const char* name, bool value) {
    key(name);
    appendStringInfoString(&text, value ? "true" : "false");
  }
  void put(const char* name, const char* value) {
    key(name);
    escape_json(&text, value);
  }
  void put_rounded(const char* name, double value) {
    key(name);
    appendStringInfo(&text, "%.1f", value);
  }
  // null if it is not known
  void put_share(const char* name, double value) {
    key(name);
    if (std::isnan(value)) {
      appendStringInfoString(&text, "null");
    } else {
      appendStringInfo(&text, "%.4f", value);
    }
  }
  Datum done() {
    appendStringInfoChar(&text, '}');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
  }
};

}  // namespace
}  // namespace lowdim::pg::hnsw

using namespace lowdim::pg::hnsw;

LOWDIM_FN(lowdim_info) {
  const OpenIndex open = open_index(PG_GETARG_OID(0), Wanted::kRead);
  lowdim::pg::StorePg store(open.index);
  const IndexContext context = load_context(open.index, store);
  const Options& o = context.options;
  const bool trained = o.model_block != lowdim::paged::kNoBlock;
  Object out;
  out.put("access_method", "lean_hnsw");
  out.put("format", uint64_t{store.read(lowdim::paged::kMetaBlock, [](lowdim::paged::PageView page) {
            const lowdim::paged::MetaHead* head = lowdim::paged::meta_head(page);
            return head == nullptr ? uint16_t{0} : head->format;
          })});
  out.put("distance", metric_name(o.metric));
  out.put("dims", uint64_t{o.dims});
  out.put("pages", uint64_t{store.pages()});
  out.put("nodes", o.nodes);
  out.put("inserted", o.inserted);
  out.put("trained", trained);
  out.put("most_neighbours", uint64_t{o.degree});
  out.put("ef_construction", uint64_t{o.ef_construction});
  const Effort effort = choose_effort(o, storage_options(open.index));
  out.put("ef_search", uint64_t{effort.ef});
  out.put("ef_search_by", effort.chosen);
  out.put("effort", effort_name(effort.per_query));
  out.put_share("predicted_recall", effort.recall);
  out.put("rerank", payload_name(o.payload));
  out.put("payload_bytes", uint64_t{o.payload_bytes});
  out.put("code_bytes", uint64_t{o.segments / 2});
  out.put("slot_bytes", uint64_t{o.slot_bytes});
  out.put("slots_per_page", uint64_t{o.slots_per_page});
  if (trained) {
    out.put("code_dims", uint64_t{context.code.code_dims()});
    out.put("model_bytes", uint64_t{o.model_bytes});
    out.put("generation", uint64_t{o.generation});
    if (lowdim::paged::hnsw::knows_hops(o.calibration)) {
      out.put_rounded("hops", effort.per_query ? static_cast<double>(effort.judged.hops)
                                               : lowdim::paged::hnsw::hops_at(o.calibration, effort.ef));
      out.put("calibrated_at", o.calibration.nodes);
      out.put("calibration_queries", uint64_t{o.calibration.queries});
    }
  }
  const Datum result = out.done();
  close_index(open);
  PG_RETURN_DATUM(result);
}

LOWDIM_FN(lowdim_calibration) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const OpenIndex open = open_index(PG_GETARG_OID(0), Wanted::kRead);
  lowdim::pg::StorePg store(open.index);
  const IndexContext context = load_context(open.index, store);
  const lowdim::paged::hnsw::Calibration& c = context.options.calibration;
  const bool measured = lowdim::paged::hnsw::knows_hops(c), recall = lowdim::paged::hnsw::knows_recall(c);
  for (uint32_t i = 0; measured && i < lowdim::paged::hnsw::kSteps; ++i) {
    const lowdim::paged::hnsw::CalibrationStep& step = c.steps[i];
    Datum values[] = {
        Int32GetDatum(static_cast<int32>(lowdim::paged::hnsw::kLadder[i])),
        Float8GetDatum(static_cast<double>(step.recall)), Float8GetDatum(static_cast<double>(step.error)),
        Float8GetDatum(static_cast<double>(step.hops)), Float8GetDatum(static_cast<double>(step.scored))};
    bool nulls[] = {false, !recall, !recall, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  close_index(open);
  PG_RETURN_DATUM(static_cast<Datum>(0));
}

LOWDIM_FN(lowdim_effort) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const OpenIndex open = open_index(PG_GETARG_OID(0), Wanted::kRead);
  lowdim::pg::StorePg store(open.index);
  const IndexContext context = load_context(open.index, store);
  const lowdim::paged::hnsw::Calibration& c = context.options.calibration;
  const bool known = lowdim::paged::hnsw::knows_effort(c);
  float before = -1;
  for (uint32_t i = 0; known && i < lowdim::core::kEffortSteps; ++i) {
    const lowdim::core::EffortStep& e = c.efforts[i];
    if (!(e.recall > before)) continue;  // the same once more: nothing finds more
    before = e.recall;
    const uint32_t most = lowdim::core::DeepBeam::depth(static_cast<uint32_t>(std::ceil(e.width)));
    Datum values[] = {
        Float8GetDatum(static_cast<double>(e.recall)), Float8GetDatum(static_cast<double>(e.error)),
        Float8GetDatum(static_cast<double>(e.low)),    Float8GetDatum(static_cast<double>(e.hops)),
        Float8GetDatum(static_cast<double>(e.scored)), Int32GetDatum(static_cast<int32>(most))};
    bool nulls[6] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  close_index(open);
  PG_RETURN_DATUM(static_cast<Datum>(0));
}

LOWDIM_FN(lowdim_last_scan) {
  if (!OidIsValid(last_scan.index)) PG_RETURN_NULL();
  Object out;
  out.put("index", DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(last_scan.index))));
  out.put("nodes_visited", last_scan.hops);
  out.put("codes_scored", last_scan.scored);
  out.put("vectors_measured", last_scan.measured);
  out.put("rows", last_scan.rows);
  out.put("rounds", last_scan.rounds);
  out.put("read_all", last_scan.swept);
  out.put("ef_search", uint64_t{last_scan.ef});
  out.put("effort", effort_name(last_scan.per_query));
  out.put_share("predicted_recall", last_scan.recall);
  PG_RETURN_DATUM(out.done());
}

LOWDIM_FN(lowdim_prewarm) {
  const OpenIndex open = open_index(PG_GETARG_OID(0), Wanted::kRead);
  lowdim::pg::StorePg store(open.index);
  const lowdim::paged::Block pages = store.pages();
  for (lowdim::paged::Block block = 0; block < pages; ++block) {
    store.poll();
    ReleaseBuffer(ReadBuffer(open.index, block));
  }
  close_index(open);
  PG_RETURN_INT64(static_cast<int64>(pages));
}
