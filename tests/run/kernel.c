/* kernel.c - what of the kernel a container reaches; for attack_rights.bats.
 *
 *	kernel families		each address family of which a socket is to be had
 *	kernel calls		system calls that no container needs, and how each
 *				ends with arguments that no call can like
 *	kernel int80 FAMILY	how socket() of the 32-bit ABI ends, and
 *	kernel x32 FAMILY	that of x32
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAMILIES 64

static int families(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };

	/* Also numbers of which only the lower half is looked at. */
	for (long f = 0; f < FAMILIES; f++) {
		for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
			if (syscall(SYS_socket, f, types[t], 0) >= 0 ||
			    syscall(SYS_socket, f | 1L << 32, types[t], 0) >= 0) {
				printf("%ld\n", f);
				break;
			}
		}
	}
	return 0;
}

/* In a child, which some of them end. */
static const char *try_call(long number)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(5);
		_exit(syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "lost";
	if (!WIFEXITED(status))
		return "killed";
	return WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "done";
}

static int calls(void)
{
#define CALL(name) { #name, SYS_##name }
	static const struct {
		const char *name;
		long number;
	} list[] = {
		CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register),
		CALL(userfaultfd), CALL(bpf), CALL(perf_event_open), CALL(add_key),
		CALL(request_key), CALL(keyctl), CALL(kexec_load), CALL(kexec_file_load),
		CALL(init_module), CALL(finit_module), CALL(delete_module), CALL(reboot),
		CALL(settimeofday), CALL(clock_settime), CALL(mount),
		CALL(umount2), CALL(pivot_root), CALL(unshare), CALL(setns), CALL(fsopen),
		CALL(fsmount), CALL(open_tree), CALL(move_mount), CALL(mount_setattr),
		CALL(swapon), CALL(swapoff), CALL(acct), CALL(quotactl), CALL(syslog),
		CALL(open_by_handle_at), CALL(move_pages), CALL(migrate_pages),
		CALL(vhangup), CALL(fanotify_init),
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
		const char *how = try_call(list[i].number);

		printf("%s %s\n", list[i].name, how ? how : "odd");
	}
	return 0;
}

static int say(long r)
{
	printf("%s\n", r >= 0 ? "done" : strerrorname_np((int)-r));
	return 0;
}

/* The numbers are x86's; elsewhere there is nothing to find. */
static int int80(long family)
{
	long r = -ENOSYS;

#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(359L), "b"(family), "c"(SOCK_STREAM), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
#endif
	return say((int)r);
}

static int x32(long family)
{
	long r = syscall(0x40000000L | SYS_socket, family, (long)SOCK_STREAM, 0L);

	return say(r < 0 ? -errno : r);
}

int main(int argc, char **argv)
{
	(void)signal(SIGSYS, SIG_DFL);
	if (argc == 2 && !strcmp(argv[1], "families"))
		return families();
	if (argc == 2 && !strcmp(argv[1], "calls"))
		return calls();
	if (argc == 3 && !strcmp(argv[1], "int80"))
		return int80(strtol(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "x32"))
		return x32(strtol(argv[2], NULL, 10));
	return 2;
}
