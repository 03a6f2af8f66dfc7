#include "lib/plugin/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"
#include "lib/plugin/helper.h"
#include "tests/unit/test.h"

#define MUST(call) must((call), &e, #call)

static char dir[] = "/tmp/credential-test-XXXXXX";

static void must(int r, const struct err *e, const char *what)
{
	if (r < 0)
		fail_msg("%s: %s", what, e->text);
}

static void make_helper(const char *name, const char *script)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, dir, &e);

	MUST(fs_replace(fd, name, script, strlen(script), 0755, FS_NOSYNC, &e));
}

/* A key chain in one file, as the protocol wants it. */
static const char keeper[] =
	"#!/bin/sh\n"
	"cd \"$(dirname \"$0\")\" || exit 9\n"
	"case $1 in\n"
	"store) cat >kept ;;\n"
	"get) read -r s || :\n"
	"	case $s in ghcr.io) cat kept ;;\n"
	"	other) echo '{\"ServerURL\":\"evil.example\",\"Username\":\"u\",\"Secret\":\"s\"}' ;;\n"
	"	*) echo 'credentials not found in native keychain'; exit 1 ;; esac ;;\n"
	"erase) rm kept ;;\n"
	"list) echo '{\"ghcr.io\":\"me\",\"https://index.docker.io/v1/\":\"you\"}' ;;\n"
	"*) exit 2 ;;\n"
	"esac\n";

static void test_round(void **state)
{
	struct credential_helper h = { .name = "keeper" };
	AUTO(credential) struct credential in = CREDENTIAL_INIT;
	AUTO(credential) struct credential out = CREDENTIAL_INIT;
	AUTO(strv) struct strv list = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	make_helper("docker-credential-keeper", keeper);
	in.user = strdup("me");
	secret_set(&in.secret, "p\"\n\xc3\xa4 x");
	MUST(credential_store(&h, "ghcr.io", &in, &e));
	MUST(credential_get(&out, &h, "ghcr.io", &e));
	assert_string_equal(out.user, "me");
	assert_string_equal(out.secret.text, in.secret.text);
	MUST(credential_list(&list, &h, &e));
	assert_int_equal(list.len, 2);
	assert_string_equal(list.v[0], "ghcr.io=me");
	MUST(credential_erase(&h, "ghcr.io", &e));
	assert_int_equal(credential_get(&out, &h, "ghcr.io", &e), -EIO);
}

static void test_bad_answers(void **state)
{
	static const struct { const char *script; int result; } rows[] = {
		{ "#!/bin/sh\necho 'credentials not found in native keychain'; exit 1\n", -ENOENT },
		{ "#!/bin/sh\necho secret-text; exit 1\n", -EIO },
		{ "#!/bin/sh\necho secret-text\n", -EPROTO },
		{ "#!/bin/sh\necho '{\"Username\":1,\"Secret\":\"secret-text\"}'\n", -EPROTO },
		{ "#!/bin/sh\necho '{\"Username\":\"u\"}'\n", -EPROTO },
		{ "#!/bin/sh\necho '{\"Username\":\"u\",\"Secret\":\"secret-text\",\"Secret\":\"x\"}'\n", -EPROTO },
		{ "#!/bin/sh\necho '{\"ServerURL\":\"evil\",\"Username\":\"u\",\"Secret\":\"secret-text\"}'\n", -EPROTO },
		{ "#!/bin/sh\nexec yes secret-text\n", -EFBIG },
		{ "#!/bin/sh\nexec sleep 100\n", -ETIMEDOUT },
		{ "#!/bin/sh\nexec >&-; exec sleep 100\n", -ETIMEDOUT },
		{ "#!/bin/sh\nkill -9 $$\n", -EIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct credential_helper h = {
			.name = "bad",
			.timeout_ms = rows[i].result == -ETIMEDOUT ? 300 : 60000,
		};
		AUTO(credential) struct credential c = CREDENTIAL_INIT;
		struct err e = ERR_INIT;
		uint64_t start = clock_mono_ns();
		int r;

		make_helper("docker-credential-bad", rows[i].script);
		r = credential_get(&c, &h, "ghcr.io", &e);
		if (r != rows[i].result)
			fail_msg("row %zu: %d %s", i, r, e.text);
		assert_null(strstr(e.text, "secret-text"));
		assert_true(clock_mono_ns() - start < 50 * NS_PER_S);
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", "a/b", "../x", "-x", ".x", "a b", "a;b", "a$b", NULL };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i == 0 || bad[i - 1]; i++) {
		struct credential_helper h = { .name = bad[i] };
		AUTO(credential) struct credential c = CREDENTIAL_INIT;

		assert_int_equal(credential_get(&c, &h, "x", &e), -EINVAL);
		err_clear(&e);
	}
	{
		struct credential_helper h = { .name = "nobody-has-this-one" };
		AUTO(credential) struct credential c = CREDENTIAL_INIT;

		assert_int_equal(credential_get(&c, &h, "x", &e), -ENOPKG);
		assert_string_equal(e.key, "registry.helper");
	}
}

/* A helper that never reads what it is given must not stop us. */
static void test_unread_input(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(100);
	AUTO_FREE char *big = malloc(200001);
	struct err e = ERR_INIT;
	int status;

	(void)state;
	memset(big, 'x', 200000);
	big[200000] = '\0';
	MUST(helper_run(&(struct helper){
		.program = "sh",
		.args = (char *[]){ (char *)"-c", (char *)"echo done; exit 7", NULL },
		.input = big,
		.timeout_ms = 60000,
	}, &out, &status, &e));
	assert_int_equal(status, 7);
	assert_string_equal(out.data, "done\n");
}

static int setup(void **state)
{
	char path[4096];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s:%s", dir, getenv("PATH"));
	return setenv("PATH", path, 1);
}

static int teardown(void **state)
{
	struct err e = ERR_INIT;
	AUTO_FD int tmp = fs_open_dir(AT_FDCWD, "/tmp", &e);

	(void)state;
	return fs_rmtree(tmp, dir + strlen("/tmp/"), &e);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unread_input),
	};

	return cmocka_run_group_tests_name("plugin credential", tests, setup, teardown);
}
