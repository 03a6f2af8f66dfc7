/* The store, object by object. */
#include "tests/unit/store_check.h"

#include "lib/store/events.h"

#include "lib/base/clock.h"
#include "lib/store/schema.h"

static struct sample one, two;

static int open_with(struct store **out, struct store_options o, struct err *e)
{
	AUTO_FREE char *root = mem_printf("%s/s", scratch);

	o.root = root;
	return store_open(out, &o, e);
}

static void test_open(void **state)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	struct stat st;
	mode_t old;

	(void)state;
	FAILS(ENOENT, open_with(&s, (struct store_options){ .create = false }, &e));
	old = umask(0);
	OK(open_with(&s, (struct store_options){ .create = true }, &e));
	(void)umask(old);
	for (int d = 0; d < STORE_DIR_COUNT; d++) {
		assert_int_equal(fstat(store_dir(s, (enum store_dir)d, &e), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
		assert_true(str_starts(store_dir_path(s, (enum store_dir)d), root));
	}
	store_close(s);
	OK(open_with(&s, (struct store_options){ .exclusive = true }, &e));
	store_close(s);
	OK(open_with(&s, (struct store_options){ .read_only = true }, &e));
	FAILS(EROFS, store_ns_create(s, "x", &e));
	store_close(s);
	assert_int_equal(chmod(root, 0777), 0);
	FAILS(EPERM, open_with(&s, (struct store_options){ .create = true }, &e));
	wipe(scratch, "s");
	assert_int_equal(chmod(scratch, 0707), 0);
	FAILS(EPERM, open_with(&s, (struct store_options){ .create = true }, &e));
}

static void test_newer(void **state)
{
	struct store *s = open_store(true);
	struct err e = ERR_INIT;

	(void)state;
	store_close(s);
	sql("PRAGMA user_version = 1000");
	FAILS(EPROTONOSUPPORT, open_with(&s, (struct store_options){ .create = true }, &e));
}

/* A stored file of each earlier version becomes one of this version, and
 * nothing in it is lost. */
static void test_upgrade(void **state)
{
	for (int version = 1; version < schema_version; version++) {
		AUTO(container) struct container c = CONTAINER_INIT;
		AUTO(strv) struct strv v = STRV_INIT;
		struct store *s;
		struct err e = ERR_INIT;

		(void)state;
		store_of_version(version);
		FAILS(EROFS, open_with(&s, (struct store_options){ .read_only = true }, &e));
		s = open_store(false);
		assert_int_equal(store_notices(s)->len, 1);	/* the boot is another */
		OK(container_get(&c, s, "default", "old", &e));
		assert_string_equal(c.id, "c1");
		assert_int_equal(c.state, CONTAINER_EXITED);
		assert_int_equal(c.exit_code, EXIT_UNKNOWN);
		assert_string_equal(c.labels.v[0], "tier=web");
		OK(volume_users(&v, s, "default", "data", &e));
		assert_string_equal(v.v[0], "c1");
		strv_clear(&v);
		OK(store_ns_list(&v, s, &e));
		assert_int_equal(v.len, 2);
		store_close(s);
	}
}

static void test_split(void **state)
{
	AUTO_FREE char *local = mem_printf("%s/local", scratch);
	struct store_options o = { .create = true, .split = true, .local = local };
	struct store *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	OK(open_with(&s, o, &e));
	assert_int_equal(store_notices(s)->len, 1);
	assert_true(str_starts(store_dir_path(s, STORE_DIR_SNAPSHOTS), local));
	assert_false(str_starts(store_dir_path(s, STORE_DIR_CONTENT), local));
	OK(sample_pull(s, &one, "default", "a:1", &e));
	store_close(s);
	OK(open_with(&s, (struct store_options){ .create = false }, &e));
	assert_int_equal(store_notices(s)->len, 0);
	check_blobs(s);
	check_names(s, "default");
	store_close(s);

	/* Others could put a store of theirs there. */
	assert_int_equal(chmod(local, 0777), 0);
	FAILS(EPERM, open_with(&s, (struct store_options){ .create = false }, &e));
}

static void test_transactions(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct err e = ERR_INIT;

	(void)state;
	{
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		OK(store_begin(&tx, s, STORE_DURABLE, &e));
		OK(store_ns_create(s, "gone", &e));
	}
	{
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		OK(store_begin(&tx, s, STORE_FAST, &e));
		OK(store_ns_create(s, "x", &e));
		FAILS(EINVAL, store_ns_create(s, "../x", &e));
		FAILS(ECANCELED, store_commit(&tx, &e));
	}
	OK(store_ns_create(s, "kept", &e));
	{
		AUTO(strv) struct strv v = STRV_INIT;

		OK(store_ns_list(&v, s, &e));
		assert_int_equal(v.len, 2);
		assert_string_equal(v.v[1], "kept");
	}
	OK(store_ns_remove(s, "kept", &e));
	FAILS(ENOENT, store_ns_remove(s, "kept", &e));
}

static void test_content(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(lease) struct lease l = LEASE_INIT;
	AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT, other = in;
	struct err e = ERR_INIT;
	struct digest *d = &one.layer_digest[0];
	AUTO(buf) struct buf b = BUF_INIT(MIB(1));

	(void)state;
	OK(lease_begin(&l, s, "pull", &e));
	FAILS(ENOENT, content_get(s, d, NULL, &e));
	assert_int_equal(content_ingest_begin(&in, s, &l, d, LAYER_LEN, &e), CONTENT_WRITE);
	OK(content_ingest_write(&in, one.layer[0], 1000, &e));
	assert_int_equal(content_ingest_progress(s, d), 1000);
	assert_int_equal(content_ingest_begin(&other, s, &l, d, LAYER_LEN, &e), CONTENT_FOLLOW);
	assert_int_equal(other.owner.pid, getpid());
	FAILS(EFBIG, content_ingest_write(&in, one.layer[0], LAYER_LEN, &e));
	content_ingest_abort(&in, true);
	/* resumed; the wrong bytes; again */
	assert_int_equal(content_ingest_begin(&in, s, &l, d, LAYER_LEN, &e), CONTENT_WRITE);
	assert_int_equal(in.offset, 1000);
	OK(content_ingest_write(&in, one.layer[0], LAYER_LEN - 1000, &e));
	FAILS(EBADMSG, content_ingest_commit(&in, &one.layer_digest[1], LAYER_LEN, &e));
	assert_int_equal(content_ingest_begin(&in, s, &l, d, LAYER_LEN, &e), CONTENT_WRITE);
	assert_int_equal(in.offset, 0);
	OK(content_ingest_write(&in, one.layer[0], LAYER_LEN, &e));
	OK(content_ingest_restart(&in, &e));
	OK(content_ingest_write(&in, one.layer[0], LAYER_LEN, &e));
	OK(content_ingest_commit(&in, d, LAYER_LEN, &e));
	assert_int_equal(content_has(s, d, &e), 0);
	OK(content_barrier(s, &e));
	assert_int_equal(content_has(s, d, &e), 1);
	assert_int_equal(content_ingest_begin(&in, s, &l, d, LAYER_LEN, &e), CONTENT_EXISTS);
	OK(content_read(s, d, &b, &e));
	assert_memory_equal(b.data, one.layer[0], LAYER_LEN);
	/* a blob whose file was cut is fetched again */
	{
		AUTO_FD int fd = content_get(s, d, NULL, &e);
		struct stat st;
		char path[64];

		OK(fd);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0444);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(truncate(path, 5), 0);
	}
	FAILS(EBADMSG, content_get(s, d, NULL, &e));
	assert_int_equal(content_ingest_begin(&in, s, &l, d, LAYER_LEN, &e), CONTENT_WRITE);
	OK(content_ingest_write(&in, one.layer[0], LAYER_LEN, &e));
	OK(content_ingest_commit(&in, d, LAYER_LEN, &e));
	OK(content_barrier(s, &e));
	OK(content_delete(s, d, &e));
	FAILS(ENOENT, content_delete(s, d, &e));
	/* a digest that is not known before */
	assert_int_equal(content_ingest_begin(&in, s, &l, NULL, UINT64_MAX, &e), CONTENT_WRITE);
	OK(content_ingest_write(&in, one.layer[1], LAYER_LEN, &e));
	OK(content_ingest_commit(&in, &one.layer_digest[1], LAYER_LEN, &e));
	OK(content_barrier(s, &e));
	check_blobs(s);
}

