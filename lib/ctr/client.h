/* client.h - talking to the shim of one container.
 *
 * A client is a connected socket (SOCK_SEQPACKET) to a shim, found by the run
 * directory of the container, or left over from starting it.  Requests wait
 * for their reply; frames of an attachment are read by lib/ctr/attach only,
 * so requests other than those of attach need a client of their own.
 *
 * Ownership: struct client owns its socket; descriptors handed in stay the
 * caller's; those handed out are the caller's.
 * Errors: -ESRCH no shim serves this container (client_look() says why);
 * -EPIPE it went away meanwhile; else what the shim answered, whose text is
 * taken over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/proc.h"
#include "lib/fmt/shimmsg.h"

struct client {
	int sock;
	pid_t shim;		/* of one that client_prepare() started, else 0 */
};

#define CLIENT_INIT { .sock = -1 }

static inline void client_auto(struct client *c)
{
	fd_auto(&c->sock);
}

/* --- starting --- */

struct client_started {
	pid_t init;
	uint32_t rungs;		/* PLAN_RUNG_* taken */
	uint32_t net_flags;	/* NET_NO_*, known when ports are published */
	void *net;		/* the net_config with its actual host ports,
				 * or NULL; the caller frees it */
	size_t net_len;
	int exit_status;	/* of an error: 125, 126, 127 as rt_exit_status */
};

/* Starts a shim that waits for its message, while the caller is still making
 * what the message is about.  early: a plan of plan_compile_early() that it
 * begins with, or NULL; cgroup_fd: in which cgroup, which it then removes
 * should there be no start, or -1.  It ends when the client does. */
int client_prepare(struct client *out, const char *shim_path,
		   const struct buf *early, int cgroup_fd, struct err *e) MUST_CHECK;

/* Gives a shim its message; one is started when c was not prepared.
 * fds[SHIM_FDS] by enum shim_fd, -1 where there is none (s->fds is filled in
 * from them).  Does not wait: client_await_start() does. */
int client_launch(struct client *c, const char *shim_path,
		  struct shim_start *s, const int fds[SHIM_FDS],
		  struct err *e) MUST_CHECK;

/* Waits for SHIM_STARTED; then the program runs.  On failure the error has the
 * shim's words, and *out only its exit_status. */
int client_await_start(struct client *c, struct client_started *out,
		       struct err *e) MUST_CHECK;

/* --- finding --- */

enum client_health {
	CLIENT_SERVED,		/* a shim answers for it */
	CLIENT_ORPHAN,		/* it runs, its shim is gone: adopt it */
	CLIENT_ENDED,		/* the page says so: see the exit record */
	CLIENT_LOST,		/* both are gone and nobody saw the end: look
				 * for an exit record, else unknown */
	CLIENT_ABSENT,		/* no page: never started on this boot */
};

/* Reads the status page and looks which of its processes are alive. */
int client_look(int run_fd, struct shim_page *page, enum client_health *health,
		struct err *e) MUST_CHECK;

/* The exit record of a data directory; -ENOENT when there is none. */
int client_read_exit(int data_fd, struct shim_exit *out, struct err *e) MUST_CHECK;

/* Writes the record of an end that nobody saw (exit code unknown) for the
 * container of this page, unless there is a record already. */
int client_record_lost(int data_fd, const struct shim_page *page,
		       struct err *e) MUST_CHECK;

int client_connect(struct client *out, int run_fd, struct err *e) MUST_CHECK;

/* --- requests --- */

int client_ping(struct client *c, struct err *e) MUST_CHECK;
int client_kill(struct client *c, int sig, struct err *e) MUST_CHECK;

/* signal 0: the container's own; timeout_ms CLIENT_OWN_TIMEOUT: its own.  Returns at
 * once; client_wait() tells the end. */
#define CLIENT_OWN_TIMEOUT UINT64_MAX
int client_stop(struct client *c, int sig, uint64_t timeout_ms,
		struct err *e) MUST_CHECK;

/* The exit code of the container, or of an exec begun on this client
 * (exec_id): 0..255, or -1 in *code when unknown.  timeout_ms -1: for ever,
 * else -ETIMEDOUT. */
int client_wait(struct client *c, uint32_t exec_id, int timeout_ms, int *code,
		struct err *e) MUST_CHECK;

int client_reopen_log(struct client *c, struct err *e) MUST_CHECK;

/* The owner removes the container itself; sent last. */
int client_release(struct client *c, struct err *e) MUST_CHECK;

struct client_exec {
	uint32_t id;		/* for client_wait and attach */
	pid_t pid;
	int pty;		/* the master, when a terminal was asked for */
	int exit_status;	/* of an error */
};

#define CLIENT_EXEC_INIT { .pty = -1 }

/* plan_fd: memory file of the exec plan.  stdio: three descriptors, or NULL
 * for a terminal of rows × cols.  -ESRCH: nobody has read the request. */
int client_exec(struct client *c, int plan_fd, const int *stdio, uint16_t rows,
		uint16_t cols, struct client_exec *out, struct err *e) MUST_CHECK;
