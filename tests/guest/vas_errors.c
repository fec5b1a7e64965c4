/* First-class virtual address spaces: permissions of owner, group, a supplementary group, others and root, and every error of each
 * call that vas.c and vas_inside.c do not provoke. */
#include <grp.h>
#include <limits.h>
#include <sys/mman.h>

#include <allod/pointer.h>

#include "abi/vas.h"
#include "native.h"
#include "vas.h"

/* The sixteen calls have the RFC's types: programs written for its library compile. */
static const struct {
	int (*create)(const char *, mode_t), (*delete)(int), (*find)(const char *), (*attach)(pid_t, int, int),
		(*detach)(pid_t, int);
	int (*go)(int), (*active)(void), (*getattr)(int, struct vas_attr *), (*setattr)(int, struct vas_attr *);
	int (*seg_create)(const char *, unsigned long, unsigned long, mode_t), (*seg_delete)(int),
		(*seg_find)(const char *);
	int (*seg_attach)(int, int, int), (*seg_detach)(int, int);
	int (*seg_getattr)(int, struct vas_seg_attr *), (*seg_setattr)(int, struct vas_seg_attr *);
} rfc = { vas_create, vas_delete, vas_find, vas_attach, vas_detach, vas_switch, active_vas, vas_getattr, vas_setattr,
	vas_seg_create, vas_seg_delete, vas_seg_find, vas_seg_attach, vas_seg_detach, vas_seg_getattr,
	vas_seg_setattr };

enum { OWNER = 1000, GROUP = 1000, STRANGER = 2000, OTHER_GROUP = 2000 };

static void become(uid_t user, gid_t group, gid_t extra)
{
	if (setgroups(extra ? 1 : 0, &extra) < 0 || setgid(group) < 0 || setuid(user) < 0)
		_exit(100);
}

