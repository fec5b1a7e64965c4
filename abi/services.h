/* The portals that the services offer to each other, and the configuration that the host tool hands in.
 *
 * A portal call carries six words and returns two: word 0 is 0 or more on success and -E_* on failure. Buffers are passed
 * as global pointers into memory that the callee has been granted: each client makes an arena, grants it once to the
 * service, and passes pieces of it in its calls. */
#ifndef ALLOD_ABI_SERVICES_H
#define ALLOD_ABI_SERVICES_H

#include <stdint.h>

/* --- init: the registry and the supervisor of the drivers. Portal address: start_info.registry. ---
 *
 * init makes the spaces of the drivers and of the Linux service, gives each what it needs by grant, and starts a driver
 * again when its space ends. A driver calls REGISTRY_OFFER when it is ready for calls. A client calls REGISTRY_FIND, which
 * waits for the offer, and again when a call of the service returns -E_DEAD (the service ended during the call), -E_PERM
 * or -E_NOENT (it ended before, and its portal with it). The services do not return these errors themselves. */
enum registry_op {
	REGISTRY_OFFER = 1, /* (op, service, portal): the caller offers a service; init passes right p on to its clients */
	REGISTRY_FIND = 2,  /* (op, service, pointer to the client's arena, bytes): waits until the service is offered, and
	                       grants it the arena (rw) for the client -> portal; word 1: number of the service's space */
	/* The others are for the Linux service only, but for REGISTRY_RESTARTS. */
	REGISTRY_END = 3,   /* (op, status): powers off */
	REGISTRY_RESTARTS,  /* (op) -> how often a driver was started again */
	REGISTRY_RESTART,   /* (op, service): ends a driver that does not answer, and starts it again */
	REGISTRY_ALIVE,     /* (op): the Linux service calls this again and again to say that it answers; it returns when the
	                       next is due. If none comes, init logs where every thread stands, and powers off */
	REGISTRY_TIME_OUT,  /* (op): the time of --timeout is over: init logs where every thread stands, and powers off */
	REGISTRY_MAP,       /* (op, buffer, bytes): writes who may touch what, as the beginning of a JSON object
	                       (services/init/map.h) -> bytes of the text; if they are more than the buffer has, its content
	                       is of no use */
};

enum service { SERVICE_LINUX = 0, SERVICE_FS = 1, SERVICE_CONSOLE = 2, SERVICES };

/* start_info.arena and .words for each program init starts:
 *   fs driver:      arena = its queue memory (global pointer, granted rw), words[0] = physical address of it, words[1] =
 *                   bytes, words[2] = number of devices n, words[3 + i] = registers of device i (global pointer), i < 8;
 *                   the interrupt line of device i is in bits 56.. of words[3 + i] (addresses have those bits clear)
 *   console driver: the same with n = 1
 *   Linux service:  arena = the configuration (global pointer, granted r), words[0] = bytes of it */
#define DEVICE_ADDRESS(word) ((word) & 0x00fffffffffffffful)
#define DEVICE_LINE(word) ((word) >> 56)

/* --- The configuration: NUL-terminated strings "key=value" one after another, made by the host tool as the file `config`
 * of the boot archive.
 *   arg=...      argv[0], argv[1], ... of the first program in order; exe=PATH its file (absolute, in the guest's tree)
 *   env=K=V      environment, in order
 *   cwd=PATH     working directory
 *   uid=, gid=   decimal, of the first process; umask= octal
 *   tty=FDS      which of 0,1,2 are the terminal, e.g. "012" or ""; rows=, cols= its size; term is in the environment
 *   share=TAG:PATH:MODE   9p device number TAG (decimal, in the order of the bus) mounted at PATH, MODE ro or rw;
 *                device 0 is the root and is not listed
 *   root=rw      write through to the root instead of keeping changes in memory (never set today: roots are read-only)
 *   hostname=    for uname; wall=NS since 1970 at boot
 *   watch=1      if the Linux service does not answer, init ends the guest
 *   stats=1      send statistics at the end; map=1: send a map
 *   append=TEXT  the words appended to the kernel's command line; init looks for plant=1 (FS_PLANT, CONSOLE_PLANT) and
 *                interrupts=call (the drivers take theirs as calls, irq_call(), instead of by waking a thread)
 * --- */

