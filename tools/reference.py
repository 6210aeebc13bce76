#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes doc/reference.md, the operator's tables, from the .def files: reference.py [--check]."""
import os
import re
import sys

sys.dont_write_bytecode = True
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "tests", "arch"))
import tree  # noqa: E402

OUT = "doc/reference.md"
TYPES = {
    "CONF_T_STR": "text", "CONF_T_INT": "number", "CONF_T_BOOL": "true or false", "CONF_T_SIZE": "size",
    "CONF_T_DURATION": "time", "CONF_T_LIST": "list", "CONF_T_PATH": "path",
}
HEAD = """<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by tools/reference.py (make update): do not edit. -->
# Reference

What an operator can set, count, and find in the logs. The same options with ranges stand in `etc/troth.conf`.

"""


def cell(text):
    return text.replace("|", "\\|")


def options(t):
    yield "## Options\n\n`reload` says whether SIGHUP takes a change over; all others need a start.\n"
    section = None
    for _, macro, args in tree.rows(t.text("cse/base/conf.def"), "CONF|CONF_CHOICE"):
        if macro == "CONF":
            _, sec, name, kind, default, _, _, reload, text = args
            kind = TYPES[kind]
        else:
            _, sec, name, default, kind, reload, text = args
            kind = kind.replace("|", ", ")
        if sec != section:
            section = sec
            yield "\n### [%s]\n\n| option | what it is | default | reload | meaning |\n| --- | --- | --- | --- | --- |\n" % sec
        yield "| `%s` | %s | %s | %s | %s |\n" % (name, kind, "`%s`" % cell(default) if default else "empty",
                                                 "yes" if reload == "true" else "no", cell(text))


def counters(t):
    yield "\n## Counters\n\nSums since the start, in `trothctl status` and `/metrics`.\n\n| counter | meaning |\n| --- | --- |\n"
    for _, _, (_, metric, text) in tree.rows(t.text("cse/base/stat.def"), "STAT"):
        yield "| `troth_%s_total` | %s |\n" % (metric, cell(text))


def metrics(t):
    yield "\n## Further metrics\n\nIn `/metrics` only. `troth_answers_total` has the answers by `operation` and `code`; histograms have steps of 10, 25 and " \
          "50 of each decade from 10 us to 10 s. No label is made of user data.\n\n| metric | label | meaning |\n| --- | --- | --- |\n"
    for _, _, (_, metric, label, text) in tree.rows(t.text("cse/base/stat.def"), "TIMES"):
        yield "| `troth_%s_seconds` | %s | %s |\n" % (metric, label or "none", cell(text))
    for _, _, (_, metric, text) in tree.rows(t.text("cse/base/stat.def"), "GAUGE"):
        yield "| `troth_%s` | %s | %s |\n" % (metric, (re.findall("`([a-z]+)`", text) + ["none"])[0], cell(text))


def log_events(t):
    yield "\n## Log events\n\nThe member `event` of a line of the log.\n\n| event | level | text |\n| --- | --- | --- |\n"
    for _, _, (name, level, text) in tree.rows(t.text("cse/base/log.def"), "LOG"):
        yield "| `%s` | %s | %s |\n" % (name[len("LOG_"):], level[len("LOG_"):].lower(), cell(text))


def security_events(t):
    yield "\n## Security events\n\nRows of the hash-chained table that `trothctl events` shows.\n\n| event | meaning |\n| --- | --- |\n"
    for _, _, (name, text) in tree.rows(t.text("security/audit.def"), "AUDIT"):
        yield "| `%s` | %s |\n" % (name[len("EV_"):], cell(text))


def status_codes(t):
    yield "\n## Response status codes\n\n| code | HTTP | name | meaning |\n| --- | --- | --- | --- |\n"
    for _, _, (number, name, http, _, text) in tree.rows(t.text("cse/model/rsc.def"), "RSC"):
        yield "| %s | %s | %s | %s |\n" % (number, http, name, cell(text))


def reference(t):
    parts = [options, counters, metrics, log_events, security_events, status_codes]
    return HEAD + "".join(piece for part in parts for piece in part(t))


def keep(files):
    """Writes each (path, text); with --check it only says which file is another."""
    for path, text in files:
        full = os.path.join(TOP, path)
        if sys.argv[1:] != ["--check"]:
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
            continue
        with open(full, encoding="utf-8") as f:
            if f.read() != text:
                sys.exit(path + " is not what the .def files say; make update")


if __name__ == "__main__":
    keep([(OUT, reference(tree.Tree(TOP)))])
