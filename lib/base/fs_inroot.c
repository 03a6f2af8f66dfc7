/* Lookups below a root: openat2, or a walk by descriptors on old kernels. */
#include "lib/base/fs.h"

#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_LINKS 40
#define RETRY_NS (10 * NS_PER_MS)

static int openat2_retry(int root_fd, const char *path, uint64_t flags,
			 mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve,
	};
	uint64_t end = 0;
	long fd;

	for (;;) {
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			return fd < 0 ? -errno : (int)fd;
		if (!end)
			end = clock_mono_ns() + RETRY_NS;
		else if (clock_mono_ns() > end)
			return -EAGAIN;
	}
}

/* The walk of old kernels.  stack holds one descriptor per directory on the
 * way, the root first, so that ".." is a pop and never a lookup.  What a name
 * is, is asked of what it was opened as, so that a tree that changes under us
 * can lead to an error, but not out. */
struct walk {
	int stack[MAX_DEPTH + 1];
	size_t depth;			/* stack[0..depth] are open */
	unsigned links;
	bool beneath;
	int flags;
	mode_t mode;
	char todo[2 * MAX_PATH];	/* what is still to be resolved */
};

static void walk_pop_all(struct walk *w)
{
	while (w->depth)
		fd_auto(&w->stack[w->depth--]);
}

static int walk_up(struct walk *w)
{
	if (w->depth)
		fd_auto(&w->stack[w->depth--]);
	else if (w->beneath)
		return -EXDEV;
	return 0;
}

