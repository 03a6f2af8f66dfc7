/* coracle-oci checkpoint: a running container becomes a directory of images. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/oci_images.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/os/userns.h"

#define NOT_ALONE "criu is called once, and nobody serves pages for it"

const struct opt oci_images_options[] = {
	TEXT(struct oci_images_opts, image_path, 0, "image-path", "DIR", WORD_DIR,
	     "Where the images are (default: checkpoint)"),
	TEXT(struct oci_images_opts, work_path, 0, "work-path", "DIR", WORD_DIR,
	     "Where criu's log goes (default: with the images)"),
	FLAG(struct oci_images_opts, tcp_established, 0, "tcp-established",
	     "Keep connections of TCP; else they are an error"),
	FLAG(struct oci_images_opts, ext_unix_sk, 0, "ext-unix-sk",
	     "Allow sockets that are connected to processes outside"),
	FLAG(struct oci_images_opts, shell_job, 0, "shell-job",
	     "Allow a session whose leader is not in the container"),
	FLAG(struct oci_images_opts, file_locks, 0, "file-locks",
	     "Keep locks on files; else they are an error"),
	CHOICE(struct oci_images_opts, manage_cgroups, 0, "manage-cgroups-mode",
	       "soft full strict", "What criu restores of the cgroups below (default: soft)"),
	LIST(struct oci_images_opts, empty_ns, 0, "empty-ns", "NAMESPACE", WORD_ANY,
	     "Leave out what is in this namespace: network"),
	REFUSE("auto-dedup", "images are not changed once they are written"),
	REFUSE("lazy-pages", NOT_ALONE),
	{ .kind = OPT_END },
};

int oci_images(struct rt_images *out, const struct oci_images_opts *a, const struct oci *o,
	       struct err *e)
{
	AUTO_FD int work = -1;

	*out = (struct rt_images){
		.dir = str_or(a->image_path, "checkpoint"),
		.cgroups = str_or(a->manage_cgroups, "soft"),
		.tcp_established = a->tcp_established,
		.ext_unix_sk = a->ext_unix_sk,
		.shell_job = a->shell_job,
		.file_locks = a->file_locks,
		.empty_net = a->empty_ns.len,
		.verbose = o->level == OCI_DEBUG,
	};
	out->work = str_or(a->work_path, out->dir);
	for (size_t i = 0; i < a->empty_ns.len; i++)
		if (!str_eq(a->empty_ns.v[i], "network"))
			return err_set(e, EINVAL, "--empty-ns '%s': only a network can be left "
				       "out", a->empty_ns.v[i]);
	if (!userns_is_machines_root())
		return err_hint(e, err_set(e, EPERM, "only the machine's root can save and "
					   "restore processes"), "criu.root");
	if (!a->work_path)
		return 0;
	work = fs_mkdirs(AT_FDCWD, out->work, 0700, e);
	return work < 0 ? work : 0;
}

struct checkpoint_args {
	struct oci_images_opts images;
	const char *parent_path;
	bool leave_running;
	bool pre_dump;
};

static const struct opt checkpoint_opts[] = {
	OPTS(struct checkpoint_args, images, oci_images_options),
	FLAG(struct checkpoint_args, leave_running, 0, "leave-running",
	     "The container goes on; else it is gone afterwards"),
	FLAG(struct checkpoint_args, pre_dump, 0, "pre-dump",
	     "Only the memory, for a later checkpoint; the container goes on"),
	TEXT(struct checkpoint_args, parent_path, 0, "parent-path", "DIR", WORD_ANY,
	     "Images of an earlier --pre-dump, relative to --image-path"),
	REFUSE("page-server", NOT_ALONE),
	REFUSE("status-fd", NOT_ALONE),
	{ .kind = OPT_END },
};

static void checkpoint_clear_args(void *args)
{
	strv_clear(&((struct checkpoint_args *)args)->images.empty_ns);
}

static int save(const struct oci_box *b, const struct rt_images *images,
		const struct checkpoint_args *a, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	AUTO_FREE char *cgroup = NULL;
	AUTO(spec) struct spec spec;
	struct rt_save s = {
		.spec = &spec,
		.pid = b->state.init.pid,
		.parent = a->parent_path,
		.memory_only = a->pre_dump,
		.leave_running = a->leave_running,
	};
	mode_t mask;
	int r;

	spec_init(&spec);
	r = oci_box_spec(&spec, b, e);
	if (r == 0)
		r = cgroup_tree_open(&tree, e);
	if (r < 0)
		return r;
	cgroup = mem_printf("%s%s", tree.mount, b->state.cgroup);
	s.cgroup = cgroup;
	/* The memory of all its processes is for nobody else. */
	mask = umask(077);
	r = rt_save(images, &s, e);
	(void)umask(mask);
	return r;
}

