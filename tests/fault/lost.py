#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A subscription whose creator lost its credential, against a real trothd: it is silent at once and for as long as that lasts, also
through a restart, is counted and logged as that, and tells again what happens after the credential is back; with a revoked one it
never does.  Others on the same container are not touched."""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402
from sink import Sink  # noqa: E402

BOX = "/cse-in/CPub/box"


def setup(cse):
    for name in ("CPub", "CSub", "COther"):
        cse.issue(name, "--ae", name)
        register(cse.client(name), name)
    pub = cse.client("CPub")
    acr = [{"acor": ["CPub", "CSub", "COther"], "acop": 63}]
    acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": acr}, "pvs": {"acr": [{"acor": ["CPub"], "acop": 63}]}}}
    ri = must(pub.create("/cse-in/CPub", 1, acp), 2001, "the policy").json()["m2m:acp"]["ri"]
    must(pub.create("/cse-in/CPub", 3, {"m2m:cnt": {"rn": "box", "acpi": [ri]}}), 2001, "the container")
    sinks = {}
    for name in ("CSub", "COther"):
        sinks[name] = Sink(cse, name)
        c = cse.client(name)
        must(c.put("/cse-in/" + name, {"m2m:ae": {"poa": [sinks[name].url()]}}), 2004, "poa of " + name)
        for i in range(20):
            must(c.create(BOX, 23, {"m2m:sub": {"rn": "%s%d" % (name, i), "nu": [name], "enc": {"net": [3], "chty": [4]}}}), 2001,
                 "a subscription")
        c.close()
    return pub, sinks


def heard(sink, con, n):
    """n notifications of that content and of nothing else."""
    for _ in range(n):
        got = sink.take()[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"]
        assert got == con, "%s instead of %s" % (got, con)


def silent(cse):
    return json.loads(cse.trothctl("--json", "status").stdout)["notifications"]["silent"]


def until_silent(cse, n):
    end = time.monotonic() + 10
    while silent(cse) != n:
        assert time.monotonic() < end, "%d subscriptions are silent, not %d" % (silent(cse), n)
        time.sleep(0.05)


def events(cse):
    return cse.trothctl("events").stdout.count("subscription")


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    with Cse(sets=["notify.allowed_prefixes=127.0.0.0/8", "log.level=warn"]) as cse:
        cse.start()
        pub, sinks = setup(cse)

        def put(con):
            must(pub.create(BOX, 4, {"m2m:cin": {"con": con}}), 2001, con)

        ids = {n: [c["id"] for c in json.loads(cse.trothctl("--json", "credential", "list").stdout) if c["names"] == [n]][0] for n in sinks}
        put("first")
        heard(sinks["CSub"], "first", 20)
        heard(sinks["COther"], "first", 20)
        assert silent(cse) == 0
        before = events(cse)

        cse.trothctl("credential", "suspend", ids["CSub"])
        for i in range(5):
            put("unheard %d" % i)
            heard(sinks["COther"], "unheard %d" % i, 20)
        sinks["CSub"].none(1)
        until_silent(cse, 20)
        assert events(cse) > before, "no event tells of the subscriptions"
        print("20 subscriptions are silent and marked, 20 others are told", flush=True)

        assert cse.stop() == 0
        cse.start()
        pub = cse.client("CPub")
        put("after the restart")
        heard(sinks["COther"], "after the restart", 20)
        sinks["CSub"].none(1)
        until_silent(cse, 20)
        print("still so after a restart", flush=True)

        cse.trothctl("credential", "resume", ids["CSub"])
        until_silent(cse, 0)
        put("heard again")
        heard(sinks["CSub"], "heard again", 20)
        heard(sinks["COther"], "heard again", 20)
        print("told again once the credential is back, and nothing of before", flush=True)

        cse.trothctl("credential", "revoke", ids["CSub"])
        put("for others")
        heard(sinks["COther"], "for others", 20)
        sinks["CSub"].none(1)
        until_silent(cse, 20)
        for s in sinks.values():
            s.end()
        assert cse.stop() == 0
        print("silent for good after a revocation", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
