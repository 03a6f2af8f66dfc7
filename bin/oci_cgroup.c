#include "bin/oci_cgroup.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/cgpath.h"
#include "lib/os/cgroup_limits.h"
#include "lib/os/devbpf.h"
#include "rootless/delegate.h"

#define ALONE 2			/* tasks: an init beside the one that holds its place */

void oci_cgroup_clear(struct oci_cgroup *c)
{
	fd_auto(&c->fd);
	fd_auto(&c->hold.fd);
	proc_auto(&c->hold.proc);
}

/* --- cgroupfs --- */

/* Is it, or would it be made, in a cgroup that we may use? */
static bool is_delegated(const struct cgroup_tree *tree, const char *path)
{
	AUTO_FREE char *at = mem_str(path);
	struct err missing = ERR_INIT;
	AUTO_FD int fd = cgroup_open(tree, at, &missing);

	while (fd == -ENOENT && strrchr(at, '/') != at) {
		*strrchr(at, '/') = '\0';
		err_clear(&missing);
		fd = cgroup_open(tree, at, &missing);
	}
	return fd >= 0 && cgroup_is_delegated(tree, at);
}

static int choose_base(char out[static CGROUP_PATH_MAX], const struct cgroup_tree *tree,
		       struct err *e)
{
	char above[CGROUP_PATH_MAX];
	int r = cgroup_of(0, out, e);

	/* Ours has processes, us: there are no controllers below it. */
	if (r == 0 && str_copy(above, sizeof(above), out) && delegate_go_beside(above, tree))
		(void)str_copy(out, CGROUP_PATH_MAX, above);
	return r;
}

static int choose_path(char out[static CGROUP_PATH_MAX], const struct cgroup_tree *tree,
		       const struct oci *o, const char *given, const char *id, struct err *e)
{
	AUTO_FREE char *own = mem_printf("coracle-%s", id);
	const char *path = str_or(given, own);
	char base[CGROUP_PATH_MAX] = "/";
	int r;

	if (o->is_rootless) {
		r = cgpath_join(out, CGROUP_PATH_MAX, "/", path, e);
		if (r < 0 || (*path == '/' && is_delegated(tree, out)))
			return r;
		r = choose_base(base, tree, e);
		if (r < 0)
			return r;
	}
	return cgpath_join(out, CGROUP_PATH_MAX, base, path, e);
}

static int claim(struct oci_cgroup *c, const struct cgroup_tree *tree, const struct oci *o,
		 struct oci_box *b, const struct spec *spec, struct err *e)
{
	char path[CGROUP_PATH_MAX];
	int r = choose_path(path, tree, o, spec->cgroups_path, b->id, e);

	if (r == 0 && !cgroup_can_reach(tree, path))
		r = err_set(e, EACCES, "cgroup '%s': we may move no process there", path);
	if (r == 0)
		r = cgroup_check_free(tree, path, e);
	if (r < 0)
		return r;
	/* Known before it is there: `delete` removes what we may leave. */
	b->state.cgroup = mem_str(path);
	r = oci_box_save(b, e);
	if (r < 0)
		return r;
	c->fd = cgroup_claim(tree, path, e);
	if (c->fd < 0)
		return c->fd;
	return cgroup_set_limits(c->fd, &spec->resources, true, NULL, 0, e);
}

/* --- systemd --- */

static int start_scope(struct oci_cgroup *c, const struct cgroup_tree *tree,
		       struct oci_box *b, const struct spec *spec, struct err *e)
{
	struct spec_resources limits = spec->resources;
	char path[CGROUP_PATH_MAX];
	struct cgpath_unit unit;
	int r = cgpath_unit(&unit, spec->cgroups_path, b->id, e);

	if (r == 0)
		r = oci_scope_start(&c->hold, path, unit.unit, unit.slice, spec, e);
	if (r < 0)
		return r;
	b->state.scope = mem_str(unit.unit);
	b->state.cgroup = mem_str(path);
	r = oci_box_save(b, e);
	if (r == 0 && !cgroup_can_reach(tree, path))
		r = oci_scope_enter_own(e);
	if (r < 0)
		return r;
	c->fd = cgroup_open(tree, path, e);
	if (c->fd < 0)
		return c->fd;
	if (limits.pids_limit >= 0 && limits.pids_limit < ALONE)
		limits.pids_limit = ALONE;
	/* Again: systemd rounds some, and knows not all. */
	return cgroup_set_limits(c->fd, &limits, true, NULL, 0, e);
}

int oci_cgroup_settle(struct oci_cgroup *c, const struct spec *spec, struct err *e)
{
	struct spec_resources tasks;

	if (c->hold.fd < 0)
		return 0;
	oci_scope_release(&c->hold);
	spec_resources_init(&tasks);
	tasks.pids_limit = spec->resources.pids_limit;
	return tasks.pids_limit < 0 || tasks.pids_limit >= ALONE ? 0 :
		cgroup_set_limits(c->fd, &tasks, true, NULL, 0, e);
}

/* --- all --- */

/* Whether the container's root may make cgroups below: only in a namespace of
 * its own, mounted to be written to. */
