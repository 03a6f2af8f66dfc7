/* num.h - the only parser of numbers, sizes, durations and times.
 *
 * All take the whole string: no sign where none is due, no spaces, no prefix,
 * one base.  The value is untouched on failure.
 * Errors: -EINVAL not such a number; -ERANGE outside [min, max].
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"

int num_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out,
	    struct err *e) MUST_CHECK;
int num_i64(const char *text, int64_t min, int64_t max, int64_t *out,
	    struct err *e) MUST_CHECK;

/* A file mode: octal digits, at most 07777. */
int num_mode(const char *text, uint32_t *out, struct err *e) MUST_CHECK;

/* 10, 10b, 10k, 10kb, 10KiB, 1.5g: powers of 1024, as docker reads sizes. */
int num_size(const char *text, uint64_t *bytes, struct err *e) MUST_CHECK;

/* Go's durations (1h30m, 1.5s, 100ms) or a bare number of seconds. */
int num_duration(const char *text, uint64_t *ns, struct err *e) MUST_CHECK;

/* A decimal fraction with up to nine places, in billionths: --cpus 1.5 */
int num_nano(const char *text, uint64_t *nano, struct err *e) MUST_CHECK;

/* RFC 3339, a Unix time with optional fraction, or a duration before now_ns:
 * what --since and --until take.  Nanoseconds since 1970, UTC. */
int num_time(const char *text, uint64_t now_ns, uint64_t *ns,
	     struct err *e) MUST_CHECK;
