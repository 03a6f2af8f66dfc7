#include "lib/runtime/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"
#include "lib/fmt/secprof.h"
#include "lib/fmt/spec_text.h"
#include "lib/runtime/images.h"

#define PTS_MAJOR_FIRST 136		/* of the slaves of terminals */
#define PTS_MAJOR_LAST 143

/* --- what cannot be --- */

static int check_mounts(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->mount_count; i++)
		if (s->mounts[i].idmap || strv_has(&s->mounts[i].options, "idmap") ||
		    strv_has(&s->mounts[i].options, "ridmap"))
			return err_set(e, EOPNOTSUPP, "mount '%s': criu does not know its map "
				       "of ids", s->mounts[i].destination);
	return 0;
}

static int check_seccomp(const struct spec *s, struct err *e)
{
	AUTO(secprof) struct secprof p = SECPROF_INIT;
	int r = s->seccomp ? secprof_parse(&p, s->seccomp, strlen(s->seccomp), e) : 0;

	if (r == 0 && p.listener_path)
		r = err_set(e, EOPNOTSUPP, "linux.seccomp.listenerPath: who listens there would "
			    "not be asked again");
	return r;
}

int rt_check_saved(const struct spec *s, struct err *e)
{
	int r;

	if (s->process.terminal)
		return err_set(e, EOPNOTSUPP, "process.terminal: a terminal cannot be saved");
	/* Its root cannot open the images, nor the streams. */
	if (s->ns[SPEC_NS_USER].set)
		return err_set(e, EOPNOTSUPP, "linux.namespaces: a user namespace cannot be saved");
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		if (s->ns[i].path && i != SPEC_NS_NETWORK)
			return err_set(e, EOPNOTSUPP, "linux.namespaces: a %s namespace that is "
				       "joined cannot be saved", spec_ns_names[i]);
	for (size_t i = 0; i < SPEC_HOOK_POSTSTOP; i++)
		if (s->hooks.count[i])
			return err_set(e, EOPNOTSUPP, "hooks.%s: what is restored does not start",
				       spec_hook_names[i]);
	r = check_mounts(s, e);
	return r < 0 ? r : check_seccomp(s, e);
}

/* --- a container that is being saved --- */

struct saving {
	const struct rt_save *s;
	struct mount_table inside, host;
	struct checkpoint beside;
	struct criu_call call;
};

static void saving_auto(struct saving *v)
{
	mount_table_auto(&v->inside);
	mount_table_auto(&v->host);
	checkpoint_clear(&v->beside);
	strv_clear(&v->call.args);
}

/* --- which mounts are not its own --- */

static bool host_has(const struct saving *v, const struct mountinfo *m)
{
	for (size_t i = 0; i < v->host.len; i++)
		if (v->host.v[i].major == m->major && v->host.v[i].minor == m->minor)
			return true;
	return false;
}

/* Whether it shows a file system that the spec has made for the container, as
 * /proc/sys shows procfs.  Of cgroups, and of all that belongs to a namespace,
 * the host may have the very same. */
static bool is_made(const struct saving *v, const struct mountinfo *m)
{
	const struct spec *s = v->s->spec;

	for (size_t i = 0; i < s->mount_count; i++) {
		AUTO_FREE char *at = mount_clean_path(s->mounts[i].destination);
		const struct mountinfo *made = mount_table_find(&v->inside, at);

		if (!spec_mount_is_bind(&s->mounts[i]) && made && made->major == m->major &&
		    made->minor == m->minor)
			return true;
	}
	return false;
}

/* The host's name of a device that is mounted alone: over a masked file, or
 * where no node can be made. */
static char *find_device(const struct saving *v, const struct mountinfo *m)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/root%s", v->s->pid, m->target);
	AUTO_FREE char *device = mem_printf("/dev%s", m->root);
	struct stat in, out;

	if (lstat(path, &in) < 0 || lstat(device, &out) < 0 || !S_ISCHR(in.st_mode) ||
	    !S_ISCHR(out.st_mode) || in.st_rdev != out.st_rdev)
		return NULL;
	return take(device);
}

