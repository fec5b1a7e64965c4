/* Grants, portals and pointers between programs (liballod): rights and how they are passed on, revoking, offering, calls back, the
 * limits, spaces made from images. Runs on Allod only. */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include <allod/portal.h>

#include "elf_image.h"
#include "tap.h"

#define PAGE 4096

static char pages[8 * PAGE] __attribute__((aligned(PAGE)));
static _Thread_local int local = 11;

/* --- over there --- */

static int read_byte(const volatile char *at)
{
	return *at;
}
ALLOD_PORTAL(int, read_byte, (const volatile char *, at))

static int write_byte(volatile char *at, int value)
{
	*at = (char)value;
	return 1;
}
ALLOD_PORTAL(int, write_byte, (volatile char *, at), (int, value))

static int pass_on(const void *start, size_t bytes, uint32_t to, unsigned rights)
{
	int grant = allod_grant(start, bytes, to, rights);

	return grant < 0 ? -errno : grant;
}
ALLOD_PORTAL(int, pass_on, (const void *, start), (size_t, bytes), (uint32_t, to), (unsigned, rights))

static int take_back(int grant)
{
	return allod_revoke(grant) < 0 ? -errno : 0;
}
ALLOD_PORTAL(int, take_back, (int, grant))

static uint32_t who(void)
{
	return allod_self();
}
ALLOD_PORTAL(uint32_t, who)

/* --- grants --- */

/* Tries an access in a fresh sandbox that was granted the first page with these rights. */
static bool works(unsigned rights, size_t offset, bool write)
{
	struct allod_space *space = allod_sandbox(NULL);
	char *there = (char *)allod_global(pages) + offset;
	bool fine = true;

	if (rights)
		fine = allod_grant(pages, PAGE, allod_space_number(space), rights) > 0;
	pages[0] = 42;
	fine &= (write ? write_byte_in(space, there, 7) == 1 && pages[offset] == 7 : read_byte_in(space, there) == 42);
	allod_space_close(space);
	return fine;
}

static void test_rights(void)
{
	check(!works(0, 0, false) && !works(0, 0, true), "nothing is granted: nothing is reached");
	check(works(ALLOD_R, 0, false) && !works(ALLOD_R, 0, true), "to read");
	check(works(ALLOD_R | ALLOD_W, 0, true), "to read and write");
	check(!works(ALLOD_R | ALLOD_W, PAGE, true), "the page behind is not granted");
	check(!works(ALLOD_P, 0, false), "to call is not to read");
	check(allod_grant(pages, 0, 1, ALLOD_R) == -1 && errno == EINVAL, "no bytes");
	check(allod_grant(pages, PAGE, 1999, ALLOD_R) == -1 && errno == ENOENT, "to nobody");
	check(allod_grant(allod_pointer(1, 0x400000), PAGE, allod_self(), ALLOD_R) == -1 && errno == EPERM,
		"what is not one's own");
	check(allod_revoke(123456) == -1 && errno == ENOENT && allod_revoke(-1) == -1, "no such grant");
}

static void test_passing(void)
{
	struct allod_space *a = allod_sandbox(NULL), *b = allod_sandbox(NULL);
	uint32_t number = allod_space_number(b);
	char *there = allod_global(pages);
	int grant = allod_grant(pages, PAGE, allod_space_number(a), ALLOD_R), derived;

	pages[0] = 42;
	check(pass_on_in(a, there, PAGE, number, ALLOD_R) == -EPERM, "a grant that is not to be passed on");
	allod_revoke(grant);
	grant = allod_grant(pages, PAGE, allod_space_number(a), ALLOD_R | ALLOD_PASS);
	check(pass_on_in(a, there, PAGE, number, ALLOD_R | ALLOD_W) > 0 && write_byte_in(b, there, 1) == -1 &&
			pages[0] == 42,
		"not with more rights");
	allod_space_close(b);
	b = allod_sandbox(NULL);
	number = allod_space_number(b);
	check(pass_on_in(a, there, 2 * PAGE, number, ALLOD_R) == -EPERM, "not more than the range");
	derived = pass_on_in(a, there, PAGE, number, ALLOD_R);
	check(derived > 0 && read_byte_in(b, there) == 42, "passed on");
	check(take_back_in(b, grant) == -EPERM, "the first one is not the second grantee's to revoke");
	check(allod_revoke(grant) == 0 && allod_revoke(derived) == -1, "revoking takes what was made from it");
	check(read_byte_in(b, there) == -1 && errno == EOWNERDEAD, "at once");
	allod_space_close(a);
	allod_space_close(b);
}

