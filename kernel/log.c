/* The log: log.h. */
#include "log.h"

#include "arch.h"
#include "lib/format.h"

static unsigned char writer; /* [a] one line at a time */

static void log_text(const char *text)
{
	while (__atomic_test_and_set(&writer, __ATOMIC_ACQUIRE))
		arch_relax();
	for (; *text; text++)
		arch_log_char(*text);
	arch_log_char('\n');
	__atomic_clear(&writer, __ATOMIC_RELEASE);
}

void log_line(const char *text, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, text);
	format_v(line, sizeof(line), text, arguments);
	va_end(arguments);
	log_text(line);
}
