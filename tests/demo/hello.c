/* hello.c - what the built-in image runs: says where it runs.
 *
 * Static, and without anything of ours: an image is a file system, and this
 * file is all that is in it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void show_maps(void)
{
	unsigned inside, outside, count;
	FILE *f = fopen("/proc/self/uid_map", "re");

	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		printf("  ids        %u...%u are %u...%u outside\n", inside, inside + count - 1,
		       outside, outside + count - 1);
	if (f)
		(void)fclose(f);
}

static void show_root(void)
{
	char where[256], type[64];
	FILE *f = fopen("/proc/self/mounts", "re");

	while (f && fscanf(f, "%*s %255s %63s %*[^\n]", where, type) == 2)
		if (strcmp(where, "/") == 0)
			printf("  root       a file system of type %s\n", type);
	if (f)
		(void)fclose(f);
}

static void show_namespaces(void)
{
	static const char *const kinds[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" };

	printf("  namespaces");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char path[32], target[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0)
			printf(" %.*s", (int)n, target);
	}
	printf("\n");
}

int main(void)
{
	struct utsname u;

	printf("Hello from a container.\n");
	printf("  user id    %u\n", getuid());
	show_maps();
	printf("  process id %d\n", getpid());
	if (uname(&u) == 0)
		printf("  host name  %s\n  kernel     %s\n", u.nodename, u.release);
	show_root();
	show_namespaces();
	return 0;
}
