#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All flows through the way "memory".
exec "${TOP_BUILDDIR:-.}/tests/flows/runner" --way memory "${TOP_SRCDIR:-.}/tests/flows"
