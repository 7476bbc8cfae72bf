# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests, checks, fuzzing and benchmarks. A file dropped into its directory is picked up:
#
#   tests/unit/test_*.c   cmocka, ASan and UBSan, all that does without libbpf
#   tests/prog/test_*.c   programs that load BPF: everything of the agent but main(), as shipped
#   tests/net/*.c         programs for the scripts in tests/net (generators and the like), in $(BUILD)/test/net
#   tests/fuzz/fuzz_*.c   libFuzzer; tests/fuzz/corpus/*/ and tests/fuzz/*.dict beside it
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
$(foreach v,obj san fuzz,$(eval $(call test_objects,$(v))))

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

# $(1): directory, $(2): prefix of the programs' names, $(3): kind of objects, $(4): archive, $(5): how to link, $(6): libraries
define programs
$(patsubst tests/$(1)/%.c,$(BUILD)/test/$(1)/%,$(call PROGRAMS_OF,$(1),$(2))): $(BUILD)/test/$(1)/%: \
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

# ---- what may see the skeletons

BENCH_SKEL := $(patsubst tests/bench/%.bpf.c,$(BUILD)/test/bench/%.skel.h,$(wildcard tests/bench/*.bpf.c))
$(eval $(call bpf_objects,tests/bench,$(BUILD)/test/bench))
$(patsubst %.c,$(BUILD)/obj/%.o,$(filter tests/prog/% tests/bench/% tests/vm/%,$(TEST_SRC))): | $(SKEL)
$(patsubst %.c,$(BUILD)/obj/%.o,$(filter tests/bench/%,$(TEST_SRC))): | $(BENCH_SKEL)

programs_in = $(patsubst tests/%.c,$(BUILD)/test/%,$(call PROGRAMS_OF,$(1),$(2)))

# ---- targets

test: $(addprefix $(BUILD)/.deps-,build lab test) ## everything: unit, lint, fuzz-replay, prog, cli, net; TESTS=pattern selects
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

test-deploy: $(BUILD)/.deps-test $(BUILD)/.deps-deploy ## packages, systemd, Prometheus: what `make test` leaves out (minutes)
	+@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/run 'deploy/*'

fuzz-replay: $(BUILD)/.deps-test ## run the committed fuzz corpora once
	+@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/run fuzz/

bench: $(BUILD)/.deps-bench $(BUILD)/espial $(call programs_in,bench,bench_) ## measure, as ratios in one run
	$(SUDO) env ESPIAL_BUILD='$(abspath $(BUILD))' tests/bench/run $(ARGS)

fuzz: $(call programs_in,fuzz,fuzz_) ## fuzz each target for FUZZ_TIME seconds
	@for program in $^; do \
		name=$${program##*/fuzz_}; found=$(BUILD)/test/fuzz/found/$$name; mkdir -p $$found; \
		echo "  FUZZ    $$name, $(FUZZ_TIME) s"; \
		dict=tests/fuzz/$$name.dict; [ -e $$dict ] || dict=; \
		$$program -max_total_time=$(FUZZ_TIME) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/test/fuzz/$$name- $${dict:+-dict=$$dict} $$found tests/fuzz/corpus/$$name || exit 1; \
	done

# ---- checks: each must be silent

CHECK_C  := $(wildcard bpf/*.[ch] include/*/*.h user/*.[ch] user/*/*.[ch] tests/*/*.[ch])
CHECK_SH := $(wildcard deploy/*.sh .ci/run tests/run tests/*.sh tests/*/*.sh tests/bench/run tests/vm/run)
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

.PHONY: test test-kernels test-deploy bench fuzz fuzz-replay check check-format check-tidy check-cppcheck check-shell format
