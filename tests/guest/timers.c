/* Timers: expiries are counted, and a timer goes on when its signal or count is taken. Limits of a user's timers and waiting
 * signals (RLIMIT_SIGPENDING), for which the superuser is needed. */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "users.h"

enum { MS = 1000000, MANY = 100, LIMIT = 10 };

static void rest(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * MS };

	while (nanosleep(&time, NULL) < 0)
		;
}

static void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Takes a signal that is blocked. -> whether it came within so many ms. */
static bool take(int signal, long ms, siginfo_t *info)
{
	const struct timespec time = { ms / 1000, ms % 1000 * MS };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return sigtimedwait(&set, info, &time) == signal;
}

static int create(int signal, int *id)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal, .sigev_value.sival_int = 4711 };

	return (int)syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, id);
}

static int set(int id, long first, long interval)
{
	const struct itimerspec times = {
		.it_value = { first / (1000 * MS), first % (1000 * MS) },
		.it_interval = { interval / (1000 * MS), interval % (1000 * MS) },
	};

	return (int)syscall(SYS_timer_settime, id, 0, &times, NULL);
}

static int delete_timer(int id)
{
	return (int)syscall(SYS_timer_delete, id);
}

/* Takes what a timer left: a signal that was sent before its end stays. */
static void drain(int signal)
{
	siginfo_t info;

	while (take(signal, 0, &info))
		;
}

static void overruns(void)
{
	siginfo_t info, more;
	int id;

	block(SIGRTMIN);
	check(create(SIGRTMIN, &id) == 0 && set(id, MS, MS) == 0, "timer_create");
	rest(30);
	check(take(SIGRTMIN, 1000, &info) && info.si_code == SI_TIMER && info.si_value.sival_int == 4711, "its signal");
	check(info.si_overrun >= 10 && syscall(SYS_timer_getoverrun, id) == info.si_overrun, "tells overruns");
	check(take(SIGRTMIN, 1000, &more) && more.si_overrun < 1000, "it goes on");
	set(id, 0, 0);
	drain(SIGRTMIN);
	check(set(id, 1, 1) == 0 && take(SIGRTMIN, 1000, &info), "an interval of 1 ns");
	rest(5);
	check(take(SIGRTMIN, 1000, &info) && info.si_overrun >= 1000, "overruns of it");
	check(delete_timer(id) == 0 && delete_timer(id) == -1 && errno == EINVAL, "timer_delete");
	drain(SIGRTMIN);
}

static void one_shots(void)
{
	siginfo_t info;
	int id;

	check(create(SIGRTMIN, &id) == 0 && set(id, MS, 0) == 0 && take(SIGRTMIN, 1000, &info) && info.si_overrun == 0,
		"once");
	check(!take(SIGRTMIN, 10, &info), "not twice");
	check(set(id, MS, 0) == 0 && take(SIGRTMIN, 1000, &info), "set again");
	check(set(id, 200 * MS, 0) == 0 && set(id, 0, 0) == 0 && !take(SIGRTMIN, 300, &info), "turned off");
	delete_timer(id);
}

static void files(void)
{
	const struct itimerspec ms = { { 0, MS }, { 0, MS } }, ns = { { 0, 1 }, { 0, 1 } };
	struct itimerspec left;
	uint64_t times = 0;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	check(timerfd_settime(fd, 0, &ms, NULL) == 0, "timerfd");
	rest(30);
	check(read(fd, &times, sizeof(times)) == 8 && times >= 10, "counts");
	check(read(fd, &times, sizeof(times)) == 8 && times >= 1, "and goes on");
	check(timerfd_settime(fd, 0, &ns, NULL) == 0 && read(fd, &times, sizeof(times)) == 8, "of 1 ns");
	rest(5);
	check(read(fd, &times, sizeof(times)) == 8 && times >= 1000000, "counts all");
	check(timerfd_settime(fd, 0, &ms, NULL) == 0 && (rest(5), timerfd_gettime(fd, &left)) == 0 &&
			left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= MS,
		"what is left is less than the interval");
	close(fd);
}

static void intervals(void)
{
	const struct itimerval often = { { 0, 1 }, { 0, 1 } }, off = { { 0, 0 }, { 0, 0 } };
	struct itimerval now;
	siginfo_t info;

	block(SIGALRM);
	check(setitimer(ITIMER_REAL, &often, NULL) == 0 && take(SIGALRM, 1000, &info) && take(SIGALRM, 1000, &info),
		"setitimer of 1 us");
	check(getitimer(ITIMER_REAL, &now) == 0 && now.it_interval.tv_usec == 1 && now.it_value.tv_sec == 0,
		"getitimer");
	check(setitimer(ITIMER_REAL, &off, NULL) == 0, "off");
	drain(SIGALRM);
	check(!take(SIGALRM, 5, &info), "nothing comes");
}

