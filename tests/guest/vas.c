/* First-class virtual address spaces: every call with its errors, sharing, threads, fork, exec, signals, ends. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#include <allod/vas.h>

#include "tap.h"

enum { BYTES = 1 << 20 };

static uint64_t base; /* of the range of VASes */
static volatile uint64_t *words;
static char *self_path;

/* A VAS with one segment at the start of the range. */
static int make_shared(const char *name, int *sid, unsigned mode, int how)
{
	char segment[100];
	int vid = vas_create(name, 0600);

	snprintf(segment, sizeof(segment), "%s.data", name);
	*sid = vas_seg_create(segment, base, base + BYTES, mode);
	if (vas_seg_share(*sid, how) < 0 || vas_seg_attach(vid, *sid, O_RDWR) < 0)
		dprintf(2, "# %s: %s\n", name, strerror(errno));
	return vid;
}

static int make(const char *name, int *sid, unsigned mode)
{
	return make_shared(name, sid, mode, VAS_SHARED_STRICT);
}

static void unmake(int vid, int sid)
{
	if (vas_delete(vid) < 0 || vas_seg_delete(sid) < 0)
		dprintf(2, "# delete: %s\n", strerror(errno));
}

static int status_of(pid_t child)
{
	int status = -1;

	return waitpid(child, &status, 0) == child ? status : -1;
}

static bool enter(int vid, int type)
{
	return vas_attach(0, vid, type) == 0 && vas_switch(vid) == 0;
}

static bool leave(int vid)
{
	return vas_switch(0) == 0 && vas_detach(0, vid) == 0;
}

static bool fails(long result, int error)
{
	if (result == -1 && errno == error)
		return true;
	dprintf(2, "# %ld, errno %d (%s) instead of %d\n", result, errno, strerror(errno), error);
	return false;
}

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

static bool tell(int fd)
{
	return write(fd, "x", 1) == 1;
}

