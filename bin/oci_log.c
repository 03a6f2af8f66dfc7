/* What coracle-oci has to say: on stderr, and in the log that engines read. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bin/oci.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"

static const char *const names[] = {
	[OCI_DEBUG] = "debug",
	[OCI_INFO] = "info",
	[OCI_WARNING] = "warning",
	[OCI_ERROR] = "error",
};

/* One line in one write: several of us may have the file open. */
static void log_line(const struct oci *o, enum oci_level level, const char *text)
{
	AUTO(buf) struct buf line = BUF_INIT(KIB(64));
	struct json_w w = JSON_W_INIT(&line);
	struct err lost = ERR_INIT;
	char now[CLOCK_TEXT_MAX];

	clock_print(clock_wall_ns(), now);
	if (o->log_json) {
		json_w_object(&w);
		json_m_string(&w, "msg", text);
		json_m_string(&w, "level", names[level]);
		json_m_string(&w, "time", now);
		json_w_end(&w);
		(void)buf_addc(&line, '\n');
	} else {
		(void)buf_addf(&line, "%s: %s: %s\n", now, names[level], text);
	}
	(void)!fs_write_all(o->log_fd, line.data, line.len, &lost);
}

void oci_say(const struct oci *o, enum oci_level level, const char *text)
{
	if (level < o->level)
		return;
	/* Engines show what is on stderr only when we fail. */
	if (o->log_fd >= 0)
		log_line(o, level, text);
	else
		app_say(&o->app, "%s", text);
}

void oci_warn(const struct oci *o, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(16));
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	oci_say(o, OCI_WARNING, text.data);
}

void oci_warn_caps(const struct oci *o, const struct spec_process *p)
{
	for (size_t i = 0; i < p->unknown_caps.len; i++)
		oci_warn(o, "process.capabilities: '%s' is not known and not given",
			 p->unknown_caps.v[i]);
}

void oci_fail(const struct oci *o, struct err *e)
{
	if (o->log_fd >= 0)
		log_line(o, OCI_ERROR, e->text);
	/* That remedy is for who runs images. */
	if (str_eq(e->key, "rt.exec"))
		e->key = NULL;
	app_error(&o->app, e);
	err_clear(e);
}
