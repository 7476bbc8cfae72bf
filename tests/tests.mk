# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests, checks, fuzzing and benchmarks. A file dropped into its directory is picked up:
#
#   tests/unit/test_*.c   cmocka, ASan and UBSan, all that does without libbpf
#   tests/prog/test_*.c   programs that load BPF: everything of the agent but main(), as shipped
#   tests/net/*.c         programs for the scripts in tests/net (generators and the like), in $(BUILD)/test/net
#   tests/fuzz/fuzz_*.c   libFuzzer; tests/fuzz/corpus/*/ and tests/fuzz/*.dict beside it
#                         These two once more for `make coverage`, in $(BUILD)/test/cov
#   tests/vm/*.c          programs for the jobs in tests/vm, in $(BUILD)/test/vm
#   tests/bench/bench_*.c benchmarks, as shipped; tests/bench/*.bpf.c becomes $(BUILD)/test/bench/*.skel.h
#
# Any other .c file in these directories, and all of tests/golden, is a helper that their programs may call.
FUZZ_TIME ?= 30

TEST_SRC := $(filter-out %.bpf.c,$(wildcard tests/*/*.c))
TEST_FLAGS := -Itests -I$(BUILD) -I$(BUILD)/test/bench
PROGRAMS_OF = $(filter tests/$(1)/$(2)%.c,$(TEST_SRC))
HELPERS_OF = $(filter-out $(call PROGRAMS_OF,$(1),$(2)),$(filter tests/$(1)/%.c tests/golden/%.c,$(TEST_SRC)))

define test_objects
$(filter $(BUILD)/$(1)/tests/%,$(TEST_SRC:%.c=$(BUILD)/$(1)/%.o)): EXTRA := $(TEST_FLAGS)
$(filter $(BUILD)/$(1)/tests/%,$(TEST_SRC:%.c=$(BUILD)/$(1)/%.o)): | $(BUILD)/.deps-test
endef
$(foreach v,obj san fuzz cov,$(eval $(call test_objects,$(v))))

# $(1): archive, $(2): objects
define archive
$(1): $(2) $(BUILD)/.sources
	@mkdir -p $$(@D)
	$$(call SAY,AR,$$@)
	$(Q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call archive,$(BUILD)/test/libespial.a,$(filter-out %/main.o,$(LIBBPF_OBJ)) $(CORE_OBJ)))
$(eval $(call archive,$(BUILD)/test/libespial-core.a,$(CORE_SRC:%.c=$(BUILD)/san/%.o)))
$(eval $(call archive,$(BUILD)/test/libespial-plain.a,$(CORE_OBJ)))
$(eval $(call archive,$(BUILD)/test/libespial-fuzz.a,$(CORE_SRC:%.c=$(BUILD)/fuzz/%.o)))
$(eval $(call archive,$(BUILD)/test/libespial-cov.a,$(CORE_SRC:%.c=$(BUILD)/cov/%.o)))

# $(1): directory, $(2): prefix of the programs' names, $(3): kind of objects, $(4): archive, $(5): how to link, $(6): libraries,
# $(7): where below $(BUILD)/test, when not there
define programs
$(patsubst tests/%.c,$(BUILD)/test/$(7)%,$(call PROGRAMS_OF,$(1),$(2))): $(BUILD)/test/$(7)$(1)/%: \
		$(BUILD)/$(3)/tests/$(1)/%.o $(patsubst %.c,$(BUILD)/$(3)/%.o,$(call HELPERS_OF,$(1),$(2))) $(4)
	@mkdir -p $$(@D)
	$$(call SAY,LINK,$$@)
	$(Q)$(5) $$(CFLAGS) -o $$@ $$^ $(6)
endef
$(eval $(call programs,unit,test_,san,$(BUILD)/test/libespial-core.a,$(CC) $(SAN_FLAGS),-lcmocka $$(CORE_LIBS)))
$(eval $(call programs,prog,test_,obj,$(BUILD)/test/libespial.a,$(CC),-lcmocka $$(ALL_LIBS)))
$(eval $(call programs,net,,obj,$(BUILD)/test/libespial-plain.a,$(CC),$$(CORE_LIBS)))
$(eval $(call programs,vm,,obj,$(BUILD)/test/libespial.a,$(CC),$$(ALL_LIBS)))
$(eval $(call programs,bench,bench_,obj,$(BUILD)/test/libespial.a,$(CC),$$(ALL_LIBS) -lpcap))
$(eval $(call programs,fuzz,fuzz_,fuzz,$(BUILD)/test/libespial-fuzz.a,$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer,$$(CORE_LIBS)))
$(eval $(call programs,unit,test_,cov,$(BUILD)/test/libespial-cov.a,$(CLANG) $(COV_FLAGS),-lcmocka $$(CORE_LIBS),cov/))
$(eval $(call programs,fuzz,fuzz_,cov,$(BUILD)/test/libespial-cov.a,$(CLANG) $(COV_FLAGS) -fsanitize=fuzzer,$$(CORE_LIBS),cov/))

# Functions of libmicrohttpd that the test replaces by its own
HTTP_WRAPPED := MHD_create_response_from_buffer MHD_create_response_from_callback MHD_get_connection_info MHD_get_daemon_info
$(BUILD)/test/unit/test_http_memory $(BUILD)/test/cov/unit/test_http_memory: private CFLAGS += $(HTTP_WRAPPED:%=-Wl,--wrap=%)

# ---- what may see the skeletons

BENCH_SKEL := $(patsubst tests/bench/%.bpf.c,$(BUILD)/test/bench/%.skel.h,$(wildcard tests/bench/*.bpf.c))
$(eval $(call bpf_objects,tests/bench,$(BUILD)/test/bench))
$(patsubst %.c,$(BUILD)/obj/%.o,$(filter tests/prog/% tests/bench/% tests/vm/%,$(TEST_SRC))): | $(SKEL)
$(patsubst %.c,$(BUILD)/obj/%.o,$(filter tests/bench/%,$(TEST_SRC))): | $(BENCH_SKEL)

programs_in = $(patsubst tests/%.c,$(BUILD)/test/%,$(call PROGRAMS_OF,$(1),$(2)))

# ---- targets

test: $(addprefix $(BUILD)/.deps-,build lab test) ## everything: unit, lint, fuzz-replay, fuzzing, prog, cli, net; TESTS=pattern selects
	+@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/run $(TESTS)

# What only a kernel with ESP can show. Each job boots the kernel anew.
KERNELS ?= 6.1 6.12 new
VM_JOBS ?= $(patsubst tests/vm/%.sh,%,$(wildcard tests/vm/job_*.sh))
# A compiler newer than the one of the build: job_verifier loads what it makes of the programs, where it is installed
CLANG_NEWER ?= clang-19
$(BUILD)/clang-19/espial: FORCE
	+@if command -v $(CLANG_NEWER) >/dev/null; then $(MAKE) BUILD=$(BUILD)/clang-19 CLANG=$(CLANG_NEWER) $@; \
		else echo "  no $(CLANG_NEWER) here: the programs are tried with $(CLANG) only"; fi

test-kernels: $(BUILD)/.deps-vm $(BUILD)/espial $(BUILD)/clang-19/espial $(BUILD)/test/prog/test_golden $(call programs_in,vm,) ## in QEMU, with real ESP: KERNELS='6.1 6.12 new', VM_JOBS='job_esp …'
	@failed=; $(SUDO) env ESPIAL_BUILD='$(abspath $(BUILD))' tests/vm/run 5.10 old_refuse || failed=' old_refuse/5.10'; \
	for kernel in $(KERNELS); do for job in $(VM_JOBS); do \
		echo "  VM      $$job on $$kernel"; \
		$(SUDO) env ESPIAL_BUILD='$(abspath $(BUILD))' tests/vm/run $$kernel $$job || failed="$$failed $$job/$$kernel"; \
	done; done; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

test-deploy: $(BUILD)/.deps-test $(BUILD)/.deps-deploy ## packages, systemd, Prometheus, container: also what `make test` leaves out (many minutes)
	+@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/run 'deploy/*'

# A million packets while the agent is stopped, for which CI has no time
FAULT_ROUNDS ?= 100000
test-faults: $(addprefix $(BUILD)/.deps-,build lab test) ## faults of load, links, HTTP and disk, with a million packets: FAULT_ROUNDS=100000
	+@MAKE='$(MAKE)' BUILD='$(BUILD)' FAULT_ROUNDS='$(FAULT_ROUNDS)' tests/run net/faults net/journal_full prog/test_storm unit/test_clock_jumps

SOAK_MINUTES ?= 60
soak: $(addprefix $(BUILD)/.deps-,lab test) $(BUILD)/espial $(BUILD)/test/net/flood ## the full packet rate with rekeys, for SOAK_MINUTES=60: nothing grows, all is counted
	$(SUDO) env ESPIAL_BUILD='$(abspath $(BUILD))' SOAK_SECONDS=$$(($(SOAK_MINUTES) * 60)) bash tests/net/soak.sh

mutate: $(BUILD)/.deps-test ## change the shared headers one line at a time: do the tests notice? ARGS='--sample replay'
	nice -n 19 tests/mutate.sh $(ARGS)

mutate-live: $(addprefix $(BUILD)/.deps-,build test) ## break what each live check must notice: equations, faults; ARGS='flood' selects
	$(SUDO) env MAKE='$(MAKE)' tests/mutate_live.sh $(ARGS)

fuzz-replay: $(BUILD)/.deps-test ## run the committed fuzz corpora once
	+@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/run fuzz/

bench: $(BUILD)/.deps-bench $(BUILD)/espial $(call programs_in,bench,bench_) ## measure, as ratios in one run
	$(SUDO) env ESPIAL_BUILD='$(abspath $(BUILD))' tests/bench/run $(ARGS)

fuzz: $(call programs_in,fuzz,fuzz_) ## fuzz each target for FUZZ_TIME seconds; FUZZ_TARGETS='ike http' selects
	@FUZZ_TIME='$(FUZZ_TIME)' tests/fuzz/run '$(BUILD)' $(FUZZ_TARGETS)

coverage: $(BUILD)/.deps-test $(patsubst $(BUILD)/test/%,$(BUILD)/test/cov/%,$(call programs_in,unit,test_) $(call programs_in,fuzz,fuzz_)) ## of the parsers, by unit tests and fuzz corpora; ARGS=--missing lists
	@tests/coverage.py '$(BUILD)' $(ARGS)

# ---- checks: each must be silent

CHECK_C  := $(wildcard bpf/*.[ch] include/*/*.h user/*.[ch] user/*/*.[ch] tests/*/*.[ch])
CHECK_SH := $(wildcard deploy/*.sh .ci/run tests/run tests/fuzz/run tests/*.sh tests/*/*.sh tests/bench/run tests/vm/run)
TIDY_C   := $(USER_SRC) $(wildcard bpf/*.bpf.c) $(TEST_SRC)

check: check-format check-tidy check-cppcheck check-shell ## format, clang-tidy, cppcheck, shellcheck: all clean

check-format: $(BUILD)/.deps-test
	@clang-format --dry-run --Werror $(CHECK_C)

format: $(BUILD)/.deps-test ## let clang-format rewrite the sources
	clang-format -i $(CHECK_C)

# One stamp per file: clang-tidy is slow, and remembers what has not changed
check-tidy: $(TIDY_C:%=$(BUILD)/check/%.tidy)
# Generated skeletons are nobody's to tidy
TIDY_FLAGS = $(C_FLAGS) $(patsubst -I$(BUILD)%,-isystem $(BUILD)%,$(TEST_FLAGS)) -DESPIAL_VERSION='"$(ESPIAL_VERSION)"'
$(BUILD)/check/%.tidy: % .clang-tidy tests/.clang-tidy $(filter %.h,$(CHECK_C)) | $(BUILD)/.deps-test $(SKEL) $(BENCH_SKEL)
	@mkdir -p $(@D)
	$(call SAY,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- $(if $(filter %.bpf.c,$<),$(BPF_FLAGS),$(TIDY_FLAGS)) 2>$@.err || { cat $@.err >&2; false; }
	@touch $@

# With a -D, cppcheck takes that configuration and does not invent others. It does not know libbpf's macros, and chokes on
# X-macros when it is told of them. What a LIST_FOREACH of sys/queue.h walks it calls uninitialized, which clang-tidy and the
# sanitizers see better.
check-cppcheck: $(BUILD)/.deps-test
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem '--suppress=unknownMacro:user/source/bpf_*.c' '--suppress=uninitvar:user/model/tunnel*.c' -j$(shell nproc) $(CPPFLAGS) $(USER_SRC)

check-shell: $(BUILD)/.deps-test
	@shellcheck -x -P SCRIPTDIR -P tests $(CHECK_SH)

.PHONY: test test-kernels test-faults soak mutate mutate-live test-deploy bench fuzz fuzz-replay coverage check check-format check-tidy check-cppcheck check-shell format
