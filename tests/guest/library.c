/* A library in a space of its own (examples/squeeze/lz.c): it works, nothing of it can be read or written from outside, only
 * functions that it exports can be called, and no gadget of its code can be reached from the program. tests/guest/library.sh runs
 * it.
 *
 *   library IMAGE */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include <allod/library.h>

#include "examples/squeeze/lz.h"
#include "gadgets.h"
#include "native.h"
#include "tap.h"

enum { TEXT = 60000, PAGE = 4096, EXPORTS = 4 };

ALLOD_PORTAL(long, lz_pack, (const unsigned char *, from), (long, bytes), (unsigned char *, to), (long, room))
ALLOD_PORTAL(long, lz_unpack, (const unsigned char *, from), (long, bytes), (unsigned char *, to), (long, room))
ALLOD_PORTAL(unsigned, lz_sum, (const unsigned char *, from), (long, bytes))
ALLOD_PORTAL(long, lz_total)

static struct {
	Elf64_Ehdr header;
	Elf64_Phdr segments[16];
} image __attribute__((aligned(16)));
static unsigned char *image_bytes;
static size_t image_size;

static unsigned char text[TEXT], packed[2 * TEXT], again[TEXT];

static void read_image(const char *path)
{
	int fd = open(path, O_RDONLY);

	image_bytes = malloc(1 << 20);
	image_size = (size_t)read(fd, image_bytes, 1 << 20);
	close(fd);
	if (fd < 0 || image_size > 1 << 20)
		exit(1);
	memcpy(&image.header, image_bytes, sizeof(image.header));
	memcpy(image.segments, image_bytes + image.header.e_phoff, image.header.e_phnum * sizeof(Elf64_Phdr));
}

static const Elf64_Phdr *segment_of(unsigned type, unsigned flags)
{
	for (unsigned i = 0; i < image.header.e_phnum; i++)
		if (image.segments[i].p_type == type && (image.segments[i].p_flags & flags) == flags)
			return &image.segments[i];
	return NULL;
}

static struct allod_space *load(void)
{
	return allod_library(image_bytes, image_size, NULL);
}

/* --- it works --- */

static long pack(const struct allod_space *library, long bytes)
{
	return lz_pack_at(allod_library_find(library, "lz_pack"), allod_lend(text, (size_t)bytes, ALLOD_R), bytes,
		allod_lend(packed, sizeof(packed), ALLOD_R | ALLOD_W), sizeof(packed));
}

static long unpack(const struct allod_space *library, long bytes)
{
	memset(again, 0, sizeof(again));
	return lz_unpack_at(allod_library_find(library, "lz_unpack"), allod_lend(packed, (size_t)bytes, ALLOD_R), bytes,
		allod_lend(again, sizeof(again), ALLOD_R | ALLOD_W), sizeof(again));
}

static void *sum_often(void *portal)
{
	static const unsigned char letters[] = "abcabcabc";
	long right = 0;

	for (int i = 0; i < 200; i++)
		right +=
			lz_sum_at((allod_portal)portal, allod_lend(letters, 9, ALLOD_R), 9) == 0x113d0373 && errno == 0;
	return (void *)right;
}

static void test_use(void)
{
	struct allod_space *library = load(), *other = load();
	long bytes;

	check(library && other && allod_space_number(library) != allod_space_number(other),
		"two instances of a library");
	for (int i = 0; i < TEXT; i++)
		text[i] = (unsigned char)("allod "[i % 6] + (i % 97 == 0) + i / 9000);
	bytes = pack(library, TEXT);
	check(bytes > 0 && bytes < TEXT / 8 && errno == 0, "one packs");
	check(unpack(other, bytes) == TEXT && !memcmp(text, again, TEXT), "the other one unpacks");
	packed[0] = 0xff;
	check(unpack(other, bytes) == -1 && errno == 0, "an error of its own is a result");
	check(lz_total_at(allod_library_find(library, "lz_total")) == TEXT &&
			lz_total_at(allod_library_find(other, "lz_total")) == 0,
		"each has data of its own");
	errno = 0;
	check(allod_library_find(library, "match_length") == 0 && errno == ENOENT, "what is not exported is not found");
	check(allod_library_find(library, "lz_") == 0 && allod_library_find(library, "") == 0, "nor parts of names");
	allod_space_close(other);
	check(lz_total_at(allod_library_find(library, "lz_total")) == TEXT, "one is closed, the other goes on");
	allod_space_close(library);
}

static void test_threads(void)
{
	struct allod_space *library = load();
	allod_portal portal = allod_library_find(library, "lz_sum");
	pthread_t threads[4];
	long right = 0;
	void *result;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, sum_often, (void *)portal);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		right += (long)result;
	}
	check(right == 800, "four threads are in it at once");
	allod_space_close(library);
}

/* --- nothing else of it can be reached --- */

/* Does a plain call of an address come back? */
static bool comes_back(uint64_t address)
{
	long (*function)(long, long, long, long) = (long (*)(long, long, long, long))tap_pointer(address);
	int number = TAP_TRY(function(0, 0, 0, 0));

	return number != SIGSEGV || tap_info.si_addr != (void *)address;
}

static bool can_be_called(uint64_t address)
{
	const uint64_t words[6] = { 0 };
	uint64_t value;

	return allod_call(address, words, &value, NULL) == 0;
}

