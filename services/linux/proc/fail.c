/* /proc/PID/task/TID/fail-nth, for tests. A number N written there makes the N-th allocation fail that is made from now on for that
 * thread, by the kernel or by this service, whose heap takes each block from the kernel then (services/runtime/heap.c). A read
 * returns how many are left: 0 if that one has failed, or none was to. The file exists only if the kernel has the call fail(). */
#include <asm/errno.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/proc/private.h"

enum { NUMBER_BYTES = 16 };

static long fail_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	const struct seq_file *seq = file->data;
	const struct task *task = task_find((u32)(seq->number >> 32));
	char number[NUMBER_BYTES];
	i64 left = task ? call_fail(task->thread, ~0ul) : -E_NOENT;

	(void)self;
	if (left < 0)
		return -ESRCH;
	bytes = *pos ? 0 : min_u64(bytes, (u64)format(number, sizeof(number), "%lu\n", (u64)left));
	bytes = copy_guarded(to, number, bytes);
	*pos += bytes;
	return (long)bytes;
}

static long fail_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	const struct seq_file *seq = file->data;
	const struct task *task = task_find((u32)(seq->number >> 32));
	char number[NUMBER_BYTES] = "";
	const char *at = number;

	(void)self;
	*pos += bytes;
	if (!bytes || bytes >= sizeof(number))
		return -EINVAL;
	if (copy_guarded(number, from, bytes) != bytes)
		return -EFAULT;
	u64 count = parse_number(&at);
	if (at == number || (*at && *at != '\n') || count > UINT32_MAX)
		return -EINVAL;
	return task && call_fail(task->thread, count) >= 0 ? (long)bytes : -ESRCH;
}

static const struct file_ops fail_ops = {
	.read = fail_read,
	.write = fail_write,
	.release = seq_file_release,
	.seekable = true,
};

static void fail_show(struct seq_file *seq, struct task *self, u64 number)
{
	(void)self;
	seq->number = number;
	seq->ops = &fail_ops;
}

static const struct proc_node fail_node = NODE_FILE("fail-nth", 0644, fail_show);

const struct proc_node *fail_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found)
{
	(void)self;
	*found = number;
	if (length != strlen(fail_node.name) || memcmp(name, fail_node.name, length) || call_fail(0, ~0ul) < 0)
		return NULL;
	return &fail_node;
}

const struct proc_node *fail_next(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	(void)self, (void)number;
	if (*index || call_fail(0, ~0ul) < 0)
		return NULL;
	format(name, size, "%s", fail_node.name);
	return &fail_node;
}
