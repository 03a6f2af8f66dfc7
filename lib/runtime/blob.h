/* blob.h - inside the runtime: building a plan.
 *
 * Texts and data get offsets from the start of the byte area; blob_finish()
 * makes them offsets from the start of the plan.  A blob that outgrew
 * MAX_PLAN says so once, in blob_finish().
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/runtime/step.h"

struct blob {
	struct plan_head head;
	struct buf steps;
	struct buf bytes;
	unsigned next_slot;
};

void blob_init(struct blob *b, enum plan_kind kind);
void blob_clear(struct blob *b);

static inline void blob_auto(struct blob *b)
{
	blob_clear(b);
}

uint32_t blob_text(struct blob *b, const char *text);	/* NULL: 0 */
uint32_t blob_bytes(struct blob *b, const void *data, size_t len);	/* none: 0 */
void blob_step(struct blob *b, struct plan_step s);

/* The steps that have data; s is the rest of the step. */
void blob_data(struct blob *b, struct plan_step s, const void *data, size_t len);
void blob_list(struct blob *b, struct plan_step s, const struct strv *list);
void blob_vectors(struct blob *b, struct plan_step s, const struct strv *args,
		  const struct strv *env);

/* A slot that nothing uses yet; -E2BIG. */
int blob_slot(struct blob *b, uint8_t *slot, struct err *e) MUST_CHECK;

/* Replaces what out held. */
int blob_finish(struct blob *b, struct buf *out, struct err *e) MUST_CHECK;
