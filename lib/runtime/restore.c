#include "lib/runtime/checkpoint.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"
#include "lib/os/mount.h"
#include "lib/runtime/images.h"
#include "lib/runtime/init.h"

#define FIRST_FD 10			/* of those that criu inherits */
#define MAX_FDS (CHECKPOINT_STREAMS + 1)
#define ROOT "root"			/* in the container's directory */
#define PID "pid"

struct restoring {
	const struct rt_restore *s;
	struct checkpoint beside;
	struct criu_call call;
	struct proc_fd fds[MAX_FDS];
	int files[CHECKPOINT_STREAMS];
	int net_fd;
};

static void restoring_auto(struct restoring *v)
{
	checkpoint_clear(&v->beside);
	strv_clear(&v->call.args);
	for (int i = 0; i < CHECKPOINT_STREAMS; i++)
		fd_auto(&v->files[i]);
	fd_auto(&v->net_fd);
}

/* --- what criu is told --- */

static int read_beside(struct restoring *v, const char *dir, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, dir, e);
	int r;

	if (fd < 0)
		return fd;
	r = fs_read(fd, CHECKPOINT_FILE, &text, e);
	if (r == 0)
		r = checkpoint_parse(&v->beside, text.data, text.len, e);
	return r < 0 ? err_ctx(e, r, "images in '%s'", dir) : 0;
}

static int add_mounts(struct restoring *v, struct err *e)
{
	AUTO(mount_table) struct mount_table host = MOUNT_TABLE_INIT;
	int r = mount_table_read(&host, getpid(), e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < v->beside.mounts.len; i++) {
		const char *target = v->beside.mounts.v[i];
		AUTO_FREE char *source = images_source(v->s->spec, &host, target);
		AUTO_FREE char *real = source ? realpath(source, NULL) : NULL;

		if (!source)
			return err_set(e, EINVAL, "mount '%s': config.json does not have it",
				       target);
		/* criu would mount a link. */
		if (!real)
			return err_sys(e, "mount '%s': '%s'", target, source);
		strv_addf(&v->call.args, "--external=mnt[%s]:%s", target, real);
	}
	for (size_t i = 0; i < v->beside.devices.len; i++) {
		const char *pair = v->beside.devices.v[i];
		int len = (int)strcspn(pair, "=");

		strv_addf(&v->call.args, "--external=mnt[%.*s]:%s", len, pair, pair + len + 1);
	}
	return 0;
}

static void inherit(struct restoring *v, int fd, const char *name)
{
	size_t n = v->call.fd_count++;

	v->fds[n] = (struct proc_fd){ .from = fd, .to = FIRST_FD + (int)n };
	strv_addf(&v->call.args, "--inherit-fd=fd[%d]:%s", v->fds[n].to, name);
}

/* What were two of one thing stays one: the first stands for both. */
static bool is_again(const struct restoring *v, int n)
{
	for (int i = 0; i < n; i++)
		if (str_eq(v->beside.stdio[i].name, v->beside.stdio[n].name))
			return true;
	return false;
}

