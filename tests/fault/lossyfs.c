/* lossyfs - a file system that knows what would survive a power cut.
 *
 *	lossyfs [-o] [-n COUNT] [-e EVERY] LIVE CUTS MOUNT
 *
 * MOUNT shows the directory LIVE.  Before each sync (-e: each EVERYth one), and
 * at the end, it writes into CUTS what a disk would hold if power went now, in COUNT + 1 variants:
 * CUTS/0007.0 without anything that was not synced, CUTS/0007.1 and following
 * with some of it, another part in each.  The last ones are CUTS/end.N.
 *
 * What is synced: a file's bytes by fsync or fdatasync of the file, a name by
 * fsync of its directory, and everything by setting the attribute
 * "lossyfs.sync" (see syncfs.c).  What is not synced survives in any part and
 * any order: of bytes each page for itself, of names each change, a rename
 * within one directory as a whole, one between two as two.
 *
 * With -o it is ordered, as ext4 is: each sync is one of all names; a cut has
 * all changes of names up to some point; a file that grew has its new bytes or
 * its old size.
 *
 * It runs in the foreground, for one user, and keeps no owners, times and
 * attributes.
 */
#define FUSE_USE_VERSION 31
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define BUCKETS 4096
#define PAGE 4096

/* A name in a directory. */
struct entry {
	struct entry *next;
	char *name;
	struct node *node;
};

/* A file, found by the inode of the live one. */
struct node {
	struct node *next;
	uint64_t ino;
	int fd;				/* the live one; O_PATH unless it is regular */
	char *target;			/* of a symlink */
	int synced;			/* its bytes at the last sync; -1: none */
	bool is_dirty;
	struct entry *entries;		/* of a directory, those that are synced */
	char *made;			/* where it is in the cut that is written */
};

/* A change of a directory that is not synced. */
struct change {
	struct change *next;
	struct node *dir;
	char *gone;			/* NULL: none */
	char *added;			/* NULL: none */
	struct node *node;		/* of added */
	bool is_kept;			/* in the cut that is written */
};

static struct node *nodes[BUCKETS];
static struct change *changes, **last_change = &changes;
static bool is_ordered, has_changed;
static unsigned variants = 3, every = 1, cuts;
static uint64_t seed;
static int live, cuts_fd;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t draw(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 33;
}

/* The server's own paths are relative to LIVE. */
static const char *rel(const char *path)
{
	return path[1] ? path + 1 : ".";
}

/* --- what there is --- */

static struct node *node_of(const struct stat *st)
{
	struct node *n = nodes[st->st_ino % BUCKETS];

	while (n && n->ino != st->st_ino)
		n = n->next;
	return n;
}

static struct node *learn(int dirfd, const char *name)
{
	struct stat st;
	struct node *n;
	char target[MAX_PATH];
	ssize_t len;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		die(name);
	n = node_of(&st);
	if (n)
		return n;
	n = mem_new(struct node);
	*n = (struct node){ .ino = st.st_ino, .synced = -1, .next = nodes[st.st_ino % BUCKETS] };
	n->fd = openat(dirfd, name, O_CLOEXEC | O_NOFOLLOW |
					    (S_ISREG(st.st_mode) ? O_RDONLY : O_PATH));
	if (n->fd < 0)
		die(name);
	if (S_ISLNK(st.st_mode)) {
		len = readlinkat(dirfd, name, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = '\0';
		n->target = mem_str(target);
	}
	nodes[n->ino % BUCKETS] = n;
	return n;
}

static struct node *node_of_fd(uint64_t fd)
{
	struct stat st;

	return fstat((int)fd, &st) == 0 ? node_of(&st) : NULL;
}

static struct node *dir_of(const char *path)
{
	AUTO_FREE char *dir = mem_str(rel(path));
	char *slash = strrchr(dir, '/');

