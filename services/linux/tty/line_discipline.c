/* The line discipline. */
#include "services/linux/tty/line_discipline.h"

#include <asm/signal.h>

#include "lib/string.h"

enum { EOF_BYTE = 0, BELL = 7, TAB_WIDTH = 8, DELETE = 127 };

static bool local(const struct terminal *terminal, unsigned flag)
{
	return terminal->settings.c_lflag & flag;
}

static bool input_flag(const struct terminal *terminal, unsigned flag)
{
	return terminal->settings.c_iflag & flag;
}

void terminal_init(struct terminal *terminal)
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

	terminal->settings = (struct termios){
		.c_iflag = ICRNL | IXON | IUTF8,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B38400 | CS8 | CREAD,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};
	memcpy(terminal->settings.c_cc, control, sizeof(control));
	terminal_flush_input(terminal);
	terminal->column = terminal->line_column = 0;
	terminal->literal = terminal->stopped = false;
}

/* --- the ring --- */

static char ring_at(const struct terminal *terminal, uint32_t i)
{
	return terminal->ring[i % TERMINAL_RING];
}

static bool is_end(const struct terminal *terminal, uint32_t i)
{
	return terminal->ends[i % TERMINAL_RING / 8] >> i % 8 & 1;
}

static void ring_put(struct terminal *terminal, char c, bool end)
{
	uint32_t i = terminal->tail++ % TERMINAL_RING;

	terminal->ring[i] = c;
	terminal->ends[i / 8] &= (uint8_t) ~(1 << i % 8);
	if (end)
		terminal->ends[i / 8] |= (uint8_t)(1 << i % 8);
}

static uint32_t ring_count(const struct terminal *terminal)
{
	return terminal->tail - terminal->head;
}

void terminal_flush_input(struct terminal *terminal)
{
	terminal->head = terminal->canonical = terminal->tail = 0;
}

bool terminal_has_room(const struct terminal *terminal)
{
	return ring_count(terminal) < TERMINAL_RING - 1 ||
		(local(terminal, ICANON) && terminal->canonical == terminal->head);
}

void terminal_set(struct terminal *terminal, const struct termios *settings, bool flush)
{
	bool was = local(terminal, ICANON);

	terminal->settings = *settings;
	if (flush)
		terminal_flush_input(terminal);
	if (was != local(terminal, ICANON)) {
		/* What was typed so far counts as complete. */
		terminal->canonical = terminal->tail;
		if (!was && ring_count(terminal)) {
			uint32_t last = (terminal->tail - 1) % TERMINAL_RING;

			terminal->ends[last / 8] |= (uint8_t)(1 << last % 8);
		}
	}
	if (!input_flag(terminal, IXON))
		terminal->stopped = false;
}

/* --- output --- */

static void column_after(struct terminal *terminal, char c)
{
	switch (c) {
	case '\n':
	case '\r':
		terminal->column = 0;
		break;
	case '\t':
		terminal->column = (terminal->column | (TAB_WIDTH - 1)) + 1;
		break;
	case '\b':
		terminal->column -= terminal->column > 0;
		break;
	default:
		/* Bytes that continue a character of UTF-8 take no room. */
		if ((unsigned char)c >= ' ' && c != DELETE &&
			!(input_flag(terminal, IUTF8) && ((unsigned char)c & 0xc0) == 0x80))
			terminal->column++;
	}
}

/* One byte of output as the settings want it. -> bytes written to `to`. */
static size_t process(struct terminal *terminal, char c, char *to)
{
	unsigned flags = terminal->settings.c_oflag;

	if (!(flags & OPOST)) {
		*to = c;
		column_after(terminal, c);
		return 1;
	}
	if (c == '\n' && flags & ONLCR) {
		terminal->column = 0;
		memcpy(to, "\r\n", 2);
		return 2;
	}
	if (c == '\n' && !(flags & ONLRET)) {
		/* The cursor stays in its column. */
		*to = c;
		return 1;
	}
	if (c == '\r' && flags & ONOCR && terminal->column == 0)
		return 0;
	if (c == '\r' && flags & OCRNL)
		c = '\n';
	if (c == '\t' && (flags & TABDLY) == XTABS) {
		size_t spaces = TAB_WIDTH - terminal->column % TAB_WIDTH;

		memset(to, ' ', spaces);
		terminal->column += (uint32_t)spaces;
		return spaces;
	}
	*to = c;
	column_after(terminal, c);
	return 1;
}

