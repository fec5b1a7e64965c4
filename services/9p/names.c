/* Finding, making, renaming and removing files: files.h. */
#include "abi/services.h"
#include "files.h"
#include "node.h"
#include "services/runtime/copy.h"

/* Flags of Linux, as 9P2000.L has them. */
enum { OPEN_READ_WRITE = 2, OPEN_EXCLUSIVE = 0200, UNLINK_DIRECTORY = 0x200 };
enum { NAME_MAX = 255, TARGET_MAX = 4095 };

/* Copies a string from the client's memory into the message. */
static i64 put_foreign(struct request *request, u64 text, u64 length, u64 max)
{
	u8 *room;

	if (!length || length > max)
		return -E_INVAL;
	room = put_room(&request->w, (u16)length);
	return room ? copy_in(room, text, length) : -E_INVAL;
}

/* Fills the client's *attr and publishes the new node; ends the caller's use of it. -> its number or an error. */
static i64 hand_out(struct node *node, u64 attr)
{
	i64 result = node_attr(node, attr);

	if (result >= 0) {
		result = node->number;
		node_publish(node);
	}
	node_put(node);
	return result;
}

i64 file_root(u64 device, u64 attr)
{
	struct node *node;
	i64 result;

	if (device >= server_count)
		return -E_INVAL;
	node = node_make(&servers[device]);
	if (!node)
		return -E_NOMEM;
	result = node_walk_root(node);
	if (result >= 0)
		return hand_out(node, attr);
	node_put(node);
	return result;
}

i64 file_lookup(u64 dir_number, u64 name, u64 length, u64 attr)
{
	struct node *dir = node_find(dir_number), *node;
	i64 result = -E_NOMEM;

	if (!dir)
		return -E_INVAL;
	node = node_make(dir->server);
	if (node) {
		result = node_walk(node, node_fid(dir, FID_NAME), name, length);
		if (result >= 0)
			result = hand_out(node, attr);
		else
			node_put(node);
	}
	node_put(dir);
	return result;
}

/* Makes the file: clones the directory's fid as the node's FID_WRITE, which TLCREATE turns into a fid of the new file. */
static i64 create_in(struct node *dir, struct node *node, u64 name, u64 length, u64 mode)
{
	struct request *request;
	i64 result = node_clone(node, node_fid(dir, FID_NAME), FID_WRITE);

	if (result < 0)
		return result;
	request = request_begin(REQUEST_SMALL, TLCREATE);
	put_u32(&request->w, node_fid(node, FID_WRITE));
	result = put_foreign(request, name, length, NAME_MAX);
	put_u32(&request->w, OPEN_READ_WRITE | OPEN_EXCLUSIVE);
	put_u32(&request->w, (u32)mode);
	put_u32(&request->w, ~0u);
	if (result >= 0)
		result = request_exchange(node->server, request);
	request_end(request);
	if (result >= 0)
		result = node_walk(node, node_fid(dir, FID_NAME), name, length);
	return result;
}

i64 file_create(u64 dir_number, u64 name, u64 length, u64 mode, u64 attr)
{
	struct node *dir = node_find(dir_number), *node;
	i64 result = -E_NOMEM;

	if (!dir)
		return -E_INVAL;
	node = node_make(dir->server);
	if (node) {
		result = create_in(dir, node, name, length, mode);
		if (result >= 0)
			result = hand_out(node, attr);
		else
			node_put(node);
	}
	node_put(dir);
	return result;
}

/* Begins a message about a name in the directory: fid, name. -> NULL with *result set, or the request. */
static struct request *begin_named(struct node *dir, enum request_kind kind, u8 type, u64 name, u64 length, i64 *result)
{
	struct request *request = request_begin(kind, type);

	put_u32(&request->w, node_fid(dir, FID_NAME));
	*result = put_foreign(request, name, length, NAME_MAX);
	if (*result >= 0)
		return request;
	request_end(request);
	return NULL;
}

