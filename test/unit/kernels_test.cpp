// The SIMD kernels: every level that this processor has, against plain double-precision loops, at all sizes
// around the register widths, on unaligned pointers, and with the end of the array at the end of what may be
// read.
//
// Tolerance of float sums: |got - exact| <= 4e-7 * (4 + n / 32) * sum of |terms|. A float operation errs by
// 2^-24 = 6e-8 of its result; the longest chain of additions, at four lanes and two sums, is n / 8 + 5.

#include "core/simd/kernels.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "core/base/half.h"

namespace lowdim::simd {
namespace {

std::vector<const Kernels*> levels() {
  std::vector<const Kernels*> found;
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512})
    if (const Kernels* k = kernels_for(level)) found.push_back(k);
  return found;
}

std::vector<uint32_t> sizes() {
  std::vector<uint32_t> n;
  for (uint32_t i = 0; i <= 70; ++i) n.push_back(i);
  for (const uint32_t i : {100u, 127u, 128u, 129u, 384u, 768u, 1536u, 3072u, 16000u}) n.push_back(i);
  return n;
}

// An array of exactly n elements, `offset` elements from an aligned address, that ends where its allocation
// ends: with AddressSanitizer, reading one element further fails.
template <class T>
class Tight {
 public:
  Tight(size_t n, size_t offset) : storage_(new T[n + offset]), data_(storage_.get() + offset), size_(n) {}
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }
  T operator[](size_t i) const { return data_[i]; }

 private:
  std::unique_ptr<T[]> storage_;
  T* data_;
  size_t size_;
};

double as_double(float x) { return static_cast<double>(x); }
double as_double(uint16_t x) { return static_cast<double>(half_to_float(x)); }
void set(float& x, float value) { x = value; }
void set(uint16_t& x, float value) { x = float_to_half(value); }

template <class T>
Tight<T> random_array(size_t n, size_t offset, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  Tight<T> array(n, offset);
  for (size_t i = 0; i < n; ++i) set(array[i], normal(random));
  return array;
}

Tight<uint8_t> random_bytes(size_t n, size_t offset, std::mt19937_64& random) {
  Tight<uint8_t> array(n, offset);
  for (size_t i = 0; i < n; ++i) array[i] = static_cast<uint8_t>(random());
  return array;
}

double tolerance(uint32_t n, double magnitude) { return 4e-7 * (4 + n / 32.0) * magnitude; }

struct Sums {
  double l2 = 0, l1 = 0, ab = 0, abs_ab = 0, aa = 0, bb = 0;
};

template <class T>
Sums reference(const T* a, const T* b, size_t n) {
  Sums s;
  for (size_t i = 0; i < n; ++i) {
    const double x = as_double(a[i]), y = as_double(b[i]);
    s.l2 += (x - y) * (x - y);
    s.l1 += std::fabs(x - y);
    s.ab += x * y;
    s.abs_ab += std::fabs(x * y);
    s.aa += x * x;
    s.bb += y * y;
  }
  return s;
}

// The members of a table for one element type.
template <class T>
struct Dense;
template <>
struct Dense<float> {
  static constexpr auto l2sq = &Kernels::l2sq_f32;
  static constexpr auto dot = &Kernels::dot_f32;
  static constexpr auto l1 = &Kernels::l1_f32;
  static constexpr auto cosine = &Kernels::cosine_f32;
  static constexpr auto norm2 = &Kernels::norm2_f32;
};
template <>
struct Dense<uint16_t> {
  static constexpr auto l2sq = &Kernels::l2sq_f16;
  static constexpr auto dot = &Kernels::dot_f16;
  static constexpr auto l1 = &Kernels::l1_f16;
  static constexpr auto cosine = &Kernels::cosine_f16;
  static constexpr auto norm2 = &Kernels::norm2_f16;
};

