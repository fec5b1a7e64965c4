/* Clocks, sleeping and timers. Only lower bounds are checked, and upper ones so wide that a slow machine keeps them. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "tap.h"

static volatile sig_atomic_t count;

static void note(int number)
{
	(void)number;
	count++;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		return -1;
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void test_monotonic(void)
{
	int64_t last = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME), next;
	bool backwards = false, wall_backwards = false;
	int status;

	for (int i = 0; i < 20000; i++) {
		next = now(CLOCK_MONOTONIC);
		backwards |= next < last;
		last = next;
		next = now(CLOCK_REALTIME);
		wall_backwards |= next < wall;
		wall = next;
	}
	check(!backwards, "CLOCK_MONOTONIC does not go back");
	check(!wall_backwards, "CLOCK_REALTIME does not go back");
	last = now(CLOCK_MONOTONIC);
	if (fork() == 0)
		_exit(now(CLOCK_MONOTONIC) >= last ? 0 : 1);
	wait(&status);
	check(status == 0 && now(CLOCK_MONOTONIC) > last, "CLOCK_MONOTONIC is the same in a child");
	check(now(CLOCK_BOOTTIME) > 0 && now(CLOCK_MONOTONIC_RAW) > 0 && now(CLOCK_MONOTONIC_COARSE) > 0 &&
			now(CLOCK_REALTIME_COARSE) > 0,
		"the other clocks");
}

static void test_wall(void)
{
	struct timeval day;
	struct timespec resolution;
	int64_t wall = now(CLOCK_REALTIME);

	check(wall > 1700000000ll * 1000000000 && wall < 4000000000ll * 1000000000, "CLOCK_REALTIME is plausible");
	check(gettimeofday(&day, NULL) == 0 && llabs(day.tv_sec - wall / 1000000000) <= 2 &&
			llabs(time(NULL) - day.tv_sec) <= 2,
		"gettimeofday and time agree");
	check(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0,
		"clock_getres");
	check_errno(clock_gettime(77, &resolution), EINVAL, "clock_gettime: no such clock");
}

static int64_t slept(int64_t ns)
{
	struct timespec time = { ns / 1000000000, ns % 1000000000 };
	int64_t start = now(CLOCK_MONOTONIC);

	if (nanosleep(&time, NULL) < 0)
		return -1;
	return now(CLOCK_MONOTONIC) - start;
}

static void test_sleep(void)
{
	struct timespec time = { 0, 1000000000 };
	int64_t start, end;

	check(slept(1000) >= 1000 && slept(2000000) >= 2000000 && slept(30000000) >= 30000000,
		"nanosleep: not less than asked for");
	check(slept(20000000) < 20000000000, "nanosleep: not much more");
	check_errno(nanosleep(&time, NULL), EINVAL, "nanosleep: too many nanoseconds");
	time = (struct timespec){ -1, 0 };
	check_errno(nanosleep(&time, NULL), EINVAL, "nanosleep: negative");
	check_errno(nanosleep(tap_pointer(8), NULL), EFAULT, "nanosleep: bad pointer");
	start = now(CLOCK_MONOTONIC);
	end = start + 20000000;
	time = (struct timespec){ end / 1000000000, end % 1000000000 };
	check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0 && now(CLOCK_MONOTONIC) >= end,
		"clock_nanosleep: absolute");
	check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0, "clock_nanosleep: in the past");
	check(usleep(1000) == 0 && poll(NULL, 0, 5) == 0, "usleep and poll");
}

/* Children that sleep different times end in that order. */
static bool end_in_order(useconds_t step)
{
	pid_t children[4];
	bool right = true;

	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			usleep((4 - (useconds_t)i) * step);
			_exit(0);
		}
	}
	for (int i = 3; i >= 0; i--)
		right &= wait(NULL) == children[i];
	return right;
}

static void test_order(void)
{
	useconds_t step = 100000;

	/* A machine that is busy may let one wait for longer than the next one sleeps. */
	while (!end_in_order(step) && step < 3000000)
		step *= 2;
	check(step < 3000000, "sleeping children end in order");
}

static void test_timers(void)
{
	struct itimerval timer = { { 0, 3000 }, { 0, 10000 } }, old;
	int64_t start = now(CLOCK_MONOTONIC);

	signal(SIGALRM, note);
	check(setitimer(ITIMER_REAL, &timer, NULL) == 0 && getitimer(ITIMER_REAL, &old) == 0 &&
			old.it_interval.tv_usec == 3000 && old.it_value.tv_usec <= 10000,
		"setitimer and getitimer");
	while (count < 5)
		pause();
	check(now(CLOCK_MONOTONIC) - start >= 22000000, "setitimer: again and again");
	timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	check(setitimer(ITIMER_REAL, &timer, &old) == 0 && old.it_interval.tv_usec == 3000, "setitimer: off");
	count = 0;
	usleep(10000);
	check(count == 0, "setitimer: stays off");
	check(alarm(100) == 0 && alarm(0) == 100, "alarm: what was left");
	check_errno(setitimer(99, &timer, NULL), EINVAL, "setitimer: no such timer");
	signal(SIGALRM, SIG_DFL);
}

static void test_usage(void)
{
	struct rusage usage;
	struct tms ticks;
	int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
	volatile unsigned x = 0;

	for (unsigned i = 0; i < 30000000; i++)
		x += i;
	check(now(CLOCK_PROCESS_CPUTIME_ID) > start && x > 0, "CLOCK_PROCESS_CPUTIME_ID advances");
	check(now(CLOCK_THREAD_CPUTIME_ID) > 0, "CLOCK_THREAD_CPUTIME_ID");
	check(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0,
		"getrusage");
	check(times(&ticks) != (clock_t)-1 && ticks.tms_utime >= 0, "times");
}

int main(void)
{
	test_monotonic();
	test_wall();
	test_sleep();
	test_order();
	test_timers();
	test_usage();
	return tap_end();
}
