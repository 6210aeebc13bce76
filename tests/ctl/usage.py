#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line without a server: what is refused, with which sentence and exit code, and that all of ctl.def has its help."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
SRC = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SRC, "tests", "arch"))
import tree  # noqa: E402

CTL = os.path.join(os.environ.get("TOP_BUILDDIR", os.getcwd()), "trothctl")
OK, USAGE, NO_TROTHD, FILE = 0, 2, 3, 4
NOWHERE = "/nonexistent"

# (arguments, exit code, words of the sentence)
LINES = [
    ([], USAGE, "which command?"),
    (["nonsense"], USAGE, "no such command: nonsense"),
    (["credential"], USAGE, "no such command: credential"),
    (["credential", "forget", "x"], USAGE, "no such command: credential forget"),
    (["credential", "revoke"], USAGE, "credential revoke needs ID"),
    (["credential", "revoke", "a", "b"], USAGE, "what is b?"),
    (["credential", "revoke", "../../v1/status"], USAGE, "the id of a credential"),
    (["credential", "revoke", "a b"], USAGE, "the id of a credential"),
    (["credential", "revoke", ""], USAGE, "the id of a credential"),
    (["zone", "make", "0"], USAGE, "1 to 65535"),
    (["zone", "make", "65536"], USAGE, "1 to 65535"),
    (["zone", "make", "1e3"], USAGE, "1 to 65535"),
    (["zone", "make", "-1"], USAGE, "no option -1"),
    (["zone", "make", "--", "-1"], USAGE, "1 to 65535"),
    (["conduit", "open", "3", "3"], USAGE, "two different zones"),
    (["status", "now"], USAGE, "status takes no argument"),
    (["status", "--follow"], USAGE, "status has no option --follow"),
    (["--follow", "events"], USAGE, "no option --follow before the command"),
    (["status", "-j"], USAGE, "options are written out"),
    (["events", "--from"], USAGE, "--from needs a value: a number"),
    (["events", "--from", "soon"], USAGE, "--from takes a number, not \"soon\""),
    (["events", "--from=7", "--from=8"], USAGE, "--from is there twice"),
    (["events", "--follow=yes"], USAGE, "--follow takes no value"),
    (["--wait", "5", "status"], USAGE, "a time like"),
    (["--wait", "0000000001s", "status"], USAGE, "a time like"),
    (["ca", "issue", "--name", "x", "--out", "y"], USAGE, "at least one of --ae-id"),
    (["ca", "issue", "--name", "a/b"], USAGE, "stem of file names"),
    (["ca", "issue", "--kind", "king"], USAGE, "device gateway admin cse"),
    (["ca", "issue", "--max-ae", "0"], USAGE, "1 to 1000000"),
    (["ca", "issue", "--life", "1y"], USAGE, "a time like"),
    (["ca", "issue", "--ae", "dev"], USAGE, "begins with C or S"),
    (["ca", "issue", "--location", "37.5", "--ae", "CX", "--name", "x", "--out", NOWHERE], USAGE, "two numbers in degrees"),
    (["acp", "why", "CDev1", "grow", "cse-in"], USAGE, "create retrieve update"),
    (["acp", "why", "CDev1", "create", "cse-in"], USAGE, "a type belongs to create"),
    (["acp", "why", "CDev1", "delete", "cse-in", "cnt"], USAGE, "a type belongs to create"),
    (["acp", "why", "CDev\udcff", "delete", "cse-in"], USAGE, "AE-ID"),
    (["--socket", "/" + 120 * "x", "status"], USAGE, "longer than"),
    (["--state", "/" + 5000 * "x", "status"], USAGE, "too long"),
    (["--server", "localhost", "status"], USAGE, "a host and a port"),
    (["--server", "::1:8443", "status"], USAGE, "a host and a port"),
    (["--server", "localhost:0", "status"], USAGE, "a host and a port"),
    (["--server", "[]:1", "status"], USAGE, "a host and a port"),
    (["--server", "localhost:8443", "status"], USAGE, "--server needs --credential"),
    (["--server", "localhost:8443", "--socket", "x", "status"], USAGE, "choose one"),
    (["--server", "localhost:8443", "--credential", NOWHERE, "status"], FILE, "cannot use /ca.crt"),
    (["non\033[31msense\n"], USAGE, "no such command: non?[31msense?"),
    (["help", "nonsense"], USAGE, "no such command"),
    (["--state", NOWHERE, "status"], NO_TROTHD, "cannot reach trothd at /nonexistent/admin.sock"),
    (["status", "--state=" + NOWHERE, "--json"], NO_TROTHD, "is it running"),
    (["--wait", "1s", "--state", NOWHERE, "status"], NO_TROTHD, "is it running"),
]


def run(args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("TROTH_")}
    return subprocess.run([CTL] + args, capture_output=True, text=True, timeout=20, env=env, check=False, errors="surrogateescape")


def main():
    complaints = []
    for args, code, words in LINES:
        r = run(args)
        if r.returncode != code or words not in r.stderr or r.stdout or r.stderr.count("\n") != 1:
            complaints.append("%s: %d, wanted %d with \"%s\"\n  %s%s" % (args, r.returncode, code, words, r.stdout, r.stderr))
    with open(os.path.join(SRC, "tools", "ctl.def"), encoding="utf-8") as f:
        rows = list(tree.rows(f.read()))
    general, asked = run(["--help"]).stdout, run(["help"]).stdout
    if general != asked:
        complaints.append("help and --help differ")
    command = text = None
    for line, macro, a in rows:
        if macro in ("COMMAND", "EXIT", "GLOBAL") and a[-1] not in general:
            complaints.append("ctl.def:%d: --help does not say \"%s\"" % (line, a[-1]))
        if macro == "COMMAND":
            command = a[0]
            r = run(["help"] + command.split())
            text = r.stdout
            if r.returncode != OK or r.stdout != run(command.split() + ["--help"]).stdout:
                complaints.append("%s: help %s and %s --help differ" % (command, command, command))
        if macro in ("OPTION", "NOTE", "EXAMPLE") and a[-1] not in text:
            complaints.append("ctl.def:%d: help %s does not say \"%s\"" % (line, command, a[-1]))
        if macro == "EXAMPLE" and not a[0].startswith("trothctl " + command):
            complaints.append("ctl.def:%d: the example of %s is of something else" % (line, command))
    for complaint in complaints:
        print(complaint)
    print("usage: %d lines, %d complaints" % (len(LINES), len(complaints)))
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
