#include "tests/unit/fakereg.h"

#include <gnutls/x509.h>
#include <time.h>

/* The real docker-registry: anonymous, basic, TLS; and what certificates can
 * be wrong with, against the scripted server.  Certificates are made here. */

#define SIZE 3000000
#define PASSWORD "canary-secret"
#define HTPASSWD "user:$2y$05$UQE1XOqbmt9pj1GJ2q7pBera5539hlVONv4z1MJe26YDDdMRJMeAO\n"

static struct layout layout;

static void put_file(const char *dir, const char *path, const void *data, size_t len)
{
	struct err e = ERR_INIT;
	AUTO_FD int root = fs_open_dir(AT_FDCWD, dir, &e);
	AUTO_FREE char *parent = mem_str(path);
	char *slash = strrchr(parent, '/');
	AUTO_FD int fd = -1;

	if (slash)
		*slash = '\0';
	fd = slash ? fs_mkdirs(root, parent, 0755, &e) : take_fd(&root);
	assert_true(fd >= 0);
	MUST(fs_replace(fd, slash ? slash + 1 : parent, data, len, 0644, FS_NOSYNC, &e));
}

static void put_text(const char *dir, const char *path, const char *text)
{
	put_file(dir, path, text, strlen(text));
}

/* --- certificates --- */

struct pair {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
};

