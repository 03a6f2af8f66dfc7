/* peer.c - what busybox cannot be in a container.
 *
 *	peer udp PORT		sends every datagram back to who sent it
 *	peer notify TEXT	sends it to $NOTIFY_SOCKET
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int udp(const char *port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 }, from;
	char data[65536];
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	at.sin6_port = htons((in_port_t)atoi(port));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return perror("peer"), 1;
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

		if (n < 0 || sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, len) < 0)
			return perror("peer"), 1;
	}
}

static int notify(const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path ? path : "");
	if (fd < 0 || sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return perror("peer"), 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "udp") == 0)
		return udp(argv[2]);
	if (argc == 3 && strcmp(argv[1], "notify") == 0)
		return notify(argv[2]);
	fprintf(stderr, "usage: peer udp PORT | notify TEXT\n");
	return 2;
}
