#include "lib/os/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/fmt/spec.h"

int caps_get(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	*effective = d[0].effective | (uint64_t)d[1].effective << 32;
	*permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	*inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{
			.effective = (uint32_t)effective,
			.permitted = (uint32_t)permitted,
			.inheritable = (uint32_t)inheritable,
		},
		{
			.effective = (uint32_t)(effective >> 32),
			.permitted = (uint32_t)(permitted >> 32),
			.inheritable = (uint32_t)(inheritable >> 32),
		},
	};

	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

int caps_bound(uint64_t keep)
{
	for (unsigned long c = 0; c < 64; c++) {
		if (c < CAP_COUNT && (keep & CAP_BIT(c)))
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0)
			continue;
		/* EINVAL: past the last one that this kernel knows */
		return errno == EINVAL ? 0 : -errno;
	}
	return 0;
}

int caps_ambient(uint64_t set)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned long c = 0; set; c++, set >>= 1)
		if ((set & 1) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return -errno;
	return 0;
}

int caps_keep_over_exec(void)
{
	uint64_t effective, permitted, inheritable;
	int r = caps_get(&effective, &permitted, &inheritable);

	if (r < 0)
		return r;
	r = caps_set(permitted, permitted, permitted);
	return r < 0 ? r : caps_ambient(permitted);
}
