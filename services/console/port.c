/* The ports of the console device: port.h.
 *
 * Each port has a queue of buffers for either direction. An input buffer is given back to the device when a client has taken all of
 * its bytes, so a host that sends faster than the guest reads has to wait. A port has one output buffer: a write waits until the
 * host has taken the one before.
 *
 * The device's lock protects all that is not marked [I]; it is not held while a thread sleeps. */
#include "port.h"

#include "abi/services.h"
#include "services/runtime/copy.h"
#include "services/runtime/virtio.h"

enum { FEATURE_MULTIPORT = 1, NS_PER_MS = 1000000 };
enum { QUEUE_CONTROL_IN = 2, QUEUE_CONTROL_OUT = 3 };
enum { PAGE = 4096, INPUTS_MAX = 16, CONTROL_INPUTS = 32, CONTROL_BYTES = 128 };
/* How long a port may take to come up, and how long the host may take to connect to it. */
#define PORT_UP_NS (500ull * NS_PER_MS)
#define PORT_CONNECT_NS (2000ull * NS_PER_MS)

/* Messages of the control queues. */
struct control {
	u32 port;
	u16 event, value;
};

enum control_event { DEVICE_READY = 0, PORT_ADD = 1, PORT_REMOVE = 2, PORT_READY = 3, PORT_OPEN = 6 };

/* A buffer for input. */
struct input {
	struct dma_piece piece; /* [I] */
	u32 start, end;         /* bytes not yet taken */
};

struct port {
	struct virtio_queue in, out;
	struct input inputs[INPUTS_MAX];
	struct input *filled[INPUTS_MAX]; /* those with bytes in them, in order: a ring */
	unsigned first_filled, filled_count;
	bool added;              /* the device has announced the port */
	bool open, was_open;     /* the host is connected, was so once */
	struct dma_piece output; /* [I] */
	bool writing;            /* a thread uses `output` */
	bool in_flight;          /* the device has `output` */
	struct condition written;
};

static struct virtio_device device;
static struct lock device_lock;
static struct port ports[PORTS];
static struct virtio_queue control_in, control_out;
static struct dma_piece control_inputs[CONTROL_INPUTS], control_output;
static bool control_in_flight;
static u64 connect_until; /* [I] ns: a port that the host has not connected to by then is at the end of its stream */

/* Buffers of each port: pages for input, bytes for output. */
static const struct {
	unsigned inputs;
	u32 output_bytes;
} sizes[PORTS] = {
	[PORT_STDIN] = { INPUTS_MAX, 256 },
	[PORT_STDOUT] = { 1, CONSOLE_CHUNK },
	[PORT_STDERR] = { 1, CONSOLE_CHUNK / 2 },
	[PORT_CONTROL] = { 2, CONSOLE_CHUNK / 4 },
};

/* --- what the device has done --- */

static void take_control(void)
{
	struct dma_piece *piece;
	struct control message;
	bool any = false;
	u32 bytes;

	while ((piece = virtio_queue_take(&control_in, &bytes)) != NULL) {
		memcpy(&message, piece->at, sizeof(message));
		if (bytes >= sizeof(message) && message.port < PORTS) {
			struct port *port = &ports[message.port];

			if (message.event == PORT_ADD)
				port->added = true;
			if (message.event == PORT_OPEN) {
				port->open = message.value != 0;
				port->was_open |= port->open;
			}
		}
		virtio_queue_add(&control_in, piece, 0, 1, piece);
		any = true;
	}
	if (any)
		virtio_queue_notify(&control_in);
	while (virtio_queue_take(&control_out, &bytes) != NULL)
		control_in_flight = false;
}

static void take_port(struct port *port)
{
	struct input *input;
	u32 bytes;

	while ((input = virtio_queue_take(&port->in, &bytes)) != NULL) {
		input->start = 0;
		input->end = bytes;
		port->filled[(port->first_filled + port->filled_count++) % INPUTS_MAX] = input;
	}
	while (virtio_queue_take(&port->out, &bytes) != NULL)
		port->in_flight = false;
}

/* Handles all that the device has done. Control messages come first, so that input from before the close of a port is seen before
 * the end of its stream. -> value for virtio_wait(). */
static u32 collect(void)
{
	const u32 word = virtio_interrupt(&device);

	take_control();
	for (unsigned i = 1; i < PORTS; i++)
		take_port(&ports[i]);
	return word;
}

