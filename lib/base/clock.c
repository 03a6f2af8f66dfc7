#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/fs.h"

static uint64_t now(clockid_t id)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

uint64_t clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

int clock_boot_id(char out[static BOOT_ID_LEN + 1], struct err *e)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	char text[BOOT_ID_LEN + 2];
	ssize_t n;
	int r = fs_read_small(AT_FDCWD, path, text, sizeof(text), &n, e);

	if (r < 0)
		return r;
	if (n < BOOT_ID_LEN)
		return err_set(e, EIO, "'%s' is too short", path);
	memcpy(out, text, BOOT_ID_LEN);
	out[BOOT_ID_LEN] = '\0';
	return 0;
}

void clock_print(uint64_t wall_ns, char out[static CLOCK_TEXT_MAX])
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	size_t len;

	gmtime_r(&s, &tm);
	len = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, CLOCK_TEXT_MAX - len, ".%09uZ",
		 (unsigned)(wall_ns % NS_PER_S));
}
