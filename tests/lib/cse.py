# SPDX-License-Identifier: Apache-2.0
"""A real trothd for scripts: start, kill, issue credentials, speak oneM2M over mutual TLS.  Standard library only."""
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("TOP_BUILDDIR", os.getcwd())
SRC = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

NUMBERS = itertools.count(1)


def until(what, fn, seconds=20):
    """Waits for what fn tells; what it was is said when it does not come."""
    end = time.monotonic() + seconds
    while not fn():
        assert time.monotonic() < end, "%s: not within %g s" % (what, seconds)
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.rsc = int(headers.get("X-M2M-RSC", 0))

    def json(self):
        return json.loads(self.body)


class Client:
    """One keep-alive connection of one credential; without a CSE it connects as a subclass says."""

    def __init__(self, cse, name, originator, timeout=20, cert=True):
        if cse:
            self.ctx = ssl.create_default_context(cafile=os.path.join(cse.creds, "ca.crt"))
            self.ctx.minimum_version = ssl.TLSVersion.TLSv1_3
        if cse and cert:
            base = os.path.join(cse.creds, name)
            self.ctx.load_cert_chain(base + ".crt", base + ".key")
        self.cse, self.originator, self.timeout, self.serial = cse, originator, timeout, 0
        self.number = next(NUMBERS)  # no two clients of an originator use one request identifier
        self.conn = None

    def connect(self):
        self.conn = http.client.HTTPSConnection("127.0.0.1", self.cse.port, context=self.ctx, timeout=self.timeout)
        self.conn.connect()

    def close(self):
        if self.conn:
            self.conn.close()
            self.conn = None

    def request(self, method, path, body=None, ty=None, originator=None, headers=None, rvi="3"):
        if not self.conn:
            self.connect()
        self.serial += 1
        h = {"X-M2M-RI": "%s-%d-%d-%d" % (self.originator or "none", os.getpid(), self.number, self.serial), "Accept": "application/json"}
        if rvi:
            h["X-M2M-RVI"] = rvi
        who = self.originator if originator is None else originator
        if who:
            h["X-M2M-Origin"] = who
        data = None
        if body is not None:
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
            h["Content-Type"] = "application/json" + (";ty=%d" % ty if ty else "")
        h.update(headers or {})
        self.conn.request(method, path, data, h)
        r = self.conn.getresponse()
        return Answer(r.status, r.headers, r.read())

    def create(self, path, ty, body, **kw):
        return self.request("POST", path, body, ty=ty, **kw)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def put(self, path, body, **kw):
        return self.request("PUT", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)


class Cse:
    def __init__(self, folder=None, trothd=None, sets=(), port=None, env=None, log=None, wrap=()):
        self.own = folder is None
        self.dir = folder or tempfile.mkdtemp(prefix="troth-")
        self.state = os.path.join(self.dir, "state")
        self.creds = os.path.join(self.dir, "creds")
        os.makedirs(self.creds, mode=0o700, exist_ok=True)
        self.trothd = trothd or os.path.join(BUILD, "trothd")
        self.ctl = os.path.join(BUILD, "trothctl")
        self.port = port or free_port()
        self.sets = list(sets)
        self.env = env
        self.wrap = list(wrap)
        self.log_path = log or os.path.join(self.dir, "trothd.log")
        self.proc = None

    def start(self, wait=30.0, sets=()):
        """Starts it and waits until it answers at its admin socket and its port; returns the seconds that took."""
        t = time.monotonic()
        args = self.wrap + [self.trothd, "-s", "cse.state=" + self.state, "-s", "https.listen=127.0.0.1:%d" % self.port]
        for s in list(self.sets) + list(sets):
            args += ["-s", s]
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        while time.monotonic() - t < wait:
            if self.proc.poll() is not None:
                raise RuntimeError("trothd ended with %d:\n%s" % (self.proc.returncode, self.log_tail()))
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                with socket.socket(socket.AF_UNIX) as admin:
                    admin.connect(os.path.join(self.state, "admin.sock"))
                return time.monotonic() - t
            except OSError:
                time.sleep(0.005)
        raise RuntimeError("trothd did not listen within %g s:\n%s" % (wait, self.log_tail()))

    def log_tail(self, n=4000):
        with open(self.log_path, "rb") as f:
            return f.read()[-n:].decode(errors="replace")

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()

    def stop(self, timeout=60):
        """Ends it; the exit status, with what it said last if that is not 0."""
        if not self.proc:
            return 0
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        if self.proc.returncode:
            print("trothd ended with %d:\n%s" % (self.proc.returncode, self.log_tail()), file=sys.stderr)
        return self.proc.returncode

    def clean(self):
        if self.proc and self.proc.poll() is None:
            self.kill()
        if self.own:
            shutil.rmtree(self.dir, ignore_errors=True)

    def trothctl(self, *args, check=True):
        r = subprocess.run([self.ctl, "--state", self.state] + list(args), capture_output=True, text=True, timeout=60)
        if check and r.returncode:
            raise RuntimeError("trothctl %s: %d: %s%s" % (" ".join(args), r.returncode, r.stdout, r.stderr))
        return r

    def admin(self, method, path, body=None):
        """Status and JSON of a call of the administrator's interface."""
        conn = http.client.HTTPConnection("localhost", timeout=30)
        conn.sock = socket.socket(socket.AF_UNIX)
        conn.sock.settimeout(30)
        conn.sock.connect(os.path.join(self.state, "admin.sock"))
        try:
            conn.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            r = conn.getresponse()
            text = r.read()
        finally:
            conn.close()
        return r.status, json.loads(text) if text else None

    def pages(self, path):
        """A list of the administrator's interface that comes in pages, as a whole."""
        out, at = [], path
        while True:
            status, page = self.admin("GET", at)
            if status != 200:
                raise RuntimeError("GET %s: %d %s" % (at, status, page))
            if not page:
                return out
            out += page
            at = "%s?after=%s" % (path, page[-1]["id"])

    def credential(self, name):
        """Its id."""
        return next(c["id"] for c in self.pages("/v1/credentials") if name in c["names"])

    def release(self, name):
        status, text = self.admin("POST", "/v1/credentials/%s/release" % self.credential(name))
        if status != 200:
            raise RuntimeError("release of %s: %d %s" % (name, status, text))

    def events(self, name=None):
        """Security events so far, with names."""
        rows = [json.loads(x) for x in self.trothctl("--json", "events", "--reveal").stdout.splitlines()]
        return [r for r in rows if name is None or r["event"] == name]

    def issue(self, name, *options):
        """A credential NAME.crt, NAME.key and ca.crt in the creds folder."""
        self.trothctl("ca", "issue", "--name", name, "--out", self.creds, *options)

    def client(self, name, originator=None, **kw):
        return Client(self, name, originator if originator is not None else name, **kw)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.clean()


def must(answer, rsc, what):
    if answer.rsc != rsc:
        raise AssertionError("%s: expected %d, got %d (HTTP %d): %s" % (what, rsc, answer.rsc, answer.status, answer.body[:300]))
    return answer


def register(client, aei, name=None, api="Ntroth.test"):
    """Registers an AE with its resource name."""
    body = {"m2m:ae": {"rn": name or aei, "api": api, "rr": False, "srv": ["3"]}}
    return must(client.create("/cse-in", 2, body, originator=aei), 2001, "registration of " + aei)
