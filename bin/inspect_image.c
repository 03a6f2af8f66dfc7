#include <string.h>

#include "bin/inspect.h"
#include "bin/jtree.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/fmt/ref.h"

/* Names with tags, and names with what the registry calls the image. */
static int names(struct strv *tags, struct strv *digests, struct ctr_env *env,
		 const struct image *image, struct err *e)
{
	AUTO(images) struct images rows = IMAGES_INIT;
	int r = image_list(&rows, env->store, env->ns, &image->config, e);

	for (size_t i = 0; r == 0 && i < rows.len; i++) {
		AUTO(buf) struct buf text = BUF_INIT(KIB(4)), bare = BUF_INIT(KIB(4));
		AUTO(ref) struct ref ref = REF_INIT;
		struct err ignored = ERR_INIT;
		char digest[DIGEST_TEXT_MAX];

		if (!rows.v[i].name || ref_parse(&ref, rows.v[i].name, &ignored) < 0)
			continue;
		image_familiar(&rows.v[i], &text);
		strv_add(tags, text.data);
		digest_print(&rows.v[i].target, digest);
		ref_familiar_name(&ref, &bare);
		buf_addf(&bare, "@%s", digest);
		if (!strv_has(digests, bare.data))
			strv_add(digests, bare.data);
	}
	return r;
}

static void set_health(json_t *config, const struct imgconf_health *h)
{
	json_t *health;

	if (!h->is_set)
		return;
	health = jtree_object(config, "Healthcheck");
	jtree_list(health, "Test", &h->test);
	jtree_number(health, "Interval", (int64_t)h->interval_ns);
	jtree_number(health, "Timeout", (int64_t)h->timeout_ns);
	jtree_number(health, "StartPeriod", (int64_t)h->start_period_ns);
	jtree_number(health, "Retries", h->retries);
}

static void set_config(json_t *image, const struct imgconf_run *run)
{
	json_t *config = jtree_object(image, "Config");

	jtree_text(config, "User", run->user);
	jtree_keys(config, "ExposedPorts", &run->exposed_ports);
	jtree_list(config, "Env", &run->env);
	jtree_list(config, "Cmd", &run->cmd);
	jtree_list(config, "Entrypoint", &run->entrypoint);
	jtree_keys(config, "Volumes", &run->volumes);
	jtree_text(config, "WorkingDir", run->working_dir);
	jtree_map(config, "Labels", &run->labels);
	jtree_text(config, "StopSignal", run->stop_signal);
	jtree_list(config, "Shell", &run->shell);
	set_health(config, &run->health);
}

static void set_layers(json_t *image, const struct imgconf *config)
{
	json_t *root = jtree_object(image, "RootFS");
	json_t *layers;

	jtree_text(root, "Type", "layers");
	layers = jtree_array(root, "Layers");
	for (size_t i = 0; i < config->diff_count; i++) {
		char digest[DIGEST_TEXT_MAX];

		digest_print(&config->diff_ids[i], digest);
		json_array_append_new(layers, json_string(digest));
	}
}

int inspect_image(json_t **out, struct ctr_env *env, const struct image *image, struct err *e)
{
	AUTO(strv) struct strv tags = STRV_INIT, digests = STRV_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	const struct imgconf *config = &docs.config;
	const char *comment = NULL;
	json_t *o;
	int r = ctr_image_docs(&docs, env, image, e);

	if (r == 0)
		r = names(&tags, &digests, env, image, e);
	if (r < 0)
		return r;
	if (config->history_count)
		comment = config->history[config->history_count - 1].comment;
	o = json_object();
	jtree_digest(o, "Id", &image->config);
	jtree_list(o, "RepoTags", &tags);
	jtree_list(o, "RepoDigests", &digests);
	jtree_digest(o, "Digest", &image->target);
	jtree_text(o, "Parent", "");
	jtree_text(o, "Comment", comment);
	jtree_text(o, "Created", config->created);
	jtree_text(o, "Author", config->author);
	jtree_text(o, "Architecture", config->platform.arch);
	jtree_text(o, "Variant", config->platform.variant);
	jtree_text(o, "Os", config->platform.os);
	jtree_number(o, "Size", (int64_t)image_bytes(image));
	jtree_number(o, "PackedSize", (int64_t)image->packed_size);
	set_config(o, &config->run);
	jtree_map(o, "Labels", &config->run.labels);
	set_layers(o, config);
	jtree_time(jtree_object(o, "Metadata"), "LastTagTime", image->put_ns);
	*out = o;
	return 0;
}
