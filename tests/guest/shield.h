/* What the tests of the shield share (shield.c of both machines): a server, all kinds of entries to the kernel, and a search of the
 * program's memory for addresses of the kernel. */
#ifndef TESTS_GUEST_SHIELD_H
#define TESTS_GUEST_SHIELD_H

#include <stdio.h>

#include "machine.h"
#include "server.h"
#include "tap.h"

struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)b, (void)c, (void)d, (void)e;
	return (struct words){ (int64_t)operation, a };
}

/* Could it be an address of the kernel? The machine says so. */
static bool looks_like_kernel(uint64_t word);

static inline void end_by_fault(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)tap_pointer(8) = 1;
}

/* Another space and many calls first, so that stacks and pages have been used in every way. */
static inline void work(void)
{
	if (check(server_prepare() >= 0 && server_make() > 0, "a server")) {
		int right = 0;

		for (int i = 0; i < 1000; i++)
			right += portal_call((uint64_t)SHARED->portal, 5, 6).w0 == 5;
		check(right == 1000, "portal calls");
	}
	for (int i = 0; i < 30; i++) {
		tap_child(end_by_fault);
		tap_read(tap_pointer(8));
		TAP_TRY(__asm__ volatile(ILLEGAL));
		usleep(500);
	}
}

/* All writable memory of the program, after all kinds of entries to the kernel. The C library keeps a few random numbers,
 * some of which may look like addresses of the kernel: what is found is looked for once more in a new life of the program, which
 * has other numbers, while the kernel's addresses stay. */
static inline void test_own_memory(bool again)
{
	static char map[65536];
	unsigned long start, end, found = 0, bytes = 0;
	FILE *file = fopen("/proc/self/maps", "r");
	size_t length = file ? fread(map, 1, sizeof(map) - 1, file) : 0;

	map[length] = 0;
	native(CALL_unmap, 0, IMAGE_AT, image_bytes, 0); /* code is full of such numbers */
	for (char *line = map; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + strlen(line)) {
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) != 3 || rights[0] != 'r' || rights[1] != 'w' ||
			start == IMAGE_AT)
			continue;
		for (unsigned long at = start; at < end; at += 8) {
			uint64_t word = *(volatile uint64_t *)at;

			if (looks_like_kernel(word)) {
				dprintf(2, "# %lx holds %lx\n", at, (unsigned long)word);
				found++;
			}
		}
		bytes += end - start;
	}
	if (found && !again)
		execl("/proc/self/exe", "shield", "again", (char *)NULL);
	check(bytes > 65536 && found == 0, "no writable byte of the program holds an address of the kernel");
}

#endif
