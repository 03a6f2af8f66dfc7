/* cleanup.h - scoped ownership and the few attributes we use.
 *
 * AUTO(x) runs x_auto(&variable) when the variable leaves its scope.  Every
 * x_auto accepts an empty object, keeps errno, and leaves an empty object.
 * Ownership moves out with take() or take_fd().
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(type)	__attribute__((__cleanup__(type##_auto)))
#define AUTO_FREE	AUTO(free)
#define AUTO_FD		AUTO(fd)

#define MUST_CHECK	__attribute__((__warn_unused_result__))
#define PRINTF(f, a)	__attribute__((__format__(__printf__, f, a)))
#define NORETURN	__attribute__((__noreturn__))
#define UNUSED		__attribute__((__unused__))

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The value of an owning pointer, which is empty afterwards. */
#define take(p)					\
	({					\
		__typeof__(p) taken_ = (p);	\
		(p) = NULL;			\
		taken_;				\
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Takes the address of any pointer, hence void. */
static inline void free_auto(void *p)
{
	int saved = errno;

	free(*(void **)p);
	*(void **)p = NULL;
	errno = saved;
}

/* Linux releases the number even when close() reports EINTR: never retry. */
static inline void fd_auto(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}
