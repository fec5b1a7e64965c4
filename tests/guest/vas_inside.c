/* Threads inside of VASes: the common half, signals, exec, ends, locks, clones. See vas.c. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include <allod/heap.h>
#include <allod/portal.h>

#include "vas.h"

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
	words[0] = 4711;
	munmap((void *)base, BYTES);
	madvise((void *)base, BYTES, MADV_DONTNEED);
	check(mremap((void *)base, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && words[0] == 4711,
		"nor do munmap, madvise and mremap reach into them");
	for (int i = 0; i < 40; i++)
		free(blocks[i]);
	leave(a);
	vas_detach(0, b);
	unmake(a, a_sid);
	unmake(b, b_sid);
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

static void test_vfork(void)
{
	int sid, vid = make("vfork", &sid, 0600), locked_sid,
		 locked = make_shared("vfork locked", &locked_sid, 0600, VAS_SHARED_LOCK);
	pid_t child;

	enter(vid, O_RDWR);
	child = vfork();
	if (child == 0) {
		words[5] = active_vas() == vid ? 55 : 0;
		_exit(0);
	}
	check(status_of(child) == 0 && words[5] == 55 && active_vas() == vid,
		"a child of vfork is where its parent is");
	child = vfork();
	if (child == 0) {
		execl(self_path, self_path, "after-exec", (char *)NULL);
		_exit(1);
	}
	check(status_of(child) == 0 && words[5] == 55, "and in none when it executes a program");
	check(enter(locked, O_RDWR), "enter one with a lock");
	child = vfork();
	if (child == 0)
		_exit(active_vas() == 0 && tap_read(words) == SIGSEGV ? 0 : 1);
	check(status_of(child) == 0 && active_vas() == locked, "where locks are held, a child of vfork is in none");
	vas_switch(0);
	vas_detach(0, locked);
	vas_detach(0, vid);
	unmake(locked, locked_sid);
	unmake(vid, sid);
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

static int handler_to;

static void switch_in_handler(int number)
{
	(void)number;
	handler_vas = active_vas();
	vas_switch(handler_to);
}

static void test_switching_handler(void)
{
	struct sigaction action = { .sa_handler = switch_in_handler };
	int sids[2], a = make("handler a", &sids[0], 0600), b = make("handler b", &sids[1], 0600);

	vas_attach(0, b, O_RDWR);
	enter(a, O_RDWR);
	words[0] = 1;
	sigaction(SIGUSR2, &action, NULL);
	handler_to = b;
	raise(SIGUSR2);
	check(handler_vas == a && active_vas() == b && words[0] == 0,
		"a handler switches: it is not undone when it returns");
	handler_to = 0;
	raise(SIGUSR2);
	check(handler_vas == b && active_vas() == 0 && tap_read(words) == SIGSEGV, "it may switch to none");
	signal(SIGUSR2, SIG_DFL);
	vas_detach(0, a);
	vas_detach(0, b);
	unmake(a, sids[0]);
	unmake(b, sids[1]);
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

/* --- calls to other spaces --- */

/* At home: where is the thread now? It goes on to `vid`, if that is not 0. */
static int where(int vid)
{
	if (vid && vas_switch(vid) < 0)
		return -2;
	return active_vas();
}
ALLOD_PORTAL(int, where, (int, vid))

static int read_there(const volatile char *at)
{
	return *at;
}
ALLOD_PORTAL(int, read_there, (const volatile char *, at))

/* Called in a sandbox: asks at home, twice. */
static int where_at_home(allod_portal home, int vid)
{
	int switched = where_at(home, vid), again = where_at(home, 0);

	return switched * 100000 + again;
}
ALLOD_PORTAL(int, where_at_home, (allod_portal, home), (int, vid))

static void test_calls(void)
{
	int sids[2], vid = make("caller", &sids[0], 0600), other = make("caller's other", &sids[1], 0600);
	char *text = (char *)base, here[] = "here";
	struct allod_space *box;
	allod_portal home;
	bool ok = true;

	vas_attach(0, other, O_RDWR);
	enter(vid, O_RDWR);
	strcpy(text, "in the VAS");
	box = allod_sandbox(NULL);
	check(where_in(box, 0) == 0 && active_vas() == vid, "what is called in another space begins in none");
	check(read_there_in(box, allod_lend(here, sizeof(here), ALLOD_R)) == 'h' && active_vas() == vid &&
			text[0] == 'i',
		"the caller is where it was");
	check(where_in(box, vid) == -2 && errno == 0, "the callee's space has not attached it");
	for (uint64_t i = 0; i < 300; i++) {
		ok = ok && vas_switch(i % 3 ? other : vid) == 0;
		words[10 + i % 3] = i;
		ok = ok && where_in(box, 0) == 0 && words[10 + i % 3] == i;
	}
	check(ok && vas_switch(vid) == 0 && words[10] == 297 && words[11] == 0, "calls and switches in turns");
	home = allod_offer((const void *)where, allod_space_number(box));
	check(where_at_home_in(box, home, 0) == 0 && active_vas() == vid, "a call back home begins in none");
	check(where_at_home_in(box, home, other) == other * 100000 && active_vas() == vid,
		"where it switches to ends with it");
	check(read_there_in(box, text) == -1 && errno == EOWNERDEAD && active_vas() == vid &&
			!strcmp(text, "in the VAS"),
		"a pointer into a VAS means nothing there");
	allod_space_close(box);
	box = allod_sandbox(NULL);
	check(read_there_in(box, allod_lend(text, 10, ALLOD_R)) == -1 && errno != 0 && active_vas() == vid,
		"nor can memory of a VAS be lent");
	allod_space_close(box);
	vas_switch(0);
	check(vas_detach(0, vid) == 0 && vas_detach(0, other) == 0, "the threads that serve the call back are in none");
	unmake(vid, sids[0]);
	unmake(other, sids[1]);
}

