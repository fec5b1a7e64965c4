/* Every allocation failed once, in what programs do with VASes: all calls, locks, faults and what processes do inside of one.
 * Runs on Allod only, and only if it was booted with `test=fail`. */
#include <allod/heap.h>
#include <allod/vas.h>

#include "shortage.h"
#include "vas.h"

/* Two of each, which stay; an operation makes others for itself. */
static int kept, kept_segment, locked, locked_segment;

static int do_create(void)
{
	int vid, error;

	arm();
	vid = vas_create("/new", 0600);
	error = outcome(vid);
	if (error)
		return vas_find("/new") == -1 && errno == ESRCH ? error : EIO;
	return vas_delete(vid) ? errno : 0;
}

static int do_find(void)
{
	int error;

	arm();
	error = outcome(vas_find("/kept"));
	return error;
}

static int do_delete(void)
{
	int vid = vas_create("/new", 0600), error;

	arm();
	error = outcome(vas_delete(vid));
	if (error && vas_delete(vid))
		return errno;
	return error;
}

static int do_attach(void)
{
	int error;

	arm();
	error = outcome(vas_attach(0, kept, O_RDWR));
	if (error)
		return vas_switch(kept) == -1 && errno == EINVAL ? error : EIO;
	return vas_detach(0, kept) ? errno : 0;
}

static int do_detach(void)
{
	int error;

	if (vas_attach(0, kept, O_RDWR))
		return errno;
	arm();
	error = outcome(vas_detach(0, kept));
	if (error && vas_detach(0, kept))
		return errno;
	return error;
}

/* In, a touch of a page, out. */
static int in_and_out(int vid)
{
	int error;

	arm();
	error = vas_switch(vid) ? errno : 0;
	if (!error) {
		words[0]++;
		if (active_vas() != vid || vas_switch(0))
			error = EIO;
	}
	disarm();
	return error;
}

static int do_switch(void)
{
	int error;

	if (vas_attach(0, kept, O_RDWR))
		return errno;
	error = in_and_out(kept);
	return vas_detach(0, kept) ? EIO : error;
}

/* Pages that nobody has touched yet. */
static int do_touch(void)
{
	int sid, vid = make("/new", &sid, 0600), error = 0;

	if (!enter(vid, O_RDWR))
		return errno;
	arm();
	words[0] = 5;
	words[BYTES / 16] = 6;
	disarm();
	error = words[0] == 5 && words[BYTES / 16] == 6 ? 0 : EIO;
	leave(vid);
	unmake(vid, sid);
	return error;
}

static int do_attributes(void)
{
	struct vas_attr attr;
	struct vas_seg_attr seg_attr;
	int error;

	arm();
	error = outcome(vas_getattr(kept, &attr) || vas_seg_getattr(kept_segment, &seg_attr) ? -1 : 0);
	return error;
}

/* To a user that nothing is known of. */
static int do_set_attributes(void)
{
	static uid_t user = 5000;
	struct vas_attr attr, after;
	int vid = vas_create("/new", 0600), error;

	if (vas_getattr(vid, &attr))
		return errno;
	attr.mode = 0640;
	attr.user = user++;
	arm();
	error = outcome(vas_setattr(vid, &attr));
	if (vas_getattr(vid, &after) || (after.user == attr.user) != (error == 0) ||
		(after.mode == 0640) != (error == 0))
		error = EIO;
	return vas_delete(vid) ? errno : error;
}

static int do_quota(void)
{
	static uid_t user = 6000;
	struct vas_quota told;
	int error;

	arm();
	error = outcome(vas_quota(user++, NULL, &told));
	return error;
}

static int do_seg_create(void)
{
	int sid, error;

	arm();
	sid = vas_seg_create("/new", base, base + BYTES, 0600);
	error = outcome(sid);
	if (error)
		return vas_seg_find("/new") == -1 && errno == ESRCH ? error : EIO;
	return vas_seg_delete(sid) ? errno : 0;
}

static int do_seg_delete(void)
{
	int sid = vas_seg_create("/new", base, base + BYTES, 0600), error;

	arm();
	error = outcome(vas_seg_delete(sid));
	if (error && vas_seg_delete(sid))
		return errno;
	return error;
}

