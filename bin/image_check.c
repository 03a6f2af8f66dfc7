/* system check: what is wrong with the store, and what can be done about it. */
#include <string.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "bin/jtree.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/check.h"
#include "lib/image/pull.h"
#include "lib/store/images.h"
#include "lib/store/layout.h"

static const char *const kinds[] = {
	[CHECK_DATABASE] = "database",	 [CHECK_LAYOUT] = "layout",
	[CHECK_BLOB] = "blob",		 [CHECK_IMAGE] = "image",
	[CHECK_LAYER] = "layer",	 [CHECK_SNAPSHOT] = "snapshot",
	[CHECK_CONTAINER] = "container", [CHECK_VOLUME] = "volume",
};

struct check_work {
	struct app *app;
	const struct check_args *args;
	struct image_tool tool;
	struct findings found;
};

static int look(struct findings *out, struct check_work *w, struct err *e)
{
	check_blob_fn *deep = w->args->deep ? image_check_blob : NULL;
	int r = check_store(out, w->app->store, deep, e);

	if (r == 0 && deep && w->tool.env.driver)
		r = image_check_layers(out, &w->tool.env, e);
	return r;
}

/* --- repair --- */

/* Exactly that image again, whatever its tag names by now. */
static int fetch_again(struct check_work *w, const struct image *image, struct err *e)
{
	AUTO(platform) struct platform platform = PLATFORM_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	AUTO(image) struct image extra = IMAGE_INIT;
	struct pull_result result;
	struct pull_options o = {
		.ref = &ref, .ns = image->ns, .platform = &platform, .policy = PULL_ALWAYS,
	};
	int r = ref_parse(&ref, image->name, e);

	if (r == 0 && !w->tool.registry)
		r = image_tool_registry(&w->tool, w->app, false, e);
	if (r == 0)
		r = want_platform(&platform, str_is_empty(image->platform) ? NULL : image->platform,
				  e);
	if (r < 0)
		return r;
	ref.digest = image->target;
	o.registry = w->tool.registry;
	o.env = w->tool.env;
	r = pull_image(&result, &o, e);
	progress_end(&w->tool.progress);
	if (r < 0)
		return r;
	/* The pull gave it a name by digest, too. */
	ref_print(&ref, &name);
	if (image_get(&extra, w->app->store, image->ns, name.data, &(struct err)ERR_INIT) == 0 &&
	    !str_eq(name.data, image->name))
		return image_remove(w->app->store, extra.row, e);
	return 0;
}

static int is_done(const struct findings *l, size_t upto, const struct finding *f)
{
	for (size_t i = 0; i < upto; i++)
		if (l->v[i].kind == CHECK_IMAGE && l->v[i].row == f->row)
			return 1;
	return 0;
}

/* What lacks a blob, now that the bad ones are gone. */
static int fetch_all(struct check_work *w, struct err *e)
{
	AUTO(findings) struct findings now = FINDINGS_INIT;
	int r = check_store(&now, w->app->store, NULL, e);

	for (size_t i = 0; i < now.len && r == 0; i++) {
		AUTO(image) struct image image = IMAGE_INIT;

		if (now.v[i].kind != CHECK_IMAGE || is_done(&now, i, &now.v[i]))
			continue;
		r = image_get(&image, w->app->store, now.v[i].ns, now.v[i].object, e);
		if (r == 0)
			r = fetch_again(w, &image, e);
		if (r < 0) {
			app_say(w->app, "image '%s' is not repaired: %s", now.v[i].object, e->text);
			err_clear(e);
			r = 0;
		}
	}
	return r;
}

/* The rows know who runs. */
static int fold_ends(struct check_work *w, struct err *e)
{
	AUTO(containers) struct containers all = CONTAINERS_INIT;
	struct ctr_env *env = &w->tool.ctr;
	const char *ns = env->ns;
	int r = container_list(&all, w->app->store, NULL, e);

	for (size_t i = 0; i < all.len && r == 0; i++) {
		AUTO(ctr) struct ctr c = CTR_INIT;
		AUTO_FREE char *own = mem_str(all.v[i].ns);

		if (all.v[i].state != CONTAINER_RUNNING)
			continue;
		env->ns = own;
		r = ctr_unless_gone(ctr_look(&c, env, &all.v[i], e), e);
	}
	env->ns = ns;
	return r;
}

