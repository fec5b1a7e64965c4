/* The host machine: host.h, and the functions of arch.h that the core calls. */
#include "host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "frame.h"
#include "irq.h"
#include "layout.h"
#include "panic.h"
#include "pte.h"
#include "space.h"
#include "tlb.h"
#include "wait.h"

static struct gate host_gate = { .way = GATE_FIRST };
static u64 host_user_root[2];
struct cpu host_cpu = { .gate = &host_gate, .gate_ids = GATE_FIRST, .user_root = host_user_root };
u8 *host_ram;
static u8 *code; /* of the same size: the fake instruction cache */
u64 host_ram_base;
unsigned paging_levels;
struct host_translation host_tlb[HOST_TLB];
static unsigned tlb_next;
u64 host_commits, host_root_changes, host_codes_changed;
void *host_panic_return;
char host_panic_text[256];

void host_start(u64 bytes, unsigned levels)
{
	const u64 ragged = 5 * PAGE_SIZE;
	struct boot_info boot = { .ram_ranges = 2 };
	void *memory;

	/* Anything but zeros: the core must not rely on the content of fresh memory. */
	if (posix_memalign(&memory, 2u << 20, bytes))
		abort();
	host_ram = memory;
	memset(host_ram, 0xa5, bytes);
	code = malloc(bytes);
	if (!code)
		abort();
	memset(code, 0x5a, bytes);
	host_ram_base = 16u << 20;
	paging_levels = levels;
	boot.ram[0].start = host_ram_base + ragged;
	boot.ram[0].bytes = bytes / 4 - ragged;
	boot.ram[1].start = host_ram_base + bytes / 4 + ragged;
	boot.ram[1].bytes = bytes - bytes / 4 - 2 * ragged;
	host_tlb_flush();
	frame_init(&boot);
	irq_lines = HOST_LINES;
	space_init();
	wait_init();
}

void host_stop(void)
{
	free(host_ram);
	free(code);
}

void host_code_changed(const void *memory, u64 bytes)
{
	memcpy(code + ((const u8 *)memory - host_ram), memory, bytes);
	host_codes_changed++;
}

bool host_code_is_current(const void *page)
{
	return !memcmp(code + ((const u8 *)page - host_ram), page, PAGE_SIZE);
}

void panic(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	vsnprintf(host_panic_text, sizeof(host_panic_text), text, arguments);
	va_end(arguments);
	if (host_panic_return)
		longjmp(host_panic_return, 1);
	fprintf(stderr, "panic: %s\n", host_panic_text);
	abort();
}

u64 arch_random(void)
{
	static u64 state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return state ^ state >> 32;
}

/* The host's kernel needs no mappings. */
void arch_root_init(void *root)
{
	(void)root;
}

void arch_root_changed(struct view *view, unsigned index)
{
	if (!pte_is_table(((const pte_t *)view->root)[index], paging_levels - 1))
		panic("arch_root_changed: entry %u of the root of space %u is not a table", index, view->space->number);
	host_root_changes++;
}

void host_tlb_flush(void)
{
	memset(host_tlb, 0, sizeof(host_tlb));
}

void host_tlb_add(struct space *space, u64 page, u64 frame, u32 rights)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		if (host_tlb[i].space == space && host_tlb[i].page == page) {
			host_tlb[i] = (struct host_translation){ space, page, frame, rights };
			return;
		}
	host_tlb[tlb_next++ % HOST_TLB] = (struct host_translation){ space, page, frame, rights };
}

/* Invalidates exactly what the batch names. A machine may invalidate more, but the core must not rely on that. */
void arch_tlb_commit(const struct tlb_batch *batch)
{
	host_commits++;
	for (unsigned i = 0; i < HOST_TLB; i++) {
		struct host_translation *entry = &host_tlb[i];

		if (entry->space && entry->space == batch->gone)
			entry->space = NULL;
		for (unsigned r = 0; entry->space && r < batch->count; r++) {
			const struct tlb_range *range = &batch->ranges[r];
			u64 at[2], bytes = range->end - range->start;
			unsigned views = tlb_range_views(range, entry->space, at);

			for (unsigned v = 0; entry->space && v < views; v++)
				if (entry->page >= at[v] && entry->page - at[v] < bytes)
					entry->space = NULL;
		}
	}
}
