/* The page cache. If a chunk's bit is set in inode->filled, all its pages are in the segment; the content of other chunks is on the
 * server only. Written pages are in the segment only, so the pages of a written file are never dropped.
 *
 * Kmaps: the window [base, base + KMAPS << shift) of the service; kmap i shows one piece of one segment. */
#include "services/linux/clock.h"
#include "services/linux/fs/page_cache.h"

#include <asm/errno.h>

#include "services/runtime/service.h"

#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/private.h"
#include "services/linux/user_memory.h"

enum { FETCH_MAX = 16, KMAPS = 64, KMAP_SMALL = 22, KMAP_LARGE = 26, SEGMENT_BUCKETS = 256 };

#define CHUNK_BYTES (CHUNK_PAGES * PAGE_SIZE)
#define WINDOW_SMALL 0xf0000000ul
#define WINDOW_LARGE 0x100000000ul

static struct kmap {
	struct inode *inode; /* NULL: free */
	uint64_t piece;      /* offset >> shift */
	uint64_t used;
} kmaps[KMAPS];

static uint64_t window_base, kmap_clock;
static unsigned kmap_shift;
static struct list_node used = LIST_INIT(used);
static struct list_node segments[SEGMENT_BUCKETS];
static uint64_t supplied;
static const char zeros[PAGE_SIZE];

/* The file that is being written and where that will end: its pages may be supplied although they lie behind its size. */
static struct {
	const struct inode *inode;
	uint64_t end;
} growing;

_Static_assert(CHUNK_PAGES *PAGE_SIZE == FS_CHUNK, "a chunk is read with one call");

void page_cache_init(void)
{
	bool large = service_start->window / 2 > 2 * WINDOW_LARGE;

	window_base = large ? WINDOW_LARGE : WINDOW_SMALL;
	kmap_shift = large ? KMAP_LARGE : KMAP_SMALL;
	for (unsigned i = 0; i < SEGMENT_BUCKETS; i++)
		list_init(&segments[i]);
}

static int errno_of(int64_t native)
{
	return native == -E_NOMEM || native == -E_LIMIT ? -ENOMEM : -EIO;
}

/* --- kmaps --- */

static char *kmap_address(unsigned i)
{
	return (char *)(window_base + ((uint64_t)i << kmap_shift));
}

static void kmap_clear(unsigned i)
{
	call_unmap(service_number(), (uint64_t)kmap_address(i), 1ul << kmap_shift);
	kmaps[i].inode = NULL;
}

/* The service's address of a byte of the file; good to the end of the piece (*left bytes), until the next call. */
static char *kmap_inode(struct inode *inode, uint64_t offset, uint64_t *left)
{
	uint64_t piece = offset >> kmap_shift;
	uint64_t inside = offset & ((1ul << kmap_shift) - 1);
	unsigned oldest = 0;
	unsigned i = inode->kmap;

	*left = (1ul << kmap_shift) - inside;
	if (kmaps[i].inode != inode || kmaps[i].piece != piece) {
		for (i = 0; i < KMAPS; i++) {
			if (kmaps[i].inode == inode && kmaps[i].piece == piece)
				break;
			if (kmaps[i].used < kmaps[oldest].used)
				oldest = i;
		}
	}
	if (i == KMAPS) {
		i = oldest;
		if (kmaps[i].inode)
			kmap_clear(i);
		if (call_map(service_number(), (uint64_t)kmap_address(i), 1ul << kmap_shift,
			    RIGHT_R | RIGHT_W | MAP_SHARE, inode->segment, piece << kmap_shift) < 0)
			return NULL;
		kmaps[i].inode = inode;
		kmaps[i].piece = piece;
	}
	inode->kmap = (uint8_t)i;
	kmaps[i].used = ++kmap_clock;
	return kmap_address(i) + inside;
}

static void kmaps_forget(struct inode *inode)
{
	for (unsigned i = 0; i < KMAPS; i++)
		if (kmaps[i].inode == inode)
			kmap_clear(i);
}

/* --- segments --- */

static struct list_node *segment_bucket(uint32_t segment)
{
	return &segments[segment % SEGMENT_BUCKETS];
}

uint64_t page_cache_limit(const struct inode *inode)
{
	return inode->paged ? FILE_SIZE_MAX : FILE_MEMORY_MAX;
}