static void test_lending(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	char *heap = strdup("lent");
	void *last = NULL;

	check(read_byte_in(space, allod_lend(heap, 5, ALLOD_R)) == 'l' && errno == 0, "lent for a call");
	check(write_byte_in(space, allod_lend(heap, 5, ALLOD_R | ALLOD_W), 'L') == 1 && heap[0] == 'L', "to write");
	for (int i = 0; i <= ALLOD_LENT_MAX; i++)
		last = allod_lend(heap, 1, ALLOD_R);
	check(!last && read_byte_in(space, heap) == -1 && errno == EINVAL, "too much for one call");
	check(read_byte_in(space, allod_lend(allod_pointer(1, 0x400000), 1, ALLOD_R)) == -1 && errno == EPERM,
		"what is not one's own");
	check(who_in(space) == allod_space_number(space) && errno == 0, "the next call is a call as any other");
	check(read_byte_in(NULL, allod_lend(allod_pointer(1, 0x400000), 1, ALLOD_R)) == -1 && errno == EINVAL &&
			who_in(space) == allod_space_number(space) && errno == 0,
		"what was lent for a call to nowhere is not lent to the next callee");
	check(read_byte_in(space, allod_global(heap)) == -1 && errno == EOWNERDEAD, "only for that call");
	allod_space_close(space);
	free(heap);
}

/* Keeps what it was lent, and reads it. */
static int keep(const volatile char *at)
{
	int grant = allod_keep(at);

	return grant < 0 ? -errno : grant;
}
ALLOD_PORTAL(int, keep, (const volatile char *, at))

static int sum_bytes(const volatile char *from, size_t bytes)
{
	int sum = 0;

	for (size_t i = 0; i < bytes; i++)
		sum += from[i];
	return sum;
}
ALLOD_PORTAL(int, sum_bytes, (const volatile char *, from), (size_t, bytes))

static int fill(char *to, size_t bytes)
{
	memset(to, 'f', bytes);
	return 1;
}
ALLOD_PORTAL(int, fill, (char *, to), (size_t, bytes))

static void test_keeping(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	char *there = allod_global(pages);
	int grant;

	pages[0] = 42;
	check(keep_in(space, allod_lend(pages, 1, ALLOD_R)) == -ENOENT, "what is lent without ALLOD_KEEP is not kept");
	grant = keep_in(space, allod_lend(pages, 1, ALLOD_R | ALLOD_KEEP));
	check(grant > 0 && read_byte_in(space, there) == 42, "kept after the call");
	check(!allod_revoke(grant) && read_byte_in(space, there) == -1 && errno == EOWNERDEAD, "until it is revoked");
	allod_space_close(space);
	check(allod_keep(pages) == -1 && errno == ENOENT, "nothing to keep");
}

static void test_exact(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	char *middle = pages + PAGE - 8;

	memset(pages, 1, 2 * PAGE);
	check(sum_bytes_in(space, allod_lend(middle, 16, ALLOD_R | ALLOD_EXACT), 16) == 16, "exact: the bytes lent");
	allod_lend(middle, 16, ALLOD_R | ALLOD_EXACT);
	check(sum_bytes_in(space, allod_global(pages), 2 * PAGE) == 16, "exact: the rest of their pages is not shown");
	check(fill_in(space, allod_lend(middle, 16, ALLOD_R | ALLOD_W | ALLOD_EXACT), 24) == 1 && middle[-1] == 1 &&
			middle[0] == 'f' && middle[15] == 'f' && middle[16] == 1,
		"exact: nothing else is written");
	allod_space_close(space);
}

/* --- revoking while others use it --- */

static int read_until_refused(const volatile char *at, volatile long *count)
{
	while (*count >= 0)
		*count += *at & 1;
	return 0;
}
ALLOD_PORTAL(int, read_until_refused, (const volatile char *, at), (volatile long *, count))

