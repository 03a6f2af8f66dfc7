#include "lib/fmt/imgconf.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"

#define MAX_HISTORY 4096
#define MAX_RETRIES 100000

/* --- life --- */

static void clear_run(struct imgconf_run *r)
{
	free(r->user);
	strv_clear(&r->exposed_ports);
	strv_clear(&r->env);
	strv_clear(&r->entrypoint);
	strv_clear(&r->cmd);
	strv_clear(&r->volumes);
	free(r->working_dir);
	strv_clear(&r->labels);
	free(r->stop_signal);
	strv_clear(&r->shell);
	strv_clear(&r->health.test);
}

void imgconf_clear(struct imgconf *c)
{
	int saved = errno;

	free(c->created);
	free(c->author);
	platform_clear(&c->platform);
	clear_run(&c->run);
	free(c->diff_ids);
	for (size_t i = 0; i < c->history_count; i++) {
		free(c->history[i].created);
		free(c->history[i].created_by);
		free(c->history[i].author);
		free(c->history[i].comment);
	}
	free(c->history);
	*c = (struct imgconf)IMGCONF_INIT;
	errno = saved;
}

static void copy_run(struct imgconf_run *to, const struct imgconf_run *from)
{
	*to = (struct imgconf_run){
		.user = mem_str(from->user),
		.has_entrypoint = from->has_entrypoint,
		.has_cmd = from->has_cmd,
		.working_dir = mem_str(from->working_dir),
		.stop_signal = mem_str(from->stop_signal),
		.health = from->health,
	};
	to->health.test = (struct strv)STRV_INIT;
	strv_join(&to->exposed_ports, &from->exposed_ports);
	strv_join(&to->env, &from->env);
	strv_join(&to->entrypoint, &from->entrypoint);
	strv_join(&to->cmd, &from->cmd);
	strv_join(&to->volumes, &from->volumes);
	strv_join(&to->labels, &from->labels);
	strv_join(&to->shell, &from->shell);
	strv_join(&to->health.test, &from->health.test);
}

void imgconf_copy(struct imgconf *to, const struct imgconf *from)
{
	*to = (struct imgconf){
		.created = mem_str(from->created),
		.author = mem_str(from->author),
	};
	platform_copy(&to->platform, &from->platform);
	copy_run(&to->run, &from->run);
	for (size_t i = 0; i < from->diff_count; i++)
		imgconf_add_diff(to, &from->diff_ids[i]);
	for (size_t i = 0; i < from->history_count; i++) {
		const struct imgconf_history *h = &from->history[i];

		*imgconf_add_history(to) = (struct imgconf_history){
			.created = mem_str(h->created),
			.created_by = mem_str(h->created_by),
			.author = mem_str(h->author),
			.comment = mem_str(h->comment),
			.empty_layer = h->empty_layer,
		};
	}
}

void imgconf_add_diff(struct imgconf *c, const struct digest *diff)
{
	c->diff_ids = mem_grow(c->diff_ids, c->diff_count + 1, sizeof(*diff));
	c->diff_ids[c->diff_count++] = *diff;
}

struct imgconf_history *imgconf_add_history(struct imgconf *c)
{
	struct imgconf_history *h;

	c->history = mem_grow(c->history, c->history_count + 1, sizeof(*h));
	h = &c->history[c->history_count++];
	*h = (struct imgconf_history){ .created = NULL };
	return h;
}

size_t imgconf_drop_reserved(struct imgconf *c)
{
	struct strv *labels = &c->run.labels;
	struct strv kept = STRV_INIT;
	size_t dropped = 0;

	for (size_t i = 0; i < labels->len; i++) {
		if (str_starts(labels->v[i], IMGCONF_RESERVED))
			dropped++;
		else
			strv_add(&kept, labels->v[i]);
	}
	strv_clear(labels);
	*labels = kept;
	return dropped;
}

/* --- what text may hold --- */

static bool has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return true;
	return false;
}

static int refuse_control(const struct json_at *at, const char *key,
			  struct err *e)
{
	struct json_at member = json_member(at, key);

	return json_fail(&member, EBADMSG, e, "holds a control character");
}

/* A string that may become part of a line or a path; empty is absent. */
static int get_plain(char **out, const struct json_at *at, const char *key,
		     struct err *e)
{
	const char *text;
	int r = json_get_string(&text, at, key, JSON_MAY, e);

	if (r <= 0 || !*text)
		return r;
	if (has_control(text, strlen(text)))
		return refuse_control(at, key, e);
	*out = mem_str(text);
	return 1;
}

static int get_plain_keys(struct strv *out, const struct json_at *at,
			  const char *key, struct err *e)
{
	int r = json_get_keys(out, at, key, JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < out->len; i++)
		if (has_control(out->v[i], strlen(out->v[i])))
			return refuse_control(at, key, e);
	return r;
}

