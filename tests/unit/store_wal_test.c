/* Damage to the database's log, and what only looks like it. */
#include "tests/unit/store_check.h"

#include <fcntl.h>

#include "lib/store/wal.h"

#define HEADER 32
#define FRAME (24 + 4096)

static struct buf db = BUF_INIT(MIB(4)), wal = BUF_INIT(MIB(4));

static char *path_of(const char *name)
{
	return mem_printf("%s/s/%s", scratch, name);
}

static void load(struct buf *b, const char *name)
{
	AUTO_FREE char *path = path_of(name);
	struct err e = ERR_INIT;

	buf_reset(b);
	OK(fs_read(AT_FDCWD, path, b, &e));
}

static void store_file(const struct buf *b, const char *name)
{
	AUTO_FREE char *root = path_of("");
	AUTO_FD int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	OK(fs_replace(dir, name, b->data, b->len, 0600, FS_NOSYNC, &e));
}

static size_t frames(void)
{
	return (wal.len - HEADER) / FRAME;
}

static char *frame(size_t i)
{
	return wal.data + HEADER + i * FRAME;
}

/* A store with a log of some commits, in db and wal. */
static void make_log(bool of_other_boot)
{
	struct store *s = open_store(true);
	struct err e = ERR_INIT;

	/* Seen from here it stays in the log: another connection is open. */
	if (of_other_boot)
		sql("UPDATE meta SET value = 'before' WHERE key = 'boot'");
	for (int i = 0; i < 6; i++) {
		AUTO_FREE char *name = mem_printf("ns%d", i);

		OK(store_ns_create(s, name, &e));
	}
	store_close(s);
	load(&db, "meta.db");
	load(&wal, "meta.db-wal");
	assert_true(frames() >= 6);
}

/* Both as they are in memory, and no index of the log. */
static void restore(void)
{
	AUTO_FREE char *index = path_of("meta.db-shm");

	store_file(&db, "meta.db");
	store_file(&wal, "meta.db-wal");
	(void)unlink(index);
}

static int try_open(struct err *e)
{
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	struct store *s = NULL;
	int r;

	restore();
	r = store_open(&s, &(struct store_options){ .root = root }, e);
	store_close(s);
	return r;
}

static void assert_damaged(const char *what, size_t at)
{
	struct err e = ERR_INIT;
	int r = try_open(&e);

	if (r != -EUCLEAN || !strstr(e.text, "meta.db-wal' is damaged"))
		fail_msg("%s %zu: %d %s", what, at, r, e.text);
	assert_string_equal(e.key, "store.lost");
}

static size_t count_namespaces(void)
{
	struct store *s = open_store(false);
	AUTO(strv) struct strv v = STRV_INIT;
	struct err e = ERR_INIT;

	OK(store_ns_list(&v, s, &e));
	store_close(s);
	return v.len;
}

static void test_flips(void **state UNUSED)
{
	static const size_t places[] = { 0, 5, 9, 17, 23, 24, 24 + 2000, FRAME - 1 };
	size_t whole;
	struct err e = ERR_INIT;

	make_log(false);
	OK(try_open(&e));
	whole = count_namespaces();
	assert_int_equal(whole, 7);
	for (size_t i = 0; i + 1 < frames(); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(places); j++) {
			frame(i)[places[j]] ^= 4;
			assert_damaged("frame", i * 10000 + places[j]);
			/* It stays so, whoever comes. */
			assert_damaged("again, frame", i * 10000 + places[j]);
			frame(i)[places[j]] ^= 4;
		}
	}
	/* The last is what a writer leaves that is killed. */
	frame(frames() - 1)[100] ^= 4;
	OK(try_open(&e));
	assert_int_equal(count_namespaces(), whole - 1);
}

static void test_head(void **state UNUSED)
{
	struct err e = ERR_INIT;

	make_log(false);
	for (size_t i = 0; i < HEADER; i++) {
		wal.data[i] ^= 1;
		assert_damaged("head", i);
		wal.data[i] ^= 1;
	}
	memset(wal.data, 0, HEADER);
	assert_damaged("head, all of it", 0);
	/* Never written, and cut. */
	wal.len = HEADER;
	OK(try_open(&e));
	wal.len = HEADER / 2;
	OK(try_open(&e));
}

