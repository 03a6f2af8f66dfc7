#include "bin/image_made.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

int made_time(struct made_time *out, const char *option, struct err *e)
{
	const char *text = option ? option : getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;
	int r;

	*out = (struct made_time){ .ns = clock_wall_ns() };
	if (str_is_empty(text))
		return 0;
	r = num_u64(text, 0, UINT32_MAX, &seconds, e);
	if (r < 0)
		return err_ctx(e, r, option ? "--source-date-epoch" : "SOURCE_DATE_EPOCH");
	*out = (struct made_time){ .ns = seconds * NS_PER_S, .is_given = true };
	return 0;
}

void made_report(struct app *app, const struct make_result *made, const char *name)
{
	char text[DIGEST_TEXT_MAX];

	if (digest_is_set(&made->replaced)) {
		digest_print(&made->replaced, text);
		app_say(app, "'%s' was %s before", name, text);
	}
	digest_print(&made->id, text);
	app_printf(app, "%s\n", text);
}
