/* Stands in for QEMU and the guest in tests of the tool: takes QEMU's command line, finds the program in the boot archive's
 * `config`, runs it on this machine with the console ports as its standard streams, and speaks the control port's lines. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/services.h"

enum { WORDS_MAX = 256, CONFIG_MAX = 1 << 20 };

static int ports[PORTS];
static char config[CONFIG_MAX];
static char *words[WORDS_MAX + 1], *exe;

static unsigned long hex(const char *digits)
{
	char text[9] = { 0 };

	memcpy(text, digits, 8);
	return strtoul(text, NULL, 16);
}

/* Reads the file `config` of the archive. -> its size, 0 if there is none. */
static size_t read_config(const char *path)
{
	FILE *file = fopen(path, "rb");
	char header[110], name[256];

	if (file)
		rewind(file);
	while (file && fread(header, sizeof(header), 1, file) == 1) {
		size_t bytes = hex(header + 54), length = hex(header + 94);

		if (length >= sizeof(name) || fread(name, length, 1, file) != 1)
			break;
		fseek(file, (long)(-(sizeof(header) + length) & 3), SEEK_CUR);
		if (!strcmp(name, "config"))
			return bytes < CONFIG_MAX ? fread(config, 1, bytes, file) : 0;
		fseek(file, (long)((bytes + 3) & ~3ul), SEEK_CUR);
	}
	return 0;
}

static void take_words(size_t bytes)
{
	unsigned count = 0;

	clearenv();
	for (char *at = config; at < config + bytes; at += strlen(at) + 1) {
		if (!strncmp(at, "arg=", 4) && count < WORDS_MAX)
			words[count++] = at + 4;
		else if (!strncmp(at, "exe=", 4))
			exe = at + 4;
		else if (!strncmp(at, "env=", 4))
			putenv(at + 4);
		else if (!strncmp(at, "cwd=", 4) && chdir(at + 4) < 0)
			exit(1);
	}
}

static void say(const char *text, int number)
{
	dprintf(ports[PORT_CONTROL], text, number);
}

/* Waits for the line that tells a stopped job to go on. */
static void wait_for_continue(void)
{
	char line[256];

	do {
		ssize_t bytes = read(ports[PORT_CONTROL], line, sizeof(line) - 1);

		if (bytes <= 0)
			exit(1);
		line[bytes] = 0;
		dprintf(ports[PORT_STDERR], "%s", line);
	} while (!strstr(line, "continue\n"));
}

static int run(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int fd = 0; fd <= 2; fd++)
			dup2(ports[PORT_STDIN + fd], fd);
		for (int port = 1; port < PORTS; port++)
			close(ports[port]);
		execv(exe, words);
		_exit(127);
	}
	close(ports[PORT_STDIN]); /* so that the tool sees when the program is gone */
	for (;;) {
		if (waitpid(child, &status, WUNTRACED) < 0)
			exit(1);
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		say("stop\n", 0);
		wait_for_continue();
		kill(child, SIGCONT);
	}
}

int main(int count, char **arguments)
{
	const char *archive = NULL;
	int status, port, fd;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i - 1], "-initrd"))
			archive = arguments[i];
		if (sscanf(arguments[i], "socket,id=port%d,fd=%d", &port, &fd) == 2 && port > 0 && port < PORTS)
			ports[port] = fd;
	}
	if (!archive)
		return 1;
	take_words(read_config(archive));
	status = run();
	if (getenv("FAKE_SILENT"))
		return 7;
	if (getenv("FAKE_STATS"))
		say("stats 12\n{\"boot\": %d}\n", 1);
	if (getenv("FAKE_MAP")) {
		say("map %d\n", (int)strlen(getenv("FAKE_MAP")));
		dprintf(ports[PORT_CONTROL], "%s", getenv("FAKE_MAP"));
	}
	say("exit %d\n", status);
	pause();
	return 0;
}
