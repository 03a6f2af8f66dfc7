#include "lib/fmt/user.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_SPEC_TEXT 512		/* "user:group" */
#define NO_ID UINT32_MAX

/* A piece of a file: not ended with NUL. */
struct span {
	const char *p;
	size_t len;
};

/* One line of either file, of seven or four fields. */
struct line {
	struct span field[7];
	size_t fields;
};

void user_clear(struct user *u)
{
	int saved = errno;

	free(u->name);
	free(u->home);
	*u = (struct user)USER_INIT;
	errno = saved;
}

static bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.len && !memcmp(s.p, text, s.len);
}

static bool is_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

int user_parse_id(uint32_t *out, const char *text, struct err *e)
{
	uint64_t v;
	int r = num_u64(text, 0, NO_ID - 1, &v, e);

	if (r == -ERANGE) {
		err_clear(e);
		return err_set(e, EINVAL, "id %s is not between 0 and %u", text,
			       NO_ID - 1);
	}
	if (r < 0)
		return r;
	*out = (uint32_t)v;
	return 0;
}

/* NO_ID: not an id. */
static uint32_t span_id(struct span s)
{
	struct err ignored = ERR_INIT;
	char text[16];
	uint32_t id = NO_ID;

	if (s.len >= sizeof(text) || memchr(s.p, '\0', s.len))
		return NO_ID;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	(void)!user_parse_id(&id, text, &ignored);
	return id;
}

/* Takes the piece before the separator off the front; false at the end. */
static bool take_piece(struct span *rest, char separator, struct span *out)
{
	const char *end;

	if (!rest->p)
		return false;
	end = memchr(rest->p, separator, rest->len);
	*out = *rest;
	if (end) {
		out->len = (size_t)(end - rest->p);
		rest->p = end + 1;
		rest->len -= out->len + 1;
	} else {
		rest->p = NULL;
		rest->len = 0;
	}
	return true;
}

/* A file that is gone through line by line. */
struct file {
	const char *name;		/* for messages */
	struct span rest;
	size_t lines;
};

static int file_begin(struct file *f, const char *name, const char *data,
		      size_t len, struct err *e)
{
	if (len > MAX_ROOT_FILE)
		return err_set(e, EFBIG, "the %s file is larger than %zu bytes",
			       name, MAX_ROOT_FILE);
	*f = (struct file){ .name = name, .rest = { len ? data : NULL, len } };
	return 0;
}

/* 1: the next line with that many fields; 0: the end. */
static int file_next(struct file *f, size_t fields, struct line *out,
		     struct err *e)
{
	struct span text, piece;

	while (take_piece(&f->rest, '\n', &text)) {
		if (++f->lines > MAX_ID_LINES)
			return err_set(e, EFBIG, "the %s file has more than %d lines",
				       f->name, MAX_ID_LINES);
		out->fields = 0;
		while (take_piece(&text, ':', &piece)) {
			if (out->fields < fields)
				out->field[out->fields] = piece;
			if (++out->fields > fields)
				break;
		}
		if (out->fields == fields && out->field[0].len)
			return 1;
	}
	return 0;
}

/* Fills in what the passwd entry of a name (or, without one, a uid) says. */
static int find_user(struct user *u, const char *name, const char *passwd,
		     size_t len, struct err *e)
{
	struct file f;
	struct line l;
	int r = file_begin(&f, "passwd", passwd, len, e);

	while (r == 0) {
		uint32_t uid, gid;

		r = file_next(&f, 7, &l, e);
		if (r <= 0)
			break;
		r = 0;
		uid = span_id(l.field[2]);
		gid = span_id(l.field[3]);
		if (name ? !span_is(l.field[0], name) : uid != u->uid)
			continue;
		if (uid == NO_ID || gid == NO_ID)
			return err_set(e, EINVAL, "the passwd entry has a bad id");
		u->uid = uid;
		u->gid = gid;
		u->name = mem_strn(l.field[0].p, l.field[0].len);
		if (l.field[5].len && *l.field[5].p == '/')
			u->home = mem_strn(l.field[5].p, l.field[5].len);
		return 0;
	}
	if (r == 0 && name)
		return err_set(e, ENOENT, "no user '%s' in the passwd file", name);
	return r;
}