static void many(void)
{
	int ids[MANY], right = 0, id;
	siginfo_t info;

	for (int i = 0; i < MANY; i++)
		right += create(SIGRTMIN, &ids[i]) == 0 && set(ids[i], (MANY - i) * 10000, 0) == 0;
	check(right == MANY, "many timers");
	right = 0;
	for (int i = 0; i < MANY; i++)
		right += take(SIGRTMIN, 1000, &info);
	check(right == MANY, "all are due");
	right = 0;
	for (int i = 0; i < MANY; i += 2)
		right += delete_timer(ids[i]) == 0;
	for (int i = 0; i < MANY; i += 2)
		right += create(SIGRTMIN, &ids[i]) == 0;
	for (int i = 0; i < MANY; i++)
		right += delete_timer(ids[i]) == 0;
	check(right == 2 * MANY, "they come and go");
	check(create(0, &id) == -1 && errno == EINVAL && create(SIGRTMAX + 1, &id) == -1 && errno == EINVAL,
		"wrong signals");
}

/* --- timers for a thread --- */

static volatile int thread_timer;
static char nothing_came;
static volatile pid_t thread_id;

static void *owns_timer(void *unused)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	int id = -1;

	thread_id = (pid_t)syscall(SYS_gettid);
	((int *)&event)[4] = thread_id;
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0)
		set(id, MS, MS);
	thread_timer = id;
	return take(SIGRTMIN, 1000, &(siginfo_t){ 0 }) ? NULL : unused;
}

static void threads(void)
{
	pthread_t thread;
	void *result = &thread;
	siginfo_t info;

	pthread_create(&thread, NULL, owns_timer, &nothing_came);
	pthread_join(thread, &result);
	check(result == NULL, "a timer for a thread");
	check(!take(SIGRTMIN, 20, &info), "nobody gets its signals when the thread has ended");
	delete_timer(thread_timer);
}

/* --- limits --- */

static int charged(void)
{
	char line[200];
	FILE *file = fopen("/proc/self/status", "r");
	int count = -1, limit = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SigQ: %d/%d", &count, &limit) == 2)
			break;
	if (file)
		fclose(file);
	return limit == LIMIT ? count : -1;
}

static int queue(pid_t pid, int signal)
{
	return sigqueue(pid, signal, (union sigval){ 0 });
}

static int counts_timers(void)
{
	int ids[LIMIT + 1], fine = charged() == 0;

	for (int i = 0; i < LIMIT; i++)
		fine &= create(SIGRTMIN, &ids[i]) == 0;
	fine &= create(SIGRTMIN, &ids[LIMIT]) == -1 && errno == EAGAIN && charged() == LIMIT;
	/* A child has none of them, but is the same user. */
	if (fork() == 0)
		_exit(create(SIGRTMIN, &ids[LIMIT]) == -1 && errno == EAGAIN ? 0 : 1);
	wait(&ids[LIMIT]);
	fine &= ids[LIMIT] == 0;
	delete_timer(ids[0]);
	return !(fine && create(SIGRTMIN, &ids[0]) == 0);
}

static int counts_signals(void)
{
	siginfo_t info;
	bool fine = charged() == 0;

	block(SIGRTMIN);
	block(SIGUSR1);
	for (int i = 0; i < LIMIT; i++)
		fine &= queue(getpid(), SIGRTMIN) == 0;
	fine &= queue(getpid(), SIGRTMIN) == -1 && errno == EAGAIN && charged() == LIMIT;
	/* kill() has nothing to tell but the signal. */
	fine &= kill(getpid(), SIGUSR1) == 0 && take(SIGUSR1, 0, &info) && kill(getpid(), SIGRTMIN) == 0;
	for (int i = 0; i < LIMIT; i++)
		fine &= take(SIGRTMIN, 0, &info) && info.si_code == SI_QUEUE;
	return !(fine && charged() == 0 && queue(getpid(), SIGRTMIN) == 0);
}

static int is_another(void)
{
	int id;

	block(SIGRTMIN);
	return !(charged() == 0 && create(SIGRTMIN, &id) == 0 && queue(getpid(), SIGRTMIN) == 0);
}

/* What a process leaves is taken back. */
static int leaves_some(void)
{
	int id;

	block(SIGRTMIN);
	for (int i = 0; i < LIMIT / 2; i++)
		if (create(SIGRTMIN, &id) < 0 || queue(getpid(), SIGRTMIN) < 0)
			return 1;
	set(id, MS, MS);
	rest(5);
	return 0;
}

static void limits(void)
{
	const struct rlimit limit = { LIMIT, LIMIT };

	setrlimit(RLIMIT_SIGPENDING, &limit);
	check(user_run(user_id(0), counts_timers) == 0, "RLIMIT_SIGPENDING: timers of a user");
	check(user_run(user_id(0), counts_signals) == 0, "RLIMIT_SIGPENDING: signals that wait");
	check(user_run(user_id(0), leaves_some) == 0 && user_run(user_id(0), leaves_some) == 0, "all is given back");
	check(user_run(user_id(1), is_another) == 0, "another user has its own");
}

int main(void)
{
	overruns();
	one_shots();
	files();
	intervals();
	many();
	threads();
	if (geteuid() == 0)
		tap_child(limits);
	return tap_end();
}
