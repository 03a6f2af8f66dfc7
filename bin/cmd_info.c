#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "bin/app.h"
#include "bin/env.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/layers.h"
#include "lib/fmt/human.h"
#include "lib/fmt/platform.h"
#include "lib/fmt/table.h"
#include "lib/os/probe.h"
#include "lib/snap/snap.h"
#include "rootless/idmap.h"

struct info_args {
	const char *format;
};

static const struct opt info_opts[] = {
	TEXT(struct info_args, format, 'f', "format", "FORMAT", WORD_ANY, "json, or a Go template"),
	{ .kind = OPT_END },
};

/* Names as docker has them, where it has them. */
static void set(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, json_string(text));
}

static void set_u64(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* PRETTY_NAME of os-release. */
static void add_system_name(json_t *o)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(64));
	struct err ignored = ERR_INIT;
	const char *name = NULL;

	if (fs_read(AT_FDCWD, "/etc/os-release", &text, &ignored) == 0)
		name = strstr(text.data, "PRETTY_NAME=\"");
	if (name) {
		name += strlen("PRETTY_NAME=\"");
		((char *)name)[strcspn(name, "\"\n")] = '\0';
	}
	set(o, "OperatingSystem", str_or(name, "unknown"));
}

static void add_machine(json_t *o)
{
	struct platform host;
	struct sysinfo si = { .mem_unit = 1 };
	struct utsname u = { .release = "" };

	(void)uname(&u);
	(void)sysinfo(&si);
	platform_host(&host, u.sysname, u.machine);
	set(o, "Name", u.nodename);
	set(o, "KernelVersion", u.release);
	add_system_name(o);
	set(o, "OSType", host.os);
	set(o, "Architecture", u.machine);
	set_u64(o, "NCPU", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	set_u64(o, "MemTotal", (uint64_t)si.totalram * si.mem_unit);
}

static int add_store(json_t *o, struct app *app, struct err *e)
{
	struct store_usage u;
	int r = store_usage(&u, app->store, app->ns, e);

	if (r < 0)
		return r;
	set(o, "Namespace", app->ns);
	set_u64(o, "Containers", u.containers);
	set_u64(o, "ContainersRunning", u.containers_running);
	set_u64(o, "ContainersStopped", u.containers - u.containers_running);
	set_u64(o, "Images", u.images);
	set_u64(o, "Volumes", u.volumes);
	set(o, "DockerRootDir", app->data_dir);
	set(o, "RunDir", app->run_dir);
	set(o, "CacheDir", app->cache_dir);
	set(o, "ConfigDir", app->config_dir);
	json_object_set_new(o, "Store", json_pack("{s:I, s:I, s:I, s:I, s:I}",
						  "Blobs", (json_int_t)u.blobs,
						  "BlobBytes", (json_int_t)u.blob_bytes,
						  "Layers", (json_int_t)u.layers,
						  "LayerBytes", (json_int_t)u.layer_bytes,
						  "ContainerBytes", (json_int_t)u.active_bytes));
	return 0;
}

static int add_rungs(json_t *o, struct ctr_env *env, struct err *e)
{
	static const char *const rungs[] = {
		[IDS_ROOT] = "root", [IDS_SUBID] = "subuid", [IDS_SINGLE] = "single",
	};
	const struct snap_driver *driver = NULL;
	struct err none = ERR_INIT;
	struct ids ids;
	int r = ctr_ids(env, NULL, &ids, e);

	if (r < 0)
		return r;
	set(o, "IdMap", rungs[ids.rung]);
	if (ctr_driver(&driver, env, &ids.map, NULL, &none) < 0)
		json_array_append_new(json_object_get(o, "Warnings"), json_string(none.text));
	set(o, "Driver", driver ? driver->name : "none");
	if (ids.why)
		json_array_append_new(json_object_get(o, "Warnings"), json_string(ids.why));
	return 0;
}

static void add_feature(json_t *features, const char *name, int answer)
{
	set(features, name, answer == 0 ? "yes" : str_errno(-answer));
}

static int add_features(json_t *o, const struct app *app, struct err *e)
{
	json_t *f = json_object();
	struct probe p;
	int r;

	json_object_set_new(o, "Features", f);
	r = probe_run(&p, store_dir_path(app->store, STORE_DIR_ROOT), e);
	if (r < 0)
		return r;
	add_feature(f, "UserNamespace", p.userns);
	add_feature(f, "NetworkNamespace", p.netns);
	add_feature(f, "Overlay", p.overlay);
	add_feature(f, "Fuse", p.fuse);
	add_feature(f, "Tun", p.tun);
	add_feature(f, "Procfs", p.procfs);
	add_feature(f, "Mount", p.mount);
	add_feature(f, "CgroupDelegation", p.cgroup);
	add_feature(f, "Seccomp", p.seccomp);
	add_feature(f, "Newuidmap", p.newuidmap);
	add_feature(f, "Newgidmap", p.newgidmap);
	set(o, "CgroupVersion", p.cgroup == -ENOENT ? "1" : "2");
	set(o, "CgroupDriver", p.cgroup == 0 ? "cgroupfs" : "none");
	json_object_set_new(
		o, "SecurityOptions",
		json_pack("[s, s]", "name=rootless",
			  p.seccomp == 0 ? "name=seccomp,profile=builtin" : "name=no-seccomp"));
	return 0;
}

static int gather(json_t *o, struct app *app, struct ctr_env *env, struct err *e)
{
	const struct strv *notices;
	int r;

	set(o, "ServerVersion", VERSION);
	json_object_set_new(o, "Warnings", json_array());
	add_machine(o);
	r = env_init(env, app, e);
	if (r == 0)
		r = add_store(o, app, e);
	if (r == 0)
		r = add_rungs(o, env, e);
	if (r == 0)
		r = add_features(o, app, e);
	if (r < 0)
		return r;
	json_object_set_new(o, "Programs",
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "coracle", env->self,
				      "coracle-image", env->image_program,
				      "coracle-shim", env->shim_program,
				      "coracle-net", env->net_program,
				      "coracle-oci", env->oci_program,
				      "coracle-scope", env->scope_program,
				      "fuse-overlayfs", str_or(env->fuse_program, "")));
	notices = store_notices(app->store);
	for (size_t i = 0; i < notices->len; i++)
		json_array_append_new(json_object_get(o, "Warnings"), json_string(notices->v[i]));
	return 0;
}

