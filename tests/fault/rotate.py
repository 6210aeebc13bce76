#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server's certificate, the issuing CA and the data key are replaced while clients work: no request fails, no connection
ends, certificates of the issuing CA before are accepted until their time, what fails is said and mended by the next try."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

passed = 0


def ok(what):
    global passed
    passed += 1
    print("ok      " + what)


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def admin(c, method, path, body=None):
    k = Unix(os.path.join(c.state, "admin.sock"))
    k.request(method, path, json.dumps(body) if body is not None else None)
    r = k.getresponse()
    text = r.read()
    k.close()
    return r.status, json.loads(text)


def rotations(c):
    status, rows = admin(c, "GET", "/v1/rotations")
    assert status == 200, rows
    return {row["name"]: row for row in rows}


def events(c, name):
    lines = c.trothctl("--json", "events").stdout.splitlines()
    return [e for e in map(json.loads, lines) if e["event"] == name]


def issuers(pem):
    r = subprocess.run(["openssl", "storeutl", "-noout", "-text", "-certs", pem], capture_output=True, text=True, check=True)
    return [line.split("=")[-1].strip() for line in r.stdout.splitlines() if "Issuer:" in line]


def shown(c):
    """The certificate that the server shows to a new connection."""
    k = c.client("CDev1")
    k.connect()
    der = k.conn.sock.getpeercert(True)
    k.close()
    return der


class Load:
    """Two threads: one keeps its connection, one makes a new one for each request."""

    def __init__(self, c):
        self.c, self.stop, self.answered, self.failures = c, False, 0, []
        self.threads = [threading.Thread(target=self.run, args=(keep,)) for keep in (True, False)]
        for t in self.threads:
            t.start()

    def run(self, keep):
        k = self.c.client("CDev1")
        n = 0
        while not self.stop:
            n += 1
            try:
                a = k.create("/cse-in/CDev1/cnt", 4, {"m2m:cin": {"con": "%d" % n}})
                if a.rsc != 2001:
                    self.failures.append("%d %s" % (a.rsc, a.body[:100]))
            except (OSError, http.client.HTTPException) as e:
                self.failures.append(repr(e))
                k.close()
            self.answered += 1
            if not keep:
                k.close()
                time.sleep(0.005)
        k.close()

    def end(self):
        self.stop = True
        for t in self.threads:
            t.join()


def under_load(c):
    load = Load(c)
    before = shown(c)
    for path in ["/v1/server/rotate", "/v1/keys/rotate", "/v1/ca/rotate"] * 3:
        status, answer = admin(c, "POST", path)
        assert status == 200, (path, answer)
        time.sleep(0.2)
    assert shown(c) != before
    load.end()
    assert load.answered > 100 and not load.failures, (load.answered, load.failures[:5])
    ok("nine rotations, %d requests, none failed" % load.answered)
    rows = rotations(c)
    assert [rows[n]["renewed"] for n in ("server-certificate", "data-key", "issuing-ca")] == [3, 3, 3], rows
    assert rows["data-key"]["due"] < rows["data-key"]["until"]
    assert len(events(c, "EV_KEY_ROTATED")) >= 9
    status = json.loads(c.trothctl("--json", "status").stdout)
    assert status["counters"]["troth_rotations_total"] >= 9, status["counters"]
    ok("they are counted and in the log of events")


def both_authorities(c):
    c.issue("CDev2", "--ae", "CDev2")
    a, b = issuers(c.creds + "/CDev1.crt"), issuers(c.creds + "/CDev2.crt")
    assert a[0] != b[0], (a, b)
    for name in ("CDev1", "CDev2"):
        k = c.client(name)
        k.connect()
        assert k.get("/cse-in").status in (200, 403), name
        k.close()
    chain = admin(c, "GET", "/v1/ca")[1]["ca"]
    assert chain.count("BEGIN CERTIFICATE") == 1 + 4, chain.count("BEGIN")
    ok("certificates of the issuing CA before are accepted beside new ones, and clients are told of both")
    c.stop()
    c.start()
    for name in ("CDev1", "CDev2"):
        k = c.client(name)
        assert k.get("/cse-in").status in (200, 403), name
        k.close()
    must(c.client("CDev1").get("/cse-in/CDev1/cnt/la"), 2000, "what was sealed with an older data key")
    ok("also after a restart")


def at_once(c):
    status, answer = admin(c, "POST", "/v1/ca/rotate", {"atOnce": True, "more": 1})
    assert status == 400 and "atOnce" in answer["error"]
    status, answer = admin(c, "POST", "/v1/ca/rotate", {"atOnce": True})
    assert status == 200, answer
    chain = admin(c, "GET", "/v1/ca")[1]["ca"]
    assert chain.count("BEGIN CERTIFICATE") == 1 + 1 + 3, chain.count("BEGIN")  # the last one is gone, those before it stay
    try:
        k = c.client("CDev2")
        k.get("/cse-in")
        raise AssertionError("a certificate of a CA that was let go was accepted")
    except (ssl.SSLError, OSError, http.client.HTTPException):
        pass
    c.issue("CDev3", "--ae", "CDev3")
    assert c.client("CDev3").get("/cse-in").status in (200, 403)
    ok("an issuing CA whose key somebody knows is let go at once")


def failing(c):
    pem = os.path.join(c.state, "ca", "server.pem")
    os.rename(pem, pem + ".kept")
    os.mkdir(pem)
    before = shown(c)
    keep = c.client("CDev1")
    must(keep.get("/cse-in/CDev1/cnt"), 2000, "before")
    status, answer = admin(c, "POST", "/v1/server/rotate")
    assert status == 500 and "server.pem" in answer["error"], answer
    assert shown(c) == before, "a renewal that failed has changed something"
    must(keep.get("/cse-in/CDev1/cnt"), 2000, "a connection from before")
    row = rotations(c)["server-certificate"]
    assert row["failed"] == 1 and "server.pem" in row["error"], row
    assert events(c, "EV_ROTATION_FAILED"), "no event"
    os.rmdir(pem)
    status, answer = admin(c, "POST", "/v1/server/rotate")
    assert status == 200 and shown(c) != before, answer
    row = rotations(c)["server-certificate"]
    assert row["failed"] == 1 and "error" not in row, row
    must(keep.get("/cse-in/CDev1/cnt"), 2000, "the connection from before is still open")
    ok("a renewal that fails is said, changes nothing, and succeeds later; nobody is disconnected")


def main():
    c = Cse()
    try:
        c.start()
        c.issue("CDev1", "--ae", "CDev1")
        dev = c.client("CDev1")
        register(dev, "CDev1")
        must(dev.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "cnt", "mni": 100000}}), 2001, "container")
        under_load(c)
        both_authorities(c)
        failing(c)
        at_once(c)
        assert c.stop() == 0, "trothd did not end well"
    finally:
        c.clean()
    print("%d passed, 0 failed" % passed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
