/* Bounds tables: the layout that the Linux service, the library and the tests share.
 *
 * A pointer at location L has its bounds in a table. A directory has an entry for each chunk of 1 MiB of locations, a table an
 * entry for each eight bytes of its chunk: so a table is 4 MiB, four bytes for each byte that it covers. Both are the
 * program's memory, and only what is touched takes frames. A program that needs a table that is not there traps, and the Linux
 * service makes the table.
 *
 *   L:  [ 63 ........ 48 | 47 ........... 20 | 19 ........ 3 | 2 0 ]
 *                          directory entry     table entry
 *
 * There are two kinds. The processor's (MPX) are as its instructions BNDLDX and BNDSTX want them: the directory is wherever
 * the program says (BNDCFGU), its entries are addresses of tables with bit 0 set, zero if there is none. The library's
 * (<allod/bounds.h>) have the directory at a fixed address, with an entry for each MiB of the window; an entry is the address of
 * the table less 4 * the first location of its chunk, so the table entry of L is at entry + 4 * L, without masking.
 * Locations are native addresses, multiples of eight. */
#ifndef ALLOD_ABI_BOUNDS_H
#define ALLOD_ABI_BOUNDS_H

#ifndef __ASSEMBLER__
#include <stdint.h>
#endif

#define BOUNDS_CHUNK_SHIFT 20
#define BOUNDS_CHUNK (1ul << BOUNDS_CHUNK_SHIFT)
#define BOUNDS_TABLE_BYTES (4 * BOUNDS_CHUNK)
#define BOUNDS_INDEX_BITS 28
#define BOUNDS_DIRECTORY_BYTES (8ul << BOUNDS_INDEX_BITS) /* of the processor's kind */

/* Directory entries. */
#define BOUNDS_HARD_VALID 1ul
#define BOUNDS_HARD_ADDRESS (~7ul)
#define BOUNDS_SOFT_DIRECTORY 0x60000000ul /* STACKLET_END */
#define BOUNDS_SOFT_MARK 0x18ul            /* table entries are addressed by their last word: bits 11:0 of a valid entry */

/* A marked undefined instruction of the library (BOUNDS_TRAP + one of these in its immediate) asks the Linux service; words are in
 * the first argument registers. It goes on behind the instruction with 0 or -errno in the result register.
 *   START    makes the directory
 *   TABLE    location: makes the table, or does nothing if it is there
 *   REPORT   pointer, lower, upper: SIGSEGV with SEGV_BNDERR; the instruction pointer is left at the instruction */
#define BOUNDS_TRAP 0xb0d0
#define BOUNDS_TRAP_START 0
#define BOUNDS_TRAP_TABLE 1
#define BOUNDS_TRAP_REPORT 2
#define BOUNDS_TRAP_KINDS 3

#ifndef __ASSEMBLER__

/* A table entry. In the processor's kind, lower is the address of the first byte and upper the complement of the address of the
 * last. In the library's, lower is the negative of the first and upper the complement of last - first. In both, zeroes mean no
 * bounds. */
struct bounds_entry {
	uint64_t lower, upper;
	uint64_t pointer;       /* whose bounds these are: if another is found at the location, it has none */
	uint32_t begun, ended;  /* the library's: versions, see <allod/bounds.h>. The processor leaves them alone. */
};
_Static_assert(sizeof(struct bounds_entry) == 32, "geometry");

/* The library's directory entry for a table. */
static inline uint64_t bounds_soft_entry(uint64_t chunk, uint64_t table)
{
	return table + BOUNDS_SOFT_MARK - (chunk << BOUNDS_CHUNK_SHIFT) * 4;
}

#endif

#endif
