#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doc/admin-api.yaml describes every route of admin/routes.c and no other, each with a summary, a name and an answer of success."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

TABLE, API = "admin/routes.c", "doc/admin-api.yaml"
ROW = re.compile(r'^\t\{ HTTP1_(\w+), "([^"]+)",', re.M)


def operations(text):
    """(line, METHOD, path with * for what stands in braces, lines of the operation); the file is indented by two."""
    path = found = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\S", line):
            if found:
                yield found
            path = found = None
        m = re.match(r"  (/\S*):$", line)
        if m:
            if found:
                yield found
            path, found = re.sub(r"\{\w+\}", "*", m[1]), None
            continue
        m = re.match(r"    (get|put|post|delete|patch|head):$", line)
        if m and path:
            if found:
                yield found
            found = (number, m[1].upper(), path, [])
        elif found:
            found[3].append(line)
    if found:
        yield found


def check(t):
    if not t.exists(TABLE):
        return
    rows = {(method, path): tree.line_of(t.text(TABLE), m.start())
            for m in ROW.finditer(t.text(TABLE)) for method, path in [(m[1], m[2])]}
    described = {}
    for number, method, path, lines in operations(t.text(API) if t.exists(API) else ""):
        described[method, path] = number
        body = "\n".join(lines)
        for word in ("operationId: ", "summary: "):
            if word not in body:
                yield "%s:%d: %s %s has no %s; add it" % (API, number, method, path, word.strip(": "))
        if not re.search(r'"20\d"|\*\w+$', body, re.M):
            yield "%s:%d: %s %s has no answer of success; describe it" % (API, number, method, path)
    if not rows:
        yield "%s:1: no rows were found" % TABLE
    for key, number in rows.items():
        if key not in described:
            yield "%s:%d: %s %s is not in %s; describe it" % (TABLE, number, *key, API)
    for key, number in described.items():
        if key not in rows:
            yield "%s:%d: %s %s is in no row of %s; remove it" % (API, number, *key, TABLE)


if __name__ == "__main__":
    tree.main(check)
