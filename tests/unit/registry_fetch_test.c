#include "tests/unit/fakereg.h"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include "lib/base/clock.h"
#include "lib/registry/addr.h"

/* What a pull must survive: RELIABILITY 2.6 R. */

#define SIZE 300000

static struct layout layout;

struct row {
	const char *name;
	const char *rules;
	uint64_t offset;
	int result;			/* 0 or an errno */
	unsigned requests;		/* for the blob; 0: any number */
	const char *text;		/* of the error; NULL: any */
};

static const struct row rows[] = {
	{ "whole", "", 0, 0, 1, NULL },
	{ "resumed", "", 1000, 0, 1, NULL },
	{ "nothing left to fetch but the last byte", "", SIZE - 1, 0, 1, NULL },
	{ "cut once", "{\"match\":\"blobs\",\"times\":1,\"cut\":100000}", 0, 0, 2, NULL },
	{ "cut again and again, but moving",
	  "{\"match\":\"blobs\",\"times\":4,\"cut\":70000}", 0, 0, 5, NULL },
	{ "cut every time without moving",
	  "{\"match\":\"blobs\",\"cut\":10}", 0, ECONNRESET, 4, "after 4 attempts" },
	{ "chunked, cut", "{\"match\":\"blobs\",\"times\":1,\"chunked\":true,\"cut\":65536}", 0, 0, 2, NULL },
	{ "chunked, whole", "{\"match\":\"blobs\",\"chunked\":true}", 0, 0, 1, NULL },
	{ "chunked, ends early", "{\"match\":\"blobs\",\"chunked\":true,\"short\":5}", 0, EBADMSG, 0, "ended at byte 299995" },
	{ "endless body", "{\"match\":\"blobs\",\"endless\":true}", 0, EBADMSG, 1, "longer than" },
	{ "length one too large", "{\"match\":\"blobs\",\"length\":1}", 0, EBADMSG, 1, "longer than" },
	{ "length one too small", "{\"match\":\"blobs\",\"short\":1}", 0, EBADMSG, 1, "299999 bytes, not" },
	{ "range ignored", "{\"match\":\"blobs\",\"ignore_range\":true}", 70000, 0, 1, NULL },
	{ "range of another place", "{\"match\":\"blobs\",\"range\":\"bytes 5-299999/300000\"}", 70000, 0, 2, NULL },
	{ "range of another total", "{\"match\":\"blobs\",\"range\":\"bytes 70000-299999/300001\"}", 70000, 0, 2, NULL },
	{ "range without total", "{\"match\":\"blobs\",\"range\":\"bytes 70000-299999/*\"}", 70000, 0, 2, NULL },
	{ "range missing", "{\"match\":\"blobs\",\"range\":null}", 70000, 0, 2, NULL },
	{ "416", "{\"match\":\"blobs\",\"times\":1,\"status\":416}", 70000, 0, 2, NULL },
	{ "two 503", "{\"match\":\"blobs\",\"times\":2,\"status\":503}", 0, 0, 3, NULL },
	{ "500 for ever", "{\"match\":\"blobs\",\"status\":500}", 0, EHOSTDOWN, 4, "HTTP 500" },
	{ "502", "{\"match\":\"blobs\",\"times\":1,\"status\":502}", 0, 0, 2, NULL },
	{ "504", "{\"match\":\"blobs\",\"times\":1,\"status\":504}", 0, 0, 2, NULL },
	{ "429 for ever", "{\"match\":\"blobs\",\"status\":429}", 0, EAGAIN, 4, "too many requests" },
	{ "403 with a page", "{\"match\":\"blobs\",\"status\":403,\"body\":\"<html>no</html>\"}", 0, EACCES, 1, "access denied (HTTP 403)" },
	{ "404 with a message", "{\"match\":\"blobs\",\"status\":404,\"body\":\"{\\\"errors\\\":[{\\\"message\\\":\\\"gone \\\\u001b[2J fishing\\\"}]}\"}",
	  0, ENOENT, 1, "gone ?[2J fishing" },
	{ "no answer", "{\"match\":\"blobs\",\"times\":2,\"drop\":true}", 0, 0, 3, NULL },
	{ "slow loris, then well", "{\"match\":\"blobs\",\"times\":1,\"rate\":100}", 0, 0, 2, NULL },
	{ "Content-Encoding", "{\"match\":\"blobs\",\"headers\":{\"Content-Encoding\":\"gzip\"}}", 0, EPROTO, 1, "Content-Encoding" },
	{ "header of 1 MB", "{\"match\":\"blobs\",\"big_headers\":1000000}", 0, EFBIG, 1, "HTTP header" },
	{ "header without end", "{\"match\":\"blobs\",\"endless_headers\":true}", 0, EFBIG, 1, "HTTP header" },
	{ "two lengths", "{\"match\":\"blobs\",\"raw\":\"HTTP/1.1 200 OK\\r\\nContent-Length: 300000\\r\\nContent-Length: 5\\r\\n\\r\\nhello\"}", 0, EPROTO, 1, NULL },
	{ "negative length", "{\"match\":\"blobs\",\"raw\":\"HTTP/1.1 200 OK\\r\\nContent-Length: -1\\r\\n\\r\\nhello\"}", 0, EPROTO, 1, NULL },
	{ "204 for a blob", "{\"match\":\"blobs\",\"raw\":\"HTTP/1.1 204 No\\r\\n\\r\\n\"}", 0, EPROTO, 1, "unexpected HTTP 204" },
	{ "not HTTP", "{\"match\":\"blobs\",\"raw\":\"220 ftp ready\\r\\n\\r\\n\"}", 0, EPROTO, 0, NULL },
	{ "redirect here", "{\"match\":\"some/repo/blobs\",\"redirect\":\"../../../other/blobs/DIGEST\"}", 0, 0, 2, NULL },
	{ "redirect loop", "{\"match\":\"blobs\",\"redirect\":\"{path}\"}", 0, EPROTO, 11, "more than 10 redirects" },
	{ "redirect to file", "{\"match\":\"blobs\",\"redirect\":\"file:///etc/passwd\"}", 0, EPROTO, 1, "not http or https" },
	{ "redirect to gopher", "{\"match\":\"blobs\",\"redirect\":\"gopher://127.0.0.1:70/\"}", 0, EPROTO, 1, "not http or https" },
	{ "redirect with a user", "{\"match\":\"blobs\",\"redirect\":\"http://me:pw@127.0.0.1/\"}", 0, EPROTO, 1, NULL },
	{ "redirect nowhere", "{\"match\":\"blobs\",\"status\":307}", 0, EPROTO, 1, "without Location" },
	{ "redirect to cloud metadata", "{\"match\":\"blobs\",\"redirect\":\"https://169.254.169.254/latest\"}", 0, EPROTO, 1, "the registry is not there" },
	{ "the same, spelled as a number", "{\"match\":\"blobs\",\"redirect\":\"https://2852039166/latest\"}", 0, EPROTO, 1, "the registry is not there" },
	{ "the same, mapped", "{\"match\":\"blobs\",\"redirect\":\"https://[::ffff:169.254.169.254]/\"}", 0, EPROTO, 1, "the registry is not there" },
	{ "redirect to plain http elsewhere", "{\"match\":\"blobs\",\"redirect\":\"http://192.0.2.1/x\"}", 0, EPROTO, 1, "redirect to http" },
};

