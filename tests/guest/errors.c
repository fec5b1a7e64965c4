/* Every error of every native call that a program, or a space that it makes, can provoke: one line for each error and call of
 * docs/calls.md. What only services and drivers may call is left to the tests of these. Runs on Allod only. */
#include "server.h"
#include "tap.h"

enum { NOBODY = 60000, FREE_AT = 0x28000000 };

static uint64_t other, limited,
	vas; /* spaces of this program: one with a portal, one with small quotas, one to attach */
static uint64_t portal, window;
static uint64_t segment, paged; /* segments */

/* In the other space: makes any native call. */
struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return native6(operation, a, b, c, d, e, 0);
}

#define HERE(...) here((uint64_t[7]){ __VA_ARGS__ })
#define THERE(...) portal_call6(portal, (uint64_t[6]){ __VA_ARGS__ }).w0

static int64_t here(const uint64_t words[7])
{
	return native6(words[0], words[1], words[2], words[3], words[4], words[5], words[6]).w0;
}

/* --- calls and threads --- */

static void test_calls(void)
{
	uint64_t nothing = (uint64_t)HERE(CALL_portal_create, 0x3000, 0, other);

	check(HERE(CALL_yield + 0x900) == -E_NOSYS && HERE(0x1fff) == -E_NOSYS, "no such call: NOSYS");
	check(portal_call(portal + 1, 0, 0).w0 == -E_NOENT, "portal_call: NOENT");
	check(portal_call(1ul << number_shift() | 0x1000, 0, 0).w0 == -E_PERM, "portal_call: PERM");
	check(HERE(CALL_portal_destroy, 0x3000, other) == 0 && portal_call(nothing, 0, 0).w0 == -E_NOENT,
		"portal_call: NOENT once it is destroyed");
	check(HERE(CALL_system_return) == -E_INVAL && portal_return(1, 2) == -E_INVAL,
		"system_return, portal_return: INVAL");
	check(HERE(CALL_grant_keep, portal) == -E_NOENT && HERE(CALL_grant_keep, ~0ul) == -E_NOENT,
		"grant_keep: NOENT");
	check(HERE(CALL_portal_create, 0x1000, 0, NOBODY) == -E_NOENT, "portal_create: NOENT");
	check(HERE(CALL_portal_create, 0x1000, 0, 1) == -E_PERM, "portal_create: PERM");
	check(HERE(CALL_portal_create, 0, 0, other) == -E_INVAL && HERE(CALL_portal_create, window, 0, 0) == -E_INVAL,
		"portal_create: INVAL");
	check(HERE(CALL_portal_create, portal & (window - 1), 0, other) == -E_EXIST, "portal_create: EXIST");
	check(HERE(CALL_portal_destroy, 0x1000, 0) == -E_NOENT && HERE(CALL_portal_destroy, window, 0) == -E_NOENT &&
			HERE(CALL_portal_destroy, 0x1000, NOBODY) == -E_NOENT,
		"portal_destroy: NOENT");
	check(HERE(CALL_portal_destroy, 0x1000, 1) == -E_PERM, "portal_destroy: PERM");
}

