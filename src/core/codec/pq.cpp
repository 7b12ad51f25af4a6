// See pq.h.

#include "core/codec/pq.h"

#include <algorithm>
#include <cstring>

#include "core/base/random.h"
#include "core/cluster/kmeans.h"
#include "core/cluster/nearest.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr uint32_t kMaxDims = 16000;

// sums = the sum over the n dimensions of u[d] * the d-th run of K centroid coordinates, in the order of d:
// the same bits whatever the alignment.
template <int K>
void set_products(const float* runs, const float* u, size_t n, float* sums) {
  using Run = Eigen::Map<const Eigen::Array<float, K, 1>, Eigen::Unaligned>;
  Eigen::Map<Eigen::Array<float, K, 1>, Eigen::Unaligned> sum(sums);
  sum.setZero();
  size_t d = 0;
  for (; d + 4 <= n; d += 4, runs += 4 * K) {
    sum = sum + u[d] * Run(runs) + u[d + 1] * Run(runs + K) + u[d + 2] * Run(runs + 2 * K) +
          u[d + 3] * Run(runs + 3 * K);
  }
  for (; d < n; ++d, runs += K) sum = sum + u[d] * Run(runs);
}

void set_products(size_t k, const float* runs, const float* u, size_t n, float* sums) {
  if (k == 16) {
    set_products<16>(runs, u, n, sums);
  } else {
    set_products<256>(runs, u, n, sums);
  }
}

// One table of 256 entries for each byte of a code, so that 4-bit codes, too, cost one look-up a byte, and
// any byte has an entry.
class PqScorer final : public Scorer {
 public:
  PqScorer(const PqQuantizer& quantizer, const float* q)
      : bytes_(quantizer.code_bytes()), tables_(bytes_ * 256) {
    if (quantizer.bits() == 8) {
      quantizer.inner_products(q, tables_.data());
      return;
    }
    std::vector<float> halves(2 * bytes_ * 16, 0.0f);  // an odd m leaves zeros for the ignored half
    quantizer.inner_products(q, halves.data());
    for (size_t b = 0; b < bytes_; ++b) {
      const float* low = halves.data() + b * 32;
      const float* high = low + 16;
      for (size_t v = 0; v < 256; ++v) tables_[b * 256 + v] = low[v & 15] + high[v >> 4];
    }
  }

  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    for (size_t i = 0; i < n; ++i) {
      const uint8_t* code = codes + i * stride;
      const float* table = tables_.data();
      float sums[4] = {};  // additions that need not wait for each other
      size_t b = 0;
      for (; b + 4 <= bytes_; b += 4, table += 1024) {
        sums[0] += table[code[b]];
        sums[1] += table[256 + code[b + 1]];
        sums[2] += table[512 + code[b + 2]];
        sums[3] += table[768 + code[b + 3]];
      }
      for (; b < bytes_; ++b, table += 256) sums[0] += table[code[b]];
      out[i] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
  }

 private:
  size_t bytes_;
  std::vector<float> tables_;
};

void check_options(Rows rows, const PqOptions& options) {
  if (rows.n < 1) throw Error(ErrorKind::kData, "no vectors to train on");
  if (options.bits != 4 && options.bits != 8) {
    throw Error(ErrorKind::kInvalidParameter, "product quantization has 4 or 8 bits");
  }
  if (options.m < 1 || options.m > rows.dims) {
    throw Error(ErrorKind::kInvalidParameter, "cannot cut " + std::to_string(rows.dims) +
                                                  " dimensions into " + std::to_string(options.m) +
                                                  " sub-spaces");
  }
}

}  // namespace

std::vector<size_t> pq_begins(size_t dims, size_t m) {
  std::vector<size_t> begins;
  for (size_t s = 0; s <= m; ++s) begins.push_back(s * dims / m);
  return begins;
}

PqQuantizer::PqQuantizer(int bits, const std::vector<Matrix>& centroids) : bits_(bits), begins_{0} {
  for (const Matrix& c : centroids) {
    for (Index d = 0; d < c.cols(); ++d) {
      for (Index i = 0; i < c.rows(); ++i) centroids_.push_back(c(i, d));
    }
    begins_.push_back(begins_.back() + static_cast<size_t>(c.cols()));
  }
  if (begins_ != pq_begins(dims(), m()) || centroids_.size() != dims() * k()) {
    throw Error(ErrorKind::kInternal, "sub-spaces are not cut as product quantization cuts them");
  }
  set_norms();
}

PqQuantizer::PqQuantizer(size_t dims, size_t m, int bits, std::vector<float> centroids)
    : bits_(bits), begins_(pq_begins(dims, m)), centroids_(std::move(centroids)) {
  set_norms();
}

