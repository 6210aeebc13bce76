#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random operations of many clients on one random tree: every answer is well formed, the server lives, counters are exact.

storm.py [--seconds S] [--clients N] [--seed N]: valid, half valid and broken requests; subtrees are deleted while others write
into them; subscriptions come, change and go beside what they watch, and their notifications are taken; groups are made of whatever
is there and their members asked, written and deleted at once; searches run beside it all; credentials are suspended meanwhile; connections are cut; at the end a full listing is held against the counters."""
import argparse
import http.client
import json
import os
import random
import signal
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import SRC, Cse, must, register  # noqa: E402
from sink import Sink  # noqa: E402

GONE = (ConnectionError, OSError, ssl.SSLError, http.client.HTTPException)
AES = ["CSt%d" % i for i in range(4)]


def codes():
    """The numbers of the response status code table."""
    with open(os.path.join(SRC, "cse/model/rsc.def")) as f:
        return {int(line[4:8]) for line in f if line.startswith("RSC(")}


class Storm(threading.Thread):
    def __init__(self, cse, number, rnd, until, known):
        super().__init__(daemon=True)
        self.cse, self.rnd, self.until, self.known = cse, rnd, until, known
        self.name = AES[number % len(AES)]
        self.client = cse.client(self.name, timeout=30)
        self.done, self.cut, self.bad, self.codes, self.poa = 0, 0, None, {}, ""

    def path(self, deep=3):
        r = self.rnd
        base = r.choice(["/cse-in/", "/cse-in/", "/~/id-in/cse-in/", "/_/troth.example/id-in/-/", "/-/"])
        parts = [self.name if r.random() < 0.9 else r.choice(AES)]
        while len(parts) <= deep and r.random() < (0.9 if len(parts) == 1 else 0.3):
            parts.append("n%d" % r.randrange(4))
        return base + "/".join(parts)

    def attrs(self):
        r = self.rnd
        some = {"lbl": lambda: ["a%d" % r.randrange(9), "k:v"], "mni": lambda: r.choice([0, 1, 5, 100, None, -1, "x"]),
                "mbs": lambda: r.choice([0, 10, 10000, None]), "mia": lambda: r.choice([1, 3600, None]),
                "disr": lambda: r.choice([True, False, None, 1]), "et": lambda: r.choice(["20991231T235959", "19990101T000000",
                self.soon(), None, 5]), "cr": lambda: r.choice([None, "CX"]), "acpi": lambda: r.choice([[], ["acp1"], None,
                self.acp]), "or": lambda: "http://x/y", "zzz": lambda: 1, "cni": lambda: 3, "at": lambda: ["/other"]}
        if r.random() < 0.8:
            fine = {"lbl": some["lbl"], "mni": lambda: r.choice([3, 20, 100]), "mbs": lambda: 10000, "or": some["or"],
                    "disr": lambda: r.random() < 0.1, "mia": lambda: r.choice([1, 3600])}
            return {k: fine[k]() for k in r.sample(sorted(fine), r.choice([0, 1, 1, 2]))}
        return {k: some[k]() for k in r.sample(sorted(some), r.choice([0, 1, 1, 1, 2, 3]))}

    def soon(self):
        return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + self.rnd.randrange(1, 4)))

    def content(self):
        r = self.rnd
        return r.choice(["x" * r.randrange(300), r.random() * 1e9, {"a": [1, 2, {"b": None}]}, True, "\u00e9\U0001f600" * 9, "", 0])

    def query(self):
        r = self.rnd
        q = ["rcn=%d" % r.choice([0, 1, 2, 3, 4, 5, 6, 8, 9, 11]), "lim=%d" % r.choice([0, 1, 3, 100]), "ofst=%d" % r.choice([1, 2, 9]),
             "lvl=%d" % r.choice([0, 1, 2]), "fu=1", "ty=%d" % r.choice([2, 3, 4]), "lbl=a%d" % r.randrange(9), "atrl=mni+lbl",
             "drt=2", "crb=20300101T000000", "fo=2", "bogus=1", "lbl=%zz"]
        return "?" + "&".join(r.sample(q, r.choice([0, 0, 0, 1, 1, 2, 3])))

    def one(self):
        r, c = self.rnd, self.client
        self.acp = ["/".join(["cse-in", self.name, "acp"])]
        roll = r.random()
        if roll < 0.32:
            body = {"con": self.content(), **({"rn": "i%d" % r.randrange(20)} if r.random() < 0.2 else {}),
                    **({"lbl": ["a1"]} if r.random() < 0.2 else {}), **({"et": self.soon()} if r.random() < 0.1 else {})}
            return c.create(self.path(), 4, {"m2m:cin": body})
        if roll < 0.47:
            return c.create(self.path(1), 3, {"m2m:cnt": {"rn": "n%d" % r.randrange(4), **self.attrs()}})
        if roll < 0.52:
            acr = [{"acor": [r.choice(AES + ["all", "C*"])], "acop": r.choice([63, 2, 34, 0, 64])}]
            return c.create("/cse-in/" + self.name, 1, {"m2m:acp": {"rn": "acp", "pv": {"acr": acr}, "pvs": {"acr": acr}}})
        if roll < 0.57:
            return self.subscription()
        if roll < 0.62:
            return self.group()
        if roll < 0.64:
            return c.get("/cse-in/" + r.choice(AES) + "?fu=1&" + "&".join(r.sample([
                "lbl=a%d" % r.randrange(9), "ty=4", "ty=3", "rn=n*", "clbl=a1", "palb=a1", "chty=4", "sza=5", "cra=20200101T000000",
                "lbq=%28k%20EQ%20v%29", "ms=20200101T000000", "con=x*", "fo=2", "lim=5", "ofst=3", "arp=la"], r.choice([1, 2, 3]))))
        if roll < 0.74:
            return c.get(self.path() + r.choice(["", "", "", "/la", "/la", "/ol", "/i%d" % r.randrange(20), "/acp"]) + self.query())
        if roll < 0.86:
            return c.put(self.path(), {r.choice(["m2m:cnt"] * 5 + ["m2m:ae", "m2m:acp"]): self.attrs()})
        if roll < 0.95:
            return c.delete(self.path() + r.choice([""] * (r.random() < 0.1) + ["/la", "/la", "/ol", "/i%d" % r.randrange(20)]))
        if roll < 0.97:
            return c.request("POST", self.path(), r.choice(["{", "[]", '{"m2m:cin":{"con":1,"con":2}}', "{}", "\x00", "9" * 5000]), ty=4)
        if roll < 0.998:
            raw = self.client.conn.sock if self.client.conn and r.random() < 0.5 else None
            if raw:
                raw.sendall(b"POST /cse-in HTTP/1.1\r\nContent-Length: 50\r\n\r\n{"[:r.randrange(1, 50)])
            self.client.close()
            self.cut += 1
            return None
        a = c.delete("/cse-in/" + self.name)
        self.join_in()
        return a

    def join_in(self):
        a = self.client.create("/cse-in", 2, {"m2m:ae": {"rn": self.name, "api": "Nstorm", "rr": True, "srv": ["3"],
                                                       "poa": [self.poa]}})
        self.judge(a)

    def subscription(self):
        """One of four names below a random container: made, changed or deleted; half valid at times."""
        r, c = self.rnd, self.client
        where, name = self.path(), "s%d" % r.randrange(4)
        enc = r.choice([{}, {"net": [3]}, {"net": [1, 2, 3, 4]}, {"net": [3, 4], "chty": [4]}, {"net": [5]}, {"net": [2]},
                        {"om": [{"ops": 63}]}, {"atr": ["mni"]}, {"net": [3], "sza": 10, "fo": 2}, {"net": [7]}, {"net": [9]}])
        more = r.choice([{}, {}, {"nct": 3}, {"nct": 2}, {"bn": {"num": 3, "dur": "PT1S"}}, {"exc": r.randrange(1, 5)}, {"ln": True},
                         {"rl": {"mnn": 2, "tww": "PT1S"}}, {"et": self.soon()}, {"su": self.name}, {"nse": True}, {"pn": 2}])
        roll = r.random()
        if roll < 0.5:
            nu = [self.name] if r.random() < 0.8 else [self.name, r.choice(AES)]
            return c.create(where, 23, {"m2m:sub": {"rn": name, "nu": nu, "enc": enc, **more}})
        if roll < 0.75:
            return c.put(where + "/" + name, {"m2m:sub": {**({"enc": enc} if r.random() < 0.5 else {}), **more}})
        return c.delete(where + "/" + name)

    def group(self):
        """One of two groups of an AE: made, changed, deleted, or its members reached."""
        r, c = self.rnd, self.client
        name = "g%d" % r.randrange(2)
        where, mid = "/cse-in/" + self.name, [self.path(2)[1:] if r.random() < 0.8 else "cse-in/%s/g0/fopt" % self.name for _ in range(r.randrange(1, 6))]
        body = {"mid": mid, **r.choice([{}, {}, {"mt": 3, "csy": r.choice([1, 2, 3])}])}
        roll = r.random()
        if roll < 0.2:
            return c.create(where, 9, {"m2m:grp": {"rn": name, "mnm": r.choice([5, 20]), **body}})
        if roll < 0.3:
            return c.put(where + "/" + name, {"m2m:grp": {"mid": mid}})
        if roll < 0.35:
            return c.delete(where + "/" + name)
        fan = where + "/" + name + "/fopt"
        return r.choice([lambda: c.get(fan + r.choice(["", "", "/la", "/n1"]) + r.choice(["", "?rcn=4&lim=3", "?fu=1"])),
                         lambda: c.create(fan, 4, {"m2m:cin": {"con": self.content()}}),
                         lambda: c.create(fan, 3, {"m2m:cnt": {"rn": "n%d" % r.randrange(4)}}),
                         lambda: c.put(fan, {"m2m:cnt": {"lbl": ["a%d" % r.randrange(9)]}}),
                         lambda: c.delete(fan + r.choice(["/la", "/n%d" % r.randrange(4)]))])()

    def judge(self, a):
        if a.rsc not in self.known and not (a.rsc == 0 and a.status in (400, 413, 414, 431)):
            raise AssertionError("rsc %d, HTTP %d: %r" % (a.rsc, a.status, a.body[:200]))
        if a.rsc == 5000:
            raise AssertionError("an internal error: %r" % a.body[:200])
        if a.rsc and "X-M2M-RI" not in a.headers and a.rsc != 4000:
            raise AssertionError("an answer without request identifier: %d" % a.rsc)
        if a.body and "json" in a.headers.get("Content-Type", ""):
            json.loads(a.body)
        self.done += 1
        self.codes[a.rsc] = self.codes.get(a.rsc, 0) + 1

    def run(self):
        try:
            while time.monotonic() < self.until:
                try:
                    a = self.one()
                    if a is not None:
                        self.judge(a)
                except GONE:
                    # suspended meanwhile, or cut by ourselves: come back
                    self.client.close()
                    self.cut += 1
                    time.sleep(0.02)
        except Exception as e:
            self.bad = "%s: %s" % (type(e).__name__, e)


def verify(client, path):
    """Counters of this container and all below against what is listed; how many containers were looked at."""
    a = client.get(path)
    if a.rsc in (4004, 4103):
        return 0
    cnt = must(a, 2000, path).json().get("m2m:cnt")
    count, kids, offset = 1, [], 1
    if cnt and not cnt.get("disr"):
        size = found = 0
        while True:
            page = must(client.get("%s?rcn=8&lvl=1&lim=1000&ofst=%d" % (path, offset)), 2000, path)
            one = page.json()["m2m:cnt"] if page.body else {}
            cins = one.get("m2m:cin", [])
            kids += [k["rn"] for k in one.get("m2m:cnt", [])]
            found, size = found + len(cins), size + sum(c["cs"] for c in cins)
            if len(cins) + len(one.get("m2m:cnt", [])) == 0 or not page.headers.get("X-M2M-CTS") == "1":
                break
            offset += len(cins) + len(one.get("m2m:cnt", []))
        again = must(client.get(path), 2000, path).json()["m2m:cnt"]
        if again["st"] == cnt["st"]:
            assert (again["cni"], again["cbs"]) == (found, size), "%s: cni %d, cbs %d; listed are %d with %d bytes" % (
                path, again["cni"], again["cbs"], found, size)
    for k in kids:
        count += verify(client, path + "/" + k)
    return count


def verify_settled(client, path):
    """What has expired is invisible at once but counted until it is swept: the counters have ten seconds to agree."""
    end = time.monotonic() + 10
    while True:
        try:
            return verify(client, path)
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def trouble(cse, rnd, until):
    """The administrator's part: suspends and resumes a credential, asks for reloads."""
    ids = [c["id"] for c in json.loads(cse.trothctl("--json", "credential", "list").stdout) if c["names"] == [AES[-1]]]
    while time.monotonic() < until:
        cse.trothctl("credential", "suspend", ids[0])
        time.sleep(rnd.uniform(0, 0.3))
        cse.trothctl("credential", "resume", ids[0])
        cse.proc.send_signal(signal.SIGHUP)
        time.sleep(rnd.uniform(0, 0.5))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seconds", type=float, default=15)
    ap.add_argument("--clients", type=int, default=32)
    ap.add_argument("--seed", type=int, default=int(time.time()))
    args = ap.parse_args()
    rnd, known, cse = random.Random(args.seed), codes(), Cse(sets=["log.level=error", "notify.allowed_prefixes=127.0.0.0/8"])
    try:
        cse.start(wait=60)
        for name in AES:
            cse.issue(name, "--ae", name, "--life", "1d")
            register(cse.client(name), name)
        # Two that take everything, one that refuses, one that breaks off.
        sinks = {name: Sink(cse, name, how) for name, how in zip(AES, [2000, 2000, 4005, "close"])}
        for name in AES:
            must(cse.client(name).put("/cse-in/" + name, {"m2m:ae": {"poa": [sinks[name].url()]}}), 2004, "poa of " + name)
        until = time.monotonic() + args.seconds
        storm = [Storm(cse, i, random.Random(rnd.random()), until, known) for i in range(args.clients)]
        for s in storm:
            s.poa = sinks[s.name].url()
            s.start()
        trouble(cse, rnd, until)
        for s in storm:
            s.join(60)
        bad = [s.bad for s in storm if s.bad] + ["a client hangs" for s in storm if s.is_alive()]
        assert not bad, bad[0]
        assert cse.proc.poll() is None, "trothd ended with %d" % cse.proc.returncode
        looked = 0
        for name in AES:
            client = cse.client(name)
            for n in range(4):
                looked += verify_settled(client, "/cse-in/%s/n%d" % (name, n))
            client.close()
        told = sum(s.got.qsize() for s in sinks.values())
        for s in sinks.values():
            while not s.got.empty():
                body = s.got.get()[2]
                assert set(body) <= {"m2m:sgn", "m2m:agn"}, "a notification that is none: %r" % body
                for n in [body["m2m:sgn"]] if "m2m:sgn" in body else body["m2m:agn"]["m2m:sgn"]:
                    assert n["sur"] and ("nev" in n or "vrq" in n or "sud" in n), "half a notification: %r" % n
        status = cse.stop()
        assert status == 0, "trothd ended with %d" % status
    except Exception as e:
        print("seed %d: %s: %s" % (args.seed, type(e).__name__, e))
        print(cse.log_tail(12000))
        return 1
    finally:
        cse.clean()
    total = {}
    for s in storm:
        for k, v in s.codes.items():
            total[k] = total.get(k, 0) + v
    print(" ".join("%d:%d" % kv for kv in sorted(total.items())))
    assert total.get(2001, 0) > 100 and total.get(2000, 0) > 100, "too little came through: the test tested nothing"
    assert told > 50, "%d notifications are too few" % told
    print("%d notifications" % told)
    print("%d answers well formed, %d connections cut, %d containers counted right (seed %d)" % (
        sum(s.done for s in storm), sum(s.cut for s in storm), looked, args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
