/* First-class virtual address spaces: every call with its errors, rights, sharing, and files of /proc and /sys. See
 * vas_inside.c. */
#include <dirent.h>
#include <time.h>

#include "vas.h"

/* --- calls and their errors --- */

static void test_names(void)
{
	char name[300];
	int vid, sid;

	memset(name, 'n', sizeof(name));
	name[299] = 0;
	check_errno(vas_create(name, 0600), ENAMETOOLONG, "create: name of 299 bytes");
	check_errno(vas_find(name), ENAMETOOLONG, "find: name of 299 bytes");
	name[255] = 0;
	check((vid = vas_create(name, 0600)) > 0, "create: name of 255 bytes");
	check(vas_find(name) == vid, "find: name of 255 bytes");
	check_errno(vas_create(name, 0600), EEXIST, "create: name in use");
	check((sid = vas_seg_create(name, base, base + 4096, 0600)) > 0, "segments have names of their own");
	check(vas_seg_find(name) == sid, "seg_find");
	check_errno(vas_seg_create(name, base, base + 4096, 0600), EEXIST, "seg_create: name in use");
	check_errno(vas_create("", 0600), EINVAL, "create: empty name");
	check_errno(vas_create(tap_pointer(8), 0600), EFAULT, "create: bad pointer");
	check_errno(vas_find("/no such"), ESRCH, "find: unknown name");
	check_errno(vas_seg_find("/no such"), ESRCH, "seg_find: unknown name");
	check_errno(vas_find(tap_pointer(8)), EFAULT, "find: bad pointer");
	check(vas_seg_delete(sid) == 0 && vas_delete(vid) == 0, "delete both");
	check_errno(vas_delete(vid), EINVAL, "delete: gone");
	check_errno(vas_seg_delete(sid), EINVAL, "seg_delete: gone");
	check_errno(vas_find(name), ESRCH, "find: gone");
	check((vid = vas_create(name, 0600)) > 0 && vas_delete(vid) == 0, "the name is free again");
}

static void test_bad_numbers(void)
{
	struct vas_attr attr;
	struct vas_seg_attr seg_attr;
	uint64_t root;

	check_errno(vas_delete(0), EINVAL, "delete: no such VAS");
	check_errno(vas_attach(0, 60000, O_RDWR), EINVAL, "attach: no such VAS");
	check_errno(vas_attach(0, -1, O_RDWR), EINVAL, "attach: negative");
	check_errno(vas_detach(0, 60000), EINVAL, "detach: no such VAS");
	check_errno(vas_switch(60000), EINVAL, "switch: no such VAS");
	check_errno(vas_switch(-1), EINVAL, "switch: negative");
	check_errno(vas_getattr(60000, &attr), EINVAL, "getattr: no such VAS");
	check_errno(vas_setattr(60000, &attr), EINVAL, "setattr: no such VAS");
	check_errno(vas_seg_attach(60000, 1, O_RDWR), EINVAL, "seg_attach: no such VAS");
	check_errno(vas_seg_detach(60000, 1), EINVAL, "seg_detach: no such VAS");
	check_errno(vas_seg_getattr(60000, &seg_attr), EINVAL, "seg_getattr: no such segment");
	check_errno(vas_seg_setattr(60000, &seg_attr), EINVAL, "seg_setattr: no such segment");
	check_errno(vas_clone(60000, "x", 0600), EINVAL, "clone: no such VAS");
	check_errno(vas_seg_clone(60000, "x", 0600), EINVAL, "seg_clone: no such segment");
	check_errno(vas_get_root(60000, &root), EINVAL, "get_root: no such VAS");
	check_errno(vas_set_root(60000, 1), EINVAL, "set_root: no such VAS");
	check_errno(vas_revoke(60000, 0), EINVAL, "revoke: no such VAS");
	check_errno(vas_share(60000, 0), EINVAL, "share: no such VAS");
	check_errno(vas_seg_share(60000, 0), EINVAL, "seg_share: no such segment");
	check_errno(vas_switch(1), EINVAL, "switch: a space that is no VAS");
	check_errno(vas_attach(0, 1, O_RDWR), EINVAL, "attach: a space that is no VAS");
}

