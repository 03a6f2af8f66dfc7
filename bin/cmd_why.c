#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bin/app.h"
#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/store/containers.h"
#include "lib/store/content.h"
#include "lib/store/images.h"
#include "lib/store/lease.h"
#include "lib/store/snapshots.h"
#include "lib/store/volumes.h"
#include "lib/store/why.h"

#define MAX_LEVELS 12			/* a ring of labels ends there */

struct why_args {
	const char *format;
};

static const struct opt why_opts[] = {
	CHOICE(struct why_args, format, 0, "format", "text json", "One line for each object"),
	{ .kind = OPT_END },
};

static const char *const kinds[] = {
	[LABEL_CONTAINER] = "container", [LABEL_VOLUME] = "volume",   [LABEL_IMAGE] = "image",
	[LABEL_CONTENT] = "blob",	 [LABEL_SNAPSHOT] = "layer",  [LABEL_LEASE] = "lease",
	[LABEL_NAMESPACE] = "namespace",
};

struct why {
	struct app *app;
	const struct why_args *args;
	struct ctr_env env;
	unsigned roots;			/* that were found */
	int status;
};

/* --- what is meant --- */

static int set(struct holder *out, enum label_kind kind, const char *ns, const char *object)
{
	*out = (struct holder){ .kind = kind, .ns = mem_str(ns), .object = mem_str(object) };
	return 0;
}

/* The part of path below a directory of the store, or NULL. */
static const char *below(const struct app *app, enum store_dir dir, const char *path)
{
	const char *rest = str_after(path, store_dir_path(app->store, dir));

	return rest && *rest == '/' ? rest + 1 : NULL;
}

/* "A/B/..." */
static bool split(char *rest, char **a, char **b)
{
	*a = strsep(&rest, "/");
	*b = strsep(&rest, "/");
	return *b && **b;
}

static int of_path(struct holder *out, struct app *app, const char *text, struct err *e)
{
	static const enum store_dir dirs[] = { STORE_DIR_CONTENT, STORE_DIR_SNAPSHOTS,
					       STORE_DIR_CONTAINERS, STORE_DIR_VOLUMES };
	AUTO_FREE char *real = realpath(text, NULL);
	const char *path = real ? real : text, *found = NULL;
	AUTO_FREE char *rest = NULL;
	char *a, *b;
	size_t i = 0;

	for (; i < ARRAY_SIZE(dirs) && !found; i++)
		found = below(app, dirs[i], path);
	if (below(app, STORE_DIR_TRASH, path) || below(app, STORE_DIR_INGEST, path))
		return err_set(e, ENOENT, "'%s' is no object: it is on its way %s", text,
			       below(app, STORE_DIR_TRASH, path) ? "out" : "in");
	if (found && dirs[i - 1] == STORE_DIR_CONTENT)
		found = str_after(found, "blobs/");
	rest = mem_str(str_or(found, ""));
	if (!split(rest, &a, &b))
		return err_set(e, ENOENT, "'%s' is no object of the store", text);
	switch (dirs[i - 1]) {
	case STORE_DIR_CONTENT: {
		AUTO_FREE char *digest = mem_printf("%s:%s", a, b);

		return set(out, LABEL_CONTENT, "", digest);
	}
	case STORE_DIR_SNAPSHOTS:
		b[strspn(b, "0123456789")] = '\0';
		return set(out, LABEL_SNAPSHOT, "", b);
	case STORE_DIR_CONTAINERS:
		return set(out, LABEL_CONTAINER, a, b);
	default:
		return set(out, LABEL_VOLUME, a, b);
	}
}

/* A blob, or the first layer with that diff id. */
static int of_digest(struct holder *out, struct app *app, const struct digest *d, struct err *e)
{
	AUTO(snapshots) struct snapshots all = SNAPSHOTS_INIT;
	char text[DIGEST_TEXT_MAX];
	int r = content_has(app->store, d, e);

	digest_print(d, text);
	if (r > 0)
		return set(out, LABEL_CONTENT, "", text);
	if (r == 0)
		r = snapshot_list(&all, app->store, NULL, e);
	for (size_t i = 0; i < all.len && r == 0; i++) {
		AUTO_FREE char *id = mem_printf("%lld", (long long)all.v[i].id);

		if (digest_eq(&all.v[i].diff_id, d))
			return set(out, LABEL_SNAPSHOT, "", id);
	}
	return r < 0 ? r : err_set(e, ENOENT, "neither a blob nor a layer '%s' is there", text);
}

static int of_name(struct holder *out, struct why *w, const char *text, struct err *e)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(volume) struct volume v = VOLUME_INIT;
	struct app *app = w->app;
	int r = container_get(&c, app->store, app->ns, text, e);

	if (r == 0)
		return set(out, LABEL_CONTAINER, app->ns, c.name);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	r = ctr_find_image(&image, &w->env, text, e);
	if (r == 0) {
		char id[DIGEST_TEXT_MAX];

		digest_print(&image.config, id);
		return set(out, LABEL_IMAGE, app->ns, str_or(image.name, id));
	}
	if (r != -ENOENT && r != -EINVAL)
		return r;
	err_clear(e);
	r = volume_get(&v, app->store, app->ns, text, e);
	if (r == 0)
		return set(out, LABEL_VOLUME, app->ns, text);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	return err_set(e, ENOENT, "no container, image or volume '%s'", text);
}

