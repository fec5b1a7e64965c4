/* One line on stderr, written with one call so that it cannot be torn apart by others writing to the same terminal. */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool message_is_verbose;

static void print(const char *text, va_list arguments)
{
	char line[4096];
	size_t used = (size_t)snprintf(line, sizeof(line), "allod: ");
	int more = vsnprintf(line + used, sizeof(line) - used - 1, text, arguments);

	used = strlen(line);
	if (more < 0)
		return;
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody is left to be told */
}

void message(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	print(text, arguments);
	va_end(arguments);
}

void message_verbose(const char *text, ...)
{
	va_list arguments;

	if (!message_is_verbose)
		return;
	va_start(arguments, text);
	print(text, arguments);
	va_end(arguments);
}

int complaint(int code, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	print(text, arguments);
	va_end(arguments);
	return code;
}

void out_of_memory(void)
{
	message("out of memory");
	exit(EXIT_TOOL);
}

char *text_of(const char *text, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, text);
	if (vasprintf(&result, text, arguments) < 0)
		out_of_memory();
	va_end(arguments);
	return result;
}
