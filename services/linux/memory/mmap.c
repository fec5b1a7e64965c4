/* The calls that change a process's memory. */
#include <asm/errno.h>
#include <linux/mman.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/memory/private.h"
#include "services/linux/user_memory.h"

/* --- ranges --- */

/* Kinds of ranges that calls name by address and length. Each call has its own errors for them. */
enum range_kind {
	RANGE_GOOD,
	RANGE_EMPTY,     /* good, and without a page */
	RANGE_UNALIGNED, /* does not begin at a page */
	RANGE_WRAPS,     /* ends behind the last address there is */
	RANGE_OUTSIDE,   /* not wholly in the half of the window where programs map */
};

/* Checks such a range. *bytes: of its whole pages, only to be used if it is good or empty. */
static enum range_kind range_check(u64 addr, u64 length, u64 *bytes)
{
	u64 half = machine_window / 2, end;
	if (!is_page_aligned(addr))
		return RANGE_UNALIGNED;
	*bytes = page_up(length);
	if (*bytes < length || __builtin_add_overflow(addr, *bytes, &end))
		return RANGE_WRAPS;
	if (end > half || (*bytes && addr < STACKLET_END && end > STACKLET_BASE))
		return RANGE_OUTSIDE;
	return *bytes ? RANGE_GOOD : RANGE_EMPTY;
}

/* May a program map there? */
static bool range_is_allowed(u64 addr, u64 bytes)
{
	enum range_kind kind = range_check(addr, bytes, &bytes);
	return kind == RANGE_GOOD || kind == RANGE_EMPTY;
}

/* Bytes from the address on that are mapped without a gap, at most as many as the good range has. With `whole` only as far as one
 * mapping goes; without, there may be many, between which the service lock is passed on. */
static u64 range_mapped(struct mm *mm, u64 addr, u64 bytes, bool whole)
{
	struct region_info region, first = { 0 };
	u64 at = addr, end = addr + bytes;
	while (at < end && call_map_query(mm->space, at, &region) >= 0 && region.start <= at) {
		if (at == addr)
			first = region;
		else if (whole &&
			(region.flags != first.flags || region.segment != first.segment ||
				(region.segment && region.offset - region.start != first.offset - first.start)))
			break;
		at = region.end;
		if (!whole)
			service_lock_pass();
	}
	return min_u64(at, end) - addr;
}

static bool range_is_mapped(struct mm *mm, u64 addr, u64 bytes)
{
	return range_mapped(mm, addr, bytes, false) == bytes;
}

/* --- brk --- */

long sys_brk(struct task *self, struct user_frame *frame)
{
	struct mm *mm = self->mm;
	u64 wish = arg(frame, 0), old_end = page_up(mm->brk), new_end = page_up(wish);
	if (wish < mm->brk_start || wish >= machine_window / 2 ||
		wish - mm->brk_start > process_limit(self->process, RLIMIT_DATA))
		return mm->brk;
	if (new_end > old_end) {
		if (!range_is_allowed(old_end, new_end - old_end) ||
			call_map(mm->space, old_end, new_end - old_end, RIGHT_R | RIGHT_W, 0, 0) < 0)
			return mm->brk;
	} else if (new_end < old_end) {
		if (call_unmap(mm->space, new_end, old_end - new_end) < 0)
			return mm->brk;
		bounds_unmapped(self, new_end, old_end - new_end);
	}
	mm->brk = wish;
	return wish;
}

/* --- mmap --- */

/* The arguments of mmap, checked. */
struct mapping {
	u64 addr, bytes, offset;
	u32 rights, most; /* RIGHT_* */
	u32 flags;        /* MAP_* of Linux */
	int fd;
};

