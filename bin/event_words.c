#include "bin/event_words.h"

#include <stdio.h>

#include "bin/jtree.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct event_words words[] = {
	{ "/containers/create", "container", "create" },
	{ "/containers/update", "container", "rename" },
	{ "/containers/delete", "container", "destroy" },
	{ "/tasks/start", "container", "start" },
	{ "/tasks/exit", "container", "die" },
	{ "/tasks/paused", "container", "pause" },
	{ "/tasks/resumed", "container", "unpause" },
	{ "/tasks/delete", "container", "cleanup" },
	{ "/images/create", "image", "tag" },
	{ "/images/delete", "image", "untag" },
	{ "/volumes/create", "volume", "create" },
	{ "/volumes/delete", "volume", "destroy" },
	{ "/namespaces/create", "namespace", "create" },
	{ "/namespaces/delete", "namespace", "destroy" },
	{ "/snapshot/prepare", "snapshot", "create" },
	{ "/snapshot/commit", "snapshot", "commit" },
	{ "/snapshot/remove", "snapshot", "destroy" },
	{ "/content/create", "content", "create" },
	{ "/content/delete", "content", "destroy" },
};

const struct event_words *event_words(const char *topic)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].topic, topic))
			return &words[i];
	return NULL;
}

static bool has_code(const struct event *v)
{
	return v->code >= 0;
}

/* What docker has as attributes. */
static json_t *attributes(const struct event *v)
{
	json_t *o = json_object();
	char code[24];

	if (v->name)
		jtree_text(o, "name", v->name);
	if (v->image)
		jtree_text(o, "image", v->image);
	if (has_code(v)) {
		(void)snprintf(code, sizeof(code), "%lld", (long long)v->code);
		jtree_text(o, "exitCode", code);
	}
	return o;
}

void event_line(struct buf *out, const struct event *v, const struct event_words *w)
{
	json_t *all = attributes(v), *value;
	const char *key, *before = " (";
	char time[CLOCK_TEXT_MAX];

	clock_print(v->time_ns, time);
	buf_addf(out, "%s %s %s %s", time, w->type, w->action, v->object);
	json_object_foreach(all, key, value) {
		buf_addf(out, "%s%s=%s", before, key, json_string_value(value));
		before = ", ";
	}
	buf_addf(out, "%s\n", json_object_size(all) ? ")" : "");
	json_decref(all);
}

/* What containerd calls the object of this topic. */
static const char *object_key(const char *topic)
{
	static const struct {
		const char *prefix, *key;
	} keys[] = {
		{ "/containers/", "id" }, { "/tasks/", "container_id" }, { "/snapshot/", "key" },
		{ "/content/", "digest" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_starts(topic, keys[i].prefix))
			return keys[i].key;
	return "name";
}

void event_topic_line(struct buf *out, const struct event *v)
{
	json_t *o = json_object();
	AUTO_FREE char *text = NULL;
	char time[CLOCK_TEXT_MAX];

	jtree_text(o, object_key(v->topic), v->object);
	if (v->image)
		jtree_text(o, "image", v->image);
	if (has_code(v))
		jtree_number(o, "exit_status", v->code);
	text = json_dumps(o, JSON_COMPACT);
	clock_print(v->time_ns, time);
	buf_addf(out, "%s %s %s %s\n", time, v->ns[0] ? v->ns : "-", v->topic, text);
	json_decref(o);
}

json_t *event_object(const struct event *v, const struct event_words *w)
{
	json_t *o = json_object(), *actor = jtree_object(o, "Actor");

	jtree_text(actor, "ID", v->object);
	json_object_set_new(actor, "Attributes", attributes(v));
	jtree_text(o, "Type", w->type);
	jtree_text(o, "Action", w->action);
	jtree_text(o, "status", w->action);
	jtree_text(o, "id", v->object);
	jtree_text(o, "from", v->image);
	jtree_text(o, "scope", "local");
	jtree_number(o, "time", (int64_t)(v->time_ns / NS_PER_S));
	jtree_number(o, "timeNano", (int64_t)v->time_ns);
	jtree_text(o, "Topic", v->topic);
	jtree_text(o, "Namespace", v->ns);
	return o;
}
