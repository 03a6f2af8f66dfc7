#include "rootless/delegate.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/fmt/cgfile.h"

#define SHIM_LEAF "shim"
#define CONTAINER_LEAF "container"

static int join(char out[static CGROUP_PATH_MAX], const char *dir, const char *name,
		struct err *e)
{
	int n = snprintf(out, CGROUP_PATH_MAX, "%s/%s", str_eq(dir, "/") ? "" : dir, name);

	return n < 0 || n >= CGROUP_PATH_MAX ?
		err_set(e, ENAMETOOLONG, "cgroup '%s'", dir) : 0;
}

void delegate_undo(struct delegated *d)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct err ignored = ERR_INIT;

	fd_auto(&d->fd);
	if (d->path[0] && cgroup_tree_open(&tree, &ignored) == 0)
		(void)!cgroup_remove(&tree, d->path, &ignored);
	d->path[0] = '\0';
}

/* Why limits have no file, although the directory is ours: the controllers
 * end above it, or cannot be enabled in it. */
static void explain(struct delegated *out, const struct cgroup_tree *tree, const char *dir)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = cgroup_open(tree, dir, &ignored);
	char have[KIB(1)], name[32];
	ssize_t len;
	bool here = false;

	if (fd >= 0 && fs_read_small(fd, "cgroup.controllers", have, sizeof(have), &len,
				     &ignored) == 0)
		for (const char *p = out->missing; *p; p += strspn(p, " ")) {
			size_t n = strcspn(p, " ");

			(void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
			here = here || cgfile_has(have, name);
			p += n;
		}
	(void)snprintf(out->why, sizeof(out->why), here ?
		       "other processes are in cgroup '%.180s'" :
		       "not delegated to cgroup '%.180s'", dir);
}

static int set_limits(struct delegated *d, const struct spec_resources *limits, struct err *e)
{
	int r = cgroup_set_limits(d->fd, limits, false, d->missing, sizeof(d->missing), e);
	struct err ignored = ERR_INIT;

	/* The whole group at once: half a container is of no use. */
	if (r == 0 && limits->memory_limit > 0)
		(void)!fs_write_small(d->fd, "memory.oom.group", "1", &ignored);
	return r;
}

/* dir/name with as many of the limits as can be had there. */
static int place(struct delegated *out, const struct cgroup_tree *tree, const char *dir,
		 const char *name, const struct delegate_request *q, struct err *e)
{
	struct delegated d = DELEGATED_INIT;
	int r = join(d.path, dir, name, e);

	if (r < 0)
		return r;
	d.fd = cgroup_create(tree, d.path, e);
	if (d.fd < 0)
		return d.fd;
	if (cgroup_can_hold(d.fd))
		r = set_limits(&d, q->limits, e);
	else
		r = err_set(e, EACCES, "cgroup '%s' is threaded", dir);
	if (r < 0) {
		delegate_undo(&d);
		return r;
	}
	if (d.missing[0])
		explain(&d, tree, dir);
	delegated_auto(out);
	*out = d;
	return 0;
}

/* --- rung 1 --- */

/* Whose manager enables and disables controllers in it as it sees fit. */
static bool is_managed(const char *dir)
{
	const char *name = strrchr(dir, '/') + 1;

	return str_ends(name, ".slice") || str_starts(name, "user@");
}

bool delegate_go_beside(char *dir, const struct cgroup_tree *tree)
{
	char *slash = strrchr(dir, '/');

	if (slash == dir)
		return false;
	*slash = '\0';
	return !is_managed(dir) && cgroup_is_delegated(tree, dir);
}

static int below_own(struct delegated *out, const struct cgroup_tree *tree,
		     const struct delegate_request *q, struct err *e)
{
	struct delegated beside = DELEGATED_INIT;
	char dir[CGROUP_PATH_MAX];
	int r = cgroup_of(0, dir, e);

	if (r < 0)
		return r;
	if (!cgroup_is_delegated(tree, dir))
		r = err_set(e, EACCES, "cgroup '%s' is not delegated to this user", dir);
	else
		r = place(out, tree, dir, q->name, q, e);
	if (r == 0 && !out->missing[0])
		return 0;
	if ((r < 0 && r != -EACCES) || !delegate_go_beside(dir, tree))
		return r;
	err_clear(e);
	r = place(&beside, tree, dir, q->name, q, e);
	if (r == 0 && (out->fd < 0 || !beside.missing[0])) {
		delegate_undo(out);
		*out = beside;
	} else if (r == 0) {
		delegate_undo(&beside);
	}
	return r;
}

/* --- rung 2 --- */

