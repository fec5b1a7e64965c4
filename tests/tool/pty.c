/* Plays a person at a terminal and the shell between: the shell, a process of its own, runs a command as its foreground job
 * and reports what becomes of it through a pipe; the person obeys a script of lines on standard input:
 *   send TEXT       types TEXT (\r, \n, \\, \xHH)
 *   wait TEXT       until the command has written TEXT
 *   stopped         until the command has stopped
 *   continue        continues it in the foreground
 *   size ROWS COLS  changes the size of the terminal
 *   raw | cooked    the terminal must be in this mode
 *   end STATUS      until it has ended, with this exit status (128 + N: signal N)
 * Exit status 0 if all went so. What the command wrote goes to standard output when something did not. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 16, PATIENCE_MS = 60000 };

static int master;
static int reports, orders; /* pipes from and to the shell */
static pid_t shell;
static char output[OUTPUT_MAX];
static size_t used, seen; /* seen: behind the last text that was waited for */

static bool fail(const char *line, const char *why)
{
	printf("at \"%s\": %s; the terminal shows:\n", line, why);
	fwrite(output, 1, used, stdout);
	printf("\n");
	return false;
}

/* Takes what the command has written, for at most some milliseconds. */
static void listen_for(int ms)
{
	struct pollfd entry = { .fd = master, .events = POLLIN };

	if (poll(&entry, 1, ms) > 0 && used < OUTPUT_MAX - 1) {
		ssize_t bytes = read(master, output + used, OUTPUT_MAX - 1 - used);

		if (bytes > 0)
			used += (size_t)bytes;
		else
			usleep(10000);
	}
}

static bool wait_text(const char *text)
{
	for (int turn = 0; turn < PATIENCE_MS / 20; turn++) {
		char *at = memmem(output + seen, used - seen, text, strlen(text));

		if (at) {
			seen = (size_t)(at - output) + strlen(text);
			return true;
		}
		listen_for(20);
	}
	return false;
}

/* The next report of the shell. -> wait status, or -1 if nothing happened. */
static int wait_status(void)
{
	for (int turn = 0; turn < PATIENCE_MS / 20; turn++) {
		struct pollfd entry = { .fd = reports, .events = POLLIN };
		int status;

		if (poll(&entry, 1, 0) > 0)
			return read(reports, &status, sizeof(status)) == sizeof(status) ? status : -1;
		listen_for(20);
	}
	return -1;
}

/* In place; -> length. */
static size_t unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		unsigned value;
		int length;

		if (*from != '\\') {
			*to++ = *from;
		} else if (sscanf(from, "\\x%2x%n", &value, &length) == 1) {
			*to++ = (char)value;
			from += length - 1;
		} else {
			from++;
			*to++ = (char)(*from == 'r' ? '\r' : *from == 'n' ? '\n' : *from);
		}
	}
	return (size_t)(to - text);
}

static bool is_raw(void)
{
	struct termios mode;

	return tcgetattr(master, &mode) == 0 && !(mode.c_lflag & (ICANON | ECHO));
}

static bool check_end(const char *line, int wanted)
{
	int status = wait_status(), shown;

	if (status == -1)
		return fail(line, "it does not end");
	shown = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (shown != wanted)
		printf("exit status %d: ", shown);
	return shown == wanted || fail(line, "another exit status");
}

static bool resize(const char *line, unsigned rows, unsigned cols)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	return ioctl(master, TIOCSWINSZ, &size) == 0 || fail(line, strerror(errno));
}

static bool obey(char *line)
{
	unsigned a, b;

	if (!strncmp(line, "send ", 5)) {
		size_t bytes = unescape(line + 5);

		return write(master, line + 5, bytes) == (ssize_t)bytes;
	}
	if (!strncmp(line, "wait ", 5))
		return wait_text(line + 5) || fail(line, "it does not come");
	if (!strcmp(line, "stopped"))
		return WIFSTOPPED(wait_status()) || fail(line, "it has not stopped");
	if (!strcmp(line, "continue"))
		return write(orders, "c", 1) == 1;
	if (sscanf(line, "size %u %u", &a, &b) == 2)
		return resize(line, a, b);
	if (!strcmp(line, "raw") || !strcmp(line, "cooked"))
		return is_raw() == !strcmp(line, "raw") || fail(line, "the terminal is in the other mode");
	if (sscanf(line, "end %u", &a) == 1)
		return check_end(line, (int)a);
	return fail(line, "what?");
}

/* The shell: a job in a process group of its own, in the foreground. */
static _Noreturn void be_shell(char **words, int report, int order)
{
	pid_t job = fork();
	int status;
	char c;

	if (job == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
		execvp(words[0], words);
		_exit(127);
	}
	setpgid(job, job);
	signal(SIGTTOU, SIG_IGN);
	for (;;) {
		if (waitpid(job, &status, WUNTRACED) != job || write(report, &status, sizeof(status)) < 0)
			_exit(1);
		tcsetpgrp(STDIN_FILENO, getpid());
		if (!WIFSTOPPED(status) || read(order, &c, 1) != 1) {
			kill(-job, SIGKILL);
			_exit(0);
		}
		tcsetpgrp(STDIN_FILENO, job);
		kill(-job, SIGCONT);
	}
}

int main(int count, char **words)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int report[2], order[2], keep;
	char line[4096];
	bool good = true;

	if (count < 2 || pipe2(report, O_CLOEXEC) < 0 || pipe2(order, O_CLOEXEC) < 0)
		return 2;
	shell = forkpty(&master, NULL, NULL, &size);
	if (shell == 0)
		be_shell(words + 1, report[1], order[0]);
	keep = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC); /* so that the terminal outlives the shell */
	reports = report[0];
	orders = order[1];
	close(order[0]);
	while (good && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (*line && *line != '#')
			good = obey(line);
	}
	close(orders);
	close(keep);
	return good ? 0 : 1;
}
