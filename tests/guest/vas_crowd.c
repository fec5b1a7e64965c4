/* Many threads and processes in VASes at once: locks of several VASes, waiters and holders that end, switches beside revoking,
 * attaching and killing, a heap that all use. See vas.c and vas_inside.c. */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>

#include <allod/heap.h>

#include "native.h"
#include "vas.h"

enum { CHILDREN = 3 };

/* --- children that say where they are --- */

static int up[2];

static void open_pipe(void)
{
	if (pipe(up) < 0)
		exit(1);
}

static void close_pipe(void)
{
	close(up[0]);
	close(up[1]);
}

/* A child that is in a VAS and stays there, or waits for its locks. -> its number once it is inside, or about to wait. */
static pid_t child_in(int vid, int type, bool will_wait)
{
	pid_t child = fork();
	int result;

	if (child != 0) {
		hear(up[0]);
		return child;
	}
	if (vas_attach(0, vid, type) < 0 || (will_wait && !tell(up[1])))
		_exit(1);
	result = vas_switch(vid);
	if (result < 0)
		_exit(errno == EINVAL ? 3 : 2);
	if (!will_wait && !tell(up[1]))
		_exit(1);
	for (;;)
		pause();
}

/* Until a process sleeps. */
static void await_asleep(pid_t child)
{
	char path[50], text[200] = "";
	const char *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	do {
		sched_yield();
		fd = open(path, O_RDONLY);
		if (read(fd, text, sizeof(text) - 1) <= 0)
			text[0] = 0;
		close(fd);
		state = strchr(text, ')');
	} while (state && state[2] != 'S');
}

/* Children that never wait let others run, where these have no processor of their own. */
static void yield_sometimes(unsigned n)
{
	if (n % 8 == 7)
		sched_yield();
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	status_of(child);
}

/* --- locks of more VASes than one --- */

static int sid, vids[2];

/* Two VASes with the same lockable segment. */
static void make_pair(void)
{
	vids[0] = make_shared("first", &sid, 0600, VAS_SHARED_LOCK);
	vids[1] = vas_create("second", 0600);
	if (vas_seg_attach(vids[1], sid, O_RDWR) < 0)
		dprintf(2, "# second: %s\n", strerror(errno));
}

static void unmake_pair(void)
{
	for (int i = 0; i < 2; i++)
		vas_detach(0, vids[i]);
	vas_delete(vids[1]);
	unmake(vids[0], sid);
}

static void on_alarm(int number)
{
	(void)number;
}

/* Does the switch wait? Then a signal ends it; the first one may come too early. */
static bool must_wait(int vid)
{
	struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm };
	bool waited;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	waited = vas_switch(vid) == -1 && errno == EINTR;
	setitimer(ITIMER_REAL, &never, NULL);
	return waited;
}

static void test_one_lock(void)
{
	int other_sid, other = make("other", &other_sid, 0600);
	pid_t child, writer;

	make_pair();
	vas_attach(0, vids[1], O_RDWR);
	vas_attach(0, other, O_RDWR);
	child = child_in(vids[0], O_RDWR, false);
	check(must_wait(vids[1]) && active_vas() == 0, "one lock in two VASes");
	check(vas_switch(other) == 0 && active_vas() == other && must_wait(vids[1]) && active_vas() == 0,
		"who waited in vain is in none, wherever it came from");
	check_errno(vas_seg_clone(sid, "clone", 0600), EBUSY, "seg_clone: the lock is held to write");
	check_errno(vas_clone(vids[1], "clone", 0600), EBUSY, "clone: likewise, in another VAS");
	check(vas_find("clone") == -1 && vas_seg_find("clone") == -1, "nothing was cloned");
	check_errno(vas_seg_detach(vids[0], sid), EBUSY, "seg_detach: a thread is inside");
	end_child(child);
	check(vas_switch(vids[1]) == 0 && vas_switch(other) == 0 && vas_switch(vids[1]) == 0 && vas_switch(0) == 0,
		"free again");
	vas_detach(0, vids[1]);
	vas_attach(0, vids[1], O_RDONLY);
	child = child_in(vids[0], O_RDONLY, false);
	check(vas_switch(vids[1]) == 0, "two readers, each in a VAS of its own");
	check(vas_seg_clone(sid, "clone", 0600) > 0 && vas_seg_delete(vas_seg_find("clone")) == 0,
		"seg_clone: the lock is held to read");
	vas_switch(0);
	writer = child_in(vids[0], O_RDWR, true);
	await_asleep(writer);
	check(must_wait(vids[1]), "a reader waits behind a writer that waits");
	end_child(writer);
	check(vas_switch(vids[1]) == 0 && vas_switch(0) == 0, "and no more when that is killed");
	writer = child_in(vids[0], O_RDWR, true);
	await_asleep(writer);
	check(vas_revoke(vids[0], writer) == 0, "a VAS is revoked from one that waits");
	end_child(child);
	check(WEXITSTATUS(status_of(writer)) == 3, "its switch fails");
	check(vas_switch(vids[1]) == 0 && vas_switch(0) == 0, "its wish is forgotten");
	unmake_pair();
	vas_detach(0, other);
	unmake(other, other_sid);
}

