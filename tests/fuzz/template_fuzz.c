#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/fmt/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char dot_text[] =
	"{\"A\":\"text\",\"B\":{\"C\":1,\"D\":null},\"L\":[\"a\",\"b\",3,1.5,true],"
	"\"M\":{\"k\":\"v\",\"x\":\"\\u00e9\"},\"Labels\":\"a=1,b=2\",\"E\":{},\"N\":-7}";

/* Any template either fails with an error set, or runs twice to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static json_t *dot;
	AUTO_FREE char *text = mem_strn((const char *)data, len);
	AUTO(template) struct template *t = NULL;
	AUTO(buf) struct buf first = BUF_INIT(KIB(64));
	AUTO(buf) struct buf again = BUF_INIT(KIB(64));
	struct err e = ERR_INIT;
	int r;

	if (!dot)
		dot = json_loads(dot_text, 0, NULL);
	r = template_parse(&t, text, &e);
	if (r < 0) {
		if (t || r != -e.code)
			abort();
		return 0;
	}
	r = template_run(t, dot, &first, &e);
	if (r != -e.code)
		abort();
	err_clear(&e);
	if (r != template_run(t, dot, &again, &e) || first.len != again.len ||
	    memcmp(first.data, again.data, first.len) != 0)
		abort();
	err_clear(&e);
	(void)!template_run_headers(t, dot, &again, &e);
	return 0;
}
