#include "lib/ctr/reset.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"
#include "lib/ctr/client.h"
#include "lib/ctr/stop.h"
#include "lib/os/enter.h"
#include "lib/store/store.h"
#include "rootless/idmap.h"

#define LOCK_NS (10 * NS_PER_S)
#define LOOK_MS 20
#define SHIM_MS 5000

/* --- what runs --- */

static int end_one(int dirfd, const char *name, unsigned char type UNUSED, void *arg UNUSED,
		   struct err *e)
{
	AUTO_FD int run = fs_open_dir(dirfd, name, e);
	AUTO_FD int shim = -1;
	struct shim_page page;
	enum client_health health;
	struct err gone = ERR_INIT;
	int r;

	/* No directory of a container's, or one that is damaged: nothing runs. */
	if (run < 0 || client_look(run, &page, &health, e) < 0 ||
	    (health != CLIENT_SERVED && health != CLIENT_ORPHAN)) {
		err_clear(e);
		return 0;
	}
	shim = proc_id_open(&page.shim, &gone);
	r = ctr_kill_init(&page, e);
	/* It writes down how that ended. */
	if (shim >= 0)
		(void)!proc_pidfd_wait(shim, SHIM_MS);
	return r;
}

static int end_namespace(int dirfd, const char *name, unsigned char type, void *arg,
			 struct err *e)
{
	AUTO_FD int fd = type == DT_DIR ? fs_open_dir(dirfd, name, e) : -1;

	err_clear(e);
	return fd < 0 ? 0 : fs_each(fd, end_one, arg, e);
}

/* --- what is there --- */

struct removal {
	struct ctr_env *env;
	bool is_root;			/* the lock stays, and the mark until the end */
};

static int remove_tree(struct ctr_env *env, int dirfd, const char *name, struct err *e)
{
	struct enter_opts o = { .map = NULL };
	struct ids ids;
	int r = fs_rmtree(dirfd, name, e);

	if (r != -EPERM && r != -EACCES)
		return r;
	/* Files of mapped ids. */
	err_clear(e);
	r = ctr_ids(env, NULL, &ids, e);
	o.map = &ids.map;
	return r < 0 ? r : enter_rmtree(&o, dirfd, name, e);
}

static int remove_entry(int dirfd, const char *name, unsigned char type UNUSED, void *arg,
			struct err *e)
{
	const struct removal *w = arg;

	if (w->is_root && (str_eq(name, "lock") || str_eq(name, STORE_RESETTING)))
		return 0;
	return remove_tree(w->env, dirfd, name, e);
}

/* path NULL, or a directory that is missing: done. */
static int empty(struct ctr_env *env, const char *path, fs_each_fn *first, struct err *e)
{
	struct removal w = { .env = env };
	AUTO_FD int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r;

	if (fd < 0)
		return 0;
	r = fs_check_private(fd, path, e);
	if (r == 0 && first)
		r = fs_each(fd, first, NULL, e);
	return r < 0 ? r : fs_each(fd, remove_entry, &w, e);
}

/* Alone: who waits for the lock then finds no store and makes a new one. */
static int lock(int root, struct err *e)
{
	AUTO_FD int fd = openat(root, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint64_t end = clock_mono_ns() + LOCK_NS;

	if (fd < 0)
		return err_sys(e, "open the store's lock");
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(e, "lock the store");
		if (clock_mono_ns() > end)
			return err_hint(e, err_set(e, EBUSY, "the store is in use"), "store.busy");
		(void)poll(NULL, 0, LOOK_MS);
	}
	return take_fd(&fd);
}

/* Of a store in two places. */
static int remove_split(struct ctr_env *env, int root, struct err *e)
{
	char path[MAX_PATH];
	ssize_t len;
	int r;

	if (fs_read_small(root, "split", path, sizeof(path), &len, e) < 0) {
		err_clear(e);
		return 0;
	}
	path[strcspn(path, "\n")] = '\0';
	if (path[0] != '/')
		return 0;
	r = empty(env, path, NULL, e);
	/* With the directory that stores of this kind share, when it is the last. */
	for (int i = 0; r == 0 && i < 2; i++) {
		(void)rmdir(path);
		*strrchr(path, '/') = '\0';
	}
	return r;
}

static int remove_store(struct ctr_env *env, struct err *e)
{
	static const char *const first[] = { "meta.db", "meta.db-wal", "meta.db-shm" };
	struct err ignored = ERR_INIT;
	struct removal w = { .env = env, .is_root = true };
	AUTO_FD int root = open(env->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int held = -1;
	int r;

	if (root < 0 && errno == ENOENT)
		return 0;
	if (root < 0)
		return err_sys(e, "open '%s'", env->data_dir);
	r = fs_check_private(root, env->data_dir, e);
	if (r == 0)
		r = held = lock(root, e);
	/* A full disk has room for the mark. */
	if (r >= 0)
		(void)!fs_rmtree(root, STORE_BALLAST_FILE, &ignored);
	if (r >= 0)
		r = fs_replace(root, STORE_RESETTING, "", 0, 0600, FS_NOSYNC, e);
	/* Without its database it is no store. */
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(first); i++)
		r = remove_tree(env, root, first[i], e);
	if (r >= 0)
		r = remove_split(env, root, e);
	if (r >= 0)
		r = fs_each(root, remove_entry, &w, e);
	return r < 0 ? r : remove_tree(env, root, STORE_RESETTING, e);
}

int ctr_reset(struct ctr_env *env, struct err *e)
{
	int r;

	/* Nothing ends when nothing can be removed. */
	if (access(env->data_dir, W_OK) < 0 && errno == EROFS)
		return err_sys(e, "remove '%s'", env->data_dir);
	r = empty(env, env->run_dir, end_namespace, e);

	if (r == 0)
		r = empty(env, env->run_fallback, end_namespace, e);
	if (r == 0)
		r = remove_store(env, e);
	return r < 0 ? r : empty(env, env->cache_dir, NULL, e);
}