static void test_arguments(void)
{
	uint64_t range[2] = { 0, 0 }, end;
	int vid, sid, other;

	check(vas_range(range) == 0 && range[1] == 2 * range[0], "the range is the upper half of the window");
	check_errno(vas_range(tap_pointer(8)), EFAULT, "range: bad pointer");
	end = range[1];
	check_errno(vas_seg_create("s", base + 1, base + 4096, 0600), EINVAL, "seg_create: start inside of a page");
	check_errno(vas_seg_create("s", base, base + 4095, 0600), EINVAL, "seg_create: end inside of a page");
	check_errno(vas_seg_create("s", base, base, 0600), EINVAL, "seg_create: empty");
	check_errno(vas_seg_create("s", base + 8192, base + 4096, 0600), EINVAL, "seg_create: backwards");
	check_errno(vas_seg_create("s", base - 4096, base + 4096, 0600), EINVAL, "seg_create: below the range");
	check_errno(vas_seg_create("s", end - 4096, end + 4096, 0600), EINVAL, "seg_create: above the range");
	check_errno(vas_seg_create("s", 0, ~4095ul, 0600), EINVAL, "seg_create: all addresses");
	vid = make("v", &sid, 0600);
	check_errno(vas_attach(0, vid, 3), EINVAL, "attach: bad type");
	check_errno(vas_attach(0, vid, O_RDWR | O_CREAT), EINVAL, "attach: flags of open");
	check_errno(vas_seg_attach(vid, 60000, O_RDWR), EINVAL, "seg_attach: no such segment");
	check_errno(vas_seg_attach(vid, sid, 7), EINVAL, "seg_attach: bad type");
	check(vas_seg_attach(vid, sid, O_RDWR) == 0, "seg_attach: attached already");
	check_errno(vas_attach(999999, vid, O_RDWR), ESRCH, "attach: no such process");
	check_errno(vas_detach(999999, vid), ESRCH, "detach: no such process");
	check_errno(vas_detach(0, vid), EINVAL, "detach: not attached");
	check_errno(vas_switch(vid), EINVAL, "switch: not attached");
	other = vas_seg_create("o", base + BYTES - 4096, base + BYTES + 4096, 0600);
	check_errno(vas_seg_attach(vid, other, O_RDWR), EFAULT, "seg_attach: another is there");
	check_errno(vas_seg_detach(vid, other), EINVAL, "seg_detach: not attached");
	check_errno(vas_seg_delete(sid), EBUSY, "seg_delete: attached");
	check_errno(vas_getattr(vid, tap_pointer(8)), EFAULT, "getattr: bad pointer");
	check_errno(vas_setattr(vid, tap_pointer(8)), EFAULT, "setattr: bad pointer");
	check_errno(vas_share(vid, VAS_SHARED_LOCK), EINVAL, "share: VASes have no lock");
	check_errno(vas_seg_share(sid, VAS_SHARED_LOCK), EBUSY, "seg_share: attached");
	check(vas_seg_delete(other) == 0, "delete the other");
	unmake(vid, sid);
}

/* --- rights --- */

static bool stranger_is_refused(int shown, int hidden, int segment)
{
	struct vas_attr attr;

	return fails(vas_attach(0, hidden, O_RDONLY), EACCES) && fails(vas_attach(0, shown, O_RDWR), EACCES) &&
		fails(vas_attach(0, shown, O_WRONLY), EACCES) && fails(vas_delete(shown), EACCES) &&
		fails(vas_seg_delete(segment), EACCES) && fails(vas_seg_attach(shown, segment, O_RDONLY), EACCES) &&
		fails(vas_seg_detach(shown, segment), EACCES) && vas_getattr(shown, &attr) == 0 && attr.mode == 0644 &&
		attr.user == 0 && fails(vas_setattr(shown, &attr), EACCES) &&
		fails(vas_attach(getppid(), shown, O_RDONLY), EACCES) && fails(vas_detach(getppid(), shown), EACCES) &&
		fails(vas_clone(hidden, "stolen", 0600), EACCES) &&
		fails(vas_seg_clone(vas_seg_find("hidden.data"), "stolen", 0600), EACCES) &&
		fails(vas_revoke(shown, 0), EACCES) && fails(vas_share(shown, 0), EACCES) &&
		fails(vas_seg_share(segment, 0), EACCES) && fails(vas_set_root(shown, 1), EACCES);
}

