/* Physical memory: frame.h. */
#include "frame.h"

#include "arch.h"
#include "fail.h"
#include "layout.h"
#include "lib/list.h"
#include "panic.h"

enum { ORDER_MAX = 9, CHUNK = 1 << ORDER_MAX, RANGES = 32, CACHE = 64 };

/* Values of frame.refs and, for free frames, of frame.link. */
#define REFS_RESERVED (~0u)
#define LINK_INSIDE 0u          /* in a free block, not its first frame */
#define LINK_CACHED 0x40000000u /* in the stack of single frames */
#define LINK_HEAD 0x80000000u   /* first frame of a free block; the order is in the low bits */

struct frame {
	u32 refs; /* 0: free */
	/* Of a free frame: LINK_*. Of one in use: number of the next frame of its chain; or, in a segment, the rights it was shown
	 * with. */
	u32 link;
};

static struct frame
	*frames; /* records of [first, end), in frames [table_first, table_end), the last of which is frame_zeros */
void *frame_zeros;
static u64 first, end; /* frame numbers, multiples of CHUNK */
static u64 table_first, table_end;
static struct {
	u64 next, end; /* whole chunks that were never used: their records are not filled in */
} fresh[RANGES];
static unsigned fresh_count;
static struct {
	u64 start, end;
} ram[RANGES]; /* all that can be allocated */
static unsigned ram_count;
static struct list_node blocks[ORDER_MAX + 1]; /* free blocks by order, linked through their first frame */
static void *cache[CACHE];
static unsigned cached, cache_max = CACHE;
static u64 total, free_now, lowest;

static void *page_of(u64 number)
{
	return pa_ptr((pa_t){ number << PAGE_SHIFT });
}

static u64 number_of(const void *page)
{
	return ptr_pa(page).v >> PAGE_SHIFT;
}

static struct frame *record(const void *page)
{
	return &frames[number_of(page) - first];
}

static void block_add(u64 number, unsigned order)
{
	frames[number - first] = (struct frame){ .link = LINK_HEAD | order };
	list_prepend(&blocks[order], page_of(number));
}

static void block_remove(u64 number)
{
	list_remove(page_of(number));
	frames[number - first].link = LINK_INSIDE;
}

/* Makes a block free and merges it with its free buddies. Buddies are in the same chunk, so their records are filled
 * in. */
static void block_free(u64 number, unsigned order)
{
	frames[number - first] = (struct frame){ .link = LINK_INSIDE };
	while (order < ORDER_MAX) {
		u64 buddy = number ^ (1ul << order);
		const struct frame *other = &frames[buddy - first];

		if (other->refs || other->link != (LINK_HEAD | order))
			break;
		block_remove(buddy);
		number &= ~(1ul << order);
		order++;
	}
	block_add(number, order);
}

static void cache_flush(unsigned keep)
{
	while (cached > keep)
		block_free(number_of(cache[--cached]), 0);
}

/* Takes contiguous chunks that were never used: fills in their records and makes each a block. -> the first frame's number, 0: no
 * range has so many. */
static u64 fresh_take(u64 chunks)
{
	for (unsigned i = 0; i < fresh_count; i++) {
		u64 number = fresh[i].next;

		if (fresh[i].end - number < chunks * CHUNK)
			continue;
		fresh[i].next += chunks * CHUNK;
		for (u64 n = number; n < fresh[i].next; n++)
			frames[n - first] = (struct frame){ .link = LINK_INSIDE };
		return number;
	}
	return 0;
}

/* Takes a block of 2^order frames. -> its first frame's number, 0: none. */
static u64 block_take(unsigned order)
{
	unsigned have = order;
	u64 number;

	while (have <= ORDER_MAX && list_is_empty(&blocks[have]))
		have++;
	if (have <= ORDER_MAX) {
		number = number_of(list_first(&blocks[have]));
		block_remove(number);
	} else {
		have = ORDER_MAX;
		number = fresh_take(1);
		if (!number)
			return 0;
	}
	while (have > order) {
		have--;
		block_add(number + (1ul << have), have);
	}
	return number;
}

/* The record table's place: the start of the largest range. */
static unsigned largest_range(const struct boot_info *boot)
{
	unsigned best = 0;

	for (unsigned i = 1; i < boot->ram_ranges; i++)
		if (boot->ram[i].bytes > boot->ram[best].bytes)
			best = i;
	return best;
}

static void reserve(u64 from, u64 to)
{
	for (u64 n = from; n < to; n++)
		frames[n - first] = (struct frame){ .refs = REFS_RESERVED };
}

static void free_range(u64 from, u64 to)
{
	for (u64 n = from; n < to; n++)
		block_free(n, 0);
}

