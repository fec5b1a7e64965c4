/* Processors: system registers, the start of the kernel in virtual memory, and small functions of arch.h. */
#include "arch.h"
#include "early.h"
#include "entry.h"
#include "layout.h"
#include "lock.h"
#include "machine.h"
#include "main.h"
#include "panic.h"
#include "pte.h"
#include "registers.h"
#include "space.h"

u64 direct_map_base;
unsigned paging_levels;

enum { UART_DATA = 0, UART_FLAGS = 0x18, UART_FULL = 0x20 };
enum { PSCI_SYSTEM_OFF = 0x84000008u };

/* The compiler calls this: the instruction that counts bits works on vector registers. */
int __popcountdi2(i64 value);
int __popcountdi2(i64 value)
{
	u64 v = (u64)value;

	v -= v >> 1 & 0x5555555555555555ul;
	v = (v & 0x3333333333333333ul) + (v >> 2 & 0x3333333333333333ul);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0ful;
	return (int)(v * 0x0101010101010101ul >> 56);
}

static void fill_area(unsigned number)
{
	struct cpu_area *area = cpu_area(number);
	struct cpu *cpu = &area->cpu;

	cpu->number = number;
	cpu->stack = machine.stacks[number];
	cpu->gate = &area->gate;
	cpu->gate->way = cpu->gate_ids = GATE_FIRST;
	area->gate.zero = machine.zero;
	for (unsigned i = 0; i < ARRAY_SIZE(area->roots.key); i++)
		area->roots.key[i] = arch_random();
	cpus[number] = cpu;
}

/* Arm ARM B2.4.4: clean the data to where instruction fetches look, then drop what was fetched, on all processors. */
void code_changed(u64 start, u64 end)
{
	u64 type = read_sysreg(ctr_el0), line = CACHE_DATA_LINE(type);

	if (!(type & CACHE_DATA_REACHES_CODE))
		for (u64 at = start & -line; at < end; at += line)
			__asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish" ::: "memory");
	if (type & CACHE_CODE_FOLLOWS)
		return;
	line = CACHE_CODE_LINE(type);
	if (!CACHE_CODE_BY_ADDRESS(type))
		__asm__ volatile("ic ialluis" ::: "memory");
	else
		for (u64 at = start & -line; at < end; at += line)
			__asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish; isb" ::: "memory");
}

/* Turns on protections that the processor has. PAN: the kernel cannot access user addresses (it reaches all memory through the
 * direct map). E0PD: user mode cannot find out by timing what the kernel maps. BTI: jumps through pointers go only where the
 * compiler allows. */
static void set_features(void)
{
	if (id_field(read_sysreg(id_aa64mmfr1_el1), ID_MMFR1_PAN_SHIFT)) {
		write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) & ~SCTLR_KEEP_PAN);
		__asm__ volatile(".inst 0xd500419f"); /* msr pan, #1 */
	}
	if (id_field(read_register(ID_AA64MMFR2_EL1), ID_MMFR2_E0PD_SHIFT))
		write_sysreg(tcr_el1, read_sysreg(tcr_el1) | TCR_E0PD1);
	if (id_field(read_sysreg(id_aa64pfr1_el1), ID_PFR1_BRANCH_TARGETS_SHIFT))
		write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) | SCTLR_BRANCH_TARGETS);
	isb();
}

void cpu_init(unsigned number)
{
	write_sysreg(ttbr0_el1, machine.zero);
	isb();
	__asm__ volatile("tlbi vmalle1; dsb nsh; isb" ::: "memory");
	write_sysreg(tpidr_el1, cpus[number]);
	write_sysreg(tpidr_el0, 0);
	write_sysreg(tpidrro_el0, 0);
	write_sysreg(vbar_el1, ENTRY_BASE);
	write_sysreg(cntkctl_el1, CNTKCTL_USER_VIRTUAL);
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(mdscr_el1, 0);
	set_features();
	vector_init();
	mmu_init(number);
	gic_cpu_init(number);
}

