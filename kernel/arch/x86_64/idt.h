/* The interrupt descriptor table: one page, the same for all processors, read-only where processors see it (entry.h). */
#ifndef X86_64_IDT_H
#define X86_64_IDT_H

#include "types.h"

struct gate {
	u16 offset0, selector;
	u8 stack, type;
	u16 offset1;
	u32 offset2, unused;
};

#pragma GCC visibility push(hidden)
extern struct gate idt[PAGE_SIZE / 16];
#pragma GCC visibility pop

#endif
