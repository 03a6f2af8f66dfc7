#include "lib/fmt/shimmsg.h"

#include <string.h>

#include "lib/base/buf.h"

/* Strings of a start message, each ended by NUL, in this order after the
 * header; then the network's configuration. */
enum { START_CGROUP, START_FALLBACK, START_NET_PATH, START_STRINGS };

struct start_wire {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t fds;
	uint32_t streams;
	uint32_t log;
	uint32_t log_files;
	int32_t stop_signal;
	uint64_t log_size;
	uint64_t stop_timeout_ms;
	uint16_t rows;
	uint16_t cols;
	uint32_t cleanup_count;
	uint32_t text_len;
	uint32_t net_len;
};

#define START_FLAGS (SHIM_START_TTY | SHIM_START_STDIN | SHIM_START_REMOVE | SHIM_START_ADOPT)
#define ATTACH_FLAGS (SHIM_ATTACH_STDIN | SHIM_ATTACH_OUTPUT | SHIM_ATTACH_OWNER)
#define SIGNAL_MAX 64

static const char *const state_names[] = {
	[SHIM_CREATED] = "created",
	[SHIM_RUNNING] = "running",
	[SHIM_STOPPING] = "stopping",
	[SHIM_EXITED] = "exited",
};

const char *shim_state_name(enum shim_state s)
{
	return (size_t)s < ARRAY_SIZE(state_names) ? state_names[s] : "unknown";
}

static bool is_text(const char *s, size_t size)
{
	return memchr(s, '\0', size);
}

static bool is_proc_id(const struct proc_id *id)
{
	return id->pid >= 0 && is_text(id->boot, sizeof(id->boot));
}

static bool is_exit_code(int32_t code)
{
	return code >= -1 && code <= 255;
}

int shim_page_parse(struct shim_page *out, const void *data, size_t len,
		    struct err *e)
{
	struct shim_page p;

	if (len != sizeof(p))
		return err_set(e, EBADMSG, "status page: %zu bytes, not %zu", len,
			       sizeof(p));
	memcpy(&p, data, sizeof(p));
	if (p.magic != SHIM_MAGIC || p.version != SHIM_VERSION)
		return err_set(e, EBADMSG, "status page: of another version");
	if (p.state > SHIM_EXITED || !is_exit_code(p.exit_code) ||
	    !is_proc_id(&p.shim) || !is_proc_id(&p.init) || !is_proc_id(&p.net) ||
	    !is_text(p.cgroup, sizeof(p.cgroup)))
		return err_set(e, EBADMSG, "status page: damaged");
	*out = p;
	return 0;
}

int shim_exit_parse(struct shim_exit *out, const void *data, size_t len,
		    struct err *e)
{
	struct shim_exit x;

	if (len != sizeof(x))
		return err_set(e, EBADMSG, "exit record: %zu bytes, not %zu", len,
			       sizeof(x));
	memcpy(&x, data, sizeof(x));
	if (x.magic != SHIM_MAGIC || x.version != SHIM_VERSION)
		return err_set(e, EBADMSG, "exit record: of another version");
	if (!is_exit_code(x.exit_code) || !is_proc_id(&x.init))
		return err_set(e, EBADMSG, "exit record: damaged");
	*out = x;
	return 0;
}

int shim_msg_parse(struct shim_msg *out, const void **data, const void *msg,
		   size_t len, struct err *e)
{
	struct shim_msg m;

	if (len < sizeof(m))
		return err_set(e, EBADMSG, "message: cut short");
	memcpy(&m, msg, sizeof(m));
	if (m.version != SHIM_VERSION)
		return err_set(e, EBADMSG, "message: version %u, not %u", m.version,
			       SHIM_VERSION);
	if (m.len > SHIM_DATA_MAX || m.len != len - sizeof(m))
		return err_set(e, EBADMSG, "message: length does not fit");
	*out = m;
	*data = (const char *)msg + sizeof(m);
	return 0;
}

static size_t text_size(const char *s)
{
	return s ? strlen(s) + 1 : 1;
}

static void add_text(struct buf *b, const char *s)
{
	(void)buf_add(b, s ? s : "", text_size(s));
}

