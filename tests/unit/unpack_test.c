#include "tests/unit/test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/unpack.h"
#include "lib/os/enter.h"
#include "tests/unit/tarmake.h"

/* A scratch directory with "root", which is unpacked into, and "victim" beside
 * it, which must never change. */
struct place {
	char path[64];
	int top;
	int root;
};

static struct place place;

static int place_setup(void **state)
{
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	snprintf(place.path, sizeof(place.path), "/tmp/unpack-test-XXXXXX");
	assert_non_null(mkdtemp(place.path));
	place.top = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(place.top, "victim", 0700), 0);
	fd = openat(place.top, "victim/canary", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(fs_write_all(fd, "alive", 5, &e), 0);
	fd_auto(&fd);
	assert_int_equal(mkdirat(place.top, "root", 0755), 0);
	place.root = openat(place.top, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static void single_map(struct idmap *m)
{
	struct err e = ERR_INIT;

	*m = (struct idmap){ .uids.len = 0 };
	assert_int_equal(id_map_single(&m->uids, geteuid(), 0, &e), 0);
	assert_int_equal(id_map_single(&m->gids, getegid(), 0, &e), 0);
}

static int place_teardown(void **state)
{
	struct idmap m;
	struct enter_opts o = { .map = &m };
	AUTO_FD int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	(void)state;
	single_map(&m);
	fd_auto(&place.top);
	fd_auto(&place.root);
	assert_int_equal(enter_rmtree(&o, tmp, place.path + 5, &e), 0);
	return 0;
}

static void check_victim(void)
{
	char text[16];
	ssize_t len;
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(fs_read_small(place.top, "victim/canary", text, sizeof(text),
				       &len, &e), 0);
	assert_string_equal(text, "alive");
	assert_int_equal(fstatat(place.top, "victim/canary", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(fstatat(place.top, "victim", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(faccessat(place.top, "victim/new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(faccessat(place.top, "new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

struct job {
	const struct buf *tar;
	size_t at;
	size_t step;		/* bytes per read */
	struct unpack_opts opts;
};

static ssize_t give(void *arg, const void **data, struct err *e)
{
	struct job *j = arg;
	size_t left = j->tar->len - j->at;

	(void)e;
	left = left < j->step ? left : j->step;
	*data = j->tar->data + j->at;
	j->at += left;
	return (ssize_t)left;
}

static int do_unpack(void *arg, struct err *e)
{
	struct job *j = arg;
	struct unpack_stats stats;

	return unpack_tar(&stats, &j->opts, give, j, e);
}

static int unpack(const struct buf *tar, enum snap_form form, struct err *e)
{
	struct idmap m;
	struct enter_opts o = { .map = &m };
	struct job j = {
		.tar = tar, .step = 10000,
		.opts = { .root_fd = place.root, .form = form,
			  .owners = geteuid() ? UNPACK_OWNERS_RECORD :
						UNPACK_OWNERS_SET },
	};

	single_map(&m);
	if (geteuid() == 0)
		o.map = NULL;
	return enter_run(&o, do_unpack, &j, e);
}

/* What is at path: "f:content", "l:target", "d", "c" (0/0), "p", "-". */
static void look(const char *path, char out[static 128])
{
	struct stat st;
	ssize_t len;
	struct err e = ERR_INIT;

	if (fstatat(place.root, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		snprintf(out, 128, "-");
	} else if (S_ISREG(st.st_mode)) {
		memcpy(out, "f:", 2);
		if (fs_read_small(place.root, path, out + 2, 126, &len, &e) < 0)
			snprintf(out, 128, "f?");
	} else if (S_ISLNK(st.st_mode)) {
		memcpy(out, "l:", 2);
		len = readlinkat(place.root, path, out + 2, 125);
		out[2 + (len < 0 ? 0 : len)] = '\0';
	} else if (S_ISCHR(st.st_mode)) {
		snprintf(out, 128, "c%u/%u", major(st.st_rdev), minor(st.st_rdev));
	} else {
		snprintf(out, 128, "%s", S_ISDIR(st.st_mode) ? "d" :
					 S_ISFIFO(st.st_mode) ? "p" : "?");
	}
}

struct check {
	const char *path;
	const char *is;
};

struct scenario {
	const char *name;
	const struct tar_entry in[8];
	const struct check out[6];
	int ret;		/* 0, or the error */
};

#define F(n, t) { '0', n, t, 0, 0, 0, 0, 0 }
#define D(n)	{ '5', n, NULL, 0, 0, 0, 0, 0 }
#define L(n, t) { '2', n, t, 0, 0, 0, 0, 0 }
#define H(n, t) { '1', n, t, 0, 0, 0, 0, 0 }

static const struct scenario escapes[] = {
	{ "parent name", { F("../new", "x") }, { { "new", "f:x" } }, 0 },
	{ "absolute name", { F("/new", "x") }, { { "new", "f:x" } }, 0 },
	{ "many parents", { F("a/../../../../victim/new", "x") },
	  { { "victim/new", "f:x" } }, 0 },
	{ "dots", { F("/./.././../new", "x") }, { { "new", "f:x" } }, 0 },
	{ "relative link out", { L("l", "../victim"), F("l/new", "x") },
	  { { "l/new", "f:x" } }, 0 },
	{ "absolute link out", { L("l", "/tmp"), F("l/new-unpack", "x") },
	  { { "l/new-unpack", "f:x" } }, 0 },
	{ "link to root's parent", { L("l", ".."), F("l/victim/canary", "dead") },
	  { { "l", "l:.." }, { "victim/canary", "f:dead" } }, 0 },
	{ "file over link", { L("l", "../victim/canary"), F("l", "mine") },
	  { { "l", "f:mine" } }, 0 },
	{ "dir over link", { L("l", "../victim"), D("l"), F("l/new", "x") },
	  { { "l", "d" }, { "l/new", "f:x" } }, 0 },
	{ "hard link out", { H("h", "../victim/canary") }, { { "h", "-" } }, -EBADMSG },
	{ "hard link by absolute name", { H("h", "/etc/passwd") }, { { "h", "-" } }, -EBADMSG },
	{ "hard link by cwd", { H("h", "tests/unit/test.h") }, { { "h", "-" } }, -EBADMSG },
	{ "hard link through link", { L("l", "../victim"), H("h", "l/canary") },
	  { { "h", "-" } }, -EBADMSG },
	{ "hard link to link, then chmod", { L("l", "../victim/canary"), H("h", "l"),
	  { '0', "h", "x", 0777, 0, 0, 0, 0 } },
	  { { "h", "f:x" }, { "l", "l:../victim/canary" } }, 0 },
	{ "hard link to directory", { D("d"), H("h", "d") }, { { "h", "-" } }, -EBADMSG },
	{ "root is a link", { L("./", "../victim"), F("new", "x") }, { { "new", "-" } }, -EBADMSG },
	{ "root is a file", { F("/", "x") }, { { "x", "-" } }, -EBADMSG },
	{ "root's mode", { { '5', "./", NULL, 0711, 0, 0, 0, 0 }, F("a", "x") },
	  { { "a", "f:x" } }, 0 },
	{ "parent is a file", { F("a", "x"), F("a/b", "y") },
	  { { "a", "d" }, { "a/b", "f:y" } }, 0 },
	{ "whiteout through link", { L("l", "../victim"), F("l/.wh.canary", "") },
	  { { "l", "l:../victim" } }, 0 },
	{ "opaque through link", { L("l", "../victim"), F("l/.wh..wh..opq", "") },
	  { { "l", "l:../victim" } }, 0 },
	{ "whiteout of parent", { F(".wh...", "") }, { { "x", "-" } }, -EBADMSG },
	{ "whiteout of dot", { F("a/.wh..", "") }, { { "x", "-" } }, -EBADMSG },
	{ "whiteout of nothing", { F("a/.wh.", "") }, { { "x", "-" } }, -EBADMSG },
	{ "aufs", { F(".wh..wh.plnk", ""), F("a", "x") },
	  { { ".wh..wh.plnk", "-" }, { "a", "f:x" } }, 0 },
};

static const struct scenario twins[] = {
	{ "absolute link inside",
	  { D("run"), D("var"), L("var/run", "/run"), F("var/run/pid", "1") },
	  { { "run/pid", "f:1" }, { "var/run", "l:/run" } }, 0 },
	{ "link text as it is", { L("a", "../../../../../x/./y//z") },
	  { { "a", "l:../../../../../x/./y//z" } }, 0 },
	{ "link is not resolved", { F("dash", "d"), L("sh", "dash"), L("sh", "dash") },
	  { { "sh", "l:dash" }, { "dash", "f:d" } }, 0 },
	{ "all kinds in turn", { F("a", "1"), D("a"), L("a", "b"), F("a", "2") },
	  { { "a", "f:2" } }, 0 },
	{ "full directory gives way", { D("a"), F("a/b", "1"), F("a", "2") },
	  { { "a", "f:2" } }, 0 },
	{ "entry before its parent", { F("a/b/c", "1"), D("a") },
	  { { "a/b/c", "f:1" } }, 0 },
	{ "hard link", { F("a", "1"), H("d/b", "a"), H("c", "./d/b") },
	  { { "d/b", "f:1" }, { "c", "f:1" } }, 0 },
	{ "hard link to itself", { F("a", "1"), H("a", "a") }, { { "a", "f:1" } }, 0 },
	{ "hard link over a file", { F("a", "1"), F("b", "2"), H("b", "a") },
	  { { "b", "f:1" } }, 0 },
	{ "odd names", { F("\xff\xfe", "1"), F("a\nb", "2"), F("-rf", "3"), F("e ", "4"),
			 F("\xc3\xa9", "5") },
	  { { "\xff\xfe", "f:1" }, { "a\nb", "f:2" }, { "-rf", "f:3" }, { "e ", "f:4" },
	    { "\xc3\xa9", "f:5" } }, 0 },
	{ "fifo", { { '6', "p", NULL, 0600, 0, 0, 0, 0 } }, { { "p", "p" } }, 0 },
	{ "nothing", { { 0 } }, { { "a", "-" } }, 0 },
	{ "cached way is dropped", { F("a/b/c", "1"), L("a", "e"), D("e"), F("a/b/c", "2") },
	  { { "e/b/c", "f:2" }, { "a", "l:e" } }, 0 },
};

static const struct scenario stacked[] = {
	{ "whiteout", { F("d/.wh.x", "") }, { { "d/x", "c0/0" }, { "d/.wh.x", "-" } }, 0 },
	{ "whiteout, then again", { F(".wh.x", ""), F("x", "1") }, { { "x", "f:1" } }, 0 },
	{ "there, then whiteout", { F("x", "1"), F(".wh.x", "") }, { { "x", "f:1" } }, 0 },
	{ "below a whiteout", { F(".wh.a", ""), F("a/.wh.b", "") }, { { "a", "c0/0" } }, 0 },
	{ "below a whiteout, other order", { F("a/.wh.b", ""), F(".wh.a", "") },
	  { { "a", "c0/0" } }, 0 },
	{ "inside opaque", { D("o"), F("o/.wh.x", ""), F("o/.wh..wh..opq", "") },
	  { { "o", "d" }, { "o/x", "-" } }, 0 },
	{ "inside opaque, other order", { F("o/.wh..wh..opq", ""), F("o/s/.wh.x", "") },
	  { { "o", "d" }, { "o/s/x", "-" } }, 0 },
	{ "a device that looks like a whiteout", { { '3', "dev", NULL, 0644, 0, 0, 0, 0 } },
	  { { "dev", "f:" } }, 0 },
};

static const struct scenario merged[] = {
	{ "whiteout", { F(".wh.lower", "") }, { { "lower", "-" }, { "dir/low", "f:low" } }, 0 },
	{ "whiteout of a directory", { F(".wh.dir", "") }, { { "dir", "-" } }, 0 },
	{ "whiteout and again", { F(".wh.dir", ""), F("dir/new", "1") },
	  { { "dir/new", "f:1" }, { "dir/low", "-" } }, 0 },
	{ "again and whiteout", { F("dir/new", "1"), F(".wh.dir", "") },
	  { { "dir/new", "f:1" }, { "dir/low", "-" } }, 0 },
	{ "opaque after", { F("dir/new", "1"), F("dir/.wh..wh..opq", "") },
	  { { "dir/new", "f:1" }, { "dir/low", "-" }, { "lower", "f:low" } }, 0 },
	{ "opaque before", { F("dir/.wh..wh..opq", ""), F("dir/new", "1") },
	  { { "dir/new", "f:1" }, { "dir/low", "-" } }, 0 },
	{ "replaced", { F("dir", "1") }, { { "dir", "f:1" } }, 0 },
	{ "kept", { F("dir/new", "1") }, { { "dir/low", "f:low" }, { "dir/new", "f:1" } }, 0 },
};

static void run(const struct scenario *s, enum snap_form form)
{
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	struct err e = ERR_INIT;
	char is[128];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(s->in) && s->in[i].name; i++)
		tar_add(&tar, &s->in[i]);
	tar_end(&tar);
	r = unpack(&tar, form, &e);
	if (r != s->ret)
		fail_msg("%s: %d instead of %d: %s", s->name, r, s->ret, e.text);
	for (size_t i = 0; i < ARRAY_SIZE(s->out) && s->out[i].path; i++) {
		look(s->out[i].path, is);
		/* below a link: where it leads inside the root */
		if (!strchr(s->out[i].path, '/') || str_eq(is, s->out[i].is)) {
			if (!str_eq(is, s->out[i].is))
				fail_msg("%s: %s is %s", s->name, s->out[i].path, is);
			continue;
		}
		{
			AUTO_FD int fd = fs_open_inroot(place.root, s->out[i].path,
							O_RDONLY, 0, &e);

			if (fd < 0)
				fail_msg("%s: %s: %s", s->name, s->out[i].path, e.text);
		}
	}
	check_victim();
}

static void run_all(const struct scenario *list, size_t count, enum snap_form form,
		    bool lower)
{
	static const struct tar_entry low[] = { F("lower", "low"), D("dir"), F("dir/low", "low") };

	for (size_t i = 0; i < count; i++) {
		place_setup(NULL);
		if (lower) {
			AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
			struct err e = ERR_INIT;

			for (size_t k = 0; k < ARRAY_SIZE(low); k++)
				tar_add(&tar, &low[k]);
			tar_end(&tar);
			assert_int_equal(unpack(&tar, form, &e), 0);
		}
		run(&list[i], form);
		place_teardown(NULL);
	}
}

static void test_escapes(void **state)
{
	(void)state;
	run_all(escapes, ARRAY_SIZE(escapes), SNAP_STACKED, false);
	run_all(escapes, ARRAY_SIZE(escapes), SNAP_STACKED_FUSE, false);
	run_all(escapes, ARRAY_SIZE(escapes), SNAP_MERGED, false);
}

static void test_twins(void **state)
{
	(void)state;
	run_all(twins, ARRAY_SIZE(twins), SNAP_STACKED, false);
	run_all(twins, ARRAY_SIZE(twins), SNAP_STACKED_FUSE, false);
	run_all(twins, ARRAY_SIZE(twins), SNAP_MERGED, true);
}

static void test_whiteouts(void **state)
{
	(void)state;
	run_all(stacked, ARRAY_SIZE(stacked), SNAP_STACKED, false);
	run_all(merged, ARRAY_SIZE(merged), SNAP_MERGED, true);
}

static void get_xattr(const char *path, const char *name, char out[static 64])
{
	AUTO_FD int fd = openat(place.root, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fgetxattr(fd, name, out, 63);

	out[n < 0 ? 0 : n] = '\0';
}

static void test_opaque_mark(void **state)
{
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	static const struct tar_entry in[] = { F("o/.wh..wh..opq", ""), F(".wh.d", ""), D("d"),
					       D("plain") };
	struct err e = ERR_INIT;
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		tar_add(&tar, &in[i]);
	tar_end(&tar);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), 0);
	get_xattr("o", "user.overlay.opaque", text);
	assert_string_equal(text, "y");
	get_xattr("d", "user.overlay.opaque", text);
	assert_string_equal(text, "y");
	get_xattr("plain", "user.overlay.opaque", text);
	assert_string_equal(text, "");
}

/* C7: control data of an image has no power, ordinary attributes stay. */
static void test_xattrs(void **state)
{
	static const char *const dropped[] = {
		"user.overlay.opaque", "user.overlay.redirect", "user.overlay.metacopy",
		"user.fuseoverlayfs.opaque", "user.containers.override_stat",
		"trusted.overlay.opaque",
	};
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	static const struct tar_entry f = F("f", "x"), d = D("d");
	struct err e = ERR_INIT;
	char key[128], text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		snprintf(key, sizeof(key), "SCHILY.xattr.%s", dropped[i]);
		tar_pax(&tar, key, "y", 1);
		tar_add(&tar, &f);
		tar_pax(&tar, key, "y", 1);
		tar_add(&tar, &d);
	}
	tar_pax(&tar, "SCHILY.xattr.user.mine", "kept", 4);
	tar_add(&tar, &f);
	tar_end(&tar);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		get_xattr("f", dropped[i], text);
		assert_string_equal(text, "");
		get_xattr("d", dropped[i], text);
		assert_string_equal(text, "");
	}
	get_xattr("f", "user.mine", text);
	assert_string_equal(text, "kept");
}

static void test_metadata(void **state)
{
	static const struct tar_entry in[] = {
		{ '5', "closed", NULL, 01000, 0, 0, 0, 0 },
		{ '0', "closed/in", "x", 0600, 0, 0, 0, 0 },
		{ '5', "sgid", NULL, 02775, 0, 0, 0, 0 },
		{ '0', "sgid/in", "x", 0644, 0, 0, 0, 0 },
		{ '0', "suid", "x", 04755, 0, 0, 0, 0 },
	};
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		tar_add(&tar, &in[i]);
	tar_pax(&tar, "mtime", "12.123456789", 12);
	tar_add(&tar, &(struct tar_entry)F("late", "x"));
	tar_end(&tar);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), 0);
	assert_int_equal(fstatat(place.root, "closed", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01000);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(fstatat(place.root, "sgid", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 02775);
	assert_int_equal(fstatat(place.root, "suid", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(fstatat(place.root, "late", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 12);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
}

/* A single id: owners are squashed, and known all the same. */
static void test_recorded_owner(void **state)
{
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	static const struct tar_entry f = { '0', "f", "x", 04755, 33, 42, 0, 0 };
	static const struct tar_entry dev = { '3', "null", NULL, 0666, 0, 0, 1, 3 };
	struct err e = ERR_INIT;
	struct stat st;
	char text[64];

	(void)state;
	tar_add(&tar, &f);
	tar_add(&tar, &dev);
	tar_end(&tar);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), 0);
	assert_int_equal(fstatat(place.root, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 04755);
	get_xattr("f", XATTR_OVERRIDE, text);
	if (geteuid()) {
		assert_string_equal(text, "33:42:4755");
		get_xattr("null", XATTR_OVERRIDE, text);
		assert_string_equal(text, "0:0:0666:char-1-3");
	} else {
		assert_int_equal(st.st_uid, 33);
		assert_int_equal(st.st_gid, 42);
		assert_string_equal(text, "");
	}
}

/* C8: every cap from both sides. */
static void test_caps(void **state)
{
	static char name[8192];
	struct err e = ERR_INIT;
	const struct { size_t component, depth; int ret; } t[] = {
		{ 255, 1, 0 }, { 256, 1, -EBADMSG }, { 1, 1000, 0 }, { 1, 1001, -EBADMSG },
		{ 255, 15, 0 }, { 255, 17, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
		struct tar_entry f = F(name, "x");
		char *p = name;

		for (size_t k = 0; k < t[i].depth; k++) {
			memset(p, 'a', t[i].component);
			p += t[i].component;
			*p++ = '/';
		}
		p[-1] = '\0';
		tar_add(&tar, &f);
		tar_end(&tar);
		err_clear(&e);
		assert_int_equal(unpack(&tar, SNAP_STACKED, &e), t[i].ret);
	}
}

static void test_record_caps(void **state)
{
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	AUTO_FREE char *big = mem_zero(MAX_XATTR_VALUE + 1, 1);
	struct err e = ERR_INIT;
	static const struct tar_entry f = F("f", "x");

	(void)state;
	memset(big, 'v', MAX_XATTR_VALUE + 1);
	tar_pax(&tar, "SCHILY.xattr.user.big", big, MAX_XATTR_VALUE + 1);
	tar_add(&tar, &f);
	tar_end(&tar);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), -EFBIG);
	buf_reset(&tar);
	err_clear(&e);
	/* a negative size, and one cut short */
	tar_raw(&tar, &f, 600);
	memset(tar.data + 124, 0xff, 12);
	tar_end(&tar);
	assert_true(unpack(&tar, SNAP_STACKED, &e) < 0);
	buf_reset(&tar);
	err_clear(&e);
	tar_raw(&tar, &f, 5000);
	tar_data(&tar, "x", 1);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), -EBADMSG);
	/* no end marks at all is fine */
	buf_reset(&tar);
	err_clear(&e);
	tar_add(&tar, &f);
	assert_int_equal(unpack(&tar, SNAP_STACKED, &e), 0);
}

static NORETURN void swap_for_ever(void)
{
	for (;;) {
		(void)!symlinkat("../victim", place.root, "swap");
		(void)syscall(SYS_renameat2, place.root, "swap", place.root, "d", 2);
		(void)unlinkat(place.root, "swap", 0);
		(void)mkdirat(place.root, "swap", 0700);
		(void)syscall(SYS_renameat2, place.root, "swap", place.root, "d", 2);
		(void)unlinkat(place.root, "swap", AT_REMOVEDIR);
	}
}

/* H9: somebody exchanges a directory for a link out while we work in it. */
static void test_swapper(void **state)
{
	AUTO(buf) struct buf tar = BUF_INIT(TARMAKE_MAX);
	char name[32];
	pid_t pid;

	(void)state;
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "d/new%d", i % 7);
		tar_add(&tar, &(struct tar_entry){ '0', name, "x", 0777, 0, 0, 0, 0 });
		tar_add(&tar, &(struct tar_entry)F("e/other", "x"));
		tar_add(&tar, &(struct tar_entry){ '5', "d", NULL, 0711, 0, 0, 0, 0 });
		tar_add(&tar, &(struct tar_entry){ '0', "d/new", "x", 0777, 0, 0, 0, 0 });
	}
	tar_end(&tar);
	pid = fork();
	if (pid == 0)
		swap_for_ever();
	for (int i = 0; i < 30; i++) {
		struct err e = ERR_INIT;

		(void)!unpack(&tar, SNAP_STACKED, &e);
		check_victim();
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test_setup_teardown(test_opaque_mark, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_xattrs, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_metadata, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_recorded_owner, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_caps, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_record_caps, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_swapper, place_setup, place_teardown),
	};

	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