int page_cache_segment(struct inode *inode)
{
	int64_t segment;

	if (inode->segment) {
		if (used.prev != &inode->used) {
			list_remove(&inode->used);
			list_append(&used, &inode->used);
		}
		return 0;
	}
	segment = call_segment_create(page_cache_limit(inode) / PAGE_SIZE, inode->paged ? SEGMENT_PAGED : 0);
	if (segment < 0)
		return errno_of(segment);
	inode->segment = (uint32_t)segment;
	list_append(&used, &inode->used);
	list_append(segment_bucket(inode->segment), &inode->segments);
	return 0;
}

struct inode *page_cache_find(uint32_t segment)
{
	list_for_each(node, segment_bucket(segment)) {
		struct inode *inode = container_of(node, struct inode, segments);

		if (inode->segment == segment)
			return inode;
	}
	return NULL;
}

static void segment_leave(struct inode *inode)
{
	if (!inode->segment)
		return;
	kmaps_forget(inode);
	call_segment_destroy(inode->segment);
	inode->segment = 0;
	list_remove(&inode->used);
	list_remove(&inode->segments);
	heap_free(inode->filled);
	inode->filled = NULL;
	inode->chunks = 0;
}

void page_cache_release(struct inode *inode)
{
	segment_leave(inode);
}

/* Tells the kernel where the file ends, once it has been mapped: an access behind the last page is SIGBUS. */
static void tell_end(const struct inode *inode, uint64_t size)
{
	if (inode->bounded && inode->segment)
		call_segment_end(inode->segment, page_up(size) / PAGE_SIZE);
}

void page_cache_pin(struct inode *inode)
{
	inode->bounded = true;
	tell_end(inode, inode->size);
	if (inode->paged && !inode->pinned) {
		inode->pinned = true;
		inode_get(inode);
	}
}

void page_cache_drop(struct inode *inode)
{
	if (!inode->segment || !inode->paged || inode->written)
		return;
	call_segment_evict(inode->segment, 0, FILE_SIZE_MAX / PAGE_SIZE);
	if (inode->filled)
		memset(inode->filled, 0, inode->chunks / 8);
}

/* Free frames, and how many there are in all. */
static bool frames(uint64_t *free, uint64_t *total)
{
	struct kernel_stats stats;

	if (call_stats(&stats, offsetof(struct kernel_stats, spaces)) < 0)
		return false;
	*free = stats.frames_free;
	*total = stats.frames_total;
	return true;
}

/* Drops clean pages of files that are mapped somewhere, or of those that are not, until enough is free. */
static bool drop_until_enough(bool pinned)
{
	uint64_t free, total;

	list_for_each(node, &used) {
		struct inode *inode = container_of(node, struct inode, used);

		if (inode->pinned != pinned || !inode->filled || inode->written)
			continue;
		page_cache_drop(inode);
		if (!frames(&free, &total) || free > total / 8)
			return true;
	}
	return false;
}

/* Drops pages of running programs too, at most once a second: programs need them again at once, and the machine would do nothing
 * else. */
static void drop_programs(void)
{
	static uint64_t last;
	uint64_t now = time_monotonic();

	if (last && now - last < NS_PER_S)
		return;
	drop_until_enough(true);
	last = time_monotonic();
}

bool fs_reclaim(void)
{
	uint64_t before, free, total;

	if (!frames(&before, &total))
		return false;
	/* Least recently used files first, those of running programs last. */
	if (!drop_until_enough(false)) {
		dentries_trim(256);
		drop_programs();
	}
	/* If only a few frames became free, others would take them before the access that needs them is tried again. */
	return frames(&free, &total) && free > before && free > total / 32;
}

void page_cache_shrink(void)
{
	static uint64_t last;
	uint64_t now = time_monotonic(), free, total;

	/* Asking costs a call, and dropping what is needed again at once costs more. */
	if (now - last < 20000000)
		return;
	last = now;
	if (frames(&free, &total) && free <= total / 16)
		fs_reclaim();
}

/* May a file in memory get `bytes` more? Its pages cannot be dropped again, so the last frames are not for them. */
static bool may_grow(uint64_t bytes)
{
	static uint64_t budget;
	uint64_t free, total;

	if (budget < bytes) {
		if (!frames(&free, &total))
			return true;
		if (free <= total / 8)
			fs_reclaim();
		if (!frames(&free, &total) || free <= total / 10)
			return false;
		budget = (free - total / 10) * PAGE_SIZE / 2 + bytes;
	}
	budget -= bytes;
	return true;
}

