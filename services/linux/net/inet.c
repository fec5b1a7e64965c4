/* Internet addresses of streams: the loopback network. Its connections are made like those of UNIX sockets. */
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include "lib/string.h"

#include "services/runtime/heap.h"
#include "services/linux/net/socket.h"

enum { PORT_FIRST = 32768, PORT_LAST = 60999, PORT_PRIVILEGED = 1024, ADDRESS_BYTES = sizeof(struct sockaddr_in) };
_Static_assert(sizeof(struct sockaddr_in) <= sizeof(struct socket_address), "fits into any address");

static struct list_node inet_names = LIST_INIT(inet_names);

static u32 network(u32 value)
{
	return __builtin_bswap32(value);
}

static struct sockaddr_in *internet(const struct socket_address *address)
{
	return (struct sockaddr_in *)address;
}

static bool is_loopback(u32 address)
{
	return network(address) >> 24 == 127;
}

/* Checks an address. -> 0: it is the loopback network's, or any. */
static int check_address(const struct sockaddr_in *address, u32 bytes, int unknown)
{
	if (bytes < ADDRESS_BYTES)
		return -EINVAL;
	if (address->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	return address->sin_addr.s_addr == INADDR_ANY || is_loopback(address->sin_addr.s_addr) ? 0 : unknown;
}

static bool overlap(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_port == b->sin_port &&
		(a->sin_addr.s_addr == b->sin_addr.s_addr || !a->sin_addr.s_addr || !b->sin_addr.s_addr);
}

static struct socket *holder(const struct sockaddr_in *address)
{
	list_for_each(node, &inet_names) {
		struct socket_name *name = container_of(node, struct socket_name, abstract);

		if (overlap(address, internet(&name->address)))
			return name->owner;
	}
	return NULL;
}

struct socket_name *inet_name(const struct socket_address *address)
{
	struct socket_name *name = heap_zalloc(sizeof(*name));

	if (!name)
		return NULL;
	name->refs = 1;
	name->bytes = ADDRESS_BYTES;
	memcpy(&name->address, address, ADDRESS_BYTES);
	if (!internet(&name->address)->sin_addr.s_addr)
		internet(&name->address)->sin_addr.s_addr = network(INADDR_LOOPBACK);
	list_init(&name->abstract);
	return name;
}

/* A free port. 0: there is none. */
static u16 free_port(struct sockaddr_in *address)
{
	static u32 next = PORT_FIRST;

	for (u32 tries = PORT_FIRST; tries <= PORT_LAST; tries++) {
		next = next == PORT_LAST ? PORT_FIRST : next + 1;
		address->sin_port = __builtin_bswap16((u16)next);
		if (!holder(address))
			return address->sin_port;
	}
	return 0;
}

int inet_bind(struct task *self, struct socket *socket, const struct socket_address *wanted, u32 bytes)
{
	struct socket_address address = *wanted;
	struct sockaddr_in *in = internet(&address);
	int error = check_address(in, bytes, -EADDRNOTAVAIL);

	if (error)
		return error;
	if (socket->name)
		return -EINVAL;
	if (in->sin_port && __builtin_bswap16(in->sin_port) < PORT_PRIVILEGED && !task_is_root(self))
		return -EACCES;
	if (in->sin_port ? holder(in) != NULL : !free_port(in))
		return -EADDRINUSE;
	memset(in->__pad, 0, sizeof(in->__pad));
	socket->name = inet_name(&address);
	if (!socket->name)
		return -ENOMEM;
	internet(&socket->name->address)->sin_addr = in->sin_addr;
	socket->name->owner = socket;
	list_append(&inet_names, &socket->name->abstract);
	return 0;
}

int inet_bind_any(struct task *self, struct socket *socket, bool loopback)
{
	struct socket_address address = { .family = AF_INET };

	if (!socket->name) {
		internet(&address)->sin_addr.s_addr = loopback ? network(INADDR_LOOPBACK) : INADDR_ANY;
		return inet_bind(self, socket, &address, ADDRESS_BYTES);
	}
	/* A socket that is bound to any address gets the one that it connects from. */
	if (loopback && !internet(&socket->name->address)->sin_addr.s_addr)
		internet(&socket->name->address)->sin_addr.s_addr = network(INADDR_LOOPBACK);
	return 0;
}

int inet_find(const struct socket_address *address, u32 bytes, struct socket **found)
{
	struct socket_address called = *address;
	int error = check_address(internet(address), bytes, -ENETUNREACH);
	struct socket *socket;

	if (error)
		return error;
	if (!internet(&called)->sin_addr.s_addr)
		internet(&called)->sin_addr.s_addr = network(INADDR_LOOPBACK);
	socket = holder(internet(&called));
	if (!socket)
		return -ECONNREFUSED;
	*found = socket_get(socket);
	return 0;
}

/* --- options of TCP: set and returned, without effect --- */

long inet_option_set(struct socket *socket, u32 level, u32 option, u32 value)
{
	if (level == IPPROTO_IP)
		return 0;
	if (level != IPPROTO_TCP || !option || option >= ARRAY_SIZE(socket->tcp_options))
		return -ENOPROTOOPT;
	socket->tcp_options[option] = value;
	return 0;
}

long inet_option_get(const struct socket *socket, u32 level, u32 option, u32 *value)
{
	if (level != IPPROTO_TCP || !option || option >= ARRAY_SIZE(socket->tcp_options))
		return -ENOPROTOOPT;
	*value = socket->tcp_options[option];
	return 0;
}
