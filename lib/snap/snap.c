#include "lib/snap/snap.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/enter.h"
#include "lib/os/fstype.h"
#include "lib/snap/external.h"

const struct snap_driver *const snap_drivers[] = {
	&snap_overlay,
	&snap_fuse,
	&snap_btrfs,
	&snap_native,
	NULL,
};

void rootfs_clear(struct rootfs *r)
{
	free(r->base);
	strv_clear(&r->lowers);
	free(r->upper);
	free(r->work);
	*r = (struct rootfs)ROOTFS_INIT;
}

const struct snap_driver *snap_find(const char *name)
{
	for (size_t i = 0; snap_drivers[i]; i++)
		if (str_eq(snap_drivers[i]->name, name))
			return snap_drivers[i];
	return external_find(name);
}

int snap_refuse(const char *name, struct err *e)
{
	return err_set(e, EINVAL, "no snapshotter '%s': %s; built in are " SNAP_NAMES, name,
		       str_or(external_refuses(name), "too many others"));
}

/* --- which driver --- */

/* What an answer depends on: it is the text of the cache file, before the
 * driver's name. */
static int cache_key(struct buf *out, const struct snap_env *env, struct err *e)
{
	char boot[BOOT_ID_LEN + 1];
	int r = clock_boot_id(boot, e);

	if (r < 0)
		return r;
	buf_addf(out, "%s\n%s\n%s\n", boot, env->base, str_or(env->fuse_overlayfs, "-"));
	if (env->map)
		idmap_key(env->map, out);
	buf_addc(out, '\n');
	return buf_ok(out, "snapshotter cache", e);
}

static const struct snap_driver *cached(int dirfd, const char *name,
					const struct buf *key)
{
	AUTO(buf) struct buf b = BUF_INIT(KIB(64));
	struct err ignored = ERR_INIT;

	if (dirfd < 0 || fs_read(dirfd, name, &b, &ignored) < 0 ||
	    b.len <= key->len || memcmp(b.data, key->data, key->len))
		return NULL;
	return snap_find(b.data + key->len);
}

/* What is the same for all drivers of a kind. */
static int probe_base(const struct snap_driver *d, const struct snap_env *env, struct err *e)
{
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, env->base, e);

	if (fd < 0)
		return fd;
	if (fstype_folds_case(fd))
		return err_hint(e, err_set(e, ENOTSUP, "'%s' takes 'a' and 'A' for the same name",
					   env->base), "store.case");
	if (d->kind == ROOTFS_DIR && fstype_is_noexec(fd))
		return err_hint(e, err_set(e, ENOTSUP, "'%s' is mounted noexec", env->base),
				"store.noexec");
	return 0;
}

static int probe_one(const struct snap_driver *d, const struct snap_env *env,
		     struct err *e)
{
	int r = probe_base(d, env, e);

	if (r == 0)
		r = d->probe(d, env, e);
	return r < 0 ? err_ctx(e, r, "snapshotter '%s'", d->name) : 0;
}

/* The first that works, and which was wanted before that and why not. */
static int probe_all(const struct snap_driver **out, const struct snap_env *env,
		     struct err *e)
{
	struct err best = ERR_INIT;
	int r = -ENOTSUP;

	/* "Not here" is an answer to be kept; any other failure is none. */
	for (size_t i = 0; snap_drivers[i] && r == -ENOTSUP; i++) {
		if (i == 1)
			best = *e;
		err_clear(e);
		*out = snap_drivers[i];
		r = probe_one(snap_drivers[i], env, e);
	}
	if (r == 0 && best.code && env->notices)
		strv_addf(env->notices, "%s: '%s' is used", best.text, (*out)->name);
	return r;
}

int snap_choose(const struct snap_driver **out, const struct snap_env *env,
		int cache_dirfd, const char *cache_name, const char *forced,
		struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(60));
	const struct snap_driver *d = forced ? snap_find(forced) : NULL;
	struct err ignored = ERR_INIT;
	int r;

	if (forced && !d)
		return snap_refuse(forced, e);
	r = cache_key(&key, env, e);
	if (r < 0)
		return r;
	*out = cached(cache_dirfd, cache_name, &key);
	if (*out && (!forced || *out == d))
		return 0;
	if (forced) {
		r = probe_one(d, env, e);
		if (r == 0)
			*out = d;
		return r;
	}
	r = probe_all(&d, env, e);
	if (r < 0)
		return r;
	*out = d;
	buf_adds(&key, d->name);
	/* Without the cache the next call probes again. */
	if (cache_dirfd >= 0)
		(void)!fs_replace(cache_dirfd, cache_name, key.data, key.len, 0600,
				  FS_NOSYNC, &ignored);
	return 0;
}

