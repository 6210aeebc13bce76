# SPDX-License-Identifier: Apache-2.0
"""Enrolment for scripts: devices by the administrator's socket, EST by tests/lib/est_client (written from the RFCs, none of ours)."""
import http.client
import json
import os
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cse import BUILD  # noqa: E402


def make_client():
    subprocess.run(["make", "-s", "tests/lib/est_client"], cwd=BUILD, check=True, stdout=subprocess.DEVNULL)


class AdminSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def admin(cse, method, path, body=None, status=None, raw=False):
    """What the administrator's interface answers, parsed."""
    conn = AdminSocket(os.path.join(cse.state, "admin.sock"))
    conn.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    r = conn.getresponse()
    data = r.read()
    conn.close()
    if status and r.status != status:
        raise AssertionError("%s %s: expected %d, got %d: %s" % (method, path, status, r.status, data[:300]))
    return data if raw else json.loads(data)


def add(cse, name, **more):
    """Adds a device; its id, code and url."""
    return admin(cse, "POST", "/v1/devices", dict(more, name=name), 201)


def show(cse, name):
    return admin(cse, "GET", "/v1/devices/" + name, status=200)


def events(cse, name=None):
    """Events so far (of that name)."""
    out, seq = [], 0
    while True:
        lines = [json.loads(x) for x in admin(cse, "GET", "/v1/events?from=%d" % seq, raw=True).splitlines()]
        if not lines:
            return [e for e in out if name in (None, e.get("event"))]
        out += lines
        seq = lines[-1]["seq"] + 1


class Asked:
    def __init__(self, r, body):
        self.code = r.returncode
        self.answers = r.stdout.split()
        self.text = r.stderr
        self.body = body

    @property
    def status(self):
        return self.answers[-1] if self.answers else ""


def ask(cse, *operations, code=None, cert=None, cse_id="/id-in", **options):
    """One session, these operations; cert: stem of files in the creds folder."""
    out = os.path.join(cse.dir, "est.answer")
    args = [os.path.join(BUILD, "tests/lib/est_client"), "--port", str(cse.port), "--cse", cse_id, "--out", out]
    if code:
        args += ["--code", code]
    if cert:
        stem = os.path.join(cse.creds, cert)
        args += ["--cert", stem + ".crt", "--key", stem + ".key"]
    for k, v in options.items():
        args += ["--" + k.replace("_", "-"), str(v)]
    if os.path.exists(out):
        os.unlink(out)
    # The test's own client leaves memory to its exit.
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    r = subprocess.run(args + list(operations), capture_output=True, text=True, timeout=120, env=env)
    body = open(out, "rb").read() if os.path.exists(out) else b""
    return Asked(r, body)


def openssl(*args, data=None):
    r = subprocess.run(["openssl"] + list(args), input=data, capture_output=True)
    if r.returncode:
        raise AssertionError("openssl %s: %s" % (" ".join(args), r.stderr.decode()[-300:]))
    return r.stdout


def certificates(body):
    """PEM texts of a certs-only answer, as the openssl command reads it."""
    der = openssl("base64", "-d", data=body)
    pem = openssl("pkcs7", "-inform", "DER", "-print_certs", data=der).decode()
    end = "-----END CERTIFICATE-----\n"
    return ["-----BEGIN" + p.split("-----BEGIN", 1)[1] + end for p in pem.split(end) if "-----BEGIN" in p]


def get(cse, name, operation, key=None, **how):
    """Enrols or renews: NAME.key (made when it is not there) and NAME.crt in the creds folder; the Asked."""
    stem = os.path.join(cse.creds, name)
    a = ask(cse, operation, csr_key=key or stem + ".key", **how)
    if a.status == "200":
        certs = certificates(a.body)
        with open(stem + ".crt", "w") as f:
            f.write("".join(certs))
    return a


def enrol(cse, name, code, **how):
    ca = ask(cse, "cacerts", code=code)
    if ca.status == "200":
        with open(os.path.join(cse.creds, "ca.crt"), "w") as f:
            f.write("".join(certificates(ca.body)))
    return get(cse, name, "simpleenroll", code=code, **how)


def renew(cse, name, next_name, cert=None, **how):
    """With NAME's certificate a new one in NEXT's files."""
    return get(cse, next_name, "simplereenroll", cert=cert or name, **how)
