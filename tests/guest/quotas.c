/* Quotas of spaces that a program makes: a space cannot use more, only its own account is charged, and spaces that it makes inherit
 * the quota. Runs on Allod only. */
#include <signal.h>

#include "server.h"
#include "tap.h"

enum operation { TOUCH, MAKE_SPACE, GRANT, THREADS, PORTALS, SEGMENTS, CLONES, NEST };

enum { ROOM_AT = 0x10000000, ROOM_BYTES = 0x8000000, FRAMES = 150 };

/* --- in the limited space --- */

static uint64_t count_until_refused(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, int64_t *error)
{
	uint64_t n = 0;

	while ((*error = native6(nr, a + (nr == CALL_portal_create ? n : 0), b, c, d, 0, 0).w0) >= 0 && n < 1000)
		n++;
	return n;
}

static void wait_for_ever(void)
{
	for (;;)
		native(CALL_wait, (uintptr_t)&SHARED->never, 0, 0, 0);
}

struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct space_spec space = { .name = "inner", .quota = { .spaces = b } };
	struct thread_spec thread = { .ip = (uintptr_t)wait_for_ever };
	struct words result = { 0, 0 };
	int64_t error = 0;

	(void)c, (void)d, (void)e;
	switch (operation) {
	case TOUCH: /* a: pages */
		for (uint64_t i = 0; i < a; i++)
			((volatile char *)tap_pointer(ROOM_AT))[i * PAGE_SIZE] = 1;
		return result;
	case MAKE_SPACE:
		result.w1 = count_until_refused(CALL_space_create, (uintptr_t)&space, 0, 0, 0, &error);
		break;
	case GRANT:
		result.w1 = count_until_refused(CALL_grant, (uintptr_t)server_call, 1, a, RIGHT_R, &error);
		break;
	case PORTALS:
		result.w1 = count_until_refused(CALL_portal_create, 0x1000, 0, 0, 0, &error);
		break;
	case SEGMENTS:
		result.w1 = count_until_refused(CALL_segment_create, 1, 0, 0, 0, &error);
		break;
	case CLONES:
		result.w1 = count_until_refused(CALL_segment_clone, (uint64_t)native(CALL_segment_create, 1, 0, 0, 0),
			0, 0, 0, &error);
		break;
	case NEST: /* a space that is promised more than there is -> its number */
		space.quota = (struct quota){ .frames = 100000, .spaces = 1000, .threads = 1000, .grants = 1000 };
		error = native(CALL_space_create, (uintptr_t)&space, 0, 0, 0);
		break;
	case THREADS:
		result.w1 = count_until_refused(CALL_thread_create, (uintptr_t)&thread, 0, 0, 0, &error);
		break;
	}
	result.w0 = error;
	return result;
}

/* --- in this process --- */

static uint64_t portal, space_number;

/* A space whose portal is made by this process, so that it needs no thread. */
static bool make_limited(struct quota quota, uint32_t system)
{
	struct space_spec spec = { .name = "limited", .quota = quota, .system = system };
	int64_t number = server_make_space(&spec), e;

	space_number = (uint64_t)number;
	if (number < 0 || native6(CALL_map, (uint64_t)number, ROOM_AT, ROOM_BYTES, RIGHT_R | RIGHT_W, 0, 0).w0 < 0)
		return false;
	e = native(CALL_portal_create, (uintptr_t)portal_stub, (uintptr_t)server_call, (uint64_t)number, 0);
	portal = (uint64_t)e;
	return e > 0;
}

static struct words call(uint64_t operation, uint64_t a, uint64_t b)
{
	return portal_call6(portal, (uint64_t[6]){ operation, a, b });
}

static void end_limited(void)
{
	native(CALL_space_destroy, space_number, 0, 0, 0);
}

static struct space_info info(void)
{
	struct space_info of = { 0 };

	native(CALL_space_info, space_number, (uintptr_t)&of, 0, 0);
	return of;
}

/* Whether more frames become free than there were: what ends gives its memory back in steps (kernel/work.h). */
static bool come_back(uint64_t before)
{
	for (int i = 0; i < 1000 && free_frames() <= before; i++)
		usleep(2000);
	return free_frames() > before;
}

