/* Kills, failures, crowds and full disks: after each, the store is whole and
 * the same command, run again, ends where it would have ended. */
#include "tests/unit/store_check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>

typedef int op_fn(struct store *s, struct err *e);

static struct sample one, two;

static int op_pull(struct store *s, struct err *e)
{
	return sample_pull(s, &one, "default", "a:1", e);
}

/* Moves the tag, so that the old image loses its name. */
static int op_pull_over(struct store *s, struct err *e)
{
	return sample_pull(s, &two, "default", "a:1", e);
}

#ifdef FAILPOINTS

static int op_remove(struct store *s, struct err *e)
{
	AUTO(images) struct images l = IMAGES_INIT;
	struct gc_options o = { .grace_s = 0 };
	struct gc_result res;
	int r = image_list(&l, s, "default", NULL, e);

	for (size_t i = 0; i < l.len && r == 0; i++)
		r = image_remove(s, l.v[i].row, e);
	if (r == 0)
		r = gc_run(&res, s, &o, e);
	return r < 0 ? r : gc_reap_trash(s, 0, NULL, NULL, e);
}

static int create(struct store *s, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct container c = { .id = LIT("c1"), .ns = LIT("default"), .name = LIT("web") };
	struct volume v = { .ns = LIT("default"), .name = LIT("data") };
	int64_t layer;
	int r = volume_create(s, &v, e);

	if (r == -EEXIST) {
		err_clear(e);
		r = 0;
	}
	if (r == 0)
		r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0)
		r = snapshot_find_layer(&layer, s, "overlay", &one.diff_id[0], "0:0:1", NULL, e);
	if (r == 0)
		r = snapshot_create(&c.snapshot, NULL, s, SNAPSHOT_ACTIVE, "overlay", "0:0:1",
				    &layer, 1, e);
	if (r == 0)
		r = container_put(s, &c, e);
	if (r == 0)
		r = volume_use(s, "default", "data", "c1", e);
	return r < 0 ? r : store_commit(&tx, e);
}

/* A container's whole life, whatever is left of an earlier one. */
static int op_container(struct store *s, struct err *e)
{
	int r = container_remove(s, "default", "c1", false, e);

	if (r >= 0)
		r = create(s, e);
	if (r >= 0)
		r = container_remove(s, "default", "c1", false, e);
	if (r >= 0)
		r = volume_remove(s, "default", "data", e);
	return r;
}

static int draft_volume(struct store *s, struct err *e)
{
	struct volume v = { .ns = LIT("default"), .name = LIT("filled") };
	AUTO_FREE char *draft = NULL;
	int r = volume_draft(&draft, s, v.ns, e);

	if (r == 0)
		r = volume_settle(s, &v, draft, e);
	if (r == 0)
		volume_end_draft(s, v.ns, draft, v.name);
	return r < 0 ? r : volume_remove(s, v.ns, v.name, e);
}

/* What only plumbing commands do: a blob and a snapshot of their own. */
static int op_plumbing(struct store *s, struct err *e)
{
	static const char text[] = "of nobody";
	struct digest d = digest_of(text, sizeof(text));
	AUTO(lease) struct lease l = LEASE_INIT;
	int64_t layer, id = 0;
	int r = lease_begin(&l, s, "ingest", e);

	if (r == 0)
		r = content_put(s, &l, &d, text, sizeof(text), e);
	if (r >= 0)
		r = content_barrier(s, e);
	if (r == 0)
		r = content_delete(s, &d, e);
	if (r == 0)
		r = snapshot_find_layer(&layer, s, "overlay", &one.diff_id[0], "0:0:1", NULL, e);
	if (r == 0)
		r = snapshot_create(&id, NULL, s, SNAPSHOT_VIEW, "overlay", "0:0:1", &layer, 1, e);
	if (r == 0)
		r = snapshot_remove(s, id, e);
	if (r == 0)
		r = draft_volume(s, e);
	return r < 0 ? r : lease_end(&l, e);
}

