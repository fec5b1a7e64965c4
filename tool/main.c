/* allod: runs Linux programs in an Allod guest. The first word is a command of the table below. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "map.h"
#include "message.h"
#include "options.h"
#include "run.h"

#define VERSION "0.1"

static int help(char **words);

static int version(char **words)
{
	(void)words;
	printf("allod %s\n", VERSION);
	return 0;
}

static const struct command {
	const char *name, *other;
	int (*function)(char **words);
	const char *help;
} commands[] = {
	{ "run", NULL, run, "run [OPTION...] -- PROGRAM [ARG...]   run a program in a guest" },
	{ "map", NULL, map_command, "map [--json | --svg] NAME | FILE       show who may touch what in a guest" },
	{ "help", "--help", help, "help                                  print this text" },
	{ "version", "--version", version, "version                               print the version" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help(char **words)
{
	(void)words;
	printf("usage: allod COMMAND\n\n");
	for (int i = 0; i < COMMANDS; i++)
		printf("  %s\n", commands[i].help);
	printf("\nOptions of run:\n");
	options_help();
	printf("\nExit status of run: the program's own; 128+N if signal N ended it; 125 if allod or the guest failed,\n"
	       "126 if the program cannot be run, 127 if it was not found.\n");
	return 0;
}

static bool is_named(const struct command *command, const char *word)
{
	return !strcmp(command->name, word) || (command->other && !strcmp(command->other, word));
}

/* Makes sure that 0, 1 and 2 are open, so that no file of the tool's gets one of these descriptors. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int count, char **words)
{
	open_standard_streams();
	if (count < 2)
		return complaint(EXIT_TOOL, "no command given (allod help lists them)");
	for (int i = 0; i < COMMANDS; i++)
		if (is_named(&commands[i], words[1]))
			return commands[i].function(words + 2);
	return complaint(EXIT_TOOL, "unknown command %s (allod help lists them)", words[1]);
}
