/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that look into memory on its way back: all of a block is meant to be read, also what was never written. */
#ifndef TESTS_UNIT_FREED_H
#define TESTS_UNIT_FREED_H

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#endif

#define FREED_READ(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))

#endif