/* Values may hold anything, names may not. */
static int get_env(struct strv *out, const struct json_at *at, struct err *e)
{
	int r = json_get_strv(out, at, "Env", JSON_MAY, e);

	for (size_t i = 0; r > 0 && i < out->len; i++)
		if (has_control(out->v[i], strcspn(out->v[i], "=")))
			return refuse_control(at, "Env", e);
	return r;
}

/* --- reading --- */

static int get_ns(uint64_t *out, const struct json_at *at, const char *key,
		  struct err *e)
{
	return json_get_u64(out, at, key, 0, INT64_MAX, JSON_MAY, e);
}

static int read_health(struct imgconf_health *h, const struct json_at *config,
		       struct err *e)
{
	struct json_at at;
	uint64_t retries = 0;
	int r = json_get_object(&at, config, "Healthcheck", JSON_MAY, e);

	if (r <= 0)
		return r;
	h->is_set = true;
	r = json_get_strv(&h->test, &at, "Test", JSON_MAY, e);
	if (r >= 0)
		r = get_ns(&h->interval_ns, &at, "Interval", e);
	if (r >= 0)
		r = get_ns(&h->timeout_ns, &at, "Timeout", e);
	if (r >= 0)
		r = get_ns(&h->start_period_ns, &at, "StartPeriod", e);
	if (r >= 0)
		r = get_ns(&h->start_interval_ns, &at, "StartInterval", e);
	if (r >= 0)
		r = json_get_u64(&retries, &at, "Retries", 0, MAX_RETRIES, JSON_MAY, e);
	h->retries = (uint32_t)retries;
	return r;
}

static int read_run(struct imgconf_run *run, const struct json_at *doc,
		    struct err *e)
{
	struct json_at at;
	int r = json_get_object(&at, doc, "config", JSON_MAY, e);

	if (r <= 0)
		return r;
	r = get_plain(&run->user, &at, "User", e);
	if (r >= 0)
		r = get_plain_keys(&run->exposed_ports, &at, "ExposedPorts", e);
	if (r >= 0)
		r = get_env(&run->env, &at, e);
	if (r >= 0)
		r = json_get_strv(&run->entrypoint, &at, "Entrypoint", JSON_MAY, e);
	run->has_entrypoint = r > 0;
	if (r >= 0)
		r = json_get_strv(&run->cmd, &at, "Cmd", JSON_MAY, e);
	run->has_cmd = r > 0;
	if (r >= 0)
		r = get_plain_keys(&run->volumes, &at, "Volumes", e);
	if (r >= 0)
		r = get_plain(&run->working_dir, &at, "WorkingDir", e);
	if (r >= 0)
		r = json_get_map(&run->labels, &at, "Labels", JSON_MAY, e);
	if (r >= 0)
		r = get_plain(&run->stop_signal, &at, "StopSignal", e);
	if (r >= 0)
		r = json_get_strv(&run->shell, &at, "Shell", JSON_MAY, e);
	if (r >= 0)
		r = read_health(&run->health, &at, e);
	return r;
}

static int read_rootfs(struct imgconf *c, const struct json_at *doc,
		       struct err *e)
{
	struct json_at rootfs, list;
	const char *text;
	int r = json_get_object(&rootfs, doc, "rootfs", JSON_MUST, e);

	if (r >= 0)
		r = json_get_string(&text, &rootfs, "type", JSON_MUST, e);
	if (r < 0)
		return r;
	if (!str_eq(text, "layers"))
		return json_fail(&rootfs, EBADMSG, e, "type is not 'layers'");
	r = json_get_list(&list, &rootfs, "diff_ids", MAX_LAYERS, JSON_MAY, e);
	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		struct err why = ERR_INIT;
		struct digest d;

		if (json_as_string(&text, &item, e) < 0)
			return -e->code;
		if (digest_parse(&d, text, strlen(text), &why) < 0)
			return json_fail(&item, EBADMSG, e, "%s", why.text);
		imgconf_add_diff(c, &d);
	}
	return r;
}

static int read_history_item(struct imgconf_history *h,
			     const struct json_at *at, struct err *e)
{
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_copy(&h->created, at, "created", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&h->created_by, at, "created_by", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&h->author, at, "author", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&h->comment, at, "comment", JSON_MAY, e);
	if (r >= 0)
		r = json_get_bool(&h->empty_layer, at, "empty_layer", JSON_MAY, e);
	return r;
}

