#include "bin/runtimes.h"

#include <string.h>
#include <sys/stat.h>

#include "bin/app.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

const char *const runtime_names[] = { "coracle-oci", "crun", "runc", "runsc", "youki", NULL };

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *find_in_path(const char *name, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, ":");
		AUTO_FREE char *full = mem_printf("%.*s/%s", (int)len, path, name);

		/* A relative directory would be another one tomorrow. */
		if (*path == '/' && is_program(full))
			return take(full);
		path += len + (path[len] == ':');
	}
	return NULL;
}

static int by_path(char **out, const char *path, struct err *e)
{
	char real[MAX_PATH];

	if (!realpath(path, real))
		return err_hint(e, err_sys(e, "runtime '%s'", path), "runtime.missing");
	if (!is_program(real))
		return err_set(e, EACCES, "runtime '%s': not a program", path);
	*out = mem_str(real);
	return 0;
}

int runtime_find(char **out, const char *name, struct err *e)
{
	struct err missing = ERR_INIT;
	char *found = NULL;

	if (strchr(name, '/'))
		return by_path(out, name, e);
	if (!str_eq(name, RUNTIME_OURS)) {
		found = find_in_path(name, str_or(getenv("PATH"), ""));
		if (!found)
			found = find_in_path(name, "/usr/local/sbin:/usr/sbin:/sbin");
		if (!found && str_eq(name, "coracle-oci"))
			(void)!app_program(name, &found, &missing);
		if (!found)
			return err_hint(e, err_set(e, ENOENT, "runtime '%s': not found", name),
					"runtime.missing");
	}
	*out = found;
	return 0;
}

const char *runtime_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : RUNTIME_OURS;
}
