/* Takes the place of the Linux service and uses the drivers as it does: files, streams, drivers that end in the middle of a
 * call, and what one space can do to another. Prints a line for each check to the program's standard output. */
#include "abi/services.h"
#include "services/runtime/copy.h"
#include "services/runtime/plant.h"
#include "services/runtime/service.h"

/* Of the runtime: portals' entries; and of the machine's assembly. */
extern const char runtime_entries[];
i64 portal_call_with(const struct call_spec *spec, u64 *word1);

enum { LOOP_NS = 20000000 };

/* What the drivers may touch. */
static struct {
	char data[FS_CHUNK];
	char text[PAGE_SIZE];
	struct fs_attr attr;
} arena __attribute__((aligned(4096)));

/* What they may not. */
static char private_page[PAGE_SIZE] __attribute__((aligned(4096)));

static u64 portals[SERVICES], spaces[SERVICES];
static unsigned failures;

static void find(enum service service)
{
	const i64 portal = portal_call(service_start->registry, REGISTRY_FIND, service, globalize(&arena),
		sizeof(arena), 0, 0, &spaces[service]);

	if (portal < 0)
		service_panic("client: service %u is not found: error %ld", service, (long)-portal);
	portals[service] = (u64)portal;
}

static i64 fs(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	u64 word1;

	return portal_call(portals[SERVICE_FS], op, w1, w2, w3, w4, w5, &word1);
}

static i64 console(u64 op, u64 w1, u64 w2, u64 w3)
{
	u64 word1;

	return portal_call(portals[SERVICE_CONSOLE], op, w1, w2, w3, 0, 0, &word1);
}

static void print(enum console_port port, const char *text)
{
	const size_t bytes = strlen(text);

	for (size_t done = 0; done < bytes;) {
		i64 result;

		memcpy(arena.text, text + done, bytes - done < PAGE_SIZE ? bytes - done : PAGE_SIZE);
		result = console(CONSOLE_WRITE, port, globalize(arena.text), bytes - done);
		if (result <= 0)
			service_panic("client: writing failed: %ld", (long)result);
		done += (size_t)result;
	}
}

static void check(bool good, const char *what, i64 value)
{
	char line[200];

	failures += !good;
	format(line, sizeof(line), "%s - %s (%ld)\n", good ? "ok" : "not ok", what, (long)value);
	print(PORT_STDOUT, line);
}

static i64 lookup(i64 dir, const char *name)
{
	strlcpy(arena.text, name, sizeof(arena.text));
	return fs(FS_LOOKUP, (u64)dir, globalize(arena.text), strlen(name), globalize(&arena.attr), 0);
}

static i64 open_path(const char *path)
{
	i64 node = fs(FS_ROOT, 0, globalize(&arena.attr), 0, 0, 0);
	char name[64];

	while (*path && node > 0) {
		const char *end = strchr(path, '/');
		const size_t bytes = end ? (size_t)(end - path) : strlen(path);

		memcpy(name, path, bytes);
		name[bytes] = 0;
		node = lookup(node, name);
		path += bytes + (end != NULL);
	}
	return node;
}

/* --- the checks --- */

static void check_files(void)
{
	const i64 node = open_path("etc/passwd");
	i64 got;

	check(node > 0, "a file is found", node);
	got = fs(FS_READ, (u64)node, 0, globalize(arena.data), 5, 0);
	check(got == 5 && !memcmp(arena.data, "root:", 5), "its bytes are read", got);
	got = lookup(open_path("etc"), "no such file");
	check(got == -(FS_ERRNO + 2), "a file that is not there is ENOENT", got);
	got = fs(FS_READ, (u64)node, 0, globalize(private_page), 5, 0);
	check(got == -E_FAULT, "the driver cannot write to what it has not been granted", got);
	got = fs(FS_READ, (u64)node, 0, 0x400000, 5, 0);
	check(got == -E_FAULT, "nor is it led to write to itself", got);
	got = fs(FS_ATTR, 12345, globalize(&arena.attr), 0, 0, 0);
	check(got == -E_INVAL, "a node that is none is refused", got);
	got = fs(FS_FORGET, (u64)node, 0, 0, 0, 0);
	check(!got, "a node is forgotten", got);
}

