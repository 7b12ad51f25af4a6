# The one-command targets, included by the Makefile. Each is one line: the work is in tools/*.sh, and sets up what it
# needs. Options are make variables: T= names a test, F= a file, B= a benchmark, S= seconds, DATA= a data set.
export T S F B DATA PG_CONFIG KEEP_GOING
.PHONY: $(ONE_COMMAND)
MAKEFLAGS += --no-print-directory

##@ Start here
demo:       ## build, start a private server, search real word vectors (DATA=glove: all 341,479 of them)
	@tools/demo.sh
check:      ## run every test layer, stop at the first red one (KEEP_GOING=1: do not stop)
	@tools/check.sh all

##@ One layer (T= picks tests)
unit:       ## C++ unit tests of core and paged, no server (T= is a gtest filter)
	@tools/check.sh unit
fuzz:       ## each fuzzer for S seconds, 60 by default (T=literal_fuzz)
	@S="$${S:-60}" tools/check.sh fuzz
regress:    ## SQL in, expected output out (T="vector halfvec")
	@tools/check.sh regress
isolation:  ## interleaved sessions (T=spec)
	@tools/check.sh isolation
tap:        ## Perl tests that start servers of their own (T=001_smoke)
	@tools/check.sh tap
clients:    ## Node.js and Python clients against a private server
	@tools/check.sh clients
lint:       ## the laws of docs/architecture.md, formatting, symbols
	@tools/check.sh lint
asan:       ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer (T= as for unit)
	@tools/check.sh asan

##@ Work
accept:     ## show how the output of regression test T differs from the expected one, then accept it
	@tools/accept.sh
gdb:        ## run F=file.sql in a session with gdb attached to its backend
	@tools/gdb.sh
fmt:        ## format all C++ files
	@tools/fmt.sh
bench:      ## micro benchmarks (B= is a Google Benchmark filter)
	@tools/bench.sh
play:       ## psql on a private server with the extension (and the demo's data, if it was loaded)
	@tools/play.sh
play-stop:  ## stop that server and remove its data
	@tools/server.sh destroy demo
setup:      ## install the packages that are missing for building and testing
	@tools/setup.sh build check
ci:         ## exactly what continuous integration runs
	@.ci/run
help:       ## this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+: *## / {printf "  make %-10s %s\n", $$1, $$2}' tools/targets.mk
	@printf '\n%s\n  %s\n' 'With a PostgreSQL of your own' 'make && make install && make installcheck   (PG_CONFIG=/path/to/pg_config picks one)'