static int find_group(uint32_t *out, const char *text, const char *group,
		      size_t len, struct err *e)
{
	struct file f;
	struct line l;
	int r;

	if (is_digits(text))
		return user_parse_id(out, text, e);
	r = file_begin(&f, "group", group, len, e);
	while (r == 0) {
		uint32_t gid;

		r = file_next(&f, 4, &l, e);
		if (r <= 0)
			break;
		r = 0;
		if (!span_is(l.field[0], text))
			continue;
		gid = span_id(l.field[2]);
		if (gid == NO_ID)
			return err_set(e, EINVAL, "the group entry of '%s' has a bad id",
				       text);
		*out = gid;
		return 0;
	}
	return r < 0 ? r : err_set(e, ENOENT, "no group '%s' in the group file", text);
}

static int add_group(struct user *u, uint32_t gid, struct err *e)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->group_count == MAX_USER_GROUPS)
		return err_set(e, E2BIG, "a user in more than %d groups",
			       MAX_USER_GROUPS);
	u->groups[u->group_count++] = gid;
	return 0;
}

/* The groups that list the user's name. */
static int add_memberships(struct user *u, const char *group, size_t len,
			   struct err *e)
{
	struct span member;
	struct file f;
	struct line l;
	int r = file_begin(&f, "group", group, len, e);

	while (r == 0) {
		r = file_next(&f, 4, &l, e);
		if (r <= 0)
			return r;
		r = 0;
		while (r == 0 && take_piece(&l.field[3], ',', &member)) {
			uint32_t gid = span_id(l.field[2]);

			if (gid != NO_ID && gid != u->gid &&
			    span_is(member, u->name))
				r = add_group(u, gid, e);
		}
	}
	return r;
}

/* Cuts "user[:group]" in two; *group is NULL without one. */
static int cut_spec(char *spec, const char **user, const char **group,
		    struct err *e)
{
	char *colon = strchr(spec, ':');

	*user = spec;
	*group = NULL;
	if (colon) {
		*colon++ = '\0';
		*group = colon;
	}
	if (!*spec || (colon && (!*colon || strchr(colon, ':'))))
		return err_set(e, EINVAL, "not of the form USER or USER:GROUP");
	return 0;
}

static int resolve(struct user *u, char *spec, const char *passwd,
		   size_t passwd_len, const char *group, size_t group_len,
		   struct err *e)
{
	const char *user_text, *group_text;
	bool is_id;
	int r = cut_spec(spec, &user_text, &group_text, e);

	if (r < 0)
		return r;
	is_id = is_digits(user_text);
	if (is_id)
		r = user_parse_id(&u->uid, user_text, e);
	if (r == 0)
		r = find_user(u, is_id ? NULL : user_text, passwd, passwd_len, e);
	if (r == 0 && group_text)
		r = find_group(&u->gid, group_text, group, group_len, e);
	else if (r == 0 && u->name)
		r = add_memberships(u, group, group_len, e);
	if (r == 0 && !u->home)
		u->home = mem_str("/");
	return r;
}

int user_resolve(struct user *out, const char *spec, const char *passwd,
		 size_t passwd_len, const char *group, size_t group_len,
		 struct err *e)
{
	AUTO(user) struct user u = USER_INIT;
	char copy[MAX_SPEC_TEXT];
	int r;

	spec = str_or(spec, "0");
	if (!str_copy(copy, sizeof(copy), spec))
		return err_set(e, EINVAL, "user '%s' is too long", spec);
	r = resolve(&u, copy, passwd, passwd_len, group, group_len, e);
	if (r < 0)
		return err_ctx(e, r, "user '%s'", spec);
	*out = u;
	u = (struct user)USER_INIT;
	return 0;
}

int user_add_group(struct user *u, const char *text, const char *group,
		   size_t group_len, struct err *e)
{
	uint32_t gid;
	int r = find_group(&gid, text, group, group_len, e);

	if (r == 0)
		r = add_group(u, gid, e);
	return r < 0 ? err_ctx(e, r, "group '%s'", text) : 0;
}
