/* Sending and receiving on sockets: the calls, and the files and credentials that are sent along. */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/uio.h>

#include "lib/string.h"

#include "services/linux/event/event.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/clock.h"
#include "services/linux/net/socket.h"

/* The UAPI headers leave struct msghdr and what belongs to it to the C library. */
struct user_msghdr {
	u64 name;
	u32 name_bytes, pad;
	u64 vector, count;
	u64 control, control_bytes;
	u32 flags, pad2;
};

struct mmsghdr {
	struct user_msghdr header;
	u32 bytes, pad;
};

struct cmsghdr {
	u64 bytes; /* with this header */
	u32 level, type;
};

enum { SCM_RIGHTS = 1, SCM_CREDENTIALS = 2 }; /* SCM_* */
enum { CONTROL_MAX = 4096, MESSAGES_MAX = 1024 };

struct ucred credentials_of(const struct task *self)
{
	const struct credentials *cred = &self->process->cred;

	return (struct ucred){ self->process->pid, cred->euid, cred->egid };
}

u64 transfer_copy(struct transfer *transfer, void *memory, u64 bytes, bool to_pieces)
{
	u64 done = 0;

	while (done < bytes && transfer->count) {
		struct iovec *piece = transfer->pieces;
		u64 part = min_u64(bytes - done, piece->iov_len), copied = 0;
		char *at = (char *)memory + done;

		if (part && piece->iov_base)
			copied = to_pieces ? copy_guarded(piece->iov_base, at, part)
					   : copy_guarded(at, piece->iov_base, part);
		done += copied;
		transfer->bytes -= copied;
		piece->iov_base = (char *)piece->iov_base + copied;
		piece->iov_len -= copied;
		if (copied < part)
			break;
		if (!piece->iov_len) {
			transfer->pieces++;
			transfer->count--;
		}
	}
	return done;
}

/* --- control messages, sent --- */

static long send_files(struct task *self, struct transfer *transfer, const u8 *data, u64 bytes)
{
	unsigned had = transfer->attached ? transfer->attached->count : 0, count = (unsigned)(bytes / sizeof(int));
	struct scm_cookie *attached;
	int error;

	if (had + count > SCM_MAX_FD)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		if (!descriptor_peek(self->files, (unsigned)fd) ||
			descriptor_peek(self->files, (unsigned)fd)->flags & O_PATH)
			return -EBADF;
	}
	if (!count)
		return 0;
	error = scm_new(self, had + count, &attached);
	if (error)
		return error;
	for (unsigned i = 0; i < had; i++)
		attached->files[i] = file_get(transfer->attached->files[i]);
	for (unsigned i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		attached->files[had + i] = descriptor_get(self->files, fd);
	}
	scm_destroy(self, transfer->attached);
	transfer->attached = attached;
	return 0;
}

static long send_credentials(struct task *self, struct transfer *transfer, const u8 *data, u64 bytes)
{
	const struct credentials *cred = &self->process->cred;
	struct ucred from;

	if (bytes != sizeof(from))
		return -EINVAL;
	memcpy(&from, data, sizeof(from));
	if (!task_is_root(self) &&
		(from.pid != self->process->pid ||
			(from.uid != cred->uid && from.uid != cred->euid && from.uid != cred->suid) ||
			(from.gid != cred->gid && from.gid != cred->egid && from.gid != cred->sgid)))
		return -EPERM;
	if (!process_find(from.pid))
		return -ESRCH;
	transfer->from = from;
	transfer->has_from = true;
	return 0;
}

static long read_cmsg(struct task *self, struct transfer *transfer, const u8 *control, u64 bytes)
{
	struct cmsghdr header;
	long error = 0;

	for (u64 at = 0; !error && bytes - at >= sizeof(header); at += round_up(header.bytes, sizeof(u64))) {
		memcpy(&header, control + at, sizeof(header));
		if (header.bytes < sizeof(header) || header.bytes > bytes - at)
			return -EINVAL;
		if (header.level != SOL_SOCKET)
			error = 0;
		else if (header.type == SCM_RIGHTS)
			error = send_files(self, transfer, control + at + sizeof(header),
				header.bytes - sizeof(header));
		else if (header.type == SCM_CREDENTIALS)
			error = send_credentials(self, transfer, control + at + sizeof(header),
				header.bytes - sizeof(header));
		else
			error = -EINVAL;
		if (round_up(header.bytes, sizeof(u64)) > bytes - at)
			break;
	}
	return error;
}

static long send_control(struct task *self, struct transfer *transfer, const struct user_msghdr *header)
{
	u8 *control;
	long error;

	if (!header->control || !header->control_bytes)
		return 0;
	if (header->control_bytes > CONTROL_MAX)
		return -ENOBUFS;
	control = heap_alloc(header->control_bytes);
	if (!control)
		return -ENOBUFS;
	error = user_read(self, header->control, control, header->control_bytes);
	if (!error)
		error = read_cmsg(self, transfer, control, header->control_bytes);
	heap_free(control);
	return error;
}

