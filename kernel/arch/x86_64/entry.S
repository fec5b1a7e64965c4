/* Entry to and exit from the kernel. This text is mapped at the entry area (entry.h) in every root, shielded ones too, and
 * runs there; so it reaches data through GS and calls the kernel's text through struct kernel_page only.
 *
 * A processor in user mode is in one of two states for the short way of a system call (cpu.h). E = entry page.
 *
 *      state A: in the process                                 state B: in its system service
 *      cpu->frame = system.process_frame                       cpu->frame = &current->regs
 *      CR3 = E.user_root (a shielded process)                  CR3 = E.root (the service's own root: the kernel is there)
 *      E.shielded = 1                                          E.shielded = 0
 *              |                                                       ^
 *              |  SYSCALL: CR3 <- E.root, registers -> *cpu->frame     |
 *              +-------------------------------------------------------+
 *              ^                                                       |
 *              |  CALL_system_return: registers <- *process_frame,     |
 *              +------------------------------------- CR3 <- user_root +
 *
 * system.process_frame is NULL while there is no short way (mmu.c). All other entries go the general way: they save the registers
 * in *cpu->frame and make an upcall to C on the processor's kernel stack. Then entry_leave goes to user mode with the registers in
 * the frame that cpu->frame points at by then, on E.user_root if E.shielded is set.
 *
 * Without the shield nothing is written to CR3 on the way in, and the short way writes E.root instead; E.shielded is set as with
 * the shield. arch_shield_init() patches the places that differ, two bytes each.
 *
 * Invariants:
 *  - Interrupts are off here. Only an NMI, a machine check or a double fault can come between any two instructions; their handlers
 *    have stacks of their own in the entry page, find the entry page from the stack pointer, and restore CR3 and GS.
 *  - Between SWAPGS and SWAPGS, GS is the entry page. Before and after, it is the user's, who may set it to anything.
 *  - What user mode or a service left in a frame is never trusted: addresses of user mode at or above E.user_limit are
 *    replaced and flags are masked before SYSRET, IRET, WRFSBASE or WRGSBASE see them. A value is read once.
 *  - No kernel address is stored in the entry page, and none is left in a register when user mode is entered. */
#include "abi/calls.h"
#include "offsets.h"

#define FRAME_RELOADED 3 /* FRAME_FULL | FRAME_THREAD_POINTER */

/* With the shield on, goes on; without, at the label: a jump takes the place of the first two bytes of the instruction that
 * follows (and of that one only). */
.macro unless_shield label
.Lpatch_\@:
	.pushsection .rodata.entry_patches, "a"
	.long	.Lpatch_\@ - .
	.byte	0xeb, \label - .Lpatch_\@ - 2, 0, 0
	.popsection
.endm

/* With the shield on, goes on at the label; without, goes on here. */
.macro when_shield label
.Lpatch_\@:
	.byte	0xeb, \label - .Lbehind_\@
.Lbehind_\@:
	.pushsection .rodata.entry_patches, "a"
	.long	.Lpatch_\@ - .
	.byte	0x66, 0x90, 0, 0
	.popsection
.endm

/* Several registers onto the stack or from it, in this order. */
.macro pushes registers:vararg
	.irp	register, \registers
	pushq	\register
	.endr
.endm

.macro pops registers:vararg
	.irp	register, \registers
	popq	\register
	.endr
.endm

	.section .rodata.entry_patches, "a"
	.balign	4
	.globl	entry_patches
	.hidden	entry_patches
entry_patches:

	.section .entry, "ax"
	.globl	entry_text
	.hidden	entry_text
entry_text:

/* --- SYSCALL ---
 *
 * rcx = rip, r11 = rflags, rsp still the user's. */
	.globl	entry_system_call
	.hidden	entry_system_call
	.balign	64
entry_system_call:
	swapgs
	cmpq	$ALLOD_CALL_FIRST, %rax
	jae	native
save_registers:
	movq	%rsp, %gs:ENTRY_RSP
	unless_shield 1f
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	1f
	movq	%gs:ENTRY_ROOT, %rsp
	movq	%rsp, %cr3
