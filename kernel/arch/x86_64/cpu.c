/* Processors: descriptor tables, control registers, the start of the kernel in virtual memory, and small functions of arch.h. */
#include "arch.h"
#include "early.h"
#include "entry.h"
#include "layout.h"
#include "machine.h"
#include "main.h"
#include "panic.h"
#include "pte.h"
#include "registers.h"

u64 direct_map_base;
u64 entry_base;
unsigned paging_levels;
unsigned user_address_bits;

struct idt_gate idt[PAGE_SIZE / 16] __attribute__((aligned(4096)));

static struct cpu cpu_areas[CPUS_MAX] __attribute__((aligned(CACHE_LINE)));

enum {
	GATE_INTERRUPT = 0x8e,
	GATE_USER = 0xee,
	VECTOR_BREAKPOINT = 3,
	VECTOR_OVERFLOW = 4,
	/* Ends of the stacks in the entry page. */
	STACK_TRAP = 688,
	STACK_DEBUG = 1072,
	STACK_NMI = 1456,
	STACK_MACHINE_CHECK = 1840,
	STACK_DOUBLE_FAULT = ENTRY_GATE,
};

#define GDT_KERNEL_CODE 0x00af9b000000ffffull
#define GDT_KERNEL_DATA 0x00cf93000000ffffull
#define GDT_USER_DATA 0x00cff3000000ffffull
#define GDT_USER_CODE 0x00affb000000ffffull
#define GDT_TSS 0x0000890000000000ull

/* Descriptors 3 and 4 in this order, as SYSRET computes USER_DS and USER_CS from one number. */
static void fill_gdt(struct entry_page *page)
{
	u64 tss = (u64)&page->tss;

	page->gdt[KERNEL_CS / 8] = GDT_KERNEL_CODE;
	page->gdt[KERNEL_DS / 8] = GDT_KERNEL_DATA;
	page->gdt[USER_DS / 8] = GDT_USER_DATA;
	page->gdt[USER_CS / 8] = GDT_USER_CODE;
	page->gdt[TSS_SELECTOR / 8] =
		GDT_TSS | (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
	page->gdt[TSS_SELECTOR / 8 + 1] = tss >> 32;
}

static void fill_entry_page(struct entry_page *page, unsigned number)
{
	page->kernel_root = page->root = machine.kernel_root;
	page->user_root = machine.tops[number];
	page->user_limit = 1ul << user_address_bits;
	page->exit = (u64)&page->exit_rip;
	page->exit_cs = USER_CS;
	page->exit_ss = USER_DS;
	fill_gdt(page);
	page->tss.rsp[0] = (u64)page + STACK_TRAP;
	page->tss.ist[IST_DEBUG - 1] = (u64)page + STACK_DEBUG;
	page->tss.ist[IST_NMI - 1] = (u64)page + STACK_NMI;
	page->tss.ist[IST_MACHINE_CHECK - 1] = (u64)page + STACK_MACHINE_CHECK;
	page->tss.ist[IST_DOUBLE_FAULT - 1] = (u64)page + STACK_DOUBLE_FAULT;
	page->tss.io_map = sizeof(struct tss);
}

static void fill_kernel_page(struct kernel_page *page, unsigned number)
{
	struct cpu *cpu = &cpu_areas[number];

	page->cpu = cpu;
	page->upcalls = (struct upcalls){ trap_native_call, trap_system_call, trap_system_return, interrupt, NULL };
	if (boot_has_option(machine.command_line, "measure=stretch"))
		stretch_measure(&page->upcalls);
	page->kernel_fault = kernel_fault;
	page->nmi = nmi;
	cpu->gate = &entry_page(number)->gate;
	cpu->gate->way = cpu->gate_ids = GATE_FIRST;
	cpu->user_root = &entry_page(number)->user_root;
	cpu->number = number;
	cpu->stack = machine.stacks[number];
	cpus[number] = cpu;
}

/* The address where entry text runs. */
static u64 entry_address(const char *text)
{
	return entry_base + (u64)(text - entry_text);
}

static void set_gate(unsigned vector, const char *text, u8 stack, u8 type)
{
	u64 address = entry_address(text);

	idt[vector] = (struct idt_gate){ (u16)address, KERNEL_CS, stack, type, (u16)(address >> 16),
		(u32)(address >> 32), 0 };
}

static void fill_idt(void)
{
	for (unsigned i = 0; i < VECTORS; i++)
		set_gate(i, entry_stubs + i * STUB_BYTES, 0, GATE_INTERRUPT);
	set_gate(VECTOR_DEBUG, entry_stubs + VECTOR_DEBUG * STUB_BYTES, IST_DEBUG, GATE_INTERRUPT);
	set_gate(VECTOR_BREAKPOINT, entry_stubs + VECTOR_BREAKPOINT * STUB_BYTES, 0, GATE_USER);
	set_gate(VECTOR_OVERFLOW, entry_stubs + VECTOR_OVERFLOW * STUB_BYTES, 0, GATE_USER);
	set_gate(VECTOR_NMI, entry_nmi, IST_NMI, GATE_INTERRUPT);
	set_gate(VECTOR_MACHINE_CHECK, entry_machine_check, IST_MACHINE_CHECK, GATE_INTERRUPT);
	set_gate(VECTOR_DOUBLE_FAULT, entry_double_fault, IST_DOUBLE_FAULT, GATE_INTERRUPT);
}

static void load_tables(struct entry_page *page)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) gdt = { sizeof(page->gdt) - 1, (u64)page->gdt },
				  table = { VECTORS * sizeof(struct idt_gate) - 1, entry_base + ENTRY_IDT };

	__asm__ volatile("lgdt %0" : : "m"(gdt));
	__asm__ volatile("lidt %0" : : "m"(table));
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
			 :
			 : "i"(KERNEL_CS)
			 : "rax", "memory");
}

