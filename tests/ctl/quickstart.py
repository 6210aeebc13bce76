#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of troth-quickstart(7), the README and doc/first-steps.md, as a reader types them: in one shell, in order, with this build's programs."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

SRC = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("TOP_BUILDDIR", os.getcwd())
USER = 4242
ESCAPES = {"\\-": "-", "\\e": "\\", "\\(dq": '"', "\\(aq": "'", "\\&": ""}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def examples(page):
    """(heading, shell text) of each example."""
    heading, lines, inside = "", [], False
    for line in page.split("\n"):
        if line.startswith(".SH "):
            heading = line[4:]
        elif line == ".EX":
            inside, lines = True, []
        elif line == ".EE":
            inside = False
            yield heading, "\n".join(lines)
        elif inside:
            if re.match(r"[.']", line):
                raise SystemExit("a request of roff inside an example: " + line)
            lines.append(re.sub(r"\\-|\\e|\\&|\\\(..", lambda m: ESCAPES[m[0]], line))


def of_readme(text):
    """The indented lines of the section on first steps, and their end."""
    section = re.search(r"^## First steps by hand\n(.*?)^## ", text, re.S | re.M)[1]
    lines = [line[4:] for line in section.split("\n") if line.startswith("    ")]
    return [("README", "\n".join(lines)), ("the end", "echo; trothctl device list | grep -w active\nkill %1 %2; wait; rm -r ~/troth")]


def of_first_steps(text):
    """The indented lines of doc/first-steps.md; no answer may be a refusal."""
    lines = [line[4:].replace("build/", "") for line in text.split("\n") if line.startswith("    ")]
    return [("first steps", "\n".join(lines))]


def play(blocks):
    """Types them in one shell; the problem, or None."""
    home = tempfile.mkdtemp(prefix="troth-quick-")
    ports = {"8443": str(free_port()), "8080": str(free_port())}
    script = "set -eE -o pipefail\ntrap 'echo \"stopped in: $at\" >&2' ERR\ntrap '{ kill $(jobs -p); wait; } 2>/dev/null || :' EXIT\n"
    for heading, text in blocks:
        script += "at='%s'\necho \"== $at\"\n%s\n" % (heading, text)
    for port, mine in ports.items():
        script = script.replace("localhost:" + port, "localhost:" + mine).replace("127.0.0.1:" + port, "127.0.0.1:" + mine)
    # A reader is not root: the agent refuses to open its port for processes of root.
    bins = os.path.join(home, "bin")
    os.mkdir(bins, 0o755)
    for name in ("trothd", "trothctl", "troth-agent"):
        shutil.copy(os.path.join(BUILD, name), bins)
    who = {}
    if os.geteuid() == 0:
        who = {"user": USER, "group": USER, "extra_groups": []}
        os.chown(home, USER, USER)
    env = dict(os.environ, HOME=home, PATH=bins + ":" + os.environ["PATH"], TROTH_HTTPS_LISTEN="127.0.0.1:" + ports["8443"],
               TROTH_AGENT_AGENT_LISTEN="127.0.0.1:" + ports["8080"])
    # bash as a reader has it: with jobs, that %1 names.
    done = subprocess.run(["bash", "-m", "-c", script], env=env, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False, **who)
    left = os.path.exists(os.path.join(home, "troth"))
    log = ""
    for name in ("log", "agent.log"):
        path = os.path.join(home, "troth", name)
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                log += f.read()[-2000:]
    shutil.rmtree(home, ignore_errors=True)
    # What curl does not call a failure, the CSE's own sentence does.
    refused = re.search(r'^.*"m2m:dbg".*$', done.stdout, re.M) if blocks[0][0] == "first steps" else None
    if not done.returncode and not left and not refused:
        return None
    return "%s%s%sended with %d%s" % (done.stdout, done.stderr, log, done.returncode, ", and its folder is still there" if left else "")


def main():
    with open(os.path.join(SRC, "doc", "man", "troth-quickstart.7"), encoding="utf-8") as f:
        blocks = list(examples(f.read()))
    with open(os.path.join(SRC, "README"), encoding="utf-8") as f:
        readme = of_readme(f.read())
    with open(os.path.join(SRC, "doc", "first-steps.md"), encoding="utf-8") as f:
        first = of_first_steps(f.read())
    for part in (readme, first, blocks):
        problem = play(part)
        if problem:
            sys.exit("quickstart: " + problem)
    print("quickstart: %d examples, those of the README and of the first steps" % len(blocks))


if __name__ == "__main__":
    main()
