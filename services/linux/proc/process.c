/* /proc/PID. The number of a node here is that of the process; its upper half is the descriptor for members of fd/, and the thread
 * for those of task/. */
#include <asm/errno.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/runtime/heap.h"
#include "services/linux/fs/fs.h"
#include "services/linux/memory/memory.h"
#include "services/linux/proc/private.h"
#include "services/linux/user.h"
#include "services/linux/tty/tty.h"

enum { TICKS_PER_S = 100, MAPS_NAME_COLUMN = 73 };

/* The process and a task of it that has memory and files; false if it is a zombie or gone. */
static bool find(u64 number, struct process **process, struct task **task)
{
	*process = process_find((u32)number);
	*task = *process && (*process)->state != PROCESS_ZOMBIE ? process_task(*process) : NULL;
	return *task != NULL;
}

static char state_of(const struct process *process, const struct task *task, const struct task *self)
{
	if (process->state == PROCESS_ZOMBIE)
		return 'Z';
	if (process->state == PROCESS_STOPPED)
		return 'T';
	return task && task != self && task->sleeping ? 'S' : 'R';
}

static const char *state_name(char state)
{
	switch (state) {
	case 'Z':
		return "Z (zombie)";
	case 'T':
		return "T (stopped)";
	case 'S':
		return "S (sleeping)";
	default:
		return "R (running)";
	}
}

static const char *name_of(const struct process *process, const struct task *task)
{
	(void)process;
	return task ? task->name : "defunct";
}

/* Masks of ignored and handled signals. */
static void signal_masks(const struct process *process, u64 *ignored, u64 *handled)
{
	*ignored = *handled = 0;
	for (unsigned i = 0; i < SIGNALS; i++) {
		if (process->actions[i].sa_handler == SIG_IGN)
			*ignored |= 1ull << i;
		else if (process->actions[i].sa_handler != SIG_DFL)
			*handled |= 1ull << i;
	}
}

static u64 ticks(u64 ns)
{
	return ns / (NS_PER_S / TICKS_PER_S);
}

/* Shows addresses and the exit status only to a reader that may look into the process. */
static void stat_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;
	u64 user, system, ignored, handled, total = 0, resident = 0;
	int foreground;
	u64 tty;

	find(number, &process, &task);
	if (!process)
		return;
	if (task)
		mm_sizes(task_mm(task), &total, &resident);
	bool open = may_inspect(self, process);
	process_times(process, &user, &system);
	signal_masks(process, &ignored, &handled);
	tty = tty_of_session(process->sid, &foreground);
	seq_printf(seq, "%u (%s) %c %u %u %u %lu %d 4194304 ", process->pid, name_of(process, task),
		state_of(process, task, self), process->ppid, process->pgid, process->sid, tty, foreground);
	seq_printf(seq, "%lu %lu 0 0 %lu %lu %lu %lu ", process->faults, process->child_faults, ticks(user),
		ticks(system), ticks(process->child_user_ns), ticks(process->child_system_ns));
	seq_printf(seq, "%d %d %u 0 %lu %lu %lu %lu ", 20 + process->nice, process->nice, process->task_count,
		ticks(process->start_ns), total * PAGE_SIZE, resident,
		(unsigned long)process->limits[RLIMIT_RSS].rlim_cur);
	if (task && open)
		seq_printf(seq, "%lu %lu %lu 0 0 ", task_mm(task)->start_code, task_mm(task)->end_code,
			task_mm(task)->stack_start);
	else
		seq_printf(seq, task ? "1 1 0 0 0 " : "0 0 0 0 0 ");
	seq_printf(seq, "%lu %lu %lu %lu 0 0 0 %d 0 0 0 0 0 0 ", process->pending.mask & 0x7fffffff,
		task ? task->mask & 0x7fffffff : 0, ignored & 0x7fffffff, handled & 0x7fffffff, process->exit_signal);
	if (task && open)
		seq_printf(seq, "%lu %lu %lu %lu %lu %lu %lu ", task_mm(task)->start_data, task_mm(task)->end_data,
			task_mm(task)->brk_start, task_mm(task)->arg_start, task_mm(task)->arg_end,
			task_mm(task)->env_start, task_mm(task)->env_end);
	else
		seq_printf(seq, "0 0 0 0 0 0 0 ");
	seq_printf(seq, "%d\n", open && process->state == PROCESS_ZOMBIE ? process->wait_status : 0);
}

