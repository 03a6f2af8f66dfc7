/* What a collection takes, and what it leaves alone. */
#include "tests/unit/store_check.h"

static struct sample one, two;

/* A failed load stops between the commit of a blob and the barrier. */
static void test_gc_unnamed(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = GC_GRACE_S };
	AUTO(lease) struct lease l = LEASE_INIT;
	struct content_ingest in;
	struct gc_result res;
	struct err e = ERR_INIT;

	(void)state;
	OK(lease_begin(&l, s, "load", &e));
	assert_int_equal(content_ingest_begin(&in, s, &l, NULL, 1, &e), CONTENT_WRITE);
	OK(content_ingest_write(&in, "x", 1, &e));
	OK(content_ingest_commit(&in, &one.layer_digest[0], 1, &e));
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.ingests, 0);
	OK(lease_end(&l, &e));
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.ingests, 1);
}

static void test_gc(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = GC_GRACE_S };
	AUTO(image) struct image i = IMAGE_INIT;
	AUTO(lease) struct lease l = LEASE_INIT;
	struct store_usage u;
	struct gc_result res;
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	OK(sample_pull(s, &two, "default", "b:1", &e));
	OK(store_usage(&u, s, "default", &e));
	assert_int_equal(u.images, 2);
	assert_int_equal(u.blobs, 2 * (LAYERS + 2));
	assert_int_equal(u.layer_bytes, 2 * LAYERS * 1000);
	assert_int_equal(u.layer_bytes_unused, u.layer_bytes);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.blobs + res.snapshots + res.orphans + res.ingests, 0);
	OK(image_get(&i, s, "default", "a:1", &e));
	OK(image_remove(s, i.row, &e));
	OK(lease_begin(&l, s, "push", &e));
	OK(lease_pin_blob(&l, &one.manifest_digest, &e));	/* keeps what it refers to */
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.blobs, 0);
	assert_int_equal(res.snapshots, LAYERS);
	OK(lease_end(&l, &e));
	o.budget_ns = 1;
	OK(gc_run(&res, s, &o, &e));
	assert_false(res.is_finished);
	o.budget_ns = 0;
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.blobs, LAYERS + 2);
	assert_true(res.is_finished);
	assert_int_equal(store_entries(s, STORE_DIR_CONTENT, "blobs/sha256"), LAYERS + 2);
	assert_int_equal(store_entries(s, STORE_DIR_CONTENT, "ingest"), 0);
	assert_int_equal(store_entries(s, STORE_DIR_SNAPSHOTS, "overlay"), 3 * LAYERS);
	check_blobs(s);
	check_snapshots(s);
	check_names(s, "default");
}

/* How many blobs are left when the image of "one" loses its name, and what of it
 * is held in some other way. */
static size_t blobs_left(struct store *s)
{
	struct gc_options o = { .grace_s = GC_GRACE_S };
	AUTO(blobs) struct blobs l = BLOBS_INIT;
	struct gc_result res;
	struct err e = ERR_INIT;

	OK(gc_run(&res, s, &o, &e));
	OK(content_list(&l, s, &e));
	check_blobs(s);
	return l.len;
}

/* How many blobs would go now; none does. */
static size_t blobs_doomed(struct store *s)
{
	AUTO(blobs) struct blobs before = BLOBS_INIT, doomed = BLOBS_INIT, after = BLOBS_INIT;
	struct err e = ERR_INIT;

	OK(content_list(&before, s, &e));
	OK(gc_preview(&doomed, s, &e));
	OK(content_list(&after, s, &e));
	assert_int_equal(before.len, after.len);
	check_blobs(s);
	check_snapshots(s);
	return doomed.len;
}

static void remove_one(struct store *s)
{
	AUTO(image) struct image i = IMAGE_INIT;
	struct err e = ERR_INIT;

	OK(image_get(&i, s, "default", "a:1", &e));
	OK(image_remove(s, i.row, &e));
}

static void label(struct store *s, enum label_kind kind, const char *object, const char *key,
		  const char *value)
{
	struct err e = ERR_INIT;

	OK(label_set(s, "default", kind, object, key, value, &e));
}

static void test_gc_root_label(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(strv) struct strv left = STRV_INIT;
	char layer[DIGEST_TEXT_MAX], manifest[DIGEST_TEXT_MAX];
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	digest_print(&one.layer_digest[0], layer);
	digest_print(&one.manifest_digest, manifest);
	label(s, LABEL_CONTENT, manifest, LABEL_GC_ROOT, "now");
	label(s, LABEL_CONTENT, manifest, "colour", "red");
	remove_one(s);
	assert_int_equal(blobs_left(s), LAYERS + 2);
	label(s, LABEL_CONTENT, layer, LABEL_GC_ROOT, "now");
	label(s, LABEL_CONTENT, manifest, LABEL_GC_ROOT, NULL);
	assert_int_equal(blobs_left(s), 1);
	label(s, LABEL_CONTENT, layer, LABEL_GC_ROOT, NULL);
	assert_int_equal(blobs_left(s), 0);
	/* What describes a blob goes with it. */
	OK(label_list(&left, s, "default", LABEL_CONTENT, manifest, &e));
	assert_int_equal(left.len, 0);
}

