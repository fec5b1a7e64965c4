/* Character devices: null, zero, full, random; and the table of all devices, other rooms' among them. */

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/linux/fs/private.h"
#include "services/linux/random.h"
#include "services/runtime/heap.h"

enum { PIECE_BYTES = 512, DEVICE_TABLES = 4 };

/* --- memory devices --- */

static long null_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)to, (void)bytes, (void)pos;
	return 0;
}

static long null_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)from, (void)pos;
	return (long)bytes;
}

static long zero_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	static const char zeros[PAGE_SIZE];
	size_t done = 0;

	(void)self, (void)file, (void)pos;
	while (done < bytes) {
		size_t piece = min_u64(bytes - done, sizeof(zeros));
		size_t copied = copy_guarded((char *)to + done, zeros, piece);

		done += copied;
		if (copied < piece)
			return done ? (long)done : -EFAULT;
		if (task_interrupted(self))
			break;
	}
	return (long)done;
}

static long full_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)from, (void)pos;
	return bytes ? -ENOSPC : 0;
}

static long random_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	char piece[PIECE_BYTES];
	size_t done = 0;

	(void)file, (void)pos;
	while (done < bytes) {
		size_t wanted = min_u64(bytes - done, sizeof(piece));
		size_t copied;

		random_fill(piece, wanted);
		copied = copy_guarded((char *)to + done, piece, wanted);
		done += copied;
		if (copied < wanted)
			return done ? (long)done : -EFAULT;
		if (task_interrupted(self))
			break;
	}
	return (long)done;
}

static const struct file_ops null_ops = { .read = null_read,
	.write = null_write,
	.seekable = true,
	.pieces = PIECES_SIGNAL };
static const struct file_ops zero_ops = { .read = zero_read,
	.write = null_write,
	.seekable = true,
	.pieces = PIECES_SIGNAL };
static const struct file_ops full_ops = { .read = zero_read,
	.write = full_write,
	.seekable = true,
	.pieces = PIECES_SIGNAL };
static const struct file_ops random_ops = { .read = random_read,
	.write = null_write,
	.seekable = true,
	.pieces = PIECES_SIGNAL };

static const struct device memory_devices[] = {
	{ DEVICE(1, 3), DEVICE(1, 3), &null_ops, NULL },
	{ DEVICE(1, 5), DEVICE(1, 5), &zero_ops, NULL },
	{ DEVICE(1, 7), DEVICE(1, 7), &full_ops, NULL },
	{ DEVICE(1, 8), DEVICE(1, 9), &random_ops, NULL },
	{ 0, 0, NULL, NULL },
};

/* --- all devices --- */

static const struct device *tables[DEVICE_TABLES] = { memory_devices };
static unsigned table_count = 1;

void devices_register(const struct device *table)
{
	service_assert(table_count < DEVICE_TABLES);
	tables[table_count++] = table;
}

static const struct device *device_find(u64 number)
{
	for (unsigned i = 0; i < table_count; i++)
		for (const struct device *device = tables[i]; device->last; device++)
			if (number >= device->first && number <= device->last)
				return device;
	return NULL;
}

int device_open(struct task *self, struct inode *inode, struct file *file)
{
	const struct device *device = S_ISBLK(inode->mode) ? NULL : device_find(inode->rdev);

	if (!device)
		return -ENXIO;
	file->ops = device->ops;
	return device->open ? device->open(self, inode, file) : 0;
}

bool device_is_zero(const struct file *file)
{
	return file->ops == &zero_ops;
}

i64 device_zero_segment(size_t bytes)
{
	return call_segment_create(page_up(bytes) / PAGE_SIZE, 0);
}
