/* From the loader to C.
 *
 * The loader (Linux's arm64 boot protocol) enters boot_entry with the MMU off and x0 = address of the device tree. Other
 * processors come through boot_other, started by PSCI (smp.c). Both go through the same code: down to EL1, MMU on with a
 * boot root that maps the first 512 GiB one to one; early_start() (early.c) then makes the kernel's tables and tells where
 * the kernel is in virtual memory.
 *
 * This section runs where it was loaded, whatever address that is. */
#include "offsets.h"

#define BLOCK_MEMORY 0x701 /* valid, inner shareable, accessed; MAIR index 0 */
#define BLOCK_DEVICE 0x60000000000405 /* valid, accessed, never executed; MAIR index 1 */
#define BOOT_STACK_BYTES 16384

	.section .boot, "awx"
	.balign	4096
	.globl	boot_start
	.hidden	boot_start
boot_start:
	/* The header of a Linux arm64 image. */
	b	boot_entry
	.long	0
	.quad	0                /* offset from a multiple of 2 MiB */
	.quad	kernel_bytes
	.quad	0xa              /* little-endian, 4 KiB pages, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

boot_entry:
	mov	x21, x0
	adrp	x0, kernel_bss
	adrp	x1, kernel_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b
	/* The first GiB is devices, the others are memory. */
	adrp	x0, boot_level1
	ldr	x1, =BLOCK_DEVICE
	str	x1, [x0]
	mov	x2, #1
	mov	x3, #BLOCK_MEMORY
2:	lsl	x1, x2, #30
	orr	x1, x1, x3
	str	x1, [x0, x2, lsl #3]
	add	x2, x2, #1
	cmp	x2, #512
	b.lo	2b
	orr	x1, x0, #3
	adrp	x0, boot_level0
	str	x1, [x0]
	bl	boot_to_el1
	bl	boot_mmu
	adrp	x0, boot_stack_end
	mov	sp, x0
	mov	x29, xzr
	mov	x0, x21
	bl	early_start
	/* x0 = struct early_result: where to go on, with which stack and TTBR1. */
	ldp	x1, x2, [x0]
	ldr	x3, [x0, #16]
boot_go_on:
	msr	ttbr1_el1, x3
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	mov	sp, x2
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x22
	br	x1

/* Another processor: x0 = its number. smp.c has filled in boot_other_start. */
	.globl	boot_other
	.hidden	boot_other
boot_other:
	mov	x22, x0
	bl	boot_to_el1
	bl	boot_mmu
	adr	x0, boot_other_start
	ldp	x1, x2, [x0]
	ldr	x3, [x0, #16]
	b	boot_go_on

/* Leaves EL2 if the loader started there: nothing is trapped, time is the machine's. */
boot_to_el1:
	mrs	x0, CurrentEL
	cmp	x0, #2 << 2
	b.ne	1f
	mov	x0, #1 << 31
	orr	x0, x0, #3 << 40 /* pointer authentication is EL1's */
	msr	hcr_el2, x0
	mov	x0, #3
	msr	cnthctl_el2, x0
	msr	cntvoff_el2, xzr
	mov	x0, #0x33ff
	msr	cptr_el2, x0
	mrs	x0, midr_el1
	msr	vpidr_el2, x0
	mrs	x0, mpidr_el1
	msr	vmpidr_el2, x0
	mrs	x0, id_aa64pfr0_el1
	tst	x0, #0xf << 24
	b.eq	2f
	mov	x0, #0xf
	msr	s3_4_c12_c9_5, x0 /* ICC_SRE_EL2 */
	isb
2:	ldr	x0, =0x30d00980
	msr	sctlr_el1, x0
	mov	x0, #0x3c5 /* EL1 with its own stack pointer, all masked */
	msr	spsr_el2, x0
	msr	elr_el2, x30
	eret
1:	ret

/* MMU and caches on, with the boot root on both sides; FP/SIMD for all (libfdt uses it). */
boot_mmu:
	mov	x0, #3 << 20
	msr	cpacr_el1, x0
	ldr	x0, =BOOT_MAIR
	msr	mair_el1, x0
	ldr	x0, =BOOT_TCR
	mrs	x1, id_aa64mmfr0_el1
	and	x2, x1, #15
	cmp	x2, #5
	b.ls	1f
	mov	x2, #5
1:	bfi	x0, x2, #32, #3
	ubfx	x2, x1, #4, #4
	cbz	x2, 2f
	orr	x0, x0, #1 << 36
2:	msr	tcr_el1, x0
	adrp	x0, boot_level0
	msr	ttbr0_el1, x0
	msr	ttbr1_el1, x0
	tlbi	vmalle1
	ic	iallu
	dsb	sy
	isb
	ldr	x0, =BOOT_SCTLR
	msr	sctlr_el1, x0
	isb
	ret
	.ltorg

/* What smp.c sets before it wakes a processor: kernel address to go on at, stack, TTBR1. */
	.balign	64
	.globl	boot_other_start
	.hidden	boot_other_start
boot_other_start:
	.quad	0, 0, 0

	.section .bss.boot, "aw", %nobits
	.balign	4096
boot_level0:
	.skip	4096
boot_level1:
	.skip	4096
boot_stack:
	.skip	BOOT_STACK_BYTES
boot_stack_end:

	.section .note.GNU-stack, "", %progbits
