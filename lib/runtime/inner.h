/* inner.h - inside the runtime: the child's part by its name. */
#pragma once

#include <stdbool.h>

/* RT_INIT_NAME or RT_EXEC_NAME, with that many preserved descriptors; direct:
 * without having been re-executed. */
_Noreturn void inner_run(const char *name, unsigned preserve, bool direct);
