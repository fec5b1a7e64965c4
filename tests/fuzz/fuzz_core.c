/* libFuzzer target: bytes choose operations of the core, the flat model judges them (tests/unit/model.h). A mistake ends the
 * process, which is what libFuzzer looks for. */
#include <stdlib.h>

#include "model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char *arguments[] = { (*argv)[0], getenv("FUZZ_LEVELS"), NULL };

	(void)argc;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	core_start(arguments[1] ? 2 : 1, arguments, 48u << 20);
	model_prepare();
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct choices choices = { .data = data, .left = size };

	model_run(&choices, 2000, false);
	return 0;
}
