/* What programs that bench/run runs begin and end with. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "bench_machine.h"

/* With an argument the program is the first process of a Linux kernel, and there are no file systems yet. */
static bool bench_is_first;

static inline void bench_begin(int argc)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_is_first = argc > 1;
	if (!bench_is_first)
		return;
	mkdir("/proc", 0755);
	mount("none", "/tmp", "tmpfs", 0, "");
	mount("none", "/dev", "devtmpfs", 0, "");
	mount("none", "/proc", "proc", 0, "");
}

/* Everything was measured. -> the program's status, if the machine goes on. */
static inline int bench_end(void)
{
	printf("done\n");
	fflush(stdout);
	if (bench_is_first)
		machine_end();
	return 0;
}

#endif
