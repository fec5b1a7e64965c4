/* `allod map`: who may touch what in a guest. A map is a JSON text. The guest makes it (services/init/map.c, services/linux/map.c),
 * and `allod run` adds names (symbols.h); `allod map` reads and checks it, and shows it as text or as a picture. */
#ifndef TOOL_MAP_H
#define TOOL_MAP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct map_space {
	json_int_t number, manager, system, threads, frames; /* manager, system: 0 = none */
	json_int_t regions, mapped, writable, executable, shared; /* bytes but for the first */
	const char *name, *end;
	json_t *flags;   /* list of strings */
	json_t *limit, *used; /* of the account it is on: numbers by name, 0 = no limit; NULL: no limits at all */
	json_int_t pid;  /* of the process that lives in it, 0: none */
	const char *exe; /* its program */
};

struct map_grant {
	json_int_t number, parent, owner, from, to, start, bytes; /* parent: 0 = none */
	const char *rights;
	json_t *flags; /* list of strings */
};

struct map_portal {
	json_int_t space, entry;
	const char *address, *symbol, *file; /* the last two may be NULL */
};

struct map_calls {
	json_int_t from, to, calls;
};

/* A VAS. Reading a map checks its lists, too. */
struct map_vas {
	json_int_t space, user, group;
	const char *name, *mode;
	json_t *segments, *attached; /* lists of struct map_segment, struct map_attached */
};

struct map_segment {
	const char *name, *rights;
	json_int_t start, bytes;
};

/* A space whose threads may switch into it. */
struct map_attached {
	json_int_t space;
	const char *rights;
};

/* The order in which a tree is shown: every item behind its parent and before its parent's next child. */
struct map_order {
	size_t *items, *depths;
};

struct map {
	json_t *json; /* what all strings here belong to */
	json_int_t window, other_calls, system_calls;
	struct map_space *spaces; /* in the order of the file, managers first */
	struct map_grant *grants; /* those of one owner together, parents first */
	struct map_portal *portals;
	struct map_calls *calls; /* most calls first */
	struct map_vas *vases;
	size_t space_count, grant_count, portal_count, calls_count, vas_count;
	struct map_order by_manager, by_parent; /* of spaces; of grants */
	struct map_space **by_number;           /* spaces, sorted */
};

/* allod map [--json | --svg] NAME | FILE */
int map_command(char **words);

/* Reads a map, which error messages call `source`. -> 0, or an exit code after having printed the message. */
int map_read(struct map *map, const char *text, size_t bytes, const char *source);
void map_free(struct map *map);
/* The map as JSON, an element of its lists to a line. -> text to be freed. */
char *map_json(const json_t *json);

/* The space of that number, NULL if it is not in the map: it has ended. */
const struct map_space *map_space(const struct map *map, json_int_t number);
/* Is the grant one of all memory of its owner? */
bool map_is_whole(const struct map *map, const struct map_grant *grant);
/* Does a list of flags have that one? */
bool map_has_flag(const json_t *flags, const char *flag);
/* A number of bytes with a unit, such as "12 KiB". -> text to be freed. */
char *map_size(uint64_t bytes);

/* -> whether the element is one. */
bool map_segment_of(const json_t *json, struct map_segment *segment);
bool map_attached_of(const json_t *json, struct map_attached *attached);

void map_print_text(const struct map *map, FILE *to);
/* In the language of graphviz's `dot`. */
void map_print_dot(const struct map *map, FILE *to);

#endif
