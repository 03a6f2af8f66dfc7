/* coracle-oci create: from a bundle to an init that waits. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/oci.h"
#include "bin/oci_cgroup.h"
#include "bin/oci_notify.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/secprof.h"
#include "lib/os/seccomp.h"
#include "lib/os/userns.h"
#include "lib/runtime/plan.h"

const struct opt oci_create_options[] = {
	TEXT(struct oci_create_opts, bundle, 'b', "bundle", "DIR", WORD_DIR,
	     "The directory with config.json (default: the working directory)"),
	TEXT(struct oci_create_opts, console_socket, 0, "console-socket", "PATH", WORD_FILE,
	     "Send the terminal to whoever listens there"),
	TEXT(struct oci_create_opts, pid_file, 0, "pid-file", "FILE", WORD_FILE,
	     "Write the pid of the container's init there"),
	TEXT(struct oci_create_opts, pidfd_socket, 0, "pidfd-socket", "PATH", WORD_FILE,
	     "Send a pidfd of the init to whoever listens there"),
	TEXT(struct oci_create_opts, preserve_fds, 0, "preserve-fds", "N", WORD_ANY,
	     "Pass N descriptors beside the standard ones"),
	FLAG(struct oci_create_opts, no_pivot, 0, "no-pivot",
	     "Move the root file system over / where pivot_root cannot work"),
	FLAG(struct oci_create_opts, no_new_keyring, 0, "no-new-keyring",
	     "Share the caller's session keyring"),
	{ .kind = OPT_END },
};

/* A creation in progress. */
struct creation {
	struct oci *o;
	const struct oci_create_opts *opts;
	const struct oci_source *source;	/* NULL: its init starts */
	struct oci_box *box;
	struct spec spec;
	char *bundle;
	struct secprof profile;
	struct buf filter, plan;
	char uidmap_tool[64], gidmap_tool[64];
	struct oci_cgroup cgroup;
	int listen_fd, plan_fd;
	unsigned preserve;
};

static void creation_clear(struct creation *c)
{
	free(c->bundle);
	spec_clear(&c->spec);
	secprof_clear(&c->profile);
	buf_clear(&c->filter);
	buf_clear(&c->plan);
	oci_cgroup_clear(&c->cgroup);
	fd_auto(&c->listen_fd);
	fd_auto(&c->plan_fd);
}

static void creation_auto(struct creation *c)
{
	creation_clear(c);
}

/* --- the bundle --- */

/* The directory's own name, whatever led there. */
static int find_bundle(char **out, const char *given, struct err *e)
{
	AUTO_FD int fd = open(str_or(given, "."), O_PATH | O_DIRECTORY | O_CLOEXEC);
	char link[64], path[MAX_PATH];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "bundle '%s'", str_or(given, "."));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(e, "bundle '%s'", given);
	*out = mem_strn(path, (size_t)n);
	return 0;
}

static void make_absolute(char **path, const char *base)
{
	if (!*path || **path == '/')
		return;
	char *absolute = mem_printf("%s/%s", base, *path);

	free(*path);
	*path = absolute;
}

static int read_config(struct creation *c, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO_FREE char *path = NULL;
	int r = find_bundle(&c->bundle, c->opts->bundle, e);

	if (r < 0)
		return r;
	path = mem_printf("%s/config.json", c->bundle);
	r = fs_read(AT_FDCWD, path, &text, e);
	if (r == 0)
		r = spec_parse(&c->spec, text.data, text.len, e);
	if (r < 0)
		return err_ctx(e, r, "bundle '%s'", c->bundle);
	oci_warn_caps(c->o, &c->spec.process);
	if (!c->spec.root_path)
		return err_set(e, EINVAL, "config.json: root: missing");
	make_absolute(&c->spec.root_path, c->bundle);
	for (size_t i = 0; i < c->spec.mount_count; i++)
		if (spec_mount_is_bind(&c->spec.mounts[i]))
			make_absolute(&c->spec.mounts[i].source, c->bundle);
	return 0;
}

/* --- descriptors that our caller hands on --- */

/* Others of our descriptors may have the numbers behind them by now. */
int oci_given_fds(unsigned *out, const struct oci *o, const char *text, const char *what,
		  struct err *e)
{
	uint64_t n = 0;
	int r = text ? num_u64(text, 0, OCI_FDS_MAX, &n, e) : 0;

	if (r == 0 && n > o->given_fds)
		r = err_set(e, EBADF, "descriptor %u is not open", 3 + o->given_fds);
	*out = (unsigned)n;
	return r < 0 ? err_ctx(e, r, "%s", what) : 0;
}

/* sd_listen_fds(3), unless they were meant for another process. */
static bool are_ours(const char *pid)
{
	struct err no_number = ERR_INIT;
	uint64_t n = 0;

	return !pid || (num_u64(pid, 0, INT32_MAX, &n, &no_number) == 0 && (pid_t)n == getpid());
}

