/* Byte sequences that end a gadget: returns and indirect jumps and calls, at any byte, as the processor would decode them. */
#ifndef GADGETS_H
#define GADGETS_H

#include <stdbool.h>

enum { GADGET_STEP = 1, GADGET_BYTES = 2 };

static inline bool gadget_ends_at(const volatile unsigned char *at)
{
	unsigned kind = at[1] >> 3 & 7;

	return at[0] == 0xc3 || at[0] == 0xc2 || at[0] == 0xcb || at[0] == 0xca || (at[0] == 0xff && kind >= 2 && kind <= 5);
}

#endif
