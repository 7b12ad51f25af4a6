// What the crash and race tests share: chains of small pages over StrictStore and the check that each state
// must pass.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../modules/store_test/chain.h"
#include "stepper.h"
#include "strict_store.h"

namespace lowdim::testing {

// A chain with the values 1..count, `page_items` on a page, from which those that `dies` says were vacuumed
// away.
template <class Dies>
StrictStore::Image make_chain(uint32_t page_items, uint64_t count, Dies dies) {
  StrictStore store;
  chain::create(store, page_items);
  for (uint64_t v = 1; v <= count; v++) store.operation([&] { chain::append(store, v); });
  store.operation([&] { chain::vacuum(store, dies); });
  return store.image();
}
inline StrictStore::Image make_chain(uint32_t page_items, uint64_t count) {
  return make_chain(page_items, count, [](uint64_t) { return false; });
}

inline std::vector<uint64_t> values(StrictStore& store) {
  std::vector<uint64_t> found;
  store.operation([&] { chain::scan(store, [&](uint64_t v) { found.push_back(v); }); });
  return found;
}

// "" if the structure is whole and has exactly the values `must`, and perhaps those of `may`, none twice.
inline std::string whole(StrictStore& store, std::vector<uint64_t> must,
                         const std::vector<uint64_t>& may = {}) {
  store.operation([&] { chain::check(store); });
  if (!store.damages().empty()) {
    const auto& d = store.damages().front();
    return "block " + std::to_string(d.block) + ": " + d.what;
  }
  std::vector<uint64_t> found = values(store);
  std::sort(found.begin(), found.end());
  for (size_t i = 1; i < found.size(); i++) {
    if (found[i] == found[i - 1]) return std::to_string(found[i]) + " is there twice";
  }
  for (const uint64_t v : must) {
    if (!std::binary_search(found.begin(), found.end(), v)) return std::to_string(v) + " is missing";
  }
  for (const uint64_t v : found) {
    if (std::find(must.begin(), must.end(), v) == must.end() &&
        std::find(may.begin(), may.end(), v) == may.end()) {
      return std::to_string(v) + " should not be there";
    }
  }
  return "";
}

// whole(), and the structure is still good for work: what a crash lost comes back with the next vacuum.
inline std::string whole_and_works(StrictStore& store, std::vector<uint64_t> must,
                                   std::vector<uint64_t> may) {
  std::string what = whole(store, must, may);
  if (!what.empty()) return what;
  may.push_back(1000);
  store.operation([&] { chain::append(store, 1000); });
  store.operation([&] { chain::vacuum(store, [](uint64_t v) { return v == 1000; }); });
  what = whole(store, must, may);
  if (!what.empty()) return "after more work: " + what;
  if (chain::check(store).lost != 0) return "pages are lost for good";
  return "";
}

}  // namespace lowdim::testing
