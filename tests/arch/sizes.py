#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file has at most 800 lines, a function at most 80; .def files and generated tables are exempt."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

FILE_MAX, FUNCTION_MAX = 800, 80


def check(t):
    for path in t.files(ends=(".c", ".h", ".def", ".py", ".sh")):
        text = t.text(path)
        lines = text.count("\n")
        if lines > FILE_MAX and not path.endswith(".def") and not tree.is_generated(text):
            yield "%s:%d: %d lines, at most %d; divide it by its ideas" % (path, FILE_MAX, lines, FILE_MAX)
        if not path.endswith((".c", ".h")):
            continue
        for name, line, n in t.functions(path):
            if n > FUNCTION_MAX:
                yield "%s:%d: %s has %d lines, at most %d; name its parts" % (path, line, name, n, FUNCTION_MAX)


if __name__ == "__main__":
    tree.main(check)
