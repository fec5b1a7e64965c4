/* The machine of the tests: core.h. The linker wraps the allocators, so that they can be made to fail (unit.mk). */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "pool.h"
#include "regs.h"
#include "thread.h"

/* --- failing --- */

enum { FREED = 0xdb }; /* what freed memory is filled with */

static u64 countdown;
static bool failed;

void *__real_frame_alloc(void);
void *__real_frame_alloc_raw(void);
void *__real_frame_alloc_contiguous(u64 pages);
void *__real_pool_alloc(struct pool *pool);
void *__real_pool_alloc_zeroed(struct pool *pool);
void __real_frame_put(void *page);
void __real_pool_free(struct pool *pool, void *object);
void *__wrap_frame_alloc(void);
void *__wrap_frame_alloc_raw(void);
void *__wrap_frame_alloc_contiguous(u64 pages);
void *__wrap_pool_alloc(struct pool *pool);
void *__wrap_pool_alloc_zeroed(struct pool *pool);
void __wrap_frame_put(void *page);
void __wrap_pool_free(struct pool *pool, void *object);

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	countdown = 1;
	failed = true;
	return true;
}

void *__wrap_frame_alloc(void)
{
	return fails() ? NULL : __real_frame_alloc();
}

void *__wrap_frame_alloc_raw(void)
{
	return fails() ? NULL : __real_frame_alloc_raw();
}

void *__wrap_frame_alloc_contiguous(u64 pages)
{
	return fails() ? NULL : __real_frame_alloc_contiguous(pages);
}

void *__wrap_pool_alloc(struct pool *pool)
{
	return fails() ? NULL : __real_pool_alloc(pool);
}

void *__wrap_pool_alloc_zeroed(struct pool *pool)
{
	return fails() ? NULL : __real_pool_alloc_zeroed(pool);
}

/* A frame must not become free while a TLB has a translation to it. */
void __wrap_frame_put(void *page)
{
	for (unsigned i = 0; frame_refs(page) == 1 && i < HOST_TLB; i++)
		if (host_tlb[i].space && host_tlb[i].frame == ptr_pa(page).v)
			fail_msg("a frame is freed that space %u has in its TLB", host_tlb[i].space->number);
	/* Whoever goes on using it shall notice. */
	if (frame_refs(page) == 1)
		memset(page, FREED, PAGE_SIZE);
	__real_frame_put(page);
}

void __wrap_pool_free(struct pool *pool, void *object)
{
	memset(object, FREED, pool->bytes);
	__real_pool_free(pool, object);
}

void core_fail_at(u64 n)
{
	countdown = n;
	failed = false;
}

bool core_failed(void)
{
	bool was = failed;

	countdown = 0;
	failed = false;
	return was;
}

unsigned core_fail_each(int (*operation)(void *context), void (*check)(void *context), void *context)
{
	/* Each twice: what a failed attempt leaves behind for the next saves that an allocation. */
	for (unsigned n = 2;; n++) {
		int result;

		core_fail_at(n / 2);
		result = operation(context);
		if (!core_failed()) {
			assert_true(result >= 0);
			return n / 2 - 1;
		}
		assert_int_equal(result, -E_NOMEM);
		check(context);
		space_check_all();
	}
}

/* --- steps --- */

static u64 stop_at;
u64 core_stops;

void core_stop_at(u64 n)
{
	stop_at = n;
}

void core_begin_step(void)
{
	static struct thread thread;
	static struct user_frame frame;

	if (!stop_at)
		return;
	memset(&frame, 1, sizeof(frame));
	host_tick_step = WORK_STEP_NS / stop_at + 1;
	work_begin(&thread, &frame);
}

bool core_end_step(i64 result)
{
	if (!stop_at) {
		assert_int_not_equal(result, WORK_AGAIN);
		return true;
	}
	work_end(result);
	host_tick_step = 0;
	if (result != WORK_AGAIN) {
		/* What others have to do, too. */
		work_run();
		assert_int_equal(work_waiting, 0);
		return true;
	}
	core_stops++;
	assert_false(tlb_pending());
	space_check_all();
	core_check_tlb();
	return false;
}

static int end_step(struct space *space)
{
	bool done = space_end_some(space);

	tlb_commit();
	return done ? 0 : WORK_AGAIN;
}

void core_end_space(struct space *space)
{
	space_begin_end(space, SPACE_KILLED, 0);
	tlb_gone(space);
	tlb_commit();
	core_steps(end_step(space));
	space_finish_end(space);
}

/* --- the machine --- */

void core_start(int argc, char **argv, u64 bytes)
{
	host_start(bytes, argc > 1 ? (unsigned)atoi(argv[1]) : 4);
}

