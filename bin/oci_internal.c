/* What coracle asks coracle-oci to do, which has the libraries for it. */
#include <fcntl.h>
#include <string.h>

#include "bin/oci.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/secprof.h"
#include "lib/os/seccomp.h"

static int parse_caps(uint64_t *out, const char *text, struct err *e)
{
	uint64_t n = 0;
	const char *p = text;

	for (; *p && p - text < 16; p++) {
		const char *digits = "0123456789abcdef";
		const char *d = strchr(digits, *p);

		if (!d)
			break;
		n = n << 4 | (uint64_t)(d - digits);
	}
	if (*p || p == text)
		return err_set(e, EINVAL, "'%s' is not a set of capabilities", text);
	*out = n;
	return 0;
}

/* A file, or what comes through a pipe. */
static int read_profile(struct buf *out, const char *path, struct err *e)
{
	AUTO_FD int fd = str_eq(path, "-") ? fcntl(0, F_DUPFD_CLOEXEC, 3) :
		open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open '%s'", path) : fs_read_stream(fd, path, out, e);
}

static int seccomp_run(struct app *app, void *args UNUSED, char **operands, int count,
		       struct err *e)
{
	AUTO(secprof) struct secprof parsed = SECPROF_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	AUTO(buf) struct buf filter = BUF_INIT(MIB(1));
	const struct secprof *profile = &secprof_default;
	uint64_t caps;
	int r;

	r = parse_caps(&caps, operands[0], e);
	if (r < 0)
		return r;
	if (count == 2) {
		r = read_profile(&text, operands[1], e);
		if (r == 0)
			r = secprof_parse(&parsed, text.data, text.len, e);
		if (r < 0)
			return err_ctx(e, r, "seccomp profile");
		profile = &parsed;
	}
	r = seccomp_compile(&filter, profile, caps, e);
	if (r == 0)
		(void)buf_add(&app->out, filter.data, filter.len);
	return r;
}

const struct cmd oci_cmd_seccomp = {
	.name = "seccomp",
	.summary = "Compile a seccomp profile for a set of capabilities",
	.operands = "CAPS-HEX [PROFILE.json|-]",
	.min = 1,
	.max = 2,
	.hidden = true,
	.run = seccomp_run,
};
