/* The log: spaces can neither flood nor forge it (log_space.c). */
#include "core.h"

#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "log.h"
#include "timer.h"

static struct space *first, *driver, *program, *other;

enum { BURST = 20 };
#define SECOND 1000000000ul

static int setup(void **state)
{
	(void)state;
	first = core_first();
	driver = core_space(first, 0);
	program = core_space(driver, 0);
	other = core_space(program, 0);
	host_ticks += 100 * SECOND; /* nothing is left of the test before */
	log_end();
	host_logged = 0;
	return 0;
}

static void write_lines(const struct space *space, unsigned count)
{
	while (count--)
		log_of(space, "text", 4);
}

static void test_forging(void **state)
{
	static const struct space_spec spec = { .name = "a\nb\x7f\x9b" };
	static const char text[] = "\npanic on processor 0: x\r\x1b[2J\x9b";
	struct space *named;
	char wanted[100];

	(void)state;
	assert_int_equal(space_create(driver, &spec, &named), 0);
	log_of(named, text, sizeof(text) - 1);
	snprintf(wanted, sizeof(wanted), "space %u a?b??: ?panic on processor 0: x??[2J?", named->number);
	assert_string_equal(host_log, wanted);
}

static void test_length(void **state)
{
	char text[LOG_TEXT_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	log_of(program, text, sizeof(text));
	assert_true(strlen(host_log) > LOG_TEXT_MAX && strlen(host_log) < 256);
	log_of(program, text, 0);
	assert_null(strchr(host_log, 'x'));
}

static void test_flood(void **state)
{
	(void)state;
	write_lines(program, 500);
	write_lines(other, 500); /* another space is no way out */
	assert_int_equal(host_logged, BURST);
	assert_false(log_admits(program));
	host_ticks += SECOND;
	write_lines(other, 500);
	/* Ten more a second, and one that says what was dropped. */
	assert_int_equal(host_logged, BURST + 10 + 1);
	host_ticks += SECOND;
	log_end();
	assert_string_equal(host_log, "log: 490 lines of programs were dropped");
	host_logged = 0;
	log_end();
	assert_int_equal(host_logged, 0);
}

static void test_others_go_on(void **state)
{
	const struct space_spec spec = { .flags = SPACE_TRUSTED, .name = "service" };
	struct space *service;

	(void)state;
	assert_int_equal(space_create(first, &spec, &service), 0);
	write_lines(program, 500);
	host_logged = 0;
	write_lines(driver, 3);
	assert_int_equal(host_logged, 3);
	write_lines(service, 500);
	assert_int_equal(host_logged, 503);
	assert_string_equal(host_log, "text");
	write_lines(driver, 500);
	assert_int_equal(host_logged, 503 + BURST - 3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forging),
		TEST(test_length),
		TEST(test_flood),
		TEST(test_others_go_on),
	};

	core_start(argc, argv, 16u << 20);
	timer_init();
	setup(NULL);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
