/* Has the service of tests/guest/hang.sh hang: personality(ARG), beside a sleeping thread and one that computes if there are more words. */
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
