/* collect - a garbage collection without the hour of grace.
 *
 *	collect DATA_DIR
 *
 * What a crash leaves is given time before it goes, and a test has none.
 */
#include <stdio.h>

#include "lib/store/gc.h"
#include "lib/store/store.h"

int main(int argc, char **argv)
{
	struct store_options o = { .root = argc == 2 ? argv[1] : "" };
	const struct gc_options now = { .grace_s = 0 };
	AUTO(store) struct store *s = NULL;
	struct gc_result result;
	struct err e = ERR_INIT;
	int r = store_open(&s, &o, &e);

	if (r == 0)
		r = gc_run(&result, s, &now, &e);
	if (r < 0)
		fprintf(stderr, "collect: %s\n", e.text);
	return r < 0;
}
