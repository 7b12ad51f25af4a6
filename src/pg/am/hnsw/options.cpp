// Storage options of lean_hnsw (WITH (...)), and what an index of a given column looks like with them. What
// shapes pages is fixed when the index is built: scans read the meta page, not these. See am.h.

#include "core/vec/limits.h"
#include "paged/hnsw/create.h"
#include "pg/am/hnsw/am.h"
#include "pg/types/fde.h"

extern "C" {
#include "access/reloptions.h"
#include "utils/rel.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::hnsw::Metric;

constexpr int kDefaultM = 16, kDefaultEfConstruction = 64, kDefaultEfSearch = 40;
constexpr uint32_t kSparseGuideDims = 256;
constexpr int kMostGuideDims = 65535;  // graph/train.h
constexpr int kMostCodeBytes = core::GraphCode::kMaxSegments / 2;

relopt_kind kind;  // set once, by register_options

relopt_enum_elt_def code_names[] = {{"auto", static_cast<int>(CodeOption::kAuto)},
                                    {"leanvec", static_cast<int>(CodeOption::kLeanvec)},
                                    {"pq", static_cast<int>(CodeOption::kPq)},
                                    {nullptr, 0}};
relopt_enum_elt_def rerank_names[] = {{"auto", static_cast<int>(RerankOption::kAuto)},
                                      {"float32", static_cast<int>(RerankOption::kFloat32)},
                                      {"float16", static_cast<int>(RerankOption::kFloat16)},
                                      {"int8", static_cast<int>(RerankOption::kInt8)},
                                      {"none", static_cast<int>(RerankOption::kNone)},
                                      {nullptr, 0}};

relopt_enum_elt_def order_names[] = {{"shuffle", static_cast<int>(core::GraphOrder::kShuffle)},
                                     {"lid_desc", static_cast<int>(core::GraphOrder::kLidDescending)},
                                     {"heap", static_cast<int>(core::GraphOrder::kHeap)},
                                     {nullptr, 0}};

const char* type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kVector:
      return "vector";
    case ColumnType::kHalfvec:
      return "halfvec";
    case ColumnType::kBit:
      return "bit";
    case ColumnType::kSparse:
      return "sparsevec";
  }
  return "";
}

}  // namespace

void register_options() {
  kind = add_reloption_kind();
  // Nobody who reads or writes the index need wait: all but ef_search and target_recall take effect with the
  // next REINDEX.
  const LOCKMODE lock = ShareUpdateExclusiveLock;
  add_int_reloption(kind, "m", "Half of the most neighbours of a node", kDefaultM, 2, 100, lock);
  add_int_reloption(kind, "ef_construction", "Candidates among which a new node's neighbours are chosen",
                    kDefaultEfConstruction, 4, 1000, lock);
  add_int_reloption(kind, "ef_search", "Candidates that a scan keeps; lowdim.ef_search overrides it",
                    kDefaultEfSearch, 1, 10000, lock);
  add_real_reloption(kind, "target_recall",
                     "Share of the true neighbours that a scan is to find, 0 for ef_search candidates; "
                     "lowdim.target_recall overrides it",
                     0, 0, 1, lock);
  add_enum_reloption(kind, "code", "Code of the neighbours in a node", code_names,
                     static_cast<int>(CodeOption::kAuto),
                     "Valid values are \"auto\", \"leanvec\" and \"pq\".", lock);
  add_int_reloption(kind, "code_dims", "Dimensions that codes keep, 0 for the choice by variance", 0, 0,
                    kMaxDims, lock);
  add_int_reloption(kind, "code_bytes", "Bytes of a code, 0 for the choice by the room on a page", 0, 0,
                    kMostCodeBytes, lock);
  add_enum_reloption(kind, "rerank", "What is kept of the vectors to measure them by", rerank_names,
                     static_cast<int>(RerankOption::kAuto),
                     "Valid values are \"auto\", \"float32\", \"float16\", \"int8\" and \"none\".", lock);
  add_enum_reloption(kind, "build_order", "Order in which a build links the rows", order_names,
                     static_cast<int>(core::GraphOrder::kShuffle),
                     "Valid values are \"shuffle\", \"lid_desc\" and \"heap\".", lock);
}

