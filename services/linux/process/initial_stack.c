/* The first stack of a program: see program.h.
 *
 *   stack_top   8 zero bytes
 *               file name
 *               strings of the environment
 *               strings of the arguments          the two are one block, copied as it was collected
 *               platform name, 16 random bytes
 *               auxiliary vector, ends with AT_NULL
 *               pointers to the environment, NULL
 *               pointers to the arguments, NULL
 *   sp          argc */
#include <asm/errno.h>
#include <linux/auxvec.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/process/program.h"
#include "services/linux/random.h"
#include "services/linux/user_memory.h"

enum { STRING_MAX = 128 * 1024 };

int strings_add(struct strings *strings, const char *text, u64 bytes)
{
	if (strings->bytes + bytes > strings->room) {
		u64 room = page_up(max_u64(strings->room * 2, strings->bytes + bytes));
		char *bigger = heap_realloc(strings->text, room);
		if (!bigger)
			return -ENOMEM;
		strings->text = bigger;
		strings->room = room;
	}
	if (text)
		memcpy(strings->text + strings->bytes, text, bytes);
	strings->bytes += bytes;
	return 0;
}

/* Appends one string of the user's, piece by piece. */
static int string_from_user(struct task *self, struct strings *strings, u64 addr, u64 limit)
{
	char piece[512];
	u64 start = strings->bytes;
	for (;;) {
		long length = user_string(self, addr, piece, sizeof(piece));
		if (length < 0 && length != -ENAMETOOLONG)
			return length;
		u64 bytes = length < 0 ? sizeof(piece) : (u64)length + 1;
		if (strings->bytes + bytes > limit || strings->bytes - start + bytes > STRING_MAX)
			return -E2BIG;
		int error = strings_add(strings, piece, bytes);
		if (error || length >= 0)
			return error;
		addr += bytes;
	}
}

int strings_from_user(struct task *self, struct strings *strings, u64 array, u32 *count, u64 limit)
{
	for (*count = 0; array; array += sizeof(u64), ++*count) {
		u64 addr;
		if (user_get_u64(self, array, &addr))
			return -EFAULT;
		if (!addr)
			break;
		/* The pointers take room on the stack, too. */
		u64 pointers = (*count + 1) * sizeof(u64);
		int error = pointers > limit ? -E2BIG : string_from_user(self, strings, addr, limit - pointers);
		if (error)
			return error;
		service_lock_pass();
		if (self->work & WORK_EXIT)
			return -EINTR;
	}
	return 0;
}

int strings_replace_first(struct strings *strings, const char *front, u64 bytes, u32 count)
{
	u64 old = strings->argc ? strlen(strings->text) + 1 : 0;
	u64 rest = strings->bytes - old;
	int error = strings_add(strings, NULL, bytes);
	if (error)
		return error;
	memmove(strings->text + bytes, strings->text + old, rest);
	memcpy(strings->text, front, bytes);
	strings->bytes = bytes + rest;
	strings->argv_bytes = strings->argv_bytes - old + bytes;
	strings->argc = strings->argc + count - (strings->argc ? 1 : 0);
	return 0;
}

void strings_free(struct strings *strings)
{
	heap_free(strings->text);
	strings->text = NULL;
}

int stack_place(struct mm *mm, u64 bytes, bool executable)
{
	u64 half = machine_window / 2, pages = half / 64 / PAGE_SIZE;
	u32 rights = RIGHT_R | RIGHT_W | (executable ? RIGHT_X : 0);
	bytes = page_up(min_u64(max_u64(bytes, 128 * 1024), half / 8));
	mm->stack_top = half - PAGE_SIZE * (1 + random_u64() % pages);
	mm->stack_low = mm->stack_top - bytes;
	mm->mmap_top = mm->stack_low - PAGE_SIZE * (16 + random_u64() % pages);
	mm->cursor = mm->mmap_top;
	return native_errno(call_map(mm->space, mm->stack_low, bytes, rights, 0, 0));
}