size_t terminal_process(struct terminal *terminal, const char *from, size_t bytes, char *to)
{
	size_t length = 0;

	for (size_t i = 0; i < bytes; i++)
		length += process(terminal, from[i], to + length);
	terminal->line_column = terminal->column;
	return length;
}

/* --- echo --- */

static void put(struct terminal *terminal, const char *text, size_t bytes)
{
	char done[64];
	size_t length = 0;

	for (size_t i = 0; i < bytes; i++)
		length += process(terminal, text[i], done + length);
	terminal->output(terminal, done, length);
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == DELETE;
}

static void echo(struct terminal *terminal, char c)
{
	char shown[2] = { '^', (char)(c ^ 64) };

	if (is_control(c) && c != '\t' && c != '\n' && local(terminal, ECHOCTL))
		put(terminal, shown, 2);
	else
		put(terminal, &c, 1);
}

/* Columns that the line being edited takes up to position `end` of the ring. */
static uint32_t columns_until(const struct terminal *terminal, uint32_t end)
{
	uint32_t column = terminal->line_column;

	for (uint32_t i = terminal->canonical; i != end; i++) {
		char c = ring_at(terminal, i);

		if (c == '\t')
			column = (column | (TAB_WIDTH - 1)) + 1;
		else if (is_control(c))
			column += local(terminal, ECHOCTL) ? 2 : 0;
		else if (!(input_flag(terminal, IUTF8) && ((unsigned char)c & 0xc0) == 0x80))
			column++;
	}
	return column;
}

/* Takes the last character of the line being edited, from the screen too. */
static void erase_one(struct terminal *terminal)
{
	uint32_t before = columns_until(terminal, terminal->tail);
	uint32_t after;

	do
		terminal->tail--;
	while (input_flag(terminal, IUTF8) && terminal->tail != terminal->canonical &&
		((unsigned char)ring_at(terminal, terminal->tail) & 0xc0) == 0x80);
	if (!local(terminal, ECHO))
		return;
	if (!local(terminal, ECHOE)) {
		echo(terminal, (char)terminal->settings.c_cc[VERASE]);
		return;
	}
	for (after = columns_until(terminal, terminal->tail); after < before; after++)
		put(terminal, "\b \b", 3);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		(unsigned char)c > 127;
}

static void erase_word(struct terminal *terminal)
{
	while (terminal->tail != terminal->canonical && !is_word(ring_at(terminal, terminal->tail - 1)))
		erase_one(terminal);
	while (terminal->tail != terminal->canonical && is_word(ring_at(terminal, terminal->tail - 1)))
		erase_one(terminal);
}

static void erase_line(struct terminal *terminal)
{
	if (local(terminal, ECHO) && !(local(terminal, ECHOE) && local(terminal, ECHOKE))) {
		terminal->tail = terminal->canonical;
		echo(terminal, (char)terminal->settings.c_cc[VKILL]);
		if (local(terminal, ECHOK))
			put(terminal, "\n", 1);
		return;
	}
	while (terminal->tail != terminal->canonical)
		erase_one(terminal);
}

static void reprint(struct terminal *terminal)
{
	echo(terminal, (char)terminal->settings.c_cc[VREPRINT]);
	put(terminal, "\n", 1);
	terminal->line_column = 0;
	for (uint32_t i = terminal->canonical; i != terminal->tail; i++)
		echo(terminal, ring_at(terminal, i));
}

/* --- input --- */

static bool is_key(const struct terminal *terminal, unsigned key, char c)
{
	unsigned char wanted = terminal->settings.c_cc[key];

	return wanted && wanted == (unsigned char)c;
}

/* Characters that raise signals. -> was it one? */
static bool input_signal(struct terminal *terminal, char c)
{
	int signal = 0;

	if (!local(terminal, ISIG))
		return false;
	if (is_key(terminal, VINTR, c))
		signal = SIGINT;
	else if (is_key(terminal, VQUIT, c))
		signal = SIGQUIT;
	else if (is_key(terminal, VSUSP, c))
		signal = SIGTSTP;
	else
		return false;
	if (!local(terminal, NOFLSH))
		terminal_flush_input(terminal);
	terminal->stopped = false;
	if (local(terminal, ECHO))
		echo(terminal, c);
	terminal->signal(terminal, signal);
	return true;
}