template <class T>
void expect_dense(const Kernels& k, const T* a, const T* b, uint32_t n) {
  const Sums s = reference(a, b, n);
  const auto where = [&] { return testing::Message() << k.name << " n=" << n << " bytes=" << sizeof(T); };
  EXPECT_NEAR((k.*Dense<T>::l2sq)(a, b, n), s.l2, tolerance(n, s.l2)) << where();
  EXPECT_NEAR((k.*Dense<T>::dot)(a, b, n), s.ab, tolerance(n, s.abs_ab)) << where();
  EXPECT_NEAR((k.*Dense<T>::l1)(a, b, n), s.l1, tolerance(n, s.l1)) << where();
  float cosine[3] = {-1, -1, -1};
  (k.*Dense<T>::cosine)(a, b, n, cosine);
  EXPECT_NEAR(cosine[0], s.ab, tolerance(n, s.abs_ab)) << where();
  EXPECT_NEAR(cosine[1], s.aa, tolerance(n, s.aa)) << where();
  EXPECT_NEAR(cosine[2], s.bb, tolerance(n, s.bb)) << where();
  // Squares of floats are exact in double, so only the additions err.
  EXPECT_NEAR((k.*Dense<T>::norm2)(a, n), s.aa, 1e-15 * (4 + n) * s.aa) << where();
}

template <class T>
void sweep_dense() {
  std::mt19937_64 random(7);
  for (const uint32_t n : sizes())
    for (size_t offset = 0; offset < 4; ++offset) {
      const Tight<T> a = random_array<T>(n, offset, random);
      const Tight<T> b = random_array<T>(n, 3 - offset, random);
      for (const Kernels* k : levels()) expect_dense(*k, a.data(), b.data(), n);
    }
}

TEST(Kernels, FloatsAgreeWithDoublePrecision) { sweep_dense<float>(); }
TEST(Kernels, HalvesAgreeWithDoublePrecision) { sweep_dense<uint16_t>(); }

// Each element alone: a lane that is skipped, taken twice or paired wrongly changes an exact result.
template <class T>
void one_element_at_a_time() {
  for (const uint32_t n : {1u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 47u, 63u, 65u, 100u, 130u})
    for (uint32_t at = 0; at < n; ++at) {
      Tight<T> a(n, 1), b(n, 2);
      for (uint32_t i = 0; i < n; ++i) set(a[i], 0), set(b[i], 0);
      set(a[at], 3);
      set(b[at], 5);
      for (const Kernels* k : levels()) {
        float cosine[3];
        (k->*Dense<T>::cosine)(a.data(), b.data(), n, cosine);
        ASSERT_EQ((k->*Dense<T>::l2sq)(a.data(), b.data(), n), 4.0f) << k->name << " " << n << " " << at;
        ASSERT_EQ((k->*Dense<T>::dot)(a.data(), b.data(), n), 15.0f) << k->name << " " << n << " " << at;
        ASSERT_EQ((k->*Dense<T>::l1)(a.data(), b.data(), n), 2.0f) << k->name << " " << n << " " << at;
        ASSERT_EQ((k->*Dense<T>::norm2)(a.data(), n), 9.0) << k->name << " " << n << " " << at;
        ASSERT_EQ(cosine[0], 15.0f) << k->name << " " << n << " " << at;
        ASSERT_EQ(cosine[1], 9.0f) << k->name << " " << n << " " << at;
        ASSERT_EQ(cosine[2], 25.0f) << k->name << " " << n << " " << at;
      }
    }
}

TEST(Kernels, EveryFloatCountsOnce) { one_element_at_a_time<float>(); }
TEST(Kernels, EveryHalfCountsOnce) { one_element_at_a_time<uint16_t>(); }

