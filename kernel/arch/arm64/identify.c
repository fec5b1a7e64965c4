/* Identification registers for user mode. Programs may ask for them, as Linux lets them (HWCAP_CPUID); the processor refuses,
 * and the kernel answers in its place: without what this system does not offer. */
#include "arch.h"
#include "lock.h"
#include "machine.h"
#include "registers.h"
#include "space.h"

/* MRS of a register with op0 = 3, op1 = 0, CRn = 0: mask and value; CRm and op2 are in bits 11 to 5, the target in 4 to 0. */
#define MRS_MASK 0xfffff000u
#define MRS_IDENTIFICATION 0xd5380000u

enum {
	MAIN_ID = 0x00, /* (CRm << 3 | op2) */
	AFFINITY = 0x05,
	REVISION = 0x06,
	PROCESSOR_0 = 0x20,
	PROCESSOR_1 = 0x21,
	INSTRUCTIONS_0 = 0x30,
	INSTRUCTIONS_1 = 0x31,
	MEMORY_2 = 0x3a,
};

/* Fields that are told. */
#define TOLD_PROCESSOR_0 0x000f000000ff0000ul    /* FP, AdvSIMD, DIT */
#define TOLD_PROCESSOR_1 0x00000000000000f0ul    /* SSBS */
#define TOLD_INSTRUCTIONS_0 0xf0fffffff0fffff0ul /* all but TME and TLB instructions */
#define TOLD_INSTRUCTIONS_1 0x00f0fffff0fff00ful /* all but pointer authentication and SPECRES */
#define TOLD_MEMORY_2 0x0000000f00000000ul       /* AT */
#define PROCESSOR_0_USER 0x11ul                  /* EL0 and EL1 are 64-bit */
#define AFFINITY_NONE 0x80000000ul

static u64 told(unsigned number)
{
	switch (number) {
	case MAIN_ID:
		return read_sysreg(midr_el1);
	case AFFINITY:
		return AFFINITY_NONE;
	case REVISION:
		return read_sysreg(revidr_el1);
	case PROCESSOR_0:
		return (read_sysreg(id_aa64pfr0_el1) & TOLD_PROCESSOR_0) | PROCESSOR_0_USER;
	case PROCESSOR_1:
		return read_sysreg(id_aa64pfr1_el1) & TOLD_PROCESSOR_1;
	case INSTRUCTIONS_0:
		return read_sysreg(id_aa64isar0_el1) & TOLD_INSTRUCTIONS_0;
	case INSTRUCTIONS_1:
		return read_sysreg(id_aa64isar1_el1) & TOLD_INSTRUCTIONS_1;
	case MEMORY_2:
		return read_register(ID_AA64MMFR2_EL1) & TOLD_MEMORY_2;
	default:
		return 0;
	}
}

bool identify(struct user_frame *frame)
{
	u32 instruction;
	bool readable;

	kernel_lock();
	readable = !space_read_u32(cpu_self()->current->space, frame->pc, &instruction);
	kernel_unlock();
	if (!readable || (instruction & MRS_MASK) != MRS_IDENTIFICATION)
		return false;
	if ((instruction & 31) != 31)
		frame->x[instruction & 31] = told(instruction >> 5 & 0x7f);
	frame->pc += sizeof(instruction);
	return true;
}
