/* Roots, tags and translation look-aside buffers.
 *
 *                            TTBR1                                  TTBR0
 *   shielded space           trampoline's table, the space's tag    the space's root
 *   unshielded space         kernel's table, the space's tag        the space's root
 *   system service           kernel's table, tag 0                  the service's root
 *   kernel, from shielded    kernel's table, tag 0                  the zero table
 *   kernel, from others      as it was                              as it was
 *
 * Each processor gives out tags of its own (tag.h). Tag 0 is a constant that the trampoline can load: it stands for the kernel and,
 * as the kernel uses no user addresses, also for the system service that the short way leads to. So a system call costs one change
 * of root each way. When a processor turns to another service, it invalidates tag 0.
 *
 * With `test=tags` on the command line there are as few tags as any processor has, so that they run out soon.
 *
 * One instruction invalidates a page by address under all tags and on all processors, so no stale translation of a space that is
 * not loaded is left. Only when a root is about to be freed do other processors have to do something: those that have it loaded. */
#include "arch.h"
#include "early.h"
#include "entry.h"
#include "layout.h"
#include "machine.h"
#include "main.h"
#include "portal.h"
#include "pte.h"
#include "registers.h"
#include "shield.h"
#include "space.h"
#include "tlb.h"
#include "vas.h"

enum { INVALIDATE_PAGES_MAX = 32, TAGS_SHORT = 256, TAGS_LONG = 65536 };

static struct tag_cpu tag_cpus[CPUS_MAX];      /* [K] */
static const struct space *services[CPUS_MAX]; /* [K] whose translations tag 0 stands for; NULL: nobody's */
static const struct space *leaving;            /* [K] whose root processors with a flush_request shall leave */

static void tlb_flush_all(void)
{
	cpu_self()->tlb_spaces++;
	__asm__ volatile("dsb nshst; tlbi vmalle1; dsb nsh; isb" ::: "memory");
}

static void tlb_flush_tag(u64 tag)
{
	cpu_self()->tlb_spaces++;
	__asm__ volatile("dsb nshst; tlbi aside1, %0; dsb nsh; isb" : : "r"(tag << TTBR_TAG_SHIFT) : "memory");
}

static void leave_user_root(void)
{
	write_sysreg(ttbr0_el1, machine.zero);
	isb();
}

static u64 view_root(const struct view *view)
{
	return ptr_pa(view->root).v;
}

void mmu_init(unsigned number)
{
	bool long_tags = id_field(read_sysreg(id_aa64mmfr0_el1), ID_MMFR0_TAG_SHIFT) &&
		!boot_has_option(machine.command_line, "test=tags");
	struct roots *roots = roots_of(cpus[number]);

	tag_cpus[number].limit = long_tags ? TAGS_LONG : TAGS_SHORT;
	roots->zero = machine.zero;
	roots->run0 = roots->user0 = machine.zero;
	roots->run1 = roots->user1 = machine.kernel_root;
}

void arch_root_init(void *root)
{
	(void)root; /* roots are TTBR0's: the kernel is not in them */
}

void arch_root_changed(struct view *view, unsigned index)
{
	(void)view, (void)index; /* processors use the roots themselves */
}

static u64 view_tag(struct cpu *cpu, struct view *view)
{
	struct tag *tag = &view->tags[cpu->number];

	switch (tag_take(&tag_cpus[cpu->number], tag)) {
	case TAG_KEEP:
		break;
	case TAG_FLUSH_ONE:
		tlb_flush_tag(tag->value);
		break;
	case TAG_FLUSH_ALL:
		tlb_flush_all();
		gate_reset(cpu);
		break;
	}
	return (u64)tag->value << TTBR_TAG_SHIFT;
}

/* Is the space a system service, for which the kernel may stay mapped? */
static bool is_service(const struct space *space)
{
	return space->system_entry && !shield_covers(space) && !space->system;
}

static void bind_service(struct cpu *cpu, const struct space *service)
{
	if (services[cpu->number] == service)
		return;
	leave_user_root();
	tlb_flush_tag(0);
	services[cpu->number] = service;
}

/* What the processor loads for a view. */
static void make_pair(struct cpu *cpu, struct view *view, u64 *ttbr0, u64 *ttbr1)
{
	const struct space *space = view->space;
	u64 tag = 0;

	if (is_service(space))
		bind_service(cpu, space);
	else
		tag = view_tag(cpu, view);
	*ttbr0 = view_root(view) | tag;
	*ttbr1 = (shield_covers(space) ? machine.tramp : machine.kernel_root) | tag;
}

static void prepare_idle(struct cpu *cpu, struct roots *roots)
{
	cpu->system.process_frame = NULL;
	cpu->loaded = NULL;
	cpu->entry = NULL;
	roots->run0 = machine.zero;
	roots->run1 = machine.kernel_root;
	roots->shielded = 0;
	leave_user_root();
}

void arch_space_prepare(struct view *run, struct space *entry)
{
	struct cpu *cpu = cpu_self();
	struct roots *roots = roots_of(cpu);

	if (!run) {
		prepare_idle(cpu, roots);
		return;
	}
	if (cpu->system.process_frame && (!cpu->system.entry || !is_service(cpu->system.space)))
		cpu->system.process_frame = NULL;
	cpu->loaded = run;
	cpu->entry = entry;
	cpu->user_root = &roots->user0;
	if (!cpu->system.process_frame) {
		cpu->user_root = &roots->run0;
		make_pair(cpu, run, &roots->run0, &roots->run1);
		roots->shielded = shield_covers(run->space);
		return;
	}
	/* In both states the way to the other is ready. */
	cpu->loaded = cpu->process_view;
	cpu->entry = cpu->system.space;
	make_pair(cpu, cpu->loaded, &roots->user0, &roots->user1);
	make_pair(cpu, &cpu->entry->view, &roots->run0, &roots->run1);
	roots->shielded = shield_covers(cpu->system.process) ? 2 : 0;
}

