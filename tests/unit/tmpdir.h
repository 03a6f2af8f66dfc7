/* tmpdir.h - a directory of its own for each test, made and removed around it. */
#pragma once

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/fs.h"

#define TMPDIR_TEMPLATE "/tmp/coracle-test.XXXXXX"

static char dir_path[] = TMPDIR_TEMPLATE;

static inline int make_dir(void **state UNUSED)
{
	strcpy(dir_path, TMPDIR_TEMPLATE);
	return mkdtemp(dir_path) ? 0 : -1;
}

static inline int remove_dir(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int tmp = fs_open_dir(AT_FDCWD, "/tmp", &e);

	return fs_rmtree(tmp, dir_path + strlen("/tmp/"), &e);
}

static inline int open_dir(void)
{
	struct err e = ERR_INIT;
	int fd = fs_open_dir(AT_FDCWD, dir_path, &e);

	assert_true(fd >= 0);
	return fd;
}