bytea* parse_options(Datum reloptions, bool validate) {
  static const relopt_parse_elt table[] = {
      {"m", RELOPT_TYPE_INT, offsetof(StorageOptions, m)},
      {"ef_construction", RELOPT_TYPE_INT, offsetof(StorageOptions, ef_construction)},
      {"ef_search", RELOPT_TYPE_INT, offsetof(StorageOptions, ef_search)},
      {"target_recall", RELOPT_TYPE_REAL, offsetof(StorageOptions, target_recall)},
      {"code", RELOPT_TYPE_ENUM, offsetof(StorageOptions, code)},
      {"code_dims", RELOPT_TYPE_INT, offsetof(StorageOptions, code_dims)},
      {"code_bytes", RELOPT_TYPE_INT, offsetof(StorageOptions, code_bytes)},
      {"rerank", RELOPT_TYPE_ENUM, offsetof(StorageOptions, rerank)},
      {"build_order", RELOPT_TYPE_ENUM, offsetof(StorageOptions, build_order)},
  };
  return static_cast<bytea*>(
      build_reloptions(reloptions, validate, kind, sizeof(StorageOptions), table, lengthof(table)));
}

StorageOptions storage_options(Relation index) {
  if (index->rd_options != nullptr) return *reinterpret_cast<const StorageOptions*>(index->rd_options);
  StorageOptions o{};
  o.m = kDefaultM;
  o.ef_construction = kDefaultEfConstruction;
  o.ef_search = kDefaultEfSearch;
  o.code = static_cast<int>(CodeOption::kAuto);
  o.rerank = static_cast<int>(RerankOption::kAuto);
  o.build_order = static_cast<int>(core::GraphOrder::kShuffle);
  return o;
}

namespace {

// The most segments that a model of these options can have: with more, codes and model would not go together.
uint32_t most_segments(const StorageOptions& s, const OpclassInfo& opclass, const Options& o) {
  uint32_t coordinates = o.guide_dims;
  if (s.code_dims != 0) {
    const bool projects = s.code != static_cast<int>(CodeOption::kPq) &&
                          (o.metric != Metric::kL1 || opclass.type == ColumnType::kSparse);
    if (!projects) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("code_dims needs a code that projects, which %s does not",
                             o.metric == Metric::kL1 ? "that of L1 distance" : "pq")));
    }
    if (static_cast<uint32_t>(s.code_dims) > o.guide_dims) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("code_dims cannot be more than %u here", o.guide_dims)));
    }
    coordinates = static_cast<uint32_t>(s.code_dims);
  }
  // Few dimensions are lifted to more, where the code projects.
  if (s.code_dims == 0) {
    coordinates = core::GraphCode::coordinates(
        coordinates, s.code != static_cast<int>(CodeOption::kPq) && o.metric != Metric::kL1);
  }
  if (coordinates > core::GraphCode::kMaxSegments) coordinates = core::GraphCode::kMaxSegments;
  return (coordinates + 1) / 2 * 2 + 2;
}

// Tries a payload; *o is as before if a slot with it does not fit a page.
bool fit(Options* o, Payload payload, uint32_t most) {
  Options with = *o;
  with.payload = payload;
  if (with.segments > most) with.segments = most;
  if (!paged::hnsw::init_options(with)) return false;
  if (with.segments > most) {
    with.segments = most;
    paged::hnsw::init_options(with);
  }
  *o = with;
  return true;
}

// The most segments with which two nodes share a page, where nothing is kept of the vectors.
uint32_t segments_of_two_nodes(Options o) {
  o.payload = Payload::kNone;
  for (o.segments = core::GraphCode::kMaxSegments + 2; o.segments > 2; o.segments -= 2) {
    if (paged::hnsw::init_options(o) && o.slots_per_page >= 2) return o.segments;
  }
  return 0;
}

// Without a payload: `segments` unless the storage options say how many, 0 for the usual choice.
bool fit_none(Options* o, uint32_t segments, uint32_t most) {
  if (o->segments == 0) o->segments = segments;
  return fit(o, Payload::kNone, most);
}

