/* The time from the start of the machine to a program, which this reads when it starts: see bench_machine.h. */
#include "program.h"
#include "tests/guest/native.h"

int main(int argc, char **argv)
{
	static struct kernel_stats stats;

	(void)argv;
	bench_begin(argc);
	if (native_present() && native(CALL_stats, (uintptr_t)&stats, sizeof(stats), 0, 0) > 0)
		printf("row boot, until the kernel first leaves: %llu\n", (unsigned long long)stats.boot_instructions);
	printf("row boot, until the program begins: %llu\n", (unsigned long long)start_ticks);
	return bench_end();
}
