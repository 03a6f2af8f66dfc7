#include <fcntl.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "bin/image_output.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/fmt/ref.h"
#include "lib/image/archive.h"
#include "lib/base/limits.h"

static void report(struct app *app, const struct load_image *i)
{
	char id[DIGEST_TEXT_MAX], was[DIGEST_TEXT_MAX];

	digest_print(&i->config, id);
	if (i->fate == LOAD_MOVED || i->fate == LOAD_KEPT)
		digest_print(&i->was, was);
	switch (i->fate) {
	case LOAD_NEW:
	case LOAD_SAME:
		app_printf(app, "Loaded image: %s\n", i->name);
		break;
	case LOAD_MOVED:
		app_printf(app, "Loaded image: %s\n", i->name);
		app_say(app, "'%s' was %s before", i->name, was);
		break;
	case LOAD_KEPT:
		app_printf(app, "Loaded image ID: %s\n", id);
		app_say(app, "'%s' still stands for %s; --force moves it", i->name, was);
		break;
	case LOAD_UNNAMED:
		app_printf(app, "Loaded image ID: %s\n", id);
		break;
	}
}

int load_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED, struct err *e)
{
	const struct load_args *a = args;
	AUTO(image_tool) struct image_tool tool;
	AUTO(load_result) struct load_result result = LOAD_RESULT_INIT;
	AUTO(platform) struct platform platform = PLATFORM_INIT;
	struct load_options o = { .fd = STDIN_FILENO, .ns = app->ns, .force = a->force };
	AUTO_FD int fd = -1;
	int r = image_tool_init(&tool, app, NULL, a->quiet, e);

	if (r == 0 && a->platform)
		r = want_platform(&platform, a->platform, e);
	if (r < 0)
		return r;
	if (a->input) {
		fd = open(a->input, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open '%s'", a->input);
		o.fd = fd;
	} else if (isatty(STDIN_FILENO)) {
		return err_set(e, EINVAL,
			       "load: standard input is a terminal; name a file with -i");
	}
	o.platform = a->platform ? &platform : NULL;
	o.env = tool.env;
	r = archive_load(&result, &o, e);
	progress_end(&tool.progress);
	for (size_t i = 0; i < result.count; i++)
		report(app, &result.images[i]);
	return r < 0 ? err_ctx(e, r, "load") : EXIT_DONE;
}

struct save_list {
	struct save_image *at;
	struct image_docs *docs;
	char **names;
	size_t count;
};

static void save_list_auto(struct save_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		image_docs_clear(&l->docs[i]);
		free(l->names[i]);
	}
	free(l->at);
	free(l->docs);
	free(l->names);
}

static int save_add(struct save_list *l, struct ctr_env *env, const char *text, struct err *e)
{
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	struct image_docs *docs = &l->docs[l->count];
	struct err none = ERR_INIT;
	int r = ctr_find_image(&image, env, text, e);

	if (r < 0)
		return r;
	*docs = (struct image_docs)IMAGE_DOCS_INIT;
	r = ctr_image_docs(docs, env, &image, e);
	if (r < 0)
		return r;
	/* An image asked for by its id goes without a name, as docker does it. */
	if (ref_parse(&ref, text, &none) == 0) {
		ref_default_tag(&ref);
		ref_print(&ref, &name);
	}
	l->names[l->count] = image.name && str_eq(image.name, name.data) ? mem_str(image.name)
									 : NULL;
	l->at[l->count] = (struct save_image){ .docs = docs, .name = l->names[l->count] };
	l->count++;
	return 0;
}

int save_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct save_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(save_list) struct save_list list = {
		.at = mem_zero((size_t)count, sizeof(*list.at)),
		.docs = mem_zero((size_t)count, sizeof(*list.docs)),
		.names = mem_zero((size_t)count, sizeof(*list.names)),
	};
	struct save_options o = {
		.format = str_eq(a->format, "oci-archive") ? SAVE_OCI : SAVE_DOCKER,
	};
	struct image_output out = IMAGE_OUTPUT_INIT;
	int r = env_init(&env, app, e);

	for (int i = 0; i < count && r == 0; i++)
		r = save_add(&list, &env, operands[i], e);
	if (r < 0)
		return r;
	r = image_output_open(&out, app, a->output, e);
	if (r < 0)
		return err_ctx(e, r, "save");
	o.fd = out.fd;
	o.images = list.at;
	o.count = list.count;
	o.store = app->store;
	r = image_output_end(&out, archive_save(&o, e), e);
	return r < 0 ? err_ctx(e, r, "save") : EXIT_DONE;
}
