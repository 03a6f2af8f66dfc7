#include "lib/store/why.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/store/db.h"

void holders_auto(struct holders *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->v[i].ns);
		free(l->v[i].object);
		free(l->v[i].how);
	}
	free(l->v);
	*l = (struct holders)HOLDERS_INIT;
}

int why_held(struct holders *out, struct store *s, enum label_kind kind, const char *object,
	     struct err *e)
{
	AUTO(holders) struct holders l = HOLDERS_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r;

	if (kind != LABEL_CONTENT && kind != LABEL_SNAPSHOT)
		return 0;
	r = db_query(&st, s, kind == LABEL_CONTENT ? SQL_WHY_BLOB : SQL_WHY_SNAPSHOT,
		     ARGS(T(object)), e);
	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		l.v[l.len++] = (struct holder){
			.kind = (enum label_kind)db_int(st, 0),
			.ns = mem_str(db_peek(st, 1)),
			.object = mem_str(db_peek(st, 2)),
			.how = mem_str(db_peek(st, 3)),
		};
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct holders)HOLDERS_INIT;
	return 0;
}
