/* lsm.h - which security modules of the kernel label processes.
 *
 * Both ask procfs, which is there wherever containers can be.
 */
#pragma once

#include <stdbool.h>

bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);
