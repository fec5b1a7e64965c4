/* Finds the program to run as a shell would, and complains at once if it could not run. */
#ifndef TOOL_PROGRAM_H
#define TOOL_PROGRAM_H

struct machine;
struct options;

struct program {
	char *path; /* of its file, as the guest's exec shall be given it */
	char *cwd;  /* working directory in the guest */
	const struct machine *machine; /* that it is for */
};

/* Looks `name` up in the guest's tree (root and shares) and checks its file, its ELF interpreter and its #! interpreters.
 * -> 0, or an exit code after having printed the complaint. */
int program_find(struct program *program, const struct options *options, const char *name);

/* Opens an absolute path of the guest's. -> descriptor, -1 with errno. */
int program_open(const struct options *options, const char *path, int flags);

#endif
