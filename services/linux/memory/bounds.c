/* Bounds tables of processes: see memory.h. */
#include <asm/errno.h>
#include <asm/siginfo.h>
#include <linux/mman.h>

#include "abi/bounds.h"
#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/runtime/heap.h"
#include "services/linux/machine.h"
#include "services/linux/memory/private.h"
#include "services/linux/send_signal.h"
#include "services/linux/user_memory.h"

/* --- the list of tables --- */

/* Index of the first table whose chunk is not below that one. */
static u32 table_index(const struct bounds *b, u64 chunk)
{
	u32 low = 0, high = b->count;
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		if (b->tables[middle].chunk < chunk)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool table_is_known(const struct bounds *b, u64 chunk)
{
	u32 i = table_index(b, chunk);
	return i < b->count && b->tables[i].chunk == chunk;
}

/* -> 0 or -ENOMEM. Then table_add() cannot fail. */
static int table_reserve(struct bounds *b)
{
	u32 room = b->room ? b->room * 2 : 16;
	if (b->count < b->room)
		return 0;
	struct bounds_table *tables = heap_realloc(b->tables, room * sizeof(*tables));
	if (!tables)
		return -ENOMEM;
	b->tables = tables;
	b->room = room;
	return 0;
}

static void table_add(struct bounds *b, u64 chunk, u64 address)
{
	u32 i = table_index(b, chunk);
	memmove(&b->tables[i + 1], &b->tables[i], (b->count - i) * sizeof(b->tables[0]));
	b->tables[i] = (struct bounds_table){ chunk, address };
	b->count++;
}

static void table_remove(struct bounds *b, u32 i)
{
	b->count--;
	memmove(&b->tables[i], &b->tables[i + 1], (b->count - i) * sizeof(b->tables[0]));
}

/* --- entries of the directory --- */

static enum bounds_kind kind_of(const struct mm *mm, const struct bounds *b)
{
	return b - mm->bounds;
}

static u64 entry_value(enum bounds_kind kind, const struct bounds_table *table)
{
	if (kind == BOUNDS_SOFT)
		return bounds_soft_entry(table->chunk, table->address);
	return table->address | BOUNDS_HARD_VALID;
}

static bool entry_is_valid(enum bounds_kind kind, u64 value)
{
	return kind == BOUNDS_SOFT ? (value & (PAGE_SIZE - 1)) == BOUNDS_SOFT_MARK : value & BOUNDS_HARD_VALID;
}

/* Writes an entry, and its copy at the place where an emulator looks for the directory. */
static int entry_copy(struct task *self, const struct bounds *b, u64 chunk, u64 value)
{
	return b->astray ? user_put_u64(self, b->astray + chunk * 8, value) : 0;
}

/* --- making a table --- */

static u64 table_map(struct task *self)
{
	struct mm *mm = self->mm;
	if (!mm_limit_allows(self, BOUNDS_TABLE_BYTES))
		return 0;
	u64 at = mm_guess(mm, BOUNDS_TABLE_BYTES);
	if (at && call_map(mm->space, at, BOUNDS_TABLE_BYTES, RIGHT_R | RIGHT_W, 0, 0) >= 0)
		return at;
	at = mm_find(mm, BOUNDS_TABLE_BYTES);
	return at && call_map(mm->space, at, BOUNDS_TABLE_BYTES, RIGHT_R | RIGHT_W, 0, 0) >= 0 ? at : 0;
}

/* -> false: no memory to take it out of the region that it has become one with. */
static bool table_unmap(struct mm *mm, u64 address)
{
	if (call_unmap(mm->space, address, BOUNDS_TABLE_BYTES) < 0)
		return false;
	mm_freed(mm, address, BOUNDS_TABLE_BYTES);
	return true;
}

/* Makes the table of a chunk, if another thread has not. -> 0: its entry is valid; -ENOMEM: no room for a table; -EFAULT: no
 * directory there; -EINVAL: the entry holds what cannot be. */
static int table_make(struct task *self, struct bounds *b, u64 chunk)
{
	enum bounds_kind kind = kind_of(self->mm, b);
	u64 where = b->directory + chunk * 8, seen;
	if (user_get_u64(self, where, &seen))
		return -EFAULT;
	if (seen)
		return entry_is_valid(kind, seen) ? entry_copy(self, b, chunk, seen) : -EINVAL;
	/* A table that is known and not in the directory was taken out by the program: it is put back. */
	u32 i = table_index(b, chunk);
	bool known = table_is_known(b, chunk);
	if (!known && table_reserve(b))
		return -ENOMEM;
	struct bounds_table table = { chunk, known ? b->tables[i].address : table_map(self) };
	if (!table.address)
		return -ENOMEM;
	int error = user_exchange_u64(self, where, 0, entry_value(kind, &table), &seen);
	if (!error && !known && !seen)
		table_add(b, chunk, table.address);
	else if (!known)
		table_unmap(self->mm, table.address);
	if (error)
		return error;
	if (seen)
		return entry_is_valid(kind, seen) ? entry_copy(self, b, chunk, seen) : -EINVAL;
	return entry_copy(self, b, chunk, entry_value(kind, &table));
}

/* --- traps --- */

/* Sends SIGSEGV without an address, unless the task works in another space: a mistake there is not its process's. */
static void signal_plain(struct task *self)
{
	siginfo_t info;
	if (self->home)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSEGV;
	info.si_code = SI_KERNEL;
	signal_force(self, &info);
}

static void signal_violation(struct task *self, const struct bounds_report *report)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSEGV;
	info.si_code = SEGV_BNDERR;
	info.si_addr = (void *)report->pointer;
	info.si_lower = (void *)report->lower;
	info.si_upper = (void *)report->upper;
	signal_force(self, &info);
}

