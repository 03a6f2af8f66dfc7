/* How it works: what the newer calls keep detached is mounted at a place of
 * the stage, a numbered directory or file, and opened there.  mount(2) takes
 * the descriptor's name below /proc/self/fd, which is the /proc that the
 * process came with, so that here, too, no other name is looked up twice. */
#include "lib/os/mount_old.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/mountinfo.h"

#define NAME_SIZE 64
#define MAX_TABLE MIB(1)		/* bytes of /proc/self/mountinfo */
#define MAX_MOUNTS 4096

static void fd_name(char out[static NAME_SIZE], int fd)
{
	(void)snprintf(out, NAME_SIZE, "/proc/self/fd/%d", fd);
}

/* --- the stage --- */

static int stage_open(struct mount_stage *st)
{
	AUTO_FD int fd = -1;

	if (st->fd >= 0)
		return 0;
	if (st->early)
		return -ERESTART;
	if (mount("none", "/", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") < 0)
		return -errno;
	/* Names begin below what is mounted here, but ".." ends above it. */
	fd = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (mount_magic(fd) != TMPFS_MAGIC)
		return -EIO;
	st->fd = take_fd(&fd);
	return 0;
}

static int make_place(struct mount_stage *st, bool is_dir, char name[static NAME_SIZE])
{
	char number[16];
	int r = stage_open(st);

	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%u", st->count++);
	(void)snprintf(name, NAME_SIZE, "/proc/self/fd/%d/%s", st->fd, number);
	if (is_dir)
		r = mkdirat(st->fd, number, 0700);
	else
		r = mknodat(st->fd, number, S_IFREG | 0600, 0);
	return r < 0 ? -errno : 0;
}

static int open_place(const char *name)
{
	int fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* --- attributes --- */

static const struct {
	uint64_t attr;
	unsigned long ms;
	unsigned long st;		/* of statvfs */
} bits[] = {
	{ MOUNT_ATTR_RDONLY, MS_RDONLY, ST_RDONLY },
	{ MOUNT_ATTR_NOSUID, MS_NOSUID, ST_NOSUID },
	{ MOUNT_ATTR_NODEV, MS_NODEV, ST_NODEV },
	{ MOUNT_ATTR_NOEXEC, MS_NOEXEC, ST_NOEXEC },
	{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, ST_NODIRATIME },
	{ MOUNT_ATTR_NOSYMFOLLOW, 0x100, 0x2000 },
};

static unsigned long flags_of(uint64_t attrs)
{
	unsigned long flags = attrs & MOUNT_ATTR_NOATIME ? MS_NOATIME :
			      attrs & MOUNT_ATTR_STRICTATIME ? MS_STRICTATIME : MS_RELATIME;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (attrs & bits[i].attr)
			flags |= bits[i].ms;
	return flags;
}

static int attrs_of(int fd, uint64_t *attrs)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	*attrs = fs.f_flag & ST_NOATIME ? MOUNT_ATTR_NOATIME :
		 fs.f_flag & ST_RELATIME ? MOUNT_ATTR_RELATIME : MOUNT_ATTR_STRICTATIME;
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (fs.f_flag & bits[i].st)
			*attrs |= bits[i].attr;
	return 0;
}

/* mount(2) takes flags that it does not know for nothing. */
static int verify_attrs(int fd, uint64_t want)
{
	uint64_t attrs;
	int r = attrs_of(fd, &attrs);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (want & bits[i].attr & ~attrs)
			return -EOPNOTSUPP;
	return 0;
}

static int remount(int fd, const struct mount_change *c)
{
	uint64_t clear = c->clear | (c->set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0u);
	char name[NAME_SIZE];
	uint64_t attrs;
	int r;

	if (!(c->set | clear))
		return 0;
	r = attrs_of(fd, &attrs);
	if (r < 0)
		return r;
	fd_name(name, fd);
	attrs = (attrs & ~clear) | c->set;
	if (mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | flags_of(attrs), NULL) < 0)
		return -errno;
	return verify_attrs(fd, attrs);
}

/* --- what is mounted below a mount --- */

static struct entry {
	uint32_t id, parent;
	const char *target;
	bool is_below;
} table[MAX_MOUNTS];

static int read_table(size_t *count)
{
	static char text[MAX_TABLE];
	AUTO_FD int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	struct mountinfo_iter it;
	struct mountinfo m;
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, sizeof(text) - len - 1)) > 0)
		len += (size_t)n;
	if (n < 0)
		return -errno;
	if (len == sizeof(text) - 1)
		return -E2BIG;
	mountinfo_begin(&it, text, len);
	for (*count = 0; (n = mountinfo_next(&it, &m, &ignored)); (*count)++) {
		if (n < 0 || *count == MAX_MOUNTS)
			return n < 0 ? (int)n : -E2BIG;
		table[*count] = (struct entry){ m.id, m.parent, m.target, false };
	}
	return 0;
}