/* --- fs: the virtio-9p driver. One portal; word 0 of a call is the operation, word 1 the node. ---
 *
 * A node is a number (non-zero) that stands for a file or directory; FS_ROOT gives the first one of a device. Nodes are
 * known to one life of the driver only: after -E_DEAD they are gone, and the client looks the names up again. Names are given by
 * pointer and length, without NUL. Errors of the file server are returned as -(FS_ERRNO + errno of Linux). */
#define FS_ERRNO 1000
enum fs_op {
	FS_ROOT = 1,  /* (op, device, attr)                              -> node of the root directory; fills *attr */
	FS_LOOKUP,    /* (op, dir, name, length, attr)                   -> node; fills *attr (struct fs_attr in the arena) */
	FS_FORGET,    /* (op, node)                                      */
	FS_ATTR,      /* (op, node, attr)                                fills *attr */
	FS_SET_ATTR,  /* (op, node, attr, which)                         which: FS_SET_* */
	FS_READ,      /* (op, node, offset, buffer, bytes)               -> bytes read, 0 at the end; at most FS_CHUNK */
	FS_WRITE,     /* (op, node, offset, buffer, bytes)               -> bytes written */
	FS_READDIR,   /* (op, dir, cursor, buffer, bytes)                -> bytes filled with struct fs_entry, 0 at the end */
	FS_READLINK,  /* (op, node, buffer, bytes)                       -> bytes */
	FS_CREATE,    /* (op, dir, name, length, mode, attr)             -> node of a new regular file */
	FS_MKDIR,     /* (op, dir, name, length, mode)                   -> 0 */
	FS_SYMLINK,   /* (op, dir, name, length, target, target length)  -> 0 */
	FS_LINK,      /* (op, dir, name, length, node)                   -> 0 */
	FS_UNLINK,    /* (op, dir, name, length, 1 for a directory)      -> 0 */
	FS_RENAME,    /* (op, dir, names, length | newlength << 16, newdir)  names: old name followed by new name */
	FS_STATFS,    /* (op, node, buffer)                              fills struct fs_statfs */
	FS_SYNC,      /* (op, node)                                      */
	FS_PLANT,     /* (op, kind) tests only, refused unless the driver was started with "plant=1": 1 = null dereference,
	                 2 = wild write, 3 = endless loop until killed */
};
#define FS_CHUNK (128u * 1024)

enum { FS_SET_MODE = 1, FS_SET_OWNER = 2, FS_SET_SIZE = 4, FS_SET_ATIME = 8, FS_SET_MTIME = 16 };

struct fs_attr {
	uint64_t ino, dev; /* of the file server's qid; dev counts devices */
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, size, blocks; /* blocks of 512 bytes */
	int64_t atime, mtime, ctime; /* s */
	uint32_t atime_ns, mtime_ns, ctime_ns, blksize;
};

struct fs_entry {
	uint64_t ino, cursor; /* cursor: pass to the next FS_READDIR to go on behind this entry */
	uint16_t bytes;       /* of this record, a multiple of 8 */
	uint8_t type;         /* DT_* of Linux */
	uint8_t length;       /* of the name */
	char name[];
};

struct fs_statfs {
	uint64_t blocks, bfree, bavail, files, ffree, fsid;
	uint32_t type, bsize, namelen, unused;
};

/* --- console: the virtio-console driver. One portal; ports of QEMU's virtio-serial by number. --- */
enum console_op {
	CONSOLE_READ = 1, /* (op, port, buffer, bytes) -> bytes, waits for at least one; 0 at the end of the stream */
	CONSOLE_WRITE,    /* (op, port, buffer, bytes) -> bytes; returns when the host has taken them */
	CONSOLE_PLANT,    /* (op, kind) as FS_PLANT */
};
enum console_port { PORT_STDIN = 1, PORT_STDOUT = 2, PORT_STDERR = 3, PORT_CONTROL = 4, PORTS = 5 };
#define CONSOLE_CHUNK (64u * 1024)

/* The control port carries lines of text.
 *   guest to host: "exit N" (shell status 0..255), "stop" (the foreground job was stopped: the tool stops itself too),
 *                  "error TEXT" (followed by exit), "stats BYTES" followed by that many bytes of JSON,
 *                  "map BYTES" likewise: the answer to "map"; with map=1 also at the end, before the first program's space goes
 *                  "warning TEXT": the tool says it
 *   host to guest: "size ROWS COLS", "continue", "map"; "timeout": send statistics if they are wanted, end the guest with
 *                  REGISTRY_TIME_OUT
 *
 * Lines of the kernel's log that begin with LOG_WHERE say where the guest stands; the tool shows them. */
#define LOG_WHERE "init: where: "

#endif
