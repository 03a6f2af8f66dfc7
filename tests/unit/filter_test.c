/* The filters of lists: what is alternatives, what must all hold, what is
 * refused. */
#include "bin/filter.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "tests/unit/test.h"

struct thing {
	const char *name;
	struct strv labels;
};

static int by_name(const void *o, void *arg, const char *value, struct err *e)
{
	(void)arg;
	if (str_eq(value, "bad"))
		return err_set(e, EINVAL, "bad value");
	return str_eq(((const struct thing *)o)->name, value);
}

static int by_first(const void *o, void *arg, const char *value, struct err *e)
{
	(void)arg;
	(void)e;
	return ((const struct thing *)o)->name[0] == value[0];
}

static int by_label(const void *o, void *arg, const char *value, struct err *e)
{
	(void)arg;
	(void)e;
	return filter_label(&((const struct thing *)o)->labels, value);
}

static const struct filter_key keys[] = {
	{ "name", by_name }, { "first", by_first }, { "label", by_label }, { NULL, NULL },
};

static void test_match(void **state)
{
	static const struct {
		const char *filters[4];
		int want;
	} cases[] = {
		{ { NULL }, 1 },
		{ { "name=one" }, 1 },
		{ { "name=two" }, 0 },
		{ { "name=two", "name=one" }, 1 },
		{ { "name=one", "first=o" }, 1 },
		{ { "name=one", "first=t" }, 0 },
		{ { "name=two", "first=o", "name=one" }, 1 },
		{ { "label=k" }, 1 },
		{ { "label=k=v" }, 1 },
		{ { "label=k=w" }, 0 },
		{ { "label=k", "label=empty" }, 1 },
		{ { "label=k", "label=absent" }, 0 },
		{ { "label!=absent" }, 1 },
		{ { "label!=k" }, 0 },
		{ { "label!=absent", "label!=k" }, 0 },
		{ { "label=k", "label!=k=w" }, 1 },
		{ { "name!=two" }, 1 },
		{ { "name=" }, 0 },
		{ { "nonsense=1" }, -EINVAL },
		{ { "name" }, -EINVAL },
		{ { "=one" }, -EINVAL },
		{ { "nam=one" }, -EINVAL },
		{ { "names=one" }, -EINVAL },
		{ { "name=bad" }, -EINVAL },
	};
	struct thing t = { .name = "one" };

	(void)state;
	strv_add(&t.labels, "k=v");
	strv_add(&t.labels, "empty=");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strv) struct strv filters = STRV_INIT;
		struct err e = ERR_INIT;
		int r;

		for (size_t j = 0; j < 4 && cases[i].filters[j]; j++)
			strv_add(&filters, cases[i].filters[j]);
		r = filter_match(&filters, keys, &t, NULL, &e);
		if (r != cases[i].want)
			fail_msg("case %zu (%s): %d, not %d", i, cases[i].filters[0], r, cases[i].want);
	}
	strv_clear(&t.labels);
}

static void test_check(void **state)
{
	static const struct {
		const char *filter;
		int want;
	} cases[] = {
		{ "name=x", 0 }, { "name=bad", 0 }, { "label!=x", 0 }, { "name", -EINVAL },
		{ "nonsense=x", -EINVAL }, { "!=x", -EINVAL }, { "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strv) struct strv filters = STRV_INIT;
		struct err e = ERR_INIT;

		strv_add(&filters, cases[i].filter);
		assert_int_equal(filter_check(&filters, keys, &e), cases[i].want);
	}
}

static void test_label(void **state)
{
	AUTO(strv) struct strv labels = STRV_INIT;

	(void)state;
	strv_add(&labels, "key=value=more");
	strv_add(&labels, "bare");
	assert_true(filter_label(&labels, "key"));
	assert_true(filter_label(&labels, "key=value=more"));
	assert_false(filter_label(&labels, "key=value"));
	assert_false(filter_label(&labels, "ke"));
	assert_true(filter_label(&labels, "bare"));
	assert_false(filter_label(&labels, "bare=x"));
}

static void test_bool(void **state)
{
	struct err e = ERR_INIT;
	bool b = false;

	(void)state;
	assert_int_equal(filter_bool(&b, "dangling", "true", &e), 0);
	assert_true(b);
	assert_int_equal(filter_bool(&b, "dangling", "0", &e), 0);
	assert_false(b);
	assert_int_equal(filter_bool(&b, "dangling", "1", &e), 0);
	assert_true(b);
	assert_int_equal(filter_bool(&b, "dangling", "yes", &e), -EINVAL);
	assert_true(b);
	assert_non_null(strstr(e.text, "dangling"));
}

static void test_until(void **state)
{
	uint64_t now = clock_wall_ns();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(filter_until(now - 7200 * NS_PER_S, "1h", &e), 1);
	assert_int_equal(filter_until(now - 1800 * NS_PER_S, "1h", &e), 0);
	assert_int_equal(filter_until(now, "2001-02-03T04:05:06Z", &e), 0);
	assert_int_equal(filter_until(1, "2001-02-03T04:05:06Z", &e), 1);
	assert_true(filter_until(1, "yesterdayish", &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_until),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
