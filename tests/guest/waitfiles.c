/* timerfd, signalfd and eventfd: alone, with poll and with epoll. */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tap.h"

static short events_of(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, ms) >= 0 ? p.revents : -1;
}

static void test_timerfd(void)
{
	struct itimerspec once = { .it_value.tv_nsec = 20000000 }, often = { { 0, 10000000 }, { 0, 10000000 } }, told;
	struct itimerspec late = { .it_value.tv_sec = 1000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), set = epoll_create1(0);
	struct epoll_event event = { EPOLLIN, { .u32 = 7 } }, got;
	uint64_t times = 0;

	check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) == O_RDWR, "timerfd_create");
	check(events_of(fd, 0) == 0, "timerfd: off");
	check(timerfd_settime(fd, 0, &late, NULL) == 0 && timerfd_gettime(fd, &told) == 0 &&
			told.it_value.tv_sec > 800 && told.it_value.tv_sec <= 1000 && told.it_interval.tv_nsec == 0,
		"timerfd_gettime");
	check(timerfd_settime(fd, 0, &once, NULL) == 0 && read(fd, &times, 8) == 8 && times == 1 &&
			timerfd_gettime(fd, &told) == 0 && told.it_value.tv_nsec == 0,
		"timerfd: once");
	check(timerfd_settime(fd, 0, &often, &told) == 0 && events_of(fd, 60000) == POLLIN, "timerfd: poll");
	usleep(35000);
	check(read(fd, &times, 8) == 8 && times >= 3, "timerfd: several times");
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	check(epoll_wait(set, &got, 1, 60000) == 1 && got.data.u32 == 7, "timerfd: epoll");
	check(timerfd_settime(fd, 0, &(struct itimerspec){ 0 }, &told) == 0 && told.it_interval.tv_nsec == 10000000 &&
			events_of(fd, 30) == 0,
		"timerfd: off again");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	check_errno(read(fd, &times, 8), EAGAIN, "timerfd: EAGAIN");
	check_errno(read(fd, &times, 7), EINVAL, "timerfd: too few bytes");
	check_errno(write(fd, &times, 8), EINVAL, "timerfd: writing");
	clock_gettime(CLOCK_REALTIME, &once.it_value);
	close(fd);
	fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	check(timerfd_settime(fd, TFD_TIMER_ABSTIME, &once, NULL) == 0 && events_of(fd, 60000) == POLLIN,
		"timerfd: a time of day");
	close(fd);
	check_errno(timerfd_create(77, 0), EINVAL, "timerfd_create: bad clock");
	check_errno(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL, "timerfd_create: bad flags");
	check_errno(timerfd_settime(set, 0, &often, NULL), EINVAL, "timerfd_settime: another file");
	check_errno(timerfd_settime(fd, 0, &often, NULL), EBADF, "timerfd_settime: closed");
	close(set);
}

static void test_signalfd(void)
{
	struct signalfd_siginfo got[3];
	union sigval value = { .sival_int = 42 };
	sigset_t mask;
	int fd, status;
	pid_t child;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = signalfd(-1, &mask, SFD_NONBLOCK);
	check(fd >= 0 && events_of(fd, 0) == 0, "signalfd");
	check_errno(read(fd, got, sizeof(got)), EAGAIN, "signalfd: EAGAIN");
	check_errno(read(fd, got, 100), EINVAL, "signalfd: too few bytes");
	kill(getpid(), SIGUSR1);
	check(events_of(fd, 0) == POLLIN && read(fd, got, sizeof(got)) == sizeof(got[0]) &&
			got[0].ssi_signo == SIGUSR1 && got[0].ssi_pid == (uint32_t)getpid() &&
			got[0].ssi_code == SI_USER,
		"signalfd: a signal");
	sigqueue(getpid(), SIGRTMIN, value);
	kill(getpid(), SIGUSR1);
	check(read(fd, got, sizeof(got)) == 2 * sizeof(got[0]) && got[0].ssi_signo == SIGUSR1 &&
			got[1].ssi_signo == (uint32_t)SIGRTMIN && got[1].ssi_int == 42,
		"signalfd: two signals");
	child = fork();
	if (child == 0) {
		usleep(20000);
		_exit(5);
	}
	check(events_of(fd, 60000) == POLLIN && read(fd, got, sizeof(got)) == sizeof(got[0]) &&
			got[0].ssi_signo == SIGCHLD && got[0].ssi_pid == (uint32_t)child && got[0].ssi_status == 5 &&
			got[0].ssi_code == CLD_EXITED,
		"signalfd: SIGCHLD wakes poll");
	waitpid(child, &status, 0);
	child = getpid();
	fcntl(fd, F_SETFL, 0);
	if (fork() == 0) {
		usleep(20000);
		kill(child, SIGUSR1);
		_exit(0);
	}
	check(read(fd, got, sizeof(got)) >= (ssize_t)sizeof(got[0]) && got[0].ssi_signo == SIGUSR1,
		"signalfd: read waits");
	wait(&status);
	sigemptyset(&mask);
	check(signalfd(fd, &mask, 0) == fd && kill(child, SIGUSR1) == 0 && events_of(fd, 0) == 0,
		"signalfd: another mask");
	check_errno(signalfd(0, &mask, 0), EINVAL, "signalfd: another file");
	close(fd);
}

static void test_eventfd(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), count = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK), status;
	uint64_t value = 4;

	check(write(fd, &value, 8) == 8 && read(fd, &value, 8) == 8 && value == 7 && events_of(fd, 0) == POLLOUT,
		"eventfd");
	check_errno(read(fd, &value, 8), EAGAIN, "eventfd: EAGAIN");
	check(read(count, &value, 8) == 8 && value == 1 && events_of(count, 0) == (POLLIN | POLLOUT),
		"eventfd: EFD_SEMAPHORE");
	value = UINT64_MAX;
	check_errno(write(fd, &value, 8), EINVAL, "eventfd: too much");
	value = UINT64_MAX - 1;
	check(write(fd, &value, 8) == 8 && events_of(fd, 0) == POLLIN, "eventfd: full");
	value = 1;
	check_errno(write(fd, &value, 8), EAGAIN, "eventfd: no room");
	check(read(fd, &value, 8) == 8 && value == UINT64_MAX - 1, "eventfd: emptied");
	fcntl(fd, F_SETFL, 0);
	if (fork() == 0) {
		usleep(20000);
		value = 9;
		_exit(write(fd, &value, 8) == 8 ? 0 : 1);
	}
	check(read(fd, &value, 8) == 8 && value == 9, "eventfd: read waits");
	wait(&status);
	close(fd);
	close(count);
}

int main(void)
{
	test_timerfd();
	test_signalfd();
	test_eventfd();
	return tap_end();
}