/* The chunk whose directory entry is at that address. */
static bool chunk_of_entry(const struct bounds *b, u64 entry, u64 *chunk)
{
	u64 start = b->directory;
	if (b->astray && entry - b->astray < b->bytes)
		start = b->astray;
	*chunk = (entry - start) / 8;
	return entry - start < b->bytes;
}

void bounds_exception(struct task *self, struct user_frame *frame)
{
	struct bounds *b = &self->mm->bounds[BOUNDS_HARD];
	struct bounds_report report;
	u64 chunk;
	switch (machine_bounds_cause(self, frame, &report)) {
	case BOUNDS_CAUSE_VIOLATION:
		b->violations++;
		signal_violation(self, &report);
		return;
	case BOUNDS_CAUSE_MISSING:
		b->misses++;
		if (b->directory && chunk_of_entry(b, report.entry, &chunk) && !table_make(self, b, chunk))
			return;
		break;
	case BOUNDS_CAUSE_OTHER:
		break;
	}
	signal_plain(self);
}

/* The library's directory lies at its fixed place or nowhere. */
static int soft_start(struct task *self)
{
	struct bounds *b = &self->mm->bounds[BOUNDS_SOFT];
	u64 bytes = min_u64(machine_window >> BOUNDS_CHUNK_SHIFT << 3, BOUNDS_DIRECTORY_BYTES);
	if (b->directory)
		return 0;
	if (!mm_limit_allows(self, bytes))
		return -ENOMEM;
	int error = native_errno(call_map(self->mm->space, BOUNDS_SOFT_DIRECTORY, bytes, RIGHT_R | RIGHT_W, 0, 0));
	if (error)
		return error;
	b->directory = BOUNDS_SOFT_DIRECTORY;
	b->bytes = bytes;
	return 0;
}

bool bounds_trap(struct task *self, struct user_frame *frame)
{
	struct bounds *b = &self->mm->bounds[BOUNDS_SOFT];
	struct bounds_report report = { arg(frame, 0), arg(frame, 1), arg(frame, 2), 0 };
	u64 chunk = report.pointer >> BOUNDS_CHUNK_SHIFT;
	int error;
	switch (machine_bounds_trap(self, frame)) {
	case BOUNDS_TRAP_START:
		error = soft_start(self);
		break;
	case BOUNDS_TRAP_TABLE:
		b->misses++;
		error = b->directory && chunk < b->bytes / 8 ? table_make(self, b, chunk) : -EFAULT;
		break;
	case BOUNDS_TRAP_REPORT:
		b->violations++;
		if (self->home) {
			frame->cause = CAUSE_FAULT;
			frame->addr = report.pointer;
			return false;
		}
		signal_violation(self, &report);
		return true;
	default:
		return false;
	}
	if (!error || error == -ENOMEM || error == -EEXIST) {
		machine_bounds_trap_end(frame, error);
		return true;
	}
	signal_plain(self);
	return !self->home;
}

