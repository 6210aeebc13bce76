#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every supported type, every rule that conformance tests check and every response code in use has a flow that names it."""
import os
import re
import sys

TOP = os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FLOWS = os.path.join(TOP, "tests", "flows")
RULES = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15]
# Codes that no flow can bring about, and who tests them instead.
ELSEWHERE = {
    "INTERNAL_SERVER_ERROR": "tests/fault: storage that fails",
    "UNSUPPORTED_MEDIA_TYPE": "tests/unit/bindings: media types are a binding's matter",
    "SECURITY_ASSOCIATION_REQUIRED": "tests/unit/security: no binding lets anybody in without an association",
}
MIN_FLOWS = 170


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def flows():
    for name in sorted(os.listdir(FLOWS)):
        if name.endswith(".flow"):
            yield name, read("tests", "flows", name)


def claims(text):
    """What the `covers` lines say: pairs such as ("rsc", "4105")."""
    for line in re.findall(r"^covers\s+(.*)$", text, re.M):
        for part in line.split(","):
            words = part.split()
            yield tuple(words) if len(words) == 2 else ("?", part.strip())


def expected_codes(text):
    codes = set()
    for first in re.findall(r"^\s*expect\s+([\d/]+)", text, re.M):
        codes.update(first.split("/"))
    return codes


def codes_in_use():
    numbers = {name: num for num, name in re.findall(r"^RSC\((\d+), (\w+),", read("cse", "model", "rsc.def"), re.M)}
    used = set()
    for folder in ("cse/core", "cse/types", "security", "bindings"):
        for name in os.listdir(os.path.join(TOP, folder)):
            if name.endswith(".c"):
                used.update(re.findall(r"\bRSC_([A-Z_]+)\b", read(folder, name)))
    return {numbers[n]: n for n in used if n in numbers and n not in ELSEWHERE}


def main():
    wanted = {("rule", str(n)): "conformance rule" for n in RULES}
    wanted.update({("type", t): "supported type" for t in re.findall(r"^TYPE\((\w+),", read("cse", "types", "types.def"), re.M)})
    wanted.update({("rsc", num): name for num, name in codes_in_use().items()})
    covered, complaints, count = set(), [], 0
    for name, text in flows():
        count += 1
        for what in claims(text):
            if what[0] not in ("type", "rule", "rsc"):
                complaints.append(f"{name}: covers type, rule or rsc, not '{' '.join(what)}'")
            elif what[0] == "rsc" and what[1] not in expected_codes(text):
                complaints.append(f"{name}: says that it covers {what[1]} but expects it nowhere")
            elif what[0] == "type" and not re.search(rf"\b{what[1]}[.{{]", text):
                complaints.append(f"{name}: says that it covers {what[1]} but never names it")
            covered.add(what)
        if not re.match(r"(GEN|REG|DMR|DIS|SEC|GMG|SUB|PCH|SCH)-\d{3}-[a-z0-9-]+\.flow$", name):
            complaints.append(f"{name}: not AREA-NNN-name.flow")
        if not re.search(r"^clause.*TS-\d{4}", text, re.M):
            complaints.append(f"{name}: cites no clause")
    numbers = [name[:7] for name, _ in flows()]
    complaints += [f"{n}: the number is used twice" for n in sorted({n for n in numbers if numbers.count(n) > 1})]
    complaints += [f"no flow covers {k[0]} {k[1]} ({v})" for k, v in sorted(wanted.items()) if k not in covered]
    if count < MIN_FLOWS:
        complaints.append(f"{count} flows are less than {MIN_FLOWS}")
    for c in complaints:
        print(c)
    total = len(wanted) + count
    bad = len(complaints)
    print(f"{max(0, total - bad) * 100 // total}%: Checks: {total}, Failures: {bad}, Errors: 0")
    return 1 if complaints else 0


sys.exit(main())
