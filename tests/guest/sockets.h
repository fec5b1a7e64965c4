/* What the tests of UNIX sockets share. */
#ifndef TESTS_GUEST_SOCKETS_H
#define TESTS_GUEST_SOCKETS_H

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "tap.h"

static struct sockaddr_un address;
static char buffer[300000];

static inline socklen_t path(const char *name)
{
	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
	strcpy(address.sun_path, name);
	return sizeof(address);
}

static inline socklen_t abstract(const char *name)
{
	path("");
	strcpy(address.sun_path + 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static inline int do_bind(int fd, socklen_t bytes)
{
	return bind(fd, (struct sockaddr *)&address, bytes);
}

static inline int do_connect(int fd, socklen_t bytes)
{
	return connect(fd, (struct sockaddr *)&address, bytes);
}

static inline int server(const char *name, int type)
{
	int fd = socket(AF_UNIX, type, 0);

	if (do_bind(fd, *name == '@' ? abstract(name + 1) : path(name)) < 0 || listen(fd, 5) < 0)
		check(false, "a listening socket");
	return fd;
}

static inline int client(const char *name, int type)
{
	int fd = socket(AF_UNIX, type, 0);

	if (do_connect(fd, *name == '@' ? abstract(name + 1) : path(name)) < 0)
		check(false, "a connection");
	return fd;
}

static inline short events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

static inline int option_of(int fd, int option)
{
	int value = -1;
	socklen_t bytes = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &bytes) == 0 ? value : -1;
}

static inline bool says(int fd, const char *text)
{
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	return n == (ssize_t)strlen(text) && !memcmp(buffer, text, (size_t)n);
}

static inline void pair(int ends[2], int type)
{
	if (socketpair(AF_UNIX, type, 0, ends) < 0)
		check(false, "socketpair");
}

#endif