/* Two processes go through two VASes in opposite order, each with its own lock. */
static int pair_of_locks[2];

static void take_turns(int first)
{
	for (int i = 0; i < 2; i++)
		if (vas_attach(0, pair_of_locks[i], O_RDWR) < 0)
			_exit(1);
	for (int n = 0; n < 300; n++)
		for (int i = 0; i < 2; i++) {
			uint64_t before;

			if (vas_switch(pair_of_locks[(first + i) % 2]) < 0)
				_exit(2);
			before = words[0];
			if (n % 16 == 0)
				sched_yield();
			words[0] = before + 1;
		}
	_exit(0);
}

static void test_two_locks(void)
{
	int sids[2], status = 0;
	pid_t children[CHILDREN];
	bool ok = true;

	pair_of_locks[0] = make_shared("lock a", &sids[0], 0600, VAS_SHARED_LOCK);
	pair_of_locks[1] = make_shared("lock b", &sids[1], 0600, VAS_SHARED_LOCK);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0)
			take_turns(i % 2);
	}
	for (int i = 0; i < CHILDREN; i++)
		status |= status_of(children[i]);
	check(status == 0, "in opposite orders from lock to lock");
	for (int i = 0; i < 2; i++) {
		ok = ok && enter(pair_of_locks[i], O_RDONLY) && words[0] == 300 * CHILDREN && leave(pair_of_locks[i]);
		unmake(pair_of_locks[i], sids[i]);
	}
	check(ok, "no write is lost");
}

/* --- threads and processes that end holding locks --- */

static void *end_inside(void *vid)
{
	if (vas_switch((int)(long)vid) == 0)
		words[2]++;
	return NULL;
}

static void *sleep_inside(void *vid)
{
	if (vas_switch((int)(long)vid) == 0)
		tell(up[1]);
	for (;;)
		pause();
	return NULL;
}

static void test_ends(void)
{
	int other_sid, vid = make_shared("ends", &sid, 0600, VAS_SHARED_LOCK),
		       other = make_shared("other end", &other_sid, 0600, VAS_SHARED_LOCK);
	pthread_t thread;
	pid_t child;

	vas_attach(0, vid, O_RDWR);
	vas_attach(0, other, O_RDWR);
	for (int i = 0; i < 20; i++) {
		pthread_create(&thread, NULL, end_inside, (void *)(long)vid);
		pthread_join(thread, NULL);
	}
	check(vas_switch(vid) == 0 && words[2] == 20, "threads that end inside let the lock go");
	pthread_create(&thread, NULL, end_inside, (void *)(long)other);
	pthread_join(thread, NULL);
	check(active_vas() == vid && vas_switch(0) == 0, "each its own");
	/* A process with a thread in each, of which the first one ends all. */
	child = fork();
	if (child == 0) {
		vas_attach(0, vid, O_RDWR);
		vas_attach(0, other, O_RDWR);
		pthread_create(&thread, NULL, sleep_inside, (void *)(long)vid);
		pthread_create(&thread, NULL, sleep_inside, (void *)(long)other);
		pause();
	}
	check(hear(up[0]) && hear(up[0]) && must_wait(vid) && must_wait(other), "two threads hold two locks");
	kill(child, SIGTERM);
	check(vas_switch(vid) == 0 && vas_switch(other) == 0 && vas_switch(0) == 0,
		"their process ends: both are free");
	status_of(child);
	vas_detach(0, vid);
	vas_detach(0, other);
	unmake(vid, sid);
	unmake(other, other_sid);
}

