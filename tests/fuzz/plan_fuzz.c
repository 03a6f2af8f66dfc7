#include "lib/runtime/plan.h"
#include "tests/fuzz/fuzz.h"

/* A plan that was accepted can be printed and put into words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE void *plan = mem_zero(size + 1, 1);
	char words[PLAN_WORDS_MAX];
	struct err e = ERR_INIT;
	struct buf out;

	memcpy(plan, data, size);
	if (plan_check(plan, size, &e) < 0)
		return 0;
	buf_init(&out, MIB(16));
	plan_print(plan, size, &out);
	for (unsigned i = 0; i < 100; i++)
		plan_describe(plan, i, words);
	(void)plan_join_flags(plan);
	buf_clear(&out);
	return 0;
}
