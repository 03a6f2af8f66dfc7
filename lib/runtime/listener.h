/* listener.h - inside the runtime: whoever answers for system calls that a
 * container's filter does not decide (runtime-spec config-linux.md "Seccomp",
 * "The Container Process State").
 *
 * It is told over a stream socket with a path, once for each process, and
 * gets the filter's descriptor with these words.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/* step: that of the filter; fd: its listener; pid: as we see the process, who
 * waits at the other end of sock. */
int listener_tell(const void *plan, uint32_t step, int fd, pid_t pid, int sock,
		  struct err *e) MUST_CHECK;