static void set_control_registers(void)
{
	struct cpuid id = cpuid(7, 0);
	u64 cr4 = read_cr4() | CR4_PGE | CR4_FXSR | CR4_XMM_EXCEPTIONS | CR4_FSGSBASE | CR4_XSAVE;

	if (id.ebx & CPUID7_EBX_SMEP)
		cr4 |= CR4_SMEP;
	if (id.ebx & CPUID7_EBX_SMAP)
		cr4 |= CR4_SMAP;
	if (id.ecx & CPUID7_ECX_UMIP)
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	wrmsr(MSR_STAR, (u64)(USER_DS - 8) << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, entry_address(entry_system_call));
	wrmsr(MSR_SYSCALL_MASK, RFLAGS_SYSCALL_MASK);
}

void cpu_init(unsigned number)
{
	write_cr3(machine.kernel_root);
	load_tables(entry_page(number));
	set_control_registers();
	write_gs_base((u64)entry_page(number));
	vector_init();
	lapic_init();
	mmu_cpu_init();
}

/* Stops with a message if the processor lacks what the entry code needs. */
static void require_features(void)
{
	if (cpuid(0, 0).eax < CPUID_XSAVE_LEAF || !(cpuid(7, 0).ebx & CPUID7_EBX_FSGSBASE) ||
		!(cpuid(1, 0).ecx & CPUID1_ECX_XSAVE)) {
		for (const char *c = "allod: this processor lacks FSGSBASE or XSAVE\n"; *c; c++)
			arch_log_char(*c);
		arch_power_off(1);
	}
}

_Noreturn void machine_start(void)
{
	direct_map_base = machine.direct_map;
	entry_base = machine.entry;
	paging_levels = machine.levels;
	user_address_bits = pte_user_bits(machine.levels);
	require_features();
	fill_idt();
	for (unsigned i = 0; i < machine.processors; i++) {
		fill_entry_page(entry_page(i), i);
		fill_kernel_page(kernel_page(i), i);
	}
	cpu_count = 1;
	mmu_init();
	cpu_init(0);
	clock_start();
	ioapic_init();
	machine.boot.command_line = machine.command_line;
	machine.boot.processors = machine.processors;
	kernel_main(&machine.boot);
}

_Noreturn void arch_leave(void)
{
	__asm__ volatile("jmp *%0" : : "r"(entry_address(entry_leave)));
	__builtin_unreachable();
}

_Noreturn void arch_idle(void)
{
	__asm__ volatile("movq %0, %%rsp; xorl %%ebp, %%ebp; 1: sti; hlt; cli; jmp 1b" : : "r"(cpu_self()->stack));
	__builtin_unreachable();
}

_Noreturn void arch_power_off(unsigned status)
{
	outb(PORT_EXIT, (u8)status);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void arch_log_char(char c)
{
	outb(PORT_LOG, (u8)c);
}

u64 arch_random(void)
{
	static u64 state;
	u64 value = 0;

	if (cpuid(1, 0).ecx & CPUID1_ECX_RDRAND)
		rdrand(&value);
	/* Two rounds of multiply and shift, so that without a random number instruction the time-stamp still spreads. */
	value ^= __atomic_add_fetch(&state, rdtsc() | 1, __ATOMIC_RELAXED);
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93ul;
	return (value ^ value >> 32) * 0xd6e8feb86659fd93ul;
}
