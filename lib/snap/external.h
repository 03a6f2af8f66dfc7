/* external.h - snapshotters that are programs of others.
 *
 * "--snapshotter NAME", where NAME is none of the built-in ones, is the program
 * coracle-snapshotter-NAME, found in PATH.  It is asked one thing: to make a
 * directory tree that is like another one, by whatever its file system has for
 * that (reflinks, snapshots, a copy).  What containerd's interface has besides
 * needs no program: keys, kinds, parents, labels and commits are rows of the
 * store; mounts are always a bind mount of the tree; sizes are counted; removal
 * is that of a tree, by unlink(2) and rmdir(2), and must be possible so.
 *
 * The protocol.  The program is started for each request, without arguments,
 * with one end of a socket as descriptors 0 and 1 (helper.h, helper_ask()): it
 * reads a message, writes a message, and ends with status 0.  A message is its
 * length in four bytes, most significant first, and so many bytes of JSON, at
 * most 64 KiB.
 *
 *   {"version":1,"op":"prepare","to":"/.../12","from":"/.../7"}
 *
 * TO is an empty directory; in it the program makes the directory "fs", equal
 * to FROM/fs in contents, owners, modes, times, extended attributes and hard
 * links, and independent of it from then on.  Without "from" it is empty.  The
 * answer is {"ok":true}, or {"error":"TEXT"} for people to read.  What it left
 * behind is removed then.  Members that it does not know it ignores; an op or
 * version that it does not know is an error.
 *
 * Each layer of an image is prepared from the one below and a container from
 * the topmost layer, so it should cost little.
 *
 * It runs as the user, with the user's environment, in a user namespace where
 * the ids of containers are mapped and it is root over them: as much trusted as
 * any program in PATH.  After ten minutes it is killed.
 *
 * Ownership: drivers are constants, made once for each name.
 * Errors of its driver: -ENOTSUP no such program, or it fails to prepare two
 * trees for the probe; -EREMOTEIO it said why; -EPROTO the answer is not what
 * is said here; those of helper_ask().
 */
#pragma once

#include "lib/snap/snap.h"

#define EXTERNAL_PREFIX "coracle-snapshotter-"

/* Why there is none of that name; NULL: there may be. */
const char *external_refuses(const char *name);

/* NULL: there is none. */
const struct snap_driver *external_find(const char *name);