/* --- managing the processor's --- */

static u64 directory_used(void)
{
	return machine_window >> BOUNDS_CHUNK_SHIFT << 3;
}

/* Maps the copy of the directory. -> 0; -EEXIST: the program has memory where it must be. */
static int astray_map(struct mm *mm, struct bounds *b, u64 directory)
{
	u64 at = machine_bounds_astray(directory), bytes = directory_used();
	if (b->astray && b->astray != at)
		call_unmap(mm->space, b->astray, bytes);
	if (!at || b->astray == at)
		return 0;
	b->astray = 0;
	int error = native_errno(call_map(mm->space, at, bytes, RIGHT_R | RIGHT_W, 0, 0));
	if (!error)
		b->astray = at;
	return error;
}

bool bounds_window_is_narrow(void)
{
	return machine_half <= 2 * BOUNDS_DIRECTORY_BYTES;
}

u64 bounds_lowest_heap(u64 start)
{
	u64 highest = bounds_window_is_narrow() ? machine_bounds_astray(machine_half) : 0;
	return highest ? max_u64(start, highest + directory_used()) : start;
}

long bounds_enable(struct task *self)
{
	struct mm *mm = self->mm;
	struct bounds *b = &mm->bounds[BOUNDS_HARD];
	u64 directory;
	b->directory = 0;
	if (!machine_bounds_directory(&directory) || !directory || directory >= machine_window)
		return -ENXIO;
	int error = astray_map(mm, b, directory);
	if (!error)
		error = native_errno(call_space_keep_vector(mm->space));
	if (error)
		return error;
	b->directory = directory;
	b->bytes = min_u64(BOUNDS_DIRECTORY_BYTES, machine_window - directory);
	return 0;
}

long bounds_disable(struct task *self)
{
	if (!machine_has_bounds())
		return -ENXIO;
	self->mm->bounds[BOUNDS_HARD].directory = 0;
	return 0;
}

/* --- memory goes --- */

/* The table that the address is in, if any. */
static const struct bounds_table *table_around(const struct bounds *b, u64 address)
{
	for (u32 i = 0; i < b->count; i++)
		if (address - b->tables[i].address < BOUNDS_TABLE_BYTES)
			return &b->tables[i];
	return NULL;
}

static const struct bounds_table *any_table_around(const struct mm *mm, u64 address)
{
	const struct bounds_table *table = table_around(&mm->bounds[BOUNDS_HARD], address);
	return table ? table : table_around(&mm->bounds[BOUNDS_SOFT], address);
}

/* Is anything but tables mapped in [at, end) outside of [start, stop)? */
static bool range_is_used(struct mm *mm, u64 at, u64 end, u64 start, u64 stop)
{
	struct region_info region;
	while (at < end && call_map_query(mm->space, at, &region) >= 0) {
		at = max_u64(at, region.start);
		if (at >= end)
			return false;
		const struct bounds_table *table = any_table_around(mm, at);
		if (at >= start && at < stop)
			at = stop;
		else if (table)
			at = table->address + BOUNDS_TABLE_BYTES;
		else
			return true;
	}
	return false;
}

/* Takes tables off the list that the program has unmapped itself. -> were there any? */
static bool tables_lost(struct bounds *b, u64 start, u64 end)
{
	bool lost = false;
	for (u32 i = 0; i < b->count;) {
		if (b->tables[i].address < end && b->tables[i].address + BOUNDS_TABLE_BYTES > start) {
			table_remove(b, i);
			lost = true;
		} else {
			i++;
		}
	}
	return lost;
}

/* -> false if its entry says something else, for which the program gets a signal. A table that cannot be unmapped stays on the
 * list, emptied as far as possible, for when its chunk is used again. */