uint64_t page_cache_count(void)
{
	return supplied;
}

/* --- filling --- */

static bool chunk_is_filled(const struct inode *inode, uint64_t chunk)
{
	return chunk < inode->chunks && (inode->filled[chunk / 8] & 1 << chunk % 8);
}

static int chunk_mark(struct inode *inode, uint64_t chunk)
{
	if (chunk >= inode->chunks) {
		uint64_t chunks = (chunk + 64) & ~63ull;
		uint8_t *filled;

		if (chunks < inode->chunks * 2)
			chunks = inode->chunks * 2;
		filled = heap_zalloc(chunks / 8);
		if (!filled)
			return -ENOMEM;
		if (inode->filled)
			memcpy(filled, inode->filled, inode->chunks / 8);
		heap_free(inode->filled);
		inode->filled = filled;
		inode->chunks = chunks;
	}
	inode->filled[chunk / 8] |= (uint8_t)(1 << chunk % 8);
	return 0;
}

/* Supplies a whole chunk: bytes up to the end of the server's file from there, zeros behind. */
static int chunk_supply(struct inode *inode, uint64_t chunk, char *buffer, uint64_t bytes)
{
	uint64_t offset = chunk * CHUNK_BYTES;
	uint64_t last = inode->size > offset ? inode->size - offset : 0;
	uint64_t pages;
	int64_t result;

	/* The part of a chunk behind the end of the file is supplied too, or a growing file would fault on each page. */
	pages = page_up(min_u64(max_u64(last, bytes), CHUNK_BYTES)) / PAGE_SIZE;
	if (inode->written || inode->writers)
		pages = CHUNK_PAGES;
	memset(buffer + bytes, 0, pages * PAGE_SIZE - bytes);
	result = call_segment_supply(inode->segment, chunk * CHUNK_PAGES, pages, buffer);
	if (result == -E_NOMEM && fs_reclaim())
		result = call_segment_supply(inode->segment, chunk * CHUNK_PAGES, pages, buffer);
	if (result < 0)
		return errno_of(result);
	supplied += pages;
	return pages == CHUNK_PAGES || !inode->writers ? chunk_mark(inode, chunk) : 0;
}

static uint64_t chunk_bytes(const struct inode *inode, uint64_t chunk)
{
	uint64_t offset = chunk * CHUNK_BYTES;

	return inode->remote_size > offset ? min_u64(inode->remote_size - offset, CHUNK_BYTES) : 0;
}

static int chunk_fill(struct inode *inode, uint64_t chunk)
{
	uint64_t bytes = chunk_bytes(inode, chunk);
	long got = 0;

	page_cache_shrink();
	if (bytes)
		got = p9_read(inode, chunk * CHUNK_BYTES, bytes);
	return got < 0 ? (int)got : chunk_supply(inode, chunk, p9_buffer(), (uint64_t)got);
}

/* The same without the service lock while the driver reads. -> is the chunk there? If the file has changed meanwhile, the bytes
 * that were read are thrown away. */
static bool chunk_fetch(struct inode *inode, uint64_t chunk)
{
	const struct stamp mtime = inode->mtime;
	uint64_t bytes = chunk_bytes(inode, chunk), size = inode->size;
	uint32_t segment = inode->segment;
	int reader = bytes ? p9_reader() : -1;
	long got;

	if (reader < 0)
		return false;
	page_cache_shrink();
	got = p9_read_apart(inode, reader, chunk * CHUNK_BYTES, bytes);
	if (got > 0 && inode->segment == segment && inode->size == size && chunk_bytes(inode, chunk) == bytes &&
		inode->mtime.s == mtime.s && inode->mtime.ns == mtime.ns && !chunk_is_filled(inode, chunk))
		chunk_supply(inode, chunk, p9_reader_buffer(reader), (uint64_t)got);
	p9_reader_free(reader);
	return inode->segment == segment && chunk_is_filled(inode, chunk);
}

