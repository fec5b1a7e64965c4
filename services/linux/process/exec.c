/* execve: builds the new program in a space of its own; when nothing can fail any more, the task goes on there. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/process/private.h"
#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/memory/memory.h"
#include "services/linux/process/program.h"
#include "services/linux/send_signal.h"
#include "services/linux/random.h"
#include "services/linux/user.h"
#include "services/linux/user_memory.h"

enum { SCRIPT_DEPTH = 5 };

/* A call of execve. On the heap: it is too large for the stack. */
struct exec {
	struct elf program, interpreter;
	struct strings strings;
	struct credentials cred;
	struct start start;
	struct mm *mm;
	int dirfd, flags;    /* of execveat, for the first file */
	char path[PATH_MAX]; /* the file to open next: the program's or, for a script, its interpreter's */
	char name[PATH_MAX]; /* the file that was asked for */
};

static void exec_free(struct task *self, struct exec *exec)
{
	if (exec->program.file)
		file_put(self, exec->program.file);
	if (exec->interpreter.file)
		file_put(self, exec->interpreter.file);
	if (exec->mm)
		mm_put(self, exec->mm);
	if (exec->cred.user)
		user_put(exec->cred.user);
	strings_free(&exec->strings);
	heap_free(exec);
}

/* --- finding the program --- */

/* Reads the #! line of a script, which names an interpreter and perhaps one argument. -> 0, exec->path is the interpreter then. */
static int script_follow(struct exec *exec)
{
	char front[HEAD_BYTES + PATH_MAX + 2];
	char line[HEAD_BYTES];
	memcpy(line, exec->program.head, sizeof(line));
	char *end = memchr(line, '\n', sizeof(line) - 1);
	if (!end && !memchr(line, 0, sizeof(line)))
		return -ENOEXEC;
	if (end)
		*end = 0;
	else
		end = line + strnlen(line, sizeof(line) - 1);
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	char *name = line + 2;
	while (*name == ' ' || *name == '\t')
		name++;
	if (!*name)
		return -ENOEXEC;
	char *argument = name;
	while (*argument && *argument != ' ' && *argument != '\t')
		argument++;
	if (*argument)
		*argument++ = 0;
	while (*argument == ' ' || *argument == '\t')
		argument++;
	u64 n = strlcpy(front, name, sizeof(front)) + 1;
	u32 count = 2;
	if (*argument) {
		n += strlcpy(front + n, argument, sizeof(front) - n) + 1;
		count = 3;
	}
	n += strlcpy(front + n, exec->path, sizeof(front) - n) + 1;
	strlcpy(exec->path, name, sizeof(exec->path));
	return strings_replace_first(&exec->strings, front, n, count);
}

/* Do other processes share its directories (CLONE_FS)? Then no file makes it another user: with a superuser's rights it would
 * follow the directories that they set. */
static bool shares_directories(const struct task *self)
{
	u32 own = 0;
	list_for_each(node, &self->process->tasks)
		own += container_of(node, struct task, sibling)->fs == self->fs;
	return self->fs->refs > own && !task_is_root(self);
}

