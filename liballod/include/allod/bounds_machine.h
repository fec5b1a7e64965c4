/* The machine's part of <allod/bounds.h>, which includes it; not for programs. Both machines have the same:
 *
 *   ALLOD_BOUNDS_REPORT_BYTES   length of the instruction that reports
 *   ALLOD_BOUNDS_TABLE_STORE    stores pointer and bounds at the location, with the protocol of bounds.h; goes to `missing` if the
 *                               location has no table, to `slow` if another thread is at the entry
 *   ALLOD_BOUNDS_TABLE_LOAD     the bounds of the pointer that was found at the location; goes to `missing` likewise, to `slow` if
 *                               the entry is being changed or is another pointer's
 *
 * No result is used after a jump: clang leaves them undefined there. */
#ifndef ALLOD_BOUNDS_MACHINE_H
#define ALLOD_BOUNDS_MACHINE_H

#define ALLOD_BOUNDS_DIRECTORY 0x60000000

#if defined(__x86_64__)

#define ALLOD_BOUNDS_REPORT_BYTES 7

#define ALLOD_BOUNDS_TABLE_STORE(location_, pointer_, base_, rest_, missing_, slow_) \
	({ \
		uint64_t entry_ = 0; \
		__asm__ volatile goto("movq %[at], %[entry]\n\t" \
			     "shrq $20, %[entry]\n\t" \
			     "movq %c[directory](,%[entry],8), %[entry]\n\t" \
			     "testq %[entry], %[entry]\n\t" \
			     "jz %l[" #missing_ "]\n\t" \
			     "lock btsl $31, (%[entry],%[at],4)\n\t" \
			     "jc %l[" #slow_ "]\n\t" \
			     "movq %[base], -24(%[entry],%[at],4)\n\t" \
			     "movq %[rest], -16(%[entry],%[at],4)\n\t" \
			     "movq %[pointer], (%[at])\n\t" \
			     "movq %[pointer], -8(%[entry],%[at],4)\n\t" \
			     "incl 4(%[entry],%[at],4)\n\t" \
			     "addl $-0x7fffffff, (%[entry],%[at],4)" \
			     : [entry] "=&r"(entry_) \
			     : [at] "r"(location_), [pointer] "r"(pointer_), [base] "r"(base_), [rest] "r"(rest_), \
			       [directory] "i"(ALLOD_BOUNDS_DIRECTORY) \
			     : "memory", "cc" \
			     : missing_, slow_); \
	})

#define ALLOD_BOUNDS_TABLE_LOAD(location_, pointer_, base_, rest_, missing_, slow_) \
	({ \
		uint64_t entry_ = 0; \
		uint32_t ended_ = 0; \
		__asm__ volatile goto("movq %[at], %[entry]\n\t" \
			     "shrq $20, %[entry]\n\t" \
			     "movq %c[directory](,%[entry],8), %[entry]\n\t" \
			     "testq %[entry], %[entry]\n\t" \
			     "jz %l[" #missing_ "]\n\t" \
			     "movl 4(%[entry],%[at],4), %[ended]\n\t" \
			     "cmpq %[pointer], -8(%[entry],%[at],4)\n\t" \
			     "jne %l[" #slow_ "]\n\t" \
			     "movq -24(%[entry],%[at],4), %[base]\n\t" \
			     "movq -16(%[entry],%[at],4), %[rest]\n\t" \
			     "cmpl %[ended], (%[entry],%[at],4)\n\t" \
			     "jne %l[" #slow_ "]" \
			     : [entry] "=&r"(entry_), [ended] "=&r"(ended_), [base] "=&r"(base_), [rest] "=&r"(rest_) \
			     : [at] "r"(location_), [pointer] "r"(pointer_), [directory] "i"(ALLOD_BOUNDS_DIRECTORY) \
			     : "memory", "cc" \
			     : missing_, slow_); \
	})

#elif defined(__aarch64__)

#define ALLOD_BOUNDS_REPORT_BYTES 4

#define ALLOD_BOUNDS_TABLE_STORE(location_, pointer_, base_, rest_, missing_, slow_) \
	({ \
		uint64_t entry_ = 0; \
		uint32_t begun_ = 0; \
		__asm__ volatile goto(".arch_extension lse\n\t" \
			     "ubfx %[entry], %[at], #20, #28\n\t" \
			     "ldr %[entry], [%[directory], %[entry], lsl #3]\n\t" \
			     "cbz %[entry], %l[" #missing_ "]\n\t" \
			     "add %[entry], %[entry], %[at], lsl #2\n\t" \
			     "ldset %w[claim], %w[begun], [%[entry]]\n\t" \
			     "tbnz %w[begun], #31, %l[" #slow_ "]\n\t" \
			     "dmb ishst\n\t" \
			     "stp %[base], %[rest], [%[entry], #-24]\n\t" \
			     "str %[pointer], [%[at]]\n\t" \
			     "stur %[pointer], [%[entry], #-8]\n\t" \
			     "add %w[begun], %w[begun], #1\n\t" \
			     "dmb ishst\n\t" \
			     "stp %w[begun], %w[begun], [%[entry]]" \
			     : [entry] "=&r"(entry_), [begun] "=&r"(begun_) \
			     : [at] "r"(location_), [pointer] "r"(pointer_), [base] "r"(base_), [rest] "r"(rest_), \
			       [directory] "r"((uint64_t)ALLOD_BOUNDS_DIRECTORY), [claim] "r"(1u << 31) \
			     : "memory", "cc" \
			     : missing_, slow_); \
	})

#define ALLOD_BOUNDS_TABLE_LOAD(location_, pointer_, base_, rest_, missing_, slow_) \
	({ \
		uint64_t entry_ = 0, stored_ = 0, begun_ = 0; \
		uint32_t ended_ = 0; \
		__asm__ volatile goto("ubfx %[entry], %[at], #20, #28\n\t" \
			     "ldr %[entry], [%[directory], %[entry], lsl #3]\n\t" \
			     "cbz %[entry], %l[" #missing_ "]\n\t" \
			     "add %[entry], %[entry], %[at], lsl #2\n\t" \
			     "ldr %w[ended], [%[entry], #4]\n\t" \
			     "dmb ishld\n\t" \
			     "ldp %[base], %[rest], [%[entry], #-24]\n\t" \
			     "dmb ishld\n\t" \
			     "ldp %[stored], %[begun], [%[entry], #-8]\n\t" \
			     "cmp %[stored], %[pointer]\n\t" \
			     "ccmp %w[begun], %w[ended], #0, eq\n\t" \
			     "b.ne %l[" #slow_ "]" \
			     : [entry] "=&r"(entry_), [ended] "=&r"(ended_), [base] "=&r"(base_), [rest] "=&r"(rest_), \
			       [stored] "=&r"(stored_), [begun] "=&r"(begun_) \
			     : [at] "r"(location_), [pointer] "r"(pointer_), [directory] "r"((uint64_t)ALLOD_BOUNDS_DIRECTORY) \
			     : "memory", "cc" \
			     : missing_, slow_); \
	})

#endif

#endif
