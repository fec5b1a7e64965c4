/* Takes the place of init and tests interrupts that are calls (irq_call). Interrupted threads, in a space of their own and in a
 * call, compare all of their registers; drivers, in spaces of their own, take interrupts on top of each other, and make every
 * mistake that they can. Each check is a line of the kernel's log.
 *
 * Spaces are copies of this one that share a few pages. The threads that wait for an interrupt make it: victim.h. */
#include "services/runtime/service.h"
#include "victim.h"

enum { SHARED_AT = 0x20000000, LINES = 3, VICTIMS_MAX = 6, WAIT_NS = 20000000, TIMED_ROUNDS = 50 };

/* How long to wait for what must come: a host may be slow. */
#define PATIENCE_NS 30000000000ul

/* What a line's driver does when it is called. */
enum behaviour { COUNT, NEST, SPY, FAULT, LOOP, EXIT, SLEEP, OVERFLOW, AGAIN, PAUSE, WAKE };

/* What all spaces see. */
static struct shared {
	u32 begun[LINES], ended[LINES]; /* calls */
	u32 told[LINES];                /* times that the word has changed */
	u32 ready[LINES];
	u32 rounds, interrupted; /* of victims; rounds in which there was a call */
	u32 bad;                 /* registers that were not what they should be */
	u32 nested;              /* calls that a call saw begin and end */
	u32 go, stop, stopped;
	i64 slept;
	u64 portal, ticks;
	struct registers spied;
} *const shared = (struct shared *)SHARED_AT;

struct registers victim_in, victim_out, victim_spied;
static u8 victim_stack[256] __attribute__((aligned(16)));

static u32 get(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void count(u32 *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
}

/* --- who is interrupted --- */

/* Fills all registers with what nobody else has, has an interrupt come, and compares. */
static void run_round(u32 line, u64 seed)
{
	for (unsigned i = 0; i < GENERAL; i++)
		victim_in.general[i] = (seed + i) * 0x9e3779b97f4a7c15;
	victim_in.general[VALUE_REGISTER] = (victim_in.general[VALUE_REGISTER] & ~0xfffffffful) | send_value(line);
	fix_registers(victim_in.general, &victim_out);
	victim_in.sp = (u64)(victim_stack + sizeof(victim_stack));
	victim_in.flags = (seed * 0x9e3779b9 & FLAGS_PATTERN) | FLAGS_FIXED;
	for (unsigned i = 0; i < POINTERS; i++)
		victim_in.pointers[i] = (u32)seed * 16 + i;
	memset(&victim_out, 0, sizeof(victim_out));
	fill_vector(victim_in.vector, (u8)seed);
	victim_run();
	if (memcmp(victim_in.general, victim_out.general, sizeof(victim_in.general)) || victim_in.sp != victim_out.sp ||
		victim_in.flags != victim_out.flags ||
		memcmp(victim_in.pointers, victim_out.pointers, sizeof(victim_in.pointers)) ||
		!vector_is_same(victim_in.vector, victim_out.vector))
		count(&shared->bad);
}

static struct portal_result be_interrupted(u64 line, u64 rounds, u64 w2, u64 w3, u64 w4, u64 w5)
{
	(void)w2, (void)w3, (void)w4, (void)w5;
	for (u64 i = 0; i < rounds && !get(&shared->stop); i++) {
		const u32 begun = get(&shared->begun[line - LINE_FIRST]);

		run_round((u32)line, native_ticks());
		if (get(&shared->begun[line - LINE_FIRST]) != begun)
			count(&shared->interrupted);
		count(&shared->rounds);
		/* Interrupts that come at once after another one are not calls. */
		for (unsigned pause = 0; pause < 2000; pause++)
			native_relax();
	}
	return (struct portal_result){ 0 };
}

static void victim(void *line)
{
	while (!get(&shared->stop))
		be_interrupted((u64)line, 1000, 0, 0, 0, 0);
	count(&shared->stopped);
}

/* The same inside of a call; one thread at a time has its registers there. */
static struct portal_result serve(u64 line, u64 rounds, u64 w2, u64 w3, u64 w4, u64 w5)
{
	static u32 busy;

	if (!__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE)) {
		be_interrupted(line, rounds, w2, w3, w4, w5);
		__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	}
	return (struct portal_result){ 0 };
}

