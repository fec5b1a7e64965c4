/* Virtio devices and their queues: virtio.h. */
#include "virtio.h"

#include "service.h"

/* Registers, by offset / 4 (Virtio 1.1, 4.2.2). */
enum {
	REG_MAGIC = 0x00 / 4,
	REG_VERSION = 0x04 / 4,
	REG_DEVICE_ID = 0x08 / 4,
	REG_DEVICE_FEATURES = 0x10 / 4,
	REG_DEVICE_FEATURES_SELECT = 0x14 / 4,
	REG_DRIVER_FEATURES = 0x20 / 4,
	REG_DRIVER_FEATURES_SELECT = 0x24 / 4,
	REG_QUEUE_SELECT = 0x30 / 4,
	REG_QUEUE_MAX = 0x34 / 4,
	REG_QUEUE_SIZE = 0x38 / 4,
	REG_QUEUE_READY = 0x44 / 4,
	REG_QUEUE_NOTIFY = 0x50 / 4,
	REG_INTERRUPT_ACK = 0x64 / 4,
	REG_STATUS = 0x70 / 4,
	REG_QUEUE_DESC = 0x80 / 4,
	REG_QUEUE_AVAIL = 0x90 / 4,
	REG_QUEUE_USED = 0xa0 / 4,
	REG_CONFIG = 0x100 / 4,
};

enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8 };
enum { MAGIC = 0x74726976, VERSION = 2, FEATURE_VERSION_1 = 32 };
enum { DESC_NEXT = 1, DESC_WRITE = 2, AVAIL_NO_INTERRUPT = 1, NONE = 0xffff };

struct virtq_desc {
	u64 address;
	u32 bytes;
	u16 flags, next;
};

struct virtq_avail {
	u16 flags, index;
	u16 ring[VIRTIO_QUEUE_MAX];
};

struct virtq_used {
	u16 flags, index;
	struct {
		u32 id, bytes;
	} ring[VIRTIO_QUEUE_MAX];
};

enum { AVAIL_AT = sizeof(struct virtq_desc) * VIRTIO_QUEUE_MAX, USED_AT = AVAIL_AT + 256 };

_Static_assert(sizeof(struct virtq_avail) <= 256 && USED_AT + sizeof(struct virtq_used) <= VIRTIO_QUEUE_BYTES,
	"layout");

struct dma_piece dma_take(struct dma *dma, u32 bytes)
{
	struct dma_piece piece = { dma->at, dma->physical, bytes };
	const u64 taken = round_up(bytes, 16);

	if (taken > dma->left)
		return (struct dma_piece){ 0 };
	dma->at += taken;
	dma->physical += taken;
	dma->left -= taken;
	return piece;
}

static u64 read_features(volatile u32 *registers)
{
	u64 features = 0;

	for (u32 half = 0; half < 2; half++) {
		registers[REG_DEVICE_FEATURES_SELECT] = half;
		features |= (u64)registers[REG_DEVICE_FEATURES] << (32 * half);
	}
	return features;
}

/* [I] when their interrupts come: drivers open their devices one after the other. */
static struct virtio_device *called_devices;

static struct portal_result interrupt_call(u64 line, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	struct virtio_device *device = called_devices;

	(void)w1, (void)w2, (void)w3, (void)w4, (void)w5;
	while (device->line != line)
		device = device->next;
	device->registers[REG_INTERRUPT_ACK] = 3;
	__atomic_fetch_add(&device->interrupts, 1, __ATOMIC_RELEASE);
	call_wake(&device->interrupts, ~0u);
	return (struct portal_result){ 0 };
}

/* From now on the device's interrupts are calls. */
static i64 call_interrupts(struct virtio_device *device)
{
	static i64 portal;

	if (!portal)
		portal = service_portal(SERVICE_PORTALS - 1, interrupt_call);
	if (portal < 0)
		return portal;
	device->next = called_devices;
	called_devices = device;
	return call_irq_call(device->line, (u64)portal, 0);
}