/* No service can read another. */
static void check_walls(void)
{
	const u64 image = 0x400000;
	u64 word;
	i64 got = copy_in(&word, address_in(address_space(service_start->registry), image), sizeof(word));

	check(got == -E_FAULT, "init's memory cannot be read", got);
	got = copy_in(&word, address_in(spaces[SERVICE_FS], image), sizeof(word));
	check(got == -E_FAULT, "nor the fs driver's", got);
	got = copy_in(&word, address_in(spaces[SERVICE_CONSOLE], image), sizeof(word));
	check(got == -E_FAULT, "nor the console driver's", got);
	got = fs(FS_LOOKUP, (u64)open_path("etc"), globalize(private_page), 6, globalize(&arena.attr), 0);
	check(got == -E_FAULT, "the fs driver cannot read ours", got);
	got = console(CONSOLE_WRITE, PORT_STDOUT, globalize(private_page), 6);
	check(got == -E_FAULT, "nor can the console driver", got);
	got = console(CONSOLE_WRITE, PORT_STDOUT, address_in(spaces[SERVICE_FS], image), 6);
	check(got == -E_FAULT, "nor that of the fs driver", got);
	got = copy_out(address_in(spaces[SERVICE_CONSOLE], image), &word, sizeof(word));
	check(got == -E_FAULT, "nothing of theirs can be written", got);
}

/* --- a space that keeps a password, which it compares and never tells: a partition like the drivers' --- */

enum password_op { PASSWORD_BEGIN, PASSWORD_SET, PASSWORD_COMPARE, PASSWORD_ADDRESS, PASSWORD_READ, PASSWORD_WRITE };

static struct {
	u64 secret;
	char page[PAGE_SIZE - 8];
} password __attribute__((aligned(4096)));

/* In that space: a copy of this one, but for what is here. */
static struct portal_result password_call(u64 op, u64 word, u64 w2, u64 w3, u64 w4, u64 w5)
{
	static struct start_info start;
	struct portal_result result = { 0, 0 };
	u64 got;

	(void)w2, (void)w3, (void)w4, (void)w5;
	switch (op) {
	case PASSWORD_BEGIN:
		start = *service_start;
		start.number = word;
		service_start = &start;
		break;
	case PASSWORD_SET:
		password.secret = word;
		break;
	case PASSWORD_COMPARE:
		result.word0 = password.secret == word;
		break;
	case PASSWORD_ADDRESS:
		result.word0 = (i64)&password;
		break;
	case PASSWORD_READ:
		result.word0 = copy_in(&got, word, sizeof(got));
		break;
	case PASSWORD_WRITE:
		result.word0 = copy_out(word, &word, sizeof(word));
		break;
	}
	return result;
}

static u64 password_portal;

static i64 ask_password(u64 op, u64 word)
{
	u64 word1;

	return portal_call(password_portal, op, word, 0, 0, 0, 0, &word1);
}

/* What the password's space can do to an address, and what others can do to its. */
static void check_password_walls(u32 space)
{
	const u64 image = 0x400000, secret = address_in(space, (u64)ask_password(PASSWORD_ADDRESS, 0));
	const u64 others[] = { address_in(address_space(service_start->registry), image),
		address_in(spaces[SERVICE_FS], image), address_in(spaces[SERVICE_CONSOLE], image),
		globalize(private_page) };
	const char *const names[] = { "init", "the fs driver", "the console driver", "its manager" };
	const i64 etc = open_path("etc"), file = open_path("etc/passwd");
	char line[80];
	u64 word;
	i64 got;

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		format(line, sizeof(line), "the password's space cannot read %s", names[i]);
		got = ask_password(PASSWORD_READ, others[i]);
		check(got == -E_FAULT, line, got);
		got = ask_password(PASSWORD_WRITE, others[i]);
		check(got == -E_FAULT, "nor write there", got);
	}
	got = copy_in(&word, secret, sizeof(word));
	check(got == -E_FAULT, "nor its manager the password", got);
	got = fs(FS_LOOKUP, (u64)etc, secret, 6, globalize(&arena.attr), 0);
	check(got == -E_FAULT, "nor the fs driver", got);
	got = fs(FS_READ, (u64)file, 0, secret, 5, 0);
	check(got == -E_FAULT, "which cannot write there either", got);
	got = console(CONSOLE_WRITE, PORT_STDOUT, secret, 6);
	check(got == -E_FAULT, "nor the console driver", got);
}

