/* Holes: ranges of files that read as zero and take no frames.
 *
 * Of a file in memory the pages of its segment that have frames are data, everything else is hole. What the server has of a file
 * is data as a whole; what lies behind that is as in memory. */
#include <asm/errno.h>

#include "services/runtime/service.h"

#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"
#include "services/linux/sleep.h"

enum { BLOCK_BYTES = 512 };

/* Bytes at the beginning that are data for being the server's. */
static uint64_t server_part(const struct inode *inode)
{
	return inode->paged ? min_u64(inode->remote_size, inode->size) : 0;
}

/* The next run of pages with frames from a byte on: [*from, *to) in bytes. -> whether there is one. */
static bool next_run(const struct inode *inode, uint64_t offset, uint64_t *from, uint64_t *to)
{
	uint64_t end;
	int64_t page;

	if (offset < server_part(inode)) {
		*from = page_down(offset);
		*to = page_up(server_part(inode));
		return true;
	}
	page = inode->segment ? call_segment_present(inode->segment, offset / PAGE_SIZE, &end) : -1;
	if (page < 0)
		return false;
	*from = (uint64_t)page * PAGE_SIZE;
	*to = end * PAGE_SIZE;
	return true;
}

long page_cache_seek(struct inode *inode, uint64_t offset, bool hole)
{
	uint64_t from, to;

	if (offset >= inode->size)
		return -ENXIO;
	if (!hole)
		return next_run(inode, offset, &from, &to) && from < inode->size ? (long)max_u64(from, offset) : -ENXIO;
	while (offset < inode->size && next_run(inode, offset, &from, &to) && from <= offset) {
		offset = to;
		service_lock_pass();
	}
	return (long)min_u64(offset, inode->size);
}

uint64_t page_cache_blocks(const struct inode *inode)
{
	int64_t frames;

	if (!is_regular(inode) || (inode->remote && !inode->written) || inode->sb->write_through)
		return inode->blocks;
	frames = inode->segment ? call_segment_frames(inode->segment) : 0;
	return max_u64(page_up(server_part(inode)), frames > 0 ? (uint64_t)frames * PAGE_SIZE : 0) / BLOCK_BYTES;
}

long page_cache_punch(struct inode *inode, uint64_t offset, uint64_t bytes)
{
	uint64_t from, to;
	int error;

	if (!next_run(inode, offset, &from, &to) || from >= offset + bytes) {
		inode->mtime = stamp_now();
		inode_changed(inode);
		return (long)bytes;
	}
	if (from > offset)
		return (long)(from - offset);
	bytes = min_u64(min_u64(bytes, to - offset), IO_PIECE);
	/* A part of a page is written to, and so is what would show through from the server. */
	if (offset % PAGE_SIZE || bytes < PAGE_SIZE || offset < server_part(inode) || inode->sb->write_through) {
		bytes = min_u64(bytes, PAGE_SIZE - offset % PAGE_SIZE);
		error = page_cache_zero(inode, offset, bytes);
	} else {
		bytes = page_down(bytes);
		error = call_segment_evict(inode->segment, offset / PAGE_SIZE, bytes / PAGE_SIZE) < 0 ? -EIO : 0;
	}
	inode->mtime = stamp_now();
	inode_changed(inode);
	return error ? error : (long)bytes;
}
