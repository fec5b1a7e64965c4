/* Rows of the micro-benchmark about spaces: calls that call back, and loads from memory that was granted. The space called is a
 * copy of this program (liballod), with portals at the few instructions of bench_machine.h, so that what is counted is the
 * kernel's part. */
#ifndef BENCH_SPACE_ROWS_H
#define BENCH_SPACE_ROWS_H

#include <allod/portal.h>

#include "bench_machine.h"
#include "tests/guest/native.h"

enum { LOADED_AT = 0x80000 };

static bool on_allod; /* micro.c */
static struct allod_space *row_space;
static uint64_t row_portal, row_callback;
static char row_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* A copy of this program with a portal at `entry`, which this space may call. */
static bool prepare_callee(const void *entry)
{
	if (!on_allod)
		return false;
	row_space = allod_sandbox(NULL);
	if (!row_space)
		return false;
	row_portal = (uint64_t)native(CALL_portal_create, (uintptr_t)entry, 0, allod_space_number(row_space), 0);
	if (native(CALL_grant, row_portal, 1, allod_self(), RIGHT_P) < 0) {
		printf("note %s: no portal\n", __func__);
		return false;
	}
	return true;
}

static void finish_space(void)
{
	allod_space_close(row_space);
	row_space = NULL;
}

/* --- calls --- */

static bool prepare_call_back(void)
{
	if (!prepare_callee(bench_bounce))
		return false;
	row_callback = (uint64_t)native(CALL_portal_create, (uintptr_t)bench_return, 0, 0, 0);
	return native(CALL_grant, row_callback, 1, allod_space_number(row_space), RIGHT_P) >= 0;
}

static void batch_call_back(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++)
		portal_call(row_portal, row_callback, 0);
}

static void finish_call_back(void)
{
	native(CALL_portal_destroy, (uintptr_t)bench_return, 0, 0, 0);
	finish_space();
}

/* --- loads --- */

static volatile char *row_loaded;

static bool prepare_native_load(void)
{
	row_loaded = row_page;
	*row_loaded = 1;
	return true;
}

static bool prepare_granted_load(void)
{
	row_space = on_allod ? allod_space_create(NULL) : NULL;
	if (!row_space || allod_space_map(row_space, LOADED_AT, PAGE_SIZE, ALLOD_R | ALLOD_W))
		return false;
	row_loaded = allod_space_view(row_space, LOADED_AT);
	*row_loaded = 1;
	return true;
}

static void batch_load(unsigned operations)
{
	volatile char *from = row_loaded;

	for (unsigned i = 0; i < operations; i++)
		(void)*from;
}

#endif
