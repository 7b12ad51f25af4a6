// See store_pg.h.

#include "pg/store_pg.h"

#include <cstring>

#include "pg/failpoint.h"

extern "C" {
#include "access/xloginsert.h"
}

namespace lowdim::pg {

// Not paged::Block: the macros of bufmgr.h mean a type of that name.
using paged::kWholePage;
using paged::NewPage;
using paged::PageEdit;
using paged::PageView;
using paged::Verdict;

BufferHints::Place BufferHints::places_[BufferHints::kPlaces];
uint32_t BufferHints::turn_ = 0;

Buffer StorePg::locked(paged::Block block, int mode) const {
  const Buffer buffer =
      shared_ ? BufferHints::read(relation_, block)
              : ReadBufferExtended(relation_, options_.fork, block, RBM_NORMAL, options_.strategy);
  LockBuffer(buffer, mode);
  return buffer;
}

void StorePg::damage(paged::Block block, uint32_t item, const char* what) {
  if (options_.sink.note != nullptr) {
    options_.sink.note(options_.sink.self, block, item, what);
    return;
  }
  const char* name = RelationGetRelationName(relation_);
  if (item == kWholePage) {
    ereport(DEBUG1,
            (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("index \"%s\", block %u: %s", name, block, what)));
  } else {
    ereport(DEBUG1, (errcode(ERRCODE_INDEX_CORRUPTED),
                     errmsg("index \"%s\", block %u, item %u: %s", name, block, item, what)));
  }
}

TxnPg::TxnPg(StorePg& store)
    : store_(&store),
      log_(store.options_.logging == Logging::kRecords ? GenericXLogStart(store.relation_) : nullptr) {}

// `buffer` is locked exclusively already and stays so until end(): the record is made of what is under the
// lock.
uint8_t* TxnPg::add(paged::Block block, Buffer buffer) {
  uint8_t* bytes;
  if (log_ != nullptr) {
    bytes = reinterpret_cast<uint8_t*>(GenericXLogRegisterBuffer(log_, buffer, 0));
  } else {
    bytes = static_cast<uint8_t*>(palloc(BLCKSZ));
    std::memcpy(bytes, BufferGetPage(buffer), BLCKSZ);
  }
  held_[count_++] = {block, buffer, bytes};
  return bytes;
}

PageEdit TxnPg::edit(paged::Block block) {
  for (int i = 0; i < count_; i++) {
    if (held_[i].block == block) return PageEdit(held_[i].bytes);
  }
  if (count_ == paged::kMaxTxnPages) elog(ERROR, "too many pages in one record");
  // Two sessions that lock in different orders would wait for each other for ever, without a way to cancel.
  if (count_ > 0 && block < held_[count_ - 1].block) elog(ERROR, "pages are locked out of order");
  return PageEdit(add(block, store_->locked(block, BUFFER_LOCK_EXCLUSIVE)));
}

NewPage TxnPg::extend() {
  if (count_ == paged::kMaxTxnPages) elog(ERROR, "too many pages in one record");
  const Relation relation = store_->relation_;
  // Its holder never waits for a page lock (a new page is locked before anybody can see it), so waiting for
  // the extension lock under page locks ends.
  const bool shared = !RELATION_IS_LOCAL(relation);
  if (shared) LockRelationForExtension(relation, ExclusiveLock);
  const Buffer buffer = ReadBufferExtended(relation, store_->options_.fork, P_NEW, RBM_ZERO_AND_LOCK,
                                           store_->options_.strategy);
  if (shared) UnlockRelationForExtension(relation, ExclusiveLock);
  const paged::Block block = BufferGetBlockNumber(buffer);
  return {block, PageEdit(add(block, buffer))};
}

bool TxnPg::end(Verdict verdict) {
  if (verdict == Verdict::kCommit) {
    for (int i = 0; i < count_; i++) {
      // The log's own code trusts lower and upper.
      if (!PageView(held_[i].bytes).is_sane()) {
        elog(ERROR, "block %u would be committed with a broken header", held_[i].block);
      }
    }
    if (log_ != nullptr) {
      GenericXLogFinish(log_);
    } else {
      START_CRIT_SECTION();
      for (int i = 0; i < count_; i++) {
        std::memcpy(BufferGetPage(held_[i].buffer), held_[i].bytes, BLCKSZ);
        MarkBufferDirty(held_[i].buffer);
      }
      END_CRIT_SECTION();
    }
  } else if (log_ != nullptr) {
    GenericXLogAbort(log_);
  }
  for (int i = 0; i < count_; i++) {
    if (log_ == nullptr) pfree(held_[i].bytes);
    UnlockReleaseBuffer(held_[i].buffer);
  }
  if (verdict == Verdict::kCommit) failpoint_commit();
  return verdict == Verdict::kCommit;
}

void log_all_pages(Relation relation, ForkNumber fork) {
  if (!RelationNeedsWAL(relation) && fork != INIT_FORKNUM) return;
  log_newpage_range(relation, fork, 0, RelationGetNumberOfBlocksInFork(relation, fork), true);
}

}  // namespace lowdim::pg