static void caller(void *line)
{
	u64 word1;

	while (!get(&shared->go))
		call_yield();
	while (!get(&shared->stop))
		if (portal_call(shared->portal, (u64)line, 100, 0, 0, 0, 0, &word1) < 0)
			count(&shared->bad);
	count(&shared->stopped);
}

/* How long it takes until the driver has had an interrupt, and this goes on. */
static void timed(void *argument)
{
	const enum behaviour behaviour = (enum behaviour)(u64)argument;
	const u32 *done = behaviour == WAKE ? shared->told : shared->ended;
	u64 least = ~0ul;

	for (unsigned i = 0; i < TIMED_ROUNDS; i++) {
		const u32 before = get(done);
		const u64 begin = native_ticks();
		u64 took;

		*(volatile u32 *)MMIO_SEND = send_value(LINE_FIRST);
		while (get(done) == before)
			if (behaviour == WAKE)
				call_yield();
		took = native_ticks() - begin;
		least = took < least ? took : least;
		clock_sleep(100000);
	}
	shared->ticks = least;
	count(&shared->stopped);
}

static void server(void *unused)
{
	u32 never = 0;

	(void)unused;
	shared->portal = (u64)service_portal(0, serve);
	count(&shared->ready[0]);
	for (;;)
		call_wait(&never, 0, 0, 0);
}

/* --- drivers --- */

struct driver {
	u32 line;
	enum behaviour behaviour;
	u64 ns;
};

static struct driver own;

static u64 grow_stack(u64 depth)
{
	volatile u64 page[64];

	page[0] = depth;
	return depth < 1 << 20 ? grow_stack(depth + 1) + page[0] : 0;
}

/* Has another line's interrupt come on top of this call, and compares as a victim does. */
static void nest(u32 line)
{
	const u32 ended = get(&shared->ended[line - LINE_FIRST]);

	run_round(line, native_ticks());
	if (get(&shared->ended[line - LINE_FIRST]) == ended + 1)
		count(&shared->nested);
}

static struct portal_result be_called(u64 line, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	u32 zero = 0;

	(void)w1, (void)w2, (void)w3, (void)w4, (void)w5;
	if (line != own.line)
		count(&shared->bad);
	count(&shared->begun[line - LINE_FIRST]);
	switch (own.behaviour) {
	case NEST:
		nest((u32)line + 1);
		break;
	case FAULT:
		*(volatile u32 *)(line & 0xf) = 1;
		break;
	case LOOP:
		for (;;)
			native_relax();
	case EXIT:
		call_thread_exit();
	case SLEEP:
		shared->slept = call_wait(&zero, 0, 0, WAIT_INTERRUPTIBLE);
		break;
	case OVERFLOW:
		grow_stack(0);
		break;
	case AGAIN:
		*(volatile u32 *)MMIO_SEND = send_value((u32)line);
		break;
	case PAUSE:
		while (!get(&shared->stop))
			native_relax();
		break;
	default:
		break;
	}
	count(&shared->ended[line - LINE_FIRST]);
	return (struct portal_result){ 0 };
}

void victim_has_spied(void)
{
	shared->spied = victim_spied;
	count(&shared->begun[own.line - LINE_FIRST]);
	count(&shared->ended[own.line - LINE_FIRST]);
}

/* Attaches its line and serves the interrupts that are no calls. */
static void driver(void *argument)
{
	static u32 word;
	u32 seen = 0;
	i64 portal;

	own = *(struct driver *)argument;
	portal = own.behaviour == SPY ? call_portal_create((u64)victim_spy, 0) : service_portal(0, be_called);
	if (call_irq_attach(own.line, &word) || (own.behaviour != WAKE && call_irq_call(own.line, (u64)portal, own.ns)))
		count(&shared->bad);
	count(&shared->ready[own.line - LINE_FIRST]);
	for (;;) {
		call_wait(&word, seen, 0, 0);
		if (get(&word) == seen)
			continue;
		__atomic_fetch_add(&shared->told[own.line - LINE_FIRST], get(&word) - seen, __ATOMIC_RELEASE);
		seen = get(&word);
		call_irq_done(own.line);
	}
}

