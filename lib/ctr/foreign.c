#include "lib/ctr/foreign.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/platform.h"
#include "lib/fmt/secprof.h"
#include "lib/runtime/start.h"
#include "lib/store/store.h"

#define MAX_LOG KIB(64)
#define MAX_PROFILE MIB(1)

/* --- what runtimes are called with --- */

static const struct dialect {
	const char *name;
	const char *options[3];
	bool is_sandbox;		/* it has a kernel of its own */
} dialects[] = {
	{ "crun", { "--cgroup-manager=disabled" }, false },
	{ "coracle-oci", { "--cgroup-manager=disabled" }, false },
	{ "runsc", { "--ignore-cgroups", "--network=host", "--oci-seccomp" }, true },
	{ "runc", { NULL }, false },
};

/* Up to CAP_AUDIT_READ: a sandbox need not know those that came later, which
 * are about its host's kernel. */
#define SANDBOX_CAPS (CAP_BIT(38) - 1)

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "crun", "crun-1.14"; whoever is not known is called as runc is. */
static const struct dialect *find_dialect(const char *runtime)
{
	size_t last = ARRAY_SIZE(dialects) - 1;

	for (size_t i = 0; i < last; i++) {
		const char *rest = str_after(base_name(runtime), dialects[i].name);

		if (rest && (!*rest || *rest == '-' || *rest == '.'))
			return &dialects[i];
	}
	return &dialects[last];
}

bool foreign_is_sandbox(const char *runtime)
{
	return runtime && find_dialect(runtime)->is_sandbox;
}

static char *run_path(const struct ctr_env *env, const struct ctr_bundle *b, const char *name)
{
	return mem_printf("%s/%s/%s/%s", env->run_dir, env->ns, b->id, name);
}

/* Up to the verb. */
static void add_globals(struct strv *args, const char *runtime, const char *top)
{
	const struct dialect *d = find_dialect(runtime);

	strv_add(args, base_name(runtime));
	strv_addf(args, "--root=%s/state", top);
	strv_add(args, "--log=log");
	strv_add(args, "--log-format=json");
	for (size_t i = 0; i < ARRAY_SIZE(d->options) && d->options[i]; i++)
		strv_add(args, d->options[i]);
}

static void add_makes(struct strv *args, bool terminal)
{
	strv_add(args, "--pid-file=" PLAN_PID);
	if (terminal)
		strv_add(args, "--console-socket=" PLAN_CONSOLE);
}

/* The parts that a container and a process have alike; top: the directory
 * "foreign". */