/* Runs a function in a child that is another user's. -> its exit status, -1 if it was killed. */
static int as_user(uid_t user, gid_t group, gid_t extra, int (*body)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		become(user, group, extra);
		_exit(body());
	}
	status = status_of(child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int as_owner(int (*body)(void))
{
	return as_user(OWNER, GROUP, 0, body);
}

static int as_stranger(int (*body)(void))
{
	return as_user(STRANGER, OTHER_GROUP, 0, body);
}

/* --- modes --- */

static int vid, sid;

static bool refused;

/* Did a call do what it should? All that is refused is refused with EACCES, or (made odd by `error`) with that. */
static bool may(long result, int error)
{
	refused = refused && (result >= 0 || errno == error);
	return result >= 0;
}

static bool may_attach(int type)
{
	bool done = may(vas_attach(0, vid, type), EACCES);

	return done && vas_detach(0, vid) == 0;
}

static bool may_use_segment(int type)
{
	int own = vas_create("matrix own", 0600);
	bool done = may(vas_seg_attach(own, sid, type), EACCES);

	return vas_delete(own) == 0 && done;
}

static bool may_clone(bool segment)
{
	int made = segment ? vas_seg_clone(sid, "matrix clone", 0600) : vas_clone(vid, "matrix clone", 0600);

	return may(made, EACCES) && (segment ? vas_seg_delete(made) : vas_delete(made)) == 0;
}

static int reads(void)
{
	uint64_t root;

	return may_attach(O_RDONLY) + may_use_segment(O_RDONLY) + may_clone(false) + may_clone(true) +
		may(vas_get_root(vid, &root), EACCES);
}

static int writes(void)
{
	return may_attach(O_WRONLY) + may_use_segment(O_WRONLY) + may(vas_set_root(vid, 5), EACCES) +
		may(vas_seg_detach(vid, sid), EACCES) + may(vas_seg_attach(vid, sid, O_WRONLY), EACCES);
}

static int both(void)
{
	return may_attach(O_RDWR) + may_use_segment(O_RDWR);
}

/* What only the owner may, whatever the mode says: nothing is changed. */
static int owns(void)
{
	struct vas_attr attr;
	struct vas_seg_attr seg_attr;

	return may(vas_getattr(vid, &attr) | vas_setattr(vid, &attr), EACCES) +
		may(vas_seg_getattr(sid, &seg_attr) | vas_seg_setattr(sid, &seg_attr), EACCES) +
		may(vas_share(vid, VAS_SHARED_FREE), EACCES) + may(vas_revoke(vid, 0), EACCES) +
		(vas_seg_share(sid, VAS_SHARED_FREE) == -1 && errno == EBUSY);
}

/* Everything, with the rights that the mode gives: bits 4 and 2, and 1 for the owner's. */
static int everything(void)
{
	int is_owner, r, w, rw;

	refused = true;
	r = reads();
	is_owner = owns();
	w = writes();
	rw = both();
	if (!refused || (r && r != 5) || (w && w != 5 && !(w == 4 && !r)) || (is_owner && is_owner != 5) ||
		rw != (r && w ? 2 : 0))
		return 50 + r;
	return (r ? 4 : 0) | (w ? 2 : 0) | (is_owner ? 1 : 0);
}

static void make_owned(unsigned mode)
{
	struct vas_attr attr = { mode, OWNER, GROUP };
	struct vas_seg_attr seg_attr = { mode, OWNER, GROUP };

	vid = make_shared("matrix", &sid, mode, VAS_SHARED_FREE);
	if (vas_setattr(vid, &attr) < 0 || vas_seg_setattr(sid, &seg_attr) < 0 || vas_share(vid, VAS_SHARED_FREE) < 0)
		dprintf(2, "# matrix: %s\n", strerror(errno));
}

static void test_modes(void)
{
	const unsigned modes[] = { 0640, 0604, 0460, 0064, 0206, 0046, 0666, 0000 };
	bool ok = true;

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		unsigned mode = modes[i];
		int seen[5];

		make_owned(mode);
		seen[0] = as_owner(everything);
		seen[1] = as_user(STRANGER, GROUP, 0, everything);
		seen[2] = as_user(STRANGER, OTHER_GROUP, GROUP, everything);
		seen[3] = as_stranger(everything);
		seen[4] = everything();
		ok = ok && seen[0] == (int)(mode >> 6 | 1) && seen[1] == (int)(mode >> 3 & 7) && seen[2] == seen[1] &&
			seen[3] == (int)(mode & 7) && seen[4] == 7;
		if (!ok)
			dprintf(2, "# mode %o: %d %d %d %d %d\n", mode, seen[0], seen[1], seen[2], seen[3], seen[4]);
		unmake(vid, sid);
	}
	check(ok, "owner, group, another group, others and root may what the mode says");
}

static int delete_both(void)
{
	return vas_delete(vid) == 0 && vas_seg_delete(sid) == 0 ? 0 : errno;
}

static void test_deleting(void)
{
	make_owned(0640);
	check(as_user(STRANGER, GROUP, 0, delete_both) == EACCES, "the group may not delete what it may only read");
	unmake(vid, sid);
	make_owned(0420);
	check(as_user(STRANGER, GROUP, 0, delete_both) == 0, "it may delete what it may write");
	check(vas_find("matrix") == -1 && vas_seg_find("matrix.data") == -1, "both are gone");
}

static int in_group_gives(void)
{
	struct vas_attr attr = { 0640, OWNER, OTHER_GROUP };
	struct vas_seg_attr seg_attr = { 0640, OWNER, OTHER_GROUP };

	return vas_setattr(vid, &attr) == 0 && vas_seg_setattr(sid, &seg_attr) == 0 ? 0 : errno;
}

static int gives_away(void)
{
	struct vas_seg_attr attr = { 0640, STRANGER, GROUP };

	return vas_seg_setattr(sid, &attr) == 0 ? 0 : errno;
}

static int gives_group(void)
{
	struct vas_seg_attr attr = { 0640, OWNER, OTHER_GROUP };

	return vas_seg_setattr(sid, &attr) == 0 ? 0 : errno;
}

