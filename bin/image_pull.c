#include <sys/utsname.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/platform.h"
#include "lib/image/pull.h"

static enum pull_policy policy_of(const char *text)
{
	if (str_eq(text, "missing"))
		return PULL_MISSING;
	if (str_eq(text, "newer"))
		return PULL_NEWER;
	return str_eq(text, "never") ? PULL_NEVER : PULL_ALWAYS;
}

int want_platform(struct platform *out, const char *text, struct err *e)
{
	AUTO(platform) struct platform host = PLATFORM_INIT;
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys(e, "uname");
	platform_host(&host, u.sysname, u.machine);
	if (text)
		return platform_parse(out, text, &host, e);
	platform_copy(out, &host);
	return 0;
}

struct pull_work {
	struct image_tool *tool;
	const struct pull_args *args;
	const struct platform *platform;
};

static int pull_one(struct app *app, const char *text, void *arg, struct err *e)
{
	struct pull_work *w = arg;
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	char digest[DIGEST_TEXT_MAX];
	struct pull_result result;
	struct pull_options o = {
		.ref = &ref, .ns = app->ns, .platform = w->platform,
		.policy = policy_of(w->args->policy), .registry = w->tool->registry,
		.env = w->tool->env,
	};
	int r = ref_parse(&ref, text, e);

	if (r < 0)
		return r;
	ref_default_tag(&ref);
	ref_print(&ref, &name);
	r = pull_image(&result, &o, e);
	progress_end(&w->tool->progress);
	if (r < 0)
		return r;
	if (!w->args->quiet) {
		digest_print(&result.target, digest);
		app_say(app, "%s %s", result.is_new ? "pulled" : "up to date:", digest);
	}
	app_printf(app, "%s\n", name.data);
	return 0;
}

int pull_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct pull_args *a = args;
	AUTO(image_tool) struct image_tool tool;
	AUTO(platform) struct platform platform = PLATFORM_INIT;
	struct pull_work w = { .tool = &tool, .args = a, .platform = &platform };
	int r = image_tool_init(&tool, app, a->snapshotter, a->quiet, e);

	if (r == 0)
		r = want_platform(&platform, a->platform, e);
	if (r == 0)
		r = image_tool_registry(&tool, app, a->plain_http, e);
	if (a->content_only)
		tool.env.driver = NULL;
	return r < 0 ? r : app_each(app, operands, count, pull_one, &w);
}

int content_fetch_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct pull_args *a = args;

	a->content_only = true;
	return pull_run(app, a, operands, count, e);
}