static bool hear(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
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

/* --- the common half --- */

static int global_count = 5;

static void test_common(void)
{
	int a_sid, a = make("common a", &a_sid, 0600), b_sid, b = make("common b", &b_sid, 0600), local = 3;
	char *blocks[40], *page;
	bool ok = vas_attach(0, a, O_RDWR) == 0 && vas_attach(0, b, O_RDWR) == 0;

	/* The heap grows in both. */
	for (int i = 0; i < 40; i++) {
		ok = ok && vas_switch(i % 2 ? a : b) == 0;
		blocks[i] = malloc(100000);
		memset(blocks[i], i, 100000);
		words[i] = (uint64_t)blocks[i];
		global_count++;
		local++;
	}
	check(ok && vas_switch(a) == 0, "switch forty times");
	page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(page, 'p', 65536);
	for (int i = 0; i < 40; i++)
		ok = ok && blocks[i][99999] == i && words[i] == (i % 2 ? (uint64_t)blocks[i] : 0);
	check(ok, "the heap grew in both and is one");
	check(vas_switch(b) == 0 && page[65535] == 'p' && words[0] == (uint64_t)blocks[0] && words[1] == 0,
		"each has its own words");
	check(global_count == 45 && local == 43, "data and stack are common");
	munmap(page, 65536);
	check(vas_switch(a) == 0 && tap_read(page) == SIGSEGV, "what is unmapped in one is gone in all");
	check(mprotect((void *)base, 4096, PROT_READ) < 0, "a VAS cannot be changed by mprotect");
	check(mmap((void *)base, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED,
		"mmap leaves VASes alone");
	for (int i = 0; i < 40; i++)
		free(blocks[i]);
	leave(a);
	vas_detach(0, b);
	unmake(a, a_sid);
	unmake(b, b_sid);
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

/* --- threads --- */

static int thread_vids[2];
static pthread_barrier_t barrier;

static void *in_vas(void *argument)
{
	long i = (long)argument;
	bool ok = vas_switch(thread_vids[i]) == 0;

	for (int n = 0; n < 2000; n++) {
		uint64_t value = (uint64_t)(i + 1) * 1000000 + (uint64_t)n;

		words[0] = value;
		if (n % 100 == 0)
			pthread_barrier_wait(&barrier);
		if (n % 7 == 0)
			sched_yield();
		ok = ok && words[0] == value && active_vas() == thread_vids[i];
	}
	return (void *)(long)ok;
}

static bool two_threads(void)
{
	pthread_t threads[2];
	void *results[2];

	for (long i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, in_vas, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], &results[i]);
	return results[0] && results[1];
}

static void test_threads(void)
{
	int sids[2];

	thread_vids[0] = make("thread 0", &sids[0], 0600);
	thread_vids[1] = make("thread 1", &sids[1], 0600);
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		vas_attach(0, thread_vids[i], O_RDWR);
	check(two_threads(), "two threads in two VASes at once, at the same addresses");
	check(active_vas() == 0, "the first thread is in none");
	vas_switch(thread_vids[0]);
	words[1] = 77;
	check(two_threads() && words[1] == 77 && words[0] == 1001999, "threads started inside");
	vas_switch(0);
	for (int i = 0; i < 2; i++) {
		vas_detach(0, thread_vids[i]);
		unmake(thread_vids[i], sids[i]);
	}
}

/* Futexes in a VAS are shared by all that are attached. */
static void test_futex(void)
{
	int sid, vid = make("futex", &sid, 0600);
	volatile uint32_t *word = (volatile uint32_t *)base;
	pid_t child;

	vas_share(vid, VAS_SHARED_FREE);
	enter(vid, O_RDWR);
	*word = 0;
	child = fork();
	if (child == 0) {
		if (!enter(vid, O_RDWR))
			_exit(1);
		while (*word == 0)
			syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
		_exit(*word == 9 ? 0 : 2);
	}
	usleep(20000);
	*word = 9;
	syscall(SYS_futex, word, FUTEX_WAKE, 100, NULL, NULL, 0);
	check(status_of(child) == 0, "a futex in a VAS");
	leave(vid);
	unmake(vid, sid);
}

/* --- signals --- */

static volatile int handler_vas;
static volatile uint64_t handler_stack;

static void on_signal(int number)
{
	(void)number;
	handler_vas = active_vas();
	handler_stack = (uint64_t)__builtin_frame_address(0);
}

/* Calls a function on another stack. */
static void on_stack(uint64_t top, void (*function)(void))
{
	static ucontext_t back, there;

	getcontext(&there);
	there.uc_stack.ss_sp = (void *)(top - 65536);
	there.uc_stack.ss_size = 65536;
	there.uc_link = &back;
	makecontext(&there, function, 0);
	swapcontext(&back, &there);
}

static volatile int raised;

static void raise_usr1(void)
{
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	raised++;
}

static void test_signals(void)
{
	static char alternate[65536] __attribute__((aligned(16)));
	struct sigaction action = { .sa_handler = on_signal };
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	int sid, vid = make("signals", &sid, 0600);
	pid_t child;

	vas_share(vid, VAS_SHARED_FREE);
	enter(vid, O_RDWR);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(handler_vas == vid && active_vas() == vid, "a handler runs in the VAS of the thread");
	check(handler_stack < base, "on the thread's stack");
	child = fork();
	if (child == 0) {
		if (!enter(vid, O_RDWR))
			_exit(1);
		on_stack(base + BYTES, raise_usr1);
		_exit(0);
	}
	check(WIFSIGNALED(status_of(child)), "on a stack in a VAS, without a declared one: the end");
	sigaltstack(&stack, NULL);
	handler_stack = 0;
	on_stack(base + BYTES, raise_usr1);
	check(raised == 1 && handler_stack >= (uint64_t)alternate &&
			handler_stack < (uint64_t)alternate + sizeof(alternate),
		"on a stack in a VAS: the declared one is taken");
	check(active_vas() == vid, "and it goes on where it was");
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	signal(SIGUSR1, SIG_DFL);
	leave(vid);
	unmake(vid, sid);
}

/* --- exec, exit, kill, revoke --- */

static void count_for_ever(int vid, int fd)
{
	signal(SIGSEGV, SIG_DFL);
	if (!enter(vid, O_RDWR) || !tell(fd))
		_exit(1);
	for (;;)
		words[4]++;
}

static void test_ends(void)
{
	int sid, vid = make("ends", &sid, 0600), fds[2];
	pid_t child;

	check(pipe(fds) == 0, "pipe");
	child = fork();
	if (child == 0) {
		if (!enter(vid, O_RDWR))
			_exit(1);
		words[3] = 33;
		execl(self_path, self_path, "after-exec", (char *)NULL);
		_exit(2);
	}
	check(status_of(child) == 0, "a program executed inside is in no VAS, and has none");
	child = fork();
	if (child == 0)
		count_for_ever(vid, fds[1]);
	check(hear(fds[0]) && kill(child, SIGKILL) == 0, "kill a process inside");
	check(WIFSIGNALED(status_of(child)), "it is gone");
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		if (!enter(vid, O_RDWR))
			_exit(1);
		*(volatile int *)tap_pointer(0) = 1;
	}
	check(WIFSIGNALED(status_of(child)), "a process crashes inside");
	child = fork();
	if (child == 0)
		count_for_ever(vid, fds[1]);
	check(hear(fds[0]) && vas_revoke(vid, child) == 0, "revoke it from a process inside");
	check(WIFSIGNALED(status_of(child)), "which finds nothing there any more");
	check_errno(vas_revoke(vid, 999999), ESRCH, "revoke: no such process");
	check_errno(vas_revoke(vid, getpid()), EINVAL, "revoke: not attached");
	check(enter(vid, O_RDONLY) && words[3] == 33 && words[4] > 0, "the data is still there");
	check(vas_revoke(vid, 0) == 0 && active_vas() == 0 && tap_read(words) == SIGSEGV,
		"revoke it from oneself, inside");
	check_errno(vas_detach(0, vid), EINVAL, "detach: revoked");
	close(fds[0]);
	close(fds[1]);
	unmake(vid, sid);
}

/* --- lockable segments --- */

/* Adds one to a word many times, in a way that only works if nobody else does. */
static void add_many(int vid)
{
	if (vas_attach(0, vid, O_RDWR) < 0)
		_exit(1);
	for (int i = 0; i < 300; i++) {
		uint64_t before;

		if (vas_switch(vid) < 0)
			_exit(2);
		before = words[0];
		if (i % 10 == 0)
			sched_yield();
		words[0] = before + 1;
		if (vas_switch(0) < 0)
			_exit(3);
	}
	_exit(0);
}

static void wait_and_write(void)
{
	usleep(50000);
	words[1] = 1;
}

static void only_wait(void)
{
	usleep(50000);
}

static void crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile int *)tap_pointer(0) = 1;
}

