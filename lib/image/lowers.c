/* The second half of links.h: files are looked up in the layers below as the
 * merged tree would show them, and copied. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/image/links.h"
#include "lib/image/view.h"

#define MAX_LINKS_FILE MIB(65)
#define MAX_FOLLOW 40

/* A file of a lower layer. */
struct place {
	int dirfd;
	char name[MAX_COMPONENT + 1];
	struct stat st;
};

/* Where a path leads to, by links in it as a process would follow them. */
struct walk {
	char done[MAX_PATH];		/* a directory, without links */
	char todo[2 * MAX_PATH];
	unsigned follows;
};

/* Takes the next component of what is to do; false: there is none. */
static bool next_name(struct walk *w, char name[static MAX_COMPONENT + 1])
{
	size_t skip = strspn(w->todo, "/");
	size_t len = strcspn(w->todo + skip, "/");
	const char *rest = w->todo + skip + len;

	if (!len || len > MAX_COMPONENT)
		return false;
	memcpy(name, w->todo + skip, len);
	name[len] = '\0';
	rest += strspn(rest, "/");
	memmove(w->todo, rest, strlen(rest) + 1);
	return true;
}

static void go_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	*(slash ? slash : w->done) = '\0';
}

static bool go_down(struct walk *w, const char *name)
{
	size_t len = strlen(w->done), more = strlen(name);

	if (len + more + 2 > sizeof(w->done))
		return false;
	if (len)
		w->done[len++] = '/';
	memcpy(w->done + len, name, more + 1);
	return true;
}

static bool follow(struct walk *w, const struct view_found *f, const char *name)
{
	char text[2 * MAX_PATH];
	ssize_t len = readlinkat(f->at, name, text, MAX_PATH);

	if (len <= 0 || len >= MAX_PATH || ++w->follows > MAX_FOLLOW ||
	    (size_t)len + strlen(w->todo) + 2 > sizeof(w->todo))
		return false;
	text[len++] = '/';
	memcpy(text + len, w->todo, strlen(w->todo) + 1);
	memcpy(w->todo, text, strlen(text) + 1);
	if (text[0] == '/')
		w->done[0] = '\0';
	return true;
}

/* -ENOENT, without text: no layer has it. */
static int find(struct place *out, const struct view *roots, const char *path,
		struct err *e)
{
	struct walk w = { .follows = 0 };

	memcpy(w.todo, path, strlen(path) + 1);
	while (next_name(&w, out->name)) {
		AUTO(view) struct view dir = { .len = 0 }, below = { .len = 0 };
		struct view_found f;
		bool is_last = !w.todo[0];
		int r;

		if (!strcmp(out->name, "."))
			continue;
		if (!strcmp(out->name, "..")) {
			go_up(&w);
			continue;
		}
		r = view_open(&dir, roots, w.done, e);
		if (r == 0)
			r = view_look(&f, &below, &dir, out->name, e);
		if (r < 0)
			return r;
		if (is_last && !S_ISDIR(f.st.st_mode)) {
			out->st = f.st;
			out->dirfd = fcntl(f.at, F_DUPFD_CLOEXEC, 3);
			return out->dirfd < 0 ? err_sys(e, "duplicate a descriptor") : 0;
		}
		if (S_ISLNK(f.st.st_mode) ? !follow(&w, &f, out->name) :
		    !S_ISDIR(f.st.st_mode) || !go_down(&w, out->name))
			return -ENOENT;
	}
	return err_set(e, EBADMSG, "hard link to a directory, '%s'", path);
}

/* --- the links of one layer --- */

struct resolve {
	const struct view *lowers;
	int root;			/* of the layer */
	struct map copied;		/* inode below -> path in this layer */
};

