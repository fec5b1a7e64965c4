/* MPX: reads the bounds registers of a program, and decodes the instruction that trapped. */
#include <asm/errno.h>

#include "abi/bounds.h"
#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

enum {
	STATE_MAX = 4096,   /* bytes of an XSAVE image */
	STATE_HEADER = 512, /* its first word says which components are not in their initial state */
	COMPONENT_REGISTERS = 3,
	COMPONENT_CONTROL = 4,
	CONFIG_ENABLE = 1,
	STATUS_CODE = 3, /* mask */
	STATUS_VIOLATION = 1,
	STATUS_MISSING = 2,
	INSTRUCTION_MAX = 15,
	TRAP_BYTES = 7,
};

struct bounds_state {
	struct {
		u64 lower, upper; /* upper: complement */
	} registers[4];
	u64 config, status;
};

/* An instruction of the family, taken apart. */
struct instruction {
	u8 bytes[INSTRUCTION_MAX + 1];
	unsigned length;      /* of bytes */
	unsigned next;        /* index of the byte that is next to be looked at */
	u8 rex, mode, opcode; /* mode: 0x66, 0xf2, 0xf3 or 0 */
	bool address32;
	u8 modrm;
	bool has_sib;
	u8 base, index, scale; /* numbers of registers; NO_REGISTER */
	i64 displacement;
	bool relative; /* to the next instruction */
};

enum { NO_REGISTER = 16 };

static void cpuid(u32 leaf, u32 sub, u32 *registers)
{
	__asm__ volatile("cpuid"
			 : "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]), "=d"(registers[3])
			 : "0"(leaf), "2"(sub));
}

/* Where a component is in the image, 0 if the processor has none. */
static u32 component_offset(unsigned component)
{
	u32 registers[4];
	cpuid(0xd, component, registers);
	return registers[0] ? registers[1] : 0;
}

bool machine_has_bounds(void)
{
	u32 registers[4];
	cpuid(7, 0, registers);
	return (registers[1] & 1 << 14) && component_offset(COMPONENT_CONTROL);
}

static bool state_read(struct bounds_state *state)
{
	u8 image[STATE_MAX] __attribute__((aligned(64)));
	u32 registers = component_offset(COMPONENT_REGISTERS), control = component_offset(COMPONENT_CONTROL);
	u64 present;
	memset(state, 0, sizeof(*state));
	if (!machine_has_bounds() || call_frame_vector(false, image, sizeof(image)) < control + 16)
		return false;
	memcpy(&present, image + STATE_HEADER, sizeof(present));
	if (present & 1 << COMPONENT_REGISTERS)
		memcpy(state->registers, image + registers, sizeof(state->registers));
	if (present & 1 << COMPONENT_CONTROL)
		memcpy(&state->config, image + control, 16);
	return true;
}

bool machine_bounds_directory(u64 *directory)
{
	struct bounds_state state;
	if (!state_read(&state) || !(state.config & CONFIG_ENABLE))
		return false;
	*directory = page_down(state.config);
	return true;
}

/* --- a bug of QEMU's ---
 *
 * In QEMU 7.2, BNDLDX and BNDSTX take bits 63:20 of a directory's base for a page number, and look for the directory there. The
 * service tries whether this processor does: it makes a directory of its own and another one where such a processor would look,
 * each with a table, and sees whose bounds it gets. */

enum { TRIAL_BYTES = 2 * PAGE_SIZE /* of a directory, and a table */, LOWER_TRUE = 1, LOWER_ASTRAY = 2 };

static u64 astray_of(u64 directory)
{
	return directory >> 20 << 12;
}

static void trial_fill(u64 directory, u64 lower)
{
	struct bounds_entry *table = (struct bounds_entry *)(directory + PAGE_SIZE);
	*(u64 *)directory = (u64)table | BOUNDS_HARD_VALID;
	table->lower = lower;
}