static int repair(struct check_work *w, struct err *e)
{
	bool is_lacking = false;
	int r = fold_ends(w, e);

	for (size_t i = 0; i < w->found.len && r == 0; i++) {
		const struct finding *f = &w->found.v[i];

		is_lacking = is_lacking || f->kind == CHECK_BLOB || f->kind == CHECK_IMAGE;
		if (f->kind == CHECK_LAYOUT)
			r = layout_repair(w->app->store, e);
		else if (f->kind == CHECK_BLOB)
			r = check_drop_blob(w->app->store, &f->blob, e);
	}
	if (r == 0 && is_lacking)
		r = fetch_all(w, e);
	for (size_t i = 0; i < w->found.len && r == 0; i++) {
		const struct finding *f = &w->found.v[i];

		if (f->kind != CHECK_LAYER || image_restore_layer(f->row, &w->tool.env, e) == 0)
			continue;
		app_say(w->app, "layer '%s' is not repaired: %s", f->object, e->text);
		err_clear(e);
	}
	return r;
}

/* --- words --- */

static bool has(const struct findings *l, const struct finding *f)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->v[i].kind == f->kind && str_eq(l->v[i].ns, f->ns) &&
		    str_eq(l->v[i].object, f->object))
			return true;
	return false;
}

/* Found before, and not any more. */
static bool is_repaired(const struct finding *f, const struct findings *now)
{
	if (has(now, f))
		return false;
	/* A bad blob that went and did not come back is an image's trouble. */
	for (size_t i = 0; i < now->len && f->kind == CHECK_BLOB; i++)
		if (now->v[i].kind == CHECK_IMAGE && strstr(now->v[i].what, f->object))
			return false;
	return true;
}

static void say(const struct check_work *w, const struct finding *f, const char *how)
{
	json_t *o;

	if (!str_eq(w->args->format, "json")) {
		app_printf(w->app, "%s %s%s%s: %s%s%s\n", kinds[f->kind], f->ns,
			   f->ns[0] ? "/" : "", f->object, f->what, how[0] ? ": " : "", how);
		return;
	}
	o = json_object();
	jtree_text(o, "Kind", kinds[f->kind]);
	jtree_text(o, "Namespace", f->ns);
	jtree_text(o, "Object", f->object);
	jtree_text(o, "Problem", f->what);
	jtree_text(o, "Result", how);
	jtree_line(&w->app->out, o);
	json_decref(o);
}

static int say_all(struct check_work *w, const struct findings *now)
{
	size_t left = 0, all = w->found.len;

	for (size_t i = 0; i < w->found.len; i++) {
		bool repaired = now && is_repaired(&w->found.v[i], now);

		left += !repaired;
		say(w, &w->found.v[i], !now ? "" : repaired ? "repaired" : "not repaired");
	}
	/* What a damaged blob had kept from being seen. */
	for (size_t i = 0; now && i < now->len; i++) {
		if (has(&w->found, &now->v[i]))
			continue;
		say(w, &now->v[i], "seen now: repair again");
		left++;
		all++;
	}
	if (all)
		app_say(w->app, "%zu problem%s, %zu of them left", all, all == 1 ? "" : "s", left);
	return left ? EXIT_FAILED : EXIT_DONE;
}

int check_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
	      struct err *e)
{
	struct check_work w = { .app = app, .args = args, .found = FINDINGS_INIT };
	AUTO(findings) struct findings now = FINDINGS_INIT;
	int r = image_tool_init(&w.tool, app, NULL, !w.args->repair, e);

	if (r == 0)
		r = look(&w.found, &w, e);
	if (r == 0 && w.args->repair && w.found.len) {
		r = repair(&w, e);
		if (r == 0)
			r = look(&now, &w, e);
	}
	if (r == 0)
		r = say_all(&w, w.args->repair ? &now : NULL);
	findings_auto(&w.found);
	image_tool_clear(&w.tool);
	return r;
}
