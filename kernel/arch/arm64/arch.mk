# arm64: Debian's cross compiler; libfdt out of the arm64 package, which is unpacked under build/ and not installed; the flat
# image that the loader wants beside the ELF file.
PACKAGES_ARM64 := $(OUT)/packages
KERNEL_LIBS := $(PACKAGES_ARM64)/usr/lib/aarch64-linux-gnu/libfdt.a
KERNEL_IMAGE := $(OUT)/allod.image
MACHINE += -mgeneral-regs-only
# Return addresses are signed with key B (see entry.S), jumps checked. A function that is not called signs nothing: so gcc
# takes more of them into their callers than it would.
KERNEL_FLAGS += $(MACHINE) -mno-outline-atomics -mbranch-protection=pac-ret+b-key+bti \
	$(if $(findstring clang,$(CC)),,-finline-limit=200) -iquote lib/libfdt -idirafter $(PACKAGES_ARM64)/usr/include
SERVICE_FLAGS += $(MACHINE) -mno-outline-atomics

$(KERNEL_LIBS):
	@scripts/unpack arm64 $(PACKAGES_ARM64) libfdt-dev
$(OUT)/kernel-obj/kernel/arch/arm64/firmware.c.o: $(KERNEL_LIBS)

$(KERNEL_IMAGE): $(OUT)/allod.elf
	@echo "IMAGE $@"
	$(Q)aarch64-linux-gnu-objcopy -O binary $< $@
