/* Roots and translation look-aside buffers.
 *
 * What CR3 holds, processor by processor (E = its entry page, loaded and entry = members of struct cpu):
 *
 *                     shield on                            shield off
 *   E.user_root       one of the processor's top-level     loaded's root
 *                     pages, a copy of loaded's entries
 *                     (or, by the gate, another view's)    (likewise)
 *   E.root            entry->root, or the kernel's root    entry->root, or the kernel's root
 *   in user mode      E.user_root in a shielded space,     loaded->root or (state B, entry.S) entry->root
 *                     entry->root in an unshielded one
 *   in the kernel     entry->root, or what was there when arch_space_prepare() was last called (standing)
 *
 * The kernel never uses user addresses, and without PCIDs every write to CR3 drops all translations (there are no global ones). So
 * on this processor a commit has to invalidate only for an unshielded space, whose root user mode goes on with without a write to
 * CR3. Another processor may be in user mode, and is interrupted, unless it waits for the kernel lock. With PCIDs translations
 * stay; then a commit also takes the tags away from spaces that are not loaded (tag.h). */
#include "arch.h"
#include "early.h"
#include "entry.h"
#include "grant.h"
#include "layout.h"
#include "lib/string.h"
#include "machine.h"
#include "portal.h"
#include "pte.h"
#include "registers.h"
#include "shield.h"
#include "space.h"
#include "tlb.h"
#include "vas.h"

enum { INVALIDATE_PAGES_MAX = 32, USER_WORDS = 256 / 64, PAUSE_TURNS = 256 };

static const struct tlb_batch *shootdown; /* what processors with a flush_request shall invalidate */
static struct tag_cpu tag_cpus[CPUS_MAX]; /* [K] */
static bool pcids;                        /* [I] */

static u64 root_address(u64 cr3)
{
	return cr3 & PTE_ADDRESS;
}

static u64 view_root(const struct view *view)
{
	return view ? ptr_pa(view->root).v : machine.kernel_root;
}

static u64 space_root(const struct space *space)
{
	return view_root(space ? &space->view : NULL);
}

static struct view *main_view(struct space *space)
{
	return space ? &space->view : NULL;
}

static bool is_of(const struct view *view, const struct space *space)
{
	return view && view->space == space;
}

void mmu_init(void)
{
	pcids = (cpuid(1, 0).ecx & CPUID1_ECX_PCID) && (cpuid(7, 0).ebx & CPUID7_EBX_INVPCID);
	for (unsigned i = 0; i < machine.processors; i++) {
		tag_cpus[i].limit = TAG_PCID_LIMIT;
		for (u64 top = 0; top < TOPS; top++)
			kernel_page(i)->tops[top].page = pa_ptr((pa_t){ machine.tops[i] + top * PAGE_SIZE });
		kernel_page(i)->active = kernel_page(i)->before = kernel_page(i)->tops;
	}
}

void mmu_cpu_init(void)
{
	if (pcids)
		write_cr4(read_cr4() | CR4_PCID);
}

static __attribute__((noinline, cold)) u64 tagged_cr3(struct cpu *cpu, struct view *view, u64 root, bool user_view)
{
	struct tag *tag = &view->tags[cpu->number];

	switch (tag_take(&tag_cpus[cpu->number], tag)) {
	case TAG_KEEP:
		break;
	case TAG_FLUSH_ONE:
		cpu->tlb_spaces++;
		invpcid(INVPCID_ONE, 2 * tag->value, 0);
		invpcid(INVPCID_ONE, 2 * tag->value + 1, 0);
		break;
	case TAG_FLUSH_ALL:
		cpu->tlb_spaces++;
		invpcid(INVPCID_ALL, 0, 0);
		break;
	}
	return tag_cr3((pa_t){ root }, tag->value, user_view, true);
}

/* The value of CR3 for a root: with its tag, if there are tags. */
static inline u64 cr3_of(struct cpu *cpu, struct view *view, u64 root, bool user_view)
{
	return pcids && view ? tagged_cr3(cpu, view, root, user_view) : root;
}

void arch_root_init(void *root)
{
	const u64 *kernel = pa_ptr((pa_t){ machine.kernel_root });
	u64 *entries = root;

	for (unsigned i = 256; i < 512; i++)
		entries[i] = kernel[i];
}

static u64 top_root(const struct top *top)
{
	return ptr_pa(top->page).v;
}

static void empty_top(struct top *top)
{
	for (unsigned word = 0; word < USER_WORDS; word++)
		for (u64 bits = top->copied[word]; bits; bits &= bits - 1)
			top->page[word * 64 + (unsigned)__builtin_ctzl(bits)] = 0;
	memset(top->copied, 0, sizeof(top->copied));
	top->view = NULL;
}

