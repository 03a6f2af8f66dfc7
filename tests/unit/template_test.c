#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/limits.h"
#include "lib/fmt/template.h"

static const char data[] =
	"{\"Id\":\"abc\",\"Name\":\"/web\",\"N\":3,\"Half\":0.5,\"Big\":1234567.0,"
	"\"State\":{\"Running\":true,\"Pid\":42,\"Health\":null},"
	"\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"b\":\"2\",\"a\":\"1\",\"x.y\":\"z\"},"
	"\"Empty\":{},\"None\":[]},"
	"\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],\"90/udp\":null},"
	"\"Text\":\"h\\u00e9llo w\\u00f6rld\"}";

static const struct {
	const char *text;
	const char *want;
} good[] = {
	{ "", "" }, { "plain", "plain" }, { "a{{\"x\"}}b", "axb" },
	{ "{{.Id}} {{.State.Pid}}", "abc 42" },
	{ "{{ .Half }} {{.Big}} {{1.5}} {{-3}} {{'a'}}", "0.5 1.234567e+06 1.5 -3 97" },
	{ "{{.State.Running}} {{true}}", "true true" },
	{ "{{$.Id}}{{$x := .N}}{{$x}}{{$x = 4}}{{$x}}", "abc34" },
	{ "{{index .Config.Labels \"x.y\"}}", "z" },
	{ "[{{index .Config.Labels \"none\"}}]", "[]" },
	{ "[{{.Config.Labels.none}}]", "[<no value>]" },
	{ "[{{.Config.Empty.x}}]", "[<no value>]" },
	{ "{{index .Config.Env 1}}", "B=2" },
	{ "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
	{ "{{index .Ports \"80/tcp\" 0 | json}}",
	  "{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}" },
	{ "{{range .Config.Env}}{{.}};{{end}}", "A=1;B=2;" },
	{ "{{range $i, $e := .Config.Env}}{{$i}}={{$e}},{{end}}", "0=A=1,1=B=2," },
	{ "{{range $e := .Config.Env}}{{$e}}{{$.N}}{{end}}", "A=13B=23" },
	{ "{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}} {{end}}", "a:1 b:2 x.y:z " },
	{ "{{range .Config.None}}x{{else}}none{{end}}", "none" },
	{ "{{range 3}}{{.}}{{end}}", "012" },
	{ "{{range $p, $c := .Ports}}{{$p}}{{range $c}}->{{.HostPort}}{{end}} {{end}}",
	  "80/tcp->8080 90/udp " },
	{ "{{if .State.Running}}up{{else}}down{{end}}", "up" },
	{ "{{if .Config.None}}a{{else if eq .N 3}}b{{else}}c{{end}}", "b" },
	{ "{{if .Config.None}}a{{else if eq .N 4}}b{{else}}c{{end}}", "c" },
	{ "{{with .State}}{{.Pid}}{{end}}{{with .Config.None}}x{{else}}y{{end}}", "42y" },
	{ "{{with $s := .State}}{{$s.Pid}}{{end}}", "42" },
	{ "{{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}}", "-" },
	{ "{{if and .State.Health .State.Health.Status}}a{{else}}b{{end}}", "b" },
	{ "{{or .Config.None \"d\"}} {{and 1 0 .Nope}} {{or 0 \"\" \"e\"}}", "d 0 e" },
	{ "{{not true}} {{not .Config.None}}", "false true" },
	{ "{{eq .N 1 2 3}} {{ne .Id \"abc\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge \"b\" \"a\"}}",
	  "true false true true false true" },
	{ "{{eq 1 1.0}} {{eq nil .State.Health}} {{eq true .State.Running}}", "true true true" },
	{ "{{len .Config.Env}} {{len .Id}} {{len .Config.Labels}} {{len .State.Health}}",
	  "2 3 3 0" },
	{ "{{slice .Id 1}} {{slice .Id 0 2}} {{slice .Config.Env 1}}", "bc ab [B=2]" },
	{ "{{.Config.Env}} {{.Config.Labels}}", "[A=1 B=2] map[a:1 b:2 x.y:z]" },
	{ "{{.State}}", "{true 42 <nil>}" },
	{ "{{.State.Health}}", "<no value>" },
	{ "{{print 1 2 \"a\" 3}}|{{println \"a\" 1}}|", "1 2a3|a 1\n|" },
	{ "{{printf \"%s-%d-%v-%q-%x\" .Id .N .State.Running \"a\\\"b\" 255}}",
	  "abc-3-true-\"a\\\"b\"-ff" },
	{ "{{printf \"%-6s|%6s|%05d|%+d|%.2f|%t\" .Id .Id .N .N .Half true}}",
	  "abc   |   abc|00003|+3|0.50|true" },
	{ "{{printf \"%-7s|%.2s\" \"\xc3\xa9\" \"\xc3\xa9\xc3\xa9\xc3\xa9\"}}",
	  "\xc3\xa9      |\xc3\xa9\xc3\xa9" },
	{ "{{printf \"%d %s %d%% %z\" .Id .N 5}}",
	  "%!d(string=abc) %!s(int=3) 5% %!z(MISSING)" },
	{ "{{printf \"x\" 1 \"b\"}} {{printf \"%\"}}", "x%!(EXTRA int=1, string=b) %!(NOVERB)" },
	{ "{{printf \"%v %s\" .Config.Env .Config.Env}}", "[A=1 B=2] [A=1 B=2]" },
	{ "{{printf \"%x\" \"hi\"}} {{printf \"%X\" 255}} {{printf \"%T\" .N}}", "6869 FF int" },
	{ "{{.Id | printf \"%s-%s\" \"a\" | upper}}", "A-ABC" },
	{ "{{json .Config.Labels}}", "{\"a\":\"1\",\"b\":\"2\",\"x.y\":\"z\"}" },
	{ "{{json .State}} {{json .Id}} {{json .N}} {{json .State.Health}}",
	  "{\"Running\":true,\"Pid\":42,\"Health\":null} \"abc\" 3 null" },
	{ "{{join .Config.Env \" \"}} {{join (split \"a,b,c\" \",\") \"-\"}}", "A=1 B=2 a-b-c" },
	{ "{{index (split .Name \"/\") 1}}", "web" },
	{ "{{title \"some text\"}} {{lower \"ABC\"}} {{upper .Id}}", "Some Text abc ABC" },
	{ "{{truncate .Id 2}} {{truncate .Id 9}} [{{pad .Id 1 2}}] [{{pad \"\" 1 2}}]",
	  "ab abc [ abc  ] []" },
	{ "{{truncate .Text 2}}", "h" },
	{ "a {{- \" b \" -}} c", "a b c" },
	{ "a \n {{- /* note */ -}} \n b", "ab" },
	{ "a{{/* {{ } */}}b", "ab" },
	{ "{{- 3}} {{3 -}} x", "3 3x" },
	{ "{{\"\\t\\x41\\u00e9\"}}{{`raw \\n`}}", "\tA\xc3\xa9raw \\n" },
	{ "{{(.State).Pid}} {{((1))}}", "42 1" },
	{ "{{if (and (eq .N 3) (not false))}}y{{end}}", "y" },
	{ "{{$a := 1}}{{if true}}{{$a := 2}}{{$a}}{{end}}{{$a}}", "21" },
	{ "{{$a := 1}}{{if true}}{{$a = 2}}{{end}}{{$a}}", "2" },
	{ "{{range .Config.Env}}{{if eq . \"B=2\"}}{{.}}{{end}}{{end}}", "B=2" },
	{ "{\"x\":{{json .N}}}", "{\"x\":3}" },
	{ "{{- if .N -}}\n  yes\n{{- end -}}", "yes" },
	{ "{{range index .Config.Empty \"x\"}}a{{else}}b{{end}}", "b" },
};

static const char *const bad_text[] = {
	"{{", "{{}}", "{{.Id", "{{.Id}", "{{if .N}}", "{{end}}", "{{else}}",
	"{{if}}x{{end}}", "{{range .N}}{{else}}{{else}}{{end}}", "{{nofunc 1}}",
	"{{\"a}}", "{{`a}}", "{{'ab'}}", "{{\"\\z\"}}", "{{\"\\xff\"}}", "{{/* x}}",
	"{{/* x */ 1}}", "{{(1}}", "{{1)}}", "{{1 |}}", "{{| 1}}", "{{$x :=}}",
	"{{$a, $b := .X}}", "{{1x}}", "{{&}}", "{{.A.}}", "{{\"a\".B}}", "{{1.2.3}}",
	"{{99999999999999999999}}", "{{''}}", "{{if 1}}{{else 1}}{{end}}",
	"{{end 1}}", "{{\"\\u00\"}}", "{{\"\\x00\"}}", "{{1 2\n\"a\nb\"}}", "{{true.X}}",
};

static const char *const bad_run[] = {
	"{{.Nope}}", "{{.State.Nope}}", "{{.Id.X}}", "{{.State.Health.Status}}",
	"{{$nope}}", "{{$nope = 1}}", "{{index .Config.Env 2}}",
	"{{index .Config.Env -1}}", "{{index .Config.Env \"a\"}}",
	"{{index .Config.Labels 1}}", "{{index .Id 0}}", "{{len 3}}", "{{len}}",
	"{{eq 1}}", "{{eq 1 \"a\"}}", "{{lt true false}}", "{{lt nil 1}}",
	"{{range .Id}}{{end}}", "{{range .State}}{{end}}", "{{1 2}}", "{{.Id 1}}",
	"{{.Id | .Name}}", "{{join .Id \",\"}}", "{{split .N \",\"}}", "{{split .Id \"\"}}",
	"{{upper 1}}", "{{truncate .Id -1}}", "{{pad .Id 5000 0}}", "{{printf 1}}",
	"{{printf \"%99999d\" 1}}", "{{slice .Id 2 1}}", "{{slice .Id 0 9}}",
	"{{.Label \"x\"}}", "{{not}}", "{{not 1 2}}", "{{json}}",
	"{{range 99999999}}{{end}}", "{{.Config.Labels.a.b}}",
	"{{.Config.Labels.none.b}}",
};

static int run(const char *text, struct buf *out, bool *parsed, struct err *e)
{
	AUTO(template) struct template *t = NULL;
	json_t *dot = json_loads(data, 0, NULL);
	int r = template_parse(&t, text, e);

	*parsed = r == 0;
	assert_non_null(dot);
	if (r == 0)
		r = template_run(t, dot, out, e);
	json_decref(dot);
	return r;
}

static void test_good(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		struct err e = ERR_INIT;
		bool parsed;

		if (run(good[i].text, &b, &parsed, &e) < 0)
			fail_msg("'%s': %s", good[i].text, e.text);
		assert_string_equal(b.data, good[i].want);
	}
}

