/* The numbers, structures and layout rules that the kernel, the services, the library, the tool and the tests share.
 *
 * Addresses are [number | offset] (docs/tour.md). Structures have fixed-width members only and are the same on every
 * machine, but for struct user_frame, which is the machine's (abi/x86_64/user_frame.h, abi/arm64/user_frame.h). */
#ifndef ALLOD_ABI_ALLOD_H
#define ALLOD_ABI_ALLOD_H

#include <stdint.h>

#include "calls.h"
#include "errors.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)

/* Rights of regions and grants. */
enum {
	RIGHT_R = 1,
	RIGHT_W = 2,
	RIGHT_X = 4,
	RIGHT_P = 8, /* grants only: portals in the range may be called */
	RIGHT_ALL = 15,
};

/* Flags of map(). */
enum {
	MAP_SHARE = 0x10,   /* writes go to the segment; otherwise the region is copy-on-write */
	MAP_REPLACE = 0x20, /* take out what is mapped there first (Linux MAP_FIXED) */
	MAP_MOST_SHIFT = 8,
	MAP_MOST_MASK = 0x700,
};
/* The most rights that protect() may ever give the region. If map() is given none, that is the rights it is given for a MAP_SHARE
 * region, and all rights for a copy-on-write one. */
#define MAP_MOST(rights) ((uint32_t)(rights) << MAP_MOST_SHIFT & MAP_MOST_MASK)

/* Flags of grants. */
enum {
	GRANT_PASS = 0x10,  /* the grantee may grant it on */
	GRANT_KEEP = 0x20,  /* of a call: the grantee may keep it, grant_keep() */
	GRANT_EXACT = 0x40, /* of a call: the grantee sees nothing but the range. It gets copies of the edge pages, which are copied
			     * back (with right w) at the end of the call */
};

/* Flags of segment_create(). */
enum {
	SEGMENT_PAGED = 1, /* absent pages come from the owner: a fault on one calls the faulting space's system portal */
};

/* Flags of wait(). */
enum {
	WAIT_INTERRUPTIBLE = 1,
};

/* Rights and kinds of a space, in space_spec.flags. */
enum {
	SPACE_TRUSTED = 1,       /* not shielded: the kernel stays mapped. Only a SPACE_DEVICES space may ask for it. */
	SPACE_DEVICES = 2,       /* may make device segments, hold interrupt lines, power off. Only passed on by such a space. */
	SPACE_GRANT_CREATOR = 4, /* the creator holds a grant (rw, to pass on) of the whole window from birth */
	SPACE_VAS = 8,           /* without threads: its memory shows in spaces that it is attached to */
};

/* Flags of vas_attach(), besides rights. */
enum {
	VAS_BY_SYSTEM = 0x10, /* only the space's system has its threads switch in and out */
};

/* Who serves a space's system calls, faults and exceptions: space_spec.system. */
enum {
	SYSTEM_NONE = 0,
	SYSTEM_OWN = 1,    /* the creator's system portal; the creator is SPACE_TRUSTED and has no system itself */
	SYSTEM_SHARED = 2, /* the creator's own system, which is granted the whole window from birth (rw, to pass on) */
};

/* How much of each a space, and all spaces it makes, may use together; 0: no limit but those of its creator. A space counts
 * itself. */
struct quota {
	uint64_t frames;  /* of private memory, page tables and segments: running out is running out of memory */
	uint64_t spaces, threads;
	uint64_t grants;  /* and portals and segments */
};

struct space_spec {
	uint32_t flags;
	uint32_t system; /* SYSTEM_* */
	char name[16];   /* for logs and statistics, NUL-terminated */
	struct quota quota;
};

enum space_end {
	SPACE_ALIVE = 0,
	SPACE_EXITED = 1,  /* its last thread ended, or it destroyed itself */
	SPACE_FAULTED = 2, /* a fault or exception in it could not be resolved and it has no system portal */
	SPACE_KILLED = 3,  /* destroyed by its manager */
};

struct space_info {
	uint32_t number, manager, flags, end;
	uint64_t frames; /* frames of private memory and page tables */
	char name[16];
	uint32_t system;  /* number of the space whose system portal serves it, 0: none */
	uint32_t threads; /* whose home it is */
	struct quota used, limit; /* of the account it is on: its own if it was made with a quota, else its creator's; 0: none */
};

