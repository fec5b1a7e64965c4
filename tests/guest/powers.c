/* Permissions between processes. An ordinary user tries every way to have a signal sent, now or later, to a process of the
 * superuser, which must get none (but SIGCHLD, which a child may cause), and every way to control another process or to look into
 * it, which must be refused. A new call of either kind belongs into a table here. Needs the superuser, to become other users. */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "users.h"

enum { PATIENCE_MS = 60 };

static pid_t victim;
static int keyboard = -1; /* master of the victim's terminal */

static void rest(void)
{
	const struct timespec time = { 0, PATIENCE_MS * 1000000 };

	nanosleep(&time, NULL);
}

/* A child that ends later, and whose end its parent hears of by a signal of our choice. */
static pid_t child_with_signal(int signal, unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | (unsigned long)signal, 0, 0, 0, 0);
}

/* --- ways to signal: each runs as the user, a child of the victim; it ends when what it has caused should have come --- */

static void by_kill(int signal)
{
	kill(victim, signal);
	kill(-victim, signal);
	kill(-1, signal);
}

static void by_tkill(int signal)
{
	syscall(SYS_tkill, victim, signal);
	syscall(SYS_tgkill, victim, victim, signal);
}

static void by_sigqueue(int signal)
{
	siginfo_t info = { .si_signo = signal, .si_code = SI_QUEUE };

	syscall(SYS_rt_sigqueueinfo, victim, signal, &info);
	syscall(SYS_rt_tgsigqueueinfo, victim, victim, signal, &info);
}

static void by_pidfd(int signal)
{
	int fd = (int)syscall(SYS_pidfd_open, victim, 0);

	if (fd >= 0)
		syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

static void by_timer(int signal)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal };
	int id;

	((int *)&event)[4] = victim; /* sigev_notify_thread_id */
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0)
		syscall(SYS_timer_settime, id, 0, &soon, NULL);
	rest();
}

static void by_exit_signal_of_orphan(int signal)
{
	if (child_with_signal(signal, 0) == 0) {
		rest();
		_exit(0);
	}
}

static void by_exit_signal_of_dead_orphan(int signal)
{
	pid_t parent = fork();

	if (parent == 0) {
		if (child_with_signal(signal, 0) == 0)
			_exit(0);
		rest();
		rest();
		_exit(0);
	}
	rest();
	/* The signal may have stopped it. */
	kill(parent, SIGKILL);
}

static void by_exit_signal_of_sibling(int signal)
{
	if (child_with_signal(signal, CLONE_PARENT) == 0)
		_exit(0);
}

static void by_terminal(int signal)
{
	ioctl(keyboard, TIOCSIG, signal);
}

static void by_foreground(int signal)
{
	(void)signal;
	ioctl(keyboard, TIOCSPGRP, &victim);
	setpgid(0, victim);
	setpgid(victim, getpid());
}

static void by_owner_of_pipe(int signal)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return;
	fcntl(ends[0], F_SETOWN, victim);
	fcntl(ends[0], F_SETSIG, signal);
	fcntl(ends[0], F_SETFL, O_ASYNC);
	if (write(ends[1], "x", 1) != 1)
		return;
	rest();
}

static void by_stop_and_continue(int signal)
{
	(void)signal;
	kill(victim, SIGSTOP);
	kill(victim, SIGTERM);
}

static const struct {
	const char *name;
	void (*way)(int signal);
} ways[] = {
	{ "kill", by_kill },
	{ "tkill, tgkill", by_tkill },
	{ "rt_sigqueueinfo, rt_tgsigqueueinfo", by_sigqueue },
	{ "pidfd_send_signal", by_pidfd },
	{ "timer_create for a thread of another process", by_timer },
	{ "exit signal of an orphan", by_exit_signal_of_orphan },
	{ "exit signal of an orphan that has ended", by_exit_signal_of_dead_orphan },
	{ "exit signal of a child made for the parent", by_exit_signal_of_sibling },
	{ "TIOCSIG", by_terminal },
	{ "groups", by_foreground },
	{ "F_SETOWN", by_owner_of_pipe },
	{ "SIGSTOP", by_stop_and_continue },
};

