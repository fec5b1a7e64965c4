/* The terminal that the tool was started on. While the guest's program has it, it is in raw mode: the guest's own line discipline
 * makes lines, echoes, and turns Ctrl-C into a signal. At all other times it is as it was found. */
#ifndef TOOL_TERMINAL_H
#define TOOL_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
	char fds[4]; /* which of 0, 1, 2 are a terminal, such as "012" */
	unsigned rows, cols;
	bool input;            /* 0 is one */
	bool raw;              /* the tool has changed it */
	struct termios before; /* as it was found */
};

void terminal_find(struct terminal *terminal);
/* Reads the size again. -> true if it is another one. */
bool terminal_measure(struct terminal *terminal);
/* Puts it into raw mode, if standard input is a terminal and the tool is in its foreground. */
void terminal_raw(struct terminal *terminal);
void terminal_restore(struct terminal *terminal);

#endif
