#include "lib/os/lsm.h"

#include <fcntl.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"

static bool read_text(const char *path, struct buf *out)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err ignored = ERR_INIT;

	return fd >= 0 && fs_read_fd(fd, path, out, &ignored) == 0;
}

/* The file is there whenever AppArmor was compiled in; only one that runs
 * answers. */
bool lsm_has_apparmor(void)
{
	AUTO(buf) struct buf label = BUF_INIT(KIB(4));

	return read_text("/proc/self/attr/apparmor/current", &label) && label.len;
}

/* Its file system is registered when it was not switched off. */
bool lsm_has_selinux(void)
{
	AUTO(buf) struct buf list = BUF_INIT(KIB(64));

	return read_text("/proc/filesystems", &list) && strstr(list.data, "\tselinuxfs\n");
}