static void export_pair(const struct pair *p, const char *name)
{
	gnutls_datum_t pem;
	char file[64];

	assert_int_equal(gnutls_x509_crt_export2(p->cert, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(file, sizeof(file), "%s.crt", name);
	put_file(layout.dir, file, pem.data, pem.size);
	gnutls_free(pem.data);
	assert_int_equal(gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(file, sizeof(file), "%s.key", name);
	put_file(layout.dir, file, pem.data, pem.size);
	gnutls_free(pem.data);
}

/* ca NULL: signed by itself, an authority.  ip: four bytes, or NULL. */
static void make_pair(struct pair *p, const char *name, const struct pair *ca,
		      const unsigned char *ip, time_t from, time_t to)
{
	const struct pair *by = ca ? ca : p;
	unsigned char serial = (unsigned char)(1 + strlen(name));

	gnutls_x509_privkey_init(&p->key);
	gnutls_x509_crt_init(&p->cert);
	assert_int_equal(gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	gnutls_x509_crt_set_version(p->cert, 3);
	gnutls_x509_crt_set_serial(p->cert, &serial, 1);
	gnutls_x509_crt_set_activation_time(p->cert, from);
	gnutls_x509_crt_set_expiration_time(p->cert, to);
	gnutls_x509_crt_set_key(p->cert, p->key);
	gnutls_x509_crt_set_dn_by_oid(p->cert, GNUTLS_OID_X520_COMMON_NAME, 0, name,
				      (unsigned)strlen(name));
	if (ip)
		gnutls_x509_crt_set_subject_alt_name(p->cert, GNUTLS_SAN_IPADDRESS, ip, 4, 0);
	gnutls_x509_crt_set_basic_constraints(p->cert, !ca, -1);
	assert_int_equal(gnutls_x509_crt_sign2(p->cert, by->cert, by->key,
					       GNUTLS_DIG_SHA256, 0), 0);
	export_pair(p, name);
}

static void free_pair(struct pair *p)
{
	gnutls_x509_crt_deinit(p->cert);
	gnutls_x509_privkey_deinit(p->key);
}

static void make_certificates(void)
{
	static const unsigned char home[4] = { 127, 0, 0, 1 }, other[4] = { 192, 0, 2, 1 };
	time_t now = time(NULL), day = 24 * 3600;
	struct pair ca, p;

	make_pair(&ca, "ca", NULL, NULL, now - 9 * day, now + 9 * day);
	make_pair(&p, "good", &ca, home, now - day, now + day);
	free_pair(&p);
	make_pair(&p, "expired", &ca, home, now - 2 * day, now - day);
	free_pair(&p);
	make_pair(&p, "othername", &ca, other, now - day, now + day);
	free_pair(&p);
	make_pair(&p, "client", &ca, NULL, now - day, now + day);
	free_pair(&p);
	free_pair(&ca);
}

/* certs.d/HOST/: the authority, and the client's pair when asked for. */
static char *trust(const char *host, bool with_client)
{
	static const struct { const char *from, *to; } copies[] = {
		{ "ca.crt", "ca.crt" }, { "client.crt", "client.cert" }, { "client.key", "client.key" },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < (with_client ? 3 : 1); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		AUTO_FREE char *from = mem_printf("%s/%s", layout.dir, copies[i].from);
		AUTO_FREE char *to = mem_printf("certs.d/%s/%s", host, copies[i].to);

		MUST(fs_read(AT_FDCWD, from, &b, &e));
		put_file(layout.dir, to, b.data, b.len);
	}
	return mem_printf("%s/certs.d", layout.dir);
}

static void start_tls(struct fake *f, const char *name, bool wants_client)
{
	AUTO_FREE char *cert = mem_printf("--cert=%s/%s.crt", layout.dir, name);
	AUTO_FREE char *key = mem_printf("--key=%s/%s.key", layout.dir, name);
	AUTO_FREE char *ca = mem_printf("--client-ca=%s/ca.crt", layout.dir);

	fake_start(f, &layout, "{}",
		   (const char *[]){ cert, key, wants_client ? ca : NULL, NULL });
}

struct tls_row {
	const char *cert;
	bool wants_client;
	enum { NO_TRUST, TRUST, TRUST_CLIENT, INSECURE } mode;
	int result;
	const char *key;
};

static const struct tls_row tls_rows[] = {
	{ "good", false, TRUST, 0, NULL },
	{ "good", false, NO_TRUST, EKEYREJECTED, "registry.ca" },
	{ "good", false, INSECURE, 0, NULL },
	{ "expired", false, TRUST, EKEYREJECTED, "registry.ca" },
	{ "othername", false, TRUST, EKEYREJECTED, "registry.ca" },
	{ "good", true, TRUST_CLIENT, 0, NULL },
};

static void test_tls(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(tls_rows); i++) {
		const struct tls_row *row = &tls_rows[i];
		struct registry_options o = quick_options();
		AUTO(strv) struct strv dirs = STRV_INIT;
		AUTO(strv) struct strv insecure = STRV_INIT;
		struct target t = { .is_done = false };
		struct fake f;

		start_tls(&f, row->cert, row->wants_client);
		if (row->mode == TRUST || row->mode == TRUST_CLIENT)
			strv_take(&dirs, trust(f.host, row->mode == TRUST_CLIENT));
		if (row->mode == INSECURE)
			strv_add(&insecure, f.host);
		o.cert_dirs = &dirs;
		o.insecure = &insecure;
		fetch_blob(&t, &o, f.host, &layout, 0);
		if (t.result != -row->result || !str_eq(t.why.key, row->key))
			fail_msg("row %zu: %d %s", i, t.result, t.why.text);
		if (!t.result && (t.is_wrong || t.at != SIZE))
			fail_msg("row %zu: wrong bytes", i);
		fake_stop(&f);
	}
}

/* A server that wants a certificate we do not have: refused, not asked for
 * ever. */
static void test_tls_no_client(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(strv) struct strv dirs = STRV_INIT;
	struct target t = { .is_done = false };
	struct fake f;

	start_tls(&f, "good", true);
	strv_take(&dirs, trust(f.host, false));
	o.cert_dirs = &dirs;
	fetch_blob(&t, &o, f.host, &layout, 0);
	assert_true(t.result < 0);
	fake_stop(&f);
}

/* --- docker-registry --- */

struct real {
	struct proc proc;
	char host[32];
};

/* Its storage, written as it would. */
static void fill_storage(void)
{
	const struct digest *digests[] = { &layout.desc.digest, &layout.manifest };
	struct err e = ERR_INIT;
	char hex[DIGEST_TEXT_MAX], text[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < 2; i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(16));
		AUTO_FREE char *from = NULL;
		AUTO_FREE char *data = NULL;
		AUTO_FREE char *link = NULL;

		digest_hex(digests[i], hex);
		digest_print(digests[i], text);
		from = mem_printf("%s/blobs/sha256/%s", layout.dir, hex);
		data = mem_printf("storage/docker/registry/v2/blobs/sha256/%.2s/%s/data", hex, hex);
		link = mem_printf("storage/docker/registry/v2/repositories/some/repo/%s/sha256/%s/link",
				  i ? "_manifests/revisions" : "_layers", hex);
		MUST(fs_read(AT_FDCWD, from, &b, &e));
		put_file(layout.dir, data, b.data, b.len);
		put_text(layout.dir, link, text);
	}
	put_text(layout.dir, "storage/docker/registry/v2/repositories/some/repo/_manifests/tags/latest/current/link", text);
}

static void wait_for_port(struct real *r, const char *log)
{
	for (int i = 0; i < 6000; i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(1));
		struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
		struct err e = ERR_INIT;
		const char *at;

		MUST(fs_read(AT_FDCWD, log, &b, &e));
		at = strstr(b.data, "listening on 127.0.0.1:");
		if (at && strpbrk(at, ",\"\n")) {
			at += strlen("listening on ");
			snprintf(r->host, sizeof(r->host), "%.*s", (int)strcspn(at, ",\" \n"), at);
			return;
		}
		nanosleep(&pause, NULL);
	}
	fail_msg("docker-registry does not listen");
}

static void real_start(struct real *r, const char *more_yaml)
{
	static unsigned count;
	struct err e = ERR_INIT;
	AUTO_FREE char *yaml = mem_printf("version: 0.1\nlog: {accesslog: {disabled: true}}\n"
		"storage: {filesystem: {rootdirectory: %s/storage}}\n"
		"http:\n  addr: 127.0.0.1:0\n%s", layout.dir, more_yaml);
	AUTO_FREE char *name = mem_printf("real-%u.yml", ++count);
	AUTO_FREE char *path = mem_printf("%s/%s", layout.dir, name);
	AUTO_FREE char *log = mem_printf("%s/real-%u.log", layout.dir, count);
	AUTO_FD int out = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);

	put_text(layout.dir, name, yaml);
	r->proc = (struct proc)PROC_INIT;
	MUST(proc_spawn(&r->proc, &(struct proc_spec){
		.path = "docker-registry",
		.search = true,
		.argv = (char *[]){ (char *)"docker-registry", (char *)"serve", path, NULL },
		.fds = (struct proc_fd[]){ { out, 1 }, { out, 2 } },
		.fd_count = 2,
	}, &e));
	wait_for_port(r, log);
}

