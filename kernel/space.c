/* Spaces: space.h. */
#include "space.h"

#include "account.h"
#include "grant.h"
#include "hash.h"
#include "layout.h"
#include "lib/string.h"
#include "panic.h"
#include "pool.h"
#include "portal.h"
#include "segment.h"
#include "tlb.h"
#include "vas.h"

enum { PER_PAGE = PAGE_SIZE / sizeof(u64), NUMBERS_FIRST = 2048, NUMBERS_MAX = 1 << 16, ENDS_REMEMBERED = 128 };

static struct pool space_pool = POOL_INIT(space_pool, struct space);
/* For each number: the space that has it, until that is freed; 0: it was never used; or, if it is free, (the next number in the
 * queue of free ones) << 1 | 1. */
static u64 *by_number[NUMBERS_MAX / PER_PAGE];
static u32 numbers;               /* numbers below this have been used */
static u32 free_first, free_last; /* the queue: first freed, first used again; 0: empty */
static u32 allocated;             /* structures that exist */
static u64 alive, made;

/* The spaces that ended last, for space_wait() after the end. */
static struct ended {
	u64 manager; /* its `born` */
	u32 number;
	enum space_end why;
	u64 address;
} ends[ENDS_REMEMBERED];
static u64 ended;

void space_init(void)
{
	pt_init(paging_levels);
	hash_init();
	numbers = 1;
}

static u64 *slot_of(u32 number)
{
	return &by_number[number / PER_PAGE][number % PER_PAGE];
}

static struct space *by(u32 number)
{
	u64 slot = number < numbers ? *slot_of(number) : 1;

	return slot & 1 ? NULL : (struct space *)slot;
}

struct space *space_find(u32 number)
{
	struct space *space = by(number);

	return space && space->end == SPACE_ALIVE ? space : NULL;
}

/* Takes a free number: one that was never used, if few were used so far or at least a quarter of those is taken, else the one that
 * is free for longest. There is a place in the table for it then. 0 or -E_*. */
static int find_number(u32 *number)
{
	bool is_last = numbers == 1u << number_bits;

	*number = free_first;
	if (free_first && (is_last || (numbers >= NUMBERS_FIRST && allocated * 4 < numbers)))
		return 0;
	if (is_last)
		return -E_LIMIT;
	*number = numbers;
	if (!by_number[numbers / PER_PAGE])
		by_number[numbers / PER_PAGE] = frame_alloc();
	return by_number[numbers / PER_PAGE] ? 0 : -E_NOMEM;
}

static void take_number(u32 number, struct space *space)
{
	if (number == numbers)
		numbers++;
	else
		free_first = (u32)(*slot_of(number) >> 1);
	*slot_of(number) = (u64)space;
	allocated++;
}

static void free_number(u32 number)
{
	*slot_of(number) = 1;
	if (free_first)
		*slot_of(free_last) = (u64)number << 1 | 1;
	else
		free_first = number;
	free_last = number;
	allocated--;
}

bool space_ended(const struct space *manager, u32 number, enum space_end *why, u64 *address)
{
	for (u64 i = ended; i-- > 0 && i + ENDS_REMEMBERED >= ended;) {
		const struct ended *end = &ends[i % ENDS_REMEMBERED];

		if (end->number != number)
			continue;
		*why = end->why;
		*address = end->address;
		return end->manager == manager->born;
	}
	return false;
}

