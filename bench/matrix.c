/* Runs the micro-benchmarks on Allod and on Debian's Linux under the same QEMU, prints one table and writes a JSON file.
 *
 *   matrix MACHINE ALLOD MICRO KERNEL INITRD OUTPUT [ROUNDS]      MACHINE: x86_64 or arm64
 *
 * Each of the four systems (Allod with the shield on and off, Linux with pti=on and pti=off and mitigations=off otherwise) runs
 * once under `-icount shift=0`, which counts guest instructions exactly, and ROUNDS times for wall time. The rounds take
 * turns, so that whatever else the machine does hits all systems alike; a figure is the median of its rounds and only means
 * something beside the others of the same run. Called by bench/run, which prepares the arguments. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MEMORY "256"

enum { ROUNDS_MAX = 15, TIMEOUT_MS = 30000 };

struct row {
	const char *name;
	double targets[2]; /* instructions with the shield on, by machine; 0: none */
};

static const struct row rows[] = {
	{ "null system call", { 180, 200 } },
	{ "sched_yield", { 400, 450 } },
	{ "portal call+return", { 200, 220 } },
	{ "portal call+return with callback", { 400, 440 } },
	{ "portal call+return with 4 KiB grant", { 1000, 1000 } },
	{ "grant+revoke space, 4 KiB mapped", { 1500, 1500 } },
	{ "grant+revoke space, 16 GiB mapped", { 1500, 1500 } },
	{ "space create+destroy", { 12000, 12000 } },
	{ "space create+destroy among 8,000", { 12000, 12000 } },
	{ "native load", { 0, 0 } },
	{ "granted load", { 0, 0 } },
	{ "pipe round trip", { 3500, 4000 } },
	{ "UNIX socket round trip", { 5000, 5500 } },
	{ "fork+exit+wait", { 80000, 80000 } },
	{ "first touch of a page", { 1500, 1500 } },
	{ "mmap+touch+munmap", { 4000, 4000 } },
	{ "vas_switch there and back", { 400, 440 } },
	{ "vas_attach", { 6000, 6000 } },
	{ "vas_create", { 7240, 7240 } },
	{ "boot to first user instruction", { 0, 0 } },
};
enum { ROWS = LENGTH(rows), ROW_BOOT = ROWS - 1 };

struct system {
	const char *name, *isolation, *options;
	double instructions[ROWS], root_writes[ROWS]; /* < 0: not measured */
	double wall_ns[ROWS][ROUNDS_MAX], whole_ns[ROUNDS_MAX];
	double kernel_boot; /* instructions until the kernel first left for user mode, Allod only */
	bool failed;
};

static struct system systems[] = {
	{ .name = "allod", .isolation = "on", .options = "shield=on" },
	{ .name = "allod", .isolation = "off", .options = "shield=off" },
	{ .name = "linux", .isolation = "on" },
	{ .name = "linux", .isolation = "off" },
};
enum { SYSTEMS = LENGTH(systems) };

static const struct machine {
	const char *name, *on, *off;                /* Linux's options */
	const char *qemu[9];                        /* the start of its command line */
	double instructions_per_tick, ticks_per_ns; /* 0: as fast as the host's counter */
} machines[] = {
	{ "x86_64", "console=ttyS0 quiet mitigations=off pti=on", "console=ttyS0 quiet mitigations=off pti=off",
		{ "qemu-system-x86_64", "-M", "microvm", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
			"-no-user-config" },
		1, 0 },
	{ "arm64", "console=ttyAMA0 quiet mitigations=off kpti=1", "console=ttyAMA0 quiet mitigations=off kpti=0",
		{ "qemu-system-aarch64", "-M", "virt,gic-version=3" }, 16, 0.0625 },
};
static const struct machine *machine;

static const char *allod, *micro, *kernel, *initrd;
static unsigned rounds = 5;
static double ticks_per_ns;