/* --- spaces --- */

extern const char runtime_thread_entry[];
static struct start_info own_start;

/* What the copy that is made next begins with. */
static struct {
	void (*function)(void *);
	void *argument;
} first;

/* First of all in a copy: it has another number. */
static void begin(void *unused)
{
	struct space_info info;

	(void)unused;
	call_space_info(0, &info);
	own_start.number = info.number;
	first.function(first.argument);
}

static u32 make_space(const char *name, void (*function)(void *), void *argument, const struct quota *quota, u32 line)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR };
	void (**start)(void *) = heap_alloc(2 * sizeof(*start)); /* struct thread_start */
	struct thread_spec thread = { .ip = (u64)runtime_thread_entry, .arg = (u64)start };
	i64 space, result;

	start[0] = begin;
	first.function = function;
	first.argument = argument;
	strlcpy(spec.name, name, sizeof(spec.name));
	if (quota)
		spec.quota = *quota;
	space = call_space_create(&spec);
	service_assert(space > 0);
	result = call_space_fork(0, (u32)space);
	service_assert(!result);
	if (line)
		call_irq_grant(line, (u32)space);
	thread.space = (u32)space;
	result = call_thread_create(&thread);
	service_assert(result >= 0);
	heap_free(start);
	return (u32)space;
}

static u32 make_driver(u32 line, enum behaviour behaviour, u64 ns)
{
	static struct driver drivers[64];
	const u32 ready = get(&shared->ready[line - LINE_FIRST]);
	u32 space;

	drivers[line] = (struct driver){ line, behaviour, ns };
	space = make_space("driver", driver, &drivers[line], NULL, line);
	while (get(&shared->ready[line - LINE_FIRST]) == ready)
		clock_sleep(100000);
	return space;
}

/* --- checks --- */

static void check(bool good, const char *what, i64 value)
{
	service_log("%s - %s (%ld)", good ? "ok" : "not ok", what, (long)value);
}

static void wait_for(const u32 *word, u32 value)
{
	const u64 end = clock_now() + PATIENCE_NS;

	while (get(word) < value && clock_now() < end)
		clock_sleep(500000);
}

static u32 victims[VICTIMS_MAX];
static unsigned victim_count, victims_max;

static void start_victims(void (*function)(void *), u32 line, unsigned wanted)
{
	victim_count = wanted;
	memset(shared, 0, offsetof(struct shared, slept));
	for (unsigned i = 0; i < victim_count; i++)
		victims[i] = make_space("victim", function, (void *)(u64)line, NULL, 0);
}

static void end_victims(const char *what)
{
	shared->stop = 1;
	wait_for(&shared->stopped, victim_count);
	check(get(&shared->stopped) == victim_count && !get(&shared->bad), what, get(&shared->bad));
	for (unsigned i = 0; i < victim_count; i++)
		call_space_destroy(victims[i]);
}

/* Calls end, or the driver is told that their time was over: a host may be slow. */
static bool all_ended(unsigned line)
{
	const u64 end = clock_now() + PATIENCE_NS;
	bool ended;

	do {
		ended = get(&shared->begun[line]) - get(&shared->ended[line]) <= get(&shared->told[line]);
		if (!ended)
			clock_sleep(500000);
	} while (!ended && clock_now() < end);
	return ended;
}

static void check_calls(void)
{
	u32 drivers[LINES];

	for (unsigned i = 0; i < LINES; i++)
		drivers[i] = make_driver(LINE_FIRST + i, i + 1 < LINES ? NEST : COUNT, 0);
	start_victims(victim, LINE_FIRST, victims_max);
	wait_for(&shared->nested, 40);
	check(get(&shared->nested) >= 40, "calls of lines nest", get(&shared->nested));
	end_victims("who was interrupted has every register");
	check(shared->interrupted > 0, "interrupts were calls", shared->interrupted);
	for (unsigned i = 0; i < LINES; i++)
		check(shared->begun[i] >= 10 && all_ended(i), "each line's calls ended", shared->begun[i]);
	for (unsigned i = 0; i < LINES; i++)
		call_space_destroy(drivers[i]);
}

