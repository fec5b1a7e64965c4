/* The memory of a process: its space, and free places in it. The kernel keeps the regions; this keeps only where to look first. */
#include <asm/errno.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/memory/private.h"
#include "services/linux/user_memory.h"

const struct memory_hooks *memory_hooks;

void memory_init(const struct memory_hooks *hooks)
{
	memory_hooks = hooks;
}

static u32 space_new(const char *name)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .system = 1 };
	strlcpy(spec.name, name, sizeof(spec.name));
	i64 space = call_space_create(&spec);
	return space < 0 ? 0 : space;
}

struct mm *mm_new(const char *name)
{
	struct mm *mm = heap_zalloc(sizeof(*mm));
	u32 space = mm ? space_new(name) : 0;
	if (!space) {
		heap_free(mm);
		return NULL;
	}
	mm->references = 1;
	mm->space = space;
	mm->base = (u64)space << machine_shift;
	return mm;
}

struct mm *mm_fork(struct mm *mm, const char *name)
{
	struct mm *copy = mm_new(name);
	if (!copy)
		return NULL;
	u32 space = copy->space;
	u64 base = copy->base;
	*copy = *mm;
	copy->references = 1;
	copy->guests = 0;
	copy->space = space;
	copy->base = base;
	copy->vases = NULL;
	memory_hooks->copied(copy);
	if (bounds_fork(copy, mm) || call_space_fork(mm->space, space) < 0) {
		mm_put(NULL, copy);
		return NULL;
	}
	return copy;
}

struct mm *mm_get(struct mm *mm)
{
	mm->references++;
	return mm;
}

void mm_put(struct task *self, struct mm *mm)
{
	if (--mm->references)
		return;
	call_space_destroy(mm->space);
	memory_hooks->ended(self, mm);
	bounds_free(mm);
	if (!mm->guests)
		heap_free(mm);
}

bool mm_is_used(struct mm *mm, u64 start, u64 bytes)
{
	struct region_info region;
	if (start < STACKLET_END && start + bytes > STACKLET_BASE)
		return true;
	return call_map_query(mm->space, start, &region) >= 0 && region.start < start + bytes;
}

/* The highest free range of `bytes` in [low, high), or 0. */
static u64 find_between(struct mm *mm, u64 bytes, u64 low, u64 high)
{
	struct region_info region;
	u64 best = 0;
	while (low < high) {
		u64 end = high;
		bool more = call_map_query(mm->space, low, &region) >= 0 && region.start < high;
		if (more)
			end = region.start;
		if (end >= low && end - low >= bytes)
			best = end - bytes;
		if (!more)
			break;
		low = region.end;
	}
	return best;
}

u64 mm_guess(struct mm *mm, u64 bytes)
{
	if (mm->cursor < STACKLET_END + bytes || mm->cursor > mm->mmap_top)
		return 0;
	return mm->cursor -= bytes;
}

u64 mm_find(struct mm *mm, u64 bytes)
{
	u64 start = find_between(mm, bytes, STACKLET_END, mm->mmap_top);
	if (!start)
		return find_between(mm, bytes, MMAP_LOW, STACKLET_BASE);
	return mm->cursor = start;
}

void mm_freed(struct mm *mm, u64 start, u64 bytes)
{
	if (start + bytes > mm->cursor && start + bytes <= mm->mmap_top)
		mm->cursor = start + bytes;
}

void mm_sizes(const struct mm *mm, u64 *total_pages, u64 *resident_pages)
{
	struct region_info region;
	struct space_info info;
	u64 at = 0;
	*total_pages = 0;
	while (call_map_query(mm->space, at, &region) >= 0) {
		*total_pages += (region.end - region.start) >> PAGE_SHIFT;
		at = region.end;
	}
	*resident_pages = call_space_info(mm->space, &info) < 0 ? 0 : info.frames;
}

u64 mm_resident(const struct mm *mm, u64 start, u64 end)
{
	u64 pages = 0, stop;
	i64 found;
	while (start < end && (found = call_map_present(mm->space, start, false, &stop)) >= 0 && (u64)found < end) {
		start = min_u64(stop, end);
		pages += (start - found) >> PAGE_SHIFT;
	}
	return pages;
}
