# Host tests of the kernel's core, with AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   make unit               each test program for both page-table formats, x86-64 by gcc and arm64 by clang
#   make unit UNIT_FULL=1   both formats by both compilers
#   make fuzz FUZZ_SECONDS=60   the libFuzzer target, starting from the kept corpus
#
# Each tests/unit/test_*.c is one program; tests/unit/checked has sources of the kernel together with what checks their structures.
# Those that include core.h, model.h or one_space.h test the kernel's core; their argument is the number of page-table levels. The
# others test the services' sources, which they include, and are built once.

UNIT_OUT := build/host
UNIT_VARIANTS := gcc-x86_64 clang-arm64
ifdef UNIT_FULL
UNIT_VARIANTS += clang-x86_64 gcc-arm64
endif
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(shell grep -lE 'include "(core|model|one_space).h"' tests/unit/test_*.c))
UNIT_PLAIN := $(filter-out $(UNIT_TESTS),$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c)))
UNIT_PLAIN_PROGRAMS := $(UNIT_PLAIN:%=$(UNIT_OUT)/plain/%)
UNIT_CORE := $(addprefix kernel/,gate.c fail.c pool.c account.c radix.c handle.c segment.c map.c tlb.c tag.c grant.c portal.c vas.c listing.c \
	fault.c arch/host/machine.c thread.c call.c call_with.c recall.c wait.c sched.c syscall.c trap.c irq.c timer.c stats.c lock.c log_space.c stretch.c work.c hash.c \
	arch/host/threads.c) $(addprefix tests/unit/checked/,frame.c region.c pt.c space.c)
UNIT_COMMON := tests/unit/core.c tests/unit/model.c tests/unit/model_memory.c tests/unit/model_grants.c
UNIT_FLAGS := -std=gnu11 -O1 -g $(WARNINGS) -MMD -MP -fno-strict-aliasing -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_WRAP := -Wl,--wrap=frame_alloc,--wrap=frame_alloc_raw,--wrap=frame_alloc_contiguous,--wrap=pool_alloc,--wrap=pool_alloc_zeroed,--wrap=frame_put,--wrap=pool_free

# $(call unit-includes,FORMAT): the format's pte.h, all else of the machine from arch/host.
unit-includes = -I. -Ikernel/arch/host -Ikernel/arch/$(1) -Ikernel -Iabi/$(1) -Itests/unit -include tests/unit/mmu_$(1).h
unit-levels = $(if $(findstring x86_64,$(1)),4 5,4)
unit-programs = $(UNIT_TESTS:%=$(UNIT_OUT)/$(1)/%)

# $(call unit-variant,COMPILER,FORMAT)
define unit-variant
$(UNIT_OUT)/$(1)-$(2)/%.o: %.c
	@mkdir -p $$(@D)
	$(Q)$(1) $(UNIT_FLAGS) $(call unit-includes,$(2)) -c -o $$@ $$<
$(call unit-programs,$(1)-$(2)): $(UNIT_OUT)/$(1)-$(2)/%: $(UNIT_OUT)/$(1)-$(2)/tests/unit/%.o \
		$(patsubst %.c,$(UNIT_OUT)/$(1)-$(2)/%.o,$(UNIT_CORE) $(UNIT_COMMON))
	$(Q)$(1) $(UNIT_FLAGS) $(UNIT_WRAP) -o $$@ $$^ -lcmocka
endef
$(foreach variant,gcc-x86_64 clang-arm64 clang-x86_64 gcc-arm64,$(eval \
	$(call unit-variant,$(firstword $(subst -, ,$(variant))),$(lastword $(subst -, ,$(variant))))))

$(UNIT_PLAIN_PROGRAMS): $(UNIT_OUT)/plain/%: tests/unit/%.c
	@mkdir -p $(@D)
	$(Q)gcc $(UNIT_FLAGS) -D_GNU_SOURCE -I. -Iliballod/include -Iservices/runtime -Iservices/runtime/x86_64 -Iabi/x86_64 -Iservices/linux/x86_64 -o $@ $< -lcmocka -ljansson

.PHONY: unit fuzz
# Quiet unless something fails; build/host/unit.count receives "passed failed".
unit: $(UNIT_PLAIN_PROGRAMS) $(foreach variant,$(UNIT_VARIANTS),$(call unit-programs,$(variant)))
	$(Q)tests/unit/run $(UNIT_OUT)/unit.count $(UNIT_PLAIN_PROGRAMS:=:0) $(foreach variant,$(UNIT_VARIANTS),$(foreach \
		program,$(call unit-programs,$(variant)),$(foreach levels,$(call unit-levels,$(variant)),$(program):$(levels))))

FUZZ_SECONDS ?= 60
FUZZ_FORMAT ?= x86_64
FUZZ_LEVELS ?= 5
FUZZ_FLAGS := $(filter-out -MMD -MP,$(UNIT_FLAGS)) -fsanitize=fuzzer
fuzz: $(UNIT_OUT)/fuzz_core-$(FUZZ_FORMAT)
	@mkdir -p $(UNIT_OUT)/corpus
	FUZZ_LEVELS=$(FUZZ_LEVELS) $< -artifact_prefix=$(UNIT_OUT)/ -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=0 \
		$(UNIT_OUT)/corpus tests/fuzz/corpus
$(UNIT_OUT)/fuzz_core-$(FUZZ_FORMAT): tests/fuzz/fuzz_core.c $(UNIT_CORE) $(UNIT_COMMON) $(wildcard kernel/*.h tests/unit/*.h)
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_FLAGS) $(call unit-includes,$(FUZZ_FORMAT)) $(UNIT_WRAP) -o $@ $(filter %.c,$^) -lcmocka
