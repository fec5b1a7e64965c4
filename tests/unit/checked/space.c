/* Spaces, and their check: checks.h. */
#include "kernel/space.c"

#include "tests/unit/checks.h"

struct space *space_next(u32 from)
{
	for (; from < numbers; from++) {
		struct space *space = space_find(from);

		if (space)
			return space;
	}
	return NULL;
}

bool space_is_ending(u32 number)
{
	return by(number) && by(number)->end != SPACE_ALIVE;
}

void space_check(struct space *space)
{
	u64 index = 0, count = 0;
	struct radix_node *leaf;

	ASSERT(by(space->number) == space);
	map_check(&space->map);
	for (; (leaf = radix_next_leaf(&space->map.private, &index)); index += RADIX_SLOTS)
		for (u64 used = leaf->used; used; used &= used - 1) {
			u64 slot = (u64)__builtin_ctzl(used);
			const struct region *region = map_find(&space->map, (index + slot) << PAGE_SHIFT);

			ASSERT(region && !(region->flags & MAP_SHARE));
			ASSERT(frame_refs(leaf->slot[slot]));
			count++;
		}
	ASSERT(count == space->map.private_count);
	list_for_each(node, &space->granted)
		ASSERT(container_of(node, struct grant, of_owner)->owner == space);
	list_for_each(node, &space->received)
		ASSERT(container_of(node, struct grant_pair, of_to)->to == space);
	pt_check(space);
}

void space_check_all(void)
{
	u64 count = 0;

	for (struct space *space = space_next(1); space; space = space_next(space->number + 1), count++)
		space_check(space);
	ASSERT(count == alive && !tlb_pending());
	frame_check();
}

void space_end(struct space *space, enum space_end why, u64 address)
{
	space_begin_end(space, why, address);
	ASSERT(space_end_some(space));
	space_finish_end(space);
}
