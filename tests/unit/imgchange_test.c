#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/imgchange.h"

static void put_list(struct buf *b, const char *key, const struct strv *list)
{
	for (size_t i = 0; i < list->len; i++)
		buf_addf(b, "%s%s%s", i ? "|" : key, i ? "" : "=", list->v[i]);
	if (list->len)
		buf_addc(b, ';');
}

static void put_text(struct buf *b, const char *key, const char *text)
{
	if (text)
		buf_addf(b, "%s=%s;", key, text);
}

/* What is set, in one line. */
static void show(struct buf *b, const struct imgconf_run *r)
{
	put_list(b, "cmd", &r->cmd);
	put_list(b, "entry", &r->entrypoint);
	put_list(b, "env", &r->env);
	put_list(b, "port", &r->exposed_ports);
	put_list(b, "label", &r->labels);
	put_list(b, "volume", &r->volumes);
	put_text(b, "user", r->user);
	put_text(b, "dir", r->working_dir);
	put_text(b, "signal", r->stop_signal);
}

static void good(void **state UNUSED)
{
	static const struct {
		const char *changes[4];
		const char *want;
	} cases[] = {
		{ { "CMD [\"a\", \"b c\"]" }, "cmd=a|b c;" },
		{ { "cmd a b" }, "cmd=/bin/sh|-c|a b;" },
		{ { "CMD=[\"a\"]" }, "cmd=a;" },
		{ { "CMD []" }, "" },
		{ { "ENTRYPOINT [\"e\"]" }, "entry=e;" },
		{ { "CMD x", "ENTRYPOINT [\"e\"]" }, "cmd=/bin/sh|-c|x;entry=e;" },
		{ { "ENTRYPOINT [\"e\"]", "CMD [\"x\"]" }, "cmd=x;entry=e;" },
		{ { "ENV A=1 B='two words' C=\"x \\\" y\" D=a\\ b E=" },
		  "env=A=1|B=two words|C=x \" y|D=a b|E=;" },
		{ { "ENV A one two = three" }, "env=A=one two = three;" },
		{ { "ENV A=1", "ENV A=2" }, "env=A=2;" },
		{ { "  LABEL\tx=1 y=\"a b\"  " }, "label=x=1|y=a b;" },
		{ { "EXPOSE 80 53/udp 8000-8001", "EXPOSE 80/tcp" },
		  "port=80/tcp|53/udp|8000/tcp|8001/tcp;" },
		{ { "VOLUME /a /b", "VOLUME [\"/c d\", \"/a\"]" }, "volume=/a|/b|/c d;" },
		{ { "USER 1000:app", "STOPSIGNAL SIGINT" }, "user=1000:app;signal=SIGINT;" },
		{ { "WORKDIR /a/", "WORKDIR b/../c" }, "dir=/a/c;" },
		{ { "WORKDIR rel" }, "dir=/rel;" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
		AUTO(strv) struct strv changes = STRV_INIT;
		AUTO(buf) struct buf got = BUF_INIT(KIB(4));
		struct err e = ERR_INIT;

		for (size_t j = 0; j < 4 && cases[i].changes[j]; j++)
			strv_add(&changes, cases[i].changes[j]);
		if (imgchange_apply(&c.run, &changes, &e) < 0)
			fail_msg("'%s': %s", cases[i].changes[0], e.text);
		show(&got, &c.run);
		if (!str_eq(got.data, cases[i].want))
			fail_msg("'%s' gave '%s'", cases[i].changes[0], got.data);
	}
}

static void entrypoint_ends_the_images_command(void **state UNUSED)
{
	AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
	AUTO(strv) struct strv changes = STRV_INIT;
	struct err e = ERR_INIT;

	strv_add(&c.run.cmd, "old");
	strv_add(&c.run.shell, "/bin/bash");
	strv_add(&changes, "ENTRYPOINT run it");
	assert_int_equal(imgchange_apply(&c.run, &changes, &e), 0);
	assert_int_equal(c.run.cmd.len, 0);
	assert_int_equal(c.run.entrypoint.len, 2);
	assert_string_equal(c.run.entrypoint.v[0], "/bin/bash");
}

static void bad(void **state UNUSED)
{
	static const char *const cases[] = {
		"", "CMD", "RUN true", "FROM x", "CMDX a", "CMD [\"a\"", "CMD [1]", "CMD [\"a\"] b",
		"ENV A", "ENV =x", "ENV A=\"x", "ENV A=1 B", "EXPOSE x", "EXPOSE 0", "EXPOSE 80/x",
		"LABEL 'x", "USER ", "VOLUME [",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
		AUTO(strv) struct strv changes = STRV_INIT;
		struct err e = ERR_INIT;

		strv_add(&changes, cases[i]);
		if (imgchange_apply(&c.run, &changes, &e) != -EINVAL)
			fail_msg("'%s' was taken", cases[i]);
		assert_true(str_starts(e.text, "change '"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(entrypoint_ends_the_images_command),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
