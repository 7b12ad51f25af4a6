// The meta page, block 0 of every index: what wrote it, who may read it, the head of the free list, and the
// options that the index was built with. Scans trust it, not the relation's options, which may have changed
// since the build.
//
// Nobody acts on a copy of it: whoever needs a field to be true reads it under the lock that he acts under.
//
//   offset  size  field             (in the body)
//        0     4  magic             which index this is
//        4     2  format            version of the layout of all pages
//        6     2  oldest_reader     a library whose own format is lower must not read it
//        8     4  written_by        the extension's version at build, 10203 for 1.2.3
//       12     4  option_bytes      size of the options that follow
//       16     4  free_head         first page of the free list (freelist.h) or kNoBlock
//       20     4  reserved          0
//       24        options           the index's own struct, plain data
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "paged/store.h"

namespace lowdim::paged {

struct MetaHead {
  uint32_t magic;
  uint16_t format;
  uint16_t oldest_reader;
  uint32_t written_by;
  uint32_t option_bytes;
  Block free_head;
  uint32_t reserved;
};
static_assert(sizeof(MetaHead) == 24);

// What this library reads and writes of one index.
struct Format {
  uint32_t magic;
  uint16_t current;          // written by this library
  uint16_t oldest_readable;  // the oldest format that it still reads
  uint16_t oldest_reader;    // the oldest library format that can read what this one writes
  uint32_t library_version;
};

enum class MetaStatus {
  kGood,
  kDamaged,  // not initialised, another page kind, or too short
  kForeign,  // another index's magic
  kTooOld,   // needs REINDEX
  kTooNew,   // written by a newer library that says this one cannot read it
};

// Makes `page` the meta page.
template <class Options>
void init_meta(PageEdit page, const Format& format, const Options& options) {
  static_assert(std::is_trivially_copyable_v<Options> && alignof(Options) <= 8);
  static_assert(sizeof(MetaHead) + sizeof(Options) <= kBodyBytes);
  page.init(kind::kMeta);
  page.append(MetaHead{.magic = format.magic,
                       .format = format.current,
                       .oldest_reader = format.oldest_reader,
                       .written_by = format.library_version,
                       .option_bytes = sizeof(Options),
                       .free_head = kNoBlock,
                       .reserved = 0});
  page.append(options);
}

inline const MetaHead* meta_head(PageView page) {
  return page.is_kind(kind::kMeta) ? page.body<MetaHead>() : nullptr;
}
inline MetaHead* meta_head(PageEdit page) {
  return const_cast<MetaHead*>(meta_head(static_cast<PageView>(page)));
}

// Reads the options. Fields that an older format did not have keep the value that `options` comes with; those
// that this library does not know are left out.
template <class Options>
MetaStatus read_meta(PageView page, const Format& format, Options& options) {
  const MetaHead* head = meta_head(page);
  if (head == nullptr) return MetaStatus::kDamaged;
  if (head->magic != format.magic) return MetaStatus::kForeign;
  if (head->oldest_reader > format.current) return MetaStatus::kTooNew;
  if (head->format < format.oldest_readable) return MetaStatus::kTooOld;
  const size_t stored = head->option_bytes;
  if (stored > page.body_bytes() - sizeof(MetaHead)) return MetaStatus::kDamaged;
  std::memcpy(&options, head + 1, stored < sizeof(Options) ? stored : sizeof(Options));
  return MetaStatus::kGood;
}

// Stores changed options; their size must be what it was. False if the page is not a meta page with such
// options.
template <class Options>
bool write_options(PageEdit page, const Options& options) {
  MetaHead* head = meta_head(page);
  if (head == nullptr || head->option_bytes != sizeof(Options)) return false;
  std::memcpy(head + 1, &options, sizeof(Options));
  return true;
}

}  // namespace lowdim::paged
