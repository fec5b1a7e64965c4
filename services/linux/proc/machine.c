/* /proc without the processes, and /sys. */
#include <asm/errno.h>
#include <linux/magic.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/linux/clock.h"
#include "services/linux/config.h"
#include "services/linux/event/event.h"
#include "services/linux/fs/fs.h"
#include "services/linux/proc/private.h"
#include "services/linux/random.h"

enum { KB_PER_PAGE = PAGE_SIZE / 1024, TICKS_PER_S = 100 };

#define RELEASE "6.1.0-allod"

static void kernel_stats(struct kernel_stats *stats)
{
	if (call_stats(stats, sizeof(*stats)) < 0)
		memset(stats, 0, sizeof(*stats));
}

static void meminfo_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct kernel_stats stats;
	u64 total, free, cached, used;

	(void)self, (void)number;
	kernel_stats(&stats);
	total = stats.frames_total * KB_PER_PAGE;
	free = stats.frames_free * KB_PER_PAGE;
	cached = min_u64(page_cache_count() * KB_PER_PAGE, total - free);
	used = total - free - cached;
	const struct {
		const char *name;
		u64 kb;
	} lines[] = {
		{ "MemTotal:", total },
		{ "MemFree:", free },
		{ "MemAvailable:", free + cached },
		{ "Buffers:", 0 },
		{ "Cached:", cached },
		{ "SwapCached:", 0 },
		{ "Active:", used },
		{ "Inactive:", cached },
		{ "SwapTotal:", 0 },
		{ "SwapFree:", 0 },
		{ "Dirty:", 0 },
		{ "Writeback:", 0 },
		{ "AnonPages:", used },
		{ "Mapped:", cached },
		{ "Shmem:", 0 },
		{ "Slab:", 0 },
		{ "SReclaimable:", 0 },
		{ "SUnreclaim:", 0 },
		{ "CommitLimit:", total },
		{ "Committed_AS:", total - free },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(seq, "%-15s %8lu kB\n", lines[i].name, lines[i].kb);
	seq_printf(seq, "HugePages_Total:   %5lu\nHugePages_Free:    %5lu\nHugepagesize:   %8lu kB\n", 0ul, 0ul,
		2048ul);
}

static void cpuinfo_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	for (u64 i = 0; i < service_start->processors; i++)
		seq_printf(seq,
			"processor\t: %lu\nvendor_id\t: Allod\nmodel name\t: Allod guest processor\ncpu MHz\t\t: %lu.000\n"
			"physical id\t: 0\nsiblings\t: %lu\ncore id\t\t: %lu\ncpu cores\t: %lu\n\n",
			i, 1000ul, service_start->processors, i, service_start->processors);
}

static void uptime_show(struct seq_file *seq, struct task *self, u64 number)
{
	u64 hundredths = time_monotonic() / 10000000;

	(void)self, (void)number;
	seq_printf(seq, "%lu.%02lu 0.00\n", hundredths / 100, hundredths % 100);
}

static void loadavg_show(struct seq_file *seq, struct task *self, u64 number)
{
	unsigned running = 0, all = 0;
	u32 last = 0;

	(void)self, (void)number;
	list_for_each(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		struct task *task = process_task(process);

		all++;
		running += process->state == PROCESS_RUNNING && task && !task->sleeping;
		last = process->pid > last ? process->pid : last;
	}
	seq_printf(seq, "0.00 0.00 0.00 %u/%u %u\n", running, all, last);
}

static void stat_show(struct seq_file *seq, struct task *self, u64 number)
{
	struct kernel_stats stats;
	u64 ticks = time_monotonic() / (u64)(NS_PER_S / TICKS_PER_S);
	unsigned all = 0;

	(void)self, (void)number;
	kernel_stats(&stats);
	list_for_each(node, &processes)
		all++;
	seq_printf(seq, "cpu  %lu 0 0 0 0 0 0 0 0 0\n", ticks * service_start->processors);
	for (u64 i = 0; i < service_start->processors; i++)
		seq_printf(seq, "cpu%lu %lu 0 0 0 0 0 0 0 0 0\n", i, ticks);
	seq_printf(seq, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running 1\nprocs_blocked 0\n",
		stats.interrupts, stats.switches, (u64)(clock_realtime_base / NS_PER_S), (u64)all);
}

static void version_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "Linux version " RELEASE " (allod) #1 SMP Allod\n");
}

static void filesystems_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\toverlay\nnodev\t9p\n");
}

static void devices_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n");
}

static void swaps_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

static void cmdline_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "\n");
}

/* --- links --- */

static int self_link(struct task *self, u64 number, char *to, size_t size)
{
	(void)number;
	return format(to, size, "%u", self->process->pid);
}

