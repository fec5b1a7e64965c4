/* Raw mode and back. */
#include "terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void terminal_find(struct terminal *terminal)
{
	*terminal = (struct terminal){ .rows = 24, .cols = 80 };
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd))
			terminal->fds[strlen(terminal->fds)] = (char)('0' + fd);
	terminal->input = isatty(STDIN_FILENO);
	terminal_measure(terminal);
}

bool terminal_measure(struct terminal *terminal)
{
	struct winsize size;
	unsigned rows = terminal->rows, cols = terminal->cols;

	if (!terminal->fds[0] || ioctl(terminal->fds[0] - '0', TIOCGWINSZ, &size) < 0)
		return false;
	terminal->rows = size.ws_row;
	terminal->cols = size.ws_col;
	return rows != terminal->rows || cols != terminal->cols;
}

void terminal_raw(struct terminal *terminal)
{
	struct termios raw;

	if (!terminal->input || tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	if (!terminal->raw && tcgetattr(STDIN_FILENO, &terminal->before) < 0)
		return;
	raw = terminal->before;
	cfmakeraw(&raw);
	terminal->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void terminal_restore(struct terminal *terminal)
{
	if (!terminal->raw)
		return;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
	terminal->raw = false;
}
