/* Options of sockets. Options that mean nothing between processes of one machine are kept and returned, without effect. */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/time_types.h>

#include "lib/string.h"

#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/net/socket.h"

enum { BUFFER_MAX = BUFFER_DEFAULT, SEND_BUFFER_MIN = 4608, RECEIVE_BUFFER_MIN = 2304, NS_PER_US = 1000 };

/* Options that are a bit: its place in socket->flags. */
static int flag_of(unsigned option)
{
	static const u8 flags[] = { SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE,
		SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SO_PASSSEC, SO_NO_CHECK, SO_RXQ_OVFL, SO_ZEROCOPY };

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i] == option)
			return (int)i;
	return -1;
}

/* --- set --- */

static long set_timeout(u64 *timeout, const struct __kernel_old_timeval *time)
{
	if (time->tv_usec < 0 || time->tv_usec >= 1000000)
		return -EDOM;
	if (time->tv_sec < 0)
		*timeout = 1;
	else
		*timeout = min_u64((u64)time->tv_sec, 1ull << 33) * NS_PER_S + (u64)time->tv_usec * NS_PER_US;
	return 0;
}

static long set_buffer(struct socket *socket, bool send, u32 value)
{
	u32 bytes = 2 * (value < BUFFER_MAX ? value : BUFFER_MAX);

	if (send) {
		socket->send_buffer = bytes > SEND_BUFFER_MIN ? bytes : SEND_BUFFER_MIN;
		wake_up(&socket->can_write);
	} else {
		socket->receive_buffer = bytes > RECEIVE_BUFFER_MIN ? bytes : RECEIVE_BUFFER_MIN;
	}
	return 0;
}

