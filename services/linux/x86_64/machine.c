/* x86-64: the first registers of a program, signal frames, what the processor offers. */
#include <asm/errno.h>
#include <asm/sigcontext.h>
#include <linux/signal.h>
#include <asm/ucontext.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

enum {
	FLAGS_START = 0x202,
	FLAGS_USER = 0x250dd5,   /* CF PF AF ZF SF TF DF OF AC ID RF: what a program may change */
	FLAGS_CLEARED = 0x10500, /* TF DF RF: off in a handler */
	RED_ZONE = 128,
	MXCSR_START = 0x1f80,
	VECTOR_BYTES = 4096, /* at most */
	VECTOR_LEGACY = 512,
	VECTOR_HEADER = 64,
	SELECTOR_CODE = 0x33, /* what Linux programs see; the kernel has its own */
	SELECTOR_STACK = 0x2b,
};

/* What lies on the stack of a handler: Linux's layout. */
struct signal_frame {
	u64 restorer;
	struct ucontext uc;
	siginfo_t info;
};

static u64 min_stack;

static void cpuid(u32 leaf, u32 sub, u32 *registers)
{
	__asm__ volatile("cpuid"
			 : "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]), "=d"(registers[3])
			 : "0"(leaf), "2"(sub));
}

u64 machine_hwcap(void)
{
	u32 registers[4];
	cpuid(1, 0, registers);
	return registers[3];
}

u64 machine_hwcap2(void)
{
	return 0;
}

u64 machine_min_signal_stack(void)
{
	if (!min_stack) {
		u32 registers[4];
		cpuid(0xd, 0, registers);
		min_stack = sizeof(struct signal_frame) + RED_ZONE + registers[1] + 64 + sizeof(u32);
	}
	return min_stack;
}

void machine_start(struct user_frame *frame, u64 ip, u64 sp)
{
	u64 cookie = frame->cookie;
	memset(frame, 0, sizeof(*frame));
	frame->cookie = cookie;
	frame->rip = ip;
	frame->rsp = sp;
	frame->rflags = FLAGS_START;
	frame->cs = SELECTOR_CODE;
	frame->ss = SELECTOR_STACK;
	frame->nr = ~0ull;
	frame->flags = FRAME_FULL | FRAME_THREAD_POINTER;
}

void machine_reset_vector(void)
{
	u8 image[VECTOR_BYTES] __attribute__((aligned(64)));
	u32 mxcsr = MXCSR_START;
	u16 control = 0x37f;
	memset(image, 0, sizeof(image));
	memcpy(image, &control, sizeof(control));
	memcpy(image + offsetof(struct _fpstate_64, mxcsr), &mxcsr, sizeof(mxcsr));
	call_frame_vector(true, image, sizeof(image));
}

int machine_float_code(void)
{
	u8 image[VECTOR_BYTES] __attribute__((aligned(64)));
	struct _fpstate_64 *state = (struct _fpstate_64 *)image;
	if (call_frame_vector(false, image, sizeof(image)) < VECTOR_LEGACY)
		return FPE_FLTINV;
	u32 x87 = state->swd & ~state->cwd & 0x3f, sse = state->mxcsr & ~(state->mxcsr >> 7) & 0x3f, why = x87 | sse;
	if (why & 1)
		return FPE_FLTINV;
	if (why & 4)
		return FPE_FLTDIV;
	if (why & 8)
		return FPE_FLTOVF;
	if (why & 0x12)
		return FPE_FLTUND;
	return why & 0x20 ? FPE_FLTRES : FPE_FLTINV;
}

static void context_fill(struct sigcontext *context, const struct user_frame *f)
{
	context->r8 = f->r8;
	context->r9 = f->r9;
	context->r10 = f->r10;
	context->r11 = f->r11;
	context->r12 = f->r12;
	context->r13 = f->r13;
	context->r14 = f->r14;
	context->r15 = f->r15;
	context->rdi = f->rdi;
	context->rsi = f->rsi;
	context->rbp = f->rbp;
	context->rbx = f->rbx;
	context->rdx = f->rdx;
	context->rax = f->rax;
	context->rcx = f->rcx;
	context->rsp = f->rsp;
	context->rip = f->rip;
	context->eflags = f->rflags;
	context->cs = SELECTOR_CODE;
	context->ss = SELECTOR_STACK;
	context->err = f->cause == CAUSE_SYSCALL ? 0 : f->error;
	context->trapno = f->cause == CAUSE_SYSCALL ? 0 : f->trap;
	context->cr2 = f->cause == CAUSE_FAULT ? f->addr : 0;
}

static void context_take(struct user_frame *f, const struct sigcontext *context)
{
	f->r8 = context->r8;
	f->r9 = context->r9;
	f->r10 = context->r10;
	f->r11 = context->r11;
	f->r12 = context->r12;
	f->r13 = context->r13;
	f->r14 = context->r14;
	f->r15 = context->r15;
	f->rdi = context->rdi;
	f->rsi = context->rsi;
	f->rbp = context->rbp;
	f->rbx = context->rbx;
	f->rdx = context->rdx;
	f->rax = context->rax;
	f->rcx = context->rcx;
	f->rsp = context->rsp;
	f->rip = context->rip;
	f->rflags = (f->rflags & ~(u64)FLAGS_USER) | (context->eflags & FLAGS_USER);
	f->flags |= FRAME_FULL;
}

