// Options of private aggregates: whatever is said, it is a job that can be run and that costs what its
// release says, or a refusal in few words. Input is lines of key:text, text in quotation marks for JSON
// strings.

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/privacy/job.h"
#include "core/privacy/query.h"
#include "property.h"

namespace {

using namespace lowdim::core;
using lowdim::fuzz::property;

std::vector<OptionPair> pairs_of(std::string_view text) {
  std::vector<OptionPair> pairs;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    const bool string = value.size() > 1 && value.front() == '"' && value.back() == '"';
    if (string) value = value.substr(1, value.size() - 2);
    pairs.push_back({line.substr(0, colon), value, string});
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return pairs;
}

// Small jobs are run, on a row and on one that does not fit.
void run(const PrivateJob& job) {
  const PrivacyCost cost = job.cost();
  property(cost.epsilon > 0 && cost.delta >= 0 && cost.delta <= 0.5 && cost.rho > 0, "a cost");
  const bool open = job.privacy.mechanism == NoiseMechanism::kNone;
  property(open == std::isinf(cost.epsilon), "only what is open costs everything");
  const size_t values = job.statistic == PrivateStatistic::kDistance
                            ? std::get<DistanceOptions>(job.structure).coordinates() *
                                  (size_t{4} << std::get<DistanceOptions>(job.structure).depth)
                        : job.statistic == PrivateStatistic::kKde
                            ? std::get<KdeOptions>(job.structure).features
                            : job.dims();
  if (values > 256 || job.dims() > 256) return;
  PrivateState state;
  state.start(job);
  const std::vector<float> row(job.dims() + 1, 0.5f);
  state.add(row.data(), job.dims());
  state.add(row.data(), job.dims() + 1);
  PrivateState copy;
  copy.restore(state.image().data(), state.image().size());
  property(copy.image() == state.image(), "states read back");
  uint64_t seed = 1;
  const Entropy entropy{[](void* self, uint8_t* out, size_t n) {
                          uint64_t& x = *static_cast<uint64_t*>(self);
                          for (size_t i = 0; i < n; ++i) {
                            x = x * 6364136223846793005u + 1442695040888963407u;
                            out[i] = static_cast<uint8_t>(x >> 56);
                          }
                          return true;
                        },
                        &seed};
  const std::vector<uint8_t> image = state.release(entropy, Stop{});
  SketchQuery sketch(image.data(), image.size());
  property(sketch.dims() == job.dims(), "dimensions");
  property(sketch.guarantee().cost.rho == cost.rho && sketch.guarantee().cost.epsilon == cost.epsilon &&
               sketch.guarantee().cost.delta == cost.delta,
           "it costs what was said");
  if (open && job.statistic != PrivateStatistic::kSum) property(sketch.rows() == 2, "both rows count");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<OptionPair> pairs = pairs_of(text);
  for (const bool named : {true, false}) {
    try {
      run(named ? parse_private_job({}, pairs.data(), pairs.size())
                : parse_private_job(static_cast<PrivateStatistic>(size % 6), pairs.data(), pairs.size()));
    } catch (const Error& e) {
      property(e.kind() == ErrorKind::kInvalidParameter || e.kind() == ErrorKind::kLimit, "a refusal");
      property(std::string_view(e.what()).size() < 300, "in few words");
    }
  }
  return 0;
}
