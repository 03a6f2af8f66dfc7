#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/snap/snap.h"

struct copy {
	int root_to;
	int to;				/* directory being filled */
	struct map links;		/* inode -> its first path, owned */
	char path[MAX_PATH];		/* of the directory being filled */
	size_t len;
	unsigned depth;
	char *value;			/* room for one xattr */
};

static int copy_dir(struct copy *c, int to, int from, struct err *e);

static int copy_xattrs(struct copy *c, int to, int from, struct err *e)
{
	AUTO_FREE char *names = NULL;
	ssize_t len = flistxattr(from, NULL, 0);

	if (len < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, "list xattrs");
	if (len == 0)
		return 0;
	names = mem_zero((size_t)len + 1, 1);
	len = flistxattr(from, names, (size_t)len);
	if (len < 0)
		return err_sys(e, "list xattrs");
	for (const char *n = names; n < names + len; n += strlen(n) + 1) {
		ssize_t size = fgetxattr(from, n, c->value, MAX_XATTR_VALUE);

		if (size < 0)
			continue;	/* not ours to see */
		if (fsetxattr(to, n, c->value, (size_t)size, 0) < 0 &&
		    errno != ENOTSUP && errno != EPERM)
			return err_sys(e, "set xattr '%s'", n);
	}
	return 0;
}

/* Owner, mode, xattrs, times of something that is open on both sides. */
static int copy_meta(struct copy *c, int to, int from, const struct stat *st,
		     struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return err_sys(e, "set owner %u:%u", st->st_uid, st->st_gid);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(e, "set mode");
	r = copy_xattrs(c, to, from, e);
	if (r == 0 && futimens(to, times) < 0)
		r = err_sys(e, "set time");
	return r;
}

/* What has holes keeps them where the file system cannot share the data. */
static int copy_sparse(int to, int from, off_t size, struct err *e)
{
	off_t data, hole = 0;
	int r = 0;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while (r == 0 && hole < size && (data = lseek(from, hole, SEEK_DATA)) >= 0) {
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
			return err_sys(e, "seek");
		r = fs_copy_data(to, from, (uint64_t)(hole - data), e);
	}
	/* ENXIO: the rest is one hole */
	if (r == 0 && hole < size && errno != ENXIO)
		return err_sys(e, "seek");
	return r < 0 || ftruncate(to, size) == 0 ? r : err_sys(e, "set size");
}

static int copy_file(struct copy *c, const char *to_name, int dirfd,
		     const char *name, const struct stat *st, struct err *e)
{
	AUTO_FD int from = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD int to = -1;
	int r;

	if (from < 0)
		return err_sys(e, "open");
	to = openat(c->to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(e, "create");
	if ((uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size)
		r = copy_sparse(to, from, st->st_size, e);
	else
		r = st->st_size ? fs_copy_data(to, from, UINT64_MAX, e) : 0;
	return r < 0 ? r : copy_meta(c, to, from, st, e);
}

static int copy_other(struct copy *c, const char *to_name, int dirfd,
		      const char *name, const struct stat *st, struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char text[MAX_PATH];
	ssize_t len;

	if (S_ISLNK(st->st_mode)) {
		len = readlinkat(dirfd, name, text, sizeof(text) - 1);
		if (len < 0)
			return err_sys(e, "read link");
		text[len] = '\0';
		if (symlinkat(text, c->to, to_name) < 0)
			return err_sys(e, "make link");
	} else if (mknodat(c->to, to_name, st->st_mode, st->st_rdev) < 0) {
		return err_sys(e, "make node");
	}
	if (fchownat(c->to, to_name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set owner %u:%u", st->st_uid, st->st_gid);
	if (!S_ISLNK(st->st_mode) && fchmodat(c->to, to_name, st->st_mode & 07777, 0) < 0)
		return err_sys(e, "set mode");
	if (utimensat(c->to, to_name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set time");
	return 0;
}

static int copy_subdir(struct copy *c, int dirfd, const char *name,
		       struct err *e)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	AUTO_FD int from = openat(dirfd, name, flags);
	AUTO_FD int to = -1;
	int outer = c->to;
	int r;

	if (from < 0)
		return err_sys(e, "open");
	if (mkdirat(c->to, name, 0700) < 0)
		return err_sys(e, "make directory");
	to = openat(c->to, name, flags);
	if (to < 0)
		return err_sys(e, "open directory");
	r = copy_dir(c, to, from, e);
	c->to = outer;
	return r;
}

/* 1: it was another name of a file that is there already. */
static int try_link(struct copy *c, const char *name, const struct stat *st,
		    struct err *e)
{
	char inode[32];
	const char *first;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	snprintf(inode, sizeof(inode), "%ju", (uintmax_t)st->st_ino);
	first = map_get(&c->links, inode);
	if (!first) {
		map_set(&c->links, inode, mem_str(c->path));
		return 0;
	}
	if (linkat(c->root_to, first, c->to, name, 0) == 0)
		return 1;
	return errno == EMLINK ? 0 : err_sys(e, "link");
}

static int copy_one(int dirfd, const char *name, unsigned char type UNUSED,
		    void *arg, struct err *e)
{
	struct copy *c = arg;
	size_t before = c->len, len = strlen(name);
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", name);
	if (before + 1 + len >= sizeof(c->path))
		return err_set(e, ENAMETOOLONG, "a path of more than %d bytes", MAX_PATH - 1);
	if (before)
		c->path[c->len++] = '/';
	memcpy(c->path + c->len, name, len + 1);
	c->len += len;
	r = try_link(c, name, &st, e);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = copy_subdir(c, dirfd, name, e);
	else if (r == 0 && S_ISREG(st.st_mode))
		r = copy_file(c, name, dirfd, name, &st, e);
	else if (r == 0)
		r = copy_other(c, name, dirfd, name, &st, e);
	if (r < 0)
		return r;	/* path says where */
	c->len = before;
	c->path[before] = '\0';
	return 0;
}

static int copy_dir(struct copy *c, int to, int from, struct err *e)
{
	struct stat st;
	int r;

	if (fstat(from, &st) < 0)
		return err_sys(e, "stat");
	if (++c->depth > MAX_DEPTH)
		return err_set(e, ELOOP, "directories too deep");
	c->to = to;
	r = fs_each(from, copy_one, c, e);
	c->depth--;
	return r < 0 ? r : copy_meta(c, to, from, &st, e);
}

int snap_copy_tree(int to_fd, int from_fd, struct err *e)
{
	AUTO_FREE struct copy *c = mem_new(struct copy);
	AUTO_FREE char *value = mem_zero(MAX_XATTR_VALUE, 1);
	mode_t mask = umask(0);
	int r;

	c->root_to = to_fd;
	c->value = value;
	r = copy_dir(c, to_fd, from_fd, e);
	if (r < 0)
		r = err_ctx(e, r, "copy '%s'", c->path);
	umask(mask);
	for (size_t i = 0; i < c->links.len; i++)
		free(c->links.entries[i].value);
	map_clear(&c->links);
	return r;
}

int snap_copy_one(int to_dir, const char *to_name, int from_dir,
		  const char *from_name, struct err *e)
{
	AUTO_FREE struct copy *c = mem_new(struct copy);
	AUTO_FREE char *value = mem_zero(MAX_XATTR_VALUE, 1);
	struct stat st;

	if (fstatat(from_dir, from_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", from_name);
	c->to = to_dir;
	c->value = value;
	return S_ISREG(st.st_mode) ? copy_file(c, to_name, from_dir, from_name, &st, e) :
				     copy_other(c, to_name, from_dir, from_name, &st, e);
}
