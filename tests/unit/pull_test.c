#include "tests/unit/imgworld.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/image/archive.h"
#include "lib/store/content.h"
#include "lib/store/gc.h"
#include "lib/store/snapshots.h"
#include "tests/unit/own_ids.h"

/* One that has a tree for each layer, as on btrfs, wherever this runs. */
static struct snap_driver chained;

/* Everything an image must have (RELIABILITY I2, I3, I5). */
static void check_image(struct world *w, const struct snap_driver *driver)
{
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	struct image_env env = env_of(w, driver);
	int64_t ids[MAX_LAYERS];
	char path[128], text[8];
	struct err e = ERR_INIT;
	size_t count;
	ssize_t len;

	assert_int_equal(find(w, &img), 0);
	MUST(image_docs_load(&docs, w->store, &img.target, &w->host, &e));
	assert_int_equal(image_docs_are_whole(&docs, w->store, &e), 1);
	if (!driver)
		return;
	MUST(layers_parts(ids, &count, &docs, &env, &e));
	assert_int_equal(count, driver == &snap_native ? 1 : LAYERS);
	MUST(layers_find(ids, &count, &docs, &env, NULL, &e));
	assert_int_equal(count, driver->form == SNAP_MERGED ? 1 : LAYERS);
	snprintf(path, sizeof(path), "%s/%lld/fs/same", driver->name,
		 (long long)ids[count - 1]);
	MUST(fs_read_small(store_dir(w->store, STORE_DIR_SNAPSHOTS, &e), path, text,
			   sizeof(text), &len, &e));
	assert_string_equal(text, "2");
}

static void test_pull(void **state)
{
	static const struct snap_driver *const drivers[] = { &snap_overlay, &snap_fuse, NULL,
							     &snap_native, &chained };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		struct pull_result res;
		struct err e = ERR_INIT;
		unsigned blobs;

		fake_start(&w->fake, &w->layout, "{}", NULL);
		MUST(pull(w, drivers[i], PULL_ALWAYS, &res, &e));
		check_image(w, drivers[i]);
		assert_true(res.is_new);
		blobs = fake_count(&w->fake, "/blobs/");
		MUST(pull(w, drivers[i], PULL_ALWAYS, &res, &e));
		MUST(pull(w, drivers[i], PULL_MISSING, &res, &e));
		MUST(pull(w, drivers[i], PULL_NEVER, &res, &e));
		assert_int_equal(fake_count(&w->fake, "/blobs/"), blobs);
		fake_stop(&w->fake);
	}
}

static void test_never(void **state)
{
	struct world *w = *state;
	struct pull_result res;
	struct err e = ERR_INIT;

	fake_start(&w->fake, &w->layout, "{}", NULL);
	assert_int_equal(pull(w, &snap_overlay, PULL_NEVER, &res, &e), -ENOENT);
	assert_int_equal(fake_count(&w->fake, "/v2/"), 0);
	fake_stop(&w->fake);
}

/* A transfer that breaks off goes on. */
static void test_resume(void **state)
{
	struct world *w = *state;
	struct pull_result res;
	struct err e = ERR_INIT;

	fake_start(&w->fake, &w->layout,
		   "{\"rules\":[{\"match\":\"GET .*/blobs/\",\"skip\":2,\"times\":2,"
		   "\"cut\":50000}]}", NULL);
	MUST(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e));
	check_image(w, &snap_overlay);
	fake_stop(&w->fake);
}

/* What a power cut may leave of a download: its length without its bytes.  That
 * is seen while another layer is on its way; all the same one call is enough. */
static void test_damaged_rest(void **state)
{
	struct world *w = *state;
	struct pull_result res;
	struct err e = ERR_INIT;
	int ingest = store_dir(w->store, STORE_DIR_INGEST, &e);
	char hex[DIGEST_TEXT_MAX], other[DIGEST_TEXT_MAX], path[DIGEST_TEXT_MAX + 8];
	AUTO_FREE char *script = NULL;
	AUTO_FD int fd = -1;

	digest_hex(&w->layer[0], other);
	digest_hex(&w->layer[1], hex);
	script = mem_printf("{\"rules\":[{\"match\":\"%s\",\"times\":1,\"delay\":3}]}", other);
	assert_int_equal(mkdirat(ingest, hex, 0700), 0);
	snprintf(path, sizeof(path), "%s/data", hex);
	fd = openat(ingest, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 50000), 0);
	fake_start(&w->fake, &w->layout, script, NULL);
	MUST(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e));
	check_image(w, &snap_overlay);
	assert_int_equal(fake_count(&w->fake, hex), 2);
	fake_stop(&w->fake);
}