/* To open it is all. */
static int op_upgrade(struct store *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static const struct scenario {
	const char *name;
	op_fn *before;
	op_fn *op;
} scenarios[] = {
	{ "pull", NULL, op_pull },
	{ "pull over a tag", op_pull, op_pull_over },
	{ "remove and collect", op_pull, op_remove },
	{ "container", op_pull, op_container },
	{ "plumbing", op_pull, op_plumbing },
	{ "upgrade", NULL, op_upgrade },
};

static void fresh(const struct scenario *sc)
{
	struct err e = ERR_INIT;

	wipe(scratch, "s");
	if (sc->before) {
		AUTO(store) struct store *s = open_store(true);

		OK(sc->before(s, &e));
	}
	if (sc->op == op_upgrade) {
		store_of_version(1);
		/* Their files are not there. */
		sql("DELETE FROM container; DELETE FROM volume; DELETE FROM container_volume");
	}
}

static unsigned *points;		/* that the last run which ended passed; shared */

/* 0: done; 1: failed; 2: killed */
static int run_child(op_fn *op, const char *failpoints)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		AUTO_FREE char *root = mem_printf("%s/s", scratch);
		struct store_options o = { .root = root, .create = true };
		struct store *s = NULL;
		struct err e = ERR_INIT;
		int r;

		failpoint_set(failpoints);
		r = store_open(&s, &o, &e);
		if (r == 0)
			r = op(s, &e);
		store_close(s);
		*points = failpoint_hits();
		_exit(r < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return 2;
	}
	assert_in_range(WEXITSTATUS(status), 0, 1);
	return WEXITSTATUS(status);
}

static void sweep(const char *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		const struct scenario *sc = &scenarios[i];
		struct tally clean, now;
		unsigned count;
		char fp[64];

		fresh(sc);
		assert_int_equal(run_child(sc->op, NULL), 0);
		count = *points;
		assert_in_range(count, 1, 500);
		clean = store_tally();
		for (unsigned n = 0; n < count; n++) {
			fresh(sc);
			snprintf(fp, sizeof(fp), "*=%u*off->1*%s->off", n, action);
			(void)run_child(sc->op, fp);
			store_check();
			assert_int_equal(run_child(sc->op, NULL), 0);	/* I8 */
			store_check();
			now = store_tally();				/* I9 */
			if (now.files != clean.files || now.bytes != clean.bytes)
				fail_msg("%s, %s: %lu files %lu bytes, not %lu and %lu", sc->name,
					 fp, now.files, now.bytes, clean.files, clean.bytes);
		}
		print_message("%s, %s: %u points\n", sc->name, action, count);
	}
}

static void test_kill(void **state)
{
	(void)state;
	sweep("kill");
}

static void test_eio(void **state)
{
	(void)state;
	sweep("error(EIO)");
}

static int each_name(int dirfd, const char *name, unsigned char type, void *passed,
		     struct err *e)
{
	static const char call[] = "failpoint(\"";
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	int r = type == DT_REG ? fs_read(dirfd, name, &text, e) : 0;

	for (char *at = text.data; (at = strstr(at, call)); at++) {
		char line[80];

		at += strlen(call);
		snprintf(line, sizeof(line), " %.*s\n", (int)strcspn(at, "\""), at);
		if (!strstr(((struct buf *)passed)->data, line))
			fail_msg("%s: nothing passes the failpoint%s", name, line);
	}
	return r;
}

/* There is none that the above does not try. */
static void test_names(void **state)
{
	AUTO_FREE char *log = mem_printf("%s/passed", scratch);
	AUTO(buf) struct buf passed = BUF_INIT(MIB(1));
	struct err e = ERR_INIT;
	AUTO_FD int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	AUTO_FD int dir = fs_open_dir(AT_FDCWD, "tests/../lib/store", &e);

	(void)state;
	OK(fd);
	OK(dir);
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		fresh(&scenarios[i]);
		assert_int_equal(setenv("CORACLE_FP_LOG", log, 1), 0);
		assert_int_equal(run_child(scenarios[i].op, NULL), 0);
		assert_int_equal(unsetenv("CORACLE_FP_LOG"), 0);
	}
	OK(fs_read(AT_FDCWD, log, &passed, &e));
	OK(fs_each(dir, each_name, &passed, &e));
}

