/* <allod/bounded.h>: each function does what the C library's does, and reports what would leave an object. */
#include <ucontext.h>

#include "tap.h"

#include <allod/bounded.h>

#include "machine.h"

static volatile int reports;
static siginfo_t info;

static void step_over(int number, siginfo_t *what, void *context)
{
	(void)number;
	info = *what;
	reports++;
	machine_step(context, ALLOD_BOUNDS_REPORT_BYTES);
}

/* Whether the statement was reported, for the first byte behind the object or wherever it says. */
#define REPORTED(statement, where) \
	({ \
		reports = 0; \
		statement; \
		reports == 1 && info.si_code == SEGV_BNDERR &&info.si_addr == (void *)(where); \
	})
#define SILENT(condition) (reports = 0, (condition) && reports == 0)

static struct allod_ref text(const char *string)
{
	return allod_ref_strdup(allod_ref_string(string));
}

/* No NUL inside. */
static struct allod_ref endless(size_t bytes)
{
	return allod_ref_memset(allod_ref_malloc(bytes), 'x', bytes);
}

static void test_memory(void)
{
	struct allod_ref a = allod_ref_malloc(32), b = allod_ref_calloc(4, 8), c;
	void **slot = b.at;

	check(SILENT(ALLOD_AT(int, a, 7) = 5) && REPORTED(ALLOD_AT(int, a, 0) = ALLOD_AT(int, a, 8), (char *)a.at + 32),
		"elements");
	volatile size_t many = SIZE_MAX;
	check(SILENT(ALLOD_AT(long, b, 3) == 0) && !allod_ref_calloc(many, 3).at, "calloc");
	allod_ref_store(slot, a);
	c = allod_ref_load(slot);
	check(c.at == a.at && REPORTED(allod_ref_memset(c, 0, 33), (char *)a.at + 32),
		"a pointer in memory keeps its bounds");
	b = allod_ref_realloc(b, 4096);
	slot = b.at;
	c = allod_ref_load(slot);
	check(c.at == a.at && !allod_bounds_is_open(c.bounds) && SILENT(ALLOD_AT(char, b, 4095) = 1),
		"realloc: larger");
	b = allod_ref_realloc(b, 16);
	slot = b.at;
	c = allod_ref_load(slot);
	check(!allod_bounds_is_open(c.bounds) &&
			REPORTED(ALLOD_AT(char, b, 16) = ALLOD_AT(char, b, 0), (char *)b.at + 16),
		"smaller");
	check(REPORTED(allod_ref_free(allod_ref_add(a, 8)), (char *)a.at - 1), "free of an inner address");
	allod_ref_free(b);
	allod_ref_free(a);
	allod_ref_free(allod_ref_null());
	c = allod_ref_realloc(allod_ref_null(), 10);
	check(SILENT(ALLOD_AT(char, c, 9) = 1), "realloc of nothing");
	allod_ref_free(c);
}

static void test_copies(void)
{
	struct allod_ref a = endless(16), b = endless(8), part = allod_ref_part(a, 4, 4);
	char *first = a.at, *second = b.at;

	check(SILENT(allod_ref_memcpy(a, b, 8).at == a.at), "memcpy");
	check(REPORTED(allod_ref_memcpy(a, b, 9), second + 8), "memcpy reads too much");
	check(REPORTED(allod_ref_memcpy(b, a, 9), second + 8), "memcpy writes too much");
	check(REPORTED(allod_ref_memmove(allod_ref_add(a, 10), a, 8), first + 17), "memmove");
	check(REPORTED(allod_ref_memset(part, 0, 5), first + 8), "memset of a part");
	check(REPORTED(allod_ref_memcmp(a, b, 9), second + 8) && SILENT(allod_ref_memcmp(a, b, 8) == 0), "memcmp");
	check(REPORTED(allod_ref_part(a, 12, 5), first + 16), "a part is no larger");
	allod_ref_free(a);
	allod_ref_free(b);
}

static void test_strings(void)
{
	struct allod_ref a = text("hello"), b = endless(6), room = endless(12), found;
	char *second = b.at, *third = room.at;

	check(SILENT(allod_ref_strlen(a) == 5) && REPORTED(allod_ref_strlen(b), second + 6), "strlen");
	check(SILENT(!strcmp(allod_ref_strcpy(b, a).at, "hello")), "strcpy that fits");
	check(REPORTED(allod_ref_strcpy(allod_ref_add(b, 1), a), second + 6), "one that does not");
	allod_ref_strcpy(room, a);
	check(SILENT(!strcmp(allod_ref_strcat(room, a).at, "hellohello")) &&
			REPORTED(allod_ref_strcat(room, a), third + 15),
		"strcat");
	check(SILENT(!memcmp(allod_ref_strncpy(room, a, 8).at, "hello\0\0\0", 8)) &&
			REPORTED(allod_ref_strncpy(room, a, 13), third + 12),
		"strncpy");
	b = endless(6);
	second = b.at;
	check(SILENT(!memcmp(allod_ref_strncpy(room, b, 6).at, "xxxxxx", 6)) &&
			REPORTED(allod_ref_strncpy(room, b, 7), second + 6),
		"strncpy without an end");
	check(SILENT(allod_ref_strcmp(a, allod_ref_string("help")) < 0 && !allod_ref_strcmp(a, a)), "strcmp");
	check(SILENT(allod_ref_strcmp(a, b) < 0) &&
			REPORTED(allod_ref_strcmp(b, allod_ref_string("xxxxxxx")), second + 6),
		"strcmp without an end");
	check(SILENT(!allod_ref_strncmp(b, allod_ref_string("xxxxxxx"), 6)), "strncmp");
	found = allod_ref_strchr(a, 'l');
	check(SILENT((char *)found.at - (char *)a.at == 2 && allod_ref_strlen(found) == 3), "strchr");
	check(!allod_ref_strchr(a, 'z').at && SILENT(ALLOD_AT(char, found, -2) == 'h'), "its bounds are the string's");
	found = allod_ref_strstr(a, allod_ref_string("ll"));
	check((char *)found.at - (char *)a.at == 2 && !allod_ref_strstr(a, allod_ref_string("lx")).at, "strstr");
	check(SILENT(allod_ref_strlen(allod_ref_strdup(a)) == 5), "strdup");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = step_over, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	test_memory();
	test_copies();
	test_strings();
	return tap_end();
}