/* -1: it is gone. */
static pid_t parent_of(pid_t pid)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/status", pid);
	struct err gone = ERR_INIT;
	char text[KIB(4)], *at, *save = NULL;
	uint64_t parent;
	ssize_t len;

	if (fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, &gone) < 0)
		return -1;
	at = strstr(text, "\nPPid:");
	at = at ? strtok_r(at + strlen("\nPPid:"), "\t\n", &save) : NULL;
	return at && num_u64(at, 0, INT32_MAX, &parent, &gone) == 0 ? (pid_t)parent : -1;
}

static bool has(const struct oci_pids *p, pid_t pid)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->v[i] == pid)
			return true;
	return false;
}

/* criu saves a tree, and would lose a process that came from outside. */
static int check_tree(const struct oci_box *b, struct err *e)
{
	AUTO(oci_pids) struct oci_pids pids = { .v = NULL };
	int r = oci_pids(&pids, b, e);

	for (size_t i = 0; r == 0 && i < pids.len; i++) {
		pid_t parent = parent_of(pids.v[i]);

		if (pids.v[i] != b->state.init.pid && parent >= 0 && !has(&pids, parent))
			r = err_set(e, EOPNOTSUPP, "process %d does not descend from its init: "
				    "what exec has started cannot be saved", pids.v[i]);
	}
	return r;
}

static int check(const struct oci_box *b, struct err *e)
{
	enum oci_status status = oci_box_status(b);
	AUTO_FD int cgroup = oci_box_cgroup(b);

	if (status != OCI_RUNNING && status != OCI_PAUSED)
		return err_set(e, EBADF, "it is %s", oci_status_name(status));
	if (cgroup < 0)
		return err_hint(e, err_set(e, EOPNOTSUPP, "it has no cgroup"), "cgroup.none");
	return check_tree(b, e);
}

static int checkpoint_run(struct app *app, void *args, char **operands, int count UNUSED,
			  struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	const struct checkpoint_args *a = args;
	struct oci *o = oci_of(app);
	struct rt_images images;
	int r = oci_box_open(&b, o, operands[0], OCI_CHANGE, e);

	if (r < 0)
		return r;
	r = oci_images(&images, &a->images, o, e);
	if (r == 0)
		r = check(&b, e);
	if (r == 0)
		r = save(&b, &images, a, e);
	if (r < 0)
		return err_ctx(e, r, "checkpoint container '%s'", b.id);
	return a->leave_running || a->pre_dump ? 0 : oci_delete(&b, o, e);
}

const struct cmd oci_cmd_checkpoint = {
	.name = "checkpoint",
	.summary = "Save a running container to a directory",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.about = "The processes of the container are written to a directory, from which "
		 "'coracle-oci restore' makes them again, and the container is gone.  Its root "
		 "file system and what is mounted from the host are not in there.\n\n"
		 "That is criu's work, which has to be installed and allowed: as the machine's "
		 "root, where 'criu check' is content.  A terminal, a user namespace, a namespace "
		 "that is joined (but a network), and processes of exec cannot be saved.",
	.example = "coracle-oci checkpoint --image-path /var/tmp/web web",
	.opts = checkpoint_opts,
	.args_size = sizeof(struct checkpoint_args),
	.clear = checkpoint_clear_args,
	.run = checkpoint_run,
};