struct reader {
	struct allod_space *space;
	volatile long *count;
	bool refused;
};

static void *read_there(void *argument)
{
	struct reader *reader = argument;

	reader->refused =
		read_until_refused_in(reader->space, allod_global(pages), allod_global(reader->count)) == -1 &&
		errno == EOWNERDEAD;
	return NULL;
}

static void test_revoking(void)
{
	volatile long *count = (volatile long *)(pages + 4 * PAGE);
	unsigned fine = 0;

	for (int i = 0; i < 8; i++) {
		struct reader reader = { allod_sandbox(NULL), count, false };
		uint32_t number = allod_space_number(reader.space);
		int grant = allod_grant(pages, PAGE, number, ALLOD_R);
		pthread_t thread;
		long seen;

		allod_grant(pages + 4 * PAGE, PAGE, number, ALLOD_R | ALLOD_W);
		pages[0] = 1;
		*count = 0;
		pthread_create(&thread, NULL, read_there, &reader);
		while (*count < 1000)
			sched_yield();
		allod_revoke(grant);
		seen = *count;
		sched_yield();
		fine += *count - seen <= 1;
		pthread_join(thread, NULL);
		fine += reader.refused;
		allod_space_close(reader.space);
	}
	check(fine == 16, "revoked while another thread reads in a loop: no read more");
}

/* --- portals of this program --- */

static int deepest;
static struct allod_space *partner;

static int call_partner(int (*callback)(int), int depth)
{
	return callback(depth);
}
ALLOD_PORTAL(int, call_partner, (int (*)(int), callback), (int, depth))

static int answer(int depth)
{
	char text[50];

	snprintf(text, sizeof(text), "%d", local); /* the C library works here */
	if (strcmp(text, "11"))
		return -1000;
	return depth + 100;
}

static int go_deeper(int depth)
{
	int result;

	if (depth > deepest)
		deepest = depth;
	result = call_partner_in(partner,
		(int (*)(int))(uintptr_t)allod_offer((const void *)go_deeper, allod_space_number(partner)), depth + 1);
	return result == -1 && errno ? -errno : result;
}

static int print_in_callback(int unused)
{
	(void)unused;
	return dprintf(1, "ok a callback may use Linux as ever\n") > 0 ? 5 : 6;
}

static void test_callbacks(void)
{
	uint32_t number;
	int (*back)(int), limit;

	partner = allod_sandbox(NULL);
	number = allod_space_number(partner);
	back = (int (*)(int))(uintptr_t)allod_offer((const void *)answer, number);
	check(back && call_partner_in(partner, back, 1) == 101 && errno == 0, "a call back");
	check((uintptr_t)back == allod_offer((const void *)answer, number), "offered again: the same portal");
	back = (int (*)(int))(uintptr_t)allod_offer((const void *)print_in_callback, number);
	check(call_partner_in(partner, back, 1) == 5, "a call back that prints");
	limit = go_deeper(0);
	check((limit == -ELOOP || limit == -1) && deepest >= ALLOD_DEPTH_MAX / 2 - 1 && deepest <= ALLOD_DEPTH_MAX / 2,
		"the depth has a limit");
	check(call_partner_in(partner, back, 1) == 5, "afterwards all is as before");
	check(!allod_withdraw(NULL, (const void *)print_in_callback) &&
			allod_withdraw(NULL, (const void *)print_in_callback) == -1 && errno == ENOENT,
		"withdrawn");
	check(call_partner_in(partner, back, 1) == -1, "then it cannot be called");
	allod_space_close(partner);
	partner = allod_sandbox(NULL);
	check(!allod_withdraw(partner, (const void *)who) ? false : errno == ENOENT, "a portal that was never used");
	check(who_in(partner) == allod_space_number(partner) && !allod_withdraw(partner, (const void *)who) &&
			who_in(partner) == (uint32_t)-1 && errno == ENOENT,
		"a function of a sandbox is withdrawn");
	allod_space_close(partner);
}

static int leave_from_callback(int status)
{
	exit(status);
}

static void exit_in_callback(void)
{
	struct allod_space *space = allod_sandbox(NULL);

	call_partner_in(space,
		(int (*)(int))(uintptr_t)allod_offer((const void *)leave_from_callback, allod_space_number(space)), 7);
	_exit(8);
}

