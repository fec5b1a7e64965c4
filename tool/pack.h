/* The boot archive: what the kernel finds in memory when it starts - the services, and the file `config` that says which
 * program to run and how (abi/services.h). */
#ifndef TOOL_PACK_H
#define TOOL_PACK_H

struct options;
struct program;
struct terminal;

/* Packs the services from `directory` and the configuration into a file in memory. -> its descriptor, or -1 after having
 * printed the complaint. */
int pack_archive(const char *directory, const struct options *options, const struct program *program,
	const struct terminal *terminal);

#endif
