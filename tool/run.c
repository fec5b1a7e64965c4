/* Finds the program, packs the archive, starts the machine, relays until the end. */
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack.h"
#include "machine.h"
#include "message.h"
#include "options.h"
#include "program.h"
#include "qemu.h"
#include "relay.h"
#include "terminal.h"

/* Where the kernel and the services are: beside the tool, in a folder named after the machine. */
static char *find_build(const struct machine *machine)
{
	char self[PATH_MAX], *directory, *kernel;
	ssize_t bytes = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (bytes < 0)
		return NULL;
	self[bytes] = 0;
	*strrchr(self, '/') = 0;
	directory = text_of("%s/%s", self, machine->name);
	kernel = text_of("%s/%s", directory, machine->kernel);
	if (access(kernel, R_OK) < 0) {
		message("%s: %s (run make)", kernel, strerror(errno));
		free(directory);
		directory = NULL;
	}
	free(kernel);
	return directory;
}

/* Dies of a signal as if it had never been caught. */
static int die(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	raise(number);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return EXIT_SIGNAL + number;
}

static void help(void)
{
	printf("usage: allod run [OPTION...] -- PROGRAM [ARG...]\n\nRuns a Linux program of this machine in an Allod guest.\n\n");
	options_help();
}

/* With the guest started: relays, then restores the terminal. */
static int supervise(struct qemu *qemu, struct terminal *terminal, const struct options *options)
{
	int result;

	if (options->gdb)
		message("waiting for gdb: gdb %s/allod.elf -ex 'target remote :1234'", options->machine->name);
	terminal_raw(terminal);
	result = relay_run(qemu, terminal, options);
	terminal_restore(terminal);
	qemu_kill(qemu);
	return result;
}

int run(char **words)
{
	struct options options;
	struct program program;
	struct terminal terminal;
	struct qemu qemu;
	char *directory;
	int error = options_parse(&options, words), archive;

	if (!error && options.help) {
		help();
		return 0;
	}
	if (!error)
		error = program_find(&program, &options, options.program[0]);
	if (error)
		return error;
	options.machine = program.machine;
	options.directory = directory = find_build(options.machine);
	if (!directory)
		return EXIT_TOOL;
	terminal_find(&terminal);
	archive = pack_archive(directory, &options, &program, &terminal);
	if (archive < 0)
		return EXIT_TOOL;
	relay_prepare();
	error = qemu_start(&qemu, directory, &options, archive);
	if (error)
		return error;
	error = supervise(&qemu, &terminal, &options);
	return error >= RELAY_SIGNAL ? die(error - RELAY_SIGNAL) : error;
}
