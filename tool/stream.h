/* One direction of the relay: bytes from one descriptor to another through a buffer. It reads only when the buffer is empty, so a
 * faster writer waits for the reader. */
#ifndef TOOL_STREAM_H
#define TOOL_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum { STREAM_BYTES = 64 * 1024 };

struct stream {
	int from, to;
	bool ended;  /* nothing more comes from `from` */
	bool broken; /* nobody reads `to` any more: bytes that still come are dropped */
	bool file;   /* `to` takes any amount without blocking */
	size_t start, end;
	char buffer[STREAM_BYTES];
};

void stream_init(struct stream *stream, int from, int to);

/* Fills in what to wait for: two entries. */
void stream_poll(const struct stream *stream, struct pollfd *entries);

/* Moves what can be moved without waiting, after poll() has filled in the two entries. -> 0, or the errno of a failed write
 * (EPIPE makes the stream `broken`). */
int stream_move(struct stream *stream, const struct pollfd *entries);

/* Is the buffer empty? */
static inline bool stream_is_empty(const struct stream *stream)
{
	return stream->start == stream->end;
}

#endif
