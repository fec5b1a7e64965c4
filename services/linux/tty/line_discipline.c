/* The line discipline. */
#include "services/linux/tty/line_discipline.h"

#include <asm/signal.h>

#include "lib/string.h"

enum { EOF_BYTE = 0, BELL = 7, TAB_WIDTH = 8, DELETE = 127 };

static bool local(const struct ldisc *ldisc, unsigned flag)
{
	return ldisc->settings.c_lflag & flag;
}

static bool input_flag(const struct ldisc *ldisc, unsigned flag)
{
	return ldisc->settings.c_iflag & flag;
}

void ldisc_init(struct ldisc *ldisc)
{
	static const unsigned char control[NCCS] = {
		[VINTR] = 3,
		[VQUIT] = 28,
		[VERASE] = DELETE,
		[VKILL] = 21,
		[VEOF] = 4,
		[VTIME] = 0,
		[VMIN] = 1,
		[VSTART] = 17,
		[VSTOP] = 19,
		[VSUSP] = 26,
		[VREPRINT] = 18,
		[VDISCARD] = 15,
		[VWERASE] = 23,
		[VLNEXT] = 22,
	};

	ldisc->settings = (struct termios){
		.c_iflag = ICRNL | IXON | IUTF8,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B38400 | CS8 | CREAD,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};
	memcpy(ldisc->settings.c_cc, control, sizeof(control));
	ldisc_flush_input(ldisc);
	ldisc->column = ldisc->line_column = 0;
	ldisc->literal = ldisc->stopped = false;
}

/* --- the ring --- */

static char ring_at(const struct ldisc *ldisc, uint32_t i)
{
	return ldisc->ring[i % LDISC_RING];
}

static bool is_end(const struct ldisc *ldisc, uint32_t i)
{
	return ldisc->ends[i % LDISC_RING / 8] >> i % 8 & 1;
}

static void ring_put(struct ldisc *ldisc, char c, bool end)
{
	uint32_t i = ldisc->tail++ % LDISC_RING;

	ldisc->ring[i] = c;
	ldisc->ends[i / 8] &= (uint8_t) ~(1 << i % 8);
	if (end)
		ldisc->ends[i / 8] |= (uint8_t)(1 << i % 8);
}

static uint32_t ring_count(const struct ldisc *ldisc)
{
	return ldisc->tail - ldisc->head;
}

void ldisc_flush_input(struct ldisc *ldisc)
{
	ldisc->head = ldisc->canonical = ldisc->tail = 0;
}

bool ldisc_has_room(const struct ldisc *ldisc)
{
	return ring_count(ldisc) < LDISC_RING - 1 || (local(ldisc, ICANON) && ldisc->canonical == ldisc->head);
}

void ldisc_set(struct ldisc *ldisc, const struct termios *settings, bool flush)
{
	bool was = local(ldisc, ICANON);

	ldisc->settings = *settings;
	if (flush)
		ldisc_flush_input(ldisc);
	if (was != local(ldisc, ICANON)) {
		/* What was typed so far counts as complete. */
		ldisc->canonical = ldisc->tail;
		if (!was && ring_count(ldisc)) {
			uint32_t last = (ldisc->tail - 1) % LDISC_RING;

			ldisc->ends[last / 8] |= (uint8_t)(1 << last % 8);
		}
	}
	if (!input_flag(ldisc, IXON))
		ldisc->stopped = false;
}

/* --- output --- */

static void column_after(struct ldisc *ldisc, char c)
{
	switch (c) {
	case '\n':
	case '\r':
		ldisc->column = 0;
		break;
	case '\t':
		ldisc->column = (ldisc->column | (TAB_WIDTH - 1)) + 1;
		break;
	case '\b':
		ldisc->column -= ldisc->column > 0;
		break;
	default:
		/* Bytes that continue a character of UTF-8 take no room. */
		if ((unsigned char)c >= ' ' && c != DELETE &&
			!(input_flag(ldisc, IUTF8) && ((unsigned char)c & 0xc0) == 0x80))
			ldisc->column++;
	}
}

/* Processes one byte of output by the settings (OPOST). -> bytes written to `to`. */
static size_t process(struct ldisc *ldisc, char c, char *to)
{
	unsigned flags = ldisc->settings.c_oflag;

	if (!(flags & OPOST)) {
		*to = c;
		column_after(ldisc, c);
		return 1;
	}
	if (c == '\n' && flags & ONLCR) {
		ldisc->column = 0;
		memcpy(to, "\r\n", 2);
		return 2;
	}
	if (c == '\n' && !(flags & ONLRET)) {
		/* The cursor stays in its column. */
		*to = c;
		return 1;
	}
	if (c == '\r' && flags & ONOCR && ldisc->column == 0)
		return 0;
	if (c == '\r' && flags & OCRNL)
		c = '\n';
	if (c == '\t' && (flags & TABDLY) == XTABS) {
		size_t spaces = TAB_WIDTH - ldisc->column % TAB_WIDTH;

		memset(to, ' ', spaces);
		ldisc->column += (uint32_t)spaces;
		return spaces;
	}
	*to = c;
	column_after(ldisc, c);
	return 1;
}

