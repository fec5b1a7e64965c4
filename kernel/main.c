/* Start-up of the portable kernel. */
#include "main.h"

#include "arch.h"
#include "call.h"
#include "fail.h"
#include "frame.h"
#include "irq.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lock.h"
#include "log.h"
#include "sched.h"
#include "space.h"
#include "timer.h"
#include "wait.h"

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

bool boot_has_option(const char *line, const char *word)
{
	while (*line) {
		unsigned i = 0;

		while (word[i] && line[i] == word[i])
			i++;
		if (!word[i] && (!line[i] || line[i] == ' '))
			return true;
		while (*line && *line != ' ')
			line++;
		while (*line == ' ')
			line++;
	}
	return false;
}

void boot_add_ram(struct boot_info *boot, u64 start, u64 end)
{
	if (start >= end || boot->ram_ranges == ARRAY_SIZE(boot->ram))
		return;
	boot->ram[boot->ram_ranges].start = start;
	boot->ram[boot->ram_ranges++].bytes = end - start;
}

/* Takes the pages of a range that is in use out of the list of memory. */
static void cut_ram(struct boot_info *boot, u64 start, u64 end)
{
	start = page_down(start);
	end = page_down(end + PAGE_SIZE - 1);
	for (unsigned i = boot->ram_ranges; i-- > 0;) {
		u64 low = boot->ram[i].start, high = low + boot->ram[i].bytes;

		if (start >= high || end <= low)
			continue;
		boot->ram[i] = boot->ram[--boot->ram_ranges];
		boot_add_ram(boot, low, start);
		boot_add_ram(boot, end, high);
	}
}

static unsigned processors_wanted(const struct boot_info *boot)
{
	char value[16];
	const char *p = value;

	if (!option(boot->command_line, "cpus", value, sizeof(value)))
		return boot->processors;
	return (unsigned)max_u64(1, min_u64(parse_number(&p), min_u64(boot->processors, CPUS_MAX)));
}

_Noreturn void kernel_main(struct boot_info *boot)
{
	char shield[8] = "on", test[8] = "", seed[24] = "";
	const char *digits = seed;

	kernel_lock();
	cut_ram(boot, boot->kernel, boot->kernel_end);
	cut_ram(boot, boot->archive, boot->archive + boot->archive_bytes);
	frame_init(boot);
	option(boot->command_line, "test", test, sizeof(test));
	call_test_panic = !strcmp(test, "panic");
	fail_init(test);
	space_init();
	wait_init();
	timer_init();
	irq_lines = boot->irq_lines;
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