static void test_gc_reference_labels(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX], diff[DIGEST_TEXT_MAX];
	struct gc_options o = { .grace_s = GC_GRACE_S };
	struct gc_result res;
	AUTO(image) struct image i = IMAGE_INIT;
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	OK(sample_pull(s, &two, "default", "b:1", &e));
	digest_print(&one.layer_digest[0], a);
	digest_print(&one.layer_digest[1], b);
	digest_print(&one.diff_id[0], diff);
	label(s, LABEL_IMAGE, "b:1", "containerd.io/gc.ref.content.extra", a);
	label(s, LABEL_CONTENT, a, "containerd.io/gc.ref.content", b);
	label(s, LABEL_CONTENT, a, "containerd.io/gc.ref.snapshot.overlay", diff);
	label(s, LABEL_CONTENT, a, "containerd.io/gc.ref.contentious", diff);
	remove_one(s);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.snapshots, LAYERS - 1);
	assert_int_equal(blobs_left(s), LAYERS + 2 + 2);
	label(s, LABEL_CONTENT, a, "containerd.io/gc.ref.content", a);	/* itself: nothing */
	assert_int_equal(blobs_left(s), LAYERS + 2 + 1);
	/* With the image goes what only its labels held. */
	OK(image_get(&i, s, "default", "b:1", &e));
	OK(image_remove(s, i.row, &e));
	assert_int_equal(blobs_left(s), 0);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(store_entries(s, STORE_DIR_SNAPSHOTS, "overlay"), 0);
}

static void test_gc_user_lease(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(strv) struct strv blobs = STRV_INIT;
	AUTO(strv) struct strv snapshots = STRV_INIT;
	struct lease l = { .store = s };
	char id[24];
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	OK(lease_create(&l.id, s, "default", "mine", LEASE_FOREVER, &e));
	assert_int_equal(lease_create(&l.id, s, "default", "mine", LEASE_FOREVER, &e), -EEXIST);
	err_clear(&e);
	OK(lease_pin_blob(&l, &one.manifest_digest, &e));
	OK(lease_resources(&blobs, &snapshots, s, l.id, &e));
	assert_int_equal(blobs.len, 1);
	remove_one(s);
	assert_int_equal(blobs_left(s), LAYERS + 2);
	snprintf(id, sizeof(id), "%lld", (long long)l.id);
	label(s, LABEL_LEASE, id, LABEL_GC_FLAT, "now");
	assert_int_equal(blobs_left(s), 1);
	OK(lease_unpin_blob(s, l.id, &one.manifest_digest, &e));
	assert_int_equal(lease_unpin_blob(s, l.id, &one.manifest_digest, &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(blobs_left(s), 0);
	OK(lease_create(&l.id, s, "other", "mine", clock_wall_ns() - 1, &e));
	assert_int_equal(blobs_left(s), 0);
	assert_int_equal(lease_find(&l.id, s, "other", "mine", &e), -ENOENT);
}

static void test_gc_expired_image(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	label(s, LABEL_IMAGE, "a:1", LABEL_GC_EXPIRE, "2999-01-01T00:00:00Z");
	assert_int_equal(blobs_left(s), LAYERS + 2);
	label(s, LABEL_IMAGE, "a:1", LABEL_GC_EXPIRE, "some day");
	assert_int_equal(blobs_left(s), LAYERS + 2);
	label(s, LABEL_IMAGE, "a:1", LABEL_GC_EXPIRE, "2020-01-01T00:00:00Z");
	assert_int_equal(blobs_left(s), 0);
}

static void unpack_for(struct store *s, int from, int to)
{
	struct err e = ERR_INIT;

	for (int i = from; i <= to; i++) {
		AUTO(lease) struct lease l = LEASE_INIT;
		char map[32];

		snprintf(map, sizeof(map), "0:%d:1%s", i, i % 2 ? "+chain" : "");
		OK(lease_begin(&l, s, "unpack", &e));
		OK(sample_unpack(s, &l, &one, map, &e));
		OK(lease_end(&l, &e));
	}
}

static bool has_layer(struct store *s, const char *map)
{
	struct err e = ERR_INIT;
	int64_t id;

	return snapshot_find_layer(&id, s, "overlay", &one.diff_id[0], map, NULL, &e) == 0;
}

/* A view that stays. */
static void lie_on(struct store *s, const char *map)
{
	char text[24];
	struct err e = ERR_INIT;
	int64_t id, layer;

	OK(snapshot_find_layer(&layer, s, "overlay", &one.diff_id[0], map, NULL, &e));
	OK(snapshot_create(&id, NULL, s, SNAPSHOT_VIEW, "overlay", map, &layer, 1, &e));
	snprintf(text, sizeof(text), "%lld", (long long)id);
	label(s, LABEL_SNAPSHOT, text, LABEL_GC_ROOT, "now");
}

/* Eight id maps, those used last, keep their layers. */
static void test_gc_maps(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = GC_GRACE_S };
	struct gc_result res;
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	unpack_for(s, 1, 7);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.snapshots, 0);
	lie_on(s, "0:0:1");
	unpack_for(s, 8, 8);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.snapshots, LAYERS);
	assert_false(has_layer(s, "0:1:1+chain"));
	assert_true(has_layer(s, "0:0:1"));
	/* What has a view stays, and the layer beside it goes. */
	lie_on(s, "0:2:1");
	unpack_for(s, 10, 17);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.snapshots, 8 * LAYERS - 2);
	assert_true(has_layer(s, "0:0:1"));
	assert_true(has_layer(s, "0:2:1"));
	assert_false(has_layer(s, "0:8:1"));
	assert_true(has_layer(s, "0:10:1"));
	assert_true(has_layer(s, "0:17:1+chain"));
}