static bool stranger_has_quota(void)
{
	struct vas_attr attr;
	struct vas_quota quota;
	int own = vas_create("own", 0600);
	bool ok = own > 0 && vas_getattr(own, &attr) == 0 && attr.user == 1000 && attr.group == 1000;

	attr.user = 0;
	ok = ok && fails(vas_setattr(own, &attr), EPERM);
	attr.user = 1000;
	attr.group = 55;
	ok = ok && fails(vas_setattr(own, &attr), EPERM);
	attr.group = 1000;
	attr.mode = 0777;
	ok = ok && vas_setattr(own, &attr) == 0 && vas_getattr(own, &attr) == 0 && attr.mode == 0666;
	ok = ok && vas_quota(1000, NULL, &quota) == 0 && quota.objects == 1 && quota.objects_max == 2;
	ok = ok && fails(vas_quota(0, NULL, &quota), EPERM) && fails(vas_quota(1000, &quota, NULL), EPERM);
	ok = ok && fails(vas_seg_create("big", base, base + (1 << 16), 0600), EDQUOT);
	ok = ok && vas_seg_create("small", base, base + 4096, 0600) > 0;
	ok = ok && fails(vas_create("third", 0600), EDQUOT);
	return ok && vas_seg_delete(vas_seg_find("small")) == 0 && vas_delete(own) == 0;
}

static void as_stranger(void)
{
	int shown = vas_find("shown"), hidden = vas_find("hidden"), segment = vas_seg_find("shown.data");

	if (setgid(1000) < 0 || setuid(1000) < 0 || !stranger_is_refused(shown, hidden, segment))
		_exit(1);
	if (!enter(shown, O_RDONLY) || words[0] != 7 || !leave(shown))
		_exit(2);
	_exit(stranger_has_quota() ? 0 : 3);
}

static void test_rights(void)
{
	const struct vas_quota small = { 2, 10, 0, 0 }, large = { 100, 100000, 0, 0 };
	struct vas_attr attr = { 0644, 0, 0 };
	int shown, shown_segment, hidden, hidden_segment;
	pid_t child;

	shown = make("shown", &shown_segment, 0644);
	hidden = make("hidden", &hidden_segment, 0600);
	check(vas_setattr(shown, &attr) == 0, "setattr");
	check(enter(shown, O_RDWR), "attach and switch");
	words[0] = 7;
	check(leave(shown), "switch back and detach");
	check(vas_quota(1000, &small, NULL) == 0, "root sets a quota");
	child = fork();
	if (child == 0)
		as_stranger();
	check(status_of(child) == 0, "a stranger does what modes and quotas allow, and nothing else");
	check(vas_quota(1000, &large, NULL) == 0, "root sets a quota again");
	attr.user = 1000;
	check(vas_setattr(shown, &attr) == 0 && vas_getattr(shown, &attr) == 0 && attr.user == 1000,
		"root gives it away");
	unmake(shown, shown_segment);
	unmake(hidden, hidden_segment);
}

/* --- sharing --- */

/* Can another process attach it in that way? */
static int other_attaches(int vid, int type)
{
	pid_t child = fork();

	if (child == 0)
		_exit(vas_attach(0, vid, type) == 0 ? 0 : errno);
	return WEXITSTATUS(status_of(child));
}

