/* The fs driver: files of the host, through virtio devices that speak 9P2000.L. It has the registers, the interrupt lines
 * and the queue memory of those devices, the arenas of its clients, and nothing else. Calls run on the threads of its
 * clients, many at a time. */
#include "abi/services.h"
#include "exchange.h"
#include "files.h"
#include "node.h"
#include "services/runtime/copy.h"
#include "services/runtime/plant.h"

static i64 serve(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	switch (op) {
	case FS_ROOT:
		return file_root(w1, w2);
	case FS_LOOKUP:
		return file_lookup(w1, w2, w3, w4);
	case FS_FORGET:
		return node_forget(w1);
	case FS_ATTR:
		return file_attr(w1, w2);
	case FS_SET_ATTR:
		return file_set_attr(w1, w2, w3);
	case FS_READ:
		return file_read(w1, w2, w3, w4);
	case FS_WRITE:
		return file_write(w1, w2, w3, w4);
	case FS_READDIR:
		return file_readdir(w1, w2, w3, w4);
	case FS_READLINK:
		return file_readlink(w1, w2, w3);
	case FS_CREATE:
		return file_create(w1, w2, w3, w4, w5);
	case FS_MKDIR:
		return file_mkdir(w1, w2, w3, w4);
	case FS_SYMLINK:
		return file_symlink(w1, w2, w3, w4, w5);
	case FS_LINK:
		return file_link(w1, w2, w3, w4);
	case FS_UNLINK:
		return file_unlink(w1, w2, w3, w4 != 0);
	case FS_RENAME:
		return file_rename(w1, w2, w3 & 0xffff, w3 >> 16, w4);
	case FS_STATFS:
		return file_statfs(w1, w2);
	case FS_SYNC:
		return file_sync(w1);
	case FS_PLANT:
		return plant(w1);
	default:
		return -E_NOSYS;
	}
}

static struct portal_result fs_call(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	return (struct portal_result){ serve(op, w1, w2, w3, w4, w5), 0 };
}

void service_main(const struct start_info *start)
{
	i64 portal;

	copy_init();
	exchange_init(start);
	portal = service_portal(0, fs_call);
	service_assert(portal > 0);
	service_offer(SERVICE_FS, (u64)portal);
}
