/* Names for portals: symbols.h.
 *
 * A space that a process made mostly holds a copy of the process's image at the same offsets. So if no file of the space itself is
 * known, its manager's files are searched. */
#include "symbols.h"

#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <jansson.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "map.h"
#include "message.h"
#include "options.h"
#include "program.h"

enum { MANAGERS_MAX = 8 };

struct image {
	const char *path; /* as the map shows it */
	int fd;
	uint64_t address; /* what is looked for, as the file's own symbols count */
};

struct found {
	char *name;
	bool exact;
};

/* --- symbols of a file --- */

static Elf_Scn *section_of_type(Elf *elf, unsigned type, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, header) && header->sh_type == type)
			return section;
	return NULL;
}

/* The symbol that covers an address; assembly functions have no size, so one that begins there is taken too. */
static struct found search(Elf *elf, unsigned type, uint64_t address)
{
	struct found found = { NULL, false };
	GElf_Shdr header;
	Elf_Scn *section = section_of_type(elf, type, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Sym symbol;

	for (int i = 1; data && !found.exact && gelf_getsym(data, i, &symbol); i++) {
		unsigned kind = GELF_ST_TYPE(symbol.st_info);
		const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
		bool begins = symbol.st_value == address, covers = address - symbol.st_value < symbol.st_size;

		if (symbol.st_shndx == SHN_UNDEF || !name || !*name || *name == '$' || (!begins && !covers) ||
			(kind != STT_FUNC && (kind != STT_NOTYPE || !begins)))
			continue;
		free(found.name);
		found = (struct found){ text_of("%s", name), begins };
	}
	return found;
}

static struct found symbol_in(const struct image *image)
{
	struct found found = { NULL, false };
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(image->fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		found = search(elf, SHT_SYMTAB, image->address);
		if (!found.name)
			found = search(elf, SHT_DYNSYM, image->address);
	}
	elf_end(elf);
	return found;
}

/* The address that the file's symbols have for a byte of the file. */
static bool address_of_offset(int fd, uint64_t offset, uint64_t *address)
{
	Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	size_t count = 0;
	GElf_Phdr header;
	bool known = false;

	if (elf && elf_kind(elf) == ELF_K_ELF && elf_getphdrnum(elf, &count) == 0)
		for (size_t i = 0; i < count && !known; i++)
			if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
				offset - header.p_offset < header.p_filesz) {
				*address = header.p_vaddr + (offset - header.p_offset);
				known = true;
			}
	elf_end(elf);
	return known;
}

/* --- files of a space --- */

static json_int_t number_in(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* The element of a list whose member `key` is the number; NULL: none. */
static json_t *element(json_t *map, const char *list, const char *key, json_int_t number)
{
	json_t *value;
	size_t index;

	json_array_foreach(json_object_get(map, list), index, value)
		if (json_is_integer(json_object_get(value, key)) && number_in(value, key) == number)
			return value;
	return NULL;
}

/* The services are linked for the offsets where they lie. */
static bool open_service(struct image *image, json_t *space, uint64_t offset, const struct options *options)
{
	static const char *const services[] = { "init", "linux", "9p", "console" };
	const char *name = json_string_value(json_object_get(space, "name"));
	char *path;

	for (unsigned i = 0; name && i < sizeof(services) / sizeof(services[0]); i++) {
		if (number_in(space, "manager") > 1 || strcmp(name, services[i]) != 0)
			continue;
		path = text_of("%s/%s", options->directory, name);
		*image = (struct image){ services[i], open(path, O_RDONLY | O_CLOEXEC), offset };
		free(path);
		return image->fd >= 0;
	}
	return false;
}

static bool open_file(struct image *image, json_t *process, uint64_t offset, const struct options *options)
{
	json_t *file;
	size_t index;

	json_array_foreach(json_object_get(process, "files"), index, file) {
		uint64_t inside = offset - (uint64_t)number_in(file, "start");

		image->path = json_string_value(json_object_get(file, "path"));
		if (!image->path || inside >= (uint64_t)number_in(file, "bytes"))
			continue;
		image->fd = program_open(options, image->path, O_RDONLY);
		if (image->fd < 0)
			return false;
		if (address_of_offset(image->fd, inside + (uint64_t)number_in(file, "offset"), &image->address))
			return true;
		close(image->fd);
	}
	return false;
}

/* What lies at an offset of the space's window. */
static bool open_image(struct image *image, json_t *map, json_int_t number, uint64_t offset,
	const struct options *options)
{
	for (unsigned i = 0; i < MANAGERS_MAX && number; i++) {
		json_t *space = element(map, "spaces", "number", number);

		if (open_service(image, space, offset, options) ||
			open_file(image, element(map, "processes", "space", number), offset, options))
			return true;
		number = number_in(space, "manager");
	}
	return false;
}

/* --- portals --- */

/* Adds the name of a portal. -> has one been found? */
static bool name_portal(json_t *map, json_t *portal, uint64_t offset, bool must_begin, const struct options *options)
{
	struct found found;
	struct image image;

	if (!open_image(&image, map, number_in(portal, "space"), offset, options))
		return false;
	found = symbol_in(&image);
	close(image.fd);
	if (!found.name || (must_begin && !found.exact)) {
		free(found.name);
		return false;
	}
	json_object_set_new(portal, "symbol", json_string(found.name));
	json_object_set_new(portal, "file", json_string(image.path));
	free(found.name);
	return true;
}

char *symbols_add(const char *text, size_t bytes, const struct options *options)
{
	json_t *map = json_loadb(text, bytes, 0, NULL), *portal;
	char *result;
	size_t index;

	if (!map)
		return NULL;
	json_array_foreach(json_object_get(map, "portals"), index, portal) {
		const char *cookie = json_string_value(json_object_get(portal, "cookie"));

		if (!cookie || !name_portal(map, portal, strtoull(cookie, NULL, 16), true, options))
			name_portal(map, portal, (uint64_t)number_in(portal, "entry"), false, options);
	}
	json_object_set_new(map, "machine", json_string(options->machine->name));
	result = map_json(map);
	json_decref(map);
	return result;
}
