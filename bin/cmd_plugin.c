/* What can be exchanged: built in, or programs of others that are here. */
#include <dirent.h>
#include <string.h>
#include <sys/utsname.h>

#include "bin/env.h"
#include "bin/jtree.h"
#include "bin/runtimes.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/platform.h"
#include "lib/fmt/table.h"
#include "lib/os/probe.h"
#include "lib/plugin/helper.h"
#include "lib/snap/external.h"
#include "rootless/idmap.h"

#define CREDENTIAL_PREFIX "docker-credential-"
#define ANSWER_MS 5000

struct plugin_args {
	const char *format;
	bool quiet;
};

static const struct opt plugin_opts[] = {
	TEXT(struct plugin_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct plugin_args, quiet, 'q', "quiet", "Only ids"),
	{ .kind = OPT_END },
};

static const struct column columns[] = {
	{ .name = "Type", .header = "TYPE" },
	{ .name = "ID", .header = "ID" },
	{ .name = "Platforms", .header = "PLATFORMS" },
	{ .name = "Status", .header = "STATUS" },
	{ .name = "Path", .header = "PATH", .hidden = true },
	{ .name = "Version", .header = "VERSION", .hidden = true },
	{ .name = "Features", .header = "FEATURES", .hidden = true },
};

static const struct table table = { columns, ARRAY_SIZE(columns), "ID" };

struct list {
	json_t *rows;
	struct buf platform;
	struct probe probe;
	struct ids ids;
	struct snap_env snap;
};

/* status: "ok", or why not.  The row is borrowed. */
static json_t *add(struct list *l, const char *type, const char *id, const char *platform,
		   const char *status)
{
	json_t *row = json_object();

	jtree_text(row, "Type", type);
	jtree_text(row, "ID", id);
	jtree_text(row, "Platforms", platform);
	jtree_text(row, "Status", status);
	jtree_text(row, "Path", "");
	jtree_text(row, "Version", "");
	json_object_set_new(row, "Features", json_null());
	json_array_append_new(l->rows, row);
	return row;
}

static const char *answer(int probed)
{
	return probed == 0 ? "ok" : str_errno(-probed);
}

/* --- built in --- */

static json_t *add_snapshotter(struct list *l, const struct snap_driver *d)
{
	struct err why = ERR_INIT;
	int r = d->probe(d, &l->snap, &why);

	return add(l, "snapshotter", d->name, l->platform.data, r < 0 ? why.text : "ok");
}

static void add_snapshotters(struct list *l)
{
	for (size_t i = 0; snap_drivers[i]; i++)
		(void)add_snapshotter(l, snap_drivers[i]);
}

static void add_drivers(struct list *l)
{
	const struct probe *p = &l->probe;
	int own_network = p->userns ? p->userns : p->netns;

	(void)add(l, "network", "slirp", "-", answer(own_network ? own_network : p->tun));
	(void)add(l, "network", "none", "-", answer(own_network));
	(void)add(l, "network", "host", "-", "ok");
	(void)add(l, "network", "container", "-", answer(own_network));
	(void)add(l, "log", "json-file", "-", "ok");
	(void)add(l, "log", "none", "-", "ok");
}

/* --- programs of others --- */

/* What a runtime answers to one word. */
static int ask(struct buf *out, const char *path, const char *word, struct err *e)
{
	const struct helper h = {
		.program = path,
		.args = (char *[]){ (char *)word, NULL },
		.input = "",
		.timeout_ms = ANSWER_MS,
	};
	int status;
	int r = helper_run(&h, out, &status, e);

	return r < 0 || !status ? r : err_set(e, EIO, "'%s %s': exit status %d",
					      runtime_name(path), word, status);
}

/* Asked as runtime-spec's features.md says; not every one answers. */
static int ask_features(json_t **out, const char *path, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	int r = ask(&text, path, "features", e);

	return r < 0 ? r : json_load_strict(out, text.data, text.len, e);
}

static void add_runtime(struct list *l, const char *path, const char *name)
{
	AUTO(buf) struct buf version = BUF_INIT(KIB(64));
	struct err why = ERR_INIT, silent = ERR_INIT;
	json_t *features = NULL;
	json_t *row;
	int r = ask(&version, path, "--version", &why);

	row = add(l, "runtime", name, l->platform.data, r < 0 ? why.text : "ok");
	jtree_text(row, "Path", path);
	buf_cut(&version, strcspn(version.data, "\n"));
	jtree_text(row, "Version", version.data);
	if (r == 0 && ask_features(&features, path, &silent) == 0)
		json_object_set_new(row, "Features", features);
}

/* Ours in process and coracle-oci are the same code. */
static void add_runtimes(struct list *l, const struct ctr_env *env)
{
	add_runtime(l, env->oci_program, RUNTIME_OURS);
	for (const char *const *name = runtime_names; *name; name++) {
		struct err missing = ERR_INIT;
		AUTO_FREE char *path = NULL;

		if (runtime_find(&path, *name, &missing) == 0)
			add_runtime(l, path, *name);
	}
}