size_t ldisc_process(struct ldisc *ldisc, const char *from, size_t bytes, char *to)
{
	size_t length = 0;

	for (size_t i = 0; i < bytes; i++)
		length += process(ldisc, from[i], to + length);
	ldisc->line_column = ldisc->column;
	return length;
}

/* --- echo --- */

static void put(struct ldisc *ldisc, const char *text, size_t bytes)
{
	char done[64];
	size_t length = 0;

	for (size_t i = 0; i < bytes; i++)
		length += process(ldisc, text[i], done + length);
	ldisc->output(ldisc, done, length);
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == DELETE;
}

static void echo(struct ldisc *ldisc, char c)
{
	char shown[2] = { '^', (char)(c ^ 64) };

	if (is_control(c) && c != '\t' && c != '\n' && local(ldisc, ECHOCTL))
		put(ldisc, shown, 2);
	else
		put(ldisc, &c, 1);
}

/* Columns that a character of the line being edited takes, other than a tab. */
static uint32_t width_of(const struct ldisc *ldisc, char c)
{
	if (is_control(c))
		return local(ldisc, ECHOCTL) ? 2 : 0;
	return !(input_flag(ldisc, IUTF8) && ((unsigned char)c & 0xc0) == 0x80);
}

/* Columns that a tab at the end of the line takes. Looks only at characters behind the tab before, so that erasing all characters
 * of a line takes time in proportion to its length. */
static uint32_t width_of_tab(const struct ldisc *ldisc)
{
	uint32_t column = 0, i = ldisc->tail;

	while (i != ldisc->canonical && ring_at(ldisc, i - 1) != '\t')
		column += width_of(ldisc, ring_at(ldisc, --i));
	if (i == ldisc->canonical)
		column += ldisc->line_column;
	return TAB_WIDTH - column % TAB_WIDTH;
}

/* Erases the last character of the line being edited, on the screen too. */
static void erase_one(struct ldisc *ldisc)
{
	uint32_t width;
	char c;

	do
		c = ring_at(ldisc, --ldisc->tail);
	while (input_flag(ldisc, IUTF8) && ldisc->tail != ldisc->canonical && ((unsigned char)c & 0xc0) == 0x80);
	if (!local(ldisc, ECHO))
		return;
	if (!local(ldisc, ECHOE)) {
		echo(ldisc, (char)ldisc->settings.c_cc[VERASE]);
		return;
	}
	for (width = c == '\t' ? width_of_tab(ldisc) : width_of(ldisc, c); width; width--)
		put(ldisc, "\b \b", 3);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		(unsigned char)c > 127;
}

static void erase_word(struct ldisc *ldisc)
{
	while (ldisc->tail != ldisc->canonical && !is_word(ring_at(ldisc, ldisc->tail - 1)))
		erase_one(ldisc);
	while (ldisc->tail != ldisc->canonical && is_word(ring_at(ldisc, ldisc->tail - 1)))
		erase_one(ldisc);
}

static void erase_line(struct ldisc *ldisc)
{
	if (local(ldisc, ECHO) && !(local(ldisc, ECHOE) && local(ldisc, ECHOKE))) {
		ldisc->tail = ldisc->canonical;
		echo(ldisc, (char)ldisc->settings.c_cc[VKILL]);
		if (local(ldisc, ECHOK))
			put(ldisc, "\n", 1);
		return;
	}
	while (ldisc->tail != ldisc->canonical)
		erase_one(ldisc);
}

static void reprint(struct ldisc *ldisc)
{
	echo(ldisc, (char)ldisc->settings.c_cc[VREPRINT]);
	put(ldisc, "\n", 1);
	ldisc->line_column = 0;
	for (uint32_t i = ldisc->canonical; i != ldisc->tail; i++)
		echo(ldisc, ring_at(ldisc, i));
}

/* --- input --- */

static bool is_key(const struct ldisc *ldisc, unsigned key, char c)
{
	unsigned char wanted = ldisc->settings.c_cc[key];

	return wanted && wanted == (unsigned char)c;
}

/* Characters that raise signals. -> was it one? */
static bool input_signal(struct ldisc *ldisc, char c)
{
	int signal = 0;

	if (!local(ldisc, ISIG))
		return false;
	if (is_key(ldisc, VINTR, c))
		signal = SIGINT;
	else if (is_key(ldisc, VQUIT, c))
		signal = SIGQUIT;
	else if (is_key(ldisc, VSUSP, c))
		signal = SIGTSTP;
	else
		return false;
	if (!local(ldisc, NOFLSH))
		ldisc_flush_input(ldisc);
	ldisc->stopped = false;
	if (local(ldisc, ECHO))
		echo(ldisc, c);
	ldisc->signal(ldisc, signal);
	return true;
}

