// One page as the paged code sees it: PostgreSQL's page header, a body that grows up from it to `lower`, a
// hole, and a 16-byte trailer at the end (PostgreSQL's "special area"). Views are spans: they own nothing and
// are valid only inside the Store callback that handed them out.
//
// Invariant: header <= lower <= upper <= trailer. What lies between lower and upper is lost: the log leaves
// it out, and a logged page has it zeroed at commit, an unlogged one does not, so a mistake there shows on
// logged relations only.
//
//   offset  size  field                                     (offsets 0 to 23 are PostgreSQL's PageHeaderData)
//        0     8  LSN                    kept by the server
//        8     2  checksum               kept by the server
//       10     2  flags                  0
//       12     2  lower                  end of the body
//       14     2  upper                  begin of the upper area; 0 on a page never initialised
//       16     2  special                8176, where the trailer begins
//       18     2  size | layout version  8192 | 4
//       20     4  prune xid              0
//       24        body
//     8176     4  trailer.next           a block or kNoBlock
//     8180     2  trailer.kind           what the body is: PageKind, or an index's own from kFirstOwnKind
//     8182     2  trailer.flags          the kind's own
//     8184     6  trailer.reserved       0
//     8190     2  trailer.page_id        kPageId: tools that look at the end of a page tell whose it is
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lowdim::paged {

using Block = uint32_t;
inline constexpr Block kNoBlock = 0xFFFFFFFF;
inline constexpr Block kMetaBlock = 0;
inline constexpr size_t kPageBytes = 8192;
inline constexpr uint16_t kPageId = 0xD1E5;

// Kinds that every index has. On disk: never renumber.
namespace kind {
inline constexpr uint16_t kMeta = 1;
inline constexpr uint16_t kFree = 2;
inline constexpr uint16_t kFirstOwn = 16;
}  // namespace kind

struct PageHeader {
  uint64_t lsn;
  uint16_t checksum;
  uint16_t flags;
  uint16_t lower;
  uint16_t upper;
  uint16_t special;
  uint16_t size_and_version;
  uint32_t prune_xid;
};
static_assert(sizeof(PageHeader) == 24 && offsetof(PageHeader, lower) == 12 &&
              offsetof(PageHeader, upper) == 14);

struct PageTrailer {
  Block next;
  uint16_t kind;
  uint16_t flags;
  uint16_t reserved[3];
  uint16_t page_id;
};
static_assert(sizeof(PageTrailer) == 16 && offsetof(PageTrailer, page_id) == 14);

inline constexpr size_t kBodyOffset = sizeof(PageHeader);
inline constexpr size_t kTrailerOffset = kPageBytes - sizeof(PageTrailer);
inline constexpr size_t kBodyBytes = kTrailerOffset - kBodyOffset;  // 8152, the most that a body can hold

// A page to read. Anything may be on it (a crash leaves zeros, a standby shows pages in the middle of a
// change), so ask is_kind first; body<T> then checks the length.
class PageView {
 public:
  explicit PageView(const void* bytes) : bytes_(static_cast<const uint8_t*>(bytes)) {}

  const uint8_t* bytes() const { return bytes_; }
  const PageHeader& header() const { return *reinterpret_cast<const PageHeader*>(bytes_); }
  const PageTrailer& trailer() const {
    return *reinterpret_cast<const PageTrailer*>(bytes_ + kTrailerOffset);
  }
  // Extended but never written: what a crash leaves behind.
  bool is_new() const { return header().upper == 0; }
  bool is_sane() const {
    const PageHeader& h = header();
    return h.lower >= kBodyOffset && h.lower <= h.upper && h.upper <= h.special &&
           h.special == kTrailerOffset && trailer().page_id == kPageId;
  }
  bool is_kind(uint16_t kind) const { return is_sane() && trailer().kind == kind; }
  Block next() const { return trailer().next; }
  size_t body_bytes() const { return header().lower - kBodyOffset; }
  // The body as an array of T; as many as fit in it.
  template <class T>
  const T* items() const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
    return reinterpret_cast<const T*>(bytes_ + kBodyOffset);
  }
  template <class T>
  size_t item_count() const {
    return body_bytes() / sizeof(T);
  }
  // The body as one T, or null if it is shorter.
  template <class T>
  const T* body() const {
    return body_bytes() >= sizeof(T) ? items<T>() : nullptr;
  }

 private:
  const uint8_t* bytes_;
};

// A page under change: the bytes become the page's when the Store commits.
class PageEdit : public PageView {
 public:
  explicit PageEdit(void* bytes) : PageView(bytes), bytes_(static_cast<uint8_t*>(bytes)) {}

  uint8_t* bytes() const { return bytes_; }
  PageHeader& header() const { return *reinterpret_cast<PageHeader*>(bytes_); }
  PageTrailer& trailer() const { return *reinterpret_cast<PageTrailer*>(bytes_ + kTrailerOffset); }
  // Makes an empty page of `kind` out of whatever was there.
  void init(uint16_t kind) const {
    std::memset(bytes_ + sizeof(uint64_t), 0, kPageBytes - sizeof(uint64_t));  // the LSN stays the server's
    PageHeader& h = header();
    h.lower = kBodyOffset;
    h.upper = h.special = kTrailerOffset;
    h.size_and_version = kPageBytes | 4;
    trailer().next = kNoBlock;
    trailer().kind = kind;
    trailer().page_id = kPageId;
  }
  void set_next(Block next) const { trailer().next = next; }
  size_t room_bytes() const { return header().upper - header().lower; }
  // What is written past the body's end is lost; so set the size along with the bytes.
  void set_body_bytes(size_t bytes) const { header().lower = static_cast<uint16_t>(kBodyOffset + bytes); }
  template <class T>
  T* items() const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
    return reinterpret_cast<T*>(bytes_ + kBodyOffset);
  }
  // Adds an item at the end of the body. False if there is no room.
  template <class T>
  bool append(const T& item) const {
    if (room_bytes() < sizeof(T)) return false;
    std::memcpy(bytes_ + header().lower, &item, sizeof(T));
    set_body_bytes(body_bytes() + sizeof(T));
    return true;
  }

 private:
  uint8_t* bytes_;
};

}  // namespace lowdim::paged
