/* Steps that do something at a path inside the root, which somebody else may
 * be changing at the same time: every path becomes a descriptor once, and
 * never leaves the root (RELIABILITY B1, B2, B5). */
#include "lib/runtime/init.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/os/mount.h"
#include "lib/os/pty.h"

#define MAX_DANGLING 8

static int open_inroot(int dir, const char *path, int flags, mode_t mode)
{
	struct err e = ERR_INIT;

	return fs_open_inroot(dir, path, flags, mode, &e);
}

static int mkdirs_inroot(int dir, const char *path, mode_t mode)
{
	struct err e = ERR_INIT;

	return fs_mkdirs_inroot(dir, path, mode, (uid_t)-1, (gid_t)-1, &e);
}

/* The directory that path is in, made when it is missing; *name is the last
 * component, inside path. */
static int open_parent(int dir, const char *path, char parent[static MAX_PATH],
		       const char **name)
{
	const char *slash;

	if (!str_copy(parent, MAX_PATH, path))
		return -ENAMETOOLONG;
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = '\0';
	slash = strrchr(parent, '/');
	*name = path + (slash ? slash - parent + 1 : 0);
	if (!slash)
		return open_inroot(dir, ".", O_PATH | O_DIRECTORY, 0);
	parent[slash - parent + (slash == parent)] = '\0';
	return mkdirs_inroot(dir, parent, 0755);
}

/* A link to nowhere as the last component, /etc/resolv.conf for one: the place
 * is what it names.  1: at is replaced by that. */
static int follow_dangling(int parent, const char *name, const char *dir,
			   char at[static MAX_PATH])
{
	char text[MAX_PATH];
	ssize_t n = readlinkat(parent, name, text, sizeof(text) - 1);
	int len;

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	text[n] = '\0';
	if (text[0] == '/') {
		memcpy(at, text, (size_t)n + 1);
		return 1;
	}
	len = (int)strlen(dir);
	if (len + 1 + n >= MAX_PATH)
		return -ENAMETOOLONG;
	memmove(at, dir, (size_t)len);
	at[len] = '/';
	memcpy(at + len + 1, text, (size_t)n + 1);
	return 1;
}

static int make_file(int parent, const char *name)
{
	AUTO_FD int fd = openat(parent, name,
				O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC,
				0644);

	return fd < 0 && errno != EEXIST ? -errno : 0;
}

static int make_place(int dir, const char *path, bool want_dir, mode_t mode)
{
	char at[MAX_PATH], parent[MAX_PATH];

	if (!str_copy(at, sizeof(at), path))
		return -ENAMETOOLONG;
	for (int i = 0; i < MAX_DANGLING; i++) {
		const char *name;
		AUTO_FD int fd = open_parent(dir, at, parent, &name);
		int r;

		if (fd < 0)
			return fd;
		r = follow_dangling(fd, name, parent, at);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (want_dir)
			r = mkdirs_inroot(dir, at, mode);
		else
			r = make_file(fd, name);
		if (r < 0)
			return r;
		if (want_dir)
			fd_auto(&r);
		return open_inroot(dir, at, O_PATH, 0);
	}
	return -ELOOP;
}

