#include "lib/base/fs.h"

#include <dirent.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* A layer may be MAX_DEPTH deep, and lies some levels below what is removed.
 * A level is a descriptor, and 1024 of them is what everybody has. */
#define DEPTH_LIMIT (MAX_DEPTH + 8)

/* How it works: directories are entered depth first by descriptor, each with
 * O_NOFOLLOW, and unlinked by name from their parent's descriptor when they
 * are empty.  The stack is on the heap and bounded; a tree deeper than that
 * is an error and keeps its deepest part. */
struct level {
	DIR *dir;
	char name[MAX_COMPONENT + 1];	/* in the level above */
};

struct removal {
	struct level *levels;
	size_t depth;
	dev_t dev;
	struct err *first;
};

/* A subvolume of btrfs has a device number of its own, and is no mount. */
static bool is_subvolume(int parent, int fd)
{
	struct statx a, b;

	return statx(parent, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) == 0 &&
	       statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) == 0 &&
	       (a.stx_mask & b.stx_mask & STATX_MNT_ID) && a.stx_mnt_id == b.stx_mnt_id;
}

static void note(struct removal *rm, const char *name)
{
	if (!rm->first->code)
		(void)err_sys(rm->first, "remove '%s'", name);
}

/* Enters a directory; a directory of ours may first need its permissions. */
static int enter(struct removal *rm, int dirfd, const char *name)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);
	struct level *l;
	struct stat st;

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || (st.st_dev != rm->dev && !is_subvolume(dirfd, fd)) ||
	    rm->depth == DEPTH_LIMIT) {
		fd_auto(&fd);
		errno = rm->depth == DEPTH_LIMIT ? ELOOP : EXDEV;
		return -errno;
	}
	if ((st.st_mode & 0700) != 0700 && st.st_uid == geteuid())
		(void)fchmod(fd, 0700);

	rm->levels = mem_grow(rm->levels, rm->depth + 1, sizeof(*rm->levels));
	l = &rm->levels[rm->depth];
	(void)str_copy(l->name, sizeof(l->name), name);
	l->dir = fdopendir(fd);
	if (!l->dir) {
		fd_auto(&fd);
		return -errno;
	}
	rm->depth++;
	return 0;
}

static void leave(struct removal *rm, int top)
{
	struct level *l = &rm->levels[--rm->depth];
	int parent = rm->depth ? dirfd(rm->levels[rm->depth - 1].dir) : top;

	closedir(l->dir);
	if (unlinkat(parent, l->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		note(rm, l->name);
}

static void remove_entry(struct removal *rm, int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return;
	/* POSIX says EPERM for a directory, Linux says EISDIR. */
	if (errno != EISDIR && errno != EPERM) {
		note(rm, name);
		return;
	}
	if (enter(rm, dirfd, name) == 0)
		return;
	/* A directory we may not enter may still be empty. */
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		note(rm, name);
}

int fs_rmtree(int dir_fd, const char *name, struct err *e)
{
	struct removal rm = { .first = e };
	struct stat st;

	if (!str_is_component(name))
		return err_set(e, EINVAL, "remove '%s': bad name", name);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "remove '%s'", name);
	rm.dev = st.st_dev;

	remove_entry(&rm, dir_fd, name);
	while (rm.depth) {
		DIR *dir = rm.levels[rm.depth - 1].dir;
		struct dirent *d = readdir(dir);

		if (!d)
			leave(&rm, dir_fd);
		else if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			remove_entry(&rm, dirfd(dir), d->d_name);
	}
	free(rm.levels);
	return -e->code;
}