// An element before the range or behind it must not leak in, NaN and infinity least of all: 0 * infinity is
// not 0.
template <class T>
void neighbours_stay_out() {
  const float infinity = HUGE_VALF;
  for (uint32_t n = 0; n <= 70; ++n) {
    Tight<T> a(n + 64, 0), b(n + 64, 0);
    for (size_t i = 0; i < n + 64; ++i) set(a[i], infinity), set(b[i], NAN);
    for (size_t i = 32; i < n + 32; ++i) set(a[i], 1), set(b[i], 2);
    for (const Kernels* k : levels()) {
      const T *x = a.data() + 32, *y = b.data() + 32;
      const float count = static_cast<float>(n);
      float cosine[3];
      (k->*Dense<T>::cosine)(x, y, n, cosine);
      EXPECT_EQ((k->*Dense<T>::l2sq)(x, y, n), count) << k->name << " " << n;
      EXPECT_EQ((k->*Dense<T>::dot)(x, y, n), 2 * count) << k->name << " " << n;
      EXPECT_EQ((k->*Dense<T>::l1)(x, y, n), count) << k->name << " " << n;
      EXPECT_EQ((k->*Dense<T>::norm2)(y, n), 4.0 * count) << k->name << " " << n;
      EXPECT_EQ(cosine[0], 2 * count) << k->name << " " << n;
      EXPECT_EQ(cosine[1], count) << k->name << " " << n;
      EXPECT_EQ(cosine[2], 4 * count) << k->name << " " << n;
    }
  }
}

TEST(Kernels, NeighboursOfTheFloatsStayOut) { neighbours_stay_out<float>(); }
TEST(Kernels, NeighboursOfTheHalvesStayOut) { neighbours_stay_out<uint16_t>(); }

TEST(Kernels, Norm2IsSummedInDouble) {
  std::vector<float> a(1001, 1e30f);
  for (const Kernels* k : levels()) {
    const double square = static_cast<double>(1e30f) * static_cast<double>(1e30f);
    EXPECT_NEAR(k->norm2_f32(a.data(), 1001), 1001 * square, 1e-12 * 1001 * square) << k->name;
    EXPECT_EQ(k->l2sq_f32(a.data(), std::vector<float>(1001, 0.0f).data(), 1001), HUGE_VALF) << k->name;
  }
}

TEST(Kernels, NanAndInfinityComeThrough) {
  for (const uint32_t n : {1u, 5u, 16u, 21u, 100u}) {
    Tight<float> a(n, 1), b(n, 1);
    for (uint32_t i = 0; i < n; ++i) a[i] = 1, b[i] = 2;
    for (const Kernels* k : levels()) {
      a[n - 1] = HUGE_VALF;
      EXPECT_EQ(k->l2sq_f32(a.data(), b.data(), n), HUGE_VALF) << k->name << " " << n;
      a[n - 1] = NAN;
      EXPECT_TRUE(std::isnan(k->l2sq_f32(a.data(), b.data(), n))) << k->name << " " << n;
      EXPECT_TRUE(std::isnan(k->l1_f32(a.data(), b.data(), n))) << k->name << " " << n;
      EXPECT_TRUE(std::isnan(k->dot_f32(a.data(), b.data(), n))) << k->name << " " << n;
      a[n - 1] = 1;
    }
  }
}

TEST(Kernels, BitCountsAreExact) {
  std::mt19937_64 random(11);
  for (size_t n = 0; n <= 2100; n < 300 ? ++n : n += 97)
    for (size_t offset = 0; offset < 4; ++offset) {
      const Tight<uint8_t> a = random_bytes(n, offset, random), b = random_bytes(n, 3 - offset, random);
      uint64_t differ = 0, both = 0, any = 0;
      for (size_t i = 0; i < n; ++i) {
        differ += static_cast<uint64_t>(std::popcount(static_cast<uint8_t>(a[i] ^ b[i])));
        both += static_cast<uint64_t>(std::popcount(static_cast<uint8_t>(a[i] & b[i])));
        any += static_cast<uint64_t>(std::popcount(static_cast<uint8_t>(a[i] | b[i])));
      }
      for (const Kernels* k : levels()) {
        uint64_t out[2] = {~uint64_t{0}, ~uint64_t{0}};
        k->jaccard(a.data(), b.data(), n, out);
        ASSERT_EQ(k->hamming(a.data(), b.data(), n), differ) << k->name << " " << n;
        ASSERT_EQ(out[0], both) << k->name << " " << n;
        ASSERT_EQ(out[1], any) << k->name << " " << n;
      }
    }
}

