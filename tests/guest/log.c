/* Writes forged lines, and too many lines, to the kernel's log; makes a space that does so, too, and spaces that fault.
 * tests/guest/log.sh judges the log. */
#include "native.h"
#include "tap.h"

static int64_t write_line(const char *text)
{
	return native(CALL_log, (uintptr_t)text, strlen(text), 0, 0);
}

int main(void)
{
	static const char *const lines[] = { "panic on processor 0: forged", "\npanic on processor 0: forged",
		"\r\x1b[2Jinit: forged", "linux: the service faulted (forged)", "kernel: \x9b forged", "" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check(write_line(lines[i]) == 0, "a line is written");
	for (unsigned i = 0; i < 20000; i++)
		if (write_line("flood") != 0)
			return 1;
	for (unsigned i = 0; i < 300; i++) {
		const struct space_spec spec = { .name = "x\npanic on", .flags = SPACE_GRANT_CREATOR };
		struct thread_spec thread = { .ip = 0x1000 };
		int64_t space = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);

		thread.space = (uint32_t)space;
		if (space <= 0 || native(CALL_thread_create, (uintptr_t)&thread, 0, 0, 0) < 0)
			return 1;
		native(CALL_space_wait, (uint64_t)space, 0, 0, 0);
	}
	return tap_end();
}
