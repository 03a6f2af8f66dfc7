#include "lib/ctr/place.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/foreign.h"
#include "lib/os/mount.h"
#include "lib/store/volumes.h"

void place_init(struct place *p)
{
	*p = (struct place){ .root_fd = -1, .userns_fd = -1 };
	ctr_bundle_init(&p->bundle);
}

void place_clear(struct place *p)
{
	ctr_bundle_clear(&p->bundle);
	fd_auto(&p->root_fd);
	fd_auto(&p->userns_fd);
}

int place_host(struct place *out, struct ctr_env *env, bool keep_ids, struct err *e)
{
	out->env = env;
	out->is_mapped = keep_ids;
	out->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (out->root_fd < 0)
		return err_sys(e, "open '/'");
	return keep_ids ? ctr_ids(env, NULL, &out->ids, e) : 0;
}

/* The root and the user namespace of the init, which is held by a pidfd
 * meanwhile: what was opened is the container's when the init still lives. */
static int open_running(struct place *p, const struct ctr *c, struct err *e)
{
	AUTO_FREE char *first = foreign_process(p->env, c);
	AUTO_FREE char *root = mem_printf("/proc/%s/root", first);
	AUTO_FREE char *userns = mem_printf("/proc/%d/ns/user", (int)c->page.init.pid);
	AUTO_FD int pidfd = proc_id_open(&c->page.init, e);
	struct stat own, its;

	if (pidfd < 0)
		return pidfd;
	p->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->root_fd < 0)
		return err_sys(e, "open the root of '%s'", c->row.name);
	p->userns_fd = open(userns, O_RDONLY | O_CLOEXEC);
	if (p->userns_fd < 0 || fstat(p->userns_fd, &its) < 0 ||
	    stat("/proc/self/ns/user", &own) < 0)
		return err_sys(e, "open the user namespace of '%s'", c->row.name);
	if (own.st_dev == its.st_dev && own.st_ino == its.st_ino)
		fd_auto(&p->userns_fd);
	if (proc_pidfd_kill(pidfd, 0) < 0)
		return err_set(e, ESRCH, "container '%s' ended", c->row.name);
	return 0;
}

int place_ctr(struct place *out, struct ctr_env *env, const struct ctr *c, struct err *e)
{
	int r = ctr_bundle_load(&out->bundle, env, &c->row, e);

	out->env = env;
	out->ctr = c;
	if (r < 0 || !c->is_running)
		return r;
	if (foreign_is_sandbox(out->bundle.config.runtime))
		return err_set(e, EOPNOTSUPP, "'%s': its runtime keeps its files to itself; "
			       "stop it first", c->row.name);
	return open_running(out, c, e);
}

/* --- in the child: the root of a container that does not run --- */

static int add_mount(const struct place *p, struct mount_stage *stage, int root,
		     const struct mount_opt *m, struct err *e)
{
	const struct mount_change ro = { .set = MOUNT_ATTR_RDONLY };
	AUTO_FREE char *path = m->kind == MOUNT_VOLUME ?
		volume_path(p->env->store, p->env->ns, m->source) : mem_str(m->source);
	AUTO_FD int tree = mount_tree(stage, AT_FDCWD, path, true, false);
	AUTO_FD int target = -1;
	struct err missing = ERR_INIT;
	struct stat st;
	int r = 0;

	if (tree < 0)
		return err_ret(e, tree, "mount '%s'", path);
	if (m->read_only)
		r = mount_change(stage, tree, &ro, true);
	if (r < 0)
		return err_ret(e, r, "mount '%s' read-only", path);
	target = fs_open_inroot(root, m->target, O_PATH, 0, &missing);
	if (target < 0 && fstat(tree, &st) == 0 && !S_ISDIR(st.st_mode))
		return 0;		/* a file with no place yet: nothing hides it */
	if (target < 0)
		target = fs_mkdirs_inroot(root, m->target, 0755, 0, 0, e);
	if (target < 0)
		return target;
	r = mount_attach(tree, target);
	return r < 0 ? err_ret(e, r, "mount at '%s'", m->target) : 0;
}

static int compare_target(const void *a, const void *b)
{
	const struct mount_opt *const *x = a, *const *y = b;

	return strcmp((*x)->target, (*y)->target);
}

/* What lies below another one comes after it. */
static int add_mounts(const struct place *p, int root, struct err *e)
{
	const struct ctr_config *c = &p->bundle.config;
	AUTO_FREE const struct mount_opt **sorted = mem_zero(c->mount_count + 1, sizeof(*sorted));
	AUTO(mount_stage) struct mount_stage stage = MOUNT_STAGE_INIT;
	int r = 0;

	for (size_t i = 0; i < c->mount_count; i++)
		sorted[i] = &c->mounts[i];
	qsort(sorted, c->mount_count, sizeof(*sorted), compare_target);
	for (size_t i = 0; i < c->mount_count && r == 0; i++)
		if (sorted[i]->kind != MOUNT_TMPFS)
			r = add_mount(p, &stage, root, sorted[i], e);
	return r;
}

static int open_stopped(const struct place *p, const struct rootfs_opts *o, struct err *e)
{
	const struct mount_change ro = { .set = MOUNT_ATTR_RDONLY };
	AUTO_FD int root = rootfs_mount(&p->bundle.rootfs, o, e);
	int r = root < 0 ? root : add_mounts(p, root, e);

	if (r < 0)
		return r;
	r = p->bundle.config.read_only ? mount_change(NULL, root, &ro, false) : 0;
	return r < 0 ? err_ret(e, r, "mount the root read-only") : take_fd(&root);
}

/* --- jobs --- */

static int join_userns(int fd, struct err *e)
{
	if (setns(fd, CLONE_NEWUSER) < 0)
		return err_sys(e, "enter the user namespace");
	/* An id that is not mapped is no loss: all capabilities are here. */
	if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
		return err_sys(e, "become root of the user namespace");
	return 0;
}

static int job_main(void *arg, struct err *e)
{
	struct place_job *job = arg;
	const struct place *p = job->place;
	const struct rootfs_opts o = { .fuse_overlayfs = p->env->fuse_program };
	AUTO_FD int mounted = -1;
	int r = 0;

	fd_auto(&job->not_ours);
	if (p->userns_fd >= 0)
		r = join_userns(p->userns_fd, e);
	if (r == 0 && p->root_fd >= 0)
		return job->fn(p->root_fd, job->arg, e);
	if (r < 0)
		return r;
	mounted = open_stopped(p, &o, e);
	r = mounted < 0 ? mounted : job->fn(mounted, job->arg, e);
	rootfs_unmount(&p->bundle.rootfs, &o);
	return r;
}

int place_start(struct place_job *job, struct err *e)
{
	const struct place *p = job->place;
	struct enter_opts o = { .map = NULL };

	if (p->is_mapped)
		o.map = &p->ids.map;
	if (p->ctr && p->root_fd < 0) {
		o.map = &p->bundle.ids.map;
		o.mount_ns = true;
	}
	job->child = (struct enter_child)ENTER_CHILD_INIT;
	return enter_start(&job->child, &o, job_main, job, e);
}

int place_finish(struct place_job *job, struct err *e)
{
	return enter_finish(&job->child, e);
}
