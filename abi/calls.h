/* The numbers of the native calls, in C and in assembly: CALL_name for each line of calls.def. */
#ifndef ALLOD_ABI_CALLS_H
#define ALLOD_ABI_CALLS_H

/* So many numbers from the first on are the kernel's. */
#define ALLOD_CALL_FIRST 0x1000
#define ALLOD_CALL_COUNT 0x1000

#ifdef __ASSEMBLER__
#define ALLOD_CALL(number, name, arguments) .set CALL_##name, number;
#include "calls.def"
#else
#define ALLOD_CALL(number, name, arguments) CALL_##name = number,
enum allod_call {
#include "calls.def"
};
#endif
#undef ALLOD_CALL

#endif
