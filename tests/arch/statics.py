#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No writable object of static storage in the product: symbols of .data, .bss and thread storage of the objects built.

Constant tables with pointers lie in .data.rel.ro and are not meant.  Builds with sanitizers or coverage add objects of
their own and are skipped."""
import os
import re
import subprocess
import sys

SKIP = 77
# Folders whose objects are linked into installed programs.
PRODUCT = ["cse", "bindings", "security", "db", "he", "agent", "admin", "tools"]
# "object name": one per line that may be writable, with the reason in a comment.  None so far.
ALLOWED = set()
SYMBOL = re.compile(r"^[0-9a-f]+ (?P<flags>.{7}) (?P<section>\S+)\t[0-9a-f]+ +(?:\.hidden )?(?P<name>\S+)$")


def objects(build):
    for folder in PRODUCT:
        for base, dirs, names in os.walk(os.path.join(build, folder)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(".o"):
                    yield os.path.join(base, name)


def is_writable(section):
    return re.match(r"\.(data|bss|tdata|tbss)|\*COM\*", section) and not section.startswith(".data.rel.ro")


def complaints(build):
    for path in objects(build):
        table = subprocess.run(["objdump", "-t", path], check=True, capture_output=True, text=True).stdout
        for line in table.split("\n"):
            m = SYMBOL.match(line)
            if not m or "d" in m["flags"] or not is_writable(m["section"]):
                continue
            name = "%s %s" % (os.path.relpath(path, build), m["name"])
            if name not in ALLOWED:
                yield "%s: %s lies in %s; hang it on a struct, or make it const" % (*name.split(), m["section"])


def main():
    build = os.environ.get("TOP_BUILDDIR", ".")
    with open(os.path.join(build, "Makefile"), encoding="utf-8") as f:
        flags = re.findall(r"^(?:SAN_CFLAGS|CFLAGS) =(.*)$", f.read(), re.M)
    if re.search(r"-fsanitize|--coverage", " ".join(flags)):
        print("a build with sanitizers or coverage: skipped")
        sys.exit(SKIP)
    if not list(objects(build)):
        print("no objects in %s: nothing was looked at" % build)
        sys.exit(1)
    found = list(complaints(build))
    print("\n".join(found + ["statics.py: %d complaints" % len(found)]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
