#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of half-open, trickling, rubbish-sending and never-reading connections against trothd: a client of good will keeps
getting its answers in time, memory and descriptors stay bounded, and afterwards everything is given back."""
import argparse
import os
import random
import resource
import selectors
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

SETS = ["https.handshake_timeout=4s", "https.head_timeout=4s", "https.body_timeout=6s", "https.idle_timeout=10s",
        "https.send_timeout=4s", "https.max_handshakes=1000", "https.max_connections=4000", "log.level=warn"]
GET = (b"GET /cse-in/CGood/box?rcn=4 HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: CGood\r\nX-M2M-RI: s\r\nX-M2M-RVI: 3\r\n\r\n")


def figures(pid):
    with open("/proc/%d/status" % pid) as f:
        rss = next(int(x.split()[1]) for x in f if x.startswith("RssAnon"))
    return rss / 1024, len(os.listdir("/proc/%d/fd" % pid))


class Good(threading.Thread):
    """One request after the other; how long each took."""

    def __init__(self, cse):
        super().__init__(daemon=True)
        self.client, self.times, self.error, self.go = cse.client("CGood"), [], None, True

    def run(self):
        n = 0
        try:
            while self.go:
                begin = time.perf_counter()
                if n % 4:
                    must(self.client.get("/cse-in/CGood"), 2000, "a read")
                else:
                    must(self.client.create("/cse-in/CGood/mine", 4, {"m2m:cin": {"con": n}}), 2001, "a create")
                self.times.append(time.perf_counter() - begin)
                n += 1
                time.sleep(0.005)
        except Exception as e:
            self.error = "request %d: %s: %s" % (n, type(e).__name__, e)


def plain(cse):
    s = socket.socket()
    s.setblocking(False)
    try:
        s.connect(("127.0.0.1", cse.port))
    except BlockingIOError:
        pass
    return s


def secure(cse, rcvbuf=0):
    ctx = ssl.create_default_context(cafile=os.path.join(cse.creds, "ca.crt"))
    base = os.path.join(cse.creds, "CGood")
    ctx.load_cert_chain(base + ".crt", base + ".key")
    s = socket.socket()
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(30)
    s.connect(("127.0.0.1", cse.port))
    s = ctx.wrap_socket(s, server_hostname="localhost")
    s.setblocking(False)
    return s


def trickle(socks, rnd, seconds, bits):
    """Sends a small piece on each now and then; those that the server closed are dropped."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and socks:
        for s in rnd.sample(socks, max(1, len(socks) // 20)):
            try:
                s.send(bits(rnd))
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            except OSError:
                s.close()
                socks.remove(s)
        time.sleep(0.02)


def alive(socks):
    """Those that the server has not closed."""
    sel, n = selectors.DefaultSelector(), len(socks)
    for s in socks:
        if s.fileno() >= 0:
            sel.register(s, selectors.EVENT_READ)
        else:
            n -= 1
    for key, _ in sel.select(0):
        try:
            while key.fileobj.recv(65536):
                pass
            n -= 1
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            n -= 1
    sel.close()
    return n


def attack(cse, args, rnd):
    """Each kind in turn, the ones before still there."""
    silent = [plain(cse) for _ in range(args.silent)]
    time.sleep(1)
    left = alive(silent)
    assert left <= 1000, "%d half-open connections are held, 1000 are allowed" % left
    hello = [plain(cse) for _ in range(args.hello)]
    trickle(hello, rnd, 2, lambda r: b"\x16\x03\x01\x02\x00"[:r.randrange(1, 6)])
    for _ in range(args.rubbish):
        s = plain(cse)
        try:
            s.send(rnd.randbytes(rnd.randrange(1, 2000)))
        except OSError:
            pass
        if rnd.random() < 0.5:
            s.close()
    heads = [secure(cse) for _ in range(args.heads)]
    readers = [secure(cse, 4096) for _ in range(args.readers)]
    for s in readers:
        s.send(GET * 40)
    middle = figures(cse.proc.pid)
    trickle(heads, rnd, 7, lambda r: b"GET /%x" % r.randrange(1 << 30) if r.random() < 0.5 else b"x")
    time.sleep(3)
    left = alive(heads)
    assert left == 0, "%d heads that trickle are still read after their time" % left
    return silent + hello + heads + readers, middle


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--silent", type=int, default=3000)
    ap.add_argument("--hello", type=int, default=500)
    ap.add_argument("--rubbish", type=int, default=1000)
    ap.add_argument("--heads", type=int, default=200)
    ap.add_argument("--readers", type=int, default=60)
    ap.add_argument("--seed", type=int, default=int(time.time()))
    args = ap.parse_args()
    rnd = random.Random(args.seed)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 16384:
        print("skipped: 16384 descriptors are needed, %d are allowed" % hard)
        return 77
    cse = Cse(sets=SETS)
    try:
        cse.start()
        cse.issue("CGood", "--ae", "CGood")
        c = cse.client("CGood")
        register(c, "CGood")
        for name in ("mine", "box"):
            must(c.create("/cse-in/CGood", 3, {"m2m:cnt": {"rn": name, "mni": 1000}}), 2001, name)
        for _ in range(20):
            must(c.create("/cse-in/CGood/box", 4, {"m2m:cin": {"con": "x" * 10000}}), 2001, "filling")
        c.close()
        time.sleep(0.5)
        before = figures(cse.proc.pid)
        good = Good(cse)
        good.start()
        held, middle = attack(cse, args, rnd)
        for s in held:
            s.close()
        good.go = False
        good.join(30)
        good.client.close()
        assert good.error is None, good.error
        time.sleep(3)
        after = figures(cse.proc.pid)
        times = sorted(good.times)
        p50, p99, worst = times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3, times[-1] * 1e3
        print("%d good requests: p50 %.1f ms, p99 %.1f ms, worst %.0f ms; memory %.1f, %.1f, %.1f MB; descriptors %d, %d, %d "
              "(before, during, after); seed %d" % (len(times), p50, p99, worst, before[0], middle[0], after[0], before[1],
                                                    middle[1], after[1], args.seed))
        assert len(times) > 100, "hardly any good request came through"
        assert p99 < 500 and worst < 3000, "good requests wait too long"
        # 32 kB for each connection that may be held, and what the slow readers asked for
        assert middle[0] - before[0] < 4000 * 32 / 1024 + args.readers * 1.5, "memory is not bounded"
        assert after[1] <= before[1] + 2, "descriptors were not given back"
        assert cse.stop() == 0, "trothd did not end well"
    except AssertionError as e:
        print("FAILED: %s (seed %d)\n%s" % (e, args.seed, cse.log_tail(1500)))
        return 1
    finally:
        cse.clean()
    return 0


if __name__ == "__main__":
    sys.exit(main())
