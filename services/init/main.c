/* init: the root of user mode. The kernel starts it with the boot archive and the right to devices; it finds the devices,
 * gives each driver its own, starts the drivers and the Linux service, and keeps the drivers running. */
#include "archive.h"
#include "child.h"
#include "config.h"
#include "devices.h"
#include "supervisor.h"
#include "registry.h"
#include "watchdog.h"
#include "services/runtime/copy.h"

struct child children[SERVICES] = {
	[SERVICE_LINUX] = { .name = "linux", .service = SERVICE_LINUX, .flags = SPACE_TRUSTED },
	[SERVICE_FS] = { .name = "9p", .service = SERVICE_FS },
	[SERVICE_CONSOLE] = { .name = "console", .service = SERVICE_CONSOLE },
};

static u64 random_state[2];

/* A seed for a child's random generator: a child cannot compute the seeds of others from its own. */
static u64 random_next(void)
{
	u64 a = random_state[0] ^ ++random_state[1], b = random_state[1] * 0x9e3779b97f4a7c15ull;

	for (unsigned round = 0; round < 12; round++) {
		a += b;
		b = (b << 13 | b >> 51) ^ a;
		a = (a << 32 | a >> 32) + random_state[0];
	}
	return a ^ b;
}

/* What every child starts with, whatever it is. */
static void fill_start(struct child *child, const struct start_info *own, const char *wall)
{
	child->start.size = sizeof(child->start);
	child->start.clock = own->clock;
	child->start.clock.wall = parse_number(&wall);
	child->start.number_shift = own->number_shift;
	child->start.window = own->window;
	child->start.processors = own->processors;
	child->start.memory = own->memory;
	child->start.random[0] = random_next();
	child->start.random[1] = random_next();
}

static struct file read_file(const struct start_info *start, const char *name)
{
	const struct file archive = { (const char *)start->archive, start->archive_bytes };
	struct file file = { 0 };

	if (!archive_find(archive, name, &file)) {
		service_log("init: the boot archive has no file %s", name);
		supervisor_give_up("damaged archive");
	}
	return file;
}

/* The Linux service gets the configuration in pages of their own, so that nothing else is granted with it. */
static void give_config(struct child *child, struct file config)
{
	char *copy = pages_alloc(config.bytes + 1);

	service_assert(copy != NULL);
	memcpy(copy, config.at, config.bytes);
	child->start.arena = globalize(copy);
	child->start.words[0] = config.bytes;
	child_add_memory(child, child->start.arena, round_up(config.bytes + 1, PAGE_SIZE), RIGHT_R);
}

/* Is the word one of those in the text? */
static bool has_word(const char *text, const char *word)
{
	const size_t bytes = strlen(word);

	while (text && *text) {
		if (!strncmp(text, word, bytes) && (!text[bytes] || text[bytes] == ' '))
			return true;
		text = strchr(text, ' ');
		text += text != NULL;
	}
	return false;
}

/* words[11] of the drivers. Bit 0: FS_PLANT and CONSOLE_PLANT are served; bit 1: interrupts are calls (irq_call()); bit 8 + i of
 * the fs driver: device i may be written to. */
static void set_options(struct file config)
{
	const char *append = config_get(config, "append", NULL);
	const u64 common = has_word(append, "plant=1") | (u64)has_word(append, "interrupts=call") << 1;
	u64 options = common;
	const char *share = NULL, *root = config_get(config, "root", NULL);

	if (root && !strcmp(root, "rw"))
		options |= 1 << 8;
	while ((share = config_get(config, "share", share)) != NULL) {
		const char *at = share;
		const unsigned long device = parse_number(&at);
		const char *mode = strrchr(share, ':');

		if (mode && !strcmp(mode, ":rw") && device < CHILD_DEVICES)
			options |= 1ul << (8 + device);
	}
	children[SERVICE_FS].start.words[11] = options;
	children[SERVICE_CONSOLE].start.words[11] = common;
}

void service_main(const struct start_info *start)
{
	const struct file config = read_file(start, "config");
	const char *wall = config_get(config, "wall", NULL);

	random_state[0] = start->random[0];
	random_state[1] = start->random[1];
	for (unsigned i = 0; i < SERVICES; i++) {
		fill_start(&children[i], start, wall ? wall : "");
		children[i].file = read_file(start, children[i].name);
	}
	copy_init();
	registry_init();
	devices_find();
	give_config(&children[SERVICE_LINUX], config);
	set_options(config);
	if (config_get(config, "watch", NULL))
		watchdog_start();
	supervisor_start(&children[SERVICE_CONSOLE]);
	supervisor_start(&children[SERVICE_FS]);
	supervisor_run(&children[SERVICE_LINUX]);
}
