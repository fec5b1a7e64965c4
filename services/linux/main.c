/* Start and end of the Linux service: see main.h. */
#include <asm/errno.h>
#include <linux/wait.h>

#include "abi/services.h"
#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/event/event.h"
#include "services/linux/fs/fs.h"
#include "services/linux/proc/proc.h"
#include "services/linux/time/time.h"
#include "services/linux/uname.h"
#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/config.h"
#include "services/linux/copy.h"
#include "services/linux/helper.h"
#include "services/linux/machine.h"
#include "services/linux/main.h"
#include "services/linux/memory/memory.h"
#include "services/linux/process/process.h"
#include "services/linux/send_signal.h"
#include "services/linux/timer.h"
#include "services/linux/tty/tty.h"
#include "services/linux/user_memory.h"
#include "services/linux/vas/vas.h"

enum { LINE_BYTES = 512, STATUS_NOT_FOUND = 127, STATUS_NOT_EXECUTABLE = 126 };

/* --- the end --- */

static __attribute__((format(printf, 1, 2))) void control_line(const char *text, ...)
{
	char line[LINE_BYTES];
	va_list arguments;
	va_start(arguments, text);
	int bytes = format_v(line, sizeof(line), text, arguments);
	va_end(arguments);
	if (bytes >= LINE_BYTES) {
		bytes = LINE_BYTES;
		line[LINE_BYTES - 1] = '\n';
	}
	control_send(line, bytes);
}

static _Noreturn void power_off(int status)
{
	u64 unused;
	const char *at = NULL;
	page_cache_flush_all();
	console_drain();
	if (config_get("stats", &at))
		stats_send();
	control_line("exit %d\n", status);
	for (;;)
		portal_call(service_start->registry, REGISTRY_END, status, 0, 0, 0, 0, &unused);
}

static _Noreturn void service_end(int wait_status)
{
	power_off(wait_status & 0x7f ? 128 + (wait_status & 0x7f) : wait_status >> 8 & 0xff);
}

static void service_stopped(void)
{
	control_line("stop\n");
}

/* --- the first program --- */

/* All values of a key, as a list with a NULL at the end. */
static char **config_list(const char *key)
{
	unsigned count = 0;
	const char *at = NULL, *value;
	while (config_get(key, &at))
		count++;
	char **list = heap_zalloc((count + 1) * sizeof(*list));
	if (!list)
		service_panic("linux: no memory for the configuration");
	at = NULL;
	for (unsigned i = 0; i < count && (value = config_get(key, &at)); i++)
		list[i] = (char *)value;
	return list;
}

static const char *error_text(int error)
{
	switch (-error) {
	case ENOENT:
		return "no such file or directory";
	case EACCES:
		return "permission denied";
	case ENOEXEC:
		return "not a program for this machine";
	case ELIBBAD:
		return "its interpreter is not a program for this machine";
	case ELOOP:
		return "too many levels of scripts or symbolic links";
	case ENOTDIR:
		return "not a directory";
	case EISDIR:
		return "is a directory";
	case ENOMEM:
		return "too little memory";
	case E2BIG:
		return "its arguments are too long";
	case EIO:
		return "cannot be read";
	default:
		return "cannot be executed";
	}
}