static void *do_nothing(void *vid)
{
	return (void *)(long)(active_vas() == 0 && vid);
}

/* What a holder makes does not hold the lock, nor let it go. */
static void test_heirs(void)
{
	int vid = make_shared("heirs", &sid, 0600, VAS_SHARED_LOCK);
	pthread_t thread;
	void *outside;
	pid_t child;

	check(enter(vid, O_RDWR), "hold a lock");
	child = fork();
	if (child == 0)
		_exit(active_vas());
	check(status_of(child) == 0, "a child is in none");
	child = vfork();
	if (child == 0)
		_exit(active_vas());
	check(status_of(child) == 0, "nor is one of vfork");
	pthread_create(&thread, NULL, do_nothing, (void *)1);
	pthread_join(thread, &outside);
	check(outside, "nor is a thread");
	child = fork();
	if (child == 0)
		_exit(vas_attach(0, vid, O_RDWR) == 0 && must_wait(vid) ? 0 : 1);
	check(status_of(child) == 0 && active_vas() == vid, "when they have ended the lock is still held");
	leave(vid);
	child = fork();
	if (child == 0)
		_exit(enter(vid, O_RDWR) ? 0 : 1);
	check(status_of(child) == 0, "until it is let go");
	unmake(vid, sid);
}

/* Children are killed wherever they are: going in, inside, going out, waiting for each other. */
static void in_and_out(int vid)
{
	if (vas_attach(0, vid, O_RDWR) < 0 || !tell(up[1]))
		_exit(1);
	for (unsigned n = 0;; n++) {
		if (vas_switch(vid) < 0)
			_exit(2);
		words[0]++;
		words[1]++;
		if (vas_switch(0) < 0)
			_exit(3);
		yield_sometimes(n);
	}
}

static void test_kills(void)
{
	int vid = make_shared("kills", &sid, 0600, VAS_SHARED_LOCK);
	pid_t children[CHILDREN] = { 0 };
	unsigned wrong = 0, seed = 1;

	vas_attach(0, vid, O_RDWR);
	for (int n = 0; n < 20; n++) {
		for (int i = 0; i < CHILDREN; i++)
			if (!children[i]) {
				children[i] = fork();
				if (children[i] == 0)
					in_and_out(vid);
				hear(up[0]);
			}
		seed = seed * 1103515245 + 12345;
		for (unsigned i = 0; i < (seed >> 16 & 31); i++)
			sched_yield();
		kill(children[n % CHILDREN], SIGKILL);
		if (!WIFSIGNALED(status_of(children[n % CHILDREN])))
			wrong++;
		children[n % CHILDREN] = 0;
		if (vas_switch(vid) < 0)
			wrong++;
		/* Who was killed in between has left the second count behind. */
		wrong += words[0] - words[1] > 1;
		words[1] = words[0];
		if (vas_switch(0) < 0)
			wrong++;
	}
	for (int i = 0; i < CHILDREN; i++)
		if (children[i])
			end_child(children[i]);
	check(wrong == 0, "twenty are killed going in and out, the lock is never lost");
	vas_detach(0, vid);
	unmake(vid, sid);
}

/* --- revoking against switching --- */

static uint64_t
	*shared; /* by the parent and its children; [0]: it is over, [1]: see below, [2] ...: what each has done */

static void switch_against_revoking(int vid, unsigned i)
{
	for (unsigned n = 0; !__atomic_load_n(&shared[0], __ATOMIC_ACQUIRE); n++) {
		yield_sometimes(n);
		vas_attach(0, vid, O_RDWR);
		if (vas_switch(vid) == 0 && tap_write((char *)base + 64 * i) == 0)
			shared[2 + i]++;
		if (vas_switch(0) < 0)
			_exit(1);
		if (active_vas() != 0)
			_exit(2);
	}
	_exit(0);
}

