#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh SOURCE BUILD TARGET SECONDS: builds one target with libFuzzer (clang) in BUILD and runs it.
set -eu
src=$1 build=$2 target=$3 seconds=$4
if [ ! -f "$src/tests/fuzz/fuzz_$target.c" ]; then
	echo "no target \"$target\"; make fuzz TARGET=x SECONDS=60, where x is one of:" >&2
	(cd "$src/tests/fuzz" && ls fuzz_*.c) | sed 's/^fuzz_/  /; s/\.c$//' >&2
	exit 1
fi
mkdir -p "$build/finds/$target"
cd "$build"
[ -f Makefile ] || "$src/configure" --enable-fuzz CC="${FUZZ_CC:-clang}" >configure.out || { cat configure.out; exit 1; }
make -s -j"$(nproc)" "tests/fuzz/fuzz_$target"
dict=
[ ! -f "$src/tests/fuzz/dict/$target" ] || dict="-dict=$src/tests/fuzz/dict/$target"
# shellcheck disable=SC2086
exec "tests/fuzz/fuzz_$target" $dict -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	-artifact_prefix="finds/$target-" "finds/$target" "$src/tests/fuzz/corpus/$target"
