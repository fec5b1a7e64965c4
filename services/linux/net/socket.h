/* Sockets: streams, datagrams and sequenced packets between the processes of one guest, with UNIX names; streams with addresses of
 * the loopback network, too.
 *
 *   file --> struct socket --peer--> struct socket <-- file        connected: each end holds a reference to the other
 *              |      |
 *              |      what has come in: a ring of bytes with marks (stream.c), or a list of messages (datagram.c)
 *              name: a socket file, or an abstract name (address.c)
 *
 *   socket.c    the sockets themselves, as files          address.c   names: bind, getsockname, the socket that has a name
 *   connect.c   listen, connect, accept, socketpair       options.c   getsockopt, setsockopt
 *   message.c   send and receive calls, control messages, credentials (SCM_CREDENTIALS)
 *   scm.c       files that are sent with messages (SCM_RIGHTS)
 *   inet.c      names that are addresses of the loopback network
 *
 * A call that sleeps holds the file, and so its socket; to another socket that it needs afterwards, it takes a reference.
 * A connection that waits to be accepted is a socket without a file, in the listener's list. */
#ifndef LINUX_NET_SOCKET_H
#define LINUX_NET_SOCKET_H

#include <linux/un.h>

#include "services/linux/fs/fs.h"

struct iovec;

/* The UAPI headers leave these to the C library. */
enum {
	AF_UNSPEC = 0,
	AF_UNIX = 1,
	AF_INET = 2,
	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	SOCK_RAW = 3,
	SOCK_SEQPACKET = 5, /* SOCK_SEQPACKET */
	SOCK_TYPE_MASK = 15,
	RCV_SHUTDOWN = 1, /* one more than the call's SHUT_* */
	SEND_SHUTDOWN = 2,
};

/* MSG_* */
enum {
	MSG_OOB = 1,
	MSG_PEEK = 2,
	MSG_CTRUNC = 8,
	MSG_TRUNC = 0x20,
	MSG_DONTWAIT = 0x40,
	MSG_WAITALL = 0x100,
	MSG_NOSIGNAL = 0x4000,
	MSG_WAITFORONE = 0x10000,
	MSG_CMSG_CLOEXEC = 0x40000000,
};

enum { BUFFER_DEFAULT = 212992, SCM_MAX_FD = 253 };

/* SCM_CREDENTIALS and SO_PEERCRED (struct ucred). */
struct ucred {
	u32 pid, uid, gid;
};

/* What travels along with bytes or a message. */
struct scm_cookie {
	struct list_node node;     /* of its queue's socket, or of those that are being dropped */
	struct scm_cookie **place; /* in the queue: the pointer to it there */
	struct user *user;         /* whom its files are charged to */
	unsigned count;
	struct file *files[];
};

/* A struct sockaddr_un, with room for the zero byte behind a path that fills it. */
struct socket_address {
	u16 family;
	char path[UNIX_PATH_MAX + 1];
};

struct socket_name {
	u32 refs;
	u32 bytes; /* of the address, as getsockname() tells; never less than the family's two */
	struct socket_address address;
	struct list_node abstract; /* in the list of abstract or of internet names, as long as its socket is open */
	struct socket *owner;      /* which was bound to it; NULL: gone */
	struct inode *inode;       /* of a path; with a reference */
};

/* Bytes on their way into a stream socket. */
struct stream {
	char *ring;             /* RING_BYTES; NULL as long as nothing was sent */
	u32 head, count;        /* next byte to take; bytes in it */
	u64 taken;              /* bytes ever taken: what the places of marks count from */
	bool large;             /* much of the ring has been used */
	struct list_node marks; /* pieces that something comes along with, in order */
};

enum socket_state { SOCKET_OPEN, SOCKET_LISTENING, SOCKET_CONNECTED };

