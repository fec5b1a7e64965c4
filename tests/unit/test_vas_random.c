/* VASes against a model: attaching, detaching, switching, mapping, protecting, unmapping and ending at random; afterwards each view
 * shows exactly what the model says, and no TLB has more. */
#include "core.h"

#include <string.h>

#include "arch.h"
#include "thread.h"
#include "vas.h"

enum { SPACES = 3, VASES = 4, PAGES = 6, SEGMENTS = 4, STEPS = 6000, RW = RIGHT_R | RIGHT_W };

static struct space *service, *spaces[SPACES], *vases[VASES];
static struct thread *threads_of[SPACES]; /* the last space has none */
static u32 segments[SEGMENTS];
static u64 half, done[8];

/* The model. */
static struct {
	u32 rights; /* 0: nothing is mapped */
	unsigned segment;
} mapped[VASES][PAGES];
static u32 attached[SPACES][VASES]; /* rights, 0: it is not */
static int inside[SPACES];          /* the VAS, -1: none */
static u64 contents[SEGMENTS];

/* Neighbours, others in tables of their own, the first and the last page. */
static u64 page_at(unsigned page)
{
	const u64 at[PAGES] = { 0, PAGE_SIZE, 2u << 20, 1u << 30, half / 2, half - PAGE_SIZE };

	return at[page];
}

static u32 expected(unsigned s, int vas, unsigned page)
{
	return vas < 0 ? 0 : attached[s][vas] & mapped[vas][page].rights;
}

static struct space *make(u32 flags, u32 system)
{
	const struct space_spec spec = { .flags = flags, .system = system, .name = "made" };
	struct space *made;

	assert_int_equal(space_create(service, &spec, &made), 0);
	return made;
}

static struct view *view_of(unsigned s, int vas)
{
	return vas < 0 ? &spaces[s]->view : &vas_find(spaces[s], vases[vas])->view;
}

/* --- what views and TLBs show --- */

static u64 read_physical(u64 physical)
{
	return *(const u64 *)pa_ptr((pa_t){ physical });
}

static u32 shown(const struct view *view, u64 va, u64 *physical)
{
	struct mmu_result r = mmu_walk(read_physical, ptr_pa(view->root).v, paging_levels, va);

	assert_false(r.malformed);
	*physical = r.address;
	return (r.read ? RIGHT_R : 0) | (r.write ? RIGHT_W : 0);
}

static void forget(const struct space *space)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		if (host_tlb[i].space == space)
			host_tlb[i].space = NULL;
}

/* A thread in that VAS, or in none, reads or writes a page; the TLB remembers it if it is there now. */
static void access_page(unsigned s, int vas, unsigned page)
{
	struct view *view = view_of(s, vas);
	u64 va = half + page_at(page), physical, *word;
	bool writes = core_roll(2);
	u32 may = expected(s, vas, page), needed = writes ? RIGHT_W : RIGHT_R;
	u32 code = view_fault(view, va, writes ? FAULT_WRITE : 0, NULL);

	assert_int_equal(!code, !!(may & needed));
	if (code)
		return;
	assert_true(shown(view, va, &physical) & needed);
	word = pa_ptr((pa_t){ physical });
	assert_int_equal(*word, contents[mapped[vas][page].segment]);
	if (writes)
		contents[mapped[vas][page].segment] = *word = core_roll(~0ul);
	if (vas == inside[s])
		host_tlb_add(spaces[s], va, page_down(physical), shown(view, va, &physical));
}

static void check_views(void)
{
	u64 physical;

	for (unsigned s = 0; s < SPACES; s++)
		for (int vas = -1; vas < VASES; vas++)
			for (unsigned page = 0; page < PAGES; page++)
				if (vas < 0 || attached[s][vas])
					assert_false(shown(view_of(s, vas), half + page_at(page), &physical) &
						~expected(s, vas, page));
}

static void check_tlb(void)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		for (unsigned s = 0; s < SPACES; s++)
			for (unsigned page = 0; host_tlb[i].space == spaces[s] && page < PAGES; page++)
				if (host_tlb[i].page == half + page_at(page))
					assert_false(host_tlb[i].rights & ~expected(s, inside[s], page));
}

static void check_threads(void)
{
	u32 rights;

	for (unsigned s = 0; s < SPACES && threads_of[s]; s++) {
		int vas = inside[s];

		assert_int_equal(vas_active(threads_of[s], false, &rights), vas < 0 ? 0 : vases[vas]->number);
		assert_int_equal(rights, vas < 0 ? 0 : attached[s][vas]);
	}
}

/* --- steps --- */

static void attach(unsigned s, int vas)
{
	u32 rights = core_roll(2) ? RW : RIGHT_R;
	bool is_busy = inside[s] == vas && attached[s][vas] != rights;

	assert_int_equal(vas_attach(spaces[s], vases[vas], rights), is_busy ? -E_BUSY : 0);
	if (!is_busy)
		attached[s][vas] = rights;
	done[0] += is_busy;
}

static void detach(unsigned s, int vas)
{
	bool force = core_roll(2), is_busy = !force && inside[s] == vas;

	assert_int_equal(vas_detach(spaces[s], vases[vas], force),
		!attached[s][vas] ? -E_NOENT
			: is_busy ? -E_BUSY
				  : 0);
	if (is_busy)
		return;
	done[1] += inside[s] == vas;
	attached[s][vas] = 0;
	if (inside[s] == vas)
		inside[s] = -1;
}

