// The server's Store (paged/store.h): pages of one fork of a relation through the buffer manager, GenericXLog
// for each record, heavyweight page locks for gates. Access methods make one for each call from the server;
// it is plain data.
//
// Nothing here releases anything on error: transaction abort releases page locks, pins and gates, in a
// subtransaction too, and an unfinished record is only memory.
#pragma once

#include <type_traits>

#include "paged/store.h"
#include "pg/buffer_hints.h"
#include "pg/pg.h"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
}

namespace lowdim::pg {

static_assert(paged::kPageBytes == BLCKSZ, "lowdim needs PostgreSQL's usual page size");
static_assert(paged::kMaxTxnPages <= MAX_GENERIC_XLOG_PAGES);

enum class Logging {
  kRecords,  // a record for each commit, if the relation is logged
  kLater,    // none: a build, or the init fork; log_all_pages must follow
};

// Who is told of damage. `note` is called under page locks: it may take memory, and no more.
struct DamageSink {
  void (*note)(void* self, paged::Block block, uint32_t item, const char* what) = nullptr;
  void* self = nullptr;
};

struct StoreOptions {
  ForkNumber fork = MAIN_FORKNUM;
  Logging logging = Logging::kRecords;
  BufferAccessStrategy strategy = nullptr;  // vacuum's ring of buffers
  DamageSink sink = {};                     // by default a DEBUG1 message: the read path never raises
};

class StorePg;

// One record in the making. Only inside StorePg::txn and change.
class TxnPg {
 public:
  paged::PageEdit edit(paged::Block block);
  paged::NewPage extend();

 private:
  friend class StorePg;
  explicit TxnPg(StorePg& store);
  uint8_t* add(paged::Block block, Buffer buffer);
  bool end(paged::Verdict verdict);

  struct Held {
    paged::Block block;
    Buffer buffer;
    uint8_t* bytes;  // the working copy
  };
  StorePg* store_;
  GenericXLogState* log_;  // null: Logging::kLater
  int count_ = 0;
  Held held_[paged::kMaxTxnPages];
};

class StorePg {
 public:
  // `relation` stays open and locked by the caller while the store is used.
  explicit StorePg(Relation relation, StoreOptions options = {})
      : relation_(relation),
        options_(options),
        shared_(!RelationUsesLocalBuffers(relation) && options.fork == MAIN_FORKNUM &&
                options.strategy == nullptr) {}

  paged::Block pages() const { return RelationGetNumberOfBlocksInFork(relation_, options_.fork); }

  template <class F>
  auto read(paged::Block block, F f) {
    using Result = decltype(f(paged::PageView(nullptr)));
    const Buffer buffer = locked(block, BUFFER_LOCK_SHARE);
    const paged::PageView view(BufferGetPage(buffer));
    if constexpr (std::is_void_v<Result>) {
      f(view);
      UnlockReleaseBuffer(buffer);
    } else {
      static_assert(std::is_trivially_destructible_v<Result>, "an error would jump over it");
      const Result result = f(view);
      UnlockReleaseBuffer(buffer);
      return result;
    }
  }
  template <class F>
  bool change(paged::Block block, F f) {
    TxnPg txn(*this);
    return txn.end(f(txn.edit(block)));
  }
  template <class F>
  bool txn(F f) {
    TxnPg txn(*this);
    return txn.end(f(txn));
  }
  template <class F>
  void with(paged::Gate gate, paged::GateMode mode, F f) {
    const LOCKMODE lock = mode == paged::GateMode::kShare ? ShareLock : ExclusiveLock;
    LockPage(relation_, gate.number, lock);
    f();
    UnlockPage(relation_, gate.number, lock);
  }
  void pass(paged::Gate gate) {
    LockPage(relation_, gate.number, ExclusiveLock);
    UnlockPage(relation_, gate.number, ExclusiveLock);
  }
  // Into the processor's cache where the block is in a buffer, else into the buffers.
  void prefetch(paged::Block block, size_t from = 0, size_t bytes = 0) {
    const Buffer hint = shared_ ? BufferHints::find(relation_, block) : InvalidBuffer;
    if (hint == InvalidBuffer) {
      PrefetchBuffer(relation_, options_.fork, block);
      return;
    }
    const char* page = static_cast<const char*>(BufferGetPage(hint));  // whatever is there: nothing is read
    for (size_t at = from / kLine * kLine; at < from + bytes; at += kLine)
      __builtin_prefetch(page + at, 0, 2);
  }
  void poll() { CHECK_FOR_INTERRUPTS(); }
  void damage(paged::Block block, uint32_t item, const char* what);
  void slot(paged::Block, uint32_t, paged::SlotEvent) {}

 private:
  friend class TxnPg;
  Buffer locked(paged::Block block, int mode) const;

  static constexpr size_t kLine = 64;

  Relation relation_;
  StoreOptions options_;
  bool shared_;  // hints help
};
static_assert(paged::Store<StorePg> && paged::Txn<TxnPg>);
static_assert(std::is_trivially_destructible_v<StorePg> && std::is_trivially_destructible_v<TxnPg>);

// Writes all pages of the fork to the log, if it has to be there: what ends a build, and every init fork.
void log_all_pages(Relation relation, ForkNumber fork);

}  // namespace lowdim::pg
