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
	assert_int_equal(store_entries(s, STORE_DIR_SNAPSHOTS, "overlay"), 2 * LAYERS);
	check_blobs(s);
	check_snapshots(s);
	check_names(s, "default");
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
		TEST(test_gc_staging),
	};

	sample_make(&one, 1);
	sample_make(&two, 2);
	return cmocka_run_group_tests_name("store_gc", tests, NULL, NULL);
}
