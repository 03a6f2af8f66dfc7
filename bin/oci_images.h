/* oci_images.h - what checkpoint and restore of coracle-oci share. */
#pragma once

#include "bin/oci.h"
#include "lib/runtime/checkpoint.h"

struct oci_images_opts {
	const char *image_path;
	const char *work_path;
	const char *manage_cgroups;
	struct strv empty_ns;
	bool tcp_established;
	bool ext_unix_sk;
	bool shell_job;
	bool file_locks;
};
extern const struct opt oci_images_options[];

/* Makes the directory for criu's log where it is another one. */
int oci_images(struct rt_images *out, const struct oci_images_opts *a, const struct oci *o,
	       struct err *e) MUST_CHECK;
