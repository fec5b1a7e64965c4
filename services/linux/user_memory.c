/* Copying from and to processes: see user_memory.h. */
#include <asm/errno.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/copy.h"
#include "services/linux/sleep.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

u64 machine_window, machine_half;
unsigned machine_shift;

static const struct copy_hooks *hooks;

void user_memory_init(const struct copy_hooks *copy_hooks)
{
	hooks = copy_hooks;
}

static bool is_of_vas(const void *global)
{
	return hooks->is_vas((u64)global >> machine_shift);
}

static bool relieve(const void *to, const void *from)
{
	return is_of_vas(to) || is_of_vas(from) ? hooks->relieve_vas() : hooks->relieve();
}

/* If the fault is for a page of a file, or for want of a frame, gets one. -> may the copy go on? */
static bool fault_repair(const struct copy_fault *fault, const void *to, const void *from)
{
	/* If a quota is used up, other processes do not have to give up memory. */
	if (!(fault->code & (FAULT_PAGER | FAULT_NOMEM)) || (fault->code & FAULT_LIMIT))
		return false;
	bool locked = service_lock_held();
	if (!locked)
		service_lock();
	int error = -ENOMEM;
	if (fault->code & FAULT_PAGER)
		error = (locked ? hooks->fill : hooks->fetch)(fault->segment, fault->page);
	bool repaired = !error || (error == -ENOMEM && relieve(to, from));
	if (!locked)
		service_unlock();
	return repaired;
}

u64 copy_on(char *to, const char *from, u64 bytes, u64 done, u32 code, u64 where)
{
	struct copy_fault fault = { code, where >> 32, where, 0, 0 };
	while (fault_repair(&fault, to, from)) {
		if (!copy_bytes(to + done, from + done, bytes - done, &fault))
			return bytes;
		done = fault.reached - (u64)to;
	}
	return done;
}

static bool zero_guarded(void *to, u64 bytes)
{
	struct copy_fault fault;
	u64 done = 0;
	while (copy_zero((char *)to + done, bytes - done, &fault)) {
		done = fault.reached - (u64)to;
		if (!fault_repair(&fault, to, to))
			return false;
	}
	return true;
}

static bool range_is_user(u64 addr, u64 bytes)
{
	return addr < machine_window && bytes <= machine_window - addr;
}

int mm_read(struct mm *mm, u64 addr, void *to, u64 bytes)
{
	if (!range_is_user(addr, bytes) || copy_guarded(to, (void *)(mm->base | addr), bytes) != bytes)
		return -EFAULT;
	return 0;
}

int mm_write(struct mm *mm, u64 addr, const void *from, u64 bytes)
{
	if (!range_is_user(addr, bytes) || copy_guarded((void *)(mm->base | addr), from, bytes) != bytes)
		return -EFAULT;
	return 0;
}

int mm_zero(struct mm *mm, u64 addr, u64 bytes)
{
	return range_is_user(addr, bytes) && zero_guarded((void *)(mm->base | addr), bytes) ? 0 : -EFAULT;
}

/* Ranges that are not short ones in the lower half. */
void *user_pointer_far(struct task *self, u64 addr, u64 bytes, bool write)
{
	u64 rights;
	i64 vas;
	if (!range_is_user(addr, bytes))
		return NULL;
	if (addr < machine_half)
		return (void *)(self->mm->base | addr);
	vas = call_vas_active(&rights);
	if (vas <= 0 || (write && !(rights & RIGHT_W)))
		return NULL;
	return (void *)((u64)vas << machine_shift | (addr - machine_half));
}

int user_read(struct task *self, u64 addr, void *to, u64 bytes)
{
	const void *from = user_pointer(self, addr, bytes);
	return from && copy_guarded(to, from, bytes) == bytes ? 0 : -EFAULT;
}

int user_write(struct task *self, u64 addr, const void *from, u64 bytes)
{
	void *to = user_target(self, addr, bytes);
	return to && copy_guarded(to, from, bytes) == bytes ? 0 : -EFAULT;
}

int user_zero(struct task *self, u64 addr, u64 bytes)
{
	void *to = user_target(self, addr, bytes);
	return to && zero_guarded(to, bytes) ? 0 : -EFAULT;
}

u64 user_copy_in(struct task *self, void *to, u64 addr, u64 bytes)
{
	const void *from;
	if (addr >= machine_window)
		return 0;
	bytes = min_u64(bytes, machine_window - addr);
	from = user_pointer(self, addr, bytes);
	return from ? copy_guarded(to, from, bytes) : 0;
}

u64 user_copy_out(struct task *self, u64 addr, const void *from, u64 bytes)
{
	void *to;
	if (addr >= machine_window)
		return 0;
	bytes = min_u64(bytes, machine_window - addr);
	to = user_target(self, addr, bytes);
	return to ? copy_guarded(to, from, bytes) : 0;
}

/* Copies piecewise, never over the end of a page before the pages up to it are known not to hold the end. */
long user_string(struct task *self, u64 addr, char *to, u64 size)
{
	u64 done = 0;
	while (done < size) {
		u64 piece = min_u64(min_u64(size - done, 128), PAGE_SIZE - ((addr + done) & (PAGE_SIZE - 1)));
		if (user_read(self, addr + done, to + done, piece))
			return -EFAULT;
		const char *end = memchr(to + done, 0, piece);
		if (end)
			return end - to;
		done += piece;
	}
	return -ENAMETOOLONG;
}

int user_get_u32(struct task *self, u64 addr, u32 *value)
{
	return user_read(self, addr, value, sizeof(*value));
}

int user_get_u64(struct task *self, u64 addr, u64 *value)
{
	return user_read(self, addr, value, sizeof(*value));
}

int user_put_u32(struct task *self, u64 addr, u32 value)
{
	return user_write(self, addr, &value, sizeof(value));
}

int user_put_u64(struct task *self, u64 addr, u64 value)
{
	return user_write(self, addr, &value, sizeof(value));
}

int user_exchange_u32(struct task *self, u64 addr, u32 expected, u32 value, u32 *seen)
{
	struct copy_fault fault;
	u32 *word = user_target(self, addr, sizeof(u32));
	if (!word || (addr & 3))
		return -EFAULT;
	while (copy_exchange(word, expected, value, &fault, seen))
		if (!fault_repair(&fault, word, word))
			return -EFAULT;
	return 0;
}

int user_exchange_u64(struct task *self, u64 addr, u64 expected, u64 value, u64 *seen)
{
	struct copy_fault fault;
	u64 *word = (u64 *)(self->mm->base | addr);
	if (!range_is_user(addr, sizeof(u64)) || (addr & 7))
		return -EFAULT;
	while (copy_exchange_long(word, expected, value, &fault, seen))
		if (!fault_repair(&fault, word, word))
			return -EFAULT;
	return 0;
}