struct socket {
	u32 refs;
	u8 family, type; /* AF_*, SOCK_* */
	enum socket_state state;
	bool closed;            /* its file is gone, or that of the listener before it was accepted */
	bool in_shut;           /* nothing more comes in */
	bool out_shut;          /* nothing may be sent any more */
	bool wants_credentials; /* SO_PASSCRED */
	int error;              /* positive; the next call takes it */
	struct socket *peer;    /* with a reference */
	struct socket_name *name;
	struct ucred owner, peer_owner; /* of the process that made it; of the one that made its peer */
	struct wait_queue can_read, can_write;
	struct stream in;
	/* Datagrams and packets. */
	struct list_node messages;
	u32 message_count, message_bytes; /* waiting here */
	u32 charged;                      /* for messages sent from here that were not received yet */
	struct list_node of_senders;      /* in peer->senders: those connected to a socket for datagrams */
	struct list_node senders;
	struct wait_queue room; /* senders sleep until `messages` has room, connects until `pending` has */
	/* Files in flight: scm.c. */
	struct list_node cookies;   /* in the queue */
	struct file *file;          /* its own, without a reference; NULL: not accepted yet */
	u32 in_flight;              /* references to that from cookies in queues */
	struct list_node of_flying; /* sockets of which there are such references */
	u32 from_outside;           /* while circles are looked for: of them, those that are not known to come from one */
	bool doubtful;              /* ... it may be part of one */
	/* Listening. */
	struct list_node pending; /* sockets to be accepted, linked by of_pending */
	struct list_node of_pending;
	u32 pending_count, backlog;
	/* Options. */
	u32 send_buffer, receive_buffer;
	u64 receive_timeout, send_timeout; /* ns; 0: none */
	u32 flags;                         /* bits of options that are set and returned, without effect */
	u32 priority, linger[2];
	u32 tcp_options[8]; /* by TCP_* */
};

/* One sending or receiving. */
struct transfer {
	struct iovec *pieces; /* service pointers; changed by moving on */
	u64 count, bytes;     /* pieces, and bytes in them */
	u32 flags;            /* MSG_* asked for */
	u32 got_flags;        /* MSG_* for the receiver */
	/* Sending: taken over if the call succeeds. Receiving: handed to the caller; files may be none. */
	struct scm_cookie *attached;
	bool has_from; /* receiving: `from` is known */
	struct ucred from;
	struct socket *to;        /* sending: the socket that a message is for; NULL: the peer */
	struct socket_name *name; /* receiving: the sender's, with a reference, or NULL */
};

/* --- socket.c --- */

/* A socket without file, with one reference. NULL: no memory. */
struct socket *socket_new(struct task *self, unsigned type);
struct socket *socket_get(struct socket *socket);
void socket_put(struct socket *socket);
/* Ends a socket that nobody will use any more: tells the other end, drops what waits in it. The caller keeps its reference. */
void socket_close(struct task *self, struct socket *socket);
/* Gives it a file and a descriptor; takes over the reference, also on failure. flags: O_NONBLOCK, O_CLOEXEC. -> descriptor. */
int socket_open(struct task *self, struct socket *socket, u32 flags);
/* The socket behind a descriptor. *file has a reference. */
long sockfd_lookup(struct task *self, u64 fd, struct file **file, struct socket **socket);
void socket_wake(struct socket *socket);
/* The socket behind a file; NULL: it is none. */
struct socket *socket_of_file(const struct file *file);
/* When a call that may wait gives up: 0 never, 1 at once. */
u64 socket_deadline(const struct transfer *transfer, u64 timeout);
/* Sleeps on a queue until it is woken. -> 0: look again; -EAGAIN at the deadline, -EINTR and the like. */
long socket_wait(struct task *self, struct wait_queue *list, u64 deadline);
/* Takes the error that waits. -> 0 or -errno. */
int socket_error(struct socket *socket);
/* Whole transfers. O_NONBLOCK is in transfer->flags already. */
long socket_send(struct task *self, struct socket *socket, struct transfer *transfer);
long socket_receive(struct task *self, struct socket *socket, struct transfer *transfer);