static void test_many_readers(void)
{
	int sid, vid = make("readers", &sid, 0600), other = vas_create("readers too", 0600);

	check(vas_attach(0, vid, O_RDONLY) == 0, "a reader attaches");
	check(vas_attach(0, vid, O_RDONLY) == 0, "attach twice");
	check(other_attaches(vid, O_RDONLY) == 0, "another reader attaches");
	check(other_attaches(vid, O_RDWR) == EBUSY, "a writer beside readers: EBUSY");
	check_errno(vas_delete(vid), EBUSY, "delete: attached");
	check(vas_switch(vid) == 0, "switch");
	check(tap_read(words) == 0, "a reader reads");
	check(tap_write(words) == SIGSEGV && tap_info.si_code == SEGV_ACCERR && tap_info.si_addr == (void *)words,
		"a reader writes: SIGSEGV");
	check_errno(vas_detach(0, vid), EBUSY, "detach: inside");
	check(vas_switch(vid) == 0, "switch to the same");
	check(active_vas() == vid, "active_vas");
	check(vas_switch(0) == 0 && active_vas() == 0, "switch back");
	check(tap_read(words) == SIGSEGV && tap_info.si_code == SEGV_MAPERR, "outside nothing is there");
	check(vas_detach(0, vid) == 0, "detach");
	check(vas_attach(0, vid, O_RDWR) == 0, "a writer attaches");
	check(other_attaches(vid, O_RDONLY) == EBUSY, "a reader beside a writer: EBUSY");
	check(vas_share(vid, VAS_SHARED_FREE) == 0, "share freely");
	check(other_attaches(vid, O_RDWR) == 0, "then two writers attach");
	check(vas_share(vid, VAS_SHARED_STRICT) == 0, "share strictly");
	check_errno(vas_seg_attach(other, sid, O_RDWR), EBUSY, "seg_attach: a second writer");
	check_errno(vas_seg_attach(other, sid, O_RDONLY), EBUSY, "seg_attach: a reader beside a writer");
	check(vas_seg_detach(vid, sid) == 0 && vas_seg_attach(vid, sid, O_RDONLY) == 0,
		"attach the segment to be read");
	check(vas_seg_attach(other, sid, O_RDONLY) == 0, "a second reader of the segment");
	check(vas_switch(vid) == 0 && tap_write(words) == SIGSEGV, "a segment to be read cannot be written");
	check(leave(vid) && vas_delete(other) == 0, "detach and delete");
	unmake(vid, sid);
}

struct item {
	struct item *next;
	int value;
};

static int sum(void)
{
	int total = 0;

	for (const struct item *item = (const struct item *)base; item; item = item->next)
		total += item->value;
	return total;
}

static void make_list(void)
{
	struct item *items = (struct item *)base;
	int sid, vid = make("list", &sid, 0600);

	if (!enter(vid, O_RDWR))
		_exit(1);
	for (int i = 0; i < 1000; i++)
		items[i] = (struct item){ i < 999 ? &items[i + 1] : NULL, i };
	_exit(vas_set_root(vid, base) == 0 ? 0 : 2);
}

/* A list made by one process is walked by others, also when the first one is gone. */
static void test_outlives(void)
{
	pid_t child = fork();
	uint64_t root = 1;
	int vid;

	if (child == 0)
		make_list();
	check(status_of(child) == 0, "a process makes a list and ends inside");
	vid = vas_find("list");
	check(vid > 0 && enter(vid, O_RDONLY), "find, attach, switch");
	check(sum() == 499500, "the list is there, with plain pointers");
	check(vas_get_root(vid, &root) == 0 && root == base, "the root says where");
	child = fork();
	if (child == 0)
		_exit(active_vas() == 0 && tap_read(words) == SIGSEGV && vas_switch(vid) < 0 && errno == EINVAL ? 0
														: 1);
	check(status_of(child) == 0, "a child has nothing attached");
	for (int i = 0; i < 3; i++) {
		child = fork();
		if (child == 0)
			_exit(enter(vid, O_RDONLY) && sum() == 499500 ? 0 : 1);
		check(status_of(child) == 0, "another process walks it");
	}
	check(leave(vid), "detach");
	check(vas_delete(vid) == 0 && vas_seg_find("list.data") > 0, "segments are detached, not deleted");
	vid = vas_create("list", 0600);
	check(vas_seg_attach(vid, vas_seg_find("list.data"), O_RDWR) == 0 && enter(vid, O_RDWR) && sum() == 499500,
		"and can be attached to another VAS");
	leave(vid);
	unmake(vid, vas_seg_find("list.data"));
}

/* A segment that is attached while processes are inside is there for them at once. */
static void test_live_attach(void)
{
	int sid, vid = make("live", &sid, 0600), more, up[2], down[2];
	void *there = (void *)(base + BYTES);
	pid_t child;

	check(pipe(up) == 0 && pipe(down) == 0, "pipes");
	child = fork();
	if (child == 0) {
		if (!enter(vid, O_RDONLY) || tap_read(there) != SIGSEGV || !tell(up[1]) || !hear(down[0]))
			_exit(1);
		if (tap_read(there) != 0 || !tell(up[1]) || !hear(down[0]))
			_exit(2);
		_exit(tap_read(there) == SIGSEGV ? 0 : 3);
	}
	check(hear(up[0]), "the child is inside");
	more = vas_seg_create("more", base + BYTES, base + 2 * BYTES, 0600);
	check(vas_seg_attach(vid, more, O_RDWR) == 0, "attach a segment to a VAS in use");
	check(tell(down[1]) && hear(up[0]), "the child reads it");
	check(vas_seg_detach(vid, more) == 0, "detach it again");
	check(tell(down[1]) && status_of(child) == 0, "the child finds it gone");
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
	vas_seg_delete(more);
	unmake(vid, sid);
}

