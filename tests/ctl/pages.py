#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manual pages: groff has no complaint, what they refer to is there, and each option that a program names stands in its page."""
import os
import re
import shutil
import subprocess
import sys

SRC = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("TOP_BUILDDIR", os.getcwd())
PAGES = os.path.join(SRC, "doc", "man")
# The page of a program; how its help is asked.
PROGRAMS = {"trothd.8": "trothd", "trothctl.1": "trothctl", "troth-agent.1": "troth-agent", "troth-he.1": "troth-he"}


def plain(text):
    """What roff calls \\fB\\-\\-json\\fR is --json."""
    return re.sub(r"\\f.", "", text).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def check_page(name, names):
    path = os.path.join(PAGES, name)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    title = re.search(r"^\.TH (\S+) (\d)", text, re.M)
    if not title or "%s.%s" % (title[1].lower().replace("\\-", "-"), title[2]) != name:
        yield "%s: .TH names another page" % name
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-ww", "-K", "utf8", "-T", "utf8", "-z", path], capture_output=True, text=True, check=False)
        if done.returncode or done.stderr:
            yield "%s: %s" % (name, done.stderr.strip())
    for other, section in re.findall(r"\b(troth[\w.-]*)\((\d)\)", re.sub(r"\.BR (\S+) \((\d)\)", r"\1(\2)", plain(text))):
        if "%s.%s" % (other, section) not in names:
            yield "%s: there is no %s(%s)" % (name, other, section)
    program = os.path.join(BUILD, PROGRAMS.get(name, "."))
    if name in PROGRAMS and os.path.exists(program):
        said = subprocess.run([program, "--help"], capture_output=True, text=True, check=True, timeout=20).stdout
        shown = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", said))
        if not shown:
            yield "%s: %s --help names no option" % (name, program)
        there = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", plain(text)))
        for option in sorted(shown - there):
            yield "%s: the page does not know %s" % (name, option)
        if name in ("troth-agent.1", "troth-he.1"):
            for command in re.findall(r"^  ([a-z]+)\b", said.split("commands:")[1].split("\n\n")[0], re.M):
                if not re.search(r"^(\.B |\\fB)%s\b" % command, text, re.M):
                    yield "%s: the page does not know the command %s" % (name, command)


def main():
    names = sorted(n for n in os.listdir(PAGES) if re.search(r"\.\d$", n))
    with open(os.path.join(SRC, "doc", "local.am"), encoding="utf-8") as f:
        listed = set(re.findall(r"doc/man/(\S+)", f.read()))
    complaints = ["doc/local.am: %s is not installed" % n for n in names if n not in listed]
    for name in names:
        complaints += check_page(name, names)
    for complaint in complaints:
        print(complaint)
    print("pages: %d, %d complaints" % (len(names), len(complaints)))
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
