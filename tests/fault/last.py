#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real trothd is killed right after it has answered a DELETE: what the subscriptions below had still to say (the deletion of what
they watched, their own end) is said by the next start, once it has been taken it is not said again.

last.py [--rounds N]: deletions and kills (6); exit status 0 only if every check held."""
import argparse
import os
import queue
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, until  # noqa: E402
from sink import Sink  # noqa: E402

WATCHED = ("", "/a", "/a/b")


def build(client, k):
    box = "/cse-in/CLast/box%d" % k
    must(client.create("/cse-in/CLast", 3, {"m2m:cnt": {"rn": "box%d" % k}}), 2001, "container")
    must(client.create(box, 3, {"m2m:cnt": {"rn": "a"}}), 2001, "container")
    must(client.create(box + "/a", 3, {"m2m:cnt": {"rn": "b"}}), 2001, "container")
    for below in WATCHED:
        must(client.create(box + below, 4, {"m2m:cin": {"con": "v"}}), 2001, "instance")
        must(client.create(box + below, 23, {"m2m:sub": {"rn": "s", "nu": ["CLast"], "su": "CLast", "enc": {"net": [2]}}}), 2001, "subscription")
    return box


def drain(sink, into):
    try:
        while True:
            _, _, body = sink.got.get_nowait()
            into.append(body["m2m:sgn"])
    except queue.Empty:
        return into


def deletions(got, box):
    """Told by which subscription, with how many instances."""
    return sorted({(n["sur"], n["nev"]["rep"]["m2m:cnt"]["cni"]) for n in got if n.get("nev", {}).get("net") == 2 and n["sur"].startswith(box)})


def ends(got, box):
    return sorted({n["sur"] for n in got if n.get("sud") and n["sur"].startswith(box)})


def round_of(cse, sink, k):
    client = cse.client("CLast")
    box = build(client, k)
    name = box[1:]
    # Nobody takes it: whatever the process had sent by now is lost with it.
    sink.how = "hang"
    must(client.delete(box), 2002, "deletion")
    time.sleep((0, 0, 0.001, 0.01, 0.1, 0.3)[k % 6])
    cse.kill()
    client.close()
    sink.drop()
    time.sleep(0.1)
    drain(sink, [])
    sink.how = 2000
    cse.start()
    got, want = [], [name + below + "/s" for below in WATCHED]
    until("the deletions", lambda: deletions(drain(sink, got), name) == [(w, 1) for w in sorted(want)], 20)
    until("the ends", lambda: ends(drain(sink, got), name) == sorted(want), 20)
    client = cse.client("CLast")
    assert client.get(box).rsc == 4004, "what was deleted is there again"
    client.close()
    return name


def run(cse, rounds):
    cse.start()
    cse.issue("CLast", "--ae", "CLast")
    sink = Sink(cse, "CLast")
    client = cse.client("CLast")
    ae = {"rn": "CLast", "api": "Ntroth.test", "rr": True, "srv": ["3"], "poa": [sink.url()]}
    must(client.create("/cse-in", 2, {"m2m:ae": ae}, originator="CLast"), 2001, "registration")
    client.close()
    for k in range(rounds):
        round_of(cse, sink, k)
    # All has been taken: nothing is left that would come again, nor after an orderly end.
    time.sleep(0.5)
    drain(sink, [])
    cse.kill()
    cse.start()
    time.sleep(0.5)
    assert not drain(sink, []), "what was taken came again"
    cse.stop()
    cse.start()
    assert not drain(sink, []), "what was taken came again after an orderly end"
    print("last: %d deletions with 3 subscriptions each, told after the kill" % rounds)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--rounds", type=int, default=6)
    args = a.parse_args()
    with Cse(sets=["log.level=warn", "notify.allowed_prefixes=127.0.0.0/8"]) as cse:
        run(cse, args.rounds)


if __name__ == "__main__":
    main()