/* I14: what could not be synced is gone, and is written anew. */
static void test_poison(void **state)
{
	static const char *const syncs[] = { "blob.sync", "barrier.sync", "layer.sync" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(syncs); i++) {
		AUTO_FREE char *fp = mem_printf("%s=1*error(EIO)->off", syncs[i]);
		AUTO(store) struct store *s = NULL;
		AUTO(lease) struct lease l = LEASE_INIT;
		AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
		struct err e = ERR_INIT;
		int64_t id;

		fresh(&scenarios[0]);
		assert_int_equal(run_child(op_pull, fp), 1);
		store_check();
		s = open_store(true);
		OK(lease_begin(&l, s, "pull", &e));
		if (i < 2) {
			assert_int_equal(content_ingest_begin(&in, s, &l, &one.manifest_digest,
							      strlen(one.manifest), &e),
					 CONTENT_WRITE);
			assert_int_equal(in.offset, 0);
		}
		FAILS(ENOENT, snapshot_find_layer(&id, s, "overlay", &one.diff_id[0], "0:0:1",
						  NULL, &e));
	}
}

#endif

/* 100 processes meet at a store that is not there yet. */
static void test_crowd(void **state)
{
	pid_t pids[100];
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			AUTO(store) struct store *s = open_store(true);
			char id[16];
			struct container c = { .id = id, .ns = LIT("default"), .name = id };
			struct proc_id init = { .pid = 1 };
			int r = 0;

			snprintf(id, sizeof(id), "c%u", i);
			if (i % 4 == 0)
				r = sample_pull(s, i % 8 ? &one : &two, "default", "a:1", &e);
			for (int n = 0; n < 5 && r >= 0; n++) {
				AUTO(containers) struct containers l = CONTAINERS_INIT;

				r = container_put(s, &c, &e);
				if (r == 0)
					r = container_set_started(s, "default", id, &init, 5, &e);
				if (r == 0)
					r = container_list(&l, s, "default", &e);
				if (r == 0)
					r = container_set_finished(s, "default", id, 5, 6, 0, &e);
				if (r == 1)
					r = container_remove(s, "default", id, false, &e);
			}
			if (r >= 0 && i % 10 == 1) {
				struct gc_options o = { .grace_s = 3600 };
				struct gc_result res;

				r = gc_run(&res, s, &o, &e);
			}
			/* A pull that meets another's says so by a positive answer
			 * of sample_blob; then image_put finds blobs missing. */
			if (r == -EBADMSG)
				r = 0;
			if (r < 0)
				fprintf(stderr, "process %u: %s\n", i, e.text);
			store_close(s);
			_exit(r < 0);
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	store_check();
	{
		AUTO(store) struct store *s = open_store(false);
		AUTO(containers) struct containers l = CONTAINERS_INIT;

		OK(container_list(&l, s, NULL, &e));
		assert_int_equal(l.len, 0);
	}
}

/* Does pid wait to have a lock alone? */
static bool waits_alone(pid_t pid)
{
	AUTO(buf) struct buf locks = BUF_INIT(MIB(1));
	AUTO_FREE char *who = mem_printf("WRITE %d ", (int)pid);
	struct err e = ERR_INIT;

	OK(fs_read(AT_FDCWD, "/proc/locks", &locks, &e));
	for (char *save = NULL, *l = strtok_r(locks.data, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save))
		if (strstr(l, "-> FLOCK") && strstr(l, who))
			return true;
	return false;
}

