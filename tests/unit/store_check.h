/* store_check.h - a scratch store, what a pull does to it, and the invariants
 * of RELIABILITY.md 2.4 that can be seen from outside.
 */
#pragma once

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/containers.h"
#include "lib/store/content.h"
#include "lib/store/gc.h"
#include "lib/store/images.h"
#include "lib/store/snapshots.h"
#include "lib/store/store.h"
#include "lib/store/volumes.h"
#include "tests/unit/test.h"

#define OK(call)							\
	do {								\
		int ok_ = (call);					\
		if (ok_ < 0)						\
			fail_msg("%s: %s", #call, e.text);		\
	} while (0)

/* The structs own their strings; those of tests are never released. */
#define LIT(s) ((char *)(s))

/* Fails with this errno, and the error is cleared. */
#define FAILS(code_, call)						\
	do {								\
		int r_ = (call);					\
		assert_int_equal(r_, -(code_));				\
		assert_int_equal(e.code, code_);			\
		err_clear(&e);						\
	} while (0)

static char scratch[64];		/* of the running test */

/* Removes name below the directory path. */
static UNUSED void wipe(const char *path, const char *name)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, path, &e);

	OK(fd);
	OK(fs_rmtree(fd, name, &e));
}

static UNUSED int scratch_setup(void **state)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)state;
	snprintf(scratch, sizeof(scratch), "%s/store-test-XXXXXX", base);
	return mkdtemp(scratch) ? 0 : -1;
}

static UNUSED int scratch_teardown(void **state)
{
	char *slash = strrchr(scratch, '/');

	(void)state;
#ifdef FAILPOINTS
	failpoint_set(NULL);
#endif
	*slash = '\0';
	wipe(scratch, slash + 1);
	return 0;
}

static UNUSED struct store *open_store(bool create)
{
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	struct store_options o = { .root = root, .create = create };
	struct store *s = NULL;
	struct err e = ERR_INIT;

	OK(store_open(&s, &o, &e));
	return s;
}

static UNUSED void sql(const char *text)
{
	AUTO_FREE char *path = mem_printf("%s/s/meta.db", scratch);
	sqlite3 *db;
	char *msg = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &msg) != SQLITE_OK)
		fail_msg("%s", msg);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* One with the stored database of that version: tests/data has what is in it. */
static UNUSED void store_of_version(int version)
{
	AUTO_FREE char *name = mem_printf("tests/data/store-%d.sql", version);
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	AUTO(buf) struct buf dump = BUF_INIT(MIB(1));
	struct err e = ERR_INIT;

	store_close(open_store(true));
	OK(fs_read(AT_FDCWD, name, &dump, &e));
	wipe(root, "meta.db");
	wipe(root, "meta.db-wal");
	wipe(root, "meta.db-shm");
	sql(dump.data);
}

static UNUSED struct digest digest_of(const void *data, size_t len)
{
	struct digest d = { .alg = DIGEST_SHA256 };

	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, d.bytes), 0);
	return d;
}

/* --- a small image: two layers, config, manifest; all depend on the seed --- */

#define LAYER_LEN 40000
#define LAYERS 2

struct sample {
	char layer[LAYERS][LAYER_LEN];
	char config[64], manifest[64];
	struct digest layer_digest[LAYERS], diff_id[LAYERS], config_digest, manifest_digest;
};

static UNUSED void sample_make(struct sample *p, unsigned seed)
{
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < LAYERS; i++) {
		for (size_t n = 0; n < LAYER_LEN; n++)
			p->layer[i][n] = (char)(n * 31 + seed * 7 + i);
		p->layer_digest[i] = digest_of(p->layer[i], LAYER_LEN);
		p->diff_id[i] = p->layer_digest[i];
		p->diff_id[i].bytes[0] ^= 0xff;
	}
	snprintf(p->config, sizeof(p->config), "config of %u", seed);
	snprintf(p->manifest, sizeof(p->manifest), "manifest of %u", seed);
	p->config_digest = digest_of(p->config, strlen(p->config));
	p->manifest_digest = digest_of(p->manifest, strlen(p->manifest));
}

