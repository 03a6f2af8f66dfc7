/* coracle-oci: what needs libraries that the other programs do not link.
 *
 *	coracle-oci seccomp CAPS-HEX [PROFILE.json|-]	a BPF program on stdout
 *	coracle-oci scope NAME PID [LEAF]	a systemd scope around a process: its
 *						cgroup on stdout, or why not
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bin/oci_scope.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/secprof.h"
#include "lib/os/seccomp.h"
#include "lib/runtime/start.h"

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
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	do {
		char chunk[16384];

		n = read(fd, chunk, sizeof(chunk));
		if (n > 0 && buf_add(out, chunk, (size_t)n) < 0)
			return err_set(e, EFBIG, "'%s': longer than %zu bytes",
				       path, out->max);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? err_sys(e, "read '%s'", path) : 0;
}

static int run_seccomp(int argc, char **argv, struct err *e)
{
	AUTO(secprof) struct secprof parsed = SECPROF_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));
	AUTO(buf) struct buf filter = BUF_INIT(MIB(1));
	const struct secprof *profile = &secprof_default;
	uint64_t caps;
	int r;

	if (argc < 1 || argc > 2)
		return err_set(e, EINVAL, "usage: coracle-oci seccomp CAPS-HEX [PROFILE.json|-]");
	r = parse_caps(&caps, argv[0], e);
	if (r < 0)
		return r;
	if (argc == 2) {
		r = read_profile(&text, argv[1], e);
		if (r == 0)
			r = secprof_parse(&parsed, text.data, text.len, e);
		if (r < 0)
			return err_ctx(e, r, "seccomp profile");
		profile = &parsed;
	}
	r = seccomp_compile(&filter, profile, caps, e);
	return r < 0 ? r : fs_write_all(1, filter.data, filter.len, e);
}

static int run_scope(int argc, char **argv, struct err *e)
{
	uint64_t pid;
	int r;

	if (argc < 2 || argc > 3 || !str_is_name(argv[0]) ||
	    (argc == 3 && !str_is_component(argv[2])))
		return err_set(e, EINVAL, "usage: coracle-oci scope NAME PID [LEAF]");
	r = num_u64(argv[1], 1, INT32_MAX, &pid, e);
	if (r == 0)
		r = oci_scope(argv[0], (pid_t)pid, argc == 3 ? argv[2] : NULL, e);
	/* Who asks reads but one stream. */
	if (r < 0)
		printf("%s\n", e->text);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r;

	rt_inner(argc, argv);
	if (argc >= 2 && str_eq(argv[1], "seccomp"))
		r = run_seccomp(argc - 2, argv + 2, &e);
	else if (argc >= 2 && str_eq(argv[1], "scope"))
		r = run_scope(argc - 2, argv + 2, &e);
	else if (argc == 2 && str_eq(argv[1], "--version"))
		r = printf("coracle-oci %s\n", VERSION) < 0 ? -EIO : 0;
	else
		r = err_set(&e, EINVAL, "usage: coracle-oci seccomp CAPS-HEX [PROFILE.json|-]");
	if (r >= 0)
		return 0;
	fprintf(stderr, "coracle-oci: %s\n", e.text);
	return 1;
}