/* When this takes a tag for the view, others may lose theirs, and with these the roots that are prepared for the current thread:
 * then prepares those again. */
bool arch_gate_root(struct view *view, u64 root[2])
{
	struct cpu *cpu = cpu_self();
	bool has_tag = tag_is_valid(&tag_cpus[cpu->number], &view->tags[cpu->number]);

	make_pair(cpu, view, &root[0], &root[1]);
	if (has_tag)
		return true;
	arch_space_prepare(cpu->loaded, cpu->entry);
	return tag_is_valid(&tag_cpus[cpu->number], &view->tags[cpu->number]);
}

/* --- invalidation --- */

static void invalidate_pages(u64 address, u64 pages)
{
	for (u64 i = 0; i < pages; i++)
		__asm__ volatile("tlbi vaae1is, %0" : : "r"((address >> PAGE_SHIFT) + i) : "memory");
}

static void invalidate_range(struct cpu *cpu, const struct tlb_range *range)
{
	u64 at[2], pages = (range->end - range->start + PAGE_SIZE - 1) / PAGE_SIZE;
	unsigned views = tlb_range_views(range, range->viewer ? range->viewer : range->owner, at);

	if (pages > INVALIDATE_PAGES_MAX) {
		cpu->tlb_spaces++;
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
		return;
	}
	for (unsigned v = 0; v < views; v++)
		invalidate_pages(at[v], pages);
	cpu->tlb_pages += views * pages;
}

static void abandon(u64 *ttbr0, const struct space *gone)
{
	if (space_has_root(gone, *ttbr0 & TTBR_ADDRESS))
		*ttbr0 = (*ttbr0 & ~TTBR_ADDRESS) | machine.zero;
}

/* A space's root is about to be freed: takes this processor off it. A thread that is in the space faults, and is unwound then. */
static void abandon_root(struct cpu *cpu, const struct space *gone)
{
	struct roots *roots = roots_of(cpu);
	u64 ttbr0 = read_sysreg(ttbr0_el1);

	abandon(&roots->run0, gone);
	abandon(&roots->user0, gone);
	for (unsigned i = 0; i < GATE_FRAMES; i++)
		abandon(&cpu->gate->frames[i].root[0], gone);
	if (space_has_root(gone, ttbr0 & TTBR_ADDRESS))
		leave_user_root();
	tlb_flush_all();
	if (cpu->loaded && cpu->loaded->space == gone)
		cpu->loaded = NULL;
	if (cpu->entry == gone)
		cpu->entry = NULL;
	if (services[cpu->number] == gone)
		services[cpu->number] = NULL;
}

void mmu_answer(void)
{
	struct cpu *cpu = cpu_self();

	if (!__atomic_load_n(&cpu->flush_request, __ATOMIC_ACQUIRE))
		return;
	abandon_root(cpu, leaving);
	__atomic_store_n(&cpu->flush_request, 0, __ATOMIC_RELEASE);
}

void arch_relax(void)
{
	mmu_answer();
	__asm__ volatile("yield");
}

void arch_relax_end(void)
{
	/* Nothing was put off. */
}

static bool is_concerned(const struct cpu *cpu, const struct space *gone)
{
	return (cpu->loaded && cpu->loaded->space == gone) || cpu->entry == gone || services[cpu->number] == gone ||
		gate_concerns(cpu, gone);
}

static void leave_everywhere(struct cpu *self, const struct space *gone)
{
	u32 asked = 0;

	leaving = gone;
	for (unsigned i = 0; i < cpu_count; i++) {
		if (cpus[i] == self || !is_concerned(cpus[i], gone))
			continue;
		__atomic_store_n(&cpus[i]->flush_request, 1, __ATOMIC_RELEASE);
		gic_send(i, GIC_FLUSH);
		self->tlb_ipis++;
		asked |= 1u << i;
	}
	if (is_concerned(self, gone))
		abandon_root(self, gone);
	for (unsigned i = 0; i < cpu_count; i++)
		while (asked & 1u << i && __atomic_load_n(&cpus[i]->flush_request, __ATOMIC_ACQUIRE))
			__asm__ volatile("yield");
}

static __attribute__((noinline)) void commit_ranges(struct cpu *self, const struct tlb_batch *batch)
{
	__asm__ volatile("dsb ishst" ::: "memory");
	for (unsigned i = 0; i < batch->count; i++)
		invalidate_range(self, &batch->ranges[i]);
	__asm__ volatile("dsb ish; isb" ::: "memory");
	if (batch->gone)
		leave_everywhere(self, batch->gone);
}

void arch_tlb_commit(const struct tlb_batch *batch)
{
	const struct tlb_range *range = &batch->ranges[0];
	struct cpu *self = cpu_self();

	if (batch->count != 1 || batch->gone || !range->viewer || range->end - range->start != PAGE_SIZE ||
		(range->owner->flags & SPACE_VAS)) {
		commit_ranges(self, batch);
		return;
	}
	/* A page of a grant. */
	__asm__ volatile("dsb ishst; tlbi vaae1is, %0; dsb ish; isb"
			 :
			 : "r"(globalize(range->owner->number, range->start) >> PAGE_SHIFT)
			 : "memory");
	self->tlb_pages++;
}
