# x86-64: every processor with FSGSBASE, which the kernel needs, counts bits in one instruction.
KERNEL_FLAGS += -mpopcnt
# Here only services look for characters.
KERNEL_WITHOUT := lib/search.c