1:
	movq	%gs:KERNEL_PAGE_CPU, %rsp
	movq	CPU_FRAME(%rsp), %rsp
	addq	$FRAME_SS + 8, %rsp
	pushq	$USER_DS
	pushq	%gs:ENTRY_RSP
	pushq	%r11
	pushq	$USER_CS
	pushq	%rcx
	pushq	%rax
	pushes	%rdi, %rsi, %rdx, %rcx, %rax, %r8, %r9, %r10, %r11, %rbx, %rbp, %r12, %r13, %r14, %r15
	rdfsbase %rcx
	movq	%rcx, FRAME_FS_BASE(%rsp)
	movq	$0, FRAME_CAUSE(%rsp) /* CAUSE_SYSCALL, code 0 */
	movl	$0, FRAME_FLAGS_WORD(%rsp)
	movq	%gs:KERNEL_PAGE_CPU, %rbx
	cmpq	$ALLOD_CALL_FIRST, %rax
	jae	native_call
	cmpq	CPU_SYSTEM_PROCESS_FRAME(%rbx), %rsp
	jne	slow_system_call
	cmpq	$0, %gs:GATE_DEPTH /* and what is settled of it */
	jne	slow_system_call

	/* The short way: from state A to state B. The registers that are not written here still hold what the process had in
	 * them: the service may see that, it is in the frame. */
	movq	CPU_CURRENT(%rbx), %rdx
	leaq	THREAD_REGS(%rdx), %rsi
	movq	%rsi, CPU_FRAME(%rbx)
	incl	THREAD_DEPTH(%rdx)
	movq	CPU_SYSTEM_SPACE(%rbx), %rsi
	movq	%rsi, THREAD_SPACE(%rdx)
	incq	CPU_SYSTEM_CALLS(%rbx)
	incq	CPU_ROOT_WRITES(%rbx)
	when_shield 2f
	movq	%gs:ENTRY_ROOT, %rcx
	movq	%rcx, %cr3
2:	movl	$0, %gs:ENTRY_SHIELDED
	movq	CPU_SYSTEM_USER_FRAME(%rbx), %rdi
	movq	CPU_SYSTEM_ENTRY(%rbx), %rcx
	movl	$RFLAGS_ALWAYS, %r11d
	swapgs
	rdgsbase %rdx
	movq	%rdx, FRAME_GS_BASE(%rsp)
	leaq	-8(%rdi), %rsp
	xorl	%eax, %eax
	xorl	%ebx, %ebx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%ebp, %ebp
	sysretq

slow_system_call:
	movl	$KERNEL_PAGE_SYSTEM_CALL - KERNEL_PAGE, %ecx
	jmp	1f
native_call:
	cmpq	$ALLOD_CALL_FIRST + ALLOD_CALL_COUNT, %rax
	jae	slow_system_call
	movl	$KERNEL_PAGE_NATIVE_CALL - KERNEL_PAGE, %ecx
	cmpl	$CALL_system_return, %eax
	jne	1f
	movl	$KERNEL_PAGE_SYSTEM_RETURN - KERNEL_PAGE, %ecx
1:	movl	%gs:ENTRY_SHIELDED, %eax
	unless_shield 2f
	addq	%rax, CPU_ROOT_WRITES(%rbx)
2:	movq	CPU_STACK(%rbx), %rsp
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE(%rcx)
	jmp	entry_leave

/* --- Native calls that have a short way --- */
native:
	cmpq	$CALL_system_return, %rax
	je	system_return
	jb	portal_call
	cmpq	$CALL_vas_switch, %rax /* the last of them */
	ja	save_registers
	jne	portal_return

/* vas_switch (rdi = number) by the gate. Keeps all registers but rax and rdx. */
	movl	%edi, %edx
	andl	$7, %edx
	movq	%gs:GATE_WAY, %rax
	incl	%edx
	testq	%rdi, %rdi
	jnz	1f
	xorl	%edx, %edx
1:	shll	$GATE_VASES_SHIFT, %edx
	cmpq	%rdi, %gs:GATE_VASES_NUMBER(%rdx)
	jne	general_vas_switch
	cmpq	%rax, %gs:GATE_VASES_FROM(%rdx)
	jne	general_vas_switch
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	general_vas_switch
	cmpq	%gs:ENTRY_USER_LIMIT, %rcx
	jae	general_vas_switch
	movq	%gs:GATE_VASES_ROOT(%rdx), %rdx
	movq	%gs:GATE_VAS, %rax
	movq	%rdi, %gs:GATE_VAS
	incq	%gs:GATE_MOVES
	movq	%rdx, %gs:ENTRY_USER_ROOT
	movq	%rdx, %cr3
	xorl	%edx, %edx
	swapgs
	sysretq