/* The program's last words are the path of the scope, or why there is none. */
static int ask_systemd(char out[static CGROUP_PATH_MAX], const char *scoper, const char *name,
		       const char *leaf, pid_t pid, struct err *e)
{
	AUTO(buf) struct buf said = BUF_INIT(KIB(4));
	struct err status = ERR_INIT;
	char number[16], unit[MAX_COMPONENT + 1];
	char *argv[] = { (char *)"coracle-scope", (char *)(leaf ? "enter" : "start"), unit,
			 number, (char *)leaf, NULL };
	const struct proc_spec spec = { .path = scoper, .argv = argv };
	int r;

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	(void)snprintf(unit, sizeof(unit), "%s.scope", name);
	r = proc_run(&spec, NULL, &said, &status);
	said.data[strcspn(said.data, "\n")] = '\0';
	if (r < 0 && said.len) {
		str_mask(said.data);
		return err_set(e, EOPNOTSUPP, "%s", said.data);
	}
	if (r < 0)
		return err_move(e, &status);
	if (said.data[0] != '/' || !str_copy(out, CGROUP_PATH_MAX, said.data))
		return err_set(e, EBADMSG, "coracle-scope: bad answer");
	return 0;
}

static int move_to_leaf(const struct cgroup_tree *tree, const char *scope, pid_t shim,
			struct err *e)
{
	char path[CGROUP_PATH_MAX];
	int r = join(path, scope, SHIM_LEAF, e);
	AUTO_FD int fd = r < 0 ? -1 : cgroup_create(tree, path, e);

	if (r < 0)
		return r;
	return fd < 0 ? fd : cgroup_move(fd, shim, e);
}

static int in_scope(struct delegated *out, const struct cgroup_tree *tree,
		    const struct delegate_request *q, struct err *e)
{
	char scope[CGROUP_PATH_MAX];
	int r = ask_systemd(scope, q->scoper, q->name, NULL, q->shim, e);

	/* Two directories below the scope, so that it is empty itself. */
	if (r == 0)
		r = move_to_leaf(tree, scope, q->shim, e);
	if (r == 0)
		r = place(out, tree, scope, CONTAINER_LEAF, q, e);
	return r;
}

void delegate_adopt(const char *path, const char *scoper, pid_t shim)
{
	static const char tail[] = ".scope/" CONTAINER_LEAF;
	char name[CGROUP_PATH_MAX], scope[CGROUP_PATH_MAX];
	struct err ignored = ERR_INIT;
	char *last;

	if (!str_ends(path, tail) || !str_copy(name, sizeof(name), path))
		return;
	name[strlen(name) - strlen(tail)] = '\0';
	last = strrchr(name, '/');
	(void)!ask_systemd(scope, scoper, last ? last + 1 : name, SHIM_LEAF, shim, &ignored);
}

/* --- the ladder --- */

static int without(struct delegated *out, const struct delegate_request *q,
		   const struct err *why)
{
	if (!cgroup_wants_limits(q->limits))
		return 0;
	cgroup_name_limits(q->limits, out->missing, sizeof(out->missing));
	(void)snprintf(out->why, sizeof(out->why), "%.250s", why->text);
	return 0;
}

static int climb(struct delegated *out, const struct delegate_request *q, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct delegated scope = DELEGATED_INIT;
	struct err why = ERR_INIT;
	int r = cgroup_tree_open(&tree, &why);

	if (r < 0)
		return without(out, q, &why);
	r = below_own(out, &tree, q, &why);
	if (r == -EINVAL || r == -ERANGE)
		return err_move(e, &why);
	if (!cgroup_wants_limits(q->limits) || (r == 0 && !out->missing[0]))
		return 0;
	err_clear(&why);
	r = in_scope(&scope, &tree, q, &why);
	if (r == -EINVAL || r == -ERANGE)
		return err_move(e, &why);
	if (r == 0) {
		delegate_undo(out);
		*out = scope;
		return 0;
	}
	return out->fd < 0 ? without(out, q, &why) : 0;
}

int delegate_create(struct delegated *out, const struct delegate_request *q, struct err *e)
{
	struct delegated d = DELEGATED_INIT;
	int r = climb(&d, q, e);

	if (r == 0 && q->strict && d.missing[0])
		r = err_hint(e, err_set(e, EOPNOTSUPP, "limits without effect here: %s (%s)",
					d.missing, d.why),
			     d.fd < 0 ? "cgroup.none" : "cgroup.controller");
	if (r < 0) {
		delegate_undo(&d);
		return r;
	}
	*out = d;
	return 0;
}
