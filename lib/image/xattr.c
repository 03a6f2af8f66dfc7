#include "lib/image/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define ESCAPED "user.overlay.overlay."

bool xattr_is_control(const char *name)
{
	return str_starts(name, "user.overlay.") ||
	       str_starts(name, "user.fuseoverlayfs.") ||
	       str_starts(name, "user.containers.") ||
	       str_starts(name, "trusted.");
}

bool xattr_is_wanted(const char *name)
{
	return str_starts(name, "user.") ||
	       str_eq(name, "security.capability") ||
	       str_starts(name, "system.posix_acl_");
}

void xattrs_clear(struct xattrs *x)
{
	for (size_t i = 0; i < x->len; i++) {
		free(x->v[i].name);
		free(x->v[i].value);
	}
	free(x->v);
	*x = (struct xattrs)XATTRS_INIT;
}

static int by_name(const void *a, const void *b)
{
	const struct xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int add(struct xattrs *x, int fd, const char *name, bool raw, struct err *e)
{
	bool is_escaped = !raw && str_starts(name, ESCAPED);
	AUTO_FREE char *value = NULL;
	ssize_t len;

	if (!xattr_is_wanted(name) || (xattr_is_control(name) && !is_escaped && !raw))
		return 0;
	value = mem_zero(MAX_XATTR_VALUE, 1);
	len = fgetxattr(fd, name, value, MAX_XATTR_VALUE);
	if (len < 0 && errno == ENODATA)
		return 0;
	if (len < 0)
		return err_sys(e, "read '%s'", name);
	x->v = mem_more(x->v, x->len, sizeof(*x->v));
	x->v[x->len++] = (struct xattr){
		.name = is_escaped ? mem_printf("user.overlay.%s", name + strlen(ESCAPED)) :
				     mem_str(name),
		.value = take(value),
		.len = (size_t)len,
	};
	return 0;
}

int xattrs_read(struct xattrs *out, int fd, bool raw, struct err *e)
{
	AUTO(xattrs) struct xattrs x = XATTRS_INIT;
	AUTO_FREE char *names = NULL;
	ssize_t len = flistxattr(fd, NULL, 0);
	int r = 0;

	if (len < 0 && errno != ENOTSUP)
		return err_sys(e, "list extended attributes");
	if (len > 0) {
		names = mem_zero(MAX_XATTR_VALUE + 1, 1);
		len = flistxattr(fd, names, MAX_XATTR_VALUE);
		if (len < 0)
			return err_sys(e, "list extended attributes");
	}
	for (const char *n = names; len > 0 && n < names + len && r == 0; n += strlen(n) + 1)
		r = add(&x, fd, n, raw, e);
	if (r < 0)
		return r;
	if (x.len)
		qsort(x.v, x.len, sizeof(*x.v), by_name);
	*out = x;
	x = (struct xattrs)XATTRS_INIT;
	return 0;
}

bool xattrs_eq(const struct xattrs *a, const struct xattrs *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!str_eq(a->v[i].name, b->v[i].name) || a->v[i].len != b->v[i].len ||
		    memcmp(a->v[i].value, b->v[i].value, a->v[i].len) != 0)
			return false;
	return true;
}