/* Sleeps until the device has done something since collect() returned that word, the device's lock released meanwhile. */
static i64 pause_until(u32 word, u64 deadline, u32 flags)
{
	i64 result;

	lock_release(&device_lock);
	result = call_wait(&device.interrupts, word, deadline, flags);
	lock_acquire(&device_lock);
	return result;
}

/* --- input --- */

/* Gives a buffer to the device. */
static void post_input(struct port *port, struct input *input)
{
	service_assert(virtio_queue_add(&port->in, &input->piece, 0, 1, input));
}

/* Copies bytes of filled buffers to the client. -> bytes or -E_FAULT. */
static i64 take_input(struct port *port, u64 buffer, u64 bytes)
{
	bool posted = false;
	u64 taken = 0;
	i64 result = 0;

	while (port->filled_count && taken < bytes) {
		struct input *input = port->filled[port->first_filled];
		const u64 have = input->end - input->start, part = have < bytes - taken ? have : bytes - taken;

		result = copy_out(buffer + taken, input->piece.at + input->start, part);
		if (result < 0)
			break;
		taken += part;
		input->start += (u32)part;
		if (input->start < input->end)
			break;
		port->first_filled = (port->first_filled + 1) % INPUTS_MAX;
		port->filled_count--;
		post_input(port, input);
		posted = true;
	}
	if (posted)
		virtio_queue_notify(&port->in);
	return taken ? (i64)taken : result;
}

/* Waits for input. -> 1; 0 at the end of the stream; -E_INTR. */
static i64 await_input(struct port *port)
{
	for (;;) {
		const u32 word = collect();
		i64 result;

		if (port->filled_count)
			return 1;
		if (!port->open && (port->was_open || clock_now() >= connect_until))
			return 0;
		result = pause_until(word, port->open ? 0 : connect_until, WAIT_INTERRUPTIBLE);
		if (result == -E_INTR)
			return result;
	}
}

i64 port_read(u64 number, u64 buffer, u64 bytes)
{
	i64 result;

	if (!number || number >= PORTS || !bytes)
		return -E_INVAL;
	lock_acquire(&device_lock);
	/* A buffer with no bytes in it makes take_input() take none: then the wait goes on. */
	do {
		result = await_input(&ports[number]);
		if (result <= 0)
			break;
		result = take_input(&ports[number], buffer, bytes);
	} while (!result);
	lock_release(&device_lock);
	return result;
}

/* --- output --- */

/* Waits until the device is done with the port's output buffer. -> 0 or -E_INTR. */
static i64 await_output(struct port *port)
{
	i64 result = 0;

	/* The host has most often taken the buffer by now, so no interrupt is needed. */
	collect();
	if (!port->in_flight)
		return 0;
	virtio_queue_interrupts(&port->out, true);
	while (result != -E_INTR) {
		const u32 word = collect();

		if (!port->in_flight)
			break;
		result = pause_until(word, 0, WAIT_INTERRUPTIBLE);
	}
	virtio_queue_interrupts(&port->out, false);
	return port->in_flight ? -E_INTR : 0;
}

/* Sends what is in the port's output buffer. */
static void send_output(struct port *port, u32 bytes)
{
	struct dma_piece piece = port->output;

	piece.bytes = bytes;
	port->in_flight = true;
	service_assert(virtio_queue_add(&port->out, &piece, 1, 0, port));
	virtio_queue_notify(&port->out);
	/* If the thread is interrupted here, the host gets the bytes all the same; the next write waits until it has. */
	await_output(port);
}

/* Fills the port's output buffer, which is the caller's now, and sends it. -> 0, -E_INTR, -E_FAULT. */
static i64 fill_output(struct port *port, u64 buffer, u64 bytes)
{
	i64 result = port->in_flight ? await_output(port) : 0;

	if (result < 0)
		return result;
	lock_release(&device_lock);
	result = copy_in(port->output.at, buffer, bytes);
	lock_acquire(&device_lock);
	if (result >= 0)
		send_output(port, (u32)bytes);
	return result;
}