/* A blob whose bytes are not those of its name: no image, nothing kept of the
 * blob; once the registry is right the same command works. */
static void test_wrong_bytes(void **state)
{
	struct world *w = *state;
	AUTO(image) struct image img = IMAGE_INIT;
	char hex[DIGEST_TEXT_MAX], path[DIGEST_TEXT_MAX + 32];
	struct pull_result res;
	struct err e = ERR_INIT;
	AUTO_FD int fd = -1;
	char was, bad;

	digest_hex(&w->layer[1], hex);
	snprintf(path, sizeof(path), "blobs/sha256/%s", hex);
	fd = openat(w->dirfd, path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &was, 1, 60000), 1);
	bad = (char)(was ^ 1);
	assert_int_equal(pwrite(fd, &bad, 1, 60000), 1);
	fake_start(&w->fake, &w->layout, "{}", NULL);
	assert_int_equal(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e), -EBADMSG);
	assert_int_equal(find(w, &img), -ENOENT);
	err_clear(&e);
	assert_int_equal(content_has(w->store, &w->layer[1], &e), 0);
	assert_int_equal(pwrite(fd, &was, 1, 60000), 1);
	MUST(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e));
	check_image(w, &snap_overlay);
	fake_stop(&w->fake);
}

static void test_wrong_diff(void **state)
{
	static const struct snap_driver *const drivers[] = { &snap_overlay, NULL, &snap_native,
							     &chained };
	struct world *w = *state;

	make_image(w, true);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		AUTO(image) struct image img = IMAGE_INIT;
		struct pull_result res;
		struct err e = ERR_INIT;

		fake_start(&w->fake, &w->layout, "{}", NULL);
		assert_int_equal(pull(w, drivers[i], PULL_ALWAYS, &res, &e), -EBADMSG);
		assert_int_equal(find(w, &img), -ENOENT);
		fake_stop(&w->fake);
	}
}

#define F(n, t) { '0', n, t, 0, 0, 0, 0, 0 }
#define L(n, t) { '2', n, t, 0, 0, 0, 0, 0 }
#define H(n, t) { '1', n, t, 0, 0, 0, 0, 0 }

/* What is at path in the layer that is at from the top: "text", "-> text". */
static void look(struct world *w, const struct snap_driver *driver, size_t from_top,
		 const char *path, struct stat *st, char out[static 64])
{
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO_FREE char *full = NULL;
	struct image_env env = env_of(w, driver);
	int64_t ids[MAX_LAYERS];
	struct err e = ERR_INIT;
	size_t count;
	ssize_t len;
	int dir = store_dir(w->store, STORE_DIR_SNAPSHOTS, &e);

	assert_int_equal(find(w, &img), 0);
	MUST(image_docs_load(&docs, w->store, &img.target, &w->host, &e));
	MUST(layers_find(ids, &count, &docs, &env, NULL, &e));
	assert_true(from_top < count);
	full = mem_printf("%s/%lld/fs/%s", driver->name,
			  (long long)ids[count - 1 - from_top], path);
	strcpy(out, "-");
	if (fstatat(dir, full, st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISLNK(st->st_mode)) {
		strcpy(out, "-> ");
		len = readlinkat(dir, full, out + 3, 60);
		out[3 + (len < 0 ? 0 : len)] = '\0';
	} else {
		MUST(fs_read_small(dir, full, out, 64, &len, &e));
	}
}

/* RELIABILITY U: a hard link to what only lower layers have. */
static void test_links_across(void **state)
{
	static const struct tar_entry more[LAYERS][9] = {
		{ { '0', "usr/bin/tool", "tool", 04755, 7, 8, 0, 0 }, L("bin", "usr/bin"),
		  F("twice", "low"), H("old", "usr/bin/tool") },
		{ F("twice", "high"), H("tool1", "bin/tool"), F(".wh.old", ""), F("old", "new") },
		{ H("d/tool2", "bin/tool"), H("tool3", "/usr/../tool1"), H("sym", "bin"),
		  H("again", "d/tool2"), H("2", "twice"), H("o", "old"), H("later", "z"),
		  F("z", "z") },
	};
	static const struct { const char *path, *is; } t[] = {
		{ "d/tool2", "tool" }, { "tool3", "tool" },
		{ "sym", "-> usr/bin" }, { "again", "tool" },
		{ "2", "high" }, { "o", "new" }, { "later", "z" },
	};
	static const struct snap_driver *const drivers[] = { &snap_overlay, &snap_fuse,
							     &snap_native, &chained };
	struct world *w = *state;

	w->more = more;
	make_image(w, false);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		struct pull_result res;
		struct err e = ERR_INIT;
		struct stat st, other;
		char text[64];

		fake_start(&w->fake, &w->layout, "{}", NULL);
		MUST(pull(w, drivers[i], PULL_ALWAYS, &res, &e));
		for (size_t k = 0; k < ARRAY_SIZE(t); k++) {
			look(w, drivers[i], 0, t[k].path, &st, text);
			if (!str_eq(text, t[k].is))
				fail_msg("%s: %s is '%s'", drivers[i]->name, t[k].path, text);
		}
		look(w, drivers[i], 0, "d/tool2", &st, text);
		assert_int_equal(st.st_mode & 07777, 04755);
		assert_int_equal(st.st_mtim.tv_sec, 1000000000);
		assert_int_equal(st.st_uid, geteuid() ? geteuid() : 7);
		look(w, drivers[i], 0, "again", &other, text);
		assert_true(st.st_ino == other.st_ino);
		look(w, drivers[i], 0, "z", &st, text);
		look(w, drivers[i], 0, "later", &other, text);
		assert_true(st.st_ino == other.st_ino);
		/* a second time there is nothing to do */
		MUST(pull(w, drivers[i], PULL_ALWAYS, &res, &e));
		fake_stop(&w->fake);
	}
}

