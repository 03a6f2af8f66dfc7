/* floor.c - the least that starting a rootless container can cost.
 *
 *	floor [--net] [-n COUNT] BASE
 *
 * One run is: clone with new user, mount, pid, ipc, uts and cgroup (with
 * --net: and network) namespaces into a new cgroup where we may make one,
 * newuidmap and newgidmap at the same time, an overlay of BASE/lower,
 * BASE/upper, BASE/work, pivot_root, execve of /bin/true, wait, rmdir of the
 * cgroup.  No proc, no dev, no masks, no capabilities, no filter.
 * Prints the median and the 10th percentile in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRANT_MAX 64
#define CGROUP_MAX 600

static const char *base;
static char sub_uid[2][GRANT_MAX], sub_gid[2][GRANT_MAX];

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The first line of ours in /etc/subuid or /etc/subgid. */
static void read_grant(const char *path, char out[2][GRANT_MAX])
{
	FILE *f = fopen(path, "re");
	const char *user = getenv("USER");
	char line[256];

	if (!f || !user)
		die(path);
	while (fgets(line, sizeof(line), f)) {
		char name[64];

		if (sscanf(line, "%63[^:]:%63[0-9]:%63[0-9]", name, out[0],
			   out[1]) == 3 && !strcmp(name, user)) {
			fclose(f);
			return;
		}
	}
	fprintf(stderr, "%s: nothing for %s\n", path, user);
	exit(1);
}

/* Makes a cgroup below ours and opens it; -1 where that cannot be. */
static int make_cgroup(char path[CGROUP_MAX])
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512], own[400] = "";

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "0::%399[^\n]", own) == 1)
			break;
	if (f)
		fclose(f);
	snprintf(path, CGROUP_MAX, "/sys/fs/cgroup%s/floor-%d", own, (int)getpid());
	if (!*own || mkdir(path, 0755) < 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void child(int sync)
{
	char go, *argv[] = { (char *)"true", NULL }, *env[] = { NULL };
	int fs, fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private");
	if (read(sync, &go, 1) != 1)
		_exit(1);
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		die("become root");
	if (chdir(base) < 0)
		die(base);
	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", "lower", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", "upper", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "workdir", "work", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		die("overlay");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0 || move_mount(fd, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die("attach");
	if (fchdir(fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
	execve("/bin/true", argv, env);
	die("execve");
}

static pid_t helper(const char *path, pid_t pid, unsigned self,
		    char grant[2][GRANT_MAX])
{
	char pid_text[16], self_text[16];
	char *argv[] = {
		(char *)path, pid_text, (char *)"0", self_text, (char *)"1", (char *)"1",
		grant[0], grant[1], NULL,
	};
	char *env[] = { NULL };
	pid_t out;

	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	snprintf(self_text, sizeof(self_text), "%u", self);
	if (posix_spawn(&out, path, NULL, NULL, argv, env))
		die(path);
	return out;
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "child failed: %#x\n", status);
		exit(1);
	}
}

static void run_once(bool net)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWCGROUP | (net ? CLONE_NEWNET : 0u),
		.exit_signal = SIGCHLD,
	};
	char cgroup[CGROUP_MAX];
	int p[2], fd = make_cgroup(cgroup);
	pid_t pid, u, g;

	if (fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)fd;
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		die("pipe");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("clone3");
	if (pid == 0)
		child(p[0]);
	u = helper("/usr/bin/newuidmap", pid, geteuid(), sub_uid);
	g = helper("/usr/bin/newgidmap", pid, getegid(), sub_gid);
	wait_for(u);
	wait_for(g);
	if (write(p[1], "m", 1) != 1)
		die("write");
	wait_for(pid);
	close(p[0]);
	close(p[1]);
	if (fd >= 0) {
		close(fd);
		rmdir(cgroup);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	bool net = false;
	int count = 100, i = 1;
	double *us;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--net"))
			net = true;
		else if (!strcmp(argv[i], "--no-net"))
			net = false;
		else if (!strcmp(argv[i], "-n") && i + 1 < argc)
			count = atoi(argv[++i]);
		else
			break;
	}
	if (i + 1 != argc || count < 1 || count > 100000) {
		fprintf(stderr, "usage: floor [--net|--no-net] [-n COUNT] BASE\n");
		return 2;
	}
	base = argv[i];
	read_grant("/etc/subuid", sub_uid);
	read_grant("/etc/subgid", sub_gid);
	us = calloc((size_t)count, sizeof(*us));
	for (int n = 0; n < count; n++) {
		double start = now_us();

		run_once(net);
		us[n] = now_us() - start;
	}
	qsort(us, (size_t)count, sizeof(*us), compare);
	printf("%.0f %.0f\n", us[count / 2], us[count / 10]);
	free(us);
	return 0;
}