static int add_mount(struct saving *v, const struct mountinfo *m, struct err *e)
{
	AUTO_FREE char *device = find_device(v, m);
	AUTO_FREE char *pair = mem_printf("%s=%s", m->target, str_or(device, ""));
	AUTO_FREE char *source = images_source(v->s->spec, &v->host, m->target);

	if (!device && !source)
		return err_set(e, EOPNOTSUPP, "mount '%s': config.json does not have it",
			       m->target);
	/* One may be over another. */
	if (strv_has(&v->beside.devices, pair) || strv_has(&v->beside.mounts, m->target))
		return 0;
	if (device)
		strv_add(&v->beside.devices, pair);
	else
		strv_add(&v->beside.mounts, m->target);
	strv_addf(&v->call.args, "--external=mnt[%s]:%s", m->target, m->target);
	return 0;
}

/* A link on the way has taken it elsewhere, where nobody would find it again. */
static int check_binds(const struct saving *v, struct err *e)
{
	const struct spec *s = v->s->spec;

	for (size_t i = 0; i < s->mount_count; i++) {
		AUTO_FREE char *at = mount_clean_path(s->mounts[i].destination);

		if (spec_mount_is_bind(&s->mounts[i]) && !mount_table_find(&v->inside, at))
			return err_set(e, EOPNOTSUPP, "mount '%s': it is at another place",
				       s->mounts[i].destination);
	}
	return 0;
}

static int add_mounts(struct saving *v, struct err *e)
{
	int r = mount_table_read(&v->inside, v->s->pid, e);

	if (r == 0)
		r = mount_table_read(&v->host, getpid(), e);
	if (r == 0)
		r = check_binds(v, e);
	for (size_t i = 0; r == 0 && i < v->inside.len; i++) {
		const struct mountinfo *m = &v->inside.v[i];

		if (!str_eq(m->target, "/") && host_has(v, m) && !is_made(v, m))
			r = add_mount(v, m, e);
	}
	return r;
}

/* --- streams that came from outside --- */

/* Whether an open file is in one of the container's mounts. */
static int is_inside(const struct saving *v, int n, bool *is, uint32_t *id, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/fdinfo/%d", v->s->pid, n);
	char text[512], *at, *save = NULL;
	uint64_t mount;
	ssize_t len;
	int r = fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, e);

	if (r < 0)
		return r;
	at = strstr(text, "mnt_id:");
	at = at ? strtok_r(at + strlen("mnt_id:"), "\t\n ", &save) : NULL;
	if (!at)
		return err_set(e, EIO, "bad '%s'", path);
	r = num_u64(at, 0, UINT32_MAX, &mount, e);
	if (r < 0)
		return r;
	*id = (uint32_t)mount;
	*is = false;
	for (size_t i = 0; i < v->inside.len; i++)
		*is |= v->inside.v[i].id == *id;
	return 0;
}

static bool is_terminal(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) >= PTS_MAJOR_FIRST &&
	       major(st->st_rdev) <= PTS_MAJOR_LAST;
}

/* Two of them may be the same. */
static void add_external(struct saving *v, const char *name)
{
	AUTO_FREE char *arg = mem_printf("--external=%s", name);

	if (!strv_has(&v->call.args, arg))
		strv_add(&v->call.args, arg);
}

