/* One loop around poll(): relay.h. Signals come through a descriptor as well, so nothing here runs asynchronously.
 *
 * The guest sends "exit" only after the host has taken all that the program wrote. So all output is in the sockets then: the loop
 * goes on until they are empty, and ends. */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "name.h"
#include "options.h"
#include "qemu.h"
#include "stream.h"
#include "symbols.h"
#include "terminal.h"

enum {
	ENTRY_SIGNAL,
	ENTRY_CONTROL,
	ENTRY_INPUT,
	ENTRY_OUTPUT = 4,
	ENTRY_ERROR = 6,
	ENTRY_NAME = 8,
	ENTRIES = 9,
	CONTROL_BYTES = 64 * 1024,
	LAST_WORDS_SECONDS = 5
};

struct relay {
	struct qemu *qemu;
	struct terminal *terminal;
	const struct options *options;
	struct stream input, output, error;
	int signals;
	int result;         /* -1 until the program's end is known */
	bool stopping;      /* the job in the guest has stopped: the tool stops, too, when all output is out */
	bool control_ended; /* nothing more comes from the control port */
	struct name name;   /* by which clients ask for a map */
	/* What follows a line that announces it: statistics or a map. */
	struct {
		size_t left; /* bytes still to come */
		void (*done)(struct relay *relay, const char *text, size_t bytes);
		FILE *file; /* where they are collected, a stream to the next two; NULL: nothing is announced */
		char *text;
		size_t bytes;
	} block;
	bool timed_out;                    /* "timeout" has been sent; the guest has a moment to say where it stands */
	bool stats_complete, map_complete; /* they have come */
	size_t used;
	char line[CONTROL_BYTES]; /* begin of the next line of the control port */
	struct timespec start;
};

static const int caught[] = { SIGCHLD, SIGWINCH, SIGCONT, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static sigset_t caught_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&set, caught[i]);
	return set;
}

void relay_prepare(void)
{
	sigset_t set = caught_set();

	sigaddset(&set, SIGPIPE); /* writes then fail with EPIPE; whether it was ignored stays to be seen */
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL); /* ignored by our parent, it would take the guest's end away from us */
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

/* --- the control port --- */

static void tell(struct relay *relay, const char *line)
{
	if (write(relay->qemu->ports[PORT_CONTROL], line, strlen(line)) < 0)
		return; /* the guest is gone, or does not listen: it can do without */
}

static void tell_size(struct relay *relay)
{
	char *line = text_of("size %u %u\n", relay->terminal->rows, relay->terminal->cols);

	tell(relay, line);
	free(line);
}

/* Stops as the default action of SIGTSTP does; returns when the tool is continued. */
static void stop_here(struct relay *relay)
{
	sigset_t set;

	terminal_restore(relay->terminal);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	terminal_raw(relay->terminal);
}

/* The foreground job of the guest's terminal has stopped: stops the job of the host that the tool is in, with its neighbours in a
 * pipeline. */
static void stop_job(struct relay *relay)
{
	kill(0, SIGTSTP);
	stop_here(relay);
	terminal_measure(relay->terminal);
	tell_size(relay);
	tell(relay, "continue\n");
}

/* Writes the guest's statistics, an object in JSON, with the time that only the tool knows in front. */
static void write_stats(struct relay *relay, const char *text, size_t bytes)
{
	FILE *file;

	relay->stats_complete = bytes > 0;
	if (!relay->options->stats || text[0] != '{')
		return;
	file = fopen(relay->options->stats, "we");
	if (file)
		fprintf(file, "{\"wall_ns\": %.0f, %s", 1e9 * seconds_since(&relay->start), text + 1);
	if (!file || fclose(file))
		message("--stats %s: %s", relay->options->stats, strerror(errno));
}

/* Sends the guest's map to the clients that asked, and keeps it if it is the last one. */
static void take_map(struct relay *relay, const char *sent, size_t bytes)
{
	char *text = symbols_add(sent, bytes, relay->options);
	FILE *file;

	name_answer(&relay->name, text ? text : "", text ? strlen(text) : 0);
	relay->map_complete = text != NULL;
	if (text && relay->options->map) {
		file = fopen(relay->options->map, "we");
		if (file)
			fputs(text, file);
		if (!file || fclose(file))
			message("--map %s: %s", relay->options->map, strerror(errno));
	}
	free(text);
}

static void begin_block(struct relay *relay, const char *bytes, void (*done)(struct relay *, const char *, size_t))
{
	relay->block.left = strtoul(bytes, NULL, 10);
	relay->block.done = done;
	relay->block.file = open_memstream(&relay->block.text, &relay->block.bytes);
	if (!relay->block.file)
		out_of_memory();
}

