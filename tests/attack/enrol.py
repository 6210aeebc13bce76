#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on enrolment: strangers who try handles and keys, a code in two hands or in many sessions, requests of other sessions, for other names and
with others' keys, sessions that want more than to enrol or to stay for ever, bodies that are none."""
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402
import est  # noqa: E402


def expect(what, got, want):
    if got != want:
        raise AssertionError("%s: expected %s, got %s" % (what, want, got))
    print("ok  %s: %s" % (what, got))


def alert_of(a):
    return [line.split(":")[5] for line in a.text.splitlines() if "alert" in line][:1]


def strangers(cse):
    d = est.add(cse, "victim", aeIds=["CVictim"])
    wrong = est.ask(cse, "cacerts", code=d["code"], cse_id="/id-other")
    for handle in "0" * 32, "f" * 32:
        a = est.ask(cse, "cacerts", handle=handle, psk="22" * 48)
        expect("an unknown handle fails", a.code, 3)
        expect("as a wrong key does", alert_of(a), alert_of(wrong))
    # A PSK as OpenSSL's own client offers it (SHA-256), in TLS 1.3 and 1.2: passed over, and then a certificate is needed.
    for version in "-tls1_3", "-tls1_2":
        r = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % cse.port, version, "-psk_identity", "0" * 32, "-psk",
                            "33" * 32], input=b"GET /cse-in HTTP/1.1\r\nHost: x\r\n\r\n", capture_output=True, timeout=20)
        assert b"HTTP/1.1" not in r.stdout, r.stdout[-300:]
    for _ in range(200):
        est.ask(cse, "cacerts", handle=os.urandom(16).hex(), psk="22" * 48)
    expect("nobody is locked", est.admin(cse, "GET", "/v1/locks", status=200), [])
    assert est.events(cse, "EV_NO_CREDENTIAL"), "strangers are counted"
    expect("the victim enrols", est.enrol(cse, "victim", d["code"]).status, "200")


def two_hands(cse):
    """Twenty sessions with one code and as many keys, at once: one certificate, and the device is out until somebody looks."""
    d = est.add(cse, "prize", aeIds=["CPrize"])
    results, threads = {}, []

    def run(i):
        out = os.path.join(cse.dir, "hand%d" % i)
        r = subprocess.run([os.path.join(est.BUILD, "tests/lib/est_client"), "--port", str(cse.port), "--code", d["code"], "--csr-key",
                            out + ".key", "--out", out, "simpleenroll"], capture_output=True, text=True, timeout=60)
        results[i] = ["handshake"] if r.returncode == 3 else r.stdout.split()[-1:]

    for i in range(20):
        threads.append(threading.Thread(target=run, args=(i,)))
        threads[-1].start()
    for t in threads:
        t.join()
    got = [r[0] if r else "" for r in results.values()]
    expect("certificates", got.count("200"), 1)
    assert set(got) <= {"200", "403", "503", "handshake", "closed"}, got
    assert "403" in got, got
    expect("the device", est.show(cse, "prize")["state"], "locked")
    assert est.events(cse, "EV_CODE_USED") and est.events(cse, "EV_LOCKED")
    est.admin(cse, "POST", "/v1/devices/prize/release", status=200)


