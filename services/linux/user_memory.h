/* Reading and writing the memory of processes: what Linux calls copy_from_user, copy_to_user, get_user and put_user.
 *
 * The service holds a grant of the whole window of every process, so a user address becomes a pointer by putting the
 * number of the process's space into it. Nothing is looked up first: a copy routine (copy.S) that comes to an address
 * that is not mapped faults, and returns -EFAULT. If only a page of a file is missing, the service supplies it and the copy goes
 * on. All functions take user addresses as u64 and refuse those outside the process's own window. An address in the
 * upper half of the window means the memory of the VAS that the calling thread is in (vas.h), with the rights it has there.
 *
 * May be called with or without the service lock. The service side of a copy may be any memory of the service, mapped
 * windows of files included. */
#ifndef LINUX_USER_MEMORY_H
#define LINUX_USER_MEMORY_H

#include "services/linux/task.h"

/* Bytes of a window and of its half, and where the number of a space is in an address. [I] */
extern u64 machine_window, machine_half;
extern unsigned machine_shift;

/* Who supplies what a copy finds missing: rooms above the ground floor. Set once, at the start. */
struct copy_hooks {
	/* A page of a file's segment. -> 0 or -errno. `fetch` lets the service lock go while it waits. */
	int (*fill)(u32 segment, u32 page);
	int (*fetch)(u32 segment, u32 page);
	/* No frame is free for a page of a process, of a VAS. -> whether the copy is worth another try. */
	bool (*relieve)(void);
	bool (*relieve_vas)(void);
	/* Whether the space of that number is a VAS. */
	bool (*is_vas)(u64 space);
};
void user_memory_init(const struct copy_hooks *hooks);

/* -> 0 or -EFAULT; after -EFAULT a part may have been copied. */
int user_read(struct task *self, u64 addr, void *to, u64 bytes);
int user_write(struct task *self, u64 addr, const void *from, u64 bytes);
int user_zero(struct task *self, u64 addr, u64 bytes);
/* As user_read and user_write, for large pieces of which the copied beginning counts: -> bytes copied, fewer than asked for
 * only if an address is bad. */
u64 user_copy_in(struct task *self, void *to, u64 addr, u64 bytes);
u64 user_copy_out(struct task *self, u64 addr, const void *from, u64 bytes);
/* Copies a NUL-terminated string. -> its length; -EFAULT; -ENAMETOOLONG if it does not fit into size with its NUL. */
long user_string(struct task *self, u64 addr, char *to, u64 size);

/* Single words; alignment does not matter. */
int user_get_u32(struct task *self, u64 addr, u32 *value);
int user_get_u64(struct task *self, u64 addr, u64 *value);
int user_put_u32(struct task *self, u64 addr, u32 value);
int user_put_u64(struct task *self, u64 addr, u64 value);
/* If the word is `expected`, makes it `value`, atomically. *seen is what it was. The address must be aligned. */
int user_exchange_u32(struct task *self, u64 addr, u32 expected, u32 value, u32 *seen);
int user_exchange_u64(struct task *self, u64 addr, u64 expected, u64 value, u64 *seen);

/* The pointer under which the service sees user memory; NULL if the range leaves the window. To be used only through
 * copy_guarded(): pieces of a long operation (a pipe, a page of a file) copied by code that does not know what they are.
 * user_pointer() is for reading, user_target() for writing. */
void *user_pointer_far(struct task *self, u64 addr, u64 bytes, bool write);

static inline void *user_pointer(struct task *self, u64 addr, u64 bytes)
{
	if (__builtin_expect((addr | bytes) >= machine_half, 0))
		return user_pointer_far(self, addr, bytes, false);
	return (void *)(self->mm->base | addr);
}

static inline void *user_target(struct task *self, u64 addr, u64 bytes)
{
	if (__builtin_expect((addr | bytes) >= machine_half, 0))
		return user_pointer_far(self, addr, bytes, true);
	return (void *)(self->mm->base | addr);
}

/* Copies between any two places, either of which may be a user_pointer(). -> bytes copied, fewer than asked for only if an
 * address is bad. */
u64 copy_guarded(void *to, const void *from, u64 bytes);

/* The same into the memory of another process (exec, core of futexes, /proc/PID/mem). */
int mm_read(struct mm *mm, u64 addr, void *to, u64 bytes);
int mm_zero(struct mm *mm, u64 addr, u64 bytes);
int mm_write(struct mm *mm, u64 addr, const void *from, u64 bytes);

#endif