/* --- system calls with pointers into a VAS --- */

static void test_pointers(void)
{
	int sid, vid = make("pointers", &sid, 0600), fds[2];
	char *text = (char *)base, seen[20] = "";
	struct timespec *now = (struct timespec *)(base + 4096);
	pid_t child;

	vas_attach(0, vid, O_RDWR);
	check(pipe(fds) == 0, "pipe");
	check_errno(write(fds[1], text, 5), EFAULT, "write from a VAS that one is not in");
	vas_switch(vid);
	strcpy(text, "hello");
	check(write(fds[1], text, 5) == 5 && read(fds[0], seen, 5) == 5 && !strcmp(seen, "hello"), "write from a VAS");
	check(write(fds[1], "again", 5) == 5 && read(fds[0], text + 8190, 5) == 5 && !memcmp(text + 8190, "again", 5),
		"read into a VAS, over pages never touched");
	check(syscall(SYS_clock_gettime, CLOCK_REALTIME, now) == 0 && now->tv_sec > 0, "a structure in a VAS");
	strcpy(text, "/proc/self/stat");
	check(access(text, R_OK) == 0, "a path in a VAS");
	check_errno(write(fds[1], text + BYTES, 1), EFAULT, "behind the segment");
	vas_switch(0);
	vas_detach(0, vid);
	child = fork();
	if (child == 0) {
		if (!enter(vid, O_RDONLY) || write(fds[1], text, 5) != 5)
			_exit(1);
		_exit(fails(read(fds[0], text, 5), EFAULT) && fails(syscall(SYS_clock_gettime, 0, now), EFAULT) ? 0
														: 2);
	}
	check(status_of(child) == 0, "a reader's calls cannot write there either");
	close(fds[0]);
	close(fds[1]);
	unmake(vid, sid);
}

/* --- files about it --- */

static bool file_has(const char *what, const char *path, int number, const char *name)
{
	char text[8192] = "", full[100];
	int fd;
	ssize_t n;

	snprintf(full, sizeof(full), "%s/%d/%s", path, number, name);
	fd = open(full, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0 && strstr(text, what))
		return true;
	dprintf(2, "# %s: %s\n", full, text);
	return false;
}

static bool is_listed(const char *path, int number)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int found = 0;

	while (directory && (entry = readdir(directory)))
		found += atoi(entry->d_name) == number;
	closedir(directory);
	return found == 1;
}

/* Of another process, which may write; ways of sharing, roots, the other side of attachments. */
static void test_more_files(int vid, int sid)
{
	const char *vas = "/sys/kernel/vas", *seg = "/sys/kernel/vas_segs";
	char what[100], theirs[100];
	int fds[2], clone;
	pid_t child;

	check(file_has("strict\n", vas, vid, "share") && vas_share(vid, VAS_SHARED_FREE) == 0 &&
			file_has("free\n", vas, vid, "share") && file_has("strict\n", seg, sid, "share"),
		"how they are shared");
	snprintf(what, sizeof(what), "%lx\n", (unsigned long)base);
	check(vas_set_root(vid, base) == 0 && file_has(what, vas, vid, "root"), "the root");
	snprintf(what, sizeof(what), "%d rw\n", vid);
	check(file_has(what, seg, sid, "attached"), "VASes that a segment is attached to");
	check(file_has("files.data\n", seg, sid, "name") && file_has("0\n", seg, sid, "user") &&
			file_has("0\n", seg, sid, "group"),
		"name and owner of a segment");
	if (pipe(fds))
		return;
	child = fork();
	if (child == 0)
		_exit(enter(vid, O_RDWR) && tell(fds[1]) && pause() < 0 ? 0 : 1);
	hear(fds[0]);
	snprintf(theirs, sizeof(theirs), "/proc/%d/vas", (int)child);
	snprintf(what, sizeof(what), "%lx-%lx rw-s [v] files.data", (unsigned long)base, (unsigned long)base + BYTES);
	check(file_has("read-write", theirs, vid, "status") && file_has(what, theirs, vid, "maps") &&
			is_listed(theirs, vid),
		"what another process has attached");
	kill(child, SIGKILL);
	status_of(child);
	close(fds[0]);
	close(fds[1]);
	clone = vas_clone(vid, "files too", 0604);
	snprintf(what, sizeof(what), "rw %lx-%lx \n", (unsigned long)base, (unsigned long)base + BYTES);
	check(file_has("604\n", vas, clone, "mode") && file_has(what, vas, clone, "segments"),
		"a clone, whose segment has no name");
	check(is_listed(seg, sid + 1) && vas_seg_detach(clone, sid + 1) == 0 && !is_listed(seg, sid + 1) &&
			vas_delete(clone) == 0,
		"it is gone when it is in no VAS");
}

