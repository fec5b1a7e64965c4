# Allod. `make help` lists the verbs.
#
# Everything that is made goes under build/. Sources are found by folder: a new .c file needs no line here.

ARCH ?= x86_64
CC = $(if $(filter arm64,$(ARCH)),aarch64-linux-gnu-)gcc
HOSTCC ?= $(if $(filter arm64,$(ARCH)),gcc,$(CC))
.DEFAULT_GOAL := all
Q = $(if $(V),,@)

BUILD ?= build
OUT := $(BUILD)/$(ARCH)
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
COMMON := -std=gnu11 -O2 -g $(WARNINGS) -MMD -MP
# The kernel and the services use the compiler's own headers, ours, and UAPI headers of linux-libc-dev (the kernel: for the
# format of ELF files only); nothing of the host's C library. `make check` looks after that.
BARE := $(COMMON) -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-common -fno-strict-aliasing

KERNEL_FLAGS := $(BARE) -fpie -include kernel/hidden.h -fno-omit-frame-pointer \
	$(patsubst %,-iquote %,. kernel kernel/arch/$(ARCH) abi/$(ARCH))
KERNEL_LINK := -nostdlib -static-pie -Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096,-z,notext,--no-dynamic-linker \
	-Wl,--no-warn-rwx-segments
SERVICE_FLAGS := $(BARE) -fno-pic -fno-pie \
	$(patsubst %,-iquote %,. services/runtime services/runtime/$(ARCH) abi/$(ARCH))
# The Linux service takes the numbers and structures of Linux from the installed UAPI headers: <linux/x.h> is theirs.
LINUX_FLAGS = $(SERVICE_FLAGS) -iquote services/linux/$(ARCH) -iquote $(OUT)/made
SERVICE_LINK := -nostdlib -static -Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096
# liballod is for ordinary programs: with the C library, position independent, for liballod.a and liballod.so alike.
LIBRARY_FLAGS := $(COMMON) -D_GNU_SOURCE -fPIC -fno-stack-protector -Iliballod/include \
	$(patsubst %,-iquote %,. liballod liballod/$(ARCH) services/runtime services/runtime/$(ARCH) abi/$(ARCH))
TOOL_FLAGS := $(COMMON) -D_GNU_SOURCE -iquote .
TOOL_LIBS := -larchive -lelf -ljansson

ifeq ($(ARCH),x86_64)
MACHINE := -mno-red-zone -mgeneral-regs-only
endif
KERNEL_FLAGS += $(MACHINE)
SERVICE_FLAGS += $(MACHINE)

# What a machine wants differently: flags, KERNEL_LIBS linked into the kernel, KERNEL_WITHOUT a file of lib/, KERNEL_IMAGE
# made from it.
-include kernel/arch/$(ARCH)/arch.mk