/* Collects what was announced. -> bytes of the buffer's begin that belong to it. */
static size_t take_block(struct relay *relay, const char *data, size_t bytes)
{
	if (bytes > relay->block.left)
		bytes = relay->block.left;
	fwrite(data, 1, bytes, relay->block.file);
	relay->block.left -= bytes;
	if (!relay->block.left) {
		if (fclose(relay->block.file))
			out_of_memory();
		relay->block.file = NULL;
		relay->block.done(relay, relay->block.text, relay->block.bytes);
		free(relay->block.text);
	}
	return bytes;
}

static void obey(struct relay *relay, char *line)
{
	if (!strncmp(line, "exit ", 5)) {
		if (relay->result < 0)
			relay->result = atoi(line + 5) & 255;
	} else if (!strcmp(line, "stop")) {
		relay->stopping = true;
	} else if (!strncmp(line, "error ", 6)) {
		message("%s", line + 6);
	} else if (!strncmp(line, "warning ", 8)) {
		message("%s", line + 8);
	} else if (!strncmp(line, "stats ", 6)) {
		begin_block(relay, line + 6, write_stats);
	} else if (!strncmp(line, "map ", 4)) {
		begin_block(relay, line + 4, take_map);
	} else {
		message_verbose("the guest says: %s", line);
	}
}

static void read_control(struct relay *relay)
{
	ssize_t bytes =
		read(relay->qemu->ports[PORT_CONTROL], relay->line + relay->used, sizeof(relay->line) - relay->used);
	char *at = relay->line, *end;

	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (bytes <= 0) {
		relay->control_ended = true;
		return;
	}
	relay->used += (size_t)bytes;
	while (at < relay->line + relay->used || (relay->block.file && !relay->block.left)) {
		size_t left = (size_t)(relay->line + relay->used - at);

		if (relay->block.file) {
			at += take_block(relay, at, left);
			continue;
		}
		end = memchr(at, '\n', left);
		if (!end)
			break;
		*end = 0;
		obey(relay, at);
		at = end + 1;
	}
	relay->used = (size_t)(relay->line + relay->used - at);
	memmove(relay->line, at, relay->used);
	if (relay->used == sizeof(relay->line))
		relay->used = 0; /* no line is that long */
}

/* --- signals --- */

static int take_signals(struct relay *relay)
{
	struct signalfd_siginfo info;

	while (read(relay->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			qemu_has_ended(relay->qemu);
			break;
		case SIGWINCH:
			if (terminal_measure(relay->terminal))
				tell_size(relay);
			break;
		case SIGCONT:
			terminal_raw(relay->terminal);
			break;
		case SIGTSTP:
			kill(relay->qemu->pid, SIGSTOP);
			raise(SIGTSTP);
			stop_here(relay);
			kill(relay->qemu->pid, SIGCONT);
			break;
		default:
			return RELAY_SIGNAL + (int)info.ssi_signo;
		}
	}
	return 0;
}

/* --- the loop --- */

/* The program's input: when it ends, so does the port's stream, behind all that was sent. */
static void move_input(struct relay *relay, const struct pollfd *entries)
{
	struct stream *input = &relay->input;

	stream_move(input, entries);
	if (input->ended && stream_is_empty(input) && input->to >= 0) {
		shutdown(input->to, SHUT_WR);
		input->to = -1;
	}
}

/* Moves output. -> 0, or how relay_run() shall end because nobody reads it. */
static int move_output(struct stream *stream, const struct pollfd *entries, const char *name)
{
	int error = stream_move(stream, entries);
	struct sigaction action;

	if (!error)
		return 0;
	if (error != EPIPE)
		return complaint(EXIT_TOOL, "standard %s: %s", name, strerror(error));
	/* Dies as the program would have. Where SIGPIPE was ignored when we were started, the output is dropped. */
	sigaction(SIGPIPE, NULL, &action);
	return action.sa_handler == SIG_IGN ? 0 : RELAY_SIGNAL + SIGPIPE;
}

/* Milliseconds poll() may wait, -1 = for ever. */
static int time_left(const struct relay *relay)
{
	double left =
		relay->options->timeout + (relay->timed_out ? LAST_WORDS_SECONDS : 0) - seconds_since(&relay->start);

	if (relay->options->timeout <= 0)
		return -1;
	return left <= 0 ? 0 : left > 1e6 ? 1000000000 : (int)(left * 1000) + 1;
}