static int take_descriptors(struct creation *c, struct err *e)
{
	AUTO_FREE char *text = NULL;
	unsigned listen = 0;
	int r = oci_given_fds(&c->preserve, c->o, c->opts->preserve_fds, "--preserve-fds", e);

	if (r == 0 && are_ours(getenv("LISTEN_PID")))
		r = oci_given_fds(&listen, c->o, getenv("LISTEN_FDS"), "LISTEN_FDS", e);
	if (r < 0 || !listen)
		return r;
	c->preserve += listen;
	if (c->preserve > c->o->given_fds)
		return err_set(e, EBADF, "descriptor %u is not open", 3 + c->o->given_fds);
	text = mem_printf("LISTEN_FDS=%u", listen);
	strv_setenv(&c->spec.process.env, text);
	strv_setenv(&c->spec.process.env, "LISTEN_PID=1");
	return 0;
}

/* --- the plan --- */

static int compile_filter(struct creation *c, struct err *e)
{
	int r;

	if (!c->spec.seccomp)
		return 0;
	r = secprof_parse(&c->profile, c->spec.seccomp, strlen(c->spec.seccomp), e);
	if (r == 0)
		r = seccomp_compile(&c->filter, &c->profile, c->spec.process.caps.bounding, e);
	return r < 0 ? err_ctx(e, r, "linux.seccomp") : 0;
}

static int compile_plan(struct creation *c, struct err *e)
{
	AUTO(buf) struct buf before = BUF_INIT(MAX_SPEC), behind = BUF_INIT(MAX_SPEC);
	const struct spec_ns *net = &c->spec.ns[SPEC_NS_NETWORK];
	struct plan_options o = {
		.idmap = c->spec.ns[SPEC_NS_USER].set ? &c->spec.idmap : NULL,
		.self_uid = geteuid(),
		.self_gid = getegid(),
		.newuidmap = userns_find_helper("newuidmap", c->uidmap_tool,
						sizeof(c->uidmap_tool)),
		.newgidmap = userns_find_helper("newgidmap", c->gidmap_tool,
						sizeof(c->gidmap_tool)),
		.root = { .kind = PLAN_ROOT_DIR, .path = c->spec.root_path, .recursive = true },
		.net = { .kind = net->set ? PLAN_NET_NONE : PLAN_NET_HOST },
		.seccomp = c->filter.len ? c->filter.data : NULL,
		.seccomp_len = c->filter.len,
		.profile = &c->profile,
		.no_pivot = c->opts->no_pivot,
		.keep_keyring = c->opts->no_new_keyring,
		.preserve_fds = c->preserve,
		.remote = true,
	};
	int r;

	oci_state_halves(&c->box->state, &before, &behind);
	o.state = before.data;
	o.state_rest = behind.data;
	r = plan_compile(&c->plan, &c->spec, &o, e);
	if (r < 0)
		return r;
	c->plan_fd = fd_sealed("plan", c->plan.data, c->plan.len, e);
	return c->plan_fd < 0 ? c->plan_fd : 0;
}

/* --- the container --- */

