#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is copied: no run of 12 lines of code stands twice (tests, .def files, tables and what is generated exempt)."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

RUN = 12
ROW = re.compile(r"[{\[].*[},]$|\.\w+ = .*,$|#|[A-Z_]+\(.*\),?$|\"")


def code_lines(text):
    """(number, text) of lines that say something, without indentation."""
    for number, line in enumerate(tree.without_comments(text).split("\n"), 1):
        line = " ".join(line.split())
        if line and not ROW.match(line):
            yield number, line


def check(t):
    seen = {}
    for path in t.files(ends=(".c", ".h"), tests=False):
        if tree.is_generated(t.text(path)):
            continue
        lines = list(code_lines(t.text(path)))
        told = 0
        for i in range(len(lines) - RUN + 1):
            run = "\n".join(line for _, line in lines[i:i + RUN])
            # Lines of braces and breaks are alike everywhere.
            if sum(len(line) > 3 for _, line in lines[i:i + RUN]) < 8:
                continue
            first = seen.setdefault(run, (path, lines[i][0]))
            if first != (path, lines[i][0]) and i >= told:
                yield "%s:%d: %d lines as in %s:%d; give them a name and call it" % (path, lines[i][0], RUN, *first)
                told = i + RUN


if __name__ == "__main__":
    tree.main(check)
