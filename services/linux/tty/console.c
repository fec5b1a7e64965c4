/* Ports of the console driver. The rings are in the arena that is granted to the driver, so bytes are copied only once. */
#include "services/linux/fs/fs.h"
#include "services/linux/tty/console.h"

#include <asm/errno.h>

#include "services/runtime/service.h"

#include "services/linux/helper.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/tty/private.h"
#include "services/linux/user_memory.h"

enum { RING_BYTES = 65536, LINE_BYTES = 4096 };

static struct {
	char input[CONSOLE_CHUNK];
	char output[2][RING_BYTES];
	char control_in[LINE_BYTES];
	char control_out[LINE_BYTES];
} arena __attribute__((aligned(4096)));

static struct lock find_lock;
static u64 portal;

struct wait_queue console_input = { LIST_INIT(console_input.waiters) };

/* Standard input. [L] but for the part that the reader may fill while `asked` is set. */
static struct {
	u32 start, end;
	bool asked, ended;
	u32 word; /* the reader sleeps on it */
} input;

static struct output {
	u32 head, count;
	bool busy; /* the thread is inside the driver */
	bool idle; /* the thread sleeps on word */
	u32 word;
	u32 drained; /* counts the times the ring became empty: console_drain() sleeps on it */
	unsigned port;
	struct wait_queue room;
} outputs[2];

static bool held;
static void (*map_wanted)(void), (*time_is_up)(void);

/* --- calling the driver --- */

static int console_find(u64 *found)
{
	i64 result = 0;
	u64 number;

	lock_acquire(&find_lock);
	if (!portal) {
		result = portal_call(service_start->registry, REGISTRY_FIND, SERVICE_CONSOLE, globalize(&arena),
			sizeof(arena), 0, 0, &number);
		if (result > 0)
			portal = (u64)result;
	}
	*found = portal;
	lock_release(&find_lock);
	return result < 0 ? -EIO : 0;
}

/* Calls the driver; if it ends meanwhile, calls its successor. */
static i64 console_call(enum console_op op, unsigned port, const void *buffer, u64 bytes)
{
	u64 at, word1;
	i64 result;

	for (;;) {
		if (console_find(&at))
			return -EIO;
		result = portal_call(at, op, port, globalize(buffer), bytes, 0, 0, &word1);
		if (!portal_is_lost(result))
			return result < 0 ? -EIO : result;
		lock_acquire(&find_lock);
		if (portal == at)
			portal = 0;
		lock_release(&find_lock);
	}
}

/* --- input --- */

static void input_ask(void)
{
	if (input.asked || input.ended)
		return;
	input.asked = true;
	__atomic_fetch_add(&input.word, 1, __ATOMIC_SEQ_CST);
	call_wake(&input.word, 1);
}

static void input_thread(void *unused)
{
	(void)unused;
	for (;;) {
		u32 word = __atomic_load_n(&input.word, __ATOMIC_SEQ_CST);
		i64 got;

		if (!__atomic_load_n(&input.asked, __ATOMIC_SEQ_CST)) {
			call_wait(&input.word, word, 0, 0);
			continue;
		}
		got = console_call(CONSOLE_READ, PORT_STDIN, arena.input, sizeof(arena.input));
		service_lock();
		input.start = 0;
		input.end = got > 0 ? (u32)got : 0;
		input.ended = got <= 0;
		input.asked = false;
		wake_up(&console_input);
		service_unlock();
		if (got <= 0)
			return;
	}
}

static void tty_thread(void *unused)
{
	(void)unused;
	for (;;) {
		i64 got = console_call(CONSOLE_READ, PORT_STDIN, arena.input, sizeof(arena.input));

		service_lock();
		if (got > 0)
			tty_console_input(arena.input, (size_t)got);
		else
			tty_console_hangup();
		service_unlock();
		if (got <= 0)
			return;
	}
}

bool console_readable(void)
{
	if (input.start != input.end || input.ended)
		return true;
	input_ask();
	return false;
}

long console_read(struct task *self, void *to, size_t bytes, bool wait)
{
	u64 piece, copied;
	int error;

	if (!bytes)
		return 0;
	while (!console_readable()) {
		if (!wait)
			return -EAGAIN;
		error = wait_on(self, &console_input, 0);
		if (error)
			return error;
	}
	piece = min_u64(bytes, input.end - input.start);
	copied = copy_guarded(to, arena.input + input.start, piece);
	input.start += (u32)copied;
	return copied < piece && !copied ? -EFAULT : (long)copied;
}

/* --- output --- */

static struct output *output_of(unsigned port)
{
	return &outputs[port == PORT_STDERR];
}

static char *ring_of(const struct output *output)
{
	return arena.output[output - outputs];
}

struct wait_queue *console_output(unsigned port)
{
	return &output_of(port)->room;
}

static void output_start(struct output *output)
{
	__atomic_fetch_add(&output->word, 1, __ATOMIC_SEQ_CST);
	if (output->idle)
		call_wake(&output->word, 1);
}