static void test_exit(void)
{
	check(tap_child(exit_in_callback) == 7 << 8, "exit() in a call back ends the program");
}

/* --- between processes --- */

static int served(int value)
{
	char *text = malloc(100000);
	int result;

	if (!text)
		return -1;
	result = snprintf(text, 100, "%d %d", value, local++);
	memset(text, 1, 100000);
	free(text);
	return result + getpid() * 0;
}
ALLOD_PORTAL(int, served, (int, value))

static int fault_there(int unused)
{
	(void)unused;
	return *(volatile int *)tap_pointer(8);
}
ALLOD_PORTAL(int, fault_there, (int, unused))

static int loop_there(void)
{
	for (volatile int on = 1; on;)
		;
	return 0;
}

static void *call_served(void *portal)
{
	long right = 0;

	for (int i = 0; i < 100; i++)
		right += served_at((allod_portal)portal, 1) >= 4;
	return (void *)right;
}

static void be_server(int in, int out, unsigned contexts)
{
	allod_portal portals[3];
	uint32_t client;
	char end;

	if (allod_serve(contexts, 0) || read(in, &client, sizeof(client)) != sizeof(client))
		_exit(1);
	portals[0] = allod_offer((const void *)served, client);
	portals[1] = allod_offer((const void *)fault_there, client);
	portals[2] = allod_offer((const void *)loop_there, client);
	if (write(out, portals, sizeof(portals)) != sizeof(portals))
		_exit(2);
	while (read(in, &end, 1) > 0)
		;
	_exit(9);
}

static bool call_from_threads(allod_portal portal)
{
	pthread_t threads[4];
	long right = 0;
	void *result;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, call_served, (void *)portal);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		right += (long)result;
	}
	return right == 400;
}

static uint64_t nanoseconds_from_now(uint64_t ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + ns;
}

/* Calls once; a minute is long enough for any machine. */
static void *call_once(void *portal)
{
	struct allod_how how = { nanoseconds_from_now(60000000000) };
	uint64_t words[6] = { 1 }, result = 0;

	return (void *)(long)(allod_call((allod_portal)portal, words, &result, &how) == 0 && result >= 3);
}

/* -> a call of another thread returned as it should. */
static bool another_is_served(allod_portal portal)
{
	void *right = NULL;
	pthread_t thread;

	pthread_create(&thread, NULL, call_once, (void *)portal);
	pthread_join(thread, &right);
	return right != NULL;
}

/* The server loses this thread while it is inside; other threads wait for the one context that there may be. */
static void test_lost_callers(const allod_portal portals[3])
{
	uint64_t words[6] = { 0 }, result;
	struct allod_how how = { nanoseconds_from_now(20000000) };
	void *right = NULL;
	pthread_t thread;

	check(allod_call(portals[2], words, &result, &how) == -1 && errno == ETIMEDOUT && another_is_served(portals[0]),
		"a deadline there: others get in");
	how.deadline_ns = nanoseconds_from_now(100000000);
	pthread_create(&thread, NULL, call_once, (void *)portals[0]);
	check(allod_call(portals[2], words, &result, &how) == -1 && errno == ETIMEDOUT &&
			!pthread_join(thread, &right) && right,
		"a deadline there: who waited gets in");
	check(fault_there_at(portals[1], 0) == -1 && another_is_served(portals[0]), "a fault there: others get in");
}

static void test_processes(unsigned contexts)
{
	uint32_t self = allod_self();
	allod_portal portals[3];
	int there[2], back[2], status;
	pid_t child;

	if (pipe(there) || pipe(back))
		return;
	child = fork();
	if (child == 0) {
		close(there[1]);
		be_server(there[0], back[1], contexts);
	}
	if (write(there[1], &self, sizeof(self)) < 0 || read(back[0], portals, sizeof(portals)) != sizeof(portals))
		return;
	check(served_at(portals[0], 5) == 4 && errno == 0, "a server in another process");
	check(call_from_threads(portals[0]), "called by four threads at once");
	check(fault_there_at(portals[1], 0) == -1 && errno == EOWNERDEAD, "a fault there is the call's end");
	check(served_at(portals[0], 5) >= 4 && errno == 0, "and not the server's");
	check(tap_read((void *)portals[0]) == SIGSEGV, "its code cannot be read");
	test_lost_callers(portals);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && served_at(portals[0], 5) == -1 && errno != 0, "when it is gone");
	close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

