/* What the tests of VASes share: a VAS with one segment at the start of the range, switching in and out, messages between
 * processes. */
#ifndef TESTS_GUEST_VAS_H
#define TESTS_GUEST_VAS_H

#include <fcntl.h>
#include <sys/syscall.h>

#include <allod/vas.h>

#include "tap.h"

enum { BYTES = 1 << 20 };

static uint64_t base; /* of the range of VASes */
static volatile uint64_t *words;
static char *self_path;

/* A VAS with one segment at the start of the range. */
static inline int make_shared(const char *name, int *sid, unsigned mode, int how)
{
	char segment[100];
	int vid = vas_create(name, 0600);

	snprintf(segment, sizeof(segment), "%s.data", name);
	*sid = vas_seg_create(segment, base, base + BYTES, mode);
	if (vas_seg_share(*sid, how) < 0 || vas_seg_attach(vid, *sid, O_RDWR) < 0)
		dprintf(2, "# %s: %s\n", name, strerror(errno));
	return vid;
}

static inline int make(const char *name, int *sid, unsigned mode)
{
	return make_shared(name, sid, mode, VAS_SHARED_STRICT);
}

static inline void unmake(int vid, int sid)
{
	if (vas_delete(vid) < 0 || vas_seg_delete(sid) < 0)
		dprintf(2, "# delete: %s\n", strerror(errno));
}

static inline int status_of(pid_t child)
{
	int status = -1;

	return waitpid(child, &status, 0) == child ? status : -1;
}

static inline bool enter(int vid, int type)
{
	return vas_attach(0, vid, type) == 0 && vas_switch(vid) == 0;
}

static inline bool leave(int vid)
{
	return vas_switch(0) == 0 && vas_detach(0, vid) == 0;
}

static inline bool fails(long result, int error)
{
	if (result == -1 && errno == error)
		return true;
	dprintf(2, "# %ld, errno %d (%s) instead of %d\n", result, errno, strerror(errno), error);
	return false;
}

static inline bool tell(int fd)
{
	return write(fd, "x", 1) == 1;
}

static inline bool hear(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

/* Finds the range, and has faults caught. */
static inline void start(char **argv)
{
	uint64_t range[2] = { 0, 0 };

	self_path = argv[0];
	vas_range(range);
	base = range[0];
	words = (volatile uint64_t *)base;
	tap_catch_faults();
}

#endif
