#include "lib/os/fstype.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/str.h"

/* f_type of statfs(2); linux/magic.h has only some. */
static const struct {
	uint32_t magic;
	const char *name;
} remote[] = {
	{ 0x00006969, "NFS" }, { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },
	{ 0x0000517b, "SMB" }, { 0x01021997, "9p" }, { 0x65735546, "FUSE" },
	{ 0x0bd00bd0, "Lustre" }, { 0x47504653, "GPFS" }, { 0x00c36400, "Ceph" },
	{ 0x5346414f, "AFS" }, { 0x73757245, "Coda" }, { 0x0000f15f, "eCryptfs" },
};

/* 0: it cannot be asked. */
static uint32_t magic_of(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ? 0 : (uint32_t)fs.f_type;
}

const char *fstype_remote(int fd)
{
	uint32_t magic = magic_of(fd);

	for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
		if (magic == remote[i].magic)
			return remote[i].name;
	return NULL;
}

bool fstype_is_cow(int fd)
{
	static const uint32_t cow[] = { 0x9123683e, 0xca451a4e, 0x2fc12fc1 };
	uint32_t magic = magic_of(fd);

	/* btrfs, bcachefs, ZFS */
	for (size_t i = 0; i < ARRAY_SIZE(cow); i++)
		if (magic == cow[i])
			return true;
	return false;
}

void fstype_keep_case(int dirfd)
{
	int flags = 0;

	if (ioctl(dirfd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_CASEFOLD_FL))
		return;
	flags &= ~FS_CASEFOLD_FL;
	(void)ioctl(dirfd, FS_IOC_SETFLAGS, &flags);
}

bool fstype_folds_case(int dirfd)
{
	char small[32], large[32];
	bool are_one;

	snprintf(small, sizeof(small), FS_NEW "case-%d", (int)getpid());
	snprintf(large, sizeof(large), ".NEW-CASE-%d", (int)getpid());
	if (mkdirat(dirfd, small, 0700) < 0 && errno != EEXIST)
		return false;
	are_one = faccessat(dirfd, large, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	(void)unlinkat(dirfd, small, AT_REMOVEDIR);
	return are_one;
}

void fstype_room(struct fstype_room *out, int fd)
{
	struct statvfs fs;

	*out = (struct fstype_room){ UINT64_MAX, UINT64_MAX };
	if (fstatvfs(fd, &fs) < 0)
		return;
	if (fs.f_blocks)
		out->bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (fs.f_files)
		out->files = fs.f_favail;
}

bool fstype_has_acls(const char *dir)
{
	return getxattr(dir, "system.posix_acl_access", NULL, 0) >= 0 || errno != EOPNOTSUPP;
}

bool fstype_is_noexec(int fd)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC);
}
