/* fakereg.h - a scripted registry and an image layout for tests.
 *
 * The layout has one blob of a given size with known bytes, and one manifest
 * that names it, tagged "latest".  fake_start() runs tests/fake/registryd on a
 * free port of loopback; it ends when its input is closed.
 */
#pragma once

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/ref.h"
#include "lib/registry/fetch.h"
#include "lib/registry/push.h"
#include "lib/registry/resolve.h"
#include "tests/unit/test.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

struct layout {
	char dir[64];
	char *blob;			/* its bytes */
	struct desc desc;		/* of the blob */
	struct digest manifest;
};

struct fake {
	struct proc proc;
	int input;
	char host[32];			/* "127.0.0.1:PORT" */
	char *log;			/* path */
};

#define MUST(call) must((call), &e, #call)

static inline void must(int r, const struct err *e, const char *what)
{
	if (r < 0)
		fail_msg("%s: %s", what, e->text);
}

/* The source tree, from build/CONFIG/tests/unit/X_test. */
static inline char *source_path(const char *name)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	for (int up = 0; up < 5; up++)
		*strrchr(exe, '/') = '\0';
	return mem_printf("%s/%s", exe, name);
}

static inline void hash_bytes(struct digest *out, const void *data, size_t len)
{
	out->alg = DIGEST_SHA256;
	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, out->bytes), 0);
}

static inline void put_blob(int dirfd, const void *data, size_t len,
			    struct digest *out)
{
	struct err e = ERR_INIT;
	char hex[DIGEST_TEXT_MAX];
	AUTO_FREE char *name = NULL;
	AUTO_FD int fd = -1;

	hash_bytes(out, data, len);
	digest_hex(out, hex);
	name = mem_printf("blobs/sha256/%s", hex);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	MUST(fs_write_all(fd, data, len, &e));
}

static inline void layout_make(struct layout *l, size_t size)
{
	struct err e = ERR_INIT;
	AUTO_FD int dirfd = -1, sub = -1;
	AUTO_FREE char *manifest = NULL;
	AUTO_FREE char *index = NULL;
	char text[DIGEST_TEXT_MAX];
	uint32_t x = 1;

	*l = (struct layout){ .dir = "/tmp/registry-test-XXXXXX" };
	assert_non_null(mkdtemp(l->dir));
	dirfd = fs_open_dir(AT_FDCWD, l->dir, &e);
	sub = fs_mkdirs(dirfd, "blobs/sha256", 0755, &e);
	assert_true(sub >= 0);
	l->blob = mem_zero(size + 4, 1);
	for (size_t i = 0; i < size; i += 4) {
		x = x * 1664525 + 1013904223;
		memcpy(l->blob + i, &x, 4);
	}
	put_blob(dirfd, l->blob, size, &l->desc.digest);
	l->desc.size = size;
	digest_print(&l->desc.digest, text);
	manifest = mem_printf("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\","
			      "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
			      "\"layers\":[]}", text, size);
	put_blob(dirfd, manifest, strlen(manifest), &l->manifest);
	digest_print(&l->manifest, text);
	index = mem_printf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"%s\",\"size\":%zu,"
			   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\"}}]}",
			   text, strlen(manifest));
	MUST(fs_replace(dirfd, "index.json", index, strlen(index), 0644, FS_NOSYNC, &e));
}

static inline void layout_clear(struct layout *l)
{
	struct err e = ERR_INIT;
	AUTO_FD int tmp = fs_open_dir(AT_FDCWD, "/tmp", &e);

	MUST(fs_rmtree(tmp, l->dir + strlen("/tmp/"), &e));
	free(l->blob);
	desc_clear(&l->desc);
}

/* Reads the line with the port that a server prints. */
static inline void read_port(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && read(fd, out + len, 1) == 1 && out[len] != '\n')
		len++;
	out[len] = '\0';
	assert_true(len > 0);
}

/* more: further arguments, ends in NULL; may be NULL. */
static inline void fake_start(struct fake *f, const struct layout *l,
			      const char *script, const char *const *more)
{
	static unsigned count;
	struct err e = ERR_INIT;
	AUTO_FREE char *program = source_path("tests/fake/registryd");
	AUTO(fd_pair) struct fd_pair in = FD_PAIR_INIT, out = FD_PAIR_INIT;
	AUTO(strv) struct strv argv = STRV_INIT;
	char port[16];

	*f = (struct fake){ .proc = PROC_INIT, .input = -1 };
	f->log = mem_printf("%s/log-%u", l->dir, ++count);
	strv_add(&argv, program);
	strv_addf(&argv, "--layout=%s", l->dir);
	strv_addf(&argv, "--script=%s", script);
	strv_addf(&argv, "--log=%s", f->log);
	for (; more && *more; more++)
		strv_add(&argv, *more);
	MUST(fd_pipe(&in, &e));
	MUST(fd_pipe(&out, &e));
	MUST(proc_spawn(&f->proc, &(struct proc_spec){
		.path = program,
		.argv = strv_args(&argv),
		.fds = (struct proc_fd[]){ { in.a, 0 }, { out.b, 1 }, { 2, 2 } },
		.fd_count = 3,
	}, &e));
	f->input = take_fd(&in.b);
	fd_auto(&out.b);
	read_port(out.a, port, sizeof(port));
	snprintf(f->host, sizeof(f->host), "127.0.0.1:%s", port);
}

