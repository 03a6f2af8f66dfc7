#include "lib/base/loop.h"

int loop_init(struct loop *l, struct err *e)
{
	*l = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return l->epoll_fd < 0 ? err_sys(e, "make an epoll") : 0;
}

void loop_clear(struct loop *l)
{
	fd_auto(&l->epoll_fd);
}

int loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events,
	     loop_fn *fn, struct err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_sys(e, "watch descriptor %d", fd);
	*s = (struct loop_source){ .fd = fd, .events = events, .fn = fn };
	return 0;
}

void loop_change(struct loop *l, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (s->fd < 0 || s->events == events)
		return;
	s->events = events;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev);
}

/* Its handler must not be called in what is left of the round. */
static void forget(struct loop *l, const struct loop_source *s)
{
	for (int i = 0; i < l->count; i++)
		if (l->round[i].data.ptr == s)
			l->round[i].data.ptr = NULL;
}

void loop_remove(struct loop *l, struct loop_source *s)
{
	if (s->fd < 0)
		return;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	s->fd = -1;
	forget(l, s);
}

void loop_close(struct loop *l, struct loop_source *s)
{
	if (s->fd < 0)
		return;
	fd_auto(&s->fd);
	forget(l, s);
}

int loop_once(struct loop *l, int timeout_ms, struct err *e)
{
	int n = epoll_wait(l->epoll_fd, l->round, LOOP_BATCH, timeout_ms);

	if (n < 0 && errno != EINTR)
		return err_sys(e, "wait for events");
	l->count = n < 0 ? 0 : n;
	for (int i = 0; i < l->count; i++) {
		struct loop_source *s = l->round[i].data.ptr;

		if (s)
			s->fn(s, l->round[i].events);
	}
	l->count = 0;
	return 0;
}

int loop_run(struct loop *l, struct err *e)
{
	while (!l->stop) {
		int r = loop_once(l, -1, e);

		if (r < 0)
			return r;
	}
	return 0;
}
