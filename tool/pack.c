/* The boot archive: pack.h. It is a cpio archive in "newc" format, which kernel and init read. */
#include "pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "options.h"
#include "program.h"
#include "terminal.h"

static const char *const services[] = { "init", "linux", "9p", "console" };

static int add(struct archive *archive, const char *name, const void *data, size_t bytes)
{
	struct archive_entry *entry = archive_entry_new();
	int error = 0;

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0755);
	archive_entry_set_size(entry, (la_int64_t)bytes);
	if (archive_write_header(archive, entry) != ARCHIVE_OK ||
		archive_write_data(archive, data, bytes) != (la_ssize_t)bytes)
		error = complaint(EXIT_TOOL, "boot archive: %s: %s", name, archive_error_string(archive));
	archive_entry_free(entry);
	return error;
}

static int add_file(struct archive *archive, const char *directory, const char *name)
{
	char *path = text_of("%s/%s", directory, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	struct stat st;
	void *data = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		error = complaint(EXIT_TOOL, "%s: %s (run make)", path, strerror(errno));
	} else {
		error = add(archive, name, data, (size_t)st.st_size);
		munmap(data, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return error;
}

/* A key and its value, terminated. */
static void put(FILE *file, const char *key, const char *value)
{
	fprintf(file, "%s=%s", key, value);
	fputc(0, file);
}

static void put_number(FILE *file, const char *key, unsigned long number)
{
	char value[32];

	snprintf(value, sizeof(value), "%lu", number);
	put(file, key, value);
}

static void put_identity(FILE *file)
{
	mode_t mask = umask(0);
	char value[32];

	umask(mask);
	put_number(file, "uid", getuid());
	put_number(file, "gid", getgid());
	snprintf(value, sizeof(value), "%o", (unsigned)mask);
	put(file, "umask", value);
}

static void put_terminal(FILE *file, const struct terminal *terminal)
{
	put(file, "tty", terminal->fds);
	if (terminal->fds[0]) {
		put_number(file, "rows", terminal->rows);
		put_number(file, "cols", terminal->cols);
	}
}

static void put_host(FILE *file)
{
	char name[256];
	struct timespec now;

	if (gethostname(name, sizeof(name)) == 0) {
		name[sizeof(name) - 1] = 0;
		put(file, "hostname", name);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	put_number(file, "wall", (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec);
}

static void put_all(FILE *file, const struct options *options, const struct program *program,
	const struct terminal *terminal)
{
	put(file, "exe", program->path);
	for (char **word = options->program; *word; word++)
		put(file, "arg", *word);
	for (char **word = environ; *word; word++)
		put(file, "env", *word);
	put(file, "cwd", program->cwd);
	put_identity(file);
	put_terminal(file, terminal);
	for (unsigned i = 0; i < options->share_count; i++) {
		char *value =
			text_of("%u:%s:%s", i + 1, options->shares[i].guest, options->shares[i].writable ? "rw" : "ro");

		put(file, "share", value);
		free(value);
	}
	put_host(file);
	if (!options->gdb)
		put(file, "watch", "1");
	if (options->stats)
		put(file, "stats", "1");
	if (options->map)
		put(file, "map", "1");
	if (options->append)
		put(file, "append", options->append);
}

static int add_config(struct archive *archive, const struct options *options, const struct program *program,
	const struct terminal *terminal)
{
	char *data = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&data, &bytes);
	int error;

	if (!file)
		return complaint(EXIT_TOOL, "boot archive: %s", strerror(errno));
	put_all(file, options, program, terminal);
	if (fclose(file))
		out_of_memory();
	error = add(archive, "config", data, bytes);
	free(data);
	return error;
}

int pack_archive(const char *directory, const struct options *options, const struct program *program,
	const struct terminal *terminal)
{
	int fd = memfd_create("allod-archive", MFD_CLOEXEC), error = 0;
	struct archive *archive = archive_write_new();

	if (!archive)
		out_of_memory();
	archive_write_set_format_cpio_newc(archive);
	archive_write_set_bytes_per_block(archive, 64 * 1024);
	archive_write_set_bytes_in_last_block(archive, 1);
	if (fd < 0 || archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		error = complaint(EXIT_TOOL, "boot archive: %s", strerror(errno));
	for (unsigned i = 0; !error && i < sizeof(services) / sizeof(services[0]); i++)
		error = add_file(archive, directory, services[i]);
	if (!error)
		error = add_config(archive, options, program, terminal);
	if (!error && archive_write_close(archive) != ARCHIVE_OK)
		error = complaint(EXIT_TOOL, "boot archive: %s", archive_error_string(archive));
	archive_write_free(archive);
	if (error && fd >= 0)
		close(fd);
	return error ? -1 : fd;
}