/* Those of /proc but the ones at its root lead where no name does. */
static bool is_magic_link(const struct walk *w)
{
	int dir = w->stack[w->depth];
	struct statfs fs;
	struct stat st;

	return fstatfs(dir, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
	       !(fstat(dir, &st) == 0 && st.st_ino == 1);
}

/* Puts the text of a link in front of what is to be resolved. */
static int walk_link(struct walk *w, int link, const char *rest)
{
	char text[MAX_PATH + 1];
	char joined[2 * MAX_PATH];
	ssize_t n = readlinkat(link, "", text, MAX_PATH);
	int len;

	if (n < 0)
		return -errno;
	if (++w->links > MAX_LINKS || is_magic_link(w))
		return -ELOOP;
	text[n] = '\0';
	if (text[0] == '/') {
		if (w->beneath)
			return -EXDEV;
		walk_pop_all(w);
	}
	len = snprintf(joined, sizeof(joined), "%s%s", text, rest);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(w->todo, joined, (size_t)len + 1);
	return 0;
}

static int walk_open(const struct walk *w, const char *name, int flags)
{
	int fd = openat(w->stack[w->depth], name, flags | O_CLOEXEC, w->mode);

	return fd < 0 ? -errno : fd;
}

/* A name on the way, or a link at its end.  rest begins with a slash unless it
 * is empty. */
static int walk_through(struct walk *w, const char *name, const char *rest)
{
	AUTO_FD int fd = walk_open(w, name, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return walk_link(w, fd, rest);
	if (!S_ISDIR(st.st_mode))	/* at the end it was a link just now */
		return *rest || (w->flags & O_DIRECTORY) ? -ENOTDIR : -EAGAIN;
	if (w->depth == MAX_DEPTH)
		return -ELOOP;
	w->stack[++w->depth] = take_fd(&fd);
	memmove(w->todo, rest, strlen(rest) + 1);
	return 0;
}

/* The last name; 1 means that *out is the answer. */
static int walk_last(struct walk *w, const char *name, int *out)
{
	int flags = w->flags | O_NOFOLLOW;
	struct stat st;
	int fd;

	/* A link would be opened as itself by O_PATH, and by nothing else. */
	fd = walk_open(w, name, flags);
	if (fd == -ELOOP || (fd == -ENOTDIR && (w->flags & O_DIRECTORY)))
		return w->flags & O_NOFOLLOW ? fd : walk_through(w, name, "");
	if (fd < 0)
		return fd;
	if ((flags & O_PATH) && !(w->flags & O_NOFOLLOW) && fstat(fd, &st) == 0 &&
	    S_ISLNK(st.st_mode)) {
		int r = walk_link(w, fd, "");

		fd_auto(&fd);
		return r;
	}
	*out = fd;
	return 1;
}

/* One component; 1 means that *fd is the answer. */
static int walk_step(struct walk *w, int *fd)
{
	char name[MAX_COMPONENT + 1];
	char rest[2 * MAX_PATH];
	const char *p = w->todo + strspn(w->todo, "/");
	size_t len = strcspn(p, "/");

	if (len == 0) {
		*fd = walk_open(w, ".", w->flags & ~(O_NOFOLLOW | O_CREAT));
		return *fd < 0 ? *fd : 1;
	}
	if (len > MAX_COMPONENT)
		return -ENAMETOOLONG;
	memcpy(name, p, len);
	name[len] = '\0';
	(void)str_copy(rest, sizeof(rest), p + len);
	if (!*rest && !str_eq(name, ".") && !str_eq(name, ".."))
		return walk_last(w, name, fd);
	memcpy(w->todo, rest, strlen(rest) + 1);
	if (str_eq(name, "."))
		return 0;
	return str_eq(name, "..") ? walk_up(w) : walk_through(w, name, rest);
}

static int open_by_walk(int root_fd, const char *path, int flags, mode_t mode,
			bool beneath)
{
	struct walk *w = mem_new(struct walk);
	uint64_t end = clock_mono_ns() + RETRY_NS;
	int fd = -1;
	int r;

	w->stack[0] = root_fd;
	w->beneath = beneath;
	w->flags = flags;
	w->mode = flags & O_CREAT ? mode : 0;
	if (!*path || !str_copy(w->todo, sizeof(w->todo), path))
		r = *path ? -ENAMETOOLONG : -ENOENT;
	else if (beneath && path[0] == '/')
		r = -EXDEV;
	else
		do
			r = walk_step(w, &fd);
		while (r == 0 || (r == -EAGAIN && clock_mono_ns() < end));
	walk_pop_all(w);
	free(w);
	return r < 0 ? r : fd;
}

static int open_below(int root_fd, const char *path, int flags, mode_t mode,
		      bool beneath, struct err *e)
{
	uint64_t resolve = RESOLVE_NO_MAGICLINKS |
			   (beneath ? RESOLVE_BENEATH : RESOLVE_IN_ROOT);
	int fd = openat2_retry(root_fd, path, (uint64_t)flags, mode, resolve);

	/* until Linux 5.6 is the minimum; sandboxes answer EPERM */
	if (fd == -ENOSYS || fd == -EPERM)
		fd = open_by_walk(root_fd, path, flags, mode, beneath);
	return fd < 0 ? err_ret(e, fd, "open '%s'", path) : fd;
}

int fs_open_inroot(int root_fd, const char *path, int flags, mode_t mode,
		   struct err *e)
{
	return open_below(root_fd, path, flags, mode, false, e);
}

int fs_open_beneath(int root_fd, const char *path, int flags, mode_t mode,
		    struct err *e)
{
	return open_below(root_fd, path, flags, mode, true, e);
}

int fs_mkdirs_inroot(int root_fd, const char *path, mode_t mode, uid_t uid,
		     gid_t gid, struct err *e)
{
	char prefix[MAX_PATH];
	struct err missing = ERR_INIT;
	int fd = fs_open_inroot(root_fd, path, O_PATH | O_DIRECTORY, 0, &missing);
	AUTO_FD int parent = -1;
	const char *slash;
	size_t len = strlen(path);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_move(e, &missing);
	while (len && path[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(prefix))
		return err_set(e, EINVAL, "make directory '%s'", path);
	memcpy(prefix, path, len);
	prefix[len] = '\0';
	slash = strrchr(prefix, '/');
	if (!str_is_component(slash ? slash + 1 : prefix))
		return err_set(e, EINVAL, "make directory '%s': bad name", path);
	if (slash) {
		prefix[slash - prefix] = '\0';
		parent = fs_mkdirs_inroot(root_fd, *prefix ? prefix : "/", mode,
					  uid, gid, e);
	} else {
		parent = fs_open_inroot(root_fd, ".", O_PATH | O_DIRECTORY, 0, e);
	}
	if (parent < 0)
		return parent;
	slash = slash ? slash + 1 : prefix;
	if (mkdirat(parent, slash, mode) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make directory '%s'", path);
		/* Somebody else made it just now, or it is something else. */
		fd = openat(parent, slash, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? err_set(e, ENOTDIR, "'%s' is not a directory", path) : fd;
	}
	fd = openat(parent, slash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open directory '%s'", path);
	if (fchmod(fd, mode) < 0 ||
	    ((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(fd, uid, gid) < 0)) {
		int r = err_sys(e, "make directory '%s'", path);

		fd_auto(&fd);
		return r;
	}
	return fd;
}