/* --- stream.c --- */

void stream_init(struct stream *stream);
void stream_clear(struct task *self, struct stream *stream);
long stream_send(struct task *self, struct socket *socket, struct transfer *transfer);
long stream_receive(struct task *self, struct socket *socket, struct transfer *transfer);
/* Whether poll reports EPOLLOUT. */
bool stream_writable(const struct socket *socket);

/* --- datagram.c --- */

void datagrams_clear(struct task *self, struct socket *socket);
long datagram_send(struct task *self, struct socket *socket, struct transfer *transfer);
long datagram_receive(struct task *self, struct socket *socket, struct transfer *transfer);
bool datagram_writable(const struct socket *socket);
/* Bytes of the first message. */
u32 datagram_first(const struct socket *socket);
/* Connects a socket for datagrams to another one (NULL: to none); takes over the reference. */
void datagram_connect(struct socket *socket, struct socket *to);

/* --- address.c --- */

struct socket_name *socket_name_get(struct socket_name *name);
void socket_name_put(struct socket_name *name);
/* The socket is closed: nobody finds it by its name any more. */
void socket_name_unbind(struct socket *socket);
/* Binds to an abstract name that is free, if it has none: for those who want credentials. */
int socket_autobind(struct task *self, struct socket *socket);
/* Finds the socket of the same family and type that is bound to the address, with a reference. -ECONNREFUSED and others. */
int socket_lookup(struct task *self, const struct socket *socket, const struct socket_address *address, u32 bytes,
	struct socket **found);
/* Reads an address of a call. -> -EFAULT, -EINVAL */
int sockaddr_read(struct task *self, u64 addr, u64 bytes, struct socket_address *address);
/* Writes the socket's name to user memory at addr, and its length to the word at `length`, which says how much fits. */
int sockaddr_write(struct task *self, const struct socket *socket, u64 addr, u64 length);

/* --- inet.c --- */

int inet_bind(struct task *self, struct socket *socket, const struct socket_address *wanted, u32 bytes);
/* Binds to a free port, if it is not bound; loopback: for a connection, which has an address. */
int inet_bind_any(struct task *self, struct socket *socket, bool loopback);
int inet_find(const struct socket_address *address, u32 bytes, struct socket **found);
/* The name of a connection's end, which nobody finds. NULL: no memory. */
struct socket_name *inet_name(const struct socket_address *address);
long inet_option_set(struct socket *socket, u32 level, u32 option, u32 value);
long inet_option_get(const struct socket *socket, u32 level, u32 option, u32 *value);

/* --- message.c --- */

/* Copies between memory and the pieces of a transfer, and moves on. -> bytes copied, fewer only if an address is bad. */
u64 transfer_copy(struct transfer *transfer, void *memory, u64 bytes, bool to_pieces);
struct ucred credentials_of(const struct task *self);

/* --- scm.c --- */

/* A cookie with room for that many files, charged to the user of self. -ETOOMANYREFS: he has too many, -ENOMEM. */
int scm_new(struct task *self, unsigned files, struct scm_cookie **made);
/* A copy that holds the files too, for peeking. NULL: no memory. */
struct scm_cookie *scm_copy(const struct scm_cookie *cookie);
/* Closes the files and frees it. NULL does nothing. */
void scm_destroy(struct task *self, struct scm_cookie *cookie);
/* The cookie (NULL: none) waits in the socket's queue from now on, and *place is it. */
void scm_queue(struct socket *socket, struct scm_cookie **place, struct scm_cookie *cookie);
/* Takes it out: *place is NULL then. -> the cookie, or NULL. */
struct scm_cookie *scm_unqueue(struct scm_cookie **place);
/* Ends sockets that nobody can reach any more because they are only in each other's queues. */
void scm_collect(struct task *self);

#endif
