#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Enrolments and renewals per second, each with a session of its own, a P-256 key, a certificate, a durable record and an event;
by four clients on the same machine, whose keys and handshakes count too.  One line of JSON each, appended to --out."""
import argparse
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bars import cpu_s  # noqa: E402
from cse import BUILD, Cse  # noqa: E402
import est  # noqa: E402

CLIENTS, BAR = 4, 100


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", default="bench.json")
    ap.add_argument("--devices", type=int, default=1200)
    args = ap.parse_args()
    est.make_client()
    with Cse() as cse, open(args.out, "a") as out:
        cse.start()
        files = [os.path.join(cse.dir, "codes%d" % i) for i in range(CLIENTS)]
        t = time.monotonic()
        for i, name in enumerate(files):
            with open(name, "w") as f:
                for k in range(i, args.devices, CLIENTS):
                    f.write(est.add(cse, "d%d" % k, aeIds=["CD%d" % k])["code"] + "\n")
        added = args.devices / (time.monotonic() - t)
        cpu = cpu_s(cse.proc.pid)
        t = time.monotonic()
        runs = [subprocess.Popen([os.path.join(BUILD, "tests/lib/est_client"), "--port", str(cse.port), "--codes", f],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for f in files]
        done = 0
        for r in runs:
            text = r.communicate()[1]
            if r.returncode:
                raise AssertionError(text)
            done += int(text.split()[-2])
        seconds = time.monotonic() - t
        cpu = cpu_s(cse.proc.pid) - cpu
        enrolled = sum(1 for d in cse.pages("/v1/devices") if d["state"] == "enrolled")
        if enrolled != args.devices or done != args.devices:
            raise AssertionError("%d of %d are enrolled" % (enrolled, args.devices))
        if len([e for e in est.events(cse, "EV_CREDENTIAL_ISSUED")]) != args.devices:
            raise AssertionError("an event is missing")
        row = {"name": "enrol", "per_s": round(done / seconds, 1), "cpu_us": round(cpu / done * 1e6, 1), "added_per_s": round(added, 1),
               "bar": "at least %d enrolments per second" % BAR, "held": done / seconds >= BAR}
        out.write(json.dumps(row) + "\n")
        print(("ok    " if row["held"] else "MISS  ") + json.dumps(row))
        cse.stop()
    return 0 if row["held"] else 1


if __name__ == "__main__":
    sys.exit(main())