static size_t count_images(struct store *s, const char *ns)
{
	AUTO(images) struct images l = IMAGES_INIT;
	struct err e = ERR_INIT;

	OK(image_list(&l, s, ns, NULL, &e));
	return l.len;
}

static void test_images(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(image) struct image i = IMAGE_INIT;
	AUTO(buf) struct buf index = BUF_INIT(MIB(1));
	struct digest lost;
	struct err e = ERR_INIT;
	char hex[DIGEST_TEXT_MAX];

	(void)state;
	i.media_type = mem_str("x");
	i.target = i.manifest = i.config = one.config_digest;
	i.name = mem_str("half:1");
	FAILS(EBADMSG, image_put(s, "default", &i, &lost, &e));
	image_clear(&i);
	OK(sample_pull(s, &one, "default", "a:1", &e));
	FAILS(ENOENT, image_get(&i, s, "dev", "a:1", &e));
	OK(image_get(&i, s, "default", "a:1", &e));
	assert_int_equal(i.layer_count, LAYERS);
	assert_true(digest_eq(&i.layers[1], &one.diff_id[1]));
	OK(image_tag(s, "default", i.row, "b:\"1\"", &lost, &e));
	assert_false(digest_is_set(&lost));
	assert_int_equal(count_images(s, "default"), 2);
	OK(image_tag(s, "dev", i.row, "a:1", NULL, &e));
	OK(fs_read(store_dir(s, STORE_DIR_CONTENT, &e), "index.json", &index, &e));
	assert_non_null(strstr(index.data, "image.ref.name\":\"b:\\\"1\\\"\""));
	assert_non_null(strstr(index.data, "\"coracle.namespace\":\"dev\""));
	/* a tag moves: the last name leaves a dangling row, a name too many none */
	OK(sample_pull(s, &two, "default", "a:1", &e));
	assert_int_equal(count_images(s, "default"), 2);
	OK(sample_pull(s, &two, "default", "b:\"1\"", &e));
	assert_int_equal(count_images(s, "default"), 3);
	image_clear(&i);
	digest_hex(&one.config_digest, hex);
	hex[12] = '\0';
	OK(image_find(&i, s, "default", hex, &e));
	assert_null(i.name);
	FAILS(ENOENT, image_find(&i, s, "default", "zz", &e));
	FAILS(ENOENT, image_find(&i, s, "default", "", &e));
	OK(sample_pull(s, &one, "default", "c:1", &e));		/* named again */
	assert_int_equal(count_images(s, "default"), 3);
	image_clear(&i);
	OK(image_get(&i, s, "default", "c:1", &e));
	OK(image_remove(s, i.row, &e));
	FAILS(ENOENT, image_remove(s, i.row, &e));
}