static void begin_runtime(struct plan_runtime *r, const char *top, const char *dir,
			  const struct ctr_bundle *b, bool terminal)
{
	*r = (struct plan_runtime){
		.program = b->config.runtime,
		.dir = dir,
		.terminal = terminal,
	};
	add_globals(&r->create, r->program, top);
	strv_add(&r->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_addf(&r->env, "XDG_RUNTIME_DIR=%s", top);
}

static void runtime_auto(struct plan_runtime *r)
{
	strv_clear(&r->create);
	strv_clear(&r->start);
	strv_clear(&r->env);
}

/* --- what surrounds the container --- */

static bool is_net_sysctl(const char *text)
{
	return str_starts(text, "net.");
}

static void add_options(struct spec_mount *m, const char *a, const char *b, const char *c)
{
	strv_add(&m->options, a);
	strv_add(&m->options, b);
	strv_add(&m->options, c);
}

static void surroundings(struct spec *s, const struct ctr_bundle *b, const char *top)
{
	struct spec_mount *m;

	spec_init(s);
	/* It is inherited, by those too whose runtime does not know it. */
	s->domainname = mem_str(b->spec.domainname);
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		s->ns[i].set = b->spec.ns[i].set;
	for (size_t i = 0; i < b->spec.sysctl.len; i++)
		if (is_net_sysctl(b->spec.sysctl.v[i]))
			strv_add(&s->sysctl, b->spec.sysctl.v[i]);
	m = spec_add_mount(s, "/proc", "proc", "proc");
	add_options(m, "nosuid", "nodev", "noexec");
	/* What the container will be shown of it. */
	if (b->config.net == CTR_NET_HOST) {
		m = spec_add_mount(s, "/sys", "bind", "/sys");
		add_options(m, "rbind", "rprivate", "rro");
	}
	/* Over a hierarchy that the runtime does not understand, or that is
	 * not the container's business. */
	m = spec_add_mount(s, "/sys/fs/cgroup", "cgroup2", "cgroup");
	add_options(m, "ro", "nosuid", "nodev");
	m = spec_add_mount(s, top, "tmpfs", "tmpfs");
	strv_add(&m->options, "mode=0700");
	strv_add(&s->process.args, b->config.runtime);
}

/* With every id there is, a runtime believes that it is the machine's root. */
static void leave_one_out(struct id_ranges *m)
{
	if (m->len == 1 && m->at[0].count == UINT32_MAX)
		m->at[0].count--;
}

static int check_runtime(const char *path, struct err *e)
{
	if (access(path, X_OK) < 0)
		return err_hint(e, err_sys(e, "runtime '%s'", path), "runtime.missing");
	return 0;
}

/* What would be passed over in silence: a sandbox has a kernel of its own, and
 * nothing that is mounted on the host comes through our mount namespace. */
static int check_flags(const struct ctr_bundle *b, struct err *e)
{
	const struct ctr_config *c = &b->config;
	const char *flag = NULL;

	if (foreign_is_sandbox(c->runtime))
		flag = c->domainname ? "--domainname" : c->sysctl.len ? "--sysctl" : NULL;
	for (size_t i = 0; i < c->mount_count; i++)
		if (c->mounts[i].propagation > MOUNT_RPRIVATE)
			flag = mount_propagation_name(c->mounts[i].propagation);
	return !flag ? 0 : err_set(e, EOPNOTSUPP, "%s: not possible with runtime '%s'", flag,
				   base_name(c->runtime));
}

int foreign_plan(struct buf *out, struct ctr_env *env, const struct ctr_bundle *b,
		 const struct plan_options *o, struct err *e)
{
	AUTO_FREE char *top = run_path(env, b, "foreign");
	AUTO_FREE char *dir = run_path(env, b, FOREIGN_BUNDLE);
	AUTO_FREE char *root = mem_printf("%s/rootfs", top);
	AUTO_FREE struct plan_file *files = mem_zero(o->file_count, sizeof(*files));
	AUTO(strv) struct strv targets = STRV_INIT;
	AUTO(runtime) struct plan_runtime rt;
	struct plan_options outer = *o;
	struct idmap map = *o->idmap;
	AUTO(spec) struct spec s;
	int r = check_runtime(b->config.runtime, e);

	if (r == 0)
		r = check_flags(b, e);
	begin_runtime(&rt, top, dir, b, b->config.tty);
	surroundings(&s, b, top);
	strv_join(&rt.start, &rt.create);
	strv_add(&rt.start, "start");
	strv_add(&rt.start, b->id);
	strv_add(&rt.create, "create");
	strv_addf(&rt.create, "--bundle=%s", dir);
	add_makes(&rt.create, b->config.tty);
	strv_add(&rt.create, b->id);
	rt.root = o->root;
	rt.root_at = root;
	for (size_t i = 0; i < o->file_count; i++)
		strv_addf(&targets, "%s/%s", top, base_name(o->files[i].target));
	for (size_t i = 0; i < o->file_count; i++)
		files[i] = (struct plan_file){ o->files[i].source, targets.v[i], false };
	leave_one_out(&map.uids);
	leave_one_out(&map.gids);
	outer.idmap = &map;
	outer.files = files;
	outer.root = (struct plan_root){ .kind = PLAN_ROOT_DIR, .path = "/", .recursive = true };
	outer.runtime = &rt;
	return r < 0 ? r : plan_compile(out, &s, &outer, e);
}

/* --- the bundle --- */

/* The filter that we would have loaded ourselves, as the runtime reads it. */
static int print_seccomp(char **out, const struct ctr_bundle *b, struct err *e)
{
	AUTO(secprof) struct secprof own = SECPROF_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MAX_PROFILE);
	const struct secprof *p = &secprof_default;
	AUTO(platform) struct platform host = PLATFORM_INIT;
	struct utsname u;
	int r;

	if (b->config.privileged || str_eq(b->config.seccomp, "unconfined"))
		return 0;
	if (uname(&u) < 0)
		return err_sys(e, "uname");
	platform_host(&host, u.sysname, u.machine);
	if (b->config.seccomp) {
		r = secprof_parse(&own, b->config.seccomp, strlen(b->config.seccomp), e);
		if (r < 0)
			return err_ctx(e, r, "seccomp profile");
		p = &own;
	}
	secprof_print(p, b->spec.process.caps.bounding, host.arch, secprof_kernel(u.release),
		      &text);
	r = buf_ok(&text, "seccomp profile", e);
	if (r == 0)
		*out = buf_steal(&text);
	return r;
}

