#include "bin/oci_notify.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DIR_NAME "notify"
#define SOCKET_NAME DIR_NAME "/notify.sock"
#define INSIDE "/run/notify"

int oci_notify_make(struct oci_box *b, const struct oci *o, struct spec *spec, struct err *e)
{
	AUTO_FREE char *source = mem_printf("%s/%s/" DIR_NAME, o->root, b->id);
	struct spec_mount *m;

	if (str_is_empty(getenv("NOTIFY_SOCKET")))
		return 0;
	/* Root inside may be nobody to our own directories. */
	if (mkdirat(b->dir, DIR_NAME, 0755) < 0)
		return err_sys(e, "make '%s'", source);
	m = spec_add_mount(spec, INSIDE, "bind", source);
	strv_add(&m->options, "bind");
	strv_add(&m->options, "nosuid");
	strv_add(&m->options, "nodev");
	strv_add(&m->options, "noexec");
	strv_setenv(&spec->process.env, "NOTIFY_SOCKET=" INSIDE "/notify.sock");
	return 0;
}

int oci_notify_listen(int *fd, const struct oci_box *b, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int sock = -1;
	struct stat st;

	if (str_is_empty(getenv("NOTIFY_SOCKET")) || fstatat(b->dir, DIR_NAME, &st, 0) < 0)
		return 0;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" SOCKET_NAME, b->dir);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    fchmodat(b->dir, SOCKET_NAME, 0777, 0) < 0)
		return err_sys(e, "listen on '" SOCKET_NAME "'");
	*fd = take_fd(&sock);
	return 0;
}

static bool says_ready(char *text)
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (str_eq(l, "READY=1"))
			return true;
	return false;
}

/* An address of NOTIFY_SOCKET: a path, or with @ an abstract name. */
static int tell_ours(const char *address, pid_t pid, struct err *e)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	AUTO_FREE char *text = mem_printf("READY=1\nMAINPID=%d\n", pid);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(address);

	if (len >= sizeof(sa.sun_path))
		return err_set(e, ENAMETOOLONG, "NOTIFY_SOCKET: too long");
	memcpy(sa.sun_path, address, len);
	if (*address == '@')
		sa.sun_path[0] = '\0';
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return err_sys(e, "NOTIFY_SOCKET '%s'", address);
	return 0;
}

int oci_notify_take(int fd, pid_t init, struct err *e)
{
	char text[KIB(4)];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	int r;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (!says_ready(text))
		return 0;
	r = tell_ours(getenv("NOTIFY_SOCKET"), init, e);
	return r < 0 ? r : 1;
}

int oci_notify_proxy(int fd, const struct oci_box *b, struct err *e)
{
	AUTO_FD int init = fd < 0 ? -1 : oci_box_init(b, e);
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = init, .events = POLLIN },
	};
	int r = init < 0 && fd >= 0 ? init : 0;

	while (r == 0 && fd >= 0) {
		if (poll(p, 2, -1) < 0) {
			r = errno == EINTR ? 0 : err_sys(e, "poll");
			continue;
		}
		if (p[0].revents)
			r = oci_notify_take(fd, b->state.init.pid, e);
		else
			break;		/* it has ended without a word */
	}
	return r < 0 ? r : 0;
}
