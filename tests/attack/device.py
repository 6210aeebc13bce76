#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on a device's agent: another user of the machine, another network namespace, web pages (DNS rebinding, cross-site requests),
local clients that would have it speak for others or reach elsewhere (SSRF by poa, nu, su, X-M2M-RTU), strangers and other devices at its
port for notifications, notifications that nobody here asked for, and a user who listens where a client did."""
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import USER, Agent, Listener, as_user  # noqa: E402
from cse import Cse, must, register, until  # noqa: E402

SETS = ["notify.allowed_prefixes=127.0.0.0/8", "notify.timeout=2s", "notify.max_pause=1s", "log.level=warn"]
OTHER = 4343


def ask(fields, target="/cse-in", method="GET"):
    return ("%s %s HTTP/1.1\r\nX-M2M-Origin: CDev1\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\nConnection: close\r\n%s\r\n" % (method, target, fields)).encode()


def hear(agent, text, **kw):
    """Status of the first answer; 0: closed without one."""
    uid, family, path = kw.get("uid", USER), kw.get("family", socket.AF_INET), kw.get("path")
    with as_user(uid):
        s = socket.socket(socket.AF_UNIX if path else family)
        s.settimeout(10)
        try:
            s.connect(path or ("::1" if family == socket.AF_INET6 else "127.0.0.1", agent.port))
        except (PermissionError, ConnectionError):
            s.close()
            return 0
    got = b""
    try:
        s.sendall(text)
        while b"\r\n\r\n" not in got:
            b = s.recv(65536)
            if not b:
                break
            got += b
    except ConnectionError:
        pass
    s.close()
    return int(got.split(b" ")[1]) if got.startswith(b"HTTP/1.1 ") else 0


def users(agent):
    """Before its first byte is read, a process of another user is gone."""
    good, others = ask("Host: 127.0.0.1\r\n"), (OTHER, 0) if os.geteuid() == 0 else ()
    for family in (socket.AF_INET, socket.AF_INET6):
        assert hear(agent, good, family=family) == 200
        for uid in others:
            assert hear(agent, good, uid=uid, family=family) == 0, "user %d was heard" % uid
    assert hear(agent, good, path=agent.socket) == 200
    for uid in others:
        assert hear(agent, good, uid=uid, path=agent.socket) == 0, "user %d was heard at the socket" % uid
    # Who has gone before it was accepted has no user: many at a time, so that some are.
    for _ in range(50):
        with as_user(OTHER):
            s = socket.socket()
            s.connect(("127.0.0.1", agent.port))
            s.sendall(good)
            s.close()
    assert hear(agent, good) == 200
    mode = os.stat(agent.socket).st_mode & 0o777
    assert mode == 0o600 and os.stat(agent.state).st_mode & 0o077 == 0, oct(mode)
    # One line a second.
    time.sleep(1.1)
    assert not others or hear(agent, good, uid=OTHER) == 0
    # The line is written once the connection is gone.
    if others:
        until("the log has no line of another user", lambda: "a process of another user" in agent.log())
    return "other users: none heard" if others else "other users: not played, this is not root"


def namespaces(agent):
    """The port of this namespace's loopback is no other's."""
    code = "import socket\ns=socket.socket()\ns.settimeout(5)\ntry:\n s.connect(('127.0.0.1',%d))\n print('connected')\nexcept OSError as e:\n print(e.errno)" % agent.port
    if not shutil.which("unshare"):
        return "other network namespaces: not played without unshare"
    for flags in (["-n"], ["-r", "-n"]):
        r = subprocess.run(["unshare"] + flags + ["/usr/bin/env", "python3", "-c", code], capture_output=True, text=True, timeout=30)
        if r.returncode == 0:
            assert r.stdout.strip() != "connected", "another namespace was let in"
    return "other network namespaces: not let in"


PAGES = [("Host: rebound.example\r\n", 421), ("Host: 127.0.0.1.nip.example\r\n", 421), ("Host: 192.168.1.7\r\n", 421), ("Host: localhost.\r\n", 421),
         ("Host: 0.0.0.0\r\n", 421), ("Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n", 403), ("Host: 127.0.0.1\r\nOrigin: null\r\n", 403),
         ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403), ("Host: localhost\r\nSec-Fetch-Site: none\r\n", 403),
         ("Host: localhost\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n", 403)]


def pages(agent, cse):
    """What a browser sends for a page is never carried, whatever its method; nor is what could be read in two ways."""
    before = requests(cse)
    for fields, status in PAGES:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            body = "Content-Length: 2\r\n" if method == "POST" else ""
            got = hear(agent, ask(fields + body, method=method) + (b"{}" if body else b""))
            assert got == status, "%r %s: %d" % (fields, method, got)
    good = "Host: 127.0.0.1\r\n"
    for text in (ask(good + "Host: evil.example\r\n"), ask(""), ask(good + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", method="POST") + b"0\r\n\r\n",
                 ask(good, target="http://evil.example/cse-in"), ask(good, target="evil.example:443", method="CONNECT"), ask(good, method="TRACE"),
                 ask(good + "X-M2M-Origin : CDev1\r\n"), ask(good + "X: a\r\n b\r\n"), b"GET /cse-in HTTP/0.9\r\n\r\n"):
        got = hear(agent, text)
        assert got >= 400 or got == 0, "%r: %d" % (text, got)
    assert requests(cse) == before, "something was carried"
    return "web pages: %d heads, nothing carried" % (4 * len(PAGES))


def requests(cse):
    """HTTP requests that have reached the CSE."""
    status, text = 0, ""
    conn = http.client.HTTPConnection("localhost", timeout=30)
    conn.sock = socket.socket(socket.AF_UNIX)
    conn.sock.connect(os.path.join(cse.state, "admin.sock"))
    conn.request("GET", "/metrics")
    r = conn.getresponse()
    status, text = r.status, r.read().decode()
    conn.close()
    assert status == 200, status
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith("troth_http_requests_total"))


def configured_page(cse):
    """An origin that the operator names is heard, and no other."""
    with Agent(cse, "CPage", sets=["agent.origins=https://console.example"]) as a:
        a.enrol()
        a.start()
        c = a.client()
        r = c.get("/cse-in", headers={"Origin": "https://console.example", "Sec-Fetch-Site": "cross-site"})
        assert r.rsc and r.headers["Access-Control-Allow-Origin"] == "https://console.example", r.headers
        r = c.request("OPTIONS", "/cse-in", headers={"Origin": "https://console.example", "Access-Control-Request-Method": "GET"})
        assert r.status == 204, r.status
        r = c.get("/cse-in", headers={"Origin": "https://console.example.evil.example"})
        assert r.status == 403 and "Access-Control-Allow-Origin" not in r.headers
        c.close()
    return "a configured page: heard, another not"


def originators(agent, cse, c):
    """A local client that names somebody else would have the device locked: it is refused here."""
    before = requests(cse)
    for who in ("CAdmin", "COther", "/id-in", "/id-in/COther", "//troth.example/id-in/CAdmin", "CDev11", "CDev"):
        r = c.get("/cse-in", originator=who)
        assert r.rsc == 4106, "%s: %d" % (who, r.rsc)
    # One is judged, another would be read.
    for fields in ("X-M2M-Origin: CAdmin\r\n", "Content-Type: application/json;ty=4\r\nContent-Type: application/json\r\n"):
        assert hear(agent, ask("Host: localhost\r\n" + fields)) == 400, fields
    assert requests(cse) == before and not cse.events("EV_FALSE_ORIGINATOR"), "the CSE was told"
    # Its own name in any form is the CSE's to judge, which knows only one.
    for who, rsc in (("CDev1", 2000), ("/id-in/CDev1", 4000), ("//troth.example/id-in/CDev1", 4000)):
        must(c.get("/cse-in/CDev1", originator=who), rsc, who)
    return "false originators: refused on the device, no strike"


def elsewhere(agent, cse, c):
    """No plaintext leads to anywhere but this user's processes on this machine."""
    bad = ["http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://192.168.0.1:80/", "http://example.com/", "http://0.0.0.0:9000/", "http://127.1/",
           "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://localhost.evil.example/", "http://127.0.0.1:%d/cse-in" % agent.port,
           "http://localhost:%d/" % agent.notify, "http://user@127.0.0.1/", "mqtt://127.0.0.1/", "ws://127.0.0.1/", "coap://127.0.0.1/"]
    before = requests(cse)
    for url in bad:
        for ty, root, content in ((2, "m2m:ae", {"poa": [url]}), (23, "m2m:sub", {"nu": [url]}), (23, "m2m:sub", {"su": url}), (23, "m2m:sub", {"nfu": url})):
            r = c.create("/cse-in/CDev1", ty, {root: content})
            assert r.rsc == 4000, "%s as %s: %d" % (url, content, r.rsc)
        r = c.put("/cse-in/CDev1", {"m2m:ae": {"poa": ["http://127.0.0.1:9000/", url]}})
        assert r.rsc == 4000, "%s in an update: %d" % (url, r.rsc)
        r = c.get("/cse-in?rt=2", headers={"X-M2M-RTU": url})
        assert r.rsc == 4000, "%s as X-M2M-RTU: %d" % (url, r.rsc)
    assert requests(cse) == before
    # What goes past the agent's eyes is refused by the CSE: no plaintext point of access.
    for body in ('{"m2m:ae":{"\\u0070oa":["http://10.0.0.1/"]}}', '{"m2m:ae":{"poa":["http:\\/\\/10.0.0.1\\/"]}}'):
        r = c.put("/cse-in/CDev1", body)
        assert r.rsc == 4000, "%s: %d" % (body, r.rsc)
    return "points of access elsewhere: %d refused" % len(bad)