static double target(int row)
{
	return rows[row].targets[machine - machines];
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A guest's time-stamp counter without -icount runs as fast as the host's. */
static void calibrate(void)
{
	double start = now_ns();
	uint64_t ticks = __rdtsc();

	if (machine->ticks_per_ns > 0) {
		ticks_per_ns = machine->ticks_per_ns;
		return;
	}
	while (now_ns() - start < 50e6)
		;
	ticks_per_ns = (double)(__rdtsc() - ticks) / (now_ns() - start);
}

/* --- running one system once --- */

static void exec_system(const struct system *s, bool icount, const char *argument)
{
	const char *argv[40];
	char append[200];
	int n = 0;

	if (!strcmp(s->name, "allod")) {
		const char *start[] = { allod, "run", "--cpus", "1", "--memory", MEMORY, "--append", s->options };

		for (size_t i = 0; i < LENGTH(start); i++)
			argv[n++] = start[i];
		if (icount)
			argv[n++] = "--icount";
		argv[n++] = "--";
		argv[n++] = micro;
		if (!strcmp(argument, "true"))
			argv[n++] = "true";
	} else {
		const char *start[] = { "-accel", "tcg", "-cpu", "max", "-m", MEMORY, "-smp", "1", "-nodefaults",
			"-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-initrd", initrd,
			"-append", append };

		for (size_t i = 0; machine->qemu[i]; i++)
			argv[n++] = machine->qemu[i];

		/* On a busy host Linux can fail to measure its time-stamp counter, and then never starts. */
		if (icount || machine->ticks_per_ns > 0)
			snprintf(append, sizeof(append), "%s -- %s", s->options, argument);
		else
			snprintf(append, sizeof(append), "%s tsc_early_khz=%.0f -- %s", s->options, ticks_per_ns * 1e6,
				argument);
		for (size_t i = 0; i < LENGTH(start); i++)
			argv[n++] = start[i];
		if (icount) {
			argv[n++] = "-icount";
			argv[n++] = "shift=0";
		}
	}
	argv[n] = NULL;
	execvp(argv[0], (char **)argv);
	fprintf(stderr, "bench: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t start_system(const struct system *s, bool icount, const char *argument, int *output)
{
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0 || (child = fork()) < 0) {
		perror("bench");
		exit(1);
	}
	if (child == 0) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		exec_system(s, icount, argument);
	}
	close(ends[1]);
	*output = ends[0];
	return child;
}

static int find_row(const char *name)
{
	for (int i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return i;
	return -1;
}

/* Waiting for the host's files counts as time too, so the smallest figure of several runs is nearest to the truth. */
static void note_boot(struct system *s, bool icount, double ticks)
{
	double *boot = &s->instructions[ROW_BOOT];

	if (icount && (*boot < 0 || ticks < *boot))
		*boot = ticks;
}

/* One line of the program's output. */
static void take_line(struct system *s, bool icount, unsigned round, char *line, double since_start, bool *done)
{
	char *colon = strchr(line, ':');
	double ticks, roots;
	int row;

	line[strcspn(line, "\r\n")] = 0;
	if (!strncmp(line, "start ", 6)) {
		note_boot(s, icount, strtod(line + 6, NULL) * (icount ? machine->instructions_per_tick : 1));
		s->wall_ns[ROW_BOOT][round] = icount ? s->wall_ns[ROW_BOOT][round] : since_start;
	} else if (icount && !strncmp(line, "kernel ", 7)) {
		s->kernel_boot = strtod(line + 7, NULL) * machine->instructions_per_tick;
	} else if (!strcmp(line, "done")) {
		*done = true;
	} else if (!strncmp(line, "note ", 5)) {
		fprintf(stderr, "bench: %s isolation=%s: %s\n", s->name, s->isolation, line + 5);
	} else if (!strncmp(line, "row ", 4) && colon && sscanf(colon + 1, "%lf %lf", &ticks, &roots) == 2) {
		*colon = 0;
		row = find_row(line + 4);
		if (row < 0)
			return;
		s->root_writes[row] = roots / 1000;
		if (icount)
			s->instructions[row] = ticks * machine->instructions_per_tick;
		else
			s->wall_ns[row][round] = ticks / ticks_per_ns;
	}
}

/* Reads lines until the end of the stream. -> false if it took too long. */
static bool read_output(struct system *s, bool icount, unsigned round, int output, double start, bool *done)
{
	char buffer[4096];
	size_t used = 0;

	for (;;) {
		struct pollfd wait = { .fd = output, .events = POLLIN };
		double left = TIMEOUT_MS - (now_ns() - start) / 1e6;
		ssize_t n;
		char *end;

		if (left <= 0 || poll(&wait, 1, (int)left) <= 0)
			return false;
		n = read(output, buffer + used, sizeof(buffer) - 1 - used);
		if (n <= 0)
			return true;
		used += (size_t)n;
		buffer[used] = 0;
		while ((end = strchr(buffer, '\n'))) {
			*end = 0;
			take_line(s, icount, round, buffer, now_ns() - start, done);
			used -= (size_t)(end + 1 - buffer);
			memmove(buffer, end + 1, used + 1);
		}
		if (used == sizeof(buffer) - 1)
			used = 0;
	}
}

/* -> wall time in ns of the whole run, negative if it failed. */
static double run_once(struct system *s, bool icount, unsigned round, const char *argument)
{
	bool done = !strcmp(argument, "true");
	double start = now_ns();
	int output, status;
	pid_t child = start_system(s, icount, argument, &output);

	if (!read_output(s, icount, round, output, start, &done)) {
		fprintf(stderr, "bench: %s isolation=%s takes too long\n", s->name, s->isolation);
		kill(child, SIGTERM);
	}
	close(output);
	waitpid(child, &status, 0);
	if (!done) {
		fprintf(stderr, "bench: %s isolation=%s did not finish (status 0x%x)\n", s->name, s->isolation,
			(unsigned)status);
		return -1;
	}
	return now_ns() - start;
}

/* A guest that the host starves can miss what it waits for (Linux calibrating its clock, say): one more try. */
static double run_system(struct system *s, bool icount, unsigned round, const char *argument)
{
	double took = run_once(s, icount, round, argument);

	if (took < 0)
		took = run_once(s, icount, round, argument);
	s->failed |= took < 0;
	return took;
}

/* --- results --- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the rounds that gave a figure; 0 if none did. */
static double median(const double *values)
{
	double sorted[ROUNDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < rounds; i++)
		if (values[i] > 0)
			sorted[n++] = values[i];
	if (!n)
		return 0;
	qsort(sorted, n, sizeof(double), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void print_number(double value, int width, int digits)
{
	if (value < 0)
		printf("%*s", width, "-");
	else
		printf("%*.*f", width, digits, value);
}

static double wall_us(int system, int row)
{
	double ns = median(systems[system].wall_ns[row]);

	return ns > 0 ? ns / 1000 : -1;
}

static void print_row(int i)
{
	double on = systems[0].instructions[i], aim = target(i), wall = wall_us(0, i), other = wall_us(2, i);

	printf("%-31s|", rows[i].name);
	print_number(aim > 0 ? aim : -1, 7, 0);
	printf("%3s", aim == 0 || on < 0 ? "" : on <= aim ? "ok" : "!");
	for (int s = 0; s < SYSTEMS; s++)
		print_number(systems[s].instructions[i], 11, systems[s].instructions[i] < 1000 ? 1 : 0);
	printf(" |");
	for (int s = 0; s < SYSTEMS; s++)
		print_number(wall_us(s, i), 10, 1);
	print_number(wall > 0 && other > 0 ? wall / other : -1, 6, 2);
	printf(" |");
	print_number(systems[0].root_writes[i], 6, 1);
	print_number(systems[1].root_writes[i], 6, 1);
	printf("\n");
}

static void print_table(void)
{
	printf("\n%-31s|%54s |%46s |%12s\n", "", "guest instructions", "wall, us (median of the rounds)",
		"root writes");
	printf("%-31s|%7s%3s%11s%11s%11s%11s |%10s%10s%10s%10s%6s |%6s%6s\n", "isolation", "aim", "", "allod on",
		"allod off", "linux on", "linux off", "allod on", "off", "linux on", "off", "ratio", "on", "off");
	for (int i = 0; i < ROWS; i++)
		print_row(i);
}

static void print_summary(void)
{
	double on = systems[0].instructions[0], off = systems[1].instructions[0];

	printf("\naim: for Allod with the shield on.  ratio: wall time of Allod with the shield on to Linux with isolation on.\n");
	if (on > 0 && off > 0)
		printf("the shield costs %.2f %% of the instructions of a null system call (aim: 2)\n",
			(on / off - 1) * 100);
	if (systems[0].kernel_boot > 0)
		printf("Allod's kernel leaves for user mode after %.0f instructions\n", systems[0].kernel_boot);
	printf("`allod run -- true` as a whole: %.0f ms with the shield on, %.0f ms off (aim: 500); Linux with an initrd: %.0f ms, "
	       "%.0f ms\n",
		median(systems[0].whole_ns) / 1e6, median(systems[1].whole_ns) / 1e6, median(systems[2].whole_ns) / 1e6,
		median(systems[3].whole_ns) / 1e6);
}

static void json_number(FILE *f, const char *key, double value)
{
	if (value > 0)
		fprintf(f, ", \"%s\": %.1f", key, value);
	else
		fprintf(f, ", \"%s\": null", key);
}

static bool write_json(const char *path)
{
	FILE *f = fopen(path, "w");
	const char *separator = "[\n";

	if (!f) {
		perror(path);
		return false;
	}
	for (int s = 0; s < SYSTEMS; s++)
		for (int i = 0; i < ROWS; i++) {
			double wall = median(systems[s].wall_ns[i]);

			if (systems[s].instructions[i] < 0 && wall <= 0)
				continue;
			fprintf(f, "%s  {\"name\": \"%s\", \"system\": \"%s\", \"isolation\": \"%s\"", separator,
				rows[i].name, systems[s].name, systems[s].isolation);
			json_number(f, "instructions", systems[s].instructions[i]);
			json_number(f, "wall_ns", wall);
			fprintf(f, "}");
			separator = ",\n";
		}
	fprintf(f, "%s]\n", *separator == '[' ? "[" : "\n");
	return fclose(f) == 0;
}

int main(int argc, char **argv)
{
	bool failed = false;

	for (size_t i = 0; argc > 1 && i < LENGTH(machines); i++)
		if (!strcmp(machines[i].name, argv[1]))
			machine = &machines[i];
	if (argc < 7 || !machine) {
		fprintf(stderr, "usage: %s MACHINE ALLOD MICRO KERNEL INITRD OUTPUT [ROUNDS]\n", argv[0]);
		return 2;
	}
	allod = argv[2], micro = argv[3], kernel = argv[4], initrd = argv[5];
	systems[2].options = machine->on;
	systems[3].options = machine->off;
	if (argc > 7 && atoi(argv[7]) > 0 && atoi(argv[7]) <= ROUNDS_MAX)
		rounds = (unsigned)atoi(argv[7]);
	calibrate();
	for (int s = 0; s < SYSTEMS; s++)
		for (int i = 0; i < ROWS; i++)
			systems[s].instructions[i] = systems[s].root_writes[i] = -1;
	for (int s = 0; s < SYSTEMS; s++) {
		fprintf(stderr, "bench: instructions: %s isolation=%s\n", systems[s].name, systems[s].isolation);
		for (int i = 0; i < (strcmp(systems[s].name, "allod") ? 1 : 4); i++)
			run_system(&systems[s], true, 0, "exit");
	}
	for (unsigned r = 0; r < rounds; r++) {
		fprintf(stderr, "bench: wall time: round %u of %u\n", r + 1, rounds);
		for (unsigned s = 0; s < SYSTEMS; s++) {
			if (systems[s].failed)
				continue;
			run_system(&systems[s], false, r, "exit");
			systems[s].whole_ns[r] = run_system(&systems[s], false, r, "true");
		}
	}
	print_table();
	print_summary();
	for (int s = 0; s < SYSTEMS; s++)
		failed |= systems[s].failed;
	return write_json(argv[6]) && !failed ? 0 : 1;
}
