#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real trothd is killed with ten thousand notifications that wait for their schedule, and once more while it delivers them:
each one that was to be kept arrives, in order, and none comes back afterwards.

pending.py [--number N]: N acknowledged creates before the kill (10000); exit status 0 only if every check held."""
import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import BUILD, Cse, must  # noqa: E402
from sink import Sink  # noqa: E402

NEVER, ALWAYS = "* * * * * * 9999", "* * * * * * *"
SERIAL = 1000001


class Box(Sink):
    """A target that takes everything; notifications by subscription, in order."""

    def __init__(self, cse, name):
        super().__init__(cse, name)
        self.by_sub, self.count = {}, 0

    def notifications(self, sub):
        while not self.got.empty():
            _, headers, body = self.got.get()
            self.by_sub.setdefault(body["m2m:sgn"]["sur"], []).append((body["m2m:sgn"], headers.get("x-m2m-ec")))
            self.count += 1
        return self.by_sub.get(sub, [])

    def serials(self, sub):
        return [int(n["nev"]["rep"]["m2m:cin"]["con"][1:11]) for n, _ in self.notifications(sub)]

    def tags(self, sub):
        return [n["nev"]["rep"]["m2m:cin"]["st"] for n, _ in self.notifications(sub)]


def status(cse):
    return json.loads(cse.trothctl("--json", "status").stdout)["notifications"]


def until(what, seconds, ready):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "%s: not within %d s" % (what, seconds)
        time.sleep(0.02)


def subscribe(client, name, se, **more):
    body = {"rn": name, "nu": ["CKill"], "enc": {"net": [3], "chty": [4]}}
    body.update(more)
    must(client.create("/cse-in/CKill/c%010d" % 0, 23, {"m2m:sub": body}), 2001, "subscription " + name)
    must(client.create("/cse-in/CKill/c%010d/%s" % (0, name), 18, {"m2m:sch": {"se": {"sce": [se]}}}), 2001, "schedule")


def open_up(client, name):
    must(client.put("/cse-in/CKill/c%010d/%s/notificationSchedule" % (0, name), {"m2m:sch": {"se": {"sce": [ALWAYS]}}}), 2004,
         "opening " + name)


def load(cse, journal):
    base = os.path.join(cse.creds, "CKill")
    return subprocess.Popen([os.path.join(BUILD, "troth-bench"), "--port", str(cse.port), "--ca", cse.creds + "/ca.crt",
                             "--cert", base + ".crt", "--key", base + ".key", "--originator", "CKill", "--base",
                             "cse-in/CKill", "--op", "create", "--containers", "1", "--first", "0", "--connections", "16",
                             "--seconds", "120", "--warm", "0", "--size", "60", "--journal", journal, "--serial", str(SERIAL)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def acknowledged(journal):
    with open(journal) as f:
        return [int(line.split()[1]) for line in f if line.endswith("\n")]


def lines(journal):
    try:
        with open(journal, "rb") as f:
            return f.read().count(b"\n")
    except OSError:
        return 0


def run(cse, number):
    cse.start()
    cse.issue("CKill", "--ae", "CKill")
    sink = Box(cse, "CKill")
    client = cse.client("CKill")
    ae = {"rn": "CKill", "api": "Ntroth.test", "rr": True, "srv": ["3"], "poa": [sink.url()]}
    must(client.create("/cse-in", 2, {"m2m:ae": ae}, originator="CKill"), 2001, "registration")
    must(client.create("/cse-in/CKill", 3, {"m2m:cnt": {"rn": "c%010d" % 0}}), 2001, "container")
    subscribe(client, "all", NEVER, pn=2)
    subscribe(client, "latest", NEVER, pn=1)
    subscribe(client, "none", NEVER)
    client.close()

    journal = os.path.join(cse.dir, "journal")
    p = load(cse, journal)
    until("%d creates" % number, 120, lambda: lines(journal) >= number)
    cse.kill()
    p.wait()
    restart = cse.start()
    acked = acknowledged(journal)
    held = status(cse)["held"]
    assert held >= len(acked) + 1, "%d wait after %d acknowledged creates" % (held, len(acked))
    assert not sink.notifications("") and sink.count == 0, "%d notifications came before their time" % sink.count

    client = cse.client("CKill")
    sub = "cse-in/CKill/c%010d/" % 0
    open_up(client, "none")
    open_up(client, "latest")
    open_up(client, "all")
    until("a part of the delivery", 60, lambda: len(sink.serials(sub + "all")) > number // 3)
    cse.kill()
    first = sink.serials(sub + "all")
    client.close()
    cse.start()
    until("delivery", 120, lambda: status(cse)["stored"] == 0)
    got, tags = sink.serials(sub + "all"), sink.tags(sub + "all")
    second = got[len(first):]

    lost = set(acked) - set(got)
    assert not lost, "%d of %d are lost" % (len(lost), len(acked))
    for part, name in ((tags[:len(first)], "before"), (tags[len(first):], "after")):
        assert part == sorted(set(part)), "order is broken or one is told twice %s the second kill" % name
    again = len(set(first) & set(second))
    assert again <= 512, "%d were delivered twice" % again
    latest = sink.serials(sub + "latest")
    assert latest and set(latest) == {got[-1]}, "the latest is %s, not %d" % (latest[:3], got[-1])
    assert all(ec == "4" for _, ec in sink.notifications(sub + "latest")), "the latest has no category latest"
    assert not sink.serials(sub + "none"), "what was to be discarded was told"

    count = sink.count
    cse.kill()
    cse.start()
    time.sleep(0.5)
    assert not sink.notifications("") and sink.count == count and status(cse)["stored"] == 0, "something came back after it was delivered"
    print("pending: %d acknowledged, %d delivered, %d of them twice around the second kill, restart %.2f s" %
          (len(acked), len(set(got)), again, restart))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--number", type=int, default=10000)
    number = a.parse_args().number
    with Cse(sets=["log.level=warn", "notify.allowed_prefixes=127.0.0.0/8", "notify.max_held=200000"]) as cse:
        run(cse, number)


if __name__ == "__main__":
    main()
