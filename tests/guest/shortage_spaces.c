/* Every allocation failed once, in what programs do with spaces: making them, from images too, sandboxes, grants, portals, calls
 * and what these bring, contexts for callers. Runs on Allod only, and only if it was booted with `test=fail`.
 *
 * All of it twice: first what the kernel and the Linux service allocate fails, then what the library asks the C library for. */
/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=mmap,--wrap=mprotect,--wrap=pthread_create */
#include <pthread.h>
#include <sys/mman.h>

#include <allod/portal.h>

#include "elf_image.h"
#include "shortage.h"

enum { PAGE = 4096, AT = 0x10000000 };

static char pages[4 * PAGE] __attribute__((aligned(PAGE)));
static struct allod_space *box;

/* An errno value of the library's, if the result says that there is one. */
static int failed(bool fine)
{
	int error = fine ? 0 : errno;

	disarm();
	return error;
}

/* --- what the library asks for --- */

static unsigned asked;

static bool asked_for_too_much(void)
{
	return asked && --asked == 0;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int rights, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t bytes, int rights);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *argument);

void *__wrap_malloc(size_t bytes)
{
	return asked_for_too_much() ? errno = ENOMEM, NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return asked_for_too_much() ? errno = ENOMEM, NULL : __real_calloc(count, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int rights, int flags, int fd, off_t offset)
{
	return asked_for_too_much() ? errno = ENOMEM, MAP_FAILED : __real_mmap(at, bytes, rights, flags, fd, offset);
}

int __wrap_mprotect(void *at, size_t bytes, int rights)
{
	return asked_for_too_much() ? errno = ENOMEM, -1 : __real_mprotect(at, bytes, rights);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *argument)
{
	return asked_for_too_much() ? EAGAIN : __real_pthread_create(thread, how, body, argument);
}

/* --- over there --- */

static int add(int a, int b)
{
	return a + b;
}
ALLOD_PORTAL(int, add, (int, a), (int, b))

static int read_byte(const volatile char *at)
{
	return *at;
}
ALLOD_PORTAL(int, read_byte, (const volatile char *, at))

static int write_byte(volatile char *at)
{
	return *at = 'w';
}
ALLOD_PORTAL(int, write_byte, (volatile char *, at))

static int keep(const volatile char *at)
{
	int grant = allod_keep(at);

	return grant < 0 ? -errno : grant;
}
ALLOD_PORTAL(int, keep, (const volatile char *, at))

/* Calls back into this program. */
static int twice(int value)
{
	return 2 * value;
}
ALLOD_PORTAL(int, twice, (int, value))

static int call_back(allod_portal portal, int value)
{
	int result = twice_at(portal, value);

	return errno ? -errno : result;
}
ALLOD_PORTAL(int, call_back, (allod_portal, portal), (int, value))

/* malloc() in a sandbox, which asks Linux for memory. */
static int allocate(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = memory == MAP_FAILED ? errno : 0;

	if (!error) {
		memory[0] = 1;
		munmap(memory, bytes);
	}
	return error;
}
ALLOD_PORTAL(int, allocate, (size_t, bytes))

/* --- making --- */

static int do_create(void)
{
	struct allod_space *space;
	int error;

	arm();
	space = allod_space_create(NULL);
	error = failed(space);
	allod_space_close(space);
	return error;
}

static int do_map(void)
{
	struct allod_space *space = allod_space_create(NULL);
	int error;

	if (!space)
		return errno;
	arm();
	error = failed(!allod_space_map(space, AT, 4 * PAGE, ALLOD_R | ALLOD_W) &&
		!allod_space_protect(space, AT + PAGE, PAGE, ALLOD_R) &&
		!allod_space_unmap(space, AT + 2 * PAGE, PAGE));
	/* Nothing, or all of it, was mapped. */
	if (error && allod_space_map(space, AT, 4 * PAGE, ALLOD_R) && errno != EEXIST)
		error = EIO;
	allod_space_close(space);
	return error;
}

static int do_start(void)
{
	struct allod_space *space = allod_space_create(NULL);
	struct allod_report report;
	int error;

	if (!space)
		return errno;
	arm();
	error = failed(allod_space_start(space, AT, 0) >= 0);
	/* There is nothing at its entry: it ends with a fault. */
	if (!error && (allod_space_wait(space, &report) || report.end == ALLOD_ALIVE))
		error = EIO;
	allod_space_close(space);
	return error;
}

static int do_load(void)
{
	struct allod_space *space;
	volatile uint64_t *data;
	int error;

	image_fill();
	arm();
	space = allod_space_load(&image, sizeof(image), NULL, (uint64_t[4]){ 17 });
	error = failed(space);
	if (error)
		return error;
	/* The second word is stored last. */
	data = allod_space_view(space, IMAGE_DATA);
	for (int i = 0; i < 100000 && !data[1]; i++)
		sched_yield();
	error = data[1] == 17 ? 0 : EIO;
	allod_space_close(space);
	return error;
}

static int do_sandbox(void)
{
	struct allod_space *space;
	int error;

	arm();
	space = allod_sandbox(NULL);
	error = failed(space);
	if (error)
		return error;
	/* If it could be made it works. */
	error = add_in(space, 2, 3) == 5 ? 0 : EIO;
	allod_space_close(space);
	return error;
}

/* The kernel's own errors as errno values; one that is not -E_NOMEM is none that may come. */
static int native_error(int64_t result)
{
	return result >= 0 ? 0 : result == -E_NOMEM ? ENOMEM : EIO;
}

/* A segment of one's own, mapped, touched, moved and copied. */
static int do_segment(void)
{
	int64_t segment, copy = -1, error;

	arm();
	segment = error = native(CALL_segment_create, 600, 0, 0, 0);
	if (error >= 0)
		error = native6(CALL_map, 0, AT, 600 * PAGE, RIGHT_R | RIGHT_W | MAP_SHARE, (uint64_t)segment, 0).w0;
	if (error >= 0) {
		*(volatile char *)tap_pointer(AT) = 1;
		*(volatile char *)tap_pointer(AT + 599 * PAGE) = 1;
		error = native(CALL_remap, 0, AT, 600 * PAGE, AT + 0x1000000);
	}
	if (error >= 0)
		copy = error = native(CALL_segment_clone, (uint64_t)segment, 0, 0, 0);
	if (error >= 0) /* which the clone has as well */
		*(volatile char *)tap_pointer(AT + 0x1000000) = 2;
	disarm();
	native(CALL_unmap, 0, AT, 600 * PAGE, 0);
	native(CALL_unmap, 0, AT + 0x1000000, 600 * PAGE, 0);
	if (copy > 0)
		native(CALL_segment_destroy, (uint64_t)copy, 0, 0, 0);
	if (segment > 0)
		native(CALL_segment_destroy, (uint64_t)segment, 0, 0, 0);
	return native_error(error);
}

/* With an account, and arguments on a page that was never touched: not to be read without memory. */
static int do_quota(void)
{
	const struct space_spec spec = { .name = "limited", .quota = { .frames = 100, .spaces = 2 } };
	struct space_spec *fresh = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct space_info *info = (struct space_info *)((char *)fresh + PAGE);
	int64_t number, error;

	*fresh = spec;
	arm();
	number = error = native(CALL_space_create, (uintptr_t)fresh, 0, 0, 0);
	if (number >= 0)
		error = native(CALL_space_info, (uint64_t)number, (uintptr_t)info, 0, 0);
	disarm();
	if (number >= 0)
		native(CALL_space_destroy, (uint64_t)number, 0, 0, 0);
	munmap(fresh, 2 * PAGE);
	return error == -E_FAULT ? EFAULT : native_error(error);
}

/* --- calls into a sandbox --- */

/* The first call: the portal is made, its grant, the stack over there. What dies over there for want of memory dies: then the
 * caller learns of it, and the sandbox has ended. */
static int do_first_call(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	int error, sum;

	if (!space)
		return errno;
	arm();
	sum = add_in(space, 2, 3);
	error = errno;
	disarm();
	if (!error && sum != 5)
		error = EIO;
	if (error && error != EOWNERDEAD && add_in(space, 2, 3) != 5)
		error = EIO;
	allod_space_close(space);
	return error;
}

static int do_call_with(unsigned rights)
{
	char *middle = pages + PAGE - 8;
	int result, error;

	pages[PAGE - 8] = 'x';
	arm();
	result = rights & ALLOD_W ? write_byte_in(box, allod_lend(middle, 16, rights))
				  : read_byte_in(box, allod_lend(middle, 16, rights));
	error = errno;
	disarm();
	if (!error && result != (rights & ALLOD_W ? 'w' : 'x'))
		error = EIO;
	if (!error && pages[PAGE - 8] != (char)result)
		error = EIO;
	return error;
}

static int do_lend(void)
{
	return do_call_with(ALLOD_R);
}

static int do_lend_exactly(void)
{
	return do_call_with(ALLOD_R | ALLOD_W | ALLOD_EXACT);
}

static int do_keep(void)
{
	int grant, error;

	arm();
	grant = keep_in(box, allod_lend(pages, PAGE, ALLOD_R | ALLOD_KEEP));
	error = errno ? errno : grant < 0 ? -grant : 0;
	disarm();
	if (!error && allod_revoke(grant))
		return errno;
	return error;
}

static int do_deadline(void)
{
	const uint64_t words[6] = { 4, 5 };
	const struct allod_how how = { .deadline_ns = ~0ul >> 1 };
	allod_portal portal = allod_portal_at(box, (const void *)add);
	uint64_t result = 0;
	int error;

	arm();
	error = failed(!allod_call(portal, words, &result, &how));
	return error ? error : result == 9 ? 0 : EIO;
}

/* The first call back of a sandbox, for which there is no stack here yet. */
static int do_call_back(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	allod_portal portal = space ? allod_offer((const void *)twice, allod_space_number(space)) : 0;
	int result, error;

	if (!portal)
		return errno;
	arm();
	result = call_back_in(space, portal, 21);
	error = errno ? errno : result < 0 ? -result : result == 42 ? 0 : EIO;
	disarm();
	if (error && error != EOWNERDEAD && call_back_in(space, portal, 21) != 42)
		error = EIO;
	allod_space_close(space);
	return error;
}

static int do_malloc_there(void)
{
	int result, error;

	arm();
	result = allocate_in(box, 20 * PAGE);
	error = errno ? errno : result;
	disarm();
	return error;
}

/* --- grants and portals --- */

/* The error of a call whose result is a grant, which is revoked again. */
static int granted(int grant)
{
	int error = failed(grant >= 0);

	if (!error && allod_revoke(grant))
		return errno;
	return error;
}

static int do_grant(void)
{
	arm();
	return granted(allod_grant(pages, PAGE, allod_space_number(box), ALLOD_R));
}

static int do_grant_all(void)
{
	arm();
	return granted(allod_grant_all(allod_space_number(box), ALLOD_R));
}

/* What is granted of pages that nobody has shown there yet: the fault over there. */
static int do_granted_fault(void)
{
	char *fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int grant = allod_grant(fresh, PAGE, allod_space_number(box), ALLOD_R | ALLOD_W), result, error;

	arm();
	result = write_byte_in(box, allod_global(fresh));
	error = errno;
	disarm();
	if (!error && (result != 'w' || *fresh != 'w'))
		error = EIO;
	allod_revoke(grant);
	munmap(fresh, PAGE);
	return error;
}

static int do_portal(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	allod_portal portal;
	int error;

	if (!space)
		return errno;
	arm();
	portal = allod_portal_at(space, (const void *)add);
	error = failed(portal);
	if (error && (!allod_portal_at(space, (const void *)add) || add_in(space, 1, 2) != 3))
		error = EIO;
	allod_space_close(space);
	return error;
}

static int do_offer(void)
{
	struct allod_space *space = allod_space_create(NULL);
	allod_portal portal;
	int error;

	if (!space)
		return errno;
	arm();
	portal = allod_offer((const void *)add, allod_space_number(space));
	error = failed(portal);
	/* It is offered from then on, if not to everybody. */
	if (allod_withdraw(NULL, (const void *)add) && !error)
		error = EIO;
	allod_space_close(space);
	return error;
}

/* In children, where nothing is there yet for callers. What failed works then. */
static int serve(void)
{
	int error;

	arm();
	error = failed(!allod_serve(2, 0));
	return error && allod_serve(2, 0) ? EIO : error;
}

static int do_serve(void)
{
	return in_child(serve);
}

/* With a stack of its own size, and contexts. */
static int make_large(void)
{
	const struct allod_options options = { .contexts = 3, .stack = 1 << 20 };
	struct allod_space *space = allod_sandbox(&options);

	return !space ? errno : add_in(space, 1, 2) == 3 ? 0 : errno;
}

static int large(void)
{
	int error;

	arm();
	error = make_large();
	disarm();
	return error && make_large() ? EIO : error;
}

static int do_large(void)
{
	return in_child(large);
}

/* Another process calls this one, and asks Linux for memory here: its own allocations fail. */
static int client(int from, int to)
{
	uint32_t number = allod_self();
	allod_portal portal = 0;
	int result, error;

	if (write(to, &number, sizeof(number)) < 0 || read(from, &portal, sizeof(portal)) < 0)
		return EIO;
	arm();
	result = allocate_at(portal, 20 * PAGE);
	error = errno ? errno : result;
	disarm();
	if (allocate_at(portal, 20 * PAGE) || errno)
		error = EIO;
	return error;
}

static int do_client(void)
{
	int to[2], from[2], error;
	uint32_t number = 0;
	allod_portal portal;
	pid_t child;

	if (pipe(to) || pipe(from))
		return errno;
	child = fork();
	if (child == 0) {
		child_start();
		child_exit(client(to[0], from[1]));
	}
	portal = read(from[0], &number, sizeof(number)) == sizeof(number) ? allod_offer((const void *)allocate, number)
									  : 0;
	if (write(to[1], &portal, sizeof(portal)) < 0)
		return errno;
	error = child_outcome(child);
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
	return error;
}

static const struct operation operations[] = {
	OPERATION("an empty space", do_create),
	OPERATION("map, protect, unmap there", do_map),
	OPERATION("a thread there", do_start),
	OPERATION("a space from an image", do_load),
	OPERATION("a segment", do_segment),
	OPERATION("a space with a quota", do_quota, .errors = { EFAULT }),
	OPERATION("a sandbox", do_sandbox, .errors = { EAGAIN }),
	OPERATION("a portal at a function", do_portal),
	OPERATION("the first call", do_first_call, .errors = { EOWNERDEAD }),
	OPERATION("a call with a grant", do_lend),
	OPERATION("a call with an exact grant", do_lend_exactly),
	OPERATION("a grant that is kept", do_keep),
	OPERATION("a call with a deadline", do_deadline),
	OPERATION("memory in a sandbox", do_malloc_there),
	OPERATION("a grant", do_grant),
	OPERATION("a grant of everything", do_grant_all),
	OPERATION("the first use of a grant", do_granted_fault),
	OPERATION("an offer", do_offer),
	OPERATION("a call back", do_call_back, .errors = { EOWNERDEAD }),
	OPERATION("a client", do_client, .errors = { EOWNERDEAD }),
	OPERATION("contexts for callers", do_serve, .errors = { EAGAIN }),
	OPERATION("a large sandbox", do_large, .errors = { EAGAIN, EOWNERDEAD }, .step = 3),
};

int main(int argc, char **argv)
{
	if (!shortage_start(argc, argv))
		return tap_end();
	box = allod_sandbox(NULL);
	if (!check(box && !allod_serve(1, 0) && add_in(box, 1, 1) == 2, "a sandbox for the others"))
		return tap_end();
	fail_all(operations, COUNT(operations), argc, argv);
	fail_own = &asked;
	fail_all(operations, COUNT(operations), argc, argv);
	return tap_end();
}
