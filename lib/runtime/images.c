#include "lib/runtime/images.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"

void images_add_options(struct strv *args, const struct rt_images *i)
{
	strv_addf(args, "--images-dir=%s", i->dir);
	strv_addf(args, "--manage-cgroups=%s", i->cgroups);
	if (i->tcp_established)
		strv_add(args, "--tcp-established");
	if (i->ext_unix_sk)
		strv_add(args, "--ext-unix-sk");
	if (i->shell_job)
		strv_add(args, "--shell-job");
	if (i->file_locks)
		strv_add(args, "--file-locks");
	if (i->empty_net)
		strv_add(args, "--empty-ns=net");
}

void mount_table_auto(struct mount_table *t)
{
	buf_clear(&t->text);
	free_auto(&t->v);
}

int mount_table_read(struct mount_table *t, pid_t pid, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/mountinfo", pid);
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct mountinfo_iter it;
	struct mountinfo m;
	int r;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	r = fs_read_stream(fd, path, &t->text, e);
	if (r < 0)
		return r;
	mountinfo_begin(&it, t->text.data, t->text.len);
	while ((r = mountinfo_next(&it, &m, e)) > 0) {
		t->v = mem_more(t->v, t->len, sizeof(m));
		t->v[t->len++] = m;
	}
	return r < 0 ? err_ctx(e, r, "process %d", pid) : 0;
}

const struct mountinfo *mount_table_find(const struct mount_table *t, const char *target)
{
	for (size_t i = 0; i < t->len; i++)
		if (str_eq(t->v[i].target, target))
			return &t->v[i];
	return NULL;
}

char *images_source(const struct spec *s, const struct mount_table *host, const char *target)
{
	AUTO_FREE char *source = NULL;
	size_t nearest = 0;
	bool is_below = false;

	for (size_t i = 0; i < s->mount_count; i++) {
		const struct spec_mount *m = &s->mounts[i];
		AUTO_FREE char *at = mount_clean_path(m->destination);
		const char *rest = str_after(target, at);

		if (!spec_mount_is_bind(m) || !rest || (*rest && *rest != '/') ||
		    strlen(at) < nearest)
			continue;
		free_auto(&source);
		source = mem_printf("%s%s", m->source, rest);
		nearest = strlen(at);
		is_below = *rest;
	}
	/* Whoever writes to the source could have a link there. */
	return source && is_below && !mount_table_find(host, source) ? NULL : take(source);
}

/* --- the options of the cgroup2 tree --- */

/* NULL: there is none. */
static const struct mountinfo *find_cgroup2(const struct mount_table *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (str_eq(t->v[i].fstype, "cgroup2"))
			return &t->v[i];
	return NULL;
}

static int set_options(const char *at, char *options)
{
	AUTO_FD int fs = fspick(AT_FDCWD, at, FSPICK_CLOEXEC);
	char *save = NULL;

	if (fs < 0)
		return -errno;
	for (char *o = strtok_r(options, ",", &save); o; o = strtok_r(NULL, ",", &save))
		if (!str_eq(o, "rw") && fsconfig(fs, FSCONFIG_SET_FLAG, o, NULL, 0) < 0)
			return -errno;
	return fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int keep_options(const struct mountinfo *was, struct err *e)
{
	AUTO(mount_table) struct mount_table now = MOUNT_TABLE_INIT;
	AUTO_FREE char *options = mem_str(was->super_options);
	const struct mountinfo *is;
	int r = mount_table_read(&now, getpid(), e);

	if (r < 0)
		return r;
	is = find_cgroup2(&now);
	if (!is || str_eq(is->super_options, was->super_options))
		return 0;
	r = set_options(is->target, options);
	return r < 0 ? err_ret(e, r, "options of '%s', which were '%s'", is->target,
			       was->super_options) : 0;
}

int images_run(const struct criu_call *c, struct err *e)
{
	AUTO(mount_table) struct mount_table before = MOUNT_TABLE_INIT;
	const struct mountinfo *was;
	struct err why = ERR_INIT;
	int kept, r = mount_table_read(&before, getpid(), e);

	if (r < 0)
		return r;
	was = find_cgroup2(&before);
	r = criu_run(c, e);
	kept = was ? keep_options(was, &why) : 0;
	return r == 0 && kept < 0 ? err_move(e, &why) : r;
}
