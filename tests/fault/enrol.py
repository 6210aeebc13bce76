#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Enrolment with a real trothd, by a client written from the RFCs: every state of a device and every way between two."""
import json
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402
import est  # noqa: E402


def expect(what, got, *want):
    if got not in want:
        raise AssertionError("%s: expected %s, got %s" % (what, " or ".join(map(str, want)), got))
    print("ok  %s: %s" % (what, got))


def state(cse, name, *want):
    expect("state of " + name, est.show(cse, name)["state"], *want)


def refused(what, a, status, words=""):
    expect(what, a.status, status)
    if words not in a.text:
        raise AssertionError("%s: '%s' is not in '%s'" % (what, words, a.text))


def subject(cse, name):
    return est.openssl("x509", "-in", os.path.join(cse.creds, name + ".crt"), "-noout", "-subject", "-ext",
                       "subjectAltName").decode()


def first_life(cse):
    d = est.add(cse, "pump1", aeIds=["CPump1"])
    assert d["url"].startswith("troth-enrol://localhost:%d/id-in#" % cse.port) and d["url"].endswith(d["code"]), d["url"]
    state(cse, "pump1", "code-out")
    a = est.ask(cse, "cacerts", "csrattrs", code=d["code"])
    expect("a code's session may ask what there is", " ".join(a.answers), "200 200")
    assert b"challengePassword" in est.openssl("asn1parse", "-inform", "DER", data=est.openssl("base64", "-d", data=a.body))
    expect("enrolment", est.enrol(cse, "pump1", d["code"]).status, "200")
    state(cse, "pump1", "enrolled")
    text = subject(cse, "pump1")
    assert "onem2m://troth.example/id-in/CPump1" in text and d["id"] + ".1" in text, text
    before = open(os.path.join(cse.creds, "pump1.crt")).read()
    a = est.enrol(cse, "pump1", d["code"])
    expect("the same key again", a.status, "200")
    assert open(os.path.join(cse.creds, "pump1.crt")).read() == before, "the same certificate is given again"
    c = cse.client("pump1", "CPump1")
    register(c, "CPump1")
    state(cse, "pump1", "active")
    return d


def sessions(cse, d):
    # RFC 9112 and security-model 2.1: what such a session may not do.
    for path in "/cse-in", "/-/live", "/-/admin/v1/status", "/metrics", "/.well-known/est", "/.well-known/est/":
        a = est.ask(cse, path, code=d["code"])
        expect("a code's session at " + path, a.status, "403", "404")
    a = est.ask(cse, "/.well-known/est/cacerts", code=d["code"], extra="X-M2M-RI: 1\r\nX-M2M-Origin: CPump1\r\nX-M2M-RVI: 3")
    expect("a primitive in a code's session", a.status, "403")
    a = est.ask(cse, "cacerts", "cacerts", "cacerts", "cacerts", code=d["code"])
    expect("three requests in a session", " ".join(a.answers), "200 200 200 403")
    a = est.ask(cse, "simplereenroll", code=d["code"])
    refused("a code cannot renew", a, "403", "simpleenroll")
    for what, how in (("an unknown handle", {"handle": "0" * 32, "psk": "11" * 48}),
                      ("a wrong key", {"code": d["code"], "cse_id": "/id-other"}),
                      ("a handle that is none", {"handle": "pump1", "psk": "11" * 48})):
        expect(what + " fails", est.ask(cse, "cacerts", **how).code, 3)