static int check_spec(const struct space *creator, const struct space_spec *spec)
{
	const u32 trusted = SPACE_TRUSTED | SPACE_DEVICES;

	if ((spec->flags & ~(trusted | SPACE_GRANT_CREATOR | SPACE_VAS)) || spec->system > SYSTEM_SHARED)
		return -E_INVAL;
	if ((spec->flags & SPACE_VAS) && (spec->system || (spec->flags & trusted)))
		return -E_INVAL;
	if (!creator)
		return spec->system || (spec->flags & SPACE_GRANT_CREATOR) ? -E_INVAL : 0;
	/* A system portal is entered with the kernel mapped, so its space cannot be shielded. Nor can it have a system itself,
	 * because a thread has one user frame ready at a time. */
	if (spec->system == SYSTEM_OWN && (!(creator->flags & SPACE_TRUSTED) || creator->system))
		return -E_PERM;
	if (spec->system == SYSTEM_SHARED && (!creator->system || creator->system->end != SPACE_ALIVE))
		return -E_PERM;
	return (spec->flags & trusted) && !(creator->flags & SPACE_DEVICES) ? -E_PERM : 0;
}

/* Copies a name's printable characters only: names stand in the log and in listings. */
static void set_name(struct space *space, const char *name)
{
	for (unsigned i = 0; i < sizeof(space->name) - 1 && name[i]; i++)
		space->name[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
}

static void init_lists(struct space *space)
{
	list_init(&space->managed);
	list_init(&space->of_manager);
	list_init(&space->granted);
	list_init(&space->viewers);
	list_init(&space->received);
	list_init(&space->made);
	list_init(&space->portals);
	list_init(&space->segments);
	list_init(&space->attachments);
	list_init(&space->attached);
	list_init(&space->waiters);
	list_init(&space->homes);
	list_init(&space->stacklets);
}

/* Makes all parts of a space whose making can fail, but its number. */
static int make_parts(struct space *space, struct space *creator, const struct space_spec *spec)
{
	int error = account_charge(space->account, ACCOUNT_SPACES, 1) ? pt_create(space) : -E_LIMIT;

	if (error == -E_LIMIT)
		return error;
	if (!error && (spec->flags & SPACE_GRANT_CREATOR))
		error = grant_make_whole(space, creator, RIGHT_R | RIGHT_W | GRANT_PASS);
	if (error >= 0 && spec->system == SYSTEM_SHARED)
		error = grant_make_whole(space, creator->system, RIGHT_R | RIGHT_W | GRANT_PASS);
	if (error >= 0)
		return 0;
	grant_end_space(space);
	tlb_commit();
	pt_drop_root(space);
	account_refund(space->account, ACCOUNT_SPACES, 1);
	return error;
}

static void set_relations(struct space *space, struct space *creator, u32 system)
{
	if (creator) {
		space->manager = creator;
		space->manager_number = creator->number;
		space_get(creator);
		list_append(&creator->managed, &space->of_manager);
	}
	if (system) {
		space->system = system == SYSTEM_OWN ? creator : creator->system;
		space_get(space->system);
	}
}

int space_create_for(struct space *creator, const struct space *payer, const struct space_spec *spec,
	struct space **out)
{
	struct space *space;
	u32 number;
	int error = check_spec(creator, spec);

	if (!error)
		error = find_number(&number);
	if (error)
		return error;
	space = pool_alloc_zeroed(&space_pool);
	if (!space)
		return -E_NOMEM;
	space->number = number;
	space->flags = spec->flags;
	set_name(space, spec->name);
	space->references = 1;
	space->short_depth = CALLS_MAX;
	init_lists(space);
	map_init(&space->map);
	error = account_open(payer ? payer->account : NULL, &spec->quota, &space->account);
	if (!error) {
		error = make_parts(space, creator, spec);
		if (error)
			account_put(space->account);
	}
	if (error) {
		pool_free(&space_pool, space);
		return error;
	}
	set_relations(space, creator, spec->system);
	take_number(number, space);
	alive++;
	space->born = ++made;
	*out = space;
	return 0;
}

bool space_manages(const struct space *manager, const struct space *s)
{
	while ((s = s->manager))
		if (s == manager)
			return true;
	return false;
}

void space_get(struct space *space)
{
	space->references++;
}

void space_put(struct space *space)
{
	while (space && --space->references == 0) {
		struct space *manager = space->manager, *system = space->system;

		ASSERT(space->end != SPACE_ALIVE && !space->threads);
		ASSERT(list_is_empty(&space->managed) && list_is_empty(&space->waiters));
		/* A thread on its way out of calls may have come back to the space after its end: no processor may keep its root
		 * loaded. */
		tlb_gone(space);
		tlb_commit();
		free_number(space->number);
		pt_drop_root(space);
		account_refund(space->account, ACCOUNT_SPACES, 1);
		account_put(space->account);
		pool_free(&space_pool, space);
		if (system)
			space_put(system);
		space = manager;
	}
}

void space_begin_end(struct space *space, enum space_end why, u64 address)
{
	ASSERT(space->end == SPACE_ALIVE && why != SPACE_ALIVE);
	space->end = why;
	space->end_address = address;
	ends[ended++ % ENDS_REMEMBERED] =
		(struct ended){ space->manager ? space->manager->born : 0, space->number, why, address };
	list_remove(&space->of_manager);
	alive--;
	portal_forget();
}

static bool end_views(struct space *space)
{
	vas_end_space(space);
	return true;
}

static bool hide_tables(struct space *space)
{
	pt_hide(space);
	tlb_commit();
	space->is_off = true;
	return true;
}

static bool end_map(struct space *space)
{
	return map_destroy(&space->map);
}

bool space_end_some(struct space *space)
{
	static bool (*const stages[])(struct space *) = { end_views, portal_end_space, grant_end_space, hide_tables,
		pt_destroy, end_map, segment_end_space };

	for (; space->stage < ARRAY_SIZE(stages); space->stage++)
		if (!stages[space->stage](space))
			return false;
	return true;
}

void space_finish_end(struct space *space)
{
	tlb_commit();
	vas_free_views(space);
	space_put(space);
}

struct space *space_ending(u32 number, u64 born)
{
	struct space *space = by(number);

	return space && space->end != SPACE_ALIVE && space->born == born && !list_is_empty(&space->of_manager) ? space
													       : NULL;
}

void space_info(const struct space *space, struct space_info *info)
{
	*info = (struct space_info){
		.number = space->number,
		.manager = space->manager_number,
		.flags = space->flags,
		.end = space->end,
		.frames = space->map.private_count + space->table_count,
		.system = space->system ? space->system->number : 0,
		.threads = space->threads,
	};
	memcpy(info->name, space->name, sizeof(info->name));
	account_tell(space->account, &info->used, &info->limit);
}

u64 space_count(void)
{
	return alive;
}

u64 space_made(void)
{
	return made;
}

/* --- stacklets: a kernel region each, all but the guard page --- */

static u64 stacklet_start(u32 thread)
{
	return STACKLET_BASE + thread * STACKLET_SIZE + PAGE_SIZE;
}

int space_stacklet(struct space *space, u32 thread, u64 *top, void **top_page)
{
	u64 start = stacklet_start(thread), end = start + STACKLET_SIZE - PAGE_SIZE;
	const struct region *region = map_find(&space->map, start);
	bool is_new = !region || !(region->flags & REGION_KERNEL);

	ASSERT(thread < THREADS_MAX + IRQ_LINES_MAX && space->end == SPACE_ALIVE);
	if (is_new) {
		int error = map_add_kernel(space, start, end - start);

		if (error)
			return error;
	}
	if (space_fault(space, end - PAGE_SIZE, FAULT_WRITE, NULL)) {
		if (is_new)
			map_remove_kernel(space, start, end - start);
		return -E_NOMEM;
	}
	*top = end;
	*top_page = radix_find(&space->map.private, (end - PAGE_SIZE) >> PAGE_SHIFT);
	return 0;
}

void space_stacklet_drop(struct space *space, u32 thread)
{
	u64 start = stacklet_start(thread);
	const struct region *region = map_find(&space->map, start);

	if (region && (region->flags & REGION_KERNEL))
		map_remove_kernel(space, start, STACKLET_SIZE - PAGE_SIZE);
}