def others_requests(cse):
    """A request that was made for one session, in another; with another's key; for another's name."""
    d = est.add(cse, "mallory", aeIds=["CMallory"])
    before = len(est.events(cse, "EV_FOREIGN_REQUEST"))
    tries = (("the binding of another session", {"challenge": "q" * 43 + "="}),
             ("another's AE-ID", {"san": "URI:onem2m://troth.example/id-in/CVictim"}),
             ("the CSE's name", {"san": "DNS:id-in.troth.example"}),
             ("the administrator's name", {"san": "URI:onem2m://troth.example/id-in/CAdmin"}),
             ("another's key", {"key": os.path.join(cse.creds, "victim.key")}))
    for i, (what, how) in enumerate(tries):
        a = est.get(cse, "mallory", "simpleenroll", code=d["code"], **dict({"key": os.path.join(cse.creds, "mallory%d.key" % i)}, **how))
        expect(what, a.status, "403")
        est.admin(cse, "POST", "/v1/devices/mallory/release", status=200)
    a = est.get(cse, "mallory", "simpleenroll", code=d["code"], key=os.path.join(cse.creds, "mallory-h.key"), san="DNS:localhost")
    expect("the server's host", a.status, "400")
    expect("events", len(est.events(cse, "EV_FOREIGN_REQUEST")) - before, len(tries))
    expect("the victim goes on", cse.client("victim", "CVictim").get("/cse-in").status // 100, 4)
    register(cse.client("victim", "CVictim"), "CVictim")
    expect("enrolment as it should be", est.enrol(cse, "mallory", d["code"]).status, "200")
    text = est.openssl("x509", "-in", os.path.join(cse.creds, "mallory.crt"), "-noout", "-ext", "subjectAltName").decode()
    assert "CMallory" in text and text.count("URI:") == 1 and "DNS" not in text, text
    # With a certificate: another's name, another's waiting key.
    expect("renewal of the victim", est.renew(cse, "victim", "victim2").status, "200")
    a = est.renew(cse, "mallory", "mallory-b", key=os.path.join(cse.creds, "victim2.key"))
    expect("the key of another's renewal", a.status, "403")
    est.admin(cse, "POST", "/v1/devices/mallory/release", status=200)
    expect("a certificate cannot enrol", est.ask(cse, "simpleenroll", cert="mallory").status, "403")
    must(cse.client("victim2", "CVictim").get("/cse-in/CVictim"), 2000, "the victim's renewal is its own")


def sessions(cse):
    d = est.add(cse, "guest", aeIds=["CGuest"])
    for path in ("/cse-in", "/", "/cse-in/CVictim", "/-/ready", "/-/admin/v1/devices", "/.well-known/est/../../cse-in", "//troth.example/id-in",
                 "/.well-known/est/fullcmc", "/.well-known/est/serverkeygen"):
        assert est.ask(cse, path, code=d["code"]).status in ("403", "404", "400"), path
    a = est.ask(cse, "/.well-known/est/cacerts", code=d["code"], extra="X-M2M-Origin: CAdmin\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3")
    expect("CAdmin's name in a code's session", a.status, "403")
    for origin in "Origin: https://evil.example", "Sec-Fetch-Site: cross-site":
        expect("a page's request", est.ask(cse, "cacerts", code=d["code"], extra=origin).status, "403")
    expect("a fourth request", est.ask(cse, *["csrattrs"] * 4, code=d["code"]).answers, ["200", "200", "200", "403"])
    t = time.monotonic()
    a = est.ask(cse, "csrattrs", "csrattrs", code=d["code"], wait=31)
    expect("a session of half a minute", a.answers, ["200", "closed"])
    assert time.monotonic() - t < 40
    expect("the guest enrols after all that", est.enrol(cse, "guest", d["code"]).status, "200")


def crowd():
    """Whoever has a code holds as many sessions with it as he can; a new device finds its way in."""
    with Cse(sets=["https.connections_per_credential=24"]) as cse:
        cse.start()
        d, honest = est.add(cse, "greedy", aeIds=["CGreedy"]), est.add(cse, "honest", aeIds=["CHonest"])
        args = [os.path.join(est.BUILD, "tests/lib/est_client"), "--port", str(cse.port), "--code", d["code"], "--wait", "60", "csrattrs", "csrattrs"]
        held = [subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(36)]
        until = time.monotonic() + 25
        while not est.events(cse, "EV_TOO_MANY_CONNECTIONS") and time.monotonic() < until:
            time.sleep(0.1)
        a = est.enrol(cse, "honest", honest["code"])
        alive = sum(p.poll() is None for p in held)
        for p in held:
            p.kill()
            p.wait()
        assert est.events(cse, "EV_TOO_MANY_CONNECTIONS") and alive, alive
        expect("a new device enrols beside one that holds sessions", a.status, "200")
        expect("how trothd ends", cse.stop(), 0)


def main():
    est.make_client()
    crowd()
    with Cse() as cse:
        cse.start()
        strangers(cse)
        two_hands(cse)
        others_requests(cse)
        sessions(cse)
        expect("the chain of events", est.admin(cse, "POST", "/v1/events/verify", status=200)["chain"], "whole")
        expect("how trothd ends", cse.stop(), 0)


if __name__ == "__main__":
    main()
