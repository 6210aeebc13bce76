#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sums up suites: tally.py BUILD... prints the logs of what failed and, as its last line, "N passed, N failed".

A single test is counted where a suite tells how many it has (Check's "100%: Checks: 12, Failures: 0, Errors: 0", or a line
"12 passed, 0 failed"); a suite that does not tell is one.  Exit status 1 when something failed or nothing ran."""
import os
import re
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
PLAIN = re.compile(r"^(?:.*: )?(\d+) passed, (\d+) failed\b", re.M)
LOG_LINES_MAX = 60


def count(text, result):
    """(passed, failed) of one suite."""
    passed = failed = 0
    for checks, failures, errors in CHECK.findall(text):
        failed += int(failures) + int(errors)
        passed += int(checks) - int(failures) - int(errors)
    for p, f in PLAIN.findall(text):
        passed += int(p)
        failed += int(f)
    if result == "SKIP":
        return 0, 0
    if result in ("PASS", "XFAIL"):
        return (max(passed, 1), failed) if not failed else (passed, failed)
    return passed, max(failed, 1)


def suites(build):
    for base, dirs, names in os.walk(build):
        dirs[:] = sorted(d for d in dirs if not d.startswith("build-"))
        for name in sorted(names):
            if name.endswith(".trs"):
                trs = os.path.join(base, name)
                with open(trs, encoding="utf-8") as f:
                    result = re.search(r"^:global-test-result: (\w+)", f.read(), re.M)
                with open(trs[:-4] + ".log", encoding="utf-8", errors="replace") as f:
                    yield os.path.relpath(trs[:-4], build), result[1] if result else "ERROR", f.read()


def main():
    passed = failed = 0
    for build in sys.argv[1:]:
        in_build = 0
        for name, result, text in suites(build):
            p, f = count(text, result)
            passed, failed, in_build = passed + p, failed + f, in_build + p + f
            if f:
                print("\n== %s: %s (%s)" % (os.path.basename(build), name, result))
                print("\n".join(text.rstrip().split("\n")[-LOG_LINES_MAX:]))
        if in_build == 0:
            print("\n== %s: no test ran" % os.path.basename(build))
            failed += 1
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
