/* pty.h - pseudo terminals.
 *
 * A container's terminal is made in its own devpts instance; the peer is
 * opened by TIOCGPTPEER and never by its name, which somebody else could have
 * replaced.  All calls may be used between clone and exec.
 *
 * Ownership: descriptors are the caller's, close-on-exec.  Return 0 or -errno.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "lib/base/cleanup.h"

/* pts_dir_fd: a devpts directory with ptmx, or AT_FDCWD for the host's. */
int pty_open(int *master, int *slave, int pts_dir_fd) MUST_CHECK;

/* Rows and columns; zeros are left alone. */
int pty_resize(int fd, uint16_t rows, uint16_t cols);
int pty_size(int fd, uint16_t *rows, uint16_t *cols);

/* Makes fd the controlling terminal of a new session. */
int pty_take(int slave);

/* Our own terminal: raw mode while attached, and back. */
int pty_raw(int fd, struct termios *saved);
void pty_restore(int fd, const struct termios *saved);