static int find(struct holder *out, struct why *w, const char *text, struct err *e)
{
	struct err why = ERR_INIT;
	struct digest d;

	if (strchr("/.", *text))
		return of_path(out, w->app, text, e);
	if (digest_parse(&d, text, strlen(text), &why) == 0)
		return of_digest(out, w->app, &d, e);
	return of_name(out, w, text, e);
}

/* --- words --- */

static char *lease_words(struct app *app, const char *id)
{
	AUTO(leases) struct leases all = LEASES_INIT;
	struct err ignored = ERR_INIT;
	AUTO_FREE char *number = NULL;

	if (lease_list(&all, app->store, &ignored) < 0)
		return mem_str(id);
	for (size_t i = 0; i < all.len; i++) {
		const struct lease_info *l = &all.v[i];

		free(take(number));
		number = mem_printf("%lld", (long long)l->id);
		if (!str_eq(number, id))
			continue;
		if (l->name)
			return mem_printf("%s/%s", l->ns, l->name);
		return mem_printf("of '%s', process %d%s", l->what, (int)l->owner.pid,
				  l->is_alive ? "" : ", which is gone");
	}
	return mem_str(id);
}

static char *snapshot_words(struct app *app, const char *id)
{
	AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;
	struct err ignored = ERR_INIT;
	char digest[DIGEST_TEXT_MAX];
	uint64_t number;

	if (num_u64(id, 0, INT64_MAX, &number, &ignored) < 0 ||
	    snapshot_get(&s, app->store, (int64_t)number, &ignored) < 0)
		return mem_str(id);
	if (!digest_is_set(&s.diff_id))
		return mem_printf("%s/%s", s.driver, id);
	digest_print(&s.diff_id, digest);
	return mem_printf("%s/%s %s", s.driver, id, digest);
}

static char *words(struct app *app, const struct holder *h)
{
	if (h->kind == LABEL_LEASE)
		return lease_words(app, h->object);
	if (h->kind == LABEL_SNAPSHOT)
		return snapshot_words(app, h->object);
	return h->ns[0] ? mem_printf("%s/%s", h->ns, h->object) : mem_str(h->object);
}

static void say(struct why *w, const struct holder *h, int level)
{
	AUTO_FREE char *text = words(w->app, h);
	json_t *o;

	if (!str_eq(w->args->format, "json")) {
		app_printf(w->app, "%*s%s %s%s%s\n", 2 * level, "", kinds[h->kind], text,
			   h->how ? " " : "", str_or(h->how, ""));
		return;
	}
	o = json_object();
	jtree_number(o, "Level", level);
	jtree_text(o, "Kind", kinds[h->kind]);
	jtree_text(o, "Object", text);
	jtree_text(o, "How", str_or(h->how, ""));
	jtree_line(&w->app->out, o);
	json_decref(o);
}

static int explain(struct why *w, const struct holder *h, int level, struct err *e)
{
	AUTO(holders) struct holders l = HOLDERS_INIT;
	int r = why_held(&l, w->app->store, h->kind, h->object, e);

	say(w, h, level);
	if (h->kind != LABEL_CONTENT && h->kind != LABEL_SNAPSHOT)
		w->roots++;
	for (size_t i = 0; i < l.len && r == 0 && level < MAX_LEVELS; i++) {
		/* A label of its own holds it. */
		if (l.v[i].kind == h->kind && str_eq(l.v[i].object, h->object)) {
			say(w, &l.v[i], level + 1);
			w->roots++;
		} else {
			r = explain(w, &l.v[i], level + 1, e);
		}
	}
	return r;
}

static int why_one(struct app *app, const char *text, void *arg, struct err *e)
{
	struct why *w = arg;
	AUTO(holders) struct holders target = { .v = mem_zero(1, sizeof(struct holder)), .len = 1 };
	int r = find(target.v, w, text, e);

	w->roots = 0;
	if (r == 0)
		r = explain(w, target.v, 0, e);
	if (r == 0 && !w->roots) {
		app_say(app, "'%s': nothing holds it, the next collection removes it", text);
		w->status = EXIT_FAILED;
	}
	return r;
}

static int why_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct why w = { .app = app, .args = args };
	int r = env_init(&w.env, app, e);

	if (r == 0)
		r = app_each(app, operands, count, why_one, &w);
	if (r == EXIT_DONE)
		r = w.status;
	env_clear(&w.env);
	return r;
}

const struct cmd cmd_why = {
	.name = "why",
	.summary = "Tell what holds an object of the store alive",
	.operands = "PATH|NAME|ID|DIGEST...",
	.min = 1,
	.max = -1,
	.about = "Print the object that a path in the data directory, a name, an id or a digest "
		 "stands for, below it what holds it, and below that what holds that. Images, "
		 "containers, volumes and leases are there until they are removed. The exit status "
		 "is 1 when nothing holds it: then the next collection removes it.",
	.example = "coracle why $(coracle content ls -q)\n"
		   "coracle why ~/.local/share/coracle/snapshots/overlay/12",
	.opts = why_opts,
	.args_size = sizeof(struct why_args),
	.run = why_run,
};
