/* caps.h - the capability sets of the calling process, by raw system calls.
 *
 * Sets are bit masks (lib/fmt/spec.h).  Return 0 or -errno; usable between
 * clone and exec.
 */
#pragma once

#include <stdint.h>

#include "lib/base/cleanup.h"

int caps_get(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) MUST_CHECK;
int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable) MUST_CHECK;

/* Removes from the bounding set what is not in keep. */
int caps_bound(uint64_t keep) MUST_CHECK;

/* Makes the ambient set exactly this. */
int caps_ambient(uint64_t set) MUST_CHECK;

/* All permitted ones also inheritable and ambient: they survive an execve. */
int caps_keep_over_exec(void) MUST_CHECK;
