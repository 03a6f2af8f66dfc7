#include "lib/os/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/cgfile.h"

#define FREEZE_NS (2 * NS_PER_S)
#define MAX_FILE 4096

static const char *const wanted[] = { "cpu", "cpuset", "io", "memory", "pids" };

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

bool cgroup_is_delegated(const struct cgroup_tree *t, const char *path)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = cgroup_open(t, path, &ignored);

	return fd >= 0 && faccessat(fd, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0 &&
	       faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) == 0;
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

int cgroup_create(const struct cgroup_tree *t, const char *path, struct err *e)
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

/* --- limits --- */

struct limit {
	const char *controller;
	const char *file;
	char value[64];
};

static void add_limit(struct limit *l, size_t *n, const char *controller,
		      const char *file, int64_t value)
{
	l[*n].controller = controller;
	l[*n].file = file;
	if (value < 0)
		(void)str_copy(l[*n].value, sizeof(l[*n].value), "max");
	else
		(void)snprintf(l[*n].value, sizeof(l[*n].value), "%lld", (long long)value);
	(*n)++;
}

/* runtime-spec counts memory and swap together, cgroup v2 swap alone. */
static int64_t swap_alone(const struct spec_resources *r)
{
	if (r->memory_swap < 0 || r->memory_limit == SPEC_UNSET || r->memory_limit < 0)
		return r->memory_swap < 0 ? -1 : r->memory_swap;
	return r->memory_swap > r->memory_limit ? r->memory_swap - r->memory_limit : 0;
}

/* 2..262144 to 1..10000, as runc and crun convert. */
static int64_t cpu_weight(int64_t shares)
{
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	return 1 + (shares - 2) * 9999 / 262142;
}

#define MAX_LIMITS 8

static size_t gather(const struct spec_resources *r, struct limit l[MAX_LIMITS])
{
	size_t n = 0;

	memset(l, 0, MAX_LIMITS * sizeof(*l));
	if (r->memory_limit != SPEC_UNSET)
		add_limit(l, &n, "memory", "memory.max", r->memory_limit);
	if (r->memory_reservation != SPEC_UNSET)
		add_limit(l, &n, "memory", "memory.low", r->memory_reservation);
	if (r->memory_swap != SPEC_UNSET)
		add_limit(l, &n, "memory", "memory.swap.max", swap_alone(r));
	if (r->cpu_shares != SPEC_UNSET && r->cpu_shares > 0)
		add_limit(l, &n, "cpu", "cpu.weight", cpu_weight(r->cpu_shares));
	if (r->cpu_quota != SPEC_UNSET || r->cpu_period != SPEC_UNSET) {
		long long period = r->cpu_period == SPEC_UNSET || r->cpu_period <= 0 ?
			100000 : (long long)r->cpu_period;

		add_limit(l, &n, "cpu", "cpu.max",
			  r->cpu_quota == SPEC_UNSET || r->cpu_quota <= 0 ? -1 : r->cpu_quota);
		(void)snprintf(l[n - 1].value + strlen(l[n - 1].value),
			       32, " %lld", period);
	}
	if (r->pids_limit != SPEC_UNSET)
		add_limit(l, &n, "pids", "pids.max", r->pids_limit ? r->pids_limit : -1);
	return n;
}

bool cgroup_wants_limits(const struct spec_resources *r)
{
	struct limit l[MAX_LIMITS];

	return gather(r, l) || r->cpuset_cpus || r->cpuset_mems || r->unified.len;
}

static void note_missing(char *missing, size_t size, const char *controller)
{
	size_t len;

	if (!missing || cgfile_has(missing, controller))
		return;
	len = strlen(missing);
	(void)snprintf(missing + len, size - len, "%s%s", len ? " " : "", controller);
}

/* The controller of "file=value", by its name up to the dot. */
static void controller_of(char *out, size_t size, const char *unified)
{
	(void)snprintf(out, size, "%.*s", (int)strcspn(unified, ".="), unified);
}

void cgroup_name_limits(const struct spec_resources *r, char *out, size_t size)
{
	struct limit l[MAX_LIMITS];
	size_t n = gather(r, l);

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		note_missing(out, size, l[i].controller);
	if (r->cpuset_cpus || r->cpuset_mems)
		note_missing(out, size, "cpuset");
	for (size_t i = 0; i < r->unified.len; i++) {
		char controller[64];

		controller_of(controller, sizeof(controller), r->unified.v[i]);
		note_missing(out, size, controller);
	}
}

static int write_limit(int fd, const char *controller, const char *file,
		       const char *value, bool strict, char *missing, size_t size,
		       struct err *e)
{
	struct err w = ERR_INIT;
	int r = fs_write_small(fd, file, value, &w);

	if (r == -ENOENT || r == -EACCES || r == -EPERM) {
		err_clear(&w);
		/* No swap accounting: there is then nothing to limit. */
		if (str_eq(file, "memory.swap.max") && faccessat(fd, "memory.max", F_OK, 0) == 0)
			return 0;
		if (strict)
			return err_hint(e, err_set(e, EOPNOTSUPP,
				"%s limit: controller '%s' is not delegated",
				controller, controller), "cgroup.controller");
		note_missing(missing, size, controller);
		return 0;
	}
	if (r < 0)
		return err_set(e, -r, "%s limit '%s': %s", controller, value, str_errno(-r));
	return 0;
}

