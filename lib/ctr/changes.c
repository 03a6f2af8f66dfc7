#include "lib/ctr/changes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"
#include "lib/os/enter.h"
#include "lib/store/snapshots.h"

#define MAX_CHANGES_TEXT MIB(512)

/* What every container has mounted beside what its spec says. */
static const char *const own_files[] = { "etc/hosts", "etc/resolv.conf", "etc/hostname" };

/* Times of files come from a clock that stands still for a tick or two. */
#define TICK_NS (20 * NS_PER_MS)

void ctr_trees_init(struct ctr_trees *t)
{
	*t = (struct ctr_trees){ .upper_fd = -1 };
	ctr_bundle_init(&t->bundle);
}

void ctr_trees_clear(struct ctr_trees *t)
{
	fd_auto(&t->upper_fd);
	while (t->lower_count)
		fd_auto(&t->lower_fds[--t->lower_count]);
	strv_clear(&t->places);
	ctr_bundle_clear(&t->bundle);
}

static int open_layers(struct ctr_trees *t, struct store *s, const struct snapshot *snap,
		       struct err *e)
{
	for (size_t i = snap->parent_count; i-- > 0;) {
		int fd = snapshot_open(s, snap->driver, snap->parents[i], e);

		if (fd < 0)
			return fd;
		t->lower_fds[t->lower_count++] = fd;
	}
	t->upper_fd = snapshot_open(s, snap->driver, snap->id, e);
	return t->upper_fd < 0 ? t->upper_fd : 0;
}

static void add_places(struct ctr_trees *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_files); i++)
		strv_add(&t->places, own_files[i]);
	for (size_t i = 0; i < t->bundle.spec.mount_count; i++) {
		const char *place = t->bundle.spec.mounts[i].destination;

		strv_add(&t->places, place + strspn(place, "/"));
	}
}

static void set_since(struct ctr_trees *t, uint64_t created_ns)
{
	uint64_t since = created_ns - TICK_NS;

	t->since.tv_sec = (time_t)(since / NS_PER_S);
	t->since.tv_nsec = (long)(since % NS_PER_S);
}

int ctr_trees_snapshot(struct ctr_trees *out, struct ctr_env *env, const struct snapshot *snap,
		       struct err *e)
{
	const struct snap_driver *driver = snap_find(snap->driver);

	if (!driver)
		return err_set(e, ENOTSUP, "snapshotter '%s' is not known", snap->driver);
	out->form = driver->form;
	set_since(out, snap->created_ns);
	return open_layers(out, env->store, snap, e);
}

int ctr_trees_open(struct ctr_trees *out, struct ctr_env *env, const struct ctr *c,
		   struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	int r;

	if (!c->row.snapshot)
		return err_set(e, EOPNOTSUPP, "container '%s' has no image below it",
			       c->row.name);
	r = ctr_bundle_load(&out->bundle, env, &c->row, e);
	if (r == 0)
		r = snapshot_get(&snap, env->store, c->row.snapshot, e);
	if (r < 0)
		return r;
	add_places(out);
	r = ctr_trees_snapshot(out, env, &snap, e);
	/* A snapshot is older than its copy of the image. */
	set_since(out, c->row.created_ns);
	return r;
}

/* A deep tree over many layers takes many descriptors. */
static void allow_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

int ctr_trees_walk(const struct ctr_trees *t, diff_fn *fn, void *arg, struct err *e)
{
	AUTO_FD int upper = fs_open_dir(t->upper_fd, "fs", e);
	int lowers[MAX_LAYERS];
	const struct diff_opts o = {
		.form = t->form, .upper_fd = upper, .lower_fds = lowers,
		.lower_count = t->lower_count, .since = t->since, .places = &t->places,
	};
	size_t opened = 0;
	int r = upper < 0 ? upper : 0;

	allow_descriptors();
	while (r == 0 && opened < t->lower_count) {
		lowers[opened] = fs_open_dir(t->lower_fds[opened], "fs", e);
		r = lowers[opened] < 0 ? lowers[opened] : 0;
		opened += r == 0;
	}
	if (r == 0)
		r = diff_walk(&o, fn, arg, e);
	while (opened)
		fd_auto(&lowers[--opened]);
	return r;
}

/* --- the list --- */

struct teller {
	const struct ctr_trees *trees;
	struct fd_pair pipe;
	struct buf text;
};

static int flush(struct teller *t, struct err *e)
{
	int r = fs_write_all(t->pipe.b, t->text.data, t->text.len, e);

	buf_reset(&t->text);
	return r;
}

static int tell(void *arg, const struct diff_item *item, struct err *e)
{
	struct teller *t = arg;

	if (!*item->path)
		return 0;
	buf_addf(&t->text, "%c/%s", item->kind, item->path);
	buf_addc(&t->text, '\0');
	return t->text.len < KIB(64) ? 0 : flush(t, e);
}

static int tell_all(void *arg, struct err *e)
{
	struct teller *t = arg;
	int r;

	fd_auto(&t->pipe.a);
	r = ctr_trees_walk(t->trees, tell, t, e);
	return r < 0 ? r : flush(t, e);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

int ctr_changes(struct strv *out, struct ctr_env *env, const struct ctr *c, struct err *e)
{
	AUTO(ctr_trees) struct ctr_trees trees;
	AUTO(enter_child) struct enter_child child = ENTER_CHILD_INIT;
	AUTO(buf) struct buf all = BUF_INIT(MAX_CHANGES_TEXT);
	struct teller t = {
		.trees = &trees, .pipe = FD_PAIR_INIT, .text = BUF_INIT(KIB(64) + 2 * MAX_PATH),
	};
	const struct enter_opts o = { .map = &trees.bundle.ids.map };
	size_t first = out->len;
	int r;

	ctr_trees_init(&trees);
	r = ctr_trees_open(&trees, env, c, e);
	if (r == 0)
		r = fd_pipe(&t.pipe, e);
	if (r == 0)
		r = enter_start(&child, &o, tell_all, &t, e);
	fd_auto(&t.pipe.b);
	if (r == 0)
		r = fs_read_stream(t.pipe.a, "changes", &all, e);
	fd_auto(&t.pipe.a);
	if (r == 0)
		r = enter_finish(&child, e);
	if (r < 0)
		return r;
	for (const char *p = all.data; p < all.data + all.len; p += strlen(p) + 1)
		strv_add(out, p);
	if (out->len > first)
		qsort(out->v + first, out->len - first, sizeof(*out->v), by_path);
	return 0;
}
