#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The administrator's interface attacked: by another user on the machine, by local clients of ill will at the socket, by a stranger, a
device and a web page on the network."""
import http.client
import json
import os
import re
import socket
import ssl
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent, as_user  # noqa: E402
from cse import Cse, must, register  # noqa: E402

OTHER = 4243
done = 0


def check(fine, what):
    global done
    if not fine:
        raise AssertionError(what)
    done += 1


def dial(cse):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(os.path.join(cse.state, "admin.sock"))
    return s


def hear(s):
    got = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return got
            got += part
    except (socket.timeout, ConnectionResetError, BrokenPipeError):
        return got


def said(cse, data):
    """What the socket answers to those bytes until it closes."""
    s = dial(cse)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    got = hear(s)
    s.close()
    return got


def other_user(cse):
    path = os.path.join(cse.state, "admin.sock")
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(cse.state).st_mode) == 0o700, "modes")
    if os.geteuid() != 0:
        return
    os.chmod(cse.dir, 0o755)
    with as_user(OTHER):
        try:
            dial(cse)
            raise AssertionError("another user comes into the folder")
        except PermissionError:
            check(True, "")
    # Folder and socket opened by mistake: the kernel says who it is, and nothing is read.
    os.chmod(cse.state, 0o777)
    os.chmod(path, 0o666)
    try:
        with as_user(OTHER):
            check(said(cse, b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n") == b"", "another user was answered")
    finally:
        os.chmod(path, 0o600)
        os.chmod(cse.state, 0o700)


def messages(cse):
    """Each ends in one refusal, or in nothing; the next caller is served."""
    head = b"POST /v1/limits HTTP/1.1\r\nHost: x\r\n"
    forged = b'{"https.max_body": "1M\\n[log]\\nlevel = warn"}'
    cases = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200, (b"400", b"")),
        (b"GET /v1/status HTTP/1.0\r\n\r\n", (b"505",)),
        (b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n", (b"431",)),
        (b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (b"414", b"431")),
        (b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", (b"404",)),
        (b"GET /v1/credentials/%2e%2e/revoke HTTP/1.1\r\nHost: x\r\n\r\n", (b"405", b"404")),
        (head + b"Content-Length: 99999999999\r\n\r\n", (b"413",)),
        (head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (b"400",)),
        (head + b"Content-Length: 60000\r\n\r\n" + b"[" * 60000, (b"400",)),
        (head + b"Content-Length: 60000\r\n\r\n" + b'{"a":' * 12000, (b"400",)),
        (head + b"Content-Length: 7\r\n\r\n\xff\xfe{}\0\0\0", (b"400",)),
        (head + b"Content-Length: %d\r\n\r\n" % len(forged) + forged, (b"400",)),
    ]
    for data, wanted in cases:
        got = said(cse, data)
        status = got[9:12]
        check(status in wanted and len(re.findall(rb"HTTP/1.1 \d", got)) <= 1 and (not got or b'{"error":' in got), "%r: %r" % (data[:60], got[:300]))
    # Commands one behind the other, answered each; and half a message from each of all places there are.
    got = said(cse, b"GET /-/live HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    check(got.count(b"HTTP/1.1 200") == 20, "pipelined: %d" % got.count(b"HTTP/1.1 200"))
    held = []
    for _ in range(40):
        try:
            held.append(dial(cse))
            held[-1].sendall(head)
        except OSError:
            pass
    for s in held:
        s.close()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            check(cse.admin("GET", "/v1/status")[0] == 200, "nobody is served after them")
            return
        except (OSError, http.client.HTTPException):
            # Those who came before are still being accepted and closed.
            time.sleep(0.01)
    raise AssertionError("nobody is served after them")


def no_secret():
    """The code whose secret is all zero (security/code.c: 26 symbols and two of a Reed-Solomon code)."""

    def times(a, b):
        out = 0
        while b:
            out ^= a if b & 1 else 0
            a, b = (a << 1) ^ (0x25 if a & 16 else 0), b >> 1
        return out

    high = low = 1
    for _ in range(26):
        high, low = low ^ times(high, 6), times(high, 8)
    return "A" * 26 + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[v] for v in (high, low))


def kept(cse):
    """Calls one after the other on one connection: none leaves anything to the next, least of all an enrolment code."""
    conn = http.client.HTTPConnection("localhost", timeout=30)
    conn.sock = dial(cse)

    def ask(path, body, status):
        conn.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        r = conn.getresponse()
        text = r.read()
        check(r.status == status, "%s: %d %s" % (path, r.status, text))
        return json.loads(text)

    url = ask("/v1/devices", {"name": "kept", "aeIds": ["CKept"]}, 201)["url"]
    sock = conn.sock
    for what in ("suspend", "resume"):
        ask("/v1/devices/kept/" + what, None, 200)
    ask("/v1/credentials/%s/suspend" % cse.credential("CDev1"), None, 200)
    ask("/v1/credentials/%s/resume" % cse.credential("CDev1"), None, 200)
    check(conn.sock is sock, "it was one connection")
    conn.close()
    with Agent(cse, "CKept", notify=False) as a:
        bad = a.command("enrol", url.split("#")[0] + "#" + no_secret(), check=False)
        check(bad.returncode != 0, "a code that anybody knows enrols the device: " + bad.stdout)
        check("does not take this code" in bad.stderr, "the code was not mistyped: " + bad.stderr)
        good = a.command("enrol", url, check=False)
        check(good.returncode == 0, "the code of the device is good no more: " + good.stderr)


def terminal(cse):
    """What a device writes does not steer the administrator's terminal (C0, DELETE, and C1 as UTF-8)."""
    evil = "a\x1b]0;x\x07\u009b31m\x7f\u0085\u00e9\ud55c"
    cse.issue("CShow", "--ae", "CShow")
    c = cse.client("CShow")
    register(c, "CShow")
    acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": [{"acor": ["CAdmin", "CShow"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CShow"], "acop": 63}]}}}
    ri = must(c.create("/cse-in/CShow", 1, acp), 2001, "a policy").json()["m2m:acp"]["ri"]
    must(c.create("/cse-in/CShow", 3, {"m2m:cnt": {"rn": "box", "acpi": [ri]}}), 2001, "a container")
    must(c.create("/cse-in/CShow/box", 4, {"m2m:cin": {"con": evil}}), 2001, "an instance")
    for args in (["get", "cse-in/CShow/box/la"], ["--json", "get", "cse-in/CShow/box/la"]):
        text = cse.trothctl(*args).stdout
        check(json.loads(text)["m2m:cin"]["con"] == evil, "%s: %r" % (args, text))
        check(not [x for x in text if ord(x) < 32 and x != "\n" or 127 <= ord(x) < 160], "%s steers: %r" % (args, text))
        check("--json" in args or "\u00e9\ud55c" in text, "letters are letters: %r" % text)


