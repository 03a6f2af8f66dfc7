#include "shim/planmap.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/runtime/plan.h"

int plan_map(struct plan_map *out, int fd, struct err *e)
{
	struct plan_map m = PLAN_MAP_INIT;
	struct stat st;
	int r;

	/* It has to stay what was checked. */
	if (fd_seals(fd) == FD_NOT_SEALED)
		return err_set(e, EBADMSG, "the plan is not in a sealed memory file");
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat the plan");
	if (st.st_size <= 0 || (uint64_t)st.st_size > MAX_PLAN)
		return err_set(e, EBADMSG, "a plan of %lld bytes", (long long)st.st_size);
	m.len = (size_t)st.st_size;
	m.data = mmap(NULL, m.len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m.data == MAP_FAILED)
		return err_sys(e, "map the plan");
	r = plan_check(m.data, m.len, e);
	if (r < 0)
		plan_map_clear(&m);
	else
		*out = m;
	return r;
}

void plan_map_clear(struct plan_map *m)
{
	int saved = errno;

	if (m->data)
		(void)munmap(m->data, m->len);
	m->data = NULL;
	errno = saved;
}
