/* /proc/sys/fs/epoll/max_user_watches limits the members of all epoll sets of a user. Other users have as many of their own, and
 * members of a set that is closed do not count any more. */
#include <sys/epoll.h>
#include <sys/resource.h>

#include "tests/guest/tap.h"

enum { NOBODY = 65534, FILES = 100, SETS = 800 };

static unsigned long most;

/* Fills sets until no more may be added. -> whether that was at `most` members. */
static bool fill(void)
{
	static int sets[SETS], fds[FILES];
	struct epoll_event event = { .events = EPOLLIN };
	unsigned long added = 0, used = 0;
	int ends[2], error = 0;

	if (pipe(ends) < 0)
		return false;
	for (int i = 0; i < FILES; i++)
		fds[i] = dup(ends[0]);
	while (!error && used < SETS) {
		int set = sets[used++] = epoll_create1(0);

		for (int i = 0; i < FILES && !error; i++) {
			error = epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event) ? errno : 0;
			added += !error;
		}
	}
	if (error == ENOSPC && epoll_ctl(sets[0], EPOLL_CTL_DEL, fds[0], &event) == 0)
		error = epoll_ctl(sets[0], EPOLL_CTL_ADD, fds[0], &event) == 0 ? ENOSPC : 0;
	while (used)
		close(sets[--used]);
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
	close(ends[0]);
	close(ends[1]);
	return error == ENOSPC && added == most;
}

static void nobody(void)
{
	if (setgid(NOBODY) || setuid(NOBODY) || !fill())
		_exit(1);
}

int main(void)
{
	FILE *file = fopen("/proc/sys/fs/epoll/max_user_watches", "r");
	struct rlimit many = { 1024, 1024 };
	struct epoll_event event = { .events = EPOLLIN };
	int set = epoll_create1(0), ends[2];

	check(file && fscanf(file, "%lu", &most) == 1 && most > 1000,
		"there is a number of watches that a user may have");
	check(setrlimit(RLIMIT_NOFILE, &many) == 0 && pipe(ends) == 0, "descriptors");
	check(tap_child(nobody) == 0, "a user has so many");
	check(tap_child(nobody) == 0, "and as many again when the first are gone");
	check(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0 &&
			epoll_ctl(set, EPOLL_CTL_DEL, ends[0], &event) == 0,
		"another user has his own");
	check(fill(), "as many");
	return tap_end();
}
