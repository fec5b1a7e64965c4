/* The machine: a QEMU process whose console ports are connected to the tool. */
#ifndef TOOL_QEMU_H
#define TOOL_QEMU_H

#include <stdbool.h>
#include <sys/types.h>

#include "abi/services.h"

struct options;

struct qemu {
	pid_t pid;
	bool ended; /* status is valid, pid is gone */
	int status; /* as waitpid() has it */
	int ports[PORTS]; /* sockets of the console ports by number, -1 if closed */
	int log;    /* the kernel's log, a file in memory; -1 if it is written to a file the user chose: */
	const char *log_path;
	int errors; /* what QEMU itself has to say, a file in memory */
};

/* Starts the machine with the kernel of `directory` and the boot archive. -> 0, or an exit code after having printed the
 * complaint. */
int qemu_start(struct qemu *qemu, const char *directory, const struct options *options, int archive);

/* Notes the end of the process if it has ended. -> qemu->ended. */
bool qemu_has_ended(struct qemu *qemu);

/* Ends the process and waits for it. */
void qemu_kill(struct qemu *qemu);

/* Shows on stderr the lines of the kernel's log that say where the guest stands (LOG_WHERE). -> false: there are none. */
bool qemu_say_where(const struct qemu *qemu);

/* Explains on stderr why a guest that never said "exit" is gone. -> EXIT_TOOL. */
int qemu_post_mortem(struct qemu *qemu);

#endif
