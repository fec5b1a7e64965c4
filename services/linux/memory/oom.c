/* When frames run out: see memory.h. */

#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/memory/private.h"
#include "services/linux/send_signal.h"
#include "services/linux/user_memory.h"

enum { NEVER = -1000, THOUSANDTHS = 1000, ROOM_PART = 32, ROOM_PART_VAS = 8 };

static const struct task *task_of(const struct process *process)
{
	if (list_is_empty(&process->tasks))
		return NULL;
	return container_of(list_first(&process->tasks), struct task, sibling);
}

/* The score by which a process is chosen: its frames, and what /proc/PID/oom_score_adj adds. */
static i64 worth(const struct process *process, u64 total)
{
	struct space_info info;
	const struct task *task = task_of(process);
	if (process->exiting || !task || !task_mm(task) || process->oom_adjust == NEVER ||
		call_space_info(task_mm(task)->space, &info) < 0)
		return 0;
	i64 frames = (i64)info.frames + (i64)total * process->oom_adjust / THOUSANDTHS;
	/* With the first process everything ends. */
	return process == first_process ? frames / 2 : frames;
}

/* Of two with the same score, the younger one is chosen. */
static struct process *find_victim(u64 total)
{
	struct process *victim = NULL;
	i64 most = 1;
	list_for_each(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		i64 frames = worth(process, total);
		if (frames >= most) {
			most = frames;
			victim = process;
		}
	}
	return victim;
}

/* Its tasks never run a program again: what the program had in memory can go before they do. A parent in vfork still
 * needs it. */
static void memory_give_back(const struct process *process)
{
	struct mm *mm = task_mm(task_of(process));
	if (mm->references != process->task_count)
		return;
	call_unmap(mm->space, 0, STACKLET_BASE);
	call_unmap(mm->space, STACKLET_END, machine_window / 2 - STACKLET_END);
}

bool oom_reclaim(void)
{
	struct kernel_stats stats;
	if (memory_hooks->reclaim())
		return true;
	if (call_stats(&stats, offsetof(struct kernel_stats, spaces)) < 0)
		return false;
	/* Others have given some back meanwhile. */
	if (stats.frames_free > stats.frames_total / ROOM_PART)
		return true;
	struct process *victim = find_victim(stats.frames_total);
	if (!victim)
		return false;
	service_log("linux: out of memory: process %u (%s) is killed", victim->pid, task_of(victim)->name);
	memory_hooks->killed(victim->pid, task_of(victim)->name);
	process_exit(victim, SIGKILL);
	memory_give_back(victim);
	return true;
}

static bool is_room(u64 part)
{
	struct kernel_stats stats;
	if (call_stats(&stats, offsetof(struct kernel_stats, spaces)) < 0)
		return true;
	return stats.frames_free > stats.frames_total / part || memory_hooks->reclaim();
}

bool oom_reclaim_vas(void)
{
	return is_room(ROOM_PART_VAS);
}

bool oom_room(void)
{
	return is_room(ROOM_PART);
}