/* Makes a top-level page that is not in use a copy of the view's user entries. */
static void fill_top(struct top *top, struct view *view)
{
	const u64 *root = view->root;

	empty_top(top);
	for (unsigned word = 0; word < USER_WORDS; word++) {
		top->copied[word] = view->used[word];
		for (u64 bits = view->used[word]; bits; bits &= bits - 1) {
			unsigned i = word * 64 + (unsigned)__builtin_ctzl(bits);

			top->page[i] = root[i];
		}
	}
	top->view = view;
}

/* A top-level page that shows no view, or else one that is not the active one. */
static __attribute__((noinline)) struct top *choose_top(struct kernel_page *kernel)
{
	struct top *top = kernel->active;

	for (unsigned i = 0; i < TOPS && (top == kernel->active || (top->view && i < TOPS - 1)); i++)
		top = top + 1 < kernel->tops + TOPS ? top + 1 : kernel->tops;
	return top;
}

/* Makes a page other than the active one show a view. The gate must not use the page for its former view any more. */
static __attribute__((noinline)) struct top *take_top(struct cpu *cpu, struct kernel_page *kernel, struct view *view)
{
	struct top *top;

	for (unsigned i = 0; i < TOPS; i++)
		if (kernel->tops[i].view == view)
			return &kernel->tops[i];
	top = choose_top(kernel);
	if (top->view || cpu->gate->depth)
		gate_reset(cpu);
	fill_top(top, view);
	return top;
}

/* Two spaces often take turns. */
static inline void change_top(struct cpu *cpu, struct kernel_page *kernel, struct view *view)
{
	struct top *before = kernel->active;

	kernel->active = kernel->before->view == view ? kernel->before : take_top(cpu, kernel, view);
	kernel->before = before;
}

static inline void load_root(struct cpu *cpu, struct view *view)
{
	u64 root = view_root(view);

	if (root_address(read_cr3()) != root) {
		write_cr3(cr3_of(cpu, view, root, false));
		cpu->root_writes++;
	}
}

static __attribute__((noinline)) void prepare_idle(struct cpu *cpu, struct entry_page *page)
{
	cpu->system.process_frame = NULL;
	cpu->loaded = NULL;
	cpu->entry = NULL;
	page->shielded = 0;
	page->root = machine.kernel_root;
	load_root(cpu, NULL);
}

static __attribute__((noinline)) void prepare_without_shield(struct cpu *cpu, struct entry_page *page, struct view *run,
	struct space *entry)
{
	/* In state B the way back to the process is ready, too. */
	cpu->loaded = cpu->system.process_frame ? cpu->process_view : run;
	cpu->entry = entry;
	page->user_root = cr3_of(cpu, cpu->loaded, view_root(cpu->loaded), false);
	page->root = cr3_of(cpu, main_view(entry), space_root(entry), false);
	load_root(cpu, run);
}

void arch_space_prepare(struct view *run, struct space *entry)
{
	struct entry_page *page = entry_self();
	struct kernel_page *kernel = (struct kernel_page *)(page + 1);
	struct cpu *cpu = kernel->cpu;
	struct view *user = run;

	if (!run) {
		prepare_idle(cpu, page);
		return;
	}
	if (cpu->system.entry - 1 >= page->user_limit - 1)
		cpu->system.process_frame = NULL;
	page->shielded = space_is_peer(run->space);
	if (!shield_is_on()) {
		prepare_without_shield(cpu, page, run, entry);
		return;
	}
	if (page->shielded) {
		kernel->standing = read_cr3();
	} else {
		entry = run->space;
		/* In state B the way back to the process is ready, too. */
		user = cpu->system.process_frame ? cpu->process_view : cpu->loaded;
		load_root(cpu, run);
	}
	cpu->loaded = user;
	if (user && kernel->active->view != user)
		change_top(cpu, kernel, user);
	cpu->entry = entry;
	page->user_root = top_root(kernel->active);
	page->root = space_root(entry);
	if (pcids) {
		page->root = cr3_of(cpu, main_view(entry), space_root(entry), false);
		page->user_root = cr3_of(cpu, cpu->loaded, page->user_root, true);
	}
}

bool arch_gate_root(struct view *view, u64 root[2])
{
	struct kernel_page *kernel = (struct kernel_page *)(entry_self() + 1);

	root[0] = shield_is_on() ? top_root(take_top(kernel->cpu, kernel, view)) : view_root(view);
	root[1] = 0;
	return !pcids;
}

