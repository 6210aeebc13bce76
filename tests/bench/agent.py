#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-agent: what an agent adds to a local request, and how many go through one; writes bench-agent.json.

The same requests to the same trothd, in turn: over mutual TLS directly (troth-bench), and in plain HTTP through the agent, by one client
(latency) and by 64 (rate)."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import USER, Agent, be  # noqa: E402
from bars import Bars, cpu_s, rss_anon  # noqa: E402
from cse import BUILD, Cse, must, register  # noqa: E402


def direct(cse, op, seconds, connections, serial):
    base = os.path.join(cse.creds, "CBench")
    r = subprocess.run([os.path.join(BUILD, "troth-bench"), "--port", str(cse.port), "--ca", cse.creds + "/ca.crt", "--cert", base + ".crt", "--key",
                        base + ".key", "--op", op, "--warm", "0.3", "--seconds", str(seconds), "--connections", str(connections), "--serial", str(serial)],
                       capture_output=True, text=True, check=True)
    return json.loads(r.stdout)[op]


def through(agent, exe, op, seconds, connections, serial):
    before = cpu_s(agent.proc.pid)
    r = subprocess.run([exe, str(agent.port), op, str(connections), str(seconds), "cse-in/CLocal", "CLocal", str(serial)], capture_output=True, text=True,
                       cwd="/", **be(USER))
    if r.returncode:
        raise RuntimeError(r.stderr + agent.log())
    d = json.loads(r.stdout)
    if d["refused"]:
        raise RuntimeError("%d requests were refused" % d["refused"])
    d["cpu_us"] = (cpu_s(agent.proc.pid) - before) * 1e6 / max(1, d["per_s"] * (seconds + 0.3))
    return d


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", default="bench-agent.json")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=1.5)
    args = ap.parse_args()
    b = Bars(args.out)
    emit = b.emit
    with Cse(sets=["limits.resources_per_ae=100000000", "log.level=warn"]) as cse:
        cse.start()
        cse.issue("CBench", "--ae", "CBench")
        dev = cse.client("CBench")
        register(dev, "CBench")
        must(dev.create("/cse-in/CBench", 3, {"m2m:cnt": {"rn": "c0000000000"}}), 2001, "a container")
        dev.close()
        with Agent(cse, "CLocal", sets=["log.level=warn"]) as agent:
            agent.enrol()
            agent.start()
            idle = rss_anon(agent.proc.pid) // 1024
            exe = os.path.join(agent.dir, "plain_load")
            shutil.copy(os.path.join(BUILD, "bench-plain-load"), exe)
            c = agent.client()
            register(c, "CLocal")
            must(c.create("/cse-in/CLocal", 3, {"m2m:cnt": {"rn": "c0000000000"}}), 2001, "a container")
            serial = 0
            for op in ("retrieve", "create"):
                one, added, rate, plain = [], [], [], []
                for _ in range(args.rounds):
                    serial += 20_000_000
                    d = direct(cse, op, args.seconds, 1, serial)
                    one.append(through(agent, exe, op, args.seconds, 1, serial))
                    added.append(one[-1]["p50_ms"] - d["p50_ms"])
                    plain.append(direct(cse, op, args.seconds, 64, serial + 5_000_000)["per_s"])
                    rate.append(through(agent, exe, op, args.seconds, 64, serial + 10_000_000))
                med = statistics.median
                emit("agent.%s.added" % op, "p50 <= 0.3 ms", med(added) <= 0.3, added_ms=med(added), p50_ms=med(r["p50_ms"] for r in one))
                per_s = med(r["per_s"] for r in rate)
                # Where the disk bounds what is created, half of what comes without an agent.
                held = per_s >= 8000 or (op == "create" and per_s >= med(plain) / 2)
                emit("agent.%s.rate" % op, ">= 8000/s" + (", or half of the direct rate" if op == "create" else ""), held, per_s=per_s,
                     direct_per_s=med(plain), p99_ms=med(r["p99_ms"] for r in rate), cpu_us=med(r["cpu_us"] for r in rate))
            emit("agent.memory", "RssAnon of an idle agent <= 6 MB", idle <= 6144, idle_kb=idle, after_kb=rss_anon(agent.proc.pid) // 1024)
    return 1 if b.missed else 0


if __name__ == "__main__":
    sys.exit(main())