typedef json_t *add_fn(struct list *l, const char *id);

static json_t *add_helper(struct list *l, const char *id)
{
	return add(l, "credential", id, "-", "ok");
}

static json_t *add_external(struct list *l, const char *id)
{
	const struct snap_driver *d = snap_find(id);
	struct err why = ERR_INIT;

	if (d)
		return add_snapshotter(l, d);
	(void)!snap_refuse(id, &why);
	return add(l, "snapshotter", id, l->platform.data, why.text);
}

/* One directory of PATH; what was in an earlier one hides it. */
static void add_programs_in(struct list *l, const char *dir, const char *prefix,
			    struct strv *known, add_fn *fn)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		const char *id = str_after(entry->d_name, prefix);
		AUTO_FREE char *path = NULL;

		if (str_is_empty(id) || strv_has(known, id) ||
		    !(path = find_in_path(entry->d_name, dir)))
			continue;
		strv_add(known, id);
		jtree_text(fn(l, id), "Path", path);
	}
	if (d)
		(void)closedir(d);
}

static void add_programs(struct list *l, const char *prefix, add_fn *fn)
{
	AUTO_FREE char *path = mem_str(str_or(getenv("PATH"), ""));
	AUTO(strv) struct strv known = STRV_INIT;
	char *save = NULL;

	for (char *dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
		add_programs_in(l, dir, prefix, &known, fn);
}

/* --- commands --- */

static int gather(struct list *l, struct app *app, struct ctr_env *env, struct err *e)
{
	AUTO(platform) struct platform host = PLATFORM_INIT;
	struct utsname u;
	int r = env_init(env, app, e);

	if (r < 0)
		return r;
	if (uname(&u) < 0)
		return err_sys(e, "uname");
	platform_host(&host, u.sysname, u.machine);
	platform_print(&host, &l->platform);
	r = probe_run(&l->probe, store_dir_path(env->store, STORE_DIR_ROOT), e);
	if (r < 0)
		return r;
	(void)add(l, "content", "local", "-", "ok");
	r = ctr_ids(env, NULL, &l->ids, e);
	if (r < 0)
		return r;
	l->snap = (struct snap_env){
		.base = store_dir_path(env->store, STORE_DIR_SNAPSHOTS),
		.fuse_overlayfs = env->fuse_program, .map = &l->ids.map,
	};
	add_snapshotters(l);
	add_programs(l, EXTERNAL_PREFIX, add_external);
	add_runtimes(l, env);
	add_drivers(l);
	add_programs(l, CREDENTIAL_PREFIX, add_helper);
	return 0;
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct plugin_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	struct list l = { .rows = json_array(), .platform = BUF_INIT(KIB(1)) };
	int r = gather(&l, app, &env, e);

	if (r == 0)
		r = table_print(&app->out, &table, &o, l.rows, e);
	json_decref(l.rows);
	buf_clear(&l.platform);
	return r;
}

static int inspect_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		       struct err *e)
{
	AUTO_FREE char *path = NULL;
	json_t *features = NULL;
	int r = runtime_find(&path, operands[0], e);

	if (r == 0 && !path)
		r = app_program("coracle-oci", &path, e);
	if (r == 0)
		r = ask_features(&features, path, e);
	if (r < 0)
		return err_ctx(e, r, "features of runtime '%s'", operands[0]);
	jtree_print(&app->out, features);
	json_decref(features);
	return EXIT_DONE;
}

static const char *const ls_aliases[] = { "plugin list", "plugins ls", NULL };

const struct cmd cmd_plugin_ls = {
	.name = "plugin ls",
	.aliases = ls_aliases,
	.summary = "List what is built in and which programs are found",
	.max = 0,
	.about = "List snapshotters, OCI runtimes, network and log drivers and credential "
		 "helpers, with what keeps them from working here. A runtime can be named with "
		 "'coracle run --runtime'; one that is a program elsewhere by its path. A program "
		 EXTERNAL_PREFIX "NAME in PATH is a snapshotter: 'coracle run --snapshotter "
		 "NAME'.",
	.example = "coracle plugin ls\n"
		   "coracle plugin ls --format '{{.ID}} {{.Path}} {{.Version}}'",
	.opts = plugin_opts,
	.args_size = sizeof(struct plugin_args),
	.run = ls_run,
};

const struct cmd cmd_plugin_inspect_runtime = {
	.name = "plugin inspect-runtime",
	.summary = "Show what an OCI runtime says that it can do",
	.operands = "RUNTIME",
	.min = 1,
	.max = 1,
	.about = "Print the features of a runtime as JSON, as its own command 'features' has "
		 "them. Older ones do not have that command.",
	.example = "coracle plugin inspect-runtime runc",
	.run = inspect_run,
};
