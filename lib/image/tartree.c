#include "lib/image/tartree.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strv.h"

struct tartree {
	const struct tartree_opts *opts;
	struct tarput *put;
	uint64_t mount;			/* its number; with one_mount */
	char path[MAX_PATH];
	size_t len;
	unsigned depth;
};

static int add(struct tartree *t, int dirfd, const char *base, struct err *e);

static int mount_of(uint64_t *out, int dirfd, const char *base, struct err *e)
{
	struct statx sx;

	if (statx(dirfd, base, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &sx) < 0)
		return err_sys(e, "stat");
	*out = sx.stx_mnt_id;
	return 0;
}

static int add_child(struct tartree *t, int dirfd, const char *name, struct err *e)
{
	size_t before = t->len, len = strlen(name);
	int r;

	if (before + 1 + len >= sizeof(t->path))
		return err_set(e, ENAMETOOLONG, "a path of more than %d bytes", MAX_PATH - 1);
	if (before)
		t->path[t->len++] = '/';
	memcpy(t->path + t->len, name, len + 1);
	t->len += len;
	r = add(t, dirfd, name, e);
	if (r < 0)
		return r;		/* path says where */
	t->len = before;
	t->path[before] = '\0';
	return 0;
}

static int add_name(int dirfd UNUSED, const char *name, unsigned char type UNUSED, void *arg,
		    struct err *e UNUSED)
{
	strv_add(arg, name);
	return 0;
}

static int add_children(struct tartree *t, int fd, struct err *e)
{
	AUTO(strv) struct strv names = STRV_INIT;
	int r = fs_each(fd, add_name, &names, e);

	strv_sort(&names);
	for (size_t i = 0; i < names.len && r == 0; i++)
		r = add_child(t, fd, names.v[i], e);
	return r;
}

static int add_dir(struct tartree *t, int dirfd, const char *base, struct err *e)
{
	AUTO_FD int fd = openat(dirfd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return t->depth && errno == ENOENT ? 0 : err_sys(e, "open");
	if (++t->depth > MAX_DEPTH)
		return err_set(e, ELOOP, "directories too deep");
	if (t->len)
		r = tarput_dir(t->put, t->path, fd, e);
	if (r == 0)
		r = add_children(t, fd, e);
	t->depth--;
	return r;
}

static int add(struct tartree *t, int dirfd, const char *base, struct err *e)
{
	uint64_t mount = t->mount;
	struct stat st;
	int r = 0;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return t->depth && errno == ENOENT ? 0 : err_sys(e, "stat");
	if (t->opts->one_mount)
		r = mount_of(&mount, dirfd, base, e);
	if (r < 0)
		return r;
	/* Whoever owns what is mounted, it is not of this tree. */
	if (mount != t->mount)
		return tarput_mark(t->put, t->path,
				   S_ISDIR(st.st_mode) ? S_IFDIR | 0755 : S_IFREG | 0644, e);
	return S_ISDIR(st.st_mode) ? add_dir(t, dirfd, base, e) :
				     tarput_other(t->put, t->path, dirfd, base, e);
}

int tartree_write(int out_fd, int dirfd, const char *base, const struct tartree_opts *o,
		  struct err *e)
{
	AUTO_FREE struct tartree *t = mem_new(struct tartree);
	AUTO(tarput) struct tarput *put = NULL;
	int r;

	t->opts = o;
	if (!str_copy(t->path, sizeof(t->path), o->name))
		return err_set(e, ENAMETOOLONG, "'%s' is too long", o->name);
	t->len = strlen(t->path);
	r = tarput_open(&put, out_fd, &o->put, e);
	t->put = put;
	if (r == 0 && o->one_mount)
		r = mount_of(&t->mount, dirfd, base, e);
	if (r == 0)
		r = add(t, dirfd, base, e);
	if (r < 0)
		return err_ctx(e, r, "'%s'", str_or(t->path, base));
	return tarput_end(put, e);
}