static uint64_t read_physical(uint64_t physical)
{
	return *(const u64 *)pa_ptr((pa_t){ physical });
}

u32 core_oracle(const struct space *space, u64 va, u64 *physical, bool *uncached)
{
	struct mmu_result result = mmu_walk(read_physical, ptr_pa(space->view.root).v, paging_levels, va);

	assert_false(result.malformed);
	*physical = result.address;
	*uncached = result.uncached;
	return (result.read ? RIGHT_R : 0) | (result.write ? RIGHT_W : 0) | (result.execute ? RIGHT_X : 0);
}

static u32 needed(u32 access)
{
	return access & FAULT_WRITE ? RIGHT_W : access & FAULT_EXEC ? RIGHT_X : RIGHT_R;
}

static bool tlb_find(const struct space *space, u64 page, u32 rights, u64 *frame)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		if (host_tlb[i].space == space && host_tlb[i].page == page && !(rights & ~host_tlb[i].rights)) {
			*frame = host_tlb[i].frame;
			return true;
		}
	return false;
}

/* Do the owner's tables show the page for execution already? Then what is fetched from it is the owner's business. */
static bool is_executable_now(const struct space *space, u64 va)
{
	const struct space *owner = address_number(va) ? space_find((u32)address_number(va)) : space;
	unsigned level;
	const pte_t *entry = owner ? pt_find_entry(owner, address_offset(va), &level) : NULL;

	return entry && (pte_rights(*entry) & RIGHT_X);
}

u32 core_access(struct space *space, u64 va, u32 access, u64 *word)
{
	u32 rights = needed(access);
	u64 page = page_down(va), frame, physical;
	bool uncached;
	u64 *memory;

	if (!tlb_find(space, page, rights, &frame)) {
		u32 have = core_oracle(space, va, &physical, &uncached);

		if (rights & ~have) {
			bool first = (rights & RIGHT_X) && !is_executable_now(space, va);
			u32 code = space_fault(space, va, access, NULL);

			assert_false(tlb_pending());
			if (code)
				return code;
			have = core_oracle(space, va, &physical, &uncached);
			assert_false(rights & ~have);
			assert_true(!first || uncached || host_code_is_current(pa_ptr((pa_t){ page_down(physical) })));
		}
		frame = page_down(physical);
		host_tlb_add(space, page, frame, have);
	}
	if (frame >= HOST_DEVICE)
		return 0;
	memory = (u64 *)((char *)pa_ptr((pa_t){ frame }) + va % PAGE_SIZE);
	if (access & FAULT_WRITE)
		*memory = *word;
	else
		*word = *memory;
	return 0;
}

u32 core_code(struct space *space, u64 va, u32 access)
{
	u64 word = 1;

	return core_access(space, va, access, &word);
}

u64 core_load(struct space *space, u64 va)
{
	u64 word;

	assert_int_equal(core_access(space, va, 0, &word), 0);
	return word;
}

void core_store(struct space *space, u64 va, u64 word)
{
	assert_int_equal(core_access(space, va, FAULT_WRITE, &word), 0);
}

/* What a space may do at an address without any change of frames: what the owner's tables show, or would after a read,
 * as far as all grants together allow. */
static u32 allowed_now(struct space *space, u64 page, u64 *physical)
{
	struct space *owner = address_number(page) ? space_find((u32)address_number(page)) : space;
	u64 offset = address_offset(page);
	bool uncached;
	u32 have, granted = 0;

	if (!owner)
		return 0;
	have = core_oracle(owner, offset, physical, &uncached);
	if (!have && !space_fault(owner, offset, 0, NULL))
		have = core_oracle(owner, offset, physical, &uncached);
	if (owner == space)
		return have;
	for (u32 right = RIGHT_R; right <= RIGHT_X; right <<= 1)
		granted |= grant_find(owner, space, offset, right) ? right : 0;
	return have & granted;
}

/* Is it the copy of an edge page that an exact grant shows? */
static bool is_edge(const struct host_translation *entry)
{
	struct space *owner = space_find((u32)address_number(entry->page));

	if (!owner)
		return false;
	list_for_each(node, &owner->granted) {
		const struct grant *grant = container_of(node, struct grant, of_owner);
		const void *edge = grant->to == entry->space ? grant_edge(grant, address_offset(entry->page)) : NULL;

		if (edge && ptr_pa(edge).v == entry->frame)
			return true;
	}
	return false;
}

static bool is_lagging(const struct host_translation *entry)
{
	const struct space *owner = space_find((u32)address_number(entry->page));

	if (address_number(entry->page) && !owner)
		return space_is_ending((u32)address_number(entry->page));
	return owner && owner != entry->space && pt_may_lag(owner, entry->space);
}