static void test_files(void)
{
	const char *vas = "/sys/kernel/vas", *seg = "/sys/kernel/vas_segs", *own = "/proc/self/vas";
	char what[100], path[100], link[100] = "";
	int sid, vid = make("files", &sid, 0640);

	vas_attach(0, vid, O_RDONLY);
	check(file_has("files\n", vas, vid, "name") && file_has("600\n", vas, vid, "mode"), "name and mode of a VAS");
	check(file_has("0\n", vas, vid, "user") && file_has("0\n", vas, vid, "group"), "user and group");
	check(file_has("files.data", vas, vid, "segments"), "segments");
	snprintf(what, sizeof(what), "%d r\n", (int)getpid());
	check(file_has(what, vas, vid, "attached"), "attached");
	snprintf(what, sizeof(what), "%lx-%lx\n", (unsigned long)base, (unsigned long)base + BYTES);
	check(file_has(what, seg, sid, "region") && file_has("640\n", seg, sid, "mode"),
		"region and mode of a segment");
	check(file_has("read-only", own, vid, "status"), "/proc/PID/vas/ID/status");
	snprintf(what, sizeof(what), "%lx-%lx rw-s [v:r] files.data", (unsigned long)base, (unsigned long)base + BYTES);
	check(file_has(what, own, vid, "maps") && file_has("[p]", own, vid, "maps"), "maps");
	snprintf(path, sizeof(path), "%s/%d/vas", own, vid);
	snprintf(what, sizeof(what), "%s/%d", vas, vid);
	check(readlink(path, link, sizeof(link) - 1) > 0 && !strcmp(link, what), "a link to the VAS");
	check(is_listed(vas, vid) && is_listed(seg, sid) && is_listed(own, vid), "all three are listed");
	vas_detach(0, vid);
	check(access(path, F_OK) < 0 && !is_listed(own, vid), "gone when detached");
	test_more_files(vid, sid);
	unmake(vid, sid);
	check(!is_listed(vas, vid) && !is_listed(seg, sid), "and when deleted");
}

/* --- more memory than one window shows --- */

static void test_windows(void)
{
	enum { WINDOWS = 12 };
	int vids[WINDOWS], sids[WINDOWS];
	char name[20];
	bool ok = true;

	for (int i = 0; i < WINDOWS; i++) {
		snprintf(name, sizeof(name), "window %d", i);
		vids[i] = make(name, &sids[i], 0600);
		ok = ok && vas_attach(0, vids[i], O_RDWR) == 0;
	}
	check(ok, "twelve VASes at the same addresses");
	for (int i = 0; i < 1200; i++) {
		ok = ok && vas_switch(vids[i % WINDOWS]) == 0;
		words[0] += (uint64_t)i;
	}
	for (int i = 0; i < WINDOWS; i++) {
		uint64_t expected = 0;

		for (int n = i; n < 1200; n += WINDOWS)
			expected += (uint64_t)n;
		ok = ok && vas_switch(vids[i]) == 0 && words[0] == expected;
	}
	check(ok, "each keeps its own");
	vas_switch(0);
	for (int i = 0; i < WINDOWS; i++) {
		ok = ok && vas_detach(0, vids[i]) == 0;
		unmake(vids[i], sids[i]);
	}
	check(ok, "detach all");
}

int main(int argc, char **argv)
{
	(void)argc;
	start(argv);
	test_names();
	test_bad_numbers();
	test_arguments();
	test_rights();
	test_many_readers();
	test_outlives();
	test_live_attach();
	test_pointers();
	test_files();
	test_windows();
	return tap_end();
}
