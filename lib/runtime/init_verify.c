/* That what was asked for is so, whatever the calls said (RELIABILITY F3). */
#include "lib/runtime/init.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/base/str.h"

int status_value(const char *text, const char *name, unsigned base, uint64_t *out)
{
	const char *p = strstr(text, name);
	uint64_t n = 0;

	if (!p)
		return -ENODATA;
	for (p += strlen(name); *p && *p != '\n'; p++) {
		unsigned d = *p >= 'a' ? (unsigned)(*p - 'a') + 10 : (unsigned)(*p - '0');

		if (d >= base)
			return -EBADMSG;
		n = n * base + d;
	}
	*out = n;
	return 0;
}

/* Read once: a filter may forbid to go back. */
static int read_status(struct init *in)
{
	ssize_t n;

	if (in->status[0])
		return 0;
	n = read(in->status_fd, in->status, sizeof(in->status) - 1);
	if (n < 0)
		return -errno;
	in->status[n] = '\0';
	return 0;
}

/* The next number of a list in one line; false at its end. */
static bool next_id(const char **p, uint32_t *id)
{
	uint32_t n = 0;

	*p += strspn(*p, " \t");
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (uint32_t)(**p - '0');
	*id = n;
	return true;
}

/* Real, effective, saved and that of file systems: all this one? */
static bool all_are(const char *text, const char *name, uint64_t want)
{
	const char *p = strstr(text, name);
	unsigned count = 0;
	uint32_t id;

	for (p = p ? p + strlen(name) : ""; next_id(&p, &id); count++)
		if (id != want)
			return false;
	return count == 4;
}

static bool groups_are(const char *text, const char *ids, size_t len)
{
	static const char name[] = "\nGroups:\t";
	const char *p = strstr(text, name);
	uint32_t id, one;
	size_t count = 0;

	for (p = p ? p + strlen(name) : ""; next_id(&p, &id); count++) {
		size_t at = 0;

		for (one = ~id; at < len && one != id; at += sizeof(one))
			memcpy(&one, ids + at, sizeof(one));
		if (one != id)
			return false;
	}
	return count == len / sizeof(uint32_t);
}

int init_verify_ids(struct init *in, const struct plan_step *s)
{
	int r = read_status(in);

	if (r < 0)
		return r;
	if (!all_are(in->status, "\nUid:\t", s->a) || !all_are(in->status, "\nGid:\t", s->b))
		return -EPERM;
	if (in->head->flags & PLAN_F_DENY_SETGROUPS)
		return 0;
	return groups_are(in->status, in->plan + s->data, s->data_len) ? 0 : -EPERM;
}

int init_verify(struct init *in, const struct plan_step *s)
{
	const char *text = in->status;
	struct spec_caps c;
	int r = read_status(in);

	if (r < 0)
		return r;
	memcpy(&c, in->plan + s->data, sizeof(c));
	const struct {
		const char *name;
		uint64_t want;
		unsigned base;
		bool at_least;	/* more restricted is what a sandbox around us does */
	} rows[] = {
		{ "\nCapInh:\t", c.inheritable & in->caps, 16, false },
		{ "\nCapPrm:\t", c.permitted & in->caps, 16, false },
		{ "\nCapEff:\t", c.effective & in->caps, 16, false },
		{ "\nCapBnd:\t", c.bounding & in->caps, 16, false },
		{ "\nCapAmb:\t", c.ambient & in->caps, 16, false },
		{ "\nUmask:\t", s->a, 8, false },
		{ "\nNoNewPrivs:\t", s->flags & STEP_NO_NEW_PRIVS ? 1 : 0, 10, true },
		{ "\nSeccomp:\t", s->flags & STEP_SECCOMP ? 2 : 0, 10, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 0;

		r = status_value(text, rows[i].name, rows[i].base, &got);
		if (r < 0)
			return r;
		if (rows[i].at_least ? got < rows[i].want : got != rows[i].want)
			return -EPERM;
	}
	return prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == 0 ? 0 : -EPERM;
}

int init_verify_rlimit(struct init *in, const struct plan_step *s)
{
	struct rlimit rl;

	(void)in;
	if (getrlimit((int)s->flags, &rl) < 0)
		return -errno;
	return rl.rlim_cur == s->a && rl.rlim_max == s->b ? 0 : -EPERM;
}

/* The text of a file of ours in procfs, without its end of line. */
static int read_proc(struct init *in, const struct plan_step *s, const char *name,
		     char *out, size_t size)
{
	AUTO_FD int fd = openat(in->slots[s->slot], name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\0'))
		n--;
	out[n] = '\0';
	return 0;
}

int init_verify_oom_score(struct init *in, const struct plan_step *s)
{
	char want[24], got[24];
	int r = read_proc(in, s, "self/oom_score_adj", got, sizeof(got));

	if (r < 0)
		return r;
	return strcmp(got, init_decimal(want, (int64_t)s->a)) == 0 ? 0 : -EPERM;
}

/* Behind the name AppArmor has a mode, SELinux a level. */
int init_verify_lsm(struct init *in, const struct plan_step *s)
{
	const char *want = init_text(in, s->s1);
	char got[KIB(4)];
	int r = read_proc(in, s, init_text(in, s->s2), got, sizeof(got));
	const char *rest = r < 0 ? NULL : str_after(got, want);

	if (r < 0)
		return r;
	return rest && (!*rest || *rest == ':' || str_starts(rest, " (")) ? 0 : -EPERM;
}
