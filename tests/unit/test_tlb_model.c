/* What tags save where a thread switches between VASes. The emulator's TLB has no tags, so this models one: it plays the accesses
 * of a thread, with the views that the kernel makes and the tags that it gives out (tag.h), and counts misses. Every hit is
 * compared with the tables: a translation of another view would be wrong. */
#include "core.h"

#include <string.h>

#include "arch.h"
#include "tag.h"
#include "thread.h"
#include "vas.h"

enum { CODE = 0x10000, COMMON = 0x100000, COMMON_PAGES = 24, OWN_PAGES = 16, VASES = 12, ENTRIES = 1024 };

/* What a processor does when it loads a root. */
enum kind {
	NO_TAGS,   /* forgets everything */
	TAGS,      /* as the kernel has it: a tag for each view */
	COMMON_TAG /* for comparison: what is common to all views has one tag for all of them */
};

static enum kind kind;
static struct {
	u64 page, physical, used; /* used 0: free */
	u32 tag;
} entries[ENTRIES];
static unsigned size; /* of the TLB */
static u64 now, misses, flushes, loads;
static struct tag_cpu tags;
static u32 current_tag;

static struct space *service, *space, *vases[VASES];
static struct thread *thread;
static u64 half;

/* --- the processor --- */

static void forget(bool all, u32 tag)
{
	flushes++;
	for (unsigned i = 0; i < size; i++)
		if (all || entries[i].tag == tag)
			entries[i].used = 0;
}

/* The thread goes on under another view: as each machine's mmu.c. */
static void load(void)
{
	struct tag *tag = &host_cpu.loaded->tags[0];

	loads++;
	if (kind == NO_TAGS) {
		forget(true, 0);
		return;
	}
	switch (tag_take(&tags, tag)) {
	case TAG_KEEP:
		break;
	case TAG_FLUSH_ONE:
		forget(false, tag->value);
		break;
	case TAG_FLUSH_ALL:
		forget(true, 0);
		break;
	}
	current_tag = tag->value;
}

static u64 read_physical(u64 physical)
{
	return *(const u64 *)pa_ptr((pa_t){ physical });
}

static u64 walk(u64 va)
{
	struct mmu_result r = mmu_walk(read_physical, ptr_pa(host_cpu.loaded->root).v, paging_levels, va);

	if (!r.write) {
		assert_int_equal(view_fault(host_cpu.loaded, va, FAULT_WRITE, NULL), 0);
		r = mmu_walk(read_physical, ptr_pa(host_cpu.loaded->root).v, paging_levels, va);
	}
	assert_true(r.write && !r.malformed);
	return page_down(r.address);
}

/* The one used longest ago makes room. */
static void access(u64 va)
{
	u64 page = page_down(va);
	u32 tag = kind == COMMON_TAG && va < half ? 0 : current_tag;
	unsigned oldest = 0;

	for (unsigned i = 0; i < size; i++) {
		if (entries[i].used && entries[i].page == page && entries[i].tag == tag) {
			assert_int_equal(entries[i].physical, walk(va));
			entries[i].used = ++now;
			return;
		}
		if (entries[i].used < entries[oldest].used)
			oldest = i;
	}
	misses++;
	entries[oldest].page = page;
	entries[oldest].physical = walk(va);
	entries[oldest].tag = tag;
	entries[oldest].used = ++now;
}

/* --- the thread --- */

static void touch(u64 at, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		access(at + i * PAGE_SIZE);
}

static void go(unsigned vas)
{
	assert_true(vas_switch(thread, vases[vas]->number, false) >= 0);
	load();
	touch(COMMON, COMMON_PAGES);
	touch(half, OWN_PAGES);
}

/* Begins with an empty TLB of so many entries, and tags below a limit. */
static void begin(enum kind how, unsigned entry_count, u32 limit)
{
	kind = how;
	size = entry_count;
	memset(entries, 0, sizeof(entries));
	tags = (struct tag_cpu){ .generation = tags.generation + 1, .next = 1, .limit = limit };
	misses = flushes = loads = 0;
}

static u64 misses_of(enum kind how, unsigned vas_count, unsigned rounds, unsigned entry_count)
{
	begin(how, entry_count, 256);
	for (unsigned n = 0; n < rounds; n++)
		for (unsigned v = 0; v < vas_count; v++)
			go(v);
	return misses;
}

