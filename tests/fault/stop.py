#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM at random moments under everything at once: trothd ends with status 0 each time, and no acknowledged write is lost.

stop.py [--seconds S] [--clients N] [--seed N]: storms of requests, subscriptions and groups (storm.py), notifications to targets that
die and are looked up by name, devices that enrol, renew, are revoked, an agent that is killed, keys and certificates that are replaced,
reloads.  Every other end is held up at random moments of its own for longer than any period of a timer, so that whatever may still
fire does."""
import argparse
import http.client
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import est  # noqa: E402
from agent import Agent  # noqa: E402
from cse import Cse, must, register, until  # noqa: E402
from sink import Sink  # noqa: E402
from storm import AES, GONE, Storm, codes  # noqa: E402

HELD = 1.1  # longer than what trothd does once a second
LONGEST = 60
SETS = ["log.level=error", "notify.allowed_prefixes=127.0.0.0/8", "notify.timeout=300ms", "notify.max_pause=1s", "cse.loops=3"]
ENDED = GONE + (AssertionError, RuntimeError, subprocess.SubprocessError, ValueError, KeyError)


class Part(threading.Thread):
    """Does one thing after another until trothd is gone; what fails then is of no interest."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.over, self.done = act, False, 0

    def run(self):
        while not self.over:
            try:
                self.act(self)
                self.done += 1
            except ENDED:
                time.sleep(0.01)


class Writer(threading.Thread):
    """Creates instances through a way of its own; what was acknowledged is in `acked`."""

    def __init__(self, client, path, first):
        super().__init__(daemon=True)
        self.client, self.path, self.first, self.acked, self.bad = client, path, first, [], None

    def run(self):
        n = self.first
        try:
            while True:
                a = self.client.create(self.path, 4, {"m2m:cin": {"con": "%d" % n}})
                if a.rsc == 2001:
                    self.acked.append(n)
                else:
                    # The agent finds the CSE no more, or has asked again on a new connection with the first question still in hand.
                    self.bad = None if a.rsc in (5103, 4105) else "%d: %r" % (a.rsc, a.body[:200])
                    return
                n += 1
        except GONE:
            pass


