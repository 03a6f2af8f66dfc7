#include "lib/fmt/cgpath.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/unit/test.h"

static void joins(void **state UNUSED)
{
	static const struct {
		const char *base, *path, *joined;
	} cases[] = {
		{ "/", "/a/b", "/a/b" },
		{ "/", "a", "/a" },
		{ "/x/y", "a/b", "/x/y/a/b" },
		{ "/x", "/a//./b/", "/x/a/b" },
		{ "/", "/", "/" },
		{ "/", ".", "/" },
		{ "/x", "", "/x" },
		{ "/", "...", "/..." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		char out[64];

		assert_int_equal(cgpath_join(out, sizeof(out), cases[i].base, cases[i].path, &e),
				 0);
		assert_string_equal(out, cases[i].joined);
	}
}

static void does_not_join(void **state UNUSED)
{
	static const char *const bad[] = { "..", "/..", "a/../b", "../a", "a/.." };
	char out[8] = "as it is";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(cgpath_join(out, sizeof(out), "/", bad[i], &e), -EINVAL);
		assert_non_null(strstr(e.text, "linux.cgroupsPath: "));
	}
	for (int len = 6; len < 10; len++) {
		struct err e = ERR_INIT;
		char path[16] = "aaaaaaaaaa";

		path[len] = '\0';
		assert_int_equal(cgpath_join(out, sizeof(out), "/", path, &e),
				 len < 7 ? 0 : -ENAMETOOLONG);
	}
}

static void units(void **state UNUSED)
{
	static const struct {
		const char *path, *slice, *unit;
	} cases[] = {
		{ NULL, "", "coracle-c1.scope" },
		{ "", "", "coracle-c1.scope" },
		{ "user.slice:libpod:abc", "user.slice", "libpod-abc.scope" },
		{ "a-b-c.slice:crio:x", "a-b-c.slice", "crio-x.scope" },
		{ "::x", "", "x.scope" },
		{ ":p:x", "", "p-x.scope" },
		{ "-.slice:p:x", "-.slice", "p-x.scope" },
		{ "s.slice:p:a+b/c", "s.slice", "p-a\\x2bb\\x2fc.scope" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgpath_unit u;
		struct err e = ERR_INIT;

		assert_int_equal(cgpath_unit(&u, cases[i].path, "c1", &e), 0);
		assert_string_equal(u.slice, cases[i].slice);
		assert_string_equal(u.unit, cases[i].unit);
	}
}

static void no_units(void **state UNUSED)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{ "/a/b", "is not slice:prefix:name" },
		{ "a.slice:b", "is not slice:prefix:name" },
		{ "a.slice:b:", "is not slice:prefix:name" },
		{ "a.slice:b:c:d", "is not slice:prefix:name" },
		{ "a:b:c", "'a' is not a slice" },
		{ ".slice:b:c", "'.slice' is not a slice" },
		{ "-a.slice:b:c", "is not a slice" },
		{ "a-.slice:b:c", "is not a slice" },
		{ "a--b.slice:b:c", "is not a slice" },
		{ "a/b.slice:b:c", "is not a slice" },
		{ "a.slice:b:c.slice", "a container is no slice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgpath_unit u;
		struct err e = ERR_INIT;

		assert_int_equal(cgpath_unit(&u, cases[i].path, "c1", &e), -EINVAL);
		if (!strstr(e.text, cases[i].text))
			fail_msg("%s: %s", cases[i].path, e.text);
	}
}

/* Each of the three parts, and all together. */
static void lengths(void **state UNUSED)
{
	static const char *const parts[][2] = {
		{ "", ".slice:b:c" }, { "a.slice:", ":c" }, { "a.slice:b:", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char name[400], path[500];
		struct cgpath_unit u;
		struct err e = ERR_INIT;

		memset(name, 'n', sizeof(name));
		name[399] = '\0';
		(void)snprintf(path, sizeof(path), "%s%s%s", parts[i][0], name, parts[i][1]);
		assert_int_equal(cgpath_unit(&u, path, "c1", &e), -ENAMETOOLONG);
		err_clear(&e);
		name[200] = '\0';
		(void)snprintf(path, sizeof(path), "%s%s%s", parts[i][0], name, parts[i][1]);
		assert_int_equal(cgpath_unit(&u, path, "c1", &e), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(does_not_join),
		cmocka_unit_test(units),
		cmocka_unit_test(no_units),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("cgpath", tests, NULL, NULL);
}