void arch_root_changed(struct view *view, unsigned index)
{
	const u64 *root = view->root;

	for (unsigned i = 0; i < cpu_count; i++)
		for (struct top *top = kernel_page(i)->tops; top < kernel_page(i)->tops + TOPS; top++) {
			if (top->view != view)
				continue;
			__atomic_store_n(&top->page[index], root[index], __ATOMIC_RELEASE);
			top->copied[index / 64] |= 1ul << index % 64;
		}
}

/* --- invalidation --- */

static void invalidate_range(struct cpu *cpu, const struct tlb_range *range, const struct view *view)
{
	u64 at[2], pages = (range->end - range->start + PAGE_SIZE - 1) / PAGE_SIZE;
	unsigned views = tlb_range_views(range, view->space, at);

	if (!views)
		return;
	if (pages > INVALIDATE_PAGES_MAX || pcids) {
		cpu->tlb_spaces++;
		cpu->root_writes++;
		write_cr3(read_cr3());
		if (pcids) {
			invpcid(INVPCID_ONE, 2 * view->tags[cpu->number].value, 0);
			invpcid(INVPCID_ONE, 2 * view->tags[cpu->number].value + 1, 0);
		}
		return;
	}
	for (unsigned v = 0; v < views; v++)
		for (u64 i = 0; i < pages; i++)
			invlpg(at[v] + i * PAGE_SIZE);
	cpu->tlb_pages += views * pages;
}

static void invalidate_view(struct cpu *cpu, const struct tlb_batch *batch, const struct view *view)
{
	if (!view || (!pcids && root_address(read_cr3()) != view_root(view)))
		return;
	for (unsigned i = 0; i < batch->count; i++)
		invalidate_range(cpu, &batch->ranges[i], view);
}

/* A space's root is about to be freed: takes this processor off it. A thread that is in the space, or comes back to it, faults, and
 * is unwound then. */
static void abandon_root(struct cpu *cpu, const struct space *gone)
{
	struct entry_page *page = entry_page(cpu->number);
	struct kernel_page *kernel = kernel_page(cpu->number);

	for (unsigned i = 0; i < GATE_FRAMES; i++)
		if (space_has_root(gone, page->gate.frames[i].root[0]))
			page->gate.frames[i].root[0] = machine.kernel_root;
	if (is_of(cpu->loaded, gone))
		cpu->loaded = NULL;
	if (space_has_root(gone, root_address(page->user_root)))
		page->user_root = machine.kernel_root;
	if (cpu->entry == gone) {
		page->root = machine.kernel_root;
		cpu->entry = NULL;
	}
	if (space_has_root(gone, root_address(read_cr3()))) {
		write_cr3(machine.kernel_root);
		cpu->root_writes++;
	}
	if (space_has_root(gone, root_address(kernel->standing)))
		kernel->standing = machine.kernel_root;
}

/* Empties the copies of the root's entries on all processors. (Processors that may be on such a copy get a request besides.) */
static void abandon_tops(const struct space *gone)
{
	for (unsigned i = 0; i < cpu_count; i++)
		for (struct top *top = kernel_page(i)->tops; top < kernel_page(i)->tops + TOPS; top++)
			if (is_of(top->view, gone))
				empty_top(top);
}

static void invalidate(struct cpu *cpu, const struct tlb_batch *batch)
{
	struct view *entry = main_view(cpu->entry);

	/* Without the shield the gate may have led to a root that the kernel does not know of yet. */
	if (!shield_is_on() && !gate_is_settled(cpu))
		write_cr3(read_cr3());
	/* With it, the kernel never runs on a root of `loaded`. */
	if (entry != cpu->loaded && (pcids || !shield_is_on()))
		invalidate_view(cpu, batch, cpu->loaded);
	invalidate_view(cpu, batch, entry);
	if (batch->gone)
		abandon_root(cpu, batch->gone);
}

/* FLUSH_LATER is for a processor that waits for the kernel lock. It cannot use a translation of user mode before it has the lock,
 * so nobody waits for its answer: it invalidates everything when it gets the lock. */
enum flush_request { FLUSH_NONE, FLUSH_NOW, FLUSH_LATER };

static void invalidate_everything(struct cpu *cpu)
{
	write_cr3(read_cr3());
	if (pcids)
		invpcid(INVPCID_ALL, 0, 0);
	cpu->root_writes++;
	cpu->tlb_spaces++;
}

void mmu_answer(void)
{
	struct cpu *cpu = cpu_self();

	if (__atomic_load_n(&cpu->flush_request, __ATOMIC_ACQUIRE) != FLUSH_NOW)
		return;
	invalidate(cpu, shootdown);
	if (cpu->waits)
		invalidate_everything(cpu); /* the request may have taken the place of one for later */
	__atomic_store_n(&cpu->flush_request, FLUSH_NONE, __ATOMIC_RELEASE);
}

