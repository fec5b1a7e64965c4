/* Tags: tag.h. */
#include "tag.h"

enum tag_flush tag_take(struct tag_cpu *cpu, struct tag *tag)
{
	bool wrapped = false;

	if (tag_is_valid(cpu, tag))
		return TAG_KEEP;
	if (!cpu->generation || cpu->next == cpu->limit) {
		cpu->generation++;
		cpu->next = 1;
		wrapped = true;
	}
	tag->generation = cpu->generation;
	tag->value = cpu->next++;
	return wrapped ? TAG_FLUSH_ALL : TAG_FLUSH_ONE;
}

void tag_forget(struct tag *tag)
{
	tag->generation = 0;
}

bool tag_is_valid(const struct tag_cpu *cpu, const struct tag *tag)
{
	return cpu->generation && tag->generation == cpu->generation;
}

u64 tag_cr3(pa_t root, u32 tag, bool user_view, bool keep)
{
	return root.v | (u64)tag << 1 | (user_view ? 1 : 0) | (keep ? TAG_CR3_KEEP : 0);
}