/* --- exec, exit, kill, revoke --- */

static void count_for_ever(int vid, int fd)
{
	signal(SIGSEGV, SIG_DFL);
	if (!enter(vid, O_RDWR))
		_exit(1);
	words[4]++;
	if (!tell(fd))
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
	struct itimerval often = { { 0, 30000 }, { 0, 30000 } }, never = { { 0, 0 }, { 0, 0 } };
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
	/* The first one may come too early. */
	setitimer(ITIMER_REAL, &often, NULL);
	check_errno(vas_switch(vid), EINTR, "a signal ends the waiting");
	setitimer(ITIMER_REAL, &never, NULL);
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
	child = holder(vid, O_RDONLY, for_ever);
	check(vas_switch(vid) == 0 && waitpid(child, &status, WNOHANG) == 0, "two readers at a time");
	vas_switch(0);
	kill(child, SIGKILL);
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

/* --- a heap --- */

struct node {
	struct node *next;
	uint64_t value;
	char text[40];
};

/* Each process frees some of what others have allocated. */
static void use_heap(int vid, uint64_t salt)
{
	struct vas_heap *heap = (struct vas_heap *)base;
	struct node *volatile *list = (struct node *volatile *)(base + BYTES - 8);

	if (vas_attach(0, vid, O_RDWR) < 0)
		_exit(1);
	for (unsigned i = 0; i < 300; i++) {
		struct node *node;

		if (vas_switch(vid) < 0)
			_exit(2);
		node = vas_malloc(heap, sizeof(*node) + i % 50);
		if (!node)
			_exit(3);
		*node = (struct node){ *list, salt + i, "text" };
		*list = node;
		if (i % 3 == 0 && node->next) {
			struct node *second = node->next;

			node->next = second->next;
			vas_free(heap, second);
		}
		if (vas_switch(0) < 0)
			_exit(4);
	}
	_exit(0);
}

static void test_heap(void)
{
	int sid, vid = make_shared("heap", &sid, 0600, VAS_SHARED_LOCK), status = 0;
	struct vas_heap *heap;
	unsigned nodes = 0;
	pid_t children[4];

	check(enter(vid, O_RDWR), "enter");
	heap = vas_heap_make((void *)base, BYTES - 8);
	check(heap && heap == vas_heap_open((void *)base), "a heap in a segment");
	vas_switch(0);
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		if (children[i] == 0)
			use_heap(vid, (uint64_t)i * 1000);
	}
	for (int i = 0; i < 4; i++)
		status |= status_of(children[i]);
	check(status == 0, "four processes use it at once");
	vas_switch(vid);
	for (struct node *node = *(struct node **)(base + BYTES - 8); node; nodes++) {
		struct node *next = node->next;

		vas_free(heap, node);
		node = next;
	}
	check(nodes > 700 && vas_heap_check(heap) == 0 && vas_heap_used(heap) == 0, "and one takes it down");
	leave(vid);
	unmake(vid, sid);
}

/* --- clones --- */

static void test_clones(void)
{
	int sid, vid = make("origin", &sid, 0600), clone, seg_clone, third;
	uint64_t root = 0;

	enter(vid, O_RDWR);
	for (int i = 0; i < 100; i++)
		words[i * 512] = (uint64_t)i;
	vas_set_root(vid, 4711);
	clone = vas_clone(vid, "clone", 0600);
	check(clone > 0 && clone != vid && vas_find("clone") == clone, "clone a VAS");
	check_errno(vas_clone(vid, "clone", 0600), EEXIST, "clone: name in use");
	words[0] = 1000;
	check(enter(clone, O_RDWR), "attach the clone");
	check(words[0] == 0 && words[99 * 512] == 99 && vas_get_root(clone, &root) == 0 && root == 4711,
		"it has what the original had");
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

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		for_ever();
	start(argv);
	if (argc > 1)
		return active_vas() == 0 && vas_switch(vas_find("ends")) < 0 && tap_read(words) == SIGSEGV ? 0 : 1;
	test_common();
	test_threads();
	test_vfork();
	test_futex();
	test_signals();
	test_switching_handler();
	test_calls();
	test_ends();
	test_locks();
	test_late_lock();
	test_heap();
	test_clones();
	return tap_end();
}
