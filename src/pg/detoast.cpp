// See detoast.h.
//
// The server finds every out-of-line value through the TOAST table's index: open the table and its index,
// descend, fetch. An exact scan meets the values in the order in which they were stored, and then the chunks
// of the next value lie right behind those of the last one. So the cursor looks there first. A chunk names
// its value, and a value's identity is never shared with another one as long as either is in the table, so a
// chunk that carries the right identity and sequence number and is visible to a TOAST snapshot is the chunk
// that the index would have found.

#include "pg/detoast.h"

#include <cmath>

#include "pg/buffer_hints.h"

extern "C" {
#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace lowdim::pg {
namespace {

// A chunk as it lies on its page: chunk_id oid, chunk_seq int4, chunk_data bytea, none of them ever null.
struct Chunk {
  const char* data;
  int32 size;
};
constexpr uint32 kChunkFields = sizeof(Oid) + sizeof(int32);

// The tuple of a chunk and what it says of itself; false where none is. What it says is not to be believed
// before the tuple is found visible.
bool find_chunk(Page page, OffsetNumber offset, HeapTupleData* tuple, Oid* value, int32* sequence) {
  const ItemId item = PageGetItemId(page, offset);
  if (!ItemIdIsNormal(item)) return false;
  tuple->t_data = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
  tuple->t_len = ItemIdGetLength(item);
  if (tuple->t_len < tuple->t_data->t_hoff + kChunkFields + VARHDRSZ_SHORT || HeapTupleHasNulls(tuple)) {
    return false;
  }
  const char* fields = reinterpret_cast<const char*>(tuple->t_data) + tuple->t_data->t_hoff;
  memcpy(value, fields, sizeof *value);
  memcpy(sequence, fields + sizeof *value, sizeof *sequence);
  return true;
}

bool read_chunk(Page page, Buffer buffer, OffsetNumber offset, Relation table, Snapshot snapshot, Oid value,
                int32 sequence, Chunk* chunk) {
  HeapTupleData tuple;
  Oid id;
  int32 seq;
  if (!find_chunk(page, offset, &tuple, &id, &seq) || id != value || seq != sequence) return false;
  tuple.t_tableOid = RelationGetRelid(table);
  ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), offset);
  if (!HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer)) return false;
  const struct varlena* data = reinterpret_cast<const struct varlena*>(
      reinterpret_cast<const char*>(tuple.t_data) + tuple.t_data->t_hoff + kChunkFields);
  if (VARATT_IS_EXTERNAL(data) || VARATT_IS_COMPRESSED(data)) return false;
  *chunk = {VARDATA_ANY(data), static_cast<int32>(VARSIZE_ANY_EXHDR(data))};
  prefetch_next_row(reinterpret_cast<const struct varlena*>(tuple.t_data), tuple.t_len);
  return true;
}

// Reads `size` bytes of `value` from the places behind the cursor; false, and the cursor as it was, if they
// are not there. may_be_gone: the table may have become shorter since the place was seen.
bool read_behind(Relation table, ToastCursor* cursor, bool may_be_gone, Oid value, int32 size, char* out) {
  SnapshotData snapshot;
  init_toast_snapshot(&snapshot);
  BlockNumber block = cursor->block;
  OffsetNumber offset = cursor->offset;
  Buffer buffer = InvalidBuffer;
  int32 done = 0;
  BlockNumber first_block = block;
  OffsetNumber first_offset = offset;
  bool turned = false;  // only once from one page to the next without a chunk in between
  for (int32 sequence = 0; done < size;) {
    if (!BufferIsValid(buffer)) {
      // A block in a buffer exists; asking for the table's size is a system call.
      const bool sure = !turned && !may_be_gone;
      buffer = BufferHints::read_known(table, block);
      if (!BufferIsValid(buffer)) {
        if (!sure && block >= RelationGetNumberOfBlocks(table)) return false;
        buffer = BufferHints::read(table, block);
      }
      LockBuffer(buffer, BUFFER_LOCK_SHARE);
    }
    const Page page = BufferGetPage(buffer);
    const OffsetNumber last = PageIsNew(page) ? InvalidOffsetNumber : PageGetMaxOffsetNumber(page);
    Chunk chunk;
    if (offset < last &&
        read_chunk(page, buffer, OffsetNumberNext(offset), table, &snapshot, value, sequence, &chunk)) {
      const int32 expected = Min(size - done, static_cast<int32>(TOAST_MAX_CHUNK_SIZE));
      if (chunk.size != expected) break;
      if (sequence == 0) {
        first_block = block;
        first_offset = offset;
      }
      memcpy(out + done, chunk.data, static_cast<size_t>(chunk.size));
      done += chunk.size;
      ++sequence;
      offset = OffsetNumberNext(offset);
      turned = false;
    } else if (offset >= last && !turned) {
      UnlockReleaseBuffer(buffer);
      buffer = InvalidBuffer;
      ++block;
      offset = InvalidOffsetNumber;
      turned = true;
      CHECK_FOR_INTERRUPTS();
    } else {
      break;
    }
  }
  if (BufferIsValid(buffer)) UnlockReleaseBuffer(buffer);
  if (done < size) return false;
  cursor->block = block;
  cursor->offset = offset;
  cursor->first_block = first_block;
  cursor->first_offset = first_offset;
  cursor->first_value = value;
  return true;
}

