#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: layers.txt; and x_priv.h stays in its folder (its unit tests and fuzz targets may see it too)."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402


def read_layers(t):
    layers = {}
    for line in t.text("tests/arch/layers.txt").split("\n"):
        line = line.split("#")[0].strip()
        if line:
            folder, allowed = line.split("->")
            layers[folder.strip()] = allowed.split()
    return layers


def allowed_for(layers, path):
    """The prefixes for a file: those of the nearest folder that has a row."""
    folder = os.path.dirname(path)
    while folder and folder not in layers:
        folder = os.path.dirname(folder)
    return folder, layers.get(folder)


def check(t):
    layers = read_layers(t)
    for path in t.files():
        in_tests = path.startswith("tests/")
        folder, allowed = allowed_for(layers, path)
        if allowed is None and not in_tests:
            yield "%s:1: its folder is not in tests/arch/layers.txt; add a row" % path
            continue
        text = tree.without_comments(t.text(path))
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M):
            inc, place = m[1], "%s:%d" % (path, tree.line_of(text, m.start()))
            home = os.path.dirname(inc)
            if inc == "config.h":
                continue
            if not t.exists(inc):
                yield "%s: \"%s\" is not a path from the top; write the whole path" % (place, inc)
            elif re.search(r"_priv\.h$", inc) and os.path.dirname(path) != home and not is_test_of(path, home):
                yield "%s: %s is private to %s; use its public header" % (place, inc, home)
            elif not in_tests and home != os.path.dirname(path) and not inc.startswith(tuple(allowed + [folder + "/"])):
                yield "%s: %s may not include %s (tests/arch/layers.txt)" % (place, folder, inc)


def is_test_of(path, folder):
    """Its unit tests; and the fuzz targets, which all lie in one folder."""
    return path.startswith("tests/fuzz/") or (
        path.startswith("tests/") and os.path.basename(os.path.dirname(path)) == os.path.basename(folder))


if __name__ == "__main__":
    tree.main(check)
