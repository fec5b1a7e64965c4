/* Attributes of files and of file systems: files.h. */
#include "abi/services.h"
#include "files.h"
#include "node.h"
#include "services/runtime/copy.h"

#define GETATTR_BASIC 0x7ffull

/* Bits of TSETATTR: which attributes it sets. */
enum {
	SET_MODE = 1,
	SET_UID = 2,
	SET_GID = 4,
	SET_SIZE = 8,
	SET_ATIME = 0x10,
	SET_MTIME = 0x20,
	SET_ATIME_GIVEN = 0x80,
	SET_MTIME_GIVEN = 0x100,
};

static void read_attr(struct reader *r, struct fs_attr *attr)
{
	get_u64(r); /* which of them are valid: all that were asked for */
	attr->ino = get_qid(r).path;
	attr->mode = get_u32(r);
	attr->uid = get_u32(r);
	attr->gid = get_u32(r);
	attr->nlink = (u32)get_u64(r);
	attr->rdev = get_u64(r);
	attr->size = get_u64(r);
	attr->blksize = (u32)get_u64(r);
	attr->blocks = get_u64(r);
	attr->atime = (i64)get_u64(r);
	attr->atime_ns = (u32)get_u64(r);
	attr->mtime = (i64)get_u64(r);
	attr->mtime_ns = (u32)get_u64(r);
	attr->ctime = (i64)get_u64(r);
	attr->ctime_ns = (u32)get_u64(r);
}

i64 node_attr(struct node *node, u64 attr)
{
	struct fs_attr own = { .dev = (u64)(node->server - servers) };
	struct request *request = request_begin(REQUEST_SMALL, TGETATTR);
	i64 result;

	put_u32(&request->w, node_fid(node, FID_NAME));
	put_u64(&request->w, GETATTR_BASIC);
	result = request_exchange(node->server, request);
	if (result >= 0) {
		read_attr(&request->r, &own);
		if (request->r.bad)
			result = -(FS_ERRNO + ERRNO_IO);
	}
	request_end(request);
	return result < 0 ? result : copy_out(attr, &own, sizeof(own));
}

i64 file_attr(u64 number, u64 attr)
{
	struct node *node = node_find(number);
	i64 result;

	if (!node)
		return -E_INVAL;
	result = node_attr(node, attr);
	node_put(node);
	return result;
}

static u32 set_mask(u64 which)
{
	return (which & FS_SET_MODE ? SET_MODE : 0) | (which & FS_SET_OWNER ? SET_UID | SET_GID : 0) |
		(which & FS_SET_SIZE ? SET_SIZE : 0) | (which & FS_SET_ATIME ? SET_ATIME | SET_ATIME_GIVEN : 0) |
		(which & FS_SET_MTIME ? SET_MTIME | SET_MTIME_GIVEN : 0);
}

i64 file_set_attr(u64 number, u64 attr, u64 which)
{
	struct request *request;
	struct fs_attr own;
	struct node *node;
	i64 result = copy_in(&own, attr, sizeof(own));

	if (result < 0)
		return result;
	node = node_find(number);
	if (!node)
		return -E_INVAL;
	request = request_begin(REQUEST_SMALL, TSETATTR);
	put_u32(&request->w, node_fid(node, FID_NAME));
	put_u32(&request->w, set_mask(which));
	put_u32(&request->w, own.mode);
	put_u32(&request->w, own.uid);
	put_u32(&request->w, own.gid);
	put_u64(&request->w, own.size);
	put_u64(&request->w, (u64)own.atime);
	put_u64(&request->w, own.atime_ns);
	put_u64(&request->w, (u64)own.mtime);
	put_u64(&request->w, own.mtime_ns);
	result = request_finish(node->server, request);
	node_put(node);
	return result;
}

i64 file_statfs(u64 number, u64 buffer)
{
	struct node *node = node_find(number);
	struct fs_statfs own = { 0 };
	struct request *request;
	i64 result;

	if (!node)
		return -E_INVAL;
	request = request_begin(REQUEST_SMALL, TSTATFS);
	put_u32(&request->w, node_fid(node, FID_NAME));
	result = request_exchange(node->server, request);
	if (result >= 0) {
		struct reader *r = &request->r;

		own.type = get_u32(r);
		own.bsize = get_u32(r);
		own.blocks = get_u64(r);
		own.bfree = get_u64(r);
		own.bavail = get_u64(r);
		own.files = get_u64(r);
		own.ffree = get_u64(r);
		own.fsid = get_u64(r);
		own.namelen = get_u32(r);
		if (r->bad)
			result = -(FS_ERRNO + ERRNO_IO);
	}
	request_end(request);
	node_put(node);
	return result < 0 ? result : copy_out(buffer, &own, sizeof(own));
}
