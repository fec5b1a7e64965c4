/* VASes: what attachments show, and that they keep showing what their space's main view shows; rights, detaching, ends; clones
 * of segments. */
#include "core.h"

#include <string.h>

#include "arch.h"
#include "sched.h"
#include "thread.h"
#include "vas.h"
#include "wait.h"

enum { AT = 0x10000, BYTES = 0x8000, RW = RIGHT_R | RIGHT_W };

static struct space *first, *service, *vas, *a, *b;
static u64 half;

static struct space *make(struct space *creator, u32 flags, u32 system)
{
	const struct space_spec spec = { .flags = flags, .system = system, .name = "made" };
	struct space *space;

	assert_int_equal(space_create(creator, &spec, &space), 0);
	return space;
}

static int setup(void **state)
{
	(void)state;
	half = window_bytes() / 2;
	first = core_first();
	service = make(first, SPACE_TRUSTED, 0);
	vas = make(service, SPACE_VAS | SPACE_GRANT_CREATOR, 0);
	a = make(service, 0, 1);
	b = make(service, 0, 1);
	return 0;
}

/* core_check_tlb() knows nothing of views. */
static int teardown(void **state)
{
	(void)state;
	space_check_all();
	core_expect_settled();
	host_tlb_flush();
	return 0;
}

/* --- accesses under a view, by the oracle --- */

static uint64_t read_physical(uint64_t physical)
{
	return *(const u64 *)pa_ptr((pa_t){ physical });
}

static u32 shown(const struct view *view, u64 va, u64 *physical)
{
	struct mmu_result r = mmu_walk(read_physical, ptr_pa(view->root).v, paging_levels, va);

	assert_false(r.malformed);
	*physical = r.address;
	return (r.read ? RIGHT_R : 0) | (r.write ? RIGHT_W : 0) | (r.execute ? RIGHT_X : 0);
}

static u32 access(struct view *view, u64 va, u32 how, u64 *word)
{
	u32 needed = how & FAULT_WRITE ? RIGHT_W : RIGHT_R, have;
	u64 physical;

	have = shown(view, va, &physical);
	if (needed & ~have) {
		u32 code = view_fault(view, va, how, NULL);

		if (code)
			return code;
		have = shown(view, va, &physical);
		assert_false(needed & ~have);
	}
	host_tlb_add(view->space, page_down(va), page_down(physical), have);
	if (how & FAULT_WRITE)
		*(u64 *)pa_ptr((pa_t){ physical }) = *word;
	else
		*word = *(u64 *)pa_ptr((pa_t){ physical });
	return 0;
}

static u32 get(struct view *view, u64 va)
{
	u64 word = 0;

	return access(view, va, 0, &word) ? ~0u : (u32)word;
}

static u32 put(struct view *view, u64 va, u64 word)
{
	return access(view, va, FAULT_WRITE, &word);
}

static bool is_in_tlb(const struct space *space, u64 va)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		if (host_tlb[i].space == space && host_tlb[i].page == page_down(va))
			return true;
	return false;
}

static struct view *attach(struct space *space, u32 rights)
{
	assert_int_equal(vas_attach(space, vas, rights), 0);
	return &vas_find(space, vas)->view;
}

static u32 map_segment(u64 at, u32 rights)
{
	int segment = segment_create(service, BYTES / PAGE_SIZE, 0);

	assert_true(segment > 0);
	assert_int_equal(map_add(service, vas, at, BYTES, rights | MAP_SHARE, (u32)segment, 0), 0);
	return (u32)segment;
}

/* --- tests --- */

static void test_bad_arguments(void **state)
{
	struct space_spec spec = { .flags = SPACE_VAS | SPACE_TRUSTED };
	struct thread *thread;
	struct space *space;

	(void)state;
	assert_int_equal(space_create(first, &spec, &space), -E_INVAL);
	spec = (struct space_spec){ .flags = SPACE_VAS, .system = 1 };
	assert_int_equal(space_create(service, &spec, &space), -E_INVAL);
	assert_int_equal(vas_attach(a, b, RW), -E_INVAL);
	assert_int_equal(vas_attach(first, vas, RW), -E_INVAL);
	assert_int_equal(vas_attach(a, vas, 0), -E_INVAL);
	assert_int_equal(vas_attach(a, vas, RIGHT_W), -E_INVAL);
	assert_int_equal(vas_attach(a, vas, RW | RIGHT_P), -E_INVAL);
	assert_int_equal(vas_detach(a, vas, false), -E_NOENT);
	assert_int_equal(vas_detach(a, b, false), -E_NOENT);
	assert_int_equal(thread_create(vas, NULL, AT, 0, 0, &thread), -E_INVAL);
}