// Puts the cursor on the last chunk of `value`, by the index.
void locate(Relation table, ToastCursor* cursor, Oid value, int32 size) {
  const int32 last = (size - 1) / static_cast<int32>(TOAST_MAX_CHUNK_SIZE);
  Relation* indexes;
  int n_indexes;
  const int valid = toast_open_indexes(table, AccessShareLock, &indexes, &n_indexes);
  SnapshotData snapshot;
  init_toast_snapshot(&snapshot);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
  ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(last));
  SysScanDesc scan = systable_beginscan_ordered(table, indexes[valid], &snapshot, 2, keys);
  if (const HeapTuple tuple = systable_getnext_ordered(scan, ForwardScanDirection); tuple != nullptr) {
    cursor->table = RelationGetRelid(table);
    cursor->transaction = current_transaction();
    cursor->subtransaction = GetCurrentSubTransactionId();
    cursor->block = ItemPointerGetBlockNumber(&tuple->t_self);
    cursor->offset = ItemPointerGetOffsetNumber(&tuple->t_self);
  }
  systable_endscan_ordered(scan);
  toast_close_indexes(indexes, n_indexes, AccessShareLock);
}

// What expect_toast was told last, a place a value, overwritten by whoever comes next.
struct Expected {
  Oid value;
  BlockNumber block;
  OffsetNumber offset;
};
constexpr uint32 kExpected = 256;
Expected expected[kExpected];

const Expected* find_expected(Oid value) {
  const Expected& e = expected[value % kExpected];
  return e.value == value ? &e : nullptr;
}

// What a page of a TOAST table holds.
struct PageOfValues {
  Oid least = InvalidOid, greatest = InvalidOid;  // InvalidOid: nothing
  OffsetNumber place = InvalidOffsetNumber;       // of the first chunk of the value in question
  bool begun = false;                             // by a page before: only later chunks of it are here
};

PageOfValues look_at(Relation table, BlockNumber block, Oid value) {
  PageOfValues out;
  const Buffer buffer = BufferHints::read(table, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const Page page = BufferGetPage(buffer);
  const OffsetNumber last = PageIsNew(page) ? InvalidOffsetNumber : PageGetMaxOffsetNumber(page);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset = OffsetNumberNext(offset)) {
    HeapTupleData tuple;
    Oid id;
    int32 sequence;
    if (!find_chunk(page, offset, &tuple, &id, &sequence)) continue;
    if (out.least == InvalidOid || id < out.least) out.least = id;
    if (id > out.greatest) out.greatest = id;
    if (id != value) continue;
    if (sequence == 0) {
      out.place = offset;
      break;
    }
    out.begun = true;
  }
  UnlockReleaseBuffer(buffer);
  return out;
}

struct varlena* make_result(int32 size) {
  struct varlena* result = static_cast<struct varlena*>(palloc(static_cast<Size>(size) + VARHDRSZ));
  SET_VARSIZE(result, static_cast<Size>(size) + VARHDRSZ);
  return result;
}

}  // namespace

void expect_toast(Oid value, BlockNumber block, OffsetNumber offset) {
  expected[value % kExpected] = {value, block, offset};
}

// The table's first and last page tell how many blocks a value has.
void ToastTrack::start(Relation table) {
  table_ = RelationGetRelid(table);
  blocks_ = table->rd_rel->relam == HEAP_TABLE_AM_OID ? RelationGetNumberOfBlocks(table) : 0;
  if (blocks_ == 0) return;
  value_ = look_at(table, 0, InvalidOid).least;
  const Oid last = look_at(table, blocks_ - 1, InvalidOid).greatest;
  if (value_ == InvalidOid || last <= value_) {
    blocks_ = 0;
    return;
  }
  block_ = 0;
  blocks_per_value_ = static_cast<double>(blocks_ - 1) / (last - value_);
  credit_ = 8;
}

