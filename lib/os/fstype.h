/* fstype.h - what a directory's file system cannot do for a store.
 *
 * Errors: none; a file system that cannot be asked is taken for a usual one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The name of one that cannot hold a database and layers, as it lacks owners or
 * locks, or is another machine's: "NFS".  NULL: a usual one. */
const char *fstype_remote(int fd);

/* Names that differ in capitals only are two in this directory and in what is
 * made below it from now on, where its owner may choose: it is empty. */
void fstype_keep_case(int dirfd);

/* Are they one?  Tries it, with a name that is removed again. */
bool fstype_folds_case(int dirfd);

/* Does what is overwritten take room elsewhere first? */
bool fstype_is_cow(int fd);

/* What an ordinary user can still put there; UINT64_MAX where it does not count. */
struct fstype_room {
	uint64_t bytes, files;
};

void fstype_room(struct fstype_room *out, int fd);

/* Has it access lists?  The kernel denies a FUSE server without them to all but
 * the owners of files. */
bool fstype_has_acls(const char *dir);

/* Is it mounted so that no program in it runs? */
bool fstype_is_noexec(int fd);
