// Chooses the kernel table. This file is compiled for the platform's baseline, so it may run anywhere; it
// must not include kernels_impl.h.

#include "core/simd/kernels.h"

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
#include <cpuid.h>
#endif

namespace lowdim::simd {
namespace {

#if LOWDIM_SIMD_X86
// All that kernels_avx2.cpp is compiled with (see Makefile). __builtin_cpu_supports answers yes to the AVX
// families only if the operating system saves their registers too. clang's does not know f16c, so that is
// asked for directly.
bool has_avx2() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 &&
         (ecx & bit_F16C) != 0;
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vpopcntdq");
}

// The best level, asked once: a virtual machine traps cpuid, which then takes microseconds. 0 is not asked
// yet.
Level best_level() {
  static int known = 0;
  int level = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (level == 0) {
    __builtin_cpu_init();
    level = 1 + static_cast<int>(has_avx512() ? Level::kAvx512 : has_avx2() ? Level::kAvx2 : Level::kBase);
    __atomic_store_n(&known, level, __ATOMIC_RELAXED);
  }
  return static_cast<Level>(level - 1);
}
#else
Level best_level() { return Level::kBase; }
#endif

}  // namespace

const Kernels* kernels_for(Level level) {
  if (level > best_level()) return nullptr;
  switch (level) {
    case Level::kBase:
      return &kernels_base;
#if LOWDIM_SIMD_X86
    case Level::kAvx2:
      return &kernels_avx2;
    case Level::kAvx512:
      return &kernels_avx512;
#else
    case Level::kAvx2:
    case Level::kAvx512:
      break;
#endif
  }
  return nullptr;
}

Level detect() { return best_level(); }

void force(Level level) {
  const Kernels* table = kernels_for(level < best_level() ? level : best_level());
  __atomic_store_n(&internal::active, table, __ATOMIC_RELAXED);
}

namespace internal {

constinit const Kernels* active = nullptr;

// Threads that get here together all store the same pointer.
const Kernels& choose() {
  force(detect());
  return *__atomic_load_n(&active, __ATOMIC_RELAXED);
}

}  // namespace internal
}  // namespace lowdim::simd
