/* Reading maps (tool/map_read.c): a good one, and files damaged in all ways: each is shown without a mistake, or refused with
 * exactly one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/repeats.h"
#include "tool/map_dot.c"
#include "tool/map_read.c"
#include "tool/map_text.c"

enum { ROUNDS = 4000, TEXT_MAX = 8192 };

static const char good[] =
	"{\"number_shift\": 40, \"window\": 1099511627776, \"shield\": 1,\n"
	"\"spaces\": [\n"
	"{\"number\": 1, \"name\": \"init\", \"manager\": 0, \"system\": 0, \"threads\": 3, \"frames\": 29, \"flags\": "
	"[\"trusted\", \"devices\"], \"end\": \"alive\", \"window\": {\"regions\": 17, \"bytes\": 8192, \"writable\": 4096, "
	"\"executable\": 4096, \"shared\": 0}},\n"
	"{\"number\": 2, \"name\": \"linux\", \"manager\": 1, \"system\": 0, \"threads\": 6, \"frames\": 201, \"flags\": "
	"[\"trusted\"], \"end\": \"alive\", \"window\": {\"regions\": 17, \"bytes\": 1143717888, \"writable\": 1143533568, "
	"\"executable\": 147456, \"shared\": 335544320}},\n"
	"{\"number\": 5, \"name\": \"sh\", \"manager\": 2, \"system\": 2, \"threads\": 1, \"frames\": 37, \"flags\": [], "
	"\"end\": \"alive\", \"window\": {\"regions\": 18, \"bytes\": 10874880, \"writable\": 8626176, \"executable\": "
	"1634304, \"shared\": 0}, \"limit\": {\"frames\": 100, \"spaces\": 0}, \"used\": {\"frames\": 37, \"spaces\": 1}}],\n"
	"\"grants\": [\n"
	"{\"number\": 3, \"parent\": 0, \"owner\": 1, \"from\": 1, \"to\": 2, \"rights\": \"p\", \"flags\": [], \"start\": "
	"4203680, \"bytes\": 1},\n"
	"{\"number\": 7, \"parent\": 0, \"owner\": 5, \"from\": 2, \"to\": 2, \"rights\": \"rw\", \"flags\": [\"pass\"], "
	"\"start\": 0, \"bytes\": 1099511627776},\n"
	"{\"number\": 8, \"parent\": 7, \"owner\": 5, \"from\": 2, \"to\": 1, \"rights\": \"r\", \"flags\": [], \"start\": "
	"4096, \"bytes\": 100},\n"
	"{\"number\": 9, \"parent\": 0, \"owner\": 5, \"from\": 5, \"to\": 1, \"rights\": \"w\", \"flags\": [], \"start\": "
	"8192, \"bytes\": 4096}],\n"
	"\"portals\": [\n"
	"{\"space\": 1, \"address\": \"0x100004024a0\", \"entry\": 4203680, \"cookie\": \"0x405350\", \"symbol\": "
	"\"serve_linux\", \"file\": \"init\"},\n"
	"{\"space\": 5, \"address\": \"0x50000401000\", \"entry\": 4198400, \"cookie\": \"0x0\"}],\n"
	"\"calls\": [{\"from\": 9, \"to\": 1, \"calls\": 2}, {\"from\": 2, \"to\": 1, \"calls\": 1300}],\n"
	"\"other_calls\": 4, \"system_calls\": 204,\n"
	"\"processes\": [{\"space\": 5, \"pid\": 2, \"exe\": \"/bin/sh\", \"files\": []}],\n"
	"\"vases\": [{\"space\": 9, \"name\": \"/index\", \"mode\": \"600\", \"user\": 0, \"group\": 0, "
	"\"segments\": [{\"name\": \"/data\", "
	"\"start\": 549755813888, \"bytes\": 4096, \"rights\": \"rw\"}], \"attached\": "
	"[{\"space\": 5, \"rights\": \"r\"}]}], \"machine\": \"x86_64\"}\n";

static unsigned complaints;

static void complain(const char *text, va_list arguments)
{
	char line[4096];

	vsnprintf(line, sizeof(line), text, arguments);
	assert_null(strchr(line, '\n'));
	complaints++;
}

int complaint(int code, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	complain(text, arguments);
	va_end(arguments);
	return code;
}

void message(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	complain(text, arguments);
	va_end(arguments);
}

void out_of_memory(void)
{
	abort();
}

char *text_of(const char *text, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, text);
	assert_true(vasprintf(&result, text, arguments) >= 0);
	va_end(arguments);
	return result;
}

/* Reads a text and shows it in every way. -> what map_text says of it, to be freed; NULL if it is refused. */
static char *show(const char *text, size_t bytes)
{
	struct map map;
	char *shown = NULL, *drawn = NULL, *json;
	size_t length;
	FILE *to;

	complaints = 0;
	if (map_read(&map, text, bytes, "file")) {
		assert_int_equal(complaints, 1);
		return NULL;
	}
	assert_int_equal(complaints, 0);
	to = open_memstream(&shown, &length);
	map_print_text(&map, to);
	fclose(to);
	to = open_memstream(&drawn, &length);
	map_print_dot(&map, to);
	fclose(to);
	free(drawn);
	json = map_json(map.json);
	map_free(&map);
	assert_int_equal(map_read(&map, json, strlen(json), "again"), 0);
	map_free(&map);
	free(json);
	return shown;
}