void frame_init(const struct boot_info *boot)
{
	unsigned table = largest_range(boot);
	u64 table_pages;

	first = ~0ul;
	end = total = 0;
	fresh_count = cached = 0;
	ram_count = boot->ram_ranges;
	ASSERT(ram_count && ram_count <= RANGES);
	for (unsigned i = 0; i <= ORDER_MAX; i++)
		list_init(&blocks[i]);
	for (unsigned i = 0; i < ram_count; i++) {
		/* Frame 0 stays unused: number 0 means none. */
		ram[i].start = max_u64((boot->ram[i].start + PAGE_SIZE - 1) >> PAGE_SHIFT, 1);
		ram[i].end = max_u64(ram[i].start, (boot->ram[i].start + boot->ram[i].bytes) >> PAGE_SHIFT);
		first = min_u64(first, ram[i].start & ~(u64)(CHUNK - 1));
		end = max_u64(end, (ram[i].end + CHUNK - 1) & ~(u64)(CHUNK - 1));
	}
	table_pages = (((end - first) * sizeof(struct frame) + PAGE_SIZE - 1) >> PAGE_SHIFT) + 1;
	ASSERT(ram[table].end - ram[table].start > table_pages);
	table_first = ram[table].start;
	table_end = table_first + table_pages;
	frames = page_of(table_first);
	ram[table].start = table_end;
	/* First the chunks at the ends of ranges: one that is not whole may belong to two ranges. */
	for (unsigned i = 0; i < ram_count; i++) {
		u64 low = ram[i].start & ~(u64)(CHUNK - 1), high = ram[i].end & ~(u64)(CHUNK - 1);

		reserve(low, low + CHUNK);
		if (high < end)
			reserve(high, high + CHUNK);
	}
	for (unsigned i = 0; i < ram_count; i++) {
		u64 low = (ram[i].start + CHUNK - 1) & ~(u64)(CHUNK - 1), high = ram[i].end & ~(u64)(CHUNK - 1);

		total += ram[i].end - ram[i].start;
		if (low >= high) {
			free_range(ram[i].start, ram[i].end);
			continue;
		}
		free_range(ram[i].start, low);
		free_range(high, ram[i].end);
		fresh[fresh_count].next = low;
		fresh[fresh_count++].end = high;
	}
	free_now = lowest = total;
	frame_zeros = page_of(table_end - 1);
	page_zero(frame_zeros);
	*record(frame_zeros) = (struct frame){ .refs = 1 };
}

static void count_taken(u64 n)
{
	free_now -= n;
	if (free_now < lowest)
		lowest = free_now;
}

void *frame_alloc_raw(void)
{
	void *page;

	if (cached) {
		page = cache[--cached];
	} else {
		u64 number = fail_now() ? 0 : block_take(0);

		if (!number)
			return NULL;
		page = page_of(number);
	}
	*record(page) = (struct frame){ .refs = 1 };
	count_taken(1);
	return page;
}

void *frame_alloc(void)
{
	void *page = frame_alloc_raw();

	if (page)
		page_zero(page);
	return page;
}

void *frame_alloc_contiguous(u64 pages)
{
	unsigned order = 0;
	u64 number, have;

	if (!pages || pages > free_now || fail_now())
		return NULL;
	cache_flush(0);
	while ((1ul << order) < pages && order < ORDER_MAX)
		order++;
	if (pages <= CHUNK) {
		number = block_take(order);
		have = 1ul << order;
	} else {
		have = (pages + CHUNK - 1) & ~(u64)(CHUNK - 1);
		number = fresh_take(have / CHUNK);
	}
	if (!number)
		return NULL;
	free_range(number + pages, number + have);
	for (u64 n = number; n < number + pages; n++) {
		frames[n - first] = (struct frame){ .refs = 1 };
		page_zero(page_of(n));
	}
	count_taken(pages);
	return page_of(number);
}

void frame_get(void *page)
{
	record(page)->refs++;
}

static inline void cache_push(void *page, struct frame *frame)
{
	frame->link = LINK_CACHED;
	cache[cached++] = page;
}

/* The stack of single frames is full, or there is none. */
static __attribute__((noinline)) void free_slowly(void *page)
{
	cache_flush(cache_max / 2);
	if (cache_max)
		cache_push(page, record(page));
	else
		block_free(number_of(page), 0);
}

void frame_put(void *page)
{
	struct frame *frame = record(page);

	ASSERT(frame->refs && frame->refs != REFS_RESERVED);
	if (--frame->refs)
		return;
	free_now++;
	if (cached == cache_max) {
		free_slowly(page);
		return;
	}
	cache_push(page, frame);
}

void frame_keep_none(void)
{
	cache_flush(0);
	cache_max = 0;
}

u32 frame_refs(const void *page)
{
	return record(page)->refs;
}

bool frame_show(void *page, u32 rights)
{
	struct frame *frame = record(page);
	u32 had = frame->link;

	frame->link = had | rights;
	return had != RIGHT_X;
}

bool frame_is_ram(pa_t pa, u64 bytes)
{
	u64 from = pa.v >> PAGE_SHIFT, to = (pa.v + bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;

	for (unsigned i = 0; i < ram_count; i++)
		if (from < ram[i].end && to > ram[i].start)
			return true;
	return from < table_end && to > table_first;
}

u64 frame_total(void)
{
	return total;
}

u64 frame_free(void)
{
	return free_now;
}

u64 frame_lowest(void)
{
	return lowest;
}

void frame_chain_push(struct frame_chain *chain, void *page)
{
	struct frame *frame = record(page);

	frame->link = chain->head;
	chain->head = (u32)(frame - frames) + 1;
}

void *frame_chain_pop(struct frame_chain *chain)
{
	struct frame *frame;

	if (!chain->head)
		return NULL;
	frame = &frames[chain->head - 1];
	chain->head = frame->link;
	frame->link = 0;
	return page_of((u64)(frame - frames) + first);
}