static void take_terminal(void)
{
	int terminal;

	keyboard = posix_openpt(O_RDWR | O_NOCTTY);
	if (keyboard < 0 || grantpt(keyboard) < 0 || unlockpt(keyboard) < 0)
		_exit(90);
	terminal = open(ptsname(keyboard), O_RDWR);
	if (terminal < 0 || tcsetpgrp(terminal, getpgrp()) < 0)
		_exit(91);
}

/* Whether nothing but SIGCHLD waits for this process, which blocks all signals. */
static bool got_nothing(void)
{
	sigset_t waiting;

	sigpending(&waiting);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (signal != SIGCHLD && sigismember(&waiting, signal) == 1)
			return false;
	return true;
}

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

/* The victim: of the superuser, with a terminal, adopting orphans. */
static int endure(void (*way)(int signal), int signal)
{
	pid_t attacker;

	block_all();
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	take_terminal();
	victim = getpid();
	attacker = fork();
	if (attacker == 0) {
		setpgid(0, 0);
		user_become(user_id(0));
		way(signal);
		_exit(0);
	}
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	return got_nothing() ? 0 : 1;
}

static void ways_to_signal(void)
{
	const int signals[] = { SIGKILL, SIGTERM, SIGSTOP, SIGRTMIN };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		bool fine = true;

		for (size_t k = 0; k < sizeof(signals) / sizeof(signals[0]); k++) {
			int status;
			pid_t child = fork();

			if (child == 0)
				_exit(endure(ways[i].way, signals[k]));
			fine &= waitpid(child, &status, 0) == child && status == 0;
		}
		check(fine, ways[i].name);
	}
}

/* --- what a set-user-ID program inherits. It becomes the superuser wholly, waits for the end of its input, and then
 * nothing may have come. --- */

static int program(void)
{
	char byte;

	block_all();
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return 2;
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 3;
	while (read(0, &byte, 1) > 0)
		;
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	return got_nothing() ? 0 : 4;
}

static void execute(void)
{
	execl("./program", "program", "set-user-ID", NULL);
	_exit(80);
}

static void inherits_exit_signal(void)
{
	if (child_with_signal(SIGTERM, 0) == 0) {
		rest();
		rest();
		_exit(0);
	}
}

static void inherits_parent_death(void)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void inherits_timer(void)
{
	const struct itimerspec soon = { .it_value.tv_nsec = PATIENCE_MS * 1000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM };
	int id;

	syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
	syscall(SYS_timer_settime, id, 0, &soon, NULL);
}

/* A signal of a timer that waits already is one of the old program's. */
static void inherits_expiry(void)
{
	block_all();
	inherits_timer();
	rest();
	rest();
}

static void inherits_dumpable(void)
{
	prctl(PR_SET_DUMPABLE, 1);
}

static const struct {
	const char *name;
	void (*before)(void);
} legacies[] = {
	{ "a set-user-ID program: exit signal of a child of the program before", inherits_exit_signal },
	{ "a set-user-ID program: its parent's death", inherits_parent_death },
	{ "a set-user-ID program: a timer", inherits_timer },
	{ "a set-user-ID program: a timer's signal that waits", inherits_expiry },
	{ "a set-user-ID program: cannot be dumped", inherits_dumpable },
};

/* The program's parent ends before the program has to answer. */
static int start_program(void (*before)(void))
{
	int input[2], status = -1;
	pid_t parent, child = 0, answer[2];

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0)
		return -1;
	parent = fork();
	if (parent == 0) {
		user_become(user_id(0));
		child = fork();
		if (child == 0) {
			dup2(input[0], 0);
			close(input[1]);
			before();
			execute();
		}
		if (write(answer[1], &child, sizeof(child)) < 0)
			_exit(1);
		rest();
		rest();
		_exit(0);
	}
	if (read(answer[0], &child, sizeof(child)) != sizeof(child))
		return -1;
	waitpid(parent, NULL, 0);
	rest();
	close(input[1]);
	return waitpid(child, &status, 0) == child ? status : -1;
}

