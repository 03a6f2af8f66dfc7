/* Lookups below a root: openat2, or a walk by descriptors on old kernels. */
#include "lib/base/fs.h"

#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

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
 * way, the root first, so that ".." is a pop and never a lookup. */
struct walk {
	int stack[MAX_DEPTH + 1];
	size_t depth;			/* stack[0..depth] are open */
	unsigned links;
	bool beneath;
	char todo[2 * MAX_PATH];	/* what is still to be resolved */
};

static void walk_pop_all(struct walk *w)
{
	while (w->depth)
		fd_auto(&w->stack[w->depth--]);
}

static int walk_push(struct walk *w, const char *name)
{
	int fd = openat(w->stack[w->depth], name,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (w->depth == MAX_DEPTH) {
		fd_auto(&fd);
		return -ELOOP;
	}
	w->stack[++w->depth] = fd;
	return 0;
}

/* Puts the text of a link in front of what is to be resolved. */
static int walk_link(struct walk *w, const char *name, const char *rest)
{
	char text[MAX_PATH + 1];
	char joined[2 * MAX_PATH];
	ssize_t n = readlinkat(w->stack[w->depth], name, text, MAX_PATH);
	int len;

	if (n < 0)
		return -errno;
	if (++w->links > MAX_LINKS)
		return -ELOOP;
	text[n] = '\0';
	if (text[0] == '/') {
		if (w->beneath)
			return -EXDEV;
		walk_pop_all(w);
	}
	len = snprintf(joined, sizeof(joined), "%s/%s", text, rest);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(w->todo, joined, (size_t)len + 1);
	return 0;
}

static int walk_open_last(struct walk *w, const char *name, int flags,
			  mode_t mode)
{
	int fd = openat(w->stack[w->depth], name,
			flags | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

/* One component; 1 means that *fd is the answer. */
static int walk_step(struct walk *w, int flags, mode_t mode, int *fd)
{
	char name[MAX_COMPONENT + 1];
	char rest[2 * MAX_PATH];
	const char *p = w->todo + strspn(w->todo, "/");
	size_t len = strcspn(p, "/");
	bool last = p[len + strspn(p + len, "/")] == '\0';
	struct stat st;
	int r;

	if (len == 0 || (last && len == 1 && *p == '.')) {
		*fd = walk_open_last(w, ".", flags & ~O_NOFOLLOW, mode);
		return *fd < 0 ? *fd : 1;
	}
	if (len > MAX_COMPONENT)
		return -ENAMETOOLONG;
	memcpy(name, p, len);
	name[len] = '\0';
	(void)str_copy(rest, sizeof(rest), p + len);

	if (str_eq(name, "..")) {
		if (w->depth)
			fd_auto(&w->stack[w->depth--]);
		else if (w->beneath)
			return -EXDEV;
	} else if (!str_eq(name, ".")) {
		r = fstatat(w->stack[w->depth], name, &st, AT_SYMLINK_NOFOLLOW);
		if (r == 0 && S_ISLNK(st.st_mode) &&
		    !(last && (flags & (O_NOFOLLOW | O_EXCL))))
			return walk_link(w, name, rest);
		if (last) {
			*fd = walk_open_last(w, name, flags, mode);
			return *fd < 0 ? *fd : 1;
		}
		r = walk_push(w, name);
		if (r < 0)
			return r;
	}
	memmove(w->todo, rest, strlen(rest) + 1);
	return 0;
}

static int open_by_walk(int root_fd, const char *path, int flags, mode_t mode,
			bool beneath)
{
	struct walk *w = mem_new(struct walk);
	int fd = -1;
	int r;

	w->stack[0] = root_fd;
	w->beneath = beneath;
	if (!str_copy(w->todo, sizeof(w->todo), path))
		r = -ENAMETOOLONG;
	else if (beneath && path[0] == '/')
		r = -EXDEV;
	else
		do
			r = walk_step(w, flags, mode, &fd);
		while (r == 0);
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
