/* Timers of one process do not take the processor from others: work beside many timers of the shortest interval, whose owner sleeps
 * and takes no signal, lasts about as long as alone. With --icount the times are exact. */
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "users.h"

enum { TIMERS = 200, CALLS = 2000 };

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* -> ms. */
static double work(void)
{
	double start = now_ms();

	for (int i = 0; i < CALLS; i++)
		umask(022);
	return now_ms() - start;
}

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void files(void)
{
	const struct itimerspec often = { { 0, 1 }, { 0, 1 } };

	for (int i = 0; i < TIMERS; i++)
		if (timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &often, NULL) < 0)
			_exit(1);
}

static void timers(void)
{
	const struct itimerspec often = { { 0, 1 }, { 0, 1 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	int id;

	block_all();
	for (int i = 0; i < TIMERS; i++)
		if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) < 0 ||
			syscall(SYS_timer_settime, id, 0, &often, NULL) < 0)
			_exit(1);
}

static void ignored_timers(void)
{
	signal(SIGRTMIN, SIG_IGN);
	timers();
}

static void intervals(void)
{
	const struct itimerval often = { { 0, 1 }, { 0, 1 } };

	block_all();
	for (int i = 0; i < 16 && fork() > 0; i++)
		;
	setitimer(ITIMER_REAL, &often, NULL);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
}

static const struct {
	const char *name;
	void (*start)(void);
} kinds[] = {
	{ "timerfd", files },
	{ "timer_create, signals blocked", timers },
	{ "timer_create, signals ignored", ignored_timers },
	{ "setitimer in 16 processes", intervals },
};

int main(void)
{
	double alone, beside;

	work();
	alone = work();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int ready[2];
		char byte;
		pid_t child;

		if (pipe(ready) < 0)
			return 1;
		child = fork();
		if (child == 0) {
			setpgid(0, 0);
			user_become(user_id(0));
			kinds[i].start();
			if (write(ready[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		setpgid(child, child);
		if (read(ready[0], &byte, 1) != 1)
			return 1;
		usleep(20000);
		beside = work();
		if (!check(beside < 2 * alone, kinds[i].name))
			dprintf(2, "# %.3f ms alone, %.3f ms beside\n", alone, beside);
		kill(-child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return tap_end();
}
