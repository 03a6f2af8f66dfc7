#include "lib/fmt/imgconf.h"

#include <stdio.h>

#include "lib/base/limits.h"
#include "tests/unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\","
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX64 "\"]}"

static const char full[] =
	"{\"created\":\"2026-01-31T12:00:00Z\",\"author\":\"me\"," HEAD
	"\"config\":{\"User\":\"1000:100\",\"ExposedPorts\":{\"80/tcp\":{}},"
	"\"Env\":[\"PATH=/bin\",\"KEY=a\\nb=c\"],\"Entrypoint\":[],\"Cmd\":[\"sh\"],"
	"\"Volumes\":{\"/data\":{}},\"WorkingDir\":\"/w\",\"Labels\":{\"a\":\"x\\ny\","
	"\"io.coracle.x\":\"1\"},\"StopSignal\":\"SIGINT\",\"Shell\":[\"/bin/sh\",\"-c\"],"
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":30000000000,\"Retries\":3}},"
	ROOTFS ",\"history\":[{\"created\":\"2026\",\"created_by\":\"RUN x\","
	"\"author\":\"a\",\"comment\":\"c\",\"empty_layer\":true},{}]}";

static void both_ways(void **state)
{
	AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
	AUTO(imgconf) struct imgconf copy = IMGCONF_INIT;
	AUTO(buf) struct buf b = BUF_INIT(MAX_IMGCONF);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(imgconf_parse(&c, full, strlen(full), &e), 0);
	assert_true(c.run.has_entrypoint);
	assert_int_equal(c.run.entrypoint.len, 0);
	assert_true(c.run.has_cmd);
	assert_int_equal(c.run.health.interval_ns, 30000000000);
	assert_int_equal(c.diff_count, 1);
	assert_int_equal(c.history_count, 2);
	imgconf_print(&c, &b);
	assert_string_equal(b.data, full);
	imgconf_copy(&copy, &c);
	buf_reset(&b);
	imgconf_print(&copy, &b);
	assert_string_equal(b.data, full);
	assert_int_equal(imgconf_drop_reserved(&copy), 1);
	assert_int_equal(copy.run.labels.len, 1);
	assert_string_equal(copy.run.labels.v[0], "a=x\ny");
}

static void takes_what_docker_writes(void **state)
{
	static const char text[] =
		"{" HEAD "\"config\":{\"User\":\"\",\"Env\":null,\"Entrypoint\":null,"
		"\"Cmd\":null,\"Volumes\":null,\"Labels\":null,\"OnBuild\":null,"
		"\"ArgsEscaped\":true,\"AttachStdin\":false,\"Image\":\"sha256:x\"},"
		"\"container\":\"x\",\"container_config\":{},\"docker_version\":\"20\","
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null},\"history\":null}";
	AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(imgconf_parse(&c, text, strlen(text), &e), 0);
	assert_null(c.run.user);
	assert_false(c.run.has_entrypoint);
	assert_false(c.run.has_cmd);
	assert_false(c.run.health.is_set);
}

static void refuses(void **state)
{
	static const char *const members[] = {
		"\"User\":\"a\\nb\"", "\"User\":\"a\\u001b\"", "\"User\":1",
		"\"WorkingDir\":\"/a\\r\"", "\"Volumes\":{\"/a\\n\":{}}",
		"\"ExposedPorts\":{\"80\\t\":{}}", "\"StopSignal\":\"\\u007f\"",
		"\"Env\":[\"A\\nB=c\"]", "\"Env\":\"A=b\"", "\"Env\":[1]",
		"\"Env\":[\"A=\\u0000\"]", "\"Cmd\":\"sh\"", "\"Labels\":{\"a\":1}",
		"\"Labels\":{\"a=b\":\"c\"}", "\"Labels\":[]",
		"\"Healthcheck\":{\"Interval\":-1}", "\"Healthcheck\":{\"Retries\":1e9}",
		"\"User\":\"a\",\"User\":\"b\"",
	};
	static const char *const texts[] = {
		"", "[]", "{}", "{" ROOTFS "}", "{\"os\":\"linux\"," ROOTFS "}",
		"{" HEAD "\"config\":{}}", "{" HEAD "\"rootfs\":{\"type\":\"x\",\"diff_ids\":[]}}",
		"{" HEAD "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:x\"]}}",
		"{" HEAD "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}",
		"{" HEAD ROOTFS ",\"history\":[1]}",
		"{" HEAD ROOTFS ",\"history\":[{\"empty_layer\":\"yes\"}]}",
		"{\"os\":\"li\\nnux\",\"architecture\":\"amd64\"," ROOTFS "}",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct imgconf c = IMGCONF_INIT;
		struct err e = ERR_INIT;

		snprintf(text, sizeof(text), "{" HEAD ROOTFS ",\"config\":{%s}}", members[i]);
		if (imgconf_parse(&c, text, strlen(text), &e) >= 0)
			fail_msg("%s was taken", members[i]);
		assert_ptr_equal(strstr(e.text, "image configuration: "), e.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct imgconf c = IMGCONF_INIT;
		struct err e = ERR_INIT;

		if (imgconf_parse(&c, texts[i], strlen(texts[i]), &e) >= 0)
			fail_msg("%s was taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(takes_what_docker_writes),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("imgconf", tests, NULL, NULL);
}
