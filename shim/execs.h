/* execs.h - processes that joined the container, and who waits for them.
 *
 * An exec belongs to the client that asked for it.  Its output never passes
 * through here: it has the caller's descriptors, or a terminal whose master
 * the client gets.  A client that detaches gives that master back, and it is
 * read and forgotten from then on, so that the process does not block.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/limits.h"
#include "lib/base/loop.h"
#include "lib/fmt/shimmsg.h"
#include "shim/server.h"

struct exec {
	struct loop_source kept;	/* first; a terminal left behind, or -1 */
	struct loop *loop;
	uint32_t id;			/* 0: free slot */
	pid_t pid;
	int pidfd;
	struct server_client *client;	/* NULL: it went away */
	bool ended;
	int code;
};

struct execs {
	struct loop *loop;
	int init_pidfd;			/* these three are not owned */
	int cgroup_fd;
	int exe_fd;
	uint32_t last_id;
	struct exec slot[MAX_SHIM_EXECS];
};

void execs_init(struct execs *x, struct loop *loop, int init_pidfd, int cgroup_fd,
		int exe_fd);

/* Requests: each answers the client. */
void execs_start(struct execs *x, struct server_client *c, const struct shim_msg *m,
		 const int *fds, size_t count);
void execs_kill(struct execs *x, struct server_client *c, const struct shim_msg *m);
void execs_keep(struct execs *x, const struct shim_msg *m, int *fds, size_t count);

/* A child ended: was it one of these? */
bool execs_ended(struct execs *x, pid_t pid, int code);
bool execs_flush(struct execs *x, struct server_client *c);
void execs_gone(struct execs *x, const struct server_client *c);
void execs_clear(struct execs *x);