	if (slash)
		*slash = '\0';
	return learn(live, slash ? dir : ".");
}

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void drop_entry(struct entry **list, const char *name)
{
	for (struct entry *e; (e = *list); list = &e->next) {
		if (!str_eq(e->name, name))
			continue;
		*list = e->next;
		free(e->name);
		free(e);
		return;
	}
}

static void put_entry(struct entry **list, const char *name, struct node *node)
{
	struct entry *e = mem_new(struct entry);

	drop_entry(list, name);
	*e = (struct entry){ .next = *list, .name = mem_str(name), .node = node };
	*list = e;
}

static void apply(struct entry **list, const struct change *c)
{
	if (c->gone)
		drop_entry(list, c->gone);
	if (c->added)
		put_entry(list, c->added, c->node);
}

/* --- cuts --- */

static const char empty[PAGE];

/* Of a file of SIZE bytes. */
static void copy_page(int to, int from, off_t at, off_t size)
{
	size_t len = size - at < PAGE ? (size_t)(size - at) : PAGE;
	char page[PAGE] = "";

	if (from >= 0 && pread(from, page, len, at) < 0)
		die("read a page");
	if (!memcmp(page, empty, len))
		return;			/* a hole of a new file says the same */
	if (pwrite(to, page, len, at) != (ssize_t)len)
		die("write a page");
}

/* The page with the next data at or after AT, which is one's beginning. */
static off_t next_data(int fd, off_t at)
{
	off_t data = fd < 0 ? -1 : lseek(fd, at, SEEK_DATA);

	if (fd >= 0 && data < 0 && errno != ENXIO)
		die("look for data");
	return data < 0 ? INT64_MAX : data - data % PAGE;
}

/* Old bytes, new bytes and whatever is between. */
static void write_bytes(const struct node *n, int to, bool is_some)
{
	struct stat now, old = { .st_size = 0 };
	off_t size;

	if (fstat(n->fd, &now) < 0 || (n->synced >= 0 && fstat(n->synced, &old) < 0))
		die("look at a file");
	if (!n->is_dirty)
		is_some = false;
	size = is_some && draw() & 1 ? now.st_size : old.st_size;
	if (ftruncate(to, size) < 0)
		die("size a file");
	for (off_t at = 0;; at += PAGE) {
		off_t is = next_data(n->fd, at), was = next_data(n->synced, at);
		bool is_grown;

		at = is < was ? is : was;
		if (at >= size)
			break;
		is_grown = is_ordered && at >= old.st_size;
		copy_page(to, is_some && (is_grown || draw() & 1) ? n->fd : n->synced, at, size);
	}
}

static void make_dir(const struct node *n, const char *path, bool is_some, unsigned depth);

static void make(struct node *n, char *path, bool is_some, unsigned depth)
{
	AUTO_FD int to = -1;
	struct stat st;

	if (fstat(n->fd, &st) < 0)
		die(path);
	if (S_ISDIR(st.st_mode)) {
		make_dir(n, path, is_some, depth + 1);
		return;
	}
	if (n->made) {
		if (linkat(cuts_fd, n->made, cuts_fd, path, 0) < 0)
			die(path);
		return;
	}
	n->made = mem_str(path);
	if (n->target) {
		if (symlinkat(n->target, cuts_fd, path) < 0)
			die(path);
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		if (mknodat(cuts_fd, path, st.st_mode, st.st_rdev) < 0)
			die(path);
		return;
	}
	to = openat(cuts_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		die(path);
	write_bytes(n, to, is_some);
	if (fchmod(to, st.st_mode & 07777) < 0)
		die(path);
}

static void make_dir(const struct node *n, const char *path, bool is_some, unsigned depth)
{
	struct entry *list = NULL;
	struct stat st;

	if (mkdirat(cuts_fd, path, 0700) < 0 || fstat(n->fd, &st) < 0)
		die(path);
	for (const struct entry *e = n->entries; e; e = e->next)
		put_entry(&list, e->name, e->node);
	for (const struct change *c = changes; c; c = c->next)
		if (c->dir == n && c->is_kept)
			apply(&list, c);
	while (list && depth < MAX_DEPTH) {
		AUTO_FREE char *below = mem_printf("%s/%s", path, list->name);

		make(list->node, below, is_some, depth);
		drop_entry(&list, list->name);
	}
	if (fchmodat(cuts_fd, path, st.st_mode & 07777, 0) < 0)
		die(path);
}

static void cut(const char *name)
{
	unsigned unsynced = 0;

	for (const struct change *c = changes; c; c = c->next)
		unsynced++;
	for (unsigned v = 0; v <= variants; v++) {
		AUTO_FREE char *path = mem_printf("%s.%u", name, v);
		uint64_t first;			/* when they are ordered, as many */

		seed = cuts * 1000003ull + v;
		first = draw() % (unsynced + 1);
		for (struct change *c = changes; c; c = c->next) {
			bool is_early = first > 0;

			first -= is_early;
			c->is_kept = v > 0 && (is_ordered ? is_early : draw() & 1);
		}
		make_dir(learn(live, "."), path, v > 0, 0);
		for (size_t i = 0; i < BUCKETS; i++) {
			for (struct node *n = nodes[i]; n; n = n->next) {
				free(n->made);
				n->made = NULL;
			}
		}
	}
}

static void cut_before_sync(void)
{
	char name[16];

	if (!has_changed)
		return;
	has_changed = false;
	snprintf(name, sizeof(name), "%04u", ++cuts);
	if (cuts % every == 0)
		cut(name);
}

/* --- changes and syncs --- */

static void changed(struct node *dir, const char *gone, const char *added, struct node *node)
{
	struct change *c = mem_new(struct change);

	*c = (struct change){
		.dir = dir,
		.gone = gone ? mem_str(gone) : NULL,
		.added = added ? mem_str(added) : NULL,
		.node = node,
	};
	*last_change = c;
	last_change = &c->next;
	has_changed = true;
}

static void dirty(struct node *n)
{
	n->is_dirty = true;
	has_changed = true;
}

/* dir NULL: of all directories. */
static void sync_names(const struct node *dir)
{
	struct change **at = &changes;

	while (*at) {
		struct change *c = *at;

		if (dir && c->dir != dir) {
			at = &c->next;
			continue;
		}
		apply(&c->dir->entries, c);
		*at = c->next;
		free(c->gone);
		free(c->added);
		free(c);
	}
	last_change = at;
}

static void sync_bytes(struct node *n)
{
	struct stat st;

	if (!n->is_dirty)
		return;
	fd_auto(&n->synced);
	n->synced = fd_memory("synced", false);
	if (n->synced < 0 || fstat(n->fd, &st) < 0 || ftruncate(n->synced, st.st_size) < 0)
		die("keep what is synced");
	for (off_t at = 0; (at = next_data(n->fd, at)) < st.st_size; at += PAGE)
		copy_page(n->synced, n->fd, at, st.st_size);
	n->is_dirty = false;
}

static void sync_all(void)
{
	sync_names(NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct node *n = nodes[i]; n; n = n->next)
			sync_bytes(n);
}

/* --- the operations --- */

static int answer(int r)
{
	return r < 0 ? -errno : 0;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	return answer(fi ? fstat((int)fi->fh, st) : lstat(rel(path), st));
}

static int do_readlink(const char *path, char *to, size_t size)
{
	ssize_t n = readlink(rel(path), to, size - 1);

	if (n < 0)
		return -errno;
	to[n] = '\0';
	return 0;
}

/* What has been made gets its name. */
static int named(int r, const char *path)
{
	if (r < 0)
		return -errno;
	changed(dir_of(path), NULL, name_of(path), learn(live, rel(path)));
	return 0;
}

static int do_mknod(const char *path, mode_t mode, dev_t dev)
{
	return named(mknod(rel(path), mode, dev), path);
}

static int do_mkdir(const char *path, mode_t mode)
{
	return named(mkdir(rel(path), mode), path);
}

static int do_symlink(const char *target, const char *path)
{
	return named(symlink(target, rel(path)), path);
}

static int do_link(const char *from, const char *to)
{
	return named(link(rel(from), rel(to)), to);
}

static int do_remove(const char *path)
{
	if (remove(rel(path)) < 0)
		return -errno;
	changed(dir_of(path), name_of(path), NULL, NULL);
	return 0;
}

static int do_rename(const char *from, const char *to, unsigned flags)
{
	struct node *here, *there;

	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	if (renameat2(live, rel(from), live, rel(to), flags) < 0)
		return -errno;
	here = dir_of(from);
	there = dir_of(to);
	if (here != there)
		changed(here, name_of(from), NULL, NULL);
	changed(there, here == there ? name_of(from) : NULL, name_of(to), learn(live, rel(to)));
	return 0;
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return answer(fi ? fchmod((int)fi->fh, mode) : chmod(rel(path), mode));
}

static int do_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	(void)path;
	(void)uid;
	(void)gid;
	(void)fi;
	return 0;
}

static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
	return answer(fi ? futimens((int)fi->fh, times) :
			   utimensat(live, rel(path), times, AT_SYMLINK_NOFOLLOW));
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	int r = fi ? ftruncate((int)fi->fh, size) : truncate(rel(path), size);

