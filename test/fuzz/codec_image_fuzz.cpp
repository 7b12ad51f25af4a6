// Codec images: whatever the bytes say, reading them gives a codec or Error(kCorrupted), and a codec that was
// read encodes, decodes and scores within its own bounds. The fingerprint is made right first, so that damage
// behind it is reached; images are cut at 64 kB, which keeps models small.

#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/codec/codec.h"

using namespace lowdim::core;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) {
  if (n < 17 || n > 65536) return 0;
  std::vector<uint8_t> image(data, data + n);
  Codec::seal(image);
  try {
    const std::unique_ptr<Codec> codec = Codec::read(image.data(), image.size());
    if (codec->image() != image) __builtin_trap();  // one image a codec
    if (codec->dims() > 4096) return 0;
    // Heap blocks of the exact sizes: ASan sees an overrun by one byte.
    std::vector<float> x(codec->dims());
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3;
    std::vector<uint8_t> code(codec->code_bytes());
    codec->encode(x.data(), code.data());
    codec->decode(code.data(), x.data());
    // A code of arbitrary bytes too.
    for (size_t i = 0; i < code.size(); ++i) code[i] = image[i % image.size()];
    codec->decode(code.data(), x.data());
    for (float& v : x) v = 1;
    const CodecQuery query(*codec, x.data());
    volatile double sink = query.l2(code.data()) + query.inner(code.data()) + query.cosine(code.data());
    (void)sink;
    if (std::strcmp(codec->bounds_kind(), "none") != 0) query.bounds(CodecMetric::kL2, code.data());
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kCorrupted) throw;
  }
  return 0;
}
