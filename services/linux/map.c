/* `allod map`: who may touch what, as JSON on the control port. init writes spaces, grants, portals and calls (REGISTRY_MAP); this
 * adds the processes that live in some of the spaces, the files whose code they run, and the VASes. */
#include <linux/limits.h>

#include "abi/services.h"
#include "services/runtime/json.h"
#include "services/runtime/service.h"

#include "services/linux/config.h"
#include "services/linux/fs/fs.h"
#include "services/linux/main.h"
#include "services/linux/task.h"
#include "services/linux/tty/tty.h"
#include "services/linux/vas/vas.h"

enum { TEXT_BYTES = 256 * 1024, TEXT_MORE = 64 * 1024, TRIES = 4, LINE_BYTES = 40 };

/* The executable pieces of files in a process's window. */
static void put_files(struct json *json, const struct mm *mm, char *path)
{
	u64 at = 0, opened = json_open(json, "files"), dev, ino;
	struct region_info region;
	for (; call_map_query(mm->space, at, &region) >= 0 && region.end > at; at = region.end) {
		if (!(region.flags & RIGHT_X) || !region.segment ||
			!segment_name(region.segment, path, PATH_MAX, &dev, &ino))
			continue;
		json_next(json, opened);
		json_put(json, "{\"start\": %lu, \"bytes\": %lu, \"offset\": %lu, \"path\": ", region.start,
			region.end - region.start, region.offset);
		json_string(json, path, PATH_MAX);
		json_put(json, "}");
	}
	json_put(json, "]");
}

static void put_processes(struct json *json, char *path)
{
	u64 opened = json_open(json, "processes");
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		const struct task *task = process->state == PROCESS_ZOMBIE ? NULL : process_task(process);
		if (!task || !task_mm(task))
			continue;
		json_next(json, opened);
		json_put(json, "{\"space\": %u, \"pid\": %u, \"exe\": ", task_mm(task)->space, process->pid);
		if (!task_mm(task)->exe || file_path(task_mm(task)->exe, path, PATH_MAX) < 0)
			*path = 0;
		json_string(json, path, PATH_MAX);
		json_put(json, ", ");
		put_files(json, task_mm(task), path);
		json_put(json, "}");
	}
	json_put(json, "]");
}

static const char *rights_of(bool write)
{
	return write ? "rw" : "r";
}

static void put_segments(struct json *json, const struct vas *vas)
{
	u64 opened = json_open(json, "segments");
	list_for_each(node, &vas->segments) {
		const struct seg_use *use = container_of(node, struct seg_use, of_vas);
		const char *name = use->seg->object.name;
		json_next(json, opened);
		json_put(json, "{\"name\": ");
		json_string(json, name ? name : "", VAS_NAME_MAX);
		json_put(json, ", \"start\": %lu, \"bytes\": %lu, \"rights\": \"%s\"}", use->seg->start,
			use->seg->end - use->seg->start, rights_of(use->write));
	}
	json_put(json, "]");
}

static void put_attached(struct json *json, const struct vas *vas)
{
	u64 opened = json_open(json, "attached");
	list_for_each(node, &vas->uses) {
		const struct vas_use *use = container_of(node, struct vas_use, of_vas);
		json_next(json, opened);
		json_put(json, "{\"space\": %u, \"rights\": \"%s\"}", use->mm->space, rights_of(use->write));
	}
	json_put(json, "]");
}

static void put_vases(struct json *json)
{
	u64 opened = json_open(json, "vases");
	for (struct vas *vas = vas_next(1); vas; vas = vas_next(vas->object.id + 1)) {
		const struct vas_object *object = &vas->object;
		json_next(json, opened);
		json_put(json, "{\"space\": %u, \"name\": ", object->id);
		json_string(json, object->name ? object->name : "", VAS_NAME_MAX);
		json_put(json, ", \"mode\": \"%03o\", \"user\": %u, \"group\": %u, ", object->mode, object->uid,
			object->gid);
		put_segments(json, vas);
		json_put(json, ", ");
		put_attached(json, vas);
		json_put(json, "}");
	}
	json_put(json, "]");
}

/* Fills a buffer of that size. -> bytes of the whole text, more than the buffer has if it does not fit; 0: it cannot be had. */
static u64 put_all(char *to, u64 size)
{
	char *path = heap_alloc(PATH_MAX);
	u64 word1;
	i64 bytes = path ? portal_call(service_start->registry, REGISTRY_MAP, globalize(to), size, 0, 0, 0, &word1) : 0;
	struct json json = { to, size, 0 };
	if (bytes > 0) {
		json.bytes = (u64)bytes;
		json_put(&json, ",\n");
		put_processes(&json, path);
		json_put(&json, ",\n");
		put_vases(&json);
		json_put(&json, "}\n");
	}
	heap_free(path);
	return json.bytes;
}

void map_send(void)
{
	char line[LINE_BYTES], *text = NULL;
	u64 size = TEXT_BYTES, bytes = 0;
	for (unsigned tries = 0; tries < TRIES && !text; tries++) {
		text = heap_alloc(size);
		bytes = text ? put_all(text, size) : 0;
		if (bytes < size)
			break;
		heap_free(text);
		text = NULL;
		size = bytes + TEXT_MORE;
	}
	if (!text)
		bytes = 0;
	control_send(line, format(line, sizeof(line), "map %lu\n", (unsigned long)bytes));
	control_send(text, bytes);
	heap_free(text);
}