static UNUSED int sample_blob(struct store *s, const struct lease *l,
			      const struct digest *d, const char *data, struct err *e)
{
	AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
	int r = content_ingest_begin(&in, s, l, d, LAYER_LEN, e);

	if (r != CONTENT_WRITE)
		return r;
	/* What a crash left is a prefix of what we write, or the whole. */
	while (in.offset < LAYER_LEN && r == 0)
		r = content_ingest_write(&in, data + in.offset,
					 in.offset + 15000 < LAYER_LEN ? 15000
								       : LAYER_LEN - in.offset, e);
	return r < 0 ? r : content_ingest_commit(&in, d, LAYER_LEN, e);
}

static UNUSED int sample_unpack(struct store *s, const struct lease *l,
				const struct sample *p, const char *map, struct err *e)
{
	struct snapshot_done done[LAYERS];
	size_t count = 0;

	for (int i = 0; i < LAYERS; i++) {
		struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
		int r = snapshot_begin_layer(&st, s, l, "overlay", &p->diff_id[i], map, e);

		if (r == SNAPSHOT_MAKE) {
			r = fs_replace(st.fd, "f", p->layer[i], 1000, 0644, FS_NOSYNC, e);
			done[count++] = (struct snapshot_done){ st.id, 1000, 1 };
		}
		fd_auto(&st.fd);
		if (r < 0)
			return r;
	}
	return count ? snapshot_publish(s, done, count, e) : 0;
}

/* What pull does, in its order. */
static UNUSED int sample_pull(struct store *s, const struct sample *p,
			      const char *ns, const char *name, struct err *e)
{
	AUTO(lease) struct lease l = LEASE_INIT;
	struct image img = {
		.name = LIT(name),
		.media_type = LIT("application/vnd.oci.image.manifest.v1+json"),
		.target = p->manifest_digest, .size = strlen(p->manifest),
		.manifest = p->manifest_digest, .config = p->config_digest,
		.platform = LIT("linux/amd64"), .layers = (struct digest *)p->diff_id,
		.layer_count = LAYERS,
	};
	int r = lease_begin(&l, s, "pull", e);

	if (r == 0)
		r = content_put(s, &l, &p->manifest_digest, p->manifest,
				strlen(p->manifest), e);
	if (r == 0)
		r = content_put(s, &l, &p->config_digest, p->config, strlen(p->config), e);
	for (int i = 0; i < LAYERS && r >= 0; i++)
		r = sample_blob(s, &l, &p->layer_digest[i], p->layer[i], e);
	if (r >= 0)
		r = content_barrier(s, e);
	if (r >= 0)
		r = content_ref(s, &p->manifest_digest, &p->config_digest, e);
	for (int i = 0; i < LAYERS && r >= 0; i++)
		r = content_ref(s, &p->manifest_digest, &p->layer_digest[i], e);
	if (r >= 0)
		r = sample_unpack(s, &l, p, "0:0:1", e);
	if (r >= 0)
		r = image_put(s, ns, &img, NULL, e);
	return r < 0 ? r : lease_end(&l, e);
}

/* --- the invariants --- */

static UNUSED void check_blobs(struct store *s)
{
	AUTO(blobs) struct blobs l = BLOBS_INIT;
	struct err e = ERR_INIT;

	OK(content_list(&l, s, &e));
	for (size_t i = 0; i < l.len; i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		struct digest d;

		OK(content_read(s, &l.v[i].digest, &b, &e));		/* I2 */
		d = digest_of(b.data, b.len);
		assert_true(digest_eq(&d, &l.v[i].digest));		/* I1 */
		assert_int_equal(b.len, l.v[i].size);
	}
}