static char *replace_digest(const char *rules)
{
	char text[DIGEST_TEXT_MAX];
	const char *at = strstr(rules, "DIGEST");

	digest_print(&layout.desc.digest, text);
	return at ? mem_printf("{\"rules\":[%.*s%s%s]}", (int)(at - rules), rules, text,
			       at + strlen("DIGEST")) :
		    mem_printf("{\"rules\":[%s]}", rules);
}

static void check_row(const struct row *row)
{
	struct registry_options o = quick_options();
	struct target t = { .is_done = false };
	AUTO_FREE char *script = replace_digest(row->rules);
	struct fake f;

	if (strstr(row->rules, "\"rate\""))
		o.limits.slow_s = 3;
	fake_start(&f, &layout, script, NULL);
	fetch_blob(&t, &o, f.host, &layout, row->offset);
	if (t.result != -row->result)
		fail_msg("%s: %d (%s), not %d", row->name, t.result, t.why.text, -row->result);
	if (!t.result && t.is_wrong)
		fail_msg("%s: wrong bytes", row->name);
	if (!t.result && t.at != SIZE)
		fail_msg("%s: %llu bytes", row->name, (unsigned long long)t.at);
	if (row->text && !strstr(t.why.text, row->text))
		fail_msg("%s: '%s' without '%s'", row->name, t.why.text, row->text);
	if (row->requests && fake_count(&f, "/blobs/") != row->requests)
		fail_msg("%s: %u requests, not %u", row->name,
			 fake_count(&f, "/blobs/"), row->requests);
	fake_stop(&f);
}

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

