/* Interrupt lines: irq.h. */
#include "irq.h"

#include "arch.h"
#include "space.h"
#include "wait.h"

enum { LINES_MAX = 64 };

static struct {
	struct space *holder; /* NULL: only spaces with SPACE_DEVICES */
	u64 word;             /* native address in the holder; 0: not attached */
} lines[LINES_MAX];

static bool holds_line(const struct space *space, u64 line)
{
	return lines[line].holder == space || (!lines[line].holder && (space->flags & SPACE_DEVICES));
}

static bool is_line(u64 line)
{
	return line < arch_irq_lines() && line < LINES_MAX;
}

int irq_grant(struct space *caller, u64 line, struct space *to)
{
	if (!is_line(line))
		return -E_INVAL;
	if (!(caller->flags & SPACE_DEVICES))
		return -E_PERM;
	arch_irq_enable((unsigned)line, false);
	lines[line].holder = to;
	lines[line].word = 0;
	return 0;
}

int irq_attach(struct space *caller, u64 line, u64 word)
{
	if (!is_line(line) || (word & 3) || !word)
		return -E_INVAL;
	if (!holds_line(caller, line))
		return -E_PERM;
	if (!space_touch(caller, word, FAULT_WRITE))
		return -E_FAULT;
	lines[line].holder = caller;
	lines[line].word = word;
	arch_irq_enable((unsigned)line, true);
	return 0;
}

int irq_done(struct space *caller, u64 line)
{
	if (!is_line(line))
		return -E_INVAL;
	if (!holds_line(caller, line))
		return -E_PERM;
	arch_irq_enable((unsigned)line, true);
	return 0;
}

void irq_deliver(unsigned line)
{
	u32 *word;

	if (!is_line(line) || !lines[line].holder || !lines[line].word)
		return;
	word = space_touch(lines[line].holder, lines[line].word, FAULT_WRITE);
	if (!word)
		return;
	__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
	wait_wake(lines[line].holder, lines[line].word, ~0u);
}

void irq_release(struct space *space)
{
	for (unsigned line = 0; line < arch_irq_lines() && line < LINES_MAX; line++) {
		if (lines[line].holder != space)
			continue;
		arch_irq_enable(line, false);
		lines[line].holder = NULL;
		lines[line].word = 0;
	}
}