static int thread_self_link(struct task *self, u64 number, char *to, size_t size)
{
	(void)number;
	return format(to, size, "%u/task/%u", self->process->pid, self->tid);
}

static int mounts_link(struct task *self, u64 number, char *to, size_t size)
{
	(void)self, (void)number;
	return format(to, size, "self/mounts");
}

/* --- sys --- */

#define CONSTANT(name, value) \
	static void name##_show(struct seq_file *seq, struct task *self, u64 number) \
	{ \
		(void)self, (void)number; \
		seq_printf(seq, "%s\n", value); \
	}

CONSTANT(osrelease, RELEASE)
CONSTANT(ostype, "Linux")
CONSTANT(sys_version, "#1 SMP Allod")
CONSTANT(pid_max, "32768")
CONSTANT(threads_max, "16384")
CONSTANT(ngroups_max, "65536")
CONSTANT(cap_last_cap, "40")
CONSTANT(overflow_id, "65534")
CONSTANT(zero, "0")
CONSTANT(entropy, "256")
CONSTANT(max_map_count, "65530")
CONSTANT(mmap_min, "65536")
CONSTANT(nr_open, "1048576")
CONSTANT(core_pattern, "core")
CONSTANT(randomize, "2")
CONSTANT(empty, "")

static void hostname_show(struct seq_file *seq, struct task *self, u64 number)
{
	const char *at = NULL, *name = config_get("hostname", &at);

	(void)self, (void)number;
	seq_printf(seq, "%s\n", name ? name : "allod");
}

/* A random UUID, of version 4. */
static void uuid_new(u8 bytes[16])
{
	random_fill(bytes, 16);
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
}

static void uuid_print(struct seq_file *seq, const u8 bytes[16])
{
	for (unsigned i = 0; i < 16; i++)
		seq_printf(seq, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
	seq_printf(seq, "\n");
}

static void uuid_show(struct seq_file *seq, struct task *self, u64 number)
{
	u8 bytes[16];

	(void)self, (void)number;
	uuid_new(bytes);
	uuid_print(seq, bytes);
}

static void boot_id_show(struct seq_file *seq, struct task *self, u64 number)
{
	static u8 bytes[16];

	(void)self, (void)number;
	if (!bytes[6])
		uuid_new(bytes);
	uuid_print(seq, bytes);
}

static const struct proc_node no_nodes[] = { NODE_END };

static const struct proc_node random_nodes[] = {
	NODE_FILE("boot_id", 0444, boot_id_show),
	NODE_FILE("entropy_avail", 0444, entropy_show),
	NODE_FILE("poolsize", 0444, entropy_show),
	NODE_FILE("uuid", 0444, uuid_show),
	NODE_END,
};

static const struct proc_node kernel_nodes[] = {
	NODE_FILE("cap_last_cap", 0444, cap_last_cap_show),
	NODE_FILE("core_pattern", 0444, core_pattern_show),
	NODE_FILE("dmesg_restrict", 0444, zero_show),
	NODE_FILE("hostname", 0444, hostname_show),
	NODE_FILE("ngroups_max", 0444, ngroups_max_show),
	NODE_FILE("osrelease", 0444, osrelease_show),
	NODE_FILE("ostype", 0444, ostype_show),
	NODE_FILE("overflowgid", 0444, overflow_id_show),
	NODE_FILE("overflowuid", 0444, overflow_id_show),
	NODE_FILE("pid_max", 0444, pid_max_show),
	NODE_DIRECTORY("random", random_nodes),
	NODE_FILE("randomize_va_space", 0444, randomize_show),
	NODE_FILE("threads-max", 0444, threads_max_show),
	NODE_FILE("version", 0444, sys_version_show),
	NODE_END,
};

static void max_user_watches_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "%lu\n", epoll_max_user_watches());
}

static const struct proc_node epoll_nodes[] = {
	NODE_FILE("max_user_watches", 0444, max_user_watches_show),
	NODE_END,
};

static void file_nr_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	seq_printf(seq, "%lu\t0\t%lu\n", files_open, files_max);
}

static const struct proc_node inotify_nodes[] = {
	NODE_NUMBER("max_queued_events", &inotify_max_queued_events, 0, INT32_MAX),
	NODE_NUMBER("max_user_instances", &inotify_max_instances, 0, INT32_MAX),
	NODE_NUMBER("max_user_watches", &inotify_max_watches, 0, INT32_MAX),
	NODE_END,
};