/* PAUSE makes an emulated processor leave its generated code and take the emulator's own lock, which usually costs far more than
 * the wait itself. But where one thread of the emulator runs all processors in turn, only PAUSE lets the others run: so it comes
 * now and then. */
static void pause_sometimes(unsigned *turns)
{
	if (!(++*turns % PAUSE_TURNS))
		__builtin_ia32_pause();
}

void arch_relax(void)
{
	static unsigned turns[CPUS_MAX * CACHE_LINE / sizeof(unsigned)];

	__atomic_store_n(&cpu_self()->waits, 1, __ATOMIC_RELEASE);
	mmu_answer();
	pause_sometimes(&turns[cpu_self()->number * CACHE_LINE / sizeof(unsigned)]);
}

/* Only a holder of the lock makes requests, so none comes between the two steps. */
void arch_relax_end(void)
{
	struct cpu *cpu = cpu_self();

	cpu->waits = 0;
	if (cpu->flush_request == FLUSH_LATER) {
		cpu->flush_request = FLUSH_NONE;
		invalidate_everything(cpu);
	}
}

static bool shows(const struct space *space, const struct tlb_batch *batch)
{
	u64 at[2];

	if (!space || space == batch->gone)
		return space;
	for (unsigned i = 0; i < batch->count; i++)
		if (tlb_range_views(&batch->ranges[i], space, at))
			return true;
	return false;
}

static __attribute__((noinline)) bool is_concerned(const struct cpu *cpu, const struct tlb_batch *batch)
{
	if (batch->gone && space_has_root(batch->gone, root_address(kernel_page(cpu->number)->standing)))
		return true;
	if (shows(cpu->loaded ? cpu->loaded->space : NULL, batch) || shows(cpu->entry, batch))
		return true;
	for (unsigned i = 0; cpu->gate_used && i < GATE_WAYS; i++)
		if (shows(cpu->ways[i].caller, batch) || shows(cpu->ways[i].callee, batch))
			return true;
	for (u32 i = 0; cpu->gate_used && i < cpu->current->depth; i++)
		if (shows(cpu->current->calls[i].space, batch))
			return true;
	return false;
}

static void forget_view(struct view *view)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpus[i]->loaded != view && main_view(cpus[i]->entry) != view)
			tag_forget(&view->tags[i]);
}

static void forget_tags(struct space *space)
{
	forget_view(&space->view);
	list_for_each(node, &space->attachments)
		forget_view(&container_of(node, struct attachment, of_space)->view);
}

/* With PCIDs: processors may hold translations of spaces that they have not loaded now. */
static void forget_range(const struct tlb_range *range)
{
	if (range->viewer) {
		forget_tags(range->viewer);
		return;
	}
	forget_tags(range->owner);
	list_for_each(node, &range->owner->granted)
		forget_tags(container_of(node, struct grant, of_owner)->to);
	list_for_each(node, &range->owner->attached)
		forget_tags(container_of(node, struct attachment, of_vas)->view.space);
}

/* Of other processors, too, or of a root. */
static __attribute__((noinline)) void commit_everywhere(struct cpu *self, const struct tlb_batch *batch)
{
	unsigned turns = 0;
	u32 asked = 0;

	shootdown = batch;
	if (batch->gone)
		abandon_tops(batch->gone);
	for (unsigned i = 0; i < cpu_count; i++) {
		if (cpus[i] == self || !is_concerned(cpus[i], batch))
			continue;
		if (!batch->gone && __atomic_load_n(&cpus[i]->waits, __ATOMIC_ACQUIRE)) {
			cpus[i]->flush_request = FLUSH_LATER;
			continue;
		}
		__atomic_store_n(&cpus[i]->flush_request, FLUSH_NOW, __ATOMIC_RELEASE);
		lapic_send(i, VECTOR_FLUSH);
		self->tlb_ipis++;
		asked |= 1u << i;
	}
	if (pcids)
		for (unsigned i = 0; i < batch->count; i++)
			forget_range(&batch->ranges[i]);
	invalidate(self, batch);
	for (unsigned i = 0; i < cpu_count; i++)
		while (asked & 1u << i && __atomic_load_n(&cpus[i]->flush_request, __ATOMIC_ACQUIRE) == FLUSH_NOW)
			pause_sometimes(&turns);
}

void arch_tlb_commit(const struct tlb_batch *batch)
{
	struct cpu *self = cpu_self();
	const struct space *viewer = batch->ranges[0].viewer;

	/* A single processor is on no root that a change of one shielded space's view concerns. */
	if (batch->count != 1 || batch->gone || !viewer || viewer == self->entry || cpu_count > 1 || pcids ||
		!shield_is_on())
		commit_everywhere(self, batch);
}
