#include "lib/image/view.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/str.h"

void view_clear(struct view *v)
{
	while (v->len)
		fd_auto(&v->fd[--v->len]);
}

bool view_is_opaque(const struct view *v, int fd)
{
	char value;

	if (v->form == SNAP_STACKED_FUSE)
		return faccessat(fd, ".wh..wh..opq", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static bool is_whiteout(const struct view *v, const struct stat *st)
{
	return v->form != SNAP_MERGED && S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* Does the layer's directory hide what lower ones have under that name? */
static bool is_hidden(const struct view *v, int fd, const char *name,
		      const struct stat *st)
{
	char mark[MAX_COMPONENT + 8];

	if (v->form != SNAP_STACKED_FUSE)
		return st && is_whiteout(v, st);
	snprintf(mark, sizeof(mark), ".wh.%s", name);
	return faccessat(fd, mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int view_look(struct view_found *out, struct view *below, const struct view *v,
	      const char *name, struct err *e)
{
	bool ends = false;

	for (size_t i = 0; i < v->len && !ends; i++) {
		struct stat st;
		bool is_here = fstatat(v->fd[i], name, &st, AT_SYMLINK_NOFOLLOW) == 0;
		int fd;

		if (!is_here && errno != ENOENT)
			return err_sys(e, "stat '%s'", name);
		ends = is_hidden(v, v->fd[i], name, is_here ? &st : NULL) ||
		       (is_here && !S_ISDIR(st.st_mode));
		if (!is_here || is_whiteout(v, &st))
			continue;
		if (!below->len)
			*out = (struct view_found){ st, v->fd[i] };
		if (!S_ISDIR(st.st_mode))
			return 0;
		fd = openat(v->fd[i], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open '%s'", name);
		below->fd[below->len++] = fd;
		ends = ends || view_is_opaque(v, fd);
	}
	return below->len ? 0 : -ENOENT;
}

int view_open(struct view *out, const struct view *roots, const char *path,
	      struct err *e)
{
	AUTO(view) struct view v = { .form = roots->form };
	char name[MAX_COMPONENT + 1];

	for (; v.len < roots->len; v.len++) {
		v.fd[v.len] = fcntl(roots->fd[v.len], F_DUPFD_CLOEXEC, 3);
		if (v.fd[v.len] < 0)
			return err_sys(e, "duplicate a descriptor");
	}
	while (*path) {
		AUTO(view) struct view below = { .form = roots->form };
		size_t len = strcspn(path, "/");
		struct view_found f;
		int r;

		memcpy(name, path, len);
		name[len] = '\0';
		r = view_look(&f, &below, &v, name, e);
		if (r < 0)
			return r;
		view_auto(&v);
		v = below;
		below.len = 0;
		path += len;
		path += *path == '/';
	}
	*out = v;
	v.len = 0;
	return 0;
}

struct names {
	struct strv *out;
	bool has_marks;
};

static int add_name(int dirfd UNUSED, const char *name, unsigned char type UNUSED, void *arg,
		    struct err *e UNUSED)
{
	const struct names *n = arg;

	if (!n->has_marks || !str_starts(name, ".wh."))
		strv_add(n->out, name);
	return 0;
}

int view_names(struct strv *out, const struct view *v, struct err *e)
{
	struct names n = { .out = out, .has_marks = v->form == SNAP_STACKED_FUSE };
	int r = 0;

	for (size_t i = 0; i < v->len && r == 0; i++)
		r = fs_each(v->fd[i], add_name, &n, e);
	return r;
}