static int takes(void)
{
	struct vas_seg_attr attr = { 0666, STRANGER, OTHER_GROUP };

	return vas_seg_setattr(sid, &attr) == 0 ? 0 : errno;
}

static void test_owners(void)
{
	struct vas_seg_attr seg_attr = { 0, 0, 0 };
	struct vas_attr attr = { 0, 0, 0 };

	make_owned(0666);
	check(as_stranger(takes) == EACCES, "seg_setattr: who may write is not the owner");
	check(as_owner(gives_away) == EPERM, "seg_setattr: the owner does not give to another user");
	check(as_owner(gives_group) == EPERM, "seg_setattr: nor to a group that is not the owner's");
	check(as_user(OWNER, GROUP, OTHER_GROUP, in_group_gives) == 0,
		"to another group of the owner's it can be given");
	check(vas_getattr(vid, &attr) == 0 && attr.mode == 0640 && attr.user == OWNER && attr.group == OTHER_GROUP,
		"getattr tells all");
	check(vas_seg_getattr(sid, &seg_attr) == 0 && seg_attr.mode == 0640 && seg_attr.user == OWNER &&
			seg_attr.group == OTHER_GROUP,
		"seg_getattr tells all");
	seg_attr.mode = 07777;
	check(vas_seg_setattr(sid, &seg_attr) == 0 && vas_seg_getattr(sid, &seg_attr) == 0 && seg_attr.mode == 0666,
		"seg_setattr: bits that segments do not have");
	check_errno(vas_seg_getattr(sid, tap_pointer(8)), EFAULT, "seg_getattr: bad pointer");
	check_errno(vas_seg_setattr(sid, tap_pointer(8)), EFAULT, "seg_setattr: bad pointer");
	unmake(vid, sid);
	vid = vas_create("bits", 07777);
	check(vas_getattr(vid, &attr) == 0 && attr.mode == 0666 && attr.user == 0 && vas_delete(vid) == 0,
		"create: bits that VASes do not have");
	sid = vas_seg_create("bits", base, base + 4096, 07777);
	check(vas_seg_getattr(sid, &seg_attr) == 0 && seg_attr.mode == 0666 && vas_seg_delete(sid) == 0,
		"seg_create: likewise");
}

/* --- names, pointers --- */

static void test_names(void)
{
	char name[300], *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t root;

	memset(name, 'n', sizeof(name));
	name[299] = 0;
	vid = make("names", &sid, 0600);
	check_errno(vas_find(""), ESRCH, "find: nothing has an empty name");
	check_errno(vas_seg_find(""), ESRCH, "seg_find: likewise");
	check_errno(vas_seg_find(name), ENAMETOOLONG, "seg_find: name of 299 bytes");
	check_errno(vas_seg_find(tap_pointer(8)), EFAULT, "seg_find: bad pointer");
	check_errno(vas_seg_create(name, base, base + 4096, 0600), ENAMETOOLONG, "seg_create: name of 299 bytes");
	check_errno(vas_seg_create("", base, base + 4096, 0600), EINVAL, "seg_create: empty name");
	check_errno(vas_seg_create(tap_pointer(8), base, base + 4096, 0600), EFAULT, "seg_create: bad pointer");
	check_errno(vas_clone(vid, name, 0600), ENAMETOOLONG, "clone: name of 299 bytes");
	check_errno(vas_clone(vid, "", 0600), EINVAL, "clone: empty name");
	check_errno(vas_clone(vid, tap_pointer(8), 0600), EFAULT, "clone: bad pointer");
	check_errno(vas_seg_clone(sid, name, 0600), ENAMETOOLONG, "seg_clone: name of 299 bytes");
	check_errno(vas_seg_clone(sid, "", 0600), EINVAL, "seg_clone: empty name");
	check_errno(vas_seg_clone(sid, tap_pointer(8), 0600), EFAULT, "seg_clone: bad pointer");
	check_errno(vas_seg_clone(sid, "names.data", 0600), EEXIST, "seg_clone: name in use");
	check(vas_get_root(vid, &root) == 0 && root == 0, "the root is 0 at first");
	check_errno(vas_get_root(vid, tap_pointer(8)), EFAULT, "get_root: bad pointer");
	check_errno(vas_quota(0, tap_pointer(8), NULL), EFAULT, "quota: bad pointer to limits");
	check_errno(vas_quota(0, NULL, tap_pointer(8)), EFAULT, "quota: bad pointer to be told");
	/* A name that ends with its page, and one that does not. */
	munmap(edge + 4096, 4096);
	memcpy(edge + 4090, "edge!", 6);
	check_errno(vas_find(edge + 4090), ESRCH, "a name at the end of a page");
	edge[4095] = '!';
	check_errno(vas_find(edge + 4090), EFAULT, "a name that does not end with its page");
	check_errno(vas_create(edge + 4090, 0600), EFAULT, "create: likewise");
	munmap(edge, 4096);
	unmake(vid, sid);
}