/* What list() lists of a space, as which records. The number or address by which a record is known is what `after` names. */
enum list_kind {
	LIST_SPACES = 0,  /* the living ones that it is the manager of: struct space_info, known by number */
	LIST_GRANTS = 1,  /* of its memory: struct grant_info, by number */
	LIST_PORTALS = 2, /* struct portal_info, by address */
	LIST_THREADS = 3, /* whose home it is: struct thread_info, by number + 1. Only for a SPACE_DEVICES space. */
};

enum { LIST_MAX = 32 };

struct grant_info {
	uint32_t number, parent; /* parent: the grant it was made from, 0: none */
	uint32_t from, to;       /* number of the space that made it; of the space that may use it */
	uint32_t flags, of_call; /* RIGHT_*, GRANT_*; 1: it ends with the call that it was made for */
	uint64_t start, bytes;   /* start: offset in the window of the space asked for */
};

struct portal_info {
	uint64_t address, cookie; /* address: global */
};

struct thread_info {
	uint32_t number, space; /* space: that it is in */
	uint32_t state, depth;  /* enum thread_state; calls it is inside of */
	uint32_t call;       /* number of the innermost system call, ~0: in none */
	uint32_t word_space; /* number of the space that owns the word it waits for, 0: it waits for no word */
	uint64_t ip, word;      /* ip: where it is in its space; offset of the word in the owner's window */
};

/* What threads do. */
enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_DEAD };

/* A grant to the callee that ends with the call. */
struct grant_spec {
	uint64_t address, bytes;
	uint32_t flags; /* RIGHT_* | GRANT_* */
	uint32_t grant; /* receives its number */
};

enum { CALL_GRANTS_MAX = 8 };

/* Of portal_call_with(). */
struct call_spec {
	uint64_t portal, words[6];
	uint64_t deadline; /* ns of the monotonic clock, 0: none */
	uint64_t grants;   /* struct grant_spec * */
	uint32_t grant_count, unused;
};

struct thread_spec {
	uint32_t space;  /* 0 = the caller's own: starts at ip, on a stacklet of its own (sp 0) or at sp, with arg as argument */
	uint32_t unused;
	uint64_t ip, sp, arg;
	/* For a space the caller is the system of: the first user frame (its cookie too); ip, sp, arg are ignored. The frame's
	 * vector state starts out as a copy of the calling thread's user frame's if frame->flags has FRAME_INHERIT_VECTOR. */
	uint64_t frame; /* const struct user_frame *, or 0 */
};

/* Where a thread of the space goes on after a fault that the kernel cannot resolve.
 *
 * If the faulting instruction is in [copy_start, copy_end), it goes on at copy_landing with its registers unchanged but for three:
 * rax, r8, r9 (arm64: x9, x10, x11) = fault code (enum fault_code), segment, page. Otherwise it goes on at crash_landing, a C
 * function with the arguments code or cause, address, instruction.
 *
 * If call_landing is not 0, a plain call to the address of a portal in another space goes on there, with r11 (arm64: x16) = that
 * address. */
struct landing {
	uint64_t copy_start, copy_end, copy_landing, crash_landing;
	uint64_t call_landing;
};

struct region_info {
	uint64_t start, end, offset; /* offset in the segment, bytes */
	uint32_t segment;            /* 0: zero-filled private memory */
	uint32_t flags;              /* RIGHT_* | MAP_SHARE | MAP_MOST(RIGHT_*): with these, map() maps it once more */
};

/* Why the system portal is called (user_frame.cause). */
enum frame_cause {
	CAUSE_SYSCALL = 0,   /* user_frame.nr and the argument registers */
	CAUSE_FAULT = 1,     /* user_frame.addr, .code, and .segment/.page if FAULT_PAGER */
	CAUSE_EXCEPTION = 2, /* user_frame.code: enum exception_code */
	CAUSE_INTERRUPT = 3, /* thread_interrupt() */
};

enum fault_code {
	FAULT_WRITE = 1,
	FAULT_EXEC = 2,
	FAULT_MAPPED = 4, /* a region covers the address, its rights do not allow the access */
	FAULT_PAGER = 8,  /* the access is allowed but the page must be supplied first */
	FAULT_NOMEM = 16, /* the access is allowed but no frame was free */
	FAULT_READ = 32,  /* neither a write nor an instruction fetch */
	FAULT_LIMIT = 64, /* with FAULT_NOMEM: a quota of frames is used up, not the machine's memory */
};

