/* Peers: spaces that processes made, and strangers in processes. See process.h. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/mman.h>

#include "abi/peer.h"
#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/syscall.h"
#include "services/linux/memory/memory.h"
#include "services/linux/process/process.h"
#include "services/linux/send_signal.h"
#include "services/linux/user_memory.h"

enum { PEERS_MAX = 1024 };

/* A space that is, or was, a peer. Under the service lock. */
struct peer {
	struct mm mm; /* of which only space, base, and the ends of heap and mappings matter; freed, it frees all */
	struct list_node node; /* oldest first */
	u32 manager;           /* number of the space that made it */
	bool ended;            /* by this service: its report waits for PEER_REPORT */
	struct peer_report report;
};

_Static_assert(offsetof(struct peer, mm) == 0, "guest_leave");

static struct list_node peers = LIST_INIT(peers);
static unsigned peer_count;

/* --- who they are --- */

static struct mm *mm_of_space(u32 space)
{
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		const struct task *task = process_task(process);
		if (task && task_mm(task) && task_mm(task)->space == space)
			return task_mm(task);
	}
	return NULL;
}

static struct peer *peer_find(u32 space)
{
	list_for_each(node, &peers) {
		struct peer *peer = container_of(node, struct peer, node);
		if (peer->mm.space == space)
			return peer;
	}
	return NULL;
}

static void peer_drop(struct peer *peer)
{
	list_remove(&peer->node);
	bounds_free(&peer->mm);
	peer_count--;
	peer->mm.references = 0;
	if (!peer->mm.guests)
		heap_free(peer);
}

/* Frees the records of peers that ended in another way, and of those whose maker, which alone can ask for the report, has ended. */
static void peers_sweep(void)
{
	struct space_info info;
	list_for_each_safe(node, &peers) {
		struct peer *peer = container_of(node, struct peer, node);
		if (call_space_info(peer->ended ? peer->manager : peer->mm.space, &info) < 0 ||
			(!peer->ended && info.manager != peer->manager))
			peer_drop(peer);
	}
	while (peer_count >= PEERS_MAX)
		peer_drop(container_of(list_first(&peers), struct peer, node));
}

/* A process, or a peer itself. */
static const struct mm *mm_of_maker(u32 space)
{
	const struct mm *mm = mm_of_space(space);
	const struct peer *peer = mm ? NULL : peer_find(space);
	return peer ? &peer->mm : mm;
}

/* The record of a space, made if need be. NULL with *error: there is no memory, or it is not known who made the space. */
static struct peer *peer_new(u32 space, int *error)
{
	struct space_info info;
	const struct mm *maker;
	struct peer *peer;
	peers_sweep();
	maker = call_space_info(space, &info) < 0 ? NULL : mm_of_maker(info.manager);
	peer = maker ? heap_zalloc(sizeof(*peer)) : NULL;
	*error = peer ? 0 : maker ? -ENOMEM : -EPERM;
	if (!peer)
		return NULL;
	peer->mm = *maker;
	peer->mm.references = 1;
	peer->mm.guests = 0;
	peer->mm.space = space;
	peer->mm.base = (u64)space << machine_shift;
	peer->mm.exe = NULL;
	peer->mm.vases = NULL;
	memset(peer->mm.bounds, 0, sizeof(peer->mm.bounds));
	peer->manager = info.manager;
	list_append(&peers, &peer->node);
	peer_count++;
	return peer;
}

/* --- their calls --- */

static bool is_allowed(const struct syscall *entry, const struct user_frame *frame)
{
	return entry && entry->peer && (frame->nr != __NR_mmap || (arg(frame, 3) & MAP_ANONYMOUS));
}

/* The task works on other memory until guest_leave(). */
static void guest_enter(struct task *self, struct mm *mm)
{
	mm->guests++;
	self->home = self->mm;
	self->mm = mm;
}

static void guest_leave(struct task *self)
{
	struct mm *mm = self->mm;
	self->mm = self->home;
	self->home = NULL;
	if (!--mm->guests && !mm->references)
		heap_free(mm);
}

/* Has the thread's own task serve the call, with the peer's memory in the place of its own. A signal ends a sleep, but is handled
 * when the thread is back in its process. */
static long peer_serve(struct task *self, struct mm *mm, struct user_frame *frame, const struct syscall *entry)
{
	if (!is_allowed(entry, frame))
		return -EPERM;
	guest_enter(self, mm);
	long result = entry->handler(self, frame);
	guest_leave(self);
	/* An interrupt that ended the sleep is for the task in its own process: it becomes pending again. */
	if (self->work)
		call_thread_interrupt(self->thread);
	return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK ? -EINTR : result;
}

/* --- their ends --- */

static int signal_of(const struct user_frame *frame)
{
	if (frame->cause == CAUSE_FAULT)
		return SIGSEGV;
	switch (frame->code) {
	case EXCEPTION_DIVIDE:
	case EXCEPTION_FLOAT:
		return SIGFPE;
	case EXCEPTION_STEP:
	case EXCEPTION_BREAKPOINT:
		return SIGTRAP;
	case EXCEPTION_ILLEGAL:
		return SIGILL;
	case EXCEPTION_ALIGNMENT:
		return SIGBUS;
	default:
		return SIGSEGV;
	}
}