static void ids_show(struct seq_file *seq, const struct process *process)
{
	const struct credentials *cred = &process->cred;

	seq_printf(seq, "Uid:\t%u\t%u\t%u\t%u\n", cred->uid, cred->euid, cred->suid, cred->fsuid);
	seq_printf(seq, "Gid:\t%u\t%u\t%u\t%u\n", cred->gid, cred->egid, cred->sgid, cred->fsgid);
}

static void status_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;
	u64 ignored, handled, misses, violations, total = 0, resident = 0;

	find(number, &process, &task);
	if (!process)
		return;
	signal_masks(process, &ignored, &handled);
	seq_printf(seq, "Name:\t%s\n", name_of(process, task));
	if (task)
		seq_printf(seq, "Umask:\t%04o\n", task->fs ? task->fs->umask : 022);
	seq_printf(seq, "State:\t%s\n", state_name(state_of(process, task, self)));
	seq_printf(seq, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", process->pid, process->pid,
		process->ppid);
	ids_show(seq, process);
	seq_printf(seq, "FDSize:\t%u\nGroups:\t", task && task->files ? task->files->size : 0);
	for (unsigned i = 0; i < process->cred.group_count; i++)
		seq_printf(seq, "%u ", process->cred.groups[i]);
	seq_printf(seq, "\n");
	if (task) {
		mm_sizes(task_mm(task), &total, &resident);
		seq_printf(seq, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", total * 4,
			total * 4, resident * 4, resident * 4);
		bounds_counts(task_mm(task), &misses, &violations);
		seq_printf(seq, "BoundsMisses:\t%lu\nBoundsViolations:\t%lu\n", misses, violations);
	}
	seq_printf(seq, "Threads:\t%u\nSigQ:\t%lu/%lu\n", process->task_count,
		process->cred.user->charged[USER_SIGNALS], process_limit(process, RLIMIT_SIGPENDING));
	seq_printf(seq, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		task ? task->pending.mask : 0ul, process->pending.mask, task ? task->mask : 0ul, ignored, handled);
	seq_printf(seq, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n", 0ul,
		process->cred.euid ? 0ul : 0x1fffffffffful, process->cred.euid ? 0ul : 0x1fffffffffful, 0x1fffffffffful,
		0ul);
	seq_printf(seq, "NoNewPrivs:\t%d\nSeccomp:\t0\nCpus_allowed_list:\t0-%lu\n", task && task->no_new_privileges,
		service_start->processors - 1);
	seq_printf(seq, "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n");
}

static void statm_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;
	u64 total = 0, resident = 0;

	(void)self;
	if (find(number, &process, &task))
		mm_sizes(task_mm(task), &total, &resident);
	seq_printf(seq, "%lu %lu 0 0 0 %lu 0\n", total, resident, total);
}

/* Copies a piece of the process's memory as it is. */
static void memory_show(struct seq_file *seq, struct mm *mm, u64 start, u64 end)
{
	char piece[512];

	for (u64 at = start; at < end && end - start < 4 << 20; at += sizeof(piece)) {
		u64 bytes = min_u64(end - at, sizeof(piece));

		if (mm_read(mm, at, piece, bytes))
			return;
		seq_write(seq, piece, bytes);
	}
}

static void cmdline_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;

	(void)self;
	if (find(number, &process, &task))
		memory_show(seq, task_mm(task), task_mm(task)->arg_start, task_mm(task)->arg_end);
}

static void environ_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;

	(void)self;
	if (find(number, &process, &task))
		memory_show(seq, task_mm(task), task_mm(task)->env_start, task_mm(task)->env_end);
}

static void auxv_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;
	unsigned i = 0;

	(void)self;
	if (!find(number, &process, &task))
		return;
	while (i < ARRAY_SIZE(task_mm(task)->auxv) - 2 && task_mm(task)->auxv[i] != AT_NULL)
		i += 2;
	seq_write(seq, (const char *)task_mm(task)->auxv, (i + 2) * sizeof(u64));
}

static void comm_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process;
	struct task *task;

	(void)self;
	find(number, &process, &task);
	if (process)
		seq_printf(seq, "%s\n", name_of(process, task));
}