/* --- control messages, received --- */

/* Appends a control message. -> has it fitted? */
static bool put_cmsg(struct task *self, struct user_msghdr *header, u64 *used, u32 type, const void *data, u64 bytes)
{
	struct cmsghdr control = { sizeof(control) + bytes, SOL_SOCKET, type };
	u64 room = header->control_bytes - *used;

	if (!header->control || room < sizeof(control))
		return false;
	control.bytes = min_u64(control.bytes, room);
	if (user_write(self, header->control + *used, &control, sizeof(control)) ||
		user_write(self, header->control + *used + sizeof(control), data, control.bytes - sizeof(control)))
		return true;
	*used += min_u64(room, round_up(control.bytes, sizeof(u64)));
	return control.bytes == sizeof(control) + bytes;
}

/* Gives the files descriptors, as many as there is room for. -> have all got one? */
static bool receive_files(struct task *self, struct transfer *transfer, struct user_msghdr *header, u64 *used)
{
	struct scm_cookie *attached = transfer->attached;
	u64 room = header->control ? header->control_bytes - *used : 0;
	int fds[SCM_MAX_FD];
	u32 count = 0, fit = 0;

	if (room >= sizeof(struct cmsghdr))
		fit = (u32)min_u64(attached->count, (room - sizeof(struct cmsghdr)) / sizeof(int));
	while (count < fit) {
		fds[count] =
			descriptor_add(self, file_get(attached->files[count]), 0, transfer->flags & MSG_CMSG_CLOEXEC);
		if (fds[count] < 0)
			break;
		count++;
	}
	if (count)
		put_cmsg(self, header, used, SCM_RIGHTS, fds, count * sizeof(int));
	return count == attached->count;
}

static void receive_control(struct task *self, struct socket *socket, struct transfer *transfer,
	struct user_msghdr *header)
{
	u64 used = 0;

	if (socket->wants_credentials && transfer->has_from &&
		!put_cmsg(self, header, &used, SCM_CREDENTIALS, &transfer->from, sizeof(transfer->from)))
		transfer->got_flags |= MSG_CTRUNC;
	if (transfer->attached && !receive_files(self, transfer, header, &used))
		transfer->got_flags |= MSG_CTRUNC;
	header->control_bytes = used;
}

/* --- one message --- */

static long send_destination(struct task *self, struct socket *socket, struct transfer *transfer, u64 addr, u32 bytes)
{
	struct socket_address address;
	long error;

	if (!addr || !bytes || socket->type == SOCK_SEQPACKET)
		return 0;
	error = sockaddr_read(self, addr, bytes, &address);
	if (!error && socket->type == SOCK_STREAM)
		error = socket->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!error && transfer->bytes > socket->send_buffer)
		error = -EMSGSIZE;
	return error ? error : socket_lookup(self, socket, &address, bytes, &transfer->to);
}

static long send_header(struct task *self, struct file *file, struct user_msghdr *header, u32 flags)
{
	struct transfer transfer = { .flags = flags | (file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0) };
	struct socket *socket = file->data;
	struct iovec few[IOVEC_ON_STACK];
	struct iovec *vector;
	long result = iovec_import(self, header->vector, header->count, true, few, &vector, &transfer.bytes);

	if (result)
		return result == -EINVAL && header->count > UIO_MAXIOV ? -EMSGSIZE : result;
	transfer.pieces = vector;
	transfer.count = header->count;
	result = send_control(self, &transfer, header);
	if (!result)
		result = send_destination(self, socket, &transfer, header->name, header->name_bytes);
	if (!result && socket->wants_credentials && socket->family == AF_UNIX)
		result = socket_autobind(self, socket);
	if (!result)
		result = socket_send(self, socket, &transfer);
	scm_destroy(self, transfer.attached);
	socket_put(transfer.to);
	iovec_free(few, vector);
	return result;
}

/* Writes the lengths and flags of a received message back to the header. */
static long receive_header(struct task *self, struct file *file, struct user_msghdr *header, u32 flags)
{
	struct transfer transfer = { .flags = flags | (file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0) };
	struct socket *socket = file->data;
	struct iovec few[IOVEC_ON_STACK];
	struct iovec *vector;
	u32 room = header->name_bytes;
	long result = iovec_import(self, header->vector, header->count, false, few, &vector, &transfer.bytes);

	if (result)
		return result == -EINVAL && header->count > UIO_MAXIOV ? -EMSGSIZE : result;
	transfer.pieces = vector;
	transfer.count = header->count;
	result = socket_receive(self, socket, &transfer);
	header->name_bytes = 0;
	if (result >= 0) {
		receive_control(self, socket, &transfer, header);
		header->name_bytes = transfer.name ? transfer.name->bytes : 0;
		if (header->name && transfer.name &&
			user_write(self, header->name, &transfer.name->address, min_u64(room, header->name_bytes)))
			result = -EFAULT;
	}
	header->flags = transfer.got_flags | (flags & MSG_CMSG_CLOEXEC);
	scm_destroy(self, transfer.attached);
	socket_name_put(transfer.name);
	iovec_free(few, vector);
	return result;
}

