#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/fmt/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Input: the text, NUL, passwd, NUL, group.  Digits are always that id. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *copy = mem_strn((const char *)data, len);
	AUTO(user) struct user u = USER_INIT;
	const char *spec = copy;
	struct err e = ERR_INIT;
	size_t n = strlen(spec), passwd_len, group_len;
	const char *passwd = n < len ? copy + n + 1 : copy + len;
	uint32_t id;
	int r;

	passwd_len = strnlen(passwd, (size_t)(copy + len - passwd));
	group_len = (size_t)(copy + len - passwd) - passwd_len;
	r = user_resolve(&u, spec, passwd, passwd_len, passwd + passwd_len,
			 group_len, &e);
	if (r < 0)
		return 0;
	if (u.uid == UINT32_MAX || u.gid == UINT32_MAX || u.home[0] != '/' ||
	    u.group_count > MAX_USER_GROUPS)
		abort();
	if (user_parse_id(&id, spec, &e) == 0 && id != u.uid)
		abort();
	return 0;
}
