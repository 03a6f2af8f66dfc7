#include "rootless/delegate.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"

/* Below our own cgroup.  -ENOENT: it is not ours to divide. */
static int below_own(struct delegated *out, const struct cgroup_tree *tree,
		     const char *name, struct err *e)
{
	char own[CGROUP_PATH_MAX];
	int r = cgroup_of(0, own, e);
	int n;

	if (r < 0)
		return r;
	if (!cgroup_is_delegated(tree, own))
		return err_set(e, ENOENT, "cgroup '%s' is not delegated to this user", own);
	n = snprintf(out->path, sizeof(out->path), "%s/%s", str_eq(own, "/") ? "" : own, name);
	if (n < 0 || (size_t)n >= sizeof(out->path))
		return err_set(e, ENAMETOOLONG, "cgroup '%s'", own);
	out->fd = cgroup_create(tree, out->path, e);
	return out->fd < 0 ? out->fd : 0;
}

static int without(struct delegated *out, bool wanted, bool strict, const struct err *why,
		   struct err *e)
{
	out->fd = -1;
	out->path[0] = '\0';
	if (!wanted)
		return 0;
	if (strict)
		return err_hint(e, err_set(e, EOPNOTSUPP, "limits: %s", why->text), "cgroup.none");
	(void)str_copy(out->missing, sizeof(out->missing), "all of them");
	return 0;
}

int delegate_create(struct delegated *out, const char *name,
		    const struct spec_resources *limits, bool strict, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	bool wanted = cgroup_wants_limits(limits);
	struct err why = ERR_INIT;
	int r;

	*out = (struct delegated)DELEGATED_INIT;
	r = cgroup_tree_open(&tree, &why);
	if (r == 0)
		r = below_own(out, &tree, name, &why);
	if (r < 0)
		return without(out, wanted, strict, &why, e);
	if (!wanted)
		return 0;
	r = cgroup_set_limits(out->fd, limits, strict, out->missing, sizeof(out->missing), e);
	if (r < 0)
		delegated_auto(out);
	return r;
}
