#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/diff.h"
#include "lib/image/layertar.h"
#include "lib/image/stream.h"
#include "lib/image/unpack.h"

#define OLD 1000000000

/* How a tree is made: its letter, a type, a path, and a text. */
struct step {
	char tree;		/* u: the upper one; a, b: layers, a on top */
	char type;		/* f file, d directory, l link, h hard link to text,
				 * w whiteout, x the same as an xattr, o opaque,
				 * c the mode becomes text, a an xattr, n new time */
	const char *path;
	const char *text;
};

#define MAX_STEPS 14

struct test_case {
	const char *name;
	enum snap_form form;
	struct step steps[MAX_STEPS];
	const char *want;	/* "C/etc A/etc/x" */
};

static void old_times(int dirfd, const char *path)
{
	const struct timespec times[2] = { { .tv_sec = OLD }, { .tv_sec = OLD } };

	assert_int_equal(utimensat(dirfd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void put_file(int fd, const char *path, const char *text)
{
	AUTO_FD int file = openat(fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = text ? strlen(text) : 0;

	assert_true(file >= 0);
	assert_int_equal(write(file, text, len), (ssize_t)len);
}

static void put_xattr(int fd, const char *path, const char *name, const char *value)
{
	AUTO_FD int file = openat(fd, path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(fsetxattr(file, name, value, strlen(value), 0), 0);
}

static void take_step(int fd, const struct step *s)
{
	switch (s->type) {
	case 'f':
		put_file(fd, s->path, s->text);
		break;
	case 'd':
		assert_int_equal(mkdirat(fd, s->path, 0755), 0);
		break;
	case 'l':
		assert_int_equal(symlinkat(s->text, fd, s->path), 0);
		break;
	case 'h':
		assert_int_equal(linkat(fd, s->text, fd, s->path, 0), 0);
		break;
	case 'w':
		assert_int_equal(mknodat(fd, s->path, S_IFCHR, makedev(0, 0)), 0);
		break;
	case 'x':
		put_file(fd, s->path, NULL);
		put_xattr(fd, s->path, "user.overlay.whiteout", "y");
		break;
	case 'o':
		put_xattr(fd, s->path, "user.overlay.opaque", "y");
		break;
	case 'c':
		assert_int_equal(fchmodat(fd, s->path, (mode_t)strtoul(s->text, NULL, 8), 0), 0);
		break;
	case 'a':
		put_xattr(fd, s->path, "user.test", s->text);
		break;
	}
}

static void make_trees(const struct step *steps, const int fds[static 3])
{
	static const struct timespec newer[2] = { { .tv_sec = OLD + 1 }, { .tv_sec = OLD + 1 } };

	for (size_t i = 0; i < MAX_STEPS && steps[i].type; i++)
		take_step(fds[steps[i].tree == 'u' ? 0 : steps[i].tree - 'a' + 1], &steps[i]);
	for (size_t i = MAX_STEPS; i-- > 0;)
		if (steps[i].type && steps[i].type != 'n')
			old_times(fds[steps[i].tree == 'u' ? 0 : steps[i].tree - 'a' + 1],
				  steps[i].path);
	for (size_t i = 0; i < MAX_STEPS && steps[i].type; i++)
		if (steps[i].type == 'n')
			assert_int_equal(utimensat(fds[0], steps[i].path, newer, 0), 0);
}

static int note(void *arg, const struct diff_item *item, struct err *e UNUSED)
{
	struct buf *b = arg;
	struct stat st;

	buf_addf(b, "%s%c/%s", b->len ? " " : "", item->kind, item->path);
	if (item->kind != DIFF_DELETED) {
		assert_int_equal(fstatat(item->dirfd, item->base, &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_ino, item->st->st_ino);
	}
	return 0;
}

/* The changes as the tar of a layer, unpacked below root_fd. */
static void carry(const struct diff_opts *o, int root_fd)
{
	AUTO_FREE char *buf = mem_zero(STREAM_FD_BUF, 1);
	AUTO_FD int fd = open(dir_path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	AUTO(tarput) struct tarput *tar = NULL;
	struct stream_fd source = { .fd = fd, .buf = buf };
	const struct tarput_opts put = { .no_holes = true };
	const struct unpack_opts unpack = {
		.root_fd = root_fd, .form = o->form, .owners = UNPACK_OWNERS_RECORD,
	};
	struct unpack_stats stats;
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(tarput_open(&tar, fd, &put, &e), 0);
	assert_int_equal(diff_walk(o, layertar_put, tar, &e), 0);
	assert_int_equal(tarput_end(tar, &e), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if (unpack_tar(&stats, &unpack, stream_fd_read, &source, &e) < 0)
		fail_msg("unpack: %s", e.text);
}

static void expect(const struct test_case *t, const char *what, const struct diff_opts *o,
		   const char *want)
{
	AUTO(buf) struct buf got = BUF_INIT(KIB(64));
	struct err e = ERR_INIT;

	assert_int_equal(diff_walk(o, note, &got, &e), 0);
	if (!str_eq(got.data, want))
		fail_msg("%s, %s: got '%s', not '%s'", t->name, what, got.data, want);
}

/* A layer of the changes is the same changes again; applied to the tree below
 * it leaves none. */
static void check_carried(const struct test_case *t, const struct diff_opts *o, int top)
{
	AUTO_FD int copy = -1;
	struct diff_opts after = *o;

	if (t->form == SNAP_MERGED) {
		carry(o, o->lower_fds[0]);
		expect(t, "applied", o, "");
		return;
	}
	copy = openat(top, "copy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(copy >= 0);
	carry(o, copy);
	after.upper_fd = copy;
	expect(t, "as a layer", &after, t->want);
}

static void run(const struct test_case *t, const struct timespec *since)
{
	static const char *const names[] = { "upper", "a", "b", "copy" };
	AUTO_FD int top = open_dir();
	AUTO_FD int upper = -1, a = -1, b = -1;
	AUTO(strv) struct strv places = STRV_INIT;
	struct err e = ERR_INIT;
	struct diff_opts o;
	int fds[3];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(mkdirat(top, names[i], 0755), 0);
	fds[0] = upper = openat(top, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = a = openat(top, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[2] = b = openat(top, "b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_trees(t->steps, fds);
	strv_add(&places, "etc/hosts");
	strv_add(&places, "vol/deep");
	o = (struct diff_opts){
		.form = t->form, .upper_fd = upper, .lower_fds = fds + 1,
		.lower_count = t->form == SNAP_MERGED ? 1 : 2, .places = &places,
		.since = *since,
	};
	expect(t, "listed", &o, t->want);
	check_carried(t, &o, top);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(fs_rmtree(top, names[i], &e), 0);
}

static const struct test_case stacked[] = {
	{ "nothing", SNAP_STACKED, { { 'a', 'f', "x", "1" } }, "" },
	{ "added and changed", SNAP_STACKED,
	  { { 'b', 'f', "old", "1" }, { 'u', 'f', "old", "2" }, { 'u', 'd', "new", NULL },
	    { 'u', 'f', "new/x", "1" }, { 'u', 'd', "new/empty", NULL } },
	  "A/new A/new/empty A/new/x C/old" },
	{ "bytes decide the order, depth first", SNAP_STACKED,
	  { { 'u', 'd', "a", NULL }, { 'u', 'f', "a/z", "1" }, { 'u', 'f', "a-b", "1" },
	    { 'u', 'f', "B", "1" } },
	  "A/B A/a A/a/z A/a-b" },
	{ "removed", SNAP_STACKED,
	  { { 'a', 'd', "d", NULL }, { 'a', 'f', "d/x", "1" }, { 'b', 'd', "e", NULL },
	    { 'b', 'f', "e/y", "1" }, { 'u', 'w', "d", NULL }, { 'u', 'd', "e", NULL },
	    { 'u', 'w', "e/y", NULL }, { 'u', 'n', "e", NULL } },
	  "D/d C/e D/e/y" },
	{ "a whiteout of nothing is none", SNAP_STACKED,
	  { { 'u', 'w', "x", NULL }, { 'u', 'd', "d", NULL }, { 'u', 'w', "d/y", NULL } },
	  "A/d" },
	{ "whiteouts as attributes", SNAP_STACKED,
	  { { 'a', 'f', "x", "1" }, { 'u', 'x', "x", NULL }, { 'u', 'f', "empty", NULL } },
	  "A/empty D/x" },
	{ "layers hide from each other", SNAP_STACKED,
	  { { 'b', 'f', "x", "1" }, { 'a', 'w', "x", NULL }, { 'u', 'f', "x", "2" },
	    { 'b', 'f', "y", "1" }, { 'a', 'w', "y", NULL }, { 'u', 'w', "y", NULL } },
	  "A/x" },
	{ "an opaque directory", SNAP_STACKED,
	  { { 'a', 'd', "d", NULL }, { 'a', 'f', "d/gone", "1" }, { 'b', 'd', "d", NULL },
	    { 'b', 'f', "d/kept", "1" }, { 'a', 'd', "d/sub", NULL }, { 'a', 'f', "d/sub/x", "" },
	    { 'u', 'd', "d", NULL }, { 'u', 'f', "d/kept", "2" }, { 'u', 'f', "d/new", "1" },
	    { 'u', 'd', "d/sub", NULL }, { 'u', 'o', "d", NULL } },
	  "C/d D/d/gone C/d/kept A/d/new C/d/sub D/d/sub/x" },
	{ "a directory becomes a file", SNAP_STACKED,
	  { { 'a', 'd', "d", NULL }, { 'a', 'f', "d/x", "1" }, { 'u', 'f', "d", "1" } },
	  "C/d" },
	{ "a file becomes a directory", SNAP_STACKED,
	  { { 'a', 'f', "d", "1" }, { 'b', 'd', "d", NULL }, { 'b', 'f', "d/x", "1" },
	    { 'u', 'd', "d", NULL }, { 'u', 'f', "d/x", "1" }, { 'u', 'o', "d", NULL } },
	  "C/d A/d/x" },
	{ "and back, with a link", SNAP_STACKED,
	  { { 'b', 'f', "d", "1" }, { 'a', 'd', "d", NULL }, { 'a', 'f', "d/x", "1" },
	    { 'u', 'l', "d", "x" } },
	  "C/d" },
	{ "places of mounts", SNAP_STACKED,
	  { { 'a', 'd', "etc", NULL }, { 'u', 'd', "etc", NULL }, { 'u', 'f', "etc/hosts", NULL },
	    { 'u', 'n', "etc", NULL }, { 'u', 'd', "vol", NULL }, { 'u', 'd', "vol/deep", NULL } },
	  "" },
	{ "places of mounts with something in them", SNAP_STACKED,
	  { { 'a', 'd', "etc", NULL }, { 'u', 'd', "etc", NULL }, { 'u', 'f', "etc/hosts", "x" },
	    { 'u', 'd', "vol", NULL }, { 'u', 'd', "vol/deep", NULL },
	    { 'u', 'f', "vol/deep/x", NULL } },
	  "C/etc A/etc/hosts A/vol A/vol/deep A/vol/deep/x" },
	{ "directories by themselves", SNAP_STACKED,
	  { { 'a', 'd', "same", NULL }, { 'u', 'd', "same", NULL }, { 'a', 'd', "mode", NULL },
	    { 'u', 'd', "mode", NULL }, { 'u', 'c', "mode", "700" }, { 'a', 'd', "time", NULL },
	    { 'u', 'd', "time", NULL }, { 'u', 'n', "time", NULL }, { 'a', 'd', "x", NULL },
	    { 'u', 'd', "x", NULL }, { 'u', 'a', "x", "1" } },
	  "C/mode C/time C/x" },
	{ "the root", SNAP_STACKED, { { 'u', 'c', ".", "700" } }, "C/" },
	{ "marks of fuse-overlayfs", SNAP_STACKED_FUSE,
	  { { 'a', 'f', "x", "1" }, { 'u', 'f', ".wh.x", NULL }, { 'b', 'f', "y", "1" },
	    { 'u', 'w', "y", NULL }, { 'a', 'd', "d", NULL }, { 'a', 'f', "d/z", "1" },
	    { 'u', 'd', "d", NULL }, { 'u', 'f', "d/.wh..wh..opq", NULL },
	    { 'u', 'f', "d/new", NULL }, { 'u', 'f', ".wh.nothing", NULL } },
	  "C/d A/d/new D/d/z D/x D/y" },
};

static const struct test_case merged[] = {
	{ "nothing", SNAP_MERGED,
	  { { 'a', 'd', "d", NULL }, { 'a', 'f', "d/x", "1" }, { 'u', 'd', "d", NULL },
	    { 'u', 'f', "d/x", "1" } },
	  "" },
	{ "added, changed, removed", SNAP_MERGED,
	  { { 'a', 'd', "d", NULL }, { 'a', 'f', "d/x", "1" }, { 'a', 'f', "gone", "1" },
	    { 'a', 'd', "deep", NULL }, { 'a', 'f', "deep/y", "1" }, { 'u', 'd', "d", NULL },
	    { 'u', 'f', "d/x", "22" }, { 'u', 'f', "d/new", "1" } },
	  "C/d A/d/new C/d/x D/deep D/gone" },
	{ "by what is not the size", SNAP_MERGED,
	  { { 'a', 'l', "link", "x" }, { 'u', 'l', "link", "y" }, { 'a', 'f', "mode", "1" },
	    { 'u', 'f', "mode", "1" }, { 'u', 'c', "mode", "600" }, { 'a', 'f', "time", "1" },
	    { 'u', 'f', "time", "1" }, { 'u', 'n', "time", NULL }, { 'a', 'f', "xattr", "1" },
	    { 'u', 'f', "xattr", "1" }, { 'u', 'a', "xattr", "1" }, { 'a', 'f', "type", "1" },
	    { 'u', 'd', "type", NULL } },
	  "C/link C/mode C/time C/type C/xattr" },
	{ "a new name of an old file", SNAP_MERGED,
	  { { 'a', 'f', "one", "1" }, { 'u', 'f', "one", "1" }, { 'u', 'h', "two", "one" } },
	  "C/one A/two" },
	{ "a name less", SNAP_MERGED,
	  { { 'a', 'f', "one", "1" }, { 'a', 'h', "two", "one" }, { 'u', 'f', "one", "1" } },
	  "D/two" },
	{ "what overlays would see is a file", SNAP_MERGED,
	  { { 'u', 'x', "x", NULL } },
	  "A/x" },
};

static void stacked_trees(void **state UNUSED)
{
	const struct timespec never = { .tv_sec = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(stacked); i++)
		run(&stacked[i], &never);
}

static void merged_trees(void **state UNUSED)
{
	const struct timespec never = { .tv_sec = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(merged); i++)
		run(&merged[i], &never);
}

/* What layers carry beside names: attributes, owners on record, holes, times. */
static void make_rich_tree(int fd)
{
	const struct timespec fraction[2] = { { .tv_sec = 1 }, { -5, 123456789 } };
	char name[256], path[4 * 256] = "";
	AUTO_FD int sparse = -1;

	memset(name, 'n', 255);
	name[255] = '\0';
	for (int i = 0; i < 3; i++) {
		if (i)
			strcat(path, "/");
		strcat(path, name);
		assert_int_equal(mkdirat(fd, path, 0755), 0);
	}
	put_file(fd, "attributes", "x");
	put_xattr(fd, "attributes", "user.test", "kept");
	put_xattr(fd, "attributes", "user.overlay.origin", "ours");
	put_xattr(fd, "attributes", "user.overlay.overlay.x", "kept");
	put_file(fd, "null", NULL);
	put_xattr(fd, "null", "user.containers.override_stat", "7:8:0666:char-1-3");
	put_file(fd, "owned", "x");
	put_xattr(fd, "owned", "user.containers.override_stat", "1000:42:0644");
	put_file(fd, "time", "x");
	assert_int_equal(utimensat(fd, "time", fraction, 0), 0);
	assert_int_equal(symlinkat(path, fd, "link"), 0);
	assert_int_equal(linkat(fd, "link", fd, "link2", 0), 0);
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(mknodat(fd, "socket", S_IFSOCK | 0600, 0), 0);
	sparse = openat(fd, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(sparse, 5 << 20), 0);
	assert_int_equal(pwrite(sparse, "x", 1, 2 << 20), 1);
	fd_auto(&sparse);
	sparse = openat(fd, "hole", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(sparse, 5 << 20), 0);
}

static void check_xattr(int fd, const char *path, const char *name, const char *want)
{
	AUTO_FD int file = openat(fd, path, O_RDONLY | O_CLOEXEC);
	char value[64] = "";

	assert_true(file >= 0);
	assert_int_equal(fgetxattr(file, name, value, sizeof(value) - 1) < 0, !want);
	if (want)
		assert_string_equal(value, want);
}

static void rich_tree(void **state UNUSED)
{
	AUTO_FD int top = open_dir();
	AUTO_FD int upper = -1, copy = -1;
	struct strv none = STRV_INIT;
	struct diff_opts o = { .form = SNAP_STACKED, .places = &none };
	struct stat st, other;

	assert_int_equal(mkdirat(top, "upper", 0755), 0);
	assert_int_equal(mkdirat(top, "copy", 0755), 0);
	o.upper_fd = upper = openat(top, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	copy = openat(top, "copy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_rich_tree(upper);
	carry(&o, copy);

	check_xattr(copy, "attributes", "user.test", "kept");
	check_xattr(copy, "attributes", "user.overlay.origin", NULL);
	assert_int_equal(fstatat(copy, "time", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, -5);
	assert_int_equal(st.st_mtim.tv_nsec, 0);
	assert_int_equal(fstatat(copy, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(copy, "link2", &other, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_ino, other.st_ino);
	assert_int_equal(st.st_size, 3 * 256 - 1);
	assert_int_equal(fstatat(copy, "fifo", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(fstatat(copy, "socket", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(copy, "sparse", &st, 0), 0);
	assert_int_equal(st.st_size, 5 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(fstatat(copy, "hole", &st, 0), 0);
	assert_int_equal(st.st_size, 5 << 20);
	assert_true(st.st_blocks * 512 < 1 << 16);
}

/* In a store with a single id, what was recorded is told, and recorded again. */
static void recorded_owners(void **state UNUSED)
{
	AUTO_FREE char *buf = mem_zero(STREAM_FD_BUF, 1);
	AUTO_FD int top = open_dir();
	AUTO_FD int fd = open(dir_path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	AUTO_FD int upper = -1, copy = -1;
	AUTO(tarput) struct tarput *tar = NULL;
	struct strv none = STRV_INIT;
	const struct tarput_opts put = { .recorded = true };
	struct diff_opts o = { .form = SNAP_STACKED, .places = &none };
	struct stream_fd source = { .fd = fd, .buf = buf };
	struct unpack_opts unpack = { .form = SNAP_STACKED, .owners = UNPACK_OWNERS_RECORD };
	struct unpack_stats stats;
	struct err e = ERR_INIT;

	assert_int_equal(mkdirat(top, "upper", 0755), 0);
	assert_int_equal(mkdirat(top, "copy", 0755), 0);
	o.upper_fd = upper = openat(top, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unpack.root_fd = copy = openat(top, "copy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_rich_tree(upper);
	assert_int_equal(tarput_open(&tar, fd, &put, &e), 0);
	assert_int_equal(diff_walk(&o, layertar_put, tar, &e), 0);
	assert_int_equal(tarput_end(tar, &e), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(unpack_tar(&stats, &unpack, stream_fd_read, &source, &e), 0);
	check_xattr(copy, "owned", "user.containers.override_stat", "1000:42:0644");
	if (geteuid())
		check_xattr(copy, "null", "user.containers.override_stat",
			    "7:8:0644:char-1-3");
}

static void names_of_whiteouts(void **state UNUSED)
{
	AUTO_FD int top = open_dir();
	AUTO_FD int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	AUTO(tarput) struct tarput *tar = NULL;
	struct strv none = STRV_INIT;
	const struct tarput_opts put = { .no_holes = true };
	const struct diff_opts o = { .form = SNAP_MERGED, .upper_fd = top, .places = &none };
	struct err e = ERR_INIT;

	assert_int_equal(mkdirat(top, "d", 0755), 0);
	put_file(top, "d/.wh.x", NULL);
	assert_int_equal(tarput_open(&tar, null, &put, &e), 0);
	assert_int_equal(diff_walk(&o, layertar_put, tar, &e), -ENOTSUP);
	assert_true(str_starts(e.text, "'/d/.wh.x': "));
}

/* Equal in all but content: seen when the file was touched since. */
static void content_in_doubt(void **state UNUSED)
{
	const struct timespec past = { .tv_sec = 0 }, future = { .tv_sec = INT32_MAX };
	struct test_case t = {
		"content", SNAP_MERGED,
		{ { 'a', 'f', "x", "1" }, { 'u', 'f', "x", "2" }, { 'a', 'f', "y", "1" },
		  { 'u', 'f', "y", "1" } },
		"C/x",
	};

	run(&t, &past);
	t.want = "";
	run(&t, &future);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stacked_trees, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(merged_trees, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(content_in_doubt, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(rich_tree, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(recorded_owners, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(names_of_whiteouts, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
