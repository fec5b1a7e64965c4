/* Character devices, by device number; and the byte streams of the host on descriptors 0, 1, 2. */
#ifndef LINUX_FS_DEVICES_H
#define LINUX_FS_DEVICES_H

#include "services/linux/fs/file.h"

/* Device numbers as in st_rdev. */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

/* Makes the file one of the device's: -ENXIO if there is no such device. */
int device_open(struct task *self, struct inode *inode, struct file *file);
/* Is it /dev/zero? And the segment for a shared mapping of it. */
bool device_is_zero(const struct file *file);
i64 device_zero_segment(size_t bytes);
/* An open file that is standard input, output or error of the host (descriptor 0, 1, 2). NULL: no memory. */
struct file *device_stream(unsigned fd);

#endif
