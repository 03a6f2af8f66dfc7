/* mountinfo.h - the lines of /proc/PID/mountinfo, one at a time.
 *
 * proc_pid_mountinfo(5).  The iterator takes the caller's bytes apart in
 * place: fields are ended with NUL and octal escapes (\040) are undone, so
 * nothing is allocated and the strings live as long as the bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct mountinfo {
	uint32_t id;
	uint32_t parent;
	uint32_t major;
	uint32_t minor;
	const char *root;		/* of the mount within its file system */
	const char *target;
	const char *options;		/* of the mount: "rw,nosuid" */
	uint32_t shared;		/* peer group, 0: none */
	uint32_t master;		/* peer group, 0: none */
	const char *fstype;
	const char *source;
	const char *super_options;
};

struct mountinfo_iter {
	char *next;
	size_t left;
	unsigned line;
};

/* data[len] must exist; it is written to. */
void mountinfo_begin(struct mountinfo_iter *it, char *data, size_t len);

/* 1: *out is the next mount; 0: the end; -EINVAL: a malformed line, the next
 * call goes on behind it. */
int mountinfo_next(struct mountinfo_iter *it, struct mountinfo *out,
		   struct err *e) MUST_CHECK;