static long set_word(struct task *self, struct socket *socket, unsigned option, u32 value)
{
	int flag = flag_of(option);

	if (flag >= 0) {
		socket->flags = (socket->flags & ~(1u << flag)) | (value ? 1u << flag : 0);
		return 0;
	}
	switch (option) {
	case SO_SNDBUF:
	case SO_RCVBUF:
		return set_buffer(socket, option == SO_SNDBUF, value);
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		return task_is_root(self) ? set_buffer(socket, option == SO_SNDBUFFORCE, value) : -EPERM;
	case SO_PASSCRED:
		socket->wants_credentials = value != 0;
		return 0;
	case SO_PRIORITY:
		if (value > 6 && !task_is_root(self))
			return -EPERM;
		socket->priority = value;
		return 0;
	case SO_REUSEPORT:
		return value && socket->family == AF_UNIX ? -EOPNOTSUPP : 0;
	case SO_RCVLOWAT:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static long option_set(struct task *self, struct socket *socket, unsigned option, u64 addr, u32 bytes)
{
	struct __kernel_old_timeval time;
	u32 value;

	switch (option) {
	case SO_RCVTIMEO_OLD:
	case SO_SNDTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_NEW:
		if (bytes < sizeof(time))
			return -EINVAL;
		if (user_read(self, addr, &time, sizeof(time)))
			return -EFAULT;
		return set_timeout(option == SO_RCVTIMEO_OLD || option == SO_RCVTIMEO_NEW ? &socket->receive_timeout
											  : &socket->send_timeout,
			&time);
	case SO_LINGER:
		if (bytes < sizeof(socket->linger))
			return -EINVAL;
		return user_read(self, addr, socket->linger, sizeof(socket->linger));
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
		return -ENOPROTOOPT;
	default:
		break;
	}
	if (bytes < sizeof(value))
		return -EINVAL;
	if (user_get_u32(self, addr, &value))
		return -EFAULT;
	return set_word(self, socket, option, value);
}

long sys_setsockopt(struct task *self, struct user_frame *f)
{
	struct socket *socket;
	struct file *file;
	u32 value;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if ((i32)arg(f, 4) < 0)
		result = -EINVAL;
	else if ((u32)arg(f, 1) != SOL_SOCKET && socket->family == AF_UNIX)
		result = -EOPNOTSUPP;
	else if ((u32)arg(f, 1) != SOL_SOCKET)
		result = user_get_u32(self, arg(f, 3), &value)
			? -EFAULT
			: inet_option_set(socket, (u32)arg(f, 1), (u32)arg(f, 2), value);
	else
		result = option_set(self, socket, (u32)arg(f, 2), arg(f, 3), (u32)arg(f, 4));
	file_put(self, file);
	return result;
}

/* --- get --- */

static long get_word(struct socket *socket, unsigned option, u32 *value)
{
	int flag = flag_of(option);

	*value = 0;
	if (flag >= 0) {
		*value = socket->flags >> flag & 1;
		return 0;
	}
	switch (option) {
	case SO_TYPE:
		*value = socket->type;
		return 0;
	case SO_DOMAIN:
		*value = socket->family;
		return 0;
	case SO_PROTOCOL:
		*value = socket->family == AF_INET ? IPPROTO_TCP : 0;
		return 0;
	case SO_REUSEPORT:
	case SO_MARK:
		return 0;
	case SO_ERROR:
		*value = (u32)-socket_error(socket);
		return 0;
	case SO_SNDBUF:
		*value = socket->send_buffer;
		return 0;
	case SO_RCVBUF:
		*value = socket->receive_buffer;
		return 0;
	case SO_PASSCRED:
		*value = socket->wants_credentials;
		return 0;
	case SO_PRIORITY:
		*value = socket->priority;
		return 0;
	case SO_ACCEPTCONN:
		*value = socket->state == SOCKET_LISTENING;
		return 0;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*value = 1;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* Copies the value of an option, up to 16 bytes. -> how many, or an error. */
static long option_get(struct socket *socket, unsigned option, u64 data[2])
{
	struct ucred peer = socket->peer_owner;
	u64 timeout = socket->receive_timeout;
	u32 value;
	long error;

	switch (option) {
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		timeout = socket->send_timeout;
		/* fallthrough */
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		data[0] = timeout / NS_PER_S;
		data[1] = timeout % NS_PER_S / NS_PER_US;
		return sizeof(data[0]) * 2;
	case SO_LINGER:
		memcpy(data, socket->linger, sizeof(socket->linger));
		return sizeof(socket->linger);
	case SO_PEERCRED:
		/* Nobody yet: no process, and the users that stand for unknown ones. */
		if (!peer.pid)
			peer.uid = peer.gid = ~0u;
		memcpy(data, &peer, sizeof(peer));
		return sizeof(peer);
	default:
		error = get_word(socket, option, &value);
		memcpy(data, &value, sizeof(value));
		return error ? error : (long)sizeof(value);
	}
}

static long tcp_option_get(const struct socket *socket, u32 level, u32 option, u64 data[2])
{
	u32 value = 0;
	long error = inet_option_get(socket, level, option, &value);

	data[0] = value;
	return error ? error : (long)sizeof(value);
}

long sys_getsockopt(struct task *self, struct user_frame *f)
{
	u64 data[2] = { 0, 0 };
	struct socket *socket;
	struct file *file;
	u32 room;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if (user_get_u32(self, arg(f, 4), &room))
		result = -EFAULT;
	else if ((u32)arg(f, 1) != SOL_SOCKET && socket->family == AF_UNIX)
		result = -EOPNOTSUPP;
	else if ((i32)room < 0)
		result = -EINVAL;
	else if ((u32)arg(f, 1) != SOL_SOCKET)
		result = tcp_option_get(socket, (u32)arg(f, 1), (u32)arg(f, 2), data);
	else
		result = option_get(socket, (u32)arg(f, 2), data);
	if (result > 0) {
		room = (u32)min_u64(room, (u64)result);
		result = user_write(self, arg(f, 3), data, room) ? -EFAULT : user_put_u32(self, arg(f, 4), room);
	}
	file_put(self, file);
	return result;
}