static void test_bad(void **state UNUSED)
{
	bool parsed;

	for (size_t i = 0; i < ARRAY_SIZE(bad_text); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		struct err e = ERR_INIT;

		if (run(bad_text[i], &b, &parsed, &e) != -EINVAL || parsed)
			fail_msg("'%s' was parsed", bad_text[i]);
		assert_non_null(strstr(e.text, "template: line "));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_run); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		struct err e = ERR_INIT;
		int r = run(bad_run[i], &b, &parsed, &e);

		if (!parsed || r >= 0)
			fail_msg("'%s': %s %s", bad_run[i], e.text, b.data);
		assert_int_equal(r, -e.code);
	}
}

static void test_line_number(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	bool parsed;

	assert_int_equal(run("a\nb\n{{if}}", &b, &parsed, &e), -EINVAL);
	assert_non_null(strstr(e.text, "line 3: "));
}

static void test_bounds(void **state UNUSED)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	AUTO(buf) struct buf tiny = BUF_INIT(10);
	struct err e = ERR_INIT;
	bool parsed;

	for (int i = 0; i < 100; i++)
		buf_adds(&text, "{{if 1}}");
	for (int i = 0; i < 100; i++)
		buf_adds(&text, "{{end}}");
	assert_int_equal(run(text.data, &out, &parsed, &e), -EINVAL);
	err_clear(&e);

	buf_reset(&text);
	buf_adds(&text, "{{");
	for (int i = 0; i < 1000; i++)
		buf_addc(&text, '(');
	assert_int_equal(run(text.data, &out, &parsed, &e), -EINVAL);
	err_clear(&e);

	buf_reset(&text);
	for (size_t i = 0; i <= MAX_TMPL_TEXT; i++)
		buf_addc(&text, 'x');
	assert_int_equal(run(text.data, &out, &parsed, &e), -EFBIG);
	err_clear(&e);

	assert_int_equal(run("{{range 100}}ab{{end}}", &tiny, &parsed, &e), -EFBIG);
	err_clear(&e);
	assert_int_equal(run("{{range 9999}}{{range 9999}}{{end}}{{end}}", &out, &parsed, &e),
			 -E2BIG);
	err_clear(&e);
	assert_int_equal(run("{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 60}}"
			     "{{$x = print $x $x}}{{end}}", &out, &parsed, &e), -EFBIG);
}

static void test_labels(void **state UNUSED)
{
	static const char *const rows[] = {
		"{\"Labels\":\"a=1,b.c=2=3,d\"}",
		"{\"Labels\":{\"a\":\"1\",\"b.c\":\"2=3\",\"d\":\"\"}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf) struct buf b = BUF_INIT(100);
		AUTO(template) struct template *t = NULL;
		json_t *dot = json_loads(rows[i], 0, NULL);
		struct err e = ERR_INIT;

		assert_int_equal(template_parse(&t, "{{.Label \"a\"}},{{.Label \"b.c\"}},"
						"{{.Label \"d\"}},{{.Label \"c\"}}", &e), 0);
		assert_int_equal(template_run(t, dot, &b, &e), 0);
		assert_string_equal(b.data, "1,2=3,,");
		json_decref(dot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_line_number),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
