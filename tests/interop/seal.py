#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library of he/ against Microsoft SEAL, both ways, in each scheme at the degrees 4096 and 8192: every operation of SEAL's
evaluator, at every level, with two polynomials and with three, is computed anew and equals byte for byte, SEAL's ciphertexts are
decrypted with SEAL's secret and have the noise budget that it tells, and SEAL reads keys, plaintexts, ciphertexts and results of ours,
whole and seeded, in each compression, and uses them.  `seal.py 16384` takes other degrees (minutes)."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import node_seal  # noqa: E402

PEER = os.path.join(node_seal.BUILD, "tests", "interop", "he_peer")
JS = os.path.join(node_seal.HERE, "seal.js")


def exchange(scheme, degree, folder, env):
    """Lines "ok ..." of all four moves; raises when one ends badly."""
    lines = 0
    for command in (["node", JS, "make", folder, scheme, degree], [PEER, "check", folder],
                    ["node", JS, "read", folder, scheme, degree], [PEER, "read", folder]):
        run = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
        lines += sum(line.startswith("ok ") for line in run.stdout.split("\n"))
        if run.returncode != 0:
            raise RuntimeError(" ".join(command[:3]) + "\n" + run.stdout[-2000:])
    return lines


def main():
    env = node_seal.environment()
    passed = failed = 0
    for degree in sys.argv[1:] or ["4096", "8192"]:
        for scheme in ("bfv", "bgv", "ckks"):
            with tempfile.TemporaryDirectory(prefix="troth-seal-") as folder:
                try:
                    n = exchange(scheme, degree, folder, env)
                    passed += n
                    print("ok      %s %s: %d" % (scheme, degree, n), flush=True)
                except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                    failed += 1
                    print("NOT OK  %s %s: %s" % (scheme, degree, e), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
