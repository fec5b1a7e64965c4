/* Before all else in every source of the kernel, by the compiler's -include: what is declared is the kernel's own, so calls and data
 * are reached without a global offset table. */
#ifndef KERNEL_HIDDEN_H
#define KERNEL_HIDDEN_H

#pragma GCC visibility push(hidden)

#endif
