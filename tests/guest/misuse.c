/* The errors that the headers of liballod name, each at least once; and on another kernel than Allod's, ENOSYS from all functions
 * (tests/guest/examples.sh runs it on the host). */
#include <sys/mman.h>
#include <time.h>

#include <allod/portal.h>

#include "tap.h"

enum { PAGE = 4096, NOBODY = 60000 };

static char page[PAGE] __attribute__((aligned(4096)));

static int answer(void)
{
	return 5;
}
ALLOD_PORTAL(int, answer)

static void nothing(int unused)
{
	(void)unused;
}
ALLOD_PORTAL_VOID(nothing, (int, unused))

#define CHECK_NULL(call, error, name) check((errno = 0, (call) == 0 && errno == (error)), name)

/* --- on Linux --- */

static void test_elsewhere(void)
{
	struct allod_info info;
	uint64_t words[6] = { 0 }, result;

	check(!allod_present() && allod_global(page) == page && allod_local(page) == page && allod_space_of(page) == 0,
		"pointers stay what they are");
	CHECK_NULL(allod_sandbox(NULL), ENOSYS, "allod_sandbox");
	CHECK_NULL(allod_space_create(NULL), ENOSYS, "allod_space_create");
	CHECK_NULL(allod_space_load(page, PAGE, NULL, NULL), ENOSYS, "allod_space_load");
	check_errno(allod_space_info(0, &info), ENOSYS, "allod_space_info");
	check_errno(allod_grant(page, 1, 1, ALLOD_R), ENOSYS, "allod_grant");
	check_errno(allod_grant_all(1, ALLOD_R), ENOSYS, "allod_grant_all");
	check_errno(allod_revoke(1), ENOSYS, "allod_revoke");
	check_errno(allod_keep(page), ENOSYS, "allod_keep");
	CHECK_NULL(allod_offer((const void *)answer, 1), ENOSYS, "allod_offer");
	check_errno(allod_withdraw(NULL, (const void *)answer), ENOSYS, "allod_withdraw");
	check_errno(allod_serve(1, 0), ENOSYS, "allod_serve");
	check_errno(allod_call(1, words, &result, NULL), ENOSYS, "allod_call");
	check_errno(answer_in(NULL), ENOSYS, "a function in a sandbox");
	check_errno(answer_at(1), ENOSYS, "a function through a portal");
}

/* --- spaces --- */

static void test_spaces(void)
{
	struct allod_options few_frames = { .frames = 20 }, too_many = { .contexts = 65 }, no_spaces = { .spaces = 1 },
			     too_long = { .stack = ~0ul };
	struct allod_space *space = allod_space_create(NULL), *box = allod_sandbox(NULL);
	struct allod_report report;

	check(space && box, "a space, and a sandbox");
	CHECK_NULL(allod_sandbox(&too_many), EINVAL, "allod_sandbox: EINVAL, contexts");
	CHECK_NULL(allod_sandbox(&too_long), EINVAL, "allod_sandbox: EINVAL, stack");
	CHECK_NULL(allod_sandbox(&few_frames), ENOMEM, "allod_sandbox: ENOMEM, quota");
	CHECK_NULL(allod_space_load(page, PAGE, NULL, NULL), EINVAL, "allod_space_load: EINVAL");
	check_errno(allod_space_map(space, 1, PAGE, ALLOD_R), EINVAL, "allod_space_map: EINVAL");
	check(!allod_space_map(space, PAGE, PAGE, ALLOD_R), "allod_space_map");
	check_errno(allod_space_map(space, PAGE, PAGE, ALLOD_R), EEXIST, "allod_space_map: EEXIST");
	check_errno(allod_space_unmap(space, 1, PAGE), EINVAL, "allod_space_unmap: EINVAL");
	check_errno(allod_space_protect(space, 1, PAGE, ALLOD_R), EINVAL, "allod_space_protect: EINVAL");
	check_errno(allod_space_protect(space, 5 * PAGE, PAGE, ALLOD_R), ENOMEM,
		"allod_space_protect: ENOMEM, nothing there");
	check_errno(allod_space_start(box, PAGE, 0), EPERM, "allod_space_start: EPERM, a sandbox");
	check(!allod_space_kill(space) && !allod_space_wait(space, &report) && report.end == ALLOD_KILLED, "killed");
	check_errno(allod_space_kill(space), ENOENT, "allod_space_kill: ENOENT");
	check_errno(allod_space_map(space, PAGE, PAGE, ALLOD_R), ENOENT, "allod_space_map: ENOENT");
	check_errno(allod_space_unmap(space, PAGE, PAGE), ENOENT, "allod_space_unmap: ENOENT");
	check_errno(allod_space_protect(space, PAGE, PAGE, ALLOD_R), ENOENT, "allod_space_protect: ENOENT");
	check_errno(allod_space_start(space, PAGE, 0), ENOENT, "allod_space_start: ENOENT");
	check_errno(allod_space_info(NOBODY, &(struct allod_info){ 0 }), ENOENT, "allod_space_info: ENOENT");
	CHECK_NULL(allod_portal_at(space, (const void *)answer), EOWNERDEAD, "allod_portal_at: EOWNERDEAD");
	check_errno(answer_in(space), EOWNERDEAD, "a call of what has ended: EOWNERDEAD");
	check_errno(answer_in(NULL), EINVAL, "a call of no space: EINVAL");
	allod_space_close(space);
	space = allod_space_create(&no_spaces);
	check(space && allod_space_number(space) > 0, "a quota of spaces counts the space itself");
	allod_space_close(space);
	allod_space_close(box);
}

