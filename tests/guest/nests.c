/* Chains that programs make, long ones and circles: epoll sets in epoll sets, parents of parents. The service may not follow such a
 * chain with its lock held for as long as the chain is. */
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tests/guest/tap.h"

enum { CHAIN_MAX = 5, LONG = 12, WAYS_MAX = 500 };

static int put(int set, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static bool tells(int set, int timeout)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, timeout) == 1;
}

static void circles(void)
{
	int sets[CHAIN_MAX];

	for (int i = 0; i < CHAIN_MAX; i++)
		sets[i] = epoll_create1(0);
	check_errno(put(sets[0], sets[0], EPOLLIN), EINVAL, "a set in itself");
	for (int i = 1; i < CHAIN_MAX; i++)
		check(put(sets[i], sets[i - 1], EPOLLIN) == 0, "a set in a set");
	for (int i = 1; i < CHAIN_MAX; i++)
		check_errno(put(sets[0], sets[i], EPOLLIN), ELOOP, "a set in one that it contains");
	check_errno(put(sets[2], sets[3], EPOLLIN), ELOOP, "in the middle");
	for (int i = 0; i < CHAIN_MAX; i++)
		close(sets[i]);
}

/* A chain of five tells its end, whether it is made from below or from above, or joined in the middle. */
static void chains(void)
{
	int sets[LONG], ends[2], at, joined = 0;

	check(pipe(ends) == 0, "pipe");
	for (int i = 0; i < LONG; i++)
		sets[i] = epoll_create1(0);
	check(put(sets[0], ends[0], EPOLLIN) == 0, "a pipe in a set");
	for (at = 1; at < CHAIN_MAX; at++)
		check(put(sets[at], sets[at - 1], EPOLLIN) == 0, "a longer chain");
	check(!tells(sets[CHAIN_MAX - 1], 0), "nothing there");
	check(write(ends[1], "x", 1) == 1 && tells(sets[CHAIN_MAX - 1], 5000), "the end of the chain tells");
	check(read(ends[0], sets, 1) == 1 && !tells(sets[CHAIN_MAX - 1], 0), "and does not any more");
	for (int i = 0; i < LONG; i++)
		close(sets[i]);
	for (int i = 0; i < LONG; i++)
		sets[i] = epoll_create1(0);
	for (at = LONG - 1; at > 0 && put(sets[at], sets[at - 1], EPOLLIN) == 0; at--)
		joined++;
	check(joined >= CHAIN_MAX - 1 && joined <= CHAIN_MAX, "from above it ends, too");
	check_errno(put(sets[at], sets[at - 1], EPOLLIN), ELOOP, "by ELOOP");
	check(put(sets[1], sets[0], EPOLLIN) == 0 && put(sets[2], sets[1], EPOLLIN) == 0, "a chain of three");
	check_errno(put(sets[at], sets[2], EPOLLIN), ELOOP, "joined to the long one");
	for (int i = 0; i < LONG; i++)
		close(sets[i]);
	close(ends[0]);
	close(ends[1]);
}

/* From a pipe through sets of two layers to the top: only so many ways. */
static void ways(void)
{
	struct rlimit many = { 1024, 1024 };
	int ends[2], top = epoll_create1(0), added = 0, last = -1;

	setrlimit(RLIMIT_NOFILE, &many);
	check(pipe(ends) == 0, "pipe");
	for (int i = 0; i <= WAYS_MAX; i++) {
		last = epoll_create1(0);
		if (put(top, last, EPOLLIN) != 0 || put(last, ends[0], EPOLLIN) != 0)
			break;
		added++;
	}
	check(added == WAYS_MAX && errno == EINVAL, "five hundred ways through two sets");
	check(write(ends[1], "x", 1) == 1 && tells(top, 5000), "of which one is enough");
	close(last);
	check(put(top, ends[0], EPOLLIN) == 0, "a shorter one still is there");
}

static volatile sig_atomic_t rang;

static void ring(int signal)
{
	(void)signal;
	rang = 1;
}

/* What wakes the sets is the kernel's timers: they go on afterwards. */
static void timers(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	int lower = epoll_create1(0), upper = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);

	signal(SIGALRM, ring);
	check(put(lower, timer, EPOLLIN) == 0 && put(upper, lower, EPOLLIN) == 0, "a timer in a set in a set");
	check_errno(put(lower, upper, EPOLLIN), ELOOP, "no circle around it");
	check(timerfd_settime(timer, 0, &soon, NULL) == 0 && tells(upper, 5000), "it rings through both");
	alarm(1);
	for (int i = 0; i < 50 && !rang; i++)
		usleep(100000);
	check(rang, "so does an alarm");
}

/* --- parents --- */

static pid_t clone_with(int signal)
{
	return (pid_t)syscall(SYS_clone, signal, NULL, NULL, NULL, NULL);
}

/* A child whose end continues its parent does not continue the parent's parent. */
static void continued(void)
{
	int go[2], did[2], status;
	char byte;
	pid_t first;

	check(pipe(go) == 0 && pipe(did) == 0, "pipes");
	first = clone_with(SIGCONT);
	if (first == 0) {
		pid_t second = clone_with(SIGCONT);

		if (second == 0) {
			if (clone_with(SIGCONT) == 0)
				_exit(read(go[0], &byte, 1) != 1);
			raise(SIGSTOP);
			_exit(write(did[1], "c", 1) != 1 || usleep(300000));
		}
		waitpid(second, &status, WUNTRACED | __WALL);
		raise(SIGSTOP);
		_exit(0);
	}
	check(waitpid(first, &status, WUNTRACED | __WALL) == first && WIFSTOPPED(status),
		"parent and grandparent are stopped");
	check(write(go[1], "x", 1) == 1 && read(did[0], &byte, 1) == 1, "the parent goes on when its child ends");
	usleep(50000);
	check(waitpid(first, &status, WCONTINUED | WNOHANG | __WALL) == 0, "the grandparent does not");
	check(kill(first, SIGKILL) == 0 && waitpid(first, &status, __WALL) == first, "it ends");
}

int main(void)
{
	circles();
	chains();
	timers();
	continued();
	ways();
	return tap_end();
}
