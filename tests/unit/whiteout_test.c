#include "lib/fmt/whiteout.h"

#include "lib/base/cleanup.h"
#include "tests/unit/test.h"

static void classifies(void **state)
{
	static const struct {
		const char *base;
		enum whiteout kind;
		const char *name;
	} cases[] = {
		{ "a", WHITEOUT_NOT, NULL },
		{ ".wh", WHITEOUT_NOT, NULL },
		{ "a.wh.b", WHITEOUT_NOT, NULL },
		{ ".WH.a", WHITEOUT_NOT, NULL },
		{ ".wh.a", WHITEOUT_HIDES, "a" },
		{ ".wh...a", WHITEOUT_HIDES, "..a" },
		{ ".wh..wh", WHITEOUT_HIDES, ".wh" },
		{ ".wh.", WHITEOUT_INVALID, NULL },
		{ ".wh..", WHITEOUT_INVALID, NULL },
		{ ".wh...", WHITEOUT_INVALID, NULL },
		{ ".wh.a/b", WHITEOUT_INVALID, NULL },
		{ ".wh..wh..opq", WHITEOUT_OPAQUE, NULL },
		{ ".wh..wh..opqx", WHITEOUT_IGNORE, NULL },
		{ ".wh..wh.aufs", WHITEOUT_IGNORE, NULL },
		{ ".wh..wh.plnk", WHITEOUT_IGNORE, NULL },
		{ ".wh..wh.", WHITEOUT_IGNORE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = NULL;

		assert_int_equal(whiteout_classify(cases[i].base, &name), cases[i].kind);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
		else
			assert_null(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classifies),
	};

	return cmocka_run_group_tests_name("whiteout", tests, NULL, NULL);
}
