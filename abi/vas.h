/* VASes: numbers of the calls and structures, for the Linux service and programs (liballod/include/allod/vas.h). */
#ifndef ALLOD_ABI_VAS_H
#define ALLOD_ABI_VAS_H

#define VAS_CALL(number, name) VAS_CALL_##name = number,
enum vas_call {
#include "vas_calls.def"
	VAS_CALL_FIRST = 0xa00,
	VAS_CALL_END = 0xa19,
};
#undef VAS_CALL

/* Bytes of a name with its NUL. */
#define VAS_NAME_MAX 256

/* As struct vas_attr and vas_seg_attr, with the types of a program. */
#define VAS_ATTR_BYTES 12

/* Ways of sharing: vas_share(), vas_seg_share(). */
#define VAS_SHARE_STRICT 0 /* many readers or one writer */
#define VAS_SHARE_FREE 1   /* any number of both: programs keep order among themselves */
#define VAS_SHARE_LOCK 2   /* segments: any number of both may attach; vas_switch() lets in many readers or one writer at a time */

#endif