/* Nothing is written of a blob whose length is wrong from the start. */
static void test_refused_before_writing(void **state UNUSED)
{
	struct registry_options o = quick_options();
	struct target t = { .is_done = false };
	struct fake f;

	fake_start(&f, &layout, "{\"rules\":[{\"match\":\"blobs\",\"length\":7}]}", NULL);
	fetch_blob(&t, &o, f.host, &layout, 0);
	assert_int_equal(t.result, -EBADMSG);
	assert_int_equal(t.at, 0);
	fake_stop(&f);
}

/* Nobody has announced a size: the blob ends where the registry says, or where
 * the body does. */
static void test_any_size(void **state UNUSED)
{
	static const char *const rules[] = {
		"{}",
		"{\"rules\":[{\"match\":\"blobs\",\"times\":1,\"cut\":100000}]}",
		"{\"rules\":[{\"match\":\"blobs\",\"chunked\":true}]}",
		"{\"rules\":[{\"match\":\"blobs\",\"times\":1,\"chunked\":true,\"cut\":65536}]}",
	};
	struct registry_options o = quick_options();
	struct layout any = layout;

	any.desc.size = REGISTRY_ANY_SIZE;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct target t = { .is_done = false };
		struct fake f;

		fake_start(&f, &layout, rules[i], NULL);
		fetch_blob(&t, &o, f.host, &any, 0);
		if (t.result || t.is_wrong || t.at != SIZE)
			fail_msg("%s: %d (%s), %llu bytes", rules[i], t.result, t.why.text,
				 (unsigned long long)t.at);
		fake_stop(&f);
	}
}

static void test_retry_after(void **state UNUSED)
{
	struct registry_options o = quick_options();
	struct target t = { .is_done = false };
	uint64_t start = clock_mono_ns();
	struct fake f;

	/* absurd: cut to the limit of one second */
	fake_start(&f, &layout, "{\"rules\":[{\"match\":\"blobs\",\"times\":1,\"status\":429,"
		   "\"headers\":{\"Retry-After\":\"99999999999999999999\"}}]}", NULL);
	fetch_blob(&t, &o, f.host, &layout, 0);
	assert_int_equal(t.result, 0);
	assert_true(clock_mono_ns() - start >= 1000 * NS_PER_MS);
	fake_stop(&f);
}

static void test_sink_fails(void **state UNUSED)
{
	struct registry_options o = quick_options();
	struct target t = { .fail_at = 1 };
	struct fake f;

	fake_start(&f, &layout, "{}", NULL);
	fetch_blob(&t, &o, f.host, &layout, 0);
	assert_int_equal(t.result, -ENOSPC);
	assert_string_equal(t.why.text, "the disk is full");
	assert_int_equal(registry_error_kind(t.result), REGISTRY_ERR_SPACE);
	assert_int_equal(fake_count(&f, "/blobs/"), 1);
	fake_stop(&f);
}

static void test_nobody_there(void **state UNUSED)
{
	struct registry_options o = quick_options();
	struct target t = { .is_done = false };

	fetch_blob(&t, &o, "127.0.0.1:1", &layout, 0);
	assert_int_equal(t.result, -ECONNREFUSED);
	assert_int_equal(registry_error_kind(t.result), REGISTRY_ERR_NETWORK);
}

/* The server closes an idle connection between two requests. */
static void test_closed_keepalive(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	struct err e = ERR_INIT;
	struct fake f;

	fake_start(&f, &layout, "{\"rules\":[{\"match\":\"manifests\",\"skip\":1,\"times\":1,\"drop\":true}]}", NULL);
	make_ref(&ref, f.host, "a/b");
	MUST(registry_open(&reg, &o, &e));
	MUST(registry_manifest(&doc, reg, &ref, &e));
	MUST(registry_manifest(&doc, reg, &ref, &e));
	fake_stop(&f);
}

