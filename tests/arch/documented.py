#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every option, counter, log event, security event and status code says what it means; the reference and the manual hold it."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

REFERENCE = "doc/reference.md"
GENERATORS = ["tools/reference.py", "tools/manual.py"]
# Table, macros of its rows, how a row's name looks in the reference (from its arguments), shortest text.
TABLES = [
    ("cse/base/conf.def", "CONF|CONF_CHOICE", lambda a: "`%s`" % a[2], 15),
    ("cse/base/stat.def", "STAT", lambda a: "`troth_%s_total`" % a[1], 5),
    ("cse/base/stat.def", "TIMES", lambda a: "`troth_%s_seconds`" % a[1], 5),
    ("cse/base/stat.def", "GAUGE", lambda a: "`troth_%s`" % a[1], 5),
    ("cse/base/log.def", "LOG", lambda a: "`%s`" % re.sub("^LOG_", "", a[0]), 5),
    ("security/audit.def", "AUDIT", lambda a: "`%s`" % re.sub("^EV_", "", a[0]), 10),
    ("cse/model/rsc.def", "RSC", lambda a: "| %s |" % a[0], 4),
]


def check(t):
    for path, macros, shown, shortest in TABLES:
        if not t.exists(path):
            continue
        names, texts = {}, {}
        for line, _, args in tree.rows(t.text(path), macros):
            place, text = "%s:%d" % (path, line), args[-1]
            if len(text) < shortest:
                yield "%s: %s has no text that says what it is; write one" % (place, args[0])
            if shown(args) not in t.text(REFERENCE):
                yield "%s: %s is not in %s; make update" % (place, args[0], REFERENCE)
            for seen, what in ((names, args[0]), (texts, text)):
                if what in seen:
                    yield "%s: \"%s\" as in line %d; tell them apart" % (place, what, seen[what])
                seen[what] = line
        if not names:
            yield "%s:1: no rows were found" % path
    for program in GENERATORS:
        path = os.path.join(t.top, program)
        if os.path.exists(path):
            done = subprocess.run([sys.executable, path, "--check"], capture_output=True, text=True, check=False)
            if done.returncode:
                yield done.stderr.strip()


if __name__ == "__main__":
    tree.main(check)
