/* peak - the largest resident memory that a command, or any process that it
 * waits for, had: kB on stdout.  Small itself, since what a process had before
 * execve counts.
 *
 *	peak COMMAND...
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage used;
	int status = 1;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = vfork();
	if (pid == 0) {
		(void)dup2(open("/dev/null", O_RDWR), 1);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || status)
		return 1;
	return printf("%ld\n", used.ru_maxrss) < 0;
}
