/* Processes that make random calls, native and of Linux, as an ordinary user and as root, while a process of root watches that
 * nothing of its own is touched: memory, a file, a pipe, attributes, signals. Runs on Allod only.
 *
 *	storm [SECONDS [SEED]]
 *
 * A storm has a process for each of `kinds`. Each makes calls until they end it or it is killed half a second later; then the
 * next one starts with the next seed. An ordinary process may make any call but those that only end or stop itself. A process of
 * root may not make those that root may use against anybody: killing, priorities, limits of others. */
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "random_linux.h"
#include "random_native.h"
#include "tap.h"

/* KEPT_FRAMES: what half-empty slabs and caches of names and pages may hold; a leak passes it in a longer storm (`make soak`). */
enum {
	KEPT_FRAMES = 300,
	SECRET_BYTES = 65536,
	ORDINARY = 4000,
	CALLS = 1000000,
	LIFE_MS = 500,
	STEP_MS = 20,
	PROCESSES = 30
};

static unsigned char secret[SECRET_BYTES];
static siginfo_t strange_signal;
static int secret_file, secret_pipe[2];

struct attributes {
	int nice, policy;
	cpu_set_t affinity;
	struct rlimit limits[RLIM_NLIMITS];
	sigset_t mask;
	struct stat file;
};
static struct attributes own;

static unsigned char secret_byte(size_t at)
{
	return (unsigned char)(at * 2654435761u >> 13);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	strange_signal = *info;
}

static const char *signal_text(void)
{
	static char text[100];

	snprintf(text, sizeof(text), "%s, code %d, process %d, user %u", strsignal(strange_signal.si_signo),
		strange_signal.si_code, (int)strange_signal.si_pid, strange_signal.si_uid);
	return text;
}

static void attributes_read(struct attributes *a)
{
	memset(a, 0, sizeof(*a));
	a->nice = getpriority(PRIO_PROCESS, 0);
	a->policy = sched_getscheduler(0);
	sched_getaffinity(0, sizeof(a->affinity), &a->affinity);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit(i, &a->limits[i]);
	sigprocmask(SIG_BLOCK, NULL, &a->mask);
	fstat(secret_file, &a->file);
}

/* Any signal is strange but those that it gets by default from its children and its terminal. */
static void watch_begin(void)
{
	for (int signal = 1; signal < NSIG; signal++)
		if (signal != SIGCHLD && signal != SIGCONT && signal != SIGWINCH && signal != SIGURG)
			sigaction(signal, &(struct sigaction){ .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO },
				NULL);
	for (size_t i = 0; i < SECRET_BYTES; i++)
		secret[i] = secret_byte(i);
	secret_file = open("secret", O_RDWR | O_CREAT | O_EXCL, 0600);
	if (secret_file < 0 || write(secret_file, secret, SECRET_BYTES) != SECRET_BYTES || pipe(secret_pipe) < 0 ||
		write(secret_pipe[1], secret, 100) != 100)
		exit(1);
	attributes_read(&own);
}

static bool is_secret(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != secret_byte(i))
			return false;
	return true;
}

/* What of the watcher's own has been touched; NULL: nothing. */
static const char *touched(void)
{
	static unsigned char copy[SECRET_BYTES];
	struct attributes now;

	if (!is_secret(secret, SECRET_BYTES))
		return "memory";
	if (pread(secret_file, copy, SECRET_BYTES, 0) != SECRET_BYTES || !is_secret(copy, SECRET_BYTES))
		return "file";
	if (read(secret_pipe[0], copy, 100) != 100 || !is_secret(copy, 100) || write(secret_pipe[1], copy, 100) != 100)
		return "pipe";
	attributes_read(&now);
	now.file.st_atim = own.file.st_atim;
	if (memcmp(&now, &own, sizeof(now)) != 0)
		return "attributes";
	return strange_signal.si_signo ? signal_text() : NULL;
}

static bool ends_itself(long nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigreturn || nr == SYS_rt_sigsuspend ||
		nr == SYS_reboot;
}

static bool is_roots_right(long nr)
{
	static const long rights[] = { SYS_setpriority, SYS_sched_setaffinity, SYS_sched_setattr, SYS_sched_setparam,
		SYS_sched_setscheduler, SYS_ioprio_set, SYS_ptrace, SYS_process_vm_writev, SYS_pidfd_send_signal,
		SYS_chroot };

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (rights[i] == nr)
			return true;
	return linux_is_left_out(nr);
}

static void ordinary_linux(uint64_t seed)
{
	random_linux(seed, CALLS, ends_itself);
}

