#include "lib/fmt/platform.h"

#include "lib/base/limits.h"
#include "tests/unit/test.h"

static const struct platform host = { .os = (char *)"linux", .arch = (char *)"amd64" };

static void parses(void **state)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{ "linux/amd64", "linux/amd64" },
		{ "linux/x86_64", "linux/amd64" },
		{ "Linux/AARCH64", "linux/arm64" },
		{ "linux/arm64/v8", "linux/arm64" },
		{ "linux/arm64/8", "linux/arm64" },
		{ "linux/arm", "linux/arm/v7" },
		{ "linux/arm/v6", "linux/arm/v6" },
		{ "armhf", "linux/arm/v7" },
		{ "armel", "linux/arm/v6" },
		{ "i686", "linux/386" },
		{ "linux", "linux/amd64" },
		{ "windows", "windows/amd64" },
		{ "amd64", "linux/amd64" },
		{ "linux/amd64/v1", "linux/amd64" },
		{ "linux/amd64/v3", "linux/amd64/v3" },
		{ "macos/arm64", "darwin/arm64" },
	};
	static const char *const bad[] = {
		"", "/", "a/", "/a", "a/b/c/d", "a b", "linux/am\nd", "a//b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(platform) struct platform p = PLATFORM_INIT;
		AUTO(buf) struct buf b = BUF_INIT(KIB(1));
		struct err e = ERR_INIT;

		assert_int_equal(platform_parse(&p, cases[i].text, &host, &e), 0);
		platform_print(&p, &b);
		assert_string_equal(b.data, cases[i].printed);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct platform p = PLATFORM_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(platform_parse(&p, bad[i], &host, &e), -EINVAL);
	}
}

static void names_the_host(void **state)
{
	AUTO(platform) struct platform p = PLATFORM_INIT;
	AUTO(buf) struct buf b = BUF_INIT(KIB(1));

	(void)state;
	platform_host(&p, "Linux", "armv6l");
	platform_print(&p, &b);
	assert_string_equal(b.data, "linux/arm/v6");
}

static int match(const char *want, const char *have)
{
	AUTO(platform) struct platform w = PLATFORM_INIT;
	AUTO(platform) struct platform h = PLATFORM_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(platform_parse(&w, want, &host, &e), 0);
	assert_int_equal(platform_parse(&h, have, &host, &e), 0);
	return platform_match(&w, &h);
}

static void ranks(void **state)
{
	(void)state;
	assert_true(match("linux/amd64", "linux/amd64") > 0);
	assert_int_equal(match("linux/amd64", "linux/arm64"), 0);
	assert_int_equal(match("linux/amd64", "windows/amd64"), 0);
	assert_true(match("linux/arm/v7", "linux/arm/v7") > match("linux/arm/v7", "linux/arm/v6"));
	assert_true(match("linux/arm/v7", "linux/arm/v6") > match("linux/arm/v7", "linux/arm/v5"));
	assert_true(match("linux/arm/v7", "linux/arm/v5") > 0);
	assert_int_equal(match("linux/arm/v6", "linux/arm/v7"), 0);
	assert_true(match("linux/arm64", "linux/arm64/v8") > 0);
	assert_int_equal(match("linux/arm64", "linux/arm64/v9"), 0);
	assert_true(match("linux/amd64/v3", "linux/amd64/v2") > match("linux/amd64/v3", "linux/amd64"));
	assert_int_equal(match("linux/amd64", "linux/amd64/v2"), 0);
	assert_int_equal(match("linux/ppc64le", "linux/ppc64le/power9"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(names_the_host),
		cmocka_unit_test(ranks),
	};

	return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
