/* Making the spaces of the programs that init starts: child.h. */
#include "child.h"

#include "elf.h"

/* Where a child finds its struct start_info: the page below its image. */
#define START_AT 0x3ff000ul

struct lock child_lock;
struct condition child_offered;

void child_add_memory(struct child *child, u64 address, u64 bytes, u32 rights)
{
	service_assert(child->memories < ARRAY_SIZE(child->memory));
	child->memory[child->memories].address = address;
	child->memory[child->memories].bytes = bytes;
	child->memory[child->memories++].rights = rights;
}

i64 child_grant(struct child *child, u64 address, u64 bytes, u32 to, u32 rights)
{
	i64 grant = call_grant(address, bytes, to, rights);

	if (grant < 0)
		return grant;
	if (child->grant_count < CHILD_GRANTS)
		child->grants[child->grant_count++] = (u32)grant;
	return 0;
}

/* Fills zeroed pages of another space and gives them their final rights. */
static i64 fill(u32 space, u64 start, u64 end, u64 address, struct file file, u32 rights)
{
	i64 result = call_map(space, start, end - start, RIGHT_R | RIGHT_W, 0, 0);

	if (result < 0)
		return result;
	memcpy((void *)address_in(space, address), file.at, file.bytes);
	return call_protect(space, start, end - start, rights);
}

/* Puts the program and its struct start_info into the space. */
static i64 load(struct child *child, u32 space, u64 *entry)
{
	struct start_info *start = &child->start;
	struct elf elf;
	i64 result;

	if (!elf_read(child->file, start->window / 2, &elf))
		return -E_INVAL;
	for (unsigned i = 0; i < elf.pieces; i++) {
		const struct elf_piece *piece = &elf.piece[i];

		result = fill(space, piece->start, piece->end, piece->address, piece->file, piece->rights);
		if (result < 0)
			return result;
	}
	start->number = space;
	*entry = elf.entry;
	return fill(space, START_AT, START_AT + PAGE_SIZE, START_AT, (struct file){ (char *)start, sizeof(*start) },
		RIGHT_R);
}

/* Grants what the child may use. */
static i64 equip(struct child *child, u32 space)
{
	i64 result = child_grant(child, child->registry_portal, 1, space, RIGHT_P);

	for (unsigned i = 0; i < child->memories && result >= 0; i++)
		result = child_grant(child, child->memory[i].address, child->memory[i].bytes, space,
			child->memory[i].rights);
	for (unsigned i = 0; i < child->line_count && result >= 0; i++)
		result = call_irq_grant(child->lines[i], space);
	return result;
}

i64 child_begin(struct child *child)
{
	struct space_spec spec = { .flags = child->flags | SPACE_GRANT_CREATOR };
	struct thread_spec thread = { .arg = START_AT };
	i64 space, result;

	strlcpy(spec.name, child->name, sizeof(spec.name));
	space = call_space_create(&spec);
	if (space < 0)
		return space;
	result = load(child, (u32)space, &thread.ip);
	if (result >= 0)
		result = equip(child, (u32)space);
	if (result < 0)
		goto out_destroy;
	lock_acquire(&child_lock);
	child->space = (u32)space;
	child->lives++;
	lock_release(&child_lock);
	thread.space = (u32)space;
	result = call_thread_create(&thread);
	if (result >= 0)
		return 0;
out_destroy:
	call_space_destroy((u32)space);
	child_clear(child);
	return result;
}

void child_clear(struct child *child)
{
	lock_acquire(&child_lock);
	child->space = 0;
	child->portal = 0;
	/* Grants to the space have ended with it; call_revoke() does not find those. */
	for (unsigned i = 0; i < child->grant_count; i++)
		call_revoke(child->grants[i]);
	child->grant_count = 0;
	memset(child->connections, 0, sizeof(child->connections));
	for (unsigned i = 0; i < SERVICES; i++)
		children[i].connections[child->service] = (struct connection){ 0 };
	lock_release(&child_lock);
}
