/* The entry area: the only part of the kernel that a shielded root shows, at a fixed address (layout.h), and what lies beside
 * it for the kernel alone.
 *
 *   entry_base + 0           entry text (entry.S), read and execute
 *              + 0x8000      IDT, read-only
 *              + 0x100000    processor 0: entry page; then, in kernel roots only, two pages of struct kernel_page
 *              + 0x110000    processor 1 ...
 *
 * A shielded root shows the text, the IDT and the entry page of its own processor. None of their bytes holds an address of the
 * kernel's image or of the direct map: the entry text reaches the processor's data through GS, and, after it has written the root,
 * gets the addresses of the kernel's text from struct kernel_page. Stacks in the entry page only ever hold registers of user mode;
 * after an NMI that interrupted the kernel, entry.S wipes what the processor pushed. */
#ifndef X86_64_ENTRY_H
#define X86_64_ENTRY_H

#include "cpu.h"
#include "offsets.h"
#include "types.h"

enum {
	ENTRY_IDT = 0x8000,
	ENTRY_PAGES = 0x100000,
	ENTRY_STRIDE = 0x10000,
	KERNEL_PAGES = 2,
	TOPS = 16, /* top-level pages of a processor for shielded spaces: next to each other, aligned together */
};

struct tss {
	u32 unused0;
	u64 rsp[3];
	u64 unused1;
	u64 ist[7];
	u64 unused2;
	u16 unused3, io_map;
} __attribute__((packed));

/* Interrupt stacks: number in the IDT gate. */
enum { IST_DEBUG = 1, IST_NMI = 2, IST_MACHINE_CHECK = 3, IST_DOUBLE_FAULT = 4 };

/* The interrupt descriptor table: one page, the same for all processors, read-only where processors see it. */
struct idt_gate {
	u16 offset0, selector;
	u8 stack, type;
	u16 offset1;
	u32 offset2, unused;
};

/* One per processor; visible under its shielded root. */
struct entry_page {
	u64 rsp;           /* of user mode, while SYSCALL or the way out has no other place for it */
	u64 shielded;      /* user mode is in a space that is shielded if the shield is on: it runs on user_root */
	u64 root;          /* CR3 to load when coming from a shielded space */
	u64 user_root;     /* CR3 to load when going to a shielded space */
	u64 unused;        /* with user_root, what cpu->user_root points at */
	u64 kernel_root;   /* CR3 of the kernel's own root */
	u64 user_limit;    /* first address behind user addresses */
	u64 exit;          /* address of exit_rip */
	u64 exit_rip, exit_cs, exit_rflags, exit_rsp, exit_ss; /* what IRET pops */
	u64 gdt[8];
	struct tss tss;
	u8 stacks[ENTRY_GATE - 272];
	struct gate gate;
} __attribute__((packed, aligned(4096)));

/* One per processor, right behind its entry page; in kernel roots only. Its end serves as stack for NMIs and the like. */
struct kernel_page {
	struct cpu *cpu;
	struct upcalls upcalls;
	void *kernel_fault;
	void *nmi;
	/* mmu.c: */
	u64 standing;                /* [K] CR3 when arch_space_prepare() left it as it was */
	struct top *active, *before; /* [K] the one that entry_page.user_root names, but for what the gate did; the last one */
	struct top {
		struct view *view; /* NULL: empty */
		u64 *page;         /* [I] */
		u64 copied[4];     /* bitmap: user entries in use */
	} tops[TOPS]; /* [K] */
	u8 stack[KERNEL_PAGES * PAGE_SIZE - 88 - TOPS * 48];
};

