/* Encodes and decodes messages of 9P2000.L. Nothing here sleeps or makes calls, so it is tested on the host.
 *
 *	size[4] type[1] tag[2] ...
 *
 * A writer without room, or a reader without bytes left, sets `bad` and goes on harmlessly: its user asks once, at the end. */
#ifndef FS_MESSAGE_H
#define FS_MESSAGE_H

#include "services/runtime/types.h"

enum message_type {
	RLERROR = 7,
	TSTATFS = 8,
	TLOPEN = 12,
	TLCREATE = 14,
	TSYMLINK = 16,
	TREADLINK = 22,
	TGETATTR = 24,
	TSETATTR = 26,
	TREADDIR = 40,
	TFSYNC = 50,
	TLINK = 70,
	TMKDIR = 72,
	TRENAMEAT = 74,
	TUNLINKAT = 76,
	TVERSION = 100,
	TATTACH = 104,
	TWALK = 110,
	TREAD = 116,
	TWRITE = 118,
	TCLUNK = 120, /* the type of the answer to each is one more */
};

enum { MESSAGE_HEADER = 7, QID_BYTES = 13 };
#define MESSAGE_NO_TAG 0xffffu
#define MESSAGE_NO_FID 0xffffffffu

struct writer {
	u8 *start, *at, *end;
	bool bad;
};

struct reader {
	const u8 *at, *end;
	bool bad;
};

struct qid {
	u8 type;
	u64 path;
};

/* Starts a message of that type in `bytes` bytes of memory. */
void writer_begin(struct writer *w, u8 *memory, size_t bytes, u8 type, u16 tag);
/* Writes the size into the message's header. -> the size, 0 if the message did not fit. */
u32 writer_end(struct writer *w);
void put_u8(struct writer *w, u8 value);
void put_u16(struct writer *w, u16 value);
void put_u32(struct writer *w, u32 value);
void put_u64(struct writer *w, u64 value);
void put_string(struct writer *w, const char *text, u16 bytes);
/* Room for a string of that length, whose bytes the caller fills in; NULL: it does not fit. */
u8 *put_room(struct writer *w, u16 bytes);

/* Starts reading an answer of `bytes` bytes that is to be of that type and tag. -> 0; the error number that the server
 * answered with; -1 if it is no such answer. */
int reader_begin(struct reader *r, const u8 *memory, size_t bytes, u8 type, u16 tag);
u8 get_u8(struct reader *r);
u16 get_u16(struct reader *r);
u32 get_u32(struct reader *r);
u64 get_u64(struct reader *r);
struct qid get_qid(struct reader *r);
/* The next `bytes` bytes; NULL if there are not that many left. */
const u8 *get_bytes(struct reader *r, size_t bytes);

#endif
