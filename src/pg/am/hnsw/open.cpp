// See open.h.

#include "pg/am/hnsw/open.h"

#include "pg/compat.h"

extern "C" {
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg::hnsw {
namespace {

[[noreturn]] void raise_no_index(Oid oid) {
  const char* name = get_rel_name(oid);
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
  }
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a lean_hnsw index", name)));
  pg_unreachable();
}

void check_permission(Oid table, Oid index, Wanted wanted) {
  const Oid role = GetUserId();
  if (owns_relation(index, role)) return;
  // As LOCK TABLE: to keep writers out, one must be able to write.
  const AclMode mode = wanted == Wanted::kRead ? ACL_SELECT : ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
  const AclResult result = pg_class_aclcheck(table, role, mode);
  if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_TABLE, get_rel_name(table));
}

}  // namespace

OpenIndex open_index(Oid oid, Wanted wanted) {
  const char kind = get_rel_relkind(oid);
  if (kind == RELKIND_PARTITIONED_INDEX) {
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is a partitioned index", get_rel_name(oid)),
             errhint("Name an index of one of its partitions; pg_partition_tree lists them.")));
  }
  if (kind != RELKIND_INDEX) raise_no_index(oid);
  if (wanted == Wanted::kQuiet && RecoveryInProgress()) wanted = Wanted::kRead;

  // The table first: the order in which everybody else locks them.
  const Oid table = IndexGetRelation(oid, true);
  if (!OidIsValid(table)) raise_no_index(oid);
  check_permission(table, oid, wanted);
  OpenIndex open{};
  open.table = table_open(table, wanted == Wanted::kQuiet ? ShareLock : AccessShareLock);
  open.index = index_open(oid, AccessShareLock);
  // Before the lock it may have been dropped, and the number given to another.
  if (open.index->rd_index->indrelid != table || open.index->rd_indam->aminsert != insert)
    raise_no_index(oid);
  if (RELATION_IS_OTHER_TEMP(open.index)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot access temporary tables of other sessions")));
  }
  return open;
}

void close_index(const OpenIndex& open) {
  index_close(open.index, NoLock);
  table_close(open.table, NoLock);
}

}  // namespace lowdim::pg::hnsw
