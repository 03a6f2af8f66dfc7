#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"

typedef int parse_fn(struct mount_opt *out, const char *text, struct err *e);

/* All that differs from the defaults, in one line. */
static void describe(const struct mount_opt *m, struct buf *b)
{
	buf_addf(b, "%s %s %s", mount_kind_name(m->kind), str_or(m->source, "-"),
		 m->target);
	if (m->read_only)
		buf_adds(b, " ro");
	if (m->flags & MOUNT_NOEXEC)
		buf_adds(b, " noexec");
	if (m->flags & MOUNT_NOSUID)
		buf_adds(b, " nosuid");
	if (m->flags & MOUNT_NODEV)
		buf_adds(b, " nodev");
	if (m->propagation)
		buf_addf(b, " %s", mount_propagation_name(m->propagation));
	if (m->not_recursive)
		buf_adds(b, " flat");
	if (m->make_source)
		buf_adds(b, " make");
	if (m->chown)
		buf_adds(b, " chown");
	if (m->overlay)
		buf_adds(b, " overlay");
	if (m->relabel)
		buf_adds(b, " relabel");
	if (m->no_copy)
		buf_adds(b, " nocopy");
	if (m->size)
		buf_addf(b, " size=%llu", (unsigned long long)m->size);
	if (m->mode != MOUNT_MODE_UNSET)
		buf_addf(b, " mode=%o", m->mode);
	if (m->uid != MOUNT_ID_UNSET)
		buf_addf(b, " uid=%u", m->uid);
	if (m->gid != MOUNT_ID_UNSET)
		buf_addf(b, " gid=%u", m->gid);
}

