/* Included before all else (Makefile): what the kernel declares is its own, and reached by its distance, without a global offset
 * table; also before relocations are applied (early.c). */
#ifndef KERNEL_HIDDEN_H
#define KERNEL_HIDDEN_H

#pragma GCC visibility push(hidden)

#endif