def renewals(cse):
    expect("renewal", est.renew(cse, "pump1", "pump1b").status, "200")
    s = est.show(cse, "pump1")
    assert s["generation"] == 1 and s["renewing"], s
    before = open(os.path.join(cse.creds, "pump1b.crt")).read()
    expect("the same renewal again", est.renew(cse, "pump1", "pump1b").status, "200")
    assert open(os.path.join(cse.creds, "pump1b.crt")).read() == before
    old = cse.client("pump1", "CPump1")
    must(old.get("/cse-in/CPump1"), 2000, "the old certificate is good until the new one is used")
    must(cse.client("pump1b", "CPump1").get("/cse-in/CPump1"), 2000, "the new one")
    s = est.show(cse, "pump1")
    assert s["generation"] == 2 and not s["renewing"] and s["state"] == "active", s
    must(old.get("/cse-in/CPump1"), 2000, "a connection that was open ends what it is at")
    try:
        cse.client("pump1", "CPump1").get("/cse-in/CPump1")
        raise AssertionError("the old certificate was taken after the new one")
    except (OSError, ConnectionError) as e:
        print("ok  the old certificate is refused:", type(e).__name__)
    state(cse, "pump1", "active")
    assert d_id(cse) in subject(cse, "pump1b") and ".2" in subject(cse, "pump1b")
    for what, how in (("the key of the certificate", {"key": os.path.join(cse.creds, "pump1b.key")}),):
        refused(what, est.renew(cse, "pump1b", "pump1c", **how), "400", "new key")
    refused("without the session's binding", est.renew(cse, "pump1b", "pump1c", challenge=""), "400", "challengePassword")


def foreign_client(cse):
    """curl with a certificate: what a session of a device may ask, and its head."""
    base = os.path.join(cse.creds, "pump1b")
    curl = ["curl", "-s", "-i", "--cacert", os.path.join(cse.creds, "ca.crt"), "--cert", base + ".crt", "--key", base + ".key"]
    url = "https://localhost:%d/.well-known/est/" % cse.port
    for path, media in (("cacerts", "application/pkcs7-mime; smime-type=certs-only"), ("csrattrs", "application/csrattrs")):
        head, _, body = subprocess.run(curl + [url + path], capture_output=True, check=True).stdout.partition(b"\r\n\r\n")
        fields = head.decode().lower()
        assert "http/1.1 200" in fields and "content-type: " + media in fields and "content-transfer-encoding: base64" in fields, fields
    head = subprocess.run(curl + ["-X", "POST", url + "cacerts"], capture_output=True, check=True).stdout
    assert b" 405" in head and b"Allow: GET" in head, head
    head = subprocess.run(curl + ["-d", "x", url + "simplereenroll"], capture_output=True, check=True).stdout
    assert b" 415" in head, head
    ca = est.certificates(est.ask(cse, "cacerts", cert="pump1b").body)
    chain = est.openssl("verify", "-CAfile", os.path.join(cse.creds, "ca.crt"), base + ".crt")
    assert b": OK" in chain and len(ca) >= 2, chain
    print("ok  curl reads EST, openssl verifies the chain")


def d_id(cse):
    return est.show(cse, "pump1")["id"]


def clone_by_renewal(cse):
    d = est.add(cse, "pump2", aeIds=["CPump2"])
    est.enrol(cse, "pump2", d["code"])
    register(cse.client("pump2", "CPump2"), "CPump2")
    live = cse.client("pump2", "CPump2")
    must(live.get("/cse-in/CPump2"), 2000, "before")
    expect("renewal", est.renew(cse, "pump2", "pump2b").status, "200")
    refused("a second renewal of that generation", est.renew(cse, "pump2", "pump2c"), "403", "two places")
    state(cse, "pump2", "suspended")
    expect("the clone is told", len(est.events(cse, "EV_CLONE")), 1)
    try:
        live.get("/cse-in/CPump2")
        raise AssertionError("a suspended device's connection went on")
    except (OSError, ConnectionError, Exception) as e:
        if isinstance(e, AssertionError):
            raise
        print("ok  live connections end:", type(e).__name__)
    # The way back: another code, another key.
    d = est.admin(cse, "POST", "/v1/devices/pump2/code", status=200)
    state(cse, "pump2", "code-out")
    expect("enrolment anew", est.enrol(cse, "pump2d", d["code"]).status, "200")
    must(cse.client("pump2d", "CPump2").get("/cse-in/CPump2"), 2000, "its resources are there")
    state(cse, "pump2", "active")
    assert est.show(cse, "pump2")["generation"] == 2


def clone_by_use(cse):
    d = est.add(cse, "pump3", aeIds=["CPump3"])
    est.enrol(cse, "pump3", d["code"])
    register(cse.client("pump3", "CPump3"), "CPump3")
    expect("renewal", est.renew(cse, "pump3", "pump3b").status, "200")
    must(cse.client("pump3b", "CPump3").get("/cse-in/CPump3"), 2000, "the new key is used")
    time.sleep(11)  # handshakes that were on their way are none by now
    try:
        cse.client("pump3", "CPump3").get("/cse-in/CPump3")
    except (OSError, ConnectionError):
        pass
    state(cse, "pump3", "suspended")
    expect("the clone is told", len(est.events(cse, "EV_CLONE")), 3)


