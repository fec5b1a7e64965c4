/* What tests of the kernel's core share: a machine to test on, failing allocations, and a processor that goes through
 * the oracle (mmu_*.h) and the fake TLB. Each program runs once for each page-table format; its argument is the number
 * of levels. */
#ifndef TESTS_CORE_H
#define TESTS_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/arch/host/host.h"
#include "checks.h"
#include "frame.h"
#include "grant.h"
#include "layout.h"
#include "map.h"
#include "portal.h"
#include "pt.h"
#include "segment.h"
#include "space.h"
#include "tlb.h"
#include "work.h"

/* Starts the machine; levels from the program's argument. */
void core_start(int argc, char **argv, u64 bytes);

/* Lets the n-th allocation from now on (1: the next) and all after it fail; 0: none. */
void core_fail_at(u64 n);
/* Has one failed since? Switches failing off. */
bool core_failed(void);

/* Runs an operation with its first, second ... allocation failing until it succeeds. `check` is called after each
 * failure, with the same context. -> number of failures. */
unsigned core_fail_each(int (*operation)(void *context), void (*check)(void *context), void *context);

/* --- long work in steps --- */

/* From now on core_steps() has calls stop when they ask for the n-th time whether it is time to; 0: never. */
void core_stop_at(u64 n);
extern u64 core_stops; /* how often they have */
void core_begin_step(void);
/* -> is the call done? If not, everything is checked, as others would find it. */
bool core_end_step(i64 result);
/* Makes a call that may go on in steps, until it is done. -> its result. */
#define core_steps(call) \
	({ \
		i64 result_; \
		do { \
			core_begin_step(); \
			result_ = (call); \
		} while (!core_end_step(result_)); \
		(int)result_; \
	})

/* Ends a space without threads in such steps. */
void core_end_space(struct space *space);

/* An access by code running in a space: through the fake TLB, else through the oracle, else after space_fault(). On
 * success the word at va (8-aligned) is read into or written from *word. -> 0 or the code of space_fault(). */
u32 core_access(struct space *space, u64 va, u32 access, u64 *word);
/* The same for its code only. */
u32 core_code(struct space *space, u64 va, u32 access);
/* Accesses that succeed. */
u64 core_load(struct space *space, u64 va);
void core_store(struct space *space, u64 va, u64 word);
/* What the oracle says about an address: rights, 0 if none. */
u32 core_oracle(const struct space *space, u64 va, u64 *physical, bool *uncached);
/* Every translation in the fake TLB must still be one that the space may use. */
void core_check_tlb(void);

/* A summary of the truth: regions, private frames, segments' frames, grants, portals of all spaces. Equal states have
 * equal summaries. */
u64 core_digest(void);

/* A first space with all privileges, and a plain one managed by it with flags. */
struct space *core_first(void);
struct space *core_space(struct space *creator, u32 flags);
/* A new thread of a space that has a system; the processor runs it from now on. */
struct thread *core_thread(struct space *space);
/* Ends all spaces, managers first. */
void core_end_all(void);

/* Runs an upcall until it returns, or the processor has nothing to do. */
void core_enter(void (*upcall)(void));
/* A native call of the thread that runs. -> its result. */
i64 core_call(u64 number, u64 a, u64 b);

/* Numbers at random, the same ones for the same seed. */
extern u64 core_seed;
u64 core_roll(u64 below);

/* A test between the program's function setup() and core_teardown(). */
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, core_teardown)
/* Before the first of these, when what stays has been made (tables of numbers): ends all spaces and counts the free frames. */
void core_settle(void);
/* Ends all spaces: as many frames are free as then. */
void core_expect_settled(void);
/* So, and everything is right before. */
int core_teardown(void **state);

#endif