sources = $(wildcard $(foreach dir,$(1),$(dir)/*.c $(dir)/*.S))
objects = $(patsubst %,$(1)/%.o,$(call sources,$(2)))

KERNEL_OBJECTS := $(filter-out %/$(KERNEL_WITHOUT).o,$(call objects,$(OUT)/kernel-obj,kernel kernel/arch/$(ARCH) lib))
RUNTIME_OBJECTS := $(call objects,$(OUT)/service-obj,services/runtime services/runtime/$(ARCH) lib)
INIT_OBJECTS := $(call objects,$(OUT)/service-obj,services/init services/init/$(ARCH))
9P_OBJECTS := $(call objects,$(OUT)/service-obj,services/9p)
CONSOLE_OBJECTS := $(call objects,$(OUT)/service-obj,services/console)
LINUX_ROOMS := memory fs process signal time event net tty proc vas
LINUX_OBJECTS := $(call objects,$(OUT)/service-obj,services/linux services/linux/$(ARCH) $(LINUX_ROOMS:%=services/linux/%))
# Take the places of the Linux service and of init in tests/guest/drivers.sh.
CLIENT_OBJECTS := $(OUT)/service-obj/tests/native/client.c.o $(OUT)/service-obj/tests/native/$(ARCH)/call_with.S.o
INTERRUPTS_OBJECTS := $(OUT)/service-obj/tests/native/interrupts.c.o $(OUT)/service-obj/tests/native/$(ARCH)/victim.S.o
DMA_OBJECTS := $(OUT)/service-obj/tests/native/dma.c.o $(OUT)/service-obj/tests/native/$(ARCH)/iommu.c.o
LIBRARY_OBJECTS := $(call objects,$(OUT)/library-obj,liballod liballod/$(ARCH))
TOOL_OBJECTS := $(call objects,$(BUILD)/tool-obj,tool)
SERVICES := init 9p console linux
SERVICE_SCRIPT := $(firstword $(wildcard services/runtime/$(ARCH)/service.ld services/runtime/service.ld) services/runtime/service.ld)

.PHONY: all kernel services library install tool run test soak check format bench debug deps clean help guest-tests
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

all: kernel services library tool

help:
	@echo 'make             build the kernel, the services and the host command build/allod'
	@echo 'make run         install what is missing, build, run a real program, say what it cost'
	@echo 'make test        every test, on both machines; ends with "N passed, N failed"'
	@echo 'make soak        long tests, run by hand: GROUP=NAME, ROUNDS=N; without GROUP it lists them'
	@echo 'make check       formatting, static analysis, headers, include rules, sizes'
	@echo 'make format      formats the .c files'
	@echo 'make bench       guest instructions and wall time beside Linux; writes build/bench-$(ARCH).json and pictures'
	@echo 'make debug       a guest that waits for gdb, and gdb attached to it'
	@echo 'make library     liballod, for pkg-config to find in build/ARCH'
	@echo 'make install     liballod, its headers and manual pages, to $$(DESTDIR)$$(PREFIX)'
	@echo 'make deps        install the packages that are missing'
	@echo 'make clean       remove build/'
	@echo 'Variables: ARCH=$(ARCH) CC=gcc|clang V=1'

# --- compiling ---

# Changes when the compiler or its flags do, so that objects of another compiler are never mixed in.
$(OUT)/compiler: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(KERNEL_FLAGS) $(SERVICE_FLAGS) $(LIBRARY_FLAGS) $(subst ','\'',$(TOOL_FLAGS))' | cmp -s - $@ || \
		echo '$(CC) $(KERNEL_FLAGS) $(SERVICE_FLAGS) $(LIBRARY_FLAGS) $(subst ','\'',$(TOOL_FLAGS))' > $@
FORCE:

define compile
@mkdir -p $(@D)
@echo "CC $<"
$(Q)$(or $(2),$(CC)) $(1) -c -o $@ $<
endef

$(OUT)/kernel-obj/%.o: % $(OUT)/compiler
	$(call compile,$(KERNEL_FLAGS))
$(OUT)/service-obj/services/linux/%.o: services/linux/% $(OUT)/compiler
	$(call compile,$(LINUX_FLAGS))
$(OUT)/service-obj/tests/native/%.o: tests/native/% $(OUT)/compiler
	$(call compile,$(SERVICE_FLAGS) -iquote tests/native -iquote tests/native/$(ARCH))
$(OUT)/service-obj/%.o: % $(OUT)/compiler
	$(call compile,$(SERVICE_FLAGS))
$(OUT)/library-obj/%.o: % $(OUT)/compiler
	$(call compile,$(LIBRARY_FLAGS))
$(BUILD)/tool-obj/%.o: % $(OUT)/compiler
	$(call compile,$(TOOL_FLAGS),$(HOSTCC))

# Which system calls the machine has differs: the tables of the dispatcher are made from its <asm/unistd.h>.
$(OUT)/service-obj/services/linux/syscall.c.o: $(OUT)/made/served.def $(OUT)/made/names.def
$(OUT)/made/served.def: $(wildcard services/linux/syscalls*.def) scripts/calls $(OUT)/compiler
	@mkdir -p $(@D)
	$(Q)CC="$(CC)" scripts/calls served $(wildcard services/linux/syscalls_*.def) >$@
$(OUT)/made/names.def: scripts/calls $(OUT)/compiler
	@mkdir -p $(@D)
	$(Q)CC="$(CC)" scripts/calls names >$@

# --- linking ---

# The kernel is linked three times: the first result says how many names the table for backtraces has, the second where
# the functions are when the table has its size.
KERNEL_SCRIPT := kernel/arch/$(ARCH)/link.ld
# $(call link,RESULT,TABLE): links the kernel with the table of names that is on stdin
define link
{ scripts/symbols >$(2).S && $(CC) $(KERNEL_FLAGS) -MF $(2).tmp -c -o $(2).o $(2).S && \
	$(CC) $(KERNEL_LINK) -Wl,-T,$(KERNEL_SCRIPT) -o $(1) $(KERNEL_OBJECTS) $(2).o $(KERNEL_LIBS); }
endef

kernel: $(OUT)/allod.elf $(KERNEL_IMAGE)
$(OUT)/allod.elf: $(KERNEL_OBJECTS) $(KERNEL_LIBS) $(KERNEL_SCRIPT) scripts/symbols
	@echo "LD $@"
	$(Q)$(call link,$(OUT)/link1.elf,$(OUT)/names1) </dev/null
	$(Q)nm -n $(OUT)/link1.elf | $(call link,$(OUT)/link2.elf,$(OUT)/names2)
	$(Q)nm -n $(OUT)/link2.elf | $(call link,$@,$(OUT)/names3)

# The Linux service has such a table, too.
define link_linux
{ scripts/symbols >$(2).S && $(CC) $(SERVICE_FLAGS) -MF $(2).tmp -c -o $(2).o $(2).S && \
	$(CC) $(SERVICE_LINK) -Wl,-T,$(SERVICE_SCRIPT) -o $(1) $(RUNTIME_OBJECTS) $(LINUX_OBJECTS) $(2).o; }
endef

services: $(SERVICES:%=$(OUT)/%)
$(OUT)/linux: $(RUNTIME_OBJECTS) $(LINUX_OBJECTS) $(SERVICE_SCRIPT) scripts/symbols
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(call link_linux,$(OUT)/linux1,$(OUT)/linux-names1) </dev/null
	$(Q)nm -n $(OUT)/linux1 | $(call link_linux,$(OUT)/linux2,$(OUT)/linux-names2)
	$(Q)nm -n $(OUT)/linux2 | $(call link_linux,$@,$(OUT)/linux-names3)
define service
$(OUT)/$(1): $$(RUNTIME_OBJECTS) $$($(2)_OBJECTS) $$(SERVICE_SCRIPT)
	@mkdir -p $$(@D)
	@echo "LD $$@"
	$$(Q)$$(CC) $$(SERVICE_LINK) -Wl,-T,$$(SERVICE_SCRIPT) -o $$@ $$(RUNTIME_OBJECTS) $$($(2)_OBJECTS)
endef
$(eval $(call service,init,INIT))
$(eval $(call service,9p,9P))
$(eval $(call service,console,CONSOLE))
$(eval $(call service,client,CLIENT))
$(eval $(call service,interrupts,INTERRUPTS))
$(eval $(call service,dma,DMA))
# The Linux service with a planted mistake.
$(OUT)/hang: $(OUT)/linux $(OUT)/service-obj/tests/native/hang.c.o
	@echo "LD $@"
	$(Q)$(CC) $(SERVICE_LINK) -Wl,-T,$(SERVICE_SCRIPT),--wrap=sys_personality -o $@ $(RUNTIME_OBJECTS) $(LINUX_OBJECTS) \
		$(OUT)/linux-names3.o $(OUT)/service-obj/tests/native/hang.c.o
$(OUT)/service-obj/tests/native/hang.c.o: tests/native/hang.c $(OUT)/compiler
	$(call compile,$(LINUX_FLAGS))

# --- liballod: what programs are linked with ---

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
VERSION := 1
library: $(OUT)/liballod.a $(OUT)/liballod.so $(OUT)/allod.pc
$(OUT)/liballod.a: $(LIBRARY_OBJECTS)
	@echo "AR $@"
	$(Q)rm -f $@ && $(patsubst %gcc,%ar,$(CC:clang=gcc)) rcs $@ $(LIBRARY_OBJECTS)
$(OUT)/liballod.so: $(LIBRARY_OBJECTS)
	@echo "LD $@"
	$(Q)$(CC) -shared -Wl,-soname,liballod.so.$(VERSION),-z,noexecstack,-z,defs -o $@ $(LIBRARY_OBJECTS) -pthread
	$(Q)ln -sf liballod.so $@.$(VERSION)
# Says where the library is built, so that PKG_CONFIG_PATH=build/ARCH is enough; the installed one says where that is.
$(OUT)/allod.pc: liballod/allod.pc.in Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's,@INCLUDE@,$(CURDIR)/liballod/include,' -e 's,@LIBDIR@,$(abspath $(OUT)),' -e 's,@VERSION@,$(VERSION),' $< >$@

install: library
	install -d $(DESTDIR)$(PREFIX)/include/allod $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man3 $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 644 liballod/include/allod/*.h $(DESTDIR)$(PREFIX)/include/allod
	install -m 644 $(OUT)/liballod.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(OUT)/liballod.so $(DESTDIR)$(LIBDIR)/liballod.so.$(VERSION)
	ln -sf liballod.so.$(VERSION) $(DESTDIR)$(LIBDIR)/liballod.so
	sed -e 's,@INCLUDE@,$(PREFIX)/include,' -e 's,@LIBDIR@,$(LIBDIR),' -e 's,@VERSION@,$(VERSION),' liballod/allod.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/allod.pc
	install -m 644 docs/allod.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 docs/man/*.3 $(DESTDIR)$(PREFIX)/share/man/man3
	scripts/manual-names docs/man/*.3 | while read -r name page; do \
		echo ".so man3/$$page" >$(DESTDIR)$(PREFIX)/share/man/man3/$$name.3; done
	install -m 644 docs/man/*.7 $(DESTDIR)$(PREFIX)/share/man/man7

tool: $(BUILD)/allod
$(BUILD)/allod: $(TOOL_OBJECTS)
	@echo "LD $@"
	$(Q)$(HOSTCC) -o $@ $(TOOL_OBJECTS) $(TOOL_LIBS)

# --- programs of the tests (those that run in the guest are built by tests/guest/run) ---

# Helpers of the tests of the tool. One stands in for QEMU and is found through PATH.
TOOL_TESTS := $(BUILD)/fake/qemu-system-x86_64 $(BUILD)/pty
$(BUILD)/fake/qemu-system-x86_64: tests/tool/fake_guest.c $(OUT)/compiler
$(BUILD)/pty: tests/tool/pty.c $(OUT)/compiler
$(TOOL_TESTS):
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(HOSTCC) $(COMMON) -D_GNU_SOURCE -iquote . -o $@ $< -lutil
guest-tests: $(TOOL_TESTS)

# --- verbs ---

deps:
	@scripts/deps

run: deps
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@scripts/run-example

test: deps
	@$(MAKE) --no-print-directory -j$(shell nproc) ARCH=x86_64 all guest-tests
	@$(MAKE) --no-print-directory -j$(shell nproc) ARCH=arm64 kernel services library
	@scripts/test

ifdef GROUP
soak: deps
	@$(MAKE) --no-print-directory -j$(shell nproc) ARCH=x86_64 all
	@$(MAKE) --no-print-directory -j$(shell nproc) ARCH=arm64 kernel services library
endif
soak:
	@ROUNDS=$(ROUNDS) scripts/soak $(GROUP)

check: deps
	@scripts/check

# Headers are set by hand.
format:
	@git ls-files '*.c' | xargs clang-format -i

bench: deps
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@bench/run

debug: deps
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@scripts/debug

clean:
	rm -rf build

-include tests/unit/unit.mk
-include $(shell find $(BUILD) -path '*/root' -prune -o -path '*/programs' -prune -o -type f -name '*.d' -print 2>/dev/null)