static void test_snapshots(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
	AUTO(lease) struct lease l = LEASE_INIT;
	struct err e = ERR_INIT;
	int64_t layers[2], id;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	OK(lease_begin(&l, s, "x", &e));
	for (int i = 0; i < LAYERS; i++)
		OK(snapshot_find_layer(&layers[i], s, "overlay", &one.diff_id[i], "0:0:1", &l, &e));
	FAILS(ENOENT, snapshot_find_layer(&id, s, "native", &one.diff_id[0], "0:0:1", &l, &e));
	assert_int_equal(snapshot_begin_layer(&st, s, &l, "overlay", &one.diff_id[0], "0:0:1", &e),
			 SNAPSHOT_EXISTS);
	assert_int_equal(snapshot_begin_layer(&st, s, &l, "overlay", &one.diff_id[0], "0:5:1", &e),
			 SNAPSHOT_MAKE);
	fd_auto(&st.fd);
	assert_int_equal(snapshot_begin_layer(&st, s, &l, "overlay", &one.diff_id[0], "0:5:1", &e),
			 SNAPSHOT_FOLLOW);
	OK(snapshot_create(&id, NULL, s, SNAPSHOT_ACTIVE, "overlay", "0:0:1", layers, 2, &e));
	OK(snapshot_set_usage(s, id, 77, 3, &e));
	OK(snapshot_get(&snap, s, id, &e));
	assert_int_equal(snap.parent_count, 2);
	assert_int_equal(snap.parents[1], layers[1]);
	assert_int_equal(snap.size, 77);
	FAILS(EBUSY, snapshot_remove(s, layers[0], &e));
	OK(snapshot_remove(s, id, &e));
	FAILS(ENOENT, snapshot_remove(s, id, &e));
	layers[1] = 999;
	FAILS(ESTALE, snapshot_create(&id, NULL, s, SNAPSHOT_ACTIVE, "overlay", "", layers, 2, &e));
	/* the layer that was begun goes with its lease */
	OK(lease_end(&l, &e));
	{
		AUTO(snapshots) struct snapshots all = SNAPSHOTS_INIT;

		OK(snapshot_list(&all, s, "overlay", &e));
		assert_int_equal(all.len, LAYERS);
	}
	assert_true(gc_has_trash(s));
	assert_int_equal(gc_reap_trash(s, 0, NULL, NULL, &e), 0);
	assert_false(gc_has_trash(s));
}