static void test_good(void **state)
{
	char *shown = show(good, sizeof(good) - 1);

	(void)state;
	assert_non_null(shown);
	assert_non_null(strstr(shown, "\n    5 sh "));
	assert_non_null(strstr(shown, "0 B  frames 37 of 100\n"));
	assert_non_null(strstr(shown, "\n  #7      rw--  whole window "));
	assert_non_null(strstr(shown, "\n    #8      r---  0x1000-0x1064, 100 B "));
	assert_non_null(strstr(shown, "\n  #9      -w--  0x2000-0x3000, 4 KiB "));
	assert_non_null(strstr(shown, "serve_linux                     2 linux\n"));
	assert_non_null(strstr(shown, "1300  2 linux -> 1 init\n           2  9 (ended) -> 1 init\n"));
	assert_non_null(strstr(shown, "\n9 /index                        600   0:0\n"));
	assert_non_null(strstr(shown, "\n  segment /data                   rw    0x8000000000-0x8000001000, 4 KiB\n"));
	assert_non_null(strstr(shown, "\n  attached to 5 sh                r\n"));
	assert_non_null(strstr(shown, "4  between other spaces\n"));
	free(shown);
}

static uint64_t seed = 1;

static size_t roll(size_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

/* Replaces a piece of the text. */
static size_t replace(char *text, size_t bytes, size_t at, size_t length, const char *with, size_t with_bytes)
{
	if (at + length > bytes || bytes - length + with_bytes > TEXT_MAX)
		return bytes;
	memmove(text + at + with_bytes, text + at + length, bytes - at - length);
	memcpy(text + at, with, with_bytes);
	return bytes - length + with_bytes;
}

/* One change: of bytes, of a number, of a value of some kind, or a piece of the text that is doubled, moved or lost. */
static size_t damage(char *text, size_t bytes)
{
	static const char *const values[] = { "-1", "0", "1", "5", "9223372036854775807", "9223372036854775808",
		"1e400", "0.5", "null", "true", "[]", "{}", "\"\"", "\"\\u001b[2J\"", "\"\\u0000\"", "\"\xc3\x28\"",
		"[[[[[[]]]]]]", "\"<&>\"", "4294967296", "-9223372036854775808", "[{}]", "[1]", "{\"a\": 1" };
	char piece[300];
	size_t at = roll(bytes), length = 1 + roll(roll(4) ? 12 : sizeof(piece)), end;
	const char *value = values[roll(sizeof(values) / sizeof(values[0]))];

	if (at + length > bytes)
		length = bytes - at;
	switch (roll(8)) {
	case 0:
		text[at] = (char)roll(256);
		return bytes;
	case 1:
		return replace(text, bytes, at, length, "", 0);
	case 2:
		memcpy(piece, text + at, length);
		return replace(text, bytes, roll(bytes), 0, piece, length);
	default:
		while (at < bytes && text[at] != ':')
			at++;
		for (end = at; end < bytes && !strchr(",}]\n", text[end]);)
			end++;
		return at < bytes ? replace(text, bytes, at + 1, end - at - 1, value, strlen(value)) : bytes;
	}
}

static void test_damaged(void **state)
{
	static char text[TEXT_MAX];
	const size_t rounds = repeats(ROUNDS);
	size_t shown = 0;

	(void)state;
	for (size_t round = 0; round < rounds; round++) {
		size_t bytes = sizeof(good) - 1;
		char *result;

		memcpy(text, good, bytes);
		for (size_t changes = 1 + roll(2); changes && bytes; changes--)
			bytes = damage(text, bytes);
		result = show(text, bytes);
		shown += result != NULL;
		free(result);
	}
	assert_true(shown > rounds / 30 && shown < rounds / 2);
}

static void test_cut(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes + 2 < sizeof(good); bytes++)
		assert_null(show(good, bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