/* --- numbers and types beyond the usual --- */

static void test_numbers(void)
{
	const int bad[] = { 0, -1, 1, 2, INT_MAX, INT_MIN };
	struct vas_attr attr;
	uint64_t root;
	bool ok = true;

	vid = make("numbers", &sid, 0600);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int n = bad[i];

		ok = ok && fails(vas_delete(n), EINVAL) && fails(vas_attach(0, n, O_RDWR), EINVAL) &&
			fails(vas_detach(0, n), EINVAL) && fails(vas_getattr(n, &attr), EINVAL) &&
			fails(vas_setattr(n, &attr), EINVAL) && fails(vas_seg_attach(n, sid, O_RDWR), EINVAL) &&
			fails(vas_seg_detach(n, sid), EINVAL) && fails(vas_clone(n, "n", 0600), EINVAL) &&
			fails(vas_get_root(n, &root), EINVAL) && fails(vas_set_root(n, 0), EINVAL) &&
			fails(vas_revoke(n, 0), EINVAL) && fails(vas_share(n, 0), EINVAL) &&
			(n == 0 || fails(vas_switch(n), EINVAL)) && (n == sid || fails(vas_seg_delete(n), EINVAL));
	}
	check(ok, "numbers that are no VAS's");
	check_errno(vas_seg_attach(vid, -1, O_RDWR), EINVAL, "seg_attach: negative segment");
	check_errno(vas_seg_detach(vid, -1), EINVAL, "seg_detach: negative segment");
	check_errno(vas_attach(-1, vid, O_RDWR), ESRCH, "attach: negative process");
	check_errno(vas_detach(-1, vid), ESRCH, "detach: negative process");
	check_errno(vas_revoke(vid, -1), ESRCH, "revoke: negative process");
	check_errno(vas_attach(0, vid, -1), EINVAL, "attach: no type at all");
	check_errno(vas_share(vid, -1), EINVAL, "share: no way at all");
	check_errno(vas_seg_share(sid, 3), EINVAL, "seg_share: a way there is not");
	unmake(vid, sid);
}

/* --- sharing --- */

static void test_sharing(void)
{
	int fds[2];
	pid_t child;

	vid = make_shared("sharing", &sid, 0600, VAS_SHARED_FREE);
	check(pipe(fds) == 0 && vas_share(vid, VAS_SHARED_FREE) == 0, "share freely");
	vas_attach(0, vid, O_RDONLY);
	child = fork();
	if (child == 0)
		_exit(enter(vid, O_RDWR) && tell(fds[1]) && pause() < 0 ? 0 : 1);
	hear(fds[0]);
	check_errno(vas_share(vid, VAS_SHARED_STRICT), EBUSY, "share: a reader and a writer are attached");
	kill(child, SIGKILL);
	status_of(child);
	check(vas_share(vid, VAS_SHARED_STRICT) == 0, "a reader alone");
	vas_detach(0, vid);
	/* What a lock kept in order would be in none without it. */
	vas_seg_detach(vid, sid);
	check(vas_seg_share(sid, VAS_SHARED_LOCK) == 0 && vas_seg_attach(vid, sid, O_RDWR) == 0, "with a lock");
	vas_attach(0, vid, O_RDWR);
	child = fork();
	if (child == 0)
		_exit(vas_attach(0, vid, O_RDWR) == 0 && tell(fds[1]) && pause() < 0 ? 0 : 1);
	hear(fds[0]);
	check_errno(vas_seg_detach(vid, sid), EBUSY, "seg_detach: two writers would be left without a lock");
	kill(child, SIGKILL);
	status_of(child);
	check(vas_seg_detach(vid, sid) == 0, "one writer may be");
	vas_detach(0, vid);
	close(fds[0]);
	close(fds[1]);
	unmake(vid, sid);
}