// All ones is where a count per byte or per lane would overflow.
TEST(Kernels, BitCountsOfLongFullStringsDoNotOverflow) {
  const size_t n = 1 << 20;
  const std::vector<uint8_t> ones(n, 0xff), zeros(n, 0);
  for (const Kernels* k : levels()) {
    uint64_t out[2];
    k->jaccard(ones.data(), zeros.data(), n, out);
    EXPECT_EQ(k->hamming(ones.data(), zeros.data(), n), 8 * n) << k->name;
    EXPECT_EQ(out[0], 0u) << k->name;
    EXPECT_EQ(out[1], 8 * n) << k->name;
  }
}

TEST(Kernels, EveryHalfConvertsToTheSameBits) {
  Tight<uint16_t> in(65536, 1);
  Tight<float> out(65536, 1);
  for (size_t i = 0; i < 65536; ++i) in[i] = static_cast<uint16_t>(i);
  for (const Kernels* k : levels()) {
    std::memset(out.data(), 0, sizeof(float) * 65536);
    k->f16_to_f32(in.data(), out.data(), 65536);
    for (size_t i = 0; i < 65536; ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(half_to_float(in[i])))
          << k->name << i;
  }
}

// Every 61st bit pattern, and the midpoints between halves with their neighbours.
TEST(Kernels, FloatsConvertToTheSameHalves) {
  constexpr size_t kBlock = 1 << 16;
  std::vector<float> in;
  std::vector<uint16_t> out(kBlock);
  const auto compare = [&] {
    for (const Kernels* k : levels()) {
      k->f32_to_f16(in.data(), out.data(), in.size());
      for (size_t i = 0; i < in.size(); ++i)
        ASSERT_EQ(out[i], float_to_half(in[i])) << k->name << " " << std::bit_cast<uint32_t>(in[i]);
    }
    in.clear();
  };
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 61) {
    in.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    if (in.size() == kBlock) compare();
  }
  compare();
  for (uint32_t h = 0; h < 0x7c00; ++h) {
    const float here = half_to_float(static_cast<uint16_t>(h));
    const float next = h + 1 == 0x7c00 ? 65536.0f : half_to_float(static_cast<uint16_t>(h + 1));
    const float middle = (here + next) / 2;
    for (const float x : {std::nextafterf(middle, 0), middle, std::nextafterf(middle, HUGE_VALF)}) {
      in.push_back(x);
      in.push_back(-x);
    }
    if (in.size() + 6 > kBlock) compare();
  }
  compare();
}

TEST(Kernels, ConversionsWriteTheirElementsOnly) {
  std::mt19937_64 random(13);
  for (size_t n = 0; n <= 70; ++n)
    for (size_t offset = 0; offset < 4; ++offset) {
      const Tight<float> floats = random_array<float>(n, offset, random);
      const Tight<uint16_t> halves = random_array<uint16_t>(n, offset, random);
      for (const Kernels* k : levels()) {
        Tight<uint16_t> to_half(n, 3 - offset);  // AddressSanitizer sees a write behind the end ...
        k->f32_to_f16(floats.data(), to_half.data(), n);
        Tight<float> to_float(n + 16, offset);  // ... and the mark shows it without
        for (size_t i = 0; i < n + 16; ++i) to_float[i] = -77;
        k->f16_to_f32(halves.data(), to_float.data(), n);
        for (size_t i = 0; i < n; ++i) {
          ASSERT_EQ(to_half[i], float_to_half(floats[i])) << k->name << " " << n << " " << i;
          ASSERT_EQ(to_float[i], half_to_float(halves[i])) << k->name << " " << n << " " << i;
        }
        for (size_t i = n; i < n + 16; ++i) ASSERT_EQ(to_float[i], -77) << k->name << " " << n << " " << i;
      }
    }
}