static void go(unsigned s, int vas)
{
	int before = inside[s];
	i64 result;

	if (!threads_of[s])
		return;
	if (host_cpu.current)
		host_cpu.current->state = THREAD_READY;
	host_cpu.current = threads_of[s];
	threads_of[s]->state = THREAD_RUNNING;
	threads_of[s]->cpu = &host_cpu;
	thread_load();
	result = vas_switch(threads_of[s], vas < 0 ? 0 : vases[vas]->number, false);
	if (vas >= 0 && !attached[s][vas]) {
		assert_int_equal(result, -E_NOENT);
		return;
	}
	assert_int_equal(result, before < 0 ? 0 : vases[before]->number);
	inside[s] = vas;
	assert_ptr_equal(host_cpu.loaded, view_of(s, vas));
	forget(spaces[s]);
	done[2]++;
}

static void map_page(int vas, unsigned page)
{
	unsigned segment = (unsigned)core_roll(SEGMENTS);
	u32 rights = core_roll(3) ? RW : RIGHT_R;
	int error = map_add(service, vases[vas], page_at(page), PAGE_SIZE,
		rights | MAP_SHARE | MAP_MOST(RIGHT_R | RIGHT_W | RIGHT_X), segments[segment], 0);

	assert_int_equal(error, mapped[vas][page].rights ? -E_EXIST : 0);
	if (error)
		return;
	mapped[vas][page].rights = rights;
	mapped[vas][page].segment = segment;
	done[3]++;
}

static void protect_page(int vas, unsigned page)
{
	u32 rights = core_roll(2) ? RW : RIGHT_R;

	assert_int_equal(map_protect(vases[vas], page_at(page), PAGE_SIZE, rights),
		mapped[vas][page].rights ? 0 : -E_NOMEM);
	if (mapped[vas][page].rights)
		mapped[vas][page].rights = rights;
}

/* Whatever is mapped from there on. */
static void unmap_pages(int vas, unsigned page)
{
	unsigned last = page + (unsigned)core_roll(PAGES - page);

	assert_int_equal(map_remove(vases[vas], page_at(page), page_at(last) + PAGE_SIZE - page_at(page)), 0);
	for (; page <= last; page++)
		mapped[vas][page].rights = 0;
	done[4]++;
}

static void end_vas(int vas)
{
	space_end(vases[vas], SPACE_KILLED, 0);
	memset(mapped[vas], 0, sizeof(mapped[vas]));
	for (unsigned s = 0; s < SPACES; s++) {
		attached[s][vas] = 0;
		done[5] += inside[s] == vas;
		if (inside[s] == vas)
			inside[s] = -1;
	}
	vases[vas] = make(SPACE_VAS, 0);
}

static void end_space(unsigned s)
{
	if (threads_of[s])
		return;
	forget(spaces[s]);
	space_end(spaces[s], SPACE_KILLED, 0);
	memset(attached[s], 0, sizeof(attached[s]));
	spaces[s] = make(0, 1);
	done[6]++;
}

static void step(void)
{
	unsigned s = (unsigned)core_roll(SPACES), page = (unsigned)core_roll(PAGES);
	int vas = (int)core_roll(VASES);

	switch (core_roll(40)) {
	case 0 ... 5:
		attach(s, vas);
		break;
	case 6 ... 8:
		detach(s, vas);
		break;
	case 9 ... 16:
		go(s, vas);
		break;
	case 17:
		go(s, -1);
		break;
	case 18 ... 26:
		map_page(vas, page);
		break;
	case 27 ... 30:
		protect_page(vas, page);
		break;
	case 31 ... 33:
		unmap_pages(vas, page);
		break;
	case 34:
		core_roll(3) ? end_space(s) : end_vas(vas);
		break;
	default:
		break;
	}
	access_page(s, inside[s], page);
	if (attached[s][vas])
		access_page(s, vas, page);
	check_views();
	check_tlb();
	check_threads();
}

static void begin(void)
{
	const struct space_spec spec = { .flags = SPACE_TRUSTED, .name = "service" };
	struct user_frame frame;

	memset(&frame, 0, sizeof(frame));
	assert_int_equal(space_create(core_first(), &spec, &service), 0);
	service->system_entry = PAGE_SIZE;
	for (unsigned i = 0; i < SEGMENTS; i++)
		segments[i] = (u32)segment_create(service, 1, 0);
	for (unsigned i = 0; i < VASES; i++)
		vases[i] = make(SPACE_VAS, 0);
	for (unsigned i = 0; i < SPACES; i++) {
		spaces[i] = make(0, 1);
		inside[i] = -1;
		if (i < SPACES - 1)
			assert_int_equal(thread_create(spaces[i], &frame, 0, 0, 0, &threads_of[i]), 0);
	}
}

static void test_random(void **state)
{
	(void)state;
	half = window_bytes() / 2;
	begin();
	for (unsigned n = 0; n < STEPS; n++) {
		step();
		if (n % 500 == 0)
			space_check_all();
	}
	/* Each kind of step was made, those that find somebody inside too. */
	for (unsigned i = 0; i < 7; i++)
		assert_true(done[i] > 5);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	core_start(argc, argv, 64u << 20);
	core_seed = 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