static void test_many_and_stop(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(ref) struct ref ref = REF_INIT;
	struct target t[20];
	struct err e = ERR_INIT;
	struct fake f;

	fake_start(&f, &layout, "{}", NULL);
	make_ref(&ref, f.host, "a/b");
	MUST(registry_open(&reg, &o, &e));
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = (struct target){ .want = layout.blob };
		MUST(registry_fetch_add(reg, &ref, &layout.desc, 0, &target_sink, &t[i], &e));
	}
	MUST(registry_run(reg, &e));
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_true(t[i].is_done && !t[i].is_wrong);
		assert_int_equal(t[i].result, 0);
		assert_int_equal(t[i].at, SIZE);
		t[i] = (struct target){ .want = layout.blob };
		MUST(registry_fetch_add(reg, &ref, &layout.desc, 0, &target_sink, &t[i], &e));
	}
	MUST(registry_step(reg, NULL, 0, 0, &e));
	registry_stop(reg);
	MUST(registry_run(reg, &e));
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_true(t[i].is_done && (t[i].result == 0 || t[i].result == -ECANCELED));
	assert_int_equal(t[19].result, -ECANCELED);
	fake_stop(&f);
}

/* What is there already is not asked for. */
static void test_nothing_left(void **state UNUSED)
{
	struct registry_options o = quick_options();
	struct target t = { .is_done = false };
	struct fake f;

	fake_start(&f, &layout, "{}", NULL);
	fetch_blob(&t, &o, f.host, &layout, SIZE);
	assert_int_equal(t.result, 0);
	assert_int_equal(fake_count(&f, "/blobs/"), 0);
	fake_stop(&f);
}

/* A descriptor of the caller ends the wait. */
static void test_extra_descriptor(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct pollfd extra = { .events = POLLIN };
	struct err e = ERR_INIT;

	MUST(fd_pipe(&p, &e));
	MUST(registry_open(&reg, &o, &e));
	assert_int_equal(write(p.b, "x", 1), 1);
	extra.fd = p.a;
	assert_int_equal(registry_step(reg, &extra, 1, 60000, &e), 0);
	assert_int_equal(extra.revents, POLLIN);
}

static void test_manifests(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(desc) struct desc head = DESC_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	struct err e = ERR_INIT;
	struct fake f;

	fake_start(&f, &layout, "{\"rules\":["
		   "{\"match\":\"badname/manifests\",\"digest\":\"sha256:../../x\"},"
		   "{\"match\":\"baddigest/manifests\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"},"
		   "{\"match\":\"flip/manifests\",\"flip\":3},"
		   "{\"match\":\"HEAD .*nohead/\",\"status\":405},"
		   "{\"match\":\"huge/manifests\",\"endless\":true}]}", NULL);
	MUST(registry_open(&reg, &o, &e));
	make_ref(&ref, f.host, "good/one");
	MUST(registry_manifest(&doc, reg, &ref, &e));
	assert_string_equal(doc.media_type, MANIFEST_TYPE);
	assert_true(digest_eq(&doc.digest, &layout.manifest));
	MUST(registry_head(&head, reg, &ref, &e));
	assert_true(digest_eq(&head.digest, &layout.manifest));
	assert_int_equal(head.size, doc.bytes.len);
	MUST(registry_manifest_at(&doc, reg, &ref, &layout.manifest, head.size, &e));
	MUST(registry_blob(&doc, reg, &ref, &layout.desc, MAX_IMGCONF, &e));
	assert_int_equal(doc.bytes.len, SIZE);
	assert_int_equal(registry_manifest_at(&doc, reg, &ref, &layout.manifest, head.size + 1, &e),
			 -EBADMSG);
	err_clear(&e);

	ref_clear(&ref);
	make_ref(&ref, f.host, "x/nohead");
	MUST(registry_head(&head, reg, &ref, &e));
	assert_true(digest_eq(&head.digest, &layout.manifest));

	static const struct { const char *name; int result; } bad[] = {
		{ "x/badname", -EINVAL }, { "x/baddigest", -EBADMSG },
		{ "x/flip", -EBADMSG }, { "x/huge", -EFBIG }, { "good/one:nosuch", -ENOENT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int r;

		ref_clear(&ref);
		make_ref(&ref, f.host, bad[i].name);
		r = registry_manifest(&doc, reg, &ref, &e);
		if (r != bad[i].result)
			fail_msg("%s: %d %s", bad[i].name, r, e.text);
		err_clear(&e);
	}
	fake_stop(&f);
}