static _Noreturn void first_failed(const char *path, int error)
{
	control_line("error %s: %s\n", path, error_text(error));
	power_off(error == -ENOENT || error == -ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static struct task *first_task(void)
{
	struct credentials cred;
	memset(&cred, 0, sizeof(cred));
	cred.uid = cred.euid = cred.suid = cred.fsuid = config_number("uid", 0);
	cred.gid = cred.egid = cred.sgid = cred.fsgid = config_number("gid", 0);
	cred.group_count = 1;
	cred.groups[0] = cred.gid;
	struct task *task = process_first(&cred);
	service_assert(task);
	task->files = tty_first_descriptors(task);
	task->fs = fs_first(task);
	return task;
}

static void first_start(void)
{
	struct user_frame frame;
	const char *at = NULL, *path = config_get("exe", &at);
	struct task *task = first_task();
	char **argv = config_list("arg"), **envp = config_list("env");
	service_assert(path);
	memset(&frame, 0, sizeof(frame));
	int error = exec_first(task, path, argv, envp, &frame);
	heap_free(argv);
	heap_free(envp);
	if (!error)
		error = task_start(task, &frame);
	if (error)
		first_failed(path, error);
}

/* --- what rooms call in rooms behind them --- */

static bool space_is_vas(u64 space)
{
	return vas_by_id(space);
}

static const struct copy_hooks copy_hooks = {
	.fill = segment_fill,
	.fetch = segment_fetch,
	.relieve = oom_reclaim,
	.relieve_vas = oom_reclaim_vas,
	.is_vas = space_is_vas,
};

static void memory_copied(struct mm *copy)
{
	if (copy->exe)
		file_deny_write(copy->exe);
}

static void memory_ended(struct task *self, struct mm *mm)
{
	vas_mm_end(mm);
	if (mm->exe)
		file_allow_write(self, mm->exe);
}

/* Sends the tool a warning that it shows. A program chooses its name: nothing in that may end the line. */
static void oom_killed(u32 pid, const char *name)
{
	char clean[NAME_BYTES];
	strlcpy(clean, name, sizeof(clean));
	for (char *at = clean; *at; at++)
		*at = *at >= ' ' && *at <= '~' ? *at : '?';
	control_line("warning out of memory: process %u (%s) was killed\n", pid, clean);
}

static const struct memory_hooks memory_hooks = {
	.killed = oom_killed,
	.reclaim = fs_reclaim,
	.file_segment = descriptor_segment,
	.segment_written = segment_written,
	.copied = memory_copied,
	.ended = memory_ended,
};

static const struct fs_hooks fs_hooks = { .unwatch = epoll_release_file,
	.open_fifo = pipe_open,
	.notify = inotify_notify,
	.notify_gone = inotify_gone,
	.pipe_size = pipe_size };

/* The last task of the first process is about to let its memory go: the time of the map that --map asks for. */
static void map_at_end(void)
{
	const char *at = NULL;
	if (config_get("map", &at))
		map_send();
}

static const struct process_hooks process_hooks = {
	.memory_left = vas_leave,
	.timers_end = timers_end,
	.pidfd_file = pidfd_file,
	.pidfd_handle = pidfd_handle,
	.session_ended = tty_session_ended,
	.first_ends = map_at_end,
	.first_ended = service_end,
};

/* The time of --timeout is over. */
static void time_out(void)
{
	u64 unused;
	const char *at = NULL;
	if (config_get("stats", &at))
		stats_send();
	portal_call(service_start->registry, REGISTRY_TIME_OUT, 0, 0, 0, 0, 0, &unused);
}

/* Tells init again and again that the service answers: that threads which wait for its locks get them, this one or others before
 * it. */
static void answer_thread(void *unused)
{
	u64 word1;
	(void)unused;
	while (portal_call(service_start->registry, REGISTRY_ALIVE, 0, 0, 0, 0, 0, &word1) >= 0) {
		heap_free(heap_alloc(1));
		service_lock_turn();
	}
}

/* --- the start --- */

void service_main(const struct start_info *start)
{
	const struct landing landing = {
		.copy_start = (u64)guarded_start,
		.copy_end = (u64)guarded_end,
		.copy_landing = (u64)guarded_landing,
		.crash_landing = (u64)crash_landing,
	};
	static const u32 never;
	machine_window = start->window;
	machine_half = machine_window / 2;
	machine_shift = start->number_shift;
	if (call_space_set_landing(&landing) < 0 || call_space_set_system((u64)upcall_entry) < 0)
		service_panic("linux: cannot serve system calls");
	user_memory_init(&copy_hooks);
	memory_init(&memory_hooks);
	config_init();
	clock_realtime_base = config_number("wall", start->clock.wall);
	syscall_init();
	uname_init();
	fs_init(&fs_hooks);
	proc_init();
	fs_mount_rest();
	process_init(&process_hooks);
	inotify_init_limits();
	signal_init(service_stopped);
	timer_init();
	tty_init(map_send, time_out);
	if (config_number("watch", 0))
		helper_start(answer_thread, NULL);
	vas_init();
	service_lock();
	first_start();
	service_unlock();
	for (;;)
		call_wait(&never, 0, 0, 0);
}
