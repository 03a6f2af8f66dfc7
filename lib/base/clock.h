/* clock.h - what time it is, and which boot.
 *
 * Wall time (ns since 1970, UTC) is for people; monotonic time (ns) is for
 * waiting and ordering within a process.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

#define BOOT_ID_LEN 36			/* without the NUL */

uint64_t clock_wall_ns(void);
uint64_t clock_mono_ns(void);

/* The kernel's boot id: what makes pids of an earlier boot void. */
int clock_boot_id(char out[static BOOT_ID_LEN + 1], struct err *e) MUST_CHECK;

/* "2026-01-31T12:00:00.123456789Z" (always 30 characters) */
#define CLOCK_TEXT_MAX 32
void clock_print(uint64_t wall_ns, char out[static CLOCK_TEXT_MAX]);
