#include "bin/oci_cgroup.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/cgroup_limits.h"

/* Below our own unless it is absolute; the machine's root counts from the top. */
static int choose_path(char out[static CGROUP_PATH_MAX], const struct oci *o, const char *given,
		       const char *id, struct err *e)
{
	char own[CGROUP_PATH_MAX] = "";
	AUTO_FREE char *path = NULL;
	int r = 0;

	if (given && strstr(given, ".."))
		return err_set(e, EINVAL, "linux.cgroupsPath: '%s' has '..'", given);
	if (given && *given == '/') {
		path = mem_str(given);
	} else {
		if (o->is_rootless)
			r = cgroup_of(0, own, e);
		if (r < 0)
			return r;
		path = given && *given ?
			mem_printf("%s/%s", str_eq(own, "/") ? "" : own, given) :
			mem_printf("%s/coracle-%s", str_eq(own, "/") ? "" : own, id);
	}
	return str_copy(out, CGROUP_PATH_MAX, path) ? 0 :
		err_set(e, ENAMETOOLONG, "linux.cgroupsPath: too long");
}

static int make(int *fd, struct oci *o, struct oci_box *b, const struct spec *spec,
		struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	char path[CGROUP_PATH_MAX];
	AUTO_FD int made = -1;
	int r = cgroup_tree_open(&tree, e);

	if (r == 0)
		r = choose_path(path, o, spec->cgroups_path, b->id, e);
	if (r < 0)
		return r;
	/* Known before it is there: `delete` removes what we may leave. */
	b->state.cgroup = mem_str(path);
	r = oci_box_save(b, e);
	if (r < 0)
		return r;
	made = cgroup_create(&tree, path, e);
	if (made < 0)
		return made;
	r = cgroup_set_limits(made, &spec->resources, true, NULL, 0, e);
	if (r == 0)
		*fd = take_fd(&made);
	return r;
}

int oci_cgroup_make(int *fd, struct oci *o, struct oci_box *b, const struct spec *spec,
		    struct err *e)
{
	struct err why = ERR_INIT;
	int r;

	if (o->manager == OCI_NO_CGROUPS)
		return 0;
	r = make(fd, o, b, spec, &why);
	if (r == 0)
		return 0;
	if (!o->is_rootless || cgroup_wants_limits(&spec->resources))
		return err_move(e, &why);
	oci_cgroup_remove(o, &b->state);
	free_auto(&b->state.cgroup);
	return 0;
}

void oci_cgroup_remove(struct oci *o, const struct oci_state *s)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct err why = ERR_INIT;
	int r;

	if (!s->cgroup)
		return;
	r = cgroup_tree_open(&tree, &why);
	if (r == 0)
		r = cgroup_remove(&tree, s->cgroup, &why);
	if (r < 0)
		oci_warn(o, "%s", why.text);
}

int oci_cgroup_update(const struct oci_box *b, const struct spec *spec, struct err *e)
{
	AUTO_FD int cgroup = oci_box_cgroup(b);

	if (cgroup < 0)
		return err_hint(e, err_set(e, EOPNOTSUPP, "it has no cgroup"), "cgroup.none");
	return cgroup_set_limits(cgroup, &spec->resources, true, NULL, 0, e);
}
