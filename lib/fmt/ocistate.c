#include "lib/fmt/ocistate.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/spec.h"

void oci_state_init(struct oci_state *s)
{
	*s = (struct oci_state){ .init = { .pid = 0 } };
}

void oci_state_clear(struct oci_state *s)
{
	free(s->id);
	free(s->bundle);
	free(s->rootfs);
	strv_clear(&s->annotations);
	free(s->cgroup);
	free(s->scope);
	oci_state_init(s);
}

/* --- our own file --- */

static int get_init(struct proc_id *out, const struct json_at *at, struct err *e)
{
	const char *boot;
	uint64_t pid;
	int r = json_get_u64(&pid, at, "pid", 0, INT32_MAX, JSON_MUST, e);

	if (r > 0)
		r = json_get_u64(&out->start, at, "start", 0, UINT64_MAX, JSON_MUST, e);
	if (r > 0)
		r = json_get_string(&boot, at, "boot", JSON_MUST, e);
	if (r < 0)
		return r;
	out->pid = (pid_t)pid;
	return str_copy(out->boot, sizeof(out->boot), boot) ? 0 :
		json_fail(at, EINVAL, e, "boot: too long");
}

static int get_state(struct oci_state *s, const struct json_at *at, struct err *e)
{
	int r = json_as_object(at, e);

	if (r >= 0)
		r = json_get_copy(&s->id, at, "id", JSON_MUST, e);
	if (r >= 0)
		r = json_get_copy(&s->bundle, at, "bundle", JSON_MUST, e);
	if (r >= 0)
		r = json_get_copy(&s->rootfs, at, "rootfs", JSON_MUST, e);
	if (r >= 0)
		r = json_get_map(&s->annotations, at, "annotations", JSON_MAY, e);
	if (r >= 0)
		r = get_init(&s->init, at, e);
	if (r >= 0)
		r = json_get_u64(&s->created_ns, at, "created", 0, UINT64_MAX, JSON_MUST, e);
	if (r >= 0)
		r = json_get_u32(&s->owner, at, "owner", JSON_MUST, e);
	if (r >= 0)
		r = json_get_copy(&s->cgroup, at, "cgroup", JSON_MAY, e);
	if (r >= 0)
		r = json_get_copy(&s->scope, at, "scope", JSON_MAY, e);
	return r < 0 ? r : 0;
}

int oci_state_parse(struct oci_state *out, const char *json, size_t len, struct err *e)
{
	AUTO(oci_state) struct oci_state s;
	AUTO(json) json_t *tree = NULL;
	struct json_at doc;
	int r = json_load_strict(&tree, json, len, e);

	oci_state_init(&s);
	doc = json_root(tree);
	if (r == 0)
		r = get_state(&s, &doc, e);
	if (r < 0) {
		e->code = EINVAL;
		return err_ctx(e, -EINVAL, "state.json");
	}
	*out = s;
	oci_state_init(&s);
	return 0;
}

void oci_state_print(const struct oci_state *s, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	json_w_object(&w);
	json_m_string(&w, "id", s->id);
	json_m_string(&w, "bundle", s->bundle);
	json_m_string(&w, "rootfs", s->rootfs);
	json_m_map(&w, "annotations", &s->annotations);
	json_m_u64(&w, "pid", (uint64_t)s->init.pid);
	json_m_u64(&w, "start", s->init.start);
	json_m_string(&w, "boot", s->init.boot);
	json_m_u64(&w, "created", s->created_ns);
	json_m_u64(&w, "owner", s->owner);
	json_m_string(&w, "cgroup", s->cgroup);
	json_m_string(&w, "scope", s->scope);
	json_w_end(&w);
}

/* --- for others --- */

void oci_state_tell(const struct oci_state *s, const char *status, struct buf *out)
{
	char created[CLOCK_TEXT_MAX];
	struct json_w w = { .out = out, .indent = true };

	clock_print(s->created_ns, created);
	json_w_object(&w);
	json_m_string(&w, "ociVersion", OCI_VERSION);
	json_m_string(&w, "id", s->id);
	json_m_u64(&w, "pid", str_eq(status, "stopped") ? 0 : (uint64_t)s->init.pid);
	json_m_string(&w, "status", status);
	json_m_string(&w, "bundle", s->bundle);
	json_m_string(&w, "rootfs", s->rootfs);
	json_m_string(&w, "created", created);
	json_m_string(&w, "owner", "");
	json_m_map(&w, "annotations", &s->annotations);
	json_w_end(&w);
	(void)buf_addc(out, '\n');
}

void oci_state_halves(const struct oci_state *s, struct buf *before, struct buf *behind)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	struct json_w w = JSON_W_INIT(&text);

	json_w_object(&w);
	json_m_string(&w, "ociVersion", OCI_VERSION);
	json_m_string(&w, "id", s->id);
	json_w_end(&w);
	/* without its braces */
	(void)buf_add(before, text.data + 1, text.len - 2);
	(void)buf_addc(before, ',');
	buf_reset(&text);
	w = (struct json_w)JSON_W_INIT(&text);
	json_w_object(&w);
	json_m_string(&w, "bundle", s->bundle);
	json_m_map(&w, "annotations", &s->annotations);
	json_w_end(&w);
	(void)buf_addc(behind, ',');
	(void)buf_add(behind, text.data + 1, text.len - 1);
}