/* The same layer over other ones is another tree. */
static void test_links_depend(void **state)
{
	static const struct tar_entry mores[2][LAYERS][9] = {
		{ { F("low", "1") }, { { 0 } }, { H("link", "low") } },
		{ { F("low", "2") }, { { 0 } }, { H("link", "low") } },
	};
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		struct pull_result res;
		struct err e = ERR_INIT;
		struct stat st;
		char text[64];

		w->more = mores[i];
		make_image(w, false);
		fake_start(&w->fake, &w->layout, "{}", NULL);
		MUST(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e));
		look(w, &snap_overlay, 0, "link", &st, text);
		assert_string_equal(text, i ? "2" : "1");
		fake_stop(&w->fake);
	}
}

static void test_links_nowhere(void **state)
{
	static const struct tar_entry mores[][LAYERS][9] = {
		{ { F("low", "1") }, { { 0 } }, { H("link", "other") } },
		{ { F("low", "1") }, { F(".wh.low", "") }, { H("link", "low") } },
		{ { F("d/low", "1") }, { F("d/.wh..wh..opq", "") }, { H("link", "d/low") } },
		{ { F("d/low", "1") }, { F("d", "") }, { H("link", "d/low") } },
		{ { F("d/low", "1") }, { F(".wh..wh..opq", "") }, { H("link", "d/low") } },
		{ { F("d/low", "1") }, { { 0 } }, { H("link", "d") } },
		{ { L("l", "l/x") }, { { 0 } }, { H("link", "l/low") } },
		{ { H("link", "low") }, { F("low", "") }, { { 0 } } },
		{ { L("l", "../../../..") }, { { 0 } }, { H("link", "l/etc/hostname") } },
	};
	static const struct snap_driver *const drivers[] = { &snap_overlay, &snap_fuse };
	struct world *w = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(mores); i++) {
		AUTO(image) struct image img = IMAGE_INIT;
		struct pull_result res;
		struct err e = ERR_INIT;

		w->more = mores[i / 2];
		make_image(w, false);
		fake_start(&w->fake, &w->layout, "{}", NULL);
		if (pull(w, drivers[i % 2], PULL_ALWAYS, &res, &e) != -EBADMSG)
			fail_msg("case %zu: %s", i / 2, e.text);
		assert_int_equal(find(w, &img), -ENOENT);
		fake_stop(&w->fake);
	}
}