i64 port_write(u64 number, u64 buffer, u64 bytes)
{
	struct port *port;
	i64 result = 0;

	if (!number || number >= PORTS)
		return -E_INVAL;
	port = &ports[number];
	if (bytes > port->output.bytes)
		bytes = port->output.bytes;
	if (!bytes)
		return 0;
	lock_acquire(&device_lock);
	while (port->writing && result != -E_INTR)
		result = condition_wait(&port->written, &device_lock, 0, WAIT_INTERRUPTIBLE);
	if (!port->writing) {
		port->writing = true;
		result = fill_output(port, buffer, bytes);
		port->writing = false;
		condition_wake(&port->written, 1);
	}
	lock_release(&device_lock);
	return result < 0 ? result : (i64)bytes;
}

/* --- the start --- */

static struct dma_piece take_memory(struct dma *dma, u32 bytes)
{
	const struct dma_piece piece = dma_take(dma, bytes);

	service_assert(piece.at != NULL);
	return piece;
}

static void open_queue(struct virtio_queue *queue, unsigned index, struct dma *dma)
{
	const i64 result = virtio_queue_open(queue, &device, index, VIRTIO_QUEUE_MAX, dma);

	if (result < 0 || queue->size < CONTROL_INPUTS)
		service_panic("console: queue %u does not come up: error %ld", index, (long)-result);
}

static void open_port(unsigned number, struct dma *dma)
{
	struct port *port = &ports[number];

	open_queue(&port->in, 2 + 2 * number, dma);
	open_queue(&port->out, 3 + 2 * number, dma);
	port->output = take_memory(dma, sizes[number].output_bytes);
	for (unsigned i = 0; i < sizes[number].inputs; i++)
		port->inputs[i].piece = take_memory(dma, PAGE);
}

/* Sends a control message and waits until the device has taken it. */
static void send_control(u32 port, enum control_event event, u16 value)
{
	const struct control message = { port, event, value };
	u32 word;

	memcpy(control_output.at, &message, sizeof(message));
	control_in_flight = true;
	service_assert(virtio_queue_add(&control_out, &control_output, 1, 0, &control_output));
	virtio_queue_notify(&control_out);
	while (word = collect(), control_in_flight)
		pause_until(word, 0, 0);
}

/* Waits until the device has said that the port exists. */
static bool await_port(const struct port *port, u64 until)
{
	for (;;) {
		const u32 word = collect();

		if (port->added)
			return true;
		if (clock_now() >= until)
			return false;
		pause_until(word, until, 0);
	}
}

/* Announces the driver, and waits until the device has announced all ports. */
static void announce(void)
{
	const u64 until = clock_now() + PORT_UP_NS;

	lock_acquire(&device_lock);
	send_control(~0u, DEVICE_READY, 1);
	for (unsigned i = 1; i < PORTS; i++) {
		if (!await_port(&ports[i], until)) {
			service_log("console: the machine has no port %u", i);
			ports[i].was_open = true; /* so its stream is at the end from the start */
			continue;
		}
		send_control(i, PORT_READY, 1);
		send_control(i, PORT_OPEN, 1);
	}
	connect_until = clock_now() + PORT_CONNECT_NS;
	lock_release(&device_lock);
}

void ports_init(const struct start_info *start)
{
	struct dma dma = { (u8 *)start->arena, start->words[0], start->words[1] };
	const i64 result = virtio_open(&device, DEVICE_ADDRESS(start->words[3]), (u32)DEVICE_LINE(start->words[3]),
		VIRTIO_ID_CONSOLE, 1 << FEATURE_MULTIPORT);

	if (result < 0)
		service_panic("console: the device does not come up: error %ld", (long)-result);
	open_queue(&control_in, QUEUE_CONTROL_IN, &dma);
	open_queue(&control_out, QUEUE_CONTROL_OUT, &dma);
	for (unsigned i = 1; i < PORTS; i++)
		open_port(i, &dma);
	control_output = take_memory(&dma, CONTROL_BYTES);
	for (unsigned i = 0; i < CONTROL_INPUTS; i++)
		control_inputs[i] = take_memory(&dma, CONTROL_BYTES);
	virtio_start(&device);
	for (unsigned i = 0; i < CONTROL_INPUTS; i++)
		virtio_queue_add(&control_in, &control_inputs[i], 0, 1, &control_inputs[i]);
	virtio_queue_notify(&control_in);
	for (unsigned i = 1; i < PORTS; i++) {
		for (unsigned j = 0; j < sizes[i].inputs; j++)
			post_input(&ports[i], &ports[i].inputs[j]);
		virtio_queue_notify(&ports[i].in);
		virtio_queue_interrupts(&ports[i].out, false);
	}
	announce();
}
