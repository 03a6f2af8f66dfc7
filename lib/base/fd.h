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

/* An empty anonymous file in memory, to be written and then sealed against any
 * change by fd_seal(), which may replace the descriptor.  Where sandboxes hide
 * memfd_create(2) it is a file without a name in a directory for temporary
 * ones, which ends up open for reading only: nobody gets to it but through its
 * descriptor.  executable: it will be executed.
 * Return a descriptor or 0, or -errno. */
int fd_memory(const char *name, bool executable) MUST_CHECK;
int fd_seal(int *fd) MUST_CHECK;

/* The same with these bytes. */
int fd_sealed(const char *name, const void *data, size_t len,
	      struct err *e) MUST_CHECK;

/* Was it made by fd_seal()?  What has seals cannot change any more; what has
 * none only by those who may open the descriptors of whoever holds it. */
enum fd_seals { FD_NOT_SEALED, FD_READ_ONLY, FD_SEALED };
enum fd_seals fd_seals(int fd);

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
