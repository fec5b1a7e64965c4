/* Finds out, before main(), whether this is Allod, and the layout of addresses: pointer.h. */
#include <allod/pointer.h>

#include <pthread.h>

#include "liballod.h"

struct allod_layout allod_layout;

/* Learns the layout from the global address of a portal that it makes. */
static unsigned find_shift(u32 number)
{
	u64 entry = (u64)allod_entries + (ENTRIES - 1) * ENTRY_BYTES;
	i64 address = call_portal_create(entry, 0);

	if (address < 0)
		return 0;
	call_portal_destroy(entry);
	return (unsigned)(__builtin_ctzl((u64)address ^ entry) - __builtin_ctz(number));
}

static void find_self(void)
{
	struct landing landing = { .call_landing = (u64)allod_plain_call };
	unsigned shift = allod_layout.shift; /* the same in a child, which may have no memory for a portal */
	struct space_info info;

	allod_layout = (struct allod_layout){ 0 };
	if (call_space_info(0, &info) < 0)
		return;
	call_space_set_landing(&landing);
	if (!shift)
		shift = find_shift(info.number);
	if (!shift)
		return;
	allod_layout.number = info.number;
	allod_layout.shift = shift;
	allod_layout.window = 1ul << shift;
}

/* A child process is another space, without the threads that kept contexts. */
static void begin_again(void)
{
	allod_pool.count = 0;
	find_self();
}

__attribute__((constructor(101))) static void layout_init(void)
{
	find_self();
	if (allod_present())
		pthread_atfork(NULL, NULL, begin_again);
}
