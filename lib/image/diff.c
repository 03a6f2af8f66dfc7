#include "lib/image/diff.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/view.h"
#include "lib/image/xattr.h"

#define O_FILE (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define BLOCK KIB(64)

struct diff {
	const struct diff_opts *opts;
	diff_fn *fn;
	void *arg;
	char path[MAX_PATH];
	size_t len;
	unsigned depth;
};

/* A directory of the upper tree that is being walked. */
struct level {
	struct level *up;		/* NULL: it is the root */
	int fd;
	size_t len;			/* of its path */
	struct stat st;
	enum diff_kind kind;
	bool is_told;
	bool is_opaque;			/* nothing of the layers shows in it */
};

/* --- telling --- */

/* What is in a directory that was not told yet makes it a change. */
static int tell_dir(struct diff *d, struct level *l, struct err *e)
{
	const struct diff_item item = {
		.kind = l->kind, .path = d->path, .dirfd = l->fd, .base = ".", .st = &l->st,
	};
	char cut = d->path[l->len];
	int r = l->up && !l->up->is_told ? tell_dir(d, l->up, e) : 0;

	if (r < 0)
		return r;
	l->is_told = true;
	d->path[l->len] = '\0';
	r = d->fn(d->arg, &item, e);
	d->path[l->len] = cut;
	return r;
}

static int tell(struct diff *d, struct level *l, enum diff_kind kind, const char *name,
		const struct stat *st, struct err *e)
{
	const struct diff_item item = {
		.kind = kind, .path = d->path, .dirfd = l->fd, .base = name, .st = st,
	};
	int r = l->is_told ? 0 : tell_dir(d, l, e);

	return r < 0 ? r : d->fn(d->arg, &item, e);
}

/* --- places of mounts --- */

/* Is path one, or on the way to one? */
static bool is_on_way(const struct diff *d)
{
	for (size_t i = 0; i < d->opts->places->len; i++) {
		const char *rest = str_after(d->opts->places->v[i], d->path);

		if (rest && (!*rest || *rest == '/'))
			return true;
	}
	return false;
}

static bool is_placeholder(const struct diff *d, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0 && strv_has(d->opts->places, d->path);
}

/* --- comparing --- */