static bool is_writable_inside(const struct spec *spec)
{
	const struct spec_ns *ns = &spec->ns[SPEC_NS_CGROUP];

	for (size_t i = 0; ns->set && !ns->path && i < spec->mount_count; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		if (str_eq(m->destination, "/sys/fs/cgroup") &&
		    (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2")))
			return !strv_has(&m->options, "ro");
	}
	return false;
}

static void give(int fd, const struct spec *spec)
{
	uint32_t uid = spec->process.user.uid, gid = spec->process.user.gid;

	if (spec->idmap.uids.len)
		uid = id_to_outside(&spec->idmap.uids, uid);
	if (spec->idmap.gids.len)
		gid = id_to_outside(&spec->idmap.gids, gid);
	if (uid != ID_NONE && gid != ID_NONE)
		cgroup_give(fd, uid, gid);
}

static int make(struct oci_cgroup *c, struct oci *o, struct oci_box *b,
		const struct spec *spec, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	int r = cgroup_tree_open(&tree, e);

	if (r == 0)
		r = o->manager == OCI_SYSTEMD ? start_scope(c, &tree, b, spec, e) :
						claim(c, &tree, o, b, spec, e);
	if (r == 0 && !o->is_rootless)
		r = devbpf_attach(c->fd, &spec->resources, e);
	if (r == 0 && is_writable_inside(spec))
		give(c->fd, spec);
	return r;
}

static int check(struct oci *o, int fd, const struct spec *spec, struct err *e)
{
	AUTO(strv) struct strv notes = STRV_INIT;
	int r = cgroup_check_limits(&spec->resources, fd, &notes, e);

	for (size_t i = 0; r == 0 && i < notes.len; i++)
		oci_warn(o, "%s", notes.v[i]);
	return r;
}

/* No cgroups, none that are ours, no systemd: not a mistake of the caller's. */
static bool is_beyond_us(int r)
{
	return r == -ENOENT || r == -EACCES || r == -EPERM || r == -EROFS || r == -ECONNREFUSED;
}

int oci_cgroup_make(struct oci_cgroup *out, struct oci *o, struct oci_box *b,
		    const struct spec *spec, struct err *e)
{
	struct oci_cgroup c = OCI_CGROUP_INIT;
	struct err why = ERR_INIT;
	int r;

	if (o->manager == OCI_NO_CGROUPS)
		return 0;
	r = check(o, -1, spec, e);
	if (r < 0)
		return r;
	r = make(&c, o, b, spec, &why);
	if (r == 0) {
		*out = c;
		return 0;
	}
	oci_cgroup_clear(&c);
	oci_cgroup_remove(o, &b->state);
	free_auto(&b->state.cgroup);
	free_auto(&b->state.scope);
	if (!o->is_rootless || !is_beyond_us(r) || cgroup_wants_limits(&spec->resources))
		return err_move(e, &why);
	return 0;
}

int oci_cgroup_enter(int *out, struct oci *o, const struct oci_box *b, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	AUTO_FD int fd = oci_box_cgroup(b);
	struct err none = ERR_INIT;

	if (fd >= 0 && cgroup_tree_open(&tree, &none) == 0 &&
	    !cgroup_can_reach(&tree, b->state.cgroup)) {
		int r = b->state.scope ? oci_scope_enter_own(e) : 0;

		if (r < 0)
			return r;
		if (!b->state.scope) {
			oci_warn(o, "container '%s': the process stays out of its cgroup, '%s'",
				 b->id, b->state.cgroup);
			fd_auto(&fd);
		}
	}
	*out = take_fd(&fd);
	return 0;
}

/* Units of an earlier boot may have namesakes. */
static bool is_of_this_boot(const struct oci_state *s)
{
	struct err unknown = ERR_INIT;
	char boot[BOOT_ID_LEN + 1];

	return clock_boot_id(boot, &unknown) == 0 && str_eq(boot, s->init.boot);
}

void oci_cgroup_remove(struct oci *o, const struct oci_state *s)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct err why = ERR_INIT;
	AUTO_FD int fd = -1;
	int r;

	if (!s->cgroup)
		return;
	r = cgroup_tree_open(&tree, &why);
	if (r == 0 && s->scope && is_of_this_boot(s)) {
		/* An empty scope goes by itself, mostly before we look. */
		fd = cgroup_open(&tree, s->cgroup, &why);
		err_clear(&why);
		if (fd >= 0 && oci_scope_stop(s->scope, &why) < 0)
			oci_warn(o, "%s", why.text);
		err_clear(&why);
	}
	if (r == 0)
		r = cgroup_remove(&tree, s->cgroup, &why);
	if (r < 0)
		oci_warn(o, "%s", why.text);
}

/* systemd rounds, and knows not all: the last word is ours. */
static int change_all(int fd, const struct oci_state *s, const struct spec *spec,
		      struct err *e)
{
	int r = cgroup_change_limits(fd, &spec->resources, e);

	if (r < 0 || !s->scope)
		return r;
	r = oci_scope_update(s->scope, spec, e);
	return r < 0 ? r : cgroup_change_limits(fd, &spec->resources, e);
}

int oci_cgroup_update(const struct oci_box *b, struct oci *o, const struct spec *spec,
		      struct err *e)
{
	AUTO_FD int fd = oci_box_cgroup(b);
	int r;

	if (fd < 0)
		return err_hint(e, err_set(e, EOPNOTSUPP, "it has no cgroup"), "cgroup.none");
	r = check(o, fd, spec, e);
	if (r == 0)
		r = change_all(fd, &b->state, spec, e);
	return r < 0 || o->is_rootless ? r : devbpf_attach(fd, &spec->resources, e);
}