static void execute(void)
{
	execl(self_path, self_path, "sleep", (char *)NULL);
}

static void for_ever(void)
{
	for (;;)
		pause();
}

static int pipe_fds[2];

/* A child that holds the locks of a VAS, and does something then. */
static pid_t holder(int vid, int type, void (*then)(void))
{
	pid_t child = fork();

	if (child == 0) {
		if (!enter(vid, type) || !tell(pipe_fds[1]))
			_exit(1);
		then();
		_exit(0);
	}
	hear(pipe_fds[0]);
	return child;
}

static void on_alarm(int number)
{
	(void)number;
}

static void test_lock_ends(int vid)
{
	struct itimerval soon = { { 0, 0 }, { 0, 30000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	pid_t child = holder(vid, O_RDWR, crash);

	check(vas_switch(vid) == 0 && vas_switch(0) == 0, "the lock of one that crashed");
	status_of(child);
	child = holder(vid, O_RDWR, execute);
	check(vas_switch(vid) == 0 && vas_switch(0) == 0, "of one that executed a program");
	kill(child, SIGKILL);
	status_of(child);
	child = holder(vid, O_RDWR, for_ever);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	check_errno(vas_switch(vid), EINTR, "a signal ends the waiting");
	check(active_vas() == 0, "outside");
	check(kill(child, SIGKILL) == 0 && vas_switch(vid) == 0 && vas_switch(0) == 0,
		"the lock of one that is killed");
	status_of(child);
	child = holder(vid, O_RDWR, for_ever);
	check(vas_revoke(vid, child) == 0 && vas_switch(vid) == 0 && vas_switch(0) == 0, "of one it was revoked from");
	kill(child, SIGKILL);
	status_of(child);
}

static void test_locks(void)
{
	int sid, vid = make_shared("locks", &sid, 0600, VAS_SHARED_LOCK), status = 0;
	pid_t children[4], child;

	check(vas_attach(0, vid, O_RDWR) == 0 && pipe(pipe_fds) == 0, "attach a VAS with a lockable segment");
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		if (children[i] == 0)
			add_many(vid);
	}
	for (int i = 0; i < 4; i++)
		status |= status_of(children[i]);
	check(status == 0 && vas_switch(vid) == 0 && words[0] == 1200, "four writers, one at a time");
	check_errno(vas_detach(0, vid), EBUSY, "detach: inside");
	check_errno(vas_seg_detach(vid, sid), EBUSY, "seg_detach: somebody is inside");
	check_errno(vas_clone(vid, "cloned", 0600), EBUSY, "clone: the lock is held to write");
	vas_switch(0);
	child = holder(vid, O_RDWR, wait_and_write);
	check(vas_switch(vid) == 0 && words[1] == 1, "a writer waits for a writer");
	words[1] = 0;
	vas_switch(0);
	check(status_of(child) == 0, "who let it go at its end");
	test_lock_ends(vid);
	check(vas_detach(0, vid) == 0 && vas_attach(0, vid, O_RDONLY) == 0, "attach to read");
	child = holder(vid, O_RDONLY, only_wait);
	check(vas_switch(vid) == 0 && waitpid(child, &status, WNOHANG) == 0, "two readers at a time");
	vas_switch(0);
	status_of(child);
	vas_detach(0, vid);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	unmake(vid, sid);
}

static void test_late_lock(void)
{
	int sid, vid = make("late", &sid, 0600),
		 lock = vas_seg_create("late.lock", base + BYTES, base + 2 * BYTES, 0600);

	vas_seg_share(lock, VAS_SHARED_LOCK);
	enter(vid, O_RDWR);
	check_errno(vas_seg_attach(vid, lock, O_RDWR), EBUSY, "a lockable segment for a VAS that somebody is in");
	vas_switch(0);
	check(vas_seg_attach(vid, lock, O_RDWR) == 0 && vas_switch(vid) == 0, "and when nobody is in");
	*(volatile char *)(base + BYTES) = 1;
	vas_switch(0);
	check(vas_seg_detach(vid, lock) == 0 && vas_switch(vid) == 0 && vas_switch(0) == 0, "without it again");
	vas_detach(0, vid);
	vas_seg_delete(lock);
	unmake(vid, sid);
}

/* --- clones --- */

static void test_clones(void)
{
	int sid, vid = make("origin", &sid, 0600), clone, seg_clone, third;

	enter(vid, O_RDWR);
	for (int i = 0; i < 100; i++)
		words[i * 512] = (uint64_t)i;
	vas_set_root(vid, 4711);
	clone = vas_clone(vid, "clone", 0600);
	check(clone > 0 && clone != vid && vas_find("clone") == clone, "clone a VAS");
	check_errno(vas_clone(vid, "clone", 0600), EEXIST, "clone: name in use");
	words[0] = 1000;
	check(enter(clone, O_RDWR), "attach the clone");
	check(words[0] == 0 && words[99 * 512] == 99, "it has what the original had");
	words[512] = 1001;
	vas_switch(vid);
	check(words[0] == 1000 && words[512] == 1, "each goes its own way");
	seg_clone = vas_seg_clone(sid, "seg clone", 0600);
	third = vas_create("third", 0600);
	check(seg_clone > 0 && vas_seg_attach(third, seg_clone, O_RDWR) == 0 && enter(third, O_RDWR),
		"clone a segment");
	check(words[0] == 1000 && words[512] == 1 && words[99 * 512] == 99, "it has what there was");
	words[99 * 512] = 5;
	vas_switch(clone);
	check(words[99 * 512] == 99 && words[512] == 1001, "the first clone is untouched");
	check(leave(vid) && vas_detach(0, clone) == 0 && vas_detach(0, third) == 0, "detach all");
	unmake(vid, sid);
	check(vas_delete(clone) == 0, "delete the clone");
	unmake(third, seg_clone);
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
	vas_detach(0, vid);
	check(access(path, F_OK) < 0, "gone when detached");
	unmake(vid, sid);
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
	uint64_t range[2] = { 0, 0 };

	self_path = argv[0];
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		for_ever();
	vas_range(range);
	base = range[0];
	words = (volatile uint64_t *)base;
	tap_catch_faults();
	if (argc > 1)
		return active_vas() == 0 && vas_switch(vas_find("ends")) < 0 && tap_read(words) == SIGSEGV ? 0 : 1;
	test_names();
	test_bad_numbers();
	test_arguments();
	test_rights();
	test_many_readers();
	test_outlives();
	test_live_attach();
	test_common();
	test_pointers();
	test_threads();
	test_futex();
	test_signals();
	test_ends();
	test_locks();
	test_late_lock();
	test_clones();
	test_files();
	test_windows();
	return tap_end();
}
