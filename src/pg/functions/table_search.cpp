// See table_search.h.

#include "pg/functions/table_search.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
}

namespace lowdim::pg {

Relation open_table(Oid oid, const char* partitioned_hint) {
  const char kind = get_rel_relkind(oid);
  if (kind != '\0' && kind != RELKIND_RELATION && kind != RELKIND_MATVIEW) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a table or materialized view", get_rel_name(oid)),
                    kind == RELKIND_PARTITIONED_TABLE ? errhint("%s", partitioned_hint) : 0));
  }
  Relation table = kind == '\0' ? nullptr : try_table_open(oid, AccessShareLock);
  if (table == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
  }
  return table;
}

AttrNumber column_named(Relation table, const char* name) {
  const AttrNumber column = get_attnum(RelationGetRelid(table), name);
  if (column < 1) {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist",
                                                       name, RelationGetRelationName(table))));
  }
  return column;
}

void check_rights(Relation table, AttrNumber column, const char* function, const char* rls_hint) {
  const Oid role = GetUserId(), oid = RelationGetRelid(table);
  if (pg_class_aclcheck(oid, role, ACL_SELECT) != ACLCHECK_OK &&
      pg_attribute_aclcheck(oid, column, role, ACL_SELECT) != ACLCHECK_OK) {
    aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(table));
  }
  if (check_enable_rls(oid, InvalidOid, false) == RLS_ENABLED) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("%s cannot read \"%s\", which has row security", function,
                           RelationGetRelationName(table)),
                    errhint("%s", rls_hint)));
  }
}

bool too_young(Relation index) {
  return index->rd_index->indcheckxmin &&
         !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
}

void order_by(Relation index, Datum query, ScanKey key) {
  // Until the index is trained it measures rows with the operator's function.
  const Oid type = index->rd_opcintype[0];
  const Oid distance = get_opcode(get_opfamily_member(index->rd_opfamily[0], type, type, 1));
  ScanKeyEntryInitialize(key, SK_ORDER_BY, 1, 1, type, InvalidOid, distance, query);
}

}  // namespace lowdim::pg
