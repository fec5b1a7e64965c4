/* Interrupt lines: irq.h. */
#include "irq.h"

#include "account.h"
#include "arch.h"
#include "frame.h"
#include "lib/string.h"
#include "portal.h"
#include "recall.h"
#include "regs.h"
#include "space.h"
#include "thread.h"
#include "timer.h"
#include "wait.h"

/* A line's page: the registers of the thread that it interrupted. */
struct interrupted {
	u8 vector[PAGE_SIZE - sizeof(struct user_frame) - 32];
	struct user_frame regs; /* unless the thread was in a process: then they are in its user frame there */
	struct space *space;    /* that was called; referenced by the call */
	u64 line;
	bool returned;
};

_Static_assert(sizeof(struct interrupted) <= PAGE_SIZE, "a frame holds it");

static struct line {
	struct space *holder;     /* NULL: only spaces with SPACE_DEVICES */
	u64 word;                 /* native address in the holder; 0: not attached */
	struct interrupted *page; /* for calls, charged to the holder; NULL: none are made */
	u64 entry, cookie;        /* of the portal */
	u64 stack, ticks;         /* top of the stack; how long a call may last */
	u64 began, again;         /* the last call; the next one not before */
	struct interrupted *call; /* under way, perhaps of a space that does not hold the line any more; NULL: none */
} lines[IRQ_LINES_MAX];
unsigned irq_lines;

static bool holds_line(const struct space *space, u64 line)
{
	return lines[line].holder == space || (!lines[line].holder && (space->flags & SPACE_DEVICES));
}

static bool is_line(u64 line)
{
	return line < irq_lines && line < IRQ_LINES_MAX;
}

static void free_page(struct interrupted *page, struct space *payer)
{
	frame_put(page);
	account_refund(payer->account, ACCOUNT_FRAMES, 1);
}

/* The line makes no more calls. A call that is under way keeps its page until it is left. */
static void stop_calls(struct line *line)
{
	if (line->page && line->page != line->call)
		free_page(line->page, line->holder);
	line->page = NULL;
}

int irq_grant(struct space *caller, u64 line, struct space *to)
{
	if (!is_line(line))
		return -E_INVAL;
	if (!(caller->flags & SPACE_DEVICES))
		return -E_PERM;
	arch_irq_set((unsigned)line, IRQ_MASKED);
	stop_calls(&lines[line]);
	lines[line].holder = to;
	lines[line].word = 0;
	lines[line].again = 0;
	return 0;
}

int irq_attach(struct space *caller, u64 line, u64 word)
{
	if (!is_line(line) || (word & 3) || !word || caller->system)
		return -E_INVAL;
	if (!holds_line(caller, line))
		return -E_PERM;
	if (!space_touch(caller, word, FAULT_WRITE))
		return -E_FAULT;
	lines[line].holder = caller;
	lines[line].word = word;
	arch_irq_set((unsigned)line, IRQ_OPEN);
	return 0;
}

int irq_done(struct space *caller, u64 line)
{
	if (!is_line(line))
		return -E_INVAL;
	if (!holds_line(caller, line))
		return -E_PERM;
	arch_irq_set((unsigned)line, IRQ_OPEN);
	return 0;
}

/* Reserves what a call needs when the interrupt comes. */
static int reserve(struct line *line, struct space *space, u64 number)
{
	struct interrupted *page = NULL;
	void *stack_page;
	int error = arch_vector_bytes() > sizeof(page->vector) ? -E_LIMIT : 0;

	if (!error && !account_charge(space->account, ACCOUNT_FRAMES, 1))
		error = -E_NOMEM;
	if (error)
		return error;
	page = frame_alloc();
	error = page ? space_stacklet(space, (u32)(THREADS_MAX + number), &line->stack, &stack_page) : -E_NOMEM;
	if (error) {
		if (page)
			frame_put(page);
		account_refund(space->account, ACCOUNT_FRAMES, 1);
		return error;
	}
	page->line = number;
	line->page = page;
	return 0;
}

