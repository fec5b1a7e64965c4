/* The parts of init and of the fs driver that only look at bytes: the boot archive, ELF files, the configuration, messages
 * of 9P2000.L. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/9p/message.c"
#include "services/init/archive.c"
#include "services/init/config.c"
#include "services/init/elf.c"

/* --- the archive --- */

/* Appends an entry of a cpio archive in "newc" format. */
static size_t add_file(char *at, const char *name, const void *content, size_t bytes)
{
	const size_t name_bytes = strlen(name) + 1;
	size_t used;

	sprintf(at, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, 0100644, 0, 0, 1, 0,
		(unsigned)bytes, 0, 0, 0, 0, (unsigned)name_bytes, 0);
	memcpy(at + 110, name, name_bytes);
	used = padded(110 + name_bytes);
	memcpy(at + used, content, bytes);
	return padded(used + bytes);
}

static size_t make_archive(char *at)
{
	size_t bytes = add_file(at, "./first", "12345", 5);

	bytes += add_file(at + bytes, "second", "abc", 3);
	bytes += add_file(at + bytes, "empty", "", 0);
	return bytes + add_file(at + bytes, "TRAILER!!!", "", 0);
}

static void test_archive_finds_files(void **state)
{
	char memory[2048] = { 0 };
	const struct file archive = { memory, make_archive(memory) };
	struct file found;

	(void)state;
	assert_true(archive_find(archive, "first", &found));
	assert_int_equal(found.bytes, 5);
	assert_memory_equal(found.at, "12345", 5);
	assert_true(archive_find(archive, "second", &found));
	assert_memory_equal(found.at, "abc", 3);
	assert_true(archive_find(archive, "empty", &found));
	assert_int_equal(found.bytes, 0);
	assert_false(archive_find(archive, "third", &found));
}

/* Cut off anywhere, and with every byte of the headers changed, it is read within its bounds (the sanitizers look). */
static void test_archive_survives_damage(void **state)
{
	char whole[2048] = { 0 };
	const size_t bytes = make_archive(whole);
	struct file found;

	(void)state;
	for (size_t cut = 0; cut < bytes; cut++) {
		char *copy = malloc(cut + 1);

		memcpy(copy, whole, cut);
		archive_find((struct file){ copy, cut }, "second", &found);
		free(copy);
	}
	for (size_t at = 0; at < bytes; at++) {
		char *copy = malloc(bytes);

		memcpy(copy, whole, bytes);
		copy[at] = 'f';
		archive_find((struct file){ copy, bytes }, "second", &found);
		free(copy);
	}
}

/* --- ELF files --- */

struct image {
	struct elf_header header;
	struct elf_program program[2];
	char text[32];
};

static struct image make_image(void)
{
	struct image image = {
		.header = { .type = TYPE_EXECUTABLE,
			.machine = ELF_MACHINE,
			.entry = 0x400010,
			.program_bytes = 56,
			.programs = 2 },
	};

	memcpy(image.header.ident, ident, sizeof(ident));
	image.header.program_offset = offsetof(struct image, program);
	image.program[0] = (struct elf_program){ PROGRAM_LOAD, PROGRAM_R | PROGRAM_X, offsetof(struct image, text),
		0x400000, 0, sizeof(image.text), sizeof(image.text), 4096 };
	image.program[1] = (struct elf_program){ PROGRAM_LOAD, PROGRAM_R | PROGRAM_W, offsetof(struct image, text),
		0x401100, 0, 8, 0x2000, 4096 };
	return image;
}

static void test_elf_pieces(void **state)
{
	const struct image image = make_image();
	struct elf elf;

	(void)state;
	assert_true(elf_read((struct file){ (const char *)&image, sizeof(image) }, 1ul << 32, &elf));
	assert_int_equal(elf.entry, 0x400010);
	assert_int_equal(elf.pieces, 2);
	assert_int_equal(elf.piece[0].rights, RIGHT_R | RIGHT_X);
	assert_int_equal(elf.piece[1].start, 0x401000);
	assert_int_equal(elf.piece[1].end, 0x404000);
	assert_int_equal(elf.piece[1].file.bytes, 8);
	assert_int_equal(elf.piece[1].rights, RIGHT_R | RIGHT_W);
}

static bool reads(const struct image *image)
{
	struct elf elf;

	return elf_read((struct file){ (const char *)image, sizeof(*image) }, 1ul << 32, &elf);
}

