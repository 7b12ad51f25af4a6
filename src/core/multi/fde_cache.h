// A few encoders, kept by the options' text and the dimensions: drawing hyperplanes costs as much as encoding
// some documents with them, and statements that insert or search one row come one after the other. One cache
// serves a session; the least recently used encoder gives way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/multi/fde.h"

namespace lowdim::core {

class FdeCache {
 public:
  // Valid until the next call. Throws as parse_fde_options and FdeEncoder do.
  FdeEncoder& get(std::string_view options, uint32_t dims) {
    Entry* oldest = &entries_[0];
    for (Entry& entry : entries_) {
      if (entry.encoder != nullptr && entry.encoder->dims() == dims && entry.options == options) {
        entry.used = ++clock_;
        return *entry.encoder;
      }
      if (entry.used < oldest->used) oldest = &entry;
    }
    oldest->used = 0;
    oldest->encoder.reset();
    oldest->options = options;
    oldest->encoder = std::make_unique<FdeEncoder>(parse_fde_options(options), dims);
    oldest->used = ++clock_;
    return *oldest->encoder;
  }

 private:
  struct Entry {
    std::string options;
    std::unique_ptr<FdeEncoder> encoder;
    uint64_t used = 0;
  };
  Entry entries_[4];  // a document's and a query's options, twice
  uint64_t clock_ = 0;
};

}  // namespace lowdim::core
