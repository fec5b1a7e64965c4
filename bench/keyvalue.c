/* A key-value store in a VAS, beside redis behind a UNIX socket.
 *
 * The store is a hash table and its values, all in one lockable segment that two VASes have: one to read, one to write. A GET
 * is a switch into the first, a look, a copy, and a switch out; a SET likewise in the second. Clients of redis send the same
 * requests to a server. Runs on Allod and Linux (bench/run says how, and what it prints). The rows `WAY CLIENTS READS BYTES` are
 * one request, all clients together; ways: vas (Allod only), redis; READS: how many of 100 requests read. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allod/heap.h>
#include <allod/vas.h>

#include "program.h"

enum { KEYS = 64, BUCKETS = 256, SEGMENT = 96 << 20, VALUE_MAX = 2 << 20, CLIENTS_MAX = 8 };

static char value[VALUE_MAX], answer[VALUE_MAX + 64];

struct job {
	unsigned clients, reads, requests;
	size_t bytes;
};

struct way {
	const char *name;
	bool (*begin)(void);
	void (*connect)(void);
	void (*get)(const char *key, size_t bytes);
	void (*set)(const char *key, size_t bytes);
	void (*end)(void);
};

static void die(const char *what)
{
	printf("note %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- in a VAS --- */

struct entry {
	struct entry *next;
	size_t bytes;
	char *value;
	char key[16];
};

struct store {
	struct vas_heap *heap;
	struct entry *buckets[BUCKETS] __attribute__((aligned(16)));
};

static int reader, writer, segment;
static struct store *store;

static unsigned hash(const char *key)
{
	unsigned h = 0;

	while (*key)
		h = h * 31 + (unsigned char)*key++;
	return h % BUCKETS;
}

static struct entry *find(const char *key)
{
	struct entry *entry = store->buckets[hash(key)];

	while (entry && strcmp(entry->key, key))
		entry = entry->next;
	return entry;
}

static void vas_connect(void)
{
	if (vas_attach(0, reader, O_RDONLY) < 0 || vas_attach(0, writer, O_RDWR) < 0)
		die("vas_attach");
}

static bool vas_begin(void)
{
	uint64_t range[2];

	if (vas_range(range) < 0)
		return false;
	store = (struct store *)range[0];
	reader = vas_create("store.reader", 0600);
	writer = vas_create("store.writer", 0600);
	segment = vas_seg_create("store", range[0], range[0] + SEGMENT, 0600);
	if (vas_seg_share(segment, VAS_SHARED_LOCK) < 0 || vas_seg_attach(reader, segment, O_RDONLY) < 0 ||
		vas_seg_attach(writer, segment, O_RDWR) < 0)
		die("segment");
	vas_connect();
	if (vas_switch(writer) < 0)
		die("vas_switch");
	store->heap = vas_heap_make(store + 1, SEGMENT - sizeof(*store));
	vas_switch(0);
	return true;
}

static void vas_get(const char *key, size_t bytes)
{
	const struct entry *entry;

	if (vas_switch(reader) < 0)
		die("vas_switch");
	entry = find(key);
	if (!entry || entry->bytes != bytes)
		abort();
	memcpy(answer, entry->value, bytes);
	vas_switch(0);
}

static void vas_set(const char *key, size_t bytes)
{
	struct entry *entry;

	if (vas_switch(writer) < 0)
		die("vas_switch");
	entry = find(key);
	if (!entry) {
		entry = vas_calloc(store->heap, 1, sizeof(*entry));
		strcpy(entry->key, key);
		entry->next = store->buckets[hash(key)];
		store->buckets[hash(key)] = entry;
	}
	if (entry->bytes != bytes) {
		vas_free(store->heap, entry->value);
		entry->value = vas_malloc(store->heap, bytes);
		entry->bytes = bytes;
	}
	if (!entry->value)
		die("vas_malloc");
	memcpy(entry->value, value, bytes);
	vas_switch(0);
}

static void vas_end(void)
{
	vas_detach(0, reader);
	vas_detach(0, writer);
	if (vas_delete(reader) < 0 || vas_delete(writer) < 0 || vas_seg_delete(segment) < 0)
		die("delete");
}

/* --- redis --- */

/* The server, if it is called so. Debian has it under this name in a package that starts no service. */
#define REDIS "/usr/bin/redis-check-rdb"
#define SOCKET "/tmp/redis.sock"

static pid_t server;
static int connection = -1;

static void redis_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };

	connection = socket(AF_UNIX, SOCK_STREAM, 0);
	for (unsigned tries = 0; connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0; tries++) {
		if (tries == 500)
			die("connect");
		usleep(10000);
	}
}

static bool redis_begin(void)
{
	if (access(REDIS, X_OK) < 0)
		return false;
	server = fork();
	if (server == 0) {
		int null = open("/dev/null", O_RDWR);

		if (null >= 0)
			dup2(null, 1);
		execl(REDIS, "redis-server", "--port", "0", "--unixsocket", SOCKET, "--save", "", (char *)NULL);
		_exit(1);
	}
	redis_connect();
	return true;
}