void core_check_tlb(void)
{
	for (unsigned i = 0; i < HOST_TLB; i++) {
		const struct host_translation *entry = &host_tlb[i];
		u64 physical = 0;
		u32 have;

		if (!entry->space)
			continue;
		assert_int_equal(entry->space->end, SPACE_ALIVE);
		have = allowed_now(entry->space, entry->page, &physical);
		if (entry->space && (is_edge(entry) || is_lagging(entry)))
			continue;
		if (entry->space && (page_down(physical) != entry->frame || (entry->rights & ~have)))
			fail_msg("stale translation: space %u address %#lx frame %#lx rights %u, now %#lx rights %u",
				entry->space->number, (unsigned long)entry->page, (unsigned long)entry->frame,
				entry->rights, (unsigned long)physical, have);
	}
}

/* --- summaries --- */

static u64 mix(u64 digest, u64 value)
{
	digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
	return digest ^ digest >> 29;
}

static u64 digest_space(u64 digest, const struct space *space)
{
	u64 index = 0;
	const struct radix_node *leaf;

	digest = mix(digest, space->number);
	list_for_each(node, &space->map.regions) {
		const struct region *r = container_of(node, struct region, order);

		digest = mix(mix(mix(digest, r->start), r->end), r->offset);
		digest = mix(mix(digest, r->flags), r->segment ? r->segment->number : 0);
	}
	for (; (leaf = radix_next_leaf(&space->map.private, &index)); index += RADIX_SLOTS)
		for (u64 used = leaf->used; used; used &= used - 1) {
			u64 slot = (u64)__builtin_ctzl(used);

			digest = mix(mix(digest, index + slot), (u64)leaf->slot[slot] + frame_refs(leaf->slot[slot]));
		}
	list_for_each(node, &space->segments) {
		const struct segment *segment = container_of(node, struct segment, owned);

		digest = mix(mix(mix(digest, segment->number), segment->present), segment->flags);
	}
	list_for_each(node, &space->granted) {
		const struct grant *grant = container_of(node, struct grant, of_owner);

		digest = mix(mix(mix(mix(digest, grant->number), grant->start), grant->end), grant->flags);
	}
	list_for_each(node, &space->portals)
		digest = mix(digest, container_of(node, struct portal, of_space)->by_address.key);
	return digest;
}

u64 core_digest(void)
{
	u64 digest = space_count();

	for (struct space *space = space_next(1); space; space = space_next(space->number + 1))
		digest = digest_space(digest, space);
	return digest;
}

/* --- spaces --- */

struct space *core_first(void)
{
	const struct space_spec spec = { .flags = SPACE_DEVICES, .name = "first" };
	struct space *space;

	assert_int_equal(space_create(NULL, &spec, &space), 0);
	return space;
}

struct space *core_space(struct space *creator, u32 flags)
{
	const struct space_spec spec = { .flags = flags, .name = "plain" };
	struct space *space;

	assert_int_equal(space_create(creator, &spec, &space), 0);
	return space;
}

struct thread *core_thread(struct space *space)
{
	struct user_frame frame;
	struct thread *thread;

	memset(&frame, 0, sizeof(frame));
	assert_int_equal(thread_create(space, &frame, 0, 0, 0, &thread), 0);
	thread->state = THREAD_RUNNING;
	thread->cpu = &host_cpu;
	host_cpu.current = thread;
	thread_load();
	return thread;
}

void core_end_all(void)
{
	struct space *space;

	for (u32 number = 1; (space = space_next(number));) {
		number = space->number + 1;
		space_end(space, SPACE_KILLED, 0);
	}
	assert_int_equal(space_count(), 0);
}

/* --- running, and around tests --- */

u64 core_seed;
static jmp_buf idle;
static u64 settled; /* free frames */

void core_enter(void (*upcall)(void))
{
	host_idle_return = idle;
	if (!setjmp(idle))
		upcall();
}

i64 core_call(u64 number, u64 a, u64 b)
{
	const u64 words[6] = { a, b };

	regs_enter(host_cpu.frame, 0x200000, 0x100000, words, 0);
	frame_set_call(host_cpu.frame, number, 0);
	core_enter(trap_native_call);
	return frame_result(host_cpu.frame);
}

u64 core_roll(u64 below)
{
	core_seed = core_seed * 6364136223846793005u + 1442695040888963407u;
	return (core_seed >> 33) % below;
}

void core_settle(void)
{
	core_end_all();
	settled = frame_free();
}

void core_expect_settled(void)
{
	core_end_all();
	frame_check();
	assert_int_equal(frame_free(), settled);
}

int core_teardown(void **state)
{
	(void)state;
	space_check_all();
	core_check_tlb();
	core_expect_settled();
	return 0;
}
