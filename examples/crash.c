/* A parser that crashes on bad input, in a space of its own: the program goes on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <allod/portal.h>

static int parse(const char *line) /* length of the value in "key=value"; forgets that there may be no '=' */
{
	return (int)strlen(strchr(line, '=') + 1);
}
ALLOD_PORTAL(int, parse, (const char *, line)) /* makes parse_in() */

int main(void)
{
	const char *lines[] = { "color=red", "no value here", "size=12" };

	for (int i = 0; i < 3; i++) {
		struct allod_space *box = allod_sandbox(NULL); /* a copy of this program */
		int length = parse_in(box, lines[i]);          /* parse(lines[i]), over there */

		if (errno)
			printf("%s: %s\n", lines[i], allod_error_text(errno));
		else
			printf("%s: %d characters\n", lines[i], length);
		allod_space_close(box);
	}
	return 0;
}
