/* Spaces that a test program makes for itself, to call portals in them. A new space gets a private copy of the program's own image
 * at the same offsets, so every C function here can run in it as it is, as long as it keeps off the C library and
 * thread-local data. Caller and server share the pages at SHARED_AT.
 *
 *   own window                       window of the server
 *   0x400000  the program            0x400000   a copy of the program as it was when the server was made
 *   SHARED_AT struct shared          SHARED_AT  the same pages
 *   IMAGE_AT  the image, for copies  */
#ifndef TESTS_GUEST_SERVER_H
#define TESTS_GUEST_SERVER_H

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "native.h"

enum { SHARED_AT = 0x20000000, IMAGE_AT = 0x30000000, SHARED_PAGES = 4 };

struct shared {
	volatile uint32_t ready, word, never;
	volatile int64_t portal, grant, error, value;
	volatile uint64_t client, callback, address;
	volatile uint8_t registers[16 * 32 + 16 * 8];
};

#define SHARED ((struct shared *)(uintptr_t)SHARED_AT)

/* The operations that server_call() performs in the server; word 0 of a call. */
struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);

/* What the first thread of a server runs. */
static inline void server_main(void)
{
	struct shared *s = SHARED;

	s->portal = native(CALL_portal_create, (uintptr_t)portal_stub, (uintptr_t)server_call, 0, 0);
	s->grant = native(CALL_grant, (uint64_t)s->portal, 1, s->client, RIGHT_P);
	__atomic_store_n(&s->ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		native(CALL_wait, (uintptr_t)&s->never, 0, 0, 0);
}

/* Called by server_start. */
void server_main_entry(void);
void server_main_entry(void)
{
	server_main();
}

static uint64_t server_image;  /* segment with the program's image */
static uint64_t server_shared; /* segment of the shared pages */
static uint64_t image_start, image_bytes;

static inline uint64_t own_number(void)
{
	struct space_info info;

	return native(CALL_space_info, 0, (uintptr_t)&info, 0, 0) < 0 ? 0 : info.number;
}

/* From the address that a portal of our own gets. */
static inline unsigned number_shift(void)
{
	uint64_t entry = (uintptr_t)server_main_entry;
	int64_t address = native(CALL_portal_create, entry, 0, 0, 0);

	native(CALL_portal_destroy, entry, 0, 0, 0);
	for (unsigned shift = 32; shift < 48; shift++)
		if ((uint64_t)address == (own_number() << shift | entry))
			return shift;
	return 0;
}

/* Copies the program's segments, as they are now, into a memory segment. -> 0, -E_* */
static inline int64_t server_prepare(void)
{
	const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
	unsigned count = (unsigned)getauxval(AT_PHNUM);
	uint64_t end = 0;
	int64_t e;

	/* A child has the pages of its parent there, whose segments are not its own. */
	native(CALL_unmap, 0, SHARED_AT, SHARED_PAGES * PAGE_SIZE, 0);
	if (image_bytes)
		native(CALL_unmap, 0, IMAGE_AT, image_bytes, 0);
	image_start = ~0ul;
	for (unsigned i = 0; i < count; i++)
		if (headers[i].p_type == PT_LOAD) {
			uint64_t start = headers[i].p_vaddr & ~(PAGE_SIZE - 1),
				 stop = headers[i].p_vaddr + headers[i].p_memsz;

			image_start = start < image_start ? start : image_start;
			end = stop > end ? stop : end;
		}
	image_bytes = ((end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)) - image_start;
	if ((e = native(CALL_segment_create, image_bytes / PAGE_SIZE, 0, 0, 0)) < 0)
		return e;
	server_image = e;
	if ((e = native(CALL_segment_create, SHARED_PAGES, 0, 0, 0)) < 0)
		return e;
	server_shared = e;
	e = native6(CALL_map, 0, IMAGE_AT, image_bytes, RIGHT_R | RIGHT_W | MAP_SHARE, server_image, 0).w0;
	if (e < 0)
		return e;
	for (unsigned i = 0; i < count; i++)
		if (headers[i].p_type == PT_LOAD)
			memcpy((void *)(IMAGE_AT + headers[i].p_vaddr - image_start), (const void *)headers[i].p_vaddr,
				headers[i].p_memsz);
	return native6(CALL_map, 0, SHARED_AT, SHARED_PAGES * PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, server_shared,
		0)
		.w0;
}

/* Makes a space with the memory of a server. -> its number, -E_* */
static inline int64_t server_make_space(const struct space_spec *spec)
{
	int64_t number = native(CALL_space_create, (uintptr_t)spec, 0, 0, 0), e;

	if (number < 0)
		return number;
	e = native6(CALL_map, number, image_start, image_bytes, RIGHT_R | RIGHT_W | RIGHT_X, server_image, 0).w0;
	if (e < 0)
		return e;
	e = native6(CALL_map, number, SHARED_AT, SHARED_PAGES * PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, server_shared,
		0)
		    .w0;
	return e < 0 ? e : number;
}

/* Makes a server and waits until it offers its portal, SHARED->portal. -> its number, -E_* */
static inline int64_t server_make(void)
{
	struct space_spec spec = { .name = "test-server" };
	struct thread_spec thread = { .ip = (uintptr_t)server_start };
	int64_t number = server_make_space(&spec), e;

	if (number < 0)
		return number;
	memset(SHARED, 0, sizeof(*SHARED));
	SHARED->client = own_number();
	thread.space = (uint32_t)number;
	if ((e = native(CALL_thread_create, (uintptr_t)&thread, 0, 0, 0)) < 0)
		return e;
	for (unsigned i = 0; i < 1000000 && !SHARED->ready; i++)
		native(CALL_yield, 0, 0, 0, 0);
	if (!SHARED->ready)
		return -E_TIMEDOUT;
	return SHARED->portal < 0 ? SHARED->portal : SHARED->grant < 0 ? SHARED->grant : number;
}

static inline uint64_t free_frames(void)
{
	static struct kernel_stats stats;

	return native(CALL_stats, (uintptr_t)&stats, sizeof(stats), 0, 0) < 0 ? 0 : stats.frames_free;
}

/* Those who were killed may need a moment until the last of them is gone. 0 beside programs that use memory (beside.c). */
static inline uint64_t frames_at_rest(void)
{
	uint64_t last = 0, now = free_frames();

	if (getenv("TESTS_BESIDE"))
		return 0;
	for (int i = 0, still = 0; i < 400 && still < 5; i++) {
		last = now;
		usleep(20000);
		now = free_frames();
		still = now == last ? still + 1 : 0;
	}
	return now;
}

/* Waits until so many are free. -> how many are. */
static inline uint64_t frames_come_back(uint64_t wanted)
{
	uint64_t now = free_frames();

	if (getenv("TESTS_BESIDE"))
		return 0;
	for (int i = 0; i < 1000 && now < wanted; i++) {
		usleep(10000);
		now = free_frames();
	}
	return now;
}

#endif
