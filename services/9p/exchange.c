/* Requests and the devices they go to: exchange.h. */
#include "exchange.h"

#include "abi/services.h"

enum { QUEUE_SIZE = 64, VERSION_BYTES = 8 };

_Static_assert(QUEUE_SIZE >= 2 * (REQUESTS_SMALL + REQUESTS_LARGE_MAX), "every request fits into the queue");

struct server servers[DEVICES_MAX];
unsigned server_count;

/* [I] but for `used` of each, and the condition: protected by pool_lock. */
static struct request requests[REQUESTS_SMALL + REQUESTS_LARGE_MAX];
static unsigned request_count;
static struct lock pool_lock;
static struct condition pool_freed;

/* --- the pool --- */

static void pool_add(struct dma_piece page, struct dma_piece large)
{
	struct request *request = &requests[request_count];

	request->tag = (u16)request_count++;
	request->out = page;
	request->out.bytes = SMALL_OUT;
	request->in = (struct dma_piece){ page.at + SMALL_OUT, page.physical + SMALL_OUT, SMALL_BYTES - SMALL_OUT };
	request->large = large;
}

/* Cuts the memory into requests: all the small ones and as many large ones as fit. */
static void pool_init(struct dma *dma)
{
	for (unsigned i = 0; i < REQUESTS_SMALL; i++) {
		const struct dma_piece page = dma_take(dma, SMALL_BYTES);

		service_assert(page.at != NULL);
		pool_add(page, (struct dma_piece){ 0 });
	}
	for (unsigned i = 0; i < REQUESTS_LARGE_MAX && dma->left >= SMALL_BYTES + LARGE_BYTES; i++) {
		const struct dma_piece page = dma_take(dma, SMALL_BYTES);

		pool_add(page, dma_take(dma, LARGE_BYTES));
	}
	service_assert(request_count > REQUESTS_SMALL);
}

/* A free request of that size, or NULL. */
static struct request *pool_find(bool large)
{
	for (unsigned i = large ? REQUESTS_SMALL : 0; i < (large ? request_count : REQUESTS_SMALL); i++) {
		if (!requests[i].used)
			return &requests[i];
	}
	return NULL;
}

/* The tag of a request's message. */
static u16 tag_of(const struct request *request, u8 type)
{
	return type == TVERSION ? MESSAGE_NO_TAG : request->tag;
}

struct request *request_begin(enum request_kind kind, u8 type)
{
	const bool large_out = kind == REQUEST_LARGE_OUT;
	struct request *request;

	lock_acquire(&pool_lock);
	while ((request = pool_find(kind != REQUEST_SMALL)) == NULL)
		condition_wait(&pool_freed, &pool_lock, 0, 0);
	request->used = true;
	lock_release(&pool_lock);
	writer_begin(&request->w, large_out ? request->large.at : request->out.at,
		large_out ? request->large.bytes : request->out.bytes, type, tag_of(request, type));
	request->r = (struct reader){ 0 };
	request->done = false;
	return request;
}

void request_end(struct request *request)
{
	lock_acquire(&pool_lock);
	request->used = false;
	condition_wake_all(&pool_freed);
	lock_release(&pool_lock);
}

/* --- the exchange --- */

/* Marks the requests done that the device has answered. -> the word for virtio_wait(). With the server's lock. */
static u32 collect(struct server *server)
{
	const u32 word = virtio_interrupt(&server->device);
	struct request *request;
	u32 bytes;

	while ((request = virtio_queue_take(&server->queue, &bytes)) != NULL) {
		request->got = bytes;
		request->done = true;
	}
	return word;
}

/* The piece of memory the answer goes to. */
static struct dma_piece answer_piece(const struct request *request)
{
	return request->large.at && request->w.start != request->large.at ? request->large : request->in;
}

