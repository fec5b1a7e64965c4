/* Frames, and their check: checks.h. */
#include "kernel/frame.c"

#include "tests/unit/checks.h"

/* Length of the free block at a frame's record, 1 for single frames and others. */
static u64 check_record(u64 number, u64 *free)
{
	const struct frame *frame = &frames[number - first];
	u64 length = 1;

	if (frame->refs)
		return 1;
	ASSERT(frame->link != LINK_INSIDE);
	if (frame->link & LINK_HEAD) {
		length = 1ul << (frame->link & ~LINK_HEAD);
		ASSERT(length <= CHUNK && !(number & (length - 1)));
		for (u64 n = number + 1; n < number + length; n++)
			ASSERT(!frames[n - first].refs && frames[n - first].link == LINK_INSIDE);
	}
	*free += length;
	return length;
}

void frame_check(void)
{
	u64 listed = cached, free = 0, number;

	for (unsigned order = 0; order <= ORDER_MAX; order++)
		list_for_each(node, &blocks[order]) {
			ASSERT(record(node)->link == (LINK_HEAD | order) && !record(node)->refs);
			listed += 1ul << order;
		}
	for (unsigned i = 0; i < cached; i++)
		ASSERT(!record(cache[i])->refs && record(cache[i])->link == LINK_CACHED);
	for (unsigned i = 0; i < fresh_count; i++)
		listed += fresh[i].end - fresh[i].next;
	ASSERT(listed == free_now);
	for (unsigned i = 0; i < ram_count; i++)
		for (number = ram[i].start; number < ram[i].end;) {
			u64 skip = 0;

			for (unsigned k = 0; k < fresh_count; k++)
				if (number >= fresh[k].next && number < fresh[k].end)
					skip = fresh[k].end - number;
			free += skip;
			number += skip ? skip : check_record(number, &free);
		}
	ASSERT(free == free_now);
}
