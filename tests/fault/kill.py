#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments under concurrent load: no acknowledged write is lost, no half state, counters are exact.

kill.py [--kills N] [--seed N]: N kills (50), one line at the end; exit status 0 only if every check held."""
import argparse
import os
import random
import ssl
import http.client
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import BUILD, Cse, must, register  # noqa: E402

GONE = (ConnectionError, OSError, ssl.SSLError, http.client.HTTPException)
PLAIN, MNI, NAMED = 3, 50, 8


class Journal:
    """What one client was told about one resource: the last acknowledged state and the one that was under way."""

    def __init__(self):
        self.acked, self.under_way = None, None


class Mutator(threading.Thread):
    """Creates, updates and deletes small containers, one after another, until the server is gone."""

    def __init__(self, cse, cycle, rnd):
        super().__init__(daemon=True)
        self.client, self.cycle, self.rnd, self.j = cse.client("CKill"), cycle, rnd, [Journal() for _ in range(NAMED)]

    def run(self):
        step = 0
        try:
            while True:
                step += 1
                i = self.rnd.randrange(NAMED)
                j, name = self.j[i], "n%d-%d" % (self.cycle, i)
                if j.acked is None:
                    self.act(j, "v%d" % step, 2001, lambda: self.client.create(
                        "/cse-in/CKill", 3, {"m2m:cnt": {"rn": name, "lbl": ["v%d" % step]}}))
                elif self.rnd.random() < 0.7:
                    self.act(j, "v%d" % step, 2004, lambda: self.client.put(
                        "/cse-in/CKill/" + name, {"m2m:cnt": {"lbl": ["v%d" % step]}}))
                else:
                    self.act(j, None, 2002, lambda: self.client.delete("/cse-in/CKill/" + name))
        except GONE:
            pass

    def act(self, j, new, rsc, send):
        j.under_way = (new,)
        must(send(), rsc, "a mutation")
        j.acked, j.under_way = new, None


def load(cse, names_from, serial, journal):
    base = os.path.join(cse.creds, "CKill")
    return subprocess.Popen([os.path.join(BUILD, "troth-bench"), "--port", str(cse.port), "--ca", cse.creds + "/ca.crt",
                             "--cert", base + ".crt", "--key", base + ".key", "--originator", "CKill", "--base",
                             "cse-in/CKill", "--op", "create", "--containers", str(PLAIN + 1), "--first", str(names_from),
                             "--connections", "32", "--seconds", "60", "--warm", "0", "--size", "60", "--journal", journal,
                             "--serial", str(serial)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def instances(client, path):
    found, offset = {}, 1
    while True:
        a = must(client.get("%s?rcn=8&lim=5000&ofst=%d" % (path, offset)), 2000, "the instances")
        page = a.json()["m2m:cnt"].get("m2m:cin", []) if a.body else []
        for cin in page:
            serial = int(cin["con"][1:11])
            assert serial not in found, "serial %d is stored twice in %s" % (serial, path)
            assert len(cin["con"]) == 60, "an instance of %s is cut" % path
            found[serial] = (cin["cs"], cin["st"])
        if len(page) < 5000:
            return found
        offset += len(page)


def verify_container(client, path, acked, mni):
    have = instances(client, path)
    cnt = must(client.get(path), 2000, "the container").json()["m2m:cnt"]
    assert cnt["cni"] == len(have), "%s: cni is %d, stored are %d" % (path, cnt["cni"], len(have))
    cbs = sum(cs for cs, _ in have.values())
    assert cnt["cbs"] == cbs, "%s: cbs is %d, stored are %d bytes" % (path, cnt["cbs"], cbs)
    tags = [st for _, st in have.values()]
    assert len(set(tags)) == len(tags), "%s: a state tag stands twice" % path
    if mni:
        assert len(have) <= mni, "%s: %d instances with mni %d" % (path, len(have), mni)
        assert len(have) == min(mni, cnt["st"]), "%s: %d instances after %d creates" % (path, len(have), cnt["st"])
        assert sorted(tags) == list(range(cnt["st"] - len(have) + 1, cnt["st"] + 1)), "%s: not the newest are kept" % path
        assert cnt["st"] >= len(acked), "%s: st %d after %d acknowledged" % (path, cnt["st"], len(acked))
    else:
        lost = [s for s in acked if s not in have]
        assert not lost, "%s: %d acknowledged instances are lost" % (path, len(lost))
        assert cnt["st"] == len(have), "%s: st is %d after %d creates" % (path, cnt["st"], len(have))
    return len(have)


def verify_named(client, cycle, journals):
    for i, j in enumerate(journals):
        a = client.get("/cse-in/CKill/n%d-%d" % (cycle, i))
        allowed = [j.acked] + ([j.under_way[0]] if j.under_way else [])
        now = a.json()["m2m:cnt"]["lbl"][0] if a.rsc == 2000 else None
        assert a.rsc in (2000, 4004), "n%d-%d answers %d" % (cycle, i, a.rsc)
        assert now in allowed, "n%d-%d is %s, acknowledged was %s, under way %s" % (cycle, i, now, j.acked, j.under_way)


def cycle(cse, number, rnd, totals):
    first = number * (PLAIN + 1)
    client = cse.client("CKill")
    for i in range(PLAIN + 1):
        body = {"rn": "c%010d" % (first + i)}
        if i == PLAIN:
            body["mni"] = MNI
        must(client.create("/cse-in/CKill", 3, {"m2m:cnt": body}), 2001, "a container")
    client.close()
    journal = os.path.join(cse.dir, "journal")
    mutators = [Mutator(cse, number * 10 + k, random.Random(rnd.random())) for k in range(2)]
    p = load(cse, first, number * 1000000 + 1, journal)
    for m in mutators:
        m.start()
    # The moment of the kill is random, from before the first commit to well into the load; early ones are as likely to meet
    # any step of a commit, and cost less to verify.
    time.sleep(min(0.5, 0.03 + rnd.expovariate(8)))
    cse.kill()
    p.wait()
    for m in mutators:
        m.join(30)
    totals["restart"] = max(totals["restart"], cse.start())
    client = cse.client("CKill")
    with open(journal) as f:
        acked = [tuple(map(int, line.split())) for line in f if line.endswith("\n")]
    for i in range(PLAIN + 1):
        path = "/cse-in/CKill/c%010d" % (first + i)
        mine = [s for c, s in acked if c == first + i]
        totals["stored"] += verify_container(client, path, mine, MNI if i == PLAIN else 0)
        must(client.delete(path), 2002, "a delete")
    for k, m in enumerate(mutators):
        verify_named(client, number * 10 + k, m.j)
    totals["acked"] += len(acked)
    client.close()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--kills", type=int, default=50)
    ap.add_argument("--seed", type=int, default=int(time.time()))
    args = ap.parse_args()
    rnd, totals = random.Random(args.seed), {"acked": 0, "stored": 0, "restart": 0.0}
    cse, number = Cse(sets=["log.level=error"]), -1
    try:
        cse.start()
        cse.issue("CKill", "--ae", "CKill", "--life", "30d")
        client = cse.client("CKill")
        register(client, "CKill")
        client.close()
        for number in range(args.kills):
            cycle(cse, number, rnd, totals)
            if number % 100 == 99 and args.kills > 100:
                print("%d kills, %d creates acknowledged" % (number + 1, totals["acked"]), flush=True)
        status = cse.stop()
        assert status == 0, "trothd ended with %d" % status
    except Exception as e:
        print("kill %d of %d, seed %d: %s: %s" % (number + 1, args.kills, args.seed, type(e).__name__, e))
        print(cse.log_tail(2000))
        return 1
    finally:
        cse.clean()
    assert totals["acked"] > 0, "nothing was acknowledged: the test tested nothing"
    print("%d kills: %d creates acknowledged, none lost, counters exact; slowest restart %.2f s (seed %d)"
          % (args.kills, totals["acked"], totals["restart"], args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