general_vas_switch:
	movl	$CALL_vas_switch, %eax
	xorl	%edx, %edx
	jmp	save_registers

/* --- The gate: portal calls and returns from root to root (gate.h) ---
 *
 * All that is touched is the entry page. Both sides expect to lose all registers but arguments and results, so the others
 * are free here. A space that is not a peer (state B, a service) goes the general way. */
portal_call: /* rbx = the portal's address */
	movq	%rbx, %rbp /* gate_slot() */
	shrq	$29, %rbp
	movq	%rbx, %r12
	shrq	$36, %r12
	xorl	%ebx, %ebp
	xorl	%r12d, %ebp
	shll	$3, %ebp
	andl	$GATE_WAYS_MASK, %ebp
	cmpq	%rbx, %gs:GATE_WAY_ADDRESS(%rbp)
	jne	save_registers
	movq	%gs:GATE_WAY, %r12
	cmpq	%r12, %gs:GATE_WAY_FROM(%rbp)
	jne	save_registers
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	save_registers
	cmpq	%gs:ENTRY_USER_LIMIT, %rcx
	jae	save_registers
	movl	%gs:GATE_DEPTH, %r14d
	incl	%gs:GATE_DEPTH
	shll	$GATE_FRAME_SHIFT, %r14d
	movq	%rcx, %gs:GATE_FRAME_IP(%r14)
	movq	%rsp, %gs:GATE_FRAME_SP(%r14)
	movq	%r12, %gs:GATE_FRAME_FROM(%r14)
	movq	%rbp, %gs:GATE_FRAME_WAY(%r14)
	rdfsbase %rax
	movq	%rax, %gs:GATE_FRAME_THREAD_POINTER(%r14)
	swapgs
	rdgsbase %rax
	swapgs
	movq	%rax, %gs:GATE_FRAME_GS_BASE(%r14)
	movq	%gs:ENTRY_USER_ROOT, %rax
	movq	%rax, %gs:GATE_FRAME_ROOT(%r14)
	movq	%gs:GATE_WAY_ID(%rbp), %rax
	movq	%rax, %gs:GATE_WAY
	incq	%gs:GATE_WAY_CALLS(%rbp)
	movq	%gs:GATE_WAY_STACK_AT(%rbp), %r15
	movq	%gs:ENTRY_GATE(%r15), %r15
	subq	$CALL_STACK_GAP, %r15
	andq	$-16, %r15
	subq	$8, %r15
	movq	%gs:GATE_WAY_ROOT(%rbp), %r12
	movq	%gs:GATE_WAY_ENTRY(%rbp), %rcx
	movq	%rdx, %r13
	movl	$-1, %eax
	movl	%eax, %edx
	xrstor64 entry_vector(%rip)
	movq	%r13, %rdx
	movq	%gs:GATE_WAY_COOKIE(%rbp), %rax
	xorl	%r14d, %r14d
	xorl	%ebx, %ebx
to_peer: /* under root r12, at rcx, with rsp = r15 and the thread pointers r14 and rbx */
	incq	%gs:GATE_MOVES
	movq	%r12, %gs:ENTRY_USER_ROOT
	movq	%r12, %cr3
	movq	%r15, %rsp
	movl	$RFLAGS_ALWAYS, %r11d
	xorl	%ebp, %ebp
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r15d, %r15d
	wrfsbase %r14
	xorl	%r14d, %r14d
	swapgs
	wrgsbase %rbx
	xorl	%ebx, %ebx
	sysretq

