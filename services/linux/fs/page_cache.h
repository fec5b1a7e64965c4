/* The page cache: each regular file that has been read or mapped has a segment with its content, and processes map that segment.
 *
 * A file of the server has a paged segment. Its pages come from the server in chunks of 32: page_cache_read() and the like fetch
 * them before they touch them, segment_fill() when a process faults. A file in memory has an ordinary segment, zero-filled. The
 * service itself maps pieces of segments into its window, a fixed number at a time: the kmaps.
 *
 * Callers hold the service lock. */
#ifndef LINUX_FS_PAGE_CACHE_H
#define LINUX_FS_PAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode;

enum { CHUNK_PAGES = 32 };
/* Pages of a file of the server, and of one in memory, lie below; behind them there is only a hole, which cannot be written to. */
#define FILE_SIZE_MAX (1ull << 36)
#define FILE_MEMORY_MAX (1ull << 42)

void page_cache_init(void);
/* Copies between a file and a buffer (service memory or user_pointer()). -> bytes copied; -EFAULT, -EIO, -ENOMEM, -EFBIG if
 * nothing was. Reading ends at the file's size, writing moves it. */
long page_cache_read(struct inode *inode, uint64_t offset, void *to, size_t bytes);
long page_cache_write(struct inode *inode, uint64_t offset, const void *from, size_t bytes);
/* Before page_cache_read(): fetches what is missing of a range, and lets the service lock go while the driver reads. The caller
 * holds the inode; others may change *offset meanwhile. */
void page_cache_fetch(struct inode *inode, const uint64_t *offset, uint64_t bytes);
/* Changes the size. */
int page_cache_truncate(struct inode *inode, uint64_t size);
/* Makes a range read as zero without changing the size. */
int page_cache_zero(struct inode *inode, uint64_t offset, uint64_t bytes);
int page_cache_flush(struct inode *inode, uint64_t offset, uint64_t bytes);
/* Gives the inode a segment if it has none. */
int page_cache_segment(struct inode *inode);
/* Keeps the inode in memory, since some process maps its segment. */
void page_cache_pin(struct inode *inode);
/* Drops the pages of a file that nobody has written to: the server has them too. */
void page_cache_drop(struct inode *inode);
/* Where the pages of the inode end at the latest. */
uint64_t page_cache_limit(const struct inode *inode);
/* Holes (holes.c). The first byte from `offset` on that is data, or in a hole, of which there is one at the end. Passes the service
 * lock on; the caller holds the inode. -> offset; -ENXIO. */
long page_cache_seek(struct inode *inode, uint64_t offset, bool hole);
/* st_blocks. */
uint64_t page_cache_blocks(const struct inode *inode);
/* Makes a hole of the next piece of a range, which lies below the size. -> bytes, or -errno. */
long page_cache_punch(struct inode *inode, uint64_t offset, uint64_t bytes);
/* The inode goes: gives its segment back. */
void page_cache_release(struct inode *inode);
/* The inode whose segment that is, if the segment is paged or mapped; otherwise NULL. No reference. */
struct inode *page_cache_find(uint32_t segment);
/* If frames are short: drops clean pages of the files that were used longest ago. */
void page_cache_shrink(void);

#endif
