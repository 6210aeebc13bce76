#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real trothd is killed with ten thousand notifications that wait for their schedule, and again while it delivers them: each
one that was to be kept arrives, in order; again comes only what was told shortly before a kill, and nothing afterwards.

pending.py [--number N] [--kills F,...]: N acknowledged creates before the first kill (10000), and the parts of them that are
delivered at each further kill (0.33); exit status 0 only if every check held."""
import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import BUILD, Cse, must, until  # noqa: E402
from sink import Sink  # noqa: E402

NEVER, ALWAYS = "* * * * * * 9999", "* * * * * * *"
SERIAL = 1000001
# What one life may have told without its record being gone: REMOVALS in cse/core/notify_store.c and those on their way.
AGAIN = 512


class Box(Sink):
    """A target that takes everything; notifications by subscription, in the order of arrival."""

    def __init__(self, cse, name):
        super().__init__(cse, name)
        self.by_sub, self.count = {}, 0

    def notifications(self, sub):
        while not self.got.empty():
            _, headers, body = self.got.get()
            self.by_sub.setdefault(body["m2m:sgn"]["sur"], []).append(
                (body["m2m:sgn"], headers.get("x-m2m-ec"), headers["x-m2m-ri"]))
            self.count += 1
        return self.by_sub.get(sub, [])

    def serials(self, sub):
        return [serial(n) for n, _, _ in self.notifications(sub)]

    def lives(self, sub):
        """What each life of the CSE told: (identifier of the request, stateTag, serial).  A request identifier begins with a word of its life:
        what the first life had sent may be read here when the second sends already."""
        lives = {}
        for n, _, ri in self.notifications(sub):
            lives.setdefault(ri.split("-")[0], []).append((ri, n["nev"]["rep"]["m2m:cin"]["st"], serial(n)))
        return list(lives.values())


def serial(sgn):
    return int(sgn["nev"]["rep"]["m2m:cin"]["con"][1:11])


def once(life):
    """Without attempts that were made again: they carry the same request identifier and say the same."""
    told, seen = [], {}
    for ri, st, number in life:
        assert seen.setdefault(ri, st) == st, "request %s told of state %d and of %d" % (ri, seen[ri], st)
        if not told or told[-1][0] != ri:
            told.append((ri, st, number))
    return told


def check_order(lives):
    """How many were told again by a later life."""
    newest, again = 0, 0
    for k, life in enumerate(map(once, lives)):
        for (ri, st, _), (next_ri, next_st, _) in zip(life, life[1:]):
            assert st < next_st, "life %d of %d told of state %d (request %s) before %d (request %s)" % (
                k + 1, len(lives), st, ri, next_st, next_ri)
        twice = sum(1 for _, st, _ in life if st <= newest)
        assert twice <= AGAIN, "life %d of %d told %d again, more than %d" % (k + 1, len(lives), twice, AGAIN)
        again += twice
        newest = max(newest, life[-1][1])
    return again


def status(cse):
    return json.loads(cse.trothctl("--json", "status").stdout)["notifications"]


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


def run(cse, number, kills):
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
    until("%d creates" % number, lambda: lines(journal) >= number, 120)
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
    client.close()
    for part in kills:
        until("a part of the delivery", lambda: len(sink.serials(sub + "all")) > number * part, 60)
        cse.kill()
        cse.start()
    until("delivery", lambda: status(cse)["stored"] == 0, 120)
    got = sink.serials(sub + "all")
    lost = set(acked) - set(got)
    assert not lost, "%d of %d are lost" % (len(lost), len(acked))
    again = check_order(sink.lives(sub + "all"))
    latest = sink.serials(sub + "latest")
    assert latest and set(latest) == {got[-1]}, "the latest is %s, not %d" % (latest[:3], got[-1])
    assert all(ec == "4" for _, ec, _ in sink.notifications(sub + "latest")), "the latest has no category latest"
    assert not sink.serials(sub + "none"), "what was to be discarded was told"

    count = sink.count
    cse.kill()
    cse.start()
    time.sleep(0.5)
    assert not sink.notifications("") and sink.count == count and status(cse)["stored"] == 0, "something came back after it was delivered"
    print("pending: %d acknowledged, %d delivered, %d of them again after %d kills, restart %.2f s" %
          (len(acked), len(set(got)), again, len(kills), restart))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--number", type=int, default=10000)
    a.add_argument("--kills", default="0.33")
    args = a.parse_args()
    with Cse(sets=["log.level=warn", "notify.allowed_prefixes=127.0.0.0/8", "notify.max_held=200000"]) as cse:
        run(cse, args.number, [float(part) for part in args.kills.split(",")])


if __name__ == "__main__":
    main()
