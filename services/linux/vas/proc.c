/* VASes in /proc and /sys.
 *
 *   /proc/PID/vas/ID/{status,maps,vas}     what is attached to the process
 *   /sys/kernel/vas/ID/{name,mode,user,group,share,root,segments,attached}
 *   /sys/kernel/vas_segs/ID/{name,mode,user,group,share,region,attached}
 *
 * The number of a node is that of the object; below /proc/PID it is in the upper half, the process's in the lower one. */
#include "services/linux/fs/fs.h"
#include "services/linux/user_memory.h"
#include "services/linux/vas/private.h"

#include <asm/errno.h>
#include <linux/stat.h>

#include "lib/format.h"
#include "lib/string.h"
#include "services/runtime/service.h"

/* --- what VASes and segments have in common --- */

static const struct vas_object *vas_object(u64 number)
{
	struct vas *vas = vas_by_id(number);

	return vas ? &vas->object : NULL;
}

static const struct vas_object *seg_object(u64 number)
{
	struct seg *seg = seg_by_id(number);

	return seg ? &seg->object : NULL;
}

/* KIND_NAME_show(): one line with a member of an object. */
#define MEMBER(kind, name, what, value) \
	static void kind##_##name##_show(struct seq_file *seq, struct task *self, u64 number) \
	{ \
		const struct vas_object *object = kind##_object(number); \
\
		(void)self; \
		if (object) \
			seq_printf(seq, what "\n", value); \
	}

static const char *share_name(const struct vas_object *object)
{
	static const char *const names[] = { "strict", "free", "lock" };

	return names[object->share];
}

MEMBER(vas, name, "%s", object->name ? object->name : "")
MEMBER(vas, mode, "%03o", object->mode)
MEMBER(vas, user, "%u", object->uid)
MEMBER(vas, group, "%u", object->gid)
MEMBER(vas, share, "%s", share_name(object))
MEMBER(seg, name, "%s", object->name ? object->name : "")
MEMBER(seg, mode, "%03o", object->mode)
MEMBER(seg, user, "%u", object->uid)
MEMBER(seg, group, "%u", object->gid)
MEMBER(seg, share, "%s", share_name(object))

/* --- /sys/kernel/vas --- */

static void root_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct vas *vas = vas_by_id(number);

	(void)self;
	if (vas)
		seq_printf(seq, "%lx\n", vas->root);
}

static void segments_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct vas *vas = vas_by_id(number);

	(void)self;
	if (!vas)
		return;
	list_for_each(node, &vas->segments) {
		const struct seg_use *use = container_of(node, struct seg_use, of_vas);

		seq_printf(seq, "%u %s %lx-%lx %s\n", use->seg->object.id, use->write ? "rw" : "r", use->seg->start,
			use->seg->end, use->seg->object.name ? use->seg->object.name : "");
	}
}

static void attached_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct vas *vas = vas_by_id(number);

	(void)self;
	if (!vas)
		return;
	list_for_each(node, &vas->uses) {
		const struct vas_use *use = container_of(node, struct vas_use, of_vas);

		seq_printf(seq, "%u %s\n", use->pid, use->write ? "rw" : "r");
	}
}

static const struct proc_node vas_nodes[] = {
	NODE_FILE("attached", 0444, attached_show),
	NODE_FILE("group", 0444, vas_group_show),
	NODE_FILE("mode", 0444, vas_mode_show),
	NODE_FILE("name", 0444, vas_name_show),
	NODE_FILE("root", 0444, root_show),
	NODE_FILE("segments", 0444, segments_show),
	NODE_FILE("share", 0444, vas_share_show),
	NODE_FILE("user", 0444, vas_user_show),
	NODE_END,
};

static const struct proc_node vas_node = NODE_DIRECTORY("ID", vas_nodes);

static const struct proc_node *vas_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	(void)self, (void)number;
	return name_number(name, length, found) && vas_by_id(*found) ? &vas_node : NULL;
}

static const struct proc_node *vas_list(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	const struct vas *vas = vas_next(*index);

	(void)self, (void)number;
	if (!vas)
		return NULL;
	*index = vas->object.id;
	format(name, size, "%u", vas->object.id);
	return &vas_node;
}

/* --- /sys/kernel/vas_segs --- */

static void region_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct seg *seg = seg_by_id(number);

	(void)self;
	if (seg)
		seq_printf(seq, "%lx-%lx\n", seg->start, seg->end);
}

static void seg_attached_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct seg *seg = seg_by_id(number);

	(void)self;
	if (!seg)
		return;
	list_for_each(node, &seg->uses) {
		const struct seg_use *use = container_of(node, struct seg_use, of_seg);

		seq_printf(seq, "%u %s\n", use->vas->object.id, use->write ? "rw" : "r");
	}
}

