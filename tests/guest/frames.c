/* Nothing is lost: after processes, threads, memory, files, pipes and spaces have come and gone, as many frames are free as
 * before. Runs on Allod only. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "native.h"
#include "tap.h"

enum { PAGE = 4096, ROUNDS = 20 };

static struct kernel_stats stats;

static int64_t free_frames(void)
{
	/* The last threads of a round are on their way out, which may take longer. */
	usleep(20000);
	return native(CALL_stats, (uintptr_t)&stats, sizeof(stats), 0, 0) < 0 ? -1 : (int64_t)stats.frames_free;
}

static void *touch(void *argument)
{
	char *area = mmap(NULL, 20 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(area, 1, 20 * PAGE);
	munmap(area, 20 * PAGE);
	return argument;
}

static void use_processes(void)
{
	for (int i = 0; i < 10; i++)
		if (fork() == 0) {
			char *area = mmap(NULL, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			memset(area, i, 100 * PAGE);
			if (i == 3)
				abort();
			if (i == 4)
				execl("/bin/true", "true", NULL);
			if (i == 5)
				kill(getpid(), SIGKILL);
			_exit(fork() == 0);
		}
	while (wait(NULL) > 0)
		;
}

static void use_threads(void)
{
	pthread_t threads[5];

	for (int i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, touch, NULL);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
}

static void use_files(void)
{
	static char block[50000];
	int ends[2], file = open("file", O_RDWR | O_CREAT, 0600), copy;
	char *map;

	for (int i = 0; i < 10; i++)
		if (write(file, block, sizeof(block)) != sizeof(block))
			check(false, "write");
	map = mmap(NULL, 30 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	map[20 * PAGE] = 1;
	munmap(map, 30 * PAGE);
	map = mmap(NULL, 30 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	memset(map, 2, 30 * PAGE);
	copy = dup(file);
	close(file);
	unlink("file");
	ftruncate(copy, 100);
	close(copy);
	munmap(map, 30 * PAGE);
	if (pipe(ends) < 0 || write(ends[1], block, 40000) != 40000)
		check(false, "pipe");
	close(ends[0]);
	close(ends[1]);
	mkdir("directory", 0700);
	symlink("directory", "link");
	unlink("link");
	rmdir("directory");
}

static void use_spaces(void)
{
	for (int i = 0; i < 10; i++) {
		struct space_spec spec = { .flags = i % 2 ? SPACE_GRANT_CREATOR : 0, .name = "frames" };
		int64_t space = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);
		int64_t segment = native(CALL_segment_create, 10, 0, 0, 0);

		if (space < 0 || segment < 0)
			check(false, "space");
		native6(CALL_map, (uint64_t)space, 0x10000, 10 * PAGE, RIGHT_R | RIGHT_W | MAP_SHARE, (uint64_t)segment,
			0);
		native(CALL_space_fork, 0, (uint64_t)space, 0, 0);
		native(CALL_portal_create, (uintptr_t)use_spaces + (uintptr_t)i, 0, 0, 0);
		native(CALL_portal_destroy, (uintptr_t)use_spaces + (uintptr_t)i, 0, 0, 0);
		native(CALL_segment_destroy, (uint64_t)segment, 0, 0, 0);
		native(CALL_space_destroy, (uint64_t)space, 0, 0, 0);
	}
}

/* Uses things again and again, first `warm` times to fill what keeps a fixed number of things. -> whether no more than
 * `tolerated` frames are missing afterwards. */
static bool loses_none(void (*use)(void), int warm, int64_t tolerated)
{
	int64_t before, lost;

	for (int i = 0; i < warm; i++)
		use();
	before = free_frames();
	for (int i = 0; i < ROUNDS; i++)
		use();
	lost = before - free_frames();
	for (int i = 0; i < 300 && lost > tolerated; i++) {
		usleep(10000);
		lost = before - free_frames();
	}
	if (lost > tolerated)
		dprintf(2, "# %ld frames in %d rounds\n", (long)lost, ROUNDS);
	return lost <= tolerated;
}

int main(void)
{
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_directory("frames");
	check(loses_none(use_files, 80, 0), "no frame is lost by files and pipes");
	/* Threads and spaces get ever new numbers, up to a limit, and page tables for them that are kept: a few frames in
	 * hundreds. */
	check(loses_none(use_threads, 3, 4), "no frame is lost by threads");
	check(loses_none(use_processes, 3, 40), "no frame is lost by processes");
	check(loses_none(use_spaces, 3, 4), "no frame is lost by spaces, segments and portals");
	return tap_end();
}
