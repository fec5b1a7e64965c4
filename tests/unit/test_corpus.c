/* The fuzzer's kept corpus, played again for every page-table format. */
#include <dirent.h>
#include <stdio.h>

#include "model.h"

#define CORPUS "tests/fuzz/corpus"

static void play(const char *name)
{
	static u8 data[1 << 16];
	char path[512];
	struct choices choices = { .data = data };
	FILE *file;

	snprintf(path, sizeof(path), CORPUS "/%s", name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot open %s", path);
	choices.left = fread(data, 1, sizeof(data), file);
	fclose(file);
	model_run(&choices, 2000, true);
}

static void test_corpus(void **state)
{
	DIR *folder = opendir(CORPUS);
	unsigned count = 0;

	(void)state;
	if (!folder)
		fail_msg("cannot open " CORPUS);
	for (const struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.') {
			play(entry->d_name);
			count++;
		}
	closedir(folder);
	assert_true(count > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_corpus) };

	core_start(argc, argv, 48u << 20);
	model_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
