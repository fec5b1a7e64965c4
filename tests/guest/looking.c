/* Who may read what of /proc/PID. An ordinary user goes through all files of a process of the superuser, and of one of its own that
 * is not dumpable: each that is not on the list of public ones must be refused, also below directories, and in files that were
 * opened while it was allowed. Needs the superuser, to become other users. */
#include <dirent.h>
#include <sys/prctl.h>

#include "users.h"

static pid_t victim;

/* What everybody may open. Those that Allod does not have are Linux's. */
static const char *const public[] = { "arch_status", "attr", "autogroup", "cgroup", "cmdline", "comm",
	"coredump_filter", "cpu_resctrl_groups", "cpuset", "gid_map", "limits", "loginuid", "mountinfo", "mounts",
	"net", "ns", "oom_adj", "oom_score", "oom_score_adj", "patch_state", "projid_map", "sched", "schedstat",
	"sessionid", "setgroups", "stat", "statm", "status", "task", "timens_offsets", "timers", "timerslack_ns",
	"uid_map", "wchan", "children", "clear_refs" };
/* What everybody knows of, and nobody but who may look into the process may use. */
static const char *const secret[] = { "auxv", "cwd", "environ", "exe", "fd", "fdinfo", "maps", "root", "smaps" };

static bool is_public(const char *name)
{
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++)
		if (strcmp(name, public[i]) == 0)
			return true;
	return false;
}

/* Whether anything comes out of the name: a link's text, a file's or directory's content. */
static bool tells(int dir, const char *name)
{
	char text[256];
	int file;

	if (readlinkat(dir, name, text, sizeof(text)) >= 0)
		return true;
	file = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (file < 0)
		return false;
	close(file);
	return true;
}

/* Whether the user who runs this is told all that is public of the process in that directory, and nothing else of it. */
static bool is_closed(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool closed = dir != NULL;
	struct stat at;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || is_public(entry->d_name))
			continue;
		if (!tells(fd, entry->d_name))
			continue;
		dprintf(2, "# %s/%s is open to uid %d\n", path, entry->d_name, (int)getuid());
		closed = false;
	}
	for (size_t i = 0; dir && i < sizeof(secret) / sizeof(secret[0]); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s/.", secret[i]);
		closed &= faccessat(fd, name, F_OK, 0) == -1;
		snprintf(name, sizeof(name), "%s/0", secret[i]);
		closed &= faccessat(fd, name, F_OK, 0) == -1;
	}
	if (dir)
		closedir(dir);
	return closed && stat(path, &at) == 0;
}

static bool told_publicly(void)
{
	static const char *const files[] = { "stat", "statm", "status", "comm", "cmdline", "limits", "mounts",
		"cgroup" };
	char path[64], text[16];
	bool told = true;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim, files[i]);
		fd = open(path, O_RDONLY);
		told &= fd >= 0 && read(fd, text, sizeof(text)) >= 0;
		close(fd);
	}
	return told;
}

/* The fields of stat that tell addresses are empty. */
static bool stat_tells_addresses(void)
{
	char path[64], text[2048] = "", *at;
	unsigned long code = 0;
	int fd, field = 3;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)victim);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) < 0)
		return true;
	close(fd);
	at = strrchr(text, ')');
	for (at = at ? strtok(at + 2, " ") : NULL; at && field < 26; at = strtok(NULL, " "))
		field++;
	if (at)
		code = strtoul(at, NULL, 10);
	return code > 1;
}

static int sees_public_only(void)
{
	char path[64];
	bool closed;

	snprintf(path, sizeof(path), "/proc/%d", (int)victim);
	closed = is_closed(path);
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)victim, (int)victim);
	return !closed ? 1 : !is_closed(path) ? 2 : !told_publicly() ? 3 : stat_tells_addresses() ? 4 : 0;
}