/* "file=value"; the file must be a plain name of a controller's. */
static int write_unified(int fd, const char *text, bool strict, char *missing,
			 size_t size, struct err *e)
{
	char file[MAX_COMPONENT + 1], controller[64];
	const char *eq = strchr(text, '=');
	size_t len = eq ? (size_t)(eq - text) : 0;

	if (!len || len > MAX_COMPONENT)
		return err_set(e, EINVAL, "linux.resources.unified: '%s'", text);
	memcpy(file, text, len);
	file[len] = '\0';
	if (!str_is_component(file) || str_starts(file, "cgroup."))
		return err_set(e, EINVAL, "linux.resources.unified: '%s'", file);
	controller_of(controller, sizeof(controller), file);
	return write_limit(fd, controller, file, eq + 1, strict, missing, size, e);
}

int cgroup_set_limits(int fd, const struct spec_resources *r, bool strict,
		      char *missing, size_t size, struct err *e)
{
	struct limit l[MAX_LIMITS];
	size_t n = gather(r, l);
	int x = 0;

	if (missing && size)
		missing[0] = '\0';
	for (size_t i = 0; x == 0 && i < n; i++)
		x = write_limit(fd, l[i].controller, l[i].file, l[i].value, strict,
				missing, size, e);
	if (x == 0 && r->cpuset_cpus)
		x = write_limit(fd, "cpuset", "cpuset.cpus", r->cpuset_cpus, strict,
				missing, size, e);
	if (x == 0 && r->cpuset_mems)
		x = write_limit(fd, "cpuset", "cpuset.mems", r->cpuset_mems, strict,
				missing, size, e);
	for (size_t i = 0; x == 0 && i < r->unified.len; i++)
		x = write_unified(fd, r->unified.v[i], strict, missing, size, e);
	/* The whole group at once: half a container is of no use. */
	if (x == 0 && r->memory_limit != SPEC_UNSET && r->memory_limit > 0) {
		struct err ignored = ERR_INIT;

		(void)!fs_write_small(fd, "memory.oom.group", "1", &ignored);
	}
	return x;
}

/* --- processes --- */

int cgroup_move(int fd, pid_t pid, struct err *e)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return fs_write_small(fd, "cgroup.procs", text, e);
}

static uint64_t flat_value(int fd, const char *file, const char *key, uint64_t otherwise)
{
	char text[MAX_FILE];
	struct err ignored = ERR_INIT;
	uint64_t value;
	ssize_t len;

	if (fs_read_small(fd, file, text, sizeof(text), &len, &ignored) < 0 ||
	    cgfile_flat(text, key, &value, &ignored) < 0)
		return otherwise;
	return value;
}

static uint64_t one_value(int fd, const char *file)
{
	char text[MAX_FILE];
	struct err ignored = ERR_INIT;
	uint64_t value;
	ssize_t len;

	if (fs_read_small(fd, file, text, sizeof(text), &len, &ignored) < 0 ||
	    cgfile_value(text, &value, &ignored) < 0)
		return UINT64_MAX;
	return value;
}

int cgroup_freeze(int fd, bool on, struct err *e)
{
	AUTO_FD int events = -1;
	uint64_t end = clock_mono_ns() + FREEZE_NS;
	int r = fs_write_small(fd, "cgroup.freeze", on ? "1" : "0", e);

	if (r < 0)
		return r;
	events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	while (flat_value(fd, "cgroup.events", "frozen", on) != on) {
		struct pollfd p = { .fd = events, .events = POLLPRI };

		if (clock_mono_ns() > end) {
			struct err ignored = ERR_INIT;

			/* Never left in between (RELIABILITY A5). */
			if (on)
				(void)!fs_write_small(fd, "cgroup.freeze", "0", &ignored);
			return err_set(e, ETIMEDOUT, "cgroup: does not %s",
				       on ? "freeze" : "thaw");
		}
		(void)poll(&p, 1, 20);
	}
	return 0;
}

int cgroup_kill(int fd, struct err *e)
{
	char text[MAX_FILE];
	ssize_t len;
	struct err w = ERR_INIT;
	int r = fs_write_small(fd, "cgroup.kill", "1", &w);

	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return err_move(e, &w);
	/* until Linux 5.14 is the minimum; again and again, since they fork */
	for (int round = 0; round < 100; round++) {
		r = fs_read_small(fd, "cgroup.procs", text, sizeof(text), &len, e);
		if (r < 0 || len == 0)
			return r;
		for (char *state = NULL, *line = strtok_r(text, "\n", &state); line;
		     line = strtok_r(NULL, "\n", &state)) {
			int pid = 0;

			for (const char *p = line; *p >= '0' && *p <= '9'; p++)
				pid = pid * 10 + (*p - '0');
			if (pid > 1)
				(void)kill(pid, SIGKILL);
		}
	}
	return err_set(e, EBUSY, "cgroup: processes keep appearing");
}

static int remove_child(int dirfd, const char *name, unsigned char type, void *arg,
			struct err *e)
{
	AUTO_FD int fd = -1;
	unsigned depth = *(unsigned *)arg + 1;

	if (type != DT_DIR || depth > MAX_JSON_DEPTH)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		(void)!fs_each(fd, remove_child, &depth, e);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove cgroup '%s'", name);
	return 0;
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
	if (r < 0)
		return r;
	if (unlinkat(t->fd, below(path), AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove cgroup '%s'", path);
	return 0;
}

uint64_t cgroup_oom_kills(int fd)
{
	return flat_value(fd, "memory.events", "oom_kill", 0);
}

bool cgroup_is_populated(int fd)
{
	return flat_value(fd, "cgroup.events", "populated", 0) == 1;
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

void cgroup_read_stats(int fd, struct cgroup_stats *out)
{
	out->memory_bytes = one_value(fd, "memory.current");
	out->memory_limit = one_value(fd, "memory.max");
	out->pids = one_value(fd, "pids.current");
	out->pids_limit = one_value(fd, "pids.max");
	out->cpu_us = flat_value(fd, "cpu.stat", "usage_usec", UINT64_MAX);
}