static void test_threads(void)
{
	struct thread_spec nobody = { .space = NOBODY, .ip = 0x1000 }, first = { .space = 1, .ip = 0x1000 };
	struct thread_spec in_vas = { .space = (uint32_t)vas, .ip = 0x1000 };
	struct thread_spec poor = { .space = (uint32_t)limited, .ip = 0x1000 };
	static uint64_t frame[64];
	struct thread_spec framed = { .space = (uint32_t)other, .frame = (uintptr_t)frame };
	static uint32_t word = 5;

	check(HERE(CALL_thread_create, 8) == -E_FAULT, "thread_create: FAULT");
	check(HERE(CALL_thread_create, (uintptr_t)&nobody) == -E_NOENT, "thread_create: NOENT");
	check(HERE(CALL_thread_create, (uintptr_t)&first) == -E_PERM &&
			HERE(CALL_thread_create, (uintptr_t)&framed) == -E_PERM,
		"thread_create: PERM");
	check(HERE(CALL_thread_create, (uintptr_t)&in_vas) == -E_INVAL, "thread_create: INVAL, in a VAS");
	check(HERE(CALL_thread_create, (uintptr_t)&poor) == -E_NOMEM, "thread_create: NOMEM");
	check(HERE(CALL_thread_exit) == -E_PERM, "thread_exit: PERM");
	check(HERE(CALL_thread_interrupt, ~0ul) == -E_NOENT && HERE(CALL_thread_recall, ~0ul) == -E_NOENT,
		"thread_interrupt, thread_recall: NOENT");
	check(HERE(CALL_thread_interrupt, 0) == -E_PERM && HERE(CALL_thread_recall, 0) == -E_PERM,
		"thread_interrupt, thread_recall: PERM");
	check(HERE(CALL_wait, (uintptr_t)&word + 1, 5) == -E_INVAL &&
			HERE(CALL_wake, (uintptr_t)&word + 1, 1) == -E_INVAL,
		"wait, wake: INVAL");
	check(HERE(CALL_wait, 8, 0) == -E_FAULT && HERE(CALL_wake, portal & ~3ul, 1) == -E_FAULT, "wait, wake: FAULT");
	check(HERE(CALL_wait, (uintptr_t)&word, 4) == -E_AGAIN, "wait: AGAIN");
	check(HERE(CALL_wait, (uintptr_t)&word, 5, 1) == -E_TIMEDOUT, "wait: TIMEDOUT");
	check(HERE(CALL_frame_vector, 0, (uintptr_t)&word, 4096) == -E_INVAL &&
			HERE(CALL_frame_set_space, other) == -E_INVAL,
		"frame_vector, frame_set_space: INVAL");
}

/* What the first thread of a space does that waits for an interrupt. */

static void wait_interruptibly(void)
{
	struct shared *s = SHARED;

	s->ready = 1;
	s->error = native(CALL_wait, (uintptr_t)&s->never, 0, 0, WAIT_INTERRUPTIBLE);
	s->word = 1;
	for (;;)
		native(CALL_wait, (uintptr_t)&s->never, 0, 0, 0);
}

static void test_interrupt(void)
{
	struct thread_spec spec = { .space = (uint32_t)other, .ip = (uintptr_t)wait_interruptibly };
	int64_t thread;

	SHARED->ready = SHARED->word = 0;
	thread = HERE(CALL_thread_create, (uintptr_t)&spec);
	while (thread >= 0 && !SHARED->ready)
		native(CALL_yield, 0, 0, 0, 0);
	usleep(1000);
	check(HERE(CALL_thread_interrupt, (uint64_t)thread) == 0,
		"thread_interrupt: of a thread of a space of one's own");
	while (!SHARED->word)
		native(CALL_yield, 0, 0, 0, 0);
	check(SHARED->error == -E_INTR, "wait: INTR");
}

/* --- spaces --- */

static int64_t create(uint32_t flags, uint32_t system)
{
	struct space_spec spec = { .name = "errors", .flags = flags, .system = system };

	return HERE(CALL_space_create, (uintptr_t)&spec);
}

