#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Magic numbers differ, and each is looked at somewhere."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402


def check(t):
    seen, all_code = {}, ""
    for path in t.files(tests=False):
        code = tree.without_strings(t.text(path))
        all_code += code
        for m in re.finditer(r"^#define\s+(\w+)_MAGIC\s+(.*?)\s*$", code, re.M):
            place = "%s:%d" % (path, tree.line_of(code, m.start()))
            number = re.fullmatch(r"\(?(0x[0-9a-fA-F]+|\d+)[uUlL]*\)?", m[2])
            if not number:
                yield "%s: %s_MAGIC is no plain number; write 0x..." % (place, m[1])
                continue
            value = int(number[1], 0)
            if value in seen:
                yield "%s: %s_MAGIC is that of %s; choose another number" % (place, m[1], seen[value])
            if not 0xffff < value < 1 << 32:
                yield "%s: %s_MAGIC should be unlikely and fit into 32 bits; choose another number" % (place, m[1])
            seen[value] = m[1] + "_MAGIC"
    for name in seen.values():
        short = name[:-len("_MAGIC")]
        if not re.search(r"CHECK\s*\([^;]*\b%s\s*\)|[!=]= %s_MAGIC\b" % (short, short), all_code):
            yield "%s is never looked at; CHECK(p, %s) at the head of public functions" % (name, name[:-len("_MAGIC")])


if __name__ == "__main__":
    tree.main(check)
