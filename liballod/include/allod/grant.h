/* Grants: memory of a space made visible in another one.
 *
 * A grant covers any contiguous range of bytes, or everything, and carries rights. The memory-management unit protects whole
 * pages: what lies beside the range on its first and last page is visible too, unless it is lent for a call with ALLOD_EXACT. A
 * grant costs the grantee nothing until it uses it, and needs no consent. A grant that is passed on has at most the rights of the
 * one it is made from; other rights that are asked for are left out.
 *
 * A thread that uses memory without a grant, or after the grant was revoked, faults: a program gets SIGSEGV, a sandbox ends. System
 * calls that get such a pointer fail with EFAULT.
 *
 *   static int table[1024];
 *   int grant = allod_grant(table, sizeof(table), worker, ALLOD_R | ALLOD_W);
 *   // the space `worker` can use allod_global(table) now
 *   allod_revoke(grant);
 */
#ifndef ALLOD_GRANT_H
#define ALLOD_GRANT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum allod_rights {
	ALLOD_R = 1,       /* read */
	ALLOD_W = 2,       /* write */
	ALLOD_X = 4,       /* execute */
	ALLOD_P = 8,       /* call the portals in the range */
	ALLOD_PASS = 0x10, /* the grantee may grant it on */
	/* For memory that is lent for a call (allod_lend), one of: */
	ALLOD_KEEP = 0x20,  /* the callee may make the grant lasting */
	ALLOD_EXACT = 0x40, /* nothing but the bytes of the range is shown: edge pages are copied in and out */
};

/* Grants [start, start + bytes) to a space with these rights. The range is the caller's own, or lies in a space that it
 * manages, or was granted to it with ALLOD_PASS: then the new grant ends with that one. -> the number of the grant, above 0.
 * EPERM: the range is not the caller's to grant, or not with these rights; ENOENT: no such space. */
int allod_grant(const volatile void *start, size_t bytes, uint32_t to, unsigned rights);

/* Grants everything that the calling space has or will have. */
int allod_grant_all(uint32_t to, unsigned rights);

/* Keeps a grant beyond the call that the thread is serving: the one that this call brought with ALLOD_KEEP and that covers the
 * address. It lasts until its maker or this space revokes it. -> its number. ENOENT: there is none. */
int allod_keep(const volatile void *address);

/* Ends a grant that the caller made or was given, and every grant made from it. When this returns no thread on any
 * processor can use them any more. ENOENT: it has ended already; EPERM: it is somebody else's. */
int allod_revoke(int grant);

#ifdef __cplusplus
}
#endif

#endif
