#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/image/diff.h"

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
	for (size_t i = 0; i < MAX_STEPS && steps[i].type; i++)
		take_step(fds[steps[i].tree == 'u' ? 0 : steps[i].tree - 'a' + 1], &steps[i]);
	for (size_t i = MAX_STEPS; i-- > 0;)
		if (steps[i].type && steps[i].type != 'n')
			old_times(fds[steps[i].tree == 'u' ? 0 : steps[i].tree - 'a' + 1],
				  steps[i].path);
	for (size_t i = 0; i < MAX_STEPS && steps[i].type; i++)
		if (steps[i].type == 'n')
			assert_int_equal(utimensat(fds[0], steps[i].path, NULL, 0), 0);
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

static void run(const struct test_case *t, const struct timespec *since)
{
	static const char *const names[] = { "upper", "a", "b" };
	AUTO_FD int top = open_dir();
	AUTO_FD int upper = -1, a = -1, b = -1;
	AUTO(strv) struct strv places = STRV_INIT;
	AUTO(buf) struct buf got = BUF_INIT(KIB(64));
	struct err e = ERR_INIT;
	struct diff_opts o;
	int fds[3];

	for (size_t i = 0; i < 3; i++)
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
	assert_int_equal(diff_walk(&o, note, &got, &e), 0);
	if (!str_eq(got.data, t->want))
		fail_msg("%s: got '%s', not '%s'", t->name, got.data, t->want);
	for (size_t i = 0; i < 3; i++)
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
	  { { 'u', 'x', "x", NULL }, { 'u', 'f', ".wh.y", NULL } },
	  "A/.wh.y A/x" },
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