/* --- grants and portals --- */

static void test_grants(void)
{
	struct allod_space *box = allod_sandbox(NULL);
	uint32_t number = allod_space_number(box);
	int grant = allod_grant(page, PAGE, number, ALLOD_R);

	check(grant > 0, "a grant");
	check_errno(allod_grant(page, 0, number, ALLOD_R), EINVAL, "allod_grant: EINVAL, no bytes");
	check_errno(allod_grant(page, 1, number, 0), EINVAL, "allod_grant: EINVAL, no rights");
	check_errno(allod_grant(page, 1, number, ALLOD_R | ALLOD_KEEP), EINVAL, "allod_grant: EINVAL, for calls only");
	check_errno(allod_grant(page, 1, allod_self(), ALLOD_R), EINVAL, "allod_grant: EINVAL, to oneself");
	check_errno(allod_grant(page, 1, NOBODY, ALLOD_R), ENOENT, "allod_grant: ENOENT");
	check_errno(allod_grant(allod_pointer(1, PAGE), 1, number, ALLOD_R), EPERM, "allod_grant: EPERM");
	check_errno(allod_grant_all(NOBODY, ALLOD_R), ENOENT, "allod_grant_all: ENOENT");
	check(!allod_revoke(grant), "allod_revoke");
	check_errno(allod_revoke(grant), ENOENT, "allod_revoke: ENOENT");
	check_errno(allod_keep(page), ENOENT, "allod_keep: ENOENT");
	check(!allod_lend(page, 0, ALLOD_R), "allod_lend: no bytes");
	check_errno(answer_in(box), EINVAL, "then the call fails: EINVAL");
	check(answer_in(box) == 5 && errno == 0, "and the next does not");
	allod_lend(page, 1, ALLOD_R | ALLOD_KEEP | ALLOD_EXACT);
	check_errno(answer_in(box), EINVAL, "to keep what is exact: EINVAL");
	allod_lend(tap_pointer(16), 1, ALLOD_R | ALLOD_EXACT);
	check_errno(answer_in(box), EFAULT, "exact, and nothing there: EFAULT");
	allod_space_close(box);
}

static void test_portals(void)
{
	struct allod_space *box = allod_sandbox(NULL);
	struct allod_how past = { 1 };
	uint64_t words[6] = { 0 }, result;
	allod_portal portal = allod_portal_at(box, (const void *)answer);
	unsigned made = 0;

	CHECK_NULL(allod_offer((const void *)answer, NOBODY), ENOENT, "allod_offer: ENOENT");
	check_errno(allod_withdraw(NULL, (const void *)page), ENOENT, "allod_withdraw: ENOENT");
	check_errno(allod_withdraw(box, (const void *)page), ENOENT, "allod_withdraw: ENOENT, in a sandbox");
	CHECK_NULL(allod_offer(NULL, allod_space_number(box)), EINVAL, "allod_offer: EINVAL, no function");
	check_errno(allod_serve(65, 0), EINVAL, "allod_serve: EINVAL");
	check_errno(allod_serve(1, ~0ul), EINVAL, "allod_serve: EINVAL, stack");
	allod_space_deadline(box, ~0ul);
	check(answer_in(box) == 5 && errno == 0, "a deadline after the end of time");
	allod_space_deadline(box, 0);
	check_errno(allod_call(portal + 1, words, &result, NULL), ENOENT, "allod_call: ENOENT");
	check_errno(allod_call((uint64_t)allod_pointer(1, PAGE), words, &result, NULL), EPERM, "allod_call: EPERM");
	check_errno(allod_call(portal, words, &result, &past), ETIMEDOUT, "allod_call: ETIMEDOUT");
	nothing_in(box, 1);
	check(errno == 0, "a function without a result");
	nothing_at(portal + 1, 1);
	check(errno == ENOENT, "a function without a result, and no portal: ENOENT");
	check(!allod_withdraw(box, (const void *)answer), "withdrawn");
	CHECK_NULL(allod_portal_at(box, (const void *)answer), ENOENT, "allod_portal_at: ENOENT");
	check_errno(answer_in(box), ENOENT, "a call of what is withdrawn: ENOENT");
	while (made < 2000 && allod_portal_at(box, tap_pointer(0x10000 + 16 * made)))
		made++;
	check(errno == EDQUOT && made > 400 && made < 600, "allod_portal_at: EDQUOT, too many functions");
	for (made = 0; made < 2000 && allod_offer(tap_pointer(0x10000 + 16 * made), allod_space_number(box)); made++)
		;
	check(errno == EDQUOT && made > 400 && made < 600, "allod_offer: EDQUOT, too many functions");
	allod_space_close(box);
}

static void test_texts(void)
{
	const int errors[] = { 0, ENOSYS, EINVAL, EPERM, ENOENT, ENOMEM, EDQUOT, EOWNERDEAD, ETIMEDOUT, EINTR, ELOOP };
	unsigned same = 0;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		for (size_t k = 0; k <= i; k++)
			same += !strcmp(allod_error_text(errors[i]),
				k < i ? allod_error_text(errors[k]) : allod_error_text(-1));
	check(!same, "each error has a text of its own");
	check(allod_errno(0) == 0 && allod_errno(7) == 0 && allod_errno(-38) == ENOSYS && allod_errno(-1) == ENOMEM &&
			allod_errno(-10) == EOWNERDEAD,
		"allod_errno");
}

int main(void)
{
	if (!allod_present()) {
		test_elsewhere();
		return tap_end();
	}
	test_spaces();
	test_grants();
	test_portals();
	test_texts();
	return tap_end();
}