	if (r < 0)
		return -errno;
	dirty(fi ? node_of_fd(fi->fh) : learn(live, rel(path)));
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	int fd = open(rel(path), (fi->flags & ~(O_NOFOLLOW | O_APPEND)) | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	if (fi->flags & O_TRUNC)
		dirty(node_of_fd(fi->fh));
	return 0;
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int fd = open(rel(path), (fi->flags & ~O_APPEND) | O_CREAT | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	dirty(learn(live, rel(path)));
	return named(0, path);
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return answer(close((int)fi->fh));
}

static int do_read(const char *path, char *to, size_t size, off_t at, struct fuse_file_info *fi)
{
	ssize_t n = pread((int)fi->fh, to, size, at);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int do_write(const char *path, const char *from, size_t size, off_t at,
		    struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, from, size, at);

	(void)path;
	if (n < 0)
		return -errno;
	dirty(node_of_fd(fi->fh));
	return (int)n;
}

static int do_fallocate(const char *path, int mode, off_t at, off_t len,
			struct fuse_file_info *fi)
{
	(void)path;
	if (fallocate((int)fi->fh, mode, at, len) < 0)
		return -errno;
	dirty(node_of_fd(fi->fh));
	return 0;
}

static int do_statfs(const char *path, struct statvfs *out)
{
	(void)path;
	return answer(fstatvfs(live, out));
}

static int do_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)path;
	(void)data_only;
	cut_before_sync();
	sync_bytes(node_of_fd(fi->fh));
	if (is_ordered)
		sync_names(NULL);
	return 0;
}