static void fill_entries(const struct relay *relay, struct pollfd *entries)
{
	int control = relay->control_ended ? -1 : relay->qemu->ports[PORT_CONTROL];

	entries[ENTRY_SIGNAL] = (struct pollfd){ .fd = relay->signals, .events = POLLIN };
	entries[ENTRY_CONTROL] = (struct pollfd){ .fd = control, .events = POLLIN };
	entries[ENTRY_NAME] = (struct pollfd){ .fd = relay->name.listener, .events = POLLIN };
	stream_poll(&relay->input, &entries[ENTRY_INPUT]);
	stream_poll(&relay->output, &entries[ENTRY_OUTPUT]);
	stream_poll(&relay->error, &entries[ENTRY_ERROR]);
	if (relay->result >= 0 || relay->stopping)
		entries[ENTRY_INPUT].fd = entries[ENTRY_INPUT + 1].fd = -1;
}

static int move_all(struct relay *relay, const struct pollfd *entries)
{
	int result = entries[ENTRY_SIGNAL].revents ? take_signals(relay) : 0;

	if (entries[ENTRY_CONTROL].revents)
		read_control(relay);
	if (entries[ENTRY_NAME].revents && name_accept(&relay->name))
		tell(relay, "map\n");
	move_input(relay, &entries[ENTRY_INPUT]);
	if (!result)
		result = move_output(&relay->output, &entries[ENTRY_OUTPUT], "output");
	if (!result)
		result = move_output(&relay->error, &entries[ENTRY_ERROR], "error");
	return result;
}

/* Is all out that the program had written before it ended or stopped? */
static void output_is_out(struct relay *relay)
{
	if (relay->result >= 0)
		relay->output.ended = relay->error.ended = true;
	else if (relay->stopping)
		stop_job(relay);
	relay->stopping = false;
}

/* The time of --timeout is over. -> 0: the guest may still say where it stands; or how relay_run() shall end. */
static int time_out(struct relay *relay)
{
	if (relay->timed_out)
		return EXIT_TOOL;
	relay->timed_out = true;
	tell(relay, "timeout\n");
	return complaint(0, "timeout: the program did not end within %g s", relay->options->timeout);
}

/* One turn of the loop. -> 0, or how relay_run() shall end. */
static int turn(struct relay *relay)
{
	bool emptying = (relay->result >= 0 || relay->stopping) && stream_is_empty(&relay->output) &&
		stream_is_empty(&relay->error);
	struct pollfd entries[ENTRIES];
	int ready;

	fill_entries(relay, entries);
	ready = poll(entries, ENTRIES, emptying ? 0 : time_left(relay));
	if (ready < 0 && errno != EINTR)
		return complaint(EXIT_TOOL, "poll: %s", strerror(errno));
	if (ready == 0 && emptying)
		output_is_out(relay);
	else if (ready <= 0 && relay->options->timeout > 0 && time_left(relay) == 0)
		return time_out(relay);
	return ready > 0 ? move_all(relay, entries) : 0;
}

static bool is_done(const struct stream *stream)
{
	return stream->ended && stream_is_empty(stream);
}

/* The end: the guest is gone, or has sent its exit status. -> how relay_run() shall end. */
static int finish(struct relay *relay)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	/* With a log of its own, the kernel may write its last lines. Without any word from the guest, it is about to end. */
	for (int i = 0; (relay->options->kernel_log || relay->result < 0) && !qemu_has_ended(relay->qemu) && i < 10000;
		i++)
		nanosleep(&pause, NULL);
	if (relay->timed_out)
		qemu_say_where(relay->qemu);
	else if (relay->result < 0 && !qemu_say_where(relay->qemu))
		return qemu_post_mortem(relay->qemu);
	if (relay->options->stats && !relay->stats_complete)
		message("--stats %s: the guest sent no statistics", relay->options->stats);
	if (relay->options->map && !relay->map_complete)
		message("--map %s: the guest sent no map", relay->options->map);
	return relay->timed_out || relay->result < 0 ? EXIT_TOOL : relay->result;
}

int relay_run(struct qemu *qemu, struct terminal *terminal, const struct options *options)
{
	static struct relay the_relay; /* too big for a stack */
	struct relay *relay = &the_relay;
	sigset_t set = caught_set();
	int result = 0;

	relay->qemu = qemu;
	relay->terminal = terminal;
	relay->options = options;
	relay->result = -1;
	relay->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (relay->signals < 0)
		return complaint(EXIT_TOOL, "signalfd: %s", strerror(errno));
	result = name_take(&relay->name, options->name);
	if (result)
		return result;
	clock_gettime(CLOCK_MONOTONIC, &relay->start);
	stream_init(&relay->input, STDIN_FILENO, qemu->ports[PORT_STDIN]);
	stream_init(&relay->output, qemu->ports[PORT_STDOUT], STDOUT_FILENO);
	stream_init(&relay->error, qemu->ports[PORT_STDERR], STDERR_FILENO);
	while (!result &&
		!(is_done(&relay->output) && is_done(&relay->error) && (relay->result >= 0 || relay->control_ended)))
		result = turn(relay);
	if (!result)
		result = finish(relay);
	close(relay->signals);
	return result;
}
