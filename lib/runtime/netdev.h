/* netdev.h - inside the runtime: network devices of ours that become the
 * container's (runtime-spec config-linux.md "Network Devices").
 *
 * They keep their permanent addresses and are up afterwards.  Nobody moves them
 * back: with the namespace those of hardware return by themselves.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/* there: a netlink socket of the container's namespace; pid: of its init. */
int netdev_move(const void *plan, uint32_t step, int there, pid_t pid,
		struct err *e) MUST_CHECK;
