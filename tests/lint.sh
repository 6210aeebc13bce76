#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint.sh SOURCE FLAGS: clang-tidy (.clang-tidy, lint.known) and cppcheck over the product's C files.
set -eu
cd "$1"
files=$(find cse bindings security db he admin agent tools -name '*.c' 2>/dev/null | sort)
status=0
out=$(mktemp)
# shellcheck disable=SC2086
printf '%s\n' $files | xargs -P "$(nproc)" -n 4 sh -c 'flags=$1; shift; exec clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE $flags' \
	sh "$2" >"$out" 2>&1 || :
# Findings that are not known, each once: headers are read many times.
awk -v top="$PWD/" '
	FILENAME ~ /known$/ { if ($0 !~ /^#/) known[$1 " " $2] = 1; next }
	/: (error|warning): / {
		sub(top, "")
		check = $NF
		gsub(/[][]|,-warnings-as-errors|clang-analyzer-/, "", check)
		if (!((substr($1, 1, index($1, ":") - 1) " " check) in known) && !seen[$0]++) print
	}' tests/lint.known "$out" >"$out.new"
if [ -s "$out.new" ]; then
	cat "$out.new"
	status=1
fi
rm -f "$out" "$out.new"
# Unknown macros of .def files and of Check are no findings, nor is a REQUIRE, which cppcheck takes for a doubt
# (in the function, or in one that is called behind it).
# shellcheck disable=SC2086
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j "$(nproc)" -I. \
	--suppress=missingInclude --suppress=nullPointerRedundantCheck --suppress=ctunullpointer --suppress=unknownMacro $files || status=1
[ $status != 0 ] || echo "lint: $(printf '%s\n' $files | wc -l) files, nothing found"
exit $status
