/* Messages of 9P2000.L: message.h. */
#include "message.h"

#include "lib/string.h"

static void put(struct writer *w, u64 value, unsigned bytes)
{
	if ((size_t)(w->end - w->at) < bytes) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		*w->at++ = (u8)(value >> (8 * i));
}

void put_u8(struct writer *w, u8 value)
{
	put(w, value, 1);
}

void put_u16(struct writer *w, u16 value)
{
	put(w, value, 2);
}

void put_u32(struct writer *w, u32 value)
{
	put(w, value, 4);
}

void put_u64(struct writer *w, u64 value)
{
	put(w, value, 8);
}

u8 *put_room(struct writer *w, u16 bytes)
{
	u8 *room;

	put_u16(w, bytes);
	room = w->at;
	if (w->bad || (size_t)(w->end - w->at) < bytes) {
		w->bad = true;
		return NULL;
	}
	w->at += bytes;
	return room;
}

void put_string(struct writer *w, const char *text, u16 bytes)
{
	u8 *room = put_room(w, bytes);

	if (room)
		memcpy(room, text, bytes);
}

void writer_begin(struct writer *w, u8 *memory, size_t bytes, u8 type, u16 tag)
{
	*w = (struct writer){ .start = memory, .at = memory, .end = memory + bytes };
	put_u32(w, 0);
	put_u8(w, type);
	put_u16(w, tag);
}

u32 writer_end(struct writer *w)
{
	const u32 size = (u32)(w->at - w->start);

	if (w->bad)
		return 0;
	w->at = w->start;
	put_u32(w, size);
	return size;
}

static u64 get(struct reader *r, unsigned bytes)
{
	u64 value = 0;

	if ((size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value |= (u64)*r->at++ << (8 * i);
	return value;
}

u8 get_u8(struct reader *r)
{
	return (u8)get(r, 1);
}

u16 get_u16(struct reader *r)
{
	return (u16)get(r, 2);
}

u32 get_u32(struct reader *r)
{
	return (u32)get(r, 4);
}

u64 get_u64(struct reader *r)
{
	return get(r, 8);
}

struct qid get_qid(struct reader *r)
{
	struct qid qid;

	qid.type = get_u8(r);
	get_u32(r); /* its version */
	qid.path = get_u64(r);
	return qid;
}

const u8 *get_bytes(struct reader *r, size_t bytes)
{
	const u8 *at = r->at;

	if ((size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		return NULL;
	}
	r->at += bytes;
	return at;
}

int reader_begin(struct reader *r, const u8 *memory, size_t bytes, u8 type, u16 tag)
{
	u32 size, number;
	u8 got;

	*r = (struct reader){ .at = memory, .end = memory + bytes };
	size = get_u32(r);
	got = get_u8(r);
	if (get_u16(r) != tag || r->bad || size < MESSAGE_HEADER || size > bytes)
		return -1;
	r->end = memory + size;
	if (got == type)
		return 0;
	if (got != RLERROR)
		return -1;
	number = get_u32(r);
	return !r->bad && number > 0 && number < 4096 ? (int)number : -1;
}
