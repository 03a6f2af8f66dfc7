/* coracle-oci restore: a container out of a directory of images. */
#include <string.h>

#include "bin/oci_images.h"
#include "lib/base/mem.h"

struct restore_args {
	struct oci_images_opts images;
	struct oci_create_opts create;
	bool no_subreaper;
};

static const struct opt restore_opts[] = {
	OPTS(struct restore_args, images, oci_images_options),
	TEXT(struct restore_args, create.bundle, 'b', "bundle", "DIR", WORD_DIR,
	     "The directory with config.json (default: the working directory)"),
	TEXT(struct restore_args, create.pid_file, 0, "pid-file", "FILE", WORD_FILE,
	     "Write the pid of the container's init there"),
	FLAG(struct restore_args, create.detach, 'd', "detach", "Return when the program runs"),
	FLAG(struct restore_args, no_subreaper, 0, "no-subreaper",
	     "Do not adopt processes that the container leaves behind"),
	REFUSE("console-socket", "a terminal cannot be restored"),
	REFUSE("no-pivot", "criu changes the root file system by pivot_root alone"),
	REFUSE("lsm-profile", "labels are restored as they were"),
	REFUSE("lsm-mount-context", "labels are restored as they were"),
	{ .kind = OPT_END },
};

static void restore_clear(void *args)
{
	strv_clear(&((struct restore_args *)args)->images.empty_ns);
}

struct restoring {
	const struct oci *o;
	struct rt_images images;
};

static int check(const struct spec *s, void *arg UNUSED, struct err *e)
{
	return rt_check_saved(s, e);
}

static int make(struct rt_container *out, const struct oci_box *b, const struct spec *s,
		void *arg, struct err *e)
{
	const struct restoring *v = arg;
	AUTO_FREE char *dir = mem_printf("%s/%s", v->o->root, b->id);
	const struct rt_restore how = {
		.spec = s,
		.cgroup = b->state.cgroup,
		.dir = dir,
		.stdio = { 0, 1, 2 },
	};
	AUTO_FD int cgroup = oci_box_cgroup(b);
	struct err why = ERR_INIT;
	int r;

	if (cgroup < 0)
		return err_hint(e, err_set(e, EOPNOTSUPP, "it has no cgroup"), "cgroup.none");
	r = rt_restore(out, &v->images, &how, e);
	/* A criu that was killed could not tidy up. */
	if (r < 0 && cgroup_kill(cgroup, &why) < 0)
		oci_warn(v->o, "%s", why.text);
	return r;
}

static int restore_run(struct app *app, void *args, char **operands, int count UNUSED,
		       struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct rt_container c = RT_CONTAINER_INIT;
	struct oci *o = oci_of(app);
	const struct restore_args *a = args;
	struct restoring v = { .o = o };
	const struct oci_source source = { .check = check, .make = make, .arg = &v };
	int r = oci_images(&v.images, &a->images, o, e);

	if (r == 0 && !a->create.detach)
		r = oci_hold_signals(!a->no_subreaper, e);
	if (r == 0)
		r = oci_create_from(&b, &c, o, operands[0], &a->create, &source, e);
	if (r < 0)
		return err_ctx(e, r, "restore container '%s'", operands[0]);
	oci_box_unlock(&b);
	if (!a->create.detach)
		r = oci_attend(&b, o, &c, -1, false, e);
	rt_clear(&c);
	return r;
}

const struct cmd oci_cmd_restore = {
	.name = "restore",
	.summary = "Make a container out of what checkpoint has saved",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.about = "The bundle is that of the container that was saved, or one like it: its "
		 "config.json tells the root file system, the mounts from the host, the limits "
		 "and the network namespace, if it has the path of one.  Standard streams that "
		 "were pipes are the caller's, and files are opened again.  Without --detach the "
		 "exit status is the container's, and the container is deleted at its end.\n\n"
		 "Whoever can write the images can become root: restore none of strangers.",
	.example = "coracle-oci restore -b ./bundle --image-path /var/tmp/web -d web",
	.opts = restore_opts,
	.args_size = sizeof(struct restore_args),
	.clear = restore_clear,
	.run = restore_run,
};