/* The first chunk of a range of the file that is not filled, or `none`. */
static uint64_t absent_chunk(const struct inode *inode, uint64_t offset, uint64_t bytes, uint64_t none)
{
	uint64_t end = min_u64(inode->size, offset + bytes);

	for (uint64_t chunk = offset / CHUNK_BYTES; chunk * CHUNK_BYTES < end; chunk++)
		if (!chunk_is_filled(inode, chunk))
			return chunk;
	return none;
}

void page_cache_fetch(struct inode *inode, const uint64_t *offset, uint64_t bytes)
{
	const uint64_t none = ~0ul;

	for (unsigned tries = 0; tries < FETCH_MAX; tries++) {
		uint64_t chunk;

		if (!inode->paged || inode->written || page_cache_segment(inode))
			return;
		chunk = absent_chunk(inode, *offset, bytes, none);
		if (chunk == none || !chunk_fetch(inode, chunk))
			return;
	}
}

/* Makes sure that the pages of a range can be touched. */
static int range_fill(struct inode *inode, uint64_t offset, uint64_t bytes)
{
	int error = 0;

	if (!inode->paged)
		return 0;
	for (uint64_t chunk = offset / CHUNK_BYTES; !error && chunk <= (offset + bytes - 1) / CHUNK_BYTES; chunk++)
		if (!chunk_is_filled(inode, chunk))
			error = chunk_fill(inode, chunk);
	return error;
}

int segment_fill(uint32_t segment, uint32_t page)
{
	struct inode *inode = page_cache_find(segment);
	uint64_t end;

	if (!inode)
		return -EIO;
	end = inode == growing.inode ? max_u64(growing.end, inode->size) : inode->size;
	if ((uint64_t)page * PAGE_SIZE >= end)
		return -EFAULT;
	return chunk_fill(inode, page / CHUNK_PAGES);
}

int segment_fetch(uint32_t segment, uint32_t page)
{
	struct inode *inode = page_cache_find(segment);
	uint64_t offset = (uint64_t)page * PAGE_SIZE;
	bool fetched;

	if (!inode || !inode->paged || inode->written || offset >= inode->size ||
		chunk_is_filled(inode, page / CHUNK_PAGES))
		return segment_fill(segment, page);
	inode_get(inode);
	fetched = chunk_fetch(inode, page / CHUNK_PAGES);
	inode_put(inode);
	return fetched ? 0 : segment_fill(segment, page);
}

/* --- reading and writing --- */

static long zeros_read(void *to, size_t bytes)
{
	size_t done = 0, copied = 0;

	for (; done < bytes; done += copied) {
		uint64_t piece = min_u64(bytes - done, PAGE_SIZE);

		copied = copy_guarded((char *)to + done, zeros, piece);
		if (copied < piece)
			return done + copied ? (long)(done + copied) : -EFAULT;
	}
	return (long)done;
}

long page_cache_read(struct inode *inode, uint64_t offset, void *to, size_t bytes)
{
	size_t done = 0;
	int error;

	if (offset >= inode->size || !bytes)
		return 0;
	bytes = min_u64(bytes, inode->size - offset);
	/* Behind the last page that there can be: zeros. */
	if (offset >= page_cache_limit(inode))
		return zeros_read(to, bytes);
	bytes = min_u64(bytes, page_cache_limit(inode) - offset);
	error = page_cache_segment(inode);
	while (!error && done < bytes) {
		uint64_t left, piece, copied;
		const char *from = kmap_inode(inode, offset + done, &left);

		piece = min_u64(min_u64(bytes - done, left), CHUNK_BYTES - (offset + done) % CHUNK_BYTES);
		error = from ? range_fill(inode, offset + done, piece) : -ENOMEM;
		if (error)
			break;
		copied = copy_guarded((char *)to + done, from, piece);
		done += copied;
		if (copied < piece)
			error = -EFAULT;
	}
	return done ? (long)done : error;
}

/* Notes that the file differs from the server's. */
static void note_written(struct inode *inode)
{
	inode->mtime = stamp_now();
	inode->written = true;
	inode_changed(inode);
}

