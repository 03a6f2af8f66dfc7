/* syncfs.so - for LD_PRELOAD: syncfs(2) reaches a file system of a user.
 *
 * The kernel does not tell a FUSE server of it.  lossyfs takes an attribute for
 * it; and its files are as good as local ones, so it is called tmpfs. */
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int syncfs(int fd)
{
	if (fsetxattr(fd, "lossyfs.sync", "", 0, 0) == 0)
		return 0;
	return (int)syscall(SYS_syncfs, fd);
}

int fstatfs(int fd, struct statfs *out)
{
	int r = (int)syscall(SYS_fstatfs, fd, out);

	if (r == 0 && out->f_type == FUSE_SUPER_MAGIC)
		out->f_type = TMPFS_MAGIC;
	return r;
}

int fstatfs64(int fd, struct statfs64 *out) __attribute__((alias("fstatfs")));
