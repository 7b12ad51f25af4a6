# lowdim: `make && make install && make installcheck` is PGXS; the one-command targets (make demo, make check, ...)
# are in tools/targets.mk and set up what they need. `make help` lists them. The two never meet: PGXS has a `check`
# of its own, and the one-command targets must work before any PostgreSQL is installed.
ONE_COMMAND := help setup demo check ci unit regress isolation tap clients accept asan fuzz gdb fmt lint bench \
               play play-stop
ifeq (,$(filter-out $(ONE_COMMAND),$(or $(MAKECMDGOALS),all)))
include tools/targets.mk
else

EXTENSION    = lowdim
EXTVERSION   = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" lowdim.control)
MODULE_big   = lowdim
SQL_PIECES   = $(sort $(wildcard sql/install/*.sql))
DATA_built   = sql/lowdim--$(EXTVERSION).sql
DATA         = $(wildcard sql/upgrade/lowdim--*--*.sql)
DOCS         =
SOURCES      = $(sort $(shell find src -name '*.cpp'))
OBJS         = $(SOURCES:.cpp=.o)
# Immediate assignments: PGXS tests whether these are defined, and one that expands to nothing counts as defined.
REGRESS     := $(sort $(patsubst sql/%.sql,%,$(filter-out sql/lowdim--%,$(wildcard sql/*.sql))))
REGRESS_OPTS = --load-extension=lowdim
ISOLATION   := $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=output_iso --load-extension=lowdim
EXTRA_CLEAN  = $(SOURCES:.cpp=.d) results output_iso tmp_check build/pg_version

PG_CONFIG   ?= pg_config
ifeq (,$(shell command -v $(PG_CONFIG)))
$(error $(PG_CONFIG) not found. Install PostgreSQL and its server headers (`make setup` does), or set PG_CONFIG)
endif
PG_CXXFLAGS  = -std=c++20 -Wall -Wextra -Wno-register -fvisibility=hidden -fvisibility-inlines-hidden
PG_CPPFLAGS  = -Isrc -MMD -MP
SHLIB_LINK  += -lstdc++

# PGXS would compile LLVM bitcode with another compiler and without our flags; nothing here gains from inlining by JIT.
PGXS := $(shell $(PG_CONFIG) --pgxs)
override with_llvm = no
include $(PGXS)
override with_llvm = no

# One object file an instruction set; the dispatcher chooses at run time (src/core/simd/kernels.h).
ifneq (,$(filter x86_64 amd64,$(host_cpu)))
src/core/simd/kernels_avx2.o:   CXXFLAGS += -O3 -mavx2 -mfma -mf16c -mbmi2 -mpopcnt
src/core/simd/kernels_avx512.o: CXXFLAGS += -O3 -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vpopcntdq -mfma -mf16c -mbmi2 -mpopcnt
src/core/simd/fastscan_avx2.o:   CXXFLAGS += -O3 -mavx2 -mfma -mf16c -mbmi2 -mpopcnt
src/core/simd/fastscan_avx512.o: CXXFLAGS += -O3 -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vpopcntdq -mfma -mf16c -mbmi2 -mpopcnt
src/core/simd/codes_avx2.o:   CXXFLAGS += -O3 -mavx2 -mfma -mf16c -mbmi2 -mpopcnt -ffp-contract=off
src/core/simd/waves_avx2.o:   CXXFLAGS += -O3 -mavx2 -mfma -mf16c -mbmi2 -mpopcnt -ffp-contract=off
src/core/simd/codes_avx512.o: CXXFLAGS += -O3 -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vpopcntdq -mfma -mf16c -mbmi2 -mpopcnt -ffp-contract=off
src/core/simd/waves_avx512.o: CXXFLAGS += -O3 -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vpopcntdq -mfma -mf16c -mbmi2 -mpopcnt -ffp-contract=off
endif
src/core/simd/kernels_base.o:   CXXFLAGS += -O3
src/core/simd/fastscan_base.o:   CXXFLAGS += -O3
# Codes and waves are the same to the bit on every level: nothing there may be fused into multiply-adds.
src/core/simd/codes_base.o:   CXXFLAGS += -O3 -ffp-contract=off
src/core/simd/waves_base.o:   CXXFLAGS += -O3 -ffp-contract=off
# Trained models, codes and encodings mean the same on every machine: no fused multiply-adds where the processor has
# them.
src/core/codec/%.o src/core/cluster/%.o src/core/multi/%.o src/core/privacy/%.o: CXXFLAGS += -ffp-contract=off
# Training-time linear algebra: single-threaded (a backend has one thread).
override CPPFLAGS += -DEIGEN_DONT_PARALLELIZE -isystem /usr/include/eigen3
# The server's headers are system headers to us: -isystem keeps their warnings out of -Wextra. Core and paged do not
# find them at all, and tools/build.sh makes their warnings errors (CORE_CXXFLAGS).
src/pg/%.o: CXXFLAGS += -isystem $(includedir_server)
src/core/%.o src/paged/%.o: override CPPFLAGS := $(filter-out -I$(includedir_server) -I$(includedir_internal),$(CPPFLAGS))
src/core/%.o src/paged/%.o: CXXFLAGS += $(CORE_CXXFLAGS)

-include $(SOURCES:.cpp=.d)

# Objects built for another PostgreSQL are stale. The file changes only when the version does.
PG_VERSION_NOW := $(shell $(PG_CONFIG) --version)
ifneq ($(PG_VERSION_NOW),$(shell cat build/pg_version 2>/dev/null))
$(shell mkdir -p build && echo '$(PG_VERSION_NOW)' >build/pg_version)
endif
$(OBJS): build/pg_version
build/pg_version: ;

# Core as it is shipped, for the unit tests to link with: they test these objects, and nobody compiles them twice.
build/core.a: $(filter src/core/% src/paged/%,$(OBJS))
	@rm -f $@
	@$(AR) crs $@ $^

sql/lowdim--$(EXTVERSION).sql: $(SQL_PIECES) lowdim.control
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION lowdim" to load this file. \quit'; cat $(SQL_PIECES); } > $@

endif
