/* Portals: calls from space to space.
 *
 * The calling thread itself goes on in the other space, under that space's protection and on a stack there, and comes back with the
 * result. Neither side sees the other's registers, stack or memory. Arguments and result are integers and pointers. The callee can
 * use a pointer only if it is global and the memory is granted (or lent for the call).
 *
 * Typed calls. ALLOD_PORTAL(type, name, (type, argument), ...) is put behind the declaration of a function `name` and makes
 *
 *   type name_in(struct allod_space *sandbox, arguments...)    calls it in a sandbox (allod/space.h)
 *   type name_at(allod_portal portal, arguments...)            calls it through a portal that offers it
 *
 * with up to six arguments, which the compiler checks: integers, enumerations, bool, pointers. ALLOD_PORTAL_VOID(name, ...) is for
 * functions without a result. Both set errno: 0 if the function was called and returned, otherwise why not (allod/errors.h), and
 * then they return -1 (a pointer: (void *)-1).
 *
 *   int sum(const int *numbers, int count);
 *   ALLOD_PORTAL(int, sum, (const int *, numbers), (int, count))
 *
 *   int total = sum_in(box, allod_lend(numbers, 400, ALLOD_R), 100);
 *
 * Plain calls. A portal's address can also be called like any function pointer:
 *
 *   int (*remote)(const int *, int) = (void *)portal;
 *   int total = remote(allod_global(numbers), 100);
 *
 * That needs no declaration, but costs a page fault, and errors show in errno only. If there is no portal at the address, or no
 * longer because its space has ended, the call is like one through any wild pointer: SIGSEGV.
 *
 * What happens to
 *   errno          each space has its own. After a call it says whether the call was made; the callee's is not carried over
 *   TLS            the callee has thread-local variables of its own; in a sandbox they start as copies of those of the thread
 *                  that made it. Threads take turns (allod_options.contexts): a thread may find values another one left
 *   signals        wait until the call has returned, but those that end the process recall the thread from the call (EINTR)
 *   floating point rounding modes and exception masks of the caller are kept; the callee starts with the default ones
 *   exceptions,    do not cross a call: C++ exceptions end in std::terminate() of the callee, longjmp() out of a
 *   longjmp        callback to a frame behind the call leaves a call that never returns: do not
 *   exit           in a sandbox it ends the call (EOWNERDEAD), not the program; in a callback it ends the program
 *   fork           the child has none of its parent's spaces, portals and grants
 *   callbacks      a callee may call back into its caller, and so on, until a thread is inside of ALLOD_DEPTH_MAX calls
 */
#ifndef ALLOD_PORTAL_H
#define ALLOD_PORTAL_H

#include <stddef.h>
#include <stdint.h>

#include <allod/grant.h>
#include <allod/macros.h>
#include <allod/space.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The global address of a portal. */
typedef uint64_t allod_portal;

/* Calls that one thread can be inside of at a time; a Linux system call that a callee makes counts as one. */
enum { ALLOD_DEPTH_MAX = 22, ALLOD_LENT_MAX = 8 };

/* Any function of up to six words, cast to this. */
typedef uint64_t allod_function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Offers a function of the calling program, whose arguments and result are integers or pointers, to a space, which may call it from
 * then on. Calls come in on the callers' threads; these use stacks and thread-local variables that this program keeps for them
 * (allod_serve). -> the portal, the same one for the same function; 0 if it fails. EDQUOT: about 500 functions have been offered,
 * those counted that were withdrawn. */
allod_portal allod_offer(const void *function, uint32_t to);

/* The portal at any function of a sandbox, for its maker, who may grant it on to others with ALLOD_P for one byte. 0 if it fails.
 * The library remembers the portal: asking again costs little. */
allod_portal allod_portal_at(struct allod_space *sandbox, const void *function);

/* Withdraws a portal: that of a function of this program (sandbox NULL), or that at a function of a sandbox. Calls that are under
 * way go on. ENOENT. */
int allod_withdraw(struct allod_space *sandbox, const void *function);

/* Prepares for that many threads of other spaces inside of this program at once, with `stack` bytes of stack each (0: 256 KiB).
 * Further threads wait for their turn. If this was not called, allod_offer() prepares for one. */
int allod_serve(unsigned contexts, size_t stack);

/* How a call is to be made. */
struct allod_how {
	uint64_t deadline_ns; /* of the clock CLOCK_MONOTONIC; 0: none */
};

/* Calls a portal with six words. -> 0 and *result, or -1 and errno. `how` may be NULL. */
int allod_call(allod_portal portal, const uint64_t words[6], uint64_t *result, const struct allod_how *how);

/* Grants memory to the callee of this thread's next call, for the length of that call; up to ALLOD_LENT_MAX times per call.
 * For use inside of the argument list. -> the global pointer; NULL if that is too many, or bytes is 0. A grant that is not
 * the caller's to make lets the call fail. */
void *allod_lend(const volatile void *start, size_t bytes, unsigned rights);

/* What the functions made by ALLOD_PORTAL call: through a portal, or at a function of a sandbox. errno as said above. */
uint64_t allod_invoke(allod_portal portal, const uint64_t words[6]);
uint64_t allod_invoke_in(struct allod_space *sandbox, const void *function, const uint64_t words[6]);

#define ALLOD_PORTAL(type, name, ...) \
	static inline __attribute__((unused)) type name##_in(\
		struct allod_space *allod_sandbox_ ALLOD_PARAMETERS(name, ##__VA_ARGS__)) \
	{ \
		const uint64_t allod_words_[6] = { ALLOD_ARGUMENTS(name, ##__VA_ARGS__) }; \
		ALLOD_CHECK(type); \
		return (type)allod_invoke_in(allod_sandbox_, (const void *)name, allod_words_); \
	} \
	static inline __attribute__((unused)) type name##_at( \
		allod_portal allod_portal_ ALLOD_PARAMETERS(name, ##__VA_ARGS__)) \
	{ \
		const uint64_t allod_words_[6] = { ALLOD_ARGUMENTS(name, ##__VA_ARGS__) }; \
		return (type)allod_invoke(allod_portal_, allod_words_); \
	} \
	ALLOD_SAME_TYPE(type, name, ALLOD_TYPES(name, ##__VA_ARGS__))

#define ALLOD_PORTAL_VOID(name, ...) \
	static inline __attribute__((unused)) void name##_in(\
		struct allod_space *allod_sandbox_ ALLOD_PARAMETERS(name, ##__VA_ARGS__)) \
	{ \
		const uint64_t allod_words_[6] = { ALLOD_ARGUMENTS(name, ##__VA_ARGS__) }; \
		allod_invoke_in(allod_sandbox_, (const void *)name, allod_words_); \
	} \
	static inline __attribute__((unused)) void name##_at( \
		allod_portal allod_portal_ ALLOD_PARAMETERS(name, ##__VA_ARGS__)) \
	{ \
		const uint64_t allod_words_[6] = { ALLOD_ARGUMENTS(name, ##__VA_ARGS__) }; \
		allod_invoke(allod_portal_, allod_words_); \
	} \
	ALLOD_SAME_TYPE(void, name, ALLOD_TYPES(name, ##__VA_ARGS__))

#ifdef __cplusplus
}
#endif

#endif
