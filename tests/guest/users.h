/* Running as another user, for programs that start as the superuser. */
#ifndef TESTS_GUEST_USERS_H
#define TESTS_GUEST_USERS_H

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "tap.h"

/* Ids that nobody else on the host has, different ones for each run. */
static inline uid_t user_id(unsigned n)
{
	static uid_t base;

	if (base == 0)
		base = 1000000 + 16 * (uid_t)getpid();
	return base + n;
}

/* Becomes an ordinary user for good. */
static inline void user_become(uid_t id)
{
	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		_exit(99);
}

/* Runs a function in a child that is that user. -> its exit status, -1 if it was killed. */
static inline int user_run(uid_t id, int (*body)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		user_become(id);
		_exit(body());
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* A copy of the program that runs, in the working directory. */
static inline bool copy_self(const char *name)
{
	char piece[1 << 16];
	int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_CREAT | O_WRONLY, 0700);
	ssize_t got = -1;

	while (from >= 0 && to >= 0 && (got = read(from, piece, sizeof(piece))) > 0)
		if (write(to, piece, (size_t)got) != got)
			return false;
	close(from);
	return close(to) == 0 && got == 0;
}

#endif
