/* Streams: a ring of bytes for each direction, with marks for bytes that files or credentials were sent with. The ring starts at
 * offset 0 again whenever it is empty, so that a connection with little in it touches one page of each ring. */
#include <asm/errno.h>
#include <linux/uio.h>

#include "lib/string.h"

#include "services/runtime/heap.h"
#include "services/linux/net/socket.h"

/* Sending goes on in pieces as long as less than the send buffer is used, so a ring has room for one piece more. */
enum { RING_BYTES = 256 << 10, PIECE_BYTES = 36544, LARGE_BYTES = 16 << 10, SPARE_RINGS = 16 };
_Static_assert(BUFFER_DEFAULT + PIECE_BYTES <= RING_BYTES, "a piece always fits");

/* Files or credentials were sent with bytes start .. end. */
struct mark {
	struct list_node node;
	u64 start, end;
	struct scm_cookie *attached; /* NULL: taken already */
	struct ucred from;
};

/* Rings of closed streams that had touched few pages, for the next streams. */
static char *spare_rings[SPARE_RINGS];
static unsigned spare_count;

static int ring_make(struct stream *stream)
{
	if (!stream->ring)
		stream->ring = spare_count ? spare_rings[--spare_count] : pages_alloc(RING_BYTES);
	return stream->ring ? 0 : -ENOBUFS;
}

void stream_init(struct stream *stream)
{
	list_init(&stream->marks);
}

static void mark_free(struct task *self, struct mark *mark)
{
	list_remove(&mark->node);
	scm_destroy(self, scm_unqueue(&mark->attached));
	heap_free(mark);
}

void stream_clear(struct task *self, struct stream *stream)
{
	while (!list_is_empty(&stream->marks))
		mark_free(self, container_of(list_first(&stream->marks), struct mark, node));
	if (stream->ring && !stream->large && spare_count < SPARE_RINGS)
		spare_rings[spare_count++] = stream->ring;
	else if (stream->ring)
		pages_free(stream->ring, RING_BYTES);
	stream->ring = NULL;
	stream->count = 0;
}

static u32 send_limit(const struct socket *socket)
{
	return socket->send_buffer < BUFFER_DEFAULT ? socket->send_buffer : BUFFER_DEFAULT;
}

bool stream_writable(const struct socket *socket)
{
	return !socket->peer || socket->peer->in.count * 4 <= send_limit(socket);
}

/* --- sending --- */

