/* The machines that guests run on: what QEMU is started with, and how programs for them are recognised. */
#ifndef TOOL_MACHINE_H
#define TOOL_MACHINE_H

#include <stdbool.h>

struct machine {
	const char *name;    /* as for --arch; also the folder of the kernel and the services */
	const char *other;   /* another name, as uname() has it */
	unsigned elf;        /* e_machine of its programs */
	const char *title;   /* for messages */
	const char *qemu, *package;
	const char *kernel;  /* file name */
	const char *model;   /* -M */
	const char *log;     /* device that writes the kernel's log to the chardev "log" */
	const char *log_option;
	const char *end;     /* device that ends QEMU with a status; NULL: firmware does */
};

/* The machine of that name, NULL if there is none. */
const struct machine *machine_named(const char *name);
/* The machine that runs programs with that e_machine, NULL if there is none. */
const struct machine *machine_for(unsigned elf);
/* Is it the host's own? */
bool machine_is_host(const struct machine *machine);

#endif