/* Whether it is there for this thread. */
static bool is_seen(int vid, bool lockable)
{
	bool seen;

	if (lockable)
		vas_switch(vid);
	seen = tap_write(words) == 0;
	if (lockable)
		vas_switch(0);
	return seen;
}

/* To a VAS that this thread is inside of, or (of a lockable segment) may go into. What failed works on the same objects then. */
static int seg_attach(int share)
{
	bool lockable = share == VAS_SHARED_LOCK;
	int vid = vas_create("/new", 0600), sid = vas_seg_create("/new", base, base + BYTES, 0600), error;

	if (vas_seg_share(sid, share) || !enter(vid, O_RDWR) || (lockable && vas_switch(0)))
		return errno;
	arm();
	error = outcome(vas_seg_attach(vid, sid, O_RDWR));
	if (is_seen(vid, lockable) != (error == 0))
		error = EIO;
	if (error == ENOMEM && (vas_seg_attach(vid, sid, O_RDWR) || !is_seen(vid, lockable)))
		error = EIO;
	if (vas_switch(0) || vas_seg_detach(vid, sid) || vas_detach(0, vid))
		error = EIO;
	return vas_delete(vid) || vas_seg_delete(sid) ? errno : error;
}

static int do_seg_attach(void)
{
	return seg_attach(VAS_SHARED_STRICT);
}

static int do_seg_attach_lockable(void)
{
	return seg_attach(VAS_SHARED_LOCK);
}

static int seg_detach(int share)
{
	int sid, vid = make_shared("/new", &sid, 0600, share), error;

	arm();
	error = outcome(vas_seg_detach(vid, sid));
	if (error && vas_seg_detach(vid, sid))
		return errno;
	return vas_delete(vid) || vas_seg_delete(sid) ? errno : error;
}

static int do_seg_detach(void)
{
	return seg_detach(VAS_SHARED_STRICT);
}

static int do_seg_detach_lockable(void)
{
	return seg_detach(VAS_SHARED_LOCK);
}

static int do_clone(void)
{
	uint64_t root = 0;
	int vid, error;

	arm();
	vid = vas_clone(kept, "/copy", 0600);
	error = outcome(vid);
	if (error)
		return vas_find("/copy") == -1 && errno == ESRCH ? error : EIO;
	/* With what is in it. */
	if (vas_get_root(vid, &root) || root != 77 || !enter(vid, O_RDWR))
		error = EIO;
	else
		error = words[100] == 1234 && tap_write(words) == 0 && leave(vid) ? 0 : EIO;
	return vas_delete(vid) ? errno : error;
}

static int do_seg_clone(void)
{
	int sid, error;

	arm();
	sid = vas_seg_clone(kept_segment, "/copy", 0600);
	error = outcome(sid);
	if (error)
		return vas_seg_find("/copy") == -1 && errno == ESRCH ? error : EIO;
	return vas_seg_delete(sid) ? errno : 0;
}

static int do_root(void)
{
	uint64_t root = 0;
	int error;

	arm();
	error = outcome(vas_set_root(kept, 77) || vas_get_root(kept, &root) ? -1 : 0);
	return error ? error : root == 77 ? 0 : EIO;
}

static int do_revoke(void)
{
	int error;

	if (!enter(kept, O_RDWR))
		return errno;
	arm();
	error = outcome(vas_revoke(kept, 0));
	if (error)
		leave(kept);
	return error ? error : active_vas() == 0 ? 0 : EIO;
}

static int do_share(void)
{
	int error;

	arm();
	error = outcome(vas_share(kept, VAS_SHARED_FREE) || vas_share(kept, VAS_SHARED_STRICT) ? -1 : 0);
	return error;
}

/* The lock is taken and let go. */
static int do_lock(void)
{
	int error;

	if (vas_attach(0, locked, O_RDWR))
		return errno;
	error = in_and_out(locked);
	/* Nobody has it now. */
	if (vas_switch(locked) || vas_switch(0))
		error = EIO;
	return vas_detach(0, locked) ? EIO : error;
}

