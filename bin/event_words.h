/* event_words.h - events as docker and as containerd say them.
 */
#pragma once

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/store/events.h"

struct event_words {
	const char *topic;		/* "/tasks/exit" */
	const char *type;		/* docker's: "container" */
	const char *action;		/* "die" */
};

/* NULL: a topic that this program does not know. */
const struct event_words *event_words(const char *topic);

/* TIME TYPE ACTION OBJECT (name=…, image=…), and a newline. */
void event_line(struct buf *out, const struct event *v, const struct event_words *w);

/* TIME NAMESPACE TOPIC JSON, and a newline. */
void event_topic_line(struct buf *out, const struct event *v);

/* With docker's fields, and Topic and Namespace. */
json_t *event_object(const struct event *v, const struct event_words *w) MUST_CHECK;
