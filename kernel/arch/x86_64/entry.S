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
 * system.process_frame is NULL while there is no short way (mmu.c). Everything else goes the general way: registers into
 * *cpu->frame, an upcall to C on the processor's kernel stack, and entry_leave, which goes to user mode as cpu->frame,
 * E.shielded and E.user_root then say.
 *
 * Without the shield E.shielded is always 0, nothing is written to CR3 on the way in, and the short way writes E.root
 * instead. The places that differ are patched by arch_shield_init(), two bytes each.
 *
 * Invariants:
 *  - Interrupts are off here. Only an NMI, a machine check or a double fault can come between any two instructions; they
 *    have stacks of their own in the entry page, find everything from the stack pointer, and put CR3 and GS back.
 *  - Between SWAPGS and SWAPGS, GS is the entry page. Before and after, it is the user's, who may set it to anything.
 *  - What user mode or a service left in a frame is never trusted: addresses of user mode at or above E.user_limit are
 *    replaced and flags are masked before SYSRET, IRET, WRFSBASE or WRGSBASE see them. A value is read once.
 *  - No kernel address is stored in the entry page, and none is left in a register when user mode is entered. */
#include "offsets.h"

#define CALL_FIRST 0x1000
#define CALL_COUNT 0x1000
#define CALL_PORTAL_CALL 0x1000
#define CALL_SYSTEM_RETURN 0x1001
#define CALL_PORTAL_RETURN 0x1002
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
	cmpq	$CALL_FIRST, %rax
	jae	native
save_registers:
	movq	%rsp, %gs:ENTRY_RSP
	unless_shield 1f
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	1f
	movq	%gs:ENTRY_ROOT, %rsp
	movq	%rsp, %cr3
1:
entered:
	movq	%gs:KERNEL_PAGE_CPU, %rsp
	movq	CPU_FRAME(%rsp), %rsp
	addq	$FRAME_SS + 8, %rsp
	pushq	$USER_DS
	pushq	%gs:ENTRY_RSP
	pushq	%r11
	pushq	$USER_CS
	pushq	%rcx
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	rdfsbase %rcx
	movq	%rcx, FRAME_FS_BASE(%rsp)
	movq	$0, FRAME_CAUSE(%rsp) /* CAUSE_SYSCALL, code 0 */
	movl	$0, FRAME_FLAGS_WORD(%rsp)
	movq	%gs:KERNEL_PAGE_CPU, %rbx
	cmpq	$CALL_FIRST, %rax
	jae	native_call
	cmpq	CPU_SYSTEM_PROCESS_FRAME(%rbx), %rsp
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
	cmpq	$CALL_FIRST + CALL_COUNT, %rax
	jae	slow_system_call
	movl	$KERNEL_PAGE_NATIVE_CALL - KERNEL_PAGE, %ecx
	cmpl	$CALL_SYSTEM_RETURN, %eax
	jne	1f
	movl	$KERNEL_PAGE_SYSTEM_RETURN - KERNEL_PAGE, %ecx
1:	movl	%gs:ENTRY_SHIELDED, %eax
	addq	%rax, CPU_ROOT_WRITES(%rbx)
	movq	CPU_STACK(%rbx), %rsp
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE(%rcx)
	jmp	entry_leave

/* --- Native calls that have a short way --- */
native:
	cmpq	$CALL_SYSTEM_RETURN, %rax
	je	system_return
	jb	portal_call
	cmpq	$CALL_PORTAL_RETURN, %rax
	jne	save_registers
	jmp	portal_return

/* --- The short way of a portal call and of its return: struct way in cpu.h ---
 *
 * Both sides expect to lose all registers but arguments and results. So the others are free here: rbp = the processor,
 * r13 = the kernel lock. */
.macro to_kernel_root
	movq	%rsp, %gs:ENTRY_RSP
	unless_shield 1f
	cmpl	$0, %gs:ENTRY_SHIELDED
	je	1f
	movq	%gs:ENTRY_ROOT, %rsp
	movq	%rsp, %cr3
