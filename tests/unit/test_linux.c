/* The parts of the Linux service that are pure enough for the host: the random generator, and signals that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

void *calloc(size_t count, size_t bytes);
void free(void *block);

#include "services/linux/random.c"
#include "services/linux/send_signal.c"

/* --- what the sources need of the rest of the service --- */

const struct start_info *service_start;
struct list_node processes = LIST_INIT(processes);
struct process *first_process;
static u32 kicked, killed;
static u64 charged; /* signals that are charged to the one user there is */

bool user_charge(struct user *user, enum user_charge which, u64 n, u64 limit)
{
	(void)user;
	(void)which;
	if (charged + n > limit)
		return false;
	charged += n;
	return true;
}

void user_uncharge(struct user *user, enum user_charge which, u64 n)
{
	(void)user;
	(void)which;
	charged -= n;
}

u64 timer_forward(struct timer *timer)
{
	(void)timer;
	return 1;
}

void wake_up(struct wait_queue *list)
{
	(void)list;
}

void lock_acquire_slow(struct lock *l)
{
	(void)l;
}

void lock_release_slow(struct lock *l)
{
	(void)l;
}

void *heap_zalloc(size_t bytes)
{
	return calloc(1, bytes);
}

void heap_free(void *memory)
{
	free(memory);
}

int user_write(struct task *self, u64 addr, const void *from, u64 bytes)
{
	(void)self;
	memcpy((void *)addr, from, bytes);
	return 0;
}

void task_kick(struct task *task, u32 work)
{
	task->work |= work;
	kicked++;
}

void task_wake(struct task *task)
{
	(void)task;
}

struct task *process_task(const struct process *process)
{
	return process->leader;
}

void process_exit(struct process *process, int wait_status)
{
	process->exiting = true;
	process->wait_status = wait_status;
	killed++;
}

void process_notify_parent(struct process *process, int code, int status)
{
	(void)process;
	(void)code;
	(void)status;
}

/* --- a process with two tasks --- */

static struct process process, parent;
static struct task one, two;

static void set_up_task(struct task *task)
{
	memset(task, 0, sizeof(*task));
	task->process = &process;
	sigpending_init(&task->pending);
	list_append(&process.tasks, &task->sibling);
}

static int set_up(void **state)
{
	(void)state;
	memset(&process, 0, sizeof(process));
	memset(&parent, 0, sizeof(parent));
	list_init(&processes);
	list_init(&process.tasks);
	list_init(&parent.tasks);
	sigpending_init(&process.pending);
	sigpending_init(&parent.pending);
	list_append(&processes, &process.all);
	list_append(&processes, &parent.all);
	process.parent = &parent;
	process.pgid = 7;
	process.limits[RLIMIT_SIGPENDING].rlim_cur = 3;
	set_up_task(&one);
	set_up_task(&two);
	process.leader = &one;
	kicked = killed = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	signal_flush(&process, ~0ull);
	return charged == 0 ? 0 : -1;
}

static void handle(int signal)
{
	process.actions[signal - 1].sa_handler = (__sighandler_t)0x1000;
}

/* --- the tests --- */

/* The first block for key and counter 0, as everybody's ChaCha20 has it. */
static void random_block(void **state)
{
	static const u8 want[16] = { 0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86,
		0xbd, 0x28 };
	u32 out[BLOCK_WORDS];
	u8 a[100], b[100];
	(void)state;
	memset(key, 0, sizeof(key));
	counter = 0;
	seeded = true;
	block(out);
	assert_memory_equal(out, want, sizeof(want));
	random_fill(a, sizeof(a));
	random_fill(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void standard_signals_wait_once(void **state)
{
	siginfo_t info;
	(void)state;
	handle(SIGUSR1);
	signal_send_process(&process, SIGUSR1, NULL);
	signal_send_process(&process, SIGUSR1, NULL);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), SIGUSR1);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), 0);
}

