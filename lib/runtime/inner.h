/* inner.h - inside the runtime: the child's part by its name. */
#pragma once

/* RT_INIT_NAME or RT_EXEC_NAME, with that many preserved descriptors. */
_Noreturn void inner_run(const char *name, unsigned preserve);
