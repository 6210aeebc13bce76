#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# constant_time.sh: make check-constant-time as one of the whole-system tests, since it needs a program of its own and valgrind.
out=$(MAKEFLAGS='' make -C "${TOP_BUILDDIR:?}" check-constant-time 2>&1)
status=$?
printf '%s\n' "$out"
[ $status = 0 ] && echo "$(printf '%s\n' "$out" | grep -c '^scheme ') passed, 0 failed" || echo "0 passed, 1 failed"
exit $status