/* A log is only read when it says what was done: damage is not written over. */
static void test_nothing_is_done(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO(buf) struct buf after = BUF_INIT(MIB(4));

	make_log(false);
	frame(1)[200] ^= 1;
	FAILS(EUCLEAN, try_open(&e));
	load(&after, "meta.db-wal");
	assert_int_equal(after.len, wal.len);
	assert_memory_equal(after.data, wal.data, wal.len);
}

/* Frames that a transaction wrote which did not end: one is torn. */
static void test_killed_writer(void **state UNUSED)
{
	struct err e = ERR_INIT;
	size_t len;

	make_log(false);
	len = wal.len;
	for (int i = 0; i < 2; i++) {
		AUTO(buf) struct buf after = BUF_INIT(MIB(4));
		struct store *s;

		/* Of this log; the second says that it ends a commit. */
		OK(buf_add(&wal, frame(0), i ? 1000 : FRAME));
		memset(wal.data + len + 4, 0, 4);
		wal.data[len + 7] = (char)i;
		OK(try_open(&e));
		assert_int_equal(count_namespaces(), 7);
		s = open_store(false);
		OK(store_ns_create(s, "more", &e));
		store_close(s);
		load(&after, "meta.db-wal");
		assert_int_equal((after.len - HEADER) % FRAME, 0);
		assert_memory_equal(after.data, wal.data, len);
		assert_int_equal(count_namespaces(), 8);
		wal.len = len;
	}
}

/* What was not synced before a power cut may be lost in the middle. */
static void test_other_boot(void **state UNUSED)
{
	AUTO_FREE char *root = path_of("");
	struct store *s = NULL;
	struct err e = ERR_INIT;

	make_log(true);
	frame(frames() - 3)[200] ^= 1;
	restore();
	root[strlen(root) - 1] = '\0';
	OK(store_open(&s, &(struct store_options){ .root = root }, &e));
	assert_int_equal(store_notices(s)->len, 1);
	assert_non_null(strstr(store_notices(s)->v[0], "are lost"));
	store_close(s);
	assert_in_range(count_namespaces(), 4, 6);
	/* But not its head. */
	wal.data[20] ^= 1;
	assert_damaged("head of another boot", 20);
}

/* Without an index that processes share the file tells where the last commit is. */
static void test_alone(void **state UNUSED)
{
	AUTO_FREE char *path = path_of("meta.db");
	struct err e = ERR_INIT;
	size_t len;

	make_log(false);
	len = wal.len;
	for (int i = 0; i < 3; i++) {
		sqlite3_int64 end = 0;
		sqlite3 *alone;

		/* Whole, with the frame of a killed writer, and damaged. */
		if (i == 1)
			OK(buf_add(&wal, frame(0), 1000));
		if (i == 2)
			frame(2)[200] ^= 1;
		restore();
		assert_int_equal(sqlite3_open(path, &alone), SQLITE_OK);
		assert_int_equal(sqlite3_exec(alone, "PRAGMA locking_mode = EXCLUSIVE;"
					      "SELECT count(*) FROM namespace", NULL, NULL,
					      NULL), SQLITE_OK);
		assert_int_equal(wal_look(&end, alone, true),
				 i == 0 ? WAL_NONE : i == 1 ? WAL_USELESS : WAL_LOST);
		assert_in_range(end, i == 2 ? HEADER : len, i == 2 ? HEADER + 2 * FRAME : len);
		assert_true(wal_cut(alone, end));
		assert_int_equal(wal_look(&end, alone, true), WAL_NONE);
		sqlite3_close(alone);
	}
}

static void test_rebuild(void **state UNUSED)
{
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	struct store_options o = {
		.root = root, .create = true, .exclusive = true, .rebuild = true,
	};
	struct store *s = NULL;
	struct err e = ERR_INIT;

	make_log(false);
	restore();
	FAILS(EEXIST, store_open(&s, &o, &e));
	frame(2)[200] ^= 1;
	restore();
	OK(store_open(&s, &o, &e));
	store_close(s);
	load(&db, "meta.db.old-wal");
	assert_memory_equal(db.data, wal.data, wal.len);
}

static int teardown(void **state)
{
	buf_reset(&db);
	buf_reset(&wal);
	return scratch_teardown(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_flips),
		TEST(test_head),
		TEST(test_nothing_is_done),
		TEST(test_killed_writer),
		TEST(test_other_boot),
		TEST(test_alone),
		TEST(test_rebuild),
	};
	int failed = cmocka_run_group_tests_name("store wal", tests, NULL, NULL);

	buf_clear(&db);
	buf_clear(&wal);
	return failed;
}
