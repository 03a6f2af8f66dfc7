/* server.h - the clients of a shim: who is attached, what they are owed.
 *
 * Output is put into one ring that all attached clients read at their own
 * speed.  A client that falls behind by the whole ring is dropped, except the
 * owner (the foreground run): as long as there is one, the container waits
 * for it (server_has_room() is false), so that it loses nothing.
 *
 * Replies that a client's socket does not take at once are not kept: whoever
 * sends requests without reading answers is dropped.  Only ends (of stdin
 * chunks, execs, the container) are owed until they can be sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/loop.h"
#include "lib/fmt/shimmsg.h"
#include "shim/ring.h"

struct server;

struct server_client {
	struct loop_source source;	/* first; fd -1: free slot */
	struct server *server;
	uint32_t streams;		/* SHIM_ATTACH_* */
	uint64_t at;			/* in the ring */
	bool wants_exit;		/* attached, or waits */
	bool owes_exit;
	bool owes_done;			/* a SHIM_STDIN_DONE */
	bool wants_eof;			/* after what is held */
	uint32_t held_len;		/* stdin bytes that did not fit yet */
	uint32_t held_at;
};

/* room and flushed are called from within other calls: they should only take
 * a note. */
struct server_ops {
	/* A request that is not about clients themselves.  Answers through
	 * server_reply(), server_ok(), server_error(), and sets to -1 what
	 * it keeps of fds. */
	void (*request)(void *arg, struct server_client *c,
			const struct shim_msg *m, int *fds, size_t count);
	/* As stdio_write() and its siblings. */
	ssize_t (*stdin_write)(void *arg, const void *data, size_t len);
	void (*stdin_want_room)(void *arg);
	void (*stdin_eof)(void *arg);
	void (*room)(void *arg);		/* server_has_room() again */
	void (*gone)(void *arg, struct server_client *c);
	/* Sends what execs of this client are owed; false: it would block. */
	bool (*flush_execs)(void *arg, struct server_client *c);
	void (*flushed)(void *arg);		/* after server_tell_exit() */
	void *arg;
};

struct server {
	struct loop *loop;
	struct server_ops ops;
	struct loop_source listener;
	struct server_client *owner;	/* NULL: none */
	uint32_t attached;		/* clients that want output */
	bool temporary;			/* an owner removes it: wait for that */
	bool released;			/* and said that it does */
	bool told;			/* the exit code is known */
	int exit_code;
	struct ring ring;
	struct server_client clients[MAX_SHIM_CLIENTS];
	unsigned char held[MAX_SHIM_CLIENTS][SHIM_STDIN_MAX];
};

void server_init(struct server *s, struct loop *loop, const struct server_ops *ops);

/* Makes the socket in a run directory, in place of one that is there. */
int server_listen(struct server *s, int run_fd, struct err *e) MUST_CHECK;

/* A connected client.  Takes the descriptor, also on failure. */
int server_add(struct server *s, int fd, uint32_t streams, struct err *e) MUST_CHECK;

bool server_has_room(const struct server *s);
void server_output(struct server *s, enum shim_op op, const void *data, size_t len);
void server_stdin_room(struct server *s);
void server_tell_exit(struct server *s, int code);
void server_drop_slow(struct server *s);	/* all but the owner */

/* Calls ops.flushed when nothing is owed to anybody any more. */
void server_check_flushed(struct server *s);

/* False when the client was dropped. */
bool server_reply(struct server_client *c, struct shim_msg m, const void *data,
		  const int *fds, size_t count);
void server_ok(struct server_client *c, int64_t value);
void server_error(struct server_client *c, uint32_t id, int exit_status,
		  const struct err *e);

/* A message that must not be lost; false when it cannot be sent now. */
bool server_try(struct server_client *c, const struct shim_msg *m);
void server_flush(struct server_client *c);
void server_clear(struct server *s);
