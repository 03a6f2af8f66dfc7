/* user.h - who a container's process is: "user[:group]" looked up in the
 * passwd and group files of the image, whose bytes the caller has read.
 *
 * A text of digits only is an id and never a name; ids go from 0 to
 * 4294967294.  Without a group the passwd entry's is taken, or 0.  Without a
 * group the user also gets the groups that list the user's name; with one,
 * none.  Lines that are not well formed match nothing, but an entry that is
 * the user's and has an unreadable id is an error.
 *
 * Ownership: struct user owns its strings.  Errors: -EINVAL not of that form,
 * or an id out of range; -ENOENT no such user or group; -E2BIG too many
 * groups; -EFBIG a file beyond MAX_ROOT_FILE or MAX_ID_LINES.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"

struct user {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[MAX_USER_GROUPS];	/* beside gid */
	size_t group_count;
	char *name;			/* NULL: not in passwd */
	char *home;			/* "/" when not in passwd */
};

#define USER_INIT { .name = NULL }

void user_clear(struct user *u);

/* spec: "" or NULL is user 0.  A missing file is NULL with length 0. */
int user_resolve(struct user *out, const char *spec,
		 const char *passwd, size_t passwd_len,
		 const char *group, size_t group_len,
		 struct err *e) MUST_CHECK;

/* --group-add: appends one group, by name or id, unless it is there. */
int user_add_group(struct user *u, const char *text, const char *group,
		   size_t group_len, struct err *e) MUST_CHECK;

/* An id: digits only, 0 to 4294967294.  -EINVAL also when out of range. */
int user_parse_id(uint32_t *out, const char *text, struct err *e) MUST_CHECK;

static inline void user_auto(struct user *u)
{
	user_clear(u);
}
