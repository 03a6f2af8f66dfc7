#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/limits.h"
#include "lib/fmt/table.h"

static const struct column columns[] = {
	{ "ID", "CONTAINER ID", false },
	{ "Image", "IMAGE", false },
	{ "Names", "NAMES", false },
	{ "Labels", "LABELS", true },
};

static const struct table table = {
	.columns = columns,
	.count = ARRAY_SIZE(columns),
};

static const char rows_text[] =
	"[{\"Names\":\"web\",\"ID\":\"0123456789ab\",\"Image\":\"alpine\","
	"\"Labels\":\"x.my-key=v\"},"
	"{\"ID\":\"ba9876543210\",\"Image\":\"\\u65e5\\u672c:1\","
	"\"Names\":\"a\\u001b[31m\\tb\\nc\",\"Labels\":\"\"}]";

static const struct {
	const char *format;
	bool quiet;
	bool no_headers;
	const char *want;		/* NULL: refused */
} cases[] = {
	{ NULL, false, false,
	  "CONTAINER ID   IMAGE     NAMES\n"
	  "0123456789ab   alpine    web\n"
	  "ba9876543210   \xe6\x97\xa5\xe6\x9c\xac:1    a?[31m b c\n" },
	{ "table", false, true,
	  "0123456789ab   alpine    web\n"
	  "ba9876543210   \xe6\x97\xa5\xe6\x9c\xac:1    a?[31m b c\n" },
	{ "table {{.Names}}\\t{{upper .Image}}", false, false,
	  "NAMES        IMAGE\n"
	  "web          ALPINE\n"
	  "a?[31m b c   \xe6\x97\xa5\xe6\x9c\xac:1\n" },
	{ "table {{.ID}}\t{{.Label \"x.my-key\"}}", false, false,
	  "CONTAINER ID   my key\n"
	  "0123456789ab   v\n"
	  "ba9876543210   \n" },
	{ "json", false, false,
	  "{\"ID\":\"0123456789ab\",\"Image\":\"alpine\","
	  "\"Labels\":\"x.my-key=v\",\"Names\":\"web\"}\n"
	  "{\"ID\":\"ba9876543210\",\"Image\":\"\xe6\x97\xa5\xe6\x9c\xac:1\","
	  "\"Labels\":\"\","
	  "\"Names\":\"a\\u001B[31m\\tb\\nc\"}\n" },
	{ "{{.ID}}:{{.Image}}", false, false,
	  "0123456789ab:alpine\nba9876543210:\xe6\x97\xa5\xe6\x9c\xac:1\n" },
	{ "", true, false, "0123456789ab\nba9876543210\n" },
	{ "table {{.Image}}", true, false, "0123456789ab\nba9876543210\n" },
	{ "{{.Names}}", true, false, "web\na\x1b[31m\tb\nc\n" },
	{ "table {{.Nope}}", false, false, NULL },
	{ "{{.Nope}}", false, false, NULL },
	{ "{{.ID", false, false, NULL },
	{ "tables", false, false, "tables\ntables\n" },
};

static void test_formats(void **state UNUSED)
{
	json_t *rows = json_loads(rows_text, 0, NULL);

	assert_non_null(rows);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct table_opts opts = {
			.format = cases[i].format,
			.quiet = cases[i].quiet,
			.no_headers = cases[i].no_headers,
		};
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		struct err e = ERR_INIT;
		int r = table_print(&b, &table, &opts, rows, &e);

		if (!cases[i].want) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(b.data, cases[i].want);
	}
	json_decref(rows);
}

static void test_no_rows(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct table_opts opts = { .format = "" };
	json_t *rows = json_array();
	struct err e = ERR_INIT;

	assert_int_equal(table_print(&b, &table, &opts, rows, &e), 0);
	assert_string_equal(b.data, "CONTAINER ID   IMAGE     NAMES\n");
	opts.format = "table {{.Nope}}";
	assert_int_equal(table_print(&b, &table, &opts, rows, &e), -EINVAL);
	err_clear(&e);
	buf_reset(&b);
	opts.format = "json";
	assert_int_equal(table_print(&b, &table, &opts, rows, &e), 0);
	assert_string_equal(b.data, "");
	json_decref(rows);
}

static void test_object(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	json_t *v = json_pack("{s:s,s:i}", "Id", "x", "A", 1);
	struct err e = ERR_INIT;

	assert_int_equal(table_print_object(&b, "{{.Id}}\\t{{.A}}", v, &e), 0);
	assert_int_equal(table_print_object(&b, "json", v, &e), 0);
	assert_string_equal(b.data, "x\t1\n{\"Id\":\"x\",\"A\":1}\n");
	json_decref(v);
}

static void test_width(void **state UNUSED)
{
	assert_int_equal(table_width(""), 0);
	assert_int_equal(table_width("abc"), 3);
	assert_int_equal(table_width("\xc3\xa9"), 1);
	assert_int_equal(table_width("e\xcc\x81"), 1);
	assert_int_equal(table_width("\xe6\x97\xa5"), 2);
	assert_int_equal(table_width("\xf0\x9f\x90\xb3"), 2);
	assert_int_equal(table_width("\xe2\x80\xa6"), 1);
}

static void test_limit(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(20);
	struct table_opts opts = { .format = "" };
	json_t *rows = json_loads(rows_text, 0, NULL);
	struct err e = ERR_INIT;

	assert_int_equal(table_print(&b, &table, &opts, rows, &e), -EFBIG);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
