/* Connections: listen, connect, accept, socketpair. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/net.h>

#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/net/socket.h"

enum { BACKLOG_MAX = 4096 };

/* Makes two sockets each other's peers. */
static void connect_both(struct socket *a, struct socket *b)
{
	a->peer = socket_get(b);
	b->peer = socket_get(a);
	a->state = b->state = SOCKET_CONNECTED;
}

long sys_listen(struct task *self, struct user_frame *f)
{
	u32 backlog = (u32)min_u64((u32)arg(f, 1), BACKLOG_MAX);
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if (socket->type == SOCK_DGRAM)
		result = -EOPNOTSUPP;
	else if (socket->state == SOCKET_CONNECTED)
		result = -EINVAL;
	else if (socket->family == AF_INET)
		result = inet_bind_any(self, socket, false);
	else if (!socket->name)
		result = -EINVAL;
	if (!result) {
		socket->state = SOCKET_LISTENING;
		socket->backlog = backlog;
		socket->owner = credentials_of(self);
		wake_up(&socket->room);
	}
	file_put(self, file);
	return result;
}

/* --- connect --- */

/* Finds the socket that listens at the address; waits until its backlog has room. -> 0, with a reference. */
static long find_listener(struct task *self, struct socket *socket, const struct socket_address *address, u32 bytes,
	u64 deadline, struct socket **listener)
{
	long error = 0;

	for (;;) {
		struct socket *found;
		long result = socket_lookup(self, socket, address, bytes, &found);

		if (result)
			return result;
		if (found->state != SOCKET_LISTENING || found->in_shut)
			result = -ECONNREFUSED;
		else if (found->pending_count <= found->backlog)
			*listener = found;
		else
			result = error ? error : -EAGAIN;
		if (!result)
			return 0;
		if (result == -EAGAIN)
			error = socket_wait(self, &found->room, deadline);
		socket_put(found);
		if (result != -EAGAIN || error == -EAGAIN)
			return result;
	}
}

static long connect_stream(struct task *self, struct socket *socket, const struct socket_address *address, u32 bytes,
	u64 deadline)
{
	struct socket *listener, *end;
	long error;

	if (address->family != socket->family || bytes <= sizeof(address->family))
		return socket->family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
	error = find_listener(self, socket, address, bytes, deadline, &listener);
	if (error)
		return error;
	if (socket->state != SOCKET_OPEN)
		error = socket->state == SOCKET_CONNECTED ? -EISCONN : -EINVAL;
	if (!error && socket->family == AF_INET)
		error = inet_bind_any(self, socket, true);
	end = error ? NULL : socket_new(self, socket->type);
	if (end) {
		end->family = socket->family;
		end->peer_owner = credentials_of(self);
		end->owner = socket->peer_owner = listener->owner;
		end->wants_credentials = listener->wants_credentials;
		end->name = end->family == AF_UNIX ? socket_name_get(listener->name) : inet_name(address);
		connect_both(socket, end);
		list_append(&listener->pending, &end->of_pending);
		listener->pending_count++;
		wake_up(&listener->can_read);
	} else if (!error) {
		error = -ENOMEM;
	}
	socket_put(listener);
	return error;
}

static long connect_datagram(struct task *self, struct socket *socket, const struct socket_address *address, u32 bytes)
{
	struct socket *to;
	long error;

	if (address->family == AF_UNSPEC) {
		datagram_connect(socket, NULL);
		wake_up(&socket->can_write);
		return 0;
	}
	error = socket_lookup(self, socket, address, bytes, &to);
	if (error)
		return error;
	if (to->peer && to->peer != socket) {
		socket_put(to);
		return -EPERM;
	}
	datagram_connect(socket, to);
	socket->peer_owner = to->owner;
	wake_up(&socket->can_write);
	return 0;
}