/* --- spaces that are not copies --- */

static void test_spaces(void)
{
	struct allod_options options = { .name = "empty" };
	struct allod_space *space = allod_space_create(&options);
	struct allod_report report;
	struct allod_info info;
	char *there;

	check(space && !allod_space_info(allod_space_number(space), &info) && !strcmp(info.name, "empty"),
		"an empty space");
	there = allod_space_view(space, 0x10000);
	check(!allod_space_map(space, 0x10000, PAGE, ALLOD_R | ALLOD_W) && tap_write(there) == 0 && *there == 'w',
		"its memory is its maker's to fill");
	check(allod_space_map(space, 0x10000, PAGE, ALLOD_R) == -1 && errno == EEXIST, "something is there");
	check(!allod_space_protect(space, 0x10000, PAGE, ALLOD_R) && tap_write(there) == SIGSEGV &&
			tap_read(there) == 0,
		"rights change");
	check(!allod_space_unmap(space, 0x10000, PAGE) && tap_read(there) == SIGSEGV, "unmapped");
	/* Its first thread faults at once: there is nothing. */
	check(allod_space_start(space, 0x20000, 0) >= 0 && !allod_space_wait(space, &report) &&
			report.end != ALLOD_ALIVE,
		"a thread in an empty space ends it");
	check(allod_space_info(allod_space_number(space), &info) == -1 && errno == ENOENT, "it is gone");
	allod_space_close(space);
	space = allod_space_create(NULL);
	check(allod_space_start(space, 0x20000, 0) >= 0, "another one");
	while (!allod_space_info(allod_space_number(space), &info))
		sched_yield();
	check(!allod_space_wait(space, &report) && report.end == ALLOD_FAULTED && report.address == 0x20000,
		"why it ended is known to who asks later");
	allod_space_close(space);
	check(!allod_space_load("no image", 8, NULL, NULL) && errno == EINVAL, "not an image");
}

/* Waits until the first thread has said who it is. -> whether it knows. */
static bool knows_itself(const struct allod_space *space, uint64_t word)
{
	volatile uint64_t *data = allod_space_view(space, IMAGE_DATA);

	for (int i = 0; i < 1000000 && !data[1]; i++)
		sched_yield();
	return data[0] == allod_space_number(space) && data[1] == word;
}

static void test_images(void)
{
	struct allod_options options = { .name = "image", .threads = 1 };
	struct allod_space *a, *b;
	struct allod_report report;
	unsigned loaded = 0;

	image_fill();
	a = allod_space_load(&image, sizeof(image), &options, (uint64_t[4]){ 17 });
	b = allod_space_load(&image, sizeof(image), &options, (uint64_t[4]){ 18 });
	check(a && b && knows_itself(a, 17) && knows_itself(b, 18),
		"an image runs at the same addresses in two spaces");
	check(tap_write(allod_space_view(a, 0x10000)) == SIGSEGV, "its code is not to be written");
	check(allod_space_start(a, 0x10000, 0) == -1 && errno == EDQUOT, "a quota of one thread");
	check(!allod_space_kill(a) && !allod_space_wait(a, &report) && report.end == ALLOD_KILLED &&
			knows_itself(b, 18),
		"one is killed, the other lives");
	allod_space_close(a);
	allod_space_close(b);
	for (size_t i = 0; i < offsetof(struct image, code) + 200; i += 3)
		loaded += allod_space_load(&image, i, NULL, NULL) != NULL;
	check(!loaded, "pieces of an image");
	image.segments[0].p_vaddr = allod_layout.window - PAGE;
	check(!allod_space_load(&image, sizeof(image), NULL, NULL) && errno == EINVAL, "beyond the window");
}

int main(void)
{
	if (!check(allod_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	test_rights();
	test_passing();
	test_lending();
	test_keeping();
	test_exact();
	test_revoking();
	test_callbacks();
	test_exit();
	test_processes(1);
	test_processes(3);
	test_spaces();
	test_images();
	return tap_end();
}