static void set_user_id(void)
{
	tap_directory("powers");
	chmod(".", 0755);
	if (!check(copy_self("program") && chmod("program", 04755) == 0, "make a set-user-ID program"))
		return;
	for (size_t i = 0; i < sizeof(legacies) / sizeof(legacies[0]); i++)
		check(start_program(legacies[i].before) == 0, legacies[i].name);
}

/* While another process can change its directories, a program does not become another user. */
static int shares_directories(void)
{
	int status;
	pid_t other = child_with_signal(SIGCHLD, CLONE_FS), child;

	if (other == 0) {
		pause();
		_exit(0);
	}
	child = child_with_signal(SIGCHLD, CLONE_FS);
	if (child == 0)
		execl("./program", "program", "who", NULL);
	waitpid(child, &status, 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return WEXITSTATUS(status);
}

static int executes_alone(void)
{
	execl("./program", "program", "who", NULL);
	return 9;
}

static void shared_directories(void)
{
	check(user_run(user_id(0), executes_alone) == 0, "a set-user-ID program has its owner's rights");
	check(user_run(user_id(0), shares_directories) == 1, "not if another process shares its directories");
}

/* --- steering and looking --- */

static long try_priority(void)
{
	return setpriority(PRIO_PROCESS, (id_t)victim, 5);
}

static long try_priority_group(void)
{
	return setpriority(PRIO_PGRP, (id_t)getpgid(victim), 5);
}

static long try_affinity(void)
{
	unsigned long one = 1;

	return syscall(SYS_sched_setaffinity, victim, sizeof(one), &one);
}

static long try_scheduler(void)
{
	const struct sched_param none = { 0 };

	return sched_setscheduler(victim, SCHED_BATCH, &none);
}

static long try_param(void)
{
	const struct sched_param none = { 0 };

	return sched_setparam(victim, &none);
}

static long try_limit(void)
{
	const struct rlimit limit = { 1, 1 };

	return prlimit(victim, RLIMIT_FSIZE, &limit, NULL);
}

static long try_limit_read(void)
{
	struct rlimit limit;

	return prlimit(victim, RLIMIT_FSIZE, NULL, &limit);
}

static long try_robust_list(void)
{
	void *head;
	size_t bytes;

	return syscall(SYS_get_robust_list, victim, &head, &bytes);
}

static long try_io_priority(void)
{
	return syscall(SYS_ioprio_set, 1, victim, 2 << 13);
}

static long try_attributes(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = { .size = 48, .nice = 5 };

	return syscall(SYS_sched_setattr, victim, &attributes, 0);
}

static long try_memory(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)&victim, 1 };

	return syscall(SYS_process_vm_readv, victim, &here, 1, &there, 1, 0);
}

static long try_group(void)
{
	return setpgid(victim, victim);
}

/* error 0: it must fail, with whatever error. */
static const struct {
	const char *name;
	long (*call)(void);
	int error;
} calls[] = {
	{ "setpriority", try_priority, EPERM },
	{ "setpriority of a group", try_priority_group, EPERM },
	{ "sched_setaffinity", try_affinity, EPERM },
	{ "sched_setscheduler", try_scheduler, EPERM },
	{ "sched_setparam", try_param, EPERM },
	{ "sched_setattr", try_attributes, 0 },
	{ "ioprio_set", try_io_priority, 0 },
	{ "prlimit", try_limit, EPERM },
	{ "prlimit, reading", try_limit_read, EPERM },
	{ "get_robust_list", try_robust_list, EPERM },
	{ "process_vm_readv", try_memory, 0 },
	{ "setpgid", try_group, ESRCH },
};