static void exec_identity(struct task *self, struct exec *exec, const struct exec_attributes *about)
{
	exec->cred = self->process->cred;
	user_hold(exec->cred.user);
	if (!self->no_new_privileges && !shares_directories(self)) {
		if (about->mode & S_ISUID)
			exec->cred.euid = about->uid;
		if ((about->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
			exec->cred.egid = about->gid;
	}
	exec->cred.suid = exec->cred.fsuid = exec->cred.euid;
	exec->cred.sgid = exec->cred.fsgid = exec->cred.egid;
	exec->start.secure = exec->cred.euid != exec->cred.uid || exec->cred.egid != exec->cred.gid;
}

/* Opens the program, following scripts to their interpreters. */
static int exec_find(struct task *self, struct exec *exec)
{
	struct elf *program = &exec->program;
	int dirfd = exec->dirfd, flags = exec->flags;
	for (unsigned depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		int error = exec_open(self, dirfd, exec->path, flags, &program->file, &program->about);
		if (error) {
			program->file = NULL;
			return error;
		}
		error = elf_read_head(self, program);
		if (error)
			return error;
		if (program->head[0] != '#' || program->head[1] != '!') {
			exec_identity(self, exec, &program->about);
			return elf_read(self, program);
		}
		error = script_follow(exec);
		if (error)
			return error;
		file_put(self, program->file);
		program->file = NULL;
		dirfd = AT_FDCWD;
		flags = 0;
	}
	return -ELOOP;
}

static int exec_find_interpreter(struct task *self, struct exec *exec)
{
	struct elf *interpreter = &exec->interpreter;
	if (!exec->program.interpreter[0])
		return 0;
	int error = exec_open(self, AT_FDCWD, exec->program.interpreter, 0, &interpreter->file, &interpreter->about);
	if (error) {
		interpreter->file = NULL;
		return error;
	}
	error = elf_read_head(self, interpreter);
	if (!error)
		error = elf_read(self, interpreter);
	return error == -ENOEXEC ? -ELIBBAD : error;
}

/* --- building its memory --- */

/* The bias of a position-independent program: two thirds up the lower half of the window, or low enough that a directory of bounds
 * fits above it; with some random bits. */
static u64 bias_of_program(const struct elf *elf)
{
	u64 half = machine_half, pages = half / 64 / PAGE_SIZE;
	u64 lowest = bounds_window_is_narrow() ? STACKLET_END + half / 64 : half / 3 * 2;
	u64 start = lowest + random_u64() % pages * PAGE_SIZE;
	return (start & ~(elf->align - 1)) - elf->low;
}

static int exec_map(struct task *self, struct exec *exec)
{
	struct mm *mm = exec->mm;
	struct elf *program = &exec->program, *interpreter = &exec->interpreter;
	int error = stack_place(mm, process_limit(self->process, RLIMIT_STACK), program->stack_executable);
	if (error)
		return error;
	if (program->header.e_type == ET_DYN)
		program->bias = bias_of_program(program);
	error = elf_map(mm, program);
	if (error)
		return error;
	exec->start.entry = exec->start.ip = program->bias + program->header.e_entry;
	exec->start.headers = elf_headers_address(program);
	exec->start.header_count = program->header.e_phnum;
	if (interpreter->file) {
		if (interpreter->header.e_type == ET_DYN)
			interpreter->bias = mm_find(mm, interpreter->high - interpreter->low) - interpreter->low;
		error = elf_map(mm, interpreter);
		exec->start.base = interpreter->bias;
		exec->start.ip = interpreter->bias + interpreter->header.e_entry;
	}
	return error;
}

static void exec_describe(struct exec *exec)
{
	struct mm *mm = exec->mm;
	const struct elf *elf = &exec->program;
	mm->start_code = mm->start_data = ~0ull;
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segments[i];
		u64 start = elf->bias + p->p_vaddr, end = start + p->p_filesz;
		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_flags & PF_X) {
			mm->start_code = min_u64(mm->start_code, start);
			mm->end_code = max_u64(mm->end_code, end);
		} else if (p->p_flags & PF_W) {
			mm->start_data = min_u64(mm->start_data, start);
			mm->end_data = max_u64(mm->end_data, end);
		}
	}
	mm->brk_start = mm->brk = bounds_lowest_heap(elf->bias + elf->high) + random_u64() % 4096 * PAGE_SIZE;
	mm->exe = elf->file;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Builds the new memory. -> 0, with all of it ready in exec->mm. */
static int exec_prepare(struct task *self, struct exec *exec)
{
	int error = exec_find(self, exec);
	if (!error)
		error = exec_find_interpreter(self, exec);
	if (error)
		return error;
	exec->mm = mm_new(base_name(exec->name));
	if (!exec->mm)
		return -ENOMEM;
	error = exec_map(self, exec);
	if (!error)
		error = file_deny_write(exec->program.file);
	if (error)
		return error;
	exec_describe(exec);
	return stack_build(self, exec->mm, &exec->strings, exec->name, &exec->start, &exec->cred);
}

static bool gains_identity(const struct process *process, const struct exec *exec)
{
	const struct credentials *old = &process->cred, *new = &exec->cred;
	return new->euid != old->euid || new->egid != old->egid || new->fsuid != old->fsuid || new->fsgid != old->fsgid;
}

/* Is the new program dumpable? Not if it has or had other rights than the process that started it, nor if that may not read it. */
static bool becomes_dumpable(const struct process *process, const struct exec *exec)
{
	const struct credentials *old = &process->cred;
	return old->euid == old->uid && old->egid == old->gid && !gains_identity(process, exec) &&
		exec->program.about.readable && (!exec->interpreter.file || exec->interpreter.about.readable);
}

/* Changes task and process for the new program. Exit signals that were set for the old one become SIGCHLD: that to its parent here,
 * those of its children to it by process->execs. */
static void exec_commit(struct task *self, struct exec *exec)
{
	struct process *process = self->process;
	exec->mm->dumpable = becomes_dumpable(process, exec);
	self->mm = exec->mm;
	exec->mm = NULL;
	/* Another task of the process may have changed the user meanwhile. */
	if (process->cred.user != exec->cred.user)
		process_set_user(process, user_hold(exec->cred.user));
	process->cred = exec->cred;
	process->did_exec = true;
	process->exit_signal = SIGCHLD;
	process->execs++;
	strlcpy(self->name, base_name(exec->name), sizeof(self->name));
	self->clear_tid = self->robust_list = 0;
	self->alt_stack = self->alt_stack_bytes = self->alt_stack_flags = 0;
	if (exec->start.secure)
		self->parent_death_signal = 0;
	signal_flush_handlers(self);
	process_hooks->timers_end(process, true);
}

/* --- the calls --- */

static long exec_do(struct task *self, struct user_frame *frame, struct exec *exec)
{
	int error = exec_prepare(self, exec);
	if (!error)
		error = process_single(self);
	/* A process that shares the directories may have been made meanwhile. */
	if (!error && gains_identity(self->process, exec) && shares_directories(self))
		error = -EAGAIN;
	if (!error && self->files_shared)
		error = descriptors_own(self);
	if (!error)
		error = native_errno(call_frame_set_space(exec->mm->space));
	if (error)
		return error;
	struct mm *old = self->mm;
	futex_exit(self);
	process_hooks->memory_left(self);
	exec_commit(self, exec);
	mm_put(self, old);
	vfork_done(self->process);
	descriptors_exec(self, self->files);
	machine_start(frame, exec->start.ip, self->mm->stack_start);
	machine_reset_vector();
	return 0;
}

static long exec_call(struct task *self, struct user_frame *frame, int dirfd, u64 path, u64 argv, u64 envp, int flags)
{
	if (process_tasks_too_many(self->process))
		return -EAGAIN;
	struct exec *exec = heap_zalloc(sizeof(*exec));
	if (!exec)
		return -ENOMEM;
	u64 limit = max_u64(min_u64(process_limit(self->process, RLIMIT_STACK) / 4, 6ul << 20), 128 * 1024);
	exec->dirfd = dirfd;
	exec->flags = flags;
	long error = user_string(self, path, exec->path, sizeof(exec->path));
	if (error >= 0)
		error = strings_from_user(self, &exec->strings, argv, &exec->strings.argc, limit);
	exec->strings.argv_bytes = exec->strings.bytes;
	if (!error)
		error = strings_from_user(self, &exec->strings, envp, &exec->strings.envc, limit);
	strlcpy(exec->name, exec->path, sizeof(exec->name));
	/* A program is entitled to one argument: its name. */
	if (!error && !exec->strings.argc)
		error = strings_replace_first(&exec->strings, "", 1, 1);
	if (!error)
		error = exec_do(self, frame, exec);
	exec_free(self, exec);
	return error;
}

long sys_execve(struct task *self, struct user_frame *frame)
{
	return exec_call(self, frame, AT_FDCWD, arg(frame, 0), arg(frame, 1), arg(frame, 2), 0);
}

long sys_execveat(struct task *self, struct user_frame *frame)
{
	int flags = arg(frame, 4);
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_call(self, frame, arg(frame, 0), arg(frame, 1), arg(frame, 2), arg(frame, 3), flags);
}

static int strings_from_list(struct strings *strings, char **list, u32 *count)
{
	for (*count = 0; *list; list++, ++*count) {
		int error = strings_add(strings, *list, strlen(*list) + 1);
		if (error)
			return error;
	}
	return 0;
}

int exec_first(struct task *self, const char *path, char **argv, char **envp, struct user_frame *frame)
{
	struct exec *exec = heap_zalloc(sizeof(*exec));
	if (!exec)
		return -ENOMEM;
	exec->dirfd = AT_FDCWD;
	strlcpy(exec->path, path, sizeof(exec->path));
	strlcpy(exec->name, path, sizeof(exec->name));
	int error = strings_from_list(&exec->strings, argv, &exec->strings.argc);
	exec->strings.argv_bytes = exec->strings.bytes;
	if (!error)
		error = strings_from_list(&exec->strings, envp, &exec->strings.envc);
	if (!error)
		error = exec_prepare(self, exec);
	if (!error) {
		exec_commit(self, exec);
		machine_start(frame, exec->start.ip, self->mm->stack_start);
	}
	exec_free(self, exec);
	return error;
}
