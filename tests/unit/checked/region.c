/* Regions, and their check: checks.h. */
#include "kernel/region.c"

#include "tests/unit/checks.h"

static unsigned check_tree(const struct region *region, u64 low, u64 high)
{
	if (!region)
		return 0;
	ASSERT(region->start >= low && region->start < high);
	ASSERT(!region->left || region->left->priority <= region->priority);
	ASSERT(!region->right || region->right->priority <= region->priority);
	return 1 + check_tree(region->left, low, region->start) + check_tree(region->right, region->start + 1, high);
}

void map_check(const struct map *map)
{
	const struct region *last = NULL;
	u64 count = 0, kernel = 0;

	list_for_each(node, &map->regions) {
		const struct region *region = container_of(node, struct region, order);

		ASSERT(region->map == map && region->start < region->end);
		ASSERT(is_page_aligned(region->start | region->end | region->offset));
		ASSERT(!last || last->end <= region->start);
		ASSERT(!last || !continues(last, region));
		ASSERT(region->segment || region->offset == region->start);
		ASSERT((region->flags & REGION_KERNEL) || !(MAP_MOST(region->flags & RIGHT_ALL) & ~region->flags));
		ASSERT(!region->segment ||
			region->end - region->start + region->offset <= region->segment->pages << PAGE_SHIFT);
		count++;
		kernel += region->flags & REGION_KERNEL ? 1 : 0;
		last = region;
	}
	ASSERT(count == map->region_count && kernel == map->kernel_count);
	ASSERT(check_tree(map->root, 0, ~0ul) == count);
}