def network(cse):
    # Without a certificate there is no HTTP at all.
    ctx = ssl.create_default_context(cafile=os.path.join(cse.creds, "ca.crt"))
    for path in ("/-/admin/v1/status", "/-/live", "/metrics"):
        k = http.client.HTTPSConnection("127.0.0.1", cse.port, context=ctx, timeout=10)
        try:
            k.request("GET", path)
            raise AssertionError("a stranger was answered %d" % k.getresponse().status)
        except (OSError, http.client.HTTPException):
            check(True, "")
        k.close()
    before = len(cse.events()) if hasattr(cse, "events") else 0
    dev, admin = cse.client("CDev1"), cse.client("admin", "CAdmin")

    def ask(client, method, path, body=None, **headers):
        if not client.conn:
            client.connect()
        client.conn.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        r = client.conn.getresponse()
        return r.status, r.read()

    for path in ("/-/admin/v1/credentials", "/-/admin/v1/devices", "/-/admin/v1//status", "/-/admin/v1/../admin/v1/status",
                 "/-/admin/v1/%73tatus", "/metrics"):
        check(ask(dev, "GET", path)[0] == 403, "a device at " + path)
    # Names of others do not help: it is the channel that counts.
    check(ask(dev, "POST", "/-/admin/v1/zones/9", X_M2M_Origin="CAdmin")[0] == 403, "CAdmin claimed by a device")
    check(ask(dev, "GET", "/-/admin/v1/zones", X_M2M_Origin="CAdmin", X_M2M_RI="1", X_M2M_RVI="3")[0] == 403, "as a primitive")
    # A page in the administrator's browser: simple requests, a form, a fetch with credentials and its preflight.
    for method, path, headers in (("POST", "/-/admin/v1/zones/9", {"Origin": "https://evil.example"}),
                                  ("POST", "/-/admin/v1/zones/9", {"Origin": "null", "Content_Type": "text/plain"}),
                                  ("GET", "/-/admin/v1/credentials", {"Sec_Fetch_Site": "cross-site"}),
                                  ("OPTIONS", "/-/admin/v1/zones/9", {"Origin": "https://evil.example",
                                                                      "Access_Control_Request_Method": "POST"})):
        status, text = ask(admin, method, path, **headers)
        check(status == 403 and b"CDev1" not in text, "%s %s from a page: %d" % (method, path, status))
    check(not any(z["zone"] == 9 for z in cse.admin("GET", "/v1/zones")[1]), "a zone was made")
    check(len(cse.events()) > before, "no event")
    check("administration" in str(cse.events()), "which event?")


def main():
    with Cse() as c:
        c.start()
        c.issue("admin", "--kind", "admin", "--ae", "CAdmin")
        c.issue("CDev1", "--ae", "CDev1")
        other_user(c)
        messages(c)
        kept(c)
        network(c)
        terminal(c)
        check(c.stop() == 0, "the end")
    print("%d passed, 0 failed" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
