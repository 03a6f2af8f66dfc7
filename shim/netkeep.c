#include "shim/netkeep.h"

#include "lib/base/clock.h"

#define READY_MS 5000
#define DELAY_MIN_MS 100
#define DELAY_MAX_MS 60000
#define LASTED_NS (10 * NS_PER_S)

void netkeep_init(struct netkeep *k)
{
	*k = (struct netkeep){
		.path = "",
		.tap_fd = -1,
		.init_pidfd = -1,
		.helper = NET_HELPER_INIT,
		.answer = { .fd = -1 },
	};
}

static void try_later(struct netkeep *k)
{
	uint64_t now = clock_mono_ns();

	loop_remove(k->loop, &k->answer);
	net_helper_auto(&k->helper);
	if (!k->delay_ms || now - k->started_ns > LASTED_NS)
		k->delay_ms = DELAY_MIN_MS;
	else if (k->delay_ms < DELAY_MAX_MS / 2)
		k->delay_ms *= 2;
	else
		k->delay_ms = DELAY_MAX_MS;
	k->retry_at_ns = now + k->delay_ms * NS_PER_MS;
}

static void on_answer(struct loop_source *s, uint32_t events)
{
	struct netkeep *k = (struct netkeep *)((char *)s - offsetof(struct netkeep, answer));
	struct err lost = ERR_INIT;

	(void)events;
	loop_remove(k->loop, s);
	if (net_wait_ready(&k->helper, k->config, &k->flags, 0, &lost) < 0)
		try_later(k);
}

static int launch(struct netkeep *k, struct err *e)
{
	int r;

	k->started_ns = clock_mono_ns();
	r = net_spawn(&k->helper, k->path, k->config, k->tap_fd, k->init_pidfd, e);
	if (r < 0)
		return r;
	return loop_add(k->loop, &k->answer, k->helper.sock, EPOLLIN, on_answer, e);
}

int netkeep_start(struct netkeep *k, struct loop *loop, const char *path,
		  struct net_config *config, int tap_fd, int init_pidfd,
		  struct err *e)
{
	int r;

	k->loop = loop;
	k->path = path;
	k->config = config;
	k->tap_fd = tap_fd;
	k->init_pidfd = init_pidfd;
	r = launch(k, e);
	if (r < 0 || !config->port_count)
		return r;
	loop_remove(loop, &k->answer);
	return net_wait_ready(&k->helper, config, &k->flags, READY_MS, e);
}

bool netkeep_ended(struct netkeep *k, pid_t pid)
{
	struct proc *p = pid == k->helper.net.pid	 ? &k->helper.net :
			 pid == k->helper.maker.pid ? &k->helper.maker :
						      NULL;

	if (!p)
		return false;
	/* It is reaped: its number must not be used any more. */
	p->pid = -1;
	fd_auto(&p->pidfd);
	if (k->tap_fd >= 0)
		try_later(k);
	return true;
}

void netkeep_retry(struct netkeep *k)
{
	struct err lost = ERR_INIT;

	k->retry_at_ns = 0;
	if (launch(k, &lost) < 0)
		try_later(k);
}

void netkeep_stop(struct netkeep *k)
{
	k->retry_at_ns = 0;
	if (k->loop)
		loop_remove(k->loop, &k->answer);
	net_helper_auto(&k->helper);
	fd_auto(&k->tap_fd);
}