int irq_call(struct space *caller, u64 line, u64 address, u64 ns)
{
	const struct portal *portal;
	int error;

	if (!is_line(line) || ns > IRQ_CALL_NS_MAX)
		return -E_INVAL;
	if (lines[line].holder != caller || !lines[line].word)
		return -E_PERM;
	if (!address) {
		stop_calls(&lines[line]);
		return 0;
	}
	if (address >= user_end())
		return -E_NOENT;
	portal = portal_at(address_number(address) ? address : globalize(caller->number, address));
	if (!portal || portal->space != caller)
		return -E_NOENT;
	error = lines[line].page ? 0 : reserve(&lines[line], caller, line);
	if (error)
		return error;
	lines[line].entry = portal->entry;
	lines[line].cookie = portal->cookie;
	lines[line].ticks = timer_ticks_of_ns(boot_clock.base + (ns ? ns : IRQ_CALL_NS_MAX)) - boot_clock.start;
	return 0;
}

static void count(const struct line *line)
{
	u32 *word = space_touch(line->holder, line->word, FAULT_WRITE);

	if (!word)
		return;
	__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
	wait_wake(line->holder, line->word, ~0u);
}

/* Makes the current thread call the portal of the line. */
static void call_line(struct line *line, u64 now)
{
	struct cpu *cpu = cpu_self();
	struct thread *thread = cpu->current;
	struct call *call = &thread->calls[thread->depth];
	struct interrupted *page = line->page;
	const u64 words[6] = { page->line };

	gate_reset(cpu);
	call->space = thread->space;
	call->system = false;
	/* A call back into the interrupted space shall have its stack below this. */
	call->ip = regs_ip(cpu->frame);
	call->sp = regs_sp(cpu->frame);
	call->gs_base = arch_exchange_gs_base(0);
	call->interrupted = page;
	if (!thread->space->system)
		page->regs = thread->regs;
	arch_vector_save(page->vector);
	arch_vector_clear();
	page->space = line->holder;
	page->returned = false;
	space_get(line->holder);
	line->call = page;
	line->began = now;
	thread->interrupts++;
	thread->depth++;
	thread->space = line->holder;
	thread_load();
	regs_enter(cpu->frame, line->entry, line->stack - 8, words, line->cookie);
	regs_set_thread_pointer(cpu->frame, 0);
	recall_set_deadline(thread, call, line->began + line->ticks);
}

/* Can the current thread be made to call now? (The calls of a line take at most half of the time, whatever its device does.) */
static bool can_call(const struct line *line, u64 now)
{
	const struct thread *thread = cpu_self()->current;

	return line->page && !line->call && now >= line->again && thread && thread->depth + 1 < CALLS_MAX &&
		thread->space->end == SPACE_ALIVE;
}

void irq_deliver(unsigned number)
{
	struct line *line = &lines[number];
	u64 now = arch_ticks();

	if (!is_line(number) || !line->holder || !line->word)
		return;
	if (can_call(line, now))
		call_line(line, now);
	else
		count(line);
}

void irq_returned(struct interrupted *interrupted)
{
	interrupted->returned = true;
}

void irq_leave(struct thread *thread, struct call *call)
{
	struct interrupted *page = call->interrupted;
	struct line *line = &lines[page->line];
	struct space *left = page->space;
	u64 now = arch_ticks();

	call->interrupted = NULL;
	thread->interrupts--;
	if (!call->space->system)
		thread->regs = page->regs;
	if (cpu_self()->current == thread) {
		arch_vector_load(page->vector);
		arch_exchange_gs_base(call->gs_base);
		gate_reset(cpu_self());
	} else {
		memcpy(thread->vector, page->vector, arch_vector_bytes());
		thread->gs_base = call->gs_base;
	}
	line->call = NULL;
	line->again = now + (now - line->began);
	if (line->holder == left && line->word) {
		if (page->returned)
			arch_irq_set((unsigned)page->line, IRQ_OPEN);
		else
			count(line);
	}
	if (line->page != page)
		free_page(page, left);
	space_put(left);
}

void irq_release(struct space *space)
{
	for (unsigned line = 0; is_line(line); line++) {
		if (lines[line].holder != space)
			continue;
		arch_irq_set(line, IRQ_MASKED);
		stop_calls(&lines[line]);
		lines[line].holder = NULL;
		lines[line].word = 0;
	}
}
