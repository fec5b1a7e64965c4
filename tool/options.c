/* The options of `allod run`: options.h. One table lists them; each has a function that checks its value. */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"
#include "name.h"

#define MEMORY_MIN (24ull << 20)
#define MEMORY_DEFAULT (512ull << 20)
#define MEMORY_MAX (64ull << 30)

static int directory(const char *option, const char *path, char **absolute)
{
	struct stat st;

	*absolute = realpath(path, NULL);
	if (!*absolute || stat(*absolute, &st) < 0)
		return complaint(EXIT_TOOL, "%s %s: %s", option, path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complaint(EXIT_TOOL, "%s %s: not a directory", option, path);
	if (access(*absolute, R_OK | X_OK) < 0)
		return complaint(EXIT_TOOL, "%s %s: %s", option, path, strerror(errno));
	return 0;
}

static int set_root(struct options *options, const char *value)
{
	char *absolute;
	int error = directory("--root", value, &absolute);

	options->root = absolute;
	return error;
}

/* HOST:GUEST[:rw] */
static int set_share(struct options *options, const char *value)
{
	char *text = text_of("%s", value), *guest = strchr(text, ':'), *mode;
	struct share *share = &options->shares[options->share_count];

	if (options->share_count == SHARES_MAX)
		return complaint(EXIT_TOOL, "--share: at most %d directories can be shared", SHARES_MAX);
	if (!guest || guest == text)
		return complaint(EXIT_TOOL, "--share %s: expected HOST:GUEST or HOST:GUEST:rw", value);
	*guest++ = 0;
	mode = strchr(guest, ':');
	if (mode)
		*mode++ = 0;
	if (guest[0] != '/')
		return complaint(EXIT_TOOL, "--share %s: the guest's path must begin with /", value);
	if (mode && strcmp(mode, "rw") && strcmp(mode, "ro"))
		return complaint(EXIT_TOOL, "--share %s: the mode is rw or ro", value);
	share->guest = guest;
	share->writable = mode && !strcmp(mode, "rw");
	options->share_count++;
	return directory("--share", text, &share->host);
}

/* A number and K, M or G; without a letter, megabytes as QEMU has it. */
static int set_memory(struct options *options, const char *value)
{
	char *end;
	unsigned long long number;
	int shift = 20;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (end != value && *end) {
		const char *units = "KkMmGg", *unit = strchr(units, *end);

		shift = unit ? 10 + 10 * (int)((unit - units) / 2) : 0;
		end += shift ? 1 : 0;
	}
	if (errno || end == value || *end || value[0] == '-' || number > MEMORY_MAX)
		return complaint(EXIT_TOOL, "--memory %s: expected a size such as 512M or 2G", value);
	options->memory = number << shift;
	if (options->memory < MEMORY_MIN)
		return complaint(EXIT_TOOL, "--memory %s: too little memory, the guest needs at least 24M", value);
	if (number > MEMORY_MAX >> shift)
		return complaint(EXIT_TOOL, "--memory %s: too much memory, the guest can use at most 64G", value);
	options->memory &= ~((1ull << 20) - 1);
	return 0;
}

static int set_cpus(struct options *options, const char *value)
{
	char *end;
	long number = strtol(value, &end, 10);

	if (end == value || *end || number < 1 || number > GUEST_CPUS_MAX)
		return complaint(EXIT_TOOL, "--cpus %s: expected a number from 1 to %d", value, GUEST_CPUS_MAX);
	options->cpus = (unsigned)number;
	return 0;
}

static int set_timeout(struct options *options, const char *value)
{
	char *end;

	options->timeout = strtod(value, &end);
	if (end == value || *end || !(options->timeout > 0 && options->timeout < 1e8))
		return complaint(EXIT_TOOL, "--timeout %s: expected a number of seconds", value);
	return 0;
}

/* Opens an output file, so that a bad name is reported now and not at the end. */
static int output(const char *option, const char *value)
{
	int fd = open(value, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return complaint(EXIT_TOOL, "%s %s: %s", option, value, strerror(errno));
	close(fd);
	return 0;
}

static int set_kernel_log(struct options *options, const char *value)
{
	options->kernel_log = value;
	return output("--kernel-log", value);
}

static int set_stats(struct options *options, const char *value)
{
	options->stats = value;
	return output("--stats", value);
}

static int set_map(struct options *options, const char *value)
{
	options->map = value;
	return output("--map", value);
}

static int set_name(struct options *options, const char *value)
{
	options->name = value;
	if (!*value || strlen(value) > NAME_LENGTH_MAX || strchr(value, '/'))
		return complaint(EXIT_TOOL, "--name %s: a name has 1 to %d characters and no /", value,
			NAME_LENGTH_MAX);
	return 0;
}

static int set_append(struct options *options, const char *value)
{
	options->append = options->append ? text_of("%s %s", options->append, value) : value;
	return 0;
}

static int set_arch(struct options *options, const char *value)
{
	options->machine = machine_named(value);
	if (!options->machine)
		return complaint(EXIT_TOOL, "--arch: x86_64 or arm64, not '%s'", value);
	return 0;
}

static int set_cpu(struct options *options, const char *value)
{
	options->cpu = value;
	return 0;
}

static int set_model(struct options *options, const char *value)
{
	options->model = value;
	return 0;
}

static int set_gdb(struct options *options, const char *value)
{
	(void)value;
	options->gdb = true;
	return 0;
}

static int set_icount(struct options *options, const char *value)
{
	(void)value;
	options->icount = true;
	return 0;
}

static int set_verbose(struct options *options, const char *value)
{
	(void)options, (void)value;
	message_is_verbose = true;
	return 0;
}

static int set_help(struct options *options, const char *value)
{
	(void)value;
	options->help = true;
	return 0;
}

static const struct option {
	const char *name, *other, *value; /* value: what it stands for in the help text, NULL = the option has none */
	int (*set)(struct options *options, const char *value);
	const char *help;
} table[] = {
	{ "--root", NULL, "DIR", set_root, "the guest's root directory (default /); never written to" },
	{ "--share", NULL, "HOST:GUEST[:rw]", set_share, "show a directory of the host at GUEST; up to 7" },
	{ "--memory", "-m", "SIZE", set_memory, "memory of the guest (default 512M, at least 24M)" },
	{ "--cpus", NULL, "N", set_cpus, "processors of the guest, 1 to 8 (default 1)" },
	{ "--arch", NULL, "MACHINE", set_arch, "x86_64 or arm64 (default: the program's)" },
	{ "--cpu", NULL, "MODEL", set_cpu, "processor model of QEMU (default max)" },
	{ "--machine", NULL, "WORDS", set_model, "more words for QEMU's -M, such as gic-version=2" },
	{ "--timeout", NULL, "S", set_timeout, "end the guest after S seconds, exit status 125" },
	{ "--kernel-log", NULL, "FILE", set_kernel_log, "write the kernel's messages to FILE" },
	{ "--append", NULL, "WORDS", set_append, "words for the kernel, such as shield=off or nokaslr" },
	{ "--stats", NULL, "FILE", set_stats, "write statistics of the run to FILE (JSON)" },
	{ "--map", NULL, "FILE", set_map, "write who may touch what at the end to FILE (JSON, see allod map)" },
	{ "--name", NULL, "NAME", set_name, "let allod map NAME ask the running guest" },
	{ "--gdb", NULL, NULL, set_gdb, "wait for gdb before the first instruction" },
	{ "--icount", NULL, NULL, set_icount, "count instructions as time: runs are deterministic" },
	{ "--verbose", "-v", NULL, set_verbose, "say what is done" },
	{ "--help", "-h", NULL, set_help, "print this text" },
};

static const struct option *find(const char *word, size_t length)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct option *option = &table[i];

		if (strlen(option->name) == length && !strncmp(option->name, word, length))
			return option;
		if (option->other && strlen(option->other) == length && !strncmp(option->other, word, length))
			return option;
	}
	return NULL;
}

