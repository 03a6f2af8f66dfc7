#include "lib/runtime/checkpoint.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void refused(void **state)
{
	static const struct {
		const char *json, *words;	/* NULL: it can be saved */
	} rows[] = {
		{ "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"terminal\":true}",
		  "process.terminal" },
		{ "\"hooks\":{\"poststop\":[{\"path\":\"/h\"}]}", NULL },
		{ "\"hooks\":{\"createContainer\":[{\"path\":\"/h\"}]}", "hooks.createContainer" },
		{ "\"hooks\":{\"poststart\":[{\"path\":\"/h\"}]}", "hooks.poststart" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"},"
		  "{\"type\":\"pid\"}]}", NULL },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/n\"}]}",
		  "a pid namespace that is joined" },
		{ "\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}", "a user namespace" },
		{ "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}", NULL },
		{ "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		  "\"listenerPath\":\"/l\",\"syscalls\":[{\"names\":[\"mkdir\"],"
		  "\"action\":\"SCMP_ACT_NOTIFY\"}]}}", "linux.seccomp.listenerPath" },
		{ "\"mounts\":[{\"destination\":\"/d\",\"source\":\"/s\",\"options\":[\"rbind\"]}]",
		  NULL },
		{ "\"mounts\":[{\"destination\":\"/d\",\"source\":\"/s\","
		  "\"options\":[\"rbind\",\"idmap\"]}]", "mount '/d'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(spec) struct spec s;
		struct err e = ERR_INIT;
		char text[1024];
		bool has_process = strstr(rows[i].json, "\"process\"");
		int len = snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.0\",%s%s}",
				   has_process ? "" : "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]},",
				   rows[i].json);
		int r;

		spec_init(&s);
		assert_int_equal(spec_parse(&s, text, (size_t)len, &e), 0);
		r = rt_check_saved(&s, &e);
		assert_int_equal(r, rows[i].words ? -EOPNOTSUPP : 0);
		if (rows[i].words)
			assert_non_null(strstr(e.text, rows[i].words));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("runtime_checkpoint", tests, NULL, NULL);
}