static bool table_free(struct task *self, struct bounds *b, u32 i)
{
	struct bounds_table table = b->tables[i];
	u64 value = entry_value(kind_of(self->mm, b), &table), seen;
	if (b->directory && !user_exchange_u64(self, b->directory + table.chunk * 8, value, 0, &seen) && seen &&
		seen != value) {
		signal_plain(self);
		return false;
	}
	entry_copy(self, b, table.chunk, 0);
	if (table_unmap(self->mm, table.address))
		table_remove(b, i);
	else
		mm_forget(self->mm, table.address, BOUNDS_TABLE_BYTES, false);
	return true;
}

static void tables_trim(struct task *self, struct bounds *b, u64 start, u64 end)
{
	u32 i = table_index(b, start >> BOUNDS_CHUNK_SHIFT);
	while (i < b->count && b->tables[i].chunk << BOUNDS_CHUNK_SHIFT < end) {
		u64 chunk = b->tables[i].chunk << BOUNDS_CHUNK_SHIFT;
		u64 from = max_u64(start, chunk), to = min_u64(end, chunk + BOUNDS_CHUNK);
		if (!range_is_used(self->mm, chunk, chunk + BOUNDS_CHUNK, from, to)) {
			u32 count = b->count;
			if (!table_free(self, b, i))
				return;
			i += b->count == count;
			continue;
		}
		mm_forget(self->mm, b->tables[i].address + (from - chunk) * 4, (to - from) * 4, false);
		i++;
	}
}

void bounds_unmapped(struct task *self, u64 start, u64 bytes)
{
	for (unsigned kind = 0; kind < BOUNDS_KINDS; kind++) {
		struct bounds *b = &self->mm->bounds[kind];
		if (b->count && !tables_lost(b, start, start + bytes))
			tables_trim(self, b, start, start + bytes);
	}
}

/* --- birth and death --- */

int bounds_copy(struct mm *copy, const struct mm *from)
{
	memset(copy->bounds, 0, sizeof(copy->bounds));
	for (unsigned kind = 0; kind < BOUNDS_KINDS; kind++) {
		const struct bounds *old = &from->bounds[kind];
		struct bounds *b = &copy->bounds[kind];
		b->directory = old->directory;
		b->bytes = old->bytes;
		b->astray = old->astray;
		if (!old->count)
			continue;
		b->tables = heap_alloc(old->count * sizeof(b->tables[0]));
		if (!b->tables)
			return -ENOMEM;
		memcpy(b->tables, old->tables, old->count * sizeof(b->tables[0]));
		b->count = b->room = old->count;
	}
	return 0;
}

int bounds_fork(struct mm *copy, const struct mm *from)
{
	int error = bounds_copy(copy, from);
	if (error || !copy->bounds[BOUNDS_HARD].directory)
		return error;
	return native_errno(call_space_keep_vector(copy->space));
}

void bounds_free(struct mm *mm)
{
	for (unsigned kind = 0; kind < BOUNDS_KINDS; kind++)
		heap_free(mm->bounds[kind].tables);
}

void bounds_counts(const struct mm *mm, u64 *misses, u64 *violations)
{
	*misses = *violations = 0;
	for (unsigned kind = 0; kind < BOUNDS_KINDS; kind++) {
		*misses += mm->bounds[kind].misses;
		*violations += mm->bounds[kind].violations;
	}
}

const char *bounds_name(const struct mm *mm, u64 at, u64 *end)
{
	static const char *const names[BOUNDS_KINDS] = { "[mpx]", "[bounds]" };
	const char *name = "";
	for (unsigned kind = 0; kind < BOUNDS_KINDS; kind++) {
		for (u32 i = 0; i < mm->bounds[kind].count; i++) {
			u64 start = mm->bounds[kind].tables[i].address, stop = start + BOUNDS_TABLE_BYTES;
			if (at >= start && at < stop) {
				name = names[kind];
				*end = min_u64(*end, stop);
			} else if (start > at) {
				*end = min_u64(*end, start);
			}
		}
	}
	return name;
}