static void say_plan(const struct creation *c)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_PLAN);
	char *save = NULL;

	if (c->o->level > OCI_DEBUG)
		return;
	plan_print(c->plan.data, c->plan.len, &text);
	for (char *l = strtok_r(text.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		oci_say(c->o, OCI_DEBUG, l);
}

static int start_init(struct creation *c, struct rt_container *box, struct err *e)
{
	struct rt_args a = RT_ARGS_INIT;
	int r;

	c->listen_fd = rt_listen(c->box->dir, OCI_START, e);
	if (c->listen_fd < 0)
		return c->listen_fd;
	say_plan(c);
	a.plan_fd = c->plan_fd;
	a.plan = c->plan.data;
	a.plan_len = c->plan.len;
	a.cgroup_fd = c->cgroup.fd;
	a.listen_fd = c->listen_fd;
	for (int i = 0; i < 3; i++)
		a.stdio[i] = i;
	r = rt_start(box, &a, e);
	for (uint32_t rung = 1; r == 0 && rung; rung <<= 1)
		if (box->rungs & rung)
			oci_warn(c->o, "%s", plan_rung_text(rung));
	return r;
}

static int hand_out(struct creation *c, struct rt_container *box, struct err *e)
{
	const struct oci_create_opts *o = c->opts;
	int r = 0;

	if (c->spec.process.terminal && o->console_socket) {
		r = oci_send_fd(o->console_socket, "/dev/ptmx", box->console_fd, e);
		fd_auto(&box->console_fd);
	}
	if (r == 0 && o->pidfd_socket)
		r = oci_send_fd(o->pidfd_socket, "pidfd", box->pidfd, e);
	if (r == 0 && o->pid_file)
		r = oci_write_pid(o->pid_file, box->pid, e);
	return r;
}

/* From here on it is there for others. */
static int remember(struct creation *c, struct rt_container *box, struct err *e)
{
	struct oci_state *s = &c->box->state;
	int r = proc_id_of(&s->init, box->pid, e);

	if (r == 0)
		r = fs_replace(c->box->dir, OCI_PLAN, c->plan.data, c->plan.len, 0600,
			       FS_NOSYNC, e);
	if (r == 0)
		r = oci_box_save(c->box, e);
	if (r == 0)
		r = hand_out(c, box, e);
	return r < 0 || c->source ? r : rt_let_go(box, e);
}

static int create(struct creation *c, struct rt_container *box, struct err *e)
{
	int r = compile_filter(c, e);

	if (r == 0)
		r = compile_plan(c, e);
	if (r == 0)
		r = oci_cgroup_make(&c->cgroup, c->o, c->box, &c->spec, e);
	if (r == 0)
		r = c->source ? c->source->make(box, c->box, &c->spec, c->source->arg, e) :
				start_init(c, box, e);
	if (r == 0)
		r = oci_cgroup_settle(&c->cgroup, &c->spec, e);
	if (r == 0)
		r = remember(c, box, e);
	return r;
}

static int check_console(const struct creation *c, struct err *e)
{
	bool wanted = c->spec.process.terminal && (c->opts->detach || !c->opts->foreground);

	if (wanted && !c->opts->console_socket)
		return err_set(e, EINVAL, "--console-socket: needed for a terminal without us");
	if (c->opts->console_socket && !c->spec.process.terminal)
		return err_set(e, EINVAL, "--console-socket: process.terminal is not set");
	return 0;
}

static int begin(struct creation *c, const char *id, struct err *e)
{
	struct oci_state *s;
	int r = read_config(c, e);

	if (r == 0)
		r = c->source ? c->source->check(&c->spec, c->source->arg, e) :
				check_console(c, e);
	if (r == 0)
		r = oci_default_ids(&c->spec, c->o, e);
	if (r == 0)
		r = oci_box_make(c->box, c->o, id, e);
	if (r < 0)
		return r;
	s = &c->box->state;
	s->id = mem_str(id);
	s->bundle = mem_str(c->bundle);
	s->rootfs = mem_str(c->spec.root_path);
	s->created_ns = clock_wall_ns();
	s->owner = getuid();
	strv_join(&s->annotations, &c->spec.annotations);
	r = clock_boot_id(s->init.boot, e);
	if (r == 0)
		r = oci_box_save(c->box, e);
	if (r == 0)
		r = oci_box_save_spec(c->box, &c->spec, e);
	if (r < 0 || c->source)
		return r;
	/* The rest is for its first process alone. */
	r = take_descriptors(c, e);
	return r < 0 ? r : oci_notify_make(c->box, c->o, &c->spec, e);
}

int oci_create_from(struct oci_box *out, struct rt_container *box, struct oci *o, const char *id,
		    const struct oci_create_opts *opts, const struct oci_source *source,
		    struct err *e)
{
	AUTO(creation) struct creation c = {
		.o = o,
		.opts = opts,
		.source = source,
		.box = out,
		.filter = BUF_INIT(MIB(1)),
		.plan = BUF_INIT(MAX_PLAN),
		.cgroup = OCI_CGROUP_INIT,
		.listen_fd = -1,
		.plan_fd = -1,
	};
	struct err ignored = ERR_INIT;
	int r;

	spec_init(&c.spec);
	r = begin(&c, id, e);
	if (r == 0)
		r = create(&c, box, e);
	if (r == 0)
		return 0;
	rt_abort(box);
	if (out->id) {
		oci_cgroup_remove(o, &out->state);
		/* Its hooks may have begun something. */
		if (c.listen_fd >= 0)
			oci_poststop(o, c.plan.data);
		(void)!oci_box_drop(out, o, &ignored);
	}
	oci_box_clear(out);
	return r;
}

int oci_create(struct oci_box *out, struct rt_container *box, struct oci *o, const char *id,
	       const struct oci_create_opts *opts, struct err *e)
{
	return oci_create_from(out, box, o, id, opts, NULL, e);
}

static int create_run(struct app *app, void *args, char **operands, int count UNUSED,
		      struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct rt_container c = RT_CONTAINER_INIT;
	int r = oci_create(&b, &c, oci_of(app), operands[0], args, e);

	rt_clear(&c);
	return r;
}

static const struct opt create_opts[] = {
	{ .kind = OPT_OPTS, .opts = oci_create_options },
	{ .kind = OPT_END },
};

const struct cmd oci_cmd_create = {
	.name = "create",
	.summary = "Create a container that waits to be started",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.about = "Make a container from a bundle: a directory with config.json and a root "
		 "file system.  Its namespaces, mounts and cgroup are there afterwards; its "
		 "program runs when it is started.",
	.example = "coracle-oci create -b ./bundle --pid-file pid web",
	.opts = create_opts,
	.args_size = sizeof(struct oci_create_opts),
	.run = create_run,
};
