/* The scheduler: programs that compute, wait and wake by turns, and what processor time and which delays they get. What is right
 * comes from sched.h's promises alone: shares, orders and delays in slices. */
#include "core.h"

#include <string.h>

#include "arch.h"
#include "lib/list.h"
#include "regs.h"
#include "sched.h"
#include "thread.h"
#include "tests/repeats.h"
#include "timer.h"

enum {
	CODE = 0x200000,
	SCRATCH = 0x100000,
	WORD = SCRATCH,        /* that waiting threads wait on */
	SPEC = SCRATCH + 1024, /* arguments of calls */
	ACTORS_MAX = 64,
	MS = 1000000,
	SLICE = SLICE_NS,
	SEEDS = 20,
	END = 300 * MS,
};

/* A thread that computes, then waits, and so on. */
struct actor {
	struct thread *thread;
	u64 work, sleep; /* ns; how long it waits, 0: it computes for ever */
	bool yields;     /* instead of waiting */
	bool is_gang; /* waits until another gang member of its space wakes all; that is done with each end of work */
	u64 left;     /* until it waits next */
	u64 due;      /* when it was to wake, 0: it is not known to be waiting */
	u64 got;      /* processor time */
	u64 worst;    /* delay from waking to running */
	u64 wakes;
};

static struct actor actors[ACTORS_MAX];
static unsigned actor_count;
static struct space *first;
static u64 began;

static int setup(void **state)
{
	(void)state;
	first = core_first();
	host_ticks = 1;
	host_cpu.armed = 0;
	timer_init();
	core_seed = 7;
	actor_count = 0;
	began = host_ticks;
	return 0;
}

static void end(void)
{
	space_kill(first, SPACE_KILLED, 0);
	core_enter(trap_poke);
	assert_null(host_cpu.current);
	assert_true(list_is_empty(&threads));
	core_expect_settled();
}

static int teardown(void **state)
{
	(void)state;
	space_check_all();
	end();
	return 0;
}

static i64 call(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	const u64 words[6] = { a, b, c, d };
	struct user_frame *frame = host_cpu.frame;

	regs_enter(frame, CODE, SCRATCH, words, 0);
	frame_set_call(frame, number, 0);
	core_enter(trap_native_call);
	return frame_result(frame);
}

static struct space *new_process(u32 flags)
{
	struct space *space = core_space(first, flags);