/* Two spaces see one memory at one address; their main views see nothing there. */
static void test_shared(void **state)
{
	struct view *in_a = attach(a, RW), *in_b;

	(void)state;
	map_segment(AT, RW);
	assert_int_equal(put(in_a, half + AT + 8, 77), 0);
	in_b = attach(b, RW);
	assert_int_equal(get(in_b, half + AT + 8), 77);
	assert_int_equal(put(in_b, half + AT + 0x3000, 78), 0);
	assert_int_equal(get(in_a, half + AT + 0x3000), 78);
	assert_int_equal(get(&a->view, half + AT), ~0u);
	assert_int_equal(get(in_a, globalize(a->number, half + AT)), ~0u);
	assert_int_equal(get(in_a, half + AT + BYTES), ~0u);
	assert_int_equal(get(in_a, globalize(vas->number, AT)), ~0u);
	/* What is mapped later reaches all. */
	map_segment(half - BYTES, RW);
	assert_int_equal(put(in_a, window_bytes() - 8, 79), 0);
	assert_int_equal(get(in_b, window_bytes() - 8), 79);
	/* The creator's grant. */
	assert_int_equal(get(&service->view, globalize(vas->number, AT + 8)), 77);
	space_check_all();
}

static void test_rights(void **state)
{
	struct view *reader = attach(a, RIGHT_R), *writer = attach(b, RW);
	struct fault fault;

	(void)state;
	map_segment(AT, RW);
	map_segment(AT + BYTES, RIGHT_R);
	assert_int_equal(put(writer, half + AT, 5), 0);
	assert_int_equal(get(reader, half + AT), 5);
	assert_int_equal(put(reader, half + AT, 6), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(put(writer, half + AT + BYTES, 6), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(view_fault(writer, half + AT, FAULT_EXEC, &fault), FAULT_EXEC | FAULT_MAPPED);
	assert_int_equal(fault.owner, b->number);
	/* Attached again with other rights. */
	assert_true(is_in_tlb(b, half + AT));
	assert_ptr_equal(attach(b, RIGHT_R), writer);
	assert_false(is_in_tlb(b, half + AT));
	assert_int_equal(put(writer, half + AT, 6), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(get(writer, half + AT), 5);
	attach(a, RW);
	assert_int_equal(put(reader, half + AT, 6), 0);
}

/* Links made and taken out in either view are the same in both. */
static void test_mirror(void **state)
{
	struct space *near = b, *far = NULL;
	struct view *in_a = attach(a, RW);
	u64 physical;

	(void)state;
	/* Numbers that another entry of the root leads to. */
	while (!far || far->number >> (39 + (pt_levels - 4) * 9 - number_shift) == 0)
		far = make(service, 0, 1);
	assert_int_equal(map_add(service, a, AT, BYTES, RW, 0, 0), 0);
	assert_int_equal(map_add(service, near, AT, BYTES, RW, 0, 0), 0);
	assert_int_equal(map_add(service, far, AT, BYTES, RW, 0, 0), 0);
	assert_int_equal(put(&a->view, AT, 1), 0);
	assert_int_equal(shown(in_a, AT, &physical), RW);
	assert_int_equal(put(in_a, globalize(a->number, AT), 2), 0);
	assert_int_equal(get(&a->view, AT), 2);
	assert_true(grant_make(service, globalize(near->number, 0), window_bytes(), a->number, RW) > 0);
	assert_true(grant_make(service, globalize(far->number, AT), PAGE_SIZE, a->number, RW) > 0);
	assert_int_equal(put(in_a, globalize(near->number, AT), 3), 0);
	assert_int_equal(shown(&a->view, globalize(near->number, AT), &physical), RW);
	assert_int_equal(put(in_a, globalize(far->number, AT), 4), 0);
	assert_int_equal(shown(&a->view, globalize(far->number, AT), &physical), RW);
	space_check_all();
	space_end(near, SPACE_KILLED, 0);
	space_end(far, SPACE_KILLED, 0);
	assert_int_equal(shown(in_a, globalize(near->number, AT), &physical), 0);
	assert_int_equal(shown(in_a, globalize(far->number, AT), &physical), 0);
}

/* What the VAS loses, all attached lose, in their tables and in their TLBs. */
static void test_unmap(void **state)
{
	struct view *in_a = attach(a, RW), *in_b = attach(b, RIGHT_R);
	u32 segment = map_segment(AT, RW);
	u64 physical;

	(void)state;
	assert_int_equal(put(in_a, half + AT, 1), 0);
	assert_int_equal(get(in_b, half + AT), 1);
	assert_int_equal(map_protect(vas, AT, BYTES, RIGHT_R), 0);
	assert_false(is_in_tlb(a, half + AT) || is_in_tlb(b, half + AT));
	assert_int_equal(put(in_a, half + AT, 1), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(get(in_b, half + AT), 1);
	assert_int_equal(segment_evict(service, segment, 0, 1), 0);
	assert_false(is_in_tlb(b, half + AT));
	assert_int_equal(map_remove(vas, AT, BYTES), 0);
	assert_int_equal(shown(in_a, half + AT, &physical), 0);
	assert_int_equal(get(in_b, half + AT), ~0u);
	assert_int_equal(segment_destroy(service, segment), 0);
}

static void test_detach(void **state)
{
	struct view *in_a = attach(a, RW);
	u64 physical, count;

	(void)state;
	map_segment(AT, RW);
	assert_int_equal(put(in_a, half + AT, 1), 0);
	assert_int_equal(vas_detach(a, vas, false), 0);
	assert_false(is_in_tlb(a, half + AT));
	assert_int_equal(shown(in_a, half + AT, &physical), 0);
	assert_null(vas_find(a, vas));
	assert_false(vas_is_attached(vas, a));
	/* Its tables are used again, and keep up meanwhile. */
	count = a->table_count;
	assert_int_equal(map_add(service, a, AT, BYTES, RW, 0, 0), 0);
	assert_int_equal(put(&a->view, AT, 9), 0);
	count = a->table_count;
	assert_ptr_equal(attach(a, RIGHT_R), in_a);
	assert_int_equal(a->table_count, count);
	assert_int_equal(shown(in_a, AT, &physical), RW);
	assert_int_equal(get(in_a, half + AT), 1);
	/* The VAS ends while it is attached. */
	attach(b, RW);
	space_get(vas);
	space_end(vas, SPACE_KILLED, 0);
	assert_int_equal(shown(in_a, half + AT, &physical), 0);
	assert_true(list_is_empty(&vas->attached));
	assert_int_equal(get(in_a, half + AT), ~0u);
	space_put(vas);
}

static void test_many(void **state)
{
	struct space *more[20];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		more[i] = make(service, SPACE_VAS, 0);
		assert_int_equal(map_add(service, more[i], AT, BYTES, RW, 0, 0), 0);
		assert_int_equal(vas_attach(a, more[i], RW), 0);
		assert_int_equal(put(&vas_find(a, more[i])->view, half + AT, i), 0);
	}
	space_check_all();
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(get(&vas_find(a, more[i])->view, half + AT), i);
	/* The space ends while it is attached. */
	space_end(a, SPACE_KILLED, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_true(list_is_empty(&more[i]->attached));
}

static int attach_operation(void *context)
{
	(void)context;
	return vas_attach(a, vas, RW);
}

static int clone_operation(void *context)
{
	return segment_clone(service, *(u32 *)context);
}

static void nothing_attached(void *context)
{
	(void)context;
	assert_null(vas_find(a, vas));
}

static void nothing_cloned(void *context)
{
	u64 count = 0;

	(void)context;
	list_for_each(node, &service->segments)
		count++;
	assert_int_equal(count, 1);
}

static void test_no_memory(void **state)
{
	u32 segment = map_segment(AT, RW);

	(void)state;
	assert_true(core_fail_each(attach_operation, nothing_attached, NULL) >= 2);
	assert_int_equal(put(&vas_find(a, vas)->view, half + AT, 1), 0);
	core_fail_each(clone_operation, nothing_cloned, &segment);
}

static void test_clone(void **state)
{
	u32 segment = map_segment(AT, RW);
	struct view *in_a = attach(a, RW);
	u64 word = 3;
	int clone;

	(void)state;
	assert_int_equal(segment_clone(service, 12345), -E_NOENT);
	assert_int_equal(segment_clone(b, segment), -E_PERM);
	assert_int_equal(segment_clone(service, (u32)segment_create(service, 1, SEGMENT_PAGED)), -E_INVAL);
	assert_int_equal(put(in_a, half + AT, 1), 0);
	assert_int_equal(put(in_a, half + AT + 0x1000, 2), 0);
	clone = segment_clone(service, segment);
	assert_true(clone > 0);
	assert_false(is_in_tlb(a, half + AT));
	assert_int_equal(map_add(service, vas, AT + BYTES, BYTES, RW | MAP_SHARE, (u32)clone, 0), 0);
	assert_int_equal(get(in_a, half + AT + BYTES), 1);
	space_check_all();
	/* A write on either side parts them. */
	assert_int_equal(put(in_a, half + AT + BYTES, 11), 0);
	assert_int_equal(get(in_a, half + AT), 1);
	assert_int_equal(put(in_a, half + AT + 0x1000, 12), 0);
	assert_int_equal(get(in_a, half + AT + BYTES + 0x1000), 2);
	assert_int_equal(put(in_a, half + AT, 13), 0);
	assert_int_equal(get(in_a, half + AT + BYTES), 11);
	assert_int_equal(access(in_a, half + AT + 0x2000, FAULT_WRITE, &word), 0);
	assert_int_equal(get(in_a, half + AT + BYTES + 0x2000), 0);
	space_check_all();
	/* A clone of a clone, seen twice; then the first ones go. */
	assert_int_equal(
		map_add(service, vas, 0x80000, BYTES, RW | MAP_SHARE, (u32)segment_clone(service, (u32)clone), 0), 0);
	assert_int_equal(map_add(service, b, AT, BYTES, RIGHT_R | MAP_SHARE, (u32)clone, 0), 0);
	assert_int_equal(get(&b->view, AT), 11);
	assert_int_equal(put(in_a, half + AT + BYTES, 21), 0);
	assert_int_equal(get(&b->view, AT), 21);
	assert_int_equal(get(in_a, half + 0x80000), 11);
	assert_int_equal(map_remove(vas, AT, 2 * BYTES), 0);
	assert_int_equal(segment_destroy(service, segment), 0);
	assert_int_equal(put(in_a, half + 0x81000, 22), 0);
	assert_int_equal(get(&b->view, AT + 0x1000), 2);
}

/* --- threads --- */

static void test_switch(void **state)
{
	struct thread *thread;
	u32 rights;
	u64 word = 0;

	(void)state;
	service->system_entry = AT;
	map_segment(AT, RW);
	thread = core_thread(a);
	assert_int_equal(vas_switch(thread, vas->number, false), -E_NOENT);
	attach(a, RW);
	assert_int_equal(vas_active(thread, false, &rights), 0);
	assert_ptr_equal(host_cpu.loaded, &a->view);
	assert_int_equal(space_write(a, half + AT, &word, 8), -E_FAULT);
	assert_int_equal(vas_switch(thread, vas->number, false), 0);
	assert_ptr_equal(host_cpu.loaded, &vas_find(a, vas)->view);
	word = 55;
	assert_int_equal(space_write(a, half + AT, &word, 8), 0);
	assert_int_equal(get(&vas_find(a, vas)->view, half + AT), 55);
	assert_int_equal(vas_active(thread, false, &rights), vas->number);
	assert_int_equal(rights, RW);
	assert_int_equal(vas_detach(a, vas, false), -E_BUSY);
	assert_int_equal(vas_attach(a, vas, RIGHT_R), -E_BUSY);
	assert_int_equal(vas_switch(thread, vas->number, false), vas->number);
	assert_int_equal(vas_switch(thread, 0, false), vas->number);
	assert_ptr_equal(host_cpu.loaded, &a->view);
	/* Where only the system may. */
	attach(a, RW | VAS_BY_SYSTEM);
	assert_int_equal(vas_switch(thread, vas->number, false), -E_PERM);
	host_cpu.frame->cause = CAUSE_SYSCALL;
	trap_system_call();
	assert_ptr_equal(thread->space, service);
	assert_int_equal(vas_switch(thread, vas->number, true), 0);
	assert_ptr_equal(host_cpu.process_view, &vas_find(a, vas)->view);
	trap_system_return();
	assert_ptr_equal(host_cpu.loaded, &vas_find(a, vas)->view);
	assert_int_equal(vas_switch(thread, 0, false), -E_PERM);
	/* By force: the thread goes on outside. */
	assert_int_equal(vas_detach(a, vas, true), 0);
	assert_int_equal(vas_active(thread, false, &rights), 0);
	trap_poke();
	assert_ptr_equal(host_cpu.loaded, &a->view);
	attach(a, RW);
	assert_int_equal(vas_switch(thread, vas->number, false), 0);
	/* The space ends inside. */
	thread->state = THREAD_READY;
	host_cpu.current = NULL;
	host_cpu.loaded = NULL;
	space_kill(a, SPACE_KILLED, 0);
}

/* --- what outlives a space --- */

/* Many spaces come and go. -> one that has that number, if there is one before. */
static struct space *find_again(u32 number)
{
	for (unsigned i = 0; i < 8000; i++) {
		struct space *space = make(service, 0, 0);

		if (space->number == number)
			return space;
		space_end(space, SPACE_KILLED, 0);
	}
	return NULL;
}

static bool comes_back(u32 number)
{
	struct space *space = find_again(number);

	if (space)
		space_end(space, SPACE_KILLED, 0);
	return space;
}

enum leave { SWITCH_BY_SYSTEM, SWITCH, EXEC, END, LEAVES };

/* The thread of a space is, in a VAS, inside of a system call when that VAS ends: what the system knows of addresses in it goes on
 * to mean nobody, until the thread leaves the call and switches, or executes, or ends. */
static void test_number_in_call(void **state)
{
	(void)state;
	service->system_entry = AT;
	for (enum leave leave = 0; leave < LEAVES; leave++) {
		struct thread *thread = core_thread(a);
		u32 number = vas->number;

		attach(a, RW);
		assert_int_equal(vas_switch(thread, number, false), 0);
		core_enter(trap_system_call);
		assert_ptr_equal(thread->space, service);
		space_kill(vas, SPACE_KILLED, 0);
		assert_ptr_equal(thread->calls[0].view, &a->view);
		assert_null(space_find(number));
		assert_false(comes_back(number));
		if (leave == SWITCH_BY_SYSTEM) {
			assert_int_equal(vas_switch(thread, 0, true), 0);
		} else if (leave == EXEC) {
			assert_int_equal(thread_set_home(thread, b), 0);
		} else if (leave == SWITCH) {
			core_enter(trap_system_return);
			assert_int_equal(vas_switch(thread, 0, false), 0);
		}
		if (leave != END)
			assert_true(comes_back(number));
		space_kill(leave == EXEC ? b : a, SPACE_KILLED, 0);
		assert_true(leave != END || !comes_back(number));
		core_enter(leave == SWITCH ? trap_poke : trap_system_return);
		assert_null(host_cpu.current);
		assert_true(list_is_empty(&threads));
		if (leave == END)
			assert_true(comes_back(number));
		*(leave == EXEC ? &b : &a) = make(service, 0, 1);
		vas = make(service, SPACE_VAS | SPACE_GRANT_CREATOR, 0);
	}
}

/* Who waits for a word of a space that has ended does not wait for the same word of another space that has its number. */
static void test_word_of_ended(void **state)
{
	struct space *owner = make(service, 0, 0), *other;
	struct thread *thread;
	u32 number = owner->number;
	u64 there = globalize(number, AT);

	(void)state;
	assert_int_equal(map_add(owner, owner, AT, BYTES, RW, 0, 0), 0);
	assert_true(grant_make(owner, AT, BYTES, a->number, RW) > 0);
	thread = core_thread(a);
	assert_int_equal(wait_word(there, 0, 0, 0), 0);
	core_enter(trap_poke);
	assert_int_equal(wait_wake(owner, AT, 1), 1);
	core_enter(trap_poke);
	assert_ptr_equal(host_cpu.current, thread);
	assert_int_equal(wait_word(there, 0, 0, 0), 0);
	core_enter(trap_poke);
	assert_null(host_cpu.current);
	space_kill(owner, SPACE_KILLED, 0);
	other = find_again(number);
	assert_non_null(other);
	assert_int_equal(map_add(other, other, AT, BYTES, RW, 0, 0), 0);
	assert_int_equal(wait_wake(other, AT, 1), 0);
	assert_int_equal(wait_wake(other, there, 1), 0);
	assert_int_equal(thread->state, THREAD_WAITING);
	space_kill(a, SPACE_KILLED, 0);
}

#define TEST_VAS(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST_VAS(test_bad_arguments),
		TEST_VAS(test_shared),
		TEST_VAS(test_rights),
		TEST_VAS(test_unmap),
		TEST_VAS(test_detach),
		TEST_VAS(test_many),
		TEST_VAS(test_no_memory),
		TEST_VAS(test_clone),
		TEST_VAS(test_switch),
		TEST_VAS(test_mirror),
		TEST_VAS(test_number_in_call),
		TEST_VAS(test_word_of_ended),
	};

	core_start(argc, argv, 64u << 20);
	/* All tables of numbers that the tests will need. */
	setup(NULL);
	for (unsigned i = 0; i < 600; i++)
		make(service, 0, 1);
	for (unsigned i = 0; i < 20000; i++)
		space_end(make(service, 0, 1), SPACE_KILLED, 0);
	map_segment(AT, RW);
	attach(a, RW);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