static void check_inside(void)
{
	const u32 driver_space = make_driver(LINE_FIRST, COUNT, 0);
	u32 server_space;

	memset(shared, 0, offsetof(struct shared, slept));
	server_space = make_space("server", server, NULL, NULL, 0);
	wait_for(&shared->ready[0], 1);
	shared->portal = address_in(server_space, shared->portal & ((1ul << service_start->number_shift) - 1));
	start_victims(caller, LINE_FIRST, victims_max);
	for (unsigned i = 0; i < victim_count; i++)
		call_grant(shared->portal, 1, victims[i], RIGHT_P);
	count(&shared->go);
	wait_for(&shared->interrupted, 40);
	check(get(&shared->interrupted) >= 40, "threads are interrupted in calls too", shared->interrupted);
	end_victims("they have every register there");
	call_space_destroy(server_space);
	call_space_destroy(driver_space);
}

/* A driver that behaves so, and victims that are none the worse for it. -> the driver's space, which may have ended */
static u32 misbehave(enum behaviour behaviour, u64 ns, const char *what)
{
	const u32 space = make_driver(LINE_FIRST, behaviour, ns);

	start_victims(victim, LINE_FIRST, victims_max);
	wait_for(&shared->begun[0], behaviour == FAULT || behaviour == OVERFLOW ? 1 : 3);
	wait_for(&shared->rounds, 30);
	check(get(&shared->rounds) >= 30, "others go on", get(&shared->rounds));
	end_victims(what);
	return space;
}

/* The line is as good as new for the next driver. */
static void restart(u32 space)
{
	call_space_destroy(space);
	space = misbehave(COUNT, 0, "registers with the driver that is started instead");
	check(shared->interrupted > 0 && all_ended(0), "and its interrupts are calls", shared->interrupted);
	call_space_destroy(space);
}

static void check_ends(enum behaviour behaviour, const char *registers, const char *ends)
{
	const u32 space = misbehave(behaviour, 0, registers);
	u64 address;
	const i64 end = call_space_wait(space, &address);

	check(end == SPACE_FAULTED && !shared->ended[0], ends, end);
	restart(space);
}

static void check_tells(enum behaviour behaviour, u64 ns, const char *registers, const char *told)
{
	const u32 space = misbehave(behaviour, ns, registers);

	wait_for(&shared->told[0], shared->begun[0]);
	check(shared->begun[0] >= 3 && !shared->ended[0] && shared->told[0] >= shared->begun[0], told, shared->told[0]);
	restart(space);
}

static void check_spy(void)
{
	const u32 space = misbehave(SPY, 0, "registers behind a driver that looks at its own");
	const struct registers *r = &shared->spied;
	unsigned set = 0;

	for (unsigned i = 0; i < GENERAL; i++)
		set += r->general[i] != 0;
	check(shared->begun[0] > 0 && set == 1, "the call's registers hold nothing but the line", set);
	check(r->flags == FLAGS_FIXED && !r->pointers[0] && !r->pointers[1], "nor flags or thread pointers",
		(i64)r->flags);
	check(vector_is_clear(r->vector), "nor vector registers", 0);
	call_space_destroy(space);
}

static void check_ended(void)
{
	const u32 space = make_driver(LINE_FIRST, PAUSE, 0);

	start_victims(victim, LINE_FIRST, victims_max);
	wait_for(&shared->begun[0], 1);
	call_space_destroy(space);
	wait_for(&shared->rounds, 30);
	check(get(&shared->rounds) >= 30 && !shared->ended[0], "a driver is ended in its call: others go on",
		shared->rounds);
	end_victims("registers after the driver's end");
}

