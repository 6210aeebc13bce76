#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What may not come in by TLS: certificates of a stolen issuing key with foreign names, wrong purposes, wrong times, wrong
chains; keys that were superseded; tickets after revocation, suspension, renewal, reload and restart; connections beyond the end
of their certificate.  The authority is made here and given to trothd, so that the attacker has its key."""
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

passed = 0
SHORT = 8  # seconds: time for two handshakes and a registration on a busy machine under a sanitizer
CONSTRAINTS = "critical,permitted;DNS:troth.example,permitted;URI:troth.example,permitted;DNS:localhost," \
              "permitted;IP:127.0.0.1/255.255.255.255,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


def ok(what):
    global passed
    passed += 1
    print("ok      " + what)


def openssl(folder, *args):
    r = subprocess.run(["openssl"] + list(args), cwd=folder, capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError("openssl %s: %s" % (" ".join(args), r.stderr))
    return r.stdout


class Authority:
    """A root and an issuing CA, as an operator would make them with the openssl command."""

    def __init__(self, folder):
        self.dir = folder
        os.makedirs(folder, exist_ok=True)
        self.key("root")
        openssl(folder, "req", "-x509", "-key", "root.key", "-subj", "/CN=Root of the test", "-days", "3650", "-out", "root.crt",
                "-addext", "keyUsage=critical,keyCertSign")
        self.key("issuing")
        self.sign("issuing", "root", ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign",
                                      "nameConstraints=" + CONSTRAINTS], days=3000, subject="/CN=Issuing CA of the test")
        self.bundle = os.path.join(folder, "bundle.pem")
        with open(self.bundle, "w") as f:
            for name in ("issuing.crt", "root.crt", "issuing.key"):
                f.write(self.text(name))
        os.chmod(self.bundle, 0o600)

    def text(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def key(self, name, alg=("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")):
        openssl(self.dir, "genpkey", *alg, "-out", name + ".key")

    def sign(self, name, issuer, extensions, days=1, subject="/CN=x", start=None, end=None):
        """NAME.crt for NAME.key; with start and end (YYYYMMDDHHMMSSZ) by `openssl ca`, which alone can set them."""
        openssl(self.dir, "req", "-new", "-key", name + ".key", "-subj", subject, "-out", name + ".csr")
        with open(os.path.join(self.dir, "ext"), "w") as f:
            f.write("[e]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + "\n".join(extensions) + "\n")
        if not start:
            openssl(self.dir, "x509", "-req", "-in", name + ".csr", "-CA", issuer + ".crt", "-CAkey", issuer + ".key", "-days",
                    str(days), "-sha256", "-extfile", "ext", "-extensions", "e", "-out", name + ".crt")
            return
        with open(os.path.join(self.dir, "conf"), "w") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n"
                    "unique_subject=no\n[p]\ncommonName=supplied\n")
        open(os.path.join(self.dir, "index"), "w").close()
        openssl(self.dir, "ca", "-batch", "-config", "conf", "-in", name + ".csr", "-cert", issuer + ".crt", "-keyfile",
                issuer + ".key", "-extfile", "ext", "-extensions", "e", "-startdate", start, "-enddate", end, "-notext", "-out",
                name + ".crt")

    def leaf(self, name, san="URI:onem2m://troth.example/id-in/CDev1", issuer="issuing", usage="clientAuth", chain=None, **kw):
        self.key(name)
        extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
        if usage:
            extensions.append("extendedKeyUsage=" + usage)
        if san:
            extensions.append("subjectAltName=" + san)
        self.sign(name, issuer, extensions, **kw)
        with open(os.path.join(self.dir, name + ".chain"), "w") as f:
            f.write(self.text(name + ".crt") + "".join(self.text(c + ".crt") for c in (chain or [issuer])))


def tries(c, crt, key, version=ssl.TLSVersion.TLSv1_3):
    """Is a request with this certificate answered?"""
    ctx = ssl.create_default_context(cafile=os.path.join(c.creds, "ca.crt"))
    ctx.minimum_version = ctx.maximum_version = version
    ctx.load_cert_chain(crt, key)
    k = http.client.HTTPSConnection("127.0.0.1", c.port, context=ctx, timeout=10)
    try:
        k.request("GET", "/cse-in", headers={"X-M2M-RI": "1", "X-M2M-RVI": "3", "X-M2M-Origin": "CDev1"})
        return k.getresponse().status
    except (ssl.SSLError, OSError, http.client.HTTPException):
        return None
    finally:
        k.close()


def counted(c, event):
    return sum(e["n"] for e in map(json.loads, c.trothctl("--json", "events").stdout.splitlines()) if e["event"] == event)


def certificates(c, a):
    def case(what, name, event="EV_NO_CREDENTIAL", **kw):
        a.leaf(name, **kw)
        files = os.path.join(a.dir, name + ".chain"), os.path.join(a.dir, name + ".key")
        before = counted(c, event)
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            assert tries(c, *files, version=version) is None, what
        # A row a second for each prefix: at least one of both tries is there, the rest is in its count later.
        end = time.monotonic() + 5
        while counted(c, event) == before:
            assert time.monotonic() < end, "no %s for: %s" % (event, what)
            time.sleep(0.1)
        ok(what)

    case("a certificate that is as it should be, for a key that no credential knows", "unknown", event="EV_UNKNOWN_CREDENTIAL")
    case("a host name outside the constraints", "host", san="DNS:www.bank.example")
    case("a host name that ends like ours", "suffix", san="DNS:eviltroth.example")
    case("an AE-ID of another service provider", "provider", san="URI:onem2m://other.example/id-in/CDev1")
    case("an address outside the constraints", "address", san="IP:10.1.2.3")
    case("one good name and one foreign name", "both", san="URI:onem2m://troth.example/id-in/CDev1,DNS:www.bank.example")
    case("for servers only", "server", usage="serverAuth")
    case("for signing programs", "code", usage="codeSigning")
    case("expired", "old", start="20240101000000Z", end="20240201000000Z")
    case("not yet valid", "young", start="20400101000000Z", end="20400201000000Z")
    case("signed by the root itself", "byroot", issuer="root")
    # A CA below the issuing CA, which may have none.
    a.key("sub")
    a.sign("sub", "issuing", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"], subject="/CN=sub")
    case("a CA below the issuing CA", "below", issuer="sub", chain=["sub", "issuing"])
    # A device's certificate as a CA.
    a.leaf("device")
    case("signed with a device's key", "bydevice", issuer="device", chain=["device", "issuing"])
    # Another authority of the same names.
    other = Authority(os.path.join(a.dir, "other"))
    other.leaf("twin")
    assert tries(c, os.path.join(other.dir, "twin.chain"), os.path.join(other.dir, "twin.key")) is None
    ok("another authority with the same names")
    other.leaf("mixed", chain=[])
    with open(os.path.join(other.dir, "mixed.chain"), "w") as f:
        f.write(other.text("mixed.crt") + a.text("issuing.crt"))
    assert tries(c, os.path.join(other.dir, "mixed.chain"), os.path.join(other.dir, "mixed.key")) is None
    ok("another authority's certificate with our issuing CA behind it")


def oversized(c, a):
    a.leaf("long", chain=["issuing"] * 60)
    assert tries(c, os.path.join(a.dir, "long.chain"), os.path.join(a.dir, "long.key")) is None
    a.leaf("wide", san=",".join("DNS:h%d.troth.example" % i for i in range(1500)))
    assert tries(c, os.path.join(a.dir, "wide.chain"), os.path.join(a.dir, "wide.key")) is None
    # 60 issuers that all are called alike: each would be tried.
    with open(os.path.join(a.dir, "long.chain"), "w") as f:
        f.write(a.text("long.crt") + a.text("root.crt") * 10 + a.text("issuing.crt") * 10)
    tries(c, os.path.join(a.dir, "long.chain"), os.path.join(a.dir, "long.key"))
    must(c.client("CDev1").get("/cse-in/CDev1"), 2000, "an honest device meanwhile")
    ok("oversized chains and certificates are refused, honest devices go on")


class Ticket:
    """openssl s_client as the device: a ticket from an answered connection, and a later try with it."""

    def __init__(self, c, name="CDev1"):
        self.c, self.name = c, name
        self.file = os.path.join(c.dir, name + ".session")
        self.request = ("GET /cse-in/%s HTTP/1.1\r\nHost: localhost\r\nX-M2M-RI: %%d\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: %s\r\n"
                        "Connection: close\r\n\r\n" % (name, name))
        self.n = 0

    def run(self, *more):
        self.n += 1
        base = os.path.join(self.c.creds, self.name)
        return subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.c.port, "-CAfile", self.c.creds + "/ca.crt",
                               "-cert", base + ".crt", "-cert_chain", base + ".crt", "-key", base + ".key", "-ign_eof", *more],
                              input=self.request % self.n, capture_output=True, text=True, timeout=20).stdout

    def take(self):
        out = self.run("-sess_out", self.file)
        assert "X-M2M-RSC: 2000" in out, out
        assert out.count("Post-Handshake New Session Ticket") == 1, out

    def use(self):
        """(resumed, answered)"""
        out = self.run("-sess_in", self.file)
        return "\nReused, " in out or out.startswith("Reused, "), "X-M2M-RSC: 2000" in out


def tickets(c):
    t = Ticket(c)
    t.take()
    assert t.use() == (True, True), "a ticket of a good credential"
    ident = json.loads(c.trothctl("--json", "credential", "list").stdout)
    ident = next(x["id"] for x in ident if x["names"] == ["CDev1"])
    c.trothctl("credential", "suspend", ident)
    assert t.use() == (False, False), "after suspension"
    c.trothctl("credential", "resume", ident)
    ok("a ticket is worth nothing while its credential is suspended")
    t.take()
    c.proc.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while '"event":"RELOAD"' not in c.log_tail(100000):
        assert time.monotonic() < end, "no reload"
        time.sleep(0.05)
    assert t.use() == (False, True), "after a reload"
    t.take()
    for path in ("/v1/server/rotate",):
        status, answer = c.admin("POST", path)[:2]
        assert status == 200, answer
    assert t.use() == (False, True), "after a renewal of the server's certificate"
    t.take()
    c.stop()
    c.start()
    assert t.use() == (False, True), "after a restart"
    ok("after a reload, a renewal, a restart the key is proved again")
    t.take()
    base = os.path.join(c.creds, "CDev1")
    for end in (".crt", ".key"):
        os.rename(base + end, base + ".before" + end)
    c.issue("CDev1", "--ae", "CDev1", "--replace")
    assert tries(c, base + ".before.crt", base + ".before.key") is None, "a superseded key"
    assert t.use()[0] is False, "a ticket of the superseded key"
    assert tries(c, base + ".crt", base + ".key") == 200, "the new key"
    ok("a superseded key and its tickets are refused")
    t.take()
    c.trothctl("credential", "revoke", ident)
    assert t.use() == (False, False), "after revocation"
    assert counted(c, "EV_DEAD_CREDENTIAL") >= 1
    ok("a ticket is worth nothing after revocation")


def end_of_life(c, a):
    """A connection that works and one that is idle end with their certificate.  The credential goes on: its key has, beside the
    certificate that trothd gave it, one of a few seconds, which only the issuing key can make."""
    c.issue("CShort", "--ae", "CShort")
    base = os.path.join(c.creds, "CShort")
    shutil.copy(base + ".key", os.path.join(a.dir, "short.key"))
    end = int(time.time()) + SHORT
    a.sign("short", "issuing", ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth",
                                "subjectAltName=URI:onem2m://troth.example/id-in/CShort"],
           start=time.strftime("%Y%m%d%H%M%SZ", time.gmtime(end - 3600)), end=time.strftime("%Y%m%d%H%M%SZ", time.gmtime(end)))
    with open(base + ".crt", "w") as f:
        f.write(a.text("short.crt") + a.text("issuing.crt"))
    busy, idle = c.client("CShort"), c.client("CShort")
    register(busy, "CShort")
    must(idle.get("/cse-in/CShort"), 2000, "the idle one")
    answers = 0
    while time.time() < end + 30:
        try:
            busy.conn.request("GET", "/cse-in/CShort", headers={"X-M2M-RI": "e%d" % answers, "X-M2M-RVI": "3", "X-M2M-Origin": "CShort"})
            r = busy.conn.getresponse()
            r.read()
            answers += 1
            assert r.status == 200
        except (OSError, http.client.HTTPException, AttributeError):
            break
        time.sleep(0.1)
    over = time.time() - end
    # Never before its end; after it no more than the last answer and a turn of a busy machine.
    assert answers > 0 and -0.1 < over < 5, (answers, over)
    idle.conn.sock.settimeout(5)
    try:
        assert idle.conn.sock.recv(1) == b"", "the idle connection says something"
    except (ssl.SSLError, ConnectionError):
        pass
    # Within its time of grace it may renew itself, and nothing else (enrol.certificate_grace).
    status = tries(c, base + ".crt", base + ".key")
    assert status is None or status >= 400, status
    ok("connections end with their certificate, after %d answers, and do not come back" % answers)


def main():
    c = Cse()
    try:
        a = Authority(os.path.join(c.dir, "authority"))
        c.sets.append("security.issuing_ca=" + a.bundle)
        c.start()
        c.issue("CDev1", "--ae", "CDev1")
        register(c.client("CDev1"), "CDev1")
        certificates(c, a)
        oversized(c, a)
        tickets(c)
        end_of_life(c, a)
        assert c.stop() == 0, "trothd did not end well"
    finally:
        c.clean()
    print("%d passed, 0 failed" % passed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
