/* exec_child.h - inside the runtime: the helper that joins a container. */
#pragma once

/* Descriptors behind the preserved ones: plan, socket, pidfd of the
 * container's init, and its cgroup directory when there is one. */
_Noreturn void exec_child_main(unsigned preserve);
