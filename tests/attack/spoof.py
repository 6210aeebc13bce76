#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""100,000 tries to have somebody else locked: behind a gateway, without a certificate, with a forged one, with noise.  The victim
is let in all the while; the gateway is locked for that one name only."""
import argparse
import os
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

PIPELINE = 200


def answers(sock, n, buf=b""):
    """Status codes of n pipelined answers without a body to speak of."""
    codes = {}
    while n:
        head, end, rest = buf.partition(b"\r\n\r\n")
        if not end:
            more = sock.recv(65536)
            assert more, "the gateway's connection was closed"
            buf += more
            continue
        fields = dict(f.split(b":", 1) for f in head.split(b"\r\n")[1:])
        fields = {k.lower(): v.strip() for k, v in fields.items()}
        length = int(fields.get(b"content-length", b"0"))
        while len(rest) < length:
            rest += sock.recv(65536)
        buf = rest[length:]
        code = int(fields[b"x-m2m-rsc"])
        codes[code] = codes.get(code, 0) + 1
        n -= 1
    return codes


def behind(c, tries):
    """In the victim's name through a gateway that may speak for its zone."""
    gw = c.client("gw", "CGw1")
    gw.connect()
    total, serial = {}, 0
    while serial < tries:
        text = b""
        for _ in range(min(PIPELINE, tries - serial)):
            serial += 1
            text += (b"GET /cse-in/CVictim HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: CVictim\r\nX-M2M-RI: g%d\r\nX-M2M-RVI: 3\r\n\r\n" % serial)
        gw.conn.sock.sendall(text)
        for code, k in answers(gw.conn.sock, text.count(b"GET ")).items():
            total[code] = total.get(code, 0) + k
    assert total == {4106: tries}, total
    return gw


def forged(c):
    """A certificate of the same names that nobody of ours has signed."""
    key, crt = os.path.join(c.dir, "forged.key"), os.path.join(c.dir, "forged.crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", crt, "-days", "1", "-subj", "/CN=CVictim", "-addext",
                    "subjectAltName=URI:onem2m://troth.example/id-in/CVictim"], check=True, capture_output=True)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.load_cert_chain(crt, key)
    return ctx


def stranger(c, ctx):
    try:
        with socket.create_connection(("127.0.0.1", c.port), 10) as raw, ctx.wrap_socket(raw) as s:
            s.sendall(b"GET /cse-in/CVictim HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: CVictim\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n")
            assert s.recv(1) == b"", "a stranger got an answer"
    except (ssl.SSLError, OSError):
        pass


def noise(c, bytes_):
    with socket.create_connection(("127.0.0.1", c.port), 10) as s:
        s.sendall(bytes_)
        try:
            while s.recv(4096):
                pass
        except OSError:
            pass


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--tries", type=int, default=100000)
    args = ap.parse_args()
    with Cse() as c:
        c.start()
        c.issue("CVictim", "--ae", "CVictim")
        c.issue("gw", "--kind", "gateway", "--ae", "CGw*", "--ae", "CVictim*", "--max-ae", "10")
        victim, gw = c.client("CVictim"), c.client("gw", "CGw1")
        register(victim, "CVictim")
        register(gw, "CGw1")
        begin = time.monotonic()
        strangers = max(args.tries // 500, 1)
        none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        none.check_hostname, none.verify_mode = False, ssl.CERT_NONE
        false = forged(c)
        for i in range(strangers):
            stranger(c, none)
            stranger(c, false)
            noise(c, os.urandom(64) if i % 2 else b"GET /cse-in HTTP/1.1\r\nX-M2M-Origin: CVictim\r\n\r\n")
        must(victim.get("/cse-in/CVictim"), 2000, "the victim meanwhile")
        through = behind(c, args.tries - 3 * strangers)
        took = time.monotonic() - begin
        # The victim: its connection, a new one, a change.
        must(victim.get("/cse-in/CVictim"), 2000, "the victim's connection")
        victim.close()
        must(victim.create("/cse-in/CVictim", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "the victim anew")
        # The gateway: for all others, on the connection from which it was tried.
        must(through.get("/cse-in/CGw1"), 2000, "the gateway for its own")
        locks = c.admin("GET", "/v1/locks")[1]
        assert len(locks) == 1 and locks[0]["originator"] == "CVictim" and locks[0]["id"] == c.credential("CGw*"), locks
        states = {x["state"] for x in c.admin("GET", "/v1/credentials")[1]}
        assert states == {"active"}, states
        rows = c.events("EV_FALSE_ORIGINATOR")
        assert sum(r["n"] for r in rows) == args.tries - 3 * strangers, sum(r["n"] for r in rows)
        assert len(rows) <= took + 3, "%d rows in %.1f s" % (len(rows), took)
        assert all(r["credential"] == c.credential("CGw*") and r["name"] == "CVictim" for r in rows), rows[0]
        rows = c.events("EV_NO_CREDENTIAL")
        assert rows and len(rows) <= took + 3, "%d rows in %.1f s" % (len(rows), took)
        assert "whole" in c.trothctl("events", "verify").stdout
        assert c.stop() == 0
        print("%d tries in %.1f s: the victim is let in, %d rows tell of it" % (args.tries, took, len(rows)))


if __name__ == "__main__":
    main()