// `none_segments` are those of an index without payloads.
bool fit_payload(Options* o, ColumnType type, RerankOption rerank, uint32_t none_segments, uint32_t most) {
  if (type == ColumnType::kBit || type == ColumnType::kSparse) {
    if (rerank != RerankOption::kAuto && rerank != RerankOption::kNone) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("rerank of an index on %s can only be auto or none", type_name(type))));
    }
    if (type == ColumnType::kBit && rerank == RerankOption::kAuto && fit(o, Payload::kBits, most))
      return true;
    return fit(o, Payload::kNone, most);
  }
  switch (rerank) {
    case RerankOption::kAuto:
      return fit(o, Payload::kFloat16, most) || fit(o, Payload::kInt8, most) ||
             fit_none(o, none_segments, most);
    case RerankOption::kFloat32:
      return fit(o, Payload::kFloat32, most);
    case RerankOption::kFloat16:
      return fit(o, Payload::kFloat16, most);
    case RerankOption::kInt8:
      return fit(o, Payload::kInt8, most);
    case RerankOption::kNone:
      return fit_none(o, none_segments, most);
  }
  return false;
}

// What the index is on, if that is an encoding of multi-vector documents.
FdeExpression encoding_of(Relation index) {
  const List* expressions = RelationGetIndexExpressions(index);
  if (expressions == NIL) return {};
  return fde_expression_of(static_cast<const Node*>(linitial(expressions)));
}

}  // namespace

int32 declared_dims(Relation index) {
  const FdeExpression encoding = encoding_of(index);
  const int32 dims = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
  if (dims >= 1 || encoding.column == 0 || encoding.dims < 1) return dims;
  return static_cast<int32>(fde_encoder(encoding.options, static_cast<uint32_t>(encoding.dims))->out_dims());
}

Options plan_options(Relation index, const OpclassInfo& opclass) {
  const StorageOptions s = storage_options(index);
  if (s.ef_construction < 2 * s.m) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("ef_construction must be greater than or equal to 2 * m")));
  }
  if (s.code == static_cast<int>(CodeOption::kLeanvec) && opclass.metric == Metric::kL1 &&
      opclass.type != ColumnType::kSparse) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("code = leanvec does not keep L1 distances"), errhint("Use auto or pq.")));
  }
  const int32 dims = declared_dims(index);
  if (dims < 1) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions"),
             errhint("Give the column, or a cast in the index expression, a type with dimensions like %s(3).",
                     type_name(opclass.type))));
  }
  Options o{};
  o.metric = opclass.metric;
  o.dims = o.guide_dims = static_cast<uint32_t>(dims);
  if (opclass.type == ColumnType::kSparse) o.guide_dims = kSparseGuideDims;
  if (o.guide_dims > kMostGuideDims) {
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
             errmsg("column cannot have more than %d dimensions for lean_hnsw index", kMostGuideDims)));
  }
  const uint32_t links = 2 * static_cast<uint32_t>(s.m);
  o.degree = (links + paged::hnsw::kLanes - 1) / paged::hnsw::kLanes * paged::hnsw::kLanes;
  o.ef_construction = static_cast<uint32_t>(s.ef_construction);
  o.ef_search = static_cast<uint32_t>(s.ef_search);
  // Rows wider than about 2,000 bytes are stored out of line, wherever the column's storage allows it.
  constexpr int kOutOfLineBytes = 1900;
  if ((opclass.type == ColumnType::kVector && dims * 4 > kOutOfLineBytes) ||
      (opclass.type == ColumnType::kHalfvec && dims * 2 > kOutOfLineBytes)) {
    o.place_bytes = sizeof(paged::hnsw::Place);
  }
  if (s.code_bytes != 0) o.segments = static_cast<uint32_t>(s.code_bytes) * 2 + 2;
  // Encodings are ranked by nothing but the code: of thousands of dimensions the usual 30 bytes say little.
  const uint32_t none_segments = encoding_of(index).column == 0 ? 0 : segments_of_two_nodes(o);
  if (!fit_payload(&o, opclass.type, static_cast<RerankOption>(s.rerank), none_segments,
                   most_segments(s, opclass, o))) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("a node of %d dimensions does not fit a page with these options", dims),
                    errhint("Use rerank = int8 or rerank = none, a smaller m or smaller code_bytes.")));
  }
  o.trainable = 1;
  return o;
}

}  // namespace lowdim::pg::hnsw
