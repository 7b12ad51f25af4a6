// paged/page.h, meta.h and freelist.h by themselves: the layout at its byte offsets, versions that may and
// may not be read, and that a page is never given twice.

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "paged/freelist.h"
#include "paged/meta.h"
#include "strict_store.h"

namespace lowdim::paged {
namespace {

using testing::StrictStore;

struct alignas(8) Bytes {
  uint8_t at[kPageBytes];
};

TEST(Page, LayoutIsPostgres) {
  Bytes b;
  std::memset(b.at, 0xEE, sizeof b.at);
  const PageEdit page(b.at);
  page.init(77);
  EXPECT_EQ(b.at[0], 0xEE);  // the LSN is the server's
  const auto u16 = [&](size_t at) { return b.at[at] | b.at[at + 1] << 8; };
  EXPECT_EQ(u16(12), 24);
  EXPECT_EQ(u16(14), 8176);
  EXPECT_EQ(u16(16), 8176);
  EXPECT_EQ(u16(18), 8192 | 4);
  EXPECT_EQ(u16(8180), 77);
  EXPECT_EQ(u16(8190), kPageId);
  EXPECT_EQ(page.next(), kNoBlock);
  EXPECT_TRUE(page.is_kind(77));
  EXPECT_FALSE(page.is_kind(78));
  EXPECT_EQ(page.body_bytes(), 0u);
}

TEST(Page, AppendsUntilFull) {
  Bytes b;
  const PageEdit page(b.at);
  page.init(77);
  uint64_t count = 0;
  while (page.append(count)) count++;
  EXPECT_EQ(count, kBodyBytes / 8);
  EXPECT_EQ(page.item_count<uint64_t>(), count);
  EXPECT_EQ(page.items<uint64_t>()[count - 1], count - 1);
  EXPECT_TRUE(page.is_kind(77));
}

TEST(Page, OddPagesAreNotSane) {
  Bytes b{};
  const PageView view(b.at);
  EXPECT_TRUE(view.is_new());
  EXPECT_FALSE(view.is_kind(0));
  const auto broken = [&](auto breaks) {
    PageEdit page(b.at);
    page.init(77);
    EXPECT_TRUE(view.is_sane());
    breaks(page);
    return !view.is_sane();
  };
  EXPECT_TRUE(broken([](PageEdit p) { p.header().lower = 23; }));
  EXPECT_TRUE(broken([](PageEdit p) { p.header().lower = 8177; }));
  EXPECT_TRUE(broken([](PageEdit p) { p.header().upper = 8180; }));
  EXPECT_TRUE(broken([](PageEdit p) { p.header().special = 8184; }));
  EXPECT_TRUE(broken([](PageEdit p) { p.trailer().page_id = 0; }));
  PageEdit(b.at).init(77);
  struct Wide {
    uint64_t words[4];
  };
  EXPECT_EQ(view.body<Wide>(), nullptr);
}

struct OldOptions {
  uint32_t m;
};
struct NewOptions {
  uint32_t m;
  uint32_t bits;
};
constexpr Format kOld{0x54534554, 2, 1, 1, 100};
constexpr Format kNew{0x54534554, 3, 2, 2, 200};       // format 3, which a library of format 2 may read
constexpr Format kBreaking{0x54534554, 4, 3, 4, 300};  // format 4, for itself only

TEST(Meta, VersionsReadEachOther) {
  Bytes b;
  const PageEdit page(b.at);
  NewOptions now{0, 8};
  init_meta(page, kOld, OldOptions{16});
  EXPECT_EQ(read_meta(page, kNew, now), MetaStatus::kGood);
  EXPECT_EQ(now.m, 16u);
  EXPECT_EQ(now.bits, 8u);  // not in the old format: its default stays
  EXPECT_EQ(read_meta(page, kBreaking, now), MetaStatus::kTooOld);

  init_meta(page, kNew, NewOptions{32, 4});
  OldOptions old{0};
  EXPECT_EQ(read_meta(page, kOld, old), MetaStatus::kGood);
  EXPECT_EQ(old.m, 32u);
  EXPECT_EQ(meta_head(page)->written_by, 200u);

  init_meta(page, kBreaking, NewOptions{32, 4});
  EXPECT_EQ(read_meta(page, kNew, now), MetaStatus::kTooNew);
}

TEST(Meta, RefusesWhatIsNotItsOwn) {
  Bytes b{};
  const PageEdit page(b.at);
  OldOptions o{5};
  EXPECT_EQ(read_meta(page, kOld, o), MetaStatus::kDamaged);  // all zeros
  init_meta(page, kOld, OldOptions{16});
  Format other = kOld;
  other.magic++;
  EXPECT_EQ(read_meta(page, other, o), MetaStatus::kForeign);
  page.set_body_bytes(sizeof(MetaHead) + 3);  // the options are cut
  EXPECT_EQ(read_meta(page, kOld, o), MetaStatus::kDamaged);
  page.set_body_bytes(sizeof(MetaHead) - 1);
  EXPECT_EQ(read_meta(page, kOld, o), MetaStatus::kDamaged);
  EXPECT_EQ(o.m, 5u);
  page.init(kind::kFree);
  EXPECT_EQ(read_meta(page, kOld, o), MetaStatus::kDamaged);
}

TEST(Meta, OptionsAreWrittenBack) {
  Bytes b;
  const PageEdit page(b.at);
  init_meta(page, kOld, OldOptions{16});
  EXPECT_TRUE(write_options(page, OldOptions{17}));
  EXPECT_FALSE(write_options(page, NewOptions{1, 1}));
  OldOptions o{0};
  EXPECT_EQ(read_meta(page, kOld, o), MetaStatus::kGood);
  EXPECT_EQ(o.m, 17u);
}

constexpr uint16_t kOwn = kind::kFirstOwn;

// Meta page and `count` pages of kind kOwn, unlinked.
StrictStore unlinked(Block count) {
  StrictStore s;
  s.txn([](auto& txn) {
    init_meta(txn.extend().page, kOld, OldOptions{0});
    return Verdict::kCommit;
  });
  for (Block i = 0; i < count; i++) {
    s.txn([](auto& txn) {
      txn.extend().page.init(kOwn);
      return Verdict::kCommit;
    });
  }
  return s;
}

Verdict link(PageEdit from, Block block, PageEdit) {
  from.set_next(block);
  return Verdict::kCommit;
}

TEST(FreeList, GivesLastInFirstOut) {
  StrictStore s = unlinked(4);
  EXPECT_TRUE(free_page(s, 2));
  EXPECT_TRUE(free_page(s, 3));
  EXPECT_FALSE(free_page(s, 3));  // once is enough
  EXPECT_EQ(check_freelist(s), 2u);
  EXPECT_EQ(grow_from(s, 4, kOwn, link), 3u);  // below the page that it is linked to
  EXPECT_EQ(grow_from(s, 1, kOwn, link), 2u);  // above it
  EXPECT_EQ(check_freelist(s), 0u);
  EXPECT_EQ(grow_from(s, 1, kOwn, link), 5u);  // none left: a new one
  EXPECT_TRUE(s.page(3).is_kind(kOwn));
  EXPECT_EQ(s.page(1).next(), 5u);
  EXPECT_EQ(s.page(4).next(), 3u);
  EXPECT_TRUE(s.damages().empty());
}

TEST(FreeList, AnAbandonedGrowthTakesNothing) {
  StrictStore s = unlinked(2);
  free_page(s, 2);
  const auto refuse = [](PageEdit, Block, PageEdit) { return Verdict::kAbandon; };
  EXPECT_EQ(grow_from(s, 1, kOwn, refuse), kNoBlock);
  EXPECT_EQ(check_freelist(s), 1u);
  EXPECT_TRUE(s.page(2).is_kind(kind::kFree));
}

TEST(FreeList, ADamagedListIsCutOff) {
  StrictStore s = unlinked(3);
  free_page(s, 2);
  s.overwrite(2, kTrailerOffset + 4, kOwn);  // it is somebody's, after all
  EXPECT_EQ(grow_from(s, 1, kOwn, link), 4u);
  ASSERT_EQ(s.damages().size(), 1u);
  EXPECT_EQ(s.damages()[0].block, 2u);
  EXPECT_EQ(check_freelist(s), 0u);
}

TEST(FreeList, CheckFindsARing) {
  StrictStore s = unlinked(2);
  free_page(s, 1);
  free_page(s, 2);
  s.overwrite(1, kTrailerOffset, 2);
  for (size_t i = 1; i < 4; i++) s.overwrite(1, kTrailerOffset + i, 0);
  s.operation([&] { check_freelist(s); });
  ASSERT_EQ(s.damages().size(), 1u);
  EXPECT_EQ(s.damages()[0].what, "the free list is a ring");
}

}  // namespace
}  // namespace lowdim::paged
