/* The native kernel calls as C functions. What each does, and its errors, is said in abi/calls.def.
 *
 * Every function returns 0 or more, or -E_*. Pointers to memory of the caller are plain; addresses that may lie in another
 * space are u64 and global. */
#ifndef RUNTIME_CALLS_H
#define RUNTIME_CALLS_H

#include "native.h"
#include "services/runtime/types.h"

/* Calls the portal at that global address. -> word 0 of the result; *word1 gets word 1. The kernel clears all registers but the
 * stack pointer, so this is an assembly function that saves the callee-saved ones. */
i64 portal_call(u64 portal, u64 w0, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5, u64 *word1);
/* Leaves the portal call that this thread serves. The entry stub does it for portal functions that return. */
_Noreturn void portal_return(u64 word0, u64 word1);
/* Leaves a call of the system portal. */
_Noreturn void system_return(void);

static inline void call_yield(void)
{
	native_call0(CALL_yield);
}

static inline i64 call_wait(const volatile u32 *word, u32 expected, u64 deadline, u32 flags)
{
	return native_call4(CALL_wait, (u64)word, expected, deadline, flags);
}

static inline i64 call_wake(const volatile u32 *word, u32 count)
{
	return native_call3(CALL_wake, (u64)word, count, 0);
}

static inline i64 call_thread_create(const struct thread_spec *spec)
{
	return native_call1(CALL_thread_create, (u64)spec);
}

static inline _Noreturn void call_thread_exit(void)
{
	native_call0(CALL_thread_exit);
	__builtin_unreachable();
}

static inline i64 call_thread_interrupt(u32 thread)
{
	return native_call1(CALL_thread_interrupt, thread);
}

static inline i64 call_thread_recall(u32 thread)
{
	return native_call1(CALL_thread_recall, thread);
}

static inline i64 call_frame_vector(bool write, void *buffer, u64 length)
{
	return native_call3(CALL_frame_vector, write, (u64)buffer, length);
}

static inline i64 call_frame_set_space(u32 space)
{
	return native_call1(CALL_frame_set_space, space);
}

static inline i64 call_space_create(const struct space_spec *spec)
{
	return native_call1(CALL_space_create, (u64)spec);
}

static inline i64 call_space_destroy(u32 space)
{
	return native_call1(CALL_space_destroy, space);
}

static inline i64 call_space_keep_vector(u32 space)
{
	return native_call1(CALL_space_keep_vector, space);
}

static inline i64 call_space_fork(u32 from, u32 to)
{
	return native_call3(CALL_space_fork, from, to, 0);
}

/* -> enum space_end; *address: of the fault that ended it. */
static inline i64 call_space_wait(u32 space, u64 *address)
{
	return native_call2(CALL_space_wait, space, 0, 0, 0, 0, 0, address);
}

static inline i64 call_space_set_landing(const struct landing *landing)
{
	return native_call1(CALL_space_set_landing, (u64)landing);
}

static inline i64 call_space_set_system(u64 entry)
{
	return native_call1(CALL_space_set_system, entry);
}

static inline i64 call_space_info(u32 space, struct space_info *info)
{
	return native_call3(CALL_space_info, space, (u64)info, 0);
}

static inline i64 call_segment_create(u64 pages, u32 flags)
{
	return native_call3(CALL_segment_create, pages, flags, 0);
}

static inline i64 call_segment_destroy(u32 segment)
{
	return native_call1(CALL_segment_destroy, segment);
}

static inline i64 call_segment_supply(u32 segment, u64 first, u64 count, const void *from)
{
	return native_call4(CALL_segment_supply, segment, first, count, (u64)from);
}

static inline i64 call_segment_evict(u32 segment, u64 first, u64 count)
{
	return native_call3(CALL_segment_evict, segment, first, count);
}

/* *end: behind the last page of the run. */
static inline i64 call_segment_present(u32 segment, u64 page, u64 *end)
{
	return native_call2(CALL_segment_present, segment, page, 0, 0, 0, 0, end);
}

static inline i64 call_segment_frames(u32 segment)
{
	return native_call3(CALL_segment_frames, segment, 0, 0);
}

static inline i64 call_segment_end(u32 segment, u64 pages)
{
	return native_call3(CALL_segment_end, segment, pages, 0);
}

static inline i64 call_segment_clone(u32 segment)
{
	return native_call1(CALL_segment_clone, segment);
}

static inline i64 call_segment_device(u64 physical, u64 bytes)
{
	return native_call3(CALL_segment_device, physical, bytes, 0);
}

