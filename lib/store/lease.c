#include "lib/store/lease.h"

#include <assert.h>

#include "lib/base/failpoint.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/snapshot.h"

struct owner {
	const char *what;
	const struct proc_id *proc;
	const char *ns, *name;		/* of a user's */
};

static int add(int64_t *id, struct store *s, const struct owner *o, uint64_t expires_ns,
	       struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int64_t made = 0;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0 && o->ns)
		r = store_use_ns(s, o->ns, e);
	if (r == 0)
		r = db_one(&made, s, SQL_LEASE_ADD,
			   ARGS(T(o->what), I(o->proc->pid), I(o->proc->start), T(s->boot),
				I(s->pidns), I(clock_wall_ns()), I(expires_ns), T(o->ns),
				T(o->name)), e);
	if (r == 0)
		r = store_commit(&tx, e);
	if (r == 0)
		*id = made;
	return r;
}

int lease_begin(struct lease *out, struct store *s, const char *what,
		struct err *e)
{
	const struct owner o = { .what = what, .proc = &s->self };
	int r = store_self(s, e);

	if (r == 0)
		r = add(&out->id, s, &o, clock_wall_ns() + LEASE_TRUST_S * NS_PER_S, e);
	if (r == 0)
		out->store = s;
	return r;
}

int lease_create(int64_t *id, struct store *s, const char *ns, const char *name,
		 uint64_t expires_ns, struct err *e)
{
	const struct proc_id nobody = { .pid = 0 };
	const struct owner o = { .what = "user", .proc = &nobody, .ns = ns, .name = name };
	int r;

	if (!str_is_name(name))
		return err_set(e, EINVAL, "bad lease '%s'", name);
	r = add(id, s, &o, expires_ns, e);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	return err_set(e, EEXIST, "lease '%s' is there already", name);
}

int lease_find(int64_t *id, struct store *s, const char *ns, const char *name, struct err *e)
{
	int r = db_one(id, s, SQL_LEASE_BY_NAME, ARGS(T(ns), T(name)), e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	return err_set(e, ENOENT, "no lease '%s'", name);
}

int lease_renew(struct lease *l, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, l->store, STORE_FAST, e);

	if (r == 0)
		r = db_run(l->store, SQL_LEASE_RENEW,
			   ARGS(I(l->id), I(clock_wall_ns() + LEASE_TRUST_S * NS_PER_S)), e);
	if (r == 0)
		return err_set(e, ENOENT, "no such lease");
	return r < 0 ? r : store_commit(&tx, e);
}

struct staged {
	int64_t id;
	char *driver;
};

/* Rows first, then directories. */
static int drop(struct store *s, int64_t id, struct staged *v, size_t max,
		size_t *len, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r < 0)
		return r;
	{
		AUTO(db_rows) sqlite3_stmt *st = NULL;

		r = db_query(&st, s, SQL_LEASE_STAGING, ARGS(I(id)), e);
		while (r >= 0 && *len < max && (r = db_next(s, st, e)) > 0)
			v[(*len)++] = (struct staged){ db_int(st, 0), db_text(st, 1) };
	}
	if (r >= 0)
		r = db_run(s, SQL_LEASE_STAGING_DELETE, ARGS(I(id)), e);
	if (r >= 0)
		r = db_run(s, SQL_LEASE_UNPIN_BLOBS, ARGS(I(id)), e);
	if (r >= 0)
		r = db_run(s, SQL_LEASE_UNPIN_SNAPSHOTS, ARGS(I(id)), e);
	if (r >= 0)
		r = db_run(s, SQL_LEASE_DELETE, ARGS(I(id)), e);
	if (r == 0)
		return err_set(e, ENOENT, "no lease %lld", (long long)id);
	return r < 0 ? r : store_commit(&tx, e);
}

int lease_remove(struct store *s, int64_t id, struct err *e)
{
	/* What does not fit has no row then, and GC finds its directory. */
	struct staged staged[MAX_LAYERS];
	size_t len = 0;
	int r;

	assert(s->depth == 0);
	r = drop(s, id, staged, ARRAY_SIZE(staged), &len, e);
	if (r == 0)
		r = failpoint("lease.dropped", e);
	for (size_t i = 0; i < len; i++) {
		if (r == 0)
			r = snapshot_trash(s, staged[i].driver, staged[i].id, e);
		free(staged[i].driver);
	}
	return r;
}

int lease_end(struct lease *l, struct err *e)
{
	struct store *s = take(l->store);

	return s ? lease_remove(s, l->id, e) : 0;
}

static int pin(const struct lease *l, enum sql q, struct db_arg what, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, l->store, STORE_FAST, e);

	if (r == 0)
		r = db_run(l->store, q, ARGS(I(l->id), what), e);
	if (r == 0)
		return err_set(e, ENOENT, "no lease %lld", (long long)l->id);
	return r < 0 ? r : store_commit(&tx, e);
}