static int do_fsyncdir(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)path;
	(void)data_only;
	cut_before_sync();
	sync_names(is_ordered ? NULL : node_of_fd(fi->fh));
	return 0;
}

static int do_setxattr(const char *path, const char *name, const char *value, size_t size,
		       int flags)
{
	(void)path;
	(void)value;
	(void)size;
	(void)flags;
	if (!str_eq(name, "lossyfs.sync"))
		return -EOPNOTSUPP;
	cut_before_sync();
	sync_all();
	return 0;
}

static int do_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t at,
		      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	DIR *d;

	(void)path;
	(void)at;
	(void)flags;
	d = fdopendir(openat((int)fi->fh, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!d)
		return -errno;
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st = { .st_ino = e->d_ino, .st_mode = DTTOIF(e->d_type) };

		if (fill(to, e->d_name, &st, 0, 0))
			break;
	}
	return answer(closedir(d));
}

static void *do_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	(void)conn;
	cfg->use_ino = 1;
	cfg->hard_remove = 1;
	cfg->nullpath_ok = 1;
	cfg->entry_timeout = cfg->attr_timeout = cfg->negative_timeout = 0;
	if (fchdir(live) < 0)
		die("lossyfs");
	return NULL;
}

static void do_destroy(void *data)
{
	(void)data;
	cuts++;
	cut("end");
}

static const struct fuse_operations operations = {
	.init = do_init, .destroy = do_destroy, .statfs = do_statfs,
	.getattr = do_getattr, .readlink = do_readlink,
	.opendir = do_open, .readdir = do_readdir, .releasedir = do_release,
	.mknod = do_mknod, .mkdir = do_mkdir, .symlink = do_symlink, .link = do_link,
	.unlink = do_remove, .rmdir = do_remove, .rename = do_rename,
	.chmod = do_chmod, .chown = do_chown, .utimens = do_utimens, .truncate = do_truncate,
	.open = do_open, .create = do_create, .release = do_release,
	.read = do_read, .write = do_write, .fallocate = do_fallocate,
	.fsync = do_fsync, .fsyncdir = do_fsyncdir, .setxattr = do_setxattr,
};

/* What was there before is on the disk. */
static void scan(struct node *n, int dirfd, unsigned depth)
{
	DIR *d = fdopendir(dirfd);

	for (struct dirent *e; d && depth < MAX_DEPTH && (e = readdir(d));) {
		struct node *below;
		int fd;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		below = learn(dirfd, e->d_name);
		below->is_dirty = e->d_type == DT_REG;
		put_entry(&n->entries, e->d_name, below);
		fd = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			scan(below, fd, depth + 1);
	}
	if (d)
		(void)closedir(d);
}

int main(int argc, char **argv)
{
	char *args[] = { argv[0], (char *)"-f", (char *)"-s", NULL, NULL };
	struct rlimit files;
	int c;

	while ((c = getopt(argc, argv, "on:e:")) != -1) {
		if (c == 'o')
			is_ordered = true;
		else if (c == 'n')
			variants = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'e')
			every = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (argc - optind != 3) {
		fprintf(stderr, "usage: lossyfs [-o] [-n COUNT] [-e EVERY] LIVE CUTS MOUNT\n");
		return 2;
	}
	live = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cuts_fd = open(argv[optind + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	args[3] = realpath(argv[optind + 2], NULL);
	if (live < 0 || cuts_fd < 0 || !args[3])
		die("lossyfs");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	umask(0);
	scan(learn(live, "."), openat(live, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	sync_all();
	return fuse_main(4, args, &operations, NULL);
}