static struct entry *find_entry(size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].id == id)
			return &table[i];
	return NULL;
}

static int mount_id(int fd, uint32_t *id)
{
	struct err ignored = ERR_INIT;
	char path[48], text[512];
	unsigned long n = 0;
	const char *p;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, &ignored) < 0)
		return -ignored.code;
	p = strstr(text, "mnt_id:");
	if (!p)
		return -ENOSYS;
	for (p += strcspn(p, "0123456789"); *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (unsigned)(*p - '0');
	*id = (uint32_t)n;
	return 0;
}

/* Marks the mounts below root, however the table is sorted. */
static void mark_below(size_t count, const struct entry *root)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			const struct entry *p;

			if (table[i].is_below || &table[i] == root)
				continue;
			p = find_entry(count, table[i].parent);
			if (p && (p == root || p->is_below))
				table[i].is_below = more = true;
		}
	}
}

/* By name, but what is found there must be that mount.  One that another of
 * them covers cannot be got at, neither by us nor by anybody else. */
static int change_entry(int root_fd, const struct entry *root, const struct entry *m,
			size_t count, const struct mount_change *c)
{
	size_t skip = str_eq(root->target, "/") ? 0 : strlen(root->target);
	const char *path = m->target + skip + strspn(m->target + skip, "/");
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = fs_open_beneath(root_fd, *path ? path : ".", O_PATH | O_NOFOLLOW,
					 0, &ignored);
	const struct entry *found;
	uint32_t id;
	int r = fd < 0 ? fd : mount_id(fd, &id);

	if (r < 0)
		return r;
	if (id == m->id)
		return remount(fd, c);
	found = find_entry(count, id);
	return found && found->is_below ? 0 : -EAGAIN;
}

static int change_below(int fd, const struct mount_change *c)
{
	const struct entry *root;
	size_t count;
	uint32_t id;
	int r = mount_id(fd, &id);

	if (r == 0)
		r = read_table(&count);
	if (r < 0)
		return r;
	root = find_entry(count, id);
	if (!root)
		return -EINVAL;
	mark_below(count, root);
	for (size_t i = 0; i < count && r == 0; i++)
		if (table[i].is_below)
			r = change_entry(fd, root, &table[i], count, c);
	return r;
}

/* --- the calls --- */

/* The options of mount(2): "lowerdir=a:b,upperdir=c,...", one page at most. */
static int options_text(char *out, size_t size, const char *pairs, size_t len,
			const char **source)
{
	const char *end = pairs + len;
	bool lower = false;
	size_t at = 0;

	out[0] = '\0';
	while (pairs < end) {
		const char *value = pairs + strlen(pairs) + 1;
		bool is_lower = str_eq(pairs, "lowerdir+");
		int n = 0;

		if (str_eq(pairs, "source"))
			*source = value;
		else
			n = snprintf(out + at, size - at, "%s%s%s%s",
				     is_lower && lower ? ":" : at ? "," : "",
				     !is_lower ? pairs : lower ? "" : "lowerdir",
				     !*value || (is_lower && lower) ? "" : "=", value);
		if (n < 0 || (size_t)n >= size - at)
			return -E2BIG;
		at += (size_t)n;
		lower = is_lower;
		pairs = value + strlen(value) + 1;
	}
	return 0;
}

