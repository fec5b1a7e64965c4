/* The line discipline of the terminal: services/linux/tty/line_discipline.c. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The C library's signal numbers do; its types and those of the UAPI header exclude each other. */
#define _ASM_X86_SIGNAL_H
#include "services/linux/tty/line_discipline.c"

static struct ldisc ldisc;
static char screen[8192];
static size_t screen_length;
static int last_signal, signals;

static void to_screen(struct ldisc *unused, const char *text, size_t bytes)
{
	(void)unused;
	memcpy(screen + screen_length, text, bytes);
	screen_length += bytes;
	screen[screen_length] = 0;
}

static void on_signal(struct ldisc *unused, int signal)
{
	(void)unused;
	last_signal = signal;
	signals++;
}

static int setup(void **state)
{
	(void)state;
	memset(&ldisc, 0, sizeof(ldisc));
	ldisc.output = to_screen;
	ldisc.signal = on_signal;
	ldisc_init(&ldisc);
	screen_length = 0;
	screen[0] = 0;
	last_signal = signals = 0;
	return 0;
}

static void type(const char *text)
{
	while (*text)
		ldisc_input(&ldisc, *text++);
}

static void raw(void)
{
	struct termios settings = ldisc.settings;

	settings.c_lflag &= ~(unsigned)(ICANON | ECHO | ISIG | IEXTEN);
	settings.c_iflag &= ~(unsigned)(ICRNL | IXON);
	settings.c_oflag &= ~(unsigned)OPOST;
	ldisc_set(&ldisc, &settings, true);
}

/* The next read of up to `bytes` gives exactly this. */
static void reads(size_t bytes, const char *expected)
{
	char buffer[8192];
	const size_t got = ldisc_read(&ldisc, buffer, bytes);

	buffer[got] = 0;
	assert_string_equal(buffer, expected);
}

static void test_lines(void **state)
{
	(void)state;
	type("one");
	assert_false(ldisc_readable(&ldisc, 1));
	type("\rtwo\n");
	assert_true(ldisc_readable(&ldisc, 1));
	reads(100, "one\n");
	reads(2, "tw");
	reads(100, "o\n");
	assert_false(ldisc_readable(&ldisc, 1));
	assert_string_equal(screen, "one\r\ntwo\r\n");
}

static void test_erase(void **state)
{
	(void)state;
	type("abX\x7f"
	     "c\n");
	reads(100, "abc\n");
	assert_string_equal(screen, "abX\b \bc\r\n");
	/* Nothing before the line can be erased. */
	type("\x7f\x7f"
	     "d\n");
	reads(100, "d\n");
}

static void test_erase_wide(void **state)
{
	(void)state;
	/* A control character takes two columns, a character of UTF-8 one. */
	type("\x01\x7f");
	assert_string_equal(screen, "^A\b \b\b \b");
	screen_length = 0;
	type("\xc3\xa4\x7f\n");
	assert_string_equal(screen, "\xc3\xa4\b \b\r\n");
	reads(100, "\n");
}

static void test_erase_tab(void **state)
{
	(void)state;
	type("ab\t\x7f");
	assert_string_equal(screen, "ab\t\b \b\b \b\b \b\b \b\b \b\b \b");
}

static void test_word_and_line(void **state)
{
	(void)state;
	type("one two\x17three\n");
	reads(100, "one three\n");
	type("gone\x15kept\n");
	reads(100, "kept\n");
}

static void test_end_of_file(void **state)
{
	(void)state;
	type("\x04");
	assert_true(ldisc_readable(&ldisc, 1));
	reads(100, "");
	assert_false(ldisc_readable(&ldisc, 1));
	/* In a line it only ends the read. */
	type("ab\x04"
	     "cd\n");
	reads(100, "ab");
	reads(100, "cd\n");
	/* A read that the line fills exactly leaves no end of file behind. */
	type("ab\x04");
	reads(2, "ab");
	assert_false(ldisc_readable(&ldisc, 1));
}

static void test_signals(void **state)
{
	(void)state;
	type("lost\x03");
	assert_int_equal(last_signal, SIGINT);
	assert_string_equal(screen, "lost^C");
	type("\x1a");
	assert_int_equal(last_signal, SIGTSTP);
	type("\x1c");
	assert_int_equal(last_signal, SIGQUIT);
	type("x\n");
	reads(100, "x\n");
	assert_int_equal(signals, 3);
}

static void test_literal(void **state)
{
	(void)state;
	type("a\x16\x03"
	     "b\n");
	assert_int_equal(signals, 0);
	reads(100,
		"a\x03"
		"b\n");
}

static void test_flow(void **state)
{
	(void)state;
	type("\x13");
	assert_true(ldisc.stopped);
	type("\x11");
	assert_false(ldisc.stopped);
	assert_int_equal(ldisc_count(&ldisc), 0);
}

static void test_raw(void **state)
{
	(void)state;
	raw();
	type("\x03\r");
	assert_int_equal(signals, 0);
	assert_int_equal(screen_length, 0);
	assert_true(ldisc_readable(&ldisc, 2));
	assert_false(ldisc_readable(&ldisc, 3));
	reads(1, "\x03");
	reads(100, "\r");
}

static void test_change_of_mode(void **state)
{
	struct termios cooked;

	(void)state;
	cooked = ldisc.settings;
	type("half");
	raw();
	assert_int_equal(ldisc_count(&ldisc), 0);
	type("typed");
	ldisc_set(&ldisc, &cooked, false);
	assert_true(ldisc_readable(&ldisc, 1));
	reads(100, "typed");
}

static void test_full(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LDISC_RING + 100; i++)
		ldisc_input(&ldisc, 'x');
	type("\n");
	assert_int_equal(ldisc_count(&ldisc), LDISC_RING);
	assert_false(ldisc_has_room(&ldisc));
	assert_int_equal(ldisc_read(&ldisc, screen, sizeof(screen)), LDISC_RING);
	assert_int_equal(screen[LDISC_RING - 1], '\n');
}

static void test_output(void **state)
{
	char to[64];
	struct termios settings;

	(void)state;
	assert_int_equal(ldisc_process(&ldisc, "a\nb", 3, to), 4);
	assert_memory_equal(to, "a\r\nb", 4);
	settings = ldisc.settings;
	settings.c_oflag |= XTABS;
	ldisc_set(&ldisc, &settings, false);
	assert_int_equal(ldisc_process(&ldisc, "\t", 1, to), 7);
	assert_memory_equal(to, "       ", 7);
	raw();
	assert_int_equal(ldisc_process(&ldisc, "\n", 1, to), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lines, setup),
		cmocka_unit_test_setup(test_erase, setup),
		cmocka_unit_test_setup(test_erase_wide, setup),
		cmocka_unit_test_setup(test_erase_tab, setup),
		cmocka_unit_test_setup(test_word_and_line, setup),
		cmocka_unit_test_setup(test_end_of_file, setup),
		cmocka_unit_test_setup(test_signals, setup),
		cmocka_unit_test_setup(test_literal, setup),
		cmocka_unit_test_setup(test_flow, setup),
		cmocka_unit_test_setup(test_raw, setup),
		cmocka_unit_test_setup(test_change_of_mode, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_output, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
