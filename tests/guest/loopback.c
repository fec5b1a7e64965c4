/* TCP over the loopback network: addresses, ports, connections, options. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "sockets.h"

static struct sockaddr_in at;

static struct sockaddr *internet(const char *address, int port)
{
	at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	inet_pton(AF_INET, address, &at.sin_addr);
	return (struct sockaddr *)&at;
}

static int port_of(int fd)
{
	socklen_t bytes = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &bytes) == 0 && bytes == sizeof(at) ? ntohs(at.sin_port) : -1;
}

static void test_addresses(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), port = 0;

	check(fd >= 0 && option_of(fd, SO_DOMAIN) == AF_INET && option_of(fd, SO_PROTOCOL) == IPPROTO_TCP &&
			port_of(fd) == 0 && at.sin_addr.s_addr == 0,
		"socket: TCP");
	check_errno(recv(fd, buffer, 1, 0), ENOTCONN, "recv: not connected");
	check_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE, "send: not connected");
	check_errno(shutdown(fd, SHUT_WR), ENOTCONN, "shutdown: not connected");
	check_errno(bind(fd, internet("1.2.3.4", 0), sizeof(at)), EADDRNOTAVAIL, "bind: somebody else's address");
	check_errno(bind(fd, internet("127.0.0.1", 0), 8), EINVAL, "bind: too short");
	at.sin_family = AF_UNIX;
	check_errno(bind(fd, (struct sockaddr *)&at, sizeof(at)), EAFNOSUPPORT, "bind: another family");
	check(bind(fd, internet("127.0.0.1", 0), sizeof(at)) == 0 && (port = port_of(fd)) >= 1024, "bind: any port");
	check_errno(bind(fd, internet("127.0.0.1", 0), sizeof(at)), EINVAL, "bind: twice");
	check_errno(bind(other, internet("127.0.0.1", port), sizeof(at)), EADDRINUSE, "bind: the port is taken");
	check_errno(bind(other, internet("0.0.0.0", port), sizeof(at)), EADDRINUSE,
		"bind: the port of all addresses is taken");
	check(bind(other, internet("127.0.0.2", port), sizeof(at)) == 0, "bind: the port of another address");
	close(other);
	other = socket(AF_INET, SOCK_STREAM, 0);
	check_errno(connect(other, internet("127.0.0.1", port), sizeof(at)), ECONNREFUSED, "connect: nobody listens");
	close(other);
	close(fd);
}

static void test_connection(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), a, port = 0, on = 1;
	socklen_t bytes = sizeof(at);
	struct sockaddr_in peer;

	check(listen(fd, 5) == 0 && (port = port_of(fd)) >= 1024, "listen: finds a port");
	check(connect(c, internet("127.0.0.1", port), sizeof(at)) == 0, "connect");
	a = accept(fd, (struct sockaddr *)&peer, &bytes);
	check(a >= 0 && bytes == sizeof(peer) && ntohs(peer.sin_port) == port_of(c) &&
			peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && at.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
		"accept: whose call it is");
	bytes = sizeof(peer);
	check(getpeername(c, (struct sockaddr *)&peer, &bytes) == 0 && ntohs(peer.sin_port) == port &&
			port_of(a) == port && at.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
		"getpeername, getsockname");
	check(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "TCP_NODELAY");
	check(write(c, "question", 8) == 8 && says(a, "question") && write(a, "answer", 6) == 6 && says(c, "answer"),
		"both ways");
	check_errno(connect(c, internet("127.0.0.1", port), sizeof(at)), EISCONN, "connect: twice");
	check(shutdown(c, SHUT_WR) == 0 && read(a, buffer, 1) == 0 && write(a, "rest", 4) == 4 && says(c, "rest"),
		"shutdown");
	close(a);
	check(read(c, buffer, 1) == 0, "the end");
	close(c);
	close(fd);
}

int main(void)
{
	test_addresses();
	test_connection();
	return tap_end();
}
