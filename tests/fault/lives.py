#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scripts that do little but wait for certificates of a minute to end, side by side: each has its own trothd and its own process, and is
told as it ends.  Takes as long as the longest, about two minutes."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = ["ends.py", "expiry.py"]


def main():
    runs = [(s, subprocess.Popen([sys.executable, os.path.join(HERE, s)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)) for s in SCRIPTS]
    failed = 0
    for script, p in runs:
        out = p.communicate()[0]
        print("%s: %s\n%s" % (script, "status %d" % p.returncode if p.returncode else "good", out), flush=True)
        failed += p.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