static void test_spaces(void)
{
	static char page[PAGE_SIZE] __attribute__((aligned(4096)));
	int64_t empty = create(0, SYSTEM_NONE);

	check(HERE(CALL_space_create, 8) == -E_FAULT && HERE(CALL_space_info, 0, 8) == -E_FAULT &&
			HERE(CALL_space_set_landing, 8) == -E_FAULT,
		"space_create, space_info, space_set_landing: FAULT");
	check(create(32, SYSTEM_NONE) == -E_INVAL && create(0, SYSTEM_SHARED + 1) == -E_INVAL &&
			create(SPACE_VAS, SYSTEM_SHARED) == -E_INVAL,
		"space_create: INVAL");
	check(create(SPACE_TRUSTED, SYSTEM_NONE) == -E_PERM && create(SPACE_DEVICES, SYSTEM_NONE) == -E_PERM &&
			create(0, SYSTEM_OWN) == -E_PERM,
		"space_create: PERM");
	memset(page, 0, sizeof(page));
	memcpy(page, &(struct space_spec){ .system = SYSTEM_SHARED, .name = "errors" }, sizeof(struct space_spec));
	check(HERE(CALL_grant, (uintptr_t)page, PAGE_SIZE, other, RIGHT_R) > 0 &&
			THERE(CALL_space_create, own_number() << number_shift() | (uintptr_t)page) == -E_PERM,
		"space_create: PERM, no system to share");
	check(HERE(CALL_space_destroy, NOBODY) == -E_NOENT && HERE(CALL_space_wait, NOBODY) == -E_NOENT &&
			HERE(CALL_space_keep_vector, NOBODY) == -E_NOENT &&
			HERE(CALL_space_info, NOBODY, 8) == -E_NOENT,
		"space_destroy, space_wait, space_keep_vector, space_info: NOENT");
	check(HERE(CALL_space_destroy, 1) == -E_PERM && HERE(CALL_space_destroy, 0) == -E_PERM &&
			HERE(CALL_space_wait, 1) == -E_PERM && HERE(CALL_space_keep_vector, 1) == -E_PERM,
		"space_destroy, space_wait, space_keep_vector: PERM");
	check(HERE(CALL_space_wait, 0) == -E_INVAL, "space_wait: INVAL");
	check(HERE(CALL_space_set_system, 0) == -E_INVAL && HERE(CALL_space_set_system, window) == -E_INVAL,
		"space_set_system: INVAL");
	check(HERE(CALL_space_fork, NOBODY, (uint64_t)empty) == -E_NOENT &&
			HERE(CALL_space_fork, 0, NOBODY) == -E_NOENT,
		"space_fork: NOENT");
	check(HERE(CALL_space_fork, 1, (uint64_t)empty) == -E_PERM && HERE(CALL_space_fork, 0, 1) == -E_PERM,
		"space_fork: PERM");
	check(HERE(CALL_space_fork, (uint64_t)empty, (uint64_t)empty) == -E_INVAL, "space_fork: INVAL");
	check(HERE(CALL_space_fork, 0, other) == -E_EXIST, "space_fork: EXIST");
	check(HERE(CALL_space_fork, 0, limited) == -E_NOMEM, "space_fork: NOMEM");
	check(HERE(CALL_space_destroy, (uint64_t)empty) == 0 && HERE(CALL_space_destroy, (uint64_t)empty) == -E_NOENT,
		"space_destroy: NOENT the second time");
}

/* --- memory --- */

static void test_segments(void)
{
	static char page[2 * PAGE_SIZE] __attribute__((aligned(4096)));
	uint64_t from = (uintptr_t)page & ~(PAGE_SIZE - 1);

	check(HERE(CALL_segment_create, 0, 0) == -E_INVAL && HERE(CALL_segment_create, 1, 0x80) == -E_INVAL &&
			HERE(CALL_segment_create, ~0ul, 0) == -E_INVAL,
		"segment_create: INVAL");
	check(THERE(CALL_segment_destroy, segment) == -E_PERM &&
			THERE(CALL_segment_supply, segment, 0, 1, from) == -E_PERM &&
			THERE(CALL_segment_evict, segment, 0, 1) == -E_PERM &&
			THERE(CALL_segment_end, segment, 1) == -E_PERM &&
			THERE(CALL_segment_present, segment, 0) == -E_PERM &&
			THERE(CALL_segment_frames, segment) == -E_PERM &&
			THERE(CALL_segment_clone, segment) == -E_PERM &&
			THERE(CALL_map, 0, FREE_AT, PAGE_SIZE, RIGHT_R, segment) == -E_PERM,
		"segment_destroy, _supply, _evict, _end, _present, _frames, _clone, map: PERM");
	check(HERE(CALL_segment_destroy, ~0ul) == -E_NOENT && HERE(CALL_segment_supply, ~0ul, 0, 1, from) == -E_NOENT &&
			HERE(CALL_segment_evict, ~0ul, 0, 1) == -E_NOENT &&
			HERE(CALL_segment_end, ~0ul, 1) == -E_NOENT &&
			HERE(CALL_segment_present, ~0ul, 0) == -E_NOENT &&
			HERE(CALL_segment_frames, ~0ul) == -E_NOENT && HERE(CALL_segment_clone, ~0ul) == -E_NOENT,
		"segment_destroy, _supply, _evict, _end, _present, _frames, _clone: NOENT");
	check(HERE(CALL_segment_supply, paged, 4, 1, from) == -E_INVAL &&
			HERE(CALL_segment_supply, paged, 0, ~0ul, from) == -E_INVAL &&
			HERE(CALL_segment_evict, paged, 3, 2) == -E_INVAL,
		"segment_supply, _evict: INVAL");
	check(HERE(CALL_segment_supply, paged, 0, 1, 8 * PAGE_SIZE) == -E_FAULT, "segment_supply: FAULT");
	check(HERE(CALL_segment_clone, paged) == -E_INVAL, "segment_clone: INVAL, paged");
	check(HERE(CALL_segment_device, 0xfeb00000, PAGE_SIZE) == -E_PERM &&
			HERE(CALL_segment_contiguous, 1) == -E_PERM,
		"segment_device, segment_contiguous: PERM");
}