/* --- maps --- */

static void region_show(struct seq_file *seq, const struct mm *mm, const struct region_info *region, char *path)
{
	size_t start = seq->length;
	const char *name = "";
	u64 dev = 0, ino = 0, end = region->end;
	bool file = region->segment && segment_name(region->segment, path, PATH_MAX, &dev, &ino);

	seq_printf(seq, "%08lx-%08lx %c%c%c%c %08lx %02lx:%02lx %lu ", region->start, region->end,
		region->flags & RIGHT_R ? 'r' : '-', region->flags & RIGHT_W ? 'w' : '-',
		region->flags & RIGHT_X ? 'x' : '-', region->flags & MAP_SHARE ? 's' : 'p', file ? region->offset : 0,
		dev >> 8 & 0xff, dev & 0xff, ino);
	if (file)
		name = path;
	else if (region->start < mm->stack_top && region->end >= mm->stack_top)
		name = "[stack]";
	else if (region->start < mm->brk && region->end > mm->brk_start)
		name = "[heap]";
	else
		name = bounds_name(mm, region->start, &end);
	if (*name) {
		seq_pad(seq, start, MAPS_NAME_COLUMN);
		seq_printf(seq, "%s", name);
	}
	seq_write(seq, "\n", 1);
}

/* Private memory that was written to counts as shared as long as a relative by fork lives, with which it may be shared. */
static void region_sizes(struct seq_file *seq, const struct process *process, const struct mm *mm,
	const struct region_info *region)
{
	u64 kib = mm_resident(mm, region->start, region->end) << (PAGE_SHIFT - 10);
	bool dirty = region->flags & RIGHT_W, relatives = !process->did_exec || !list_is_empty(&process->children);
	bool shared = region->flags & MAP_SHARE || relatives || !dirty;
	const struct {
		const char *name;
		u64 kib;
	} lines[] = {
		{ "Size:", (region->end - region->start) >> 10 },
		{ "KernelPageSize:", PAGE_SIZE >> 10 },
		{ "MMUPageSize:", PAGE_SIZE >> 10 },
		{ "Rss:", kib },
		{ "Pss:", kib },
		{ "Shared_Clean:", shared && !dirty ? kib : 0 },
		{ "Shared_Dirty:", shared && dirty ? kib : 0 },
		{ "Private_Clean:", 0 },
		{ "Private_Dirty:", shared ? 0 : kib },
		{ "Referenced:", kib },
		{ "Anonymous:", region->segment ? 0 : kib },
		{ "AnonHugePages:", 0 },
		{ "Swap:", 0 },
		{ "Locked:", 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(seq, "%-16s%8lu kB\n", lines[i].name, lines[i].kib);
}

static void regions_show(struct seq_file *seq, const struct task *self, u64 number, bool sizes)
{
	struct process *process;
	struct task *task;
	struct region_info region;
	char *path = heap_zalloc(PATH_MAX);
	u64 at = 0;

	seq->failed |= !path;
	/* There may be many, and the process may end between two. */
	while (path && !(self->work & WORK_EXIT) && find(number, &process, &task) &&
		call_map_query(task_mm(task)->space, at, &region) >= 0 && region.end > at) {
		/* The kernel joins neighbours that are alike; tables are told apart. */
		region.start = max_u64(region.start, at);
		bounds_name(task_mm(task), region.start, &region.end);
		region_show(seq, task_mm(task), &region, path);
		if (sizes)
			region_sizes(seq, process, task_mm(task), &region);
		at = region.end;
		service_lock_pass();
	}
	heap_free(path);
}

static void maps_show(struct seq_file *seq, struct task *self, u64 number)
{
	regions_show(seq, self, number, false);
}

static void smaps_show(struct seq_file *seq, struct task *self, u64 number)
{
	regions_show(seq, self, number, true);
}

/* --- mounts --- */

static const char *mount_options(const struct superblock *sb)
{
	return sb->shared ? "rw,nosuid,nodev," : "rw,";
}

void mounts_show(struct seq_file *seq, struct task *self, u64 number)
{
	char path[PATH_MAX];

	(void)self, (void)number;
	for (const struct superblock *sb = superblocks; sb; sb = sb->next) {
		if (dentry_path(sb->root, root_dentry, path, sizeof(path)) > 0)
			seq_printf(seq, "%s %s %s %srelatime 0 0\n", sb->source, path, sb->type, mount_options(sb));
	}
}

static void mountinfo_show(struct seq_file *seq, struct task *self, u64 number)
{
	char path[PATH_MAX];
	unsigned i = 20;

	(void)self, (void)number;
	for (const struct superblock *sb = superblocks; sb; sb = sb->next, i++) {
		if (dentry_path(sb->root, root_dentry, path, sizeof(path)) > 0)
			seq_printf(seq, "%u %u 0:%lu / %s %srelatime - %s %s rw\n", i, i == 20 ? 1 : 20, sb->dev, path,
				mount_options(sb), sb->type, sb->source);
	}
}

/* --- limits --- */

static void limit_line(struct seq_file *seq, const char *name, const struct rlimit64 *limit, const char *unit)
{
	char soft[24], hard[24];

	format(soft, sizeof(soft), limit->rlim_cur == RLIM64_INFINITY ? "unlimited" : "%llu", limit->rlim_cur);
	format(hard, sizeof(hard), limit->rlim_max == RLIM64_INFINITY ? "unlimited" : "%llu", limit->rlim_max);
	seq_printf(seq, "%-25s %-20s %-20s %-10s\n", name, soft, hard, unit);
}

static void limits_show(struct seq_file *seq, struct task *self, u64 number)
{
	static const struct {
		const char *name, *unit;
	} names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};
	struct process *process = process_find((u32)number);

	(void)self;
	seq_printf(seq, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; process && i < RLIM_NLIMITS; i++)
		limit_line(seq, names[i].name, &process->limits[i], names[i].unit);
}

static void cgroup_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "0::/\n");
}