static void check_password(void)
{
	static const struct space_spec spec = { .name = "password" };
	const i64 space = call_space_create(&spec);
	i64 got = space < 0 ? space : call_space_fork(0, (u32)space);

	if (got >= 0)
		got = call_portal_create_in((u32)space, (u64)runtime_entries, (u64)password_call);
	password_portal = (u64)got;
	if (got >= 0)
		got = call_grant(password_portal, 1, (u32)service_start->number, RIGHT_P);
	check(got >= 0, "a space that keeps a password is made", got);
	ask_password(PASSWORD_BEGIN, (u64)space);
	ask_password(PASSWORD_SET, 0x5ec1e7);
	got = ask_password(PASSWORD_COMPARE, 0x5ec1e8);
	check(!got, "it knows a wrong one", got);
	got = ask_password(PASSWORD_COMPARE, 0x5ec1e7);
	check(got == 1 && !password.secret, "and the right one", got);
	check_password_walls((u32)space);
	got = ask_password(PASSWORD_COMPARE, 0x5ec1e7);
	check(got == 1, "the password is what it was", got);
	call_space_destroy((u32)space);
}

/* Reads a large file in two ways and compares. */
static void check_large_file(void)
{
	const i64 node = open_path("usr/bin/bash");
	u64 total = 0, sum = 0, again = 0;
	i64 got;

	while ((got = fs(FS_READ, (u64)node, total, globalize(arena.data), FS_CHUNK, 0)) > 0) {
		for (i64 i = 0; i < got; i++)
			sum += (u8)arena.data[i] * (total + (u64)i);
		total += (u64)got;
	}
	check(!got && total == arena.attr.size, "a large file is read to its end", (i64)total);
	for (u64 at = 0; at < total; at += (u64)got) {
		got = fs(FS_READ, (u64)node, at, globalize(arena.data), 5000, 0);
		if (got <= 0)
			break;
		for (i64 i = 0; i < got; i++)
			again += (u8)arena.data[i] * (at + (u64)i);
	}
	check(sum == again, "in small pieces it is the same", (i64)(sum - again));
}

static u32 threads_left = 4;
static i64 shared_node;