/* --- other processes --- */

static int there_pipe[2], back_pipe[2];

/* Waits for a VAS to be attached, looks at it, waits again, and finds it gone. */
static int look_when_told(void)
{
	if (!tell(back_pipe[1]) || !hear(there_pipe[0]) || vas_switch(vid) < 0 || words[0] != 99 ||
		!tell(back_pipe[1]) || !hear(there_pipe[0]) || vas_switch(0) < 0 || !tell(back_pipe[1]) ||
		!hear(there_pipe[0]))
		return 1;
	return vas_switch(vid) == -1 && errno == EINVAL ? 0 : 2;
}

static bool attach_for(pid_t child)
{
	bool ok = hear(back_pipe[0]) && vas_attach(child, vid, O_RDONLY) == 0 &&
		vas_attach(child, vid, O_RDONLY) == 0 && tell(there_pipe[1]) && hear(back_pipe[0]);

	ok = ok && fails(vas_detach(child, vid), EBUSY) && tell(there_pipe[1]) && hear(back_pipe[0]);
	ok = ok && vas_detach(child, vid) == 0 && fails(vas_detach(child, vid), EINVAL) && tell(there_pipe[1]);
	return ok && status_of(child) == 0 && fails(vas_attach(child, vid, O_RDONLY), ESRCH);
}

static int attach_for_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(look_when_told());
	return attach_for(child) ? 0 : 1;
}

static void test_processes(void)
{
	pid_t child;
	siginfo_t info;

	make_owned(0666);
	check(pipe(there_pipe) == 0 && pipe(back_pipe) == 0 && enter(vid, O_RDWR), "enter");
	words[0] = 99;
	check(leave(vid), "leave");
	check(as_owner(attach_for_child) == 0, "attach and detach for another process of the same user");
	child = fork();
	if (child == 0) {
		become(STRANGER, OTHER_GROUP, 0);
		_exit(look_when_told());
	}
	check(attach_for(child), "root for anybody's");
	child = fork();
	if (child == 0)
		_exit(0);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	check_errno(vas_attach(child, vid, O_RDONLY), ESRCH, "attach: a process that has ended");
	check_errno(vas_detach(child, vid), ESRCH, "detach: likewise");
	check_errno(vas_revoke(vid, child), ESRCH, "revoke: likewise");
	status_of(child);
	for (int i = 0; i < 2; i++) {
		close(there_pipe[i]);
		close(back_pipe[i]);
	}
	unmake(vid, sid);
}

/* --- clones and rights within --- */

static int clone_all(void)
{
	return vas_clone(vid, "stolen", 0600) > 0 ? 0 : errno;
}

static void test_hidden_segment(void)
{
	struct vas_attr attr = { 0644, OWNER, GROUP };
	struct vas_quota before, after;

	vid = make("half hidden", &sid, 0600);
	vas_setattr(vid, &attr);
	vas_quota(STRANGER, NULL, &before);
	check(as_stranger(clone_all) == EACCES, "clone: a segment in it may not be read");
	check(vas_find("stolen") == -1 && vas_quota(STRANGER, NULL, &after) == 0 && after.objects == before.objects &&
			after.pages == before.pages,
		"and nothing is left of it");
	unmake(vid, sid);
}

