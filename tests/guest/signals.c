/* Signals: handlers, masks, SA_RESTART, alternate stacks, details of faults, changed contexts, queues, defaults. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <time.h>

#include "machine.h"
#include "tap.h"

static volatile sig_atomic_t count, last;
static siginfo_t info;
static volatile sig_atomic_t order[16];

static void note(int number)
{
	if (count < 16)
		order[count] = number;
	count++;
	last = number;
}

static void note_info(int number, siginfo_t *details, void *context)
{
	(void)context;
	note(number);
	info = *details;
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(number, &action, NULL);
	count = last = 0;
}

static void handle_info(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	sigaction(number, &action, NULL);
	count = last = 0;
}

static void block(int how, int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(how, &set, NULL);
}

/* --- handlers and masks --- */

static void test_handler(void)
{
	struct sigaction old;

	handle(SIGUSR1, note, 0);
	check(kill(getpid(), SIGUSR1) == 0 && count == 1 && last == SIGUSR1, "handler: called before kill() returns");
	check(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == note, "sigaction: tells the handler");
	handle_info(SIGUSR1, note_info, 0);
	kill(getpid(), SIGUSR1);
	check(info.si_signo == SIGUSR1 && info.si_code == SI_USER && info.si_pid == getpid() && info.si_uid == getuid(),
		"handler: details of kill()");
	raise(SIGUSR1);
	check(info.si_code == SI_TKILL && info.si_pid == getpid(), "handler: details of raise()");
	handle(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	check(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL && count == 1, "handler: SA_RESETHAND");
	signal(SIGUSR1, SIG_IGN);
	check(raise(SIGUSR1) == 0, "handler: ignored");
	errno = 77;
	handle(SIGUSR1, note, 0);
	kill(getpid(), SIGUSR1);
	check(errno == 77, "handler: errno untouched");
	check_errno(sigaction(SIGKILL, &old, NULL), EINVAL, "sigaction: SIGKILL");
	check_errno(sigaction(SIGSTOP, &old, NULL), EINVAL, "sigaction: SIGSTOP");
	check_errno(sigaction(70, &old, NULL), EINVAL, "sigaction: no such signal");
}

static void test_mask(void)
{
	sigset_t set, old;

	handle(SIGUSR1, note, 0);
	handle(SIGUSR2, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	check(count == 0, "mask: a blocked signal waits");
	check(sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 1 && sigismember(&set, SIGUSR2) == 0,
		"mask: sigpending");
	kill(getpid(), SIGUSR2);
	check(count == 1 && last == SIGUSR2, "mask: others arrive");
	block(SIG_UNBLOCK, SIGUSR1);
	check(count == 2 && last == SIGUSR1, "mask: delivered once when unblocked");
	sigfillset(&set);
	check(sigprocmask(SIG_SETMASK, &set, &old) == 0 && sigprocmask(SIG_SETMASK, &old, &set) == 0 &&
			sigismember(&set, SIGKILL) == 0 && sigismember(&set, SIGSTOP) == 0 &&
			sigismember(&set, SIGTERM) == 1,
		"mask: SIGKILL and SIGSTOP cannot be blocked");
	check_errno(sigprocmask(99, &set, NULL), EINVAL, "mask: bad operation");
	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	handle(SIGUSR1, note, 0);
	block(SIG_UNBLOCK, SIGUSR1);
	check(count == 0, "mask: ignoring drops what waits");
}

static volatile sig_atomic_t depth, deepest;

static void nest(int number)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (depth < 3)
		raise(number);
	depth--;
}

static void raise_other(int number)
{
	note(number);
	if (number == SIGUSR1) {
		raise(SIGUSR2);
		note(1000);
	}
}

static void test_mask_in_handler(void)
{
	struct sigaction action = { .sa_handler = raise_other };
	sigset_t set;

	deepest = 0;
	handle(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	check(deepest == 3, "handler: SA_NODEFER nests");
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	handle(SIGUSR2, note, 0);
	raise(SIGUSR1);
	check(count == 3 && order[0] == SIGUSR1 && order[1] == 1000 && order[2] == SIGUSR2,
		"handler: sa_mask holds others back");
	sigprocmask(SIG_SETMASK, NULL, &set);
	check(sigismember(&set, SIGUSR1) == 0 && sigismember(&set, SIGUSR2) == 0, "handler: the mask comes back");
	handle(SIGUSR1, raise_other, 0);
	raise(SIGUSR1);
	check(count == 3 && order[1] == SIGUSR2 && order[2] == 1000, "handler: interrupted by another");
}

static void jump_out(int number)
{
	(void)number;
	siglongjmp(tap_jump, 1);
}

static void test_jump(void)
{
	volatile int rounds = 0;
	sigset_t set;

	handle(SIGUSR1, jump_out, 0);
	while (rounds < 100)
		if (sigsetjmp(tap_jump, 1) == 0)
			raise(SIGUSR1);
		else
			rounds++;
	sigprocmask(SIG_SETMASK, NULL, &set);
	check(rounds == 100 && sigismember(&set, SIGUSR1) == 0, "handler: siglongjmp out of it");
}

/* --- interrupted calls --- */

static int pipe_ends[2];

static void alarm_in(long us)
{
	struct itimerval timer = { .it_value.tv_usec = us };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Again and again, 0: no more. The first one may come before the call that it is to end, on a machine that is busy. */
static void alarm_every(long us)
{
	struct itimerval timer = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Of the monotonic clock. */
static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void feed(int number)
{
	note(number);
	if (write(pipe_ends[1], "z", 1) != 1)
		last = -1;
}

static void test_interrupted(void)
{
	struct timespec time = { 1000, 0 }, left = { 0, 0 };
	time_t start;
	sigset_t set;
	char c = 0;

	if (pipe(pipe_ends) < 0)
		return;
	handle(SIGALRM, note, 0);
	alarm_every(20000);
	check_errno(read(pipe_ends[0], &c, 1), EINTR, "interrupt: read() without SA_RESTART");
	alarm_every(0);
	handle(SIGALRM, feed, SA_RESTART);
	alarm_in(20000);
	check(read(pipe_ends[0], &c, 1) == 1 && c == 'z' && count == 1, "interrupt: read() with SA_RESTART goes on");
	handle(SIGALRM, note, SA_RESTART);
	start = seconds();
	alarm_every(20000);
	check(nanosleep(&time, &left) == -1 && errno == EINTR && left.tv_sec < 1000 &&
			left.tv_sec >= 1000 - 1 - (seconds() - start),
		"interrupt: nanosleep() tells what is left");
	check_errno(pause(), EINTR, "interrupt: pause()");
	alarm_every(0);
	block(SIG_BLOCK, SIGALRM);
	count = 0;
	alarm_in(5000);
	sigfillset(&set);
	sigdelset(&set, SIGALRM);
	check(sigsuspend(&set) == -1 && errno == EINTR && count == 1, "interrupt: sigsuspend()");
	sigprocmask(SIG_SETMASK, NULL, &set);
	check(sigismember(&set, SIGALRM) == 1, "interrupt: sigsuspend() restores the mask");
	block(SIG_UNBLOCK, SIGALRM);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void test_wait_for_signal(void)
{
	struct timespec time = { 0, 20000000 };
	siginfo_t details;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	check_errno(sigtimedwait(&set, &details, &time), EAGAIN, "sigtimedwait: too late");
	kill(getpid(), SIGUSR1);
	check(sigtimedwait(&set, &details, &time) == SIGUSR1 && details.si_pid == getpid(),
		"sigtimedwait: waiting signal");
	if (fork() == 0) {
		usleep(5000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	check(sigwaitinfo(&set, &details) == SIGUSR1, "sigwaitinfo: from a child");
	wait(NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_queue(void)
{
	sigset_t set;
	siginfo_t details[3];
	int right = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 100 + i });
	for (int i = 0; i < 3; i++)
		right += sigwaitinfo(&set, &details[i]) == SIGRTMIN && details[i].si_value.sival_int == 100 + i &&
			details[i].si_code == SI_QUEUE;
	check(right == 3, "sigqueue: real-time signals wait in order with their values");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* --- faults --- */

static void test_faults(void)
{
	char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int zero = 0, one = 1;
	int file;

	tap_catch_faults();
	munmap(page + 4096, 4096);
	check(tap_read(tap_pointer(8)) == SIGSEGV && tap_info.si_code == SEGV_MAPERR &&
			tap_info.si_addr == tap_pointer(8),
		"SIGSEGV: nothing mapped");
	check(tap_read(page) == 0 && tap_write(page + 5) == SIGSEGV && tap_info.si_code == SEGV_ACCERR &&
			tap_info.si_addr == page + 5,
		"SIGSEGV: not writable");
	check(tap_read(page + 4096) == SIGSEGV && tap_info.si_code == SEGV_MAPERR, "SIGSEGV: unmapped");
	check(TAP_TRY(((void (*)(void))(uintptr_t)page)()) == SIGSEGV && tap_info.si_code == SEGV_ACCERR &&
			tap_info.si_addr == page,
		"SIGSEGV: not executable");
	check(tap_read(tap_pointer(0x8000000000000000)) == SIGSEGV && tap_info.si_code == NO_ADDRESS_CODE,
		"SIGSEGV: not canonical");
	TAP_TRY(one = one / zero);
	check(DIVISION_TRAPS ? tap_signal == SIGFPE && tap_info.si_code == FPE_INTDIV : !tap_signal && !one,
		"division by zero");
	check(TAP_TRY(__asm__ volatile(ILLEGAL)) == SIGILL && tap_info.si_code == ILLEGAL_CODE,
		"SIGILL: illegal instruction");
	check(TAP_TRY(__asm__ volatile(BREAKPOINT)) == SIGTRAP, "SIGTRAP: breakpoint");
	check(TAP_TRY(__asm__ volatile(PRIVILEGED)) == PRIVILEGED_SIGNAL, "privileged instruction");
	file = open("/tmp/.", O_RDWR | O_TMPFILE, 0600);
	if (file < 0) {
		file = open("signals-file", O_RDWR | O_CREAT, 0600);
		unlink("signals-file");
	}
	if (ftruncate(file, 100) == 0) {
		char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0);

		check(tap_read(map + 200) == 0 && tap_read(map + 4096) == SIGBUS && tap_info.si_code == BUS_ADRERR &&
				tap_info.si_addr == map + 4096,
			"SIGBUS: behind the end of a file");
		munmap(map, 8192);
	}
	close(file);
	munmap(page, 4096);
}

static char stack[65536] __attribute__((aligned(16)));
static volatile bool was_on_stack, told_on_stack;

static void on_stack(int number, siginfo_t *details, void *context)
{
	ucontext_t *u = context;
	stack_t now;
	char here;

	was_on_stack = &here >= stack && &here < stack + sizeof(stack);
	told_on_stack = sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_ONSTACK) && u->uc_stack.ss_sp == stack;
	tap_catch(number, details, context);
}

static int __attribute__((noinline)) recurse(volatile char *before)
{
	volatile char frame[4096];

	frame[0] = before ? *before : 0;
	if (frame[0])
		return 0;
	return recurse(frame) + frame[0];
}

static void test_alternate_stack(void)
{
	stack_t new = { .ss_sp = stack, .ss_size = sizeof(stack) }, old;

	check(sigaltstack(&new, &old) == 0 && (old.ss_flags & SS_DISABLE), "sigaltstack");
	handle_info(SIGSEGV, on_stack, SA_ONSTACK);
	check(TAP_TRY(recurse(NULL)) == SIGSEGV && was_on_stack, "sigaltstack: stack overflow");
	check(told_on_stack, "sigaltstack: SS_ONSTACK");
	check(TAP_TRY(recurse(NULL)) == SIGSEGV && was_on_stack, "sigaltstack: stack overflow again");
	new.ss_size = 100;
	check_errno(sigaltstack(&new, NULL), ENOMEM, "sigaltstack: too small");
	new.ss_flags = SS_DISABLE;
	check(sigaltstack(&new, NULL) == 0, "sigaltstack: off");
	signal(SIGSEGV, SIG_DFL);
}

/* The handler skips the instruction and changes registers. */
static void skip(int number, siginfo_t *details, void *context)
{
	(void)details;
	note(number);
	machine_skip(context);
}

static void test_context(void)
{
	bool right;

	handle_info(SIGILL, skip, 0);
	right = machine_context();
	check(right && count == 1, "handler: changes registers");
	signal(SIGILL, SIG_DFL);
}

static void test_everywhere(void)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	uint64_t bad = 0;

	handle(SIGALRM, note, SA_RESTART);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 100000 && count < 30; i++)
		bad |= leaf(1000);
	setitimer(ITIMER_REAL, &off, NULL);
	check(count >= 30, "timer: 30 signals");
	check(bad == 0, "timer: registers and red zone survive");
}

/* --- children and defaults --- */

static void test_child_signal(void)
{
	int status;
	pid_t child;

	handle_info(SIGCHLD, note_info, SA_RESTART);
	child = fork();
	if (child == 0)
		_exit(9);
	check(waitpid(child, &status, 0) == child, "SIGCHLD: wait");
	check(count == 1 && info.si_pid == child && info.si_code == CLD_EXITED && info.si_status == 9,
		"SIGCHLD: details of an exit");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	check(count == 2 && info.si_code == CLD_KILLED && info.si_status == SIGTERM, "SIGCHLD: details of a kill");
	signal(SIGCHLD, SIG_IGN);
	child = fork();
	if (child == 0)
		_exit(0);
	check_errno(waitpid(child, &status, 0), ECHILD, "SIGCHLD: ignored, children leave no status");
	signal(SIGCHLD, SIG_DFL);
}

static int ended_by(int number)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(number, SIG_DFL);
		raise(number);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_defaults(void)
{
	const int deadly[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV,
		SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGSYS, SIGRTMIN, SIGRTMAX };
	const int harmless[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
	bool right = true;

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		right &= ended_by(deadly[i]) == deadly[i];
	check(right, "default: deadly signals");
	right = true;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		right &= ended_by(harmless[i]) == 0;
	check(right, "default: harmless signals");
}

static void test_fork(void)
{
	int status;
	pid_t child;

	handle(SIGUSR1, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	child = fork();
	if (child == 0) {
		sigset_t set;
		bool fine = sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 0 &&
			sigprocmask(SIG_SETMASK, NULL, &set) == 0 && sigismember(&set, SIGUSR1) == 1;

		kill(getpid(), SIGUSR1);
		block(SIG_UNBLOCK, SIGUSR1);
		_exit(fine && count == 1 ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0,
		"fork: handlers and mask are inherited, waiting signals not");
	block(SIG_UNBLOCK, SIGUSR1);
	check(count == 1, "fork: the parent's waiting signal stays");
}

/* A thousand signals back and forth between two processes. */
static void test_ping_pong(void)
{
	sigset_t set, none;
	int status, rounds = 0;
	pid_t child, parent = getpid();

	handle(SIGUSR1, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigemptyset(&none);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 500; i++) {
			sigsuspend(&none);
			kill(parent, SIGUSR1);
		}
		_exit(count == 500 ? 0 : 1);
	}
	for (int i = 0; i < 500; i++) {
		kill(child, SIGUSR1);
		rounds += sigsuspend(&none) == -1;
	}
	check(waitpid(child, &status, 0) == child && status == 0 && rounds == 500 && count == 500,
		"kill: 500 times there and back");
	block(SIG_UNBLOCK, SIGUSR1);
}

int main(void)
{
	tap_directory("signals");
	test_handler();
	test_mask();
	test_mask_in_handler();
	test_jump();
	test_interrupted();
	test_wait_for_signal();
	test_queue();
	test_faults();
	test_alternate_stack();
	test_context();
	test_everywhere();
	test_child_signal();
	test_defaults();
	test_fork();
	test_ping_pong();
	return tap_end();
}