static int give_password(struct registry_creds *out, const char *host UNUSED,
			 const char *repo UNUSED, void *arg, struct err *e UNUSED)
{
	out->user = mem_str("user");
	secret_set(&out->password, arg);
	return 0;
}

static void pull_all(const struct registry_options *o, const char *host, int result)
{
	AUTO(registry) struct registry *reg = NULL;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(desc) struct desc head = DESC_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	struct target t = { .is_done = false };
	struct err e = ERR_INIT;
	int r;

	make_ref(&ref, host, "some/repo");
	MUST(registry_open(&reg, o, &e));
	r = registry_manifest(&doc, reg, &ref, &e);
	if (r != result)
		fail_msg("%d %s", r, e.text);
	if (result)
		return;
	assert_true(digest_eq(&doc.digest, &layout.manifest));
	MUST(registry_head(&head, reg, &ref, &e));
	assert_true(digest_eq(&head.digest, &layout.manifest));
	assert_int_equal(head.size, doc.bytes.len);
	fetch_blob(&t, o, host, &layout, 0);
	assert_int_equal(t.result, 0);
	assert_false(t.is_wrong);
	t = (struct target){ .is_done = false };
	fetch_blob(&t, o, host, &layout, SIZE / 2);
	assert_int_equal(t.result, 0);
	assert_true(!t.is_wrong && t.at == SIZE);
}

/* A blob and a manifest that the registry has not, and a second time when it
 * has. */
