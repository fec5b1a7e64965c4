/* Virtio 1.x devices behind the memory-mapped transport, split queues: the part that drivers share.
 *
 * A driver has its device's registers, its interrupt line and a piece of physically contiguous memory (struct dma) by
 * grant; the device only ever gets addresses in that memory. Nothing that the device writes there is trusted: all that the driver
 * computes addresses and lengths from is kept in the driver's own memory.
 *
 * Waiting: every interrupt adds one to device->interrupts and masks the line. A thread that needs something from the device
 * does, in a loop:
 *	lock; word = virtio_interrupt(device); take what the queues have; unlock; if satisfied, leave;
 *	virtio_wait(device, word)
 * so a thread that is awake does the work of all, and an interrupt between the two calls is not lost.
 *
 * With bit 1 of words[11], interrupts are calls (irq_call()): the call, on whatever thread was running, does what can be done
 * without the lock, which that thread may hold. An interrupt that cannot be a call is counted by the word. */
#ifndef RUNTIME_VIRTIO_H
#define RUNTIME_VIRTIO_H

#include "lock.h"

enum { VIRTIO_QUEUE_MAX = 64, VIRTIO_PIECES_MAX = 4, VIRTIO_QUEUE_BYTES = 2048 };
enum { VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_9P = 9 };

/* Memory for the device, handed out from the front. */
struct dma {
	u8 *at;
	u64 physical, left;
};

/* A piece of it. */
struct dma_piece {
	u8 *at;
	u64 physical;
	u32 bytes;
};

/* Cuts a piece off, aligned to 16. piece->at is NULL if there is not enough left. */
struct dma_piece dma_take(struct dma *dma, u32 bytes);

struct virtio_device {
	volatile u32 *registers;
	u32 line;
	u32 interrupts; /* [a] counted by the kernel, or by the call */
	u32 handled;    /* of them, protected by the driver's lock for this device */
	struct virtio_device *next; /* [I] of those whose interrupts are calls */
};

struct virtio_queue {
	struct virtio_device *device;
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	u16 index, size;
	u16 avail_next, used_next; /* the driver's copies of the running indices */
	u16 free_first, free_count;
	u16 next[VIRTIO_QUEUE_MAX];    /* the driver's copies of the chains: of free descriptors, and of each buffer */
	void *token[VIRTIO_QUEUE_MAX]; /* of the buffer whose first descriptor this is; NULL: none */
	u32 room[VIRTIO_QUEUE_MAX];    /* bytes the device may write into it */
};

/* Resets the device, checks its kind, negotiates those of `features` that it offers, and version 1, which it must offer; attaches
 * the interrupt. -> 0, -E_NOENT if it is not that kind of device, -E_INVAL if it does not agree. */
i64 virtio_open(struct virtio_device *device, u64 registers, u32 line, u32 id, u64 features);
/* Sets a queue up with at most `size` entries. -> 0, -E_INVAL, -E_NOMEM. */
i64 virtio_queue_open(struct virtio_queue *queue, struct virtio_device *device, unsigned index, unsigned size,
	struct dma *dma);
/* Sets DRIVER_OK: the device may go to work. */
void virtio_start(struct virtio_device *device);
/* 32 bits of the device's configuration at a multiple of 4. */
u32 virtio_config(const struct virtio_device *device, unsigned offset);

/* Queues a buffer of `out` pieces that the device reads and `in` that it writes; the token (not NULL) comes back with it.
 * -> false: the queue is full. */
bool virtio_queue_add(struct virtio_queue *queue, const struct dma_piece *pieces, unsigned out, unsigned in,
	void *token);
/* Tells the device of what was added. */
void virtio_queue_notify(struct virtio_queue *queue);
/* The next buffer the device is done with and the bytes it says it wrote, never more than it had room for; NULL: none. */
void *virtio_queue_take(struct virtio_queue *queue, u32 *bytes);
/* Asks the device to interrupt for this queue, or not to. It may interrupt once more after it was asked not to. After switching
 * interrupts on, look at the queue again. */
void virtio_queue_interrupts(struct virtio_queue *queue, bool on);

/* Acknowledges the interrupts that have come, and unmasks the line. -> value for virtio_wait(). With the driver's lock for this
 * device held. */
u32 virtio_interrupt(struct virtio_device *device);
/* Sleeps until there was an interrupt since that virtio_interrupt(). -> as call_wait(). */
i64 virtio_wait(struct virtio_device *device, u32 word, u32 flags);

#endif