static u64 *aux(u64 *at, u64 type, u64 value)
{
	at[0] = type;
	at[1] = value;
	return at + 2;
}

/* Fills mm->auxv. -> number of words. */
static u64 aux_fill(struct mm *mm, const struct start *start, const struct credentials *cred, u64 random, u64 platform,
	u64 file_name)
{
	u64 *at = mm->auxv;
	at = aux(at, AT_HWCAP, machine_hwcap());
	at = aux(at, AT_PAGESZ, PAGE_SIZE);
	at = aux(at, AT_CLKTCK, 100);
	at = aux(at, AT_PHDR, start->headers);
	at = aux(at, AT_PHENT, sizeof(Elf64_Phdr));
	at = aux(at, AT_PHNUM, start->header_count);
	at = aux(at, AT_BASE, start->base);
	at = aux(at, AT_FLAGS, 0);
	at = aux(at, AT_ENTRY, start->entry);
	at = aux(at, AT_UID, cred->uid);
	at = aux(at, AT_EUID, cred->euid);
	at = aux(at, AT_GID, cred->gid);
	at = aux(at, AT_EGID, cred->egid);
	at = aux(at, AT_SECURE, start->secure);
	at = aux(at, AT_RANDOM, random);
	at = aux(at, AT_HWCAP2, machine_hwcap2());
	at = aux(at, AT_EXECFN, file_name);
	at = aux(at, AT_PLATFORM, platform);
	at = aux(at, AT_MINSIGSTKSZ, machine_min_signal_stack());
	at = aux(at, AT_NULL, 0);
	service_assert((u64)(at - mm->auxv) <= ARRAY_SIZE(mm->auxv));
	return at - mm->auxv;
}

/* Pointers to strings that lie one after another from `at`; NULL at the end. */
static u64 *pointers_fill(u64 *to, const char *text, u64 at, u32 count, u64 *end)
{
	const char *s = text;
	for (u32 i = 0; i < count; i++) {
		*to++ = at + (s - text);
		s += strlen(s) + 1;
	}
	*to++ = 0;
	*end = at + (s - text);
	return to;
}

int stack_build(struct task *self, struct mm *mm, const struct strings *strings, const char *file_name,
	const struct start *start, const struct credentials *cred)
{
	u8 random[16];
	(void)self;
	u64 name_bytes = strlen(file_name) + 1;
	u64 name = mm->stack_top - 8 - name_bytes, text = name - strings->bytes;
	u64 platform = text - sizeof(MACHINE_NAME), random_at = (platform - sizeof(random)) & ~15ull;
	u64 aux_words = aux_fill(mm, start, cred, random_at, platform, name);
	u64 words = 1 + strings->argc + 1 + strings->envc + 1 + aux_words;
	u64 sp = (random_at - words * sizeof(u64)) & ~15ull;
	if (text > mm->stack_top || sp < mm->stack_low + 64 * 1024 || sp > text)
		return -E2BIG;
	u64 *vector = heap_alloc(words * sizeof(u64)), *at = vector;
	if (!vector)
		return -ENOMEM;
	random_fill(random, sizeof(random));
	mm->arg_start = text;
	*at++ = strings->argc;
	at = pointers_fill(at, strings->text, text, strings->argc, &mm->arg_end);
	mm->env_start = mm->arg_end;
	at = pointers_fill(at, strings->text + strings->argv_bytes, mm->env_start, strings->envc, &mm->env_end);
	memcpy(at, mm->auxv, aux_words * sizeof(u64));
	int error = mm_write(mm, sp, vector, words * sizeof(u64));
	error |= mm_write(mm, random_at, random, sizeof(random));
	error |= mm_write(mm, platform, MACHINE_NAME, sizeof(MACHINE_NAME));
	error |= mm_write(mm, text, strings->text, strings->bytes);
	error |= mm_write(mm, name, file_name, name_bytes);
	mm->stack_start = sp;
	heap_free(vector);
	return error ? -EFAULT : 0;
}
