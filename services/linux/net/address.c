/* Names of sockets: socket files, and abstract names, which begin with a zero byte. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/stat.h>
#include <linux/uio.h>

#include "lib/format.h"
#include "lib/string.h"

#include "services/linux/fs/fs.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/net/socket.h"

enum { FAMILY_BYTES = offsetof(struct socket_address, path), ADDRESS_BYTES = FAMILY_BYTES + UNIX_PATH_MAX };

static struct list_node abstract_names = LIST_INIT(abstract_names);

struct socket_name *socket_name_get(struct socket_name *name)
{
	name->refs++;
	return name;
}

void socket_name_put(struct socket_name *name)
{
	if (!name || --name->refs)
		return;
	inode_put(name->inode);
	heap_free(name);
}

void socket_name_unbind(struct socket *socket)
{
	struct socket_name *name = socket->name;

	if (name->owner != socket)
		return;
	list_remove(&name->abstract);
	name->owner = NULL;
	if (name->inode && name->inode->socket == socket)
		name->inode->socket = NULL;
}

static struct socket_name *name_new(const struct socket_address *address, u32 bytes)
{
	struct socket_name *name = heap_zalloc(sizeof(*name));

	if (!name)
		return NULL;
	name->refs = 1;
	name->bytes = bytes;
	memcpy(&name->address, address, bytes);
	list_init(&name->abstract);
	return name;
}

static bool is_abstract(const struct socket_address *address)
{
	return !address->path[0];
}

static struct socket *abstract_find(const struct socket_address *address, u32 bytes, unsigned type)
{
	list_for_each(node, &abstract_names) {
		struct socket_name *name = container_of(node, struct socket_name, abstract);

		if (name->bytes == bytes && name->owner->type == type && !memcmp(&name->address, address, bytes))
			return name->owner;
	}
	return NULL;
}

/* --- binding --- */

static int bind_abstract(struct socket *socket, const struct socket_address *address, u32 bytes)
{
	struct socket_name *name;

	if (abstract_find(address, bytes, socket->type))
		return -EADDRINUSE;
	name = name_new(address, bytes);
	if (!name)
		return -ENOMEM;
	name->owner = socket;
	socket->name = name;
	list_append(&abstract_names, &name->abstract);
	return 0;
}

int socket_autobind(struct task *self, struct socket *socket)
{
	static u32 next;
	struct socket_address address = { .family = AF_UNIX };
	int error = 0;

	(void)self;
	for (unsigned tries = 0; !socket->name && tries < 1 << 20; tries++) {
		format(address.path + 1, 6, "%05x", next++ & 0xfffff);
		error = bind_abstract(socket, &address, FAMILY_BYTES + 6);
		if (error != -EADDRINUSE)
			break;
	}
	return error;
}

static int bind_path(struct task *self, struct socket *socket, const struct socket_address *address)
{
	struct socket_name *name = name_new(address, FAMILY_BYTES + (u32)strlen(address->path) + 1);
	struct path at;
	int error;

	if (!name)
		return -ENOMEM;
	error = path_lookup(self, AT_FDCWD, address->path, LOOKUP_MISSING, &at);
	if (error) {
		socket_name_put(name);
		return error;
	}
	if (at.dentry->inode)
		error = -EADDRINUSE;
	else
		error = at.slash ? -ENOENT : dentry_mknod(self, at.dentry, S_IFSOCK | 0777, 0);
	if (error) {
		socket_name_put(name);
	} else {
		name->owner = socket;
		name->inode = inode_get(at.dentry->inode);
		name->inode->socket = socket;
		socket->name = name;
	}
	dentry_put(at.dentry);
	return error;
}

int sockaddr_read(struct task *self, u64 addr, u64 bytes, struct socket_address *address)
{
	memset(address, 0, sizeof(*address));
	if (bytes > ADDRESS_BYTES)
		return -EINVAL;
	return user_read(self, addr, address, bytes);
}

long sys_bind(struct task *self, struct user_frame *f)
{
	struct socket_address address;
	u64 bytes = (u32)arg(f, 2);
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	result = sockaddr_read(self, arg(f, 1), bytes, &address);
	if (!result && socket->family == AF_INET)
		result = inet_bind(self, socket, &address, (u32)bytes);
	else if (!result && (bytes < FAMILY_BYTES || address.family != AF_UNIX))
		result = -EINVAL;
	else if (!result && bytes == FAMILY_BYTES)
		result = socket_autobind(self, socket);
	else if (!result && socket->name)
		result = -EINVAL;
	else if (!result && is_abstract(&address))
		result = bind_abstract(socket, &address, (u32)bytes);
	else if (!result)
		result = bind_path(self, socket, &address);
	file_put(self, file);
	return result;
}

/* --- finding --- */

static int find_path(struct task *self, const char *path, unsigned type, struct socket **found)
{
	struct path at;
	struct inode *inode;
	int error = path_lookup(self, AT_FDCWD, path, LOOKUP_FOLLOW, &at);

	if (error)
		return error;
	inode = at.dentry->inode;
	error = inode_permission(self, inode, 2);
	if (!error && (!S_ISSOCK(inode->mode) || !inode->socket))
		error = -ECONNREFUSED;
	if (!error && inode->socket->type != type)
		error = -EPROTOTYPE;
	if (!error)
		*found = socket_get(inode->socket);
	dentry_put(at.dentry);
	return error;
}

int socket_lookup(struct task *self, const struct socket *socket, const struct socket_address *address, u32 bytes,
	struct socket **found)
{
	unsigned type = socket->type;

	if (socket->family == AF_INET)
		return inet_find(address, bytes, found);
	if (bytes <= FAMILY_BYTES || address->family != AF_UNIX)
		return -EINVAL;
	if (!is_abstract(address))
		return find_path(self, address->path, type, found);
	*found = abstract_find(address, bytes, type);
	if (!*found)
		return -ECONNREFUSED;
	socket_get(*found);
	return 0;
}

/* --- telling --- */

int sockaddr_write(struct task *self, const struct socket *socket, u64 addr, u64 length)
{
	const struct socket_address unnamed = { .family = socket->family };
	const struct socket_name *name = socket->name;
	u32 bytes = name ? name->bytes : FAMILY_BYTES, room;

	if (!name && socket->family == AF_INET)
		bytes = sizeof(struct sockaddr_in);

	if (user_get_u32(self, length, &room))
		return -EFAULT;
	if ((i32)room < 0)
		return -EINVAL;
	if (user_write(self, addr, name ? &name->address : &unnamed, min_u64(bytes, room)))
		return -EFAULT;
	return user_put_u32(self, length, bytes);
}

long sys_getsockname(struct task *self, struct user_frame *f)
{
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	result = sockaddr_write(self, socket, arg(f, 1), arg(f, 2));
	file_put(self, file);
	return result;
}

long sys_getpeername(struct task *self, struct user_frame *f)
{
	struct socket *socket;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if (socket->peer)
		result = sockaddr_write(self, socket->peer, arg(f, 1), arg(f, 2));
	else
		result = -ENOTCONN;
	file_put(self, file);
	return result;
}