i64 file_mkdir(u64 dir_number, u64 name, u64 length, u64 mode)
{
	struct node *dir = node_find(dir_number);
	struct request *request;
	i64 result;

	if (!dir)
		return -E_INVAL;
	request = begin_named(dir, REQUEST_SMALL, TMKDIR, name, length, &result);
	if (request) {
		put_u32(&request->w, (u32)mode);
		put_u32(&request->w, ~0u);
		result = request_finish(dir->server, request);
	}
	node_put(dir);
	return result;
}

i64 file_symlink(u64 dir_number, u64 name, u64 length, u64 target, u64 target_length)
{
	struct node *dir = node_find(dir_number);
	struct request *request;
	i64 result;

	if (!dir)
		return -E_INVAL;
	request = begin_named(dir, REQUEST_LARGE_OUT, TSYMLINK, name, length, &result);
	if (request) {
		result = put_foreign(request, target, target_length, TARGET_MAX);
		put_u32(&request->w, ~0u);
		if (result >= 0)
			result = request_exchange(dir->server, request);
		request_end(request);
	}
	node_put(dir);
	return result;
}

static i64 link_in(struct node *dir, struct node *node, u64 name, u64 length)
{
	struct request *request;
	i64 result;

	if (dir->server != node->server)
		return -E_INVAL;
	request = request_begin(REQUEST_SMALL, TLINK);
	put_u32(&request->w, node_fid(dir, FID_NAME));
	put_u32(&request->w, node_fid(node, FID_NAME));
	result = put_foreign(request, name, length, NAME_MAX);
	if (result >= 0)
		result = request_exchange(dir->server, request);
	request_end(request);
	return result;
}

i64 file_link(u64 dir_number, u64 name, u64 length, u64 number)
{
	struct node *dir = node_find(dir_number), *node = node_find(number);
	i64 result = dir && node ? link_in(dir, node, name, length) : -E_INVAL;

	if (node)
		node_put(node);
	if (dir)
		node_put(dir);
	return result;
}

i64 file_unlink(u64 dir_number, u64 name, u64 length, bool directory)
{
	struct node *dir = node_find(dir_number);
	struct request *request;
	i64 result;

	if (!dir)
		return -E_INVAL;
	request = begin_named(dir, REQUEST_SMALL, TUNLINKAT, name, length, &result);
	if (request) {
		put_u32(&request->w, directory ? UNLINK_DIRECTORY : 0);
		result = request_finish(dir->server, request);
	}
	node_put(dir);
	return result;
}

static i64 rename_in(struct node *dir, struct node *new_dir, u64 names, u64 length, u64 new_length)
{
	struct request *request;
	i64 result;

	if (dir->server != new_dir->server)
		return -E_INVAL;
	request = begin_named(dir, REQUEST_SMALL, TRENAMEAT, names, length, &result);
	if (!request)
		return result;
	put_u32(&request->w, node_fid(new_dir, FID_NAME));
	result = put_foreign(request, names + length, new_length, NAME_MAX);
	if (result >= 0)
		result = request_exchange(dir->server, request);
	request_end(request);
	return result;
}

i64 file_rename(u64 dir_number, u64 names, u64 length, u64 new_length, u64 new_dir_number)
{
	struct node *dir = node_find(dir_number), *new_dir = node_find(new_dir_number);
	i64 result = dir && new_dir ? rename_in(dir, new_dir, names, length, new_length) : -E_INVAL;

	if (new_dir)
		node_put(new_dir);
	if (dir)
		node_put(dir);
	return result;
}

i64 file_readlink(u64 number, u64 buffer, u64 bytes)
{
	struct node *node = node_find(number);
	struct request *request;
	i64 result;

	if (!node)
		return -E_INVAL;
	request = request_begin(REQUEST_LARGE_IN, TREADLINK);
	put_u32(&request->w, node_fid(node, FID_NAME));
	result = request_exchange(node->server, request);
	if (result >= 0) {
		const u16 length = get_u16(&request->r);
		const u8 *target = get_bytes(&request->r, length);

		if (bytes > length)
			bytes = length;
		result = target ? copy_out(buffer, target, bytes) : -(FS_ERRNO + ERRNO_IO);
		if (result >= 0)
			result = (i64)bytes;
	}
	request_end(request);
	node_put(node);
	return result;
}