/* The user who owns its files may open some on Linux, but does not get anything out of them. */
static int opens_no_secret(void)
{
	static const char *const names[] = { "auxv", "environ", "maps", "smaps", "cwd/.", "root/.", "exe", "fd/0" };
	char path[64];
	bool none = told_publicly();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim, names[i]);
		none &= open(path, O_RDONLY) == -1 && errno == EACCES;
	}
	return none ? 0 : 1;
}

static int sees_all(void)
{
	char path[64];
	bool all = stat_tells_addresses();

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim, secret[i]);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			dprintf(2, "# %s is closed\n", path);
		all &= fd >= 0;
		close(fd);
	}
	return all ? 0 : 1;
}

/* Starts a process that does something first. -> it is ready. */
static void start_victim(void (*first)(void))
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return;
	victim = fork();
	if (victim == 0) {
		first();
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) < 0)
		perror("victim");
	close(ready[0]);
}

static void end_victim(void)
{
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

static void stays(void)
{
}

static void becomes_other(void)
{
	user_become(user_id(1));
	prctl(PR_SET_DUMPABLE, 1);
}

static void becomes_user(void)
{
	user_become(user_id(0));
}

static void becomes_user_and_dumpable(void)
{
	user_become(user_id(0));
	prctl(PR_SET_DUMPABLE, 1);
}

/* Some of its ids are another's. */
static void becomes_half(void)
{
	uid_t mine = user_id(0), others = user_id(1);

	if (setgroups(0, NULL) < 0 || setresgid(mine, mine, mine) < 0 || setresuid(mine, mine, others) < 0)
		_exit(99);
	prctl(PR_SET_DUMPABLE, 1);
}

static uid_t owner_of(const char *name)
{
	char path[64];
	struct stat at;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim, name);
	return lstat(path, &at) == 0 ? at.st_uid : (uid_t)-2;
}

static void kinds_of_processes(void)
{
	start_victim(stays);
	check(user_run(user_id(0), sees_public_only) == 0, "a user is told of the superuser's process what is public");
	end_victim();
	start_victim(becomes_other);
	check(user_run(user_id(0), sees_public_only) == 0, "of another user's");
	end_victim();
	start_victim(becomes_half);
	check(user_run(user_id(0), opens_no_secret) == 0, "of one that can become another user");
	end_victim();
	start_victim(becomes_user);
	check(user_run(user_id(0), sees_public_only) == 0, "of an own one that cannot be dumped");
	check(owner_of("environ") == 0 && owner_of("fd") == 0 && owner_of("maps") == 0 && owner_of("stat") == 0,
		"its files are the superuser's");
	check(owner_of(".") == user_id(0) && owner_of("task") == user_id(0), "its directories are its user's");
	end_victim();
	start_victim(becomes_user_and_dumpable);
	check(owner_of("environ") == user_id(0) && owner_of("fd") == user_id(0), "those of another are its user's");
	check(user_run(user_id(0), sees_all) == 0, "of an own one that can, all");
	check(sees_all() == 0, "the superuser is told all");
	end_victim();
}

/* --- itself --- */

static int looks_at_itself(void)
{
	bool fine = open("/proc/self/maps", O_RDONLY) >= 0 && open("/proc/self/fd", O_RDONLY) >= 0 &&
		open("/proc/self/cwd", O_RDONLY) >= 0 && access("/proc/self/fd/0", F_OK) == 0;

	/* It is not the owner of that one. */
	fine &= open("/proc/self/environ", O_RDONLY) == -1 && errno == EACCES;
	prctl(PR_SET_DUMPABLE, 1);
	return !(fine && open("/proc/self/environ", O_RDONLY) >= 0);
}

/* --- what was opened before --- */

/* Started by a user as a set-user-ID program: says that it runs, waits. */
static int program(void)
{
	if (geteuid() != 0 || prctl(PR_GET_DUMPABLE) != 0 || write(1, "x", 1) != 1)
		return 1;
	pause();
	return 0;
}

