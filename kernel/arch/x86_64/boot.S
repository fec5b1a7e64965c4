/* From the loader to 64-bit C.
 *
 * The loader (PVH) enters boot_entry in 32-bit mode without paging, ebx = address of its start information. Other
 * processors come out of real mode through boot_real_mode, a copy of which smp.c puts at a page below 1 MiB. Both go through
 * the same code: long mode on a boot root that maps the first 4 GiB one to one; early_start() (early.c) then makes the
 * kernel's tables, links them into the boot root too, and tells where the kernel is in virtual memory.
 *
 * This section runs where it was loaded, whatever address that is: ebp/rbp = address of boot_start all the way. */
#include "offsets.h"

#define CR0_ON 0x80010033 /* PG, WP, NE, ET, MP, PE */
#define CR4_PAE 0x20
#define CR4_LA57 0x1000
#define MSR_EFER 0xc0000080
#define EFER_ON 0x901 /* NXE, LME, SCE */
#define ENTRY_FLAGS 0x003 /* present, writable */
#define BLOCK_FLAGS 0x083
#define BOOT_STACK_BYTES 8192

/* ELF note "Xen", type 18: the 32-bit physical entry address, kernel_load_base + the place of boot_entry. */
	.section .note.boot, "a", @note
	.balign	4
	.long	4, 8, 18
	.asciz	"Xen"
	.quad	boot_entry_physical

	.section .boot, "awx"
	.balign	4096
	.globl	boot_start
	.hidden	boot_start
boot_start:

	.code32
	.globl	boot_entry
	.hidden	boot_entry
boot_entry:
	cld
	cli
	leal	4(%ebx), %esp /* a place to find out where this runs: the first words of the start information are known */
	movl	(%ebx), %esi
	call	1f
1:	popl	%ebp
	movl	%esi, (%ebx)
	subl	$(1b - boot_start), %ebp
	leal	(boot_stack_end - boot_start)(%ebp), %esp
	movl	%ebx, %edi

	/* The first 4 GiB in blocks of 2 MiB. */
	leal	(boot_blocks - boot_start)(%ebp), %eax
	movl	$BLOCK_FLAGS, %edx
	movl	$2048, %ecx
2:	movl	%edx, (%eax)
	addl	$0x200000, %edx
	addl	$8, %eax
	loop	2b
	leal	(boot_blocks - boot_start + ENTRY_FLAGS)(%ebp), %eax
	leal	(boot_level3 - boot_start)(%ebp), %edx
	movl	$4, %ecx
3:	movl	%eax, (%edx)
	addl	$4096, %eax
	addl	$8, %edx
	loop	3b
	leal	(boot_level3 - boot_start + ENTRY_FLAGS)(%ebp), %eax
	movl	%eax, (boot_level4 - boot_start)(%ebp)
	leal	(boot_level4 - boot_start + ENTRY_FLAGS)(%ebp), %eax
	movl	%eax, (boot_level5 - boot_start)(%ebp)

	/* Five levels if the processor has them. */
	movl	$CR4_PAE, %esi
	leal	(boot_level4 - boot_start)(%ebp), %edx
	pushl	%edx
	xorl	%eax, %eax
	cpuid
	popl	%edx
	cmpl	$7, %eax
	jb	4f
	pushl	%edx
	movl	$7, %eax
	xorl	%ecx, %ecx
	cpuid
	popl	%edx
	btl	$16, %ecx
	jnc	4f
	orl	$CR4_LA57, %esi
	leal	(boot_level5 - boot_start)(%ebp), %edx
4:	movl	%edx, (boot_cr3 - boot_start)(%ebp)
	movl	%esi, (boot_cr4 - boot_start)(%ebp)
	leal	(boot_gdt - boot_start)(%ebp), %eax
	movl	%eax, (boot_gdt_pointer - boot_start + 2)(%ebp)
	leal	(boot_first - boot_start)(%ebp), %esi

/* To long mode; goes on at esi. ebp, edi are kept. */
boot_long_mode:
	lgdtl	(boot_gdt_pointer - boot_start)(%ebp)
	movl	(boot_cr4 - boot_start)(%ebp), %eax
	movl	%eax, %cr4
	movl	(boot_cr3 - boot_start)(%ebp), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_ON, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$CR0_ON, %eax
	movl	%eax, %cr0
	pushl	$KERNEL_CS
	pushl	%esi
	lretl

	.code64
boot_first:
	movl	%edi, %edi
	movl	%ebp, %ebp
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	leaq	(boot_cr3 - boot_start)(%rbp), %rsi
	call	early_start
	/* rax = struct early_result: where to go on, with which stack; the tables of that are linked into this root. */
	movq	8(%rax), %rsp
	xorl	%ebp, %ebp
	pushq	$0
	jmpq	*(%rax)

/* Another processor, in real mode at a page below 1 MiB (cs:0). smp.c has filled in boot_real_base in the copy. */
	.code16
	.balign	16
	.globl	boot_real_mode
	.hidden	boot_real_mode
boot_real_mode:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	movl	(boot_real_base - boot_real_mode), %ebp
	lgdtl	(boot_real_gdt_pointer - boot_real_mode)
	movl	$0x11, %eax
	movl	%eax, %cr0
	ljmpl	*(boot_real_base + 4 - boot_real_mode)
	.balign	8
	.globl	boot_real_base
	.hidden	boot_real_base
boot_real_base:
	.long	0 /* address of boot_start */
	.long	0 /* address of boot_other */
	.word	0x18
boot_real_gdt_pointer:
	.word	4 * 8 - 1
	.globl	boot_real_gdt
	.hidden	boot_real_gdt
boot_real_gdt:
	.long	0 /* address of boot_gdt */
	.globl	boot_real_mode_end
	.hidden	boot_real_mode_end
boot_real_mode_end:

	.code32
	.globl	boot_other
	.hidden	boot_other
boot_other:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %ss
	leal	(boot_stack_end - boot_start)(%ebp), %esp
	leal	(boot_other_64 - boot_start)(%ebp), %esi
	jmp	boot_long_mode
	.code64
boot_other_64:
	movl	%ebp, %ebp
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	leaq	(boot_other_start - boot_start)(%rbp), %rax
	movq	8(%rax), %rsp
	movl	16(%rax), %edi
	xorl	%ebp, %ebp
	pushq	$0
	jmpq	*(%rax)

/* What smp.c sets before it wakes a processor: kernel address to go on at, stack, number. */
	.balign	8
	.globl	boot_other_start
	.hidden	boot_other_start
boot_other_start:
	.quad	0, 0, 0

	.globl	boot_gdt
	.hidden	boot_gdt
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff /* KERNEL_CS: 64-bit code */
	.quad	0x00cf93000000ffff /* KERNEL_DS: flat data */
	.quad	0x00cf9b000000ffff /* 0x18: flat 32-bit code */
boot_gdt_pointer:
	.word	4 * 8 - 1
	.long	0
	.balign	8
/* struct early_boot: known to early.c. */
boot_cr3:
	.quad	0
boot_cr4:
	.quad	0

	.balign	4096
boot_level5:
	.skip	4096
boot_level4:
	.skip	4096
boot_level3:
	.skip	4096
boot_blocks:
	.skip	4 * 4096
boot_stack:
	.skip	BOOT_STACK_BYTES
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