static void test_reach(void)
{
	struct allod_space *library = load();
	const Elf64_Phdr *code = segment_of(PT_LOAD, PF_X);
	unsigned accessible = 0, pages = 0, jumps = 0, calls = 0;

	for (unsigned i = 0; i < image.header.e_phnum; i++)
		for (uint64_t at = 0; image.segments[i].p_type == PT_LOAD && at < image.segments[i].p_memsz;
			at += PAGE) {
			char *there = allod_space_view(library, image.segments[i].p_vaddr + at);

			accessible += tap_read(there) != SIGSEGV || tap_write(there) != SIGSEGV;
			pages++;
		}
	check(pages > 3 && accessible == 0, "none of its pages can be read or written");
	for (uint64_t at = 0; at < code->p_memsz; at += GADGET_STEP) {
		uint64_t address = (uint64_t)allod_space_view(library, code->p_vaddr + at);

		jumps += comes_back(address);
		calls += can_be_called(address);
	}
	check(jumps == EXPORTS,
		"plain calls of all addresses of its code: the exported ones come back, all others fault");
	check(calls == EXPORTS, "likewise portal calls");
	check(lz_total_at(allod_library_find(library, "lz_total")) == 0 && errno == 0, "it is none the worse for it");
	allod_space_close(library);
}

static void test_faults(void)
{
	struct allod_space *library = load(), *other = load();
	allod_portal sum = allod_library_find(library, "lz_sum");
	struct allod_report report;

	check(lz_sum_at(sum, allod_global(text), 10) == (unsigned)-1 && errno == EOWNERDEAD,
		"it reads what it was not lent");
	check(!allod_space_wait(library, &report) && report.end != ALLOD_ALIVE, "that was its end");
	check(lz_sum_at(sum, allod_lend(text, 10, ALLOD_R), 10) == (unsigned)-1 && errno != 0,
		"it cannot be called any more");
	allod_space_close(library);
	check(lz_pack_at(allod_library_find(other, "lz_pack"), allod_lend(text, TEXT, ALLOD_R), TEXT,
		      allod_lend(packed, sizeof(packed), ALLOD_R), sizeof(packed)) == -1 &&
			errno == EOWNERDEAD,
		"another one writes what it was lent to read");
	allod_space_close(other);
}

/* --- gadgets --- */

static unsigned gadgets_in(const volatile unsigned char *from, size_t bytes)
{
	unsigned count = 0;

	for (size_t i = 0; i + GADGET_BYTES <= bytes; i += GADGET_STEP)
		count += gadget_ends_at(from + i);
	return count;
}

/* In all that this program may execute. */
static unsigned gadgets_here(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	unsigned count = 0;
	char line[400], rights[5];

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && rights[2] == 'x' && rights[0] == 'r')
			count += gadgets_in((const unsigned char *)from, to - from);
	fclose(maps);
	return count;
}

static void test_gadgets(void)
{
	const Elf64_Phdr *code = segment_of(PT_LOAD, PF_X);
	unsigned own, alone, linked, apart;
	size_t bytes = (code->p_filesz + PAGE - 1) / PAGE * PAGE;
	struct allod_space *library;
	unsigned char *loaded;

	alone = gadgets_here();
	/* As a dynamic linker would have it. */
	loaded = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(loaded, image_bytes + code->p_offset, code->p_filesz);
	mprotect(loaded, bytes, PROT_READ | PROT_EXEC);
	linked = gadgets_here();
	own = gadgets_in(loaded, bytes);
	munmap(loaded, bytes);
	library = load();
	pack(library, 1000);
	apart = gadgets_here();
	allod_space_close(library);
	check(own > 5 && linked == alone + own, "a library that is loaded brings its gadgets");
	check(apart == alone, "one in a space of its own brings none");
	dprintf(2, "# gadgets: %u in the library; %u here with it loaded, %u with it in a space\n", own, linked, apart);
}

/* --- bad images --- */

static uint64_t spaces_alive(void)
{
	struct kernel_stats stats;

	native(CALL_stats, (uint64_t)&stats, sizeof(stats), 0, 0);
	return stats.spaces;
}

static bool load_and_close(size_t size)
{
	struct allod_space *library = allod_library(image_bytes, size, NULL);
	bool loaded = library;

	if (library)
		allod_space_close(library);
	return loaded;
}

static void test_bad_images(void)
{
	const Elf64_Phdr *code = segment_of(PT_LOAD, PF_X), *notes = segment_of(PT_NOTE, 0);
	uint64_t before = spaces_alive();
	unsigned loaded = 0, changed = 0;

	for (size_t size = 0; size < code->p_offset + code->p_filesz; size += 52)
		loaded += load_and_close(size);
	check(!loaded && errno == EINVAL, "pieces of an image");
	for (size_t i = 0; i < notes->p_filesz; i++) {
		unsigned char was = image_bytes[notes->p_offset + i];

		image_bytes[notes->p_offset + i] = (unsigned char)~was;
		changed += load_and_close(image_size);
		image_bytes[notes->p_offset + i] = was;
	}
	check(changed < notes->p_filesz, "notes with a wrong byte");
	((Elf64_Ehdr *)image_bytes)->e_phnum--;
	check(load_and_close(image_size) || errno == EINVAL, "a header less");
	((Elf64_Ehdr *)image_bytes)->e_phnum++;
	check(spaces_alive() == before && load_and_close(image_size), "nothing is left of them");
}

int main(int argc, char **argv)
{
	if (!check(argc == 2 && allod_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	read_image(argv[1]);
	test_use();
	test_threads();
	test_reach();
	test_faults();
	test_gadgets();
	test_bad_images();
	return tap_end();
}
