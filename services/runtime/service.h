/* The runtime of a native service: what each service has beside native calls (calls.h), locks (lock.h) and memory (heap.h).
 *
 * A service defines service_main(), where its first thread starts. When the last thread of a space ends, the space ends. Calls from
 * other spaces come in through portals, on the callers' threads. */
#ifndef RUNTIME_SERVICE_H
#define RUNTIME_SERVICE_H

#include <stdarg.h>

#include "calls.h"
#include "heap.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lock.h"

/* Where the service's first thread starts. The thread ends when this returns. */
void service_main(const struct start_info *start);

/* What this space was started with; set before service_main(), and never changed. */
extern const struct start_info *service_start;

/* The number of this space, for native calls. (0 means the caller's own space too, but not within a call of the system portal.) */
static inline u32 service_number(void)
{
	return (u32)service_start->number;
}

/* --- pointers --- */

/* The global pointer to memory of this space. A pointer that is global already stays as it is. */
static inline u64 globalize(const void *pointer)
{
	u64 address = (u64)pointer;

	return address >> service_start->number_shift ? address
						      : address | service_start->number << service_start->number_shift;
}

/* The native pointer to a global address in this space. Other addresses stay as they are. */
static inline void *localize(u64 address)
{
	u64 shift = service_start->number_shift;

	return (void *)(address >> shift == service_start->number ? address & ((1ul << shift) - 1) : address);
}

/* The number of the space an address lies in. */
static inline u64 address_space(u64 address)
{
	u64 number = address >> service_start->number_shift;

	return number ? number : service_start->number;
}

/* The address of `offset` in the window of space `number`. */
static inline u64 address_in(u64 number, u64 offset)
{
	return number << service_start->number_shift | offset;
}

/* --- portals --- */

/* The two words that a portal function returns. */
struct portal_result {
	i64 word0;
	u64 word1;
};

typedef struct portal_result portal_function(u64 w0, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5);

enum { SERVICE_PORTALS = 4 };

/* Does a call's result say that the service has ended? It did so during the call (-E_DEAD), or before it, and its portal with it.
 * Then REGISTRY_FIND finds the service that was started in its place. */
static inline bool portal_is_lost(i64 result)
{
	return result == -E_DEAD || result == -E_PERM || result == -E_NOENT;
}

/* Makes portal number `index` (below SERVICE_PORTALS) of this space, served by the function. -> its global address. */
i64 service_portal(unsigned index, portal_function *function);

/* Offers the portal to the registry as that service (enum service), then sleeps for ever: calls run on the callers' threads. */
_Noreturn void service_offer(u64 service, u64 portal);

/* --- threads, time --- */

/* Starts a thread of this space on a stacklet of its own; it ends when the function returns. -> its number. */
i64 thread_start(void (*function)(void *argument), void *argument);

/* ns since boot. */
static inline u64 clock_now(void)
{
	const struct clock_info *clock = &service_start->clock;

	return clock->base + (u64)((unsigned __int128)(native_ticks() - clock->start) * clock->mult >> 32);
}

/* ns since 1970. */
static inline u64 clock_wall(void)
{
	return service_start->clock.wall + clock_now();
}

/* Sleeps until that many ns have passed. */
void clock_sleep(u64 ns);

/* --- the log, and the end --- */

/* One line of the kernel's log. */
void service_log(const char *text, ...) __attribute__((format(printf, 1, 2)));
/* Logs a line and ends this space: callers get -E_DEAD. */
_Noreturn void service_panic(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Ends the space unless the condition, an invariant of the service, holds. */
#define service_assert(condition) \
	((condition) ? (void)0 : service_panic("%s:%d: broken: %s", __FILE__, __LINE__, #condition))

#endif
