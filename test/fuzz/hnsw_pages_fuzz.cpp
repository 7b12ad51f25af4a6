// An index of a few pages, over which the input writes: whatever stands there, check, scans, inserts and
// vacuum come to their end and break no rule of the store.
//
// Input: pieces of a page number, an offset (two bytes), a length, and that many bytes to write. A page
// number with its highest bit set copies the page of that number over the one that the offset names.

#include <cstdlib>
#include <cstring>

#include "../unit/hnsw_vacuum_fixture.h"

using namespace lowdim;
using namespace lowdim::testing;

namespace {

// 26 rows of 16 dimensions, six of them equal, some gone: meta page, nodes, model, entries.
const churn::World& world() {
  static const auto made = [] {
    std::vector<float> rows = churn::cluster_rows(30, 16, 3, 3);
    for (uint32_t i = 1; i < 6; ++i) std::copy(rows.begin(), rows.begin() + 16, rows.begin() + i * 16);
    auto w = churn::make_world(std::move(rows), 16, 26, true);
    StrictStore s(w->image);
    s.set_read_bound(1000);
    BumpArena arena;
    s.operation([&] { churn::vacuum_rows(s, *w, arena.arena(), [](uint32_t i) { return i % 10 == 7; }); });
    w->image = s.image();
    w->image.slots.clear();
    return w;
  }();
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) {
  const churn::World& w = world();
  StrictStore::Image image = w.image;
  const size_t pages = image.pages.size();
  for (size_t at = 0; at + 4 <= n;) {
    const size_t page = data[at] & 127u, offset = data[at + 1] | size_t{data[at + 2]} << 8,
                 length = data[at + 3];
    at += 4;
    if ((data[at - 4] & 128) != 0) {
      image.pages[offset % pages] = image.pages[page % pages];
      continue;
    }
    auto bytes = std::make_shared<StrictStore::PageBytes>(*image.pages[page % pages]);
    for (size_t i = 0; i < length && at + i < n; ++i)
      (*bytes)[(offset + i) % paged::kPageBytes] = data[at + i];
    image.pages[page % pages] = std::move(bytes);
    at += length;
  }
  StrictStore store(std::move(image));
  churn::exercise(store, w);  // a Violation ends the run as any exception does
  return 0;
}
