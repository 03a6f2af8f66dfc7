/* coracle-oci pause, resume: the freezer. */
#include "bin/oci.h"
#include "lib/base/str.h"

static int freeze(struct oci *o, const char *id, bool on, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	AUTO_FD int cgroup = -1;
	enum oci_status status, wanted = on ? OCI_RUNNING : OCI_PAUSED;
	int r = oci_box_open(&b, o, id, OCI_CHANGE, e);

	if (r < 0)
		return r;
	status = oci_box_status(&b);
	cgroup = oci_box_cgroup(&b);
	/* Before all else: without one it is never seen as paused. */
	if (cgroup < 0 && status != OCI_STOPPED)
		return err_hint(e, err_set(e, EOPNOTSUPP, "container '%s': it has no cgroup", id),
				"cgroup.none");
	if (status != wanted && !(on && status == OCI_CREATED))
		return err_set(e, EBADF, "container '%s': cannot be %s, it is %s", id,
			       on ? "paused" : "resumed", oci_status_name(status));
	r = cgroup_freeze(cgroup, on, e);
	return r < 0 ? err_ctx(e, r, "container '%s'", id) : 0;
}

static int pause_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		     struct err *e)
{
	return freeze(oci_of(app), operands[0], true, e);
}

static int resume_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		      struct err *e)
{
	return freeze(oci_of(app), operands[0], false, e);
}

const struct cmd oci_cmd_pause = {
	.name = "pause",
	.summary = "Freeze the processes of a container",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.example = "coracle-oci pause web",
	.run = pause_run,
};

const struct cmd oci_cmd_resume = {
	.name = "resume",
	.summary = "Thaw the processes of a container",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.example = "coracle-oci resume web",
	.run = resume_run,
};
