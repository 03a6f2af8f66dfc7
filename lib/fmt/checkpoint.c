#include "lib/fmt/checkpoint.h"

#include "lib/fmt/json.h"

void checkpoint_clear(struct checkpoint *c)
{
	for (size_t i = 0; i < CHECKPOINT_STREAMS; i++) {
		free_auto(&c->stdio[i].name);
		free_auto(&c->stdio[i].path);
	}
	strv_clear(&c->mounts);
	strv_clear(&c->devices);
}

static int check_paths(const struct strv *paths, const struct json_at *at, const char *key,
		       struct err *e)
{
	for (size_t i = 0; i < paths->len; i++)
		if (paths->v[i][0] != '/')
			return json_fail(at, EINVAL, e, "%s: '%s' is not absolute", key,
					 paths->v[i]);
	return 0;
}

static int get_stream(struct checkpoint_stream *s, const struct json_at *at, struct err *e)
{
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_copy(&s->name, at, "name", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&s->path, at, "path", JSON_MAY, e);
	if (r >= 0 && s->path && (!s->name || s->path[0] != '/'))
		r = json_fail(at, EINVAL, e, "path: not absolute, or without a name");
	return r < 0 ? r : 0;
}

static int get_stdio(struct checkpoint *c, const struct json_at *at, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, at, "stdio", CHECKPOINT_STREAMS, JSON_MUST, e);

	if (r >= 0 && json_len(&list) != CHECKPOINT_STREAMS)
		return json_fail(&list, EINVAL, e, "not %d streams", CHECKPOINT_STREAMS);
	for (size_t i = 0; r >= 0 && i < CHECKPOINT_STREAMS; i++) {
		struct json_at item = json_item(&list, i);

		r = get_stream(&c->stdio[i], &item, e);
	}
	return r;
}

static int get_all(struct checkpoint *c, const struct json_at *at, struct err *e)
{
	int r = json_as_object(at, e);

	if (r >= 0)
		r = get_stdio(c, at, e);
	if (r >= 0)
		r = json_get_strv(&c->mounts, at, "mounts", JSON_MAY, e);
	if (r >= 0)
		r = check_paths(&c->mounts, at, "mounts", e);
	if (r >= 0)
		r = json_get_map(&c->devices, at, "devices", JSON_MAY, e);
	return r < 0 ? r : check_paths(&c->devices, at, "devices", e);
}

int checkpoint_parse(struct checkpoint *out, const char *json, size_t len, struct err *e)
{
	AUTO(checkpoint) struct checkpoint c = CHECKPOINT_INIT;
	AUTO(json) json_t *tree = NULL;
	struct json_at doc;
	int r = json_load_strict(&tree, json, len, e);

	doc = json_root(tree);
	if (r == 0)
		r = get_all(&c, &doc, e);
	if (r < 0) {
		e->code = EINVAL;
		return err_ctx(e, -EINVAL, CHECKPOINT_FILE);
	}
	*out = c;
	c = (struct checkpoint)CHECKPOINT_INIT;
	return 0;
}

void checkpoint_print(const struct checkpoint *c, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	json_m_array(&w, "stdio");
	for (size_t i = 0; i < CHECKPOINT_STREAMS; i++) {
		json_w_object(&w);
		json_m_string(&w, "name", c->stdio[i].name);
		json_m_string(&w, "path", c->stdio[i].path);
		json_w_end(&w);
	}
	json_w_end(&w);
	json_m_strv(&w, "mounts", &c->mounts);
	json_m_map(&w, "devices", &c->devices);
	json_w_end(&w);
}