/* A map whose layers went with their image takes nobody's place. */
static void test_gc_maps_without_layers(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = GC_GRACE_S };
	struct gc_result res;
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	unpack_for(s, 1, 7);
	remove_one(s);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.snapshots, 8 * LAYERS);
	OK(sample_pull(s, &one, "default", "a:1", &e));
	unpack_for(s, 11, 17);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.snapshots, 0);
	assert_true(has_layer(s, "0:0:1"));
}

static void test_gc_preview(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct err e = ERR_INIT;

	(void)state;
	OK(sample_pull(s, &one, "default", "a:1", &e));
	OK(sample_pull(s, &two, "default", "b:1", &e));
	assert_int_equal(blobs_doomed(s), 0);
	label(s, LABEL_IMAGE, "b:1", LABEL_GC_EXPIRE, "2020-01-01T00:00:00Z");
	assert_int_equal(blobs_doomed(s), LAYERS + 2);
	remove_one(s);
	assert_int_equal(blobs_doomed(s), 2 * (LAYERS + 2));
	assert_int_equal(blobs_left(s), 0);
	assert_int_equal(blobs_doomed(s), 0);
}

/* What fs_replace() was writing when it was killed. */
static void test_gc_half_written(void **state)
{
	static const enum store_dir dirs[] = {
		STORE_DIR_ROOT, STORE_DIR_CONTENT, STORE_DIR_SNAPSHOTS,
	};
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = GC_GRACE_S };
	struct gc_result res;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		OK(fs_replace(store_dir(s, dirs[i], &e), FS_NEW "4711", "x", 1, 0600, FS_NOSYNC,
			      &e));
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.orphans, 0);
	o.grace_s = 0;
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.orphans, ARRAY_SIZE(dirs));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		assert_int_equal(faccessat(store_dir(s, dirs[i], &e), FS_NEW "4711", F_OK, 0), -1);
	store_check();
}

/* Who recovers from a crash may crash as well: what is left of a layer has no
 * row then, and no other sign of who wanted it. */
static void test_gc_staging(void **state)
{
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = GC_GRACE_S };
	AUTO(lease) struct lease l = LEASE_INIT;
	struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
	struct gc_result res;
	struct err e = ERR_INIT;
	int dir = store_dir(s, STORE_DIR_SNAPSHOTS, &e);

	(void)state;
	OK(lease_begin(&l, s, "pull", &e));
	assert_int_equal(snapshot_begin_layer(&st, s, &l, "overlay", &one.diff_id[0], "m", &e),
			 SNAPSHOT_MAKE);
	assert_int_equal(mkdirat(dir, "overlay/4711.staging", 0700), 0);
	assert_int_equal(mkdirat(dir, "overlay/4712", 0700), 0);
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.orphans, 2);
	assert_int_equal(faccessat(dir, "overlay/4711.staging", F_OK, 0), -1);
	assert_int_equal(faccessat(dir, "overlay/4712", F_OK, 0), -1);
	assert_int_equal(store_entries(s, STORE_DIR_SNAPSHOTS, "overlay"), 1);
	fd_auto(&st.fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gc), TEST(test_gc_unnamed), TEST(test_gc_half_written),
		TEST(test_gc_staging), TEST(test_gc_root_label), TEST(test_gc_reference_labels),
		TEST(test_gc_user_lease), TEST(test_gc_expired_image),
		TEST(test_gc_maps), TEST(test_gc_maps_without_layers), TEST(test_gc_preview),
	};

	sample_make(&one, 1);
	sample_make(&two, 2);
	return cmocka_run_group_tests_name("store_gc", tests, NULL, NULL);
}