static bool is_same_meta(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

static bool is_same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* 1, 0 */
static int same_xattrs(const struct diff *d, int a_fd, int b_fd, struct err *e)
{
	AUTO(xattrs) struct xattrs a = XATTRS_INIT, b = XATTRS_INIT;
	int r = xattrs_read(&a, a_fd, d->opts->raw, e);

	if (r == 0)
		r = xattrs_read(&b, b_fd, d->opts->raw, e);
	return r < 0 ? r : xattrs_eq(&a, &b);
}

/* Fills what it can of BLOCK bytes. */
static ssize_t read_block(int fd, char *block, struct err *e)
{
	size_t have = 0;

	while (have < BLOCK) {
		ssize_t n = read(fd, block + have, BLOCK - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* 1, 0 */
static int same_content(int a_fd, int b_fd, struct err *e)
{
	AUTO_FREE char *a = mem_zero(BLOCK, 1);
	AUTO_FREE char *b = mem_zero(BLOCK, 1);
	ssize_t n;

	do {
		ssize_t m;

		n = read_block(a_fd, a, e);
		m = n < 0 ? n : read_block(b_fd, b, e);
		if (m < 0)
			return (int)m;
		if (n != m || memcmp(a, b, (size_t)n) != 0)
			return 0;
	} while (n == BLOCK);
	return 1;
}

static int same_link(int a_dir, int b_dir, const char *name, struct err *e)
{
	char a[MAX_PATH], b[MAX_PATH];
	ssize_t n = readlinkat(a_dir, name, a, sizeof(a));
	ssize_t m = readlinkat(b_dir, name, b, sizeof(b));

	if (n < 0 || m < 0)
		return err_sys(e, "read link");
	return n == m && !memcmp(a, b, (size_t)n);
}

/* Of what is no directory.  A file with more names than before is told, since
 * the new ones are links to it.  1, 0 */
static int is_same(const struct diff *d, int dirfd, const char *name, const struct stat *st,
		   const struct view_found *low, struct err *e)
{
	AUTO_FD int a = -1, b = -1;
	int r;

	if (!is_same_meta(st, &low->st) || !is_same_time(st, &low->st) ||
	    st->st_size != low->st.st_size || st->st_rdev != low->st.st_rdev ||
	    st->st_nlink > low->st.st_nlink)
		return 0;
	if (S_ISLNK(st->st_mode))
		return same_link(dirfd, low->at, name, e);
	if (!S_ISREG(st->st_mode))
		return 1;
	a = openat(dirfd, name, O_FILE);
	if (a < 0)
		return err_sys(e, "open");
	b = openat(low->at, name, O_FILE);
	if (b < 0)
		return err_sys(e, "open");
	r = same_xattrs(d, a, b, e);
	if (r == 1 && !is_before(&st->st_ctim, &d->opts->since))
		r = same_content(a, b, e);
	return r;
}

/* The root's times are no change, nor its attributes, which belong to the top
 * layer; nor are times on the way to a mount.  1, 0 */
static int is_same_dir(const struct diff *d, const struct level *l, int low_fd,
		       const struct stat *low, struct err *e)
{
	if (!is_same_meta(&l->st, low))
		return 0;
	if (!l->up)
		return 1;
	if (!is_same_time(&l->st, low) && !is_on_way(d))
		return 0;
	return same_xattrs(d, l->fd, low_fd, e);
}

/* --- marks in the upper directory --- */

static bool has_value(int fd, const char *name, char want)
{
	char value;

	return fgetxattr(fd, name, &value, 1) == 1 && value == want;
}

/* fuse-overlayfs uses either kind, whichever it may make. */
static bool is_opaque_dir(const struct diff *d, int fd)
{
	return d->opts->form != SNAP_MERGED &&
	       (has_value(fd, "user.overlay.opaque", 'y') ||
		has_value(fd, "trusted.overlay.opaque", 'y') ||
		has_value(fd, "user.fuseoverlayfs.opaque", 'y') ||
		(d->opts->form == SNAP_STACKED_FUSE &&
		 faccessat(fd, ".wh..wh..opq", F_OK, AT_SYMLINK_NOFOLLOW) == 0));
}

/* The other form of a whiteout, of file systems without devices. */
static bool is_xattr_whiteout(int dirfd, const char *name, const struct stat *st)
{
	AUTO_FD int fd = -1;

	if (!S_ISREG(st->st_mode) || st->st_size)
		return false;
	fd = openat(dirfd, name, O_FILE);
	return fd >= 0 && (fgetxattr(fd, "user.overlay.whiteout", NULL, 0) >= 0 ||
			   fgetxattr(fd, "trusted.overlay.whiteout", NULL, 0) >= 0);
}

/* Is the name in the upper directory?  1, or 0: missing, or a whiteout. */
static int look_upper(const struct diff *d, int dirfd, const char *name, struct stat *st,
		      struct err *e)
{
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat");
	if (d->opts->form == SNAP_MERGED)
		return 1;
	return !(S_ISCHR(st->st_mode) && st->st_rdev == 0) && !is_xattr_whiteout(dirfd, name, st);
}

static bool has_mark(const struct diff *d, int dirfd, const char *name)
{
	char mark[MAX_COMPONENT + 8];

	snprintf(mark, sizeof(mark), ".wh.%s", name);
	return d->opts->form == SNAP_STACKED_FUSE &&
	       faccessat(dirfd, mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int add_marked(int dirfd UNUSED, const char *name, unsigned char type UNUSED, void *arg,
		      struct err *e UNUSED)
{
	const char *hidden = str_after(name, ".wh.");

	if (hidden && str_is_component(hidden) && !str_starts(hidden, ".wh."))
		strv_add(arg, hidden);
	return 0;
}

/* All names that could have changed, sorted; some twice. */
static int list(struct strv *out, const struct diff *d, const struct level *l,
		const struct view *below, struct err *e)
{
	const struct view own = { .fd = { l->fd }, .len = 1, .form = d->opts->form };
	int r = view_names(out, &own, e);

	if (r == 0 && (l->is_opaque || d->opts->form == SNAP_MERGED))
		r = view_names(out, below, e);
	else if (r == 0 && d->opts->form == SNAP_STACKED_FUSE)
		r = fs_each(l->fd, add_marked, out, e);
	strv_sort(out);
	return r;
}

/* --- the walk --- */

static int walk(struct diff *d, struct level *l, const struct view *below, struct err *e);

/* low: what is below it, or NULL. */
static int visit_dir(struct diff *d, struct level *up, const char *name, const struct stat *st,
		     const struct view_found *low, const struct view *below, struct err *e)
{
	AUTO_FD int fd = openat(up->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct level l = {
		.up = up, .fd = fd, .len = d->len, .st = *st,
		.kind = low ? DIFF_CHANGED : DIFF_ADDED,
	};
	int is_same_here, r = 0;

	if (fd < 0)
		return err_sys(e, "open directory");
	l.is_opaque = up->is_opaque || is_opaque_dir(d, fd) || has_mark(d, up->fd, name);
	if (!low)
		is_same_here = is_on_way(d);
	else
		is_same_here = below->len ? is_same_dir(d, &l, below->fd[0], &low->st, e) : 0;
	if (is_same_here < 0)
		return is_same_here;
	if (!is_same_here)
		r = tell_dir(d, &l, e);
	return r < 0 ? r : walk(d, &l, below, e);
}

static int visit(struct diff *d, struct level *l, const struct view *layers, const char *name,
		 struct err *e)
{
	AUTO(view) struct view below = { .form = layers->form };
	struct view_found low;
	struct stat st;
	int is_below = view_look(&low, &below, layers, name, e);
	int is_here, r = 0;

	if (is_below < 0 && e->code)
		return is_below;
	is_below = is_below == 0;
	is_here = look_upper(d, l->fd, name, &st, e);
	if (is_here < 0)
		return is_here;
	if (!is_here)
		return is_below ? tell(d, l, DIFF_DELETED, name, NULL, e) : 0;
	if (S_ISDIR(st.st_mode))
		return visit_dir(d, l, name, &st, is_below ? &low : NULL, &below, e);
	if (!is_below)
		return is_placeholder(d, &st) ? 0 : tell(d, l, DIFF_ADDED, name, &st, e);
	if (d->opts->form == SNAP_MERGED)
		r = is_same(d, l->fd, name, &st, &low, e);
	return r ? r : tell(d, l, DIFF_CHANGED, name, &st, e);
}

static int walk(struct diff *d, struct level *l, const struct view *below, struct err *e)
{
	AUTO(strv) struct strv names = STRV_INIT;
	int r = list(&names, d, l, below, e);

	if (r == 0 && ++d->depth > MAX_DEPTH)
		return err_set(e, ELOOP, "directories too deep");
	for (size_t i = 0; i < names.len && r >= 0; i++) {
		const char *name = names.v[i];
		size_t before = d->len, len = strlen(name);

		if (i && str_eq(name, names.v[i - 1]))
			continue;
		if (before + 1 + len >= sizeof(d->path))
			return err_set(e, ENAMETOOLONG, "a path of more than %d bytes",
				       MAX_PATH - 1);
		if (before)
			d->path[d->len++] = '/';
		memcpy(d->path + d->len, name, len + 1);
		d->len += len;
		r = visit(d, l, below, name, e);
		if (r < 0)
			return r;	/* path says where */
		d->len = before;
		d->path[before] = '\0';
	}
	d->depth--;
	return r < 0 ? r : 0;
}

int diff_walk(const struct diff_opts *o, diff_fn *fn, void *arg, struct err *e)
{
	AUTO_FREE struct diff *d = mem_new(struct diff);
	struct view layers = { .len = o->lower_count, .form = o->form };
	/* Nobody is told of the root because of what is in it. */
	struct level root = { .fd = o->upper_fd, .kind = DIFF_CHANGED, .is_told = true };
	struct stat low;
	int r = 1;

	if (o->lower_count)
		memcpy(layers.fd, o->lower_fds, o->lower_count * sizeof(*o->lower_fds));
	d->opts = o;
	d->fn = fn;
	d->arg = arg;
	if (fstat(root.fd, &root.st) < 0 || (layers.len && fstat(layers.fd[0], &low) < 0))
		return err_sys(e, "stat");
	if (layers.len)
		r = is_same_dir(d, &root, layers.fd[0], &low, e);
	if (r == 0)
		r = tell_dir(d, &root, e);
	if (r >= 0)
		r = walk(d, &root, &layers, e);
	return r < 0 ? err_ctx(e, r, "'/%s'", d->path) : 0;
}
