/* Moving bytes without ever waiting inside: reads follow POLLIN, writes follow POLLOUT and are small enough not to block. */
#include "stream.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

void stream_init(struct stream *stream, int from, int to)
{
	struct stat st;

	stream->from = from;
	stream->to = to;
	stream->ended = stream->broken = false;
	stream->start = stream->end = 0;
	stream->file = fstat(to, &st) == 0 && S_ISREG(st.st_mode);
}

void stream_poll(const struct stream *stream, struct pollfd *entries)
{
	bool empty = stream_is_empty(stream);

	entries[0] = (struct pollfd){ .fd = empty && !stream->ended ? stream->from : -1, .events = POLLIN };
	entries[1] = (struct pollfd){ .fd = empty ? -1 : stream->to, .events = POLLOUT };
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void fill(struct stream *stream)
{
	ssize_t bytes = read(stream->from, stream->buffer, sizeof(stream->buffer));

	stream->start = stream->end = 0;
	if (bytes > 0)
		stream->end = (size_t)bytes;
	else if (bytes == 0 || !would_block())
		stream->ended = true;
}

static int drain(struct stream *stream)
{
	size_t bytes = stream->end - stream->start;
	ssize_t done;

	if (!stream->file && bytes > PIPE_BUF)
		bytes = PIPE_BUF; /* a pipe that polls writable takes this much at once */
	done = stream->broken ? (ssize_t)bytes : write(stream->to, stream->buffer + stream->start, bytes);
	if (done < 0) {
		if (would_block())
			return 0;
		stream->broken = true;
		stream->start = stream->end;
		return errno;
	}
	stream->start += (size_t)done;
	return 0;
}

int stream_move(struct stream *stream, const struct pollfd *entries)
{
	if (entries[0].fd >= 0 && entries[0].revents) {
		fill(stream);
		if (stream_is_empty(stream))
			return 0;
	} else if (!(entries[1].fd >= 0 && entries[1].revents)) {
		return 0;
	}
	if (stream->broken) {
		stream->start = stream->end;
		return 0;
	}
	if (entries[0].fd >= 0 && !stream->file) {
		/* Just filled: most of the time the other side takes it at once. */
		struct pollfd now = { .fd = stream->to, .events = POLLOUT };

		if (poll(&now, 1, 0) <= 0)
			return 0;
	}
	return drain(stream);
}