/* Takes one option and its value off *words. */
static int take(struct options *options, char ***words)
{
	const char *word = *(*words)++, *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : strlen(word);
	const struct option *option = find(word, length);

	if (!option)
		return complaint(EXIT_TOOL, "unknown option %.*s (allod help lists the options)", (int)length, word);
	if (!option->value && value)
		return complaint(EXIT_TOOL, "option %s takes no value", option->name);
	if (option->value && value)
		value++;
	else if (option->value) {
		value = **words;
		if (!value)
			return complaint(EXIT_TOOL, "option %s needs a value: %s", option->name, option->value);
		(*words)++;
	}
	return option->set(options, value);
}

int options_parse(struct options *options, char **words)
{
	*options = (struct options){ .root = "/", .memory = MEMORY_DEFAULT, .cpus = 1, .cpu = "max" };
	while (*words && (*words)[0] == '-' && strcmp(*words, "--")) {
		int error = take(options, &words);

		if (error)
			return error;
	}
	if (*words && !strcmp(*words, "--"))
		words++;
	options->program = words;
	if (!*words && !options->help)
		return complaint(EXIT_TOOL, "no program given: allod run [OPTION...] -- PROGRAM [ARG...]");
	return 0;
}

void options_help(void)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *left = text_of("%s%s%s %s", table[i].other ? table[i].other : "", table[i].other ? ", " : "",
			table[i].name, table[i].value ? table[i].value : "");

		printf("  %-26s %s\n", left, table[i].help);
		free(left);
	}
}