static void test_containers(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct container c = { .id = LIT("abc1"), .ns = LIT("default"), .name = LIT("web"),
			       .restart = LIT("no") };
	AUTO(container) struct container got = CONTAINER_INIT;
	AUTO(containers) struct containers l = CONTAINERS_INIT;
	struct proc_id init = { .pid = 7, .start = 9, .boot = "b" };
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&c.labels, "b=2=3");
	strv_add(&c.labels, "a");
	OK(container_put(s, &c, &e));
	FAILS(EEXIST, container_put(s, &c, &e));
	c.id = LIT("abc2");
	assert_int_equal(container_put(s, &c, &e), -EEXIST);
	assert_non_null(strstr(e.text, "abc1"));
	err_clear(&e);
	c.name = LIT("db");
	OK(container_put(s, &c, &e));
	c.ns = LIT("dev");
	OK(container_put(s, &c, &e));
	strv_clear(&c.labels);
	FAILS(ENOTUNIQ, container_get(&got, s, "default", "abc", &e));
	FAILS(ENOENT, container_get(&got, s, "default", "x", &e));
	FAILS(ENOENT, container_get(&got, s, "default", "", &e));
	OK(container_get(&got, s, "default", "abc2", &e));
	assert_string_equal(got.labels.v[0], "a=");
	assert_string_equal(got.labels.v[1], "b=2=3");
	assert_int_equal(container_rename(s, "default", "abc2", "web", &e), -EEXIST);
	err_clear(&e);
	OK(container_rename(s, "default", "abc2", "db2", &e));
	OK(container_list(&l, s, NULL, &e));
	assert_int_equal(l.len, 3);
	assert_int_equal(l.v[0].labels.len, 2);
	/* the end of a run is folded in once; unknown may become known */
	OK(container_set_started(s, "default", "abc1", &init, 100, &e));
	assert_int_equal(container_set_finished(s, "default", "abc1", 99, 200, 5, &e), 0);
	assert_int_equal(container_set_finished(s, "default", "abc1", 100, 0, EXIT_UNKNOWN, &e), 1);
	assert_int_equal(container_set_finished(s, "default", "abc1", 100, 200, 5, &e), 1);
	assert_int_equal(container_set_finished(s, "default", "abc1", 100, 300, 6, &e), 0);
	container_clear(&got);
	OK(container_get(&got, s, "default", "web", &e));
	assert_int_equal(got.exit_code, 5);
	assert_int_equal(got.finished_ns, 200);
	assert_int_equal(got.starter.pid, 7);
	assert_int_equal(container_remove(s, "default", "abc1", false, &e), 1);
	assert_int_equal(container_remove(s, "default", "abc1", false, &e), 0);
	FAILS(EBUSY, store_ns_remove(s, "dev", &e));
}

