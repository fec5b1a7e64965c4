/* What the test programs of the guest share. A program prints a line for each check, `ok NAME` or `not ok NAME`: always the same
 * lines in the same order, so that a run in Allod can be compared with a run on the host byte by byte. The reason of a failure goes
 * to stderr. main() ends with `return tap_end();`. */
#ifndef TESTS_GUEST_TAP_H
#define TESTS_GUEST_TAP_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned tap_failed;

/* A pointer that the compiler knows nothing about. */
static inline void *tap_pointer(uintptr_t address)
{
	__asm__("" : "+r"(address));
	return (void *)address;
}

/* Unbuffered, so that no line is written twice after a fork. -> condition. */
static inline bool tap_check(bool condition, const char *name, const char *file, int line)
{
	int error = errno;

	if (condition) {
		dprintf(1, "ok %s\n", name);
	} else {
		dprintf(1, "not ok %s\n", name);
		dprintf(2, "# %s:%d: %s (errno %d: %s)\n", file, line, name, error, strerror(error));
		tap_failed++;
	}
	errno = error;
	return condition;
}

#define check(condition, name) tap_check(condition, name, __FILE__, __LINE__)
/* The call fails with -1 and this errno. */
#define check_errno(call, error, name) \
	(errno = 0, tap_check((long)(call) == -1 && errno == (error), name, __FILE__, __LINE__))

static inline int tap_end(void)
{
	if (tap_failed)
		dprintf(2, "# %u failed\n", tap_failed);
	return tap_failed ? 1 : 0;
}

/* Runs a function in a child. -> its wait status, -1 if there was no child. */
static inline int tap_child(void (*body)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		body();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

/* --- accesses that may fault --- */

static sigjmp_buf tap_jump;
static volatile sig_atomic_t tap_signal;
static siginfo_t tap_info;

static inline void tap_catch(int number, siginfo_t *info, void *context)
{
	(void)context;
	tap_signal = number;
	tap_info = *info;
	siglongjmp(tap_jump, 1);
}

static inline void tap_catch_faults(void)
{
	const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction action = { .sa_sigaction = tap_catch, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

/* Executes a statement. -> the signal that it ended with, 0 if none; its details are in tap_info. */
#define TAP_TRY(statement) \
	({ \
		tap_signal = 0; \
		if (sigsetjmp(tap_jump, 1) == 0) { \
			statement; \
		} \
		(int)tap_signal; \
	})

static inline int tap_read(const volatile void *address)
{
	return TAP_TRY((void)*(const volatile char *)address);
}

static inline int tap_write(volatile void *address)
{
	return TAP_TRY(*(volatile char *)address = 'w');
}

/* --- a directory of the program's own, removed by whoever runs it --- */

static inline void tap_directory(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "/tmp/allod-%s-%d", name, (int)getpid());
	if (mkdtemp(strcat(path, "-XXXXXX")) == NULL || chdir(path) < 0) {
		perror(path);
		exit(1);
	}
}

#endif
