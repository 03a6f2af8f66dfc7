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

/* One line in one write: several of us may have the file open. */
static void log_line(const struct oci *o, const char *level, const char *text)
{
	AUTO(buf) struct buf line = BUF_INIT(KIB(64));
	struct json_w w = JSON_W_INIT(&line);
	struct err lost = ERR_INIT;
	char now[CLOCK_TEXT_MAX];
	AUTO_FD int fd = open(o->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	clock_print(clock_wall_ns(), now);
	if (o->log_json) {
		json_w_object(&w);
		json_m_string(&w, "msg", text);
		json_m_string(&w, "level", level);
		json_m_string(&w, "time", now);
		json_w_end(&w);
		(void)buf_addc(&line, '\n');
	} else {
		(void)buf_addf(&line, "%s: %s: %s\n", now, level, text);
	}
	if (fd >= 0)
		(void)!fs_write_all(fd, line.data, line.len, &lost);
}

void oci_warn(const struct oci *o, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(16));
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	/* Engines show what is on stderr only when we fail. */
	if (o->log)
		log_line(o, "warning", text.data);
	else
		app_say(&o->app, "%s", text.data);
}

void oci_fail(const struct oci *o, struct err *e)
{
	if (o->log)
		log_line(o, "error", e->text);
	/* That remedy is for who runs images. */
	if (str_eq(e->key, "rt.exec"))
		e->key = NULL;
	app_error(&o->app, e);
	err_clear(e);
}