static int pipes[2][2];

static void becomes_program(void)
{
	char byte;

	if (read(pipes[0][0], &byte, 1) != 1)
		_exit(1);
	dup2(pipes[1][1], 1);
	execl("./program", "program", "set-user-ID", NULL);
	_exit(1);
}

/* What the files that were opened tell then is the old program's, or nothing. */
static bool tells_new(int maps)
{
	char text[64];
	ssize_t got = pread(maps, text, sizeof(text), 0);

	return got > 0;
}

static int keeps_open(void)
{
	char path[64], byte;
	int top, fds, maps;
	bool fine;
	DIR *list;

	if (pipe2(pipes[0], O_CLOEXEC) < 0 || pipe2(pipes[1], O_CLOEXEC) < 0)
		return 1;
	prctl(PR_SET_DUMPABLE, 1);
	victim = fork();
	if (victim == 0)
		becomes_program();
	snprintf(path, sizeof(path), "/proc/%d", (int)victim);
	top = open(path, O_RDONLY | O_DIRECTORY);
	fds = openat(top, "fd", O_RDONLY | O_DIRECTORY);
	maps = openat(top, "maps", O_RDONLY);
	fine = top >= 0 && fds >= 0 && maps >= 0 && tells(fds, "0") && tells(top, "environ");
	if (write(pipes[0][1], "x", 1) != 1 || read(pipes[1][0], &byte, 1) != 1)
		return 2;
	fine &= !tells(top, "environ") && !tells(top, "cwd") && !tells(top, "exe") && !tells(fds, "0") &&
		!tells(fds, "1") && !tells_new(maps) && tells(top, "stat");
	list = fdopendir(dup(top));
	fine &= list && readdir(list) != NULL;
	return fine ? 0 : 3;
}

static void kept_open(void)
{
	tap_directory("looking");
	chmod(".", 0755);
	check(copy_self("program") && chmod("program", 04755) == 0, "make a set-user-ID program");
	check(user_run(user_id(0), keeps_open) == 0, "what was open when a process executed one tells nothing of that");
}

/* --- programs that their user may not read --- */

static int executes_unreadable(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		execl("./unreadable", "unreadable", "dumpable", NULL);
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void unreadable(void)
{
	check(copy_self("unreadable") && chmod("unreadable", 0711) == 0, "make a program that others may not read");
	check(user_run(user_id(0), executes_unreadable) == 10, "executed by others it cannot be dumped");
	check(chmod("unreadable", 0755) == 0 && user_run(user_id(0), executes_unreadable) == 11,
		"made readable it can");
}

/* A directory that has no search permission is not entered by way of somebody who is in it. */
static void sits_in_private(void)
{
	if (mkdir("private", 0700) < 0 || mkdir("private/inside", 0755) < 0 || chdir("private/inside") < 0 ||
		close(open("key", O_CREAT | O_WRONLY, 0644)) < 0)
		_exit(1);
}

static int goes_by_cwd(void)
{
	char path[64];
	bool open_to_all;

	snprintf(path, sizeof(path), "/proc/%d/cwd/key", (int)victim);
	open_to_all = access(path, R_OK) == 0 || open(path, O_RDONLY) >= 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)victim);
	return open_to_all || chdir(path) == 0;
}

static void private_directory(void)
{
	start_victim(sits_in_private);
	check(user_run(user_id(0), goes_by_cwd) == 0, "nobody follows another's working directory or root");
	end_victim();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "dumpable") == 0 ? 10 + prctl(PR_GET_DUMPABLE) : program();
	if (geteuid() != 0) {
		check(true, "nothing to see for an ordinary user");
		return tap_end();
	}
	kinds_of_processes();
	check(user_run(user_id(0), looks_at_itself) == 0, "a process looks at itself");
	kept_open();
	unreadable();
	private_directory();
	return tap_end();
}
