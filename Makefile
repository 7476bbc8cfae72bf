# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial. `make help` lists the targets. Everything that is made lands in $(BUILD); `make BUILD=/elsewhere` keeps two
# builds apart. V=1 shows the commands.
VERSION := 0.1.0

BUILD   ?= build
PREFIX  ?= /usr
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG   ?= clang
BPFTOOL ?= bpftool
OPT     ?= -O2

MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

Q    := $(if $(V),,@)
# Silent with -s: what is left are complaints
QUIET = $(findstring s,$(filter-out --%,$(firstword $(MAKEFLAGS))))
SAY   = $(if $(V)$(QUIET),@:,@printf '  %-7s %s\n' $(1) $(2))
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# ---- sources: what needs libbpf, and what must do without (design.md: read, model, export)

USER_SRC   := $(sort $(wildcard user/*.c user/*/*.c user/*/*/*.c))
LIBBPF_SRC := $(filter-out user/agent/events.c user/agent/http%.c,\
	$(filter user/main.c user/cmd_%.c user/source/bpf%.c user/agent/%.c,$(USER_SRC)))
CORE_SRC   := $(filter-out $(LIBBPF_SRC),$(USER_SRC))
SKEL       := $(BUILD)/espial.skel.h $(BUILD)/drops.skel.h $(BUILD)/inner.skel.h

# ---- flags

WARN     := -Wall -Wextra -Werror
CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iuser
CFLAGS   ?= -g -fstack-protector-strong
LDFLAGS  ?= -Wl,-z,relro,-z,now
# The same sources give the same program, wherever they lie
PLAIN_PATHS := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(abspath $(BUILD))=build
C_FLAGS   = -std=gnu11 $(WARN) $(CPPFLAGS) $(CFLAGS)
# No optimiser beyond -O1: reports of the sanitizers should name lines
SAN_FLAGS := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_FLAGS := $(SAN_FLAGS) -fsanitize=fuzzer-no-link
COV_FLAGS := -O1 -fprofile-instr-generate -fcoverage-mapping

# clang's BPF target does not search the multiarch directory where Debian keeps <asm/types.h>
BPF_ARCH  := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_FLAGS  = -std=gnu11 -O2 -g $(WARN) -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Iinclude -Ibpf \
	-idirafter /usr/include/$(shell $(CC) -dumpmachine) $(PLAIN_PATHS)

# One file to copy to a gateway: what has an archive goes in, the rest stays shared.
lib        = $(if $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a)),-l:lib$(1).a,-l$(1))
CORE_LIBS  = -Wl,--as-needed $(foreach l,microhttpd jansson sqlite3 inih mnl z,$(call lib,$(l))) -lgnutls -lsystemd -lm -lpthread
ALL_LIBS   = -Wl,--as-needed $(foreach l,bpf elf,$(call lib,$(l))) $(CORE_LIBS)

# The commit is told with the version, except on the version's own tag and outside of git
DESCRIBE := $(if $(wildcard .git),$(shell git describe --always --dirty --match 'v[0-9]*' 2>/dev/null))
ESPIAL_VERSION := $(VERSION)$(if $(filter-out v$(VERSION),$(DESCRIBE)),+$(patsubst v$(VERSION)-%,%,$(DESCRIBE)))
VERSION_SRC := $(if $(USER_SRC),$(shell grep -ls ESPIAL_VERSION $(USER_SRC)))

# ---- the program

all: $(BUILD)/espial ## build build/espial, one file to copy to a gateway

# A stamp per group of packages: deploy/deps.sh looks once, and again when it has changed
$(BUILD)/.deps-%: deploy/deps.sh
	@mkdir -p $(@D)
	@deploy/deps.sh $*
	@touch $@

deps: ## install what is missing to build, test and demonstrate (once; says what it does)
	@mkdir -p $(BUILD)
	@deploy/deps.sh build lab test
	@touch $(addprefix $(BUILD)/.deps-,build lab test)

