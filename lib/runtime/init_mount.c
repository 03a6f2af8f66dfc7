/* Steps that make mounts, and the change of the root. */
#include "lib/runtime/init.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "lib/base/fs.h"
#include "lib/base/str.h"
#include "lib/os/mount.h"
#include "lib/runtime/plan.h"

static int fill(struct init *in, const struct plan_step *s, int fd)
{
	if (fd < 0)
		return fd;
	in->slots[s->slot] = fd;
	return 0;
}

/* Propagation is never derived from what the mount table says: all of it is
 * cut off from the host first (RELIABILITY A5). */
int init_private(struct init *in, const struct plan_step *s)
{
	/* The mounts on a stage may have to stay shared: the pivot does it. */
	if (in->stage.fd >= 0)
		return 0;
	return mount(NULL, "/", NULL, (unsigned long)s->a, NULL) < 0 ? -errno : 0;
}

/* What the surroundings call /proc (RELIABILITY B2). */
static int is_proc_root(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return mount_magic(fd) == PROC_SUPER_MAGIC && st.st_ino == 1 ? 0 : -ENXIO;
}

/* A recursive copy of the host's: the only form that a locked mount tree, as
 * one sees it when nested, may be copied in. */
static int bind_instead(struct init *in, const struct plan_step *s)
{
	/* What else is not only ours is not for us to arrange (RELIABILITY G1). */
	bool is_proc = str_eq(init_text(in, s->s1), "proc");
	struct mount_change c = { .set = s->a | (is_proc ? 0u : MOUNT_ATTR_RDONLY) };
	AUTO_FD int fd = mount_tree(init_stage(in), AT_FDCWD, init_text(in, s->s2), true, false);
	int r;

	/* Where a running container is joined nothing can be mounted without
	 * being seen in it, until Linux 5.2 is the minimum. */
	if (!init_stage(in) && (fd == -ENOSYS || fd == -EPERM)) {
		fd = open(init_text(in, s->s2), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : is_proc_root(fd);
		return r < 0 ? r : take_fd(&fd);
	}
	if (fd < 0)
		return fd;
	r = is_proc ? is_proc_root(fd) : 0;
	if (r == 0)
		r = mount_change(init_stage(in), fd, &c, true);
	if (r < 0)
		return r;
	if (!(s->flags & STEP_OPTIONAL))
		in->rungs |= (uint32_t)s->b;
	return take_fd(&fd);
}

int init_fsmount(struct init *in, const struct plan_step *s)
{
	int fd = mount_fs(init_stage(in), init_text(in, s->s1), in->plan + s->data,
			  s->data_len, s->a);

	if (fd == -ERESTART)
		return fd;
	if (fd < 0 && (s->flags & STEP_FALLBACK) &&
	    (fd == -EPERM || fd == -EACCES || fd == -EBUSY || fd == -ENOSYS))
		fd = bind_instead(in, s);
	if (fd < 0 && (s->flags & STEP_OPTIONAL)) {
		in->rungs |= (uint32_t)s->b;
		return 0;
	}
	if (fd == -EINVAL)
		in->detail = in->stage.refused;
	return fill(in, s, fd);
}

static bool is_layer(const char *key)
{
	return str_eq(key, "lowerdir+") || str_eq(key, "upperdir") || str_eq(key, "workdir");
}

/* While we still are who may walk there: the root of a namespace in which the
 * caller has no id has no more rights to the caller's directories than anybody
 * else.  What is in them belongs to ids of the namespace. */
int init_layers(struct init *in, const struct plan_step *s)
{
	AUTO_FD int base = open(init_text(in, s->s1), O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *p = in->plan + s->data, *end = p + s->data_len;

	if (base < 0)
		return -errno;
	while (p < end) {
		const char *value = p + strlen(p) + 1;
		int fd;

		if (is_layer(p)) {
			if (in->layer_count == PLAN_LAYERS)
				return -E2BIG;
			fd = openat(base, value, O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (fd < 0)
				return -errno;
			in->layers[in->layer_count++] = fd;
		}
		p = value + strlen(value) + 1;
	}
	return 0;
}

/* The pairs with what was opened for names. */
static int name_layers(const struct init *in, const char *pairs, size_t len,
		       char *out, size_t size)
{
	const char *end = pairs + len;
	size_t at = 0, next = 0;

	while (pairs < end) {
		const char *value = pairs + strlen(pairs) + 1;
		int n;

		if (is_layer(pairs) && next < in->layer_count)
			n = snprintf(out + at, size - at, "%s%c/proc/self/fd/%d", pairs,
				     0, in->layers[next++]);
		else
			n = snprintf(out + at, size - at, "%s%c%s", pairs, 0, value);
		if (n < 0 || (size_t)n >= size - at)
			return -E2BIG;
		at += (size_t)n + 1;
		pairs = value + strlen(value) + 1;
	}
	return (int)at;
}

int init_overlay(struct init *in, const struct plan_step *s)
{
	static char named[PLAN_LAYERS * 40];
	const char *pairs = in->plan + s->data;
	int n, fd;

	if (in->layer_count) {
		n = name_layers(in, pairs, s->data_len, named, sizeof(named));
		return n < 0 ? n :
			fill(in, s, mount_fs(init_stage(in), "overlay", named, (size_t)n, s->a));
	}
	/* Names of layers are relative to keep them short. */
	if (chdir(init_text(in, s->s1)) < 0)
		return -errno;
	fd = mount_fs(init_stage(in), "overlay", pairs, s->data_len, s->a);
	if (chdir("/") < 0)
		return -errno;
	return fill(in, s, fd);
}

int init_fuse(struct init *in, const struct plan_step *s)
{
	char number[12];
	char pairs[128];
	AUTO_FD int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	size_t len = 0;
	int fd, r;
	unsigned n;

	if (dev < 0)
		return -errno;
	n = (unsigned)dev;
	number[11] = '\0';
	r = 11;
	do
		number[--r] = (char)('0' + n % 10);
	while (n /= 10);
#define PUT(text) (memcpy(pairs + len, text, strlen(text) + 1), len += strlen(text) + 1)
	PUT("fd");
	PUT(number + r);
	PUT("rootmode");
	PUT("40000");
	PUT("user_id");
	PUT("0");
	PUT("group_id");
	PUT("0");
	PUT("default_permissions");
	PUT("");
	PUT("allow_other");
	PUT("");
#undef PUT
	fd = mount_fs(init_stage(in), "fuse", pairs, len, s->a);
	if (fd < 0)
		return fd;
	in->slots[s->slot] = fd;
	r = rt_tell(in->sock, RT_MSG_FUSE, in->step, 0, 0, dev);
	return r < 0 ? r : init_wait_for(in, RT_FUSE_READY);
}

/* What the mount's owner locked stays locked: a restriction that we cannot
 * lift is kept. */
static int change(struct init *in, int fd, const struct plan_step *s, bool recursive)
{
	struct mount_change c = {
		.set = s->a,
		.clear = s->b,
		.propagation = s->data_len,
	};
	int r;

	if (!c.set && !c.clear && !c.propagation)
		return 0;
	r = mount_change(init_stage(in), fd, &c, recursive);
	if (r != -EPERM || !c.clear)
		return r;
	c.clear = 0;
	return c.set || c.propagation ? mount_change(init_stage(in), fd, &c, recursive) : 0;
}

int init_attr(struct init *in, const struct plan_step *s)
{
	int fd = in->slots[s->slot];

	return fd < 0 ? 0 : change(in, fd, s, s->flags & STEP_ATTR_RECURSIVE);
}

int init_remount(struct init *in, const struct plan_step *s)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = fs_open_inroot(in->slots[s->slot], init_text(in, s->s1), O_PATH, 0,
					&ignored);

	return fd < 0 ? fd : change(in, fd, s, s->flags & STEP_ATTR_RECURSIVE);
}

int init_idmap(struct init *in, const struct plan_step *s)
{
	int32_t answer = 0;
	int r = rt_tell(in->sock, RT_MSG_IDMAP, in->step, 0, 0, in->slots[s->slot]);

	if (r < 0)
		return r;
	return read(in->sock, &answer, sizeof(answer)) == sizeof(answer) ? answer : -EPIPE;
}

/* from: what an earlier try opened, or -1. */
static int make_tree(struct init *in, const struct plan_step *s, int from)
{
	int dir = from < 0 ? AT_FDCWD : from;
	const char *path = from < 0 ? init_text(in, s->s1) : "";
	bool no_follow = s->flags & STEP_NO_FOLLOW;
	bool all = s->flags & STEP_ATTR_RECURSIVE;
	AUTO_FD int fd = mount_tree(init_stage(in), dir, path, s->flags & STEP_RECURSIVE,
				    no_follow);
	int r;

	/* Mounts that cover parts of this one belong to somebody with more
	 * rights: they can only be copied together. */
	if (fd == -EINVAL && !(s->flags & STEP_RECURSIVE)) {
		fd = mount_tree(init_stage(in), dir, path, true, no_follow);
		all = true;
	}
	r = fd < 0 ? fd : change(in, fd, s, all);
	return r < 0 ? r : take_fd(&fd);
}

int init_tree(struct init *in, const struct plan_step *s)
{
	AUTO_FD int from = in->again ? take_fd(&in->slots[s->slot]) : -1;
	int r;

	if (in->slots[s->slot] >= 0)
		return 0;	/* the early try did it */
	r = make_tree(in, s, from);
	if (r == -ERESTART) {
		/* The root inside may have no right to walk there any more. */
		r = open(init_text(in, s->s1), O_PATH | O_CLOEXEC |
			 (s->flags & STEP_NO_FOLLOW ? O_NOFOLLOW : 0));
		in->slots[s->slot] = r;
		r = r < 0 ? -errno : -ERESTART;
	}
	if (r == -EACCES && (s->flags & STEP_EARLY))
		return 0;
	if (r < 0)
		return (s->flags & STEP_OPTIONAL) && r == -ENOENT ? 0 : r;
	return fill(in, s, r);
}

/* Only a device node with the expected number is let in (RELIABILITY B3). */
static int open_device(struct init *in, const char *path, uint64_t type, dev_t number)
{
	AUTO_FD int fd = mount_tree(init_stage(in), AT_FDCWD, path, false, false);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return (st.st_mode & S_IFMT) == type && st.st_rdev == number ? take_fd(&fd) : -ENXIO;
}

int init_open_device(struct init *in, const char *path, uint64_t type, dev_t number)
{
	int r = open_device(in, path, type, number);
	char by_number[48];
	int other;

	if (r != -ENOENT && r != -ENXIO)
		return r;
	/* As udev lists them. */
	(void)snprintf(by_number, sizeof(by_number), "/dev/%s/%u:%u",
		       type == S_IFBLK ? "block" : "char", major(number), minor(number));
	other = open_device(in, by_number, type, number);
	return other == -ENOENT ? r : other;
}

int init_device(struct init *in, const struct plan_step *s)
{
	return fill(in, s, init_open_device(in, init_text(in, s->s1), s->a, s->b));
}

/* pivot_root(2) wants an attached mount.  Where it is attached matters to
 * nobody: only this mount namespace has it, and only until the pivot; names
 * that begin at the root do not see what lies over it. */
int init_root(struct init *in, const struct plan_step *s)
{
	AUTO_FD int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (at < 0)
		return -errno;
	if (fstat(in->slots[s->slot], &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return mount_attach(in->slots[s->slot], at);
}

int init_pivot(struct init *in, const struct plan_step *s)
{
	int root = in->slots[s->slot];

	return s->a ? mount_chroot(&in->stage, root) : mount_pivot(&in->stage, root);
}

int init_root_attr(struct init *in, const struct plan_step *s)
{
	struct mount_change c = { .set = s->a };
	int r = s->a ? mount_change(NULL, in->slots[SLOT_ROOT], &c, false) : 0;

	if (r == 0 && s->b && mount(NULL, "/", NULL, (unsigned long)s->b, NULL) < 0)
		r = -errno;
	return r;
}

/* What was asked for must be so, whatever the calls said (RELIABILITY F3). */
int init_verify_root(struct init *in, const struct plan_step *s)
{
	struct stat want, got, top;
	struct statvfs fs;

	/* ".." would also show what still lay over the root. */
	if (fstat(in->slots[s->slot], &want) < 0 || stat("/", &got) < 0 ||
	    stat("/..", &top) < 0 || statvfs("/", &fs) < 0)
		return -errno;
	if (want.st_dev != got.st_dev || want.st_ino != got.st_ino ||
	    want.st_dev != top.st_dev || want.st_ino != top.st_ino)
		return -EPERM;
	return (s->a & MOUNT_ATTR_RDONLY) && !(fs.f_flag & ST_RDONLY) ? -EPERM : 0;
}