/* The lower bound of a null pointer at location 0 in the service's own memory. */
static u64 trial_load(u64 directory)
{
	static u8 old[STATE_MAX] __attribute__((aligned(64))), trial[STATE_MAX] __attribute__((aligned(64)));
	const u64 components = 1 << COMPONENT_REGISTERS | 1 << COMPONENT_CONTROL, config = directory | CONFIG_ENABLE;
	u64 bounds[2];
	memset(old, 0, sizeof(old));
	memset(trial, 0, sizeof(trial));
	memcpy(trial + STATE_HEADER, &components, sizeof(components));
	memcpy(trial + component_offset(COMPONENT_CONTROL), &config, sizeof(config));
	/* The registers may be a program's. The NOP is for another bug: a SIB byte's worth of what follows is skipped. */
	__asm__ volatile(
		"xsave64 %[old]\n\t"
		"xrstor64 %[trial]\n\t"
		".byte 0x0f, 0x1a, 0x04, 0x36, 0x90\n\t" /* bndldx (%rsi,%rsi), %bnd0; nop: not every assembler has it */
		".byte 0x66, 0x0f, 0x1b, 0x07\n\t"       /* bndmov %bnd0, (%rdi) */
		"xrstor64 %[old]"
		: [old] "+m"(old)
		: [trial] "m"(trial), "S"(0ul), "D"(bounds), "a"(components), "d"(0)
		: "memory");
	return bounds[0];
}

static bool goes_astray(void)
{
	/* Anywhere where both places are free. */
	for (u64 directory = 16 * BOUNDS_CHUNK; directory < STACKLET_BASE; directory += 16 * BOUNDS_CHUNK) {
		u64 other = astray_of(directory);
		if (call_map(service_number(), directory, TRIAL_BYTES, RIGHT_R | RIGHT_W, 0, 0) < 0)
			continue;
		if (call_map(service_number(), other, TRIAL_BYTES, RIGHT_R | RIGHT_W, 0, 0) < 0) {
			call_unmap(service_number(), directory, TRIAL_BYTES);
			continue;
		}
		trial_fill(directory, LOWER_TRUE);
		trial_fill(other, LOWER_ASTRAY);
		u64 lower = trial_load(directory);
		call_unmap(service_number(), directory, TRIAL_BYTES);
		call_unmap(service_number(), other, TRIAL_BYTES);
		return lower == LOWER_ASTRAY;
	}
	return false;
}

u64 machine_bounds_astray(u64 directory)
{
	static bool known, astray;
	if (!known && machine_has_bounds()) {
		astray = goes_astray();
		if (astray)
			service_log("linux: the processor looks for bounds elsewhere: directories are copied there");
	}
	known = true;
	return astray ? astray_of(directory) : 0;
}

/* --- instructions --- */

static u8 take_byte(struct instruction *in)
{
	return in->next < in->length ? in->bytes[in->next++] : 0;
}

static void take_prefixes(struct instruction *in)
{
	for (; in->next < in->length; in->next++) {
		switch (in->bytes[in->next]) {
		case 0x66:
		case 0xf2:
		case 0xf3:
			in->mode = in->bytes[in->next];
			break;
		case 0x67:
			in->address32 = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
			break;
		default:
			if ((in->bytes[in->next] & 0xf0) == 0x40)
				in->rex = in->bytes[in->next++];
			return;
		}
	}
}

static void take_sib(struct instruction *in)
{
	u8 sib = take_byte(in);
	in->has_sib = true;
	in->scale = sib >> 6;
	in->index = (sib >> 3 & 7) | (in->rex & 2) << 2;
	in->base = (sib & 7) | (in->rex & 1) << 3;
	if (in->index == 4)
		in->index = NO_REGISTER;
	if ((sib & 7) == 5 && in->modrm >> 6 == 0)
		in->base = NO_REGISTER;
}

