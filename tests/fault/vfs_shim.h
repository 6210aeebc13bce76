/* SPDX-License-Identifier: Apache-2.0 */
/* A layer between SQLite and the disk that lets the n-th write, sync or truncation fail.  For tests only. */
#ifndef TESTS_FAULT_VFS_SHIM_H
#define TESTS_FAULT_VFS_SHIM_H

#include <stdbool.h>

enum shim_error { SHIM_ENOSPC, SHIM_EIO };

/* Becomes the default of this process; syncs are counted but not carried out, so that many runs are quick. */
void shim_install(void);
/* Operation n from now on (1 is the next) fails; 0: none.  lasting: and all behind it, until this is called again. */
void shim_fail(unsigned n, enum shim_error e, bool lasting);
/* Operations since shim_fail. */
unsigned shim_count(void);

#endif
