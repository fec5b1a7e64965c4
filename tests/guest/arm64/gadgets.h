/* Instructions that end a gadget: ret, br and blr, with and without authentication. */
#ifndef GADGETS_H
#define GADGETS_H

#include <stdbool.h>
#include <stdint.h>

enum { GADGET_STEP = 4, GADGET_BYTES = 4 };

static inline bool gadget_ends_at(const volatile unsigned char *at)
{
	uint32_t word = *(const volatile uint32_t *)at;

	return (word & 0xfe9f0000) == 0xd61f0000 || (word & 0xfedf0000) == 0xd65f0000;
}

#endif
