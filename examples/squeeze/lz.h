/* A small compressor: repeated strings are replaced by references to where they were before. Shared by the library (lz.c) and who
 * calls it. */
#ifndef LZ_H
#define LZ_H

/* Bytes that packing so many can come to at most. */
static inline long lz_room(long bytes)
{
	return bytes + bytes / 32 + 2;
}

/* -> bytes written at `to`; -1: there is no room for them. */
long lz_pack(const unsigned char *from, long bytes, unsigned char *to, long room);
/* -> bytes written at `to`; -1: there is no room for them, or what is at `from` was not made by lz_pack(). */
long lz_unpack(const unsigned char *from, long bytes, unsigned char *to, long room);
/* A checksum (Adler-32). */
unsigned lz_sum(const unsigned char *from, long bytes);
/* Bytes that this instance of the library has packed so far. */
long lz_total(void);

#endif
