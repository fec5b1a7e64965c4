/* Names of running guests: name.h. */
#include "name.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"

/* Makes the socket address of a name. -> its length, 0 if the name is not allowed. */
static socklen_t address_of(struct sockaddr_un *address, const char *text)
{
	int length;

	if (!*text || strlen(text) > NAME_LENGTH_MAX || strchr(text, '/'))
		return 0;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "allod/%u/%s", getuid(), text);
	return (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)length;
}

/* Anybody can connect to an abstract name: is the other side the same user, or root? */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == getuid() || peer.uid == 0);
}

int name_take(struct name *name, const char *text)
{
	struct sockaddr_un address;
	socklen_t length = text ? address_of(&address, text) : 0;

	*name = (struct name){ .listener = -1 };
	if (!text)
		return 0;
	name->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (name->listener >= 0 && bind(name->listener, (struct sockaddr *)&address, length) == 0 &&
		listen(name->listener, NAME_CLIENTS) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return complaint(EXIT_TOOL, "--name %s: another guest has that name", text);
	return complaint(EXIT_TOOL, "--name %s: %s", text, strerror(errno));
}

int name_accept(struct name *name)
{
	const struct timeval patience = { .tv_sec = 1 };
	int fd = accept4(name->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return 0;
	if (name->count == NAME_CLIENTS || !is_trusted(fd)) {
		close(fd);
		return 0;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	name->clients[name->count++] = fd;
	return name->count == 1;
}

void name_answer(struct name *name, const char *text, size_t bytes)
{
	while (name->count) {
		int fd = name->clients[--name->count];
		ssize_t sent = 0;

		for (size_t at = 0; at < bytes && sent >= 0; at += (size_t)sent)
			sent = send(fd, text + at, bytes - at, MSG_NOSIGNAL);
		close(fd);
	}
}

int name_connect(const char *text)
{
	struct sockaddr_un address;
	socklen_t length = address_of(&address, text);
	int fd = length ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd >= 0 && (connect(fd, (struct sockaddr *)&address, length) < 0 || !is_trusted(fd))) {
		close(fd);
		fd = -1;
	}
	return fd;
}