static int do_heap(void)
{
	struct vas_heap *heap;
	char *block = NULL;
	int sid, vid = make("/new", &sid, 0600), error = 0;

	if (!enter(vid, O_RDWR))
		return errno;
	arm();
	heap = vas_heap_make((void *)base, BYTES);
	if (heap)
		block = vas_malloc(heap, BYTES / 8);
	if (!block)
		error = errno;
	else
		memset(block, 1, BYTES / 8);
	disarm();
	if (heap && vas_heap_check(heap))
		error = EIO;
	leave(vid);
	unmake(vid, sid);
	return error;
}

/* --- processes inside --- */

static int do_fork(void)
{
	pid_t child;
	int error;

	if (!enter(kept, O_RDWR))
		return errno;
	arm();
	child = fork();
	if (child == 0) /* the child is in it too, or in none */
		_exit(active_vas() == 0 || words[100] == 1234 ? 7 : 1);
	error = outcome(child);
	if (!error)
		error = status_of(child) == 7 << 8 ? 0 : EIO;
	return leave(kept) ? error : EIO;
}

/* How a child ends that was inside. The lock has gone with it. */
static int ending_inside(pid_t child)
{
	int error = ending(child);

	return enter(locked, O_RDWR) && leave(locked) ? error : EIO;
}

/* In a child: goes in. */
static void start_inside(void)
{
	child_start();
	if (!enter(locked, O_RDWR))
		_exit(NOT_RIGHT);
}

static int do_exec(void)
{
	pid_t child = fork();

	if (child == 0) {
		start_inside();
		execute();
	}
	return ending_inside(child);
}

/* What fails while a process ends fails in the dark. */
static int do_exit(void)
{
	pid_t child = fork();
	int error;

	if (child == 0) {
		start_inside();
		fail_set(fail_fd, fail_at);
		_exit(fail_get(fail_fd) ? WENT_THROUGH : GOT_OVER);
	}
	error = ending_inside(child);
	fail_left = fail_at > 12;
	return error == EIO ? EIO : 0;
}

static const struct operation operations[] = {
	OPERATION("vas_create", do_create),
	OPERATION("vas_find", do_find),
	OPERATION("vas_delete", do_delete),
	OPERATION("vas_attach", do_attach),
	OPERATION("vas_detach", do_detach),
	OPERATION("vas_switch, active_vas", do_switch),
	OPERATION("pages of a segment", do_touch),
	OPERATION("vas_getattr, vas_seg_getattr", do_attributes),
	OPERATION("vas_setattr", do_set_attributes),
	OPERATION("vas_quota", do_quota),
	OPERATION("vas_seg_create", do_seg_create),
	OPERATION("vas_seg_delete", do_seg_delete),
	OPERATION("vas_seg_attach", do_seg_attach),
	OPERATION("vas_seg_attach of a lockable segment", do_seg_attach_lockable),
	OPERATION("vas_seg_detach", do_seg_detach),
	OPERATION("vas_seg_detach of a lockable segment", do_seg_detach_lockable),
	OPERATION("vas_clone", do_clone),
	OPERATION("vas_seg_clone", do_seg_clone),
	OPERATION("vas_set_root, vas_get_root", do_root),
	OPERATION("vas_revoke", do_revoke),
	OPERATION("vas_share", do_share),
	OPERATION("locks of segments", do_lock),
	OPERATION("a heap in a segment", do_heap),
	OPERATION("fork inside", do_fork, .errors = { EAGAIN }),
	OPERATION("execve inside", do_exec, .step = 4),
	OPERATION("exit inside", do_exit),
};

/* Root 77, and 1234 in a page of its segment. */
static bool prepare(void)
{
	kept = make("/kept", &kept_segment, 0600);
	locked = make_shared("/locked", &locked_segment, 0600, VAS_SHARED_LOCK);
	if (vas_set_root(kept, 77) || !enter(kept, O_RDWR))
		return false;
	words[100] = 1234;
	return leave(kept);
}

int main(int argc, char **argv)
{
	if (!shortage_start(argc, argv))
		return tap_end();
	start(argv);
	if (!check(prepare(), "VASes"))
		return tap_end();
	fail_all(operations, COUNT(operations), argc, argv);
	return tap_end();
}
