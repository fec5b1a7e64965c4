# x86-64: every processor with FSGSBASE, which the kernel needs, counts bits in one instruction.
KERNEL_FLAGS += -mpopcnt
