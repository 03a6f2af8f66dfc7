#include "lib/image/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define O_WAY (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void tree_init(struct tree *t, const struct unpack_opts *o)
{
	memset(t, 0, sizeof(*t));
	t->root_fd = o->root_fd;
	t->form = o->form;
	t->record = o->owners == UNPACK_OWNERS_RECORD;
	t->uid = geteuid();
	t->gid = getegid();
	t->deep_fd = -1;
}

static void pop_to(struct tree *t, size_t depth)
{
	while (t->depth > depth)
		fd_auto(&t->level[--t->depth].fd);
	fd_auto(&t->deep_fd);
}

void tree_clear(struct tree *t)
{
	pop_to(t, 0);
	for (size_t i = 0; i < t->dirs.len; i++)
		free(t->dirs.entries[i].value);
	map_clear(&t->dirs);
	for (size_t i = 0; i < t->links.len; i++)
		free(t->links.entries[i].value);
	map_clear(&t->links);
	map_clear(&t->added);
	strv_clear(&t->hidden);
	strv_clear(&t->opaque);
}

/* Cuts the last component off the len bytes at out. */
static size_t cut_last(const char *out, size_t len)
{
	while (len && out[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

int tree_normalize(char out[static MAX_PATH], const char *name, struct err *e)
{
	size_t len = 0, depth = 0;

	while (*name) {
		size_t n = strcspn(name, "/");

		if (n == 2 && name[0] == '.' && name[1] == '.') {
			len = cut_last(out, len);
			depth -= depth ? 1 : 0;
		} else if (n && !(n == 1 && name[0] == '.')) {
			if (n > MAX_COMPONENT)
				return err_set(e, EBADMSG, "a name of %zu bytes, more than %d",
					       n, MAX_COMPONENT);
			if (len + 1 + n >= MAX_PATH)
				return err_set(e, EBADMSG, "a path of more than %d bytes",
					       MAX_PATH - 1);
			if (++depth > MAX_DEPTH)
				return err_set(e, EBADMSG, "a path of more than %d levels",
					       MAX_DEPTH);
			if (len)
				out[len++] = '/';
			memcpy(out + len, name, n);
			len += n;
		}
		name += n;
		name += *name == '/';
	}
	out[len] = '\0';
	return 0;
}

void tree_add(struct tree *t, const char *path)
{
	char up[MAX_PATH];
	size_t len = strlen(path);

	if (t->form != SNAP_MERGED)
		return;
	memcpy(up, path, len + 1);
	/* what is above an entry is spared as well */
	while (len && !map_get(&t->added, up)) {
		map_set(&t->added, up, t);
		len = cut_last(up, len);
		up[len] = '\0';
	}
}

void tree_note_dir(struct tree *t, const char *path,
		   const struct tree_meta *meta)
{
	struct tree_meta *known = map_get(&t->dirs, path);

	if (!known) {
		known = mem_new(struct tree_meta);
		map_set(&t->dirs, path, known);
	}
	*known = *meta;
}

int tree_remove(struct tree *t, int parent, const char *base, struct err *e)
{
	struct stat st;

	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat '%s'", base);
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)) {
		AUTO_FD int keep = fcntl(parent, F_DUPFD_CLOEXEC, 3);

		if (keep < 0)
			return err_sys(e, "duplicate a descriptor");
		pop_to(t, 0);
		return fs_rmtree(keep, base, e);
	}
	if (unlinkat(parent, base, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '%s'", base);
	return 0;
}

/* What a directory gets that the archive only implies. */
static void note_implied(struct tree *t, const char *path)
{
	struct tree_meta meta = { .mode = 0755 };

	if (clock_gettime(CLOCK_REALTIME, &meta.mtime) < 0)
		memset(&meta.mtime, 0, sizeof(meta.mtime));
	tree_note_dir(t, path, &meta);
}

/* Opens the directory path, whose last component is name in dirfd.  It may be
 * a link that somebody before us put there: then it leads where it would for a
 * process inside the root. */
static int open_way(struct tree *t, int dirfd, const char *name,
		    const char *path, bool create, struct err *e)
{
	struct err why = ERR_INIT;
	int fd = openat(dirfd, name, O_WAY);
	int r;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_sys(e, "open directory '%s'", path);
	if (errno != ENOENT) {
		fd = fs_open_inroot(t->root_fd, path, O_PATH | O_DIRECTORY, 0, &why);
		if (fd >= 0)
			return fd;
		if (fd != -ENOENT && fd != -ENOTDIR && fd != -ELOOP)
			return err_move(e, &why);
		err_clear(&why);
		if (!create)
			return err_set(e, ENOTDIR, "'%s' is not a directory", path);
		/* No level above this one goes through it: nothing is lost
		 * by not dropping the way. */
		if (unlinkat(dirfd, name, 0) < 0)
			return err_sys(e, "remove '%s'", path);
	} else if (!create) {
		return err_set(e, ENOENT, "no directory '%s'", path);
	}
	if (mkdirat(dirfd, name, 0700) < 0)
		return err_sys(e, "make directory '%s'", path);
	note_implied(t, path);
	fd = openat(dirfd, name, O_WAY);
	r = fd < 0 ? err_sys(e, "open directory '%s'", path) : fd;
	return r;
}

/* Keeps a new descriptor as the next level, or as the one below them all. */
static int keep_way(struct tree *t, int fd, const char *name, size_t len)
{
	if (t->depth < TREE_LEVELS) {
		struct tree_level *l = &t->level[t->depth++];

		memcpy(l->name, name, len + 1);
		l->len = len;
		l->fd = fd;
	} else {
		fd_auto(&t->deep_fd);
		t->deep_fd = fd;
	}
	return fd;
}

int tree_parent(struct tree *t, const char *path, bool create,
		const char **base, struct err *e)
{
	char name[MAX_COMPONENT + 1], prefix[MAX_PATH];
	const char *p = path, *slash;
	int fd = t->root_fd;
	size_t i = 0;

	/* the levels that we have already */
	while ((slash = strchr(p, '/')) && i < t->depth &&
	       t->level[i].len == (size_t)(slash - p) &&
	       !memcmp(t->level[i].name, p, t->level[i].len)) {
		fd = t->level[i++].fd;
		p = slash + 1;
	}
	pop_to(t, i);
	for (; (slash = strchr(p, '/')); p = slash + 1) {
		size_t len = (size_t)(slash - p);

		memcpy(name, p, len);
		name[len] = '\0';
		memcpy(prefix, path, (size_t)(slash - path));
		prefix[slash - path] = '\0';
		fd = open_way(t, fd, name, prefix, create, e);
		if (fd < 0) {
			pop_to(t, 0);
			return fd;
		}
		fd = keep_way(t, fd, name, len);
	}
	*base = p;
	return fd;
}

bool tree_is_foreign(const struct tree *t, const struct tree_meta *meta)
{
	return meta->uid != t->uid || meta->gid != t->gid;
}

int tree_chown_failed(const struct tree_meta *meta, struct err *e)
{
	int r;

	if (errno != EINVAL && errno != EOVERFLOW)
		return err_sys(e, "set owner %u:%u", meta->uid, meta->gid);
	r = err_set(e, EOVERFLOW, "owner %u:%u is not in the id map", meta->uid,
		    meta->gid);
	return err_hint(e, r, "subid.small");
}

static int record_owner(int fd, const struct tree_meta *meta,
			const char *device, struct err *e)
{
	char text[96];

	snprintf(text, sizeof(text), "%u:%u:%04o%s%s", meta->uid, meta->gid,
		 (unsigned)meta->mode, device ? ":" : "", device ? device : "");
	if (fsetxattr(fd, XATTR_OVERRIDE, text, strlen(text), 0) < 0)
		return err_sys(e, "record owner %u:%u", meta->uid, meta->gid);
	return 0;
}

int tree_apply(const struct tree *t, int fd, const struct tree_meta *meta,
	       mode_t plain_mode, const char *device, struct err *e)
{
	bool is_foreign = tree_is_foreign(t, meta);
	int r = 0;

	if (is_foreign && !t->record && fchown(fd, meta->uid, meta->gid) < 0)
		return tree_chown_failed(meta, e);
	/* after chown, which takes the setuid bits away */
	if (meta->mode != plain_mode && fchmod(fd, meta->mode) < 0)
		return err_sys(e, "set mode %04o", (unsigned)meta->mode);
	if (device || (is_foreign && t->record))
		r = record_owner(fd, meta, device, e);
	return r;
}

static int by_path_down(const void *a, const void *b)
{
	const struct map_entry *const *x = a;
	const struct map_entry *const *y = b;

	return strcmp((*y)->key, (*x)->key);
}

static int finish_dir(struct tree *t, const struct map_entry *entry,
		      struct err *e)
{
	const struct tree_meta *meta = entry->value;
	struct timespec times[2] = { meta->mtime, meta->mtime };
	struct err why = ERR_INIT;
	const char *base;
	AUTO_FD int fd = -1;
	int parent, r;

	parent = tree_parent(t, entry->key, false, &base, &why);
	if (parent == -ENOENT || parent == -ENOTDIR)
		return 0;	/* replaced by a later entry */
	if (parent < 0)
		return err_move(e, &why);
	fd = openat(parent, *base ? base : ".",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 :
			err_sys(e, "open directory '%s'", entry->key);
	r = tree_apply(t, fd, meta, (mode_t)-1, NULL, e);
	if (r < 0)
		return err_ctx(e, r, "'%s'", entry->key);
	if (futimens(fd, times) < 0)
		return err_sys(e, "set time of '%s'", entry->key);
	return 0;
}

int tree_finish(struct tree *t, struct err *e)
{
	size_t len = t->dirs.len;
	AUTO_FREE const struct map_entry **order = NULL;
	int r = 0;

	order = mem_zero(len + 1, sizeof(*order));
	for (size_t i = 0; i < len; i++)
		order[i] = &t->dirs.entries[i];
	/* what is inside a directory comes before it */
	qsort(order, len, sizeof(*order), by_path_down);
	for (size_t i = 0; i < len && r == 0; i++)
		r = finish_dir(t, order[i], e);
	return r;
}