def tls(cse, port, name=None):
    """A handshake at the port for notifications; the context's socket, or None."""
    ctx = ssl.create_default_context(cafile=os.path.join(cse.creds, "ca.crt"))
    ctx.check_hostname = False
    if name:
        ctx.load_cert_chain(os.path.join(cse.creds, name + ".crt"), os.path.join(cse.creds, name + ".key"))
    s = ctx.wrap_socket(socket.create_connection(("127.0.0.1", port), 5))
    s.sendall(b"POST /aaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    return s.recv(100)


def strangers(agent, cse):
    """Notifications are the CSE's: nobody without its certificate is heard, another device of the same CA is not either."""
    cse.issue("CThief", "--ae", "CThief")
    cse.issue("CAdmin", "--ae", "CAdmin", "--kind", "admin")
    for name in (None, "CThief", "CAdmin"):
        try:
            got = tls(cse, agent.notify, name)
            assert got == b"", "%s was answered %r" % (name, got)
        except (ssl.SSLError, ConnectionError):
            pass
    with socket.create_connection(("127.0.0.1", agent.notify), 5) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert b"HTTP" not in s.recv(100), "plaintext was answered"
        except ConnectionError:
            pass
    return "the port for notifications: nobody but the CSE"


def unasked(agent, cse, c, sink):
    """Another's subscription to this device's AE brings nothing to its client; its own does."""
    other = cse.client("CThief")
    register(other, "CThief")
    acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": [{"acor": ["CDev1"], "acop": 63}, {"acor": ["CThief"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CDev1"], "acop": 63}]}}}
    ri = must(c.create("/cse-in/CDev1", 1, acp), 2001, "a policy").json()["m2m:acp"]["ri"]
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"acpi": [ri]}}), 2004, "its link")
    must(other.create("/cse-in/CThief", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
    r = other.create("/cse-in/CThief/box", 23, {"m2m:sub": {"rn": "s", "nu": ["CDev1"], "enc": {"net": [3]}}})
    assert r.rsc != 2001, "its verification was taken"
    # A notification that a neighbour sends himself, to the AE.
    r = other.request("POST", "/cse-in/CDev1", {"m2m:sgn": {"sur": "cse-in/CThief/box/s", "nev": {"rep": {"m2m:cin": {"con": "bait"}}, "net": 3}}},
                      headers={"Content-Type": "application/json"})
    assert r.rsc == 4103, r.rsc
    sink.none()
    assert "no local subscription asked" in agent.log()
    must(c.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "mine"}}), 2001, "a container")
    must(c.create("/cse-in/CDev1/mine", 23, {"m2m:sub": {"rn": "s", "nu": ["CDev1"], "enc": {"net": [3]}}}), 2001, "a subscription")
    must(c.create("/cse-in/CDev1/mine", 4, {"m2m:cin": {"con": "own"}}), 2001, "an instance")
    assert sink.take()[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "own"
    other.close()
    return "notifications nobody asked for: refused; own: taken"


def usurper(agent, c):
    """The client ends, and another user listens on its port: he is told nothing, and the notification comes when the client is back."""
    sink = Listener()
    must(c.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "secret"}}), 2001, "a container")
    must(c.create("/cse-in/CDev1/secret", 23, {"m2m:sub": {"rn": "s", "nu": [sink.url("/secret")], "enc": {"net": [3]}}}), 2001, "a subscription")
    must(c.create("/cse-in/CDev1/secret", 4, {"m2m:cin": {"con": "one"}}), 2001, "an instance")
    assert sink.take()[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "one"
    sink.end()
    time.sleep(0.2)
    if os.geteuid() != 0:
        return "another user at a client's port: not played, this is not root"
    thief = Listener(uid=OTHER, port=sink.port)
    must(c.create("/cse-in/CDev1/secret", 4, {"m2m:cin": {"con": "two"}}), 2001, "an instance")
    thief.none(2.5)
    thief.end()
    assert "another user listens" in agent.log()
    back = Listener(port=sink.port)
    # The first comes once more if its answer was lost with the client.
    came = [back.take(20)[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"]]
    if came == ["one"]:
        came.append(back.take(20)[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"])
    assert came[-1] == "two", came
    back.end()
    return "another user at a client's port: told nothing"


def nameless(cse):
    """A device that the CSE has named nobody yet, for its certificate is of an App-ID: a local client that names somebody has it not locked."""
    with Agent(cse, "app") as a:
        status, made = cse.admin("POST", "/v1/devices", {"name": "app", "appIds": ["Nx"], "randomStems": True, "maxAe": 3})
        assert status == 201, made
        a.command("enrol", made["url"])
        a.start()
        c, stems = a.client(originator=""), []
        for who in ("CAdmin", "CDev1", "/id-in", "Sthief"):
            assert c.get("/cse-in", originator=who).rsc == 4106, who
            assert c.create("/cse-in", 3, {"m2m:cnt": {}}, originator=who).rsc == 4106, who
        assert not cse.events("EV_FALSE_ORIGINATOR"), "the CSE was told"
        for i, rcn in enumerate(("", "?rcn=3")):
            r = must(c.create("/cse-in" + rcn, 2, {"m2m:ae": {"rn": "app%d" % i, "api": "Nx", "rr": False, "srv": ["3"]}}, originator="S"), 2001, "a registration")
            stems.append(r.json().get("m2m:rce", r.json())["m2m:ae"]["aei"])
            must(c.get("/cse-in/app%d" % i, originator=stems[i]), 2000, "its AE")
        a.stop()
        a.start()
        c.close()
        for i, stem in enumerate(stems):
            must(c.get("/cse-in/app%d" % i, originator=stem), 2000, "its AE after a restart")
        a.command("renew")
        for i, stem in enumerate(stems):
            must(c.get("/cse-in/app%d" % i, originator=stem), 2000, "its AE after a renewal")
        c.close()
    return "a device without names: nobody's name leaves it"


def policy(cse):
    """What the operator keeps in stays in, whatever the CSE would permit; sizes and types bound what comes."""
    with Agent(cse, "CKept", sets=["policy.leave=cse-in,cse-in/CKept,cse-in/CKept/open/*", "policy.take_types=m2m:cin", "policy.take_bytes=1000"]) as a:
        a.enrol()
        a.start()
        c, sink = a.client(), Listener()
        must(c.create("/cse-in", 2, {"m2m:ae": {"rn": "CKept", "api": "Nx", "rr": True, "srv": ["3"], "poa": [sink.url()]}}), 2001, "the AE")
        for rn in ("open", "shut"):
            must(c.create("/cse-in/CKept", 3, {"m2m:cnt": {"rn": rn}}), 2001, rn)
        before = requests(cse)
        for path in ("/cse-in/CKept/shut", "/~/id-in/cse-in/CKept/shut", "/cse-in/CKept/openx", "/cse%2Din/CKept/shut", "/cse-in/CKept/open/../shut"):
            r = c.create(path, 4, {"m2m:cin": {"con": "x"}})
            assert r.rsc in (4103, 4000, 4004), "%s: %d" % (path, r.rsc)
            assert path.endswith("../shut") or r.rsc == 4103, "%s: %d" % (path, r.rsc)
        assert requests(cse) - before <= 1
        for path in ("/cse-in/CKept/open", "/~/id-in/cse-in/CKept/open", "/-/CKept/open"):
            must(c.create(path, 4, {"m2m:cin": {"con": "x"}}), 2001, path)
        must(c.create("/cse-in/CKept/open", 23, {"m2m:sub": {"rn": "s", "nu": ["CKept"], "enc": {"net": [3, 1]}}}), 2001, "a subscription")
        must(c.create("/cse-in/CKept/open", 4, {"m2m:cin": {"con": "y" * 2000}}), 2001, "a large one")
        must(c.create("/cse-in/CKept/open", 4, {"m2m:cin": {"con": "small"}}), 2001, "a small one")
        assert sink.take()[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "small"
        c.close()
        sink.end()
    return "policy: what is kept in stays in"


def main():
    with Cse(sets=SETS) as cse:
        cse.start()
        with Agent(cse, "CDev1") as a:
            try:
                a.enrol()
                a.start()
                c, sink = a.client(), Listener()
                must(c.create("/cse-in", 2, {"m2m:ae": {"rn": "CDev1", "api": "Ntroth.test", "rr": True, "srv": ["3"], "poa": [sink.url()]}}), 2001, "the AE")
                for part in (lambda: users(a), lambda: namespaces(a), lambda: pages(a, cse), lambda: originators(a, cse, c), lambda: elsewhere(a, cse, c),
                             lambda: strangers(a, cse), lambda: unasked(a, cse, c, sink), lambda: usurper(a, c), lambda: configured_page(cse),
                             lambda: policy(cse), lambda: nameless(cse)):
                    print(part(), flush=True)
                assert a.stop() == 0, a.log()
            except BaseException:
                print(a.log(), cse.log_tail(1500), file=sys.stderr)
                raise
        assert cse.stop() == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
