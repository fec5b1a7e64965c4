/* Character devices, by device number. */
#ifndef LINUX_FS_DEVICES_H
#define LINUX_FS_DEVICES_H

#include "services/linux/fs/file.h"

/* Device numbers as in st_rdev. */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

/* The devices with the numbers from `first` to `last`. */
struct device {
	u64 first, last;
	const struct file_ops *ops; /* of their files */
	/* NULL, or called at each opening; may set file->ops. */
	int (*open)(struct task *self, struct inode *inode, struct file *file);
};
/* Another room's devices: a table that ends with zeros. Once, at the start. */
void devices_register(const struct device *table);

/* Makes the file one of the device's: -ENXIO if there is no such device. */
int device_open(struct task *self, struct inode *inode, struct file *file);
/* Is it /dev/zero? And the segment for a shared mapping of it. */
bool device_is_zero(const struct file *file);
i64 device_zero_segment(size_t bytes);

#endif