portal_return:
	movl	%gs:GATE_DEPTH, %ebp
	decl	%ebp
	js	save_registers
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	save_registers
	movl	%ebp, %ebx
	shll	$GATE_FRAME_SHIFT, %ebp
	testb	$GATE_FRAME_WITH, %gs:GATE_FRAME_WAY(%rbp)
	jnz	save_registers
	movl	%ebx, %gs:GATE_DEPTH
	movq	%gs:GATE_FRAME_FROM(%rbp), %rax
	movq	%rax, %gs:GATE_WAY
	movl	$-1, %eax
	movl	%eax, %edx
	xrstor64 entry_vector(%rip)
	movq	%gs:GATE_FRAME_ROOT(%rbp), %r12
	movq	%gs:GATE_FRAME_IP(%rbp), %rcx
	movq	%gs:GATE_FRAME_SP(%rbp), %r15
	movq	%gs:GATE_FRAME_THREAD_POINTER(%rbp), %r14
	movq	%gs:GATE_FRAME_GS_BASE(%rbp), %rbx
	movq	%rdi, %rax
	movq	%rsi, %rdx
	xorl	%edi, %edi
	xorl	%esi, %esi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	jmp	to_peer

/* The initial vector state: a legacy area that sets MXCSR, and an empty header. */
	.balign	64
entry_vector:
	.fill	24, 1, 0
	.long	0x1f80
	.fill	576 - 28, 1, 0

/* --- The short way back: from state B to state A ---
 *
 * The caller expects rax, rdx, rcx and r11 to be lost, so rax and rdx are free; rcx and r11 are needed if this becomes the
 * general way. rsp becomes free once it is saved. */
system_return:
	cmpl	$0, %gs:ENTRY_SHIELDED
	jne	save_registers /* a process said this: rax is as it was */
	movq	%gs:KERNEL_PAGE_CPU, %rdx
	movq	CPU_SYSTEM_PROCESS_FRAME(%rdx), %rax
	testq	%rax, %rax
	jz	9f
	cmpq	CPU_FRAME(%rdx), %rax
	je	9f
	cmpl	$0, FRAME_CAUSE(%rax)
	jne	9f
	cmpl	$0, FRAME_FLAGS_WORD(%rax)
	jne	9f
	movq	%rsp, %gs:ENTRY_RSP
	movq	CPU_CURRENT(%rdx), %rsp
	cmpl	$0, THREAD_PENDING(%rsp)
	jne	8f
	movq	FRAME_RIP(%rax), %r10
	cmpq	%gs:ENTRY_USER_LIMIT, %r10
	jae	8f
	movq	%r10, %rcx

	movq	%rax, CPU_FRAME(%rdx)
	decl	THREAD_DEPTH(%rsp)
	movq	CPU_SYSTEM_PROCESS(%rdx), %r11
	movq	%r11, THREAD_SPACE(%rsp)
	incq	CPU_ROOT_WRITES(%rdx)
	movq	FRAME_RSP(%rax), %r11
	movq	%r11, %gs:ENTRY_RSP
	movl	FRAME_RFLAGS(%rax), %r11d
	andl	$RFLAGS_USER, %r11d
	orl	$RFLAGS_ALWAYS, %r11d
	movl	$1, %gs:ENTRY_SHIELDED
	movq	%rax, %rsp
	/* r11 and rcx are lost: their places go to r10 and rdx. */
	pops	%r15, %r14, %r13, %r12, %rbp, %rbx, %r10, %r10, %r9, %r8, %rax, %rdx, %rdx, %rsi, %rdi
	movq	%gs:ENTRY_USER_ROOT, %rsp
	movq	%rsp, %cr3
	movq	%gs:ENTRY_RSP, %rsp
	swapgs
	sysretq

8:	movq	%gs:ENTRY_RSP, %rsp
9:	movl	$CALL_system_return, %eax
	xorl	%edx, %edx
	jmp	save_registers

/* --- To user mode, the general way: as cpu->frame says --- */
	.globl	entry_leave
	.hidden	entry_leave
entry_leave:
	movq	%gs:KERNEL_PAGE_CPU, %rbx
	movq	CPU_FRAME(%rbx), %rsp
	movq	%gs:ENTRY_USER_LIMIT, %rdx
	movq	FRAME_FS_BASE(%rsp), %rax
	cmpq	%rdx, %rax
	jae	bad_fs_base
load_fs_base:
	wrfsbase %rax
	testl	$FRAME_RELOADED, FRAME_FLAGS_WORD(%rsp)
	jnz	load_gs_base
load_rip:
	movq	FRAME_RIP(%rsp), %rax
	cmpq	%rdx, %rax
	jae	bad_rip