static int read_history(struct imgconf *c, const struct json_at *doc,
			struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, doc, "history", MAX_HISTORY, JSON_MAY, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);

		r = read_history_item(imgconf_add_history(c), &item, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_doc(struct imgconf *c, const struct json_at *doc, struct err *e)
{
	int r = json_as_object(doc, e);

	if (r >= 0)
		r = json_get_copy(&c->created, doc, "created", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&c->author, doc, "author", JSON_MAY, e);
	if (r >= 0)
		r = get_plain(&c->platform.arch, doc, "architecture", e);
	if (r >= 0)
		r = get_plain(&c->platform.os, doc, "os", e);
	if (r >= 0)
		r = get_plain(&c->platform.variant, doc, "variant", e);
	if (r >= 0)
		r = get_plain(&c->platform.os_version, doc, "os.version", e);
	if (r >= 0 && (!c->platform.os || !c->platform.arch))
		r = err_set(e, EBADMSG, "os or architecture: missing");
	if (r >= 0)
		r = read_run(&c->run, doc, e);
	if (r >= 0)
		r = read_rootfs(c, doc, e);
	if (r >= 0)
		r = read_history(c, doc, e);
	return r < 0 ? r : 0;
}

int imgconf_parse(struct imgconf *out, const char *data, size_t len,
		  struct err *e)
{
	struct imgconf c = IMGCONF_INIT;
	AUTO(json) json_t *tree = NULL;
	struct json_at doc;
	int r;

	if (len > MAX_IMGCONF)
		return err_set(e, EFBIG, "image configuration: longer than %zu bytes",
			       MAX_IMGCONF);
	r = json_load_strict(&tree, data, len, e);
	doc = json_root(tree);
	if (r == 0)
		r = read_doc(&c, &doc, e);
	if (r < 0) {
		imgconf_clear(&c);
		return err_ctx(e, r, "image configuration");
	}
	*out = c;
	return 0;
}

/* --- printing --- */

static void print_ns(struct json_w *w, const char *key, uint64_t ns)
{
	if (ns)
		json_m_u64(w, key, ns);
}

static void print_health(struct json_w *w, const struct imgconf_health *h)
{
	if (!h->is_set)
		return;
	json_m_object(w, "Healthcheck");
	json_m_strv(w, "Test", &h->test);
	print_ns(w, "Interval", h->interval_ns);
	print_ns(w, "Timeout", h->timeout_ns);
	print_ns(w, "StartPeriod", h->start_period_ns);
	print_ns(w, "StartInterval", h->start_interval_ns);
	print_ns(w, "Retries", h->retries);
	json_w_end(w);
}

/* [] and null mean different things for these. */
static void print_words(struct json_w *w, const char *key, bool is_there,
			const struct strv *words)
{
	json_m_strv(w, key, words);
	if (is_there && !words->len) {
		json_m_array(w, key);
		json_w_end(w);
	}
}

static void print_run(struct json_w *w, const struct imgconf_run *r)
{
	json_m_object(w, "config");
	json_m_string(w, "User", r->user);
	json_m_keys(w, "ExposedPorts", &r->exposed_ports);
	json_m_strv(w, "Env", &r->env);
	print_words(w, "Entrypoint", r->has_entrypoint, &r->entrypoint);
	print_words(w, "Cmd", r->has_cmd, &r->cmd);
	json_m_keys(w, "Volumes", &r->volumes);
	json_m_string(w, "WorkingDir", r->working_dir);
	json_m_map(w, "Labels", &r->labels);
	json_m_string(w, "StopSignal", r->stop_signal);
	json_m_strv(w, "Shell", &r->shell);
	print_health(w, &r->health);
	json_w_end(w);
}

static void print_history(struct json_w *w, const struct imgconf *c)
{
	if (!c->history_count)
		return;
	json_m_array(w, "history");
	for (size_t i = 0; i < c->history_count; i++) {
		const struct imgconf_history *h = &c->history[i];

		json_w_object(w);
		json_m_string(w, "created", h->created);
		json_m_string(w, "created_by", h->created_by);
		json_m_string(w, "author", h->author);
		json_m_string(w, "comment", h->comment);
		json_m_flag(w, "empty_layer", h->empty_layer);
		json_w_end(w);
	}
	json_w_end(w);
}

void imgconf_print(const struct imgconf *c, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);
	char digest[DIGEST_TEXT_MAX];

	json_w_object(&w);
	json_m_string(&w, "created", c->created);
	json_m_string(&w, "author", c->author);
	json_m_string(&w, "architecture", c->platform.arch);
	json_m_string(&w, "variant", c->platform.variant);
	json_m_string(&w, "os", c->platform.os);
	json_m_string(&w, "os.version", c->platform.os_version);
	print_run(&w, &c->run);
	json_m_object(&w, "rootfs");
	json_m_string(&w, "type", "layers");
	json_m_array(&w, "diff_ids");
	for (size_t i = 0; i < c->diff_count; i++) {
		digest_print(&c->diff_ids[i], digest);
		json_w_string(&w, digest);
	}
	json_w_end(&w);
	json_w_end(&w);
	print_history(&w, c);
	json_w_end(&w);
}
