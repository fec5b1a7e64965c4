/* Rows of the micro-benchmark about VASes: making one, attaching it, switching there and back. */
#ifndef BENCH_VAS_ROWS_H
#define BENCH_VAS_ROWS_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/vas.h"
#include "tests/guest/native.h"

enum { ROW_VASES = 500 };

static bool on_allod; /* micro.c */
static int row_vases[ROW_VASES], row_segment;
static unsigned row_made, row_attached;

static int new_vas(void)
{
	char name[32];

	snprintf(name, sizeof(name), "/bench/vas%u", row_made);
	return row_vases[row_made++] = (int)syscall(VAS_CALL_create, name, 0600);
}

/* Names are made outside of the measured time. */
static char row_names[ROW_VASES][8];

static bool prepare_vas_create(void)
{
	for (unsigned i = 0; i < ROW_VASES; i++)
		snprintf(row_names[i], sizeof(row_names[i]), "/v%u", i);
	return on_allod;
}

static void batch_vas_create(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++, row_made++)
		row_vases[row_made] = (int)syscall(VAS_CALL_create, row_names[row_made], 0600);
}

/* All that batches have made and attached go together. */
static void finish_vas(void)
{
	for (unsigned i = 0; i < row_made; i++) {
		if (i < row_attached)
			syscall(VAS_CALL_detach, 0, row_vases[i]);
		if (syscall(VAS_CALL_delete, row_vases[i]) < 0)
			abort();
	}
	row_made = row_attached = 0;
}

static bool prepare_vas_attach(void)
{
	while (on_allod && row_made < ROW_VASES)
		new_vas();
	return on_allod;
}

static void batch_vas_attach(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++)
		if (syscall(VAS_CALL_attach, 0, row_vases[row_attached++], O_RDWR) < 0)
			abort();
}

/* With a segment, one page of which is there. */
static uint64_t row_vas;

static bool prepare_vas_switch(void)
{
	uint64_t range[2];

	if (!on_allod || syscall(VAS_CALL_range, range) < 0)
		return false;
	row_vas = (uint64_t)new_vas();
	row_segment = (int)syscall(VAS_CALL_seg_create, "/bench/segment", range[0], range[0] + 65536, 0600);
	if (syscall(VAS_CALL_seg_attach, row_vas, row_segment, O_RDWR) < 0 || syscall(VAS_CALL_attach, 0, row_vas, O_RDWR) < 0 ||
		native(CALL_vas_switch, row_vas, 0, 0, 0) < 0)
		return false;
	*(volatile char *)range[0] = 1;
	return native(CALL_vas_switch, 0, 0, 0, 0) >= 0;
}

static void batch_vas_switch(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++) {
		native(CALL_vas_switch, row_vas, 0, 0, 0);
		native(CALL_vas_switch, 0, 0, 0, 0);
	}
}

static void finish_vas_switch(void)
{
	row_attached = 1;
	finish_vas();
	syscall(VAS_CALL_seg_delete, row_segment);
}

#endif
