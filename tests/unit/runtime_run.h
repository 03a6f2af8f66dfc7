/* runtime_run.h - for tests: a whole container of runtime_box.h, through the
 * real code.  The program begins with box_main().
 */
#pragma once

#include "tests/unit/test.h"

#include <sched.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/runtime/exec.h"
#include "lib/runtime/start.h"
#include "tests/unit/runtime_box.h"

static char root[64];
static struct idmap map;
static bool has_range;
static char own_copy[128];		/* our program, owned by ourselves */

#define BUSYBOX "/bin/busybox"

struct box {
	struct spec spec;
	struct plan_options opt;
	struct buf plan;
	struct rt_args args;
	struct rt_container c;
	struct buf out;			/* what it printed */
	int status;
	pid_t first_pid;
};

static inline void box_begin(struct box *b, const char *script)
{
	const struct rt_args args = RT_ARGS_INIT;
	const struct rt_container c = RT_CONTAINER_INIT;

	memset(b, 0, sizeof(*b));
	box_spec(&b->spec);
	box_options(&b->opt, &map, root);
	buf_init(&b->plan, MAX_PLAN);
	buf_init(&b->out, MIB(1));
	b->args = args;
	b->c = c;
	if (script) {
		strv_add(&b->spec.process.args, "sh");
		strv_add(&b->spec.process.args, "-c");
		strv_add(&b->spec.process.args, script);
	}
}

static inline void box_end(struct box *b)
{
	rt_abort(&b->c);
	fd_auto(&b->args.plan_fd);
	spec_clear(&b->spec);
	buf_clear(&b->plan);
	buf_clear(&b->out);
}

static inline int box_compile(struct box *b, struct err *e)
{
	int r = plan_compile(&b->plan, &b->spec, &b->opt, e);

	if (r == 0)
		r = plan_check(b->plan.data, b->plan.len, e);
	return r;
}

static inline int box_start(struct box *b, int out, struct err *e)
{
	int r;

	b->args.plan_fd = fd_sealed("plan", b->plan.data, b->plan.len, e);
	assert_true(b->args.plan_fd >= 0);
	b->args.plan = b->plan.data;
	b->args.plan_len = b->plan.len;
	b->args.stdio[1] = out;
	b->args.stdio[2] = out;
	r = rt_start(&b->c, &b->args, e);
	return r < 0 ? r : rt_go(&b->c, &b->args, e);
}

static inline void read_all(int fd, struct buf *out)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		(void)buf_add(out, chunk, (size_t)n);
}

static inline void box_wait(struct box *b)
{
	int status = 0;

	assert_int_equal(waitpid(b->c.pid, &status, 0), b->c.pid);
	b->first_pid = b->c.pid;
	b->c.pid = -1;
	b->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All of it: output and exit status, or the error of the start. */
static inline int box_run(struct box *b, struct err *e)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	int r = box_compile(b, e);

	assert_int_equal(fd_pipe(&p, e), 0);
	if (r == 0)
		r = box_start(b, p.b, e);
	fd_auto(&p.b);
	read_all(p.a, &b->out);
	if (r == 0)
		box_wait(b);
	return r;
}

