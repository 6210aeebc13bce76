#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-ends: how soon sessions end.  revoke: among 10,000 live ones the sessions of one credential (one, a hundred), and all;
lockout: from a lie to the end of the liar's connections and his refusal.  One JSON object a line, as bench.py writes them."""
import argparse
import http.client
import math
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bars import LIFE, Bars, cpu_s  # noqa: E402
from cse import BUILD, Cse, must, register  # noqa: E402


class Admin:
    """The administrator's socket, kept open."""

    def __init__(self, cse):
        self.conn = http.client.HTTPConnection("localhost", timeout=60)
        self.conn.sock = socket.socket(socket.AF_UNIX)
        self.conn.sock.connect(os.path.join(cse.state, "admin.sock"))

    def post(self, path):
        self.conn.request("POST", path)
        r = self.conn.getresponse()
        text = r.read()
        assert r.status == 200, (path, r.status, text[:200])


class Held:
    """Sessions of a program beside us, which tells when each ends."""

    def __init__(self, cse, counts):
        args = ["%s:%d" % kv for kv in counts.items()]
        self.proc = subprocess.Popen([os.path.join(BUILD, "bench-hold"), str(cse.port), cse.creds + "/ca.crt", cse.creds] + args,
                                     stdout=subprocess.PIPE, text=True)
        self.ready, self.ended = threading.Event(), queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        assert self.ready.wait(300), "the sessions never opened"

    def read(self):
        for line in self.proc.stdout:
            name, value = line.split()
            if name == "ready":
                self.ready.set()
            else:
                self.ended.put((name, int(value) / 1e9))

    def last_of(self, names, n):
        """When the last of n sessions of those ended, all others being open."""
        last = 0
        for _ in range(n):
            name, at = self.ended.get(timeout=60)
            assert name in names, "%s was closed, too" % name
            last = max(last, at)
        return last

    def end(self):
        self.proc.kill()
        self.proc.wait()


def p(values, part):
    values = sorted(values)
    return values[max(0, math.ceil(part * len(values)) - 1)]


def refused(cse, name):
    """The credential is not let in any more: its next request is refused."""
    try:
        client = cse.client(name, timeout=30)
        return client.get("/cse-in").rsc == 4106
    except (ssl.SSLError, OSError, http.client.HTTPException):
        return True


def ids(cse):
    return {x["names"][0]: x["id"] for x in cse.pages("/v1/credentials")}


def revoke(admin, held, cse, of, n, id_of):
    """Milliseconds from the command to the end of the last session; the next request is refused."""
    begin = time.monotonic()
    admin.post("/v1/credentials/%s/revoke" % id_of[of])
    took = 1000 * (held.last_of({of}, n) - begin)
    assert refused(cse, of), of
    return took


def revoke_all(cse, held, names, n, id_of):
    work = queue.Queue()
    for name in names:
        work.put(name)

    def run():
        admin = Admin(cse)
        while True:
            try:
                admin.post("/v1/credentials/%s/revoke" % id_of[work.get_nowait()])
            except queue.Empty:
                return
    threads = [threading.Thread(target=run) for _ in range(14)]
    begin = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    said = 1000 * (time.monotonic() - begin)
    took = 1000 * (held.last_of(set(names), n) - begin)
    cpu = cpu_s(cse.proc.pid)
    assert all(refused(cse, name) for name in names[:10])
    return took, said, cpu


def bench_revoke(b, args):
    singles, hundreds = args.sessions // 50, args.sessions // 2000
    with Cse() as c:
        c.start()
        each = 100
        rest = (args.sessions - singles) // each - hundreds
        counts = {"COne%d" % i: 1 for i in range(singles)}
        counts.update({"CHun%d" % i: each for i in range(hundreds)})
        others = {"CAll%d" % i: each for i in range(rest)}
        for name in list(counts) + list(others):
            c.issue(name, "--ae", name, *LIFE)
        id_of, admin = ids(c), Admin(c)
        held = Held(c, {**counts, **others})
        try:
            one = [revoke(admin, held, c, "COne%d" % i, 1, id_of) for i in range(singles)]
            b.emit("revoke.one", "p99 <= 50 ms", p(one, .99) <= 50, sessions=args.sessions, p50_ms=p(one, .5), p99_ms=p(one, .99))
            hun = [revoke(admin, held, c, "CHun%d" % i, each, id_of) for i in range(hundreds)]
            b.emit("revoke.100", "500 ms", p(hun, .99) <= 500, p50_ms=p(hun, .5), p99_ms=p(hun, .99))
            cpu = cpu_s(c.proc.pid)
            took, said, after = revoke_all(c, held, list(others), sum(others.values()), id_of)
            b.emit("revoke.all", "500 ms", took <= 500, sessions=sum(others.values()), credentials=len(others), ms=took,
                   commands_ms=said, cpu_ms=1000 * (after - cpu))
        finally:
            held.end()
        assert c.stop() == 0


def lie(c, name, held):
    """Milliseconds from the lie: to its answer, to the end of the connection, to that of another of the same credential."""
    client = c.client(name)
    must(client.get("/cse-in/" + name), 2000, "before")
    sock = client.conn.sock
    text = ("GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: CVictim\r\nX-M2M-RI: lie\r\nX-M2M-RVI: 3\r\n\r\n").encode()
    begin = time.monotonic()
    sock.sendall(text)
    got, answered = b"", None
    while True:
        more = sock.recv(65536)
        if not more:
            break
        got += more
        answered = answered or time.monotonic()
    closed = time.monotonic()
    assert b"X-M2M-RSC: 4106" in got, got[:200]
    other = held.last_of({name}, 1)
    assert refused(c, name), name
    return [1000 * (t - begin) for t in (answered, closed, other)]


def bench_lockout(b, args):
    with Cse() as c:
        c.start()
        liars = ["CLiar%d" % i for i in range(args.liars)]
        for name in liars + ["CVictim", "COther"]:
            c.issue(name, "--ae", name, *LIFE)
            if name != "COther":
                register(c.client(name), name)
        counts = {name: 1 for name in liars}
        counts["COther"] = min(args.sessions, 4000) - len(liars)
        held = Held(c, counts)
        try:
            times = [lie(c, name, held) for name in liars]
        finally:
            held.end()
        worst = [max(t) for t in times]
        b.emit("lockout", "10 ms", p(worst, .99) <= 10, liars=len(liars), sessions=sum(counts.values()), p50_ms=p(worst, .5),
               p99_ms=p(worst, .99), answered_ms=p([t[0] for t in times], .5), closed_ms=p([t[1] for t in times], .99),
               others_ms=p([t[2] for t in times], .99))
        assert c.stop() == 0


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--out", default="bench-ends.json")
    ap.add_argument("--sessions", type=int, default=10000)
    ap.add_argument("--liars", type=int, default=100)
    ap.add_argument("groups", nargs="*", default=["lockout", "revoke"])
    args = ap.parse_args()
    b = Bars(args.out)
    for name, fn in (("lockout", bench_lockout), ("revoke", bench_revoke)):
        if name in args.groups:
            fn(b, args)
    print("missed: %d" % b.missed)
    return 1 if b.missed else 0


if __name__ == "__main__":
    sys.exit(main())