/* Appends up to `bytes` of the transfer, which fit. -> bytes, or -EFAULT. */
static long ring_write(struct stream *stream, struct transfer *transfer, u64 bytes)
{
	u64 done = 0;

	while (done < bytes) {
		u32 tail = (stream->head + stream->count) % RING_BYTES;
		u64 piece = min_u64(bytes - done, RING_BYTES - tail);
		u64 copied = transfer_copy(transfer, stream->ring + tail, piece, false);

		done += copied;
		stream->count += (u32)copied;
		stream->large |= tail + copied > LARGE_BYTES;
		if (copied < piece)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static bool same_credentials(const struct ucred *a, const struct ucred *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* Makes a mark for the bytes that are about to be sent, if there are files or credentials. *made NULL: there are none. */
static int mark_new(struct task *self, const struct socket *socket, const struct transfer *transfer, struct mark **made)
{
	bool wanted = socket->wants_credentials || socket->peer->wants_credentials;

	*made = NULL;
	if (!transfer->attached && !transfer->has_from && !wanted)
		return 0;
	*made = heap_zalloc(sizeof(**made));
	if (!*made)
		return -ENOBUFS;
	list_init(&(*made)->node);
	(*made)->from = transfer->has_from ? transfer->from : credentials_of(self);
	return 0;
}

/* Sets the mark for the bytes that were just appended. If it has the same content as the last mark, that is extended. */
static void mark_put(struct socket *to, struct mark *mark, struct transfer *transfer, u64 bytes)
{
	struct stream *in = &to->in;
	u64 end = in->taken + in->count;
	struct mark *last = container_of(in->marks.prev, struct mark, node);

	scm_queue(to, &mark->attached, transfer->attached);
	transfer->attached = NULL;
	if (!mark->attached && !list_is_empty(&in->marks) && !last->attached && last->end == end - bytes &&
		same_credentials(&last->from, &mark->from)) {
		last->end = end;
		heap_free(mark);
		return;
	}
	mark->start = end - bytes;
	mark->end = end;
	list_append(&in->marks, &mark->node);
}

/* Sends one piece. -> bytes, or an error. */
static long send_piece(struct task *self, struct socket *socket, struct transfer *transfer)
{
	struct stream *in = &socket->peer->in;
	struct mark *mark;
	long done = ring_make(in);

	if (!done)
		done = mark_new(self, socket, transfer, &mark);
	if (done)
		return done;
	done = ring_write(in, transfer, min_u64(transfer->bytes, PIECE_BYTES));
	if (mark && done > 0)
		mark_put(socket->peer, mark, transfer, (u64)done);
	else
		heap_free(mark);
	if (done > 0)
		wake_up(&socket->peer->can_read);
	return done;
}

long stream_send(struct task *self, struct socket *socket, struct transfer *transfer)
{
	u64 deadline = socket_deadline(transfer, socket->send_timeout), bytes = transfer->bytes;
	long sent = 0, error = 0;

	if (transfer->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (transfer->to)
		return socket->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!socket->peer)
		return socket->family == AF_UNIX ? -ENOTCONN : -EPIPE;
	while (!error) {
		if (socket->out_shut)
			error = -EPIPE;
		else if ((u64)sent == bytes)
			break;
		else if (socket->peer->in.count < send_limit(socket))
			error = send_piece(self, socket, transfer);
		else
			error = socket_wait(self, &socket->can_write, deadline);
		if (error > 0) {
			sent += error;
			error = 0;
		}
	}
	return sent ? sent : error;
}

/* --- receiving --- */

/* Copies bytes at an offset behind the head to the transfer. -> bytes. */
static u64 ring_read(const struct stream *in, struct transfer *transfer, u64 offset, u64 bytes)
{
	u64 at = (in->head + offset) % RING_BYTES;
	u64 first = min_u64(bytes, RING_BYTES - at);
	u64 done = transfer_copy(transfer, in->ring + at, first, true);

	if (done == first && first < bytes)
		done += transfer_copy(transfer, in->ring, bytes - first, true);
	return done;
}

/* The mark that a place lies in, or the next one behind it. */
static struct mark *mark_at(const struct stream *in, u64 place)
{
	list_for_each(node, &in->marks) {
		struct mark *mark = container_of(node, struct mark, node);

		if (mark->end > place)
			return mark;
	}
	return NULL;
}

/* Takes bytes out that have been copied. */
static void stream_consume(struct task *self, struct socket *socket, u64 bytes)
{
	struct stream *in = &socket->in;
	struct socket *peer = socket->peer;
	bool was_writable = !peer || stream_writable(peer);

	in->taken += bytes;
	in->count -= (u32)bytes;
	in->head = in->count ? (in->head + (u32)bytes) % RING_BYTES : 0;
	while (!list_is_empty(&in->marks)) {
		struct mark *mark = container_of(list_first(&in->marks), struct mark, node);

		if (mark->end > in->taken)
			break;
		mark_free(self, mark);
	}
	if (!was_writable && stream_writable(peer))
		wake_up(&peer->can_write);
}

/* Looks at the mark of the bytes at `place`, and sets the end of those that the receiver may get together. -> may they be joined to
 * those that the transfer has already? */
static bool take_mark(struct socket *socket, struct transfer *transfer, u64 place, u64 *end, bool *last)
{
	struct mark *mark = mark_at(&socket->in, place);
	bool inside;

	while (mark && !mark->attached && !socket->wants_credentials)
		mark = mark_at(&socket->in, mark->end);
	inside = mark && mark->start <= place;
	if (socket->wants_credentials) {
		struct ucred from = inside ? mark->from : socket->peer_owner;

		if (transfer->has_from && !same_credentials(&from, &transfer->from))
			return false;
		transfer->has_from = true;
		transfer->from = from;
	}
	if (mark)
		*end = min_u64(*end, inside ? mark->end : mark->start);
	if (!inside || !mark->attached)
		return true;
	*last = true;
	if (transfer->flags & MSG_PEEK) {
		transfer->attached = scm_copy(mark->attached);
	} else {
		transfer->attached = scm_unqueue(&mark->attached);
	}
	return true;
}

/* Moves what is there to the receiver. -> bytes, or -EFAULT. *last: no more may be joined to it. */
static long receive_piece(struct task *self, struct socket *socket, struct transfer *transfer, u64 *place, bool *last)
{
	struct stream *in = &socket->in;
	bool peek = transfer->flags & MSG_PEEK;
	u64 end = in->taken + in->count, piece, copied;

	if (!take_mark(socket, transfer, *place, &end, last)) {
		*last = true;
		return 0;
	}
	piece = min_u64(transfer->bytes, end - *place);
	copied = ring_read(in, transfer, *place - in->taken, piece);
	*place += copied;
	if (!peek)
		stream_consume(self, socket, copied);
	return copied < piece ? -EFAULT : (long)copied;
}

long stream_receive(struct task *self, struct socket *socket, struct transfer *transfer)
{
	u64 deadline = socket_deadline(transfer, socket->receive_timeout), place = socket->in.taken,
	    wanted = transfer->bytes;
	bool last = false, all = transfer->flags & MSG_WAITALL, peek = transfer->flags & MSG_PEEK;
	long done = 0, error = 0;

	if (transfer->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (socket->state != SOCKET_CONNECTED)
		return socket->family == AF_UNIX ? -EINVAL : -ENOTCONN;
	for (;;) {
		if (!peek)
			place = socket->in.taken;
		if (place < socket->in.taken + socket->in.count) {
			error = receive_piece(self, socket, transfer, &place, &last);
			if (error > 0)
				done += error;
			if (error < 0 || last || (u64)done == wanted)
				break;
			continue;
		}
		if (done && (!all || peek))
			break;
		error = socket_error(socket);
		if (error || socket->in_shut)
			break;
		error = socket_wait(self, &socket->can_read, deadline);
		if (error)
			break;
	}
	if (done > 0 && socket->family == AF_UNIX && socket->peer && socket->peer->name)
		transfer->name = socket_name_get(socket->peer->name);
	return done ? done : error;
}
