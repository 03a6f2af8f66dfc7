#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/tree.h"

#define XATTR_OPAQUE "user.overlay.opaque"

/* --- one tree for all layers: hiding is removing --- */

struct sweep {
	struct tree *t;
	char path[MAX_PATH];
	size_t len;
	size_t depth;
};

static int sweep_one(int dirfd, const char *name, unsigned char type, void *arg,
		     struct err *e);

/* Removes what is below the directory and not of this layer. */
static int sweep_dir(struct sweep *w, int fd, struct err *e)
{
	int r;

	if (++w->depth > MAX_DEPTH)
		return err_set(e, EBADMSG, "a path of more than %d levels", MAX_DEPTH);
	r = fs_each(fd, sweep_one, w, e);
	w->depth--;
	return r;
}

static int sweep_one(int dirfd, const char *name, unsigned char type UNUSED,
		     void *arg, struct err *e)
{
	struct sweep *w = arg;
	size_t before = w->len, len = strlen(name);
	AUTO_FD int fd = -1;
	int r = 0;

	if (before + 1 + len >= sizeof(w->path))
		return fs_rmtree(dirfd, name, e);
	if (before)
		w->path[w->len++] = '/';
	memcpy(w->path + w->len, name, len + 1);
	w->len += len;
	if (!map_get(&w->t->added, w->path)) {
		r = fs_rmtree(dirfd, name, e);
	} else {
		fd = openat(dirfd, name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = sweep_dir(w, fd, e);
	}
	w->len = before;
	w->path[before] = '\0';
	return r;
}

static int sweep(struct tree *t, int parent, const char *base,
		 const char *path, struct err *e)
{
	AUTO_FREE struct sweep *w = NULL;
	AUTO_FD int fd = openat(parent, *base ? base : ".",
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;	/* no directory: nothing is below it */
	w = mem_new(struct sweep);
	w->t = t;
	w->len = strlen(path);
	memcpy(w->path, path, w->len + 1);
	/* directories go: the way that is kept open may lead through one */
	return sweep_dir(w, fd, e);
}

static int remove_lower(struct tree *t, const char *path, bool only_below,
			struct err *e)
{
	struct err why = ERR_INIT;
	const char *base;
	int parent = tree_parent(t, path, false, &base, &why);

	if (parent == -ENOENT || parent == -ENOTDIR)
		return 0;
	if (parent < 0)
		return err_move(e, &why);
	if (only_below || map_get(&t->added, path))
		return sweep(t, parent, base, path, e);
	return tree_remove(t, parent, base, e);
}

/* --- a directory per layer: hiding is a mark --- */

int tree_hide(struct tree *t, const char *path, struct err *e)
{
	if (t->form == SNAP_MERGED)
		return remove_lower(t, path, false, e);
	strv_add(&t->hidden, path);
	return 0;
}

int tree_make_opaque(struct tree *t, const char *dir, struct err *e)
{
	if (t->form == SNAP_MERGED)
		return remove_lower(t, dir, true, e);
	strv_add(&t->opaque, dir);
	return 0;
}

/* What path is now: 0, or -ENOENT also when a part of the way is missing or
 * no directory (*is_blocked). */
static int look(struct tree *t, const char *path, struct stat *st,
		bool *is_blocked, struct err *e)
{
	struct err why = ERR_INIT;
	const char *base;
	int parent = tree_parent(t, path, false, &base, &why);

	*is_blocked = parent == -ENOTDIR;
	if (parent == -ENOENT || parent == -ENOTDIR)
		return -ENOENT;
	if (parent < 0)
		return err_move(e, &why);
	if (fstatat(parent, *base ? base : ".", st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ENOENT : err_sys(e, "stat '%s'", path);
	return 0;
}

static int mark_opaque(struct tree *t, const char *path, struct err *e)
{
	AUTO_FD int fd = -1;
	const char *base;
	int parent = tree_parent(t, path, true, &base, e);

	if (parent < 0)
		return parent;
	fd = openat(parent, *base ? base : ".",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? 0 :
			err_sys(e, "open directory '%s'", path);
	if (t->form == SNAP_STACKED_FUSE) {
		AUTO_FD int mark = openat(fd, ".wh..wh..opq",
					  O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		return mark < 0 ? err_sys(e, "make '%s' opaque", path) : 0;
	}
	if (fsetxattr(fd, XATTR_OPAQUE, "y", 1, 0) < 0)
		return err_sys(e, "make '%s' opaque", path);
	return 0;
}

static int finish_opaque(struct tree *t, struct map *done, struct err *e)
{
	for (size_t i = 0; i < t->opaque.len; i++) {
		const char *path = t->opaque.v[i];
		const char *base;
		bool is_blocked;
		struct stat st;
		int r = look(t, path, &st, &is_blocked, e);

		if (r == -ENOENT && !e->code && !is_blocked) {
			char inside[MAX_PATH + 2];

			/* Its own way is made by asking for what is in it. */
			memcpy(inside, path, strlen(path) + 1);
			memcpy(inside + strlen(path), "/x", 3);
			r = tree_parent(t, inside, true, &base, e);
		} else if (r == -ENOENT && !e->code) {
			continue;
		}
		if (r >= 0)
			r = mark_opaque(t, path, e);
		if (r < 0)
			return r;
		map_set(done, path, t);
	}
	return 0;
}

static bool is_below_opaque(const struct map *opaque, const char *path)
{
	char up[MAX_PATH];
	size_t len = strlen(path);

	if (!opaque->len)
		return false;
	memcpy(up, path, len + 1);
	while (len) {
		while (len && up[len - 1] != '/')
			len--;
		len -= len ? 1 : 0;
		up[len] = '\0';
		if (map_get(opaque, up))
			return true;
	}
	return false;
}

static int mark_hidden(struct tree *t, const char *path, struct err *e)
{
	char name[MAX_COMPONENT + 8] = ".wh.";
	const char *base;
	int parent = tree_parent(t, path, true, &base, e);

	if (parent < 0)
		return parent;
	if (t->form == SNAP_STACKED_FUSE) {
		AUTO_FD int fd = -1;

		memcpy(name + 4, base, strlen(base) + 1);
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		return fd < 0 ? err_sys(e, "hide '%s'", path) : 0;
	}
	if (mknodat(parent, base, S_IFCHR, makedev(0, 0)) < 0)
		return err_sys(e, "hide '%s'", path);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How the order of the archive is made not to matter.  A whiteout of a
 * directory that the layer itself has makes that one opaque; of anything else
 * that it has, nothing.  Below an opaque directory nothing is left to hide, and
 * a mark there would show up as a name.  Upper names come first, so that a mark
 * never lands inside something that is hidden itself. */
int tree_finish_whiteouts(struct tree *t, struct err *e)
{
	AUTO(map) struct map opaque = MAP_INIT;
	bool is_blocked;
	struct stat st;
	int r;

	if (t->hidden.len)
		qsort(t->hidden.v, t->hidden.len, sizeof(*t->hidden.v), by_path);
	for (size_t i = 0; i < t->hidden.len; i++) {
		r = look(t, t->hidden.v[i], &st, &is_blocked, e);
		if (r < 0 && e->code)
			return r;
		if (r == 0 && S_ISDIR(st.st_mode))
			strv_add(&t->opaque, t->hidden.v[i]);
	}
	r = finish_opaque(t, &opaque, e);
	for (size_t i = 0; i < t->hidden.len && r == 0; i++) {
		const char *path = t->hidden.v[i];

		if (is_below_opaque(&opaque, path))
			continue;
		r = look(t, path, &st, &is_blocked, e);
		if (r < 0 && e->code)
			return r;
		r = r == -ENOENT && !is_blocked ? mark_hidden(t, path, e) : 0;
	}
	return r;
}
