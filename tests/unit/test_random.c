/* Random sequences of all operations against the flat model. */
#include "model.h"

#include "tests/repeats.h"

static void test_short(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 30; seed++) {
		struct choices choices = { .seed = seed };

		model_run(&choices, 300, true);
	}
}

static void test_long(void **state)
{
	struct choices choices = { .seed = 4711 };

	(void)state;
	model_run(&choices, repeats(30000), false);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_long),
	};

	core_start(argc, argv, 48u << 20);
	model_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