static const struct {
	parse_fn *parse;
	const char *text;
	const char *want;		/* or part of the error */
	bool refused;
} cases[] = {
	{ mount_parse_volume, "/a:/b", "bind /a /b make", false },
	{ mount_parse_volume, "./a:/b:ro", "bind ./a /b ro make", false },
	{ mount_parse_volume, "..:/b:", "bind .. /b make", false },
	{ mount_parse_volume, "vol:/b//c/./d/../e/", "volume vol /b/c/e", false },
	{ mount_parse_volume, "/b", "volume - /b", false },
	{ mount_parse_volume, "/a:/b:rw,z,U,rslave,noexec,nodev,nosuid",
	  "bind /a /b noexec nosuid nodev rslave make chown relabel", false },
	{ mount_parse_volume, "/a:/b:O,Z", "bind /a /b make overlay relabel", false },
	{ mount_parse_volume, "/a:/b:bind,private", "bind /a /b private flat make", false },
	{ mount_parse_volume, "/a:/b:noexec,exec,ro,rw,cached", "bind /a /b make", false },
	{ mount_parse_volume, "v:/b:nocopy,ro", "volume v /b ro nocopy", false },
	{ mount_parse_volume, "/a:/b:nocopy", "'nocopy'", true },
	{ mount_parse_volume, "v:/b:shared", "'shared'", true },
	{ mount_parse_volume, "v:/b:rbind", "'rbind'", true },
	{ mount_parse_volume, "/a:/b:wat", "unknown option 'wat'", true },
	{ mount_parse_volume, "/a:/b:size=1", "unknown option 'size'", true },
	{ mount_parse_volume, "/a:/b:ro:rw", "colons", true },
	{ mount_parse_volume, "/a:b", "absolute", true },
	{ mount_parse_volume, "/a:ro", "absolute", true },
	{ mount_parse_volume, "/a:/", "'/'", true },
	{ mount_parse_volume, "/a:/b/..", "'/'", true },
	{ mount_parse_volume, ":/b", "source is empty", true },
	{ mount_parse_volume, "/a:", "absolute", true },
	{ mount_parse_volume, "", "absolute", true },
	{ mount_parse_volume, "v/w:/b", "not the name of a volume", true },
	{ mount_parse_volume, "-v:/b", "not the name of a volume", true },

	{ mount_parse_mount, "type=bind,source=/a,target=/b", "bind /a /b", false },
	{ mount_parse_mount, "type=bind,src=a,dst=/b,readonly", "bind a /b ro", false },
	{ mount_parse_mount, "target=/b,src=v,volume-nocopy", "volume v /b nocopy", false },
	{ mount_parse_mount, "type=volume,destination=/b,readonly=true",
	  "volume - /b ro", false },
	{ mount_parse_mount, "type=volume,dst=/b,ro=1,readonly=false,volume-nocopy=false",
	  "volume - /b", false },
	{ mount_parse_mount, "readonly,dst=/b,type=tmpfs,tmpfs-size=1m,tmpfs-mode=700,exec",
	  "tmpfs - /b ro nosuid nodev size=1048576 mode=700", false },
	{ mount_parse_mount, "type=bind,\"src=/a,\"\"b\",dst=/b", "bind /a,\"b /b", false },
	{ mount_parse_mount, "type=bind,src=/a=b,dst=/b,bind-propagation=rshared",
	  "bind /a=b /b rshared", false },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,bind-recursive=disabled,consistency=cached",
	  "bind /a /b flat", false },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,rw=false", "bind /a /b ro", false },
	{ mount_parse_mount, "type=bind,dst=/b", "no source", true },
	{ mount_parse_mount, "type=bind,src=/a", "no target", true },
	{ mount_parse_mount, "", "unknown option ''", true },
	{ mount_parse_mount, "type=npipe,src=/a,dst=/b", "'npipe'", true },
	{ mount_parse_mount, "type=tmpfs,src=/a,dst=/b", "no source", true },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,tmpfs-size=1", "'tmpfs-size'", true },
	{ mount_parse_mount, "type=tmpfs,dst=/b,volume-nocopy", "'volume-nocopy'", true },
	{ mount_parse_mount, "type=tmpfs,dst=/b,bind-propagation=shared", "'shared'", true },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,bind-propagation=x", "'x'", true },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,volume-driver=x", "'volume-driver'", true },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,readonly=maybe", "'maybe'", true },
	{ mount_parse_mount, "type=bind,src=/a,dst=/b,dst=/c", "more than one target", true },
	{ mount_parse_mount, "type=bind,src=/a,src=/c,dst=/b", "more than one source", true },
	{ mount_parse_mount, "\"type=bind", "not closed", true },
	{ mount_parse_mount, "\"type=bind\"x,dst=/b", "behind a closing quote", true },
	{ mount_parse_mount, "type=\"bind\"", "quote inside", true },
	{ mount_parse_mount, "type=tmpfs,dst=/b,tmpfs-size=lots", "size", true },
	{ mount_parse_mount, "type=tmpfs,dst=/b,tmpfs-mode=999", "mode", true },

	{ mount_parse_tmpfs, "/t", "tmpfs - /t noexec nosuid nodev", false },
	{ mount_parse_tmpfs, "/t:rw,exec,suid,dev,size=64k,mode=1777,uid=5,gid=6",
	  "tmpfs - /t size=65536 mode=1777 uid=5 gid=6", false },
	{ mount_parse_tmpfs, "/t:ro", "tmpfs - /t ro noexec nosuid nodev", false },
	{ mount_parse_tmpfs, "/t:z", "'z'", true },
	{ mount_parse_tmpfs, "/t:huge=always", "'huge'", true },
	{ mount_parse_tmpfs, "/t:shared", "'shared'", true },
	{ mount_parse_tmpfs, "/t:uid=4294967295", "uid", true },
	{ mount_parse_tmpfs, "t", "absolute", true },
	{ mount_parse_tmpfs, "/", "'/'", true },
};

static void test_cases(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(mount_opt) struct mount_opt m = MOUNT_OPT_INIT;
		AUTO(buf) struct buf b = BUF_INIT(1000);
		struct err e = ERR_INIT;
		int r = cases[i].parse(&m, cases[i].text, &e);

		if (cases[i].refused) {
			assert_int_equal(r, -e.code);
			assert_true(r < 0);
			assert_null(m.target);
			if (!strstr(e.text, cases[i].want))
				fail_msg("'%s': '%s'", cases[i].text, e.text);
			continue;
		}
		if (r < 0)
			fail_msg("'%s': %s", cases[i].text, e.text);
		describe(&m, &b);
		assert_string_equal(b.data, cases[i].want);
	}
}

static void test_clean(void **state UNUSED)
{
	static const char *const paths[][2] = {
		{ "/", "/" }, { "//", "/" }, { "/a", "/a" }, { "/a/", "/a" },
		{ "/../..", "/" }, { "/a/../../b", "/b" }, { "/./a/.", "/a" },
		{ "/a/b/..", "/a" }, { "/..a/.b/...", "/..a/.b/..." },
		{ "/a//../b", "/b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		AUTO_FREE char *clean = mount_clean_path(paths[i][0]);
		AUTO_FREE char *again = mount_clean_path(clean);

		assert_string_equal(clean, paths[i][1]);
		assert_string_equal(again, clean);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests_name("mountopt", tests, NULL, NULL);
}
