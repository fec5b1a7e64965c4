/* The names of running guests: `allod map NAME` asks the process `allod run --name NAME` for a map.
 *
 * A name is a UNIX socket in the abstract namespace, which ends with the process that made it and leaves nothing behind. Only
 * processes of the same user (or root) get an answer. A client that connects gets one map and then the end of the stream. */
#ifndef TOOL_NAME_H
#define TOOL_NAME_H

#include <stddef.h>

enum { NAME_LENGTH_MAX = 64, NAME_CLIENTS = 8 };

struct name {
	int listener; /* -1: the guest has no name */
	int clients[NAME_CLIENTS]; /* who waits for a map */
	unsigned count;
};

/* Takes the name (NULL: none). -> 0, or an exit code after having printed the complaint. */
int name_take(struct name *name, const char *text);
/* Accepts a client. -> 1 if a map is wanted now. */
int name_accept(struct name *name);
/* Sends the map to all clients that wait, and closes their connections. */
void name_answer(struct name *name, const char *text, size_t bytes);

/* Connects to the running guest of that name. -> descriptor; -1 if there is none. */
int name_connect(const char *text);

#endif
