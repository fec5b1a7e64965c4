/* Threads of one process, through the C library: creation, mutexes, conditions, thread-local data, futexes, signals, exit. */
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <time.h>

#include "tap.h"

enum { THREADS = 8 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int counter;
static _Thread_local int local = 5;
static pid_t ids[THREADS];

static void *count_up(void *argument)
{
	long number = (long)argument;

	ids[number] = (pid_t)syscall(SYS_gettid);
	local += (int)number;
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
		if (i % 100 == 0)
			sched_yield();
	}
	return (void *)(long)local;
}

static void test_create(void)
{
	pthread_t threads[THREADS];
	bool right = true, different = true;
	void *result;

	for (long i = 0; i < THREADS; i++)
		right &= pthread_create(&threads[i], NULL, count_up, (void *)i) == 0;
	for (long i = 0; i < THREADS; i++)
		right &= pthread_join(threads[i], &result) == 0 && (long)result == 5 + i;
	check(right && local == 5, "pthread_create: results and thread-local data");
	check(counter == THREADS * 2000, "mutex: no count is lost");
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < i; j++)
			different &= ids[i] != ids[j] && ids[i] != getpid();
	check(different && syscall(SYS_gettid) == getpid(), "gettid");
}

static void *nothing(void *argument)
{
	return argument;
}

static void test_many(void)
{
	int right = 0;

	for (long i = 0; i < 300; i++) {
		pthread_t thread;
		void *result = NULL;

		right += pthread_create(&thread, NULL, nothing, (void *)i) == 0 && pthread_join(thread, &result) == 0 &&
			(long)result == i;
	}
	check(right == 300, "pthread_create: 300 one after another");
}

/* --- conditions and semaphores --- */

static int turn;

static void *take_turns(void *argument)
{
	long me = (long)argument;

	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 3 != me)
			pthread_cond_wait(&condition, &mutex);
		turn++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void test_condition(void)
{
	pthread_t threads[3];
	struct timespec soon;
	int error;

	for (long i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, take_turns, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check(turn == 600, "condition: three take turns");
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 10000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_nsec -= 1000000000;
		soon.tv_sec++;
	}
	pthread_mutex_lock(&mutex);
	error = pthread_cond_timedwait(&condition, &mutex, &soon);
	pthread_mutex_unlock(&mutex);
	check(error == ETIMEDOUT, "condition: the time runs out");
}

static sem_t ping, pong;

static void *answer(void *argument)
{
	for (int i = 0; i < 500; i++) {
		sem_wait(&ping);
		sem_post(&pong);
	}
	return argument;
}

static void test_semaphore(void)
{
	pthread_t thread;
	int rounds = 0;

	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
	pthread_create(&thread, NULL, answer, NULL);
	for (; rounds < 500; rounds++) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	pthread_join(thread, NULL);
	check(rounds == 500, "semaphore: 500 times there and back");
}

static void test_barrier(void)
{
	pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
	pthread_barrier_t barrier;

	check(pthread_barrier_init(&barrier, NULL, 1) == 0 &&
			pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD,
		"barrier");
	check(pthread_rwlock_rdlock(&lock) == 0 && pthread_rwlock_trywrlock(&lock) == EBUSY &&
			pthread_rwlock_unlock(&lock) == 0,
		"rwlock");
}

/* --- futexes --- */

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *time)
{
	return syscall(SYS_futex, word, operation, value, time, NULL, 0);
}

static void test_futex(void)
{
	static uint32_t word = 1;
	struct timespec time = { 0, 10000000 };

	check_errno(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL), EAGAIN, "futex: another value");
	check_errno(futex(&word, FUTEX_WAIT_PRIVATE, 1, &time), ETIMEDOUT, "futex: the time runs out");
	check(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL) == 0, "futex: nobody waits");
	check_errno(futex(tap_pointer(8), FUTEX_WAIT_PRIVATE, 0, NULL), EFAULT, "futex: bad pointer");
	check_errno(futex(tap_pointer((uintptr_t)&word + 1), FUTEX_WAIT_PRIVATE, 0, NULL), EINVAL,
		"futex: not aligned");
}

/* --- signals --- */

static volatile sig_atomic_t taken_by;

static void note_thread(int number)
{
	(void)number;
	taken_by = (sig_atomic_t)syscall(SYS_gettid);
}

static volatile bool finish;
static volatile pid_t spinner;

static void *spin(void *argument)
{
	spinner = (pid_t)syscall(SYS_gettid);
	while (!finish)
		sched_yield();
	return argument;
}