void ToastTrack::look_for(struct varlena* value) {
  constexpr int kProbes = 4;
  constexpr int32 kMostCredit = 32;
  if (!VARATT_IS_EXTERNAL_ONDISK(value)) return;
  struct varatt_external pointer;
  VARATT_EXTERNAL_GET_POINTER(pointer, value);
  if (VARATT_EXTERNAL_IS_COMPRESSED(pointer)) return;
  if (pointer.va_toastrelid == table_ && blocks_ == 0) return;
  // Locked to the end of the transaction, as in detoast: the table may grow, but not shrink.
  Relation table = table_open(pointer.va_toastrelid, AccessShareLock);
  if (RelationGetRelid(table) != table_) start(table);
  const Oid wanted = pointer.va_valueid;
  bool found = false;
  Oid from = value_;  // what lies on block_, as far as is known
  BlockNumber block = block_;
  for (int probe = 0; probe < kProbes && blocks_ > 0; ++probe) {
    double step = (static_cast<double>(wanted) - from) * blocks_per_value_;
    if (probe > 0) step = wanted > from ? Max(step, 1.0) : Min(step, -1.0);
    const double next = rint(block + step);
    block = next < 0 ? 0 : next >= blocks_ ? blocks_ - 1 : static_cast<BlockNumber>(next);
    const PageOfValues page = look_at(table, block, wanted);
    if (page.place != InvalidOffsetNumber) {
      expect_toast(wanted, block, OffsetNumberPrev(page.place));
      value_ = wanted;
      block_ = block;
      found = true;
      break;
    }
    if (page.least == InvalidOid) break;
    if (page.begun || wanted < page.least) {
      from = page.begun ? wanted + 1 : page.least;
    } else if (wanted > page.greatest) {
      from = page.greatest;
    } else {
      break;
    }
  }
  credit_ = found ? Min(credit_ + 1, kMostCredit) : credit_ - 4;
  if (credit_ < 0) blocks_ = 0;
  table_close(table, NoLock);
}

struct varlena* detoast(struct varlena* value, ToastCursor* cursor) {
  if (cursor == nullptr || !VARATT_IS_EXTERNAL_ONDISK(value)) return detoast_attr(value);
  struct varatt_external pointer;
  VARATT_EXTERNAL_GET_POINTER(pointer, value);
  if (VARATT_EXTERNAL_IS_COMPRESSED(pointer)) return detoast_attr(value);
  const int32 size = static_cast<int32>(VARATT_EXTERNAL_GET_EXTSIZE(pointer));

  // The lock stays to the end of the transaction, as the one on the table that the value belongs to does:
  // taking it again for the next row then costs a look at the session's own lock table.
  Relation table = table_open(pointer.va_toastrelid, AccessShareLock);
  if (table->rd_rel->relam != HEAP_TABLE_AM_OID) {
    table_close(table, NoLock);
    return detoast_attr(value);
  }
  cursor->first_value = InvalidOid;
  if (const Expected* e = find_expected(pointer.va_valueid); e != nullptr) {
    ToastCursor there{};
    there.block = e->block;
    there.offset = e->offset;
    struct varlena* result = make_result(size);
    if (read_behind(table, &there, true, pointer.va_valueid, size, VARDATA(result))) {
      table_close(table, NoLock);
      return result;
    }
    pfree(result);
  }
  if (cursor->table == pointer.va_toastrelid && cursor->transaction == current_transaction() &&
      cursor->subtransaction == GetCurrentSubTransactionId()) {
    struct varlena* result = make_result(size);
    if (read_behind(table, cursor, false, pointer.va_valueid, size, VARDATA(result))) {
      cursor->misses = 0;
      table_close(table, NoLock);
      return result;
    }
    pfree(result);
  }
  // Out of order. Look for a new start after 1, 2, 4, 8 ... misses, so that random access costs next to
  // nothing more.
  ++cursor->misses;
  cursor->table = InvalidOid;
  if ((cursor->misses & (cursor->misses - 1)) == 0) locate(table, cursor, pointer.va_valueid, size);
  table_close(table, NoLock);
  return detoast_attr(value);
}

ToastCursor* toast_cursor(FunctionCallInfo fcinfo, int n) {
  FmgrInfo* function = fcinfo->flinfo;
  if (function == nullptr) return nullptr;
  if (function->fn_extra == nullptr) {
    function->fn_extra = MemoryContextAllocZero(function->fn_mcxt, 2 * sizeof(ToastCursor));
  }
  return static_cast<ToastCursor*>(function->fn_extra) + n;
}

}  // namespace lowdim::pg
