/* Nodes: what clients of the driver hold in place of 9P's fids.
 *
 * Each node has up to three fids at the server: one that only names the file, made by TWALK; one that is open for reading (or, of a
 * directory, for listing); and one that is open for writing. The last two are made when they are first needed. On a server that is
 * never written to, the naming fid of a file is opened for reading itself, which saves a message.
 *
 * Nodes count their users, so that none is freed while a call uses it. */
#ifndef FS_NODE_H
#define FS_NODE_H

#include "exchange.h"

struct node {
	u32 number;            /* [I] of the node */
	u32 users;             /* [nodes_lock] calls that use it, and one for the client */
	bool walked;           /* the naming fid exists at the server; [I] from node_publish() on */
	bool directory;        /* [I] from node_publish() on */
	struct server *server; /* [I] */
	struct lock opening;   /* held while a fid is being opened */
	u32 read_fid;          /* [opening] MESSAGE_NO_FID: not opened */
	u32 write_fid;         /* [opening] likewise */
};

enum fid_use { FID_NAME, FID_READ, FID_WRITE, FID_USES };

/* Number of a node's fid for that use. Fid 0 of each server is its root. */
static inline u32 node_fid(const struct node *node, enum fid_use use)
{
	return node->number * 4 + use;
}

/* A new node on that server, in use by the caller and not yet known to a client. Its naming fid is to be made by the caller.
 * -> NULL: no memory. */
struct node *node_make(struct server *server);
/* From now on node_find() finds the node: the client is about to learn its number. */
void node_publish(struct node *node);
/* The node of that number, which the caller uses until node_put(). NULL: there is none. */
struct node *node_find(u64 number);
/* Ends a use. The node is freed after the last one, when the client has forgotten it. */
void node_put(struct node *node);
/* The client forgets it. -> 0 or -E_INVAL. */
i64 node_forget(u64 number);

/* Walks from the fid of a directory to one of its entries and makes that the new node's naming fid. The name is in the
 * client's memory. -> 0 or an error, then the node can only be put. */
i64 node_walk(struct node *node, u32 from, u64 name, u64 length);
/* The same for the root of the server's tree. */
i64 node_walk_root(struct node *node);
/* Makes the fid of a new node for that use, FID_WRITE, a copy of another. -> 0 or an error. */
i64 node_clone(struct node *node, u32 from, enum fid_use use);
/* A fid of the node that is open for that use. -> 0 or an error. */
i64 node_open(struct node *node, enum fid_use use, u32 *fid);

#endif