/* Pipes and terminals become ours, files are what they were. */
static int add_streams(struct restoring *v, struct err *e)
{
	for (int i = 0; i < CHECKPOINT_STREAMS; i++) {
		const struct checkpoint_stream *s = &v->beside.stdio[i];

		if (!s->name || is_again(v, i))
			continue;
		if (s->path)
			v->files[i] = open(s->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (s->path && v->files[i] < 0)
			return err_sys(e, "descriptor %d: '%s'", i, s->path);
		inherit(v, s->path ? v->files[i] : v->s->stdio[i], s->name);
	}
	return 0;
}

static int add_network(struct restoring *v, struct err *e)
{
	const char *path = v->s->spec->ns[SPEC_NS_NETWORK].path;

	if (!path)
		return 0;
	v->net_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (v->net_fd < 0)
		return err_sys(e, "linux.namespaces: '%s'", path);
	inherit(v, v->net_fd, IMAGES_NET);
	return 0;
}

static void add_options(struct restoring *v, const struct rt_images *i)
{
	struct strv *args = &v->call.args;

	images_add_options(args, i);
	strv_add(args, "--restore-detached");
	strv_add(args, "--restore-sibling");
	strv_addf(args, "--root=%s/" ROOT, v->s->dir);
	strv_addf(args, "--pidfile=%s/" PID, v->s->dir);
	/* version 2, whose controllers have no name */
	strv_addf(args, "--cgroup-root=:%s", v->s->cgroup);
}

/* --- a root file system that may never have been a container's --- */

/* What is below another mount is there as soon as that is. */
static bool is_below_another(const struct spec *s, const char *target)
{
	for (size_t i = 0; i < s->mount_count; i++) {
		AUTO_FREE char *at = mount_clean_path(s->mounts[i].destination);
		const char *rest = str_after(target, at);

		if (rest && *rest == '/')
			return true;
	}
	return false;
}

static int make_place(int root, const struct spec_mount *m, const char *target, struct err *e)
{
	const char *slash = strrchr(target, '/');
	AUTO_FREE char *above = mem_strn(target, (size_t)(slash - target) + 1);
	AUTO_FD int dir = -1;
	AUTO_FD int file = -1;
	struct stat st;

	if (!spec_mount_is_bind(m) || stat(m->source, &st) < 0 || S_ISDIR(st.st_mode)) {
		dir = fs_mkdirs_inroot(root, target, 0755, (uid_t)-1, (gid_t)-1, e);
		return dir < 0 ? dir : 0;
	}
	dir = fs_mkdirs_inroot(root, above, 0755, (uid_t)-1, (gid_t)-1, e);
	if (dir < 0)
		return dir;
	file = openat(dir, slash + 1, O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return file < 0 && errno != EEXIST ? err_sys(e, "make '%s'", target) : 0;
}

static int make_places(int root, const struct spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->mount_count; i++) {
		AUTO_FREE char *at = mount_clean_path(s->mounts[i].destination);

		if (!is_below_another(s, at) && !strv_has(&s->mounts[i].options, "remount"))
			r = make_place(root, &s->mounts[i], at, e);
		if (r < 0)
			r = err_ctx(e, r, "mount '%s'", at);
	}
	return r;
}

/* --- a mount namespace meanwhile --- */

/* criu wants the root file system to be a mount, which nobody else is to see. */
static int mount_root(const struct rt_restore *s, struct err *e)
{
	AUTO_FREE char *at = mem_printf("%s/" ROOT, s->dir);
	AUTO_FD int dir = fs_mkdirs(AT_FDCWD, at, 0700, e);
	const struct mount_change read_only = { .set = MOUNT_ATTR_RDONLY };
	AUTO_FD int root = -1;
	int r;

	if (dir < 0)
		return dir;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, "keep mounts to ourselves");
	if (mount(s->spec->root_path, at, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_sys(e, "mount '%s'", s->spec->root_path);
	root = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open '%s'", at);
	r = make_places(root, s->spec, e);
	/* criu leaves its attributes alone. */
	if (r < 0 || !s->spec->root_readonly)
		return r;
	r = mount_change(NULL, root, &read_only, false);
	return r < 0 ? err_ret(e, r, "make '%s' read-only", s->spec->root_path) : 0;
}

static int call_aside(const struct restoring *v, struct err *e)
{
	AUTO_FD int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	AUTO_FD int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err why = ERR_INIT;
	int r;

	if (ns < 0 || cwd < 0 || unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	r = mount_root(v->s, &why);
	if (r == 0)
		r = images_run(&v->call, &why);
	if (setns(ns, CLONE_NEWNS) < 0 || fchdir(cwd) < 0)
		return err_sys(e, "return to our mount namespace");
	return r < 0 ? err_move(e, &why) : 0;
}

/* --- what nobody can take back, and criu must have given --- */

static int verify(pid_t pid, const struct spec *s, struct err *e)
{
	const struct spec_caps *caps = &s->process.caps;
	AUTO_FREE char *path = mem_printf("/proc/%d/status", pid);
	uint64_t bounds, no_new_privs, seccomp;
	char text[KIB(4)];
	ssize_t len;
	int r = fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, e);

	if (r < 0)
		return r;
	if (status_value(text, "\nCapBnd:\t", 16, &bounds) < 0 ||
	    status_value(text, "\nNoNewPrivs:\t", 10, &no_new_privs) < 0 ||
	    status_value(text, "\nSeccomp:\t", 10, &seccomp) < 0)
		return err_set(e, EIO, "bad '%s'", path);
	if (bounds & ~(caps->set ? caps->bounding : 0))
		return err_set(e, EIO, "process.capabilities: criu has not restored them");
	if (s->process.no_new_privs && !no_new_privs)
		return err_set(e, EIO, "process.noNewPrivileges: criu has not restored it");
	if (s->seccomp && seccomp != 2)
		return err_set(e, EIO, "linux.seccomp: criu has not restored it");
	return 0;
}

/* --- all --- */

/* And what only criu needed there is gone. */
static int take_pid(pid_t *out, const char *dir, struct err *e)
{
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, dir, e);
	char text[16];
	uint64_t pid;
	ssize_t len;
	int r = fd < 0 ? fd : fs_read_small(fd, PID, text, sizeof(text), &len, e);

	if (r < 0)
		return r;
	(void)unlinkat(fd, PID, 0);
	(void)unlinkat(fd, ROOT, AT_REMOVEDIR);
	text[strcspn(text, "\n")] = '\0';
	r = num_u64(text, 1, INT32_MAX, &pid, e);
	if (r < 0)
		return err_ctx(e, r, "pid of the restored init");
	*out = (pid_t)pid;
	return 0;
}

/* Not every criu restores it, but all that criu makes inherit it. */
static int set_no_new_privs(const struct spec *s, struct err *e)
{
	if (!s->process.no_new_privs || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return 0;
	return err_sys(e, "set no_new_privs");
}

int rt_restore(struct rt_container *out, const struct rt_images *i,
	       const struct rt_restore *s, struct err *e)
{
	AUTO(restoring) struct restoring v = {
		.s = s,
		.beside = CHECKPOINT_INIT,
		.call = { .command = "restore", .work = i->work, .verbose = i->verbose },
		.files = { -1, -1, -1 },
		.net_fd = -1,
	};
	int r = criu_check(e);

	v.call.fds = v.fds;
	add_options(&v, i);
	if (r == 0)
		r = read_beside(&v, i->dir, e);
	if (r == 0)
		r = add_mounts(&v, e);
	if (r == 0)
		r = add_streams(&v, e);
	if (r == 0)
		r = add_network(&v, e);
	if (r == 0)
		r = set_no_new_privs(s->spec, e);
	if (r == 0)
		r = call_aside(&v, e);
	if (r == 0)
		r = take_pid(&out->pid, s->dir, e);
	if (r == 0)
		out->pidfd = proc_pidfd_open(out->pid);
	return r < 0 ? r : verify(out->pid, s->spec, e);
}