/* While one waits to make the store another has made it, and a container. */
static void test_made_meanwhile(void **state)
{
	AUTO_FREE char *root = mem_printf("%s/s", scratch);
	AUTO_FREE char *ns = mem_printf("%s/containers/default/c1", root);
	AUTO_FREE char *db = mem_printf("%s/meta.db", root);
	AUTO_FREE char *aside = mem_printf("%s/aside", scratch);
	AUTO_FREE char *lock = mem_printf("%s/lock", root);
	struct err e = ERR_INIT;
	AUTO_FD int fd = -1;
	int status;
	pid_t pid;

	(void)state;
	store_close(open_store(true));
	fd = fs_mkdirs(AT_FDCWD, ns, 0700, &e);
	OK(fd);
	fd_auto(&fd);
	OK(rename(db, aside));
	fd = open(lock, O_RDWR | O_CLOEXEC);
	OK(fd);
	OK(flock(fd, LOCK_SH));
	pid = fork();
	if (pid == 0) {
		fd_auto(&fd);
		store_close(open_store(true));
		_exit(0);
	}
	while (!waits_alone(pid) && waitpid(pid, &status, WNOHANG) == 0)
		usleep(1000);
	OK(rename(aside, db));
	fd_auto(&fd);
	OK(waitpid(pid, &status, 0));
	assert_int_equal(status, 0);
}

/* A disk of 1 MiB: the pull fails and says why, what was there works, and
 * removing gives the space back. */
static void fill_up(void)
{
	AUTO(store) struct store *s = open_store(true);
	AUTO(lease) struct lease l = LEASE_INIT;
	AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
	AUTO(image) struct image img = IMAGE_INIT;
	static const char junk[65536];
	struct gc_options o = { .grace_s = 0 };
	struct gc_result res;
	struct err e = ERR_INIT;
	int r = 0;

	OK(op_pull(s, &e));
	OK(lease_begin(&l, s, "pull", &e));
	OK(content_ingest_begin(&in, s, &l, NULL, MIB(8), &e));
	while (r == 0)
		r = content_ingest_write(&in, junk, sizeof(junk), &e);
	assert_int_equal(r, -ENOSPC);
	err_clear(&e);
	store_check();
	content_ingest_abort(&in, false);
	OK(lease_end(&l, &e));
	OK(image_get(&img, s, "default", "a:1", &e));
	OK(image_remove(s, img.row, &e));
	OK(gc_run(&res, s, &o, &e));
	assert_int_equal(res.blobs, LAYERS + 2);
	assert_int_equal(gc_reap_trash(s, 0, NULL, NULL, &e), 0);
	OK(op_pull_over(s, &e));
}

/* A mount namespace of our own, with or without being root. */
static int private_mounts(void)
{
	AUTO_FREE char *uids = mem_printf("0 %u 1", getuid());
	AUTO_FREE char *gids = mem_printf("0 %u 1", getgid());
	struct err e = ERR_INIT;

	if (unshare(CLONE_NEWNS) < 0 &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	     fs_write_small(AT_FDCWD, "/proc/self/setgroups", "deny", &e) < 0 ||
	     fs_write_small(AT_FDCWD, "/proc/self/uid_map", uids, &e) < 0 ||
	     fs_write_small(AT_FDCWD, "/proc/self/gid_map", gids, &e) < 0))
		return -1;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static void test_full_disk(void **state)
{
	struct err e = ERR_INIT;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		AUTO_FREE char *root = mem_printf("%s/s", scratch);

		if (mkdir(root, 0700) < 0 || private_mounts() < 0 ||
		    mount("tiny", root, "tmpfs", 0, "size=1m,mode=700") < 0)
			_exit(77);
		fill_up();
		_exit(0);
	}
	OK(waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef FAILPOINTS
		cmocka_unit_test_setup_teardown(test_kill, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_eio, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_names, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_poison, scratch_setup, scratch_teardown),
#endif
		cmocka_unit_test_setup_teardown(test_crowd, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_made_meanwhile, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, scratch_setup, scratch_teardown),
	};

	sample_make(&one, 1);
	sample_make(&two, 2);
#ifdef FAILPOINTS
	points = mmap(NULL, sizeof(*points), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (points == MAP_FAILED)
		return 1;
#endif
	return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
