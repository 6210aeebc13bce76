#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All flows through the way "https".
exec "${TOP_BUILDDIR:-.}/tests/flows/runner" --way https "${TOP_SRCDIR:-.}/tests/flows"
