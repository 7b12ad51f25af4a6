// The context of an index in this backend: its options, read anew each time, and its code model, which is
// read from its pages once. Models are counted while somebody uses them, so that making room for another
// index never takes one away from a running scan. See am.h.

#include "pg/am/hnsw/am.h"
#include "pg/compat.h"

extern "C" {
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::MetaStatus;
using paged::PageView;

constexpr int kModels = 16;  // unused ones beyond that are given up, the oldest first

struct Model {
  Oid index;
  Oid file;  // of the storage: a REINDEX makes another
  uint32_t generation;
  uint32_t block;
  uint32_t bytes;
  uint8_t* image;  // in CacheMemoryContext; null: this place is empty
  int users;
  uint64_t used;  // when last
};
Model models[kModels * 2];
uint64_t clock_now = 0;

Oid file_of(Relation index) { return relation_file_number(index); }

void release(void* model) { static_cast<Model*>(model)->users--; }

Model* find(Relation index, const Options& o) {
  for (Model& m : models) {
    if (m.image != nullptr && m.index == RelationGetRelid(index) && m.file == file_of(index) &&
        m.generation == o.generation && m.block == o.model_block) {
      return &m;
    }
  }
  return nullptr;
}

Model* make_room() {
  Model* oldest = nullptr;
  int kept = 0;
  for (Model& m : models) {
    if (m.image != nullptr) kept++;
  }
  for (Model& m : models) {
    if (m.image == nullptr && kept < kModels) return &m;
    if (m.image != nullptr && m.users == 0 && (oldest == nullptr || m.used < oldest->used)) oldest = &m;
  }
  if (oldest == nullptr) {
    for (Model& m : models) {
      if (m.image == nullptr) return &m;
    }
    elog(ERROR, "too many lean_hnsw indexes in one query");
  }
  pfree(oldest->image);
  *oldest = Model{};
  return oldest;
}

[[noreturn]] void raise_damaged(Relation index) {
  ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                  errmsg("index \"%s\" has a damaged code model", RelationGetRelationName(index)),
                  errhint("REINDEX INDEX %s", RelationGetRelationName(index))));
  pg_unreachable();
}

Model* load(Relation index, StorePg& store, const Options& o) {
  uint8_t* image = static_cast<uint8_t*>(MemoryContextAllocHuge(CurrentMemoryContext, o.model_bytes));
  uint32_t at = 0;
  const paged::Block pages = store.pages();
  for (paged::Block block = o.model_block; at < o.model_bytes; ++block) {
    CHECK_FOR_INTERRUPTS();
    const uint32_t got = block >= pages ? 0 : store.read(block, [&](PageView page) {
      if (!page.is_kind(paged::hnsw::kind::kModel)) return uint32_t{0};
      const uint32_t n = Min(static_cast<uint32_t>(page.body_bytes()), o.model_bytes - at);
      memcpy(image + at, page.items<uint8_t>(), n);
      return n;
    });
    if (got == 0) raise_damaged(index);
    at += got;
  }
  core::GraphCode code;
  if (!core::GraphCode::open(image, o.model_bytes, &code) || code.code_bytes() != o.segments / 2 ||
      code.dims() != o.guide_dims) {
    raise_damaged(index);
  }
  Model* model = make_room();
  uint8_t* kept = static_cast<uint8_t*>(MemoryContextAllocHuge(CacheMemoryContext, o.model_bytes));
  memcpy(kept, image, o.model_bytes);
  pfree(image);
  *model = {RelationGetRelid(index), file_of(index), o.generation, o.model_block, o.model_bytes, kept, 0, 0};
  return model;
}

}  // namespace

IndexContext load_context(Relation index, StorePg& store) {
  IndexContext context{};
  const MetaStatus status = store.read(paged::kMetaBlock, [&](PageView page) {
    return paged::read_meta(page, paged::hnsw::kFormat, context.options);
  });
  const char* name = RelationGetRelationName(index);
  switch (status) {
    case MetaStatus::kGood:
      break;
    case MetaStatus::kDamaged:
    case MetaStatus::kForeign:
      ereport(ERROR,
              (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("index \"%s\" is not a valid lean_hnsw index", name),
               errhint("REINDEX INDEX %s", name)));
    case MetaStatus::kTooOld:
    case MetaStatus::kTooNew:
      ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                      errmsg("index \"%s\" was built by %s version of lowdim", name,
                             status == MetaStatus::kTooOld ? "an older" : "a newer"),
                      errhint("REINDEX INDEX CONCURRENTLY %s", name)));
  }
  const Options& o = context.options;
  paged::hnsw::Options same = o;
  if (!paged::hnsw::sane_geometry(same)) {
    ereport(ERROR,
            (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("index \"%s\" is not a valid lean_hnsw index", name),
             errhint("REINDEX INDEX %s", name)));
  }
  if (o.model_block == paged::kNoBlock) return context;

  Model* model = find(index, o);
  if (model == nullptr) model = load(index, store, o);
  // Counted for as long as the caller's memory lives; an error frees that too.
  MemoryContextCallback* callback = static_cast<MemoryContextCallback*>(
      MemoryContextAllocZero(CurrentMemoryContext, sizeof(MemoryContextCallback)));
  callback->func = release;
  callback->arg = model;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
  model->users++;
  model->used = ++clock_now;
  if (!core::GraphCode::open(model->image, model->bytes, &context.code)) raise_damaged(index);
  return context;
}

}  // namespace lowdim::pg::hnsw