/* Writes the vector state to the handler's stack, with the marks by which programs recognise its size. */
static int vector_push(struct task *self, u64 *sp, u64 *at)
{
	u8 image[VECTOR_BYTES] __attribute__((aligned(64)));
	struct _fpstate_64 *state = (struct _fpstate_64 *)image;
	u32 end_mark = FP_XSTATE_MAGIC2;
	i64 bytes = call_frame_vector(false, image, sizeof(image));
	if (bytes < VECTOR_LEGACY + VECTOR_HEADER || bytes > VECTOR_BYTES)
		return -EFAULT;
	u64 whole = bytes + sizeof(end_mark);
	*at = *sp = (*sp - whole) & ~63ull;
	memset(&state->sw_reserved, 0, sizeof(state->sw_reserved));
	state->sw_reserved.magic1 = FP_XSTATE_MAGIC1;
	state->sw_reserved.extended_size = whole;
	memcpy(&state->sw_reserved.xfeatures, image + VECTOR_LEGACY, sizeof(u64));
	state->sw_reserved.xstate_size = bytes;
	if (user_write(self, *at, image, bytes))
		return -EFAULT;
	return user_write(self, *at + bytes, &end_mark, sizeof(end_mark));
}

static int vector_pop(struct task *self, u64 at)
{
	u8 image[VECTOR_BYTES] __attribute__((aligned(64)));
	struct _fpstate_64 *state = (struct _fpstate_64 *)image;
	u64 legacy = 3;
	if (!at) {
		machine_reset_vector();
		return 0;
	}
	if (user_read(self, at, image, VECTOR_LEGACY))
		return -EFAULT;
	memset(image + VECTOR_LEGACY, 0, sizeof(image) - VECTOR_LEGACY);
	if (state->sw_reserved.magic1 == FP_XSTATE_MAGIC1 &&
		state->sw_reserved.xstate_size >= VECTOR_LEGACY + VECTOR_HEADER &&
		state->sw_reserved.xstate_size <= sizeof(image)) {
		if (user_read(self, at + VECTOR_LEGACY, image + VECTOR_LEGACY,
			    state->sw_reserved.xstate_size - VECTOR_LEGACY))
			return -EFAULT;
	} else {
		memcpy(image + VECTOR_LEGACY, &legacy, sizeof(legacy));
	}
	return call_frame_vector(true, image, sizeof(image)) < 0 ? -EFAULT : 0;
}

int machine_signal_push(struct task *self, struct user_frame *frame, int signal, const siginfo_t *info,
	const struct sigaction *action, u64 mask, u64 altstack_top)
{
	struct signal_frame s;
	u64 sp = altstack_top ? altstack_top : frame->rsp - RED_ZONE, vector;
	if (!(action->sa_flags & SA_RESTORER) || vector_push(self, &sp, &vector))
		return -EFAULT;
	memset(&s, 0, sizeof(s));
	s.restorer = (u64)action->sa_restorer;
	s.uc.uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	s.uc.uc_stack.ss_sp = (void *)self->alt_stack;
	s.uc.uc_stack.ss_size = self->alt_stack_bytes;
	s.uc.uc_stack.ss_flags = self->alt_stack_bytes ? 0 : SS_DISABLE;
	context_fill(&s.uc.uc_mcontext, frame);
	s.uc.uc_mcontext.fpstate = (struct _fpstate *)vector;
	s.uc.uc_mcontext.oldmask = mask;
	s.uc.uc_sigmask = mask;
	s.info = *info;
	/* The stack looks as if the handler had been called: the restorer's address is where a return address belongs. */
	sp = ((sp - sizeof(s)) & ~15ull) - 8;
	if (user_write(self, sp, &s, sizeof(s)))
		return -EFAULT;
	frame->rip = (u64)action->sa_handler;
	frame->rsp = sp;
	frame->rdi = signal;
	frame->rsi = sp + offsetof(struct signal_frame, info);
	frame->rdx = sp + offsetof(struct signal_frame, uc);
	frame->rax = 0;
	frame->rflags &= ~(u64)FLAGS_CLEARED;
	frame->flags |= FRAME_FULL;
	machine_reset_vector();
	return 0;
}

int machine_signal_pop(struct task *self, struct user_frame *frame, u64 *mask)
{
	struct ucontext uc;
	/* The handler's return has taken the restorer's address off. */
	if (user_read(self, frame->rsp - sizeof(u64) + offsetof(struct signal_frame, uc), &uc, sizeof(uc)))
		return -EFAULT;
	*mask = uc.uc_sigmask;
	context_take(frame, &uc.uc_mcontext);
	return vector_pop(self, (u64)uc.uc_mcontext.fpstate);
}