# These change only when what they hold has changed, so that what depends on them is remade then and only then
define remember
$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(subst ','\'',$(2))' | cmp -s - $$@ || printf '%s\n' '$$(subst ','\'',$(2))' >$$@
endef
$(eval $(call remember,$(BUILD)/.flags,$(CC) $(CLANG) $(OPT) $(C_FLAGS) $(LDFLAGS)))
$(eval $(call remember,$(BUILD)/.sources,$(USER_SRC)))
$(eval $(call remember,$(BUILD)/.version,$(ESPIAL_VERSION)))

# $(1): directory of the objects, $(2): compiler and its flags
define objects
$(BUILD)/$(1)/%.o: %.c $(BUILD)/.flags | $(BUILD)/.deps-build
	@mkdir -p $$(@D)
	$$(call SAY,$(3),$$<)
	$(Q)$(2) $$(C_FLAGS) -DESPIAL_VERSION='"$$(ESPIAL_VERSION)"' $$(EXTRA) -MD -MP -c -o $$@ $$<
$(patsubst %.c,$(BUILD)/$(1)/%.o,$(VERSION_SRC)): $(BUILD)/.version
endef
$(eval $(call objects,obj,$(CC) $(OPT) -D_FORTIFY_SOURCE=2 $(PLAIN_PATHS),CC))
$(eval $(call objects,san,$(CC) $(SAN_FLAGS),CC-SAN))
$(eval $(call objects,fuzz,$(CLANG) $(FUZZ_FLAGS),CC-FUZZ))
$(eval $(call objects,cov,$(CLANG) $(COV_FLAGS),CC-COV))

LIBBPF_OBJ := $(LIBBPF_SRC:%.c=$(BUILD)/obj/%.o)
CORE_OBJ   := $(CORE_SRC:%.c=$(BUILD)/obj/%.o)
# Only these may see the skeleton
$(LIBBPF_OBJ): EXTRA := -I$(BUILD)
$(LIBBPF_OBJ): | $(SKEL)

$(BUILD)/espial: $(LIBBPF_OBJ) $(CORE_OBJ) $(BUILD)/.sources
	$(call SAY,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ALL_LIBS)

# $(1): where the sources are, $(2): where the objects go. Type information stays (the verifier quotes lines), DWARF goes.
define bpf_objects
$(2)/%.bpf.o: $(1)/%.bpf.c $(BUILD)/.flags | $(BUILD)/.deps-build
	@mkdir -p $$(@D)
	$$(call SAY,BPF,$$<)
	$(Q)$(CLANG) $$(BPF_FLAGS) -MD -MP -MF $$(@:.o=.d) -MT $$@ -c -o $$(@:.o=.dwarf) $$<
	$(Q)$(BPFTOOL) gen object $$@ $$(@:.o=.dwarf)
	$(Q)rm -f $$(@:.o=.dwarf)
endef
$(eval $(call bpf_objects,bpf,$(BUILD)))

