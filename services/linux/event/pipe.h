/* Pipes and fifos. */
#ifndef LINUX_EVENT_PIPE_H
#define LINUX_EVENT_PIPE_H

#include "services/linux/fs/file.h"

enum { PIPE_BYTES = 65536 };

/* A ring of bytes with its ends. */
struct pipe {
	char *ring;                     /* PIPE_BYTES */
	u32 head, count;                /* next byte to read; bytes in it */
	u32 readers, writers;           /* open files */
	u32 readers_ever, writers_ever; /* for fifos: how often each end was opened */
	bool is_fifo;                   /* it has a name; a pipe that is opened anew through /proc waits for nobody */
	u32 refs;
	struct wait_queue can_read, can_write;
};

struct pipe *pipe_new(void);
void pipe_put(struct pipe *pipe);
/* Opens a fifo: waits for the other end unless O_NONBLOCK. */
int pipe_open(struct task *self, struct inode *inode, struct file *file);
/* Both ways, for socket pairs: reading from and writing to a pipe; flags are those of the file. */
long pipe_read(struct task *self, struct pipe *pipe, void *to, size_t bytes, bool wait);
long pipe_write(struct task *self, struct pipe *pipe, const void *from, size_t bytes, bool wait);
/* An end is closed. */
void pipe_end(struct pipe *pipe, bool reader);
unsigned pipe_ready(const struct pipe *pipe, bool reader, bool writer);

#endif