/* Registers at an exception in the kernel itself, as entry.S pushes them. */
struct kernel_registers {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

_Static_assert(TOPS == 16, "entry_nmi leaves out as many bits of an address");
_Static_assert(sizeof(struct entry_page) == PAGE_SIZE, "one page");
_Static_assert(sizeof(struct kernel_page) == KERNEL_PAGES * PAGE_SIZE, "two pages");
_Static_assert(offsetof(struct entry_page, rsp) == ENTRY_RSP, "assembly");
_Static_assert(offsetof(struct entry_page, shielded) == ENTRY_SHIELDED, "assembly");
_Static_assert(offsetof(struct entry_page, root) == ENTRY_ROOT, "assembly");
_Static_assert(offsetof(struct entry_page, user_root) == ENTRY_USER_ROOT, "assembly");
_Static_assert(offsetof(struct entry_page, kernel_root) == ENTRY_KERNEL_ROOT, "assembly");
_Static_assert(offsetof(struct entry_page, user_limit) == ENTRY_USER_LIMIT, "assembly");
_Static_assert(offsetof(struct entry_page, exit) == ENTRY_EXIT, "assembly");
_Static_assert(offsetof(struct entry_page, exit_rip) == ENTRY_EXIT_RIP, "assembly");
_Static_assert(offsetof(struct entry_page, exit_rflags) == ENTRY_EXIT_RFLAGS, "assembly");
_Static_assert(offsetof(struct entry_page, exit_rsp) == ENTRY_EXIT_RSP, "assembly");
_Static_assert(offsetof(struct entry_page, gate) == ENTRY_GATE , "assembly");
_Static_assert(offsetof(struct entry_page, gdt) % 8 == 0 && offsetof(struct entry_page, tss) % 8 == 0, "aligned");
_Static_assert(offsetof(struct kernel_page, cpu) == KERNEL_PAGE_CPU - KERNEL_PAGE, "assembly");
_Static_assert(offsetof(struct kernel_page, upcalls.native_call) == KERNEL_PAGE_NATIVE_CALL - KERNEL_PAGE, "assembly");
_Static_assert(offsetof(struct kernel_page, upcalls.system_call) == KERNEL_PAGE_SYSTEM_CALL - KERNEL_PAGE, "assembly");
_Static_assert(offsetof(struct kernel_page, upcalls.system_return) == KERNEL_PAGE_SYSTEM_RETURN - KERNEL_PAGE, "assembly");
_Static_assert(offsetof(struct kernel_page, upcalls.interrupt) == KERNEL_PAGE_INTERRUPT - KERNEL_PAGE, "assembly");
_Static_assert(offsetof(struct kernel_page, kernel_fault) == KERNEL_PAGE_KERNEL_FAULT - KERNEL_PAGE, "assembly");
_Static_assert(offsetof(struct kernel_page, nmi) == KERNEL_PAGE_NMI - KERNEL_PAGE, "assembly");

extern struct idt_gate idt[PAGE_SIZE / 16];

/* Where the entry area is, and the pages of each processor as the kernel sees them there. */
extern u64 entry_base;

static inline struct entry_page *entry_page(unsigned cpu)
{
	return (struct entry_page *)(entry_base + ENTRY_PAGES + cpu * (u64)ENTRY_STRIDE);
}

static inline struct kernel_page *kernel_page(unsigned cpu)
{
	return (struct kernel_page *)(entry_page(cpu) + 1);
}

/* The calling processor's. */
static inline struct entry_page *entry_self(void)
{
	u64 exit;

	__asm__ volatile("movq %%gs:%c1, %0" : "=r"(exit) : "i"(ENTRY_EXIT));
	return (struct entry_page *)(exit - ENTRY_EXIT_RIP);
}

/* Entry text (entry.S), at its place in the kernel image. */
extern char entry_text[], entry_text_end[], entry_stubs[], entry_system_call[], entry_leave[];
extern char entry_nmi[], entry_machine_check[], entry_double_fault[];

/* Pairs of bytes of the entry text that differ without the shield: address (relative to itself) and replacement. */
struct entry_patch {
	int32_t place;
	u8 code[2];
	u8 unused[2];
};
extern const struct entry_patch entry_patches[], entry_patches_end[];

#endif
