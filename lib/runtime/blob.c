#include "lib/runtime/blob.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/runtime/plan.h"

void blob_init(struct blob *b, enum plan_kind kind)
{
	static const char zero[8];

	memset(&b->head, 0, sizeof(b->head));
	b->head.magic = PLAN_MAGIC;
	b->head.version = PLAN_VERSION;
	b->head.kind = kind;
	buf_init(&b->steps, PLAN_STEPS_MAX * sizeof(struct plan_step));
	buf_init(&b->bytes, MAX_PLAN);
	/* No offset is 0, which means none. */
	(void)buf_add(&b->bytes, zero, sizeof(zero));
	b->next_slot = SLOT_FIRST;
}

void blob_clear(struct blob *b)
{
	buf_clear(&b->steps);
	buf_clear(&b->bytes);
}

uint32_t blob_text(struct blob *b, const char *text)
{
	size_t at = b->bytes.len;

	if (!text)
		return 0;
	(void)buf_add(&b->bytes, text, strlen(text) + 1);
	return (uint32_t)at;
}

void blob_step(struct blob *b, struct plan_step s)
{
	(void)buf_add(&b->steps, &s, sizeof(s));
}

static uint32_t align(struct blob *b)
{
	static const char zero[8];

	(void)buf_add(&b->bytes, zero, -b->bytes.len & 7);
	return (uint32_t)b->bytes.len;
}

uint32_t blob_bytes(struct blob *b, const void *data, size_t len)
{
	uint32_t at = align(b);

	(void)buf_add(&b->bytes, data, len);
	return len ? at : 0;
}

void blob_data(struct blob *b, struct plan_step s, const void *data, size_t len)
{
	s.data = blob_bytes(b, data, len);
	s.data_len = (uint32_t)len;
	blob_step(b, s);
}

void blob_list(struct blob *b, struct plan_step s, const struct strv *list)
{
	size_t at = b->bytes.len;

	for (size_t i = 0; i < list->len; i++)
		(void)blob_text(b, list->v[i]);
	s.data_len = (uint32_t)(b->bytes.len - at);
	s.data = s.data_len ? (uint32_t)at : 0;
	blob_step(b, s);
}

void blob_vectors(struct blob *b, struct plan_step s, const struct strv *args,
		  const struct strv *env)
{
	struct plan_vectors v = {
		.argc = (uint32_t)args->len,
		.envc = (uint32_t)env->len,
	};
	struct buf places;

	buf_init(&places, MAX_PLAN);
	for (size_t i = 0; i <= args->len + env->len + 1; i++) {
		uint64_t at = 0;

		if (i < args->len)
			at = blob_text(b, args->v[i]);
		else if (i > args->len && i <= args->len + env->len)
			at = blob_text(b, env->v[i - args->len - 1]);
		(void)buf_add(&places, &at, sizeof(at));
	}
	s.data = align(b);
	s.data_len = (uint32_t)(sizeof(v) + places.len);
	(void)buf_add(&b->bytes, &v, sizeof(v));
	(void)buf_add(&b->bytes, places.data, places.len);
	buf_clear(&places);
	blob_step(b, s);
}

int blob_slot(struct blob *b, uint8_t *slot, struct err *e)
{
	if (b->next_slot >= PLAN_SLOTS)
		return err_set(e, E2BIG, "more than %u mounts and devices",
			       PLAN_SLOTS - SLOT_FIRST);
	*slot = (uint8_t)b->next_slot++;
	return 0;
}

static void move(uint32_t *at, uint32_t base)
{
	if (*at)
		*at += base;
}

static void move_steps(struct blob *b, uint32_t base)
{
	struct plan_step *s = (struct plan_step *)b->steps.data;

	for (uint32_t i = 0; i < b->head.step_count; i++, s++) {
		if (plan_ops[s->op].uses & USE_EXEC) {
			struct plan_vectors *v =
				(struct plan_vectors *)(b->bytes.data + s->data);

			for (size_t p = 0; p < (size_t)v->argc + v->envc + 2; p++)
				if (v->places[p])
					v->places[p] += base;
		}
		move(&s->s1, base);
		move(&s->s2, base);
		move(&s->data, base);
	}
}

int blob_finish(struct blob *b, struct buf *out, struct err *e)
{
	uint32_t base;

	(void)buf_addc(&b->bytes, '\0');
	if (b->steps.full || b->bytes.full)
		return err_set(e, E2BIG, "the container's plan is too large");
	b->head.step_count = (uint32_t)(b->steps.len / sizeof(struct plan_step));
	base = (uint32_t)(sizeof(b->head) + b->steps.len);
	b->head.size = (uint32_t)(base + b->bytes.len);
	move(&b->head.uid_map, base);
	move(&b->head.gid_map, base);
	move(&b->head.newuidmap, base);
	move(&b->head.newgidmap, base);
	move(&b->head.cpus, base);
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		move(&b->head.joins[i].path, base);
	move_steps(b, base);
	buf_reset(out);
	(void)buf_add(out, &b->head, sizeof(b->head));
	(void)buf_add(out, b->steps.data, b->steps.len);
	(void)buf_add(out, b->bytes.data, b->bytes.len);
	return buf_ok(out, "plan", e);
}