static inline i64 call_segment_contiguous(u64 pages, u64 *physical)
{
	return native_call2(CALL_segment_contiguous, pages, 0, 0, 0, 0, 0, physical);
}

static inline i64 call_map(u32 space, u64 address, u64 bytes, u32 flags, u32 segment, u64 offset)
{
	return native_call6(CALL_map, space, address, bytes, flags, segment, offset);
}

static inline i64 call_unmap(u32 space, u64 address, u64 bytes)
{
	return native_call3(CALL_unmap, space, address, bytes);
}

static inline i64 call_protect(u32 space, u64 address, u64 bytes, u32 rights)
{
	return native_call4(CALL_protect, space, address, bytes, rights);
}

static inline i64 call_remap(u32 space, u64 old, u64 bytes, u64 new)
{
	return native_call4(CALL_remap, space, old, bytes, new);
}

static inline i64 call_map_query(u32 space, u64 address, struct region_info *info)
{
	return native_call3(CALL_map_query, space, address, (u64)info);
}

/* *end: behind the last page of the run. */
static inline i64 call_map_present(u32 space, u64 address, bool shown, u64 *end)
{
	return native_call2(CALL_map_present, space, address, shown, 0, 0, 0, end);
}

static inline i64 call_vas_attach(u32 space, u32 vas, u32 rights)
{
	return native_call3(CALL_vas_attach, space, vas, rights);
}

static inline i64 call_vas_detach(u32 space, u32 vas, bool force)
{
	return native_call3(CALL_vas_detach, space, vas, force);
}

static inline i64 call_vas_switch(u32 vas)
{
	return native_call1(CALL_vas_switch, vas);
}

/* *rights: RIGHT_*, VAS_BY_SYSTEM. */
static inline i64 call_vas_active(u64 *rights)
{
	return native_call2(CALL_vas_active, 0, 0, 0, 0, 0, 0, rights);
}

static inline i64 call_grant(u64 address, u64 bytes, u32 to, u32 flags)
{
	return native_call4(CALL_grant, address, bytes, to, flags);
}

static inline i64 call_grant_keep(u64 address)
{
	return native_call1(CALL_grant_keep, address);
}

static inline i64 call_revoke(u32 grant)
{
	return native_call1(CALL_revoke, grant);
}

/* In the caller's own space. Not to be used within a call of its system portal. -> global address of the portal: never negative. */
static inline i64 call_portal_create(u64 entry, u64 cookie)
{
	return native_call3(CALL_portal_create, entry, cookie, 0);
}

/* In a space that the caller manages. */
static inline i64 call_portal_create_in(u32 space, u64 entry, u64 cookie)
{
	return native_call3(CALL_portal_create, entry, cookie, space);
}

static inline i64 call_portal_destroy(u64 entry)
{
	return native_call3(CALL_portal_destroy, entry, 0, 0);
}

static inline i64 call_portal_destroy_in(u32 space, u64 entry)
{
	return native_call3(CALL_portal_destroy, entry, space, 0);
}

/* -> records written to the buffer, whose type is the kind's. */
static inline i64 call_list(enum list_kind kind, u32 space, u64 after, void *buffer, u64 count)
{
	return native_call6(CALL_list, kind, space, after, (u64)buffer, count, 0);
}

static inline i64 call_irq_grant(u32 line, u32 to)
{
	return native_call3(CALL_irq_grant, line, to, 0);
}

static inline i64 call_irq_attach(u32 line, const volatile u32 *word)
{
	return native_call3(CALL_irq_attach, line, (u64)word, 0);
}

static inline i64 call_irq_done(u32 line)
{
	return native_call1(CALL_irq_done, line);
}

/* portal: the address of one of this space's portals; 0: no more calls. */
static inline i64 call_irq_call(u32 line, u64 portal, u64 ns)
{
	return native_call3(CALL_irq_call, line, portal, ns);
}

static inline i64 call_log(const char *text, u64 bytes)
{
	return native_call3(CALL_log, (u64)text, bytes, 0);
}

static inline i64 call_stats(struct kernel_stats *stats, u64 bytes)
{
	return native_call3(CALL_stats, (u64)stats, bytes, 0);
}

static inline i64 call_fail(u32 thread, u64 count)
{
	return native_call3(CALL_fail, thread, count, 0);
}

static inline i64 call_power_off(u32 status)
{
	return native_call1(CALL_power_off, status);
}

/* -> pages; *leaks: kernel addresses found in them. */
static inline i64 call_shield_list(struct shield_page *list, u64 entries, u64 *leaks)
{
	return native_call2(CALL_shield_list, (u64)list, entries, 0, 0, 0, 0, leaks);
}

#endif
