/* The options of `allod run`, parsed and checked; docs/allod.1 describes them. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { SHARES_MAX = 7, GUEST_CPUS_MAX = 8 };

struct share {
	char *host, *guest; /* absolute */
	bool writable;
};

struct machine;

struct options {
	const char *root; /* absolute, "/" if not given */
	struct share shares[SHARES_MAX];
	unsigned share_count;
	uint64_t memory; /* bytes */
	unsigned cpus;
	double timeout; /* seconds, 0 = none */
	const char *kernel_log, *append, *stats, *map, *name; /* NULL = not given */
	const struct machine *machine; /* NULL = the program's */
	const char *directory;         /* of the machine's kernel and services; run() finds it */
	const char *cpu, *model;                 /* processor model of QEMU; words for its -M, or NULL */
	bool gdb, icount, help;
	char **program; /* argv of the program, NULL-terminated, not empty */
};

/* Fills *options from the words behind "run". -> 0, or an exit code after having printed the complaint. */
int options_parse(struct options *options, char **words);

/* The table of options as help text, on stdout. */
void options_help(void);

#endif