int shim_start_print(struct buf *b, const struct shim_start *s, struct err *e)
{
	const char *const strings[START_STRINGS] = {
		[START_CGROUP] = s->cgroup,
		[START_FALLBACK] = s->fallback,
		[START_NET_PATH] = s->net_path,
	};
	struct start_wire w = {
		.magic = SHIM_MAGIC,
		.version = SHIM_VERSION,
		.flags = s->flags,
		.fds = s->fds,
		.streams = s->streams,
		.log = s->log,
		.log_files = s->log_files,
		.stop_signal = s->stop_signal,
		.log_size = s->log_size,
		.stop_timeout_ms = s->stop_timeout_ms,
		.rows = s->rows,
		.cols = s->cols,
		.net_len = (uint32_t)s->net_len,
	};
	size_t text_len = 0;

	for (size_t i = 0; i < START_STRINGS; i++)
		text_len += text_size(strings[i]);
	while (w.cleanup_count < SHIM_CLEANUP_MAX && s->cleanup[w.cleanup_count])
		text_len += text_size(s->cleanup[w.cleanup_count++]);
	if (text_len + s->net_len > MAX_SHIM_MESSAGE - sizeof(w))
		return err_set(e, EFBIG, "start message: too long");
	w.text_len = (uint32_t)text_len;
	(void)buf_add(b, &w, sizeof(w));
	for (size_t i = 0; i < START_STRINGS; i++)
		add_text(b, strings[i]);
	for (size_t i = 0; i < w.cleanup_count; i++)
		add_text(b, s->cleanup[i]);
	(void)buf_add(b, s->net, s->net_len);
	return buf_ok(b, "start message", e);
}

static bool are_sane(const struct start_wire *w)
{
	const uint32_t needed = 1u << SHIM_FD_RUN | 1u << SHIM_FD_DATA;
	bool adopt = w->flags & SHIM_START_ADOPT;
	bool plan = w->fds & 1u << SHIM_FD_PLAN;

	return !(w->flags & ~START_FLAGS) && !(w->streams & ~ATTACH_FLAGS) &&
	       w->fds < 1u << SHIM_FDS && (w->fds & needed) == needed &&
	       adopt != plan && w->log <= SHIM_LOG_JSON && w->log_files >= 1 &&
	       w->stop_signal >= 1 && w->stop_signal <= SIGNAL_MAX &&
	       w->cleanup_count <= SHIM_CLEANUP_MAX;
}

int shim_start_parse(struct shim_start *out, const void *data, size_t len,
		     struct err *e)
{
	const char *strings[START_STRINGS + SHIM_CLEANUP_MAX] = { NULL };
	const char *p, *end;
	struct start_wire w;

	if (len < sizeof(w))
		return err_set(e, EBADMSG, "start message: cut short");
	memcpy(&w, data, sizeof(w));
	if (w.magic != SHIM_MAGIC || w.version != SHIM_VERSION)
		return err_set(e, EBADMSG, "start message: of another version");
	if (!are_sane(&w) || len - sizeof(w) != (uint64_t)w.text_len + w.net_len)
		return err_set(e, EBADMSG, "start message: damaged");
	p = (const char *)data + sizeof(w);
	end = p + w.text_len;
	for (size_t i = 0; i < START_STRINGS + w.cleanup_count; i++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul)
			return err_set(e, EBADMSG, "start message: damaged text");
		strings[i] = p;
		p = nul + 1;
	}
	if (p != end)
		return err_set(e, EBADMSG, "start message: too much text");
	*out = (struct shim_start){
		.flags = w.flags,
		.fds = w.fds,
		.streams = w.streams,
		.log = w.log,
		.log_files = w.log_files,
		.log_size = w.log_size,
		.stop_signal = w.stop_signal,
		.stop_timeout_ms = w.stop_timeout_ms,
		.rows = w.rows,
		.cols = w.cols,
		.cgroup = strings[START_CGROUP],
		.fallback = strings[START_FALLBACK],
		.net_path = strings[START_NET_PATH],
		.net = end,
		.net_len = w.net_len,
	};
	for (size_t i = 0; i < w.cleanup_count; i++)
		out->cleanup[i] = strings[START_STRINGS + i];
	return 0;
}
