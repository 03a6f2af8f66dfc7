/* hostile.c - what a container does that wants out; for attack_*.bats.
 *
 *	hostile exe MARK	(A1) holds /proc/PID/exe of all it sees, and reopens
 *				them for writing
 *	hostile look MARK	(A3) opens what the processes that it sees have open,
 *				and attaches to them
 *	hostile swap A B MARK	(B1) exchanges two names
 *
 * Each runs until the file MARK is there, prints what it should not have been
 * able to do, and ends with "done N", N being how often it tried, or swapped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELD 256

static unsigned long tries;

/* File systems that are the container's own. */
static dev_t own[16];
static size_t own_count;

static void learn(void)
{
	static const char *const places[] = {
		"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys",
		"/sys/fs/cgroup", "/etc/hosts", "/hostile", "/bin/busybox", "/proc/interrupts",
	};
	struct stat st;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (stat(places[i], &st) == 0)
			own[own_count++] = st.st_dev;
}

static int is_own(const struct stat *st)
{
	if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
		return 1;
	for (size_t i = 0; i < own_count; i++)
		if (own[i] == st->st_dev)
			return 1;
	return 0;
}

static int number_of(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	return *name && !*end ? (int)n : -1;
}

/* --- exe --- */

static int held[HELD];

static void reopen(int fd)
{
	static const int ways[] = { O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int got = open(path, ways[i]);

		tries++;
		if (got < 0)
			continue;
		/* What is sealed can be opened, but not written to. */
		if (write(got, "#", 1) == 1 || ftruncate(got, 0) == 0)
			printf("written to: way %#x\n", ways[i]);
		close(got);
	}
}

static void hold(int pid)
{
	static unsigned next;
	char path[64];
	struct stat st, mine;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Programs of the container itself may well be written to. */
	if (fstat(fd, &st) < 0 || stat("/", &mine) < 0 || st.st_dev == mine.st_dev ||
	    (stat("/hostile", &mine) == 0 && st.st_ino == mine.st_ino)) {
		close(fd);
		return;
	}
	printf("sees the program of %d\n", pid);
	if (held[next] > 0)
		close(held[next]);
	held[next] = fd;
	next = (next + 1) % HELD;
}

/* --- look --- */

static void report(int pid, const char *what, const struct stat *st)
{
	printf("reached %s of %d: device %u:%u inode %ju mode %o\n", what, pid,
	       major(st->st_dev), minor(st->st_dev), (uintmax_t)st->st_ino, st->st_mode);
}

static void try_open(int pid, const char *what)
{
	char path[300];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, O_PATH | O_CLOEXEC);
	tries++;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && !is_own(&st))
		report(pid, what, &st);
	close(fd);
}

static void attach(int pid)
{
	char path[64];
	struct stat st;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &st) == 0 && !is_own(&st))
		report(pid, "the memory", &st);
	(void)ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	(void)waitpid(pid, NULL, __WALL);
	(void)ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void look(int pid)
{
	static const char *const names[] = { "root", "cwd", "exe" };
	char path[64], name[300];
	struct dirent *d;
	DIR *dir;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		try_open(pid, names[i]);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		snprintf(name, sizeof(name), "fd/%s", d->d_name);
		if (d->d_name[0] != '.')
			try_open(pid, name);
	}
	if (dir)
		closedir(dir);
	attach(pid);
}

static void each_process(void (*fn)(int pid))
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc))) {
		int pid = number_of(d->d_name);

		if (pid > 0 && pid != getpid())
			fn(pid);
	}
	if (proc)
		closedir(proc);
}

int main(int argc, char **argv)
{
	const char *mark = argv[argc - 1];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 2;
	learn();
	printf("ready\n");
	while (access(mark, F_OK) < 0) {
		if (!strcmp(argv[1], "exe")) {
			each_process(hold);
			for (int i = 0; i < HELD; i++)
				if (held[i] > 0)
					reopen(held[i]);
			tries++;
		} else if (!strcmp(argv[1], "look")) {
			each_process(look);
		} else if (!strcmp(argv[1], "swap") && argc == 5) {
			tries += renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3],
					   RENAME_EXCHANGE) == 0;
		} else {
			return 2;
		}
	}
	printf("done %lu\n", tries);
	return 0;
}
