/* The watchdog: watchdog.h.
 *
 * A thread of the service calls REGISTRY_ALIVE, which returns a second later. The thread then has to get the service's locks, or to
 * see that another thread that waits for them got them, and calls again. Until it does, a thread of init looks every 100 ms at what
 * the processors do. If they spend two seconds idle or in services that are not shielded, the service counts as hung. The time in
 * which programs run does not count, nor does idleness while a driver works for a program: the service may hold its lock until the
 * host has done its part, and with --icount the guest's clock does not wait for the host. */
#include "watchdog.h"

#include "supervisor.h"

#define PAUSE_NS 1000000000ul
#define LOOK_NS 100000000ul
#define HUNG_NS 2000000000ul

static struct lock watch_lock;
static struct condition asked;
static bool is_asked; /* [watch_lock] */

i64 watchdog_alive(void)
{
	lock_acquire(&watch_lock);
	is_asked = false;
	lock_release(&watch_lock);
	clock_sleep(PAUSE_NS);
	lock_acquire(&watch_lock);
	is_asked = true;
	condition_wake_all(&asked);
	lock_release(&watch_lock);
	return 0;
}

static bool awaits_answer(void)
{
	bool result;

	lock_acquire(&watch_lock);
	result = is_asked;
	lock_release(&watch_lock);
	return result;
}

/* --- the threads of a space and of those that it manages --- */

/* -> false: enough. */
typedef bool thread_function(const struct space_info *home, const struct thread_info *thread);

static bool for_threads(const struct space_info *home, thread_function *function)
{
	struct thread_info threads[LIST_MAX];
	u64 after = 0;
	i64 got;

	while ((got = call_list(LIST_THREADS, home->number, after, threads, LIST_MAX)) > 0) {
		for (i64 i = 0; i < got; i++)
			if (!function(home, &threads[i]))
				return false;
		after = threads[got - 1].number + 1;
	}
	return true;
}

/* Only the Linux service manages spaces; what they manage in turn has no part in system calls. */
static bool for_all_threads(u32 number, thread_function *function)
{
	struct space_info space, managed[LIST_MAX];
	u64 after = 0;
	i64 got;

	if (!number || call_space_info(number, &space) < 0)
		return true;
	if (!for_threads(&space, function))
		return false;
	while ((got = call_list(LIST_SPACES, number, after, managed, LIST_MAX)) > 0) {
		for (i64 i = 0; i < got; i++)
			if (!for_threads(&managed[i], function))
				return false;
		after = managed[got - 1].number;
	}
	return true;
}

/* Is the thread, as far as it is a program's, in no driver and not in init? (The service's own threads always wait for input in the
 * console driver.) */
static bool is_at_home(const struct space_info *home, const struct thread_info *thread)
{
	if (thread->space == children[SERVICE_FS].space)
		return false;
	return home->number == children[SERVICE_LINUX].space ||
		(thread->space != children[SERVICE_CONSOLE].space && thread->space != service_start->number);
}

static bool is_any(const struct space_info *home, const struct thread_info *thread)
{
	(void)home, (void)thread;
	return true;
}

/* --- watching --- */

static struct kernel_stats question_stats, look_stats; /* when the service was asked; now */

/* From one question to its answer. */
static void watch_question(void)
{
	struct kernel_stats *begin = &question_stats, *now = &look_stats;

	call_stats(begin, sizeof(*begin));
	while (awaits_answer()) {
		clock_sleep(LOOK_NS);
		call_stats(now, sizeof(*now));
		if (now->service_ns - begin->service_ns >= HUNG_NS && awaits_answer())
			watchdog_end("the Linux service hangs: it computes for 2 s without an answer");
		if (!for_all_threads(children[SERVICE_LINUX].space, is_at_home))
			begin->idle_ns = now->idle_ns;
		if (now->idle_ns - begin->idle_ns >= HUNG_NS && awaits_answer())
			watchdog_end("the Linux service hangs: it waits for 2 s without an answer, and nothing runs");
	}
}

static void watch(void *unused)
{
	(void)unused;
	/* What looking takes of memory is there from the start, and not only when the service is slow for the first time. */
	for_all_threads(service_start->number, is_any);
	call_stats(&question_stats, sizeof(question_stats));
	call_stats(&look_stats, sizeof(look_stats));
	for (;;) {
		lock_acquire(&watch_lock);
		while (!is_asked)
			condition_wait(&asked, &watch_lock, 0, 0);
		lock_release(&watch_lock);
		watch_question();
	}
}

void watchdog_start(void)
{
	if (thread_start(watch, NULL) < 0)
		supervisor_give_up("no thread to watch the Linux service");
}

/* --- where it stands --- */

enum { LINES_MAX = 200 };

static unsigned lines;

static bool say_thread(const struct space_info *home, const struct thread_info *thread)
{
	static const char *const states[] = { "is ready", "runs", "waits", "is dead" };
	struct space_info in = { 0 };
	char call[32] = "", word[64] = "";

	if (lines++ == LINES_MAX) {
		service_log(LOG_WHERE "there are more");
		return false;
	}
	call_space_info(thread->space, &in);
	if (thread->call != ~0u)
		format(call, sizeof(call), ", in system call %u", thread->call);
	if (thread->word_space)
		format(word, sizeof(word), " for the word at 0x%lx of space %u", (unsigned long)thread->word,
			thread->word_space);
	service_log(LOG_WHERE "space %u %s, thread %u: %s%s%s, at 0x%lx in %s", home->number, home->name,
		thread->number, states[thread->state % ARRAY_SIZE(states)], word, call, (unsigned long)thread->ip,
		in.name);
	return true;
}

void watchdog_end(const char *why)
{
	service_log(LOG_WHERE "%s", why);
	for (unsigned i = 0; i < SERVICES; i++)
		if (!for_all_threads(children[i].space, say_thread))
			break;
	call_power_off(STATUS_HUNG);
	service_panic("init: no right to power off");
}
