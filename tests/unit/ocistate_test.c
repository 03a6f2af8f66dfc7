#include "lib/fmt/ocistate.h"
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/spec.h"

static void fill(struct oci_state *s)
{
	oci_state_init(s);
	s->id = mem_str("a");
	s->bundle = mem_str("/b");
	s->rootfs = mem_str("/b/rootfs");
	strv_add(&s->annotations, "k=v=w");
	s->init.pid = 42;
	s->init.start = UINT64_MAX;
	(void)str_copy(s->init.boot, sizeof(s->init.boot), "boot");
	s->created_ns = 1700000000123456789;
	s->owner = 1000;
	s->cgroup = mem_str("/c");
}

static void round_trip(void **state)
{
	AUTO(buf) struct buf one = BUF_INIT(KIB(4)), two = BUF_INIT(KIB(4));
	AUTO(oci_state) struct oci_state s, again;
	struct err e = ERR_INIT;

	(void)state;
	fill(&s);
	oci_state_init(&again);
	oci_state_print(&s, &one);
	assert_int_equal(oci_state_parse(&again, one.data, one.len, &e), 0);
	oci_state_print(&again, &two);
	assert_string_equal(one.data, two.data);
	assert_string_equal(again.annotations.v[0], "k=v=w");
	assert_true(again.init.start == UINT64_MAX);
	assert_null(again.scope);
}

static void told(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(4)), behind = BUF_INIT(KIB(4));
	AUTO(oci_state) struct oci_state s;

	(void)state;
	fill(&s);
	oci_state_tell(&s, "running", &text);
	assert_non_null(strstr(text.data, "\"pid\": 42"));
	assert_non_null(strstr(text.data, "2023-11-14T22:13:20.123456789Z"));
	buf_reset(&text);
	oci_state_tell(&s, "stopped", &text);
	assert_non_null(strstr(text.data, "\"pid\": 0"));
	buf_reset(&text);
	oci_state_halves(&s, &text, &behind);
	assert_string_equal(text.data, "\"ociVersion\":\"" OCI_VERSION "\",\"id\":\"a\",");
	assert_string_equal(behind.data, ",\"bundle\":\"/b\",\"annotations\":{\"k\":\"v=w\"}}");
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "state.json" },
		{ "[]", "state.json" },
		{ "{\"id\":\"a\"}", "bundle" },
		{ "{\"id\":1,\"bundle\":\"/b\"}", "id" },
		{ "{\"id\":\"a\",\"bundle\":\"/\",\"rootfs\":\"/\",\"pid\":-1}", "pid" },
		{ "{\"id\":\"a\",\"bundle\":\"/\",\"rootfs\":\"/\",\"pid\":1,\"start\":1,\"boot\":"
		  "\"0123456789012345678901234567890123456789\"}", "boot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(oci_state) struct oci_state s;
		struct err e = ERR_INIT;

		oci_state_init(&s);
		assert_int_equal(oci_state_parse(&s, rows[i].text, strlen(rows[i].text), &e),
				 -EINVAL);
		assert_non_null(strstr(e.text, rows[i].words));
		assert_null(s.id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(told),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("ocistate", tests, NULL, NULL);
}