def misuse(cse):
    d = est.add(cse, "pump4", aeIds=["CPump4"])
    refused("another's name", est.enrol(cse, "pump4", d["code"], san="URI:onem2m://troth.example/id-in/CPump1"), "403", "names")
    expect("it is told", len(est.events(cse, "EV_FOREIGN_REQUEST")), 1)
    est.admin(cse, "POST", "/v1/devices/pump4/release", status=200)
    expect("after its release it enrols", est.enrol(cse, "pump4", d["code"]).status, "200")
    refused("another key with a used code", est.enrol(cse, "pump4x", d["code"]), "403", "used")
    expect("it is told", len(est.events(cse, "EV_CODE_USED")), 1)
    state(cse, "pump4", "locked")
    d = est.add(cse, "pump5", aeIds=["CPump5"])
    refused("a request of another session", est.enrol(cse, "pump5", d["code"], challenge="A" * 43 + "="), "403", "another session")
    est.admin(cse, "POST", "/v1/devices/pump5/release", status=200)
    est.admin(cse, "POST", "/v1/devices/pump5/suspend", status=200)
    expect("a suspended device's code", est.enrol(cse, "pump5", d["code"]).code, 3, 0)
    state(cse, "pump5", "suspended")
    est.admin(cse, "POST", "/v1/devices/pump5/resume", status=200)
    state(cse, "pump5", "code-out")
    # Another's key: pump1's.
    refused("another's key", est.enrol(cse, "pump5", d["code"], key=os.path.join(cse.creds, "pump1b.key")), "403", "another")
    est.admin(cse, "POST", "/v1/devices/pump5/revoke", status=200)
    state(cse, d["id"], "revoked")
    est.add(cse, "pump5", aeIds=["CPump5"])


def replaced(cse):
    d = est.add(cse, "pump9", aeIds=["CPump9"])
    before = est.show(cse, "pump9")["codeEnds"]
    assert before, "no code is out"
    cse.issue("pump9key", "--ae", "CPump9", "--replace")
    assert "codeEnds" not in est.show(cse, "pump9"), "the code goes on beside the new key"
    expect("the code of a credential that has got another key", est.ask(cse, "cacerts", code=d["code"]).code, 3)
    register(cse.client("pump9key", "CPump9"), "CPump9")
    cse.kill()
    cse.start()
    expect("and after a restart", est.ask(cse, "cacerts", code=d["code"]).code, 3)
    must(cse.client("pump9key", "CPump9").get("/cse-in/CPump9"), 2000, "the new key")
    d = est.admin(cse, "POST", "/v1/devices/pump9/code", {}, 200)
    expect("another code is good", est.enrol(cse, "pump9", d["code"]).status, "200")


def restart(cse):
    d = est.add(cse, "pump6", aeIds=["CPump6"])
    cse.stop()
    cse.start()
    expect("a code lives through a restart", est.enrol(cse, "pump6", d["code"]).status, "200")
    cse.kill()
    cse.start()
    before = open(os.path.join(cse.creds, "pump6.crt")).read()
    expect("the answer too", est.enrol(cse, "pump6", d["code"]).status, "200")
    assert open(os.path.join(cse.creds, "pump6.crt")).read() == before
    register(cse.client("pump6", "CPump6"), "CPump6")
    expect("renewal", est.renew(cse, "pump6", "pump6b").status, "200")
    cse.kill()
    cse.start()
    must(cse.client("pump6b", "CPump6").get("/cse-in/CPump6"), 2000, "and what was renewed")
    assert est.show(cse, "pump6")["generation"] == 2


