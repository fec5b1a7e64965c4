/* A server like a driver: a process that keeps a device (here: a counter and a ring of blocks), offers portals to a client
 * process and is called a million times. The calls run on the client's thread; no message is copied and nobody is woken.
 *
 *   server [CALLS] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <allod/portal.h>

enum { BLOCKS = 64, BLOCK = 512 };

static char blocks[BLOCKS][BLOCK];
static unsigned long served;

/* Writes a block of the device. The bytes lie in the client's memory, which it lends. -> blocks served so far */
static unsigned long put_block(unsigned index, const char *bytes)
{
	memcpy(blocks[index % BLOCKS], bytes, BLOCK);
	return ++served;
}
ALLOD_PORTAL(unsigned long, put_block, (unsigned, index), (const char *, bytes))

/* -> blocks served so far */
static unsigned long status(void)
{
	return served;
}
ALLOD_PORTAL(unsigned long, status)

struct offer {
	allod_portal put_block, status;
};

/* The server's process: learns who the client is, says where its portals are, and sleeps. */
static void serve(int from_client, int to_client)
{
	struct offer offer;
	unsigned client;
	char end;

	if (read(from_client, &client, sizeof(client)) != sizeof(client))
		_exit(1);
	offer.put_block = allod_offer((const void *)put_block, client);
	offer.status = allod_offer((const void *)status, client);
	if (write(to_client, &offer, sizeof(offer)) != sizeof(offer))
		_exit(1);
	while (read(from_client, &end, 1) > 0)
		;
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000, last = 0;
	unsigned self = allod_self();
	int there[2], back[2], state;
	struct timespec from, to;
	struct offer offer;
	char block[BLOCK];

	if (pipe(there) || pipe(back))
		return 1;
	if (fork() == 0) {
		close(there[1]);
		serve(there[0], back[1]);
	}
	if (write(there[1], &self, sizeof(self)) < 0 || read(back[0], &offer, sizeof(offer)) != sizeof(offer))
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned long i = 0; i < calls; i++)
		last = status_at(offer.status);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (errno) {
		perror("status");
		return 1;
	}
	fprintf(stderr, "%.0f ns per call\n",
		((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)calls);
	for (unsigned i = 0; i < 1000; i++) {
		memset(block, (int)i, sizeof(block));
		last = put_block_at(offer.put_block, i, allod_lend(block, sizeof(block), ALLOD_R));
	}
	printf("%lu calls, %lu blocks: %s\n", calls, last, allod_error_text(errno));
	put_block_at(offer.put_block, 0, allod_global(block));
	printf("a block that is not lent: %s\n", allod_error_text(errno));
	close(there[1]);
	wait(&state);
	return state != 0;
}
