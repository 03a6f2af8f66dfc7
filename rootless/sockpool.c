#include "rootless/sockpool.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lib/base/fd.h"
#include "rootless/netns.h"

#define LOW	32

static struct sockpool_kind *kind_of(struct sockpool *p, int family, int proto)
{
	return &p->kinds[(family == AF_INET6 ? 2 : 0) +
			 (proto == IPPROTO_UDP ? 1 : 0)];
}

void sockpool_prepare(struct sockpool *p, int family, int proto)
{
	struct netns_request q = {
		.family = (uint8_t)family,
		.proto = (uint8_t)proto,
		.count = FD_SEND_MAX,
	};
	struct sockpool_kind *k = kind_of(p, family, proto);
	struct err ignored = ERR_INIT;

	while (p->fd >= 0 && k->count + k->asked * FD_SEND_MAX < LOW) {
		/* A full socket means that replies are on their way. */
		if (fd_send(p->fd, &q, sizeof(q), NULL, 0, MSG_DONTWAIT, &ignored) < 0)
			return;
		k->asked++;
	}
}

/* False when there is nothing to read now. */
static bool take_reply(struct sockpool *p)
{
	struct netns_reply a;
	struct err ignored = ERR_INIT;
	struct sockpool_kind *k;
	int fds[FD_SEND_MAX];
	size_t count = FD_SEND_MAX;
	ssize_t n = fd_recv(p->fd, &a, sizeof(a), fds, &count, MSG_DONTWAIT, &ignored);

	if (n == -EAGAIN)
		return false;
	if (n != (ssize_t)sizeof(a)) {
		loop_remove(p->loop, &p->src);
		fd_auto(&p->fd);
		return false;
	}
	k = kind_of(p, a.family, a.proto);
	k->asked -= k->asked > 0;
	k->is_transparent = a.transparent;
	for (size_t i = 0; i < count; i++) {
		if (k->count < SOCKPOOL_HIGH)
			k->fds[k->count++] = fds[i];
		else
			fd_auto(&fds[i]);
	}
	return true;
}

static void on_maker(struct loop_source *s, uint32_t events)
{
	struct sockpool *p = (void *)((char *)s - offsetof(struct sockpool, src));

	(void)events;
	while (take_reply(p))
		;
	p->arrived(p->arg);
}

int sockpool_init(struct sockpool *p, struct loop *l, int maker_fd,
		  void (*arrived)(void *arg), void *arg, struct err *e)
{
	p->loop = l;
	p->fd = maker_fd;
	p->arrived = arrived;
	p->arg = arg;
	p->src.fd = -1;
	return maker_fd < 0 ? 0 : loop_add(l, &p->src, maker_fd, EPOLLIN, on_maker, e);
}

bool sockpool_ready(struct sockpool *p, int family, int proto)
{
	if (kind_of(p, family, proto)->count || p->fd < 0)
		return true;
	sockpool_prepare(p, family, proto);
	return false;
}

int sockpool_get(struct sockpool *p, int family, int proto, bool *is_transparent)
{
	struct sockpool_kind *k = kind_of(p, family, proto);
	int fd = -EAGAIN;

	if (k->count) {
		fd = k->fds[--k->count];
		*is_transparent = k->is_transparent;
	} else if (p->fd < 0) {
		return -EPIPE;
	}
	sockpool_prepare(p, family, proto);
	return fd;
}
