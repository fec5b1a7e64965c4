/* Included before all else (Makefile): what the kernel declares is its own, and reached without a global offset table. */
#ifndef KERNEL_HIDDEN_H
#define KERNEL_HIDDEN_H

#pragma GCC visibility push(hidden)

#endif