static void test_thread_signals(void)
{
	pthread_t thread;
	sigset_t set;

	signal(SIGUSR1, note_thread);
	pthread_create(&thread, NULL, spin, NULL);
	while (!spinner)
		sched_yield();
	pthread_kill(thread, SIGUSR1);
	while (!taken_by)
		sched_yield();
	check(taken_by == spinner, "pthread_kill: the right thread takes it");
	taken_by = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	while (!taken_by)
		sched_yield();
	check(taken_by == spinner, "kill: a thread that does not block it takes it");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	finish = true;
	pthread_join(thread, NULL);
}

/* --- signals of the process that the thread told of them does not take --- */

static volatile bool second_taken;

/* Waits for what the first thread was told of. */
static void *wait_for_second(void *result)
{
	struct timespec time = { 30, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	*(int *)result = sigtimedwait(&set, NULL, &time);
	return result;
}

static void note_second(int number)
{
	(void)number;
	second_taken = true;
}

static void first_waits_for_second(int number)
{
	(void)number;
	for (int i = 0; i < 3000 && !second_taken; i++)
		usleep(10000);
	taken_by = second_taken;
}

/* The second signal interrupts it; the first one is not for it. */
static void *take_second(void *argument)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	while (!second_taken)
		usleep(100000);
	return argument;
}

/* A child sends both, one right after the other. */
static pid_t send_both(void)
{
	pid_t child = fork();

	if (child == 0) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	return child;
}

static void test_left_signals(void)
{
	struct sigaction action = { .sa_handler = first_waits_for_second };
	struct timespec time = { 30, 0 };
	pthread_t thread;
	int got = 0, status;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, wait_for_second, &got);
	send_both();
	check(sigtimedwait(&set, NULL, &time) == SIGUSR1, "sigtimedwait: the first of two");
	pthread_join(thread, NULL);
	check(got == SIGUSR2, "sigtimedwait: the second is another thread's");
	wait(&status);
	signal(SIGUSR2, note_second);
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, take_second, NULL);
	taken_by = 0;
	send_both();
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!taken_by && waitpid(-1, &status, 0) < 0 && errno == EINTR)
		;
	pthread_join(thread, NULL);
	check(taken_by == 1, "handler: what it blocks is another thread's");
}

/* --- the end of processes with threads --- */

static void *fault(void *argument)
{
	usleep(1000);
	*(volatile char *)tap_pointer((uintptr_t)argument) = 1;
	return argument;
}

static void *leave(void *argument)
{
	usleep(1000);
	exit((int)(long)argument);
}

static void *sleep_then_return(void *argument)
{
	usleep(20000);
	exit((int)(long)argument);
}

static void *wait_for_ever(void *argument)
{
	pause();
	return argument;
}

static void dies_in_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_ever, NULL);
	pthread_create(&thread, NULL, fault, NULL);
	pause();
}

static void exits_in_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_ever, NULL);
	pthread_create(&thread, NULL, leave, (void *)33);
	pause();
}

static void main_ends_first(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, sleep_then_return, (void *)44);
	pthread_exit(NULL);
}

static void exits_with_busy_threads(void)
{
	pthread_t thread;

	finish = false;
	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, spin, NULL);
	usleep(5000);
	_exit(21);
}

static void execs_in_thread_main(void)
{
	pthread_t thread;

	finish = false;
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, spin, NULL);
	usleep(1000);
	execl("/proc/self/exe", "threads", "22", NULL);
}

static void *fork_in_thread(void *argument)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(syscall(SYS_gettid) == getpid() ? 12 : 1);
	waitpid(child, &status, 0);
	*(int *)argument = WEXITSTATUS(status);
	return NULL;
}

static void test_ends(void)
{
	pthread_t thread;
	int status = 0;

	status = tap_child(dies_in_thread);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a fault in one thread ends all");
	status = tap_child(exits_in_thread);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 33, "exit in one thread ends all");
	status = tap_child(main_ends_first);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 44, "the first thread may end first");
	status = tap_child(exits_with_busy_threads);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 21, "exit while others are busy");
	status = tap_child(execs_in_thread_main);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 22, "exec ends the other threads");
	status = 0;
	pthread_create(&thread, NULL, fork_in_thread, &status);
	pthread_join(thread, NULL);
	check(status == 12, "fork in a thread");
}

static void *cancelled(void *argument)
{
	for (;;)
		sleep(100);
	return argument;
}

static void test_cancel(void)
{
	pthread_t thread;
	void *result = NULL;

	pthread_create(&thread, NULL, cancelled, NULL);
	usleep(2000);
	check(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED,
		"pthread_cancel");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return atoi(argv[1]);
	test_create();
	test_many();
	test_condition();
	test_semaphore();
	test_barrier();
	test_futex();
	test_thread_signals();
	test_left_signals();
	test_ends();
	test_cancel();
	return tap_end();
}
