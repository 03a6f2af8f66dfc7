#include "lib/store/events.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/db.h"

void events_clear(struct events *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->v[i].topic);
		free(l->v[i].ns);
		free(l->v[i].object);
		free(l->v[i].name);
		free(l->v[i].image);
	}
	free(l->v);
	*l = (struct events)EVENTS_INIT;
}

int event_list(struct events *out, struct store *s, int64_t after, size_t max, struct err *e)
{
	AUTO(events) struct events l = EVENTS_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_EVENT_LIST, ARGS(I(after), I(max)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		l.v[l.len++] = (struct event){
			.id = db_int(st, 0),
			.time_ns = db_u64(st, 1),
			.topic = db_text(st, 2),
			.ns = db_text(st, 3),
			.object = db_text(st, 4),
			.name = db_text(st, 5),
			.image = db_text(st, 6),
			.code = db_int(st, 7),
		};
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct events)EVENTS_INIT;
	return 0;
}

int event_last(int64_t *id, struct store *s, struct err *e)
{
	return db_one(id, s, SQL_EVENT_LAST, NO_ARGS, e);
}

int event_task(struct store *s, const char *ns, const char *id, const char *topic,
	       struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = db_run(s, SQL_EVENT_TASK, ARGS(T(ns), T(id), T(topic), I(clock_wall_ns())), e);
	return r < 0 ? r : store_commit(&tx, e);
}

int event_version(int64_t *version, struct store *s, struct err *e)
{
	return db_one(version, s, SQL_EVENT_VERSION, NO_ARGS, e);
}