/* Takes source. */
static void add_bind(struct spec *s, const char *target, char *source, const char *mode)
{
	add_options(spec_add_mount(s, target, "bind", source), "bind", "rprivate", mode);
	free(source);
}

/* The host's network has no sysfs of its own: what there is is shown. */
static void bind_sys(struct spec *s)
{
	for (size_t i = 0; i < s->mount_count; i++) {
		struct spec_mount *m = &s->mounts[i];

		if (!str_eq(m->type, "sysfs"))
			continue;
		free(m->type);
		free(m->source);
		m->type = mem_str("bind");
		m->source = mem_str("/sys");
		strv_add(&m->options, "rbind");
		strv_add(&m->options, "rslave");
	}
}

static void drop_net_sysctls(struct spec *s)
{
	struct strv kept = STRV_INIT;

	for (size_t i = 0; i < s->sysctl.len; i++)
		if (!is_net_sysctl(s->sysctl.v[i]))
			strv_add(&kept, s->sysctl.v[i]);
	strv_clear(&s->sysctl);
	s->sysctl = kept;
}

static void limit_caps(struct spec_process *p, const struct ctr_bundle *b)
{
	uint64_t *const sets[] = { &p->caps.bounding, &p->caps.effective, &p->caps.permitted };

	for (size_t i = 0; i < ARRAY_SIZE(sets) && foreign_is_sandbox(b->config.runtime); i++)
		*sets[i] &= SANDBOX_CAPS;
}

/* A sandbox sees one mount where the host has many, and below a file there are
 * none: not every runtime takes options for them there. */
static void limit_options(struct spec_mount *m, bool is_sandbox)
{
	static const char *const recursive[] = { "rro", "rnosuid", "rnodev", "rnoexec" };
	struct stat st;

	if (!is_sandbox && (!str_eq(m->type, "bind") || stat(m->source, &st) < 0 ||
			    S_ISDIR(st.st_mode)))
		return;
	for (size_t i = 0; i < m->options.len; i++)
		for (size_t k = 0; k < ARRAY_SIZE(recursive); k++)
			if (str_eq(m->options.v[i], recursive[k]))
				strv_set(&m->options, i, recursive[k] + 1);
}

static void prefix_init(struct spec_process *p)
{
	struct strv args = STRV_INIT;

	strv_add(&args, RT_ALONE);
	strv_join(&args, &p->args);
	strv_clear(&p->args);
	p->args = args;
}