static const struct proc_node seg_nodes[] = {
	NODE_FILE("attached", 0444, seg_attached_show),
	NODE_FILE("group", 0444, seg_group_show),
	NODE_FILE("mode", 0444, seg_mode_show),
	NODE_FILE("name", 0444, seg_name_show),
	NODE_FILE("region", 0444, region_show),
	NODE_FILE("share", 0444, seg_share_show),
	NODE_FILE("user", 0444, seg_user_show),
	NODE_END,
};

static const struct proc_node seg_node = NODE_DIRECTORY("ID", seg_nodes);

static const struct proc_node *seg_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	(void)self, (void)number;
	return name_number(name, length, found) && seg_by_id(*found) ? &seg_node : NULL;
}

static const struct proc_node *seg_list(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	const struct seg *seg = seg_next(*index);

	(void)self, (void)number;
	if (!seg)
		return NULL;
	*index = seg->object.id;
	format(name, size, "%u", seg->object.id);
	return &seg_node;
}

static const struct proc_node system_nodes[] = {
	NODE_LIST("vas", vas_lookup, vas_list),
	NODE_LIST("vas_segs", seg_lookup, seg_list),
	NODE_END,
};

/* --- /proc/PID/vas --- */

static struct vas_use *use_of(u64 number)
{
	struct process *process = process_find((u32)number);
	struct task *task = process && process->state != PROCESS_ZOMBIE ? process_task(process) : NULL;
	struct vas *vas = vas_by_id(number >> 32);

	return task && vas ? vas_use_find(task_mm(task), vas) : NULL;
}

static void status_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct vas_use *use = use_of(number);

	(void)self;
	if (use)
		seq_printf(seq, "pid:\t%u\nvid:\t%u\naccess:\t%s\n", (u32)number, use->vas->object.id,
			use->write ? "read-write" : "read-only");
}

static void region_line(struct seq_file *seq, const struct region_info *region, u64 base, const char *flags,
	const char *name)
{
	seq_printf(seq, "%08lx-%08lx %c%c%c%c %s %s\n", base + region->start, base + region->end,
		region->flags & RIGHT_R ? 'r' : '-', region->flags & RIGHT_W ? 'w' : '-',
		region->flags & RIGHT_X ? 'x' : '-', region->flags & MAP_SHARE ? 's' : 'p', flags, name);
}

static void regions(struct seq_file *seq, u32 space, u64 base, const char *flags, const struct vas *vas)
{
	struct region_info region;

	for (u64 at = 0; call_map_query(space, at, &region) >= 0; at = region.end) {
		const char *name = "";

		for (struct list_node *node = vas ? vas->segments.next : NULL; node && node != &vas->segments;
			node = node->next) {
			const struct seg *seg = container_of(node, struct seg_use, of_vas)->seg;

			if (seg->start == base + region.start && seg->object.name)
				name = seg->object.name;
		}
		region_line(seq, &region, base, flags, name);
	}
}

/* What the process sees while it is in the VAS: [p] is its own, [v] the VAS's. */
static void maps_show(struct seq_file *seq, struct task *self, u64 number)
{
	const struct vas_use *use = use_of(number);

	(void)self;
	if (!use)
		return;
	regions(seq, use->mm->space, 0, "[p]", NULL);
	regions(seq, use->vas->object.id, machine_half, use->write ? "[v]" : "[v:r]", use->vas);
}

static int vas_link(struct task *self, u64 number, char *to, size_t size)
{
	(void)self;
	return (int)min_u64(format(to, size, "/sys/kernel/vas/%lu", number >> 32), size);
}

static const struct proc_node use_nodes[] = {
	NODE_FILE("maps", 0444, maps_show),
	NODE_FILE("status", 0444, status_show),
	NODE_LINK("vas", vas_link),
	NODE_END,
};

static const struct proc_node use_node = NODE_DIRECTORY("ID", use_nodes);

static const struct proc_node *process_lookup(struct task *self, u64 number, const char *name, size_t length,
	u64 *found)
{
	u64 id;

	(void)self;
	if (!name_number(name, length, &id))
		return NULL;
	*found = (u32)number | id << 32;
	return use_of(*found) ? &use_node : NULL;
}

static const struct proc_node *process_next(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	struct process *process = process_find((u32)number);
	struct task *task = process && process->state != PROCESS_ZOMBIE ? process_task(process) : NULL;
	u32 best = 0;

	(void)self;
	for (struct vas_use *use = task ? task_mm(task)->vases : NULL; use; use = use->next)
		if (use->vas->object.id >= *index && (!best || use->vas->object.id < best))
			best = use->vas->object.id;
	if (!best)
		return NULL;
	*index = best;
	format(name, size, "%u", best);
	return &use_node;
}

static const struct proc_node process_node = NODE_LIST("vas", process_lookup, process_next);

void vas_init(void)
{
	sysfs_kernel_set(system_nodes);
	process_node_add(&process_node);
}