/* The script must print exactly this and end with status 0. */
static inline void expect(struct box *b, const char *text)
{
	struct err e = ERR_INIT;

	if (box_run(b, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(b->out.data, text);
	assert_int_equal(b->status, 0);
	box_end(b);
}

static inline void says(const char *script, const char *text)
{
	struct box b;

	box_begin(&b, script);
	expect(&b, text);
}

static inline bool box_write(const char *name, const char *text)
{
	char path[64];
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* For a child: root of a user namespace of its own with a single id, and of
 * more new namespaces. */
static inline bool box_become_root(int flags)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER | flags) == 0 && box_write("setgroups", "deny") &&
	       box_write("uid_map", uids) && box_write("gid_map", gids);
}

/* Of such a root: in its own user namespace. */
static inline void box_begin_as_root(struct box *b, const char *script)
{
	box_begin(b, script);
	b->opt.idmap = NULL;
	b->spec.ns[SPEC_NS_USER].set = false;
	b->spec.mount_count = 1;	/* /proc; other owners cannot be had */
	b->spec.masked_paths.len = 0;
	b->spec.readonly_paths.len = 0;
}

/* b's process, as it is now, once more in the running container. */
static inline int box_exec(struct box *b, const struct plan_exec_options *more,
			   struct buf *out, struct err *e)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct rt_exec_args a = RT_EXEC_ARGS_INIT;
	struct plan_exec_options o = *more;
	struct rt_process process;
	int r, status = 0;

	o.idmap = &map;
	o.join_flags = plan_join_flags(b->plan.data);
	o.deny_setgroups = plan_denies_setgroups(b->plan.data);
	r = plan_compile_exec(&plan, &b->spec.process, &o, e);
	if (r == 0)
		r = plan_check(plan.data, plan.len, e);
	if (r == 0)
		r = fd_pipe(&p, e);
	if (r < 0)
		return r;
	a.plan = plan.data;
	a.plan_len = plan.len;
	a.init_pidfd = b->c.pidfd;
	a.exe_fd = b->c.exe_fd;
	a.stdio[1] = a.stdio[2] = p.b;
	r = rt_exec(&process, &a, e);
	if (r < 0)
		return r;
	fd_auto(&p.b);
	read_all(p.a, out);
	assert_int_equal(waitpid(process.pid, &status, 0), process.pid);
	fd_auto(&process.pidfd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- the root file system --- */

static inline int copy_file(const char *from, const char *to)
{
	AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_FD int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct err e = ERR_INIT;

	return in < 0 || out < 0 ? -1 : fs_copy_data(out, in, UINT64_MAX, &e);
}

static inline int make_root(void **state)
{
	static const char *const dirs[] = {
		"bin", "dev", "etc", "mnt", "proc", "sys", "tmp",
	};
	static const char *const tools[] = {
		"sh", "ls", "cat", "grep", "hostname", "sleep", "id", "tty", "stty",
		"cut", "readlink", "umask", "uname", "head", "mkdir", "rmdir", "ionice",
		"ip",
	};
	char path[128];

	(void)state;
	has_range = box_map(&map);
	snprintf(root, sizeof(root), "/tmp/rt-test-XXXXXX");
	(void)umask(022);
	if (!mkdtemp(root) || chmod(root, 0755) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		snprintf(path, sizeof(path), "%s/bin/%s", root, tools[i]);
		if (symlink("busybox", path) < 0)
			return -1;
	}
	snprintf(path, sizeof(path), "%s/etc/resolv.conf", root);
	if (symlink("/run/x/resolv.conf", path) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/link", root);
	if (symlink("/proc/self/fd/4", path) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/plink", root);
	if (symlink("/proc", path) < 0)
		return -1;
	snprintf(own_copy, sizeof(own_copy), "%s.program", root);
	snprintf(path, sizeof(path), "%s/bin/busybox", root);
	return copy_file(BUSYBOX, path) < 0 || copy_file("/proc/self/exe", own_copy) < 0;
}

static inline int drop_root(void **state)
{
	struct err e = ERR_INIT;
	AUTO_FD int tmp = fs_open_dir(AT_FDCWD, "/tmp", &e);

	(void)state;
	(void)unlink(own_copy);
	return tmp < 0 ? tmp : fs_rmtree(tmp, strrchr(root, '/') + 1, &e);
}

static inline bool can_run(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	return status == 0 && access(BUSYBOX, X_OK) == 0;
}

/* What main() of such a test is. */
#define box_main(name, tests, argc, argv)					\
	(rt_inner(argc, argv), can_run() ?					\
	 cmocka_run_group_tests_name(name, tests, make_root, drop_root) :	\
	 (printf("1..0 # SKIP no user namespace, or no " BUSYBOX "\n"), 0))