static void test_map(void)
{
	const uint64_t rw = RIGHT_R | RIGHT_W, stack = STACKLET_BASE;
	struct region_info info;
	uint64_t stacklet = 0;

	for (uint64_t at = stack; HERE(CALL_map_query, other, at, (uintptr_t)&info) == 0 && info.start < STACKLET_END;
		at = info.end)
		stacklet = info.start;
	check(stacklet >= stack, "the other space has a stacklet");
	check(HERE(CALL_map, other, FREE_AT + 1, PAGE_SIZE, rw) == -E_INVAL &&
			HERE(CALL_map, other, FREE_AT, 0, rw) == -E_INVAL &&
			HERE(CALL_map, other, FREE_AT, PAGE_SIZE, rw | MAP_SHARE) == -E_INVAL &&
			HERE(CALL_map, other, FREE_AT, 5 * PAGE_SIZE, rw, segment) == -E_INVAL &&
			HERE(CALL_map, other, window / 2, PAGE_SIZE, rw) == -E_INVAL,
		"map: INVAL");
	check(HERE(CALL_map, NOBODY, FREE_AT, PAGE_SIZE, rw) == -E_NOENT &&
			HERE(CALL_map, other, FREE_AT, PAGE_SIZE, rw, NOBODY) == -E_NOENT,
		"map: NOENT");
	check(HERE(CALL_map, 1, FREE_AT, PAGE_SIZE, rw) == -E_PERM, "map: PERM");
	check(HERE(CALL_map, other, stacklet, PAGE_SIZE, rw) == -E_EXIST, "map: EXIST");
	check(HERE(CALL_map, other, stacklet, PAGE_SIZE, rw | MAP_REPLACE) == -E_BUSY, "map: BUSY, a stacklet");
	check(HERE(CALL_unmap, other, 1, PAGE_SIZE) == -E_INVAL &&
			HERE(CALL_protect, other, FREE_AT, 0, rw) == -E_INVAL &&
			HERE(CALL_protect, other, FREE_AT, PAGE_SIZE, 0x80) == -E_INVAL &&
			HERE(CALL_remap, other, FREE_AT, PAGE_SIZE, 1) == -E_INVAL,
		"unmap, protect, remap: INVAL");
	check(HERE(CALL_unmap, NOBODY, FREE_AT, PAGE_SIZE) == -E_NOENT &&
			HERE(CALL_protect, NOBODY, FREE_AT, PAGE_SIZE, rw) == -E_NOENT &&
			HERE(CALL_remap, NOBODY, FREE_AT, PAGE_SIZE, FREE_AT + PAGE_SIZE) == -E_NOENT &&
			HERE(CALL_map_query, NOBODY, 0, (uintptr_t)&info) == -E_NOENT,
		"unmap, protect, remap, map_query: NOENT");
	check(HERE(CALL_unmap, 1, FREE_AT, PAGE_SIZE) == -E_PERM &&
			HERE(CALL_protect, 1, FREE_AT, PAGE_SIZE, rw) == -E_PERM &&
			HERE(CALL_remap, 1, FREE_AT, PAGE_SIZE, FREE_AT + PAGE_SIZE) == -E_PERM &&
			HERE(CALL_map_query, 1, 0, (uintptr_t)&info) == -E_PERM,
		"unmap, protect, remap, map_query: PERM");
	check(HERE(CALL_unmap, other, stacklet, PAGE_SIZE) == -E_BUSY &&
			HERE(CALL_protect, other, stacklet, PAGE_SIZE, RIGHT_R) == -E_BUSY &&
			HERE(CALL_remap, other, stacklet, PAGE_SIZE, FREE_AT) == -E_BUSY,
		"unmap, protect, remap: BUSY, a stacklet");
	check(HERE(CALL_protect, other, 0x10000000, PAGE_SIZE, RIGHT_R) == -E_NOMEM, "protect: NOMEM, nothing there");
	check(HERE(CALL_remap, other, 0x10000000, PAGE_SIZE, FREE_AT) == -E_NOENT, "remap: NOENT, nothing there");
	check(HERE(CALL_remap, other, SHARED_AT, PAGE_SIZE, image_start) == -E_EXIST, "remap: EXIST");
	check(HERE(CALL_map_query, other, 0, 8) == -E_FAULT &&
			HERE(CALL_map_query, vas, 0, (uintptr_t)&info) == -E_NOENT,
		"map_query: FAULT, NOENT");
}