/* /proc and /sys of the image must be what they seem. */
static int open_real_dir(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path + strspn(path, "/"), &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		/* until Linux 5.6 is the minimum */
		fd = openat(dir, path + strspn(path, "/"),
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/* The place at path, made when it is missing: a directory, or an empty file.
 * flags: STEP_REAL_DIR, STEP_NO_FOLLOW. */
static int open_place(int dir, const char *path, bool want_dir, uint32_t flags)
{
	int fd;

	if (flags & STEP_REAL_DIR)
		fd = open_real_dir(dir, path);
	else
		fd = open_inroot(dir, path,
				 O_PATH | (flags & STEP_NO_FOLLOW ? O_NOFOLLOW : 0), 0);
	if (fd != -ENOENT)
		return fd;
	fd = make_place(dir, path, want_dir, 0755);
	if (fd < 0 || !(flags & STEP_REAL_DIR))
		return fd;
	fd_auto(&fd);
	return open_real_dir(dir, path);
}

int init_attach(struct init *in, const struct plan_step *s)
{
	int mount = in->slots[s->from];
	AUTO_FD int at = -1;
	struct stat st, there;

	if (mount < 0)
		return 0;	/* optional, and not to be had */
	if (fstat(mount, &st) < 0)
		return -errno;
	at = open_place(in->slots[s->slot], init_text(in, s->s1), S_ISDIR(st.st_mode), s->flags);
	if (at < 0)
		return at;
	if (fstat(at, &there) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode) != S_ISDIR(there.st_mode))
		return S_ISDIR(st.st_mode) ? -ENOTDIR : -EISDIR;
	/* A path that led into procfs would change what the kernel tells. */
	if (!(s->flags & STEP_IN_PROC) && mount_magic(at) == PROC_SUPER_MAGIC)
		return -EPERM;
	return mount_attach(mount, at);
}

/* --- devices --- */

int init_dev_dir(struct init *in, const struct plan_step *s)
{
	int fd = open_place(in->slots[s->from], "/dev", true, STEP_REAL_DIR);

	if (fd < 0)
		return fd;
	in->slots[s->slot] = fd;
	return 0;
}

/* One that is there already may be what is wanted. */
static int make_node(int parent, const char *name, const struct plan_step *s,
		     const uint32_t ids[2])
{
	mode_t old = umask(0);
	int r = mknodat(parent, name, (mode_t)s->a, s->b) < 0 ? -errno : 0;
	AUTO_FD int fd = -1;
	struct stat st;

	(void)umask(old);
	if (r < 0 && r != -EEXIST)
		return r;
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != (s->a & S_IFMT) || st.st_rdev != s->b)
		return -EEXIST;
	if (r == 0 && (ids[0] || ids[1]) && fchownat(fd, "", ids[0], ids[1], AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int bind_node(struct init *in, int parent, const char *name, const struct plan_step *s)
{
	AUTO_FD int from = init_open_device(in, init_text(in, s->s2), s->a & S_IFMT, s->b);
	AUTO_FD int at = -1;
	int r = from < 0 ? from : make_file(parent, name);

	if (r < 0)
		return r;
	at = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return at < 0 ? -errno : mount_attach(from, at);
}

int init_node(struct init *in, const struct plan_step *s)
{
	const uint32_t *ids = (const uint32_t *)(const void *)(in->plan + s->data);
	char path[MAX_PATH];
	const char *name;
	AUTO_FD int parent = open_parent(in->slots[s->slot], init_text(in, s->s1), path, &name);
	int r;

	if (parent < 0)
		return parent;
	r = make_node(parent, name, s, ids);
	/* Root of a container is not allowed everything. */
	if (r == -EPERM && !S_ISFIFO(s->a))
		r = bind_node(in, parent, name, s);
	return r;
}

/* --- symbolic links --- */

static int link_to(int parent, const char *name, const char *text)
{
	char there[MAX_PATH];
	ssize_t n;

	if (symlinkat(text, parent, name) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	n = readlinkat(parent, name, there, sizeof(there));
	return n == (ssize_t)strlen(text) && memcmp(there, text, (size_t)n) == 0 ? 0 : -EEXIST;
}

int init_copy_link(struct init *in, const struct plan_step *s)
{
	int *from = &in->slots[s->from];
	char path[MAX_PATH], text[MAX_PATH];
	AUTO_FD int parent = -1;
	const char *name;
	struct stat st;
	ssize_t n;

	if (fstat(*from, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(*from, "", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	parent = open_parent(in->slots[s->slot], init_text(in, s->s1), path, &name);
	if (parent < 0)
		return parent;
	fd_auto(from);		/* it is not mounted */
	return link_to(parent, name, text);
}

int init_symlink(struct init *in, const struct plan_step *s)
{
	char parent[MAX_PATH];
	const char *name;
	AUTO_FD int fd = open_parent(in->slots[s->slot], init_text(in, s->s1),
				     parent, &name);

	if (fd < 0)
		return fd;
	if (symlinkat(init_text(in, s->s2), fd, name) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* --- tmpcopyup --- */

static int copy_entry(int to, int from, const char *name, unsigned depth);

static int copy_dir(int to, int from, unsigned depth)
{
	struct dirent *d;
	DIR *dir = fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 3));
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (d = readdir(dir)))
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			r = copy_entry(to, from, d->d_name, depth);
	closedir(dir);
	return r;
}

static int copy_node(int to, int from, const char *name, const struct stat *st)
{
	AUTO_FD int in = -1, out = -1;
	struct err e = ERR_INIT;
	char text[MAX_PATH];
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(from, name, text, sizeof(text) - 1);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		return symlinkat(text, to, name) < 0 ? -errno : 0;
	}
	if (!S_ISREG(st->st_mode))
		return mknodat(to, name, st->st_mode & S_IFMT, st->st_rdev) < 0 ? -errno : 0;
	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		return -errno;
	return fs_copy_data(out, in, UINT64_MAX, &e);
}

static int copy_entry(int to, int from, const char *name, unsigned depth)
{
	AUTO_FD int sub_from = -1, sub_to = -1;
	struct stat st;
	int r;

	if (depth > MAX_DEPTH)
		return -ELOOP;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(to, name, 0700) < 0)
			return -errno;
		sub_from = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		sub_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub_from < 0 || sub_to < 0)
			return -errno;
		r = copy_dir(sub_to, sub_from, depth + 1);
	} else {
		r = copy_node(to, from, name, &st);
	}
	if (r < 0)
		return r;
	if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

/* Runs before the tmpfs is attached, so that the path still shows the image. */
int init_copy_up(struct init *in, const struct plan_step *s)
{
	AUTO_FD int from = open_inroot(in->slots[s->slot], init_text(in, s->s1),
				       O_RDONLY | O_DIRECTORY, 0);
	AUTO_FD int to = openat(in->slots[s->from], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (from == -ENOENT)
		return 0;
	if (from < 0 || to < 0)
		return from < 0 ? from : -errno;
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return -errno;
	return copy_dir(to, from, 0);
}

/* --- terminal --- */

/* The devpts of the container: in the making, or where it was mounted. */
static int open_pts(struct init *in)
{
	AUTO_FD int fd = -1;

	if (in->head->kind == PLAN_START)
		return fcntl(in->slots[SLOT_PTS], F_DUPFD_CLOEXEC, 3);
	fd = open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return mount_magic(fd) == DEVPTS_SUPER_MAGIC ? take_fd(&fd) : -ENOTTY;
}

static int bind_console(struct init *in, int dev, int slave)
{
	AUTO_FD int at = -1, mount = -1;
	int r = make_file(dev, "console");

	if (r < 0)
		return r;
	at = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return -errno;
	mount = mount_tree(init_stage(in), slave, "", false, false);
	return mount < 0 ? mount : mount_attach(mount, at);
}

int init_console(struct init *in, const struct plan_step *s)
{
	AUTO_FD int master = -1, slave = -1;
	AUTO_FD int pts = open_pts(in);
	int r;

	if (pts < 0)
		return pts;
	r = pty_open(&master, &slave, pts);
	if (r < 0)
		return r;
	if (s->a)
		(void)pty_resize(master, (uint16_t)(s->a >> 16), (uint16_t)s->a);
	if (s->slot == SLOT_DEV) {
		r = bind_console(in, in->slots[SLOT_DEV], slave);
		if (r < 0)
			return r;
	}
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			return -errno;
	r = pty_take(0);
	if (r < 0)
		return r;
	return rt_tell(in->sock, RT_MSG_CONSOLE, in->step, 0, 0, master);
}

/* --- masked and read-only paths --- */

int init_mask(struct init *in, const struct plan_step *s)
{
	AUTO_FD int at = open_inroot(in->slots[s->slot], init_text(in, s->s1), O_PATH, 0);
	AUTO_FD int copy = -1;
	struct stat st;
	int original;

	if (at == -ENOENT)
		return 0;
	if (at < 0 || fstat(at, &st) < 0)
		return at < 0 ? at : -errno;
	original = in->slots[S_ISDIR(st.st_mode) ? SLOT_MASK : SLOT_NULL];
	copy = mount_tree(init_stage(in), original, "", false, false);
	/* until Linux 6.15 is the minimum: what is attached nowhere cannot be
	 * copied, and so the first mask is the original itself. */
	if (copy == -EINVAL)
		return mount_attach(original, at);
	return copy < 0 ? copy : mount_attach(copy, at);
}

int init_read_only(struct init *in, const struct plan_step *s)
{
	struct mount_change c = { .set = MOUNT_ATTR_RDONLY };
	AUTO_FD int at = open_inroot(in->slots[s->slot], init_text(in, s->s1), O_PATH, 0);
	AUTO_FD int copy = -1;
	int r;

	if (at == -ENOENT)
		return 0;
	if (at < 0)
		return at;
	copy = mount_tree(init_stage(in), at, "", true, false);
	if (copy < 0)
		return copy;
	r = mount_change(init_stage(in), copy, &c, true);
	return r < 0 ? r : mount_attach(copy, at);
}

/* --- inside, after the pivot --- */

/* What was asked for must be so, whatever the calls said (RELIABILITY F3). */
int init_verify_mask(struct init *in, const struct plan_step *s)
{
	AUTO_FD int at = open_inroot(in->slots[s->slot], init_text(in, s->s1), O_PATH, 0);
	struct stat st, mask;

	if (at == -ENOENT)
		return 0;
	if (at < 0 || fstat(at, &st) < 0)
		return at < 0 ? at : -errno;
	if (!S_ISDIR(st.st_mode))
		return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) ? 0 : -EPERM;
	if (fstat(in->slots[s->from], &mask) < 0)
		return -errno;
	return st.st_dev == mask.st_dev ? 0 : -EPERM;
}

int init_verify_read_only(struct init *in, const struct plan_step *s)
{
	AUTO_FD int at = open_inroot(in->slots[s->slot], init_text(in, s->s1), O_PATH, 0);
	struct statvfs fs;

	if (at == -ENOENT)
		return 0;
	if (at < 0 || fstatvfs(at, &fs) < 0)
		return at < 0 ? at : -errno;
	return fs.f_flag & ST_RDONLY ? 0 : -EPERM;
}

int init_mkcwd(struct init *in, const struct plan_step *s)
{
	AUTO_FD int fd = mkdirs_inroot(in->slots[s->slot], init_text(in, s->s1), 0755);

	return fd < 0 ? fd : 0;
}

/* The directory must be inside and stay reachable by name (RELIABILITY A2). */
int init_cwd(struct init *in, const struct plan_step *s)
{
	char name[MAX_PATH];
	AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int fd = -1;

	(void)in;
	if (root < 0)
		return -errno;
	fd = open_inroot(root, init_text(in, s->s1), O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fchdir(fd) < 0)
		return -errno;
	if (syscall(SYS_getcwd, name, sizeof(name)) < 0)
		return -errno;
	return name[0] == '/' ? 0 : -ENOENT;
}

/* until Linux 5.6 is the minimum */
static int open_sysctl(int proc, const char *path)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = fs_open_beneath(proc, path, O_WRONLY | O_NOFOLLOW, 0, &e);

	return fd >= 0 && mount_magic(fd) != PROC_SUPER_MAGIC ? -EXDEV : take_fd(&fd);
}

int init_sysctl(struct init *in, const struct plan_step *s)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	const char *path = init_text(in, s->s1), *value = init_text(in, s->s2);
	AUTO_FD int fd = (int)syscall(SYS_openat2, in->slots[s->slot], path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open_sysctl(in->slots[s->slot], path);
	else if (fd < 0)
		return -errno;
	if (fd < 0)
		return fd;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}