void PqQuantizer::set_norms() {
  half_norms_.resize(m() * k());
  for (size_t s = 0; s < m(); ++s) {
    for (size_t c = 0; c < k(); ++c) {
      double sum = 0;
      for (size_t d = begins_[s]; d < begins_[s + 1]; ++d) {
        sum += static_cast<double>(centroid(d, c)) * static_cast<double>(centroid(d, c));
      }
      half_norms_[s * k() + c] = static_cast<float>(sum / 2);
    }
  }
}

void PqQuantizer::encode(const float* u, uint8_t* code) const {
  float scores[256];
  std::memset(code, 0, code_bytes());
  for (size_t s = 0; s < m(); ++s) {
    const size_t d = begins_[s];
    set_products(k(), centroids_.data() + d * k(), u + d, begins_[s + 1] - d, scores);
    const uint32_t c = first_least_difference(half_norms_.data() + s * k(), scores, k());
    if (bits_ == 8) {
      code[s] = static_cast<uint8_t>(c);
    } else {
      code[s / 2] |= static_cast<uint8_t>(c << (4 * (s % 2)));
    }
  }
}

void PqQuantizer::decode(const uint8_t* code, float* u) const {
  for (size_t s = 0; s < m(); ++s) {
    const uint8_t c = get(code, s);
    for (size_t d = begins_[s]; d < begins_[s + 1]; ++d) u[d] = centroid(d, c);
  }
}

void PqQuantizer::inner_products(const float* q, float* tables) const {
  for (size_t s = 0; s < m(); ++s) {
    const size_t d = begins_[s];
    set_products(k(), centroids_.data() + d * k(), q + d, begins_[s + 1] - d, tables + s * k());
  }
}

std::unique_ptr<Scorer> PqQuantizer::prepare(const float* q) const {
  return std::make_unique<PqScorer>(*this, q);
}

// m u32, bits u8, centroids f32[dims x 2^bits], a dimension of all centroids after the other.
void PqQuantizer::write(ByteWriter& out) const {
  out.put(static_cast<uint32_t>(m()));
  out.put(static_cast<uint8_t>(bits_));
  out.put_all(centroids_.data(), centroids_.size());
}

std::unique_ptr<Quantizer> PqQuantizer::read(ByteReader& in, size_t dims) {
  if (dims < 1 || dims > kMaxDims) ByteReader::corrupted();
  const uint32_t m = in.get_count(1, static_cast<uint32_t>(dims));
  const uint8_t bits = in.get<uint8_t>();
  if (bits != 4 && bits != 8) ByteReader::corrupted();
  std::vector<float> centroids = in.get_all<float>(dims << bits);
  return std::unique_ptr<Quantizer>(new PqQuantizer(dims, m, bits, std::move(centroids)));
}

std::vector<std::pair<std::string, std::string>> PqQuantizer::facts() const {
  return {{"subspaces", std::to_string(m())},
          {"bits", std::to_string(bits_)},
          {"centroids", std::to_string(k())}};
}

std::vector<Matrix> train_subspaces(Rows rows, const PqOptions& options, std::vector<Matrix> from,
                                    double& distortion, Matrix* decoded, const Stop& stop) {
  check_options(rows, options);
  const std::vector<size_t> begins = pq_begins(rows.dims, options.m);
  std::vector<Matrix> centroids;
  double sum = 0;
  Matrix part;
  for (size_t s = 0; s < options.m; ++s) {
    stop.check();
    part = rows.matrix().middleCols(static_cast<Index>(begins[s]),
                                    static_cast<Index>(begins[s + 1] - begins[s]));
    const Rows sub{part.data(), rows.n, begins[s + 1] - begins[s]};
    KMeans found = from.empty() ? kmeans(sub, size_t{1} << options.bits, options.iterations,
                                         mix64(options.seed + s), stop)
                                : lloyd(sub, std::move(from[s]), options.iterations, stop);
    sum += found.final_inertia();
    for (size_t i = 0; decoded != nullptr && i < rows.n; ++i) {
      std::copy_n(found.centroids.data() + found.nearest[i] * sub.dims, sub.dims,
                  decoded->data() + i * rows.dims + begins[s]);
    }
    centroids.push_back(std::move(found.centroids));
  }
  distortion = sum / static_cast<double>(rows.n);
  return centroids;
}

PqResult train_pq(Rows rows, const PqOptions& options, const Stop& stop) {
  double distortion = 0;
  const std::vector<Matrix> centroids = train_subspaces(rows, options, {}, distortion, nullptr, stop);
  return {std::make_unique<PqQuantizer>(options.bits, centroids), distortion};
}

}  // namespace lowdim::core
