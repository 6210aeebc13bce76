#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How files begin (SPDX line, one sentence, own header first, include guard), and words that no product holds."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

SPDX = "SPDX-License-Identifier: Apache-2.0"
SCRIPTS = (".py", ".sh", ".am")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|TODO_HANDLE)\b|(?i:\bnot (?:yet )?implemented\b|\bunimplemented\b)")
# The names of response status codes hold such words, and this rule and its test do.
MAY_SAY = re.compile(r"(?:^|/)(?:rsc\.def|err\.def|words\.py|test_rules\.py)$|^tests/flows/.*\.flow$")


def check_head(t, path):
    lines = t.text(path).split("\n")
    first = 1 if lines[0].startswith("#!") else 0
    if SPDX not in lines[first]:
        yield "%s:%d: no SPDX line; begin with \"%s\"" % (path, first + 1, SPDX)
    elif path.endswith((".c", ".h", ".def")) and not lines[first + 1].startswith("/*"):
        yield "%s:%d: no sentence says what the file is for; write one" % (path, first + 2)


def check_includes(t, path):
    text = tree.without_comments(t.text(path))
    own, private = path[:-2] + ".h", path[:-2] + "_priv.h"
    includes = re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]', text, re.M)
    if t.exists(own) and includes and includes[0] not in (own, private):
        yield "%s:1: includes %s first; \"%s\" comes first" % (path, includes[0], own)


def check_guard(t, path):
    text = tree.without_comments(t.text(path)).lstrip()
    guard = re.match(r"#ifndef (\w+_H)\n#define \1\n", text)
    if not guard:
        yield "%s:1: no include guard; #ifndef FOLDER_NAME_H" % path


def check(t):
    guards = {}
    for path in t.files(ends=tree.C_FILES + SCRIPTS):
        text = t.text(path)
        yield from check_head(t, path)
        if path.endswith(".c"):
            yield from check_includes(t, path)
        if path.endswith(".h"):
            yield from check_guard(t, path)
            for name in re.findall(r"^#ifndef (\w+_H)$", text, re.M):
                if name in guards:
                    yield "%s:1: the include guard of %s; choose another" % (path, guards[name])
                guards[name] = path
        if MAY_SAY.search(path):
            continue
        for m in UNFINISHED.finditer(text):
            yield "%s:%d: \"%s\": finish it, or say as a fact what is not there" % (path, tree.line_of(text, m.start()), m[0])




if __name__ == "__main__":
    tree.main(check)
