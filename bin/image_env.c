#include "bin/image_env.h"

#include <fcntl.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/layers.h"
#include "lib/os/enter.h"

static int do_nothing(void *arg UNUSED, struct err *e UNUSED)
{
	return 0;
}

/* Is there a user namespace to be had?  Tried, since what was found earlier in
 * this boot need not hold where we are now. */
static int can_enter(const struct idmap *map, struct err *e)
{
	const struct enter_opts o = { .map = map };

	return enter_run(&o, do_nothing, NULL, e);
}

int image_tool_init(struct image_tool *t, struct app *app, const char *snapshotter, bool quiet,
		    struct err *e)
{
	struct err none = ERR_INIT;
	int r;

	*t = (struct image_tool){ .file_count = 0 };
	progress_init(&t->progress, quiet);
	progress_hooks(&t->hooks, &t->progress);
	r = env_init(&t->ctr, app, e);
	if (r == 0)
		r = ctr_ids(&t->ctr, NULL, &t->ids, e);
	if (r < 0)
		return r;
	t->env = (struct image_env){
		.store = app->store,
		.map = &t->ids.map,
		.record_owners = t->ids.rung == IDS_SINGLE,
		.progress = &t->hooks,
	};
	r = can_enter(&t->ids.map, snapshotter ? e : &none);
	if (r == 0)
		r = ctr_driver(&t->env.driver, &t->ctr, &t->ids.map, snapshotter,
			       snapshotter ? e : &none);
	env_say(&t->ctr, app);
	if (r < 0 && snapshotter)
		return r;
	/* Content needs no namespaces: it is unpacked by the first run. */
	if (r < 0) {
		t->env.driver = NULL;
		app_say(app, "not unpacked now: %s", none.text);
	}
	return 0;
}

char *docker_config_path(void)
{
	const char *dir = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");

	if (!str_is_empty(dir))
		return mem_printf("%s/config.json", dir);
	return mem_printf("%s/.docker/config.json", str_or(home, ""));
}

/* podman's: $REGISTRY_AUTH_FILE, else below the runtime directory. */
static char *podman_auth_path(void)
{
	const char *file = getenv("REGISTRY_AUTH_FILE");
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (!str_is_empty(file))
		return mem_str(file);
	return mem_printf("%s/containers/auth.json", str_or(run, "/nonexistent"));
}

static int read_auth(struct image_tool *t, char *path, struct err *e)
{
	AUTO_FREE char *owned = path;
	AUTO(buf) struct buf text = BUF_INIT(MAX_AUTH_FILE);
	int r = fs_read(AT_FDCWD, owned, &text, e);

	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = authfile_parse(&t->files[t->file_count], text.data, text.len, e);
	if (r < 0)
		return err_ctx(e, r, "'%s'", owned);
	t->file_count++;
	return 0;
}

static const char *env_either(const char *lower, const char *upper)
{
	const char *v = getenv(lower);

	return v ? v : getenv(upper);
}

int image_tool_registry(struct image_tool *t, const struct app *app, bool plain_http, struct err *e)
{
	struct registry_options o = {
		.user_agent = "coracle/" VERSION,
		.cert_dirs = &t->cert_dirs,
		.plain_http = &t->plain_http,
		.http_proxy = env_either("http_proxy", "HTTP_PROXY"),
		.https_proxy = env_either("https_proxy", "HTTPS_PROXY"),
		.no_proxy = env_either("no_proxy", "NO_PROXY"),
		.creds = creds_from_files,
		.creds_arg = &t->creds,
		.event = progress_registry,
		.event_arg = &t->progress,
	};
	int r = read_auth(t, podman_auth_path(), e);

	if (r == 0)
		r = read_auth(t, docker_config_path(), e);
	if (r < 0)
		return r;
	t->creds = (struct creds_files){
		.files = (const struct authfile *const *)t->files,
		.count = t->file_count,
	};
	strv_addf(&t->cert_dirs, "%s/certs.d", app->config_dir);
	strv_add(&t->cert_dirs, "/etc/containers/certs.d");
	strv_add(&t->cert_dirs, "/etc/docker/certs.d");
	if (plain_http)
		strv_add(&t->plain_http, "*");
	return registry_open(&t->registry, &o, e);
}

int image_tool_remote(struct image_tool *t, struct ref *ref, const struct app *app,
		      bool plain_http, const char *name, struct err *e)
{
	int r;

	*t = (struct image_tool){ .file_count = 0 };
	progress_init(&t->progress, false);
	r = image_tool_registry(t, app, plain_http, e);
	return r < 0 ? r : ref_parse(ref, name, e);
}

void transfer_done(void *transfer, int result, struct err *why)
{
	struct transfer *t = transfer;

	t->result = result;
	if (result < 0)
		(void)err_move(&t->why, why);
}

int transfer_run(struct transfer *t, struct registry *reg, struct err *e)
{
	int r = registry_run(reg, e);

	return r == 0 && t->result < 0 ? err_move(e, &t->why) : r;
}

void image_tool_clear(struct image_tool *t)
{
	progress_end(&t->progress);
	registry_close(t->registry);
	for (size_t i = 0; i < t->file_count; i++)
		authfile_free(t->files[i]);
	strv_clear(&t->cert_dirs);
	strv_clear(&t->plain_http);
	env_clear(&t->ctr);
}