def killed(cse, rounds=6, devices=8):
    """kill -9 while devices enrol and renew: each comes through with the key it has, on one certificate of one generation."""
    rnd = random.Random(20261120)
    client = os.path.join(est.BUILD, "tests/lib/est_client")
    for k in range(rounds):
        names = ["k%d-%d" % (k, i) for i in range(devices)]
        codes = {n: est.add(cse, n, aeIds=["C" + n])["code"] for n in names}
        for what in "simpleenroll", "simplereenroll":
            runs = []
            for n in names:
                stem = os.path.join(cse.creds, n)
                how = (["--code", codes[n], "--csr-key", stem + ".key"] if what == "simpleenroll" else
                       ["--cert", stem + ".crt", "--key", stem + ".key", "--csr-key", stem + "b.key"])
                runs.append(subprocess.Popen([client, "--port", str(cse.port), "--out", stem + ".out"] + how + [what],
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(rnd.random() * 0.08)
            cse.kill()
            for r in runs:
                r.wait(30)
            cse.start()
            for n in names:
                a = est.enrol(cse, n, codes[n]) if what == "simpleenroll" else est.renew(cse, n, n + "b")
                if a.status != "200":
                    raise AssertionError("%s of %s after a kill: %s %s" % (what, n, a.status, a.text))
        for n in names:
            register(cse.client(n + "b", "C" + n), "C" + n)
            s = est.show(cse, n)
            assert s["state"] == "active" and s["generation"] == 2 and not s["renewing"], s
    expect("devices that were enrolled and renewed through kills", rounds * devices, 48)
    assert not [e for e in est.events(cse, "EV_CLONE") if "k0" in str(e)]


def random_stems(cse):
    d = est.add(cse, "sensor1", maxAe=2)
    est.enrol(cse, "sensor1", d["code"])
    assert "onem2m" not in subject(cse, "sensor1")
    c = cse.client("sensor1", "")
    a = must(c.create("/cse-in", 2, {"m2m:ae": {"api": "Ntest", "rr": False, "srv": ["3"]}}, originator=""), 2001, "a stem is given")
    stem = a.json()["m2m:ae"]["aei"]
    expect("renewal", est.renew(cse, "sensor1", "sensor1b").status, "200")
    assert "onem2m://troth.example/id-in/" + stem in subject(cse, "sensor1b"), subject(cse, "sensor1b")
    print("ok  the stem stands in the next certificate")


def two_places(cse):
    """Two addresses of this machine, at a trothd that listens on both."""
    d = est.add(cse, "single1", aeIds=["CSingle1"], singleSession=True)
    est.enrol(cse, "single1", d["code"])
    here = cse.client("single1", "CSingle1")
    register(here, "CSingle1")
    must(cse.client("single1", "CSingle1").get("/cse-in/CSingle1"), 2000, "two connections from one address")
    a = est.ask(cse, "/-/live", cert="single1", bind="127.0.0.2")
    expect("a connection from another address", a.answers, ["closed"], [])
    state(cse, "single1", "suspended")
    assert any("two addresses" in json.dumps(e) for e in est.events(cse, "EV_CLONE"))


def ends(cse):
    d = est.add(cse, "late1", aeIds=["CLate1"], life="60s")
    est.enrol(cse, "late1", d["code"])
    register(cse.client("late1", "CLate1"), "CLate1")
    lost = est.add(cse, "lost1", aeIds=["CLost1"], codeLife="60s")
    time.sleep(62)
    state(cse, "late1", "expired")
    state(cse, "lost1", "added")
    expect("a code that has ended", est.ask(cse, "cacerts", code=lost["code"]).code, 3)
    for path in "/cse-in/CLate1", "/-/live":
        expect("an ended certificate at " + path, est.ask(cse, path, cert="late1").status, "403")
    expect("an ended certificate renews", est.renew(cse, "late1", "late1b").status, "200")
    must(cse.client("late1b", "CLate1").get("/cse-in/CLate1"), 2000, "and goes on")
    state(cse, "late1", "active")


def main():
    est.make_client()
    with Cse() as cse:
        cse.start()
        d = first_life(cse)
        sessions(cse, d)
        renewals(cse)
        foreign_client(cse)
        clone_by_renewal(cse)
        misuse(cse)
        replaced(cse)
        restart(cse)
        killed(cse)
        random_stems(cse)
        two_places(cse)
        clone_by_use(cse)
        ends(cse)
        expect("the chain of events", est.admin(cse, "POST", "/v1/events/verify", status=200)["chain"], "whole")
        expect("how trothd ends", cse.stop(), 0)


if __name__ == "__main__":
    main()