class Pump(Agent):
    """As this very user, at its UNIX socket: becoming another user is a matter of the whole process, and others work beside it.  Root is
    served there alone."""

    def __init__(self, cse):
        super().__init__(cse, "CPump", uid=os.geteuid(), notify=False)

    def client(self, **kw):
        return super().client(uid=self.uid, path=self.socket, **kw)

    def start(self, wait=LONGEST):
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(self.args() + ["run"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("troth-agent does not serve: " + self.log(), self.is_served, wait)

    def is_served(self):
        try:
            self.client().connect()
            return True
        except OSError:
            return False


class Stop:
    def __init__(self, cse, rnd, clients):
        self.cse, self.rnd, self.clients, self.serial, self.known = cse, rnd, clients, 0, codes()
        self.shut_out = {}  # devices that are suspended or revoked, as the administrator was told
        self.count = {"ends": 0, "held": 0, "acked": 0, "devices": 0, "calls": 0, "longest": 0.0}

    def setup(self):
        c = self.cse
        c.start(wait=LONGEST)
        for name in AES + ["CKeep"]:
            c.issue(name, "--ae", name, "--life", "1d")
            register(c.client(name), name)
        # As looked up by a worker: the name of this machine.
        self.sinks = {name: Sink(c, name, how) for name, how in zip(AES, [2000, "close", 4005, "hang"])}
        self.poa = {name: s.url().replace("127.0.0.1", "localhost") for name, s in self.sinks.items()}
        for name in AES:
            must(c.client(name).put("/cse-in/" + name, {"m2m:ae": {"poa": [self.poa[name]]}}), 2004, "poa of " + name)
        keep = c.client("CKeep")
        must(keep.create("/cse-in/CKeep", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
        self.agent = Pump(c)
        self.agent.enrol()
        self.agent.start()
        pump = self.agent.client()
        register(pump, "CPump")
        must(pump.create("/cse-in/CPump", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
        pump.close()

    # --- parts of the load ---

    def enrol(self, part):
        """A device from its code to its end."""
        self.serial += 1
        name = "CNew%d" % self.serial
        device = est.add(self.cse, name, aeIds=[name])
        a = est.get(self.cse, name, "simpleenroll", code=device["code"])
        if a.status == "200":
            self.count["devices"] += 1
            est.renew(self.cse, name, name)
            how, state = self.rnd.choice([("suspend", "suspended"), ("revoke", "revoked")])
            est.admin(self.cse, "POST", "/v1/devices/%s/%s" % (name, how), {}, 200)
            self.shut_out[name] = state

    def administer(self, part):
        path = self.rnd.choice(["/v1/keys/rotate", "/v1/server/rotate", "/v1/ca/rotate", "/v1/events/verify", "/v1/store/check", "/v1/reload",
                                "/v1/clock/accept"])
        est.admin(self.cse, "POST", path, {} if path == "/v1/ca/rotate" else None)
        self.count["calls"] += 1

    def watch(self, part):
        est.admin(self.cse, "GET", self.rnd.choice(["/metrics", "/v1/status", "/v1/events?from=0", "/v1/credentials", "/v1/tree"]), raw=True)
        self.count["calls"] += 1

    def trouble(self, part):
        """One that sends storms is shut out and let in, and targets change their ways."""
        which = self.cse.credential(AES[-1])
        est.admin(self.cse, "POST", "/v1/credentials/%s/suspend" % which, {})
        sink = self.sinks[self.rnd.choice(AES)]
        sink.how = self.rnd.choice([2000, 2000, 4005, "close", "hang"])
        sink.drop()
        self.cse.proc.send_signal(signal.SIGHUP)
        time.sleep(self.rnd.uniform(0, 0.1))
        est.admin(self.cse, "POST", "/v1/credentials/%s/resume" % which, {})

    def renew(self, part):
        self.agent.command("renew", check=False)
        time.sleep(self.rnd.uniform(0, 0.1))

    # --- one end ---

    def begin(self):
        first = self.count["ends"] * 1000000
        end = time.monotonic() + 2 * LONGEST
        self.writers = [Writer(self.cse.client("CKeep"), "/cse-in/CKeep/box", first + i * 100000) for i in range(2)]
        self.writers.append(Writer(self.agent.client(), "/cse-in/CPump/box", first))
        self.storms = [Storm(self.cse, i, random.Random(self.rnd.random()), end, self.known) for i in range(self.clients)]
        for s in self.storms:
            s.poa = self.poa[s.name]
        self.parts = [Part(f) for f in (self.enrol, self.administer, self.watch, self.trouble, self.renew)]
        for t in self.writers + self.storms + self.parts:
            t.start()

    def end(self, held):
        roll = self.rnd.random()
        if roll < 0.3:
            self.agent.proc.kill()
            self.agent.proc.wait()
        elif roll < 0.5:
            assert self.agent.stop() == 0, self.agent.log()
        for p in self.parts:
            p.over = True
        proc, began = self.cse.proc, time.monotonic()
        proc.send_signal(signal.SIGTERM)
        for _ in range(held):
            time.sleep(self.rnd.choice([0.004, 0.02, 0.1]) * self.rnd.random())
            if proc.poll() is not None:
                break
            proc.send_signal(signal.SIGSTOP)
            time.sleep(HELD)
            proc.send_signal(signal.SIGCONT)
            began += HELD
            self.count["held"] += 1
        status = self.cse.stop(LONGEST)
        assert status == 0, "trothd ended with %d" % status
        self.count["longest"] = max(self.count["longest"], time.monotonic() - began)
        self.count["ends"] += 1
        for s in self.storms:
            s.until = 0
        for t in self.writers + self.storms + self.parts:
            t.join(LONGEST)
            assert not t.is_alive(), "a client hangs"
        bad = [t.bad for t in self.writers + self.storms if t.bad]
        assert not bad, bad[0]

    def verify(self):
        """What was acknowledged is there; once, where nobody asks again by himself as an agent does."""
        for where, writers in (("CKeep", self.writers[:2]), ("CPump", self.writers[2:])):
            acked = [n for w in writers for n in w.acked]
            client = self.cse.client("CKeep") if where == "CKeep" else self.agent.client()
            path, have, offset = "/cse-in/%s/box" % where, [], 1
            while len(have) == offset - 1:
                a = must(client.get("%s?rcn=8&lim=5000&ofst=%d" % (path, offset)), 2000, "the instances")
                have += [int(c["con"]) for c in a.json()["m2m:cnt"].get("m2m:cin", [])] if a.body else []
                offset += 5000
            lost = set(acked) - set(have)
            assert not lost, "%d of %d acknowledged instances are lost" % (len(lost), len(acked))
            assert where != "CKeep" or len(have) == len(set(have)), "an instance is stored twice"
            must(client.delete(path), 2002, "a delete")
            must(client.create("/cse-in/" + where, 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
            client.close()
            self.count["acked"] += len(acked)
        now = {d["name"]: d["state"] for d in est.admin(self.cse, "GET", "/v1/devices", status=200) if d["name"] in self.shut_out}
        assert now == self.shut_out, "a device is let in again: %r, not %r" % (now, self.shut_out)

    def again(self):
        self.cse.start(wait=LONGEST)
        if self.agent.proc.poll() is not None:
            self.agent.start()
        client = self.agent.client()
        until("the agent does not find the CSE again", lambda: client.get("/cse-in/CPump/box").rsc == 2000, LONGEST)
        client.close()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seconds", type=float, default=12)
    ap.add_argument("--clients", type=int, default=8)
    ap.add_argument("--seed", type=int, default=int(time.time()))
    args = ap.parse_args()
    est.make_client()
    rnd = random.Random(args.seed)
    s = Stop(Cse(sets=SETS), rnd, args.clients)
    try:
        s.setup()
        end = time.monotonic() + args.seconds
        while time.monotonic() < end or s.count["ends"] < 4:
            s.begin()
            time.sleep(min(1.5, 0.02 + rnd.expovariate(4)))
            s.end(rnd.randrange(1, 4) if s.count["ends"] % 2 else 0)
            s.again()
            s.verify()
        assert s.agent.stop() == 0, s.agent.log()
        assert s.cse.stop() == 0
    except Exception as e:
        print("end %d, seed %d: %s: %s" % (s.count["ends"] + 1, args.seed, type(e).__name__, e))
        print(s.cse.log_tail(6000))
        return 1
    finally:
        if hasattr(s, "agent"):
            s.agent.clean()
        s.cse.clean()
    k = s.count
    assert k["acked"] > 0 and k["devices"] > 0 and k["calls"] > 0, "too little came through: the test tested nothing: %r" % k
    print("%d ends with status 0, held up %d times, the longest took %.2f s; %d writes acknowledged, none lost; %d devices, %d calls of the administrator (seed %d)"
          % (k["ends"], k["held"], k["longest"], k["acked"], k["devices"], k["calls"], args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