/* The container's own spec without what surrounds it already. */
static int inner_spec(struct spec *out, struct ctr_env *env, const struct ctr_bundle *b,
		      struct err *e)
{
	static const char *const names[] = { "hosts", "resolv.conf", "hostname" };
	AUTO_FREE char *top = run_path(env, b, "foreign");
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	spec_print(&b->spec, &text);
	r = buf_ok(&text, "config.json", e);
	if (r == 0)
		r = spec_parse(out, text.data, text.len, e);
	if (r < 0)
		return r;
	free(out->oci_version);
	free(out->root_path);
	out->oci_version = mem_str("1.0.2");	/* which all of them know */
	out->root_path = mem_printf("%s/rootfs", top);
	out->ns[SPEC_NS_USER].set = out->ns[SPEC_NS_NETWORK].set = false;
	spec_resources_clear(&out->resources);
	limit_caps(&out->process, b);
	for (size_t i = 0; i < out->mount_count; i++)
		limit_options(&out->mounts[i], foreign_is_sandbox(b->config.runtime));
	drop_net_sysctls(out);
	if (b->config.net == CTR_NET_HOST)
		bind_sys(out);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *target = mem_printf("/etc/%s", names[i]);

		add_bind(out, target, mem_printf("%s/%s", top, names[i]), "rw");
	}
	if (b->config.init) {
		add_bind(out, RT_ALONE, mem_printf("%s/%s/%s/init",
			 store_dir_path(env->store, STORE_DIR_CONTAINERS), env->ns, b->id), "ro");
		prefix_init(&out->process);
	}
	return print_seccomp(&out->seccomp, b, e);
}

/* A program for --init that needs nothing of the image: our shim is static.  It
 * is a copy, which the container may do with as it likes. */