/* From now on C signs its return addresses with key B; while user mode runs, the key's register is zeros (entry.S). All other keys
 * stay off: programs that sign with key A, as compilers have them do, run as on a processor without pointer authentication. */
void cpu_sign(void)
{
	const u64 *key = roots_of(cpu_self())->key;

	if (!signs_addresses())
		return;
	write_register(APIBKEYLO_EL1, key[0]);
	write_register(APIBKEYHI_EL1, key[1]);
	write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) | SCTLR_SIGN_KEY_B);
	isb();
}

_Noreturn void machine_start(void)
{
	direct_map_base = machine.direct_map;
	paging_levels = 4;
	for (unsigned i = 0; i < machine.processors; i++)
		fill_area(i);
	cpu_count = 1;
	write_sysreg(tpidr_el1, cpus[0]);
	gic_init();
	cpu_init(0);
	cpu_sign();
	if (boot_has_option(machine.command_line, "measure=stretch"))
		stretch_measure(&upcalls);
	machine.boot.command_line = machine.command_line;
	machine.boot.processors = machine.processors;
	kernel_main(&machine.boot);
}

_Noreturn void arch_leave(void)
{
	__asm__ volatile("b entry_leave");
	__builtin_unreachable();
}

_Noreturn void arch_idle(void)
{
	__asm__ volatile("mov sp, %0; mov x29, xzr; 1: msr daifclr, #2; wfi; msr daifset, #2; b 1b"
			 :
			 : "r"(cpu_self()->stack));
	__builtin_unreachable();
}

u64 firmware(u32 function, u64 a, u64 b, u64 c)
{
	register u64 x0 __asm__("x0") = function;
	register u64 x1 __asm__("x1") = a;
	register u64 x2 __asm__("x2") = b;
	register u64 x3 __asm__("x3") = c;

	if (machine.firmware_call)
		__asm__ volatile("smc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
				 :
				 : "memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
				 "x15", "x16", "x17");
	else
		__asm__ volatile("hvc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
				 :
				 : "memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
				 "x15", "x16", "x17");
	return x0;
}

/* The machine cannot tell a status: the host tool has it from the control port already, or from the log. */
_Noreturn void arch_power_off(unsigned status)
{
	(void)status;
	firmware(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		__asm__ volatile("msr daifset, #15; wfi");
}

void arch_log_char(char c)
{
	volatile u32 *uart = pa_ptr((pa_t){ machine.uart });

	if (!machine.uart)
		return;
	while (uart[UART_FLAGS / 4] & UART_FULL)
		;
	uart[UART_DATA] = (u8)c;
}

void random_instruction(u64 *value)
{
	if (id_field(read_sysreg(id_aa64isar0_el1), ID_ISAR0_RANDOM_SHIFT))
		*value = read_register(RNDR);
}

u64 arch_random(void)
{
	static u64 state;
	u64 value = 0;

	random_instruction(&value);
	/* Two rounds of multiply and shift, so that without a random number instruction the seed and the clock still spread. */
	value ^= __atomic_add_fetch(&state, (machine.seed ^ arch_ticks()) | 1, __ATOMIC_RELAXED);
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93ul;
	return (value ^ value >> 32) * 0xd6e8feb86659fd93ul;
}

/* --- identification registers for user mode. Programs may ask for them, as Linux lets them (HWCAP_CPUID); the processor
 * refuses, and the kernel answers in its place: without what this system does not offer. --- */

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

bool identify(void)
{
	struct cpu *cpu = cpu_self();
	struct user_frame *frame;
	u32 instruction;
	bool readable;

	kernel_lock();
	if (!gate_is_settled(cpu))
		gate_settle(cpu);
	frame = cpu->frame;
	readable = !space_read_u32(cpu->current->space, frame->pc, &instruction);
	kernel_unlock();
	if (!readable || (instruction & MRS_MASK) != MRS_IDENTIFICATION)
		return false;
	if ((instruction & 31) != 31)
		frame->x[instruction & 31] = told(instruction >> 5 & 0x7f);
	frame->pc += sizeof(instruction);
	return true;
}