static void print_value(struct app *app, const char *key, const json_t *v, int indent)
{
	const char *name;
	json_t *item;
	size_t i;

	app_printf(app, "%*s%s:", indent, "", key);
	if (json_is_string(v)) {
		app_printf(app, " %s\n", json_string_value(v));
	} else if (json_is_integer(v)) {
		char size[HUMAN_MAX];

		human_size((uint64_t)json_integer_value(v), size);
		if (str_ends(key, "Bytes") || str_eq(key, "MemTotal"))
			app_printf(app, " %s\n", size);
		else
			app_printf(app, " %lld\n", (long long)json_integer_value(v));
	} else if (json_is_array(v)) {
		app_printf(app, "\n");
		json_array_foreach(v, i, item)
			app_printf(app, "%*s  %s\n", indent, "", json_string_value(item));
	} else {
		app_printf(app, "\n");
		json_object_foreach((json_t *)v, name, item)
			print_value(app, name, item, indent + 1);
	}
}

static int info_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		    struct err *e)
{
	const struct info_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	json_t *about = json_object();
	const char *key;
	json_t *value;
	int r = gather(about, app, &env, e);

	if (r == 0 && a->format)
		r = table_print_object(&app->out, a->format, about, e);
	else if (r == 0)
		json_object_foreach(about, key, value)
			if (!json_is_array(value) || json_array_size(value))
				print_value(app, key, value, 0);
	json_decref(about);
	return r;
}

static const char *const info_aliases[] = { "system info", NULL };

const struct cmd cmd_info = {
	.name = "info",
	.aliases = info_aliases,
	.summary = "Show the store, the machine and what is used of it",
	.max = 0,
	.about = "Show where things are, how much there is, which way each thing is done "
		 "here, and what the kernel lets this user do. 'coracle doctor' explains "
		 "what is missing.",
	.example = "coracle info\ncoracle info --format '{{.Driver}}'",
	.opts = info_opts,
	.args_size = sizeof(struct info_args),
	.run = info_run,
};
