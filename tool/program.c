/* Finding the program: program.h. The guest's tree is a directory of the host. Paths are resolved inside of it, symbolic links
 * included, as the guest will resolve them. */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"
#include "options.h"

enum { SCRIPTS_MAX = 5, LINE_MAX_BYTES = 256 };

struct lookup {
	const struct options *options;
	char *cwd;
	const struct machine **machine; /* of the program: found on the way */
};

/* The rest of `path` if it is `prefix` or below it, else NULL. */
static const char *below(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	while (length && prefix[length - 1] == '/')
		length--;
	return !strncmp(path, prefix, length) && (!path[length] || path[length] == '/') ? path + length : NULL;
}

int program_open(const struct options *options, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT };
	const char *root = options->root;
	int root_fd, fd;

	for (unsigned i = 0; i < options->share_count; i++) {
		const char *rest = below(path, options->shares[i].guest);

		if (rest) {
			path = rest;
			root = options->shares[i].host;
			break;
		}
	}
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -1;
	while (*path == '/')
		path++;
	path = *path ? path : ".";
	fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		/* openat2() is refused, by an old kernel or a filter: absolute links lead out of the root then, which matters with
		 * --root only. */
		fd = openat(root_fd, path, flags | O_CLOEXEC);
	}
	close(root_fd);
	return fd;
}

static char *absolute(const struct lookup *lookup, const char *path)
{
	if (path[0] == '/')
		return text_of("%s", path);
	return text_of("%s/%s", strcmp(lookup->cwd, "/") ? lookup->cwd : "", path);
}

/* 0 if the file could be executed as far as its mode goes, else an errno. */
static int executable(const struct lookup *lookup, const char *path)
{
	char *full = absolute(lookup, path), self[64];
	int fd = program_open(lookup->options, full, O_PATH), error = 0;
	struct stat st;

	free(full);
	if (fd < 0)
		return errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0)
		error = errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111) || access(self, X_OK) < 0)
		error = EACCES;
	close(fd);
	return error;
}

/* Searches PATH. -> 0 and *found, or an errno. */
static int search(const struct lookup *lookup, const char *name, char **found)
{
	const char *path = getenv("PATH");
	int result = ENOENT;

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (;;) {
		size_t length = strcspn(path, ":");
		int error;

		*found = length ? text_of("%.*s/%s", (int)length, path, name) : text_of("%s", name);
		error = executable(lookup, *found);
		if (!error)
			return 0;
		free(*found);
		if (error == EACCES)
			result = EACCES;
		if (!path[length])
			return result;
		path += length + 1;
	}
}

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "x86-64" },
		{ EM_AARCH64, "arm64" },
		{ EM_386, "32-bit x86" },
		{ EM_ARM, "32-bit arm" },
		{ EM_RISCV, "RISC-V" },
		{ EM_PPC64, "64-bit PowerPC" },
		{ EM_S390, "S/390" },
		{ EM_MIPS, "MIPS" },
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another machine";
}

/* The program's interpreter (PT_INTERP) must be there. */
static int check_interpreter(const struct lookup *lookup, const char *path, Elf *elf, int fd)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) < 0)
		return complaint(EXIT_NOT_RUN, "%s: damaged ELF file: %s", path, elf_errmsg(-1));
	for (size_t i = 0; i < count; i++) {
		char interpreter[PATH_MAX];
		GElf_Phdr header;
		ssize_t bytes;
		int found;

		if (!gelf_getphdr(elf, (int)i, &header))
			return complaint(EXIT_NOT_RUN, "%s: damaged ELF file: %s", path, elf_errmsg(-1));
		if (header.p_type != PT_INTERP)
			continue;
		bytes = pread(fd, interpreter, sizeof(interpreter), (off_t)header.p_offset);
		if (bytes < (ssize_t)header.p_filesz || !memchr(interpreter, 0, (size_t)bytes))
			return complaint(EXIT_NOT_RUN, "%s: damaged ELF file: no name of an interpreter", path);
		found = executable(lookup, interpreter);
		if (found)
			return complaint(found == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, "%s: its interpreter %s: %s",
				path, interpreter, strerror(found));
	}
	return 0;
}

/* The guest's machine is that of the program, unless an option says another. */
static int check_machine(const struct lookup *lookup, const char *path, unsigned elf)
{
	const struct machine *machine = machine_for(elf), *wish = lookup->options->machine;

	if (!machine || (wish && wish != machine))
		return complaint(EXIT_NOT_RUN, "%s: a program for %s, the guest is %s", path, machine_name(elf),
			wish ? wish->title : "x86-64 or arm64");
	*lookup->machine = machine;
	return 0;
}

