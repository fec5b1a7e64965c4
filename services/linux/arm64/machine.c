/* arm64: the first registers of a program, signal frames, what the processor offers. */
#include <asm/errno.h>
#include <asm/hwcap.h>
#include <asm/sigcontext.h>
#include <linux/signal.h>
#include <asm/ucontext.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

enum {
	PSTATE_FLAGS = 0xf0000000u, /* N Z C V: what a program may change */
	VECTOR_REGISTERS = 32 * 16,
	INSTRUCTION_CALL = 0xd4000001,   /* svc #0 */
	INSTRUCTION_RETURN = 0xd2801168, /* mov x8, #__NR_rt_sigreturn */
};

/* The kernel's vector area: v0 to v31, FPSR, FPCR. */
struct vector {
	__uint128_t registers[32];
	u64 fpsr, fpcr;
};

/* What lies on the stack of a handler: Linux's layout. */
struct signal_frame {
	siginfo_t info;
	struct ucontext uc;
};

/* Above it: what a debugger follows to the interrupted code. */
struct frame_record {
	u64 fp, lr;
};

/* The records of the context that are written, at the start of its reserved part. */
struct records {
	struct fpsimd_context vector;
	struct esr_context syndrome;
	struct _aarch64_ctx end;
};

/* --- what the processor offers: identification registers, which the kernel lets user mode read without what it keeps off --- */