static const struct proc_node fs_nodes[] = {
	NODE_DIRECTORY("epoll", epoll_nodes),
	NODE_NUMBER("file-max", &files_max, 0, INT64_MAX),
	NODE_FILE("file-nr", 0444, file_nr_show),
	NODE_DIRECTORY("inotify", inotify_nodes),
	NODE_FILE("nr_open", 0444, nr_open_show),
	NODE_NUMBER("pipe-max-size", &pipe_max_size, PAGE_SIZE, 1u << 31),
	NODE_NUMBER("pipe-user-pages-hard", &pipe_user_pages_hard, 0, INT64_MAX),
	NODE_NUMBER("pipe-user-pages-soft", &pipe_user_pages_soft, 0, INT64_MAX),
	NODE_END,
};

static const struct proc_node vm_nodes[] = {
	NODE_FILE("max_map_count", 0444, max_map_count_show),
	NODE_FILE("mmap_min_addr", 0444, mmap_min_show),
	NODE_FILE("overcommit_memory", 0444, zero_show),
	NODE_FILE("swappiness", 0444, zero_show),
	NODE_END,
};

static const struct proc_node sys_nodes[] = {
	NODE_DIRECTORY("fs", fs_nodes),
	NODE_DIRECTORY("kernel", kernel_nodes),
	NODE_DIRECTORY("net", no_nodes),
	NODE_DIRECTORY("vm", vm_nodes),
	NODE_END,
};

const struct proc_node machine_nodes[] = {
	NODE_FILE("cmdline", 0444, cmdline_show),
	NODE_FILE("cpuinfo", 0444, cpuinfo_show),
	NODE_FILE("devices", 0444, devices_show),
	NODE_FILE("filesystems", 0444, filesystems_show),
	NODE_FILE("loadavg", 0444, loadavg_show),
	NODE_FILE("meminfo", 0444, meminfo_show),
	NODE_LINK("mounts", mounts_link),
	NODE_FILE("partitions", 0444, empty_show),
	NODE_LINK("self", self_link),
	NODE_FILE("stat", 0444, stat_show),
	NODE_FILE("swaps", 0444, swaps_show),
	NODE_DIRECTORY("sys", sys_nodes),
	NODE_LINK("thread-self", thread_self_link),
	NODE_FILE("uptime", 0444, uptime_show),
	NODE_FILE("version", 0444, version_show),
	NODE_END,
};

/* --- /sys --- */

static void cpus_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self, (void)number;
	if (service_start->processors > 1)
		seq_printf(seq, "0-%lu\n", service_start->processors - 1);
	else
		seq_printf(seq, "0\n");
}

static const struct proc_node cpu_node = NODE_DIRECTORY("cpu", no_nodes);

static const struct proc_node *cpu_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	u64 cpu;

	(void)self, (void)number;
	*found = 0;
	return length > 3 && memcmp(name, "cpu", 3) == 0 && name_number(name + 3, length - 3, &cpu) &&
			cpu < service_start->processors
		? &cpu_node
		: NULL;
}

static const struct proc_node *cpu_next(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	(void)self, (void)number;
	if (*index >= service_start->processors)
		return NULL;
	format(name, size, "cpu%lu", *index);
	return &cpu_node;
}

static const struct proc_node cpu_nodes[] = {
	NODE_FILE("online", 0444, cpus_show),
	NODE_FILE("possible", 0444, cpus_show),
	NODE_FILE("present", 0444, cpus_show),
	NODE_FILE("kernel_max", 0444, zero_show),
	NODE_END,
};

static const struct proc_node system_nodes[] = {
	{ .name = "cpu", .mode = S_IFDIR | 0555, .children = cpu_nodes, .lookup = cpu_lookup, .next = cpu_next },
	NODE_END,
};

static const struct proc_node devices_nodes[] = { NODE_DIRECTORY("system", system_nodes), NODE_END };

static struct proc_node sysfs_nodes[] = {
	NODE_DIRECTORY("block", no_nodes),
	NODE_DIRECTORY("bus", no_nodes),
	NODE_DIRECTORY("class", no_nodes),
	NODE_DIRECTORY("devices", devices_nodes),
	NODE_DIRECTORY("fs", no_nodes),
	NODE_DIRECTORY("kernel", no_nodes),
	NODE_END,
};

static const struct proc_node sysfs_root = NODE_DIRECTORY("/", sysfs_nodes);

void sysfs_init(void)
{
	nodes_mount(fs_mount("/sys", "sysfs", "sysfs", SYSFS_MAGIC, 0555, NULL), &sysfs_root);
}

/* "kernel" is the last of them. */
void sysfs_kernel_set(const struct proc_node *nodes)
{
	sysfs_nodes[ARRAY_SIZE(sysfs_nodes) - 2].children = nodes;
}
