/* The line discipline of a terminal: what happens between the bytes that a keyboard sends and those a program reads, and
 * between the bytes a program writes and those a screen gets. No sleeping, no devices, no processes: the file also
 * builds on the host for its tests.
 *
 * Input waits in a ring:
 *
 *      head              canonical            tail
 *        |  complete lines   |  line being edited |
 *
 * In canonical mode only what is before `canonical` can be read; a byte that ends a line has its bit in `ends`; an
 * end-of-file character is in the ring as such a byte with the value 0. */
#ifndef LINUX_TTY_LINE_DISCIPLINE_H
#define LINUX_TTY_LINE_DISCIPLINE_H

#include <asm/termbits.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LDISC_RING = 4096 };

struct ldisc {
	struct termios settings;
	uint32_t head, canonical, tail; /* count up without end; modulo LDISC_RING */
	uint32_t column;                /* of the cursor */
	uint32_t line_column;           /* where the line being edited began */
	bool literal;                   /* the next character is taken as it is */
	bool stopped;                   /* output, by the stop character */
	char ring[LDISC_RING];
	uint8_t ends[LDISC_RING / 8];
	/* Set by the owner: bytes for the screen; a signal for the foreground group. */
	void (*output)(struct ldisc *ldisc, const char *text, size_t bytes);
	void (*signal)(struct ldisc *ldisc, int signal);
};

/* Settings as a new terminal of Linux has them; the callbacks stay as they are. */
void ldisc_init(struct ldisc *ldisc);
/* Takes new settings in force. flush: drops unread input. */
void ldisc_set(struct ldisc *ldisc, const struct termios *settings, bool flush);
/* A byte from the keyboard. */
void ldisc_input(struct ldisc *ldisc, char c);
/* Can a read be served? VTIME is the caller's affair: minimum 0 means that it ran out. */
bool ldisc_readable(const struct ldisc *ldisc, unsigned minimum);
/* Takes input for a read. -> bytes; 0 is an end of file, or nothing there in raw mode. */
size_t ldisc_read(struct ldisc *ldisc, char *to, size_t bytes);
/* Bytes that can be read. */
size_t ldisc_count(const struct ldisc *ldisc);
/* Room for input: when there is none, the device is not read. */
bool ldisc_has_room(const struct ldisc *ldisc);
/* Output of a program: what it becomes is written to `to`, which has room for at least 8 bytes per byte. -> length. */
size_t ldisc_process(struct ldisc *ldisc, const char *from, size_t bytes, char *to);
void ldisc_flush_input(struct ldisc *ldisc);

#endif