/* One that is opened again by its name. */
static int add_file(struct saving *v, int n, uint32_t mount, const struct stat *st,
		    const char *path, struct err *e)
{
	struct checkpoint_stream *s = &v->beside.stdio[n];
	struct stat now;

	if (!S_ISREG(st->st_mode) && !S_ISCHR(st->st_mode))
		return err_set(e, EOPNOTSUPP, "descriptor %d: '%s' is neither a file nor a pipe "
			       "nor a terminal, and cannot be saved", n, path);
	if (lstat(path, &now) < 0 || now.st_dev != st->st_dev || now.st_ino != st->st_ino)
		return err_set(e, EOPNOTSUPP, "descriptor %d: '%s' is gone and would not be found "
			       "again", n, path);
	s->name = mem_printf("file[%x:%jx]", mount, (uintmax_t)st->st_ino);
	s->path = mem_str(path);
	add_external(v, s->name);
	return 0;
}

static int add_stream(struct saving *v, int n, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/fd/%d", v->s->pid, n);
	struct checkpoint_stream *s = &v->beside.stdio[n];
	char link[MAX_PATH];
	ssize_t len = readlink(path, link, sizeof(link) - 1);
	bool inside = false;
	uint32_t mount = 0;
	struct stat st;
	int r;

	link[len < 0 ? 0 : len] = '\0';
	if (len < 0)
		return errno == ENOENT ? 0 : err_sys(e, "read '%s'", path);
	if (stat(path, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	if (str_starts(link, "pipe:[")) {
		s->name = mem_str(link);
		return 0;
	}
	r = is_inside(v, n, &inside, &mount, e);
	if (r < 0 || inside)
		return r;
	if (!is_terminal(&st))
		return add_file(v, n, mount, &st, link, e);
	s->name = mem_printf("tty[%jx:%jx]", (uintmax_t)st.st_rdev, (uintmax_t)st.st_dev);
	add_external(v, s->name);
	return 0;
}

/* --- all --- */

static int add_network(struct saving *v, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/ns/net", v->s->pid);
	struct stat st;

	if (!v->s->spec->ns[SPEC_NS_NETWORK].path)
		return 0;
	if (stat(path, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	strv_addf(&v->call.args, "--external=net[%ju]:" IMAGES_NET, (uintmax_t)st.st_ino);
	return 0;
}

static void add_options(struct saving *v, const struct rt_images *i)
{
	struct strv *args = &v->call.args;

	images_add_options(args, i);
	strv_addf(args, "--tree=%d", v->s->pid);
	strv_addf(args, "--freeze-cgroup=%s", v->s->cgroup);
	if (v->s->memory_only || v->s->parent)
		strv_add(args, "--track-mem");
	if (v->s->parent)
		strv_addf(args, "--prev-images-dir=%s", v->s->parent);
	if (v->s->leave_running)
		strv_add(args, "--leave-running");
}

static int write_beside(const struct saving *v, const char *dir, struct err *e)
{
	AUTO_FD int fd = fs_mkdirs(AT_FDCWD, dir, 0700, e);
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	if (fd < 0)
		return fd;
	checkpoint_print(&v->beside, &text);
	r = buf_ok(&text, CHECKPOINT_FILE, e);
	return r < 0 ? r : fs_replace(fd, CHECKPOINT_FILE, text.data, text.len, 0600,
				      FS_NOSYNC, e);
}

int rt_save(const struct rt_images *i, const struct rt_save *s, struct err *e)
{
	AUTO(saving) struct saving v = {
		.s = s,
		.inside = MOUNT_TABLE_INIT,
		.host = MOUNT_TABLE_INIT,
		.beside = CHECKPOINT_INIT,
		.call = {
			.command = s->memory_only ? "pre-dump" : "dump",
			.work = i->work,
			.verbose = i->verbose,
		},
	};
	int r = rt_check_saved(s->spec, e);

	if (r == 0)
		r = criu_check(e);
	add_options(&v, i);
	if (r == 0)
		r = add_mounts(&v, e);
	for (int n = 0; r == 0 && n < CHECKPOINT_STREAMS; n++)
		r = add_stream(&v, n, e);
	if (r == 0)
		r = add_network(&v, e);
	if (r == 0)
		r = write_beside(&v, i->dir, e);
	return r < 0 ? r : images_run(&v.call, e);
}
