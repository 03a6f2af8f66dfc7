#include "bin/cmd.h"
#include "bin/prune.h"

struct prune_args {
	bool all, force, volumes;
	struct strv filter;
};

static const struct opt force_opts[] = {
	LIST(struct prune_args, filter, 0, "filter", "KEY=VALUE", WORD_ANY,
	     "Only those: until=TIME (made before), label, label!"),
	FLAG(struct prune_args, force, 'f', "force", "Do not ask"),
	{ .kind = OPT_END },
};

static const struct opt image_opts[] = {
	FLAG(struct prune_args, all, 'a', "all", "Not only those without a name"),
	OPTS(struct prune_args, all, force_opts),
	{ .kind = OPT_END },
};

static const struct opt system_opts[] = {
	FLAG(struct prune_args, all, 'a', "all", "Images that have a name too"),
	FLAG(struct prune_args, volumes, 0, "volumes", "Anonymous volumes too"),
	OPTS(struct prune_args, all, force_opts),
	{ .kind = OPT_END },
};

static const struct opt volume_opts[] = {
	FLAG(struct prune_args, all, 'a', "all", "Not only the anonymous"),
	LIST(struct prune_args, filter, 0, "filter", "KEY=VALUE", WORD_ANY,
	     "Only those: label, label!, anonymous"),
	FLAG(struct prune_args, force, 'f', "force", "Do not ask"),
	{ .kind = OPT_END },
};

_Static_assert(offsetof(struct prune_args, all) == 0, "shared groups count from the start");

static void prune_clear(void *args)
{
	strv_clear(&((struct prune_args *)args)->filter);
}

/* The kinds to prune, in this order, after one question. */
struct prune_plan {
	bool containers, images, volumes;
	const char *what;
};

static int prune(struct app *app, const struct prune_args *a, const struct prune_plan *p,
		 struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	uint64_t freed = 0;
	int r = 0;

	if (p->containers)
		r = filter_check(&a->filter, prune_ctr_filters, e);
	if (r == 0 && p->volumes)
		r = filter_check(&a->filter, volume_prune_filters, e);
	if (r == 0 && p->images)
		r = filter_check(&a->filter, image_prune_filters, e);
	if (r == 0)
		r = prune_ask(app, a->force, p->what, e);
	if (r == 0)
		r = env_init(&env, app, e);
	if (r == 0 && p->containers)
		r = prune_containers(app, &env, &a->filter, &freed, e);
	if (r == 0 && p->volumes)
		r = prune_volumes(app, &env, &a->filter, a->all && !p->containers, &freed, e);
	if (r == 0 && p->images)
		r = prune_images(app, &env, &a->filter, a->all, &freed, e);
	if (r == 0)
		prune_total(app, freed);
	return r;
}

static int container_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
			 struct err *e)
{
	static const struct prune_plan p = {
		.containers = true,
		.what = "all containers that do not run",
	};

	return prune(app, args, &p, e);
}

static int image_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		     struct err *e)
{
	const struct prune_args *a = args;
	const struct prune_plan p = {
		.images = true,
		.what = a->all ? "all images that no container uses" : "all images without a name",
	};

	return prune(app, args, &p, e);
}

static int volume_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		      struct err *e)
{
	const struct prune_args *a = args;
	const struct prune_plan p = {
		.volumes = true,
		.what = a->all ? "all volumes that no container uses" :
				 "all anonymous volumes that no container uses",
	};

	return prune(app, args, &p, e);
}

static int system_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		      struct err *e)
{
	const struct prune_args *a = args;
	const struct prune_plan p = {
		.containers = true,
		.images = true,
		.volumes = a->volumes,
		.what = a->volumes ?
			"all containers that do not run, the anonymous volumes that nothing uses "
			"then, and images that no container uses" :
			"all containers that do not run, and images that no container uses",
	};

	return prune(app, args, &p, e);
}

const struct cmd cmd_container_prune = {
	.name = "container prune",
	.summary = "Remove all containers that do not run",
	.max = 0,
	.example = "coracle container prune -f --filter until=24h",
	.opts = force_opts,
	.args_size = sizeof(struct prune_args),
	.clear = prune_clear,
	.run = container_run,
};

const struct cmd cmd_image_prune = {
	.name = "image prune",
	.summary = "Remove images that are not used",
	.max = 0,
	.about = "Remove the images that have no name and that no container uses; with --all "
		 "also those with names. What else nothing refers to goes with them.",
	.example = "coracle image prune\ncoracle image prune -af --filter until=168h",
	.opts = image_opts,
	.args_size = sizeof(struct prune_args),
	.clear = prune_clear,
	.run = image_run,
};

const struct cmd cmd_volume_prune = {
	.name = "volume prune",
	.summary = "Remove volumes that no container uses",
	.max = 0,
	.about = "Remove the anonymous volumes that no container uses; with --all also those "
		 "with names.",
	.example = "coracle volume prune -f",
	.opts = volume_opts,
	.args_size = sizeof(struct prune_args),
	.clear = prune_clear,
	.run = volume_run,
};

const struct cmd cmd_system_prune = {
	.name = "system prune",
	.summary = "Remove all that is not used",
	.max = 0,
	.about = "Remove the containers that do not run, then the images without a name (with "
		 "--all every image that no container uses), with --volumes also anonymous "
		 "volumes.",
	.example = "coracle system prune -af --volumes",
	.opts = system_opts,
	.args_size = sizeof(struct prune_args),
	.clear = prune_clear,
	.run = system_run,
};
