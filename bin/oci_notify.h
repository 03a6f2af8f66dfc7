/* oci_notify.h - sd_notify(3) through a container's wall.
 *
 * Whoever calls us with NOTIFY_SOCKET waits for READY=1.  The container gets a
 * socket of its own at /run/notify/notify.sock; `start` waits for its word, and
 * so does `run` as long as it is there.  READY=1 is passed on with the pid of
 * the container's init, and nothing else that a container might say.
 */
#pragma once

#include "bin/oci.h"

/* Before the plan is compiled: makes the socket, and the mount and environment
 * that lead to it.  Nothing to do without NOTIFY_SOCKET. */
int oci_notify_make(struct oci_box *b, const struct oci *o, struct spec *spec,
		    struct err *e) MUST_CHECK;

/* Before the program runs: *fd is the socket, or -1 when nobody asked. */
int oci_notify_listen(int *fd, const struct oci_box *b, struct err *e) MUST_CHECK;

/* Takes a word, and passes it on.  1: it was ready, there is no more to do. */
int oci_notify_take(int fd, pid_t init, struct err *e) MUST_CHECK;

/* Waits for the container to be ready, or to end. */
int oci_notify_proxy(int fd, const struct oci_box *b, struct err *e) MUST_CHECK;