static void test_elf_refuses(void **state)
{
	struct image image = make_image();

	(void)state;
	image.header.machine++;
	assert_false(reads(&image));
	image = make_image();
	image.header.programs = 60000;
	assert_false(reads(&image));
	image = make_image();
	image.program[1].offset = ~0ull - 3;
	assert_false(reads(&image));
	image = make_image();
	image.program[1].address = ~0ull - 0x1000;
	assert_false(reads(&image));
	image = make_image();
	image.program[1].memory_bytes = ~0ull;
	assert_false(reads(&image));
	image = make_image();
	image.program[1].file_bytes = 0x3000;
	assert_false(reads(&image));
	image = make_image();
	image.header.program_offset = ~0ull;
	assert_false(reads(&image));
}

/* --- the configuration --- */

static void test_config(void **state)
{
	static const char text[] = "arg=ls\0share=1:/a:ro\0env=share=5\0share=2:/b:rw\0cut=off";
	const struct file config = { text, sizeof(text) - 1 };
	const char *share = config_get(config, "share", NULL);

	(void)state;
	assert_string_equal(share, "1:/a:ro");
	share = config_get(config, "share", share);
	assert_string_equal(share, "2:/b:rw");
	assert_null(config_get(config, "share", share));
	assert_null(config_get(config, "cut", NULL)); /* not terminated */
	assert_null(config_get(config, "shar", NULL));
	assert_null(config_get((struct file){ text, 0 }, "arg", NULL));
}

/* --- 9P --- */

/* A TLOPEN as the protocol's description has it, byte for byte. */
static void test_message_bytes(void **state)
{
	static const u8 expected[] = { 15, 0, 0, 0, 12, 0x34, 0x12, 7, 0, 0, 0, 0, 0, 1, 0 };
	struct writer w;
	u8 memory[64];

	(void)state;
	writer_begin(&w, memory, sizeof(memory), TLOPEN, 0x1234);
	put_u32(&w, 7);
	put_u32(&w, 0x10000);
	assert_int_equal(writer_end(&w), sizeof(expected));
	assert_memory_equal(memory, expected, sizeof(expected));
}

static void test_message_too_long(void **state)
{
	struct writer w;
	u8 memory[16];

	(void)state;
	writer_begin(&w, memory, 12, TWALK, 1);
	put_string(&w, "abc", 3);
	assert_int_equal(writer_end(&w), 12);
	writer_begin(&w, memory, 11, TWALK, 1);
	put_string(&w, "abc", 3);
	assert_int_equal(writer_end(&w), 0);
	writer_begin(&w, memory, 5, TWALK, 1);
	assert_int_equal(writer_end(&w), 0);
}

static void test_answer(void **state)
{
	u8 answer[] = { 20, 0, 0, 0, 13, 9, 0, 0x80, 1, 2, 3, 4, 0x11, 0x22, 0, 0, 0, 0, 0, 0 };
	struct reader r;
	struct qid qid;

	(void)state;
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TLOPEN + 1, 9), 0);
	qid = get_qid(&r);
	assert_int_equal(qid.type, 0x80);
	assert_int_equal(qid.path, 0x2211);
	assert_false(r.bad);
	get_u8(&r);
	assert_true(r.bad);
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TLOPEN + 1, 8), -1);
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TWALK + 1, 9), -1);
	assert_int_equal(reader_begin(&r, answer, sizeof(answer) - 1, TLOPEN + 1, 9), -1);
	assert_int_equal(reader_begin(&r, answer, 3, TLOPEN + 1, 9), -1);
}

static void test_answer_error(void **state)
{
	u8 answer[] = { 11, 0, 0, 0, RLERROR, 9, 0, 2, 0, 0, 0 };
	struct reader r;

	(void)state;
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TLOPEN + 1, 9), 2);
	answer[7] = 0;
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TLOPEN + 1, 9), -1);
	answer[10] = 0xff;
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TLOPEN + 1, 9), -1);
	answer[0] = 9;
	assert_int_equal(reader_begin(&r, answer, sizeof(answer), TLOPEN + 1, 9), -1);
}

static void test_reader_stops(void **state)
{
	const u8 bytes[4] = { 1, 2, 3, 4 };
	struct reader r = { .at = bytes, .end = bytes + 4 };

	(void)state;
	assert_null(get_bytes(&r, 5));
	assert_true(r.bad);
	assert_int_equal(get_u32(&r), 0x04030201);
	assert_int_equal(get_u64(&r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_archive_finds_files),
		cmocka_unit_test(test_archive_survives_damage),
		cmocka_unit_test(test_elf_pieces),
		cmocka_unit_test(test_elf_refuses),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_message_bytes),
		cmocka_unit_test(test_message_too_long),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_error),
		cmocka_unit_test(test_reader_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
