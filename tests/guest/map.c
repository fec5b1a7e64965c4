/* Makes spaces, grants, portals, calls and a VAS, and prints what must be in a map of this guest, a line each; tests/guest/map.sh
 * compares. With an argument it then waits for the end of its input, with a call going on. Runs on Allod only. */
#include <allod/vas.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server.h"

enum { STACKLETS = 2, CALLS = 5 };

enum operation { NOTHING, PASS_ON, CALL, WAIT };

static char lent[2 * PAGE_SIZE] __attribute__((aligned(4096)));

/* A server's operations besides none: it passes a piece of what it was granted on; it calls another one; it waits until the
 * word is 0 again. */
struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)d, (void)e;
	if (operation == PASS_ON)
		return native6(CALL_grant, a, b, c, RIGHT_R, 0, 0);
	if (operation == CALL)
		return portal_call(a, NOTHING, 0);
	if (operation == WAIT) {
		SHARED->word = 1;
		while (SHARED->word)
			native(CALL_yield, 0, 0, 0, 0);
	}
	return (struct words){ 0, 0 };
}

static int64_t call(uint64_t portal, uint64_t operation, uint64_t a, uint64_t b, uint64_t c)
{
	return portal_call6(portal, (uint64_t[6]){ operation, a, b, c }).w0;
}

static void print_grant(int64_t number, int64_t parent, uint64_t owner, uint64_t from, uint64_t to, const char *rights,
	uint64_t start, uint64_t bytes)
{
	if (number < 0)
		printf("a grant failed: %ld\n", (long)number);
	printf("grant %ld parent %ld owner %lu from %lu to %lu %s start %lu bytes %lu\n", (long)number, (long)parent,
		(unsigned long)owner, (unsigned long)from, (unsigned long)to, rights, (unsigned long)start,
		(unsigned long)bytes);
}

static void print_server(uint64_t number, uint64_t own, uint64_t portal, int64_t grant, unsigned stacklets)
{
	uint64_t entry = portal & ((1ul << number_shift()) - 1);

	printf("space %lu test-server manager map system - threads 1 alive, %lu bytes\n", (unsigned long)number,
		(unsigned long)(image_bytes + SHARED_PAGES * PAGE_SIZE + stacklets * (STACKLET_SIZE - PAGE_SIZE)));
	printf("portal 0x%lx of %lu server_call\n", (unsigned long)portal, (unsigned long)number);
	print_grant(grant, 0, number, number, own, "p", entry, 1);
}

/* -> its portal; *number and *grant too. */
static uint64_t make(uint64_t *number, int64_t *grant)
{
	int64_t made = server_make();

	if (made < 0) {
		printf("no server: %ld\n", (long)made);
		exit(1);
	}
	*number = (uint64_t)made;
	*grant = SHARED->grant;
	return (uint64_t)SHARED->portal;
}

static void print_calls(uint64_t from, uint64_t to, unsigned calls)
{
	printf("calls %lu to %lu: %u\n", (unsigned long)from, (unsigned long)to, calls);
}

static void make_vas(void)
{
	uint64_t range[2] = { 0, 0 };
	int vas = vas_create("/map", 0640), segment;

	vas_range(range);
	segment = vas_seg_create("/map.data", range[0], range[0] + PAGE_SIZE, 0600);
	if (vas_seg_attach(vas, segment, O_RDONLY) < 0 || vas_attach(0, vas, O_RDWR) < 0)
		perror("a VAS");
	printf("vas %d /map 640: /map.data r %lu %lu, to map rw\n", vas, (unsigned long)range[0], PAGE_SIZE);
}

static struct grant_spec lent_for_call = { .bytes = 50, .flags = RIGHT_R | GRANT_KEEP };

/* A thread that waits in the server, which it lends something for so long. */
static void *caller(void *portal)
{
	struct call_spec spec = { .portal = *(uint64_t *)portal,
		.words = { WAIT },
		.grants = (uintptr_t)&lent_for_call,
		.grant_count = 1 };

	lossy_call6(CALL_portal_call_with, 0, (uint64_t[6]){ (uintptr_t)&spec });
	return NULL;
}

static void wait_for_end(void)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		;
	SHARED->word = 0;
}

int main(int count, char **words)
{
	uint64_t own = own_number(), a, b, there = own << number_shift() | (uintptr_t)lent, portal_a, portal_b;
	int64_t grant_a, grant_b, grant;

	const unsigned waits = count > 1;
	pthread_t thread;

	(void)words;
	if (server_prepare() < 0)
		return 1;
	portal_a = make(&a, &grant_a);
	portal_b = make(&b, &grant_b);
	printf("space %lu map manager linux system linux threads %u alive\n", (unsigned long)own, 1 + waits);
	print_server(a, own, portal_a, grant_a, STACKLETS + waits);
	print_server(b, own, portal_b, grant_b, STACKLETS);
	grant = native(CALL_grant, there, sizeof(lent), a, RIGHT_R | RIGHT_W | GRANT_PASS);
	print_grant(grant, 0, own, own, a, "rw pass", (uintptr_t)lent, sizeof(lent));
	print_grant(call(portal_a, PASS_ON, there + 10, 100, b), grant, own, a, b, "r", (uintptr_t)lent + 10, 100);
	grant = native(CALL_grant, a << number_shift() | image_start, PAGE_SIZE, b, RIGHT_R | RIGHT_X);
	print_grant(grant, 0, a, own, b, "rx", image_start, PAGE_SIZE);
	grant = native(CALL_grant, portal_b, 1, a, RIGHT_P);
	print_grant(grant, 0, b, own, a, "p", portal_b & ((1ul << number_shift()) - 1), 1);
	for (unsigned i = 0; i < CALLS; i++)
		call(portal_a, CALL, portal_b, 0, 0);
	print_calls(own, a, CALLS + 1 + waits);
	print_calls(a, b, CALLS);
	make_vas();
	lent_for_call.address = there + 3;
	if (waits && !pthread_create(&thread, NULL, caller, &portal_a)) {
		while (!SHARED->word)
			native(CALL_yield, 0, 0, 0, 0);
		print_grant(lent_for_call.grant, 0, own, own, a, "r keep call", (uintptr_t)lent + 3, 50);
	}
	printf("ready\n");
	fflush(stdout);
	if (waits) {
		wait_for_end();
		pthread_join(thread, NULL);
	}
	return 0;
}
