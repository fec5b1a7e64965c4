/* Nodes and their fids: node.h. */
#include "node.h"

#include "abi/services.h"
#include "services/runtime/copy.h"

/* Flags of Linux for opening, as 9P2000.L has them. */
enum { OPEN_READ = 0, OPEN_WRITE = 1, OPEN_DIRECTORY = 0200000 };
enum { QID_DIRECTORY = 0x80, NODES_FIRST = 64, NODES_MAX = 1 << 20, NAME_MAX = 255, ERRNO_ROFS = 30 };

/* Nodes by number; number 0 is never used. Free numbers form a list through `free_next`. All [nodes_lock]. */
static struct lock nodes_lock;
static struct node **nodes;
static u32 nodes_size;
static u32 *free_next, free_first;

/* Doubles the table. */
static bool grow(void)
{
	const u32 size = nodes_size ? nodes_size * 2 : NODES_FIRST;
	struct node **more_nodes;
	u32 *more_next;

	if (size > NODES_MAX)
		return false;
	more_nodes = heap_realloc(nodes, size * sizeof(*nodes));
	if (!more_nodes)
		return false;
	nodes = more_nodes;
	more_next = heap_realloc(free_next, size * sizeof(*free_next));
	if (!more_next)
		return false;
	free_next = more_next;
	for (u32 i = size; i-- > nodes_size;) {
		nodes[i] = NULL;
		if (!i)
			break;
		free_next[i] = free_first;
		free_first = i;
	}
	nodes_size = size;
	return true;
}

struct node *node_make(struct server *server)
{
	struct node *node = heap_zalloc(sizeof(*node));

	if (!node)
		return NULL;
	lock_acquire(&nodes_lock);
	if (!free_first && !grow()) {
		lock_release(&nodes_lock);
		heap_free(node);
		return NULL;
	}
	node->number = free_first;
	free_first = free_next[free_first];
	lock_release(&nodes_lock);
	node->users = 1;
	node->server = server;
	node->read_fid = node->write_fid = MESSAGE_NO_FID;
	return node;
}

void node_publish(struct node *node)
{
	lock_acquire(&nodes_lock);
	node->users++;
	nodes[node->number] = node;
	lock_release(&nodes_lock);
}

struct node *node_find(u64 number)
{
	struct node *node = NULL;

	lock_acquire(&nodes_lock);
	if (number < nodes_size)
		node = nodes[number];
	if (node)
		node->users++;
	lock_release(&nodes_lock);
	return node;
}

/* Gives a fid back to the server. If the server does not know it, that does no harm. */
static void clunk(struct server *server, u32 fid)
{
	struct request *request = request_begin(REQUEST_SMALL, TCLUNK);

	put_u32(&request->w, fid);
	request_finish(server, request);
}

/* Frees a node that nobody uses any more: gives its fids back, then frees its number. */
static void node_free(struct node *node)
{
	const u32 name = node_fid(node, FID_NAME);

	if (node->read_fid != MESSAGE_NO_FID && node->read_fid != name)
		clunk(node->server, node->read_fid);
	if (node->write_fid != MESSAGE_NO_FID)
		clunk(node->server, node->write_fid);
	if (node->walked)
		clunk(node->server, name);
	lock_acquire(&nodes_lock);
	free_next[node->number] = free_first;
	free_first = node->number;
	lock_release(&nodes_lock);
	heap_free(node);
}

void node_put(struct node *node)
{
	bool last;

	lock_acquire(&nodes_lock);
	last = --node->users == 0;
	lock_release(&nodes_lock);
	if (last)
		node_free(node);
}

i64 node_forget(u64 number)
{
	struct node *node = NULL;

	lock_acquire(&nodes_lock);
	if (number < nodes_size && nodes[number]) {
		node = nodes[number];
		nodes[number] = NULL;
	}
	lock_release(&nodes_lock);
	if (!node)
		return -E_INVAL;
	node_put(node);
	return 0;
}

/* Makes the fid `to` stand for the file that `from` stands for. */
static i64 clone_fid(struct server *server, u32 from, u32 to)
{
	struct request *request = request_begin(REQUEST_SMALL, TWALK);

	put_u32(&request->w, from);
	put_u32(&request->w, to);
	put_u16(&request->w, 0);
	return request_finish(server, request);
}

i64 node_walk(struct node *node, u32 from, u64 name, u64 length)
{
	struct request *request;
	u8 *room;
	i64 result;

	if (!length || length > NAME_MAX)
		return -E_INVAL;
	request = request_begin(REQUEST_SMALL, TWALK);
	put_u32(&request->w, from);
	put_u32(&request->w, node_fid(node, FID_NAME));
	put_u16(&request->w, 1);
	room = put_room(&request->w, (u16)length);
	result = copy_in(room, name, length);
	if (result >= 0)
		result = request_exchange(node->server, request);
	if (result >= 0 && get_u16(&request->r) != 1)
		result = -(FS_ERRNO + ERRNO_IO);
	if (result >= 0) {
		node->directory = get_qid(&request->r).type & QID_DIRECTORY;
		node->walked = true;
	}
	request_end(request);
	return result;
}

i64 node_clone(struct node *node, u32 from, enum fid_use use)
{
	const i64 result = clone_fid(node->server, from, node_fid(node, use));

	if (result >= 0 && use == FID_WRITE)
		node->write_fid = node_fid(node, use);
	return result;
}

i64 node_walk_root(struct node *node)
{
	const i64 result = clone_fid(node->server, 0, node_fid(node, FID_NAME));

	node->directory = true;
	node->walked = result >= 0;
	return result;
}

static i64 open_fid(struct server *server, u32 fid, u32 flags)
{
	struct request *request = request_begin(REQUEST_SMALL, TLOPEN);

	put_u32(&request->w, fid);
	put_u32(&request->w, flags);
	return request_finish(server, request);
}

/* Makes the fid for that use. With node->opening held. */
static i64 make_open(struct node *node, enum fid_use use, u32 *fid)
{
	const u32 name = node_fid(node, FID_NAME);
	const bool itself = use == FID_READ && !node->directory && !node->server->writable;
	const u32 flags = use == FID_WRITE ? OPEN_WRITE : node->directory ? OPEN_READ | OPEN_DIRECTORY : OPEN_READ;
	i64 result;

	*fid = itself ? name : node_fid(node, use);
	if (!itself) {
		result = clone_fid(node->server, name, *fid);
		if (result < 0)
			return result;
	}
	result = open_fid(node->server, *fid, flags);
	if (result < 0 && !itself)
		clunk(node->server, *fid);
	return result;
}

i64 node_open(struct node *node, enum fid_use use, u32 *fid)
{
	u32 *have = use == FID_WRITE ? &node->write_fid : &node->read_fid;
	i64 result = 0;

	if (use == FID_WRITE && !node->server->writable)
		return -(FS_ERRNO + ERRNO_ROFS);
	*fid = __atomic_load_n(have, __ATOMIC_ACQUIRE);
	if (*fid != MESSAGE_NO_FID)
		return 0;
	lock_acquire(&node->opening);
	*fid = *have;
	if (*fid == MESSAGE_NO_FID) {
		result = make_open(node, use, fid);
		if (result >= 0)
			__atomic_store_n(have, *fid, __ATOMIC_RELEASE);
	}
	lock_release(&node->opening);
	return result;
}