enum exception_code {
	EXCEPTION_DIVIDE = 1,
	EXCEPTION_STEP,
	EXCEPTION_BREAKPOINT,
	EXCEPTION_OVERFLOW,
	EXCEPTION_BOUND,
	EXCEPTION_ILLEGAL,
	EXCEPTION_PROTECTION, /* general protection: non-canonical address, privileged instruction */
	EXCEPTION_ALIGNMENT,
	EXCEPTION_FLOAT, /* x87 or SIMD */
};

/* user_frame.flags, set by the system service. */
enum {
	FRAME_FULL = 1,           /* every register was changed: do not use the short way back */
	FRAME_THREAD_POINTER = 2, /* load the frame's thread pointer too */
	FRAME_INHERIT_VECTOR = 4, /* thread_create only */
};

/* The memory layout of a window that the kernel itself uses: stacklets, in the lower half. Thread t of the machine has the
 * range [STACKLET_BASE + t * STACKLET_SIZE, + STACKLET_SIZE) in every space; its lowest page is the guard page. Behind those of
 * threads are those of interrupt lines: line l has number THREADS_MAX + l. */
#define STACKLET_SIZE 0x8000ul
#define STACKLET_BASE 0x40000000ul
#define THREADS_MAX 16320ul
#define IRQ_LINES_MAX 64ul
#define STACKLET_END (STACKLET_BASE + (THREADS_MAX + IRQ_LINES_MAX) * STACKLET_SIZE)

/* The longest that an interrupt's call may last, irq_call(). */
#define IRQ_CALL_NS_MAX 100000000ul

/* What a native program finds through its first argument register when its first thread starts (placed by its creator). */
struct start_info {
	uint64_t size;            /* of this structure */
	uint64_t registry;        /* portal of init's registry, 0 in init itself */
	uint64_t arena;           /* meaning depends on the program: see abi/services.h */
	uint64_t words[12];       /* likewise */
	struct clock_info {       /* ns = base + ((ticks - start) * mult >> 32); ticks: rdtsc, CNTVCT */
		uint64_t start, base, mult;
		uint64_t wall; /* ns since 1970 at monotonic 0 */
	} clock;
	uint64_t archive, archive_bytes; /* init only: the boot archive (newc cpio) */
	uint64_t number_shift;           /* global pointer = native | number << number_shift */
	uint64_t number;                 /* of this space */
	uint64_t window;                 /* bytes of a window; the lower half holds the image */
	uint64_t processors, memory;     /* memory in bytes */
	uint64_t random[2];              /* seed of this space's own generator */
};

enum stretch_cause {
	STRETCH_SYSTEM_CALL = 1,
	STRETCH_SYSTEM_RETURN,
	STRETCH_FAULT,
	STRETCH_INTERRUPT,
	STRETCH_OTHER, /* an exception, an interrupt of the timer, a request of another processor */
};

enum { STATS_PAIRS = 64, STATS_CPUS = 8, SAMPLE_NS = 250000000 };

struct kernel_stats {
	uint64_t boot_ns;           /* from reset vector to the first instruction in user mode, 0 if not known */
	uint64_t boot_instructions; /* time-stamp counter at that point */
	uint64_t system_calls, native_calls, portal_calls, faults, interrupts, nmis, switches;
	uint64_t root_writes, tlb_pages, tlb_spaces, tlb_ipis;
	uint64_t frames_total, frames_free, frames_low; /* frames_low: fewest ever free */
	uint64_t spaces, spaces_made, threads;
	uint64_t restarts; /* of drivers: filled in by who asks init for it (REGISTRY_RESTARTS) */
	uint64_t shielded; /* 1 if the shield is on */
	/* Each timer interrupt adds the time since the one before, at most SAMPLE_NS, to idle_ns if all processors are idle, and to
	 * service_ns if any is in a service that is not shielded. */
	uint64_t idle_ns, service_ns;
	/* With `measure=stretch`: the longest that the kernel has run in one go, ns, and what it did: enum stretch_cause or the
	 * number of a native call. 0: not measured. */
	uint64_t stretch, stretch_cause;
	struct {
		uint32_t from, to;
		uint64_t calls;
	} pairs[STATS_PAIRS]; /* portal calls by pair of spaces, system calls not among them; the first free entry has calls 0 */
};

struct shield_page {
	uint64_t va, pa, bytes;
	uint32_t writable, executable;
};

#endif
