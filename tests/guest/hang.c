/* Makes the Linux service hang, for tests/guest/hang.sh: calls personality(ARG), beside a sleeping thread and, if there are more
 * words, one that computes. */
#include <stdlib.h>
#include <sys/personality.h>
#include <unistd.h>

int main(int count, char **words)
{
	if (count > 2 && fork() == 0)
		for (;;)
			__asm__ volatile("");
	if (fork() == 0)
		for (;;)
			pause();
	if (!strtoul(words[1], NULL, 0))
		pause();
	return personality(strtoul(words[1], NULL, 0)) < 0;
}
