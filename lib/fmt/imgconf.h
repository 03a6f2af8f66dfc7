/* imgconf.h - the image configuration (image-spec config.md, with docker's
 * Healthcheck and Shell).
 *
 * Everything in it is an outsider's text: data, never control (RELIABILITY
 * D5).  What could break a line-based file or a path later is refused here:
 * control characters in user, working directory, volumes, ports, stop signal
 * and names of variables.  NUL cannot occur.  Unknown members are ignored;
 * they are lost when printed, so an image is stored by its bytes.
 * Errors: -EBADMSG, with the member.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/desc.h"

struct imgconf_health {
	bool is_set;
	struct strv test;		/* {"NONE"}, {"CMD", ...}, {"CMD-SHELL", text} */
	uint64_t interval_ns;		/* 0: the default */
	uint64_t timeout_ns;
	uint64_t start_period_ns;
	uint64_t start_interval_ns;
	uint32_t retries;
};

struct imgconf_run {			/* the member "config" */
	char *user;			/* strings: NULL when absent or empty */
	struct strv exposed_ports;	/* "80/tcp" */
	struct strv env;		/* "KEY=value" */
	struct strv entrypoint;
	struct strv cmd;
	bool has_entrypoint;		/* [] is there, null is not */
	bool has_cmd;
	struct strv volumes;		/* paths */
	char *working_dir;
	struct strv labels;		/* "key=value" */
	char *stop_signal;
	struct strv shell;
	struct imgconf_health health;
};

struct imgconf_history {
	char *created;			/* RFC 3339; strings may be NULL */
	char *created_by;
	char *author;
	char *comment;
	bool empty_layer;
};

struct imgconf {
	char *created;			/* RFC 3339 text, may be NULL */
	char *author;
	struct platform platform;	/* arch and os are never NULL */
	struct imgconf_run run;
	struct digest *diff_ids;	/* bottom first */
	size_t diff_count;		/* <= MAX_LAYERS */
	struct imgconf_history *history;
	size_t history_count;
};

#define IMGCONF_INIT { .created = NULL }

int imgconf_parse(struct imgconf *out, const char *data, size_t len,
		  struct err *e) MUST_CHECK;

/* Appends JSON; the same struct always gives the same bytes. */
void imgconf_print(const struct imgconf *c, struct buf *out);

void imgconf_copy(struct imgconf *to, const struct imgconf *from);
void imgconf_clear(struct imgconf *c);

void imgconf_add_diff(struct imgconf *c, const struct digest *diff);
struct imgconf_history *imgconf_add_history(struct imgconf *c);

/* Labels below IMGCONF_RESERVED are ours; an image may not bring them.
 * Returns how many were taken out. */
#define IMGCONF_RESERVED "io.coracle."
size_t imgconf_drop_reserved(struct imgconf *c);

static inline void imgconf_auto(struct imgconf *c)
{
	imgconf_clear(c);
}
