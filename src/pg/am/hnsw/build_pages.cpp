// The first part of a build: a sample of the table, the code that is trained from it, and the table's rows on
// pages of nodes. Every process fills pages of its own in private memory, so that a page is locked once. See
// build_state.h.

#include <numeric>

#include "core/base/arena.h"
#include "core/graph/content_order.h"
#include "pg/am/hnsw/build_state.h"
#include "pg/am/hnsw/learn.h"
#include "pg/arena_pg.h"
#include "pg/door.h"
#include "pg/stop.h"

extern "C" {
#include "commands/progress.h"
#include "pgstat.h"
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::hnsw::NodePage;

constexpr uint32_t kMostSample = 20000;  // principal directions of 784 dimensions gain nothing beyond
constexpr uint64_t kMostSeen = 8;        // rows read for one in the sample, if many are equal
constexpr size_t kSampleBytes = size_t{32} << 20;

struct Sampling {
  const Options* options;
  const OpclassInfo* opclass;
  ValueRoom room;
  MemoryContext row_context;
  Sample* sample;
  uint32_t most;
  uint64_t seen;
  FlatSet<uint32_t>* hashes;  // each value once: centroids should not go to one that fills half the table
};

void sample_row(Relation, ItemPointer, Datum* values, bool* is_null, bool, void* state) {
  Sampling* s = static_cast<Sampling*>(state);
  if (is_null[0] || s->sample->count == s->most) return;
  s->seen++;
  const MemoryContext old = MemoryContextSwitchTo(s->row_context);
  Input in;
  if (read_value(*s->options, *s->opclass, values[0], s->room, &in) && !in.alone &&
      s->hashes->insert(in.hash)) {
    memcpy(s->sample->rows + size_t{s->sample->count} * s->sample->dims, in.guide,
           s->sample->dims * sizeof(float));
    s->sample->count++;
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(s->row_context);
}

struct Scanning {
  Participant* p;
  NodePage* page;
  ValueRoom room;
  uint8_t* bytes;
  MemoryContext row_context;
  double rows;
};

// Takes the extension lock even for a relation that this transaction has made: workers extend it as well, and
// they do not know that it is new.
void append_page(Relation index, const uint8_t* bytes) {
  LockRelationForExtension(index, ExclusiveLock);
  const Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, nullptr);
  UnlockRelationForExtension(index, ExclusiveLock);
  memcpy(BufferGetPage(buffer), bytes, BLCKSZ);
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
}

void lay_row(Relation index, ItemPointer tid, Datum* values, bool* is_null, bool, void* state) {
  Scanning* s = static_cast<Scanning*>(state);
  if (is_null[0]) return;
  const Options& o = s->p->shared->options;
  const MemoryContext old = MemoryContextSwitchTo(s->row_context);
  Input in;
  if (read_value(o, *s->p->opclass, values[0], s->room, &in)) {
    paged::hnsw::lay_node(o, s->p->code, in, pack_tid(*tid), s->room.scratch, s->bytes, s->page->take());
    s->rows++;
    if (s->page->full()) {
      append_page(index, s->page->bytes());
      s->page->begin();
    }
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(s->row_context);
}

}  // namespace

Sample take_sample(Relation heap, Relation index, IndexInfo* info, const Options& o,
                   const OpclassInfo& opclass) {
  const size_t fit = kSampleBytes / (o.guide_dims * sizeof(float));
  Sampling s{};
  s.options = &o;
  s.opclass = &opclass;
  s.most = static_cast<uint32_t>(Min(Max(fit, size_t{kLeastSample}), size_t{kMostSample}));
  s.room = make_value_room(o, CurrentMemoryContext);
  s.row_context = AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw sample row", ALLOCSET_DEFAULT_SIZES);
  Sample sample{};
  sample.dims = o.guide_dims;
  sample.rows = static_cast<float*>(
      MemoryContextAllocHuge(CurrentMemoryContext, size_t{s.most} * sample.dims * sizeof(float)));
  s.sample = &sample;
  FlatSet<uint32_t> hashes(arena_in(CurrentMemoryContext), s.most);
  s.hashes = &hashes;
  // Blocks in steps of about the golden ratio: evenly over the table at every moment, each once, without a
  // list of them.
  const uint64_t blocks = RelationGetNumberOfBlocks(heap);
  uint64_t step = static_cast<uint64_t>(static_cast<double>(blocks) * 0.6180339887498949);
  while (step > 1 && std::gcd(step, blocks) != 1) --step;
  if (step == 0) step = 1;
  uint64_t block = blocks / 3;
  for (uint64_t i = 0; i < blocks && sample.count < s.most && s.seen < kMostSeen * s.most;
       ++i, block = (block + step) % blocks) {
    CHECK_FOR_INTERRUPTS();
    table_index_build_range_scan(heap, index, info, false, false, false, static_cast<BlockNumber>(block), 1,
                                 sample_row, &s, nullptr);
  }
  MemoryContextDelete(s.row_context);
  // Of a small table, whose rows are all here, one sample whatever their order.
  call_core([=] { core::sort_by_content(sample.rows, sample.count, sample.dims, 1); });
  return sample;
}

uint8_t* train_code(const Options& o, const StorageOptions& storage, const OpclassInfo& opclass,
                    const Sample& sample, uint32_t* bytes) {
  const core::GraphCodeOptions options = code_options(o, storage, opclass);
  // The image comes back as a vector, which must not outlive the call: it is copied inside.
  const size_t room = most_model_bytes(o, options);
  uint8_t* image = static_cast<uint8_t*>(MemoryContextAllocHuge(CurrentMemoryContext, room));
  const core::Rows rows{sample.rows, sample.count, sample.dims};
  const core::Stop stop = server_stop();
  const size_t size = call_core([=] {
    const auto made = core::train_graph_code(rows, options, stop);
    if (made.size() <= room) memcpy(image, made.data(), made.size());
    return made.size();
  });
  core::GraphCode code;
  if (size > room || !core::GraphCode::open(image, size, &code) || code.code_bytes() != o.segments / 2) {
    elog(ERROR, "lean_hnsw: a trained code does not fit its index");
  }
  *bytes = static_cast<uint32_t>(size);
  return image;
}

void scan_rows(Participant& p, TableScanDesc scan) {
  const Options& o = p.shared->options;
  Scanning s{};
  s.p = &p;
  s.row_context = AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw row", ALLOCSET_DEFAULT_SIZES);
  s.room = make_value_room(o, CurrentMemoryContext);
  s.bytes = static_cast<uint8_t*>(palloc(paged::hnsw::lay_scratch_bytes(p.code) + 1));
  NodePage page(static_cast<uint8_t*>(palloc(BLCKSZ)), o);
  s.page = &page;
  const double heap_rows = table_index_build_scan(p.heap, p.index, p.info, true, p.leader, lay_row, &s, scan);
  if (!page.empty()) append_page(p.index, page.bytes());
  MemoryContextDelete(s.row_context);
  SpinLockAcquire(&p.shared->mutex);
  p.shared->heap_rows += heap_rows;
  p.shared->rows += s.rows;
  p.shared->scanned += static_cast<uint64_t>(s.rows);
  SpinLockRelease(&p.shared->mutex);
}

}  // namespace lowdim::pg::hnsw