static void test_volumes(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct volume v = { .ns = LIT("default"), .name = LIT("data") };
	struct container c = { .id = LIT("c1"), .ns = LIT("default"), .name = LIT("web") };
	AUTO(volume) struct volume got = VOLUME_INIT;
	AUTO(strv) struct strv gone = STRV_INIT;
	AUTO_FREE char *path = volume_path(s, "default", "data");
	AUTO_FD int fd = -1;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	strv_add(&v.options, "o=size=1");
	strv_add(&v.labels, "k=v");
	OK(volume_create(s, &v, &e));
	assert_int_equal(access(path, F_OK), 0);
	FAILS(EEXIST, volume_create(s, &v, &e));
	v.ns = LIT("dev");
	OK(volume_create(s, &v, &e));
	v.ns = LIT("default");
	v.name = LIT("anon");
	v.is_anonymous = true;
	OK(volume_create(s, &v, &e));
	strv_clear(&v.options);
	strv_clear(&v.labels);
	OK(container_put(s, &c, &e));
	OK(volume_use(s, "default", "data", "c1", &e));
	OK(volume_use(s, "default", "data", "c1", &e));
	FAILS(ENOENT, volume_use(s, "default", "nope", "c1", &e));
	FAILS(EBUSY, volume_remove(s, "default", "data", &e));
	OK(volume_get(&got, s, "default", "data", &e));
	assert_int_equal(got.users, 1);
	assert_string_equal(got.options.v[0], "o=size=1");
	assert_string_equal(got.labels.v[0], "k=v");
	OK(volume_prune(&gone, s, "default", false, &e));
	assert_int_equal(gone.len, 1);
	assert_string_equal(gone.v[0], "anon");
	assert_int_equal(container_remove(s, "default", "c1", false, &e), 1);
	OK(volume_prune(&gone, s, "default", true, &e));
	assert_int_equal(gone.len, 2);
	FAILS(ENOENT, volume_get(&got, s, "default", "data", &e));
	assert_int_equal(access(path, F_OK), -1);
	fd = volume_open(s, "dev", "data", &e);
	OK(fd);
	/* a directory that lost its row is adopted as it is */
	fd_auto(&fd);
	fd = fs_mkdirs(store_dir(s, STORE_DIR_VOLUMES, &e), "default/lost/_data/mine", 0711, &e);
	OK(fd);
	v = (struct volume){ .ns = LIT("default"), .name = LIT("lost") };
	OK(volume_create(s, &v, &e));
	fd_auto(&fd);
	fd = volume_open(s, "default", "lost", &e);
	OK(fd);
	assert_int_equal(faccessat(fd, "mine", F_OK, 0), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0711);
}

static bool volume_has(struct store *s, const char *name)
{
	AUTO_FREE char *path = mem_printf("default/%s", name);
	struct err e = ERR_INIT;

	return faccessat(store_dir(s, STORE_DIR_VOLUMES, &e), path, F_OK, 0) == 0;
}

