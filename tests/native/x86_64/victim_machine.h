/* Interrupts that a program makes itself, and its registers, on x86-64: the local controller sends the processor that writes to
 * it the vector of any line. Assembly knows the numbers. */
#ifndef NATIVE_VICTIM_MACHINE_H
#define NATIVE_VICTIM_MACHINE_H

#define MMIO_PHYSICAL 0xfee00000 /* the controller */
#define MMIO_AT 0x20100000
#define MMIO_SEND (MMIO_AT + 0x300)
#define LINE_FIRST 44          /* of several that no device has */
#define VECTOR_LINES 32        /* vector of line 0 */
#define SEND_SELF 0x44000      /* only to the sender */
#define GENERAL 15             /* all but rsp */
#define VALUE_REGISTER 0       /* rax: what is written to MMIO_SEND */
#define POINTERS 2
#define FLAGS_PATTERN 0xcd7    /* of the arithmetic, and the direction */
#define FLAGS_FIXED 0x202      /* and those that are always set */
#define REGISTERS_SP 120
#define REGISTERS_FLAGS 128
#define REGISTERS_POINTERS 136
#define REGISTERS_VECTOR 192

#ifndef __ASSEMBLER__

#include "services/runtime/types.h"

static inline u32 send_value(u32 line)
{
	return SEND_SELF | (VECTOR_LINES + line);
}

/* No register has to be what the assembly needs it to be. */
static inline void fix_registers(u64 *general, const void *out)
{
	(void)general, (void)out;
}

/* Fills an image of XSAVE: x87, SSE and AVX registers. */
static inline void fill_vector(u8 *area, u8 seed)
{
	area[0] = 0x7f; /* control words, all registers in use */
	area[1] = 0x0b;
	area[4] = 0xff;
	area[24] = 0x80;
	area[25] = 0x3f;
	for (unsigned i = 32; i < 416; i++)
		area[i] = i >= 160 || (i & 15) < 10 ? (u8)(seed + 13 * i) : 0;
	for (unsigned i = 576; i < 832; i++)
		area[i] = (u8)(seed + 7 * i);
	area[512] = 7;
}

/* Are the registers of two images the same? */
static inline bool vector_is_same(const u8 *a, const u8 *b)
{
	u8 bits = (a[512] ^ b[512]) & 7;

	for (unsigned i = 0; i < 832; i++)
		if (i < 28 || (i >= 32 && i < 416) || i >= 576)
			bits |= a[i] ^ b[i];
	return !bits;
}

/* Is it the initial state? */
static inline bool vector_is_clear(const u8 *area)
{
	u8 bits = 0;

	/* What the header says to be initial need not have been written. */
	for (unsigned i = 32; (area[512] & 3) && i < 416; i++)
		bits |= area[i];
	for (unsigned i = 576; (area[512] & 4) && i < 832; i++)
		bits |= area[i];
	return !bits && area[24] == 0x80 && area[25] == 0x1f;
}

#endif
#endif
