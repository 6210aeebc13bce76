#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store that can take far less than its clients send: nobody is refused, nothing is lost, everybody gets a turn."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import BUILD, Cse, must, register  # noqa: E402

COUNT = 5000


def main():
    cse = Cse(sets=["store.max_queue=16", "log.level=error"])
    try:
        cse.start()
        cse.issue("CBench", "--ae", "CBench")
        c = cse.client("CBench")
        register(c, "CBench")
        must(c.create("/cse-in/CBench", 3, {"m2m:cnt": {"rn": "c0000000000"}}), 2001, "container")
        base = os.path.join(cse.creds, "CBench")
        r = subprocess.run([BUILD + "/troth-bench", "--port", str(cse.port), "--ca", cse.creds + "/ca.crt", "--cert", base + ".crt",
                            "--key", base + ".key", "--op", "create", "--connections", "128", "--seconds", "0", "--warm", "0",
                            "--count", str(COUNT)], capture_output=True, text=True, timeout=120)
        assert r.returncode == 0, r.stdout + r.stderr
        out = json.loads(r.stdout)
        assert out["create"]["done"] >= COUNT and out["refused"] == 0, r.stdout
        cni = must(c.get("/cse-in/CBench/c0000000000"), 2000, "container").json()["m2m:cnt"]["cni"]
        assert COUNT <= cni <= COUNT + 128, "%d instances after %d answers" % (cni, COUNT)
        c.close()
        assert cse.stop() == 0, "trothd did not end well"
    except AssertionError as e:
        print("FAILED: %s\n%s" % (e, cse.log_tail(1500)))
        return 1
    finally:
        cse.clean()
    print("%d creates through a queue of 16 by 128 connections: %.0f/s, p99 %.0f ms, none refused"
          % (COUNT, out["create"]["per_s"], out["create"]["p99_ms"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