/* Characters that stop and start output. */
static bool input_flow(struct terminal *terminal, char c)
{
	if (!input_flag(terminal, IXON))
		return false;
	if (is_key(terminal, VSTOP, c)) {
		terminal->stopped = true;
		return true;
	}
	if (is_key(terminal, VSTART, c)) {
		terminal->stopped = false;
		return true;
	}
	if (terminal->stopped && input_flag(terminal, IXANY))
		terminal->stopped = false;
	return false;
}

static void begin_echo(struct terminal *terminal)
{
	if (terminal->tail == terminal->canonical)
		terminal->line_column = terminal->column;
}

static void end_line(struct terminal *terminal, char c)
{
	ring_put(terminal, c, true);
	terminal->canonical = terminal->tail;
}

/* A character that edits or ends the line. -> was it one? */
static bool input_edit(struct terminal *terminal, char c)
{
	bool empty = terminal->tail == terminal->canonical;

	if (is_key(terminal, VERASE, c)) {
		if (!empty)
			erase_one(terminal);
	} else if (is_key(terminal, VKILL, c)) {
		erase_line(terminal);
	} else if (is_key(terminal, VWERASE, c) && local(terminal, IEXTEN)) {
		erase_word(terminal);
	} else if (is_key(terminal, VREPRINT, c) && local(terminal, IEXTEN) && local(terminal, ECHO)) {
		reprint(terminal);
	} else if (is_key(terminal, VEOF, c)) {
		end_line(terminal, EOF_BYTE);
	} else if (c == '\n') {
		if (local(terminal, ECHO) || local(terminal, ECHONL))
			put(terminal, "\n", 1);
		end_line(terminal, c);
	} else if (is_key(terminal, VEOL, c) || (is_key(terminal, VEOL2, c) && local(terminal, IEXTEN))) {
		if (local(terminal, ECHO))
			echo(terminal, c);
		end_line(terminal, c);
	} else {
		return false;
	}
	return true;
}

static void input_plain(struct terminal *terminal, char c)
{
	/* Room for the end of the line is kept free. */
	if (ring_count(terminal) >= TERMINAL_RING - 1) {
		if (input_flag(terminal, IMAXBEL))
			put(terminal, "\a", 1);
		return;
	}
	if (local(terminal, ECHO)) {
		begin_echo(terminal);
		echo(terminal, c);
	}
	ring_put(terminal, c, false);
	if (!local(terminal, ICANON))
		terminal->canonical = terminal->tail;
}

void terminal_input(struct terminal *terminal, char c)
{
	if (terminal->literal) {
		terminal->literal = false;
		input_plain(terminal, c);
		return;
	}
	if (input_flag(terminal, ISTRIP))
		c &= 0x7f;
	if (input_flow(terminal, c) || input_signal(terminal, c))
		return;
	if (c == '\r') {
		if (input_flag(terminal, IGNCR))
			return;
		if (input_flag(terminal, ICRNL))
			c = '\n';
	} else if (c == '\n' && input_flag(terminal, INLCR)) {
		c = '\r';
	}
	if (local(terminal, ICANON)) {
		if (local(terminal, IEXTEN) && is_key(terminal, VLNEXT, c)) {
			terminal->literal = true;
			if (local(terminal, ECHO) && local(terminal, ECHOCTL)) {
				begin_echo(terminal);
				terminal->output(terminal, "^\b", 2);
			}
			return;
		}
		if (input_edit(terminal, c))
			return;
	}
	input_plain(terminal, c);
}

/* --- reading --- */

bool terminal_readable(const struct terminal *terminal, unsigned minimum)
{
	if (local(terminal, ICANON))
		return terminal->canonical != terminal->head;
	return ring_count(terminal) >= minimum;
}

size_t terminal_count(const struct terminal *terminal)
{
	return (local(terminal, ICANON) ? terminal->canonical : terminal->tail) - terminal->head;
}

size_t terminal_read(struct terminal *terminal, char *to, size_t bytes)
{
	bool canonical = local(terminal, ICANON);
	size_t done = 0;

	while (done < bytes && terminal_count(terminal)) {
		uint32_t i = terminal->head++;

		if (canonical && is_end(terminal, i)) {
			if (ring_at(terminal, i) != EOF_BYTE)
				to[done++] = ring_at(terminal, i);
			break;
		}
		to[done++] = ring_at(terminal, i);
	}
	/* A line that just filled the buffer takes a following end of file with it, or the next read would see one. */
	if (canonical && done == bytes && terminal_count(terminal) && is_end(terminal, terminal->head) &&
		ring_at(terminal, terminal->head) == EOF_BYTE && done && !is_end(terminal, terminal->head - 1))
		terminal->head++;
	return done;
}
