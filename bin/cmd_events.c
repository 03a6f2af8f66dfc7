#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/event_words.h"
#include "bin/filter.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/table.h"

#define ROUND 256		/* events that are read at a time */
#define LOOK_MS 500		/* how soon the end of a container is seen */

struct events_args {
	struct strv filter;
	const char *format, *since, *until;
	bool no_follow, topics;
};

static const struct opt events_opts[] = {
	LIST(struct events_args, filter, 'f', "filter", "KEY=VALUE", WORD_ANY,
	     "Only those: container, event, image, namespace, type, volume"),
	TEXT(struct events_args, format, 0, "format", "FORMAT", WORD_ANY, "json, or a Go template"),
	FLAG(struct events_args, no_follow, 0, "no-follow", "End with the last one there is"),
	TEXT(struct events_args, since, 0, "since", "TIME", WORD_ANY,
	     "From then on, as far as they are kept (RFC 3339, Unix time, 10m)"),
	FLAG(struct events_args, topics, 0, "topics", "As containerd says them, of all namespaces"),
	TEXT(struct events_args, until, 0, "until", "TIME", WORD_ANY, "Up to then"),
	{ .kind = OPT_END },
};

static void events_clear_args(void *args)
{
	strv_clear(&((struct events_args *)args)->filter);
}

/* --- which --- */

struct candidate {
	const struct event *event;
	const struct event_words *words;
};

static bool is_object(const struct candidate *c, const char *type, const char *value)
{
	const struct event *v = c->event;

	return str_eq(c->words->type, type) &&
	       (str_eq(v->object, value) || (v->name && str_eq(v->name, value)) ||
		(str_eq(type, "container") && str_starts(v->object, value)));
}

static int by_container(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return is_object(o, "container", value);
}

static int by_volume(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return is_object(o, "volume", value);
}

static int by_image(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	const struct candidate *c = o;

	return is_object(c, "image", value) ||
	       (c->event->image && str_eq(c->event->image, value));
}

static int by_event(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return str_eq(((const struct candidate *)o)->words->action, value);
}

static int by_namespace(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return str_eq(((const struct candidate *)o)->event->ns, value);
}

static int by_type(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return str_eq(((const struct candidate *)o)->words->type, value);
}

static const struct filter_key filters[] = {
	{ "container", by_container }, { "event", by_event },	  { "image", by_image },
	{ "namespace", by_namespace }, { "type", by_type },	  { "volume", by_volume },
	{ NULL, NULL },
};

struct follower {
	struct app *app;
	const struct events_args *args;
	char **topics;			/* what topics may begin with; none: all */
	int topic_count;
	bool all_ns, shared;		/* content and snapshots are asked for */
	uint64_t since_ns, until_ns;
	int64_t last;			/* the newest that was looked at */
	bool is_over;			/* the next would be after until */
};

static bool has_topic(const struct follower *f, const char *topic)
{
	for (int i = 0; i < f->topic_count; i++)
		if (str_starts(topic, f->topics[i]))
			return true;
	return !f->topic_count;
}

/* What all namespaces share says little to who did not ask for it. */
static bool is_ours(const struct follower *f, const struct event *v)
{
	if (f->args->topics || f->all_ns)
		return true;
	return v->ns[0] ? str_eq(v->ns, f->app->ns) || str_starts(v->topic, "/namespaces/") :
			  f->shared;
}

static int show(struct follower *f, const struct event *v, struct err *e)
{
	const struct candidate c = { v, event_words(v->topic) };
	json_t *o;
	int r;

	f->last = v->id;
	f->is_over = v->time_ns > f->until_ns;
	if (!c.words || f->is_over || v->time_ns < f->since_ns || !is_ours(f, v) ||
	    !has_topic(f, v->topic))
		return 0;
	r = filter_match(&f->args->filter, filters, &c, NULL, e);
	if (r <= 0)
		return r;
	if (!f->args->format) {
		if (f->args->topics)
			event_topic_line(&f->app->out, v);
		else
			event_line(&f->app->out, v, c.words);
		return 0;
	}
	o = event_object(v, c.words);
	r = table_print_object(&f->app->out, f->args->format, o, e);
	json_decref(o);
	return r;
}

