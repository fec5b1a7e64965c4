/* Exchanges messages with the file servers: each request gets one answer. Any number of threads may do so at a time.
 *
 * A request has memory that the device can reach, for the message and for the answer: a page, and, in the few large requests,
 * FS_CHUNK more for one of the two. A thread takes a request from the pool, writes its message, exchanges it, reads the answer and
 * gives the request back. */
#ifndef FS_EXCHANGE_H
#define FS_EXCHANGE_H

#include "message.h"
#include "services/runtime/service.h"
#include "services/runtime/virtio.h"

enum { DEVICES_MAX = 8, REQUESTS_SMALL = 16, REQUESTS_LARGE_MAX = 4 };
enum { SMALL_BYTES = 4096, SMALL_OUT = 1024 };
/* Linux's EIO, for answers that make no sense. */
enum { ERRNO_IO = 5 };
/* FS_CHUNK, and what messages have around it. */
enum { LARGE_BYTES = 128 * 1024 + 4096 };

struct request {
	struct dma_piece out, in; /* small: page of its own, cut in two */
	struct dma_piece large;   /* .at NULL: a small request */
	u16 tag;
	bool used; /* pool_lock */
	bool done; /* lock of the device */
	u32 got;   /* bytes of the answer, when done */
	struct writer w;
	struct reader r;
};

/* A file server behind a device. */
struct server {
	struct virtio_device device;
	struct virtio_queue queue; /* [lock] it has room for all requests that exist */
	struct lock lock;          /* also protects `done` of its requests */
	u32 message_bytes;         /* [I] the most that a message may have, as agreed with the server */
	bool writable;             /* [I] */
};

extern struct server servers[DEVICES_MAX];
extern unsigned server_count;

enum request_kind {
	REQUEST_SMALL,
	REQUEST_LARGE_IN,  /* the answer may be large */
	REQUEST_LARGE_OUT, /* the message may be */
};

/* Sets up the devices and the pool of requests. Ends the space if that fails. */
void exchange_init(const struct start_info *start);
/* Takes a request from the pool (waits until there is one), and begins a message of that type. */
struct request *request_begin(enum request_kind kind, u8 type);
/* Sends the message and waits for the answer. -> 0; -(FS_ERRNO + errno) as the server says; -E_INVAL: the message did not
 * fit; EIO: the server's answer makes no sense. Then request->r reads what is behind the answer's header. */
i64 request_exchange(struct server *server, struct request *request);
/* Gives the request back to the pool. */
void request_end(struct request *request);
/* request_exchange() and request_end(), for answers that carry nothing. */
i64 request_finish(struct server *server, struct request *request);

#endif
