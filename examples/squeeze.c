/* A library in a space of its own: a compressor (squeeze/lz.c) that sees the bytes it is lent and nothing else, and whose code is
 * not in this program. Packs a file, unpacks it again, and shows what remains of the attempts to reach into the library.
 *
 *   cc -O2 -ffreestanding -fno-stack-protector -fno-pie -nostdlib -static -Wl,-e,0 -o lz.image squeeze/lz.c
 *   squeeze lz.image [FILE] */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <allod/library.h>

#include "squeeze/lz.h"

ALLOD_PORTAL(long, lz_pack, (const unsigned char *, from), (long, bytes), (unsigned char *, to), (long, room))
ALLOD_PORTAL(long, lz_unpack, (const unsigned char *, from), (long, bytes), (unsigned char *, to), (long, room))
ALLOD_PORTAL(unsigned, lz_sum, (const unsigned char *, from), (long, bytes))

static unsigned char *read_file(const char *path, long *bytes)
{
	unsigned char *content = malloc(1 << 20);
	int fd = open(path, O_RDONLY);

	*bytes = fd < 0 || !content ? -1 : read(fd, content, 1 << 20);
	close(fd);
	if (*bytes < 0) {
		perror(path);
		exit(1);
	}
	return content;
}

int main(int argc, char **argv)
{
	long image_bytes, bytes, packed, unpacked;
	unsigned char *image = read_file(argc > 1 ? argv[1] : "lz.image", &image_bytes);
	unsigned char *content = read_file(argc > 2 ? argv[2] : argv[0], &bytes), *to, *again;
	struct allod_space *library = allod_library(image, (size_t)image_bytes, NULL);
	allod_portal pack, unpack, sum;

	if (!library) {
		perror("allod_library");
		return 1;
	}
	pack = allod_library_find(library, "lz_pack");
	unpack = allod_library_find(library, "lz_unpack");
	sum = allod_library_find(library, "lz_sum");
	to = malloc((size_t)lz_room(bytes));
	again = malloc((size_t)bytes);
	if (!to || !again)
		return 1;
	packed = lz_pack_at(pack, allod_lend(content, (size_t)bytes, ALLOD_R), bytes,
		allod_lend(to, (size_t)lz_room(bytes), ALLOD_R | ALLOD_W), lz_room(bytes));
	unpacked = lz_unpack_at(unpack, allod_lend(to, (size_t)packed, ALLOD_R), packed,
		allod_lend(again, (size_t)bytes, ALLOD_R | ALLOD_W), bytes);
	printf("packed and unpacked %s\n",
		packed > 0 && packed < bytes && unpacked == bytes && !memcmp(content, again, (size_t)bytes) ? "well"
													    : "badly");
	printf("the checksums are %s\n",
		lz_sum_at(sum, allod_lend(content, (size_t)bytes, ALLOD_R), bytes) ==
				lz_sum_at(sum, allod_lend(again, (size_t)bytes, ALLOD_R), bytes)
			? "the same"
			: "not the same");
	lz_sum_at(sum, allod_global(content), bytes);
	printf("bytes that are not lent: %s\n", allod_error_text(errno));
	allod_space_close(library);
	return 0;
}
