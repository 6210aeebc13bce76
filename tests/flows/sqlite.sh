#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All flows through the way "sqlite".
exec "${TOP_BUILDDIR:-.}/tests/flows/runner" --way sqlite "${TOP_SRCDIR:-.}/tests/flows"