static u32 rights_of(u64 prot)
{
	u32 rights = 0;
	if (prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
		rights |= RIGHT_R;
	if (prot & PROT_WRITE)
		rights |= RIGHT_W;
	if (prot & PROT_EXEC)
		rights |= RIGHT_X;
	return rights;
}

bool mm_limit_allows(struct task *self, u64 bytes)
{
	u64 limit = process_limit(self->process, RLIMIT_AS), total, resident;
	if (limit == RLIM64_INFINITY)
		return true;
	mm_sizes(self->mm, &total, &resident);
	return total * PAGE_SIZE + bytes <= limit;
}

/* Checks an address that must be taken. -> 0 or -errno. */
static int fixed_check(const struct mapping *m)
{
	if (!is_page_aligned(m->addr))
		return -EINVAL;
	if (!range_is_allowed(m->addr, m->bytes))
		return -ENOMEM;
	return m->addr < MMAP_LOW ? -EPERM : 0;
}

/* The segment behind the mapping, and the most that mprotect() may make of it; *own: it was made for this mapping, and the
 * service's reference is to be dropped. */
static int mapping_segment(struct task *self, struct mapping *m, u32 *segment, bool *own)
{
	bool share = (m->flags & MAP_TYPE) != MAP_PRIVATE;
	m->most = RIGHT_R | RIGHT_W | RIGHT_X;
	*own = false;
	*segment = 0;
	if (m->flags & MAP_ANONYMOUS) {
		if (!share)
			return 0;
		i64 made = call_segment_create(m->bytes >> PAGE_SHIFT, 0);
		if (made < 0)
			return -ENOMEM;
		*segment = made;
		*own = true;
		return 0;
	}
	return memory_hooks->file_segment(self, m->fd, m->rights, share, m->bytes, segment, &m->most);
}

static int mapping_map(struct task *self, const struct mapping *m, u32 segment)
{
	u32 flags = m->rights | MAP_MOST(m->most);
	if ((m->flags & MAP_TYPE) != MAP_PRIVATE)
		flags |= MAP_SHARE;
	if (m->flags & MAP_FIXED)
		flags |= MAP_REPLACE;
	u64 offset = m->flags & MAP_ANONYMOUS ? 0 : m->offset;
	int error = native_errno(call_map(self->mm->space, m->addr, m->bytes, flags, segment, offset));
	if (!error && (m->flags & MAP_FIXED))
		bounds_unmapped(self, m->addr, m->bytes);
	return error;
}

/* Finds an address and maps there. The kernel refuses what overlaps, so places that are probably free are just tried. */
static int mapping_place(struct task *self, struct mapping *m, u32 segment)
{
	u64 hint = page_down(m->addr);
	if (m->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		return mapping_map(self, m, segment);
	if (hint >= MMAP_LOW && range_is_allowed(hint, m->bytes)) {
		m->addr = hint;
		int error = mapping_map(self, m, segment);
		if (error != -EEXIST)
			return error;
	}
	m->addr = mm_guess(self->mm, m->bytes);
	int error = m->addr ? mapping_map(self, m, segment) : -EEXIST;
	if (error != -EEXIST)
		return error;
	m->addr = mm_find(self->mm, m->bytes);
	return m->addr ? mapping_map(self, m, segment) : -ENOMEM;
}

static long mapping_make(struct task *self, struct mapping *m)
{
	u32 segment;
	bool own;
	int error = mapping_segment(self, m, &segment, &own);
	if (!error && (m->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		error = fixed_check(m);
	if (!error)
		error = mapping_place(self, m, segment);
	if (own)
		call_segment_destroy(segment);
	return error ? error : (long)m->addr;
}

/* Checks mmap's flags. MAP_SYNC asks for persistent memory, which no file has here. MAP_SHARED_VALIDATE refuses unknown flags; the
 * older types ignore them. */
static int flags_check(u32 flags)
{
	u32 known = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | MAP_LOCKED |
		MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_HUGE_2MB | MAP_HUGE_1GB;
	u32 type = flags & MAP_TYPE;
	if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return type == MAP_SHARED_VALIDATE ? -EINVAL : 0;
	return flags & MAP_SYNC || (type == MAP_SHARED_VALIDATE && flags & ~known) ? -EOPNOTSUPP : 0;
}

long sys_mmap(struct task *self, struct user_frame *frame)
{
	struct mapping m = {
		.addr = arg(frame, 0),
		.bytes = page_up(arg(frame, 1)),
		.rights = rights_of(arg(frame, 2)),
		.flags = arg(frame, 3),
		.fd = arg(frame, 4),
		.offset = arg(frame, 5),
	};
	if (!arg(frame, 1) || !is_page_aligned(m.offset))
		return -EINVAL;
	if (!m.bytes || m.bytes > machine_window / 2 || !mm_limit_allows(self, m.bytes))
		return -ENOMEM;
	if (m.offset + m.bytes < m.offset)
		return -EOVERFLOW;
	int error = flags_check(m.flags);
	return error ? error : mapping_make(self, &m);
}

long sys_munmap(struct task *self, struct user_frame *frame)
{
	u64 addr = arg(frame, 0), bytes;
	/* What the kernel has in the range, it keeps. */
	if (!is_page_aligned(addr) || !arg(frame, 1) || addr > machine_window / 2 ||
		arg(frame, 1) > machine_window / 2 - addr)
		return -EINVAL;
	bytes = page_up(arg(frame, 1));
	int error = native_errno(call_unmap(self->mm->space, addr, bytes));
	if (error)
		return error;
	mm_freed(self->mm, addr, bytes);
	bounds_unmapped(self, addr, bytes);
	return 0;
}

/* --- changing what is mapped --- */

/* Shared mappings become writable, if they may: their files may be written from now on. */
static void note_writable(struct mm *mm, u64 addr, u64 bytes)
{
	struct region_info region;
	u64 end = addr + bytes;
	while (addr < end && call_map_query(mm->space, addr, &region) >= 0 && region.start < end) {
		if ((region.flags & (MAP_SHARE | MAP_MOST(RIGHT_W) | RIGHT_W)) == (MAP_SHARE | MAP_MOST(RIGHT_W)))
			memory_hooks->segment_written(region.segment);
		addr = region.end;
	}
}

long sys_mprotect(struct task *self, struct user_frame *frame)
{
	u64 addr = arg(frame, 0), prot = arg(frame, 2), bytes;
	enum range_kind range = range_check(addr, arg(frame, 1), &bytes);
	if (range == RANGE_UNALIGNED ||
		(prot & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN | PROT_GROWSUP)))
		return -EINVAL;
	if (!arg(frame, 1))
		return 0;
	if (range != RANGE_GOOD)
		return -ENOMEM;
	if (prot & PROT_WRITE)
		note_writable(self->mm, addr, bytes);
	i64 error = call_protect(self->mm->space, addr, bytes, rights_of(prot)), part = error;
	u64 mapped = error == -E_NOMEM ? range_mapped(self->mm, addr, bytes, false) : 0;
	/* Up to the first gap it has an effect all the same. Without one, it was memory that was missing. */
	if (mapped && mapped < bytes)
		part = call_protect(self->mm->space, addr, mapped, rights_of(prot));
	/* More than the mapping may ever have. */
	if (part == -E_PERM)
		return -EACCES;
	return native_errno(error);
}

/* Maps what follows a region, as the region goes on. */
static int region_extend(struct mm *mm, const struct region_info *region, u64 old_end, u64 at, u64 bytes)
{
	u64 offset = region->segment ? region->offset + (old_end - region->start) : 0;
	return native_errno(call_map(mm->space, at, bytes, region->flags, region->segment, offset));
}

static long remap_move(struct task *self, u64 old, u64 old_bytes, u64 new_bytes, u64 flags, u64 wish)
{
	struct mm *mm = self->mm;
	struct region_info region;
	u64 moved = min_u64(old_bytes, new_bytes), target = wish;
	if (call_map_query(mm->space, old, &region) < 0)
		return -EFAULT;
	if (flags & MREMAP_FIXED) {
		call_unmap(mm->space, wish, new_bytes);
		bounds_unmapped(self, wish, new_bytes);
	} else {
		target = mm_find(mm, new_bytes);
	}
	if (!target)
		return -ENOMEM;
	/* What may fail comes first: the piece that is to be moved stays where it is until all is there. */
	int error = 0;
	if (new_bytes > moved)
		error = region_extend(mm, &region, old + old_bytes, target + moved, new_bytes - moved);
	else if (old_bytes > moved)
		error = native_errno(call_unmap(mm->space, old + moved, old_bytes - moved));
	if (error)
		return error;
	error = native_errno(call_remap(mm->space, old, moved, target));
	if (error) {
		if (new_bytes > moved)
			call_unmap(mm->space, target + moved, new_bytes - moved);
		return error;
	}
	mm_freed(mm, old, old_bytes);
	bounds_unmapped(self, old, old_bytes);
	return (long)target;
}

/* Unmaps the end of a mapping. */
static long remap_shrink(struct task *self, u64 addr, u64 bytes)
{
	int error = native_errno(call_unmap(self->mm->space, addr, bytes));
	if (!error)
		bounds_unmapped(self, addr, bytes);
	return error;
}

long sys_mremap(struct task *self, struct user_frame *frame)
{
	u64 old = arg(frame, 0), flags = arg(frame, 3), wish = arg(frame, 4), old_bytes, new_bytes;
	enum range_kind range = range_check(old, arg(frame, 1), &old_bytes);
	struct region_info region;
	if (range == RANGE_UNALIGNED || (flags & ~(u64)(MREMAP_MAYMOVE | MREMAP_FIXED)) ||
		((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE)))
		return -EINVAL;
	new_bytes = page_up(arg(frame, 2));
	if (!new_bytes || range == RANGE_EMPTY || range == RANGE_WRAPS)
		return -EINVAL;
	if (flags & MREMAP_FIXED) {
		if (range_check(wish, arg(frame, 2), &new_bytes) != RANGE_GOOD ||
			(old < wish + new_bytes && wish < old + old_bytes))
			return -EINVAL;
	}
	if (range == RANGE_OUTSIDE || call_map_query(self->mm->space, old, &region) < 0 || region.start > old)
		return -EFAULT;
	if (new_bytes <= old_bytes && !(flags & MREMAP_FIXED)) {
		long error = new_bytes < old_bytes ? remap_shrink(self, old + new_bytes, old_bytes - new_bytes) : 0;
		return error ? error : (long)old;
	}
	/* Only one mapping can be moved or grow, and only as much as it has. */
	if (range_mapped(self->mm, old, old_bytes, true) < old_bytes)
		return -EFAULT;
	if (new_bytes > machine_window / 2 || !mm_limit_allows(self, new_bytes > old_bytes ? new_bytes - old_bytes : 0))
		return -ENOMEM;
	if (flags & MREMAP_FIXED)
		return remap_move(self, old, old_bytes, new_bytes, flags, wish);
	u64 extra = new_bytes - old_bytes;
	if (range_is_allowed(old, new_bytes) && !mm_is_used(self->mm, old + old_bytes, extra) &&
		!region_extend(self->mm, &region, old + old_bytes, old + old_bytes, extra))
		return (long)old;
	return flags & MREMAP_MAYMOVE ? remap_move(self, old, old_bytes, new_bytes, flags, 0) : -ENOMEM;
}

/* Mapping the same again drops the private pages. */
int mm_forget(struct mm *mm, u64 addr, u64 bytes, bool pass)
{
	u64 end = addr + bytes;
	struct region_info region;
	int error = 0;
	while (addr < end && call_map_query(mm->space, addr, &region) >= 0 && region.start < end) {
		/* Gaps are an error, but what is behind them is dropped all the same. */
		if (region.start > addr) {
			error = -ENOMEM;
			addr = region.start;
		}
		u64 piece = min_u64(region.end, end) - addr;
		u64 offset = region.segment ? region.offset + (addr - region.start) : 0;
		if (!(region.flags & MAP_SHARE) &&
			call_map(mm->space, addr, piece, region.flags | MAP_REPLACE, region.segment, offset) < 0)
			return -ENOMEM;
		addr += piece;
		if (pass)
			service_lock_pass();
	}
	return addr < end ? -ENOMEM : error;
}

long sys_madvise(struct task *self, struct user_frame *frame)
{
	u64 addr = arg(frame, 0), bytes;
	enum range_kind range = range_check(addr, arg(frame, 1), &bytes);
	switch ((int)arg(frame, 2)) {
	case MADV_DONTNEED:
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
		break;
	default:
		return -EINVAL;
	}
	if (range == RANGE_UNALIGNED || range == RANGE_WRAPS)
		return -EINVAL;
	if (range == RANGE_EMPTY)
		return 0;
	if (range == RANGE_OUTSIDE)
		return -ENOMEM;
	if (arg(frame, 2) == MADV_DONTNEED)
		return mm_forget(self->mm, addr, bytes, true);
	return range_is_mapped(self->mm, addr, bytes) ? 0 : -ENOMEM;
}

long sys_msync(struct task *self, struct user_frame *frame)
{
	u64 addr = arg(frame, 0), flags = arg(frame, 2), bytes;
	enum range_kind range = range_check(addr, arg(frame, 1), &bytes);
	if (range == RANGE_UNALIGNED || (flags & ~(u64)(MS_ASYNC | MS_SYNC | MS_INVALIDATE)) ||
		((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (range == RANGE_EMPTY || (range == RANGE_WRAPS && !page_up(arg(frame, 1))))
		return 0;
	return range == RANGE_GOOD && range_is_mapped(self->mm, addr, bytes) ? 0 : -ENOMEM;
}

/* A byte for each page of a mapped range: whether it has a frame, or has been read and shows zeros. */
static void present_bytes(struct mm *mm, u64 addr, u64 pages, char *bytes)
{
	u64 at = addr, end = addr + (pages << PAGE_SHIFT), stop;
	struct region_info region;
	memset(bytes, 0, pages);
	while (at < end && call_map_query(mm->space, at, &region) >= 0) {
		i64 found = call_map_present(mm->space, at, true, &stop);
		if (found >= 0 && (u64)found < end)
			memset(bytes + ((found - addr) >> PAGE_SHIFT), 1, (min_u64(stop, end) - found) >> PAGE_SHIFT);
		at = found < 0 ? region.end : stop;
	}
}

long sys_mincore(struct task *self, struct user_frame *frame)
{
	u64 addr = arg(frame, 0), to = arg(frame, 2), bytes, pages;
	enum range_kind range = range_check(addr, arg(frame, 1), &bytes);
	char present[256];
	if (range == RANGE_UNALIGNED)
		return -EINVAL;
	if (range == RANGE_EMPTY)
		return 0;
	if (range != RANGE_GOOD || !range_is_mapped(self->mm, addr, bytes))
		return -ENOMEM;
	for (pages = bytes >> PAGE_SHIFT; pages;) {
		u64 piece = min_u64(pages, sizeof(present));
		present_bytes(self->mm, addr, piece, present);
		if (user_write(self, to, present, piece))
			return -EFAULT;
		addr += piece << PAGE_SHIFT;
		to += piece;
		pages -= piece;
		service_lock_pass();
		if (self->work & WORK_EXIT)
			return -EINTR;
	}
	return 0;
}

/* Pages never leave memory, so locking them does nothing. */
long sys_mlock(struct task *self, struct user_frame *frame)
{
	u64 addr = page_down(arg(frame, 0)), bytes;
	/* A length near the last number there is counts as none: Linux rounds it up without looking. */
	enum range_kind range = range_check(addr, page_up(arg(frame, 1) + (arg(frame, 0) - addr)), &bytes);
	if (range == RANGE_WRAPS)
		return -EINVAL;
	if (range == RANGE_EMPTY)
		return 0;
	return range == RANGE_GOOD && range_is_mapped(self->mm, addr, bytes) ? 0 : -ENOMEM;
}

long sys_mlock2(struct task *self, struct user_frame *frame)
{
	return sys_mlock(self, frame);
}

long sys_munlock(struct task *self, struct user_frame *frame)
{
	return sys_mlock(self, frame);
}

long sys_mlockall(struct task *self, struct user_frame *frame)
{
	(void)self;
	(void)frame;
	return 0;
}

long sys_munlockall(struct task *self, struct user_frame *frame)
{
	return sys_mlockall(self, frame);
}
