// What an operator class of lean_hnsw means: a column type and a distance, told by its support function 1.
// Also amvalidate. See am.h; sql/install/30_lean_hnsw.sql makes the operator classes.

#include "pg/am/hnsw/am.h"
#include "pg/fn.h"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::hnsw::Metric;

constexpr OpclassInfo kInfos[] = {
    {ColumnType::kVector, Metric::kL2},      {ColumnType::kVector, Metric::kInner},
    {ColumnType::kVector, Metric::kCosine},  {ColumnType::kVector, Metric::kL1},
    {ColumnType::kHalfvec, Metric::kL2},     {ColumnType::kHalfvec, Metric::kInner},
    {ColumnType::kHalfvec, Metric::kCosine}, {ColumnType::kHalfvec, Metric::kL1},
    {ColumnType::kBit, Metric::kHamming},    {ColumnType::kBit, Metric::kJaccard},
    {ColumnType::kSparse, Metric::kL2},      {ColumnType::kSparse, Metric::kInner},
    {ColumnType::kSparse, Metric::kCosine},  {ColumnType::kSparse, Metric::kL1},
};

Datum info_of(ColumnType type, Metric metric) {
  for (const OpclassInfo& info : kInfos) {
    if (info.type == type && info.metric == metric) return PointerGetDatum(&info);
  }
  return PointerGetDatum(nullptr);
}

}  // namespace

const OpclassInfo* opclass_of(Relation index) {
  FmgrInfo* function = index_getprocinfo(index, 1, 1);
  // No more is wanted than the address of a constant. A null datum: the function ignores what it is given.
  return reinterpret_cast<const OpclassInfo*>(
      DatumGetPointer(FunctionCall1Coll(function, InvalidOid, PointerGetDatum(nullptr))));
}

// An operator class has an ordering operator, strategy 1, on its type twice, that returns a double; where it
// has one, an operator of range search, strategy 2, on its type and a sphere; and a support function,
// number 1.
bool validate(Oid opclass) {
  HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator class %u", opclass);
  const Form_pg_opclass form = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(tuple));
  const Oid family = form->opcfamily, type = form->opcintype;
  const char* name = pstrdup(NameStr(form->opcname));
  ReleaseSysCache(tuple);
  bool good = true;
  const auto complain = [&](const char* what) {
    ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                   errmsg("operator class \"%s\" of access method lean_hnsw %s", name, what)));
    good = false;
  };

  bool has_operator = false, has_support = false;
  CatCList* operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
  for (int i = 0; i < operators->n_members; i++) {
    const Form_pg_amop op = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&operators->members[i]->tuple));
    if (op->amopstrategy == 2 && op->amoppurpose == AMOP_SEARCH) {
      if (!check_amop_signature(op->amopopr, BOOLOID, op->amoplefttype, op->amoprighttype)) {
        complain("has a condition that is not boolean");
      }
    } else if (op->amopstrategy != 1 || op->amoppurpose != AMOP_ORDER) {
      complain("has an operator that is neither strategy 1 FOR ORDER BY nor strategy 2 FOR SEARCH");
    } else if (op->amoplefttype != op->amoprighttype ||
               !check_amop_signature(op->amopopr, FLOAT8OID, op->amoplefttype, op->amoprighttype)) {
      complain("has an operator that is not a double precision of its type twice");
    } else if (!opfamily_can_sort_type(op->amopsortfamily, FLOAT8OID)) {
      complain("orders by what does not sort double precision");
    } else {
      has_operator |= op->amoplefttype == type;
    }
  }
  ReleaseCatCacheList(operators);
  CatCList* functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
  for (int i = 0; i < functions->n_members; i++) {
    const Form_pg_amproc proc = reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&functions->members[i]->tuple));
    if (proc->amprocnum != 1 || !check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID)) {
      complain("has a support function that is not number 1, internal to internal");
    } else {
      has_support |= proc->amproclefttype == type && proc->amprocrighttype == type;
    }
  }
  ReleaseCatCacheList(functions);
  if (!has_operator) complain("lacks its operator");
  if (!has_support) complain("lacks its support function");
  return good;
}

}  // namespace lowdim::pg::hnsw

using lowdim::paged::hnsw::Metric;
using lowdim::pg::hnsw::ColumnType;

#define LOWDIM_OPCLASS(name, type, metric)                              \
  LOWDIM_FN(name) {                                                     \
    (void)fcinfo;                                                       \
    return lowdim::pg::hnsw::info_of(ColumnType::type, Metric::metric); \
  }
LOWDIM_OPCLASS(lowdim_lean_hnsw_vector_l2, kVector, kL2)
LOWDIM_OPCLASS(lowdim_lean_hnsw_vector_ip, kVector, kInner)
LOWDIM_OPCLASS(lowdim_lean_hnsw_vector_cosine, kVector, kCosine)
LOWDIM_OPCLASS(lowdim_lean_hnsw_vector_l1, kVector, kL1)
LOWDIM_OPCLASS(lowdim_lean_hnsw_halfvec_l2, kHalfvec, kL2)
LOWDIM_OPCLASS(lowdim_lean_hnsw_halfvec_ip, kHalfvec, kInner)
LOWDIM_OPCLASS(lowdim_lean_hnsw_halfvec_cosine, kHalfvec, kCosine)
LOWDIM_OPCLASS(lowdim_lean_hnsw_halfvec_l1, kHalfvec, kL1)
LOWDIM_OPCLASS(lowdim_lean_hnsw_bit_hamming, kBit, kHamming)
LOWDIM_OPCLASS(lowdim_lean_hnsw_bit_jaccard, kBit, kJaccard)
LOWDIM_OPCLASS(lowdim_lean_hnsw_sparsevec_l2, kSparse, kL2)
LOWDIM_OPCLASS(lowdim_lean_hnsw_sparsevec_ip, kSparse, kInner)
LOWDIM_OPCLASS(lowdim_lean_hnsw_sparsevec_cosine, kSparse, kCosine)
LOWDIM_OPCLASS(lowdim_lean_hnsw_sparsevec_l1, kSparse, kL1)
#undef LOWDIM_OPCLASS