long page_cache_write(struct inode *inode, uint64_t offset, const void *from, size_t bytes)
{
	bool grows = offset + bytes > inode->size;
	size_t done = 0;
	int error;

	if (!bytes)
		return 0;
	if (offset >= page_cache_limit(inode))
		return -EFBIG;
	bytes = min_u64(bytes, page_cache_limit(inode) - offset);
	error = page_cache_segment(inode);
	inode->written = true;
	growing.inode = inode;
	growing.end = offset + bytes;
	if (grows)
		tell_end(inode, growing.end);
	while (!error && done < bytes) {
		uint64_t left, piece, copied;
		char *to = kmap_inode(inode, offset + done, &left);

		piece = min_u64(min_u64(bytes - done, left), CHUNK_BYTES - (offset + done) % CHUNK_BYTES);
		error = to ? range_fill(inode, offset + done, piece) : -ENOMEM;
		if (!error && offset + done + piece > inode->size && !may_grow(piece))
			error = -ENOSPC;
		if (error)
			break;
		copied = copy_guarded(to, (const char *)from + done, piece);
		if (inode->sb->write_through && inode->remote && copied)
			error = p9_write(inode, offset + done, to, copied);
		if (error)
			break;
		done += copied;
		if (copied < piece)
			error = -EFAULT;
	}
	growing.inode = NULL;
	if (done && offset + done > inode->size)
		inode->size = offset + done;
	if (grows)
		tell_end(inode, inode->size);
	if (done)
		note_written(inode);
	return done ? (long)done : error;
}

int page_cache_flush(struct inode *inode, uint64_t offset, uint64_t bytes)
{
	uint64_t end = min_u64(inode->size, offset + bytes);
	int error = 0;

	if (!inode->mapped_writable || !inode->sb->write_through || !inode->remote || !inode->nlink)
		return 0;
	while (!error && offset < end) {
		uint64_t left, piece;
		const char *from = kmap_inode(inode, offset, &left);

		piece = min_u64(min_u64(end - offset, left), CHUNK_BYTES - offset % CHUNK_BYTES);
		error = from ? range_fill(inode, offset, piece) : -ENOMEM;
		if (!error)
			error = p9_write(inode, offset, from, piece);
		offset += piece;
	}
	return error;
}

void page_cache_flush_all(void)
{
	list_for_each(node, &used)
		page_cache_flush(container_of(node, struct inode, used), 0, FILE_SIZE_MAX);
}

int page_cache_zero(struct inode *inode, uint64_t offset, uint64_t bytes)
{
	int error = page_cache_segment(inode);

	inode->written = true;
	growing.inode = inode;
	growing.end = offset + bytes;
	while (!error && bytes) {
		uint64_t left, piece;
		char *to = kmap_inode(inode, offset, &left);

		piece = min_u64(min_u64(bytes, left), PAGE_SIZE - offset % PAGE_SIZE);
		error = to ? range_fill(inode, offset, piece) : -ENOMEM;
		if (!error && copy_guarded(to, zeros, piece) < piece)
			error = -EIO;
		offset += piece;
		bytes -= piece;
	}
	growing.inode = NULL;
	return error;
}

/* Drops all content behind the new end; it reads as zeros if the file grows again. */
static int cut(struct inode *inode, uint64_t size)
{
	uint64_t tail = page_up(size) - size;
	uint64_t first = page_up(size) / PAGE_SIZE, limit = page_cache_limit(inode);
	int error = 0;

	if (size >= limit)
		return 0;

	if (tail && (inode->segment || inode->remote_size > size))
		error = page_cache_zero(inode, size, min_u64(tail, inode->size - size));
	if (error)
		return error;
	inode->remote_size = min_u64(inode->remote_size, size);
	if (inode->segment) {
		call_segment_evict(inode->segment, first, limit / PAGE_SIZE - first);
		for (uint64_t chunk = first / CHUNK_PAGES; chunk < inode->chunks; chunk++)
			inode->filled[chunk / 8] &= (uint8_t) ~(1 << chunk % 8);
	}
	return 0;
}

int page_cache_truncate(struct inode *inode, uint64_t size)
{
	uint64_t old = inode->size;
	int error = 0;

	if (size > INT64_MAX)
		return -EFBIG;
	if (size == 0 && inode->paged && !inode->pinned) {
		/* Nothing shows through any more: an ordinary segment does. */
		segment_leave(inode);
		inode->paged = false;
		inode->remote_size = 0;
	} else if (size < old) {
		error = cut(inode, size);
	}
	if (error)
		return error;
	inode->size = size;
	tell_end(inode, size);
	if (inode->sb->write_through && inode->remote)
		error = p9_set_attributes(inode, FS_SET_SIZE);
	note_written(inode);
	return error;
}