/* Through a proxy the registry's name is the proxy's business. */
static void test_proxy(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(strv) struct strv plain = STRV_INIT;
	AUTO_FREE char *proxy = NULL;
	struct target t = { .is_done = false };
	struct fake f;

	fake_start(&f, &layout, "{\"rules\":[{\"match\":\"refuse.example\",\"status\":407}]}", NULL);
	proxy = mem_printf("http://%s", f.host);
	strv_add(&plain, "reg.example");
	strv_add(&plain, "refuse.example");
	o.plain_http = &plain;
	o.http_proxy = proxy;
	fetch_blob(&t, &o, "reg.example", &layout, 0);
	assert_int_equal(t.result, 0);
	assert_int_equal(fake_count(&f, "http://reg.example/v2/some/repo/blobs/"), 1);

	t = (struct target){ .is_done = false };
	fetch_blob(&t, &o, "refuse.example", &layout, 0);
	assert_int_equal(t.result, -EACCES);
	assert_string_equal(t.why.key, "registry.proxy");
	fake_stop(&f);
}

/* The first IPv4 address of this machine that is not loopback, or false. */
static bool own_address(char out[static INET_ADDRSTRLEN])
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (i = all; i && !found; i = i->ifa_next) {
		struct sockaddr_in sin;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    addr_class_of(i->ifa_addr) != ADDR_ORDINARY)
			continue;
		memcpy(&sin, i->ifa_addr, sizeof(sin));
		found = inet_ntop(AF_INET, &sin.sin_addr, out, INET_ADDRSTRLEN) != NULL;
	}
	freeifaddrs(all);
	return found;
}

/* A registry elsewhere sends us, by a name, to a service of this machine. */
static void test_redirect_to_loopback(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(strv) struct strv plain = STRV_INIT;
	AUTO_FREE char *script = NULL;
	AUTO_FREE char *bind = NULL;
	char address[INET_ADDRSTRLEN], host[64];
	struct target t = { .is_done = false };
	struct fake local, far;

	if (!own_address(address)) {
		print_message("no address but loopback\n");
		skip();
	}
	fake_start(&local, &layout, "{}", NULL);
	script = mem_printf("{\"rules\":[{\"match\":\"blobs\",\"redirect\":\"http://localhost%s{path}\"}]}",
			    strchr(local.host, ':'));
	bind = mem_printf("--bind=%s", address);
	fake_start(&far, &layout, script, (const char *[]){ bind, NULL });
	snprintf(host, sizeof(host), "%s%s", address, strchr(far.host, ':'));
	strv_add(&plain, host);
	o.plain_http = &plain;
	fetch_blob(&t, &o, host, &layout, 0);
	assert_int_equal(t.result, -EPROTO);
	assert_non_null(strstr(t.why.text, "where the registry is not"));
	assert_int_equal(fake_count(&local, "blobs"), 0);

	/* And without being listed it may not speak http at all. */
	o.plain_http = NULL;
	t = (struct target){ .is_done = false };
	fetch_blob(&t, &o, host, &layout, 0);
	assert_int_equal(t.result, -EPROTO);
	assert_string_equal(t.why.key, "registry.plain-http");
	fake_stop(&local);
	fake_stop(&far);
}

static int setup(void **state UNUSED)
{
	layout_make(&layout, SIZE);
	return 0;
}

static int teardown(void **state UNUSED)
{
	layout_clear(&layout);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused_before_writing),
		cmocka_unit_test(test_any_size),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_closed_keepalive),
		cmocka_unit_test(test_many_and_stop),
		cmocka_unit_test(test_nothing_left),
		cmocka_unit_test(test_extra_descriptor),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_redirect_to_loopback),
	};

	return cmocka_run_group_tests_name("registry fetch", tests, setup, teardown);
}
