/* A container that another runtime makes: what that one is asked to do. */
#include "lib/runtime/compile.h"

static void call(struct blob *b, const struct plan_runtime *r, const struct strv *args,
		 uint32_t flags)
{
	struct plan_step s = step_of(OP_CALL);

	s.s1 = blob_text(b, r->program);
	s.s2 = blob_text(b, r->dir);
	s.flags = flags;
	blob_vectors(b, s, args, &r->env);
}

void compile_create(struct blob *b, const struct plan_runtime *r)
{
	call(b, r, &r->create, STEP_MAKES | (r->terminal ? STEP_TERMINAL : 0));
}

void compile_start(struct blob *b, const struct plan_runtime *r)
{
	call(b, r, &r->start, 0);
}

void compile_follow(struct blob *b)
{
	blob_step(b, step_of(OP_FOLLOW));
}