long sys_connect(struct task *self, struct user_frame *f)
{
	struct socket_address address;
	struct transfer waiting = { 0 };
	u32 bytes = (u32)arg(f, 2);
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	waiting.flags = file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
	result = sockaddr_read(self, arg(f, 1), bytes, &address);
	if (!result && bytes < sizeof(address.family))
		result = -EINVAL;
	if (!result && socket->wants_credentials && socket->family == AF_UNIX && address.family == AF_UNIX)
		result = socket_autobind(self, socket);
	if (!result && socket->type == SOCK_DGRAM)
		result = connect_datagram(self, socket, &address, bytes);
	else if (!result)
		result = connect_stream(self, socket, &address, bytes, socket_deadline(&waiting, socket->send_timeout));
	file_put(self, file);
	return result;
}

/* --- accept --- */

/* Waits for a connection. -> 0, with the reference of the list. */
static long take_pending(struct task *self, struct file *file, struct socket *listener, struct socket **end)
{
	struct transfer waiting = { .flags = file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0 };
	u64 deadline = socket_deadline(&waiting, listener->receive_timeout);

	if (listener->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (listener->state != SOCKET_LISTENING)
		return -EINVAL;
	while (!listener->pending_count) {
		long error = listener->in_shut ? -EINVAL : socket_wait(self, &listener->can_read, deadline);

		if (error)
			return error;
	}
	*end = container_of(list_first(&listener->pending), struct socket, of_pending);
	list_remove(&(*end)->of_pending);
	listener->pending_count--;
	wake_up(&listener->room);
	return 0;
}

static long accept_with(struct task *self, struct user_frame *f, u32 flags)
{
	struct socket *socket, *end;
	struct file *file;
	long result;

	if (flags & ~(u32)(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	result = sockfd_lookup(self, arg(f, 0), &file, &socket);
	if (result)
		return result;
	result = take_pending(self, file, socket, &end);
	file_put(self, file);
	if (result)
		return result;
	result = socket_open(self, end, flags);
	if (result >= 0 && arg(f, 1) && sockaddr_write(self, end->peer ? end->peer : end, arg(f, 1), arg(f, 2))) {
		descriptor_close(self, (unsigned)result);
		return -EFAULT;
	}
	return result;
}

long sys_accept(struct task *self, struct user_frame *f)
{
	return accept_with(self, f, 0);
}

long sys_accept4(struct task *self, struct user_frame *f)
{
	return accept_with(self, f, (u32)arg(f, 3));
}

/* --- pairs --- */

static void connect_pair(struct socket *a, struct socket *b)
{
	a->peer_owner = b->peer_owner = a->owner;
	if (a->type != SOCK_DGRAM) {
		connect_both(a, b);
		return;
	}
	datagram_connect(a, socket_get(b));
	datagram_connect(b, socket_get(a));
}

long sys_socketpair(struct task *self, struct user_frame *f)
{
	u32 flags = (u32)arg(f, 1) & ~(u32)SOCK_TYPE_MASK;
	u32 type = (u32)arg(f, 1) & SOCK_TYPE_MASK;
	struct socket *ends[2];
	int fds[2] = { -ENOMEM, -ENOMEM };

	if (flags & ~(u32)(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	if ((u32)arg(f, 0) != AF_UNIX)
		return -EAFNOSUPPORT;
	if ((u32)arg(f, 2) > AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	ends[0] = socket_new(self, type);
	ends[1] = socket_new(self, type);
	if (!ends[0] || !ends[1]) {
		socket_put(ends[0]);
		socket_put(ends[1]);
		return -ENOMEM;
	}
	connect_pair(ends[0], ends[1]);
	for (unsigned i = 0; i < 2; i++)
		fds[i] = socket_open(self, ends[i], flags);
	if (fds[0] >= 0 && fds[1] >= 0 && !user_write(self, arg(f, 3), fds, sizeof(fds)))
		return 0;
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			descriptor_close(self, (unsigned)fds[i]);
	return fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : -EFAULT;
}
