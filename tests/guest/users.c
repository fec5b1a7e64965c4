/* All tasks of a user count together for that user's RLIMIT_NPROC, and for nobody else's. Needs the superuser, to become other
 * users. */
#include <pthread.h>
#include <sys/resource.h>

#include "users.h"

enum { TASKS = 4 };

static void limit(int which, rlim_t most)
{
	struct rlimit limit = { most, most };

	if (setrlimit(which, &limit) < 0)
		_exit(98);
}

/* --- tasks --- */

static void *sleeps(void *unused)
{
	pause();
	return unused;
}

static pid_t sleeper(void)
{
	pid_t child = fork();

	if (child == 0)
		sleeps(NULL);
	return child;
}

static void end(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* The user has one task, the caller. */
static int counts_processes(void)
{
	pid_t children[TASKS];
	bool right = true;

	for (int i = 0; i < TASKS - 1; i++)
		right &= (children[i] = sleeper()) > 0;
	right &= sleeper() == -1 && errno == EAGAIN;
	right &= sleeper() == -1 && errno == EAGAIN;
	/* One that nobody has waited for still counts. */
	kill(children[0], SIGKILL);
	right &= waitid(P_PID, (id_t)children[0], NULL, WEXITED | WNOWAIT) == 0 && sleeper() == -1 && errno == EAGAIN;
	end(children[0]);
	right &= (children[0] = sleeper()) > 0;
	for (int i = 0; i < TASKS - 1; i++)
		end(children[i]);
	return !right;
}

static int counts_threads(void)
{
	pthread_t thread;
	bool right = true;

	for (int i = 0; i < TASKS - 1; i++)
		right &= pthread_create(&thread, NULL, sleeps, NULL) == 0;
	right &= pthread_create(&thread, NULL, sleeps, NULL) == EAGAIN;
	return !(right && sleeper() == -1 && errno == EAGAIN);
}

static int forks_once(void)
{
	pid_t child = sleeper();

	if (child > 0)
		end(child);
	return child > 0 ? 0 : errno;
}

static int executes(void)
{
	char *words[] = { "exe", "executed", NULL };

	execv("/proc/self/exe", words);
	return errno;
}

/* setuid itself never fails for it, what a program does next may. */
static void becomes_a_user_with_too_many(void)
{
	pid_t crowd[TASKS];

	for (int i = 0; i < TASKS; i++) {
		crowd[i] = fork();
		if (crowd[i] == 0) {
			user_become(user_id(2));
			sleeps(NULL);
		}
	}
	/* They have changed when this one may signal them. */
	if (fork() == 0) {
		user_become(user_id(2));
		for (int i = 0; i < TASKS; i++)
			while (kill(crowd[i], 0) < 0)
				;
		_exit(0);
	}
	wait(NULL);
	limit(RLIMIT_NPROC, TASKS - 1);
	check(user_run(user_id(2), executes) == EAGAIN, "exec after setuid to a user with too many processes");
	check(user_run(user_id(2), forks_once) == EAGAIN, "fork after that");
	check(user_run(user_id(3), executes) == 0, "exec after setuid to another user");
	for (int i = 0; i < TASKS; i++)
		end(crowd[i]);
	check(user_run(user_id(2), executes) == 0, "exec when they have ended");
}

static void limits_are_told(void)
{
	char line[200];
	FILE *file = fopen("/proc/self/limits", "r");
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= strncmp(line, "Max processes             4                    4  ", 49) == 0;
	if (file)
		fclose(file);
	check(found, "/proc/self/limits has it");
}

static void tasks(void)
{
	limit(RLIMIT_NPROC, TASKS);
	limits_are_told();
	check(user_run(user_id(0), counts_processes) == 0, "processes count, waited for or not");
	check(user_run(user_id(0), counts_threads) == 0, "threads count");
	check(user_run(user_id(0), counts_processes) == 0, "all that ended does not");
	check(forks_once() == 0, "the superuser is exempt");
	becomes_a_user_with_too_many();
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "executed") == 0)
		return 0;
	if (geteuid() != 0) {
		check(true, "nothing to see for an ordinary user");
		return tap_end();
	}
	tap_child(tasks);
	return tap_end();
}
