/* What the files of the proc room share. */
#ifndef LINUX_PROC_PRIVATE_H
#define LINUX_PROC_PRIVATE_H

#include "services/linux/proc/proc.h"

/* Mounts /sys. */
void sysfs_init(void);
/* Adds spaces up to a column of the line that starts at line_start. */
void seq_pad(struct seq_file *seq, size_t line_start, size_t column);
/* Makes `root` the root node of a superblock. */
void nodes_mount(struct superblock *sb, const struct proc_node *root);
/* For file_ops: file->data is the text. */
void seq_file_release(struct task *self, struct file *file);
/* The parts of /proc. */
extern struct proc_node process_nodes[]; /* of /proc/PID */
extern const struct proc_node machine_nodes[]; /* of /proc itself, without the processes */
const struct proc_node *fail_lookup(struct task *self, u64 number, const char *name, size_t length, u64 *found);
const struct proc_node *fail_next(struct task *self, u64 number, u64 *index, char *name, size_t size);
void mounts_show(struct seq_file *seq, struct task *self, u64 number);

#endif
