#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every parser has a fuzz target (parsers.txt), what looks like a parser is listed there, every target has a corpus."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

# A function that other files may call, that is named so, and takes text from somewhere.
PARSER = re.compile(r"^(?!static\b)\w[\w *]*?\b(\w+_(?:parse|decode|unpack)\w*)\s*\(([^;{]*)\)\s*\n\{", re.M)


def read_list(t):
    for number, line in enumerate(t.text("tests/arch/parsers.txt").split("\n"), 1):
        line = line.split("#")[0].strip()
        if line:
            path, targets = line.split("->")
            yield number, path.strip(), targets.split()


def check_targets(t):
    makefile = t.text("tests/fuzz/local.am")
    for path in t.files(ends=(".c",)):
        m = re.match(r"tests/fuzz/fuzz_(\w+)\.c$", path)
        if not m:
            continue
        corpus = os.path.join(t.top, "tests/fuzz/corpus", m[1])
        if not os.path.isdir(corpus) or not os.listdir(corpus):
            yield "%s:1: no corpus; put a few small inputs into tests/fuzz/corpus/%s" % (path, m[1])
        if not re.search(r"^fuzz_programs \+= tests/fuzz/fuzz_%s$" % m[1], makefile, re.M):
            yield "%s:1: is not built; add its two lines to tests/fuzz/local.am" % path


def check(t):
    yield from check_targets(t)
    listed = set()
    for number, path, targets in read_list(t):
        place = "tests/arch/parsers.txt:%d" % number
        listed.add(path)
        if not t.exists(path):
            yield "%s: there is no %s; name the file where that parser is now" % (place, path)
        for target in targets:
            if not t.exists("tests/fuzz/fuzz_%s.c" % target):
                yield "%s: there is no tests/fuzz/fuzz_%s.c; write it" % (place, target)
        if not targets:
            yield "%s: no target; every parser of bytes from outside has one" % place
    for path in t.files(ends=(".c",), tests=False):
        code = tree.without_strings(t.text(path))
        for m in PARSER.finditer(code):
            if path not in listed and re.search(r"struct str\b|const (?:void|uint8_t|unsigned char) \*", m[2]):
                yield "%s:%d: %s reads text; list the file in tests/arch/parsers.txt" % (path, tree.line_of(code, m.start()), m[1])


if __name__ == "__main__":
    tree.main(check)
