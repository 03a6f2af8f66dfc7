#include "lib/runtime/netdev.h"

#include <string.h>

#include "lib/os/netlink.h"
#include "lib/runtime/step.h"

#define MAX_ADDRS 256			/* of one device */

static int give_addrs(int there, int index, const struct netlink_addr *addrs, int count)
{
	int r = netlink_link_up(there, index, 0);

	for (int i = 0; r == 0 && i < count; i++)
		r = netlink_add_addr(there, index, addrs[i].family, addrs[i].bytes,
				     addrs[i].prefix);
	return r;
}

static int move_one(int here, int there, pid_t pid, const char *name, const char *new_name)
{
	struct netlink_addr addrs[MAX_ADDRS];
	int index = netlink_index(here, name);
	int count, r;

	if (index < 0)
		return index;
	count = netlink_get_addrs(here, index, addrs, MAX_ADDRS);
	if (count < 0)
		return count;
	r = netlink_link_move(here, index, pid, new_name);
	if (r < 0)
		return r;
	/* A name that the kernel completes is not known, but the number stays
	 * where it is free. */
	if (!strchr(new_name, '%'))
		index = netlink_index(there, new_name);
	return index < 0 ? index : give_addrs(there, index, addrs, count);
}

int netdev_move(const void *plan, uint32_t step, int there, pid_t pid, struct err *e)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h) + step;
	const char *name, *end;
	AUTO_FD int here = netlink_open();

	if (there < 0 || step >= h->step_count || s->op != OP_NET_DEVICES)
		return err_set(e, EPROTO, "container init: unknown message");
	if (here < 0)
		return err_ret(e, here, "netlink");
	name = (const char *)plan + s->data;
	for (end = name + s->data_len; name < end; ) {
		const char *new_name = name + strlen(name) + 1;
		int r = move_one(here, there, pid, name, new_name);

		if (r < 0)
			return err_ret(e, r, "move network device '%s'", name);
		name = new_name + strlen(new_name) + 1;
	}
	return 0;
}
