/* Private calls of the Linux service about spaces that a process made with SYSTEM_SHARED (liballod's sandboxes): numbers
 * that neither Linux nor the kernel uses. */
#ifndef ALLOD_ABI_PEER_H
#define ALLOD_ABI_PEER_H

#include <stdint.h>

enum {
	/* peer_open(space): the space, which the caller made, is a copy of the caller: its heap goes on where the caller's is. */
	PEER_OPEN = 0xb00,
	/* peer_report(space, struct peer_report *): why the service ended a space of the caller's; once. ENOENT: it did not. */
	PEER_REPORT = 0xb01,
};

struct peer_report {
	uint32_t signal; /* that a process would have got */
	uint32_t unused;
	uint64_t address, ip;
};

#endif