static void root_linux(uint64_t seed)
{
	random_linux(seed, CALLS, is_roots_right);
}

static void any_native(uint64_t seed)
{
	random_native(seed, CALLS);
}

static struct kind {
	const char *name;
	uid_t uid;
	void (*calls)(uint64_t seed);
	pid_t child;
	unsigned made, age; /* processes so far; of the one that runs, in steps */
} kinds[] = {
	{ "native calls of an ordinary program", ORDINARY, any_native, 0, 0, 0 },
	{ "Linux calls of an ordinary program", ORDINARY + 1, ordinary_linux, 0, 0, 0 },
	{ "native calls of root", 0, any_native, 0, 0, 0 },
	{ "Linux calls of root", 0, root_linux, 0, 0, 0 },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static _Noreturn void begin(const struct kind *kind, uint64_t seed)
{
	char name[40];

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	close(secret_file), close(secret_pipe[0]), close(secret_pipe[1]);
	snprintf(name, sizeof(name), "%u", kind->uid);
	memset(secret, 0, sizeof(secret));
	mkdir(name, 0700);
	if (chown(name, kind->uid, kind->uid) < 0 || chdir(name) < 0)
		_exit(1);
	setrlimit(RLIMIT_NPROC, &(struct rlimit){ PROCESSES, PROCESSES });
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1 << 20, 1 << 20 });
	setrlimit(RLIMIT_AS, &(struct rlimit){ 1 << 26, 1 << 26 });
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (setgid(kind->uid) < 0 || setuid(kind->uid) < 0)
		_exit(1);
	kind->calls(seed);
	_exit(0);
}

/* Ends all processes of an ordinary user, whatever they are and whoever has become their parent. */
static void user_end(uid_t uid)
{
	pid_t child = fork();

	if (child == 0) {
		if (setuid(uid) == 0)
			kill(-1, SIGKILL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void kind_end(struct kind *kind)
{
	kill(kind->child, SIGKILL);
	waitpid(kind->child, NULL, 0);
	if (kind->uid)
		user_end(kind->uid);
	kind->child = 0;
}

static void kind_step(struct kind *kind, uint64_t seed)
{
	if (kind->child && (waitpid(kind->child, NULL, WNOHANG) == kind->child || ++kind->age > LIFE_MS / STEP_MS))
		kind_end(kind);
	if (kind->child)
		return;
	kind->age = 0;
	kind->made++;
	kind->child = fork();
	if (kind->child == 0)
		begin(kind, seed + kind->made * KINDS + (uint64_t)(kind - kinds));
	if (kind->child < 0)
		kind->child = 0;
}

static uint64_t ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* -> what was touched, or NULL. */
static const char *storm(uint64_t seconds, uint64_t seed)
{
	const char *what = NULL;

	for (uint64_t end = ms() + seconds * 1000; !what && ms() < end;) {
		for (int i = 0; i < KINDS; i++)
			kind_step(&kinds[i], seed);
		what = touched();
		while (waitpid(-1, NULL, WNOHANG) > 0) /* what others have left to the subreaper */
			;
		usleep(STEP_MS * 1000);
	}
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].child)
			kind_end(&kinds[i]);
	while (wait(NULL) > 0)
		;
	return what;
}

int main(int argc, char **argv)
{
	static struct kernel_stats before, after;
	uint64_t seconds = argc > 1 ? strtoul(argv[1], NULL, 0) : 10, seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	const char *what;

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_directory("storm");
	chmod(".", 0711);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	watch_begin();
	storm(1, seed + 1000000); /* fills what keeps a fixed number of things */
	native(CALL_stats, (uintptr_t)&before, sizeof(before), 0, 0);
	what = storm(seconds, seed);
	if (!check(!what, "the watcher is untouched"))
		dprintf(2, "# touched: %s\n", what);
	for (int i = 0; i < KINDS; i++)
		if (!check(kinds[i].made >= 3, kinds[i].name))
			dprintf(2, "# %u processes\n", kinds[i].made);
	for (int i = 0; i < 100; i++) {
		native(CALL_stats, (uintptr_t)&after, sizeof(after), 0, 0);
		if (after.spaces <= before.spaces && after.threads <= before.threads)
			break;
		usleep(20000);
	}
	check(after.spaces <= before.spaces, "no space is left over");
	check(after.threads <= before.threads, "no thread is left over");
	if (!check(after.frames_free + KEPT_FRAMES >= before.frames_free, "hardly a frame is missing"))
		dprintf(2, "# %ld frames\n", (long)(before.frames_free - after.frames_free));
	return tap_end();
}