static void test_revoking(int how)
{
	int vid = make_shared("revoked", &sid, 0600, how), status = 0;
	pid_t children[CHILDREN];
	bool ok = true;

	memset(shared, 0, 4096);
	vas_share(vid, VAS_SHARED_FREE);
	for (unsigned i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0)
			switch_against_revoking(vid, i);
	}
	for (int n = 0; n < 100; n++) {
		ok = ok && vas_revoke(vid, n % 2 ? 0 : children[0]) + 1 >= 0;
		if (n % 3 == 0)
			sched_yield();
	}
	while (!shared[2] || !shared[3] || !shared[4])
		sched_yield();
	__atomic_store_n(&shared[0], 1, __ATOMIC_RELEASE);
	for (int i = 0; i < CHILDREN; i++)
		status |= status_of(children[i]);
	check(ok && status == 0,
		how == VAS_SHARED_LOCK ? "revoking against switching, with a lock" : "revoking against switching");
	unmake(vid, sid);
}

/* --- attaching and detaching segments against reading them --- */

/* shared[1] counts attaching and detaching: while it is odd, nothing is there; while it is 0, anything may be. */
static uint64_t phase(void)
{
	return __atomic_load_n(&shared[1], __ATOMIC_SEQ_CST);
}

/* Reads again and again without a system call, which would have the processor forget what it knew. */
static void read_often(volatile uint64_t *before)
{
	const volatile uint64_t *there = (const volatile uint64_t *)(base + BYTES);

	for (int i = 0; i < 5000; i++) {
		uint64_t value;

		*before = phase();
		value = *there;
		if (value != 1 && value != 2)
			_exit(2);
		if (*before % 2 && *before == phase())
			_exit(3);
	}
}

static void read_against_detaching(int vid)
{
	volatile uint64_t before = 0;

	if (!enter(vid, O_RDONLY))
		_exit(1);
	while (!__atomic_load_n(&shared[0], __ATOMIC_ACQUIRE)) {
		int signal = TAP_TRY(read_often(&before));

		if (signal && before && before % 2 == 0 && before == phase())
			_exit(4);
		__atomic_add_fetch(&shared[signal ? 2 : 3], 1, __ATOMIC_RELAXED);
		sched_yield();
	}
	_exit(0);
}

static int make_filled(const char *name, uint64_t value)
{
	int filled = vas_seg_create(name, base + BYTES, base + 2 * BYTES, 0600), vid = vas_create("filler", 0600);

	vas_seg_attach(vid, filled, O_RDWR);
	enter(vid, O_RDWR);
	*(volatile uint64_t *)(base + BYTES) = value;
	leave(vid);
	vas_delete(vid);
	return filled;
}

static void test_detaching(void)
{
	int vid = make("live", &sid, 0600), more[2] = { make_filled("one", 1), make_filled("two", 2) }, status = 0;
	pid_t children[CHILDREN];
	bool ok = true;

	memset(shared, 0, 4096);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0)
			read_against_detaching(vid);
	}
	for (int n = 0; n < 60 || !shared[2] || !shared[3]; n++) {
		ok = ok && vas_seg_attach(vid, more[n % 2], O_RDWR) == 0;
		__atomic_store_n(&shared[1], 2 * n + 2, __ATOMIC_SEQ_CST);
		sched_yield();
		__atomic_store_n(&shared[1], 2 * n + 4, __ATOMIC_SEQ_CST);
		/* From here on either is right, until it says that it is done. */
		__atomic_store_n(&shared[1], 0, __ATOMIC_SEQ_CST);
		ok = ok && vas_seg_detach(vid, more[n % 2]) == 0;
		__atomic_store_n(&shared[1], 2 * n + 3, __ATOMIC_SEQ_CST);
		sched_yield();
		__atomic_store_n(&shared[1], 0, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&shared[0], 1, __ATOMIC_RELEASE);
	for (int i = 0; i < CHILDREN; i++)
		status |= status_of(children[i]);
	check(ok && status == 0, "what is detached is gone at once, for all that are inside");
	for (int i = 0; i < 2; i++)
		vas_seg_delete(more[i]);
	unmake(vid, sid);
}

static volatile int left; /* 1: the thread has left, 2: it may end */

static void *go_out(void *argument)
{
	bool ok = true;

	for (int i = 0; i < 4; i++)
		ok = ok && vas_switch(*(int *)argument) == 0 && vas_switch(0) == 0;
	left = 1;
	while (left == 1)
		;
	return (void *)(long)ok;
}

