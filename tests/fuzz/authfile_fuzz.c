#include "lib/fmt/authfile.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

static void find(const struct authfile *f, const char *host)
{
	AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;
	struct err e = ERR_INIT;

	CHECK(authfile_find(&c, f, host, "a/b", &e) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(authfile) struct authfile *f = NULL;
	AUTO(authfile) struct authfile *again = NULL;
	AUTO(buf) struct buf one = BUF_INIT(MAX_AUTH_FILE);
	AUTO(buf) struct buf two = BUF_INIT(MAX_AUTH_FILE);
	AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;
	struct err e = ERR_INIT;

	if (size > KIB(16) || authfile_parse(&f, (const char *)data, size, &e) < 0)
		return 0;
	find(f, "docker.io");
	find(f, "ghcr.io");
	authfile_set(f, "ghcr.io", "user", "pass", NULL);
	authfile_print(f, &one);
	CHECK(authfile_parse(&again, one.data, one.len, &e) == 0);
	authfile_print(again, &two);
	CHECK(str_eq(one.data, two.data));
	CHECK(authfile_find(&c, again, "ghcr.io", NULL, &e) == 1);
	CHECK(c.helper || str_eq(c.password.text, "pass"));
	CHECK(authfile_remove(again, "ghcr.io"));
	CHECK(!authfile_remove(again, "ghcr.io"));
	return 0;
}
