/* The page cache: the content of regular files, in one segment per inode that processes map as it is.
 *
 * Files of the server have a paged segment, whose pages are supplied in chunks of 32, by page_cache_read() and the like before
 * they touch them or by segment_fill() when a process faults. Files in memory have an ordinary, zero-filled one.
 * The service itself sees pieces of segments through a fixed number of kmaps in its window.
 *
 * All with the service lock held. */
#ifndef LINUX_FS_PAGE_CACHE_H
#define LINUX_FS_PAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode;

enum { CHUNK_PAGES = 32 };
#define FILE_SIZE_MAX (1ull << 36)

void page_cache_init(void);
/* Copies between a file and a buffer (service memory or user_pointer()). -> bytes copied; -EFAULT, -EIO, -ENOMEM, -EFBIG if
 * nothing was. Reading ends at the file's size, writing moves it. */
long page_cache_read(struct inode *inode, uint64_t offset, void *to, size_t bytes);
long page_cache_write(struct inode *inode, uint64_t offset, const void *from, size_t bytes);
/* Before page_cache_read(): gets what is not there of a range, letting the service lock go while the driver reads. *offset may
 * change meanwhile. The inode must be held. */
void page_cache_fetch(struct inode *inode, const uint64_t *offset, uint64_t bytes);
/* Changes the size. */
int page_cache_truncate(struct inode *inode, uint64_t size);
/* Makes a range read as zero without changing the size. */
int page_cache_zero(struct inode *inode, uint64_t offset, uint64_t bytes);
/* Writes what processes may have changed through shared mappings to the server, if the tree is written through: nobody
 * notices such writes, so this is done for fsync(), msync() and at the end. */
int page_cache_flush(struct inode *inode, uint64_t offset, uint64_t bytes);
/* The inode has a segment after this. */
int page_cache_segment(struct inode *inode);
/* The inode must be kept: its segment is mapped somewhere. */
void page_cache_pin(struct inode *inode);
/* Drops pages that the server has, too: an unwritten file's. */
void page_cache_drop(struct inode *inode);
/* The inode goes. */
void page_cache_release(struct inode *inode);
/* Inode of a paged or mapped segment, or NULL; no reference. */
struct inode *page_cache_find(uint32_t segment);
/* Drops clean pages of files that were not used lately if frames are short. */
void page_cache_shrink(void);

#endif
