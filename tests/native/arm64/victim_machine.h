/* Interrupts that a program makes itself, and its registers, on arm64: the distributor can be told that any line is pending; it
 * goes to processor 0. Assembly knows the numbers. */
#ifndef NATIVE_VICTIM_MACHINE_H
#define NATIVE_VICTIM_MACHINE_H

#define MMIO_PHYSICAL 0x08000000 /* the distributor */
#define MMIO_AT 0x20100000
#define MMIO_SEND (MMIO_AT + 0x208) /* of lines 32 to 63 */
#define LINE_FIRST 50               /* of several that no device has */
#define GENERAL 31
#define VALUE_REGISTER 29 /* what is written to MMIO_SEND; x28 is that address, x30 that of the result */
#define POINTERS 1
#define FLAGS_PATTERN 0xa0000000
#define FLAGS_FIXED 0
#define REGISTERS_SP 248
#define REGISTERS_FLAGS 256
#define REGISTERS_POINTERS 264
#define REGISTERS_VECTOR 320

#ifndef __ASSEMBLER__

#include "services/runtime/types.h"

static inline u32 send_value(u32 line)
{
	return 1u << (line - 32);
}

/* Those that the assembly needs to be this. */
static inline void fix_registers(u64 *general, const void *out)
{
	general[28] = MMIO_SEND;
	general[30] = (u64)out;
}

/* v0 to v31, FPSR, FPCR. */
static inline void fill_vector(u8 *area, u8 seed)
{
	for (unsigned i = 0; i < 512; i++)
		area[i] = (u8)(seed + 13 * i);
	*(u64 *)(area + 512) = 0x8000001f;
	*(u64 *)(area + 520) = 0x07c00000;
}

static inline bool vector_is_same(const u8 *a, const u8 *b)
{
	u8 bits = 0;

	for (unsigned i = 0; i < 528; i++)
		bits |= a[i] ^ b[i];
	return !bits;
}

static inline bool vector_is_clear(const u8 *area)
{
	u8 bits = 0;

	for (unsigned i = 0; i < 528; i++)
		bits |= area[i];
	return !bits;
}

#endif
#endif