// Masked instructions are invisible to AddressSanitizer, not to the processor: behind the array lies a page
// that may not be touched, and so does before it.
class GuardedPage : public testing::Test {
 protected:
  void SetUp() override {
    page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    map_ = static_cast<uint8_t*>(mmap(nullptr, 5 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(static_cast<void*>(map_), MAP_FAILED);
    ASSERT_EQ(mprotect(map_ + page_, page_, PROT_READ | PROT_WRITE), 0);
    ASSERT_EQ(mprotect(map_ + 3 * page_, page_, PROT_READ | PROT_WRITE), 0);
    std::memset(map_ + page_, 0, page_);
    std::memset(map_ + 3 * page_, 0, page_);
  }
  void TearDown() override { munmap(map_, 5 * page_); }

  // n bytes that end, or that begin, at a forbidden page; two of each.
  uint8_t* ending(int which, size_t bytes) { return map_ + (which == 0 ? 2 : 4) * page_ - bytes; }
  uint8_t* beginning(int which) { return map_ + (which == 0 ? 1 : 3) * page_; }

  template <class T>
  void run_all(const uint8_t* p, const uint8_t* q, uint32_t n) {
    const T* a = reinterpret_cast<const T*>(p);
    const T* b = reinterpret_cast<const T*>(q);
    for (const Kernels* k : levels()) expect_dense(*k, a, b, n);
  }

  size_t page_ = 0;
  uint8_t* map_ = nullptr;
};

TEST_F(GuardedPage, NothingOutsideIsTouched) {
  for (uint32_t n = 0; n <= 300; ++n) {
    run_all<float>(ending(0, 4 * n), ending(1, 4 * n), n);
    run_all<float>(beginning(0), beginning(1), n);
    run_all<uint16_t>(ending(0, 2 * n), ending(1, 2 * n), n);
    run_all<uint16_t>(beginning(0), beginning(1), n);
    for (const Kernels* k : levels()) {
      uint64_t out[2];
      EXPECT_EQ(k->hamming(ending(0, n), ending(1, n), n), 0u);
      EXPECT_EQ(k->hamming(beginning(0), beginning(1), n), 0u);
      k->jaccard(ending(0, n), ending(1, n), n, out);
      k->jaccard(beginning(0), beginning(1), n, out);
      k->f16_to_f32(reinterpret_cast<uint16_t*>(ending(0, 2 * n)), reinterpret_cast<float*>(ending(1, 4 * n)),
                    n);
      k->f16_to_f32(reinterpret_cast<uint16_t*>(beginning(0)), reinterpret_cast<float*>(beginning(1)), n);
      k->f32_to_f16(reinterpret_cast<float*>(ending(0, 4 * n)), reinterpret_cast<uint16_t*>(ending(1, 2 * n)),
                    n);
      k->f32_to_f16(reinterpret_cast<float*>(beginning(0)), reinterpret_cast<uint16_t*>(beginning(1)), n);
    }
  }
}

TEST(Kernels, TheBestLevelIsTheDefaultAndAnyCanBeForced) {
  EXPECT_EQ(kernels().level, detect());
  for (const Kernels* k : levels()) {
    force(k->level);
    EXPECT_EQ(&kernels(), k);
    EXPECT_EQ(kernels_for(k->level), k);
  }
  EXPECT_EQ(levels().back()->level, detect());
  force(detect());
  EXPECT_EQ(kernels().level, detect());
}

TEST(Kernels, TablesAreComplete) {
  for (const Kernels* k : levels()) {
    const void* members[sizeof(Kernels) / sizeof(void*)];
    std::memcpy(members, k, sizeof(members));
    for (size_t i = 2; i < std::size(members); ++i)
      EXPECT_NE(members[i], nullptr) << k->name << " member " << i;
  }
}

}  // namespace
}  // namespace lowdim::simd