static void push_all(const struct registry_options *o, const char *host, int result)
{
	AUTO_FREE char *config = mem_printf("{\"host\":\"%s\"}", host);
	AUTO_FREE char *manifest = NULL;
	AUTO(registry) struct registry *reg = NULL;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	char text[DIGEST_TEXT_MAX];
	struct err e = ERR_INIT;
	struct digest d;

	hash_bytes(&d, config, strlen(config));
	digest_print(&d, text);
	manifest = mem_printf("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\","
			      "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
			      "\"layers\":[]}", text, strlen(config));
	for (int i = 0; i < 2; i++) {
		struct origin blob = { .data = config, .size = strlen(config) };
		struct origin named = { .data = manifest, .size = strlen(manifest) };

		if (push_bytes(&blob, o, host, "a/pushed", "application/octet-stream") != result)
			fail_msg("%d %s", blob.result, blob.why.text);
		if (push_bytes(&named, o, host, "a/pushed:1", MANIFEST_TYPE) != result)
			fail_msg("%d %s", named.result, named.why.text);
	}
	if (result)
		return;
	make_ref(&ref, host, "a/pushed:1");
	MUST(registry_open(&reg, o, &e));
	MUST(registry_manifest(&doc, reg, &ref, &e));
	assert_string_equal(doc.bytes.data, manifest);
}

/* What it refuses is said in its words. */
static void push_refused(const struct registry_options *o, const char *host)
{
	static const char orphan[] = "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\","
		"\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
		"\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"size\":2},\"layers\":[]}";
	struct origin from = { .data = orphan, .size = strlen(orphan) };

	assert_int_equal(push_bytes(&from, o, host, "a/pushed:2", MANIFEST_TYPE), -EPROTO);
	if (!strstr(from.why.text, "blob unknown"))
		fail_msg("%s", from.why.text);
}

static void test_real_anonymous(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	AUTO(proc) struct proc guard = PROC_INIT;
	struct err e = ERR_INIT;
	struct real r;

	real_start(&r, "");
	guard = r.proc;
	pull_all(&o, r.host, 0);
	push_all(&o, r.host, 0);
	push_refused(&o, r.host);
	make_ref(&ref, r.host, "some/repo:absent");
	MUST(registry_open(&reg, &o, &e));
	assert_int_equal(registry_manifest(&doc, reg, &ref, &e), -ENOENT);
	assert_non_null(strstr(e.text, "manifest unknown"));
}

static void test_real_basic(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(proc) struct proc guard = PROC_INIT;
	AUTO_FREE char *yaml = mem_printf("auth: {htpasswd: {realm: r, path: %s/htpasswd}}\n", layout.dir);
	struct real r;

	put_text(layout.dir, "htpasswd", HTPASSWD);
	real_start(&r, yaml);
	guard = r.proc;
	pull_all(&o, r.host, -EACCES);
	o.creds = give_password;
	o.creds_arg = (char *)"wrong";
	pull_all(&o, r.host, -EACCES);
	push_all(&o, r.host, -EACCES);
	o.creds_arg = (char *)PASSWORD;
	pull_all(&o, r.host, 0);
	push_all(&o, r.host, 0);
}

static void test_real_tls(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(strv) struct strv dirs = STRV_INIT;
	AUTO(proc) struct proc guard = PROC_INIT;
	AUTO_FREE char *yaml = mem_printf("  tls: {certificate: %s/good.crt, key: %s/good.key}\n",
					  layout.dir, layout.dir);
	struct real r;

	real_start(&r, yaml);
	guard = r.proc;
	/* Without certs.d it is found out to speak TLS, and not trusted. */
	pull_all(&o, r.host, -EKEYREJECTED);
	strv_take(&dirs, trust(r.host, false));
	o.cert_dirs = &dirs;
	pull_all(&o, r.host, 0);
	push_all(&o, r.host, 0);
}

static int setup(void **state UNUSED)
{
	layout_make(&layout, SIZE);
	make_certificates();
	fill_storage();
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
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_no_client),
		cmocka_unit_test(test_real_anonymous),
		cmocka_unit_test(test_real_basic),
		cmocka_unit_test(test_real_tls),
	};

	return cmocka_run_group_tests_name("registry real", tests, setup, teardown);
}