/* Filled, then named; what was not finished is nobody's, and goes. */
static void test_volume_drafts(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	const struct volume v = { .ns = LIT("default"), .name = LIT("data") };
	const struct volume late = { .ns = LIT("default"), .name = LIT("late") };
	const struct gc_options o = { .grace_s = 0 };
	char *draft[3];
	struct gc_result res;
	struct err e = ERR_INIT;
	AUTO_FD int fd = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(draft); i++) {
		AUTO_FREE char *path = NULL;

		OK(volume_draft(&draft[i], s, "default", &e));
		path = mem_printf("default/%s/_data/%zu", draft[i], i);
		OK(mkdirat(store_dir(s, STORE_DIR_VOLUMES, &e), path, 0700));
	}
	OK(volume_settle(s, &v, draft[0], &e));
	OK(volume_settle(s, &v, draft[1], &e));		/* somebody was faster */
	volume_end_draft(s, "default", draft[0], "data");
	volume_end_draft(s, "default", draft[1], "data");
	assert_true(volume_has(s, "data/_data/0"));
	assert_false(volume_has(s, "data/" VOLUME_SCRATCH));
	{
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		OK(store_begin(&tx, s, STORE_FAST, &e));
		OK(volume_settle(s, &late, draft[2], &e));
	}
	assert_true(volume_has(s, "late/_data/2"));
	fd = fs_mkdirs(store_dir(s, STORE_DIR_VOLUMES, &e), "default/lost/_data", 0700, &e);
	OK(fd);
	free(draft[2]);
	OK(volume_draft(&draft[2], s, "default", &e));
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.orphans, 2);		/* late and the draft, not lost */
	assert_true(volume_has(s, "data/_data/0"));
	assert_true(volume_has(s, "lost/_data"));
	assert_false(volume_has(s, "late"));
	assert_false(volume_has(s, draft[2]));
	for (size_t i = 0; i < ARRAY_SIZE(draft); i++)
		free(draft[i]);
}

/* rm -v: in one transaction with the container. */
static void test_own_volumes(void **state)
{
	static const char *const names[] = { "named", "own", "shared" };
	AUTO(store) struct store *s = open_store(true);
	struct container c = { .ns = LIT("default") };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct volume v = {
			.ns = LIT("default"), .name = LIT(names[i]), .is_anonymous = i > 0,
		};

		OK(volume_create(s, &v, &e));
	}
	c.id = c.name = LIT("c1");
	OK(container_put(s, &c, &e));
	c.id = c.name = LIT("c2");
	OK(container_put(s, &c, &e));
	OK(volume_use(s, "default", "shared", "c2", &e));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		OK(volume_use(s, "default", names[i], "c1", &e));
	assert_int_equal(container_remove(s, "default", "c1", true, &e), 1);
	assert_true(volume_has(s, "named"));
	assert_false(volume_has(s, "own"));
	assert_true(volume_has(s, "shared"));
	assert_int_equal(container_remove(s, "default", "c2", true, &e), 1);
	assert_false(volume_has(s, "shared"));
}