static void oom_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct process *process = process_find((u32)number);

	(void)self;
	seq_printf(seq, "%d\n", process ? process->oom_adjust : 0);
}

static void loginuid_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "4294967295");
}

/* --- links --- */

static struct dentry *of_file(struct file *file)
{
	return file->dentry ? dentry_get(file->dentry) : dentry_anonymous(file->inode);
}

static struct dentry *exe_follow(struct task *self, u64 number)
{
	struct process *process;
	struct task *task;

	(void)self;
	return find(number, &process, &task) && task_mm(task)->exe ? of_file(task_mm(task)->exe) : NULL;
}

static int exe_link(struct task *self, u64 number, char *to, size_t size)
{
	struct process *process;
	struct task *task;

	(void)self;
	return find(number, &process, &task) && task_mm(task)->exe ? file_path(task_mm(task)->exe, to, size) : -ENOENT;
}

static struct dentry *cwd_follow(struct task *self, u64 number)
{
	struct process *process;
	struct task *task;

	(void)self;
	return find(number, &process, &task) && task->fs ? dentry_get(task->fs->cwd) : NULL;
}

static int cwd_link(struct task *self, u64 number, char *to, size_t size)
{
	struct process *process;
	struct task *task;

	(void)self;
	return find(number, &process, &task) && task->fs ? dentry_path(task->fs->cwd, root_dentry, to, size) : -ENOENT;
}

static struct dentry *root_follow(struct task *self, u64 number)
{
	struct process *process;
	struct task *task;

	(void)self;
	return find(number, &process, &task) && task->fs ? dentry_get(task->fs->root) : NULL;
}

static int root_link(struct task *self, u64 number, char *to, size_t size)
{
	struct process *process;
	struct task *task;

	(void)self;
	return find(number, &process, &task) && task->fs ? dentry_path(task->fs->root, root_dentry, to, size) : -ENOENT;
}

/* --- descriptors --- */

static struct file *file_of(u64 number)
{
	struct process *process;
	struct task *task;

	return find((u32)number, &process, &task) && task->files ? descriptor_peek(task->files, number >> 32) : NULL;
}

static struct dentry *fd_follow(struct task *self, u64 number)
{
	struct file *file = file_of(number);

	(void)self;
	return file ? of_file(file) : NULL;
}

static int fd_link(struct task *self, u64 number, char *to, size_t size)
{
	struct file *file = file_of(number);

	(void)self;
	return file ? file_path(file, to, size) : -ENOENT;
}

enum { FDINFO_BYTES = 256 };