static void send_all(const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(connection, text, bytes);

		if (n <= 0)
			die("write");
		text += n;
		bytes -= (size_t)n;
	}
}

/* Receives at least so many bytes. -> how many. */
static size_t receive(size_t at, size_t wanted)
{
	while (at < wanted) {
		ssize_t n = read(connection, answer + at, sizeof(answer) - at);

		if (n <= 0)
			die("read");
		at += (size_t)n;
	}
	return at;
}

static void redis_get(const char *key, size_t bytes)
{
	char request[64], head[32];
	int length = snprintf(request, sizeof(request), "*2\r\n$3\r\nGET\r\n$%zu\r\n%s\r\n", strlen(key), key);
	int expected = snprintf(head, sizeof(head), "$%zu\r\n", bytes);

	send_all(request, (size_t)length);
	receive(0, (size_t)expected + bytes + 2);
	if (memcmp(answer, head, (size_t)expected))
		abort();
}

static void redis_set(const char *key, size_t bytes)
{
	static char request[VALUE_MAX + 128];
	int length = snprintf(request, sizeof(request), "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(key), key,
		bytes);

	memcpy(request + length, value, bytes);
	memcpy(request + length + bytes, "\r\n", 2);
	send_all(request, (size_t)length + bytes + 2);
	receive(0, 5);
	if (memcmp(answer, "+OK\r\n", 5))
		abort();
}

static void redis_end(void)
{
	close(connection);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(SOCKET);
}

/* --- measuring --- */

static const struct way ways[] = {
	{ "vas", vas_begin, vas_connect, vas_get, vas_set, vas_end },
	{ "redis", redis_begin, redis_connect, redis_get, redis_set, redis_end },
};

static const struct job jobs[] = {
	{ 1, 100, 400, 64 },
	{ 2, 100, 400, 64 },
	{ 4, 100, 400, 64 },
	{ 8, 100, 400, 64 },
	{ 8, 90, 400, 64 },
	{ 8, 50, 400, 64 },
	{ 8, 1, 400, 64 },
	{ 1, 100, 400, 4 },
	{ 1, 100, 300, 1 << 10 },
	{ 1, 100, 100, 1 << 16 },
	{ 1, 100, 8, 2 << 20 },
};

static void name_key(char key[16], unsigned number)
{
	snprintf(key, 16, "key:%u", number % KEYS);
}

static void work(const struct way *way, const struct job *job, uint64_t seed)
{
	char key[16];
	unsigned keys = job->bytes > 1 << 16 ? 4 : KEYS;

	for (unsigned i = 0; i < job->requests; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		name_key(key, (unsigned)(seed >> 40) % keys);
		if ((seed >> 33) % 100 < job->reads)
			way->get(key, job->bytes);
		else
			way->set(key, job->bytes);
	}
}

static bool signal_all(int fd, unsigned count)
{
	char bytes[CLIENTS_MAX] = "";

	return write(fd, bytes, count) == (ssize_t)count;
}

static void wait_for(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(1);
}

/* Every client is a process; all begin together. */
static void measure(const struct way *way, const struct job *job)
{
	int ready[2], start[2];
	uint64_t began;
	char key[16];
	bool failed = false;

	if (pipe(ready) < 0 || pipe(start) < 0)
		die("pipe");
	for (unsigned i = 0; i < (job->bytes > 1 << 16 ? 4 : KEYS); i++) {
		name_key(key, i);
		way->set(key, job->bytes);
	}
	for (unsigned i = 0; i < job->clients; i++)
		if (fork() == 0) {
			way->connect();
			work(way, &(struct job){ 1, job->reads, 10, job->bytes }, i);
			signal_all(ready[1], 1);
			wait_for(start[0]);
			work(way, job, i + 100);
			_exit(0);
		}
	for (unsigned i = 0; i < job->clients; i++)
		wait_for(ready[0]);
	began = ticks();
	signal_all(start[1], job->clients);
	for (unsigned i = 0; i < job->clients; i++) {
		int status;

		failed |= wait(&status) < 0 || status;
	}
	began = ticks() - began;
	if (failed)
		die("a client");
	printf("row %s %u %u %zu: %.2f\n", way->name, job->clients, job->reads, job->bytes,
		(double)began / (job->clients * job->requests));
	close(ready[0]);
	close(ready[1]);
	close(start[0]);
	close(start[1]);
}

int main(int argc, char **argv)
{
	(void)argv;
	bench_begin(argc);
	memset(value, 'v', sizeof(value));
	for (unsigned w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		if (!ways[w].begin())
			continue;
		for (unsigned i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
			measure(&ways[w], &jobs[i]);
		ways[w].end();
	}
	return bench_end();
}