static void send_and_wait(struct server *server, struct request *request, u32 size)
{
	const bool large_out = request->w.start == request->large.at;
	struct dma_piece pieces[2] = { large_out ? request->large : request->out, answer_piece(request) };
	u32 word;

	pieces[0].bytes = size;
	lock_acquire(&server->lock);
	service_assert(virtio_queue_add(&server->queue, pieces, 1, 1, request));
	virtio_queue_notify(&server->queue);
	for (;;) {
		word = collect(server);
		if (request->done)
			break;
		lock_release(&server->lock);
		virtio_wait(&server->device, word, 0);
		lock_acquire(&server->lock);
	}
	lock_release(&server->lock);
}

i64 request_exchange(struct server *server, struct request *request)
{
	const u8 type = request->w.start[4];
	const u32 size = writer_end(&request->w);
	int error;

	if (!size || size > server->message_bytes)
		return -E_INVAL;
	send_and_wait(server, request, size);
	error = reader_begin(&request->r, answer_piece(request).at, request->got, type + 1, tag_of(request, type));
	if (error > 0)
		return -(FS_ERRNO + error);
	return error ? -(FS_ERRNO + ERRNO_IO) : 0;
}

i64 request_finish(struct server *server, struct request *request)
{
	const i64 result = request_exchange(server, request);

	request_end(request);
	return result;
}

/* --- the start --- */

/* Agrees on the protocol and the size of messages, and makes fid 0 the root of what is served. */
static i64 greet(struct server *server)
{
	struct request *request = request_begin(REQUEST_SMALL, TVERSION);
	i64 result;

	server->message_bytes = LARGE_BYTES;
	put_u32(&request->w, LARGE_BYTES);
	put_string(&request->w, "9P2000.L", VERSION_BYTES);
	result = request_exchange(server, request);
	if (!result) {
		const u32 bytes = get_u32(&request->r);
		const u16 length = get_u16(&request->r);
		const u8 *version = get_bytes(&request->r, VERSION_BYTES);

		if (!version || length != VERSION_BYTES || memcmp(version, "9P2000.L", VERSION_BYTES) ||
			bytes < SMALL_BYTES)
			result = -(FS_ERRNO + ERRNO_IO);
		else if (bytes < LARGE_BYTES)
			server->message_bytes = bytes;
	}
	request_end(request);
	if (result)
		return result;
	request = request_begin(REQUEST_SMALL, TATTACH);
	put_u32(&request->w, 0);
	put_u32(&request->w, MESSAGE_NO_FID);
	put_string(&request->w, "root", 4);
	put_string(&request->w, "", 0);
	put_u32(&request->w, ~0u);
	return request_finish(server, request);
}

static void server_init(struct server *server, u64 word, struct dma *dma)
{
	i64 result = virtio_open(&server->device, DEVICE_ADDRESS(word), (u32)DEVICE_LINE(word), VIRTIO_ID_9P, 0);

	if (result >= 0)
		result = virtio_queue_open(&server->queue, &server->device, 0, QUEUE_SIZE, dma);
	if (result >= 0 && server->queue.size < QUEUE_SIZE)
		result = -E_LIMIT;
	if (result < 0)
		service_panic("9p: a device does not come up: error %ld", (long)-result);
	virtio_start(&server->device);
}

void exchange_init(const struct start_info *start)
{
	struct dma dma = { (u8 *)start->arena, start->words[0], start->words[1] };

	server_count = start->words[2] < DEVICES_MAX ? (unsigned)start->words[2] : DEVICES_MAX;
	for (unsigned i = 0; i < server_count; i++) {
		servers[i].writable = start->words[11] >> (8 + i) & 1;
		server_init(&servers[i], start->words[3 + i], &dma);
	}
	pool_init(&dma);
	for (unsigned i = 0; i < server_count; i++) {
		const i64 result = greet(&servers[i]);

		if (result < 0)
			service_panic("9p: the server of device %u does not answer as it should: error %ld", i,
				(long)-result);
	}
}
