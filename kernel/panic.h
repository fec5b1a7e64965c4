/* Panics: the kernel stops because an invariant does not hold. Nothing that user mode does may cause one: a panic is a bug of the
 * kernel, and its text names the invariant. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "types.h"

/* Prints the text, a backtrace with names and the current thread's chain of calls to the log, and ends the machine. */
_Noreturn void panic(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Prints a backtrace of the kernel with names to the log: from an instruction (0: not known) and a frame pointer on. */
void backtrace(u64 ip, u64 frame);

/* States an invariant; asserts stay on in the default build. */
#define ASSERT(condition) ((condition) ? (void)0 : panic("%s:%d: broken invariant: %s", __FILE__, __LINE__, #condition))

#endif