static int check_elf(const struct lookup *lookup, const char *path, int fd)
{
	Elf *elf;
	GElf_Ehdr header;
	int error;

	if (elf_version(EV_CURRENT) == EV_NONE || !(elf = elf_begin(fd, ELF_C_READ, NULL)))
		return complaint(EXIT_NOT_RUN, "%s: damaged ELF file: %s", path, elf_errmsg(-1));
	if (!gelf_getehdr(elf, &header))
		error = complaint(EXIT_NOT_RUN, "%s: damaged ELF file: %s", path, elf_errmsg(-1));
	else if ((error = check_machine(lookup, path, header.e_machine)) != 0)
		;
	else if (gelf_getclass(elf) != ELFCLASS64)
		error = complaint(EXIT_NOT_RUN, "%s: a 32-bit program, the guest runs 64-bit ones", path);
	else if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		error = complaint(EXIT_NOT_RUN, "%s: an ELF file, but not a program", path);
	else
		error = check_interpreter(lookup, path, elf, fd);
	elf_end(elf);
	return error;
}

static int check_file(const struct lookup *lookup, const char *path, unsigned depth);

/* Checks the interpreter that a script names. line: the beginning of the file, with a NUL. */
static int check_script(const struct lookup *lookup, const char *path, char *line, unsigned depth)
{
	char *interpreter = line + 2 + strspn(line + 2, " \t");
	int error;

	interpreter[strcspn(interpreter, " \t\n")] = 0;
	if (!*interpreter)
		return complaint(EXIT_NOT_RUN, "%s: no interpreter behind #!", path);
	if (depth == SCRIPTS_MAX)
		return complaint(EXIT_NOT_RUN, "%s: too many #! interpreters after each other", path);
	error = executable(lookup, interpreter);
	if (error)
		return complaint(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, "%s: its interpreter %s: %s", path,
			interpreter, strerror(error));
	return check_file(lookup, interpreter, depth + 1);
}

static int check_file(const struct lookup *lookup, const char *path, unsigned depth)
{
	char line[LINE_MAX_BYTES + 1], *full = absolute(lookup, path);
	int fd = program_open(lookup->options, full, O_RDONLY), error;
	ssize_t bytes;

	free(full);
	if (fd < 0)
		return complaint(EXIT_NOT_RUN, "%s: %s", path, strerror(errno));
	bytes = pread(fd, line, LINE_MAX_BYTES, 0);
	line[bytes < 0 ? 0 : bytes] = 0;
	if (bytes >= SELFMAG && !memcmp(line, ELFMAG, SELFMAG))
		error = check_elf(lookup, path, fd);
	else if (bytes >= 2 && line[0] == '#' && line[1] == '!')
		error = check_script(lookup, path, line, depth);
	else
		error = complaint(EXIT_NOT_RUN, "%s: not an ELF file and not a script that begins with #!", path);
	close(fd);
	return error;
}

/* The host's working directory as the guest sees it, "/" if the guest does not see it. */
static char *guest_cwd(const struct options *options)
{
	char *cwd = getcwd(NULL, 0);
	const char *rest;

	if (!cwd)
		return text_of("/");
	for (unsigned i = 0; i < options->share_count; i++) {
		rest = below(cwd, options->shares[i].host);
		if (rest)
			return text_of("%s%s", options->shares[i].guest, rest);
	}
	rest = below(cwd, options->root);
	return text_of("%s", rest && *rest ? rest : "/");
}

int program_find(struct program *program, const struct options *options, const char *name)
{
	struct lookup lookup = { .options = options, .cwd = guest_cwd(options), .machine = &program->machine };
	int error;

	program->cwd = lookup.cwd;
	if (strchr(name, '/')) {
		program->path = text_of("%s", name);
		error = executable(&lookup, name);
	} else {
		error = *name ? search(&lookup, name, &program->path) : ENOENT;
	}
	if (error == ENOENT || error == ENOTDIR)
		return complaint(EXIT_NOT_FOUND, "%s: no such program", name);
	if (error == EISDIR)
		return complaint(EXIT_NOT_RUN, "%s: is a directory", name);
	if (error == EACCES)
		return complaint(EXIT_NOT_RUN, "%s: not executable", name);
	if (error)
		return complaint(EXIT_NOT_RUN, "%s: %s", name, strerror(error));
	return check_file(&lookup, program->path, 0);
}