/* --- when --- */

/* Who runs in the background says nothing to the store when it ends. */
static int look_for_ends(struct ctr_env *env, struct err *e)
{
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	int r = container_list(&list, env->store, NULL, e);

	for (size_t i = 0; r == 0 && i < list.len; i++) {
		AUTO(ctr) struct ctr c = CTR_INIT;

		if (list.v[i].state == CONTAINER_RUNNING)
			r = ctr_unless_gone(ctr_look(&c, env, &list.v[i], e), e);
	}
	return r;
}

/* All that is there.  The store is closed again: who waits holds no lock. */
static int catch_up(struct follower *f, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	size_t found = ROUND;
	int r = env_init(&env, f->app, e);

	if (r == 0)
		r = look_for_ends(&env, e);
	while (r == 0 && found == ROUND && !f->is_over) {
		AUTO(events) struct events l = EVENTS_INIT;

		r = event_list(&l, f->app->store, f->last, ROUND, e);
		found = l.len;
		for (size_t i = 0; i < l.len && r == 0 && !f->is_over; i++)
			r = show(f, &l.v[i], e);
	}
	store_auto(&f->app->store);
	return r < 0 ? r : app_flush(f->app);
}

static int watch_store(const struct app *app)
{
	AUTO_FREE char *path = mem_printf("%s/meta.db-wal", app->data_dir);
	AUTO_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	/* Without, it is looked at from time to time. */
	return fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) >= 0 ? take_fd(&fd) : -1;
}

/* True when stdout is gone. */
static bool wait_change(int watch_fd)
{
	struct pollfd p[2] = { { .fd = watch_fd, .events = POLLIN }, { .fd = STDOUT_FILENO } };
	char bytes[4096];

	(void)poll(p, 2, LOOK_MS);
	while (watch_fd >= 0 && read(watch_fd, bytes, sizeof(bytes)) > 0)
		;
	return p[1].revents & POLLERR;
}

static int follow(struct follower *f, struct err *e)
{
	AUTO_FD int watch_fd = watch_store(f->app);
	int r;

	do
		r = catch_up(f, e);
	while (r == 0 && !f->args->no_follow && !f->is_over && clock_wall_ns() <= f->until_ns &&
	       !wait_change(watch_fd));
	return r;
}

static int events_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct events_args *a = args;
	struct follower f = {
		.app = app, .args = a, .topics = operands, .topic_count = count,
		.until_ns = UINT64_MAX,
	};
	uint64_t now = clock_wall_ns();
	int r = filter_check(&a->filter, filters, e);

	if (r == 0 && a->since)
		r = num_time(a->since, now, &f.since_ns, e);
	if (r == 0 && a->until)
		r = num_time(a->until, now, &f.until_ns, e);
	for (size_t i = 0; i < a->filter.len; i++) {
		f.shared = f.shared || str_starts(a->filter.v[i], "type=");
		f.all_ns = f.all_ns || str_starts(a->filter.v[i], "namespace=");
	}
	if (r == 0)
		r = app_store(app, e);
	if (r == 0 && !a->since && !a->no_follow)
		r = event_last(&f.last, app->store, e);
	return r < 0 ? r : follow(&f, e);
}

static const char *const events_aliases[] = { "event", "system events", NULL };

const struct cmd cmd_events = {
	.name = "events",
	.aliases = events_aliases,
	.summary = "Show what happens to containers, images and volumes",
	.operands = "[TOPIC...]",
	.max = -1,
	.about = "Print a line for each event from now on, or from --since on, until it is "
		 "interrupted. The newest 4096 events are kept. With TOPICs only those whose topic "
		 "begins so: /tasks, /containers/create.",
	.example = "coracle events --since 1h --no-follow\n"
		   "coracle events -f event=die --format '{{.Actor.Attributes.exitCode}}'",
	.opts = events_opts,
	.args_size = sizeof(struct events_args),
	.clear = events_clear_args,
	.run = events_run,
};