static void test_grants(void)
{
	static char page[PAGE_SIZE];

	check(HERE(CALL_grant, (uintptr_t)page, 0, other, RIGHT_R) == -E_INVAL &&
			HERE(CALL_grant, (uintptr_t)page, 1, other, 0) == -E_INVAL &&
			HERE(CALL_grant, (uintptr_t)page, 1, other, RIGHT_R | GRANT_KEEP) == -E_INVAL &&
			HERE(CALL_grant, (uintptr_t)page, 1, other, RIGHT_R | GRANT_EXACT) == -E_INVAL &&
			HERE(CALL_grant, (uintptr_t)page, window, other, RIGHT_R) == -E_INVAL &&
			HERE(CALL_grant, (uintptr_t)page, 1, own_number(), RIGHT_R) == -E_INVAL,
		"grant: INVAL");
	check(HERE(CALL_grant, (uintptr_t)page, 1, NOBODY, RIGHT_R) == -E_NOENT &&
			HERE(CALL_grant, (uint64_t)NOBODY << number_shift(), 1, other, RIGHT_R) < 0,
		"grant: NOENT");
	check(HERE(CALL_grant, 1ul << number_shift(), 1, other, RIGHT_R) == -E_PERM, "grant: PERM");
	check(HERE(CALL_grant, limited << number_shift(), 1, other, RIGHT_R) > 0, "grant: of what one manages");
	check(HERE(CALL_revoke, 0) == -E_NOENT && HERE(CALL_revoke, ~0ul) == -E_NOENT, "revoke: NOENT");
	check(THERE(CALL_revoke, (uint64_t)HERE(CALL_grant, limited << number_shift(), 1, own_number(), RIGHT_R)) ==
			-E_PERM,
		"revoke: PERM");
}

/* --- VASes, quotas, the machine --- */

static void test_vas(void)
{
	check(HERE(CALL_vas_attach, 0, vas, 0) == -E_INVAL && HERE(CALL_vas_attach, 0, other, RIGHT_R) == -E_INVAL &&
			HERE(CALL_vas_attach, other, vas, RIGHT_R) == -E_INVAL,
		"vas_attach: INVAL");
	check(HERE(CALL_vas_attach, NOBODY, vas, RIGHT_R) == -E_NOENT &&
			HERE(CALL_vas_attach, 0, NOBODY, RIGHT_R) == -E_NOENT,
		"vas_attach: NOENT");
	check(HERE(CALL_vas_attach, 1, vas, RIGHT_R) == -E_PERM && HERE(CALL_vas_attach, 0, 1, RIGHT_R) == -E_PERM,
		"vas_attach: PERM");
	check(HERE(CALL_vas_detach, 0, vas) == -E_NOENT && HERE(CALL_vas_detach, NOBODY, vas) == -E_NOENT,
		"vas_detach: NOENT");
	check(HERE(CALL_vas_detach, 1, vas) == -E_PERM, "vas_detach: PERM");
	check(HERE(CALL_vas_switch, vas) == -E_NOENT, "vas_switch: NOENT");
	check(THERE(CALL_vas_switch, vas) == -E_INVAL && THERE(CALL_vas_active) == -E_INVAL,
		"vas_switch, vas_active: INVAL");
	check(HERE(CALL_vas_attach, 0, vas, RIGHT_R | RIGHT_W) == 0 && HERE(CALL_vas_switch, vas) == 0 &&
			HERE(CALL_vas_detach, 0, vas) == -E_BUSY && HERE(CALL_vas_attach, 0, vas, RIGHT_R) == -E_BUSY,
		"vas_detach, vas_attach: BUSY");
	check(HERE(CALL_vas_switch, 0) == (int64_t)vas && HERE(CALL_vas_detach, 0, vas) == 0, "vas_detach");
	check(HERE(CALL_vas_attach, 0, vas, RIGHT_R | VAS_BY_SYSTEM) == 0 && HERE(CALL_vas_switch, vas) == -E_PERM,
		"vas_switch: PERM");
	check(HERE(CALL_vas_detach, 0, vas) == 0, "vas_detach: again");
}