	assert_int_equal(map_add(space, space, SCRATCH, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	return space;
}

static struct actor *act(struct space *space, u64 work, u64 sleep)
{
	struct actor *actor = &actors[actor_count++];

	assert_true(actor_count <= ACTORS_MAX);
	*actor = (struct actor){ .work = work, .sleep = sleep, .left = work };
	assert_int_equal(thread_create(space, NULL, CODE, 0, 0, &actor->thread), 0);
	sched_ready(actor->thread);
	return actor;
}

static struct actor *current_actor(void)
{
	for (unsigned i = 0; i < actor_count; i++)
		if (host_cpu.current && actors[i].thread == host_cpu.current)
			return &actors[i];
	return NULL;
}

/* The end of its work. */
static void do_next(struct actor *actor)
{
	actor->left = actor->work;
	if (actor->is_gang) {
		for (unsigned i = 0; i < actor_count; i++)
			if (actors[i].is_gang && actors[i].thread->space == actor->thread->space &&
				actors[i].due == ~0ul)
				actors[i].due = host_ticks;
		call(CALL_wake, WORD, ~0u, 0, 0);
		actor->due = ~0ul;
		call(CALL_wait, WORD, 0, 0, 0);
	} else if (actor->yields) {
		call(CALL_yield, 0, 0, 0, 0);
	} else {
		actor->due = host_ticks + actor->sleep;
		call(CALL_wait, WORD, 0, actor->due, 0);
	}
}

/* Whoever runs computes until its work or the time to the alarm is over, then that happens; but not beyond `end`. */
static void turn(u64 end)
{
	struct actor *actor = current_actor();
	u64 alarm = host_cpu.armed, until;
	bool acts = actor && (actor->sleep || actor->yields || actor->is_gang);

	if (actor && actor->due && actor->due <= host_ticks) {
		actor->worst = host_ticks - actor->due > actor->worst ? host_ticks - actor->due : actor->worst;
		actor->wakes++;
		actor->due = 0;
	}
	until = acts ? host_ticks + actor->left : ~0ul;
	if (alarm && alarm < until)
		until = alarm;
	if (end < until)
		until = end;
	assert_true(until != ~0ul);
	if (until > host_ticks && actor) {
		actor->got += until - host_ticks;
		actor->left -= until - host_ticks;
	}
	if (until > host_ticks)
		host_ticks = until;
	if (until == alarm)
		core_enter(trap_timer);
	else if (acts && !actor->left)
		do_next(actor);
}

static void run(u64 ns)
{
	u64 end = host_ticks + ns;

	core_enter(trap_poke);
	while (host_ticks < end)
		turn(end);
}

static u64 percent(u64 part, u64 whole)
{
	return part * 100 / whole;
}

/* --- the order --- */

static void expect_next(const struct actor *actor, u64 ns)
{
	assert_ptr_equal(current_actor(), actor);
	run(ns);
}

static void test_order(void **state)
{
	struct actor *a = act(new_process(0), 0, 0), *b = act(new_process(0), 0, 0), *sleeper, *c;

	(void)state;
	core_enter(trap_poke);
	expect_next(a, SLICE);
	expect_next(b, SLICE);
	sleeper = act(new_process(0), MS, 8 * MS);
	c = act(new_process(0), 0, 0);
	/* New ones go before those that used up a slice: but not before who runs. */
	expect_next(a, SLICE);
	expect_next(sleeper, MS);
	expect_next(c, SLICE);
	expect_next(b, SLICE);
	/* The sleeper woke at 24 ms: before a, b and c, whatever their order. */
	expect_next(sleeper, MS);
	expect_next(a, SLICE);
	expect_next(c, SLICE);
	expect_next(sleeper, MS);
	expect_next(b, SLICE);
	expect_next(a, SLICE);
	assert_ptr_equal(current_actor(), sleeper);
}

static void test_alone(void **state)
{
	struct actor *a = act(new_process(0), 0, 0);

	(void)state;
	core_enter(trap_poke);
	host_ticks += 100 * SLICE;
	core_enter(trap_timer);
	assert_ptr_equal(current_actor(), a);
	/* Its slice is long over: who comes does not wait for another one. */
	act(new_process(0), 0, 0);
	core_enter(trap_timer);
	assert_ptr_not_equal(current_actor(), a);
}

/* --- delays --- */

static struct actor *add_waiter(void)
{
	return act(new_process(0), 20000, 7 * MS + 1);
}

static void test_waiter_beside_computing(void **state)
{
	struct actor *waiter = add_waiter();
	struct space *hog = new_process(0);

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		act(hog, 0, 0);
	run(2000ul * MS);
	assert_true(waiter->wakes >= 150 && waiter->worst <= SLICE);
	for (unsigned i = 2; i <= 16; i++)
		assert_in_range(actors[i].got + 2 * SLICE, actors[1].got, actors[1].got + 4 * SLICE);
}

/* A hog of 16 threads, each of which does anything. */
static void test_waiter_beside_anything(void **state)
{
	const u64 seeds = repeats(SEEDS);

	(void)state;
	end();
	for (u64 seed = 1; seed <= seeds; seed++) {
		struct actor *waiter;
		struct space *hog;

		setup(NULL);
		core_seed = seed * 104729;
		waiter = add_waiter();
		hog = new_process(0);
		for (unsigned i = 0; i < 16; i++) {
			u64 most = 1ul << core_roll(25);
			struct actor *actor = act(hog, 1 + core_roll(most), core_roll(3) ? 1 + core_roll(most) : 0);

			actor->yields = !core_roll(5);
			actor->is_gang = !core_roll(3);
		}
		/* Two that wake each other. */
		actors[2].is_gang = actors[3].is_gang = true;
		run(1000ul * MS);
		if (!waiter->wakes || waiter->worst > 3ul * SLICE)
			fail_msg("seed %lu: the waiter waited %lu us", (unsigned long)seed,
				(unsigned long)waiter->worst / 1000);
		if (seed < seeds)
			end();
	}
}

/* All threads of the hog wake at once, again and again, and compute for more than a slice each. */
static void test_waiter_beside_gang(void **state)
{
	struct actor *waiter = add_waiter();
	struct space *hog = new_process(0);

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		act(hog, SLICE + MS, 0)->is_gang = true;
	run(2000ul * MS);
	assert_true(waiter->wakes >= 100 && waiter->worst <= 3ul * SLICE);
}

/* --- shares --- */

/* Who waits for 1 ns just before the end of each slice gets no more than who does not. */
static void test_early_waiters(void **state)
{
	struct space *early = new_process(0);
	u64 all = 0;

	(void)state;
	act(new_process(0), 0, 0);
	act(new_process(0), 0, 0);
	act(new_process(0), SLICE - 1, 1);
	for (unsigned i = 0; i < 4; i++)
		act(early, SLICE - 1 - i, 1);
	run(7000ul * MS);
	for (unsigned i = 0; i < actor_count; i++)
		all += actors[i].got;
	assert_int_equal(all, host_ticks - began);
	for (unsigned i = 0; i < actor_count; i++)
		assert_true(percent(actors[i].got * actor_count, all) <= 103);
	assert_true(percent(actors[0].got * actor_count, all) >= 97);
}

/* Many that wait for a moment and compute for a moment all the time: who computes all the time has its share. */
static void test_short_waits(void **state)
{
	struct actor *computing = act(new_process(0), 0, 0);

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		act(new_process(0), 10000 + i, 1 + i);
	run(2000ul * MS);
	assert_in_range(percent(computing->got, host_ticks - began), 9, 100);
}

/* By the thread that runs. */
static void make_next(void)
{
	const struct space_spec spec = { .name = "next" };
	struct thread_spec next = { .ip = CODE };
	struct space *space = host_cpu.current->space;
	i64 result;

	if (!map_find(&space->map, SCRATCH))
		assert_int_equal(map_add(space, space, SCRATCH, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	assert_int_equal(space_write(space, SPEC, &spec, sizeof(spec)), 0);
	result = call(CALL_space_create, SPEC, 0, 0, 0);
	assert_true(result > 0);
	next.space = (u32)result;
	assert_int_equal(space_write(space, SPEC, &next, sizeof(next)), 0);
	assert_true(call(CALL_thread_create, SPEC, 0, 0, 0) >= 0);
	call(CALL_wait, WORD, 0, 0, 0);
}

/* A process makes another before it waits for ever, and so on: all together they have hardly more than one. */
static void test_makers(void **state)
{
	struct actor *computing = act(new_process(0), 0, 0);
	struct thread *thread;
	unsigned makers = 0;

	(void)state;
	assert_int_equal(thread_create(new_process(0), NULL, CODE, 0, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	while (host_ticks < END) {
		if (current_actor() || (host_cpu.armed && host_cpu.armed < host_ticks + SLICE / 8)) {
			turn(END);
		} else {
			host_ticks += SLICE / 8;
			make_next();
			makers++;
		}
	}
	assert_true(makers > 50);
	assert_in_range(percent(computing->got, host_ticks - began), 45, 100);
}

/* --- services --- */

/* A thread of a service that is not shielded has another slice to come to where it waits or yields, and no more. */
static void test_service(void **state)
{
	struct actor *service = act(new_process(SPACE_TRUSTED), 0, 0), *other = act(new_process(0), 0, 0);

	(void)state;
	core_enter(trap_poke);
	expect_next(service, SLICE);
	expect_next(service, SLICE);
	expect_next(other, SLICE);
	expect_next(service, SLICE + MS);
	assert_ptr_equal(current_actor(), service);
	call(CALL_yield, 0, 0, 0, 0);
	expect_next(other, SLICE);
	/* That was forgotten: there is another slice the next time. */
	expect_next(service, SLICE);
	expect_next(service, SLICE);
	assert_ptr_equal(current_actor(), other);
}

/* Tables of numbers and pools keep their pages. */
static void warm_up(void)
{
	setup(NULL);
	for (unsigned i = 0; i < ACTORS_MAX; i++)
		act(new_process(0), 0, 0);
	for (unsigned i = 0; i < 2200; i++)
		space_end(core_space(first, 0), SPACE_KILLED, 0);
	space_kill(first, SPACE_KILLED, 0);
	core_settle();
}

#define ONE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ONE(test_order),
		ONE(test_alone),
		ONE(test_waiter_beside_computing),
		ONE(test_waiter_beside_anything),
		ONE(test_waiter_beside_gang),
		ONE(test_early_waiters),
		ONE(test_short_waits),
		ONE(test_makers),
		ONE(test_service),
	};

	core_start(argc, argv, 64u << 20);
	warm_up();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
