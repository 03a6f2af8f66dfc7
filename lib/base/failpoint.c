#include "lib/base/failpoint.h"

#ifdef FAILPOINTS

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_POINTS 16
#define MAX_STEPS 4

enum action { FP_OFF, FP_KILL, FP_ERROR, FP_DELAY };

struct step {
	uint64_t hits;			/* left; UINT64_MAX: stays */
	enum action action;
	uint64_t arg;			/* errno or ms */
};

struct point {
	char name[64];
	struct step steps[MAX_STEPS];
	size_t count;
	size_t at;
};

static struct point points[MAX_POINTS];
static size_t point_count;
static bool is_set;
static unsigned hits;

static const struct {
	const char *name;
	int code;
} codes[] = {
	{ "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT },
	{ "ENOMEM", ENOMEM }, { "EROFS", EROFS }, { "EAGAIN", EAGAIN },
	{ "EMFILE", EMFILE }, { "EACCES", EACCES }, { "EXDEV", EXDEV },
};

/* A test that says something else than it means must not pass. */
static void bad(const char *text)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, EINVAL, "failpoint '%s'", text);
	assert(!"bad failpoint");
	abort();
}

static uint64_t number(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	char copy[24];
	uint64_t n;

	if (len >= sizeof(copy))
		bad(text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (num_u64(copy, 0, UINT64_MAX - 1, &n, &e) < 0)
		bad(text);
	return n;
}

static uint64_t error_code(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strlen(codes[i].name) == len &&
		    !strncmp(codes[i].name, text, len))
			return (uint64_t)codes[i].code;
	bad(text);
	return 0;
}

/* "[N*]action", of len bytes */
static void parse_step(struct step *out, const char *text, size_t len)
{
	const char *star = memchr(text, '*', len);
	const char *open, *arg;

	out->hits = UINT64_MAX;
	if (star) {
		out->hits = number(text, (size_t)(star - text));
		len -= (size_t)(star + 1 - text);
		text = star + 1;
	}
	open = memchr(text, '(', len);
	if (!open) {
		out->action = len == 4 && !strncmp(text, "kill", 4) ? FP_KILL : FP_OFF;
		if (out->action == FP_OFF && (len != 3 || strncmp(text, "off", 3) != 0))
			bad(text);
		return;
	}
	arg = open + 1;
	if (text[len - 1] != ')')
		bad(text);
	len = (size_t)(text + len - 1 - arg);
	if (str_starts(text, "error(")) {
		out->action = FP_ERROR;
		out->arg = error_code(arg, len);
	} else if (str_starts(text, "delay(")) {
		out->action = FP_DELAY;
		out->arg = number(arg, len);
	} else {
		bad(text);
	}
}

/* "NAME=step->step", ended by ';' or NUL; returns its end. */
static const char *parse_point(struct point *out, const char *text)
{
	const char *end = text + strcspn(text, ";");
	const char *eq = memchr(text, '=', (size_t)(end - text));

	memset(out, 0, sizeof(*out));
	if (!eq || (size_t)(eq - text) >= sizeof(out->name))
		bad(text);
	memcpy(out->name, text, (size_t)(eq - text));
	for (const char *p = eq + 1; p < end;) {
		const char *next = strstr(p, "->");

		if (!next || next > end)
			next = end;
		if (out->count == MAX_STEPS)
			bad(text);
		parse_step(&out->steps[out->count++], p, (size_t)(next - p));
		p = next < end ? next + 2 : end;
	}
	return end;
}

void failpoint_set(const char *text)
{
	point_count = 0;
	hits = 0;
	is_set = true;
	while (text && *text) {
		if (point_count == MAX_POINTS)
			bad(text);
		text = parse_point(&points[point_count++], text);
		text += *text == ';';
	}
}

unsigned failpoint_hits(void)
{
	return hits;
}

static int act(struct point *p, const char *name, struct err *e)
{
	struct step *s = &p->steps[p->at];

	while (s->hits == 0 && p->at + 1 < p->count)
		s = &p->steps[++p->at];
	if (s->hits == 0)
		return 0;
	if (s->hits != UINT64_MAX)
		s->hits--;
	switch (s->action) {
	case FP_KILL:
		(void)raise(SIGKILL);
		break;
	case FP_ERROR:
		return err_set(e, (int)s->arg, "failpoint %s", name);
	case FP_DELAY: {
		struct timespec ts = {
			.tv_sec = (time_t)(s->arg / 1000),
			.tv_nsec = (long)(s->arg % 1000 * NS_PER_MS),
		};

		(void)nanosleep(&ts, NULL);
		break;
	}
	case FP_OFF:
		break;
	}
	return 0;
}

/* A line for CORACLE_FP_LOG; who is killed in the next moment has told. */
static void tell(const char *name)
{
	const char *log = getenv("CORACLE_FP_LOG");
	AUTO_FD int fd = log ? open(log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	char line[96];
	int n = snprintf(line, sizeof(line), "%d %s\n", (int)getpid(), name);

	if (fd >= 0 && write(fd, line, (size_t)n) != n)
		bad(name);
}

int failpoint(const char *name, struct err *e)
{
	int r = 0;

	if (!is_set)
		failpoint_set(getenv("CORACLE_FP"));
	hits++;
	tell(name);
	for (size_t i = 0; i < point_count && r == 0; i++)
		if (points[i].count && (str_eq(points[i].name, name) ||
					str_eq(points[i].name, "*")))
			r = act(&points[i], name, e);
	return r;
}

#endif