/* Ends the space that the frame is of; the thread goes back to its caller. */
static void peer_end(const struct user_frame *frame, int signal)
{
	int error;
	struct peer *peer = peer_find(frame->space);
	if (!peer)
		peer = peer_new(frame->space, &error);
	if (peer) {
		peer->ended = true;
		peer->report = (struct peer_report){
			.signal = (u32)signal,
			.address = frame->cause == CAUSE_FAULT ? frame->addr : 0,
			.ip = frame_ip(frame),
		};
	}
	call_space_destroy(frame->space);
}

/* raise() and abort(), which send a signal to themselves, end the peer or the call that they are in: no handler runs there. */
static bool is_suicide(const struct task *self, const struct user_frame *frame)
{
	if (frame->nr == __NR_tgkill)
		return self && arg(frame, 0) == self->process->pid && arg(frame, 2) - 1 < SIGNALS;
	return frame->nr == __NR_kill && self && arg(frame, 0) == self->process->pid && arg(frame, 1) - 1 < SIGNALS;
}

static bool is_exit(const struct user_frame *frame)
{
	return frame->nr == __NR_exit || frame->nr == __NR_exit_group;
}

/* --- entry --- */

/* Service lock held. */
static void serve_system_call(struct task *self, struct user_frame *frame, const struct syscall *entry)
{
	struct mm *process = mm_of_space(frame->space);
	struct peer *peer = process ? NULL : peer_find(frame->space);
	int error = self ? 0 : -EPERM;
	if (is_exit(frame)) {
		service_unlock();
		call_thread_exit();
	}
	if (!process && is_suicide(self, frame)) {
		peer_end(frame, (int)arg(frame, frame->nr == __NR_tgkill ? 2 : 1));
		return;
	}
	if (!error && !process && !peer)
		peer = peer_new(frame->space, &error);
	if (error)
		frame_set_result(frame, error);
	else
		frame_set_result(frame, peer_serve(self, process ? process : &peer->mm, frame, entry));
}

/* Makes a missing table of bounds, as in a process. -> can the thread go on? */
static bool serve_bounds(struct task *self, struct mm *process, struct user_frame *frame)
{
	struct peer *peer = process ? NULL : peer_find(frame->space);
	if (!self || (!process && !peer) || frame->cause != CAUSE_EXCEPTION || frame->code != EXCEPTION_ILLEGAL)
		return false;
	guest_enter(self, process ? process : &peer->mm);
	bool done = bounds_trap(self, frame);
	guest_leave(self);
	return done;
}

static void serve_fault(struct task *self, struct user_frame *frame)
{
	struct mm *process = mm_of_space(frame->space);
	int error = -EFAULT;
	if (frame->cause == CAUSE_FAULT && (frame->code & FAULT_PAGER))
		error = segment_fetch(frame->segment, frame->page);
	if (frame->cause == CAUSE_FAULT && ((frame->code & FAULT_NOMEM) || error == -ENOMEM))
		error = !(frame->code & FAULT_LIMIT) && oom_reclaim() ? 0 : -ENOMEM;
	if (!error || serve_bounds(self, process, frame))
		return;
	if (!process) {
		peer_end(frame, error == -ENOMEM ? SIGKILL : signal_of(frame));
		return;
	}
	service_unlock();
	call_thread_exit();
}

struct task *peer_entry(struct user_frame *frame, const struct syscall *entry)
{
	struct task *self = task_of_thread(thread_self());
	if (!self) {
		/* The task that starts another holds the lock until that one's thread is known. */
		service_lock();
		self = task_of_thread(thread_self());
		service_unlock();
	}
	if (self && self->mm->space == frame->space)
		return self;
	if (frame->cause != CAUSE_INTERRUPT) {
		service_lock();
		if (frame->cause == CAUSE_SYSCALL)
			serve_system_call(self, frame, entry);
		else
			serve_fault(self, frame);
		service_unlock();
	}
	system_return();
}

_Noreturn void peer_leave(struct task *self)
{
	service_unlock();
	call_thread_interrupt(self->thread);
	call_thread_recall(self->thread);
	system_return();
}

long peer_call(struct task *self, const struct user_frame *frame)
{
	u32 space = (u32)arg(frame, 0);
	struct peer *peer = peer_find(space);
	struct space_info info;
	int error;
	switch (frame->nr) {
	case PEER_OPEN:
		if (call_space_info(space, &info) < 0 || info.manager != self->mm->space)
			return -ENOENT;
		if (peer)
			peer_drop(peer);
		peer = peer_new(space, &error);
		return peer ? bounds_copy(&peer->mm, self->mm) : error;
	case PEER_REPORT:
		if (!peer || !peer->ended || peer->manager != self->mm->space)
			return -ENOENT;
		if (user_write(self, arg(frame, 1), &peer->report, sizeof(peer->report)))
			return -EFAULT;
		peer_drop(peer);
		return 0;
	default:
		return -ENOSYS;
	}
}
