/* A program that keeps the processor, or a service, as busy as it can does not keep others from it. Beside each hog of the table a
 * waiter is woken 40 times (200 in `make soak`) through a pipe, a futex and a timer by turns: it runs within three slices of each
 * wake, and SIGKILL ends the hog within three. On one processor with --icount, where the clock counts instructions and is exact.
 *
 * Another hog is another line of the table, and a function that its threads call again and again. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "tap.h"
#include "tests/repeats.h"

enum { SLICE_NS = 5000000, SLICES_MAX = 3, WAKES = 40, THREADS_MAX = 16, NS_PER_S = 1000000000 };

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * (int64_t)NS_PER_S + time.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec time = { ns / NS_PER_S, ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL))
		;
}

static long futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* --- the hogs --- */

/* Some 30 us: between calls that would make the emulator slow, which takes as long for one as for 10,000 other instructions. */
static void compute(void)
{
	for (volatile unsigned i = 0; i < 10000; i++)
		;
}

static void call_nothing(void)
{
	compute();
	syscall(SYS_getppid);
}

static void yield(void)
{
	compute();
	sched_yield();
}

static void sleep_shortly(void)
{
	compute();
	sleep_until(now() + 1);
}

/* Waits for a moment, again and again, just before its slice is over. */
static void sleep_early(void)
{
	int64_t end = now() + SLICE_NS - 80000;

	while (now() < end)
		compute();
	sleep_until(now() + 1);
}

/* All threads wake at once and compute for longer than a slice. */
static uint32_t gang_word;

static void gang(void)
{
	uint32_t seen = __atomic_load_n(&gang_word, __ATOMIC_SEQ_CST);
	int64_t end = now() + SLICE_NS * 3 / 2;

	while (now() < end)
		compute();
	if (__atomic_load_n(&gang_word, __ATOMIC_SEQ_CST) == seen) {
		__atomic_fetch_add(&gang_word, 1, __ATOMIC_SEQ_CST);
		futex(&gang_word, FUTEX_WAKE, THREADS_MAX);
	}
	futex(&gang_word, FUTEX_WAIT, __atomic_load_n(&gang_word, __ATOMIC_SEQ_CST));
}

static void make_threads(void)
{
	pthread_t thread;

	compute();
	if (!pthread_create(&thread, NULL, (void *(*)(void *))(void *)call_nothing, NULL))
		pthread_join(thread, NULL);
}

/* --- calls that move much --- */

enum { MUCH = 48 << 20, VECTORS = 1024 };

static char *much(void)
{
	static char *memory;

	if (!memory)
		memory = mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory;
}

/* Again and again into the same megabyte, or 48 of them. */
static void read_device(const char *path, size_t bytes)
{
	static struct iovec vectors[VECTORS];
	int fd = open(path, O_RDONLY);

	for (int i = 0; i < VECTORS; i++)
		vectors[i] = (struct iovec){ much(), bytes };
	if (readv(fd, vectors, VECTORS) < 0)
		_exit(1);
	close(fd);
}

static void read_zeros(void)
{
	read_device("/dev/zero", MUCH);
}

static void read_small_zeros(void)
{
	read_device("/dev/zero", 60000);
}

static void read_random(void)
{
	read_device("/dev/urandom", MUCH);
}

static int much_file(void)
{
	static int fd;

	if (!fd) {
		fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
		if (fd < 0)
			_exit(1);
	}
	return fd;
}

static void write_much(void)
{
	if (pwrite(much_file(), much(), MUCH, 0) != MUCH)
		_exit(1);
}

static void read_much(void)
{
	struct stat about;

	if (fstat(much_file(), &about) || about.st_size < MUCH)
		write_much();
	if (pread(much_file(), much(), MUCH, 0) != MUCH)
		_exit(1);
}

static void send_much(void)
{
	static int sink;
	off_t at = 0;

	if (!sink)
		sink = open("/dev/null", O_WRONLY);
	if (!sink || pwrite(much_file(), "", 1, MUCH) < 0)
		_exit(1);
	sendfile(sink, much_file(), &at, MUCH);
}

static void copy_much(void)
{
	static int to;
	off_t from = 0, at = 0;

	if (!to)
		to = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	write_much();
	copy_file_range(much_file(), &from, to, &at, MUCH, 0);
}

/* Lines that are as long as can be, taken back or printed again all at once. */
static void type_much(char again)
{
	static int master;
	static char text[65536];

	if (!master) {
		master = posix_openpt(O_RDWR | O_NOCTTY);
		if (master < 0)
			_exit(1);
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = i % 4096 >= 4000 ? again : i % 3 ? 'a' : '\t';
	}
	if (write(master, text, sizeof(text)) < 0)
		_exit(1);
}

static void type_and_kill(void)
{
	type_much('U' - '@');
}

static void type_and_reprint(void)
{
	type_much('R' - '@');
}

