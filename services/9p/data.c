/* Reading, writing and listing: files.h. Data is copied through the memory of a request; the device never gets at the client's. */
#include "abi/services.h"
#include "files.h"
#include "node.h"
#include "services/runtime/copy.h"

/* Bytes of messages around the data they carry. */
enum { READ_AROUND = MESSAGE_HEADER + 4, WRITE_AROUND = MESSAGE_HEADER + 16, ENTRY_AROUND = QID_BYTES + 8 + 1 + 2 };
enum { RECORD_MAX = 280, ERRNO_NOTDIR = 20, ERRNO_ISDIR = 21 };

/* Room for the longest record. */
union fs_record {
	struct fs_entry entry;
	u8 bytes[RECORD_MAX];
};

/* The most that one message can carry. */
static u64 clamp(const struct server *server, u64 bytes, u64 around)
{
	const u64 most = server->message_bytes - around;

	if (bytes > FS_CHUNK)
		bytes = FS_CHUNK;
	return bytes < most ? bytes : most;
}

/* Sends a TREAD or TREADDIR. -> bytes of data in the answer, to which request->r points then, or an error. */
static i64 fetch(struct server *server, struct request *request, u32 fid, u64 offset, u64 bytes)
{
	u32 got;
	i64 result;

	put_u32(&request->w, fid);
	put_u64(&request->w, offset);
	put_u32(&request->w, (u32)bytes);
	result = request_exchange(server, request);
	if (result < 0)
		return result;
	got = get_u32(&request->r);
	if (got > bytes || got > (u64)(request->r.end - request->r.at))
		return -(FS_ERRNO + ERRNO_IO);
	return got;
}

/* What all calls about data do: finds the node of a number, does the work, puts the node. */
static i64 for_node(u64 number, i64 (*work)(struct node *, u64, u64, u64), u64 at, u64 buffer, u64 bytes)
{
	struct node *node = node_find(number);
	i64 result;

	if (!node)
		return -E_INVAL;
	result = work(node, at, buffer, bytes);
	node_put(node);
	return result;
}

static enum request_kind kind_for(u64 bytes)
{
	return bytes <= SMALL_BYTES - SMALL_OUT - READ_AROUND ? REQUEST_SMALL : REQUEST_LARGE_IN;
}

static i64 read_node(struct node *node, u64 offset, u64 buffer, u64 bytes)
{
	struct request *request;
	u32 fid;
	i64 result;

	if (node->directory)
		return -(FS_ERRNO + ERRNO_ISDIR);
	result = node_open(node, FID_READ, &fid);
	if (result < 0)
		return result;
	bytes = clamp(node->server, bytes, READ_AROUND);
	request = request_begin(kind_for(bytes), TREAD);
	result = fetch(node->server, request, fid, offset, bytes);
	if (result > 0) {
		const u8 *data = get_bytes(&request->r, (size_t)result);
		const i64 error = copy_out(buffer, data, (u64)result);

		if (error < 0)
			result = error;
	}
	request_end(request);
	return result;
}

i64 file_read(u64 number, u64 offset, u64 buffer, u64 bytes)
{
	return for_node(number, read_node, offset, buffer, bytes);
}

static i64 write_node(struct node *node, u64 offset, u64 buffer, u64 bytes)
{
	struct request *request;
	u32 fid, written;
	i64 result = node_open(node, FID_WRITE, &fid);

	if (result < 0)
		return result;
	bytes = clamp(node->server, bytes, WRITE_AROUND);
	request = request_begin(REQUEST_LARGE_OUT, TWRITE);
	put_u32(&request->w, fid);
	put_u64(&request->w, offset);
	put_u32(&request->w, (u32)bytes);
	result = copy_in(request->w.at, buffer, bytes);
	request->w.at += bytes; /* clamp() has made sure that it fits */
	if (result >= 0)
		result = request_exchange(node->server, request);
	if (result >= 0) {
		written = get_u32(&request->r);
		result = request->r.bad || written > bytes ? -(FS_ERRNO + ERRNO_IO) : (i64)written;
	}
	request_end(request);
	return result;
}

i64 file_write(u64 number, u64 offset, u64 buffer, u64 bytes)
{
	return for_node(number, write_node, offset, buffer, bytes);
}

/* Makes the client's record of the next entry of an answer. -> its size; 0 if the answer is malformed. */
static u64 convert_entry(struct reader *r, union fs_record *record)
{
	const struct qid qid = get_qid(r);
	const u64 cursor = get_u64(r);
	const u8 type = get_u8(r);
	const u16 length = get_u16(r);
	const u8 *name = get_bytes(r, length);
	const u64 bytes = round_up(sizeof(struct fs_entry) + length, 8);

	if (!name || length > 255)
		return 0;
	memset(record, 0, bytes);
	record->entry.ino = qid.path;
	record->entry.cursor = cursor;
	record->entry.bytes = (u16)bytes;
	record->entry.type = type;
	record->entry.length = (u8)length;
	memcpy(record->entry.name, name, length);
	return bytes;
}

/* Copies entries of the answer to the client's buffer as long as they fit. -> bytes or an error. */
static i64 convert_entries(struct reader *r, u64 buffer, u64 bytes)
{
	union fs_record record;
	u64 filled = 0;

	while (r->at < r->end) {
		const u64 size = convert_entry(r, &record);
		i64 result;

		if (!size)
			return -(FS_ERRNO + ERRNO_IO);
		if (filled + size > bytes)
			return filled ? (i64)filled : -E_INVAL;
		result = copy_out(buffer + filled, &record, size);
		if (result < 0)
			return result;
		filled += size;
	}
	return (i64)filled;
}

static i64 readdir_node(struct node *dir, u64 cursor, u64 buffer, u64 bytes)
{
	struct request *request;
	u32 fid;
	i64 result;

	if (!dir->directory)
		return -(FS_ERRNO + ERRNO_NOTDIR);
	result = node_open(dir, FID_READ, &fid);
	if (result < 0)
		return result;
	request = request_begin(REQUEST_LARGE_IN, TREADDIR);
	result = fetch(dir->server, request, fid, cursor, clamp(dir->server, bytes, READ_AROUND));
	if (result > 0) {
		request->r.end = request->r.at + result;
		result = convert_entries(&request->r, buffer, bytes);
	}
	request_end(request);
	return result;
}

i64 file_readdir(u64 number, u64 cursor, u64 buffer, u64 bytes)
{
	return for_node(number, readdir_node, cursor, buffer, bytes);
}

i64 file_sync(u64 number)
{
	struct node *node = node_find(number);
	struct request *request;
	i64 result = 0;
	u32 fid;

	if (!node)
		return -E_INVAL;
	fid = __atomic_load_n(&node->write_fid, __ATOMIC_ACQUIRE);
	if (fid != MESSAGE_NO_FID) {
		request = request_begin(REQUEST_SMALL, TFSYNC);
		put_u32(&request->w, fid);
		put_u32(&request->w, 0);
		result = request_finish(node->server, request);
	}
	node_put(node);
	return result;
}
