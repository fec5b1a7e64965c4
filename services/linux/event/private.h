/* What the files of the event room have of each other: pipes. */
#ifndef LINUX_EVENT_PRIVATE_H
#define LINUX_EVENT_PRIVATE_H

#include <linux/limits.h>

#include "services/linux/event/event.h"

struct user;

/* A ring of bytes with its ends. The ring starts at offset 0 again whenever it is empty, so that a pipe with little in it touches
 * one page. */
struct pipe {
	char *ring;                     /* `bytes` of them */
	u32 bytes;                      /* a power of two, PAGE_SIZE at least */
	u32 head, count;                /* next byte to read; bytes in it */
	u32 readers, writers;           /* open files */
	u32 readers_ever, writers_ever; /* for fifos: how often each end was opened */
	bool is_fifo;                   /* it has a name; a pipe that is opened anew through /proc waits for nobody */
	u32 refs;
	struct user *user;              /* charged for the ring: USER_PIPE_PAGES */
	struct task *mover;             /* who moves bytes in or out, or the ring, over a sleep: others wait with both ends */
	struct wait_queue can_read, can_write;
};

/* The pipe of an open file, NULL: it is none. */
struct pipe *pipe_of(const struct file *file);

/* --- waiting; the results may be passed on --- */

/* Until there is something to read, and nobody moves it. -> 1; 0: no writer is left and the pipe is empty; -EAGAIN if !wait. */
int pipe_wait_data(struct task *self, struct pipe *pipe, bool wait);
/* Until `needed` bytes are free, and nobody moves anything. -> 0; -EPIPE, without a signal: no reader is left; -EAGAIN if !wait. */
int pipe_wait_room(struct task *self, struct pipe *pipe, u32 needed, bool wait);
/* Keeps all others away, over sleeps too. The pipe has been waited for in the same stretch. */
void pipe_hold(struct task *self, struct pipe *pipe);
void pipe_release_hold(struct pipe *pipe);

/* --- moving bytes --- */

/* The next ones to read, in one piece; the same for room. */
static inline char *pipe_data(const struct pipe *pipe, size_t *bytes)
{
	*bytes = min_u64(pipe->count, pipe->bytes - pipe->head);
	return pipe->ring + pipe->head;
}

static inline char *pipe_room(const struct pipe *pipe, size_t *bytes)
{
	u32 tail = (pipe->head + pipe->count) & (pipe->bytes - 1);

	*bytes = min_u64(pipe->bytes - pipe->count, pipe->bytes - tail);
	return pipe->ring + tail;
}

/* The first ones go, without waking anybody. */
static inline void pipe_forget(struct pipe *pipe, size_t bytes)
{
	pipe->count -= (u32)bytes;
	pipe->head = pipe->count ? (pipe->head + (u32)bytes) & (pipe->bytes - 1) : 0;
}

/* Writers wait only when less than PIPE_BUF is free. */
static inline bool pipe_is_nearly_full(const struct pipe *pipe)
{
	return pipe->count > pipe->bytes - PIPE_BUF;
}

/* So many have been taken out of the pipe, or put into it: wakes those who wait for that. */
static inline void pipe_took(struct pipe *pipe, size_t bytes)
{
	bool was_full = pipe_is_nearly_full(pipe);

	pipe_forget(pipe, bytes);
	if (was_full && bytes)
		wake_up(&pipe->can_write);
}

static inline void pipe_gave(struct pipe *pipe, size_t bytes)
{
	pipe->count += (u32)bytes;
	if (bytes)
		wake_up(&pipe->can_read);
}

/* Memory to and from the pipe, in which there is something, or room; bytes is not 0. -> bytes, or -EFAULT. */
long pipe_ring_read(struct pipe *pipe, void *to, size_t bytes);
long pipe_ring_write(struct pipe *pipe, const void *from, size_t bytes);

#endif