/* A call goes on when who was interrupted is ended. It has its deadline, which a slow host may let pass. */
static void check_orphaned(void)
{
	const u32 space = make_driver(LINE_FIRST, PAUSE, 0);
	struct space_info info;

	for (unsigned tries = 0; tries < 10 && !(shared->ended[0] && shared->ended[0] == shared->begun[0]); tries++) {
		start_victims(victim, LINE_FIRST, 1);
		wait_for(&shared->begun[0], 1);
		call_space_destroy(victims[0]);
		shared->stop = 1;
		clock_sleep(2000000);
	}
	check(shared->ended[0] && shared->ended[0] == shared->begun[0],
		"the call goes on when who was interrupted is ended", shared->ended[0]);
	check(!call_space_info(space, &info) && info.end == SPACE_ALIVE, "and so does the driver", info.end);
	call_space_destroy(space);
}

static u64 time_of(enum behaviour behaviour)
{
	const u32 space = make_driver(LINE_FIRST, behaviour, 0);

	start_victims(timed, behaviour, 1);
	wait_for(&shared->stopped, 1);
	call_space_destroy(victims[0]);
	call_space_destroy(space);
	return shared->ticks;
}

static void check_errors(void)
{
	static u32 word;
	const i64 portal = service_portal(1, be_called);
	const u32 line = LINE_FIRST;

	check(call_irq_call(line, (u64)portal, 0) == -E_PERM, "a line must be attached", 0);
	check(!call_irq_attach(line, &word), "it is", 0);
	check(call_irq_call(100000, (u64)portal, 0) == -E_INVAL, "a line that there is not", 0);
	check(call_irq_call(line, (u64)portal, IRQ_CALL_NS_MAX + 1) == -E_INVAL, "more time than there is", 0);
	check(call_irq_call(line, 0x1234, 0) == -E_NOENT, "no portal", 0);
	check(call_irq_call(line, ~0ul, 0) == -E_NOENT, "no address", 0);
	check(!call_irq_call(line, (u64)portal, 0) && !call_irq_call(line, 0, 0), "calls are stopped again", 0);
	check(!call_irq_grant(line, (u32)service_start->number), "the line is given back", 0);
}

void service_main(const struct start_info *start)
{
	const i64 memory = call_segment_create(8, 0), mmio = call_segment_device(MMIO_PHYSICAL, PAGE_SIZE);
	struct kernel_stats before, after;

	own_start = *start; /* it lies on this thread's stack */
	service_start = &own_start;
	service_assert(memory > 0 && mmio > 0);
	service_assert(!call_map(0, SHARED_AT, 8 * PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)memory, 0));
	service_assert(!call_map(0, MMIO_AT, PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)mmio, 0));
	/* One more than there are processors, so that they are preempted too. */
	victims_max = start->processors + 1 < VICTIMS_MAX ? (unsigned)start->processors + 1 : VICTIMS_MAX;
	memset(shared, 0, sizeof(*shared));
	check_errors();
	check_calls();
	clock_sleep(WAIT_NS); /* what ends on other processors */
	call_stats(&before, sizeof(before));
	check_calls();
	check_inside();
	check_spy();
	check_ends(FAULT, "registers behind a driver that faults", "the fault ends the driver");
	check_ends(OVERFLOW, "registers behind a driver that overruns its stack", "it has run into the guard page");
	check_tells(LOOP, WAIT_NS, "registers behind a driver that loops", "its calls end, and it is told");
	check_tells(EXIT, 0, "registers behind a driver that ends its thread", "only the call ends, and it is told");
	restart(misbehave(SLEEP, 0, "registers behind a driver that sleeps"));
	check(shared->slept == -E_PERM, "it cannot", shared->slept);
	restart(misbehave(AGAIN, 0, "registers behind a driver that interrupts again and again"));
	check_ended();
	check_orphaned();
	/* Some of it is still given back on other processors. */
	for (u64 end = clock_now() + PATIENCE_NS; call_stats(&after, sizeof(after)) >= 0 && clock_now() < end;) {
		if (before.frames_free <= after.frames_free)
			break;
		clock_sleep(500000);
	}
	check(before.frames_free <= after.frames_free, "all memory is back",
		(i64)(before.frames_free - after.frames_free));
	service_log("ticks: %lu by a call, %lu by waking a thread", (unsigned long)time_of(COUNT),
		(unsigned long)time_of(WAKE));
	call_power_off(0);
}
