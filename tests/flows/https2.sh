#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Half of the flows through the way "https".
exec "${TOP_BUILDDIR:-.}/tests/flows/runner" --way https --part 2/2 "${TOP_SRCDIR:-.}/tests/flows"