static struct space *make(u32 flags, u32 system)
{
	const struct space_spec spec = { .flags = flags, .system = system, .name = "made" };
	struct space *made;

	assert_int_equal(space_create(service, &spec, &made), 0);
	return made;
}

static int setup(void **state)
{
	const struct space_spec spec = { .flags = SPACE_TRUSTED, .name = "service" };
	const u32 rights = RIGHT_R | RIGHT_W;

	(void)state;
	half = window_bytes() / 2;
	assert_int_equal(space_create(core_first(), &spec, &service), 0);
	service->system_entry = CODE;
	space = make(0, 1);
	assert_int_equal(map_add(service, space, COMMON, COMMON_PAGES * PAGE_SIZE, rights, 0, 0), 0);
	for (unsigned i = 0; i < VASES; i++) {
		vases[i] = make(SPACE_VAS, 0);
		assert_int_equal(map_add(service, vases[i], 0, OWN_PAGES * PAGE_SIZE, rights, 0, 0), 0);
		assert_int_equal(vas_attach(space, vases[i], rights), 0);
	}
	thread = core_thread(space);
	return 0;
}

/* --- tests --- */

/* Switches flush nothing once each view has its tag: as many misses as there are pages to see, however often. */
static void test_rounds(void **state)
{
	const u64 pages = COMMON_PAGES + OWN_PAGES;

	(void)state;
	for (unsigned rounds = 1; rounds <= 1000; rounds *= 10) {
		u64 commits = host_commits;

		assert_int_equal(misses_of(TAGS, 2, rounds, 512), 2 * pages);
		assert_int_equal(flushes, 2);
		assert_int_equal(loads, 2 * rounds);
		assert_int_equal(host_commits, commits);
		assert_int_equal(misses_of(NO_TAGS, 2, rounds, 512), 2 * pages * rounds);
	}
}

/* What is common to two views survives a switch and serves when the thread is back, but each view has its own translation of
 * it: one miss more for each page and view, once, and room in the TLB (docs/decisions.md). */
static void test_common(void **state)
{
	(void)state;
	misses_of(TAGS, 1, 1, ENTRIES);
	misses = 0;
	go(1);
	assert_int_equal(misses, COMMON_PAGES + OWN_PAGES);
	misses = 0;
	go(0);
	go(1);
	assert_int_equal(misses, 0);
	assert_int_equal(misses_of(TAGS, VASES, 100, ENTRIES), VASES * (COMMON_PAGES + OWN_PAGES));
	assert_int_equal(misses_of(COMMON_TAG, VASES, 100, ENTRIES), COMMON_PAGES + VASES * OWN_PAGES);
	/* A TLB that could hold all, but not all twelve times. */
	assert_int_equal(misses_of(COMMON_TAG, VASES, 100, 256), COMMON_PAGES + VASES * OWN_PAGES);
	assert_true(misses_of(TAGS, VASES, 100, 256) <= misses_of(NO_TAGS, VASES, 100, 256));
}

/* Fewer tags than views: more misses, but never another view's translation. */
static void test_few_tags(void **state)
{
	u64 seed = 5;

	(void)state;
	begin(TAGS, ENTRIES, 8);
	for (unsigned n = 0; n < 500; n++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		go((seed >> 33) % VASES);
	}
	assert_true(flushes > 100);
	assert_true(misses > VASES * (COMMON_PAGES + OWN_PAGES));
}

/* A view that comes after another one in the same memory has not its tag, nor its translations. */
static void test_attached_again(void **state)
{
	struct view *before;

	(void)state;
	begin(TAGS, ENTRIES, 256);
	go(0);
	go(1);
	before = &vas_find(space, vases[0])->view;
	assert_int_equal(vas_detach(space, vases[0], false), 0);
	/* As the machines' arch_tlb_commit() do with views that are on no processor. */
	tag_forget(&before->tags[0]);
	assert_int_equal(vas_attach(space, vases[0], RIGHT_R | RIGHT_W), 0);
	misses = 0;
	go(0);
	assert_int_equal(misses, COMMON_PAGES + OWN_PAGES);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_common),
		cmocka_unit_test(test_few_tags),
		cmocka_unit_test(test_attached_again),
	};

	core_start(argc, argv, 64u << 20);
	return cmocka_run_group_tests(tests, setup, NULL);
}