/* A thread that runs on, and makes no other call. */
static void test_left(void)
{
	int sid, vid = make("left", &sid, 0600);
	pthread_t thread;
	void *ok;

	vas_attach(0, vid, O_RDWR);
	pthread_create(&thread, NULL, go_out, &vid);
	while (!left)
		sched_yield();
	check(vas_detach(0, vid) == 0, "detach: a thread is not inside any more");
	left = 2;
	pthread_join(thread, &ok);
	check(ok, "it was inside");
	unmake(vid, sid);
}

/* --- a heap without a lock of the switch's --- */

static void use_heap(int vid, unsigned salt)
{
	struct vas_heap *heap = (struct vas_heap *)base;
	unsigned char *blocks[16] = { NULL };

	if (!enter(vid, O_RDWR))
		_exit(1);
	for (unsigned n = 0; n < 600; n++) {
		unsigned i = (n * 7 + salt) % 16, bytes = 16 + (n * 37 + salt * 11) % 300;

		for (unsigned b = 0; blocks[i] && b < 16; b++)
			if (blocks[i][b] != (unsigned char)(salt + i))
				_exit(2);
		vas_free(heap, blocks[i]);
		blocks[i] = vas_malloc(heap, bytes);
		if (!blocks[i])
			_exit(3);
		memset(blocks[i], (int)(salt + i), bytes);
		if (n % 50 == 0)
			sched_yield();
	}
	for (unsigned i = 0; i < 16; i++)
		vas_free(heap, blocks[i]);
	_exit(0);
}

static void test_heap(void)
{
	int vid = make_shared("heap", &sid, 0600, VAS_SHARED_FREE), status = 0;
	pid_t children[CHILDREN];
	struct vas_heap *heap;

	vas_share(vid, VAS_SHARED_FREE);
	check(enter(vid, O_RDWR), "enter");
	heap = vas_heap_make((void *)base, BYTES);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0)
			use_heap(vid, (unsigned)i * 50);
	}
	for (int i = 0; i < CHILDREN; i++)
		status |= status_of(children[i]);
	check(status == 0 && vas_heap_check(heap) == 0 && vas_heap_used(heap) == 0, "all inside use a heap at once");
	leave(vid);
	unmake(vid, sid);
}

/* --- what a switch costs besides its instructions --- */

static void test_invalidations(void)
{
	int sids[2], first = make("quiet a", &sids[0], 0600), second = make("quiet b", &sids[1], 0600);
	uint64_t fewest = UINT64_MAX, roots = UINT64_MAX;
	struct kernel_stats before, after;

	vas_attach(0, first, O_RDWR);
	vas_attach(0, second, O_RDWR);
	/* The first time takes tags and tables; something else may go on, but not always: a round is shorter than most slices of
	 * test=preempt. */
	for (int n = 0; n < 200; n++) {
		uint64_t invalidated;

		native(CALL_stats, (uint64_t)&before, sizeof(before), 0, 0);
		for (int i = 0; i < 20; i++)
			if (vas_switch(i % 2 ? first : second) == 0)
				words[0]++;
		native(CALL_stats, (uint64_t)&after, sizeof(after), 0, 0);
		invalidated = after.tlb_pages - before.tlb_pages + after.tlb_spaces - before.tlb_spaces +
			after.tlb_ipis - before.tlb_ipis;
		fewest = invalidated < fewest ? invalidated : fewest;
		roots = after.root_writes - before.root_writes < roots ? after.root_writes - before.root_writes : roots;
	}
	check(fewest == 0, "a switch invalidates nothing");
	if (!check(roots >= 20 && roots <= 24, "and writes one root"))
		dprintf(2, "# %lu roots for 20 switches\n", (unsigned long)roots);
	vas_switch(0);
	vas_detach(0, first);
	vas_detach(0, second);
	unmake(first, sids[0]);
	unmake(second, sids[1]);
}

int main(int argc, char **argv)
{
	(void)argc;
	start(argv);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	open_pipe();
	test_one_lock();
	test_two_locks();
	test_ends();
	test_heirs();
	test_kills();
	test_revoking(VAS_SHARED_FREE);
	test_revoking(VAS_SHARED_LOCK);
	test_detaching();
	test_left();
	test_heap();
	test_invalidations();
	close_pipe();
	return tap_end();
}