/* --- containers' directories --- */

struct prepare {
	const struct snap_driver *driver;
	int base_fd;
	const char *id;
	const struct strv *lowers;
};

static int do_prepare(void *arg, struct err *e)
{
	const struct prepare *p = arg;

	return p->driver->prepare(p->driver, p->base_fd, p->id, p->lowers, e);
}

/* An empty upper directory needs no namespace when its owner is we. */
static bool is_plain(const struct prepare *p)
{
	char top[MAX_PATH];
	struct stat st;

	if (p->driver->form == SNAP_MERGED)
		return false;
	if (!p->lowers->len)
		return true;
	snprintf(top, sizeof(top), "%s/fs", p->lowers->v[0]);
	return fstatat(p->base_fd, top, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_uid == geteuid() && st.st_gid == getegid();
}

int snap_prepare(const struct snap_driver *d, const char *base, const char *id,
		 const struct strv *lowers, const struct idmap *map,
		 struct err *e)
{
	struct enter_opts o = { .map = map };
	struct prepare p = { .driver = d, .id = id, .lowers = lowers };
	AUTO_FREE char *dir = mem_printf("%s/%s", base, d->name);
	AUTO_FD int base_fd = -1;
	int r;

	base_fd = fs_mkdirs(AT_FDCWD, dir, 0700, e);
	if (base_fd < 0)
		return base_fd;
	p.base_fd = base_fd;
	if (is_plain(&p))
		r = do_prepare(&p, e);
	else
		r = enter_run(&o, do_prepare, &p, e);
	if (r < 0) {
		struct err ignored = ERR_INIT;

		(void)!snap_remove(base_fd, id, map, &ignored);
		return err_ctx(e, r, "prepare snapshot %s", id);
	}
	return 0;
}

void snap_describe(struct rootfs *out, const struct snap_driver *d, const char *base,
		   const char *id, const struct strv *lowers)
{
	out->kind = d->kind;
	out->base = mem_printf("%s/%s", base, d->name);
	out->upper = mem_printf("%s/fs", id);
	if (d->kind == ROOTFS_DIR)
		return;
	for (size_t i = 0; i < lowers->len; i++)
		strv_addf(&out->lowers, "%s/fs", lowers->v[i]);
	out->work = mem_printf("%s/work", id);
}

int snap_remove(int dirfd, const char *name, const struct idmap *map,
		struct err *e)
{
	struct enter_opts o = { .map = map };

	return enter_rmtree(&o, dirfd, name, e);
}

/* --- sizes --- */

struct count {
	struct snap_usage usage;
	struct map seen;		/* "inode" of files with several names */
	unsigned depth;
	int result_fd;
	int dirfd;
	const char *name;
};

static int count_one(int dirfd, const char *name, unsigned char type UNUSED,
		     void *arg, struct err *e)
{
	struct count *c = arg;
	char inode[32];
	AUTO_FD int fd = -1;
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat '%s'", name);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		snprintf(inode, sizeof(inode), "%ju", (uintmax_t)st.st_ino);
		if (map_get(&c->seen, inode))
			return 0;
		map_set(&c->seen, inode, c);
	}
	c->usage.inodes++;
	c->usage.bytes += (uint64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
			err_sys(e, "open '%s'", name);
	if (++c->depth > MAX_DEPTH)
		return err_set(e, ELOOP, "directories too deep");
	r = fs_each(fd, count_one, c, e);
	c->depth--;
	return r;
}

/* The child's memory is its own: the sums go back by a pipe. */
static int do_usage(void *arg, struct err *e)
{
	struct count *c = arg;
	int r = count_one(c->dirfd, c->name, 0, c, e);

	return r < 0 ? r : fs_write_all(c->result_fd, &c->usage, sizeof(c->usage), e);
}

int snap_usage(struct snap_usage *out, int dirfd, const char *name,
	       const struct idmap *map, struct err *e)
{
	struct enter_opts o = { .map = map };
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct count c = { .dirfd = dirfd, .name = name };
	int r = fd_pipe(&p, e);

	if (r < 0)
		return r;
	c.result_fd = p.b;
	r = enter_run(&o, do_usage, &c, e);
	if (r < 0)
		return r;
	if (read(p.a, out, sizeof(*out)) != sizeof(*out))
		return err_set(e, EIO, "a worker gave no answer");
	return 0;
}
