/* runtimes.h - OCI runtimes by name.
 *
 * "coracle" is our own, which runs in process.  Another one is a program,
 * given by path or looked up in PATH and where systems keep what is not for
 * every user's PATH; coracle-oci is found beside our other programs too.
 */
#pragma once

#include "lib/base/err.h"

#define RUNTIME_OURS "coracle"

/* Those that we look for when nobody names one; NULL-ended. */
extern const char *const runtime_names[];

/* The absolute path of a program, which the caller frees; NULL: ours.
 * -ENOENT, key "runtime.missing". */
int runtime_find(char **out, const char *name, struct err *e) MUST_CHECK;

/* What a container's runtime is called: by its file. */
const char *runtime_name(const char *path);

/* The program in a list of directories such as PATH; NULL: it is in none.  The
 * caller frees it. */
char *find_in_path(const char *name, const char *path);