/* Hands the next piece of the ring to the driver. -> false: there is none. */
static bool output_next(struct output *output)
{
	u64 piece;
	i64 done;

	service_lock();
	piece = held ? 0 : min_u64(output->count, RING_BYTES - output->head);
	output->idle = !piece;
	output->busy = piece;
	service_unlock();
	if (!piece)
		return false;
	done = console_call(CONSOLE_WRITE, output->port, ring_of(output) + output->head, piece);
	service_lock();
	output->busy = false;
	/* If the host does not read any more, output is dropped. */
	done = done > 0 ? done : (i64)piece;
	output->count -= (u32)done;
	output->head = output->count ? (output->head + (u32)done) % RING_BYTES : 0;
	if (!output->count) {
		__atomic_fetch_add(&output->drained, 1, __ATOMIC_SEQ_CST);
		call_wake(&output->drained, ~0u);
	}
	wake_up(&outputs[0].room);
	wake_up(&outputs[1].room);
	service_unlock();
	return true;
}

static void output_thread(void *argument)
{
	struct output *output = argument;

	for (;;) {
		u32 word = __atomic_load_n(&output->word, __ATOMIC_SEQ_CST);

		if (!output_next(output))
			call_wait(&output->word, word, 0, 0);
	}
}

static size_t ring_put(struct output *output, const void *from, size_t bytes)
{
	char *ring = ring_of(output);
	size_t done = 0;

	while (done < bytes && output->count < RING_BYTES) {
		u32 tail = (output->head + output->count) % RING_BYTES;
		u64 piece = min_u64(min_u64(bytes - done, RING_BYTES - output->count), RING_BYTES - tail);
		u64 copied = copy_guarded(ring + tail, (const char *)from + done, piece);

		output->count += (u32)copied;
		done += copied;
		if (copied < piece)
			break;
	}
	return done;
}

static bool other_empty(const struct output *output)
{
	return outputs[output == outputs].count == 0;
}

bool console_writable(unsigned port)
{
	return output_of(port)->count < RING_BYTES && other_empty(output_of(port));
}

long console_write(struct task *self, unsigned port, const void *from, size_t bytes, bool wait)
{
	struct output *output = output_of(port);
	size_t done = 0;

	while (done < bytes) {
		int error = 0;
		size_t more;

		while (!console_writable(port) && !error)
			error = wait ? wait_on(self, &output->room, 0) : -EAGAIN;
		if (error)
			return done ? (long)done : error;
		more = ring_put(output, (const char *)from + done, bytes - done);
		if (!more)
			return done ? (long)done : -EFAULT;
		output_start(output);
		done += more;
	}
	return (long)done;
}

void console_echo(unsigned port, const char *from, size_t bytes)
{
	struct output *output = output_of(port);

	if (output->count + bytes <= RING_BYTES) {
		ring_put(output, from, bytes);
		output_start(output);
	}
}

void console_hold(bool hold)
{
	if (held == hold)
		return;
	held = hold;
	for (unsigned i = 0; i < 2; i++)
		if (!hold && outputs[i].count)
			output_start(&outputs[i]);
}

void console_drain(void)
{
	console_hold(false);
	for (unsigned i = 0; i < 2; i++) {
		while (outputs[i].count) {
			u32 drained = __atomic_load_n(&outputs[i].drained, __ATOMIC_SEQ_CST);

			output_start(&outputs[i]);
			service_unlock();
			call_wait(&outputs[i].drained, drained, 0, 0);
			service_lock();
		}
	}
}

/* --- the control port --- */

void control_send(const char *text, size_t bytes)
{
	while (bytes) {
		size_t piece = min_u64(bytes, sizeof(arena.control_out));
		i64 done;

		memcpy(arena.control_out, text, piece);
		done = console_call(CONSOLE_WRITE, PORT_CONTROL, arena.control_out, piece);
		if (done <= 0)
			return;
		text += done;
		bytes -= (size_t)done;
	}
}

static void control_line(const char *line)
{
	if (strncmp(line, "size ", 5) == 0) {
		const char *at = line + 5;
		unsigned rows = (unsigned)parse_number(&at);

		at += *at == ' ';
		tty_console_resize(rows, (unsigned)parse_number(&at));
	} else if (strcmp(line, "continue") == 0) {
		tty_console_continue();
	} else if (strcmp(line, "map") == 0) {
		map_wanted();
	} else if (strcmp(line, "timeout") == 0) {
		time_is_up();
	}
}

static void control_thread(void *unused)
{
	static char line[LINE_BYTES];
	size_t length = 0;

	(void)unused;
	for (;;) {
		i64 got = console_call(CONSOLE_READ, PORT_CONTROL, arena.control_in, sizeof(arena.control_in));

		if (got <= 0)
			return;
		for (i64 i = 0; i < got; i++) {
			if (arena.control_in[i] != '\n') {
				if (length < sizeof(line) - 1)
					line[length++] = arena.control_in[i];
				continue;
			}
			line[length] = 0;
			length = 0;
			service_lock();
			control_line(line);
			service_unlock();
		}
	}
}

void console_init(bool tty, void (*map)(void), void (*time_out)(void))
{
	map_wanted = map;
	time_is_up = time_out;
	for (unsigned i = 0; i < 2; i++) {
		outputs[i].port = i ? PORT_STDERR : PORT_STDOUT;
		wait_queue_init(&outputs[i].room);
		helper_start(output_thread, &outputs[i]);
	}
	helper_start(tty ? tty_thread : input_thread, NULL);
	helper_start(control_thread, NULL);
}
