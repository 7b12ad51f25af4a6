// What every image of a trained part must stand: cut off anywhere it is an error, and with any bit flipped it
// is an error or a part that can be used.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"

namespace lowdim::core::test {

// read: void(ByteReader&), reads and uses the part.
template <class Read>
void check_damaged_images(const std::vector<uint8_t>& image, Read read) {
  {
    ByteReader whole(image.data(), image.size());
    read(whole);
    whole.end();
  }
  for (size_t n = 0; n < image.size(); ++n) {
    const std::vector<uint8_t> part(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(n));
    ByteReader in(part.data(), n);
    try {
      read(in);
      ADD_FAILURE() << "read from " << n << " of " << image.size() << " bytes";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kCorrupted) << "at " << n << ": " << e.what();
    }
  }
  for (size_t bit = 0; bit < image.size() * 8; ++bit) {
    std::vector<uint8_t> flipped = image;
    flipped[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    ByteReader in(flipped.data(), flipped.size());
    try {
      read(in);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kCorrupted) << "bit " << bit << ": " << e.what();
    }
  }
}

}  // namespace lowdim::core::test