static void fdinfo_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct file *file = file_of(number);
	char about[FDINFO_BYTES] = "";

	(void)self;
	if (!file)
		return;
	if (file->ops->about)
		file->ops->about(file, about, sizeof(about));
	seq_printf(seq, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t20\nino:\t%lu\n%s", file->pos, file->flags, file->inode->ino,
		about);
}

static const struct proc_node fd_node = { .name = "FD", .mode = S_IFLNK | 0700, .link = fd_link, .follow = fd_follow };
static const struct proc_node fdinfo_node = NODE_FILE("FD", 0444, fdinfo_show);

static bool fd_find(u64 number, const char *name, size_t length, u64 *found)
{
	u64 fd;

	if (!name_number(name, length, &fd))
		return false;
	*found = (u32)number | fd << 32;
	return file_of(*found) != NULL;
}

static const struct proc_node *fd_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	(void)self;
	return fd_find(number, name, length, found) ? &fd_node : NULL;
}

static const struct proc_node *fdinfo_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	(void)self;
	return fd_find(number, name, length, found) ? &fdinfo_node : NULL;
}

static const struct proc_node *fd_next(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	struct process *process;
	struct task *task;

	(void)self;
	if (!find(number, &process, &task) || !task->files)
		return NULL;
	while (*index < task->files->size && !task->files->fd[*index])
		++*index;
	if (*index >= task->files->size)
		return NULL;
	format(name, size, "%lu", *index);
	return &fd_node;
}

/* --- threads --- */

static const struct proc_node task_node = { .name = "TID",
	.mode = S_IFDIR | 0555,
	.public = true,
	.children = process_nodes,
	.lookup = fail_lookup,
	.next = fail_next };

static const struct proc_node *task_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	struct task *task;
	u64 tid;

	(void)self;
	if (!name_number(name, length, &tid))
		return NULL;
	task = task_find((u32)tid);
	*found = number | tid << 32;
	return task && task->process->pid == number ? &task_node : NULL;
}

static const struct proc_node *task_next(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	struct process *process = process_find((u32)number);
	u32 best = 0;

	(void)self;
	if (!process)
		return NULL;
	list_for_each(node, &process->tasks) {
		u32 tid = container_of(node, struct task, sibling)->tid;

		if (tid >= *index && (!best || tid < best))
			best = tid;
	}
	if (!best)
		return NULL;
	*index = best;
	format(name, size, "%u", best);
	return &task_node;
}

struct proc_node process_nodes[] = {
	{ .name = "fd", .mode = S_IFDIR | 0500, .public = true, .own = true, .lookup = fd_lookup, .next = fd_next },
	NODE_LIST("fdinfo", fdinfo_lookup, fd_next),
	{ .name = "task", .mode = S_IFDIR | 0555, .public = true, .lookup = task_lookup, .next = task_next },
	NODE_FILE("auxv", 0400, auxv_show),
	NODE_PUBLIC("cgroup", 0444, cgroup_show),
	NODE_PUBLIC("cmdline", 0444, cmdline_show),
	NODE_PUBLIC("comm", 0644, comm_show),
	{ .name = "cwd", .mode = S_IFLNK | 0777, .link = cwd_link, .follow = cwd_follow },
	NODE_FILE("environ", 0400, environ_show),
	{ .name = "exe", .mode = S_IFLNK | 0777, .link = exe_link, .follow = exe_follow },
	NODE_PUBLIC("limits", 0444, limits_show),
	NODE_PUBLIC("loginuid", 0644, loginuid_show),
	NODE_FILE("maps", 0444, maps_show),
	NODE_PUBLIC("mountinfo", 0444, mountinfo_show),
	NODE_PUBLIC("mounts", 0444, mounts_show),
	NODE_PUBLIC("oom_score_adj", 0644, oom_show),
	{ .name = "root", .mode = S_IFLNK | 0777, .link = root_link, .follow = root_follow },
	NODE_FILE("smaps", 0444, smaps_show),
	NODE_PUBLIC("stat", 0444, stat_show),
	NODE_PUBLIC("statm", 0444, statm_show),
	NODE_PUBLIC("status", 0444, status_show),
	NODE_END, /* room for process_node_add() */
	NODE_END,
};

void process_node_add(const struct proc_node *node)
{
	process_nodes[ARRAY_SIZE(process_nodes) - 2] = *node;
}