static int is_refused_all(void)
{
	int refused = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		errno = 0;
		if (calls[i].call() != -1 || (calls[i].error && errno != calls[i].error))
			dprintf(2, "# %s: errno %d\n", calls[i].name, errno);
		else
			refused++;
	}
	return refused == sizeof(calls) / sizeof(calls[0]) ? 0 : 1;
}

static int is_told(void)
{
	unsigned long mask[16];
	struct sched_param param;

	errno = 0;
	return !(getpriority(PRIO_PROCESS, (id_t)victim) == getpriority(PRIO_PROCESS, 0) && errno == 0 &&
		syscall(SYS_sched_getaffinity, victim, sizeof(mask), mask) > 0 &&
		sched_getscheduler(victim) == SCHED_OTHER && sched_getparam(victim, &param) == 0 &&
		getpgid(victim) > 0);
}

static void steering(void)
{
	victim = fork();
	if (victim == 0) {
		setpgid(0, 0);
		pause();
	}
	setpgid(victim, victim);
	check(user_run(user_id(0), is_refused_all) == 0, "nobody steers or looks into another user's process");
	check(user_run(user_id(0), is_told) == 0, "what anybody may know is told");
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

/* RLIMIT_NICE, and errors of one process among several. */
static int lowers_nice(void)
{
	return !(setpriority(PRIO_PROCESS, 0, 10) == 0 && setpriority(PRIO_PROCESS, 0, 9) == -1 && errno == EACCES &&
		getpriority(PRIO_PROCESS, 0) == 10);
}

static int lowers_nice_within_limit(void)
{
	return !(setpriority(PRIO_PROCESS, 0, 10) == 0 && setpriority(PRIO_PROCESS, 0, 5) == 0 &&
		setpriority(PRIO_PROCESS, 0, 4) == -1 && errno == EACCES);
}

static void niceness(void)
{
	const struct rlimit limit = { 15, 15 };

	check(user_run(user_id(0), lowers_nice) == 0, "a nice value goes up only");
	/* A host's container may not have the right to raise the limit. */
	check(setrlimit(RLIMIT_NICE, &limit) < 0 || user_run(user_id(0), lowers_nice_within_limit) == 0,
		"or down to RLIMIT_NICE");
}

/* --- rules of kill(2) --- */

static int signals_nobody(void)
{
	return kill(-1, 0) == 0 ? 0 : errno;
}

static int keeps_parent_death(void)
{
	int before = 0, after = 0;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_GET_PDEATHSIG, &before);
	if (fork() == 0) {
		prctl(PR_GET_PDEATHSIG, &after);
		_exit(after);
	}
	wait(&after);
	return !(before == SIGTERM && after == 0);
}

static void changes_user(void)
{
	int signal = -1;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_DUMPABLE, 1);
	user_become(user_id(0));
	prctl(PR_GET_PDEATHSIG, &signal);
	check(signal == 0, "who becomes another user no longer hears of the parent's death");
	check(prctl(PR_GET_DUMPABLE) == 0, "and cannot be dumped");
	check(prctl(PR_SET_DUMPABLE, 1) == 0 && prctl(PR_GET_DUMPABLE) == 1, "unless it wants to");
	check_errno(prctl(PR_SET_DUMPABLE, 2), EINVAL, "PR_SET_DUMPABLE: 2 is the system's");
	check(keeps_parent_death() == 0, "a child does not inherit PR_SET_PDEATHSIG");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "who") == 0 ? geteuid() != 0 : program();
	if (geteuid() != 0) {
		check(true, "nothing to see for an ordinary user");
		return tap_end();
	}
	ways_to_signal();
	set_user_id();
	shared_directories();
	steering();
	tap_child(niceness);
	check(user_run(user_id(0), signals_nobody) == 0, "kill(-1) of a user without processes");
	tap_child(changes_user);
	return tap_end();
}
