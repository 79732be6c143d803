# SPDX-License-Identifier: GPL-2.0-only
#
# make			the tool, build/weft, and for each kernel whose headers are
#			installed the module, build/<release>/weft.ko
# make SAN=1		also the tool under ASan and UBSan, build/san/weft
# make check		every test; check-unit, check-cli, check-native, check-vm
#			for a part; KERNEL=6.1 and TEST=name for less of it
# make demo		the comparison in a virtual machine; HOST=1: on this one
# make vm		a root shell in a virtual machine; KERNEL=6.1 or 6.12
# make install		PREFIX=/usr/local, DESTDIR=; and uninstall
# make lint, format	what tools say about the code
# make deps		installs the Debian packages that all of this needs

PREFIX		?= /usr/local
CLANG		?= clang
BPFTOOL		?= bpftool
LLVM_STRIP	?= llvm-strip
PKG_CONFIG	?= pkg-config
CFLAGS		?= -O2 -g
WERROR		?= 1
KERNEL		?=
TEST		?=
# Kernels to build the module for.
RELEASES	?= $(patsubst /lib/modules/%/build/Makefile,%,$(wildcard /lib/modules/*/build/Makefile))
# The kernel types that a BPF program may include as "vmlinux.h" are generated
# only if one does; VMLINUX_BTF says from which kernel.
VMLINUX_BTF	?= /sys/kernel/btf/vmlinux
VMLINUX_H	?= $(if $(shell grep -ls '"vmlinux.h"' bpf/*),build/bpf/vmlinux.h)

# Debian keeps some of the tools where only root looks for them.
export PATH	:= $(PATH):/usr/sbin:/sbin
MACHINE		:= $(shell uname -m)
B		:= build

.PHONY: all tool modules tests check check-unit check-cli check-native check-vm demo vm deps \
	install uninstall lint lint-format lint-sparse lint-cppcheck lint-shellcheck \
	format clean
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS	+= --no-builtin-rules

all: tool modules
tool: $(B)/weft $(if $(SAN),$(B)/san/weft)

V		?= 0
say		= $(if $(filter 0,$(V)),@printf '  %-8s%s\n' '$(1)' '$(patsubst $(B)/%,%,$@)';)

# ---- the tool: user/**/*.c, and *.S of this machine's architecture

# Asked when first used, for 'make deps' must work without them, and once.
pkgs		:= libbpf libelf libdw libzstd
pkg_cflags	= $(eval pkg_cflags := $$(shell $$(PKG_CONFIG) --cflags $$(pkgs)))$(pkg_cflags)
pkg_libs	= $(eval pkg_libs := $$(shell $$(PKG_CONFIG) --libs $$(pkgs)))$(pkg_libs)
warn		:= -Wall -Wextra -Wshadow $(if $(filter 1,$(WERROR)),-Werror)
cflags		= -std=gnu11 -D_GNU_SOURCE $(warn) -Iinclude -Iuser -I$(B)/bpf -pthread -MMD -MP \
		  $(pkg_cflags) $(CPPFLAGS)
libs		= -pthread -Wl,--as-needed $(pkg_libs) $(LDLIBS)
san		:= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

other_arch	:= $(filter-out %_$(MACHINE).S,$(shell find user -name '*_x86_64.S' -o -name '*_aarch64.S'))
USER_SRC	:= $(filter-out $(other_arch),$(shell find user -name '*.c' -o -name '*.S'))
OBJ		:= $(patsubst user/%,$(B)/obj/%.o,$(basename $(USER_SRC)))
SAN_OBJ		:= $(patsubst $(B)/obj/%,$(B)/san/obj/%,$(OBJ))
BPF_SRC		:= $(wildcard bpf/*.bpf.c)
SKEL		:= $(patsubst bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(BPF_SRC))

$(B)/weft: $(B)/obj/main.o $(B)/libweft.a
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libs)
$(B)/san/weft: $(B)/san/obj/main.o $(B)/san/libweft.a
	$(call say,LD)$(CC) $(CFLAGS) $(san) $(LDFLAGS) -o $@ $^ $(libs)

# Everything but main() is an archive, for the unit tests link with it.
$(B)/libweft.a: $(filter-out $(B)/obj/main.o,$(OBJ))
$(B)/san/libweft.a: $(filter-out $(B)/san/obj/main.o,$(SAN_OBJ))
%/libweft.a:
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^

$(OBJ) $(SAN_OBJ): Makefile | $(SKEL)
$(B)/obj/%.o: user/%.c
	$(call say,CC)mkdir -p $(@D); $(CC) $(cflags) $(CFLAGS) -c -o $@ $<
$(B)/obj/%.o: user/%.S
	$(call say,AS)mkdir -p $(@D); $(CC) $(cflags) $(CFLAGS) -c -o $@ $<
$(B)/san/obj/%.o: user/%.c
	$(call say,CC)mkdir -p $(@D); $(CC) $(cflags) $(CFLAGS) $(san) -c -o $@ $<
$(B)/san/obj/%.o: user/%.S
	$(call say,AS)mkdir -p $(@D); $(CC) $(cflags) $(CFLAGS) -c -o $@ $<

# ---- the BPF probes: bpf/X.bpf.c becomes build/bpf/X.skel.h

bpf_arch	:= $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(MACHINE)))

$(B)/bpf/%.bpf.o: bpf/%.bpf.c Makefile | $(VMLINUX_H)
	$(call say,BPF)mkdir -p $(@D); $(CLANG) -target bpf -mcpu=v3 -D__TARGET_ARCH_$(bpf_arch) -g -O2 \
		-Wall $(if $(filter 1,$(WERROR)),-Werror) -Iinclude -Ibpf -I$(B)/bpf \
		-I/usr/include/$(MACHINE)-linux-gnu -MMD -MP -c -o $@ $<
	@$(LLVM_STRIP) -g $@
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< >$@
$(B)/bpf/vmlinux.h:
	$(call say,BTF)mkdir -p $(@D); $(BPFTOOL) btf dump file $(VMLINUX_BTF) format c >$@

# ---- the module: each kernel's in a tree of links of its own, so that their
# objects do not meet

KMOD_SRC	:= $(wildcard kmod/*.c kmod/*.h)
MODULES		:= $(patsubst %,$(B)/%/weft.ko,$(if $(wildcard Kbuild),$(RELEASES)))
modules: $(MODULES)

module_tree	= mkdir -p $(1)/kmod && find $(1)/kmod -xtype l -delete && \
		  ln -sfrt $(1)/kmod $(KMOD_SRC) && ln -sfrnt $(1) Kbuild include
kbuild		= $(MAKE) -C /lib/modules/$(1)/build M=$(CURDIR)/$(B)/$(1) W=1

# Kbuild decides on its own what to build; the touch tells that it was asked.
$(MODULES): $(B)/%/weft.ko: Kbuild $(KMOD_SRC) $(wildcard include/weft/*.h)
	$(call say,KBUILD)$(call module_tree,$(@D))
	+@$(call kbuild,$*) $(if $(filter 0,$(V)),--silent )modules
	@touch $@

# ---- programs of the tests: tests/unit/*.c are linked with the tool's objects,
# tests/progs/*.c stand alone, with the flags of their line "weft-build: FLAGS"

UNIT		:= $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*.c))
PROGS		:= $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/progs/*.c))
tests: $(UNIT) $(PROGS) $(B)/san/weft

$(UNIT): $(B)/tests/unit/%: tests/unit/%.c $(B)/san/libweft.a Makefile
	$(call say,UNIT)mkdir -p $(@D); $(CC) $(cflags) -Wno-unused-parameter $(CFLAGS) $(san) \
		$(LDFLAGS) -o $@ $< $(B)/san/libweft.a -lcmocka $(libs)
$(PROGS): $(B)/tests/progs/%: tests/progs/%.c Makefile
	$(call say,PROG)mkdir -p $(@D); $(CC) -std=gnu11 -D_GNU_SOURCE $(warn) -Iinclude -pthread \
		-MMD -MP $(CFLAGS) $(LDFLAGS) -o $@ $< \
		$(shell sed -n 's,^/\* weft-build: \(.*\) \*/.*,\1,p' $<)
# One that holds the tool's backend against the kernel.
$(B)/tests/progs/bpf_reader: $(B)/libweft.a

-include $(OBJ:.o=.d) $(SAN_OBJ:.o=.d) $(BPF_SRC:bpf/%.c=$(B)/bpf/%.d) $(UNIT:=.d) $(PROGS:=.d)

# ---- checks

check:
	@KERNEL='$(KERNEL)' TEST='$(TEST)' tests/run
check-unit check-cli check-native check-vm: check-%:
	@KERNEL='$(KERNEL)' TEST='$(TEST)' tests/run $*
demo:
	@HOST='$(HOST)' KERNEL='$(KERNEL)' tests/demo
vm:
	@tests/vm/run --kernel '$(or $(KERNEL),6.12)'
deps:
	@tests/deps

FORMATTED	= $(shell find user kmod bpf include tests -name '*.[ch]')
SCRIPTS		= $(sort $(shell find tests -name '*.sh'; grep -lrE '^\#!.*/(ba)?sh' tests))
lint: lint-format lint-sparse lint-cppcheck lint-shellcheck
lint-format:
	clang-format --dry-run -Werror $(FORMATTED)
format:
	clang-format -i $(FORMATTED)
# Sparse has complaints about the kernel's own headers too: ours count.
lint-sparse: $(addprefix sparse-,$(RELEASES))
sparse-%:
	@$(call module_tree,$(B)/sparse/$*)
	+@$(MAKE) -C /lib/modules/$*/build M=$(CURDIR)/$(B)/sparse/$* W=1 C=2 --silent modules \
		>$(B)/sparse/$*.log 2>&1 || { cat $(B)/sparse/$*.log; false; }
	@! grep -E '^$(CURDIR)/$(B)/sparse/[^ ]*: (warning|error|note):' $(B)/sparse/$*.log
# What it has to know of the system is in its own configurations, and in ours.
lint-cppcheck:
	cppcheck --quiet --std=c11 --language=c --error-exitcode=1 -j 2 \
		--enable=warning,style,performance,portability -D__linux__ -D__$(MACHINE)__ \
		--library=posix --library=gnu --library=tests/cppcheck.cfg \
		--suppressions-list=tests/cppcheck.suppress -Iinclude -Iuser user tests
# Those without "#!" are read by bash too. Not told: what a script takes from one
# that it reads in (SC2154, SC2034); and SC1007, SC2046, SC2048 and SC2054, which
# suspect what is meant here: "local a= b=", lists of words, commas within a word.
lint-shellcheck:
	shellcheck --shell=bash --severity=warning --exclude=SC2154,SC2034,SC1007,SC2046,SC2048,SC2054 \
		$(SCRIPTS)

# ---- installation

MAN		:= $(wildcard docs/man/*.[1-8])
HEADERS		:= $(wildcard include/weft/unit*.h)
installed	= $(PREFIX)/bin/weft $(HEADERS:include/%=$(PREFIX)/include/%) \
		  $(foreach m,$(MAN),$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))) \
		  $(RELEASES:%=/lib/modules/%/extra/weft.ko)
depmod		= $(if $(DESTDIR),,for r in $(RELEASES); do depmod $$r; done)

install: all
	install -D -m 755 $(B)/weft $(DESTDIR)$(PREFIX)/bin/weft
	for h in $(HEADERS); do install -D -m 644 $$h $(DESTDIR)$(PREFIX)/$$h || exit; done
	for m in $(MAN); do install -D -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/} || exit; done
	for r in $(RELEASES); do install -D -m 644 $(B)/$$r/weft.ko \
		$(DESTDIR)/lib/modules/$$r/extra/weft.ko || exit; done
	$(depmod)
uninstall:
	rm -f $(addprefix $(DESTDIR),$(installed))
	rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/include/weft \
		$(RELEASES:%=$(DESTDIR)/lib/modules/%/extra) 2>/dev/null || :
	$(depmod)

clean:
	rm -rf $(B)