static UNUSED void check_snapshots(struct store *s)
{
	AUTO(snapshots) struct snapshots l = SNAPSHOTS_INIT;
	struct err e = ERR_INIT;

	OK(snapshot_list(&l, s, NULL, &e));
	for (size_t i = 0; i < l.len; i++) {
		AUTO_FD int fd = -1;
		struct stat st;

		if (!l.v[i].is_ready)
			continue;
		fd = snapshot_open(s, l.v[i].driver, l.v[i].id, &e);	/* I3 */
		OK(fd);
		if (l.v[i].kind == SNAPSHOT_LAYER) {			/* I4 */
			assert_int_equal(fstatat(fd, "f", &st, 0), 0);
			assert_int_equal(st.st_size, 1000);
		}
	}
}

static UNUSED void check_names(struct store *s, const char *ns)
{
	AUTO(images) struct images l = IMAGES_INIT;
	AUTO(containers) struct containers c = CONTAINERS_INIT;
	AUTO(volumes) struct volumes v = VOLUMES_INIT;
	struct err e = ERR_INIT;

	OK(image_list(&l, s, ns, NULL, &e));
	for (size_t i = 0; i < l.len; i++) {				/* I5 */
		AUTO(image) struct image img = IMAGE_INIT;
		char text[DIGEST_TEXT_MAX];

		digest_print(&l.v[i].config, text);
		OK(image_find(&img, s, ns, text, &e));
		assert_int_equal(content_has(s, &img.manifest, &e), 1);
		assert_int_equal(content_has(s, &img.config, &e), 1);
		for (size_t n = 0; n < img.layer_count; n++) {
			int64_t id;

			OK(snapshot_find_layer(&id, s, "overlay", &img.layers[n], "0:0:1",
					       NULL, &e));
		}
	}
	OK(container_list(&c, s, ns, &e));
	for (size_t i = 0; i < c.len; i++) {
		AUTO_FD int fd = container_open_dir(s, ns, c.v[i].id, &e);
		AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;

		OK(fd);
		if (c.v[i].snapshot)
			OK(snapshot_get(&snap, s, c.v[i].snapshot, &e));
	}
	OK(volume_list(&v, s, ns, &e));
	for (size_t i = 0; i < v.len; i++) {
		AUTO_FD int fd = volume_open(s, ns, v.v[i].name, &e);

		OK(fd);
	}
}

static UNUSED void store_check(void)
{
	AUTO(store) struct store *s = open_store(true);			/* I7 */

	check_blobs(s);
	check_snapshots(s);
	check_names(s, "default");
}

struct tally {
	uint64_t files, bytes;
};

static UNUSED int tally_each(int dirfd, const char *name, unsigned char type, void *arg,
			     struct err *e)
{
	struct tally *t = arg;
	struct stat st;

	(void)type;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat");
	if (S_ISDIR(st.st_mode)) {
		AUTO_FD int fd = fs_open_dir(dirfd, name, e);

		t->files++;
		return fd < 0 ? fd : fs_each(fd, tally_each, arg, e);
	}
	t->files++;
	t->bytes += (uint64_t)st.st_size;
	return 0;
}

/* How many entries there are below a directory. */
static UNUSED size_t store_entries(struct store *s, enum store_dir d, const char *below)
{
	struct tally t = { 0, 0 };
	struct err e = ERR_INIT;
	AUTO_FD int fd = fs_open_dir(store_dir(s, d, &e), below, &e);

	OK(fd);
	OK(fs_each(fd, tally_each, &t, &e));
	return t.files;
}

/* What lies in the directories that hold data, after a full collection. */
static UNUSED struct tally store_tally(void)
{
	static const enum store_dir dirs[] = {
		STORE_DIR_CONTENT, STORE_DIR_SNAPSHOTS, STORE_DIR_CONTAINERS,
		STORE_DIR_VOLUMES, STORE_DIR_TRASH,
	};
	AUTO(store) struct store *s = open_store(true);
	struct gc_options o = { .grace_s = 0 };
	struct gc_result res;
	struct tally t = { 0, 0 };
	struct err e = ERR_INIT;

	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(gc_reap_trash(s, 0, NULL, NULL, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		OK(fs_each(store_dir(s, dirs[i], &e), tally_each, &t, &e));
	return t;
}