static int copy_init(struct ctr_env *env, const struct ctr_bundle *b, struct err *e)
{
	AUTO_FD int dir = container_open_dir(env->store, env->ns, b->id, e);
	AUTO_FD int from = -1, to = -1;

	if (dir < 0)
		return dir;
	from = open(env->shim_program, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_sys(e, "open '%s'", env->shim_program);
	(void)unlinkat(dir, "init", 0);
	to = openat(dir, "init", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	return to < 0 ? err_sys(e, "make the container's init") :
		fs_copy_data(to, from, UINT64_MAX, e);
}

/* An empty directory, with an empty log that belongs to us. */
static int make_dir(int run_fd, const char *name, struct err *e)
{
	AUTO_FD int dir = -1;
	int r = fs_rmtree(run_fd, name, e);

	if (r < 0)
		return r;
	dir = fs_mkdirs(run_fd, name, 0700, e);
	if (dir < 0)
		return dir;
	r = fs_replace(dir, "log", "", 0, 0600, FS_NOSYNC, e);
	return r < 0 ? r : take_fd(&dir);
}

int foreign_prepare(struct ctr_env *env, const struct ctr_bundle *b, int run_fd, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO(spec) struct spec s;
	AUTO_FD int dir = make_dir(run_fd, FOREIGN_BUNDLE, e);
	AUTO_FD int top = dir < 0 ? -1 : fs_mkdirs(run_fd, "foreign", 0700, e);
	int r = dir < 0 ? dir : top < 0 ? top : 0;

	spec_init(&s);
	if (r == 0 && b->config.init)
		r = copy_init(env, b, e);
	if (r == 0)
		r = inner_spec(&s, env, b, e);
	if (r < 0)
		return r;
	spec_print(&s, &text);
	r = buf_ok(&text, "config.json", e);
	return r < 0 ? r :
		fs_replace(dir, "config.json", text.data, text.len, 0600, FS_NOSYNC, e);
}

/* --- one more process --- */

int foreign_plan_exec(struct buf *out, struct ctr_env *env, struct ctr_bundle *b,
		      int run_fd, const char *dir, struct plan_exec_options *o, struct err *e)
{
	struct spec_process *p = &b->spec.process;
	AUTO_FREE char *top = run_path(env, b, "foreign");
	AUTO_FREE char *path = run_path(env, b, dir);
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO(runtime) struct plan_runtime rt;
	AUTO_FD int fd = make_dir(run_fd, dir, e);
	int r = fd < 0 ? fd : check_runtime(b->config.runtime, e);

	begin_runtime(&rt, top, path, b, p->terminal);
	strv_add(&rt.create, "exec");
	strv_add(&rt.create, "--detach");
	strv_add(&rt.create, "--process=process.json");
	add_makes(&rt.create, p->terminal);
	strv_add(&rt.create, b->id);
	limit_caps(p, b);
	spec_process_print(p, &text);
	if (r == 0)
		r = buf_ok(&text, "process.json", e);
	if (r == 0)
		r = fs_replace(fd, "process.json", text.data, text.len, 0600, FS_NOSYNC, e);
	o->runtime = &rt;
	return r < 0 ? r : plan_compile_exec(out, p, o, e);
}

/* --- what it said --- */

/* The message of the last record that has one.  Not everybody ends records by
 * a line feed, or at all. */
static char *last_words(char *log)
{
	char *words = NULL;

	while (*log) {
		AUTO(json) json_t *doc = NULL;
		struct err ignored = ERR_INIT;
		const char *next = strstr(log, "}{");
		size_t len = strcspn(log, "\n");
		const char *text = NULL;
		struct json_at root;

		if (next && (size_t)(next - log) < len)
			len = (size_t)(next - log) + 1;
		if (json_load_strict(&doc, log, len, &ignored) == 0) {
			root = json_root(doc);
			if (json_get_string(&text, &root, "msg", JSON_MUST, &ignored) > 0) {
				free(words);
				words = mem_str(text);
			}
		}
		log += len + (log[len] == '\n');
	}
	if (words)
		str_mask(words);
	return words;
}

/* None of them tells it by a number: 127 and 126 are about the command. */
static int error_code(const char *words, const char *command)
{
	if (!strcasestr(words, "executable") && !strstr(words, command))
		return ECANCELED;
	if (strcasestr(words, "not found") || strcasestr(words, "no such file or directory") ||
	    strcasestr(words, "error finding executable"))
		return ENOENT;
	return strcasestr(words, "permission denied") ? EACCES : ECANCELED;
}

void foreign_explain(const struct ctr_bundle *b, int run_fd, const char *dir,
		     int *exit_status, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/log", dir);
	AUTO(buf) struct buf log = BUF_INIT(MAX_LOG);
	struct err ignored = ERR_INIT;
	AUTO_FREE char *words = NULL;
	int code;

	if (!str_eq(e->key, "rt.call") || fs_read(run_fd, path, &log, &ignored) < 0)
		return;
	words = last_words(log.data);
	if (!words)
		return;
	code = error_code(words, b->spec.process.args.v[0]);
	err_clear(e);
	(void)err_set(e, code, "runtime '%s': %s", base_name(b->config.runtime), words);
	if (code == ECANCELED)
		return;
	*exit_status = code == ENOENT ? 127 : 126;
	(void)err_hint(e, -code, "rt.exec");
}

/* --- the container from outside --- */

char *foreign_process(const struct ctr_env *env, const struct ctr *c)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int run = ctr_run_dir(env, c->row.id, false, &ignored);
	char text[24] = "";
	ssize_t len;
	uint64_t pid;

	if (run >= 0)
		(void)!fs_read_small(run, FOREIGN_BUNDLE "/" PLAN_PID, text, sizeof(text), &len,
				     &ignored);
	err_clear(&ignored);
	text[strcspn(text, "\n")] = '\0';
	if (num_u64(text, 1, INT32_MAX, &pid, &ignored) < 0)
		return mem_printf("%d", (int)c->page.init.pid);
	return mem_printf("%d/root/proc/%llu", (int)c->page.init.pid, (unsigned long long)pid);
}
