/* Instructions of arm64 that C cannot express, and the bits of system registers that this kernel uses. */
#ifndef ARM64_REGISTERS_H
#define ARM64_REGISTERS_H

#include "offsets.h"
#include "types.h"

#define read_sysreg(name) \
	({ \
		u64 value_; \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)); \
		value_; \
	})
#define write_sysreg(name, value) __asm__ volatile("msr " #name ", %0" : : "r"((u64)(value)) : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}

/* Every access before it is complete, for all processors and devices. */
static inline void dsb(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}

/* SCTLR_EL1 */
#define SCTLR_MMU (1ul << 0)
#define SCTLR_DATA_CACHE (1ul << 2)
#define SCTLR_STACK_ALIGNMENT (1ul << 3)
#define SCTLR_STACK_ALIGNMENT_USER (1ul << 4)
#define SCTLR_INSTRUCTION_CACHE (1ul << 12)
#define SCTLR_USER_ZERO_LINE (1ul << 14)
#define SCTLR_USER_CACHE_TYPE (1ul << 15)
#define SCTLR_USER_WFI (1ul << 16)
#define SCTLR_USER_WFE (1ul << 18)
#define SCTLR_KEEP_PAN (1ul << 23) /* an exception does not set PSTATE.PAN */
#define SCTLR_USER_CACHE (1ul << 26)
#define SCTLR_SIGN_KEY_B (1ul << 30)
#define SCTLR_BRANCH_TARGETS (1ul << 36) /* of the kernel; of user mode it is bit 35, off */
#define SCTLR_RESERVED_ONE (1ul << 29 | 1ul << 28 | 1ul << 22 | 1ul << 20 | 1ul << 11 | 1ul << 8 | 1ul << 7)

/* TCR_EL1: 48 bits on both sides, 4 KiB granule, walks through the caches, tags from TTBR1. */
#define TCR_SIDES ((16ul) | 16ul << 16)
#define TCR_WALKS (1ul << 8 | 1ul << 10 | 3ul << 12 | 1ul << 24 | 1ul << 26 | 3ul << 28)
#define TCR_TAG_OF_TTBR1 (1ul << 22)
#define TCR_GRANULE_1 (2ul << 30)
#define TCR_ADDRESS_SHIFT 32
#define TCR_LONG_TAGS (1ul << 36)
#define TCR_E0PD1 (1ul << 56)

/* MAIR_EL1: index 0 normal write-back memory, index 1 Device-nGnRE (pte.h). */
#define MAIR_VALUE 0x04fful

_Static_assert(BOOT_MAIR == MAIR_VALUE, "boot.S");
_Static_assert(BOOT_TCR == (TCR_SIDES | TCR_WALKS | TCR_TAG_OF_TTBR1 | TCR_GRANULE_1), "boot.S");
_Static_assert(BOOT_SCTLR == (SCTLR_MMU | SCTLR_DATA_CACHE | SCTLR_STACK_ALIGNMENT | SCTLR_STACK_ALIGNMENT_USER |
			      SCTLR_INSTRUCTION_CACHE | SCTLR_USER_ZERO_LINE | SCTLR_USER_CACHE_TYPE | SCTLR_USER_WFI |
			      SCTLR_USER_WFE | SCTLR_KEEP_PAN | SCTLR_USER_CACHE | SCTLR_RESERVED_ONE), "boot.S");

/* CTR_EL0: logarithms of the smallest lines in words; what need not be done. */
#define CACHE_CODE_LINE(type) (4ul << ((type) & 15))
#define CACHE_DATA_LINE(type) (4ul << ((type) >> 16 & 15))
#define CACHE_CODE_BY_ADDRESS(type) (((type) >> 14 & 3) == 3) /* of memory: another virtual address does as well */
#define CACHE_DATA_REACHES_CODE (1ul << 28)
#define CACHE_CODE_FOLLOWS (1ul << 29)

#define TTBR_TAG_SHIFT 48
#define TTBR_ADDRESS 0x0000fffffffffffeul

/* CNTKCTL_EL1: user mode may read the virtual counter. */
#define CNTKCTL_USER_VIRTUAL 2ul
#define TIMER_ON 1ul

/* A field of an identification register. */
static inline unsigned id_field(u64 value, unsigned shift)
{
	return (value >> shift) & 15;
}

#define ID_PFR0_CSV3_SHIFT 60
#define ID_PFR1_BRANCH_TARGETS_SHIFT 0
#define ID_MMFR0_PA_SHIFT 0
#define ID_MMFR0_TAG_SHIFT 4
#define ID_MMFR1_PAN_SHIFT 20
#define ID_MMFR2_E0PD_SHIFT 60
#define ID_ISAR0_RANDOM_SHIFT 60
/* Pointer authentication, by one of three algorithms. */
#define ID_ISAR1_SIGN_FIRST_SHIFT 4
#define ID_ISAR1_SIGN_SECOND_SHIFT 8
#define ID_ISAR2_SIGN_THIRD_SHIFT 12

/* Registers that the assembler knows by number only. */
#define ID_AA64MMFR2_EL1 s3_0_c0_c7_2
#define ID_AA64ISAR2_EL1 s3_0_c0_c6_2
#define APIBKEYLO_EL1 s3_0_c2_c1_2
#define APIBKEYHI_EL1 s3_0_c2_c1_3
#define RNDR s3_3_c2_c4_0
#define ICC_PMR_EL1 s3_0_c4_c6_0
#define ICC_IAR1_EL1 s3_0_c12_c12_0
#define ICC_EOIR1_EL1 s3_0_c12_c12_1
#define ICC_SGI1R_EL1 s3_0_c12_c11_5
#define ICC_CTLR_EL1 s3_0_c12_c12_4
#define ICC_SRE_EL1 s3_0_c12_c12_5
#define ICC_IGRPEN1_EL1 s3_0_c12_c12_7
/* The macros above expand before the names become text. */
#define read_register(name) read_sysreg(name)
#define write_register(name, value) write_sysreg(name, value)

static inline bool signs_addresses(void)
{
	u64 second = read_sysreg(id_aa64isar1_el1), third = read_register(ID_AA64ISAR2_EL1);

	return id_field(second, ID_ISAR1_SIGN_FIRST_SHIFT) || id_field(second, ID_ISAR1_SIGN_SECOND_SHIFT) ||
		id_field(third, ID_ISAR2_SIGN_THIRD_SHIFT);
}

/* ESR_EL1 */
#define SYNDROME_CLASS(esr) ((unsigned)((esr) >> 26) & 63)
enum syndrome_class {
	CLASS_UNKNOWN = 0x00,
	CLASS_STATE = 0x0e,
	CLASS_SYSTEM_CALL = 0x15,
	CLASS_REGISTER = 0x18,
	CLASS_FETCH = 0x20,
	CLASS_FETCH_ALIGNMENT = 0x22,
	CLASS_DATA = 0x24,
	CLASS_STACK_ALIGNMENT = 0x26,
	CLASS_FLOAT = 0x2c,
	CLASS_STEP = 0x32,
	CLASS_BREAKPOINT = 0x3c,
};
#define SYNDROME_WRITE (1ul << 6)
#define SYNDROME_CACHE (1ul << 8)
#define SYNDROME_STATUS 0x3cul     /* kind of a fault; the level is left out */
#define STATUS_ADDRESS_SIZE 0x00ul
#define STATUS_TRANSLATION 0x04ul
#define STATUS_ACCESS_FLAG 0x08ul
#define STATUS_PERMISSION 0x0cul
#define STATUS_ALIGNMENT 0x20ul

#endif