#define READ_ID(name) \
	({ \
		u64 value_; \
		__asm__("mrs %0, " #name : "=r"(value_)); \
		value_; \
	})

/* A capability that a field of an identification register has from a value on. */
struct capability {
	u8 shift, from;
	u32 bit;
};

static const struct capability of_isar0[] = {
	{ 4, 1, HWCAP_AES },
	{ 4, 2, HWCAP_PMULL },
	{ 8, 1, HWCAP_SHA1 },
	{ 12, 1, HWCAP_SHA2 },
	{ 12, 2, HWCAP_SHA512 },
	{ 16, 1, HWCAP_CRC32 },
	{ 20, 2, HWCAP_ATOMICS },
	{ 28, 1, HWCAP_ASIMDRDM },
	{ 32, 1, HWCAP_SHA3 },
	{ 36, 1, HWCAP_SM3 },
	{ 40, 1, HWCAP_SM4 },
	{ 44, 1, HWCAP_ASIMDDP },
	{ 48, 1, HWCAP_ASIMDFHM },
	{ 52, 1, HWCAP_FLAGM },
};

static const struct capability of_isar1[] = {
	{ 0, 1, HWCAP_DCPOP },
	{ 12, 1, HWCAP_JSCVT },
	{ 16, 1, HWCAP_FCMA },
	{ 20, 1, HWCAP_LRCPC },
	{ 20, 2, HWCAP_ILRCPC },
	{ 36, 1, HWCAP_SB },
};

static const struct capability of_isar0_2[] = { { 52, 2, HWCAP2_FLAGM2 }, { 60, 1, HWCAP2_RNG } };

static const struct capability of_isar1_2[] = {
	{ 0, 2, HWCAP2_DCPODP },
	{ 32, 1, HWCAP2_FRINT },
	{ 44, 1, HWCAP2_BF16 },
	{ 52, 1, HWCAP2_I8MM },
};

static u64 capabilities(u64 value, const struct capability *list, size_t count)
{
	u64 bits = 0;
	for (size_t i = 0; i < count; i++)
		if ((value >> list[i].shift & 15) >= list[i].from)
			bits |= list[i].bit;
	return bits;
}

u64 machine_hwcap(void)
{
	u64 bits = HWCAP_FP | HWCAP_ASIMD | HWCAP_CPUID;
	if ((READ_ID(id_aa64pfr0_el1) >> 16 & 15) == 1)
		bits |= HWCAP_FPHP | HWCAP_ASIMDHP;
	return bits | capabilities(READ_ID(id_aa64isar0_el1), of_isar0, ARRAY_SIZE(of_isar0)) |
		capabilities(READ_ID(id_aa64isar1_el1), of_isar1, ARRAY_SIZE(of_isar1));
}

u64 machine_hwcap2(void)
{
	return capabilities(READ_ID(id_aa64isar0_el1), of_isar0_2, ARRAY_SIZE(of_isar0_2)) |
		capabilities(READ_ID(id_aa64isar1_el1), of_isar1_2, ARRAY_SIZE(of_isar1_2));
}

u64 machine_min_signal_stack(void)
{
	return sizeof(struct signal_frame) + sizeof(struct frame_record) + 16;
}

/* --- registers --- */

void machine_start(struct user_frame *frame, u64 ip, u64 sp)
{
	u64 cookie = frame->cookie;
	memset(frame, 0, sizeof(*frame));
	frame->cookie = cookie;
	frame->pc = ip;
	frame->sp = sp;
	frame->nr = ~0ull;
	frame->flags = FRAME_FULL | FRAME_THREAD_POINTER;
}

void machine_reset_vector(void)
{
	struct vector vector;
	memset(&vector, 0, sizeof(vector));
	call_frame_vector(true, &vector, sizeof(vector));
}

int machine_float_code(void)
{
	return FPE_FLTINV; /* the processor need not say, and QEMU's has no such exceptions */
}

/* --- signal frames --- */

static int records_fill(struct records *records, const struct user_frame *frame)
{
	struct vector vector;
	if (call_frame_vector(false, &vector, sizeof(vector)) != sizeof(vector))
		return -EFAULT;
	records->vector.head = (struct _aarch64_ctx){ FPSIMD_MAGIC, sizeof(records->vector) };
	records->vector.fpsr = vector.fpsr;
	records->vector.fpcr = vector.fpcr;
	memcpy(records->vector.vregs, vector.registers, VECTOR_REGISTERS);
	records->end = (struct _aarch64_ctx){ 0, 0 };
	records->syndrome.head = (struct _aarch64_ctx){ 0, 0 };
	if (frame->cause == CAUSE_FAULT || frame->cause == CAUSE_EXCEPTION) {
		records->syndrome.head = (struct _aarch64_ctx){ ESR_MAGIC, sizeof(records->syndrome) };
		records->syndrome.esr = frame->syndrome;
	}
	return 0;
}

/* The vector record is where it was put, or anywhere a program has built its own list of records. */
static int records_take(const u8 *reserved, size_t bytes)
{
	for (size_t at = 0; at + sizeof(struct fpsimd_context) <= bytes;) {
		struct _aarch64_ctx head;
		memcpy(&head, reserved + at, sizeof(head));
		if (head.magic == FPSIMD_MAGIC && head.size == sizeof(struct fpsimd_context)) {
			const struct fpsimd_context *record = (const void *)(reserved + at);
			struct vector vector = { .fpsr = record->fpsr, .fpcr = record->fpcr };
			memcpy(vector.registers, record->vregs, VECTOR_REGISTERS);
			return call_frame_vector(true, &vector, sizeof(vector)) < 0 ? -EFAULT : 0;
		}
		if (!head.magic || head.size < sizeof(head) || head.size % 16 || head.size > bytes - at)
			break;
		at += head.size;
	}
	return -EFAULT;
}

/* Maps the page of the code by which programs return from handlers, at the end of the lower half, above every stack. (On arm64
 * programs have no such code of their own.) -> its address, 0: no memory. */
static u64 return_code(struct task *self)
{
	static u32 segment;
	static const u32 code[] = { INSTRUCTION_RETURN, INSTRUCTION_CALL };
	u64 address = machine_window / 2 - PAGE_SIZE;
	i64 error;
	if (!segment) {
		i64 made = call_segment_create(1, 0);
		void *page = made > 0 ? pages_map(PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, made, 0) : NULL;
		if (!page)
			return 0;
		memcpy(page, code, sizeof(code));
		pages_free(page, PAGE_SIZE);
		segment = made;
	}
	error = call_map(self->mm->space, address, PAGE_SIZE, RIGHT_R | RIGHT_X | MAP_SHARE, segment, 0);
	return error && error != -E_EXIST ? 0 : address;
}

int machine_signal_push(struct task *self, struct user_frame *frame, int signal, const siginfo_t *info,
	const struct sigaction *action, u64 mask, u64 altstack_top)
{
	struct signal_frame s;
	struct sigcontext *context = &s.uc.uc_mcontext;
	struct frame_record record = { frame->x[29], frame->x[30] };
	u64 record_at = ((altstack_top ? altstack_top : frame->sp) - sizeof(record)) & ~15ull;
	u64 sp = (record_at - sizeof(s)) & ~15ull;
	u64 back = action->sa_flags & SA_RESTORER ? (u64)action->sa_restorer : return_code(self);
	memset(&s, 0, sizeof(s));
	s.info = *info;
	s.uc.uc_stack.ss_sp = (void *)self->alt_stack;
	s.uc.uc_stack.ss_size = self->alt_stack_bytes;
	s.uc.uc_stack.ss_flags = self->alt_stack_bytes ? 0 : SS_DISABLE;
	memcpy(&s.uc.uc_sigmask, &mask, sizeof(mask));
	memcpy(context->regs, frame->x, sizeof(context->regs));
	context->sp = frame->sp;
	context->pc = frame->pc;
	context->pstate = frame->pstate;
	context->fault_address = frame->cause == CAUSE_FAULT ? frame->addr : 0;
	if (!back || records_fill((struct records *)context->__reserved, frame))
		return -EFAULT;
	if (user_write(self, record_at, &record, sizeof(record)) || user_write(self, sp, &s, sizeof(s)))
		return -EFAULT;
	frame->pc = (u64)action->sa_handler;
	frame->sp = sp;
	frame->pstate = 0;
	frame->x[0] = signal;
	frame->x[1] = sp + offsetof(struct signal_frame, info);
	frame->x[2] = sp + offsetof(struct signal_frame, uc);
	frame->x[29] = record_at;
	frame->x[30] = back;
	frame->flags |= FRAME_FULL;
	return 0;
}

int machine_signal_pop(struct task *self, struct user_frame *frame, u64 *mask)
{
	struct ucontext uc;
	const struct sigcontext *context = &uc.uc_mcontext;
	if (frame->sp & 15 || user_read(self, frame->sp + offsetof(struct signal_frame, uc), &uc, sizeof(uc)))
		return -EFAULT;
	memcpy(mask, &uc.uc_sigmask, sizeof(*mask));
	memcpy(frame->x, context->regs, sizeof(context->regs));
	frame->sp = context->sp;
	frame->pc = context->pc;
	frame->pstate = context->pstate & PSTATE_FLAGS;
	frame->argument0 = frame->x[0];
	frame->flags |= FRAME_FULL;
	return records_take(context->__reserved, sizeof(context->__reserved));
}
