#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-tls: what TLS costs and whether renewals are felt, beside openssl s_server in the same run.

Groups: handshake (full mutual handshakes, CPU beside s_server's), resume (by ticket beside full), rotate (requests that fail while
server key, issuing CA and data key are replaced), memory (10,000 idle connections, an idle trothd).  One JSON object a line, as
bench.py writes them.
"""
import argparse
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bars import LIFE, Bars, cpu_s, rss_anon  # noqa: E402
from cse import BUILD, Cse, free_port, must, register  # noqa: E402


class Bench(Bars):
    def __init__(self, args):
        super().__init__(args.out)
        self.args = args

    def shake(self, cse, port, pid, how, count, threads=4):
        base = os.path.join(cse.creds, "CBench")
        before = cpu_s(pid)
        r = subprocess.run([os.path.join(BUILD, "bench-handshake"), str(port), cse.creds + "/ca.crt", base + ".crt", base + ".key",
                            str(threads), str(count // threads), how], capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError("bench-handshake: %s %s" % (r.stdout, r.stderr))
        d = json.loads(r.stdout)
        d["cpu_us"] = (cpu_s(pid) - before) * 1e6 / d["done"]
        if how == "resume" and d["reused"] != d["done"]:
            raise RuntimeError("not all were resumed: %s" % d)
        return d


class Openssl:
    """s_server with a certificate of the same authority, the same suite, curve and verification, and one ticket, as ours."""

    def __init__(self, cse):
        cse.issue("CServer", "--ae", "CServer", *LIFE)
        base = os.path.join(cse.creds, "CServer")
        self.port = free_port()
        self.proc = subprocess.Popen(
            ["openssl", "s_server", "-accept", str(self.port), "-cert", base + ".crt", "-cert_chain", base + ".crt", "-key",
             base + ".key", "-CAfile", cse.creds + "/ca.crt", "-partial_chain", "-Verify", "2", "-verify_return_error", "-verify_quiet",
             "-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "-groups", "X25519", "-num_tickets", "1", "-no_cache", "-quiet"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.02)

    def end(self):
        self.proc.kill()
        self.proc.wait()


def server(sets=()):
    c = Cse(sets=["https.max_handshakes=20000", "https.connections_per_credential=20000"] + list(sets))
    c.start()
    c.issue("CBench", "--ae", "CBench", *LIFE)
    register(c.client("CBench"), "CBench")
    return c


def bench_handshake(b):
    with server() as c:
        s = Openssl(c)
        pairs = []
        for _ in range(b.args.rounds):
            # s_server takes one connection at a time.
            theirs = b.shake(c, s.port, s.proc.pid, "full", b.args.count, threads=1)
            ours = b.shake(c, c.port, c.proc.pid, "full", b.args.count, threads=1)
            pairs.append((theirs, ours))
        s.end()
        theirs, ours = (statistics.median(p[i]["cpu_us"] for p in pairs) for i in (0, 1))
        ratio = statistics.median(p[1]["cpu_us"] / p[0]["cpu_us"] for p in pairs)
        b.emit("handshake", "CPU <= 1.25 x openssl s_server", ratio <= 1.25, cpu_us=ours, openssl_cpu_us=theirs, ratio=ratio,
               per_s=statistics.median(p[1]["per_s"] for p in pairs))


def bench_resume(b):
    with server() as c:
        pairs = [(b.shake(c, c.port, c.proc.pid, "full", b.args.count), b.shake(c, c.port, c.proc.pid, "resume", b.args.count))
                 for _ in range(b.args.rounds)]
        ratio = statistics.median(p[1]["per_s"] / p[0]["per_s"] for p in pairs)
        b.emit("resume", ">= 2 x full handshakes", ratio >= 2, ratio=ratio, per_s=statistics.median(p[1]["per_s"] for p in pairs),
               full_per_s=statistics.median(p[0]["per_s"] for p in pairs),
               cpu_us=statistics.median(p[1]["cpu_us"] for p in pairs), full_cpu_us=statistics.median(p[0]["cpu_us"] for p in pairs))


def renew(c, what):
    status, text = c.admin("POST", what)
    if status != 200:
        raise RuntimeError("%s: %d %s" % (what, status, text))


def work(c, rate, anew, stop, out):
    """So many requests a second on one connection, or on a new one for each."""
    k = c.client("CBench")
    k.serial = os.getpid() * 1000000  # no request identifier of another
    at, times, failed = time.monotonic(), [], []
    while not stop.is_set():
        at += 1 / rate
        time.sleep(max(0, at - time.monotonic()))
        began = time.monotonic()
        try:
            a = k.create("/cse-in/CBench/cnt", 4, {"m2m:cin": {"con": "x"}})
            if a.rsc != 2001:
                failed.append("%d %s" % (a.rsc, a.body[:80]))
        except (OSError, http.client.HTTPException) as e:
            failed.append(repr(e))
            k.close()
        times.append(time.monotonic() - began)
        if anew:
            k.close()
    out.put((times, failed))


class Steady:
    """Processes that together send `rate` requests a second; one of them makes each connection anew."""

    def __init__(self, c, rate, n=20):
        self.stop, self.out = multiprocessing.Event(), multiprocessing.Queue()
        self.times, self.failed = [], []
        shares = [rate * 0.05] + [rate * 0.95 / (n - 1)] * (n - 1)
        self.clients = [multiprocessing.Process(target=work, args=(c, share, i == 0, self.stop, self.out))
                        for i, share in enumerate(shares)]
        for p in self.clients:
            p.start()

    def end(self):
        self.stop.set()
        for _ in self.clients:
            times, failed = self.out.get(timeout=60)
            self.times += times
            self.failed += failed
        for p in self.clients:
            p.join()


def bench_rotate(b):
    with server() as c:
        must(c.client("CBench").create("/cse-in/CBench", 3, {"m2m:cnt": {"rn": "cnt", "mni": 10000}}), 2001, "the container")
        load = Steady(c, 1000)
        began = time.monotonic()
        n = 0
        while time.monotonic() - began < b.args.seconds:
            for what in ("/v1/server/rotate", "/v1/ca/rotate", "/v1/keys/rotate"):
                renew(c, what)
                n += 1
                time.sleep(0.25)
        load.end()
        seconds = time.monotonic() - began
        load.times.sort()
        b.emit("rotate", "0 failed at 1,000 requests/s", not load.failed and len(load.times) >= 900 * seconds, failed=len(load.failed),
               requests=len(load.times), per_s=len(load.times) / seconds, rotations=n, p99_ms=load.times[int(len(load.times) * 0.99)] * 1e3,
               worst_ms=load.times[-1] * 1e3, first_failure=(load.failed or [""])[0])


def bench_memory(b):
    with server() as c:
        time.sleep(1)
        idle = rss_anon(c.proc.pid)
        b.emit("memory.trothd", "RssAnon of an idle trothd <= 12 MB", idle <= 12e6, bytes=idle)
        base = os.path.join(c.creds, "CBench")
        n = 10000
        before = rss_anon(c.proc.pid)
        p = subprocess.Popen([os.path.join(BUILD, "troth-bench"), "--port", str(c.port), "--ca", c.creds + "/ca.crt", "--cert",
                              base + ".crt", "--key", base + ".key", "--op", "idle", "--connections", str(n), "--warm", "0",
                              "--seconds", "2"], stdout=subprocess.PIPE, text=True)
        top = 0
        while p.poll() is None:
            top = max(top, rss_anon(c.proc.pid))
            time.sleep(0.1)
        held = json.loads(p.stdout.read())["connections"]
        per = (top - before) / max(1, held)
        b.emit("memory.tls", "<= 32 kB each, 10,000 held", per <= 32768 and held == n, bytes=per, connections=held)


GROUPS = {"handshake": bench_handshake, "resume": bench_resume, "rotate": bench_rotate, "memory": bench_memory}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--count", type=int, default=2000, help="handshakes of each round")
    p.add_argument("--seconds", type=float, default=10, help="of rotations under load")
    p.add_argument("--out", default="bench-tls.json")
    p.add_argument("groups", nargs="*", default=list(GROUPS))
    args = p.parse_args()
    b = Bench(args)
    for g in args.groups:
        GROUPS[g](b)
    return 1 if b.missed else 0


if __name__ == "__main__":
    sys.exit(main())