int lease_pin_blob(const struct lease *l, const struct digest *d, struct err *e)
{
	return pin(l, SQL_LEASE_PIN_BLOB, D(d), e);
}

int lease_pin_snapshot(const struct lease *l, int64_t snapshot, struct err *e)
{
	return pin(l, SQL_LEASE_PIN_SNAPSHOT, I(snapshot), e);
}

static int unpin(struct store *s, int64_t id, enum sql q, struct db_arg what, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = db_run(s, q, ARGS(I(id), what), e);
	if (r == 0)
		return err_set(e, ENOENT, "the lease does not hold that");
	return r < 0 ? r : store_commit(&tx, e);
}

int lease_unpin_blob(struct store *s, int64_t id, const struct digest *d, struct err *e)
{
	return unpin(s, id, SQL_LEASE_DROP_BLOB, D(d), e);
}

int lease_unpin_snapshot(struct store *s, int64_t id, int64_t snapshot, struct err *e)
{
	return unpin(s, id, SQL_LEASE_DROP_SNAPSHOT, I(snapshot), e);
}

int lease_resources(struct strv *blobs, struct strv *snapshots, struct store *s, int64_t id,
		    struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	AUTO(db_rows) sqlite3_stmt *names = NULL;
	int r = db_query(&st, s, SQL_LEASE_BLOBS, ARGS(I(id)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0)
		strv_add(blobs, db_peek(st, 0));
	if (r >= 0)
		r = db_query(&names, s, SQL_LEASE_SNAPSHOTS, ARGS(I(id)), e);
	while (r >= 0 && (r = db_next(s, names, e)) > 0)
		strv_addf(snapshots, "%s/%s", db_peek(names, 0), db_peek(names, 1));
	return r;
}

static void info_clear(struct lease_info *l)
{
	free(l->what);
	free(l->ns);
	free(l->name);
}

static void from_row(struct lease_info *out, uint64_t *pidns, sqlite3_stmt *st)
{
	*out = (struct lease_info){
		.id = db_int(st, 0),
		.what = db_text(st, 1),
		.owner = { .pid = (pid_t)db_int(st, 2), .start = db_u64(st, 3) },
		.created_ns = db_u64(st, 6),
		.expires_ns = db_u64(st, 7),
		.ns = db_text(st, 8),
		.name = db_text(st, 9),
	};
	(void)str_copy(out->owner.boot, sizeof(out->owner.boot), db_peek(st, 4));
	*pidns = db_u64(st, 5);
}

/* A user's lease lives by the clock.  An owner that we can see decides alone;
 * one in another pid namespace is believed for a while. */
static bool is_alive(struct store *s, const struct lease_info *l, uint64_t pidns)
{
	struct err ignored = ERR_INIT;

	if (!l->owner.pid)
		return clock_wall_ns() < l->expires_ns;
	if (!str_eq(l->owner.boot, s->boot))
		return false;
	if (store_self(s, &ignored) < 0 || pidns != s->pidns)
		return clock_wall_ns() < l->expires_ns;
	return proc_id_is_alive(&l->owner);
}

int lease_is_void(struct store *s, int64_t lease, struct proc_id *owner,
		  struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	struct lease_info l;
	uint64_t pidns;
	bool alive;
	int r = db_query(&st, s, SQL_LEASE_GET, ARGS(I(lease)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r <= 0)
		return r < 0 ? r : 1;
	from_row(&l, &pidns, st);
	alive = is_alive(s, &l, pidns);
	if (alive && owner && pidns == s->pidns)
		*owner = l.owner;
	info_clear(&l);
	return !alive;
}

int lease_list(struct leases *out, struct store *s, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	AUTO(leases) struct leases l = LEASES_INIT;
	int r = db_query(&st, s, SQL_LEASE_LIST, NO_ARGS, e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		uint64_t pidns;

		l.v = mem_grow(l.v, l.len + 1, sizeof(*l.v));
		from_row(&l.v[l.len], &pidns, st);
		l.v[l.len].is_alive = is_alive(s, &l.v[l.len], pidns);
		l.len++;
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct leases)LEASES_INIT;
	return 0;
}

void leases_clear(struct leases *l)
{
	for (size_t i = 0; i < l->len; i++)
		info_clear(&l->v[i]);
	free(l->v);
	*l = (struct leases)LEASES_INIT;
}

int lease_recover(struct store *s, struct err *e)
{
	AUTO(leases) struct leases l = LEASES_INIT;
	int r = lease_list(&l, s, e);

	for (size_t i = 0; i < l.len && r == 0; i++) {
		if (l.v[i].is_alive)
			continue;
		r = lease_remove(s, l.v[i].id, e);
		if (r == -ENOENT) {		/* another opener was first */
			err_clear(e);
			r = 0;
		}
	}
	return r;
}
