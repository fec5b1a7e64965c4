/* A driver-like server that is called a million times.
 *
 * The server keeps the registers of a device: each request names one, is checked, and reads or changes it. One static binary for
 * Allod and Linux (bench/run says how, and what it prints):
 *
 *   by portal             the server is a space of its own, called through a portal (Allod only)
 *   through pipes         it is a process; requests and answers go through two pipes
 *   through a socket      likewise through a pair of connected UNIX sockets
 *
 * A row is a million calls, in proportion where fewer were made. All ways must come to the same sum of answers for
 * as many calls as they make. */
#include <allod/portal.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

enum { REGISTERS = 64, MILLION = 1000000, FEWER = 5000 };
enum operation { READ, WRITE, ADD, OPERATIONS };

struct request {
	uint32_t operation, number;
	uint64_t value;
};

static uint64_t registers[REGISTERS];

/* -> the register's value after it, ~0 for a request that makes no sense. */
uint64_t serve(unsigned operation, unsigned number, uint64_t value);
uint64_t serve(unsigned operation, unsigned number, uint64_t value)
{
	if (operation >= OPERATIONS || number >= REGISTERS)
		return ~0ul;
	if (operation == WRITE)
		registers[number] = value;
	else if (operation == ADD)
		registers[number] += value;
	return registers[number];
}
ALLOD_PORTAL(uint64_t, serve, (unsigned, operation), (unsigned, number), (uint64_t, value))

/* The i-th request: now and then one that makes no sense. */
static struct request request_of(unsigned i)
{
	return (struct request){ i % (OPERATIONS + 1), i * 7 % (REGISTERS + 1), i };
}

/* --- the server as a process --- */

struct link {
	int in, out; /* of the caller's */
	pid_t server;
};

static _Noreturn void serve_stream(int in, int out)
{
	struct request request;
	uint64_t answer;

	while (read(in, &request, sizeof(request)) == sizeof(request)) {
		answer = serve(request.operation, request.number, request.value);
		if (write(out, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

/* -> 0, -1. */
static int start_pipes(struct link *link)
{
	int there[2], back[2];

	if (pipe(there) < 0 || pipe(back) < 0)
		return -1;
	link->in = back[0];
	link->out = there[1];
	link->server = fork();
	if (link->server == 0)
		serve_stream(there[0], back[1]);
	return link->server < 0 ? -1 : 0;
}

static int start_socket(struct link *link)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	link->in = link->out = ends[0];
	link->server = fork();
	if (link->server == 0)
		serve_stream(ends[1], ends[1]);
	return link->server < 0 ? -1 : 0;
}

static uint64_t ask(const struct link *link, struct request request)
{
	uint64_t answer = 0;

	if (write(link->out, &request, sizeof(request)) != sizeof(request) ||
		read(link->in, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
	return answer;
}

/* --- measuring --- */

static void report(const char *way, uint64_t took, unsigned calls, uint64_t sum)
{
	uint64_t right = 0;

	memset(registers, 0, sizeof(registers));
	for (unsigned i = 0; i < calls; i++) {
		struct request request = request_of(i);

		right = right * 3 + serve(request.operation, request.number, request.value);
	}
	if (sum == right)
		printf("row %s: %lu\n", way, (unsigned long)(took * (MILLION / calls)));
	else
		printf("note %s: other answers\n", way);
}

static void measure_portal(void)
{
	struct allod_options options = { .name = "server" };
	struct allod_space *server = allod_sandbox(&options);
	uint64_t begin, sum = 0;

	if (!server) {
		printf("note by portal: no sandbox\n");
		return;
	}
	begin = ticks();
	for (unsigned i = 0; i < MILLION; i++) {
		struct request request = request_of(i);

		sum = sum * 3 + serve_in(server, request.operation, request.number, request.value);
	}
	report("by portal", ticks() - begin, MILLION, sum);
	allod_space_close(server);
}

static void measure_stream(const char *way, int (*start)(struct link *link))
{
	uint64_t begin, sum = 0;
	struct link link;

	memset(registers, 0, sizeof(registers));
	if (start(&link)) {
		printf("note %s: cannot be started\n", way);
		return;
	}
	begin = ticks();
	for (unsigned i = 0; i < FEWER; i++)
		sum = sum * 3 + ask(&link, request_of(i));
	report(way, ticks() - begin, FEWER, sum);
	kill(link.server, SIGKILL);
	waitpid(link.server, NULL, 0);
}

int main(int argc, char **argv)
{
	(void)argv;
	bench_begin(argc);
	if (allod_present())
		measure_portal();
	measure_stream("through pipes", start_pipes);
	measure_stream("through a socket", start_socket);
	return bench_end();
}