static inline void fake_stop(struct fake *f)
{
	struct err e = ERR_INIT;
	int status;

	fd_auto(&f->input);
	MUST(proc_wait(&f->proc, &status, &e));
	free(f->log);
}

/* How many requests were logged whose line holds this text. */
static inline unsigned fake_count(const struct fake *f, const char *text)
{
	struct err e = ERR_INIT;
	AUTO(buf) struct buf b = BUF_INIT(MIB(16));
	unsigned n = 0;

	MUST(fs_read(AT_FDCWD, f->log, &b, &e));
	for (const char *s = strstr(b.data, text); s; s = strstr(s + 1, text))
		n++;
	return n;
}

/* --- a client that waits for the server, but hardly between attempts --- */

static inline struct registry_options quick_options(void)
{
	return (struct registry_options){
		.user_agent = "coracle-test",
		.limits = {
			.connect_ms = 60000,
			.slow_bytes_s = 1000,
			.slow_s = 60,
			.attempts = 4,
			.backoff_ms = 10,
			.backoff_max_ms = 40,
			.retry_after_max_s = 1,
		},
	};
}

static inline void make_ref(struct ref *out, const char *host, const char *rest)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *text = mem_printf("%s/%s", host, rest);

	MUST(ref_parse(out, text, &e));
	ref_default_tag(out);
}

/* --- a sink that compares --- */

struct target {
	const char *want;
	uint64_t at;
	uint64_t fail_at;		/* -ENOSPC from here on, when not 0 */
	bool is_wrong;			/* bytes differed */
	bool is_done;
	int result;
	struct err why;
};

static inline int target_write(void *arg, const void *data, size_t len,
			       struct err *e)
{
	struct target *t = arg;

	if (t->fail_at && t->at >= t->fail_at)
		return err_set(e, ENOSPC, "the disk is full");
	if (memcmp(t->want + t->at, data, len) != 0)
		t->is_wrong = true;
	t->at += len;
	return 0;
}

static inline void target_done(void *arg, int result, struct err *why)
{
	struct target *t = arg;

	assert_false(t->is_done);
	t->is_done = true;
	t->result = result;
	t->why = *why;
}

static const struct fetch_sink target_sink = {
	.write = target_write,
	.done = target_done,
};

/* Fetches the layout's blob; what it came to is in the target. */
static inline void fetch_blob(struct target *t, const struct registry_options *o,
			      const char *host, const struct layout *l,
			      uint64_t offset)
{
	struct err e = ERR_INIT;
	AUTO(registry) struct registry *reg = NULL;
	AUTO(ref) struct ref ref = REF_INIT;

	t->want = l->blob;
	t->at = offset;
	make_ref(&ref, host, "some/repo");
	MUST(registry_open(&reg, o, &e));
	MUST(registry_fetch_add(reg, &ref, &l->desc, offset, &target_sink, t, &e));
	MUST(registry_run(reg, &e));
	assert_true(t->is_done);
}

/* --- a source of bytes to push --- */

struct origin {
	const char *data;
	uint64_t size;
	uint64_t fail_at;		/* -EIO from here on, when not 0 */
	bool is_done;
	int result;
	struct err why;
};

static inline int origin_read(void *arg, uint64_t offset, void *data, size_t len,
			      struct err *e)
{
	const struct origin *o = arg;

	if (o->fail_at && offset >= o->fail_at)
		return err_set(e, EIO, "the disk is broken");
	assert_true(len <= o->size && offset <= o->size - len);
	memcpy(data, o->data + offset, len);
	return 0;
}

static inline void origin_done(void *arg, int result, struct err *why)
{
	struct origin *o = arg;

	assert_false(o->is_done);
	o->is_done = true;
	o->result = result;
	o->why = *why;
}

static const struct push_source origin_source = {
	.read = origin_read,
	.done = origin_done,
};

/* Pushes them; what it came to is in the origin, and returned. */
static inline int push_bytes(struct origin *from, const struct registry_options *o,
			     const char *host, const char *rest, const char *type)
{
	struct err e = ERR_INIT;
	AUTO(registry) struct registry *reg = NULL;
	AUTO(desc) struct desc desc = { .media_type = mem_str(type), .size = from->size };
	AUTO_FREE char *text = mem_printf("%s/%s", host, rest);
	AUTO(ref) struct ref ref = REF_INIT;

	hash_bytes(&desc.digest, from->data, from->size);
	MUST(ref_parse(&ref, text, &e));
	MUST(registry_open(&reg, o, &e));
	MUST(registry_push_add(reg, &ref, &desc, &origin_source, from, &e));
	MUST(registry_run(reg, &e));
	assert_true(from->is_done);
	return from->result;
}