int mount_old_fs(struct mount_stage *st, const char *type, const char *pairs,
		 size_t len, uint64_t attrs)
{
	const char *source = "none";
	char name[NAME_SIZE];
	char text[4096];
	AUTO_FD int fd = -1;
	int r = options_text(text, sizeof(text), pairs, len, &source);

	if (r == 0)
		r = make_place(st, true, name);
	if (r == 0 && mount(source, name, type, flags_of(attrs), text) < 0)
		r = -errno;
	if (r < 0)
		return r;
	fd = open_place(name);
	/* A FUSE server that does not run yet would have to be asked. */
	r = fd < 0 ? fd : attrs ? verify_attrs(fd, attrs) : 0;
	return r < 0 ? r : take_fd(&fd);
}

/* With a copy of "/" and of all that is mounted there came one of the stage. */
static int uncover(const char *name, const struct stat *want)
{
	struct stat s;

	if (stat(name, &s) < 0)
		return -errno;
	if (s.st_dev == want->st_dev && s.st_ino == want->st_ino)
		return 0;
	return umount2(name, MNT_DETACH) < 0 ? -errno : 0;
}

int mount_old_tree(struct mount_stage *st, int dirfd, const char *path,
		   bool recursive, bool no_follow)
{
	char from[NAME_SIZE], name[NAME_SIZE];
	AUTO_FD int fd = -1;
	struct stat s;
	int r;

	if (*path) {
		fd = openat(dirfd, path, O_PATH | O_CLOEXEC | (no_follow ? O_NOFOLLOW : 0));
		if (fd < 0)
			return -errno;
		dirfd = fd;
	}
	if (fstat(dirfd, &s) < 0)
		return -errno;
	r = make_place(st, S_ISDIR(s.st_mode), name);
	if (r < 0)
		return r;
	fd_name(from, dirfd);
	if (mount(from, name, NULL, MS_BIND | (recursive ? MS_REC : 0u), NULL) < 0)
		return -errno;
	r = recursive ? uncover(name, &s) : 0;
	return r < 0 ? r : open_place(name);
}

/* What is detached cannot be changed by mount(2): it waits in the stage. */
static int to_stage(struct mount_stage *st, int mount)
{
	AUTO_FD int at = -1;
	char name[NAME_SIZE];
	struct stat s;
	int r = fstat(mount, &s) < 0 ? -errno : make_place(st, S_ISDIR(s.st_mode), name);

	if (r < 0)
		return r;
	at = open_place(name);
	return at < 0 ? at : mount_attach(mount, at);
}

static int change(int fd, const struct mount_change *c, bool recursive)
{
	char name[NAME_SIZE];
	int r = remount(fd, c);

	if (r == 0 && recursive && (c->set | c->clear))
		r = change_below(fd, c);
	if (r < 0 || !c->propagation)
		return r;
	fd_name(name, fd);
	return mount(NULL, name, NULL, c->propagation | (recursive ? MS_REC : 0u), NULL) < 0 ?
		-errno : 0;
}

int mount_old_change(struct mount_stage *st, int fd, const struct mount_change *c,
		     bool recursive)
{
	int r = change(fd, c, recursive);

	if (r != -EINVAL || !st)
		return r;
	r = to_stage(st, fd);
	return r < 0 ? r : change(fd, c, recursive);
}

int mount_old_attach(int mount_fd, int target)
{
	char from[NAME_SIZE], to[NAME_SIZE];

	fd_name(from, mount_fd);
	fd_name(to, target);
	return mount(from, to, NULL, MS_MOVE, NULL) < 0 ? -errno : 0;
}
