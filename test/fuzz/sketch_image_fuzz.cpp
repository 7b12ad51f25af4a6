// Images of private sketches and sums: whatever the bytes say, reading them gives a value or
// Error(kCorrupted), and a sketch that was read explains itself and answers with numbers. The first byte
// chooses the kind; header and checksum are made right, so that what is behind them is reached. Sums are read
// as an aggregate's state, whose head comes first.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/privacy/job.h"
#include "core/privacy/query.h"
#include "property.h"

namespace {

using namespace lowdim::core;
using lowdim::fuzz::property;

std::vector<uint8_t> sealed(PrivateImage kind, const uint8_t* body, size_t n) {
  ByteWriter out = begin_image(kind);
  out.put_all(body, n);
  return end_image(std::move(out));
}

// Only refusals that a caller may meet.
template <class F>
void may_refuse(F f) {
  try {
    f();
  } catch (const Error& e) {
    property(e.kind() == ErrorKind::kInvalidParameter || e.kind() == ErrorKind::kLimit, "a refusal");
  }
}

void ask(SketchQuery& sketch) {
  const std::string& json = sketch.explain();
  property(json.front() == '{' && json.back() == '}' && json.size() < 2000, "an explanation");
  const uint32_t dims = sketch.dims();
  property(dims <= 16000, "dimensions");
  if (json.find("\"laplace\"") != std::string::npos && dims > 64) return;  // slow to make
  std::vector<float> y(dims), out(std::max(dims, 1u));  // exact sizes: ASan sees an overrun by one element
  for (const float v : {0.5f, 3e38f}) {
    std::fill(y.begin(), y.end(), v);
    may_refuse([&] { property(!std::isnan(sketch.kde(y.data(), dims)), "kde"); });
    may_refuse([&] { property(!std::isnan(sketch.distance_sum(y.data(), dims)), "distance_sum"); });
    may_refuse([&] { property(!std::isnan(sketch.power_sum(y.data(), dims, 1.5)), "power_sum"); });
    may_refuse([&] { property(!std::isnan(sketch.squared_distance_sum(y.data(), dims)), "squares"); });
    may_refuse([&] { property(!std::isnan(sketch.mean_cosine(y.data(), dims)), "mean_cosine"); });
    SketchQuery::SharedFeatures shared;
    may_refuse([&] { property(!std::isnan(sketch.score(y.data(), dims, shared)), "score"); });
  }
  may_refuse([&] { property(std::isfinite(sketch.rows()), "rows"); });
  may_refuse([&] { property(sketch.kde_error() >= 0, "kde_error"); });
  may_refuse([&] {
    sketch.sum(out.data());
    for (const float v : out) property(std::isfinite(v), "a vector's elements are finite");
  });
  may_refuse([&] { sketch.mean(out.data()); });
  property(sketch.comparable(sketch), "comparable with itself");
}

void sums(PrivateImage kind, const uint8_t* data, size_t n) {
  constexpr size_t kHead = 24;
  if (n < kHead) return;
  std::vector<uint8_t> image = {1};
  image.insert(image.end(), data, data + kHead);
  const std::vector<uint8_t> body = sealed(kind, data + kHead, n - kHead);
  image.insert(image.end(), body.begin(), body.end());
  PrivateState state;
  state.restore(image.data(), image.size());
  property(state.image() == image, "one image a state");
  PrivateState both;
  both.merge(state);
  both.merge(state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) {
  if (n < 1 || n > 65536) return 0;
  const auto kind = static_cast<PrivateImage>(1 + data[0] % 6);
  try {
    if (kind == PrivateImage::kKdeSums || kind == PrivateImage::kMomentSums ||
        kind == PrivateImage::kDistanceSums) {
      sums(kind, data + 1, n - 1);
    } else {
      const std::vector<uint8_t> image = sealed(kind, data + 1, n - 1);
      SketchQuery sketch(image.data(), image.size());
      ask(sketch);
    }
  } catch (const Error& e) {
    property(e.kind() == ErrorKind::kCorrupted || e.kind() == ErrorKind::kLimit, "damage is told as damage");
  }
  return 0;
}