/* A layer may begin everything anew: what is below it is not there then. */
static void test_opaque_root(void **state)
{
	static const struct tar_entry more[LAYERS][9] = {
		{ F("low", "1") }, { F("mid", "1"), F(".wh..wh..opq", "") }, { F("top", "1") },
	};
	static const struct snap_driver *const drivers[] = { &snap_overlay, &snap_fuse,
							     &snap_native, &chained };
	struct world *w = *state;

	w->more = more;
	make_image(w, false);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
		struct image_env env = env_of(w, drivers[i]);
		bool is_merged = drivers[i]->form == SNAP_MERGED;
		struct pull_result res;
		int64_t ids[MAX_LAYERS];
		struct err e = ERR_INIT;
		struct stat st;
		char text[64];
		size_t count;

		fake_start(&w->fake, &w->layout, "{}", NULL);
		MUST(pull(w, drivers[i], PULL_ALWAYS, &res, &e));
		MUST(image_docs_load(&docs, w->store, &res.target, &w->host, &e));
		MUST(layers_find(ids, &count, &docs, &env, NULL, &e));
		assert_int_equal(count, is_merged ? 1 : 2);
		look(w, drivers[i], is_merged ? 0 : 1, "mid", &st, text);
		assert_string_equal(text, "1");
		look(w, drivers[i], is_merged ? 0 : 1, "low", &st, text);
		assert_string_equal(text, "-");
		MUST(pull(w, drivers[i], PULL_ALWAYS, &res, &e));
		fake_stop(&w->fake);
	}
}

/* Out and in again, in both formats; a taken name is not moved (D6). */
static void test_save_load(void **state)
{
	struct world *w = *state;
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	struct pull_result pulled;
	struct err e = ERR_INIT;
	struct save_image one = { .docs = &docs, .name = "docker.io/library/x:1" };

	fake_start(&w->fake, &w->layout, "{}", NULL);
	MUST(pull(w, NULL, PULL_ALWAYS, &pulled, &e));
	assert_int_equal(find(w, &img), 0);
	MUST(image_docs_load(&docs, w->store, &img.target, &w->host, &e));
	for (int format = SAVE_DOCKER; format <= SAVE_OCI; format++) {
		static const enum load_fate fates[] = { LOAD_NEW, LOAD_SAME };
		AUTO_FD int fd = memfd_create("archive", MFD_CLOEXEC);
		struct save_options so = { .fd = fd, .format = (enum save_format)format,
					   .images = &one, .count = 1, .store = w->store };
		struct world other = { .map = w->map };

		MUST(archive_save(&so, &e));
		open_store(&other);
		for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
			AUTO(load_result) struct load_result res = LOAD_RESULT_INIT;
			struct load_options lo = { .fd = fd, .ns = "default",
						   .platform = &w->host,
						   .env = env_of(&other, &snap_overlay) };

			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			MUST(archive_load(&res, &lo, &e));
			assert_int_equal(res.count, 1);
			assert_string_equal(res.images[0].name, one.name);
			assert_int_equal(res.images[0].fate, fates[i]);
			assert_true(digest_eq(&res.images[0].config, &pulled.config));
		}
		close_store(&other);
	}
	fake_stop(&w->fake);
}

/* --- names that are taken (D6) --- */

static void save(struct world *w, int fd)
{
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	struct save_image one = { .docs = &docs, .name = "docker.io/library/x:1" };
	struct save_options so = { .fd = fd, .format = SAVE_OCI, .images = &one, .count = 1,
				   .store = w->store };
	struct pull_result pulled;
	struct err e = ERR_INIT;

	fake_start(&w->fake, &w->layout, "{}", NULL);
	MUST(pull(w, NULL, PULL_ALWAYS, &pulled, &e));
	assert_int_equal(find(w, &img), 0);
	MUST(image_docs_load(&docs, w->store, &img.target, &w->host, &e));
	MUST(archive_save(&so, &e));
	fake_stop(&w->fake);
}

static void test_taken_name(void **state)
{
	static const struct tar_entry more[LAYERS][9] = { { F("another", "1") } };
	static const struct { bool second, force; enum load_fate fate; } t[] = {
		{ false, false, LOAD_NEW }, { true, false, LOAD_KEPT },
		{ false, false, LOAD_SAME }, { true, true, LOAD_MOVED },
		{ true, false, LOAD_SAME }, { false, false, LOAD_KEPT },
	};
	struct world *w = *state;
	AUTO_FD int first = memfd_create("first", MFD_CLOEXEC);
	AUTO_FD int second = memfd_create("second", MFD_CLOEXEC);
	struct world other = { .map = w->map };
	struct digest named = { .alg = DIGEST_SHA256 };

	save(w, first);
	w->more = more;
	make_image(w, false);
	save(w, second);
	open_store(&other);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		AUTO(load_result) struct load_result res = LOAD_RESULT_INIT;
		AUTO(image) struct image img = IMAGE_INIT;
		AUTO(images) struct images all = IMAGES_INIT;
		struct load_options lo = {
			.fd = t[i].second ? second : first, .ns = "default",
			.platform = &w->host, .force = t[i].force,
			.env = env_of(&other, &snap_overlay),
		};
		struct err e = ERR_INIT;
		bool moves = t[i].fate == LOAD_NEW || t[i].fate == LOAD_MOVED;

		assert_int_equal(lseek(lo.fd, 0, SEEK_SET), 0);
		MUST(archive_load(&res, &lo, &e));
		assert_int_equal(res.images[0].fate, t[i].fate);
		if (t[i].fate == LOAD_KEPT || t[i].fate == LOAD_MOVED)
			assert_true(digest_eq(&res.images[0].was, &named));
		MUST(image_get(&img, other.store, "default", "docker.io/library/x:1", &e));
		if (moves)
			named = res.images[0].config;
		assert_true(digest_eq(&img.config, &named));
		/* what lost its name, or got none, is there all the same */
		MUST(image_list(&all, other.store, "default", NULL, &e));
		assert_int_equal(all.len, i == 0 ? 1 : 2);
	}
	close_store(&other);
}

