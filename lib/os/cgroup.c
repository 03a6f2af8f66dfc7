#include "lib/os/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/cgfile.h"
#include "lib/os/cgroup_stats.h"

#define FREEZE_NS (2 * NS_PER_S)
#define REMOVE_NS (NS_PER_S / 4)
#define MAX_FILE 4096
#define MAX_PROCS MIB(1)

static const char *const wanted[] = {
	"cpu", "cpuset", "dmem", "hugetlb", "io", "memory", "misc", "pids", "rdma",
};

void cgroup_tree_auto(struct cgroup_tree *t)
{
	fd_auto(&t->fd);
}

int cgroup_tree_open(struct cgroup_tree *out, struct err *e)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs sf;

		if (fd >= 0 && fstatfs(fd, &sf) == 0 && sf.f_type == CGROUP2_SUPER_MAGIC) {
			out->fd = fd;
			(void)str_copy(out->mount, sizeof(out->mount), places[i]);
			return 0;
		}
		fd_auto(&fd);
	}
	return err_set(e, ENOENT, "no cgroup v2 tree is mounted");
}

int cgroup_of(pid_t pid, char out[static CGROUP_PATH_MAX], struct err *e)
{
	char path[64], text[MAX_FILE];
	ssize_t len;
	int r;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	else
		(void)snprintf(path, sizeof(path), "/proc/self/cgroup");
	r = fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, e);
	return r < 0 ? r : cgfile_v2_path(text, out, CGROUP_PATH_MAX, e);
}

static int check_path(const char *path, struct err *e)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len >= CGROUP_PATH_MAX || strstr(path, "/../") ||
	    str_ends(path, "/..") || strstr(path, "//"))
		return err_set(e, EINVAL, "bad cgroup '%s'", path);
	return 0;
}

/* "/" is the tree's top itself. */
static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

int cgroup_open(const struct cgroup_tree *t, const char *path, struct err *e)
{
	int r = check_path(path, e);

	if (r < 0)
		return r;
	r = fs_open_beneath(t->fd, below(path), O_RDONLY | O_DIRECTORY, 0, e);
	return r < 0 ? err_ctx(e, r, "cgroup '%s'", path) : r;
}

int cgroup_open_path(const char *path, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	int r = cgroup_tree_open(&tree, e);

	return r < 0 ? r : cgroup_open(&tree, path, e);
}

bool cgroup_is_delegated(const struct cgroup_tree *t, const char *path)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = cgroup_open(t, path, &ignored);

	return fd >= 0 && faccessat(fd, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0 &&
	       faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) == 0;
}

/* Cuts a path down to what it has in common with another. */
static void cut_to_common(char *path, const char *other)
{
	size_t last = 0;

	for (size_t i = 0;; i++) {
		bool ends = !path[i] || path[i] == '/', other_ends = !other[i] || other[i] == '/';

		if (ends && other_ends)
			last = i;
		if (!path[i] || path[i] != other[i])
			break;
	}
	path[last ? last : 1] = '\0';
}

