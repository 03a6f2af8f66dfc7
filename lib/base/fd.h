/* fd.h - descriptors: pipes, memory files, passing, closing the rest.
 *
 * All descriptors made here are close-on-exec and belong to the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct fd_pair {
	int a;			/* read end of a pipe */
	int b;			/* write end of a pipe */
};

#define FD_PAIR_INIT { -1, -1 }

int fd_pipe(struct fd_pair *out, struct err *e) MUST_CHECK;

/* type: SOCK_STREAM, SOCK_SEQPACKET ... */
int fd_socketpair(struct fd_pair *out, int type, struct err *e) MUST_CHECK;

static inline void fd_pair_auto(struct fd_pair *p)
{
	fd_auto(&p->a);
	fd_auto(&p->b);
}

/* An anonymous file with these bytes, sealed against any change. */
int fd_sealed(const char *name, const void *data, size_t len,
	      struct err *e) MUST_CHECK;

/* One message with up to FD_SEND_MAX descriptors.  Returns the number of
 * bytes; 0 is the end of the stream, after all that the peer had sent, whether
 * or not it read what we sent.  *count is set to the descriptors that
 * arrived; more than the caller has room for are closed and are -EPROTO. */
#define FD_SEND_MAX 16
ssize_t fd_send(int sock, const void *data, size_t len, const int *fds,
		size_t count, int flags, struct err *e) MUST_CHECK;
ssize_t fd_recv(int sock, void *data, size_t len, int *fds, size_t *count,
		int flags, struct err *e) MUST_CHECK;

/* Marks every descriptor from first on close-on-exec, whatever the caller
 * of our program left open. */
void fd_cloexec_from(int first);

/* Closes every descriptor from first on. */
void fd_close_from(int first);

int fd_set_nonblock(int fd, bool on, struct err *e) MUST_CHECK;