1:	movq	%gs:KERNEL_PAGE_CPU, %rbp
.endm

.macro try_lock general
	movq	%gs:KERNEL_PAGE_LOCK, %r13
	movl	$1, %eax
	xchgl	%eax, (%r13)
	testl	%eax, %eax
	jnz	\general
.endm

/* The way is in that state and still good, nothing is pending. r14 = the thread. */
.macro check_way state, general
	cmpq	$\state, WAY_STATE(%rbp)
	jne	\general
	movq	%gs:KERNEL_PAGE_GENERATION, %rax
	movq	(%rax), %rax
	cmpq	%rax, WAY_GENERATION(%rbp)
	jne	\general
	movq	CPU_CURRENT(%rbp), %r14
	cmpl	$0, THREAD_PENDING(%r14)
	jne	\general
.endm

/* The processor runs `space` (r12) from now on, without anything of the other's in the vector registers. Loses rax, rdx,
 * rbx. */
.macro switch_space root
	movq	%r12, THREAD_SPACE(%r14)
	movq	%r12, CPU_LOADED(%rbp)
	movq	WAY_ROOT(%rbp), %rax
	movq	\root(%rbp), %rdx
	movq	%rdx, (%rax)
	movq	WAY_ROOT_WRITES(%rbp), %rax
	addq	%rax, CPU_ROOT_WRITES(%rbp)
	movq	%gs:KERNEL_PAGE_VECTOR_INITIAL, %rbx
	movl	$-1, %eax
	movl	%eax, %edx
	xrstor64 (%rbx)
.endm

portal_call:
	cmpq	%gs:ENTRY_USER_LIMIT, %rcx
	jae	save_registers
	to_kernel_root
	try_lock general_portal_call
	cmpq	%rbx, WAY_ADDRESS(%rbp)
	jne	unlock_portal_call
	movq	CPU_FRAME(%rbp), %rax /* the same caller: not its system service, in state B */
	cmpq	%rax, WAY_CALLER_FRAME(%rbp)
	jne	unlock_portal_call
	check_way WAY_STATE_READY, unlock_portal_call
	movq	$WAY_STATE_INSIDE, WAY_STATE(%rbp)
	movq	WAY_CALL(%rbp), %r15
	movq	%gs:ENTRY_RSP, %rax
	movb	$0, CALL_SYSTEM(%r15)
	movq	%rcx, CALL_IP(%r15)
	movq	%rax, CALL_SP(%r15)
	rdfsbase %rax
	movq	%rax, CALL_THREAD_POINTER(%r15)
	xorl	%eax, %eax
	wrfsbase %rax
	swapgs
	rdgsbase %rax
	swapgs
	movq	%rax, CALL_GS_BASE(%r15)
	movq	WAY_CALLS(%rbp), %rax
	incq	(%rax)
	incl	THREAD_DEPTH(%r14)
	leaq	THREAD_REGS(%r14), %rax
	movq	%rax, CPU_FRAME(%rbp)
	movq	$0, CPU_SYSTEM_PROCESS_FRAME(%rbp)
	movq	WAY_CALLEE(%rbp), %r12
	incl	SPACE_REFERENCES(%r12)
	movq	%rdx, %r15
	switch_space WAY_ROOT_CALLEE
	movl	$0, (%r13)
	movq	%r15, %rdx
	movq	WAY_ENTRY(%rbp), %rcx
	movq	WAY_COOKIE(%rbp), %rax
	movq	WAY_STACK(%rbp), %r15
	xorl	%ebx, %ebx
to_peer: /* at rcx, with rsp = r15 and the second segment base rbx */
	movq	%gs:ENTRY_USER_ROOT, %r12
	movq	%r12, %cr3
	movq	%r15, %rsp
	movl	$RFLAGS_ALWAYS, %r11d
	xorl	%ebp, %ebp
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	swapgs
	wrgsbase %rbx
	xorl	%ebx, %ebx
	sysretq

