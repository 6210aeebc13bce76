#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Targets of notifications that refuse, hang, close, talk nonsense, redirect, show another's certificate, are revoked, or are no
targets at all, against a real trothd: nothing reaches who may not be reached, who waits learns nothing of the cause (same answer,
same delay), and what may come does come once the target is well again."""
import argparse
import os
import queue
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, free_port, must, register  # noqa: E402
from sink import Sink  # noqa: E402

TIMEOUT = 1.5  # notify.timeout
SETS = ["notify.timeout=%dms" % (TIMEOUT * 1000), "notify.max_pause=1s", "notify.allowed_prefixes=127.0.0.0/8", "log.level=warn",
        "https.max_body=8M"]


class Bystander:
    """A service on loopback that counts who connects, and the bytes that come."""

    def __init__(self, address="127.0.0.1"):
        self.s = socket.socket()
        self.s.bind((address, 0))
        self.s.listen(16)
        self.port, self.connects, self.data = self.s.getsockname()[1], 0, b""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.connects += 1
            c.settimeout(3)
            try:
                self.data += c.recv(4096)
            except OSError:
                pass
            c.close()


def setup(cse):
    cse.issue("CAdmin", "--ae", "CAdmin", "--kind", "admin")
    for name in ("CPub", "CSub", "CThief"):
        cse.issue(name, "--ae", name)
    pub, sub = cse.client("CPub"), cse.client("CSub")
    register(pub, "CPub")
    acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": [{"acor": ["CPub", "CSub"], "acop": 63}]},
                       "pvs": {"acr": [{"acor": ["CPub"], "acop": 63}]}}}
    ri = must(pub.create("/cse-in/CPub", 1, acp), 2001, "the policy").json()["m2m:acp"]["ri"]
    must(pub.create("/cse-in/CPub", 3, {"m2m:cnt": {"rn": "box", "acpi": [ri]}}), 2001, "the container")
    return pub, sub


def notify(sub, poa):
    """The subscriber's AE at that point of access, and a NOTIFY to it: (response status code, seconds, content)."""
    must(sub.put("/cse-in/CSub", {"m2m:ae": {"poa": [poa]}}), 2004, "the point of access")
    t = time.monotonic()
    a = sub.request("POST", "/cse-in/CSub", {"m2m:sgn": {"sur": "cse-in/x", "nev": {"rep": {"m2m:cnt": {"mni": 1}}, "net": 1}}},
                    headers={"Content-Type": "application/json"})
    return a.rsc, time.monotonic() - t, a.body


def causes(cse, sub, sink):
    """Every way not to be reached looks the same."""
    answers = {}
    for how in ("hang", "close", "garbage", "redirect", "plain"):
        sink.how = how
        answers[how] = notify(sub, sink.url())
        sink.take()
        sink.drop()
        time.sleep(1.1)
    sink.how = 2000
    thief = Sink(cse, "CThief")
    answers["another's certificate"] = notify(sub, thief.url())
    thief.none()
    thief.end()
    answers["nobody listens"] = notify(sub, "https://127.0.0.1:%d/x" % free_port())
    answers["the CSE itself"] = notify(sub, "https://127.0.0.1:%d/cse-in" % cse.port)
    by = Bystander()
    answers["no TLS"] = notify(sub, "https://127.0.0.1:%d/" % by.port)
    assert b"m2m" not in by.data and b"POST" not in by.data, "content before a proof: %r" % by.data
    answers["no such name"] = notify(sub, "https://no-such-host.invalid/x")
    answers["an address of nobody"] = notify(sub, "https://0.0.0.0:%d/x" % cse.port)
    return answers


def same(answers, what):
    slow = {k: v for k, v in answers.items() if v[0] != 5103 or not TIMEOUT - 0.05 <= v[1] <= TIMEOUT + 0.6}
    bodies = {v[2] for v in answers.values()}
    assert not slow and len(bodies) == 1, "%s: %s %s" % (what, slow, bodies)
    return "%s: %d causes, one answer, %.2f to %.2f s" % (what, len(answers), min(v[1] for v in answers.values()),
                                                       max(v[1] for v in answers.values()))


