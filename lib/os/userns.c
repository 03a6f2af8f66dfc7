#include "lib/os/userns.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"

/* Three numbers a line, then the end. */
#define MAX_ARGS (2 + 3 * MAX_IDMAP + 1)
/* A line is at most 33 bytes; the kernel takes less than a page of them. */
#define MAX_MAP_TEXT (34 * MAX_IDMAP)

/* Cuts a copy of the map's text into the arguments of a helper. */
static int split_args(char *text, char **argv, size_t n)
{
	char *state = NULL;

	for (char *w = strtok_r(text, " \n", &state); w;
	     w = strtok_r(NULL, " \n", &state)) {
		if (n + 1 >= MAX_ARGS)
			return -E2BIG;
		argv[n++] = w;
	}
	argv[n] = NULL;
	return 0;
}

/* What our caller ignores or blocks is no business of the helper's. */
static _Noreturn void become_helper(const char *path, char **argv, int err_fd)
{
	static char *const env[] = { NULL };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	const char *why;
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)dup2(err_fd, STDERR_FILENO);
	(void)execve(path, argv, env);
	why = str_errno(errno);
	(void)!write(STDERR_FILENO, why, strlen(why));
	_exit(127);
}

/* By fork: posix_spawn would wait for the execve, one helper's after the
 * other's, and that takes longer than to copy the few pages of a shim. */
static int spawn_helper(pid_t *out, int *err_fd, const char *path, pid_t pid,
			const char *map, struct err *e)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	char *argv[MAX_ARGS];
	char text[MAX_MAP_TEXT];
	char number[16];
	pid_t child;
	int r;

	if (!str_copy(text, sizeof(text), map))
		return err_set(e, E2BIG, "id map: too many ranges");
	snprintf(number, sizeof(number), "%d", (int)pid);
	argv[0] = (char *)path;
	argv[1] = number;
	if (split_args(text, argv, 2) < 0)
		return err_set(e, E2BIG, "id map: too many ranges");
	r = fd_pipe(&p, e);
	if (r < 0)
		return r;
	child = fork();
	if (child < 0)
		return err_hint(e, err_sys(e, "run '%s'", path), "userns.helper");
	if (child == 0)
		become_helper(path, argv, p.b);
	*out = child;
	*err_fd = take_fd(&p.a);
	return 0;
}

static int write_map(pid_t pid, const char *name, const char *text,
		     struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fs_write_small(AT_FDCWD, path, text, e);
}

int userns_begin(struct userns_job *out, pid_t pid,
		 const struct userns_maps *m, struct err *e)
{
	struct userns_job j = { .errs = { -1, -1 } };
	int r = 0;

	*out = j;
	if (m->newuidmap)
		r = spawn_helper(&out->pids[0], &out->errs[0], m->newuidmap, pid,
				 m->uid_map, e);
	if (!r && m->newgidmap)
		r = spawn_helper(&out->pids[1], &out->errs[1], m->newgidmap, pid,
				 m->gid_map, e);
	if (!r && m->deny_setgroups)
		r = write_map(pid, "setgroups", "deny", e);
	if (!r && !m->newuidmap)
		r = write_map(pid, "uid_map", m->uid_map, e);
	if (!r && !m->newgidmap)
		r = write_map(pid, "gid_map", m->gid_map, e);
	if (r < 0) {
		struct err ignored = ERR_INIT;

		(void)!userns_finish(out, m, &ignored);
	}
	return r;
}

/* Waits for one helper and words its failure. */
static int finish_one(pid_t pid, int *fd, const char *path, struct err *e)
{
	char said[256];
	ssize_t n;
	pid_t got;
	int status = 0;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "wait for '%s'", path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	n = read(*fd, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	str_mask(said);
	(void)err_set(e, EPERM, "%s: %s", path, *said ? said : "failed");
	return err_hint(e, -EPERM, "userns.helper");
}

int userns_finish(struct userns_job *j, const struct userns_maps *m,
		  struct err *e)
{
	const char *const paths[2] = { m->newuidmap, m->newgidmap };
	int first = 0;

	for (int i = 0; i < 2; i++) {
		struct err ignored = ERR_INIT;
		int r = 0;

		if (j->pids[i] > 0)
			r = finish_one(j->pids[i], &j->errs[i], paths[i],
				       first ? &ignored : e);
		if (!first)
			first = r;
		fd_auto(&j->errs[i]);
		j->pids[i] = 0;
	}
	return first;
}

int userns_write_maps(pid_t pid, const struct userns_maps *m, struct err *e)
{
	struct userns_job j;
	int r = userns_begin(&j, pid, m, e);

	return r < 0 ? r : userns_finish(&j, m, e);
}

const char *userns_find_helper(const char *name, char *out, size_t size)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int n = snprintf(out, size, "%s/%s", dirs[i], name);

		if (n > 0 && (size_t)n < size && access(out, X_OK) == 0)
			return out;
	}
	return NULL;
}

bool userns_needs_helper(const struct id_ranges *m, uint32_t self)
{
	return !(m->len == 1 && m->at[0].count == 1 && m->at[0].outside == self);
}

bool userns_is_machines_root(void)
{
	struct err unknown = ERR_INIT;
	char map[64];

	return geteuid() == 0 &&
	       fs_read_small(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map), NULL,
			     &unknown) == 0 && strstr(map, "4294967295");
}