/* --- quotas --- */

static int clone_over_quota(void)
{
	return fails(vas_clone(vid, "too much", 0600), EDQUOT) && fails(vas_seg_clone(sid, "too much", 0600), EDQUOT) &&
			vas_find("too much") == -1 && vas_seg_find("too much") == -1
		? 0
		: 1;
}

static void test_quotas(void)
{
	const struct vas_quota one = { 1, 1, 0, 0 }, pages = { 10, BYTES / 4096, 0, 0 },
			       large = { 4096, 1 << 28, 0, 0 };
	struct vas_attr attr = { 0644, STRANGER, GROUP };
	struct vas_seg_attr seg_attr = { 0644, STRANGER, GROUP };
	struct vas_quota told;

	make_owned(0644);
	check(vas_quota(STRANGER, &one, NULL) == 0 && as_stranger(clone_over_quota) == 0, "clones are on a quota");
	check_errno(vas_seg_setattr(sid, &seg_attr), EDQUOT, "seg_setattr: too many pages for the new owner");
	check(vas_setattr(vid, &attr) == 0, "setattr: the one object that it may have");
	check_errno(vas_seg_setattr(sid, &seg_attr), EDQUOT, "seg_setattr: too many objects");
	attr.user = OWNER;
	check(vas_setattr(vid, &attr) == 0 && vas_quota(STRANGER, &pages, NULL) == 0 &&
			vas_seg_setattr(sid, &seg_attr) == 0,
		"seg_setattr: exactly what it may have");
	attr.user = STRANGER;
	check_errno(vas_setattr(vid, &attr), EDQUOT, "setattr: one page too many");
	check(vas_quota(STRANGER, NULL, &told) == 0 && told.objects == 1 && told.pages == BYTES / 4096 &&
			told.objects_max == 10 && told.pages_max == BYTES / 4096,
		"the quota is told");
	/* Less than there is already: nothing is taken away, and nothing is added. */
	check(vas_quota(STRANGER, &one, NULL) == 0 && as_stranger(clone_over_quota) == 0, "a quota below what is used");
	unmake(vid, sid);
	check(vas_quota(STRANGER, NULL, &told) == 0 && told.objects == 0 && told.pages == 0, "all is given back");
	check(vas_quota(STRANGER, &large, NULL) == 0, "the quota as it was");
}

/* --- past the Linux service: the kernel's calls, by a process that may write to the VAS --- */

static void test_native(void)
{
	uint64_t slot = allod_layout.shift, range[2];
	int64_t number;

	vid = rfc.create("native", 0600);
	sid = rfc.seg_create("native", base, base + BYTES, 0600);
	check(rfc.seg_attach(vid, sid, O_RDWR) == 0, "a VAS of one's own");
	number = vid;
	vas_range(range);
	check(native(CALL_vas_attach, 0, (uint64_t)number, RIGHT_R | RIGHT_W, 0) == -E_PERM &&
			native(CALL_vas_attach, allod_self(), (uint64_t)number, RIGHT_R, 0) == -E_PERM,
		"a process does not attach it by itself");
	check(native(CALL_vas_switch, (uint64_t)number, 0, 0, 0) == -E_NOENT, "nor goes in where it is not attached");
	check(enter(vid, O_RDONLY), "enter to read");
	check(native(CALL_vas_attach, 0, (uint64_t)number, RIGHT_R | RIGHT_W, 0) == -E_PERM &&
			tap_write((void *)base) == SIGSEGV,
		"nor takes more rights");
	check(native(CALL_vas_detach, 0, (uint64_t)number, 1, 0) == -E_PERM && active_vas() == vid, "nor detaches it");
	check(native(CALL_unmap, (uint64_t)number, 0, 4096, 0) == -E_PERM &&
			native(CALL_map, (uint64_t)number, BYTES, 4096, RIGHT_R | RIGHT_W) == -E_PERM &&
			native(CALL_protect, (uint64_t)number, 0, 4096, RIGHT_R) == -E_PERM &&
			native(CALL_space_destroy, (uint64_t)number, 0, 0, 0) == -E_PERM,
		"nor changes it");
	check(native(CALL_grant, (uint64_t)number << slot, 4096, allod_self(), RIGHT_R) < 0 &&
			tap_read((void *)((uint64_t)number << slot)) == SIGSEGV,
		"its own slot shows it to nobody");
	check(leave(vid), "leave");
	vas_seg_detach(vid, sid);
	check(vas_seg_share(sid, VAS_SHARED_LOCK) == 0 && vas_seg_attach(vid, sid, O_RDWR) == 0 &&
			vas_attach(0, vid, O_RDWR) == 0,
		"with a lock");
	check(native(CALL_vas_switch, (uint64_t)number, 0, 0, 0) == -E_PERM && active_vas() == 0,
		"nobody goes in past the lock");
	check(vas_switch(vid) == 0 && native(CALL_vas_switch, 0, 0, 0, 0) == -E_PERM && active_vas() == vid,
		"nor out, keeping it");
	vas_switch(0);
	vas_detach(0, vid);
	unmake(vid, sid);
}

