/* Finding devices: devices.h.
 *
 * Several devices have their registers in one page, and only whole pages can be granted. So the first device found on a page
 * decides which driver gets the page, and devices of another kind on it are not used. The host tool places devices so that there
 * are none. */
#include "devices.h"

#include "native_machine.h"
#include "services/runtime/virtio.h"

enum { REGISTER_MAGIC = 0, REGISTER_VERSION = 1, REGISTER_ID = 2 };
enum { MAGIC = 0x74726976, VERSION = 2 };
enum { PLACES_ON_PAGE = PAGE_SIZE / DEVICE_STRIDE };

/* Queue memory of each driver, in pages, on a machine with little memory and on others. */
enum { SMALL_MACHINE = 48 << 20, FS_PAGES_SMALL = 64, FS_PAGES = 128, CONSOLE_PAGES = 64 };

static struct child *driver_of(u32 id)
{
	switch (id) {
	case VIRTIO_ID_9P:
		return &children[SERVICE_FS];
	case VIRTIO_ID_CONSOLE:
		return &children[SERVICE_CONSOLE];
	default:
		return NULL;
	}
}

static void add_device(struct child *child, unsigned place, const volatile u32 *registers, const void *page)
{
	const u32 line = DEVICE_LINE_FIRST + place;
	const unsigned device = child->line_count;

	if (device == CHILD_DEVICES) {
		service_log("init: more than %d devices for %s: one is not used", CHILD_DEVICES, child->name);
		return;
	}
	child->lines[child->line_count++] = line;
	child->start.words[2] = device + 1;
	child->start.words[3 + device] = globalize((const void *)registers) | (u64)line << 56;
	if (!child->memories || child->memory[child->memories - 1].address != globalize(page))
		child_add_memory(child, globalize(page), PAGE_SIZE, RIGHT_R | RIGHT_W);
}

/* Looks through the places on one page of registers. */
static void look_at(unsigned first, const volatile u32 *page)
{
	struct child *owner = NULL;

	for (unsigned i = first < DEVICE_PLACE_FIRST ? DEVICE_PLACE_FIRST - first : 0; i < PLACES_ON_PAGE; i++) {
		const volatile u32 *registers = page + i * (DEVICE_STRIDE / sizeof(u32));
		struct child *child;

		if (registers[REGISTER_MAGIC] != MAGIC || registers[REGISTER_VERSION] != VERSION)
			continue;
		child = driver_of(registers[REGISTER_ID]);
		if (!child)
			continue;
		if (owner && owner != child) {
			service_log("init: the device at place %u shares a page with another driver's: not used",
				first + i);
			continue;
		}
		owner = child;
		add_device(child, first + i, registers, (const void *)page);
	}
}

static void add_queue_memory(struct child *child, u64 pages)
{
	u64 physical;
	const i64 segment = call_segment_contiguous(pages, &physical);
	void *memory;

	service_assert(segment > 0);
	memory = pages_map(pages * PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)segment, 0);
	service_assert(memory != NULL);
	child->start.arena = globalize(memory);
	child->start.words[0] = physical;
	child->start.words[1] = pages * PAGE_SIZE;
	child_add_memory(child, child->start.arena, pages * PAGE_SIZE, RIGHT_R | RIGHT_W);
}

void devices_find(void)
{
	const u64 bytes = (u64)DEVICE_PLACES * DEVICE_STRIDE;
	const i64 segment = call_segment_device(DEVICE_PHYSICAL, bytes);
	const volatile u32 *registers;

	service_assert(segment > 0);
	registers = pages_map(bytes, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)segment, 0);
	service_assert(registers != NULL);
	for (unsigned place = 0; place < DEVICE_PLACES; place += PLACES_ON_PAGE)
		look_at(place, registers + place * (DEVICE_STRIDE / sizeof(u32)));
	add_queue_memory(&children[SERVICE_FS], service_start->memory < SMALL_MACHINE ? FS_PAGES_SMALL : FS_PAGES);
	add_queue_memory(&children[SERVICE_CONSOLE], CONSOLE_PAGES);
}
