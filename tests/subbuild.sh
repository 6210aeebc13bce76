#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# subbuild.sh SOURCE BUILD TARGET [configure options]: a build of its own in the folder BUILD, and one target in it.
set -eu
src=$1 build=$2 target=$3
shift 3
mkdir -p "$build"
cd "$build"
[ -f Makefile ] || "$src/configure" --silent "$@" >configure.out 2>&1 || { cat configure.out; exit 1; }
exec make -j"$(nproc)" "$target"
