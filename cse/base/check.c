/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a process whose invariants failed. */
#include "cse/base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *what, const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s failed: %s (%s:%d)\n", what, expr, file, line);
	abort();
}
