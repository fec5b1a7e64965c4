/* Takes the place of init on a machine with an IOMMU and a device that copies memory (QEMU's "edu"): a driver in a space of its
 * own has the device's registers and one page. It gives the device addresses that it was not granted, without the IOMMU and with
 * it. Each check is a line of the kernel's log. */
#include "iommu.h"

enum {
	EDU_ID = 0x11e81234,
	FUNCTIONS = 256,
	BAR_BYTES = 1 << 20,
	BUFFER = 0x40000,
	BYTES = 64,
	SHARED_AT = 0x20000000
};
enum { REG_FROM = 0x80, REG_TO = 0x88, REG_COUNT = 0x90, REG_COMMAND = 0x98, COMMAND_START = 1, COMMAND_OUT = 2 };

/* What init asks the driver to have the device do. */
static struct shared {
	u32 asked, done;
	u64 physical;
	bool out; /* from the device to memory */
} *const shared = (struct shared *)SHARED_AT;

static volatile u8 *edu;

volatile void *device_map(u64 physical, u64 bytes)
{
	const i64 segment = call_segment_device(physical, bytes);
	void *memory = segment > 0 ? pages_map(bytes, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)segment, 0) : NULL;

	service_assert(memory != NULL);
	return memory;
}

void *memory_map(u64 *physical)
{
	const i64 segment = call_segment_contiguous(1, physical);
	void *memory = segment > 0 ? pages_map(PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)segment, 0) : NULL;

	service_assert(memory != NULL);
	return memory;
}

/* --- the driver --- */

static void edu_set(unsigned number, u64 value)
{
	*(volatile u64 *)(edu + number) = value;
}

static void edu_copy(u64 from, u64 to, u64 command)
{
	edu_set(REG_FROM, from);
	edu_set(REG_TO, to);
	edu_set(REG_COUNT, BYTES);
	edu_set(REG_COMMAND, command | COMMAND_START);
	while (*(volatile u64 *)(edu + REG_COMMAND) & COMMAND_START)
		clock_sleep(1000000);
}

static void driver(void *unused)
{
	u32 asked = 0;

	(void)unused;
	for (;;) {
		while (__atomic_load_n(&shared->asked, __ATOMIC_ACQUIRE) == asked)
			clock_sleep(1000000);
		asked++;
		if (shared->out)
			edu_copy(BUFFER, shared->physical, COMMAND_OUT);
		else
			edu_copy(shared->physical, BUFFER, 0);
		__atomic_fetch_add(&shared->done, 1, __ATOMIC_RELEASE);
	}
}

extern const char runtime_thread_entry[];

static void start_driver(void)
{
	const struct space_spec spec = { .name = "edu" };
	void (**start)(void *) = heap_alloc(2 * sizeof(*start)); /* struct thread_start */
	struct thread_spec thread = { .ip = (u64)runtime_thread_entry, .arg = (u64)start };
	const i64 space = call_space_create(&spec);

	start[0] = driver;
	service_assert(space > 0 && !call_space_fork(0, (u32)space));
	thread.space = (u32)space;
	service_assert(call_thread_create(&thread) >= 0);
}

/* --- init --- */

static void ask(u64 physical, bool out)
{
	shared->physical = physical;
	shared->out = out;
	__atomic_fetch_add(&shared->asked, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) != shared->asked)
		clock_sleep(1000000);
}

/* Finds the device, lets it be found in memory and reach memory itself. -> its function, and where its registers are. */
static unsigned find_edu(u64 *bar)
{
	volatile u32 *pci = device_map(pci_configuration, FUNCTIONS * PAGE_SIZE);

	for (unsigned function = 0; function < FUNCTIONS; function++) {
		volatile u32 *header = pci + function * (PAGE_SIZE / 4);

		if (header[0] != EDU_ID)
			continue;
		if (!(header[4] & ~0xfu))
			header[4] = (u32)pci_memory;
		header[1] |= 6;
		*bar = header[4] & ~0xfu;
		return function;
	}
	service_panic("dma: there is no edu");
}

static void check(bool good, const char *what)
{
	service_log("%s - %s", good ? "ok" : "not ok", what);
}

static bool is_filled(const u8 *page, u8 value)
{
	for (unsigned i = 0; i < BYTES; i++)
		if (page[i] != value)
			return false;
	return true;
}

/* The device's memory is filled from the driver's page. */
static void fill_device(u8 *own, u64 own_physical, u8 value)
{
	memset(own, value, BYTES);
	ask(own_physical, false);
	memset(own, 0, BYTES);
}

/* Lets the device reach the page, the same one each time, or not any more. top: of the IOMMU's tables. */
static void allow(u64 *top, u64 physical, bool allowed)
{
	static u64 *tables[IOMMU_LEVELS]; /* there is only one page, so one path */
	u64 *table = top, table_physical;

	for (unsigned level = IOMMU_LEVELS - 1; level > 0; level--) {
		u64 *entry = &table[physical >> (12 + 9 * level) & 511];

		if (!*entry) {
			tables[level] = memory_map(&table_physical);
			*entry = table_physical | iommu_table_bits;
		}
		table = tables[level];
	}
	table[physical >> 12 & 511] = allowed ? physical | iommu_page_bits : 0;
	iommu_invalidate();
}

static void check_limits(unsigned function, u8 *own, u64 own_physical)
{
	u64 other_physical, address, *top;
	u8 *other = memory_map(&other_physical);

	fill_device(own, own_physical, 0x11);
	ask(other_physical, true);
	check(is_filled(other, 0x11), "without an IOMMU the device overwrites what its driver does not have");
	top = iommu_start(function);
	allow(top, own_physical, true);
	fill_device(own, own_physical, 0x22);
	ask(own_physical, true);
	check(is_filled(own, 0x22) && !iommu_refused(&address), "with it the device reaches the driver's page");
	ask(other_physical, true);
	check(is_filled(other, 0x11), "it does not write elsewhere");
	check(iommu_refused(&address) && address == other_physical, "and init is told");
	ask(other_physical, false);
	check(iommu_refused(&address) && address == other_physical, "nor read");
	memset(own, 0, BYTES);
	ask(own_physical, true);
	check(!is_filled(own, 0x11), "nothing of it is in the device");
	memset(own, 0x33, BYTES);
	allow(top, own_physical, false);
	ask(own_physical, true);
	check(is_filled(own, 0x33) && iommu_refused(&address), "what is taken back is out of reach at once");
}

void service_main(const struct start_info *start)
{
	static struct start_info own_start;
	const i64 memory = call_segment_create(1, 0);
	u64 bar, own_physical;
	unsigned function;
	u8 *own;

	own_start = *start; /* it lies on this thread's stack */
	service_start = &own_start;
	service_assert(!call_map(0, SHARED_AT, PAGE_SIZE, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)memory, 0));
	own = memory_map(&own_physical);
	function = find_edu(&bar);
	edu = device_map(bar, BAR_BYTES);
	start_driver();
	check_limits(function, own, own_physical);
	service_log("end");
	call_power_off(0);
}