static void realtime_signals_queue(void **state)
{
	siginfo_t info;
	(void)state;
	handle(40);
	for (int i = 0; i < 3; i++) {
		memset(&info, 0, sizeof(info));
		info.si_code = SI_QUEUE;
		info.si_value.sival_int = i;
		signal_send_task(&two, 40, &info);
	}
	assert_int_equal(signal_send_task(&two, 40, &info), -EAGAIN); /* RLIMIT_SIGPENDING */
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(signal_dequeue(&two, ~0ull, &info), 40);
		assert_int_equal(info.si_value.sival_int, i);
	}
	assert_int_equal(signal_dequeue(&two, ~0ull, &info), 0);
}

static void own_faults_come_first(void **state)
{
	siginfo_t info;
	(void)state;
	handle(SIGHUP);
	handle(SIGSEGV);
	signal_send_task(&one, SIGHUP, NULL);
	signal_send_task(&one, SIGSEGV, NULL);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), SIGSEGV);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), SIGHUP);
}

static void ignored_signals_vanish(void **state)
{
	siginfo_t info;
	(void)state;
	signal_send_process(&process, SIGCHLD, NULL);
	process.actions[SIGTERM - 1].sa_handler = SIG_IGN;
	signal_send_process(&process, SIGTERM, NULL);
	assert_int_equal(kicked, 0);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), 0);
	/* ... unless somebody blocks them: then they wait, as sigwait wants them. */
	one.mask = signal_bit(SIGTERM);
	signal_send_process(&process, SIGTERM, NULL);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), SIGTERM);
}

static void task_that_does_not_block_is_told(void **state)
{
	(void)state;
	handle(SIGUSR1);
	one.mask = signal_bit(SIGUSR1);
	signal_send_process(&process, SIGUSR1, NULL);
	assert_int_equal(one.work, 0);
	assert_int_equal(two.work, WORK_SIGNAL);
	two.mask = signal_bit(SIGUSR1);
	signal_recalc_pending(&two);
	assert_int_equal(two.work, 0);
}

static void stop_and_continue_cancel(void **state)
{
	siginfo_t info;
	(void)state;
	handle(SIGCONT);
	signal_send_process(&process, SIGCONT, NULL);
	signal_send_process(&process, SIGTSTP, NULL);
	assert_int_equal(process.pending.mask, signal_bit(SIGTSTP));
	signal_send_process(&process, SIGCONT, NULL);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), SIGCONT);
	assert_int_equal(signal_dequeue(&one, ~0ull, &info), 0);
	process.state = PROCESS_STOPPED;
	signal_send_process(&process, SIGCONT, NULL);
	assert_int_equal(process.state, PROCESS_RUNNING);
}

static void kill_needs_nobody(void **state)
{
	(void)state;
	one.mask = two.mask = ~0ull;
	signal_send_process(&process, SIGKILL, NULL);
	assert_int_equal(killed, 1);
	assert_int_equal(process.wait_status, SIGKILL);
}

static void forced_signals_are_not_blocked(void **state)
{
	siginfo_t info;
	(void)state;
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSEGV;
	handle(SIGSEGV);
	one.mask = signal_bit(SIGSEGV);
	signal_force(&one, &info);
	assert_true(process.actions[SIGSEGV - 1].sa_handler == SIG_DFL);
	assert_int_equal(one.work, WORK_SIGNAL);
}

static void orphaned_groups(void **state)
{
	(void)state;
	assert_false(group_is_orphaned(7)); /* the parent is in another group of the session */
	parent.pgid = 7;
	assert_true(group_is_orphaned(7));
	parent.pgid = 8;
	parent.sid = 9;
	assert_true(group_is_orphaned(7));
	first_process = &process;
	assert_false(group_is_orphaned(7));
	first_process = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_block),
		cmocka_unit_test_setup_teardown(standard_signals_wait_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(realtime_signals_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(own_faults_come_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ignored_signals_vanish, set_up, tear_down),
		cmocka_unit_test_setup_teardown(task_that_does_not_block_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stop_and_continue_cancel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kill_needs_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forced_signals_are_not_blocked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(orphaned_groups, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
