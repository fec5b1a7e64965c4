/* Tags (PCID, ASID): numbers under which a processor keeps translations of several roots at a time.
 *
 * Each processor hands tags out in order; when they run out it begins a new generation, flushes everything, and all
 * spaces lose their tags there. On x86-64 a tag stands for a pair of hardware values: one for the root as user code sees
 * it, one for the same root with the kernel mapped. Pure: no machine code, tested on the host. */
#ifndef KERNEL_TAG_H
#define KERNEL_TAG_H

#include "types.h"

/* A processor's allocator; zero-initialised but for limit. */
struct tag_cpu {
	u64 generation; /* 0: not used yet */
	u32 next;       /* tag to hand out next */
	u32 limit;      /* tags are 1 .. limit - 1 */
};

/* A space's tag on one processor. Zero-initialised: none. */
struct tag {
	u64 generation; /* of the processor's when it was given; anything else: none */
	u32 value;
};

enum tag_flush { TAG_KEEP, TAG_FLUSH_ONE, TAG_FLUSH_ALL };

/* Gives the space a valid tag in *tag. -> what to flush as it is loaded. */
enum tag_flush tag_take(struct tag_cpu *cpu, struct tag *tag);
/* Translations under the tag are stale: the space gets another one when it is next loaded. */
void tag_forget(struct tag *tag);
/* Does the processor hold translations under this tag? */
bool tag_is_valid(const struct tag_cpu *cpu, const struct tag *tag);

/* x86-64: PCIDs of a tag are 2 * tag (kernel mapped) and 2 * tag + 1 (user's view). */
enum { TAG_PCID_LIMIT = 2048 };
#define TAG_CR3_KEEP (1ul << 63)
u64 tag_cr3(pa_t root, u32 tag, bool user_view, bool keep);
/* arm64: an ASID is the tag itself, 0 the kernel's (kernel/arch/arm64/mmu.c). */

#endif