static void test_machine(void)
{
	static struct space_info infos[LIST_MAX];

	check(HERE(CALL_log, 8, 10) == -E_FAULT && HERE(CALL_stats, 8, 100) == -E_FAULT &&
			HERE(CALL_shield_list, 8, 4) == -E_FAULT,
		"log, stats, shield_list: FAULT");
	check(HERE(CALL_list, 77, 0, 0, (uintptr_t)infos, 1) == -E_INVAL, "list: INVAL");
	check(HERE(CALL_list, LIST_SPACES, NOBODY, 0, (uintptr_t)infos, 1) == -E_NOENT &&
			HERE(CALL_list, LIST_SPACES, 0, NOBODY, (uintptr_t)infos, 1) == -E_NOENT,
		"list: NOENT");
	check(HERE(CALL_list, LIST_SPACES, 1, 0, (uintptr_t)infos, 1) == -E_PERM, "list: PERM");
	check(HERE(CALL_list, LIST_SPACES, 0, 0, 8, 1) == -E_FAULT, "list: FAULT");
	check(HERE(CALL_power_off, 0) == -E_PERM, "power_off: PERM");
	check(HERE(CALL_irq_grant, 1, NOBODY) == -E_NOENT && HERE(CALL_irq_grant, 1, other) == -E_PERM &&
			HERE(CALL_irq_grant, 1000, other) == -E_INVAL,
		"irq_grant: NOENT, PERM, INVAL");
	check(HERE(CALL_irq_attach, 1, (uintptr_t)infos) == -E_INVAL && HERE(CALL_irq_call, 1000) == -E_INVAL &&
			HERE(CALL_irq_done, 1000) == -E_INVAL,
		"irq_attach, irq_call, irq_done: INVAL");
	check(THERE(CALL_irq_attach, 1, SHARED_AT) == -E_PERM && THERE(CALL_irq_call, 1, 0, 0) == -E_PERM &&
			HERE(CALL_irq_done, 1) == -E_PERM,
		"irq_attach, irq_call, irq_done: PERM");
}

static bool prepare(void)
{
	struct space_spec small = { .name = "small" };
	int64_t number = server_prepare() < 0 ? -1 : server_make();

	portal = (uint64_t)SHARED->portal;
	window = 1ul << number_shift();
	other = (uint64_t)number;
	/* As few frames as it can be made with. */
	do {
		small.quota.frames++;
		limited = (uint64_t)HERE(CALL_space_create, (uintptr_t)&small);
	} while ((int64_t)limited == -E_NOMEM);
	vas = (uint64_t)create(SPACE_VAS, SYSTEM_NONE);
	segment = (uint64_t)HERE(CALL_segment_create, 4, 0);
	paged = (uint64_t)HERE(CALL_segment_create, 4, SEGMENT_PAGED);
	return number > 0 && (int64_t)limited > 0 && (int64_t)vas > 0 && (int64_t)segment > 0 && (int64_t)paged > 0;
}

int main(void)
{
	if (!check(native_present(), "this is Allod") || !check(prepare(), "preparations"))
		return tap_end();
	test_calls();
	test_threads();
	test_interrupt();
	test_spaces();
	test_segments();
	test_map();
	test_grants();
	test_vas();
	test_machine();
	check(THERE(CALL_yield) == 0 && getpid() > 0, "all are as before");
	return tap_end();
}
