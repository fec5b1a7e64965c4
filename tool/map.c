/* The command `allod map`: gets a map from a running guest or a file, and shows it. */
#include "map.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "name.h"

enum { PIECE = 64 * 1024 };

/* Reads a descriptor to its end. -> text to be freed; NULL with errno. */
static char *read_all(int fd, size_t *bytes)
{
	char *text = NULL, *piece = malloc(PIECE);
	FILE *to = open_memstream(&text, bytes);
	ssize_t got;

	if (!to || !piece)
		out_of_memory();
	while ((got = read(fd, piece, PIECE)) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			fwrite(piece, 1, (size_t)got, to);
	if (fclose(to))
		out_of_memory();
	free(piece);
	if (got < 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The map of a running guest of that name, or else the file. */
static int get(struct map *map, const char *source)
{
	int fd = name_connect(source), error;
	bool is_guest = fd >= 0;
	size_t bytes = 0;
	char *text;

	if (!is_guest)
		fd = open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT
			? complaint(EXIT_TOOL, "%s: no running guest has that name, nor is it a file", source)
			: complaint(EXIT_TOOL, "%s: %s", source, strerror(errno));
	text = read_all(fd, &bytes);
	close(fd);
	if (!text)
		return complaint(EXIT_TOOL, "%s: %s", source, strerror(errno));
	if (is_guest && !bytes)
		error = complaint(EXIT_TOOL, "%s: the guest ended before it sent a map", source);
	else
		error = map_read(map, text, bytes, source);
	free(text);
	return error;
}

static int print_json(const struct map *map)
{
	char *text = map_json(map->json);

	fputs(text, stdout);
	free(text);
	return 0;
}

static int print_text(const struct map *map)
{
	map_print_text(map, stdout);
	return 0;
}

/* Has graphviz draw what is in the file. */
static int draw(FILE *file)
{
	char *const words[] = { "dot", "-Tsvg", NULL };
	posix_spawn_file_actions_t actions;
	int status, error;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(file), STDIN_FILENO);
	error = posix_spawnp(&pid, "dot", &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error == ENOENT)
		return complaint(EXIT_TOOL, "dot is not installed; it is in the Debian package graphviz");
	if (error)
		return complaint(EXIT_TOOL, "dot: %s", strerror(error));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return complaint(EXIT_TOOL, "dot was ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status) ? complaint(EXIT_TOOL, "dot failed with status %d", WEXITSTATUS(status)) : 0;
}

static int print_svg(const struct map *map)
{
	FILE *file = tmpfile();
	int error;

	if (!file)
		return complaint(EXIT_TOOL, "a temporary file: %s", strerror(errno));
	map_print_dot(map, file);
	if (fflush(file) || lseek(fileno(file), 0, SEEK_SET) < 0)
		error = complaint(EXIT_TOOL, "a temporary file: %s", strerror(errno));
	else
		error = draw(file);
	fclose(file);
	return error;
}

int map_command(char **words)
{
	int (*print)(const struct map *map) = print_text;
	struct map map;
	int error;

	for (; *words && (*words)[0] == '-' && (*words)[1]; words++) {
		if (!strcmp(*words, "--json"))
			print = print_json;
		else if (!strcmp(*words, "--svg"))
			print = print_svg;
		else
			return complaint(EXIT_TOOL, "unknown option %s (allod map [--json | --svg] NAME | FILE)",
				*words);
	}
	if (!words[0] || words[1])
		return complaint(EXIT_TOOL,
			"allod map takes one name of a running guest, or one file of allod run --map");
	error = get(&map, words[0]);
	if (error)
		return error;
	error = print(&map);
	map_free(&map);
	if (!error && (fflush(stdout) || ferror(stdout)))
		error = complaint(EXIT_TOOL, "standard output: %s", strerror(errno));
	return error;
}
