/* nomem.so - for LD_PRELOAD: memory runs out at one allocation, or from one on.
 *
 *	NOMEM=FILE[:N[+]]
 *
 * Counts, from 1, what our programs (coracle*) allocate, those that they start
 * included; the Nth fails, and with + all after it.  FILE, of a page at least,
 * is shared by all of them: it has the count, of 8 bytes, and then a line of the
 * first that failed:
 *
 *	PROGRAM CALL LIBRARY+OFFSET
 *
 * where it was called from.  What comes before main() does not count.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

/* Those of glibc below the names that everybody uses. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);

static struct shared {
	atomic_ulong count;
	char line[PAGE - sizeof(atomic_ulong)];
} *shared;

static unsigned long first = -1ul;	/* that fails */
static bool is_for_good;

__attribute__((constructor)) static void begin(void)
{
	const char *all = getenv("NOMEM");
	const char *colon = all ? strchr(all, ':') : NULL;
	char path[PAGE] = "";
	void *at;
	int fd;

	if (!all || strncmp(program_invocation_short_name, "coracle", 7) != 0)
		return;
	(void)snprintf(path, sizeof(path), "%.*s", colon ? (int)(colon - all) : PAGE - 1, all);
	fd = open(path, O_RDWR | O_CLOEXEC);
	at = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		(void)close(fd);
	if (at == MAP_FAILED)
		return;
	if (colon)
		first = strtoul(colon + 1, NULL, 10);
	is_for_good = colon && strchr(colon, '+');
	shared = at;
}

static void note(const char *call, void *from)
{
	Dl_info where = { .dli_fname = "?" };
	const char *slash;

	(void)dladdr(from, &where);
	slash = strrchr(where.dli_fname, '/');
	(void)snprintf(shared->line, sizeof(shared->line), "%s %s %s+%#tx\n",
		       program_invocation_short_name, call, slash ? slash + 1 : where.dli_fname,
		       (char *)from - (char *)where.dli_fbase);
}

/* Is there memory for this call, which came from there? */
static bool is_given(const char *call, void *from)
{
	unsigned long n = shared ? atomic_fetch_add(&shared->count, 1) + 1 : 0;

	if (n < first || (n > first && !is_for_good))
		return true;
	if (n == first)
		note(call, from);
	errno = ENOMEM;
	return false;
}

#define IS_GIVEN() is_given(__func__, __builtin_return_address(0))

void *malloc(size_t size)
{
	return IS_GIVEN() ? __libc_malloc(size) : NULL;
}

void *calloc(size_t count, size_t size)
{
	return IS_GIVEN() ? __libc_calloc(count, size) : NULL;
}

void *realloc(void *old, size_t size)
{
	return IS_GIVEN() ? __libc_realloc(old, size) : NULL;
}

void *memalign(size_t align, size_t size)
{
	return IS_GIVEN() ? __libc_memalign(align, size) : NULL;
}

void *aligned_alloc(size_t align, size_t size)
{
	return IS_GIVEN() ? __libc_memalign(align, size) : NULL;
}

int posix_memalign(void **out, size_t align, size_t size)
{
	void *p = IS_GIVEN() ? __libc_memalign(align, size) : NULL;

	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}
