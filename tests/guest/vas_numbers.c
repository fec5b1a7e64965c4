/* A system call that sleeps keeps addresses in the VAS that its thread is in. If the VAS is deleted meanwhile, no other space gets
 * its number until the thread has left: the call would go on to read and write that space. Runs on Allod only. */
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>

#include "native.h"
#include "vas.h"

enum { TRIES = 2300 /* more than there are numbers in use and free */, PAGE = 4096, LONG = 128 << 10, NOBODY = 65534 };

enum call { READ, POLL, WRITE, CALLS };

static struct sleeper {
	enum call call;
	int vid, fds[2];
	volatile bool is_in, is_back, may_leave, has_left;
	volatile long result;
	volatile int error;
} * sleeper; /* shared with the process that sleeps */

static long sleep_in(const struct sleeper *s)
{
	char *at = (char *)base;
	struct pollfd *polled = (struct pollfd *)(at + 64);

	switch (s->call) {
	case READ:
		return read(s->fds[0], at, 8);
	case POLL:
		*polled = (struct pollfd){ s->fds[0], POLLIN, 0 };
		return poll(polled, 1, -1);
	default:
		return write(s->fds[1], at, LONG);
	}
}

static _Noreturn void run(struct sleeper *s)
{
	if (vas_attach(0, s->vid, O_RDWR) == 0 && vas_switch(s->vid) == 0) {
		memset((void *)base, 'v', LONG);
		s->is_in = true;
		s->result = sleep_in(s);
		s->error = errno;
		s->is_back = true;
	}
	while (!s->may_leave)
		sched_yield();
	vas_switch(0);
	s->has_left = true;
	pause();
	_exit(1);
}

/* Waits until the process sleeps in its call. */
static void await_sleep(const struct sleeper *s, pid_t pid)
{
	char path[64], text[256] = "", *state = NULL;

	while (!s->is_in)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (!state || state[2] != 'S') {
		int fd = open(path, O_RDONLY);

		if (read(fd, text, sizeof(text) - 1) > 0)
			state = strrchr(text, ')');
		close(fd);
		sched_yield();
	}
}

/* Many spaces come and go. -> whether one of them had that number. */
static bool comes_back(int number)
{
	const struct space_spec spec = { .name = "passing" };
	bool found = false;

	for (unsigned i = 0; i < TRIES && !found; i++) {
		int64_t space = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);

		found = space == number;
		if (space < 0 || native(CALL_space_destroy, (uint64_t)space, 0, 0, 0))
			return !number;
	}
	return found;
}

/* Makes the call go on. -> whether its end was right: there is no memory there any more, and what was written is the VAS's. */
static bool wake(const struct sleeper *s)
{
	static char buffer[LONG];
	bool fine = true;
	long got, sum = 0;

	if (s->call != WRITE)
		return write(s->fds[1], "received", 8) == 8;
	fcntl(s->fds[0], F_SETFL, O_NONBLOCK);
	while ((got = read(s->fds[0], buffer, sizeof(buffer))) > 0 || !s->is_back) {
		for (long i = 0; i < got; i++)
			fine &= buffer[i] == 'v';
		sum += got > 0 ? got : 0;
	}
	return fine && sum > 0;
}

static bool has_ended_well(const struct sleeper *s)
{
	if (s->call == WRITE)
		return s->result == -1 ? s->error == EFAULT : s->result < LONG;
	return s->result == -1 && s->error == EFAULT;
}

static void test_call(enum call call, const char *name)
{
	struct sleeper *s = sleeper;
	char line[100];
	pid_t child;
	int sid;

	*s = (struct sleeper){ .call = call, .vid = make("passing", &sid, 0600) };
	snprintf(line, sizeof(line), "%s: a process sleeps in a VAS that is deleted", name);
	if (pipe(s->fds))
		return;
	child = fork();
	if (child == 0)
		run(s);
	await_sleep(s, child);
	check(vas_revoke(s->vid, child) == 0 && vas_delete(s->vid) == 0, line);
	snprintf(line, sizeof(line), "%s: nobody has its number meanwhile", name);
	check(!comes_back(s->vid), line);
	snprintf(line, sizeof(line), "%s: the call ends with what it had and could not reach", name);
	check(wake(s), line);
	s->may_leave = true;
	while (!s->has_left)
		sched_yield();
	snprintf(line, sizeof(line), "%s: as its result says", name);
	check(has_ended_well(s), line);
	snprintf(line, sizeof(line), "%s: then the number comes back", name);
	check(comes_back(s->vid), line);
	kill(child, SIGKILL);
	status_of(child);
	close(s->fds[0]);
	close(s->fds[1]);
	vas_seg_delete(sid);
}

int main(void)
{
	static const char *const names[CALLS] = { "read", "poll", "write" };
	uint64_t range[2];

	if (!check(native_present() && vas_range(range) == 0, "this is Allod"))
		return tap_end();
	base = range[0];
	sleeper = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(setgid(NOBODY) == 0 && setuid(NOBODY) == 0, "an ordinary process");
	comes_back(0); /* from now on numbers are used again */
	for (enum call call = 0; call < CALLS; call++)
		test_call(call, names[call]);
	return tap_end();
}