store_rip:
	movq	%rax, %gs:ENTRY_EXIT_RIP
	movl	FRAME_RFLAGS(%rsp), %eax
	andl	$RFLAGS_USER, %eax
	orl	$RFLAGS_ALWAYS, %eax
	movq	%rax, %gs:ENTRY_EXIT_RFLAGS
	movq	FRAME_RSP(%rsp), %rax
	movq	%rax, %gs:ENTRY_EXIT_RSP
	movl	%gs:ENTRY_SHIELDED, %eax
	unless_shield 1f
	addq	%rax, CPU_ROOT_WRITES(%rbx)
1:	pops	%r15, %r14, %r13, %r12, %rbp, %rbx, %r11, %r10, %r9, %r8, %rax, %rcx, %rdx, %rsi, %rdi
	unless_shield 2f
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	2f
	movq	%gs:ENTRY_USER_ROOT, %rsp
	movq	%rsp, %cr3
2:	movq	%gs:ENTRY_EXIT, %rsp
	swapgs
	iretq

bad_fs_base:
	xorl	%eax, %eax
	jmp	load_fs_base
load_gs_base:
	xorl	%ecx, %ecx
	movq	FRAME_GS_BASE(%rsp), %rax
	cmpq	%rdx, %rax
	cmovaeq	%rcx, %rax
	swapgs
	wrgsbase %rax
	swapgs
	jmp	load_rip
bad_rip: /* goes on at the last byte of user addresses: a fault of the user's */
	leaq	-1(%rdx), %rax
	jmp	store_rip

/* --- Interrupts and exceptions ---
 *
 * On the stack (in the entry page, if the interrupt came from user mode): vector, error code, rip, cs, rflags, rsp, ss. Whatever
 * else is pushed there is wiped again, so that the next space finds nothing of this one's registers. */
trap:
	testb	$3, 24(%rsp)
	jz	trap_in_kernel
	swapgs
	pushq	%rax
	pushq	$2
	popfq /* the user's AC and DF are not for the kernel */
	unless_shield 1f
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	1f
	movq	%gs:ENTRY_ROOT, %rax
	movq	%rax, %cr3
1:	movq	%gs:KERNEL_PAGE_CPU, %rax
	movq	CPU_FRAME(%rax), %rax
	movq	%rbx, FRAME_RBX(%rax)
	popq	%rbx
	movq	%rbx, FRAME_RAX(%rax)
	movq	$0, -8(%rsp)
	xchgq	%rsp, %rax
	addq	$FRAME_RDI + 8, %rsp
	pushes	%rdi, %rsi, %rdx, %rcx
	subq	$8, %rsp
	pushes	%r8, %r9, %r10, %r11
	subq	$8, %rsp
	pushes	%rbp, %r12, %r13, %r14, %r15
	xchgq	%rsp, %rax /* rax = the frame */
	movq	%gs:KERNEL_PAGE_CPU, %rbx
	popq	%rdi /* vector */
	movq	%rdi, FRAME_TRAP(%rax)
	popq	FRAME_ERROR(%rax)
	popq	FRAME_RIP(%rax)
	popq	FRAME_CS(%rax)
	popq	FRAME_RFLAGS(%rax)
	popq	FRAME_RSP(%rax)
	popq	FRAME_SS(%rax)
	movq	$-1, FRAME_NR(%rax)
	movl	$0, FRAME_FLAGS_WORD(%rax)
	rdfsbase %rcx
	movq	%rcx, FRAME_FS_BASE(%rax)
	swapgs
	rdgsbase %rcx
	swapgs
	movq	%rcx, FRAME_GS_BASE(%rax)
	movl	%gs:ENTRY_SHIELDED, %ecx
	unless_shield 1f
	addq	%rcx, CPU_ROOT_WRITES(%rbx)
1:	movq	CPU_STACK(%rbx), %rsp
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE_INTERRUPT
	jmp	entry_leave

/* The kernel takes interrupts only in arch_idle(), whose registers need not be kept. An exception is a bug, but for the one that
 * kernel_fault() handles. */
trap_in_kernel:
	cmpq	$VECTOR_LINES, (%rsp)
	jb	1f
	movq	(%rsp), %rdi
	movq	%gs:KERNEL_PAGE_CPU, %rbx
	movq	CPU_STACK(%rbx), %rsp
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE_INTERRUPT
	jmp	entry_leave
