#include "lib/registry/tls.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_CA_FILE MIB(8)

void tls_trust_clear(struct tls_trust *t)
{
	fd_auto(&t->ca_fd);
	free(t->cert);
	free(t->key);
	*t = (struct tls_trust)TLS_TRUST_INIT;
}

static int add_name(int dirfd UNUSED, const char *name, unsigned char type UNUSED,
		    void *names, struct err *e UNUSED)
{
	if (str_ends(name, ".crt") || str_ends(name, ".cert"))
		strv_add(names, name);
	return 0;
}

static int add_pem(struct buf *all, int dirfd, const char *name, struct err *e)
{
	AUTO(buf) struct buf one = BUF_INIT(MAX_CA_FILE);
	int r;

	r = fs_read(dirfd, name, &one, e);
	if (r < 0)
		return r;
	buf_add(all, one.data, one.len);
	buf_addc(all, '\n');
	return buf_ok(all, "certificates", e);
}

static const char *system_bundle(void)
{
	return curl_version_info(CURLVERSION_NOW)->cainfo;
}

static int join_authorities(struct tls_trust *t, int dirfd,
			    const struct strv *names, struct err *e)
{
	AUTO(buf) struct buf all = BUF_INIT(2 * MAX_CA_FILE);
	const char *bundle = system_bundle();
	bool own = false;
	int r;

	for (size_t i = 0; i < names->len; i++) {
		if (!str_ends(names->v[i], ".crt"))
			continue;
		own = true;
		r = add_pem(&all, dirfd, names->v[i], e);
		if (r < 0)
			return err_ctx(e, r, "'%s'", names->v[i]);
	}
	if (!own)
		return 0;
	if (bundle && add_pem(&all, AT_FDCWD, bundle, e) < 0)
		err_clear(e);	/* a machine without one has only its own */
	t->ca_fd = fd_sealed("authorities", all.data, all.len, e);
	return t->ca_fd < 0 ? -e->code : 0;
}

static int find_client(struct tls_trust *t, int dirfd, const char *dir,
		       const struct strv *names, struct err *e)
{
	const char *first = NULL;
	size_t stem;

	for (size_t i = 0; i < names->len; i++)
		if (str_ends(names->v[i], ".cert") &&
		    (!first || strcmp(names->v[i], first) < 0))
			first = names->v[i];
	if (!first)
		return 0;
	stem = strlen(first) - strlen(".cert");
	t->cert = mem_printf("%s/%s", dir, first);
	t->key = mem_printf("%s/%.*s.key", dir, (int)stem, first);
	if (faccessat(dirfd, strrchr(t->key, '/') + 1, R_OK, 0) < 0)
		return err_sys(e, "'%s'", t->key);
	return 0;
}

static int load_dir(struct tls_trust *t, const char *dir, struct err *e)
{
	AUTO(strv) struct strv names = STRV_INIT;
	AUTO_FD int dirfd = fs_open_dir(AT_FDCWD, dir, e);
	int r;

	if (dirfd < 0)
		return -e->code;
	r = fs_each(dirfd, add_name, &names, e);
	if (r == 0)
		r = join_authorities(t, dirfd, &names, e);
	if (r == 0)
		r = find_client(t, dirfd, dir, &names, e);
	return r;
}

int tls_trust_load(struct tls_trust *out, const struct strv *cert_dirs,
		   const char *authority, struct err *e)
{
	struct tls_trust t = TLS_TRUST_INIT;
	int r;

	if (!cert_dirs || !str_is_component(authority))
		return 0;
	for (size_t i = 0; i < cert_dirs->len; i++) {
		AUTO_FREE char *dir = mem_printf("%s/%s", cert_dirs->v[i], authority);

		r = load_dir(&t, dir, e);
		if (r == -ENOENT && !t.cert) {
			err_clear(e);
			continue;
		}
		if (r < 0) {
			struct err why = ERR_INIT;

			err_move(&why, e);
			tls_trust_clear(&t);
			return err_hint(e, err_set(e, EKEYREJECTED, "certificates in '%s': %s",
						   dir, why.text), "registry.ca");
		}
		t.has_dir = true;
		t.insecure = out->insecure;
		tls_trust_clear(out);
		*out = t;
		return 0;
	}
	return 0;
}

void tls_apply(CURL *easy, const struct tls_trust *t)
{
	char path[32];

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, t->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, t->insecure ? 0L : 2L);
	/* One bundle is enough: GnuTLS would parse the directory besides. */
	if (system_bundle())
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (t->ca_fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", t->ca_fd);
		curl_easy_setopt(easy, CURLOPT_CAINFO, path);
	}
	if (t->cert) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, t->cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, t->key);
	}
}