/* --- other id maps --- */

static int owner_of(void *arg, struct err *e)
{
	const int *fd = arg;
	struct stat st;

	return fstatat(*fd, "fs/owned", &st, 0) < 0 ? err_sys(e, "stat") :
		(int)(st.st_uid * 1000 + st.st_gid);
}

/* A layer is unpacked once for each map, and in each its owners are those of
 * the archive, as seen from inside. */
static void test_maps(void **state)
{
	static const struct tar_entry more[LAYERS][9] = {
		{ { 0 } }, { { 0 } }, { { '0', "owned", "x", 0640, 33, 42, 0, 0 } },
	};
	struct world *w = *state;
	struct pull_result res;
	struct err e = ERR_INIT;
	struct id_grant u, g;
	struct idmap maps[3];
	int64_t known[3];

	if (!own_grant("/etc/subuid", &u) || !own_grant("/etc/subgid", &g))
		skip();
	w->more = more;
	make_image(w, false);
	fake_start(&w->fake, &w->layout, "{}", NULL);
	MUST(pull(w, NULL, PULL_ALWAYS, &res, &e));
	fake_stop(&w->fake);
	MUST(id_map_default(&maps[0].uids, geteuid(), &u, 1, &e));
	MUST(id_map_default(&maps[0].gids, getegid(), &g, 1, &e));
	MUST(id_map_keep(&maps[1].uids, geteuid(), 33, &u, 1, &e));
	MUST(id_map_keep(&maps[1].gids, getegid(), 33, &g, 1, &e));
	MUST(id_map_grants(&maps[2].uids, &u, 1, &e));
	MUST(id_map_grants(&maps[2].gids, &g, 1, &e));
	w->map = maps[0];	/* whose root may remove all that is made here */
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
		struct image_env env = env_of(w, &snap_overlay);
		struct enter_opts o = { .map = &maps[i] };
		int64_t ids[MAX_LAYERS];
		AUTO_FD int dir = -1;
		size_t count;
		struct stat st;

		env.map = &maps[i];
		env.record_owners = false;
		MUST(image_docs_load(&docs, w->store, &res.target, &w->host, &e));
		assert_int_equal(layers_find(ids, &count, &docs, &env, NULL, &e), -ENOENT);
		err_clear(&e);
		MUST(layers_unpack(&docs, &env, &e));
		MUST(layers_unpack(&docs, &env, &e));
		MUST(layers_find(ids, &count, &docs, &env, NULL, &e));
		known[i] = ids[LAYERS - 1];
		for (size_t k = 0; k < i; k++)
			assert_true(known[k] != known[i]);
		dir = snapshot_open(w->store, "overlay", known[i], &e);
		assert_true(dir >= 0);
		assert_int_equal(enter_run(&o, owner_of, &dir, &e), 33042);
		assert_int_equal(fstatat(dir, "fs/owned", &st, 0), 0);
		assert_int_equal(st.st_uid, id_to_outside(&maps[i].uids, 33));
	}
}

/* --- other processes --- */

/* A child with a store of its own pulls; its exit status says how it went. */
static pid_t pull_beside(struct world *w)
{
	struct world mine = *w;
	struct pull_result res;
	struct err e = ERR_INIT;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (store_open(&mine.store, &(struct store_options){ .root = w->store_dir }, &e) < 0)
		_exit(2);
	_exit(pull(&mine, &snap_overlay, PULL_ALWAYS, &res, &e) < 0);
}

