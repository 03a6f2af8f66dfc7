/* fs.h - files by descriptor: whole reads, atomic replacement, lookups that
 * cannot leave a root, removal of trees.
 *
 * Every name is relative to a directory descriptor (AT_FDCWD is allowed for
 * paths that the user or the host gave us).  Descriptors returned belong to
 * the caller and are close-on-exec.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* --- lookups below a root that somebody else may be changing --- */

/* Opens path as a process whose root is root_fd would: "..", absolute paths
 * and absolute symlinks stay inside; links of /proc are refused.  Waits at
 * most a few ms for a tree that is being renamed under us (-EAGAIN).
 * flags: as openat, O_CLOEXEC is added; mode: for O_CREAT. */
int fs_open_inroot(int root_fd, const char *path, int flags, mode_t mode,
		   struct err *e) MUST_CHECK;

/* As above, but a path that would leave root_fd is an error (-EXDEV). */
int fs_open_beneath(int root_fd, const char *path, int flags, mode_t mode,
		    struct err *e) MUST_CHECK;

/* O_PATH|O_DIRECTORY of path inside root, creating what is missing with mode
 * and the given owner (-1: as is). */
int fs_mkdirs_inroot(int root_fd, const char *path, mode_t mode, uid_t uid,
		     gid_t gid, struct err *e) MUST_CHECK;

/* --- whole files --- */

/* Reads a regular file of at most max bytes (b->max is the limit). -EFBIG */
int fs_read(int dirfd, const char *name, struct buf *b, struct err *e) MUST_CHECK;

/* The same for a descriptor, from its current offset. */
int fs_read_fd(int fd, const char *what, struct buf *b, struct err *e) MUST_CHECK;

/* What comes through a descriptor that need not be a file, to its end. */
int fs_read_stream(int fd, const char *what, struct buf *b, struct err *e) MUST_CHECK;

/* A file of a container's root file system: inside the root, regular (never
 * a fifo or device), at most b->max bytes. */
int fs_read_inroot(int root_fd, const char *path, struct buf *b,
		   struct err *e) MUST_CHECK;

/* Into a caller's array, cut at size - 1 and ended with NUL; *len is what
 * was read.  For the small files of /proc and /sys. */
int fs_read_small(int dirfd, const char *name, char *out, size_t size,
		  ssize_t *len, struct err *e) MUST_CHECK;

/* Writes to an existing file in one write(2), as /proc and cgroups want. */
int fs_write_small(int dirfd, const char *name, const char *text,
		   struct err *e) MUST_CHECK;

int fs_write_all(int fd, const void *data, size_t len, struct err *e) MUST_CHECK;

enum fs_sync { FS_NOSYNC, FS_SYNC };

/* What is not yet a file's new content has a name that begins so; a crash
 * leaves it. */
#define FS_NEW ".new-"

/* Replaces a whole file, with this very mode: readers see the old or the new one.  FS_SYNC also
 * survives a power cut. name is one component. */
int fs_replace(int dirfd, const char *name, const void *data, size_t len,
	       mode_t mode, enum fs_sync sync, struct err *e) MUST_CHECK;

/* --- directories --- */

/* Opens a directory, made with exactly this mode (whatever the umask) when it
 * is missing.  name may have slashes; parents get the same mode. */
int fs_mkdirs(int dirfd, const char *name, mode_t mode, struct err *e) MUST_CHECK;

int fs_open_dir(int dirfd, const char *name, struct err *e) MUST_CHECK;
int fs_sync_dir(int fd, const char *what, struct err *e) MUST_CHECK;

/* Is it a directory of ours that nobody else can change? -EPERM says why not. */
int fs_check_private(int fd, const char *what, struct err *e) MUST_CHECK;

/* Removes name and all below it, never following a link nor leaving the file
 * system (of btrfs, whatever subvolumes are in there); a missing name is fine.
 * What cannot be removed is left, the first error is returned, the rest is
 * removed all the same.  Directories of ours without permissions are made
 * enterable first. */
int fs_rmtree(int dirfd, const char *name, struct err *e) MUST_CHECK;

/* Calls each for every entry except . and ..; stops at the first non-zero
 * answer and returns it. */
typedef int fs_each_fn(int dirfd, const char *name, unsigned char type,
		       void *arg, struct err *e);
int fs_each(int dirfd, fs_each_fn *each, void *arg, struct err *e) MUST_CHECK;

/* Copies len bytes (or to the end: UINT64_MAX) by reflink, else in the
 * kernel, else by hand. */
int fs_copy_data(int to, int from, uint64_t len, struct err *e) MUST_CHECK;
