/* Debugging by grant: a program grants its debugger what it may see, and nothing else can be seen. Two processes: the debuggee
 * grants one of its two variables for reading; the debugger reads that one, and is refused the other. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allod/portal.h>

/* Each on a page of its own: rights are kept to the page. */
static char state[4096] __attribute__((aligned(4096))) = "state: connected, 3 requests open";
static char secret[4096] __attribute__((aligned(4096))) = "the key";

/* What the debuggee tells its debugger, through a pipe. */
struct message {
	char *state, *secret; /* global pointers */
	int grant;
};

static sigjmp_buf refused;

static void refuse(int number)
{
	siglongjmp(refused, number);
}

static void look(const char *what, const char *text)
{
	char copy[100];

	if (sigsetjmp(refused, 1)) {
		printf("%s is not granted\n", what);
		return;
	}
	strncpy(copy, text, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = 0;
	printf("%s is \"%s\"\n", what, copy);
}

/* The debugger. */
static void debug(int from, int to)
{
	unsigned self = allod_self();
	struct message message;

	signal(SIGSEGV, refuse);
	if (write(to, &self, sizeof(self)) < 0)
		return;
	if (read(from, &message, sizeof(message)) != sizeof(message))
		return;
	look("state", message.state);
	look("secret", message.secret);
	if (sigsetjmp(refused, 1))
		printf("state cannot be changed\n");
	else
		strcpy(message.state, "changed");
	/* The debuggee takes it back while we look. */
	if (write(to, "", 1) == 1 && read(from, &message, sizeof(message)) > 0)
		look("state", message.state);
	fflush(stdout);
}

int main(void)
{
	struct message message = { allod_global(state), allod_global(secret), 0 };
	int up[2], down[2], status;
	unsigned debugger;
	char byte;

	if (pipe(up) || pipe(down))
		return 1;
	if (fork() == 0) {
		debug(down[0], up[1]);
		_exit(0);
	}
	if (read(up[0], &debugger, sizeof(debugger)) != sizeof(debugger))
		return 1;
	message.grant = allod_grant(state, sizeof(state), debugger, ALLOD_R);
	if (message.grant < 0 || write(down[1], &message, sizeof(message)) < 0)
		return 1;
	if (read(up[0], &byte, 1) != 1 || allod_revoke(message.grant) || write(down[1], &message, sizeof(message)) < 0)
		return 1;
	wait(&status);
	printf("the debuggee: \"%s\"\n", state);
	return 0;
}