static void test_leases(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(leases) struct leases l = LEASES_INIT;
	struct err e = ERR_INIT;
	int64_t kept;
	int status;
	pid_t pid;

	(void)state;
	OK(lease_create(&kept, s, "default", "mine", LEASE_FOREVER, &e));
	store_close(take(s));
	pid = fork();
	if (pid == 0) {			/* dies while it downloads and unpacks */
		struct lease dead = LEASE_INIT;
		struct content_ingest in = CONTENT_INGEST_INIT;
		struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
		int r;

		s = open_store(false);
		r = lease_begin(&dead, s, "pull", &e);
		if (r == 0)
			r = content_ingest_begin(&in, s, &dead, &one.layer_digest[0],
						 LAYER_LEN, &e);
		if (r == 0)
			r = content_ingest_write(&in, one.layer[0], 5000, &e);
		if (r == 0)
			r = snapshot_begin_layer(&st, s, &dead, "overlay", &one.diff_id[0],
						 "m", &e);
		_exit(r != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	s = open_store(false);
	assert_int_equal(store_entries(s, STORE_DIR_SNAPSHOTS, "overlay"), 0);
	OK(lease_list(&l, s, &e));
	assert_int_equal(l.len, 1);
	assert_int_equal(l.v[0].id, kept);
	{
		AUTO(lease) struct lease mine = LEASE_INIT;
		AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
		struct snapshot_staging st = SNAPSHOT_STAGING_INIT;

		OK(lease_begin(&mine, s, "pull", &e));
		assert_int_equal(content_ingest_begin(&in, s, &mine, &one.layer_digest[0],
						      LAYER_LEN, &e), CONTENT_WRITE);
		assert_int_equal(in.offset, 5000);
		assert_int_equal(snapshot_begin_layer(&st, s, &mine, "overlay", &one.diff_id[0],
						      "m", &e), SNAPSHOT_MAKE);
		fd_auto(&st.fd);
	}
	OK(lease_remove(s, kept, &e));
	FAILS(ENOENT, lease_remove(s, kept, &e));
}

static void check_events(struct store *s, int64_t *after, const char *expected)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(64));
	AUTO(events) struct events l = EVENTS_INIT;
	struct err e = ERR_INIT;

	OK(event_list(&l, s, *after, 1000, &e));
	for (size_t i = 0; i < l.len; i++) {
		buf_addf(&text, "%s%s", i ? " " : "", l.v[i].topic);
		if (l.v[i].code >= 0)
			buf_addf(&text, "=%lld", (long long)l.v[i].code);
		*after = l.v[i].id;
	}
	assert_string_equal(text.data, expected);
}

static void test_events(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(store) struct store *other = open_store(false);
	struct container c = { .id = LIT("abc1"), .ns = LIT("dev"), .name = LIT("web"),
			       .restart = LIT("no") };
	struct proc_id init = { .pid = 7, .start = 9, .boot = "b" };
	int64_t after = 0, was = 0, is = 0;
	AUTO(events) struct events l = EVENTS_INIT;
	struct err e = ERR_INIT;

	(void)state;
	OK(event_last(&after, s, &e));
	assert_int_equal(after, 0);
	OK(event_version(&was, other, &e));
	OK(container_put(s, &c, &e));
	OK(event_version(&is, other, &e));
	assert_int_not_equal(is, was);
	OK(container_set_started(s, "dev", "abc1", &init, 100, &e));
	assert_int_equal(container_set_finished(s, "dev", "abc1", 100, 200, 5, &e), 1);
	assert_int_equal(container_set_finished(s, "dev", "abc1", 100, 200, 5, &e), 0);
	OK(event_list(&l, s, 0, 2, &e));
	assert_int_equal(l.len, 2);
	assert_string_equal(l.v[1].object, "abc1");
	assert_string_equal(l.v[1].name, "web");
	assert_string_equal(l.v[1].ns, "dev");
	assert_true(clock_wall_ns() - l.v[1].time_ns < 60 * NS_PER_S);
	check_events(s, &after, "/namespaces/create /containers/create /tasks/start /tasks/exit=5");
	OK(container_forget_task(s, "dev", "abc1", &e));
	FAILS(ENOENT, container_forget_task(s, "dev", "abc1", &e));
	OK(container_remove(s, "dev", "abc1", false, &e));
	check_events(s, &after, "/tasks/delete=5 /containers/delete");
	/* What was rolled back did not happen. */
	{
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		OK(store_begin(&tx, s, STORE_FAST, &e));
		OK(container_put(s, &c, &e));
	}
	check_events(s, &after, "");
	for (int i = 0; i < 5000; i++)
		OK(store_ns_create(s, i % 2 ? "x" : "y", &e) || store_ns_remove(s, i % 2 ? "x" : "y", &e));
	events_clear(&l);
	OK(event_list(&l, s, 0, 100000, &e));
	assert_in_range(l.len, 4096, 4096 + 256);
}

