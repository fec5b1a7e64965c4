/* Datagrams and sequenced packets: messages that arrive whole. */
#include <asm/errno.h>
#include <linux/uio.h>

#include "lib/string.h"

#include "services/runtime/heap.h"
#include "services/linux/net/socket.h"

/* QUEUE_MAX: how many messages of sockets other than its peer may wait in a socket. MESSAGE_OVERHEAD: bytes that a message counts,
 * beside its own, against the sender's send buffer. */
enum { QUEUE_MAX = 10, MESSAGE_OVERHEAD = 768, MESSAGE_RESERVE = 32 };

struct message {
	struct list_node node;
	struct socket *from; /* with a reference */
	struct scm_cookie *attached;
	struct ucred sender;
	u32 bytes, charge;
	char data[];
};

void datagram_connect(struct socket *socket, struct socket *to)
{
	struct socket *before = socket->peer;

	list_remove(&socket->of_senders);
	socket->peer = to;
	socket->state = to ? SOCKET_CONNECTED : SOCKET_OPEN;
	if (to)
		list_append(&to->senders, &socket->of_senders);
	socket_put(before);
}

u32 datagram_first(const struct socket *socket)
{
	return socket->message_count ? container_of(list_first(&socket->messages), struct message, node)->bytes : 0;
}

/* --- sending --- */

static bool queue_full(const struct socket *socket, const struct socket *to)
{
	return to != socket && to->peer != socket && to->message_count > QUEUE_MAX;
}

bool datagram_writable(const struct socket *socket)
{
	return socket->charged * 4 <= socket->send_buffer && !(socket->peer && queue_full(socket, socket->peer));
}

static void message_free(struct task *self, struct message *message)
{
	struct socket *from = message->from;

	from->charged -= message->charge;
	if (!from->closed)
		wake_up(&from->can_write);
	scm_destroy(self, scm_unqueue(&message->attached));
	socket_put(from);
	heap_free(message);
}

static struct message *message_take(struct socket *socket)
{
	struct message *message = container_of(list_first(&socket->messages), struct message, node);

	list_remove(&message->node);
	socket->message_count--;
	socket->message_bytes -= message->bytes;
	wake_up(&socket->room);
	list_for_each(node, &socket->senders)
		wake_up(&container_of(node, struct socket, of_senders)->can_write);
	return message;
}

void datagrams_clear(struct task *self, struct socket *socket)
{
	while (socket->message_count)
		message_free(self, message_take(socket));
}

/* Waits until the sender's messages that were not received yet fit into its send buffer. */
static long wait_for_buffer(struct task *self, struct socket *socket, u64 deadline)
{
	long error = socket_error(socket);

	while (!error && !socket->out_shut && socket->charged >= socket->send_buffer)
		error = socket_wait(self, &socket->can_write, deadline);
	return error ? error : socket->out_shut ? -EPIPE : 0;
}

/* Waits until the receiver has room for a message. The caller holds `to`. -> may the message be queued? */
static long wait_for_room(struct task *self, struct socket *socket, struct socket *to, u64 deadline)
{
	long error = 0;

	for (;;) {
		if (to->closed && socket->type == SOCK_SEQPACKET)
			return -EPIPE;
		if (to->closed) {
			if (socket->peer == to)
				datagram_connect(socket, NULL);
			return -ECONNREFUSED;
		}
		if (to->type == SOCK_DGRAM && to->peer && to->peer != socket)
			return -EPERM;
		if (to->in_shut)
			return -EPIPE;
		if (!queue_full(socket, to))
			return 0;
		if (error)
			return error;
		error = socket_wait(self, &to->room, deadline);
	}
}

/* A message with the bytes of the transfer. */
static long message_make(struct task *self, struct socket *socket, struct transfer *transfer, struct message **made)
{
	u32 bytes = (u32)transfer->bytes;
	struct message *message = heap_alloc(sizeof(*message) + bytes);

	if (!message)
		return -ENOBUFS;
	if (transfer_copy(transfer, message->data, bytes, false) < bytes) {
		heap_free(message);
		return -EFAULT;
	}
	list_init(&message->node);
	message->from = socket_get(socket);
	message->attached = NULL;
	message->sender = transfer->has_from ? transfer->from : credentials_of(self);
	message->bytes = bytes;
	message->charge = bytes + MESSAGE_OVERHEAD;
	socket->charged += message->charge;
	*made = message;
	return 0;
}

long datagram_send(struct task *self, struct socket *socket, struct transfer *transfer)
{
	u64 deadline = socket_deadline(transfer, socket->send_timeout), bytes = transfer->bytes;
	bool packet = socket->type == SOCK_SEQPACKET;
	struct socket *to = packet || !transfer->to ? socket->peer : transfer->to;
	struct message *message;
	long error;

	if (transfer->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (packet && socket->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	if (!to)
		return -ENOTCONN;
	if (bytes > socket->send_buffer - MESSAGE_RESERVE)
		return -EMSGSIZE;
	socket_get(to);
	error = wait_for_buffer(self, socket, deadline);
	if (!error)
		error = message_make(self, socket, transfer, &message);
	if (!error) {
		error = wait_for_room(self, socket, to, deadline);
		if (error) {
			message_free(self, message);
		} else {
			scm_queue(to, &message->attached, transfer->attached);
			transfer->attached = NULL;
			list_append(&to->messages, &message->node);
			to->message_count++;
			to->message_bytes += message->bytes;
			wake_up(&to->can_read);
		}
	}
	socket_put(to);
	return error ? error : (long)bytes;
}

/* --- receiving --- */

/* Waits for the first message. -> 0; 1: there will be none. */
static long wait_for_message(struct task *self, struct socket *socket, u64 deadline)
{
	long error = 0;

	while (!socket->message_count) {
		error = socket_error(socket);
		if (error)
			return error;
		if (socket->in_shut && (socket->type == SOCK_SEQPACKET || deadline != 1))
			return 1;
		error = socket_wait(self, &socket->can_read, deadline);
		if (error)
			return error;
	}
	return 0;
}

long datagram_receive(struct task *self, struct socket *socket, struct transfer *transfer)
{
	u64 deadline = socket_deadline(transfer, socket->receive_timeout);
	bool peek = transfer->flags & MSG_PEEK;
	struct message *message;
	u64 piece, copied;
	long error;

	if (transfer->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (socket->type == SOCK_SEQPACKET && socket->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	error = wait_for_message(self, socket, deadline);
	if (error)
		return error > 0 ? 0 : error;
	message = peek ? container_of(list_first(&socket->messages), struct message, node) : message_take(socket);
	piece = min_u64(message->bytes, transfer->bytes);
	copied = transfer_copy(transfer, message->data, piece, true);
	if (piece < message->bytes)
		transfer->got_flags |= MSG_TRUNC;
	if (transfer->flags & MSG_TRUNC)
		piece = message->bytes;
	transfer->has_from = true;
	transfer->from = message->sender;
	transfer->name = message->from->name ? socket_name_get(message->from->name) : NULL;
	if (peek) {
		transfer->attached = message->attached ? scm_copy(message->attached) : NULL;
	} else {
		transfer->attached = scm_unqueue(&message->attached);
		message_free(self, message);
	}
	return copied < min_u64(piece, copied + transfer->bytes) ? -EFAULT : (long)piece;
}
