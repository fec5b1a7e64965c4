/* Virtqueues of native drivers against a device that keeps the rules, and one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/runtime/virtio.c"

const struct start_info *service_start;

/* Interrupts are no calls here. */
i64 service_portal(unsigned index, portal_function *function)
{
	(void)index, (void)function;
	return -E_LIMIT;
}

static u32 registers[128];
static struct virtio_device device = { .registers = registers };
static u8 memory[65536] __attribute__((aligned(4096)));
static struct dma dma;
static struct virtio_queue queue;

static int begin(void **state)
{
	(void)state;
	dma = (struct dma){ memory, 0x100000, sizeof(memory) };
	registers[REG_QUEUE_MAX] = 1024;
	return (int)virtio_queue_open(&queue, &device, 0, VIRTIO_QUEUE_MAX, &dma);
}

/* What the device does: takes the next buffer it was given, and later says that it is done with one. */
static u16 device_seen, device_used;

static int begin_device(void **state)
{
	device_seen = device_used = 0;
	return begin(state);
}

static u16 device_get(void)
{
	return queue.avail->ring[device_seen++ % queue.size];
}

static void device_put(u32 id, u32 bytes)
{
	queue.used->ring[device_used % queue.size].id = id;
	queue.used->ring[device_used % queue.size].bytes = bytes;
	queue.used->index = ++device_used;
}

static void test_layout(void **state)
{
	(void)state;
	assert_int_equal(registers[REG_QUEUE_SIZE], 64);
	assert_int_equal(registers[REG_QUEUE_DESC], 0x100000);
	assert_int_equal(registers[REG_QUEUE_AVAIL] % 2, 0);
	assert_int_equal(registers[REG_QUEUE_USED] % 4, 0);
	assert_true(registers[REG_QUEUE_AVAIL] >= 0x100000 + 16 * 64);
	assert_true(registers[REG_QUEUE_USED] >= registers[REG_QUEUE_AVAIL] + 6 + 2 * 64);
	assert_true(registers[REG_QUEUE_USED] + 6 + 8 * 64 <= 0x100000 + VIRTIO_QUEUE_BYTES);
}

static void test_dma(void **state)
{
	struct dma small = { memory, 0x5000, 100 };
	struct dma_piece piece = dma_take(&small, 5);

	(void)state;
	assert_ptr_equal(piece.at, memory);
	piece = dma_take(&small, 84);
	assert_null(piece.at); /* rounded up it does not fit */
	piece = dma_take(&small, 80);
	assert_int_equal(piece.physical, 0x5010);
	assert_null(dma_take(&small, 16).at);
}

/* The chain that the device sees. */
static void test_chain(void **state)
{
	const struct dma_piece pieces[3] = { { memory, 0x1000, 10 }, { memory, 0x2000, 20 }, { memory, 0x3000, 30 } };
	struct virtq_desc *desc = queue.desc;
	u16 at;
	u32 bytes;

	(void)state;
	assert_true(virtio_queue_add(&queue, pieces, 1, 2, memory));
	at = device_get();
	assert_int_equal(desc[at].address, 0x1000);
	assert_int_equal(desc[at].flags, DESC_NEXT);
	at = desc[at].next;
	assert_int_equal(desc[at].bytes, 20);
	assert_int_equal(desc[at].flags, DESC_NEXT | DESC_WRITE);
	at = desc[at].next;
	assert_int_equal(desc[at].address, 0x3000);
	assert_int_equal(desc[at].flags, DESC_WRITE);
	assert_null(virtio_queue_take(&queue, &bytes));
	device_put(0, 1000);
	assert_ptr_equal(virtio_queue_take(&queue, &bytes), memory);
	assert_int_equal(bytes, 50); /* no more than there was room for */
	assert_int_equal(queue.free_count, 64);
}

/* Any order of completion; the running indices wrap around; the queue fills up. */
static void test_order(void **state)
{
	const struct dma_piece pieces[2] = { { memory, 0x1000, 10 }, { memory, 0x2000, 20 } };
	u16 inside[VIRTIO_QUEUE_MAX];
	unsigned count = 0;
	u32 bytes;

	(void)state;
	srand(1);
	for (unsigned turn = 0; turn < 300000; turn++) {
		if (rand() % 2) {
			const bool room = queue.free_count >= 2;

			assert_int_equal(virtio_queue_add(&queue, pieces, 1, 1, &inside[turn % VIRTIO_QUEUE_MAX]),
				room);
			if (room)
				inside[count++] = device_get();
		} else if (count) {
			const unsigned i = (unsigned)rand() % count;
			void *token = queue.token[inside[i]];

			device_put(inside[i], 7);
			inside[i] = inside[--count];
			assert_ptr_equal(virtio_queue_take(&queue, &bytes), token);
			assert_int_equal(bytes, 7);
		}
		assert_int_equal(queue.free_count, 64 - 2 * count);
	}
}

/* A device that writes anything anywhere in the queue's memory cannot bring the driver's own state out of order: it gets
 * only tokens that were queued, each once. */
static void test_liar(void **state)
{
	const struct dma_piece piece = { memory, 0x1000, 10 };
	static char tokens[VIRTIO_QUEUE_MAX];
	bool queued[VIRTIO_QUEUE_MAX] = { false };

	(void)state;
	srand(2);
	for (unsigned turn = 0; turn < 20000; turn++) {
		const unsigned i = (unsigned)rand() % VIRTIO_QUEUE_MAX;
		char *token;
		u32 bytes;

		if (!queued[i] && virtio_queue_add(&queue, &piece, 0, 1, &tokens[i]))
			queued[i] = true;
		for (unsigned j = 0; j < 8; j++)
			((u8 *)queue.desc)[rand() % VIRTIO_QUEUE_BYTES] = (u8)rand();
		while ((token = virtio_queue_take(&queue, &bytes)) != NULL) {
			assert_true(token >= tokens && token < tokens + VIRTIO_QUEUE_MAX);
			assert_true(queued[token - tokens]);
			assert_true(bytes <= 10);
			queued[token - tokens] = false;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_layout, begin_device),
		cmocka_unit_test_setup(test_dma, begin_device),
		cmocka_unit_test_setup(test_chain, begin_device),
		cmocka_unit_test_setup(test_order, begin_device),
		cmocka_unit_test_setup(test_liar, begin_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