i64 virtio_open(struct virtio_device *device, u64 registers, u32 line, u32 id, u64 features)
{
	volatile u32 *reg = (volatile u32 *)registers;

	*device = (struct virtio_device){ .registers = reg, .line = line };
	if (reg[REG_MAGIC] != MAGIC || reg[REG_VERSION] != VERSION || reg[REG_DEVICE_ID] != id)
		return -E_NOENT;
	/* The driver's life before this one may have left it running. */
	reg[REG_STATUS] = 0;
	while (reg[REG_STATUS] != 0)
		native_relax();
	reg[REG_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	features = (features | 1ull << FEATURE_VERSION_1) & read_features(reg);
	for (u32 half = 0; half < 2; half++) {
		reg[REG_DRIVER_FEATURES_SELECT] = half;
		reg[REG_DRIVER_FEATURES] = (u32)(features >> (32 * half));
	}
	reg[REG_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
	if (!(features >> FEATURE_VERSION_1) || !(reg[REG_STATUS] & STATUS_FEATURES_OK))
		return -E_INVAL;
	if (call_irq_attach(line, &device->interrupts) < 0)
		return -E_PERM;
	return service_start->words[11] & 2 ? call_interrupts(device) : 0;
}

static void set_address(volatile u32 *reg, unsigned at, u64 physical)
{
	reg[at] = (u32)physical;
	reg[at + 1] = (u32)(physical >> 32);
}

i64 virtio_queue_open(struct virtio_queue *queue, struct virtio_device *device, unsigned index, unsigned size,
	struct dma *dma)
{
	volatile u32 *reg = device->registers;
	struct dma_piece memory = dma_take(dma, VIRTIO_QUEUE_BYTES);
	u32 max;

	if (!memory.at)
		return -E_NOMEM;
	memset(memory.at, 0, memory.bytes);
	reg[REG_QUEUE_SELECT] = index;
	max = reg[REG_QUEUE_MAX];
	if (!max)
		return -E_INVAL;
	if (size > VIRTIO_QUEUE_MAX)
		size = VIRTIO_QUEUE_MAX;
	while (size > max)
		size /= 2;
	*queue = (struct virtio_queue){
		.device = device,
		.desc = (struct virtq_desc *)memory.at,
		.avail = (struct virtq_avail *)(memory.at + AVAIL_AT),
		.used = (struct virtq_used *)(memory.at + USED_AT),
		.index = index,
		.size = size,
		.free_count = size,
	};
	for (unsigned i = 0; i < size; i++)
		queue->next[i] = i + 1;
	reg[REG_QUEUE_SIZE] = size;
	set_address(reg, REG_QUEUE_DESC, memory.physical);
	set_address(reg, REG_QUEUE_AVAIL, memory.physical + AVAIL_AT);
	set_address(reg, REG_QUEUE_USED, memory.physical + USED_AT);
	reg[REG_QUEUE_READY] = 1;
	return 0;
}

void virtio_start(struct virtio_device *device)
{
	device->registers[REG_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
}

u32 virtio_config(const struct virtio_device *device, unsigned offset)
{
	return device->registers[REG_CONFIG + offset / 4];
}

bool virtio_queue_add(struct virtio_queue *queue, const struct dma_piece *pieces, unsigned out, unsigned in,
	void *token)
{
	const unsigned count = out + in;
	const u16 first = queue->free_first;
	u16 at = first;

	if (!count || count > queue->free_count)
		return false;
	queue->room[first] = 0;
	for (unsigned i = 0; i < count; i++) {
		const bool last = i + 1 == count;

		queue->desc[at] = (struct virtq_desc){
			.address = pieces[i].physical,
			.bytes = pieces[i].bytes,
			.flags = (last ? 0 : DESC_NEXT) | (i < out ? 0 : DESC_WRITE),
			.next = last ? 0 : queue->next[at],
		};
		if (i >= out)
			queue->room[first] += pieces[i].bytes;
		queue->free_first = queue->next[at];
		if (last)
			queue->next[at] = NONE;
		else
			at = queue->next[at];
	}
	queue->free_count -= count;
	queue->token[first] = token;
	queue->avail->ring[queue->avail_next % queue->size] = first;
	queue->avail_next++;
	__atomic_store_n(&queue->avail->index, queue->avail_next, __ATOMIC_RELEASE);
	return true;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
	native_barrier();
	queue->device->registers[REG_QUEUE_NOTIFY] = queue->index;
}

/* Puts the descriptors of a buffer back into the list of free ones. */
static void free_chain(struct virtio_queue *queue, u16 first)
{
	u16 last = first;

	queue->free_count++;
	while (queue->next[last] != NONE) {
		last = queue->next[last];
		queue->free_count++;
	}
	queue->next[last] = queue->free_first;
	queue->free_first = first;
}

void *virtio_queue_take(struct virtio_queue *queue, u32 *bytes)
{
	while (__atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE) != queue->used_next) {
		const u16 slot = queue->used_next++ % queue->size;
		const u32 id = *(volatile u32 *)&queue->used->ring[slot].id;
		const u32 written = *(volatile u32 *)&queue->used->ring[slot].bytes;
		void *token = id < queue->size ? queue->token[id] : NULL;

		if (!token)
			continue; /* the device names a buffer it does not have */
		*bytes = written < queue->room[id] ? written : queue->room[id];
		queue->token[id] = NULL;
		free_chain(queue, id);
		return token;
	}
	return NULL;
}

void virtio_queue_interrupts(struct virtio_queue *queue, bool on)
{
	__atomic_store_n(&queue->avail->flags, on ? 0 : AVAIL_NO_INTERRUPT, __ATOMIC_RELEASE);
	native_barrier();
}

u32 virtio_interrupt(struct virtio_device *device)
{
	const u32 word = __atomic_load_n(&device->interrupts, __ATOMIC_ACQUIRE);

	if (word != device->handled) {
		device->handled = word;
		device->registers[REG_INTERRUPT_ACK] = 3;
		call_irq_done(device->line);
	}
	return word;
}

i64 virtio_wait(struct virtio_device *device, u32 word, u32 flags)
{
	return call_wait(&device->interrupts, word, 0, flags);
}