def not_listed(cse, sub):
    """Loopback, link-local and own addresses are not connected to unless the operator lists them."""
    by, answers = Bystander(), {}
    for host in ("127.0.0.1", "localhost", "[::1]"):
        answers[host] = notify(sub, "https://%s:%d/" % (host, by.port))
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        own.connect(("192.0.2.1", 9))
        mine = own.getsockname()[0]
        here = Bystander(mine)
        answers["own address"] = notify(sub, "https://%s:%d/" % (mine, here.port))
        assert here.connects == 0, "an own address was connected to"
    except OSError:
        pass
    own.close()
    answers["link-local"] = notify(sub, "https://169.254.169.254/latest/meta-data")
    answers["the CSE itself"] = notify(sub, "https://127.0.0.1:%d/cse-in" % cse.port)
    assert by.connects == 0, "a loopback service was connected to"
    return answers


def subscribe(cse, sub, rn, nu):
    return must(sub.create("/cse-in/CPub/box", 23, {"m2m:sub": {"rn": rn, "nu": nu, "enc": {"net": [3]}}}), 2001, "a subscription")


def con(notification):
    return notification[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"]


def wait_for(sink, value, seconds=15):
    """That one comes; what was tried before may come twice."""
    end = time.monotonic() + seconds
    while con(sink.take(max(0.1, end - time.monotonic()))) != value:
        pass


def never(sink, value, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            assert con(sink.take(max(0.01, end - time.monotonic()))) != value, "%s was told" % value
        except queue.Empty:
            return


def put(pub, value):
    must(pub.create("/cse-in/CPub/box", 4, {"m2m:cin": {"con": value}}), 2001, "an instance")


def queues(cse, pub, sub, sink):
    """What could not be delivered comes when the target is well again; a failing target hears of us about once a second."""
    must(sub.put("/cse-in/CSub", {"m2m:ae": {"poa": [sink.url()]}}), 2004, "the point of access")
    subscribe(cse, sub, "sub", ["CSub"])
    put(pub, "first")
    path, headers, _ = got = sink.take()
    assert con(got) == "first" and path == "/CSub" and headers["x-m2m-origin"] == "/id-in" and headers["x-m2m-rvi"] == "3", got
    told = []
    for how in ("refuse", "close", "garbage", "hang"):
        while not sink.got.empty():
            sink.take()
        if how == "refuse":
            sink.refuse()
        else:
            sink.how = how
        before = sink.connects
        values = ["%s-%d" % (how, i) for i in range(20)]
        for v in values:
            put(pub, v)
        time.sleep(3)
        tries = max(sink.connects - before, sink.got.qsize())
        assert tries > 0 or how == "refuse", "it is not tried again"
        # as many as it has connections when it begins to fail, then one a second
        assert tries <= 12, "%d attempts in 3 s while it does %s" % (tries, how)
        if how == "refuse":
            sink.listen()
        sink.drop()
        while not sink.got.empty():
            sink.take()
        sink.how = 2000
        have, end = set(), time.monotonic() + 15
        while len(have) < len(values) and time.monotonic() < end:
            # what was told before may come again, when its answer was lost with the connection
            have |= {con(sink.take(15))} & set(values)
        assert have == set(values), "after %s: %s" % (how, sorted(have))
        told.append("%s %d" % (how, tries))
    while not sink.got.empty():
        sink.take()
    return "20 of 20 after each of: %s (attempts in 3 s)" % ", ".join(told)


class Early(Sink):
    """Answers its first request when it has read the head, keeps the connection, and reads no more."""

    def __init__(self, cse, name):
        self.early = True
        super().__init__(cse, name)

    def bind(self, s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        super().bind(s)

    def one(self, s, f):
        if not self.early:
            return super().one(s, f)
        self.early = False
        head = list(iter(lambda: f.readline(8192).strip(), b""))
        ri = next(h for h in head if h.lower().startswith(b"x-m2m-ri:"))
        s.sendall(b"HTTP/1.1 200 \r\nX-M2M-RSC: 2000\r\n" + ri + b"\r\nX-M2M-RVI: 3\r\nContent-Length: 0\r\n\r\n")
        self.hanging.wait()
        return False


def early(cse, sub):
    """Whose answer comes before the request has left it is not sent another one behind the rest of the first."""
    sink = Early(cse, "CSub")
    must(sub.put("/cse-in/CSub", {"m2m:ae": {"poa": [sink.url()]}}), 2004, "the point of access")
    for size in (6000000, 10, 100000):
        body = {"m2m:sgn": {"sur": "cse-in/x", "nev": {"rep": {"m2m:cin": {"con": "x" * size}}, "net": 3}}}
        a = sub.request("POST", "/cse-in/CSub", body, headers={"Content-Type": "application/json"})
        must(a, 2000, "a notification of %d bytes" % size)
        if size < 6000000:
            assert len(con(sink.take())) == size
    assert sink.connects == 2, "%d connections" % sink.connects
    sink.end()
    return "an answer before its request has left: the next request has a connection of its own"


def changed(cse, pub, sub, sink):
    """A target that shows another credential is not told any more; nor is one that is revoked."""
    sink.use("CThief")
    sink.drop()
    time.sleep(0.2)
    put(pub, "for CSub only")
    never(sink, "for CSub only", 2.5)
    sink.use("CSub")
    wait_for(sink, "for CSub only")
    put(pub, "again")
    wait_for(sink, "again")
    sink.how = "hang"
    put(pub, "hangs")
    wait_for(sink, "hangs")
    for i in range(40):
        put(pub, "queued %d" % i)
    ids = [line.split()[0] for line in cse.trothctl("credential", "list").stdout.splitlines() if "CSub" in line]
    cse.trothctl("credential", "revoke", ids[0])
    sink.hanging.set()
    sink.how = 2000
    # What left before the revocation may still be read; a queue that went on would try at least once a second.
    time.sleep(2)
    while not sink.got.empty():
        sink.take()
    put(pub, "for nobody")
    sink.none(4)
    return "silent for another's certificate and after a revocation"


def listed(cse, port):
    """A listed target is known by the name in its certificate, which outlives the credential: not its revocation."""
    pub, sub = setup(cse)
    register(sub, "CSub")
    cse.issue("CHook", "--ae", "CHook")
    sink = Sink(cse, "CHook", port=port)
    subscribe(cse, sub, "hook", [sink.url()])
    put(pub, "for the hook")
    wait_for(sink, "for the hook")
    ids = [line.split()[0] for line in cse.trothctl("credential", "list").stdout.splitlines() if "CHook" in line]
    cse.trothctl("credential", "revoke", ids[0])
    for drop in (False, True):
        if drop:
            sink.drop()
            time.sleep(0.2)
        put(pub, "for nobody")
        sink.none(3)
    sink.end()
    return "a listed target is told, and nothing more when its credential is revoked"


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    with Cse(sets=SETS) as cse:
        cse.start()
        pub, sub = setup(cse)
        sink = Sink(cse, "CSub")
        register(sub, "CSub")
        sink_url = sink.url()
        rsc, took, _ = notify(sub, sink_url)
        assert rsc == 2000 and took < 1, (rsc, took)
        sink.take()
        print(same(causes(cse, sub, sink), "not reached"), flush=True)
        print(queues(cse, pub, sub, sink), flush=True)
        print(early(cse, sub), flush=True)
        must(sub.put("/cse-in/CSub", {"m2m:ae": {"poa": [sink.url()]}}), 2004, "the point of access")
        print(changed(cse, pub, sub, sink), flush=True)
        sink.end()
        assert cse.stop() == 0
    with Cse(sets=[s for s in SETS if "prefixes" not in s]) as cse:
        cse.start()
        _, sub = setup(cse)
        register(sub, "CSub")
        print(same(not_listed(cse, sub), "not listed"), flush=True)
        assert cse.stop() == 0
    port = free_port()
    with Cse(sets=SETS + ["notify.allowed_targets=https://127.0.0.1:%d CHook" % port]) as cse:
        cse.start()
        print(listed(cse, port), flush=True)
        assert cse.stop() == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
