/* Start-up of the portable kernel. */
#include "main.h"

#include "arch.h"
#include "call.h"
#include "fail.h"
#include "frame.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lock.h"
#include "log.h"
#include "sched.h"
#include "space.h"
#include "timer.h"

struct cpu *cpus[CPUS_MAX];
unsigned cpu_count;
bool shield_on;

/* Finds "name=value" between spaces on the command line and copies the value; false if the option is not there. */
static bool option(const char *line, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	while (*line) {
		while (*line == ' ')
			line++;
		if (!strncmp(line, name, length) && line[length] == '=') {
			size_t n = 0;

			for (line += length + 1; *line && *line != ' '; line++)
				if (n + 1 < size)
					value[n++] = *line;
			value[n] = 0;
			return true;
		}
		while (*line && *line != ' ')
			line++;
	}
	return false;
}

static unsigned processors_wanted(const struct boot_info *boot)
{
	char value[16];
	const char *p = value;

	if (!option(boot->command_line, "cpus", value, sizeof(value)))
		return boot->processors;
	return (unsigned)max_u64(1, min_u64(parse_number(&p), min_u64(boot->processors, CPUS_MAX)));
}

_Noreturn void kernel_main(const struct boot_info *boot)
{
	char shield[8] = "on", test[8] = "", seed[24] = "";
	const char *digits = seed;

	kernel_lock();
	frame_init(boot);
	option(boot->command_line, "test", test, sizeof(test));
	call_test_panic = !strcmp(test, "panic");
	fail_init(test);
	space_init();
	timer_init();
	option(boot->command_line, "shield", shield, sizeof(shield));
	shield_on = arch_shield_init(shield);
	option(boot->command_line, "seed", seed, sizeof(seed));
	if (!strcmp(test, "preempt")) {
		slice_random = *seed ? parse_number(&digits) : arch_random();
		log_line("allod: preempting at random, seed=%lu", slice_random);
	}
	arch_cpus_start(processors_wanted(boot));
	log_line("allod: %u processors, %lu frames, shield %s", cpu_count, frame_total(), shield_on ? "on" : "off");
	boot_first_space(boot);
	sched_leave();
	arch_leave();
}

_Noreturn void cpu_main(void)
{
	kernel_lock();
	sched_leave();
	arch_leave();
}