/* --- anything --- */

enum { RUBBISH = 20000 };

static char names[4][8] = { "r0", "r1", "r2", "" };

static uint64_t rubbish(uint64_t r)
{
	const uint64_t odd[] = { 0, 1, 2, 4096, ~0ul, 8, 1ul << 63, 0xffff800000000000, 0x7fffffff, 0x80000000,
		base - 8192, 2 * base, 2 * base - 8, O_CREAT, 0xffffffff00000000 };

	switch (r >> 8 & 7) {
	case 0:
	case 1:
		return (uint64_t)names[r >> 16 & 3];
	case 2:
		return base + (r >> 16 & 7) * 4096;
	case 3:
		return r >> 16 & 3;
	case 4:
		return odd[(r >> 16) % (sizeof(odd) / sizeof(odd[0]))];
	case 5:
		return (uint64_t)vas_find(names[r >> 16 & 3]);
	case 6:
		return (uint64_t)vas_seg_find(names[r >> 16 & 3]);
	default:
		return r >> 16 & 0777;
	}
}

static int call_anything(void)
{
	uint64_t seed = 88172645463325252, r[5];
	unsigned good = 0;

	for (unsigned n = 0; n < RUBBISH; n++) {
		long result;

		for (unsigned i = 0; i < 5; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			r[i] = seed >> 20;
		}
		result = syscall(VAS_CALL_FIRST + (long)(r[4] % (VAS_CALL_END - VAS_CALL_FIRST)), rubbish(r[0]),
			rubbish(r[1]), rubbish(r[2]), rubbish(r[3]));
		if (result < 0 && (errno < 1 || errno > 133 || errno == ENOSYS))
			return 1;
		good += result >= 0;
		snprintf(names[0], sizeof(names[0]), "r0");
		snprintf(names[1], sizeof(names[1]), "r1");
		snprintf(names[2], sizeof(names[2]), "r2");
		names[3][0] = 0;
	}
	return good > RUBBISH / 50 ? 0 : 2;
}

static int delete_names(void)
{
	for (unsigned i = 0; i < 3; i++) {
		vas_delete(vas_find(names[i]));
		vas_seg_delete(vas_seg_find(names[i]));
	}
	return 0;
}

static void test_anything(void)
{
	struct vas_quota told;

	check(as_stranger(call_anything) == 0, "twenty thousand calls of anything with anything");
	as_user(0, 0, 0, delete_names);
	check(vas_quota(STRANGER, NULL, &told) == 0 && told.objects == 0 && told.pages == 0,
		"and nothing is left of them");
}

int main(int argc, char **argv)
{
	(void)argc;
	start(argv);
	test_native();
	test_modes();
	test_deleting();
	test_owners();
	test_names();
	test_numbers();
	test_sharing();
	test_processes();
	test_hidden_segment();
	test_quotas();
	test_anything();
	return tap_end();
}