static const struct hog {
	const char *name;
	void (*act)(void);
	unsigned threads, wakes;
} hogs[] = {
	{ "computing", compute, 1, WAKES },
	{ "computing in 16 threads", compute, 16, WAKES },
	{ "system calls in 16 threads", call_nothing, 16, WAKES },
	{ "yielding in 16 threads", yield, 16, WAKES },
	{ "sleeping for 1 ns in 16 threads", sleep_shortly, 16, WAKES },
	{ "sleeping at the end of each slice in 16 threads", sleep_early, 16, WAKES },
	{ "16 threads that wake together", gang, 16, WAKES },
	{ "making threads in 4 threads", make_threads, 4, WAKES },
	{ "readv of /dev/zero", read_zeros, 1, WAKES / 2 },
	{ "readv of small pieces of /dev/zero in 4 threads", read_small_zeros, 4, WAKES / 2 },
	{ "readv of /dev/urandom", read_random, 1, WAKES / 2 },
	{ "write of a large file", write_much, 1, WAKES / 2 },
	{ "read of a large file in 4 threads", read_much, 4, WAKES / 2 },
	{ "sendfile", send_much, 1, WAKES / 2 },
	{ "copy_file_range", copy_much, 1, WAKES / 2 },
	{ "typing and killing lines", type_and_kill, 1, WAKES / 2 },
	{ "typing and reprinting lines", type_and_reprint, 1, WAKES / 2 },
};

static void *hog_thread(void *argument)
{
	const struct hog *hog = argument;

	for (;;)
		hog->act();
	return NULL;
}

static pid_t hog_start(const struct hog *hog)
{
	pid_t child = fork();
	pthread_t thread;

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 1; i < hog->threads; i++)
		if (pthread_create(&thread, NULL, hog_thread, (void *)hog))
			_exit(1);
	hog_thread((void *)hog);
	_exit(1);
}

/* --- the waiter and its waker --- */

static struct shared {
	uint32_t word;    /* counts wakes */
	int64_t woken_at; /* the last one */
} * shared;
static int ends[2];

/* From 0.3 to 4 ms. */
static int64_t pause_of(unsigned i)
{
	return 300000 + (i * 2654435761u >> 8) % 3700000;
}

/* Wakes the waiter for each line that comes in on the pipe back, after a pause. */
static pid_t waker_start(int *orders)
{
	int pair[2];
	pid_t child;
	char order;

	if (pipe(pair) < 0)
		return -1;
	*orders = pair[1];
	child = fork();
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pair[1]);
	for (unsigned i = 0; read(pair[0], &order, 1) == 1; i++) {
		sleep_until(now() + pause_of(i));
		shared->woken_at = now();
		if (order == 'p' && write(ends[1], &order, 1) != 1)
			_exit(1);
		__atomic_fetch_add(&shared->word, 1, __ATOMIC_SEQ_CST);
		if (order == 'f')
			futex(&shared->word, FUTEX_WAKE, 1);
	}
	_exit(0);
}

/* Waits once. -> the delay, ns. */
static int64_t wait_once(unsigned i, int orders)
{
	uint32_t seen = __atomic_load_n(&shared->word, __ATOMIC_SEQ_CST);
	char order = "pft"[i % 3];
	int64_t due;

	if (order == 't') {
		due = now() + pause_of(i);
		sleep_until(due);
		return now() - due;
	}
	if (write(orders, &order, 1) != 1)
		return INT64_MAX;
	if (order == 'p' && read(ends[0], &order, 1) != 1)
		return INT64_MAX;
	while (order == 'f' && __atomic_load_n(&shared->word, __ATOMIC_SEQ_CST) == seen)
		futex(&shared->word, FUTEX_WAIT, seen);
	return now() - shared->woken_at;
}

static void try_hog(const struct hog *hog)
{
	int64_t worst = 0, begin;
	char line[100];
	int orders = -1, status;
	pid_t waker = waker_start(&orders), child = hog_start(hog);

	for (unsigned i = 0; i < repeats(hog->wakes); i++) {
		int64_t delay = wait_once(i, orders);

		worst = delay > worst ? delay : worst;
	}
	begin = now();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	begin = now() - begin;
	close(orders);
	kill(waker, SIGKILL);
	waitpid(waker, NULL, 0);
	dprintf(2, "# %s: a wake took up to %ld us, SIGKILL %ld us\n", hog->name, (long)worst / 1000,
		(long)begin / 1000);
	snprintf(line, sizeof(line), "%s: the waiter waits for %d slices at most", hog->name, SLICES_MAX);
	check(worst <= SLICES_MAX * (int64_t)SLICE_NS, line);
	snprintf(line, sizeof(line), "%s: SIGKILL takes as long at most", hog->name);
	check(WIFSIGNALED(status) && begin <= SLICES_MAX * (int64_t)SLICE_NS, line);
}

int main(int count, char **words)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe(ends) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(hogs) / sizeof(hogs[0]); i++)
		if (count < 2 || strstr(hogs[i].name, words[1]))
			try_hog(&hogs[i]);
	return tap_end();
}
