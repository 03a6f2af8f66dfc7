#include "lib/image/links.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"

/* Of the paths and targets that wait in one layer. */
#define MAX_LINKS_BYTES MIB(64)

/* Without the right to link by descriptor the kernel has to be asked by way of
 * /proc. */
int link_fd(int fd, int parent, const char *base)
{
	char by_proc[32];

	if (linkat(fd, "", parent, base, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT && errno != EPERM)
		return -errno;
	snprintf(by_proc, sizeof(by_proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, by_proc, parent, base, AT_SYMLINK_FOLLOW) < 0 ?
		-errno : 0;
}

int links_add(struct tree *t, const char *path, const char *target,
	      struct err *e)
{
	char *old = map_get(&t->links, path);

	t->links_bytes += strlen(path) + strlen(target) + 2;
	if (t->links_bytes > MAX_LINKS_BYTES)
		return err_set(e, EFBIG, "too many hard links to other layers");
	map_set(&t->links, path, mem_str(target));
	free(old);
	return 0;
}

const char *links_target(const struct tree *t, const char *path)
{
	return map_get(&t->links, path);
}

/* Opens what the layer has at path, O_PATH.  -ENOENT, without text: nothing
 * that a link can be made to yet. */
static int open_target(struct tree *t, const char *path, struct err *e)
{
	struct err why = ERR_INIT;
	AUTO_FD int fd = -1;
	const char *base;
	struct stat st;
	int parent = tree_parent(t, path, false, &base, &why);

	if (parent == -ENOENT || parent == -ENOTDIR)
		return -ENOENT;
	if (parent < 0)
		return err_move(e, &why);
	fd = openat(parent, *base ? base : ".", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open link target '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, EBADMSG, "hard link to a directory, '%s'", path);
	return link_is_waiting(&st) ? -ENOENT : take_fd(&fd);
}

static int settle_one(struct tree *t, const char *path, const char *target,
		      unpack_link_fn *fn, void *arg, struct err *e)
{
	struct err why = ERR_INIT;
	AUTO_FD int fd = -1;
	const char *base;
	struct stat st;
	int parent = tree_parent(t, path, false, &base, &why);
	int r;

	/* another entry took the place */
	if (parent < 0 || fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !link_is_waiting(&st))
		return 0;
	fd = open_target(t, target, e);
	if (fd < 0 && e->code)
		return fd;
	if (fd < 0 && fn)
		return fn(arg, path, target, e);
	parent = tree_parent(t, path, false, &base, e);
	if (parent < 0)
		return parent;
	if (unlinkat(parent, base, 0) < 0)
		return err_sys(e, "remove what stood for a link");
	if (fd < 0)
		return err_set(e, EBADMSG, "hard link to '%s', which is not there", target);
	r = link_fd(fd, parent, base);
	return r < 0 ? err_ret(e, r, "link to '%s'", target) : 0;
}

int links_settle(struct tree *t, unpack_link_fn *fn, void *arg, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < t->links.len && r == 0; i++) {
		const struct map_entry *one = &t->links.entries[i];

		r = settle_one(t, one->key, one->value, fn, arg, e);
		if (r < 0)
			r = err_ctx(e, r, "'%s'", one->key);
	}
	return r;
}

int links_note(int dir_fd, const char *path, const char *target, struct err *e)
{
	AUTO_FD int fd = openat(dir_fd, LINKS_FILE,
				O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return err_sys(e, "create '%s'", LINKS_FILE);
	r = fs_write_all(fd, path, strlen(path) + 1, e);
	return r < 0 ? r : fs_write_all(fd, target, strlen(target) + 1, e);
}