%.skel.h: %.bpf.o
	$(call SAY,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf >$@

run: $(BUILD)/espial ## build and run the agent here; ARGS='-i eth0' passes options
	$(SUDO) $(BUILD)/espial run $(ARGS)

demo: $(BUILD)/espial $(BUILD)/.deps-lab ## two strongSwan gateways in namespaces, losses on purpose, what espial saw
	@$(SUDO) env ESPIAL='$(abspath $(BUILD)/espial)' deploy/demo.sh

# $(1): DESTDIR, $(2): PREFIX, $(3): configuration file, left alone where there is one; empty: none
define install_files
	install -D -m 755 $(BUILD)/espial $(1)$(2)/bin/espial
	$(foreach s,1 5 8,$(foreach m,$(wildcard deploy/man/*.$(s)), \
		install -D -m 644 $(m) $(1)$(2)/share/man/man$(s)/$(notdir $(m)) &&)) :
	install -d $(addprefix $(1)$(2)/,lib/systemd/system lib/sysusers.d lib/tmpfiles.d share/bash-completion/completions \
		share/zsh/vendor-completions share/fish/vendor_completions.d share/doc/espial)
	sed 's,/usr/bin/espial,$(2)/bin/espial,' deploy/systemd/espial.service >$(1)$(2)/lib/systemd/system/espial.service
	install -m 644 deploy/systemd/espial.sysusers $(1)$(2)/lib/sysusers.d/espial.conf
	install -m 644 deploy/systemd/espial.tmpfiles $(1)$(2)/lib/tmpfiles.d/espial.conf
	$(if $(3),test -e $(3) || install -D -m 644 deploy/espial.conf $(3))
	deploy/completions/generate bash $(BUILD)/espial >$(1)$(2)/share/bash-completion/completions/espial
	deploy/completions/generate zsh $(BUILD)/espial >$(1)$(2)/share/zsh/vendor-completions/_espial
	deploy/completions/generate fish $(BUILD)/espial >$(1)$(2)/share/fish/vendor_completions.d/espial.fish
	install -m 644 $(wildcard README.md CHANGELOG.md LICENSE LICENSES/*) deploy/espial.conf $(1)$(2)/share/doc/espial/
	chmod -R u+rwX,go=rX $(1)$(2)/lib/systemd/system/espial.service $(1)$(2)/share/bash-completion/completions/espial \
		$(1)$(2)/share/zsh/vendor-completions/_espial $(1)$(2)/share/fish/vendor_completions.d/espial.fish
endef

install: $(BUILD)/espial ## install into $(DESTDIR)$(PREFIX), and /etc/espial
	$(call install_files,$(DESTDIR),$(PREFIX),$(DESTDIR)/etc/espial/espial.conf)

# ---- packages: the same sources, the same bytes. Paths of the build directory do not get in.
SOURCE_DATE_EPOCH ?= $(or $(if $(wildcard .git),$(shell git log -1 --format=%ct 2>/dev/null)),0)
export SOURCE_DATE_EPOCH
PACKAGE := $(BUILD)/package
ARCH := $(shell uname -m)
TARBALL := espial-$(ESPIAL_VERSION)-linux-$(ARCH)

deb: $(BUILD)/espial ## build a Debian package, in build/package
	$(Q)rm -rf $(PACKAGE)/deb
	$(call install_files,$(PACKAGE)/deb,/usr,$(PACKAGE)/deb/etc/espial/espial.conf)
	$(Q)deploy/deb/build $(PACKAGE)/deb '$(ESPIAL_VERSION)' $(PACKAGE)

tarball: $(BUILD)/espial ## build an archive to unpack in /, in build/package
	$(Q)rm -rf $(PACKAGE)/tar
	$(call install_files,$(PACKAGE)/tar,/usr/local,)
	$(Q)strip --strip-unneeded --remove-section=.comment --remove-section=.note --remove-section=.note.gnu.build-id $(PACKAGE)/tar/usr/local/bin/espial
	$(Q)cd $(PACKAGE)/tar && find usr -type f | LC_ALL=C sort | tar --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 \
		--numeric-owner --format=ustar -cf - -T - | gzip -9n >../$(TARBALL).tar.gz
	@echo $(PACKAGE)/$(TARBALL).tar.gz

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile tests/tests.mk | while IFS='|' read -r t h; do printf '%-12s %s\n' "$$t" "$$h"; done

# Tests ask for variables: make -s print-ALL_LIBS
print-%:
	@printf '%s\n' '$($*)'

FORCE:
.PHONY: all deps run demo install deb tarball clean help FORCE

include tests/tests.mk

-include $(wildcard $(BUILD)/*.bpf.d $(BUILD)/test/*/*.bpf.d $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d \
	$(foreach v,san fuzz cov,$(BUILD)/$(v)/*/*.d $(BUILD)/$(v)/*/*/*.d))