/* --- calls --- */

long sys_sendto(struct task *self, struct user_frame *f)
{
	struct iovec piece = { user_pointer(self, arg(f, 1), arg(f, 2)), arg(f, 2) };
	struct transfer transfer = { .pieces = &piece, .count = 1, .bytes = arg(f, 2), .flags = (u32)arg(f, 3) };
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if (file->flags & O_NONBLOCK)
		transfer.flags |= MSG_DONTWAIT;
	if (!piece.iov_base)
		result = -EFAULT;
	if (!result)
		result = send_destination(self, socket, &transfer, arg(f, 4), (u32)arg(f, 5));
	if (!result && socket->wants_credentials && socket->family == AF_UNIX)
		result = socket_autobind(self, socket);
	if (!result)
		result = socket_send(self, socket, &transfer);
	socket_put(transfer.to);
	file_put(self, file);
	return result;
}

long sys_recvfrom(struct task *self, struct user_frame *f)
{
	struct iovec piece = { user_target(self, arg(f, 1), arg(f, 2)), arg(f, 2) };
	struct transfer transfer = { .pieces = &piece, .count = 1, .bytes = arg(f, 2), .flags = (u32)arg(f, 3) };
	struct socket *socket;
	struct file *file;
	u32 room = 0;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if (file->flags & O_NONBLOCK)
		transfer.flags |= MSG_DONTWAIT;
	result = piece.iov_base ? socket_receive(self, socket, &transfer) : -EFAULT;
	if (result >= 0 && arg(f, 4)) {
		if (user_get_u32(self, arg(f, 5), &room))
			result = -EFAULT;
		else if ((i32)room < 0)
			result = -EINVAL;
		else if (transfer.name &&
			user_write(self, arg(f, 4), &transfer.name->address, min_u64(room, transfer.name->bytes)))
			result = -EFAULT;
		else if (user_put_u32(self, arg(f, 5), transfer.name ? transfer.name->bytes : 0))
			result = -EFAULT;
	}
	scm_destroy(self, transfer.attached);
	socket_name_put(transfer.name);
	file_put(self, file);
	return result;
}

typedef long transfer_header(struct task *self, struct file *file, struct user_msghdr *header, u32 flags);

/* Sends or receives by a header at addr, and writes back what has changed in it. */
static long header_at(struct task *self, struct file *file, u64 addr, u32 flags, transfer_header *move)
{
	struct user_msghdr header, before;
	long result;

	if (user_read(self, addr, &header, sizeof(header)))
		return -EFAULT;
	if ((i32)header.name_bytes < 0)
		return -EINVAL;
	before = header;
	result = move(self, file, &header, flags);
	if (result < 0 || move == send_header)
		return result;
	if (!before.name)
		header.name_bytes = before.name_bytes;
	return user_write(self, addr, &header, sizeof(header)) ? -EFAULT : result;
}

static long call_one(struct task *self, struct user_frame *f, transfer_header *move)
{
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	result = header_at(self, file, arg(f, 1), (u32)arg(f, 2), move);
	file_put(self, file);
	return result;
}

long sys_sendmsg(struct task *self, struct user_frame *f)
{
	return call_one(self, f, send_header);
}

long sys_recvmsg(struct task *self, struct user_frame *f)
{
	return call_one(self, f, receive_header);
}

/* Several messages, until one fails; the error is returned only if that is the first. The deadline is checked between messages. */
static long call_many(struct task *self, struct user_frame *f, transfer_header *move, u64 deadline)
{
	u64 header = arg(f, 1), count = min_u64((u32)arg(f, 2), MESSAGES_MAX);
	u32 flags = (u32)arg(f, 3);
	struct socket *socket;
	struct file *file;
	long done = 0, result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	for (; (u64)done < count; done++, header += sizeof(struct mmsghdr)) {
		result = header_at(self, file, header, flags & ~(u32)MSG_WAITFORONE, move);
		if (result >= 0)
			result = user_put_u32(self, header + offsetof(struct mmsghdr, bytes), (u32)result);
		if (result < 0)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline && time_monotonic() >= deadline) {
			done++;
			break;
		}
	}
	file_put(self, file);
	return done ? done : result;
}

long sys_sendmmsg(struct task *self, struct user_frame *f)
{
	return call_many(self, f, send_header, 0);
}

long sys_recvmmsg(struct task *self, struct user_frame *f)
{
	u64 deadline;
	int error = deadline_from_timespec(self, arg(f, 4), &deadline);

	return error ? error : call_many(self, f, receive_header, deadline);
}