static void wait_for_request(struct world *w, const char *text)
{
	for (int i = 0; i < 6000 && !fake_count(&w->fake, text); i++)
		(void)poll(NULL, 0, 10);
	assert_true(fake_count(&w->fake, text) > 0);
}

/* Two pulls of one image: each blob comes once. */
static void test_two_pulls(void **state)
{
	struct world *w = *state;
	struct pull_result res;
	struct err e = ERR_INIT;
	int status;
	pid_t pid;

	fake_start(&w->fake, &w->layout,
		   "{\"rules\":[{\"match\":\"GET .*/blobs/\",\"skip\":1,\"delay\":0.4}]}", NULL);
	pid = pull_beside(w);
	wait_for_request(w, "/blobs/");
	MUST(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_image(w, &snap_overlay);
	/* the config may have been asked for by both */
	assert_in_range(fake_count(&w->fake, "/blobs/"), LAYERS + 1, LAYERS + 2);
	fake_stop(&w->fake);
}

/* What others do meanwhile, and how long it takes. */
static void do_all_verbs(struct world *w)
{
	AUTO(store) struct store *s = NULL;
	AUTO(images) struct images all = IMAGES_INIT;
	AUTO(lease) struct lease l = LEASE_INIT;
	struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
	const struct gc_options gc = { .grace_s = GC_GRACE_S };
	struct digest d = { .alg = DIGEST_SHA256, .bytes = { 1 } };
	struct store_usage usage;
	struct gc_result res;
	struct err e = ERR_INIT;

	MUST(store_open(&s, &(struct store_options){ .root = w->store_dir }, &e));
	MUST(image_list(&all, s, "default", NULL, &e));
	MUST(store_usage(&usage, s, "default", &e));
	MUST(store_ns_create(s, "other", &e));
	MUST(gc_run(&res, s, &gc, &e));
	MUST(lease_begin(&l, s, "test", &e));
	MUST(snapshot_begin_layer(&st, s, &l, "overlay", &d, "m", &e));
	fd_auto(&st.fd);
	MUST(content_barrier(s, &e));
	MUST(lease_end(&l, &e));
}

static int each_staging(int dirfd UNUSED, const char *name, unsigned char type UNUSED,
			void *arg, struct err *e UNUSED)
{
	*(int *)arg += strstr(name, ".staging") != NULL;
	return 0;
}

static int count_staging(struct world *w)
{
	struct err e = ERR_INIT;
	AUTO_FD int dir = fs_open_dir(store_dir(w->store, STORE_DIR_SNAPSHOTS, &e),
				      "overlay", &e);
	int count = 0;

	MUST(fs_each(dir, each_staging, &count, &e));
	return count;
}

/* G5: a layer that stalls stops nobody else.  And who is killed in the middle
 * leaves nothing that the next one does not clear. */
static void test_stalled(void **state)
{
	struct world *w = *state;
	struct pull_result res;
	struct err e = ERR_INIT;
	const struct gc_options gc = { .grace_s = GC_GRACE_S };
	struct gc_result swept;
	uint64_t since;
	pid_t pid;

	fake_start(&w->fake, &w->layout,
		   "{\"rules\":[{\"match\":\"GET .*/blobs/\",\"skip\":2,\"times\":1,"
		   "\"delay\":1000}]}", NULL);
	for (int i = 0; i < 3; i++) {
		pid = pull_beside(w);
		wait_for_request(w, "/blobs/");
		(void)poll(NULL, 0, 100);
		since = clock_mono_ns();
		do_all_verbs(w);
		assert_true(clock_mono_ns() - since < 30 * NS_PER_S);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	fake_stop(&w->fake);
	fake_start(&w->fake, &w->layout, "{}", NULL);
	MUST(pull(w, &snap_overlay, PULL_ALWAYS, &res, &e));
	fake_stop(&w->fake);
	MUST(gc_run(&swept, w->store, &gc, &e));
	assert_int_equal(count_staging(w), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pull), TEST(test_never), TEST(test_resume),
		TEST(test_damaged_rest),
		TEST(test_wrong_bytes), TEST(test_wrong_diff), TEST(test_save_load),
		TEST(test_links_across), TEST(test_links_depend),
		TEST(test_links_nowhere), TEST(test_opaque_root),
		TEST(test_taken_name), TEST(test_maps), TEST(test_two_pulls),
		TEST(test_stalled),
	};

	chained = snap_native;
	chained.name = "chained";
	chained.is_chained = true;
	return cmocka_run_group_tests_name("pull", tests, NULL, NULL);
}