static void read_many(void *argument)
{
	u64 *errors = argument, word1;

	for (unsigned i = 0; i < 50; i++) {
		if (portal_call(portals[SERVICE_FS], FS_ATTR, (u64)shared_node, globalize(&arena.attr), 0, 0, 0,
			    &word1) < 0)
			__atomic_fetch_add(errors, 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_sub(&threads_left, 1, __ATOMIC_RELEASE);
	call_wake(&threads_left, ~0u);
}

static void check_threads(void)
{
	static u64 errors;
	u32 left;

	shared_node = open_path("etc/passwd");
	read_many(&errors);
	for (unsigned i = 0; i < 3; i++)
		thread_start(read_many, &errors);
	while ((left = __atomic_load_n(&threads_left, __ATOMIC_ACQUIRE)) != 0)
		call_wait(&threads_left, left, 0, 0);
	check(!errors, "several threads are served at once", (i64)errors);
}

/* A thread that waits for input for ever must not hold up those that write, and learns of the driver's end. */
static u32 reader_back;
static i64 reader_result;

static void read_for_ever(void *unused)
{
	(void)unused;
	reader_result = console(CONSOLE_READ, PORT_CONTROL, globalize(arena.text), 1);
	__atomic_store_n(&reader_back, 1, __ATOMIC_RELEASE);
	call_wake(&reader_back, 1);
}

static void check_reader(void)
{
	while (!__atomic_load_n(&reader_back, __ATOMIC_ACQUIRE))
		call_wait(&reader_back, 0, 0, 0);
	check(reader_result == -E_DEAD, "a call that was waiting in it has failed", reader_result);
}

static void check_drivers_end(const char *name, enum service service, u64 plant_op, u64 kind)
{
	i64 got = portal_call(portals[service], plant_op, kind, 0, 0, 0, 0, &(u64){ 0 }), later;

	later = portal_call(portals[service], plant_op, kind, 0, 0, 0, 0, &(u64){ 0 });
	find(service);
	check(got == -E_DEAD, name, got);
	check(later == -E_PERM || later == -E_NOENT || later == -E_DEAD, "a later call fails too", later);
}

static void check_ends(void)
{
	i64 got;

	check_drivers_end("a null dereference ends the fs driver", SERVICE_FS, FS_PLANT, PLANT_NULL);
	got = open_path("etc/passwd");
	check(got > 0, "files are there again", got);
	check_drivers_end("a wild write ends the fs driver", SERVICE_FS, FS_PLANT, PLANT_WILD_WRITE);
	got = open_path("etc/passwd");
	check(got > 0, "files are there again", got);
	check_drivers_end("a null dereference ends the console driver", SERVICE_CONSOLE, CONSOLE_PLANT, PLANT_NULL);
	check_reader();
	check_drivers_end("a wild write ends the console driver", SERVICE_CONSOLE, CONSOLE_PLANT, PLANT_WILD_WRITE);
}

/* A driver that loops in a call: who has set a deadline gets an error, who has not when the driver is ended. */
static u32 loop_back;
static i64 loop_result;

static void call_loop(void *unused)
{
	(void)unused;
	loop_result = fs(FS_PLANT, PLANT_LOOP, 0, 0, 0, 0);
	__atomic_store_n(&loop_back, 1, __ATOMIC_RELEASE);
	call_wake(&loop_back, 1);
}

static void check_loop(void)
{
	struct call_spec spec = { .portal = portals[SERVICE_FS],
		.words = { FS_PLANT, PLANT_LOOP },
		.deadline = clock_now() + LOOP_NS };
	u64 word1;
	i64 got = portal_call_with(&spec, &word1);

	check(got == -E_TIMEDOUT, "a call of a driver that loops ends at its deadline", got);
	thread_start(call_loop, NULL);
	clock_sleep(LOOP_NS);
	got = open_path("etc/passwd");
	check(got > 0 && !__atomic_load_n(&loop_back, __ATOMIC_ACQUIRE), "others are served while it loops", got);
	got = portal_call(service_start->registry, REGISTRY_RESTART, SERVICE_FS, 0, 0, 0, 0, &word1);
	while (!__atomic_load_n(&loop_back, __ATOMIC_ACQUIRE))
		call_wait(&loop_back, 0, 0, 0);
	check(!got && loop_result == -E_DEAD, "the call ends with the driver", loop_result);
	find(SERVICE_FS);
	got = open_path("etc/passwd");
	check(got > 0, "which is started again", got);
	got = portal_call(service_start->registry, REGISTRY_RESTART, SERVICE_LINUX, 0, 0, 0, 0, &word1);
	check(got == -E_PERM, "only drivers are", got);
}

/* Copies standard input to standard output. */
static void copy_input(void)
{
	i64 got;

	while ((got = console(CONSOLE_READ, PORT_STDIN, globalize(arena.data), CONSOLE_CHUNK)) > 0) {
		for (i64 done = 0; done < got;) {
			const i64 result =
				console(CONSOLE_WRITE, PORT_STDOUT, globalize(arena.data + done), (u64)(got - done));

			if (result <= 0)
				service_panic("client: writing failed: %ld", (long)result);
			done += result;
		}
	}
	if (got < 0)
		service_panic("client: reading failed: %ld", (long)got);
}

void service_main(const struct start_info *start)
{
	const u64 begin = clock_now();
	char line[80];
	i64 restarts;
	u64 word1;

	copy_init();
	find(SERVICE_CONSOLE);
	find(SERVICE_FS);
	check_files();
	check_walls();
	check_password();
	check_large_file();
	check_threads();
	thread_start(read_for_ever, NULL);
	copy_input();
	check_ends();
	check_loop();
	restarts = portal_call(start->registry, REGISTRY_RESTARTS, 0, 0, 0, 0, 0, &word1);
	check(restarts == 5, "init has counted what it started again", restarts);
	format(line, sizeof(line), "took %lu us\n", (unsigned long)((clock_now() - begin) / 1000));
	print(PORT_STDERR, line);
	format(line, sizeof(line), "exit %u\n", failures != 0);
	print(PORT_CONTROL, line);
	portal_call(start->registry, REGISTRY_END, 0, 0, 0, 0, 0, &word1);
	service_panic("client: still there");
}