portal_return:
	to_kernel_root
	try_lock general_portal_return
	check_way WAY_STATE_INSIDE, unlock_portal_return
	movq	$WAY_STATE_READY, WAY_STATE(%rbp)
	movq	WAY_CALL(%rbp), %r15
	movq	CALL_THREAD_POINTER(%r15), %rax
	wrfsbase %rax
	movb	WAY_CALLER_IS_PROCESS(%rbp), %al
	movb	%al, CALL_SYSTEM(%r15)
	decl	THREAD_DEPTH(%r14)
	movq	WAY_CALLER_FRAME(%rbp), %rax
	movq	%rax, CPU_FRAME(%rbp)
	movq	WAY_PROCESS_FRAME(%rbp), %rax
	movq	%rax, CPU_SYSTEM_PROCESS_FRAME(%rbp)
	movq	WAY_CALLEE(%rbp), %r12
	decl	SPACE_REFERENCES(%r12)
	movq	WAY_CALLER(%rbp), %r12
	switch_space WAY_ROOT_CALLER
	movl	$0, (%r13)
	movq	CALL_IP(%r15), %rcx
	movq	CALL_GS_BASE(%r15), %rbx
	movq	CALL_SP(%r15), %r15
	movq	%rdi, %rax
	movq	%rsi, %rdx
	xorl	%edi, %edi
	xorl	%esi, %esi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	jmp	to_peer

unlock_portal_call:
	movl	$0, (%r13)
general_portal_call:
	movl	$CALL_PORTAL_CALL, %eax
	jmp	1f
unlock_portal_return:
	movl	$0, (%r13)
general_portal_return:
	movl	$CALL_PORTAL_RETURN, %eax
1:	xorl	%ebp, %ebp /* these held kernel addresses */
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	jmp	entered

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
	unless_shield 1f
	movl	$1, %gs:ENTRY_SHIELDED
1:	movq	%rax, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r10 /* r11: lost */
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rdx /* rcx: lost */
	popq	%rdx
	popq	%rsi
	popq	%rdi
	movq	%gs:ENTRY_USER_ROOT, %rsp
	movq	%rsp, %cr3
	movq	%gs:ENTRY_RSP, %rsp
	swapgs
	sysretq

8:	movq	%gs:ENTRY_RSP, %rsp
9:	movl	$CALL_SYSTEM_RETURN, %eax
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
	addq	%rax, CPU_ROOT_WRITES(%rbx)
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
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
 * On the stack (in the entry page if it came from user mode): vector, error code, rip, cs, rflags, rsp, ss. What is pushed
 * besides is wiped again, so that the next space finds nothing of this one's registers. */
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
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	subq	$8, %rsp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	subq	$8, %rsp
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
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
	addq	%rcx, CPU_ROOT_WRITES(%rbx)
	movq	CPU_STACK(%rbx), %rsp
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE_INTERRUPT
	jmp	entry_leave

/* The kernel takes interrupts only in arch_idle(), of which nothing is worth keeping. An exception is a bug, but for the
 * one that kernel_fault() knows. */
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
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq

/* Makes a struct kernel_registers of what is below the return address; rax takes the place of that. */
push_kernel_registers:
	xchgq	%rax, (%rsp)
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
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
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	rdgsbase %rbx
	wrgsbase %rax
	cld
	xorl	%ebp, %ebp
	call	*%gs:KERNEL_PAGE_NMI
	rdgsbase %rax
	wrgsbase %rbx
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	testb	$3, 32(%rdx)
	jnz	1f
	movq	ENTRY_USER_ROOT(%rax), %rax
	xorq	%rcx, %rax
	shlq	$1, %rax /* bit 63 and bits 11:0 are not the address */
	shrq	$13, %rax
	jz	1f
	pushq	56(%rdx)
	pushq	48(%rdx)
	pushq	40(%rdx)
	pushq	32(%rdx)
	pushq	24(%rdx)
	pushq	16(%rdx)
	pushq	8(%rdx)
	pushq	(%rdx)
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