bool cgroup_can_reach(const struct cgroup_tree *t, const char *path)
{
	char common[CGROUP_PATH_MAX];
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = -1;

	if (cgroup_of(0, common, &ignored) < 0)
		return false;
	cut_to_common(common, path);
	fd = cgroup_open(t, common, &ignored);
	return fd >= 0 && faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

/* The top of the tree has no type, and may hold processes besides cgroups. */
static bool has_processes(int fd)
{
	char text[16];
	struct err ignored = ERR_INIT;
	ssize_t len = 0;

	return faccessat(fd, "cgroup.type", F_OK, 0) == 0 &&
	       (fs_read_small(fd, "cgroup.procs", text, sizeof(text), &len, &ignored) < 0 || len);
}

bool cgroup_can_hold(int fd)
{
	char type[32];
	struct err ignored = ERR_INIT;
	ssize_t len;

	return fs_read_small(fd, "cgroup.type", type, sizeof(type), &len, &ignored) < 0 ||
	       str_eq(type, "domain\n");
}

/* One by one: those that are not available do not spoil the others.  Not
 * beside processes: there some controllers are refused, and the others would
 * make the directory threaded, with no place for processes below it. */
static void enable_controllers(int fd)
{
	char have[MAX_FILE], on[MAX_FILE];
	struct err ignored = ERR_INIT;
	ssize_t len;

	if (has_processes(fd) ||
	    fs_read_small(fd, "cgroup.controllers", have, sizeof(have), &len, &ignored) < 0 ||
	    fs_read_small(fd, "cgroup.subtree_control", on, sizeof(on), &len, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		char text[16];
		struct err e = ERR_INIT;

		if (!cgfile_has(have, wanted[i]) || cgfile_has(on, wanted[i]))
			continue;
		(void)snprintf(text, sizeof(text), "+%s", wanted[i]);
		(void)!fs_write_small(fd, "cgroup.subtree_control", text, &e);
	}
}

/* The directory; the last one is made in any case. */
static int walk(const struct cgroup_tree *t, const char *path, bool enable_all, struct err *e)
{
	char name[CGROUP_PATH_MAX];
	AUTO_FD int at = -1;
	int r = check_path(path, e);

	if (r < 0)
		return r;
	at = openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_sys(e, "cgroup '%s'", path);
	for (const char *p = path + 1; *p;) {
		size_t len = strcspn(p, "/");
		int next;

		memcpy(name, p, len);
		name[len] = '\0';
		p += len + (p[len] == '/');
		if (enable_all)
			enable_controllers(at);
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno == ENOENT) {
			enable_controllers(at);
			if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
				return err_sys(e, "cgroup '%s'", path);
			next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		if (next < 0)
			return err_sys(e, "cgroup '%s'", path);
		fd_auto(&at);
		at = next;
	}
	return take_fd(&at);
}

int cgroup_create(const struct cgroup_tree *t, const char *path, struct err *e)
{
	return walk(t, path, false, e);
}

static int check_free(int fd, const char *path, struct err *e)
{
	if (!cgroup_can_hold(fd))
		return err_set(e, EOPNOTSUPP, "cgroup '%s': it is threaded", path);
	if (cgroup_is_populated(fd))
		return err_set(e, EBUSY, "cgroup '%s': processes are in it", path);
	/* Also when the one above is. */
	if (cgroup_figure(fd, "cgroup.events", "frozen", 0))
		return err_set(e, EBUSY, "cgroup '%s': it is frozen", path);
	return 0;
}

int cgroup_check_free(const struct cgroup_tree *t, const char *path, struct err *e)
{
	struct err missing = ERR_INIT;
	AUTO_FD int fd = -1;

	if (str_eq(path, "/"))
		return err_set(e, EINVAL, "cgroup '/': not for one container");
	fd = cgroup_open(t, path, &missing);
	if (fd == -ENOENT)
		return 0;
	return fd < 0 ? err_move(e, &missing) : check_free(fd, path, e);
}

int cgroup_claim(const struct cgroup_tree *t, const char *path, struct err *e)
{
	AUTO_FD int fd = walk(t, path, true, e);
	int r = fd < 0 ? fd : check_free(fd, path, e);

	return r < 0 ? r : take_fd(&fd);
}

void cgroup_give(int fd, uid_t uid, gid_t gid)
{
	static const char spare[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
	char list[MAX_FILE], *state = NULL;
	struct err unknown = ERR_INIT;

	if (fs_read_small(AT_FDCWD, "/sys/kernel/cgroup/delegate", list, sizeof(list), NULL,
			  &unknown) < 0)
		(void)str_copy(list, sizeof(list), spare);
	(void)!fchown(fd, uid, gid);
	for (char *name = strtok_r(list, "\n", &state); name; name = strtok_r(NULL, "\n", &state))
		(void)!fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/* --- processes --- */

int cgroup_move(int fd, pid_t pid, struct err *e)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return fs_write_small(fd, "cgroup.procs", text, e);
}

void cgroup_thaw(int fd)
{
	struct err ignored = ERR_INIT;

	(void)!fs_write_small(fd, "cgroup.freeze", "0", &ignored);
}

bool cgroup_is_frozen(int fd)
{
	return cgroup_figure(fd, "cgroup.freeze", NULL, 0);
}

int cgroup_freeze(int fd, bool on, struct err *e)
{
	AUTO_FD int events = -1;
	uint64_t end = clock_mono_ns() + FREEZE_NS;
	int r = fs_write_small(fd, "cgroup.freeze", on ? "1" : "0", e);

	if (r < 0)
		return r;
	events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	while (cgroup_figure(fd, "cgroup.events", "frozen", on) != on) {
		struct pollfd p = { .fd = events, .events = POLLPRI };

		if (clock_mono_ns() > end) {
			/* Never left in between (RELIABILITY A5). */
			if (on)
				cgroup_thaw(fd);
			return err_set(e, ETIMEDOUT, "cgroup: does not %s",
				       on ? "freeze" : "thaw");
		}
		(void)poll(&p, 1, 20);
	}
	return 0;
}

/* --- all processes of a subtree --- */

struct signalling {
	int signal;
	unsigned depth;
};

static int signal_here(int fd, int sig, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_PROCS);
	char *state = NULL;
	int r = fs_read(fd, "cgroup.procs", &text, e);

	for (char *line = strtok_r(text.data, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		struct err none = ERR_INIT;
		uint64_t pid;

		/* 0 is one of another pid namespace; nobody means our init. */
		if (num_u64(line, 2, INT32_MAX, &pid, &none) == 0)
			(void)kill((pid_t)pid, sig);
	}
	return r;
}

static int signal_below(int dirfd, const char *name, unsigned char type, void *arg,
			struct err *e)
{
	struct signalling s = *(struct signalling *)arg;
	struct err gone = ERR_INIT;
	AUTO_FD int fd = -1;

	if (type != DT_DIR || ++s.depth > MAX_JSON_DEPTH)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Processes of threads are in the list of the cgroup above. */
	if (fd < 0 || signal_here(fd, s.signal, &gone) < 0)
		return 0;
	return fs_each(fd, signal_below, &s, e);
}

int cgroup_signal(int fd, int sig, struct err *e)
{
	struct signalling s = { .signal = sig };
	bool was_frozen = cgroup_is_frozen(fd);
	struct err ignored = ERR_INIT;
	int r;

	/* So that none is born meanwhile; without it, few are missed. */
	if (!was_frozen && cgroup_freeze(fd, true, &ignored) < 0)
		err_clear(&ignored);
	r = signal_here(fd, sig, e);
	if (r == 0)
		r = fs_each(fd, signal_below, &s, e);
	if (!was_frozen)
		cgroup_thaw(fd);
	return r;
}

int cgroup_kill(int fd, struct err *e)
{
	struct err w = ERR_INIT;
	int r = fs_write_small(fd, "cgroup.kill", "1", &w);

	if (r != -ENOENT)
		return r < 0 ? err_move(e, &w) : 0;
	/* until Linux 5.14 is the minimum */
	return cgroup_signal(fd, SIGKILL, e);
}

/* --- the end --- */

/* Processes that were killed are there until they have ended. */
static int remove_dir(int dirfd, const char *name, int fd, struct err *e)
{
	uint64_t end = clock_mono_ns() + REMOVE_NS;

	while (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		if (errno != EBUSY || clock_mono_ns() > end)
			return err_sys(e, "remove cgroup '%s'", name);
		(void)poll(NULL, 0, 1);
		cgroup_await_empty(fd, REMOVE_NS);
	}
	return 0;
}

static int remove_child(int dirfd, const char *name, unsigned char type, void *arg,
			struct err *e)
{
	AUTO_FD int fd = -1;
	unsigned depth = *(unsigned *)arg + 1;
	int r = 0;

	if (type != DT_DIR || depth > MAX_JSON_DEPTH)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		r = fs_each(fd, remove_child, &depth, e);
	return r < 0 ? r : remove_dir(dirfd, name, fd, e);
}

int cgroup_remove(const struct cgroup_tree *t, const char *path, struct err *e)
{
	struct err missing = ERR_INIT;
	AUTO_FD int fd = cgroup_open(t, path, &missing);
	unsigned depth = 0;
	int r;

	if (fd == -ENOENT) {
		err_clear(&missing);
		return 0;
	}
	if (fd < 0)
		return err_move(e, &missing);
	r = fs_each(fd, remove_child, &depth, e);
	return r < 0 ? r : remove_dir(t->fd, below(path), fd, e);
}

int cgroup_remove_open(const struct cgroup_tree *t, int fd, struct err *e)
{
	char name[32], path[CGROUP_PATH_MAX + sizeof(t->mount)];
	size_t top = strlen(t->mount);
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(e, "path of a cgroup");
	path[n] = '\0';
	if (!str_starts(path, t->mount) || path[top] != '/')
		return err_set(e, EINVAL, "'%s' is no cgroup below '%s'", path, t->mount);
	return cgroup_remove(t, path + top, e);
}

bool cgroup_is_populated(int fd)
{
	return cgroup_figure(fd, "cgroup.events", "populated", 0) == 1;
}

void cgroup_await_empty(int fd, uint64_t timeout_ns)
{
	AUTO_FD int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	uint64_t end = clock_mono_ns() + timeout_ns;

	while (cgroup_is_populated(fd) && clock_mono_ns() < end) {
		struct pollfd p = { .fd = events, .events = POLLPRI };

		/* A change before the poll is not seen by it: look again. */
		(void)poll(&p, 1, 5);
	}
}