/* Every call writes a little and ends: what the next one replays is bounded. */
static void test_log(void **state)
{
	AUTO_FREE char *log = mem_printf("%s/s/meta.db-wal", scratch);
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	for (int i = 0; i < 600; i++) {
		AUTO(store) struct store *s = open_store(i == 0);
		AUTO_FREE char *name = mem_printf("test-%d", i);
		int64_t id;

		OK(lease_create(&id, s, "default", name, LEASE_FOREVER, &e));
		assert_int_equal(stat(log, &st), 0);
		assert_true((uint64_t)st.st_size < MIB(2));
	}
}

/* What a lost database had in its log is nothing to the next one. */
static void test_stale_log(void **state)
{
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	AUTO(strv) struct strv v = STRV_INIT;
	struct store *s = open_store(true);
	struct err e = ERR_INIT;

	(void)state;
	OK(store_ns_create(s, "before", &e));
	store_close(s);
	wipe(root, "meta.db");
	s = open_store(true);
	OK(store_ns_list(&v, s, &e));
	assert_int_equal(v.len, 1);
	assert_string_equal(v.v[0], "default");
	store_close(s);
}

static void show(const char *what, uint64_t since, unsigned times)
{
	print_message("  %-28s %8.1f us\n", what,
		      (double)(clock_mono_ns() - since) / 1000 / times);
}

/* Not a test: what the hot path costs here. */
static void test_figures(void **state)
{
	struct store *s = open_store(true);
	struct container c = { .ns = LIT("default"), .config = LIT("{}") };
	AUTO(containers) struct containers l = CONTAINERS_INIT;
	struct err e = ERR_INIT;
	uint64_t t;

	(void)state;
	store_close(s);
	t = clock_mono_ns();
	for (int i = 0; i < 200; i++)
		store_close(open_store(false));
	show("open and close", t, 200);
	t = clock_mono_ns();
	for (int i = 0; i < 200; i++) {
		s = open_store(false);
		OK(label_set(s, "default", LABEL_NAMESPACE, "", "k", "v", &e));
		store_close(s);
	}
	show("open, write a row, close", t, 200);
	s = open_store(false);
	t = clock_mono_ns();
	for (int i = 0; i < 200; i++)
		OK(label_set(s, "default", LABEL_NAMESPACE, "", "k", i % 2 ? "v" : "w", &e));
	show("one-row FAST transaction", t, 200);
	t = clock_mono_ns();
	for (int i = 0; i < 50; i++) {
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		OK(store_begin(&tx, s, STORE_DURABLE, &e));
		OK(label_set(s, "default", LABEL_NAMESPACE, "", "k", i % 2 ? "v" : "w", &e));
		OK(store_commit(&tx, &e));
	}
	show("one-row DURABLE transaction", t, 50);
	for (int i = 0; i < 200; i++) {
		char id[16];

		snprintf(id, sizeof(id), "c%d", i);
		c.id = c.name = id;
		OK(container_put(s, &c, &e));
	}
	t = clock_mono_ns();
	OK(container_list(&l, s, "default", &e));
	show("list of 200 containers", t, 1);
	assert_int_equal(l.len, 200);
	store_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open), TEST(test_newer), TEST(test_upgrade), TEST(test_split),
		TEST(test_transactions), TEST(test_content), TEST(test_images),
		TEST(test_snapshots), TEST(test_containers), TEST(test_volumes),
		TEST(test_volume_drafts), TEST(test_own_volumes), TEST(test_leases),
		TEST(test_events), TEST(test_log), TEST(test_stale_log), TEST(test_figures),
	};

	sample_make(&one, 1);
	sample_make(&two, 2);
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
