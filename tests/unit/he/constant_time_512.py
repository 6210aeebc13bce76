#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What valgrind, which knows no AVX-512, cannot follow: that in the kernels and transforms of he/ for it no branch and no address
depends on a word.  Their machine code is read: words stay in vector registers, whose content reaches no flag, no mask in a general
register and no index.  Montgomery's product takes one word out at a time, for its quotient and its carry: that one meets arithmetic
only, never a comparison or an address.

usage: constant_time_512.py OBJECT..."""
import re
import subprocess
import sys

# Whether all words of a file are below their prime is public.
PUBLIC = ("below",)
FORBIDDEN = re.compile(r"v?p?gather|v?p?scatter|vptest$|kortest|ktest|v?u?comis|v?p?movmsk|v?pext")
OUT = re.compile(r"%[xyz]mm\d+,%(r\w+|e\w+)$")
ARITHMETIC = re.compile(r"imul|mulx|and|shr|shld|shrd|bextr|bzhi|mov|movabs|add|vmovq|vmovd|vpbroadcastq|vpinsrq|push|pop")
WIDE = {"eax": "rax", "ebx": "rbx", "ecx": "rcx", "edx": "rdx", "esi": "rsi", "edi": "rdi", "ebp": "rbp"}
FOLLOWED = 24  # instructions


def wide(name):
    return WIDE.get(name, name[:-1] if re.fullmatch(r"r\d+d", name) else name)


def functions(path):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, check=True, text=True).stdout
    name, code = None, []
    for line in text.split("\n"):
        m = re.match(r"[0-9a-f]+ <(.+)>:", line)
        if m:
            if name:
                yield name, code
            name, code = m.group(1), []
        m = re.match(r"\s+[0-9a-f]+:\s+(\S+)\s*([^#<]*)", line)
        if m:
            code.append((m.group(1), m.group(2).strip()))
    if name:
        yield name, code


def follow(code, at, register):
    """The first instruction that does with the register what arithmetic does not, or None."""
    for op, args in code[at:at + FOLLOWED]:
        if op.startswith(("jmp", "ret")):
            return None
        names = [wide(n) for n in re.findall(r"%(\w+)", args)]
        if op.startswith("j") or "nop" in op + args or register not in names:
            continue
        # Written anew, from something else.
        is_anew = op.startswith(("mov", "lea")) and re.search(r",%\w+$", args) and names[-1] == register and names.count(register) == 1
        if is_anew or (op == "xor" and names == [register, register]):
            return None
        inside = [wide(n) for part in re.findall(r"\(([^)]*)\)", args) for n in re.findall(r"%(\w+)", part)]
        if register in inside or not ARITHMETIC.fullmatch(op.rstrip("q") if op.rstrip("q") in ("mov", "shr", "and", "add") else op):
            return "%s %s" % (op, args)
    return None


def main():
    faults, seen, zmm = [], 0, 0
    for path in sys.argv[1:]:
        for name, code in functions(path):
            if name in PUBLIC:
                continue
            seen += 1
            for i, (op, args) in enumerate(code):
                zmm += "%zmm" in args
                m = OUT.search(args)
                if FORBIDDEN.match(op) or (op.startswith("kmov") and re.search(r",%[re]", args) and args.startswith("%k")):
                    faults.append("%s: %s: %s %s" % (path, name, op, args))
                elif m and op.startswith("vmov"):
                    why = follow(code, i + 1, wide(m.group(1))) if "mont" in name else "%s %s" % (op, args)
                    if why:
                        faults.append("%s: %s: %s" % (path, name, why))
    if zmm == 0:
        print("no AVX-512 in %s: nothing to look at" % " ".join(sys.argv[1:]))
    for f in faults:
        print(f)
    print("scheme of AVX-512: %d functions, %d instructions with 512 bits, %d faults" % (seen, zmm, len(faults)))
    return 1 if faults or zmm == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