/* Characters that stop and start output. */
static bool input_flow(struct ldisc *ldisc, char c)
{
	if (!input_flag(ldisc, IXON))
		return false;
	if (is_key(ldisc, VSTOP, c)) {
		ldisc->stopped = true;
		return true;
	}
	if (is_key(ldisc, VSTART, c)) {
		ldisc->stopped = false;
		return true;
	}
	if (ldisc->stopped && input_flag(ldisc, IXANY))
		ldisc->stopped = false;
	return false;
}

static void begin_echo(struct ldisc *ldisc)
{
	if (ldisc->tail == ldisc->canonical)
		ldisc->line_column = ldisc->column;
}

static void end_line(struct ldisc *ldisc, char c)
{
	ring_put(ldisc, c, true);
	ldisc->canonical = ldisc->tail;
}

/* A character that edits or ends the line. -> was it one? */
static bool input_edit(struct ldisc *ldisc, char c)
{
	bool empty = ldisc->tail == ldisc->canonical;

	if (is_key(ldisc, VERASE, c)) {
		if (!empty)
			erase_one(ldisc);
	} else if (is_key(ldisc, VKILL, c)) {
		erase_line(ldisc);
	} else if (is_key(ldisc, VWERASE, c) && local(ldisc, IEXTEN)) {
		erase_word(ldisc);
	} else if (is_key(ldisc, VREPRINT, c) && local(ldisc, IEXTEN) && local(ldisc, ECHO)) {
		reprint(ldisc);
	} else if (is_key(ldisc, VEOF, c)) {
		end_line(ldisc, EOF_BYTE);
	} else if (c == '\n') {
		if (local(ldisc, ECHO) || local(ldisc, ECHONL))
			put(ldisc, "\n", 1);
		end_line(ldisc, c);
	} else if (is_key(ldisc, VEOL, c) || (is_key(ldisc, VEOL2, c) && local(ldisc, IEXTEN))) {
		if (local(ldisc, ECHO))
			echo(ldisc, c);
		end_line(ldisc, c);
	} else {
		return false;
	}
	return true;
}

static void input_plain(struct ldisc *ldisc, char c)
{
	/* Room for the end of the line is kept free. */
	if (ring_count(ldisc) >= LDISC_RING - 1) {
		if (input_flag(ldisc, IMAXBEL))
			put(ldisc, "\a", 1);
		return;
	}
	if (local(ldisc, ECHO)) {
		begin_echo(ldisc);
		echo(ldisc, c);
	}
	ring_put(ldisc, c, false);
	if (!local(ldisc, ICANON))
		ldisc->canonical = ldisc->tail;
}

void ldisc_input(struct ldisc *ldisc, char c)
{
	if (ldisc->literal) {
		ldisc->literal = false;
		input_plain(ldisc, c);
		return;
	}
	if (input_flag(ldisc, ISTRIP))
		c &= 0x7f;
	if (input_flow(ldisc, c) || input_signal(ldisc, c))
		return;
	if (c == '\r') {
		if (input_flag(ldisc, IGNCR))
			return;
		if (input_flag(ldisc, ICRNL))
			c = '\n';
	} else if (c == '\n' && input_flag(ldisc, INLCR)) {
		c = '\r';
	}
	if (local(ldisc, ICANON)) {
		if (local(ldisc, IEXTEN) && is_key(ldisc, VLNEXT, c)) {
			ldisc->literal = true;
			if (local(ldisc, ECHO) && local(ldisc, ECHOCTL)) {
				begin_echo(ldisc);
				ldisc->output(ldisc, "^\b", 2);
			}
			return;
		}
		if (input_edit(ldisc, c))
			return;
	}
	input_plain(ldisc, c);
}

/* --- reading --- */

bool ldisc_readable(const struct ldisc *ldisc, unsigned minimum)
{
	if (local(ldisc, ICANON))
		return ldisc->canonical != ldisc->head;
	return ring_count(ldisc) >= minimum;
}

size_t ldisc_count(const struct ldisc *ldisc)
{
	return (local(ldisc, ICANON) ? ldisc->canonical : ldisc->tail) - ldisc->head;
}

size_t ldisc_read(struct ldisc *ldisc, char *to, size_t bytes)
{
	bool canonical = local(ldisc, ICANON);
	size_t done = 0;

	while (done < bytes && ldisc_count(ldisc)) {
		uint32_t i = ldisc->head++;

		if (canonical && is_end(ldisc, i)) {
			if (ring_at(ldisc, i) != EOF_BYTE)
				to[done++] = ring_at(ldisc, i);
			break;
		}
		to[done++] = ring_at(ldisc, i);
	}
	/* A line that just filled the buffer takes a following end of file with it, or the next read would see one. */
	if (canonical && done == bytes && ldisc_count(ldisc) && is_end(ldisc, ldisc->head) &&
		ring_at(ldisc, ldisc->head) == EOF_BYTE && done && !is_end(ldisc, ldisc->head - 1))
		ldisc->head++;
	return done;
}