1:	call	push_kernel_registers
	movq	%rsp, %rdi
	cld
	call	*%gs:KERNEL_PAGE_KERNEL_FAULT
	pops	%r15, %r14, %r13, %r12, %r11, %r10, %r9, %r8, %rbp, %rdi, %rsi, %rdx, %rcx, %rbx, %rax
	addq	$16, %rsp
	iretq

/* Makes a struct kernel_registers of what is below the return address; rax takes the place of that. */
push_kernel_registers:
	xchgq	%rax, (%rsp)
	pushes	%rbx, %rcx, %rdx, %rsi, %rdi, %rbp, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15
	jmp	*%rax

/* --- What can come at any time: on stacks of their own ---
 *
 * NMI. rdx = what lies on the stack in the entry page: rdx, rcx, rax, rip, cs, rflags, rsp, ss. If that is the kernel's (an
 * interrupted kernel, not just the entry text under the shielded root), it is moved to the kernel page before the return,
 * and wiped. */
	.globl	entry_nmi
	.hidden	entry_nmi
entry_nmi:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	movq	%rsp, %rax
	andq	$-4096, %rax /* the entry page */
	movq	%cr3, %rcx
	movq	ENTRY_KERNEL_ROOT(%rax), %rdx
	movq	%rdx, %cr3
	movq	%rsp, %rdx
	leaq	KERNEL_PAGE_STACK_END(%rax), %rsp
	pushes	%rcx, %rdx, %rsi, %rdi, %r8, %r9, %r10, %r11, %rbx, %rbp
	rdgsbase %rbx
	wrgsbase %rax
	cld
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE_NMI
	rdgsbase %rax
	wrgsbase %rbx
	pops	%rbp, %rbx, %r11, %r10, %r9, %r8, %rdi, %rsi, %rdx, %rcx
	testb	$3, 32(%rdx)
	jnz	1f
	movq	ENTRY_USER_ROOT(%rax), %rax
	xorq	%rcx, %rax
	shlq	$1, %rax /* bit 63 is not the address, bits 15:12 say which of the processor's TOPS pages it is */
	shrq	$17, %rax
	jz	1f
	pushes	56(%rdx), 48(%rdx), 40(%rdx), 32(%rdx), 24(%rdx), 16(%rdx), 8(%rdx), (%rdx)
	.irp	at, 0, 8, 16, 24, 32, 40, 48, 56
	movq	$0, \at(%rdx)
	.endr
	movq	%rsp, %rdx
1:	movq	%rdx, %rsp
	movq	%rcx, %cr3
	popq	%rdx
	popq	%rcx
	popq	%rax
	iretq

/* Double fault and machine check: the end. GS and the root may be anybody's. */
	.globl	entry_double_fault
	.hidden	entry_double_fault
entry_double_fault:
	pushq	$VECTOR_DOUBLE_FAULT
	jmp	1f
	.globl	entry_machine_check
	.hidden	entry_machine_check
entry_machine_check:
	pushq	$0
	pushq	$VECTOR_MACHINE_CHECK
1:	call	push_kernel_registers
	movq	%rsp, %rdi
	movq	%rsp, %rax
	andq	$-4096, %rax
	movq	ENTRY_KERNEL_ROOT(%rax), %rcx
	movq	%rcx, %cr3
	wrgsbase %rax
	leaq	KERNEL_PAGE_STACK_END(%rax), %rsp
	cld
	call	*%gs:KERNEL_PAGE_KERNEL_FAULT
	ud2

/* --- One stub for each vector --- */
	.globl	entry_stubs
	.hidden	entry_stubs
	.balign	STUB_BYTES
entry_stubs:
	.set	vector, 0
	.rept	VECTORS
	.balign	STUB_BYTES
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	pushq	$0
	.endif
	pushq	$vector
	jmp	trap
	.set	vector, vector + 1
	.endr

	.globl	entry_text_end, entry_patches_end
	.hidden	entry_text_end, entry_patches_end
	.balign	4096
entry_text_end:

	.section .rodata.entry_patches, "a"
entry_patches_end:

	.section .note.GNU-stack, "", @progbits