static void take_operand(struct instruction *in)
{
	in->modrm = take_byte(in);
	unsigned mod = in->modrm >> 6, rm = in->modrm & 7, bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	in->base = rm | (in->rex & 1) << 3;
	in->index = NO_REGISTER;
	if (mod == 3)
		return;
	if (rm == 4)
		take_sib(in);
	if (mod == 0 && (rm == 5 || (rm == 4 && in->base == NO_REGISTER)))
		bytes = 4;
	if (mod == 0 && rm == 5) {
		in->base = NO_REGISTER;
		in->relative = true;
	}
	u32 value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (u32)take_byte(in) << 8 * i;
	in->displacement = bytes == 1 ? (i8)value : (i32)value;
}

/* Decodes the instruction at which the thread is. -> false: it is not one with bounds registers. */
static bool instruction_read(struct task *self, const struct user_frame *frame, struct instruction *in)
{
	memset(in, 0, sizeof(*in));
	in->length = user_copy_in(self, in->bytes, frame->rip, INSTRUCTION_MAX);
	take_prefixes(in);
	if (take_byte(in) != 0x0f)
		return false;
	in->opcode = take_byte(in);
	if (in->opcode != 0x1a && in->opcode != 0x1b)
		return false;
	take_operand(in);
	return true;
}

static u64 register_value(const struct user_frame *f, unsigned number)
{
	switch (number) {
	case 0:
		return f->rax;
	case 1:
		return f->rcx;
	case 2:
		return f->rdx;
	case 3:
		return f->rbx;
	case 4:
		return f->rsp;
	case 5:
		return f->rbp;
	case 6:
		return f->rsi;
	case 7:
		return f->rdi;
	case 8:
		return f->r8;
	case 9:
		return f->r9;
	case 10:
		return f->r10;
	case 11:
		return f->r11;
	case 12:
		return f->r12;
	case 13:
		return f->r13;
	case 14:
		return f->r14;
	case 15:
		return f->r15;
	default:
		return 0;
	}
}

/* The pointer that the instruction checks: the value of its register, or the address of its memory operand. */
static u64 operand_value(const struct user_frame *frame, const struct instruction *in)
{
	u64 value = register_value(frame, in->base);
	if (in->modrm >> 6 == 3)
		return value;
	value += (register_value(frame, in->index) << in->scale) + in->displacement;
	if (in->relative)
		value += frame->rip + in->next;
	return in->address32 ? (u32)value : value;
}

enum bounds_cause machine_bounds_cause(struct task *self, const struct user_frame *frame, struct bounds_report *report)
{
	struct bounds_state state;
	struct instruction in;
	if (!state_read(&state))
		return BOUNDS_CAUSE_OTHER;
	if ((state.status & STATUS_CODE) == STATUS_MISSING) {
		report->entry = state.status & ~(u64)STATUS_CODE;
		return BOUNDS_CAUSE_MISSING;
	}
	if ((state.status & STATUS_CODE) != STATUS_VIOLATION || !instruction_read(self, frame, &in))
		return BOUNDS_CAUSE_OTHER;
	unsigned number = (in.modrm >> 3 & 7) | (in.rex & 4) << 1;
	if (number >= ARRAY_SIZE(state.registers))
		return BOUNDS_CAUSE_OTHER;
	report->pointer = operand_value(frame, &in);
	report->lower = state.registers[number].lower;
	report->upper = ~state.registers[number].upper;
	return BOUNDS_CAUSE_VIOLATION;
}

int machine_bounds_trap(struct task *self, const struct user_frame *frame)
{
	static const u8 front[3] = { 0x0f, 0xb9, 0x80 }; /* ud1 BOUNDS_TRAP + kind(%rax), %eax */
	u8 bytes[TRAP_BYTES];
	u32 kind;
	if (user_read(self, frame->rip, bytes, sizeof(bytes)) || memcmp(bytes, front, sizeof(front)))
		return -1;
	memcpy(&kind, bytes + sizeof(front), sizeof(kind));
	return kind - BOUNDS_TRAP < BOUNDS_TRAP_KINDS ? (int)(kind - BOUNDS_TRAP) : -1;
}

void machine_bounds_trap_end(struct user_frame *frame, long result)
{
	frame->rip += TRAP_BYTES;
	frame->rax = result;
	frame->flags |= FRAME_FULL;
}
