#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A flood of strangers from many addresses: at most one row a second and prefix; at the table's bound newcomers without proof are
turned away while those who proved something go on and are recorded."""
import argparse
import http.client
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402


def knock(c, source):
    """True: somebody listened to it."""
    with socket.socket() as s:
        s.settimeout(10)
        s.bind((source, 0))
        try:
            s.connect(("127.0.0.1", c.port))
            s.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")  # a ClientHello of one byte: answered by an alert
            return s.recv(64) != b""
        except OSError:
            return False


def rows_of(c):
    return [r for r in c.events("EV_NO_CREDENTIAL")]


def counted(c):
    """One prefix: as many rows as seconds, whatever comes; the count is whole."""
    begin = time.monotonic()
    n = 0
    while time.monotonic() - begin < 2:
        for _ in range(50):
            knock(c, "127.0.0.%d" % (2 + n % 200))
            n += 1
    took = time.monotonic() - begin
    # What was held back is written when its second is over.
    end = time.monotonic() + 10
    while sum(r["n"] for r in rows_of(c)) < n and time.monotonic() < end:
        time.sleep(0.1)
    rows = rows_of(c)
    assert sum(r["n"] for r in rows) == n, (sum(r["n"] for r in rows), n)
    assert len(rows) <= took + 3, "%d rows for %d tries in %.1f s" % (len(rows), n, took)
    assert len({r["source"] for r in rows}) == 1, "one prefix, several sources"
    return n, len(rows)


def prefixes(c, n):
    """Many prefixes: each is told apart; when there are too many, the rest is counted together."""
    before = len(rows_of(c))
    begin = time.monotonic()
    for i in range(n):
        knock(c, "127.%d.%d.9" % (1 + i // 250, i % 250))
    took = time.monotonic() - begin
    rows = len(rows_of(c)) - before
    assert rows <= 130 * (took + 2), "%d rows for %d prefixes in %.1f s" % (rows, n, took)
    return rows


def told_apart(c, dev, n):
    """In the middle of the flood a device is refused: its row names it."""
    for i in range(n):
        knock(c, "127.%d.%d.8" % (60 + i // 250, i % 250))
        if i == n // 2:
            must(dev.delete("/cse-in"), 4005, "not possible")
            must(dev.get("/cse-in/pol"), 4103, "refused")
    rows = [r for r in c.events("EV_DENIED") if r.get("credential") == c.credential("CDev1")]
    assert rows, "the flood of strangers took the row of a device"


def act(c, zone, stop):
    """The administrator opens and closes a conduit, each an event."""
    conn = http.client.HTTPConnection("localhost", timeout=30)
    conn.sock = socket.socket(socket.AF_UNIX)
    conn.sock.connect(os.path.join(c.state, "admin.sock"))
    i = 0
    while not stop.is_set():
        conn.request("POST", "/v1/conduits/65000-%d/%s" % (zone, "close" if i % 2 else "open"))
        r = conn.getresponse()
        r.read()
        assert r.status == 200, r.status
        i += 1
    conn.close()


def fill(c):
    """The administrator's own acts fill the table: strangers could, too, in hours."""
    stop = threading.Event()
    for z in range(65000, 65009):
        c.trothctl("zone", "make", str(z))
    threads = [threading.Thread(target=act, args=(c, z, stop)) for z in range(65001, 65009)]
    for t in threads:
        t.start()
    end = time.monotonic() + 120
    while knock(c, "127.200.0.1") and time.monotonic() < end:
        time.sleep(0.05)
    stop.set()
    for t in threads:
        t.join()
    assert not knock(c, "127.200.0.1"), "the table never became full"


def full(c, dev):
    """The bound is reached: strangers are not even listened to; who is in goes on and is recorded."""
    must(dev.get("/cse-in/CDev1"), 2000, "before")
    fill(c)
    before = len(c.events())
    for i in range(200):
        assert not knock(c, "127.%d.%d.7" % (100 + i // 250, i % 250)), "a stranger was listened to"
    must(dev.get("/cse-in/CDev1"), 2000, "who was there before")
    must(dev.get("/cse-in/pol"), 4103, "refused")
    time.sleep(1.1)
    rows = c.events()
    assert not [r for r in rows[before:] if r["event"] == "EV_NO_CREDENTIAL"], "a stranger got a row"
    assert [r for r in rows[before:] if r["event"] == "EV_DENIED"], "a device got none"
    assert "whole" in c.trothctl("events", "verify").stdout
    return len(rows)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--prefixes", type=int, default=1500)
    args = ap.parse_args()
    with Cse(sets=["security.max_event_bytes=1M"]) as c:
        c.start()
        c.issue("CDev1", "--ae", "CDev1")
        dev = c.client("CDev1")
        register(dev, "CDev1")
        c.issue("CAdmin", "--kind", "admin", "--ae", "CAdmin")
        acp = {"m2m:acp": {"rn": "pol", "pv": {"acr": []}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
        must(c.client("CAdmin").create("/cse-in", 1, acp), 2001, "what nobody else may read")
        n, rows = counted(c)
        many = prefixes(c, args.prefixes)
        told_apart(c, dev, 400)
        last = full(c, dev)
        assert c.stop() == 0
        print("%d knocks of one prefix: %d rows; %d prefixes: %d rows; full at %d rows" % (n, rows, args.prefixes, many, last))


if __name__ == "__main__":
    main()
