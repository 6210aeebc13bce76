#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renewals while unmodified clients work through agents: server's certificate, issuing CA, data key, the devices' own
certificates.  No request of a client fails, a notification still arrives, and an agent that was away through all of it comes
back by itself."""
import http.client
import multiprocessing
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent, Listener  # noqa: E402
from cse import Cse, must, register  # noqa: E402

passed = 0


def ok(what):
    global passed
    passed += 1
    print("ok      " + what)


def work(agent, keep, stop, out):
    """A process of the agent's user: one connection for all requests, or one for each."""
    if os.geteuid() == 0:
        os.setresgid(agent.uid, agent.uid, agent.uid)
        os.setresuid(agent.uid, agent.uid, agent.uid)
    k, n, failures = agent.client(uid=0), 0, []  # uid 0: as whom we are
    k.serial = os.getpid() * 100000  # no request identifier of another
    while not stop.is_set():
        n += 1
        try:
            a = k.create("/cse-in/%s/cnt" % agent.name, 4, {"m2m:cin": {"con": "%d" % n}})
            if a.rsc != 2001:
                failures.append("%d %d %s" % (a.status, a.rsc, a.body[:200]))
        except (OSError, http.client.HTTPException) as e:
            failures.append(repr(e))
            k.close()
        if not keep:
            k.close()
        time.sleep(0.005)
    k.close()
    out.put((n, failures))


class Load:
    """Local clients: two that keep their connection, one that makes a new one for each request."""

    def __init__(self, agent):
        self.answered, self.failures, self.stop, self.out = 0, [], multiprocessing.Event(), multiprocessing.Queue()
        self.clients = [multiprocessing.Process(target=work, args=(agent, keep, self.stop, self.out)) for keep in (True, True, False)]
        for p in self.clients:
            p.start()

    def end(self):
        self.stop.set()
        for _ in self.clients:
            n, failures = self.out.get(timeout=60)
            self.answered += n
            self.failures += failures
        for p in self.clients:
            p.join()


def renew(c, path, body=None):
    status, answer = c.admin("POST", path, body)
    assert status == 200, (path, answer)


def comes_back(agent, path):
    """The agent asks for the list of issuing CAs first, and says so to whom it cannot serve meanwhile."""
    end = time.monotonic() + 10
    while True:
        k = agent.client()
        a = k.get(path)
        k.close()
        if a.rsc == 2000:
            return
        assert b"does not know yet" in a.body and time.monotonic() < end, a.body
        time.sleep(0.1)


def in_hand(pump, away):
    """A request that takes longer than a change of certificates is answered, not asked for a second time while it is carried out."""
    k = away.client()
    must(k.create("/cse-in/CAway", 15, {"m2m:pch": {"rn": "ch"}}), 2001, "a channel that nobody polls")
    rights = {"acr": [{"acor": ["CAway"], "acop": 63}, {"acor": ["CPump"], "acop": 16}]}
    must(k.create("/cse-in/CAway", 1, {"m2m:acp": {"rn": "p", "pv": rights, "pvs": rights}}), 2001, "policy")
    must(k.put("/cse-in/CAway", {"m2m:ae": {"acpi": ["cse-in/CAway/p"]}}), 2004, "the channel's AE")
    k.close()
    k, other, answers = pump.client(timeout=40), pump.client(), []
    sub = {"m2m:sub": {"rn": "asks", "nu": ["CAway"], "enc": {"net": [3]}}}
    t = threading.Thread(target=lambda: answers.append(k.create("/cse-in/CPump/cnt", 23, sub)))
    t.start()
    time.sleep(0.5)
    pump.command("renew")
    must(other.get("/cse-in/CPump/cnt"), 2000, "another request meanwhile")
    assert not answers, "it took no time"
    t.join()
    must(answers[0], 5204, "nobody agreed to the subscription in time")
    for client in (k, other):
        client.close()
    ok("what is in hand while the certificate changes is answered")


def main():
    c = Cse(sets=["notify.allowed_prefixes=127.0.0.0/8"])
    agents = []
    try:
        c.start()
        for name in ("CPump", "CAway"):
            a = Agent(c, name)
            agents.append(a)
            a.enrol()
            a.start()
            k = a.client()
            register(k, name)
            must(k.create("/cse-in/" + name, 3, {"m2m:cnt": {"rn": "cnt", "mni": 1000}}), 2001, "container")
            k.close()
        pump, away = agents
        away.stop()
        load = Load(pump)
        time.sleep(1)
        for _ in range(2):
            for path in ("/v1/server/rotate", "/v1/ca/rotate", "/v1/keys/rotate", "/v1/server/rotate"):
                renew(c, path)
                time.sleep(0.4)
            pump.command("renew")
        time.sleep(1)
        load.end()
        assert load.answered > 100 and not load.failures, "%d: %s\n%s" % (load.answered, load.failures[:3], pump.log(20000))
        ok("ten renewals, %d requests through the agent, none failed" % load.answered)
        away.start()
        comes_back(away, "/cse-in/CAway/cnt")
        ok("an agent that was away meets the next but one issuing CA and goes on")
        pump.stop()
        pump.start()
        comes_back(pump, "/cse-in/CPump/cnt/la")
        ok("an agent that is started again, too")
        in_hand(pump, away)
        sink = Listener()
        k = pump.client()
        must(k.put("/cse-in/CPump", {"m2m:ae": {"poa": [sink.url("/in")], "rr": True}}), 2004, "the point of access")
        sub = {"m2m:sub": {"rn": "sub", "nu": ["CPump"], "enc": {"net": [3]}, "nct": 1}}
        must(k.create("/cse-in/CPump/cnt", 23, sub), 2001, "subscription")
        renew(c, "/v1/ca/rotate")
        renew(c, "/v1/server/rotate")
        must(k.create("/cse-in/CPump/cnt", 4, {"m2m:cin": {"con": "told"}}), 2001, "an instance")
        path, _, body = sink.take(timeout=40)
        assert path == "/in" and body["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "told", body
        ok("a notification of the server with its next certificate arrives")
        sink.end()
        assert c.stop() == 0, "trothd did not end well"
    finally:
        for a in agents:
            a.clean()
        c.clean()
    print("%d passed, 0 failed" % passed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
