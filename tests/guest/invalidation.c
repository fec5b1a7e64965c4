/* One thread changes mappings while another uses them: memory that was unmapped or protected must be out of reach at once on every
 * processor. */
#include <pthread.h>
#include <sys/mman.h>

#include "tap.h"

enum { ROUNDS = 150, PAGE = 4096 };

/* What the helper shall do with `target`; it answers in `answer`. */
enum request { IDLE, READ, WRITE, WRITE_ALWAYS, LEAVE };

static volatile enum request request;
static volatile int answer;
static char *volatile target;

static void *help(void *argument)
{
	for (;;) {
		enum request r = request;

		if (r == LEAVE)
			return argument;
		if (r == WRITE_ALWAYS) {
			target[64]++;
			continue;
		}
		if (r == READ)
			answer = tap_read(target);
		else if (r == WRITE)
			answer = tap_write(target);
		else
			sched_yield();
		if (r != IDLE)
			__atomic_store_n(&request, IDLE, __ATOMIC_SEQ_CST);
	}
}

static int ask(enum request what)
{
	request = what;
	while (__atomic_load_n(&request, __ATOMIC_SEQ_CST) != IDLE)
		sched_yield();
	return answer;
}

static void test_protect(void)
{
	bool fine = true;

	target = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < ROUNDS; i++) {
		fine &= ask(WRITE) == 0;
		mprotect(target, PAGE, PROT_READ);
		fine &= ask(WRITE) == SIGSEGV && ask(READ) == 0;
		mprotect(target, PAGE, PROT_NONE);
		fine &= ask(READ) == SIGSEGV;
		mprotect(target, PAGE, PROT_READ | PROT_WRITE);
	}
	check(fine, "mprotect reaches the other thread");
	munmap(target, PAGE);
}

static void test_unmap(void)
{
	bool fine = true;

	for (int i = 0; i < ROUNDS; i++) {
		target = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		fine &= ask(WRITE) == 0 && target[0] == 'w';
		munmap(target, PAGE);
		fine &= ask(READ) == SIGSEGV;
	}
	check(fine, "munmap reaches the other thread");
}

/* The helper writes all the time; a child's copy must stand still. */
static void test_fork(void)
{
	bool fine = true;

	target = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	request = WRITE_ALWAYS;
	for (int i = 0; i < 30; i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			char before = ((volatile char *)target)[64];

			for (int n = 0; n < 20; n++)
				sched_yield();
			_exit(((volatile char *)target)[64] == before ? 0 : 1);
		}
		fine &= child > 0 && waitpid(child, &status, 0) == child && status == 0;
	}
	request = IDLE;
	check(fine, "a child's copy stands still while the parent's other thread writes");
}

int main(void)
{
	pthread_t thread;

	tap_catch_faults();
	pthread_create(&thread, NULL, help, NULL);
	test_protect();
	test_unmap();
	test_fork();
	request = LEAVE;
	pthread_join(thread, NULL);
	return tap_end();
}