/* Another link leads to the same file: they are one.  1: done. */
static int join(struct resolve *rs, int parent, const char *base,
		const char *path, const struct stat *st, struct err *e)
{
	char inode[48];
	const char *first;
	AUTO_FD int fd = -1;
	int r;

	snprintf(inode, sizeof(inode), "%ju:%ju", (uintmax_t)st->st_dev,
		 (uintmax_t)st->st_ino);
	first = map_get(&rs->copied, inode);
	if (!first) {
		map_set(&rs->copied, inode, mem_str(path));
		return 0;
	}
	fd = fs_open_inroot(rs->root, first, O_PATH | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	r = link_fd(fd, parent, base);
	if (r == -EMLINK)
		return 0;
	return r < 0 ? err_ret(e, r, "link to '%s'", first) : 1;
}

static int make(struct resolve *rs, int parent, const char *base,
		const char *path, const char *target, struct err *e)
{
	struct place from = { .dirfd = -1 };
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;
	int r;

	if (fstat(parent, &st) < 0)
		return err_sys(e, "stat directory");
	times[1] = st.st_mtim;
	r = find(&from, rs->lowers, target, e);
	if (r == -ENOENT && !e->code)
		return err_set(e, EBADMSG, "hard link to '%s', which no layer has", target);
	if (r == 0 && unlinkat(parent, base, 0) < 0)
		r = err_sys(e, "remove what stood for a link");
	if (r == 0)
		r = join(rs, parent, base, path, &from.st, e);
	if (r == 0)
		r = snap_copy_one(parent, base, from.dirfd, from.name, e);
	fd_auto(&from.dirfd);
	if (r >= 0 && futimens(parent, times) < 0)
		r = err_sys(e, "set time");
	return r < 0 ? r : 0;
}

static int resolve_one(struct resolve *rs, const char *path, const char *target,
		       struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	AUTO_FREE char *way = slash ? mem_strn(path, (size_t)(slash - path)) : mem_str(".");
	AUTO_FD int parent = fs_open_inroot(rs->root, way, O_RDONLY | O_DIRECTORY, 0, e);
	struct stat st;
	int r;

	if (parent < 0)
		return parent;
	/* two spellings of one place: it is made already */
	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0 || !link_is_waiting(&st))
		return 0;
	r = make(rs, parent, base, path, target, e);
	return r < 0 ? err_ctx(e, r, "'%s'", path) : 0;
}

static int resolve_layer(int dir_fd, const struct view *lowers, struct err *e)
{
	AUTO(buf) struct buf list = BUF_INIT(MAX_LINKS_FILE);
	AUTO_FD int root = fs_open_dir(dir_fd, "fs", e);
	struct resolve rs = { .lowers = lowers, .root = root };
	const char *p, *end;
	int r = root < 0 ? root : fs_read(dir_fd, LINKS_FILE, &list, e);

	for (p = list.data, end = p + list.len; r == 0 && p < end;) {
		const char *target = p + strlen(p) + 1;

		r = resolve_one(&rs, p, target, e);
		p = target + strlen(target) + 1;
	}
	for (size_t i = 0; i < rs.copied.len; i++)
		free(rs.copied.entries[i].value);
	map_clear(&rs.copied);
	if (r == 0 && unlinkat(dir_fd, LINKS_FILE, 0) < 0)
		r = err_sys(e, "remove '%s'", LINKS_FILE);
	return r;
}

/* The roots below a layer, down to one that hides the rest. */
static int open_lowers(struct view *out, const struct links_layer *layers,
		       size_t top, struct err *e)
{
	AUTO_FD int fd = fs_open_dir(layers[top].dir_fd, "fs", e);

	while (fd >= 0 && top-- && !view_is_opaque(out, fd)) {
		fd_auto(&fd);
		fd = fs_open_dir(layers[top].dir_fd, "fs", e);
		if (fd < 0)
			break;
		out->fd[out->len] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (out->fd[out->len] < 0)
			return err_sys(e, "duplicate a descriptor");
		out->len++;
	}
	return fd < 0 ? fd : 0;
}

int links_resolve(const struct links_layer *layers, size_t count,
		  enum snap_form form, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		AUTO(view) struct view lowers = { .form = form };

		if (!layers[i].has_links)
			continue;
		r = open_lowers(&lowers, layers, i, e);
		if (r == 0)
			r = resolve_layer(layers[i].dir_fd, &lowers, e);
	}
	return r;
}