static void test_frames(uint32_t system, const char *name)
{
	uint64_t before;
	char line[80], byte;
	int ready[2], status = 0;
	pid_t child = pipe(ready) ? -1 : fork();
	struct words end;

	/* A process that has much more memory, which a shortage of the machine would hit first. */
	if (child == 0) {
		char *much = malloc(64 << 20);

		memset(much, 1, 64 << 20);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	snprintf(line, sizeof(line), "frames, %s: within the limit", name);
	check(read(ready[0], &byte, 1) == 1 && make_limited((struct quota){ .frames = FRAMES }, system) &&
			call(TOUCH, 40, 0).w0 == 0 && info().used.frames > 40 && info().limit.frames == FRAMES,
		line);
	before = free_frames();
	snprintf(line, sizeof(line), "frames, %s: beyond it the space ends", name);
	check(call(TOUCH, ROOM_BYTES / PAGE_SIZE, 0).w0 == -E_DEAD && call(TOUCH, 1, 0).w0 < 0, line);
	end = native6(CALL_space_wait, space_number, 0, 0, 0, 0, 0);
	snprintf(line, sizeof(line), "frames, %s: and gives all back", name);
	check(end.w0 > 0 && come_back(before), line);
	snprintf(line, sizeof(line), "frames, %s: nobody else is concerned", name);
	check(waitpid(child, &status, WNOHANG) == 0, line);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_objects(void)
{
	struct words result;

	check(make_limited((struct quota){ .spaces = 4, .grants = 10, .threads = 3 }, SYSTEM_NONE),
		"a space with quotas");
	result = call(GRANT, own_number(), 0);
	check(result.w0 == -E_LIMIT && result.w1 == 9, "grants: nine and a portal");
	check(call(PORTALS, 0, 0).w0 == -E_LIMIT, "grants: no portal either");
	result = call(MAKE_SPACE, 0, 100);
	check(result.w0 == -E_LIMIT && result.w1 == 3, "spaces: three besides itself, whatever it promises them");
	check(info().used.spaces == 4 && info().used.grants == 10, "space_info: what is used");
	result = call(THREADS, 0, 0);
	check(result.w0 == -E_LIMIT && result.w1 == 3, "threads: three");
	end_limited();
	check(make_limited((struct quota){ .spaces = 1 }, SYSTEM_NONE), "a space that may make none");
	result = call(MAKE_SPACE, 0, 0);
	check(result.w0 == -E_LIMIT && result.w1 == 0, "spaces: none");
	end_limited();
	make_limited((struct quota){ .grants = 10 }, SYSTEM_NONE);
	result = call(SEGMENTS, 0, 0);
	check(result.w0 == -E_LIMIT && result.w1 == 9, "segments: nine and a portal");
	end_limited();
	make_limited((struct quota){ .grants = 10 }, SYSTEM_NONE);
	result = call(CLONES, 0, 0);
	check(result.w0 == -E_LIMIT && result.w1 == 8, "segments: of which eight are clones");
	end_limited();
	make_limited((struct quota){ .frames = FRAMES }, SYSTEM_NONE);
	result = call(MAKE_SPACE, 0, 0);
	check(result.w0 == -E_NOMEM && result.w1 > 3, "spaces: until there are no frames for one");
	end_limited();
}

static void touch(uint64_t room)
{
	for (uint64_t i = 0; i < ROOM_BYTES; i += PAGE_SIZE)
		*(volatile char *)tap_pointer(room + i) = 1;
}

/* A space of the limited one's, which was promised more of everything. */
static void test_nested(void)
{
	const struct quota outer = { .frames = FRAMES, .spaces = 4, .threads = 3, .grants = 10 };
	struct space_info inner = { 0 };
	volatile uint64_t number;
	uint64_t before;
	bool fine = true;

	check(make_limited(outer, SYSTEM_NONE) && (int64_t)(number = (uint64_t)call(NEST, 0, 0).w0) > 0,
		"nested: a space in a space");
	native(CALL_space_info, number, (uintptr_t)&inner, 0, 0);
	check(inner.limit.frames == FRAMES && inner.limit.spaces == 4 && inner.limit.threads == 3 &&
			inner.limit.grants == 10,
		"nested: what it was promised is cut down to what there is");
	before = info().used.frames;
	fine &= native(CALL_portal_create, 0x1000, 0, number, 0) > 0;
	fine &= native6(CALL_map, number, ROOM_AT, ROOM_BYTES, RIGHT_R | RIGHT_W, 0, 0).w0 == 0;
	fine &= native(CALL_grant, number << number_shift() | ROOM_AT, ROOM_BYTES, own_number(), RIGHT_R | RIGHT_W) > 0;
	for (uint64_t i = 0; i < 40; i++)
		*(volatile char *)tap_pointer(number << number_shift() | (ROOM_AT + i * PAGE_SIZE)) = 1;
	check(fine && info().used.frames >= before + 40 && info().used.grants == 3 && info().used.spaces == 2,
		"nested: what it uses counts for both");
	check(TAP_TRY(touch(number << number_shift() | ROOM_AT)) == SIGBUS && info().used.frames <= FRAMES,
		"nested: both together can have no more frames than the outer one");
	check(call(TOUCH, 1, 0).w0 == -E_DEAD, "nested: who uses them up takes them from the other");
	check(native(CALL_space_info, number, (uintptr_t)&inner, 0, 0) == -E_NOENT,
		"nested: it ends with the outer one");
}

int main(void)
{
	if (!check(native_present(), "this is Allod") || !check(server_prepare() >= 0, "the image of the servers"))
		return tap_end();
	tap_catch_faults();
	test_objects();
	test_nested();
	test_frames(SYSTEM_NONE, "no system");
	test_frames(SYSTEM_SHARED, "served by Linux");
	return tap_end();
}
