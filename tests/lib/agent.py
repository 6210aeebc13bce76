# SPDX-License-Identifier: Apache-2.0
"""A real troth-agent for scripts: enrolled with a code of a real trothd, run as a user of its own, with local clients that speak plain
HTTP as that user (or another).  Standard library only."""
import contextlib
import http.client
import http.server
import json
import os
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import cse as cse_lib
from cse import BUILD, free_port

USER = 4242 if os.geteuid() == 0 else os.geteuid()
LOCK = threading.RLock()


@contextlib.contextmanager
def as_user(uid):
    """Sockets that are made meanwhile are that user's.  Only root can be somebody else."""
    if os.getuid() != 0 or uid == 0:
        yield
        return
    with LOCK:
        os.seteuid(uid)
        try:
            yield
        finally:
            os.seteuid(0)


def be(uid):
    """For Popen: that user, when we may be another."""
    return {"user": uid, "group": uid, "extra_groups": []} if os.getuid() == 0 and uid != 0 else {}


class Client(cse_lib.Client):
    """Plain HTTP to the agent's port, or its socket, as a process of that user."""

    def __init__(self, agent, originator, uid=USER, family=socket.AF_INET, path=None, timeout=20):
        super().__init__(None, None, originator, timeout)
        self.agent, self.uid, self.family, self.path = agent, uid, family, path

    def connect(self):
        host = "::1" if self.family == socket.AF_INET6 else "127.0.0.1"
        with as_user(self.uid):
            s = socket.socket(socket.AF_UNIX if self.path else self.family)
            s.settimeout(self.timeout)
            s.connect(self.path or (host, self.agent.port))
        self.conn = http.client.HTTPConnection("127.0.0.1", self.agent.port, timeout=self.timeout)
        self.conn.sock = s
        if not self.path:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Listener:
    """An unmodified client's little notification server in plain HTTP: answers 200 (or `status`) and keeps (path, headers, content)."""

    def __init__(self, uid=USER, port=0, address="127.0.0.1"):
        got = self.got = queue.Queue()
        self.status, self.headers, self.open = 200, {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                got.put((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body) if body else None))
                self.send_response(outer.status)
                for k, v in outer.headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True

            def handle_error(self, request, address):
                pass  # a kept connection that the agent has let go

            def get_request(self):
                got = super().get_request()
                outer.open.append(got[0])
                return got

        with as_user(uid):
            self.server = Server((address, port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/in", host="127.0.0.1"):
        return "http://%s:%d%s" % (host, self.port, path)

    def take(self, timeout=10):
        return self.got.get(timeout=timeout)

    def none(self, seconds=0.5):
        try:
            raise AssertionError("a notification came: %s" % (self.got.get(timeout=seconds),))
        except queue.Empty:
            return True

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Agent:
    """device: options of POST /v1/devices beside the name (aeIds, kind, ...)."""

    def __init__(self, cse, name, sets=(), notify=True, uid=USER, device=None, wrap=()):
        self.cse, self.name, self.uid, self.sets, self.device, self.wrap = cse, name, uid, list(sets), device or {}, list(wrap)
        # A place that this user reaches, the program, too.
        self.dir = tempfile.mkdtemp(prefix="troth-agent-")
        os.chmod(self.dir, 0o755)
        self.exe = os.path.join(self.dir, "troth-agent")
        shutil.copy(os.path.join(BUILD, "troth-agent"), self.exe)
        os.chmod(self.exe, 0o755)
        self.state = os.path.join(self.dir, "state")
        os.mkdir(self.state, 0o700)
        if os.geteuid() == 0:
            os.chown(self.state, uid, uid)
        self.port = free_port()
        self.notify = free_port() if notify else 0
        self.socket = os.path.join(self.state, "door.sock")
        self.log_path = os.path.join(self.dir, "agent.log")
        self.proc = None

    def args(self):
        out = self.wrap + [self.exe, "-s", "agent.state=" + self.state, "-s", "agent.listen=127.0.0.1:%d,[::1]:%d" % (self.port, self.port)]
        if self.notify:
            out += ["-s", "agent.notify_listen=127.0.0.1:%d" % self.notify]
        for s in self.sets:
            out += ["-s", s]
        return out

    def code(self):
        status, answer = self.cse.admin("POST", "/v1/devices", dict({"name": self.name, "aeIds": [self.name]}, **self.device))
        if status != 201:
            raise RuntimeError("device %s: %d %s" % (self.name, status, answer))
        return answer["url"] or answer["code"]

    def command(self, *args, check=True):
        with LOCK:  # who is just somebody else could not become this user
            p = subprocess.Popen(self.args() + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", **be(self.uid))
        out, err = p.communicate(timeout=60)
        r = subprocess.CompletedProcess(p.args, p.returncode, out, err)
        if check and r.returncode:
            raise RuntimeError("troth-agent %s: %d: %s%s" % (" ".join(args), r.returncode, r.stdout, r.stderr))
        return r

    def enrol(self):
        return self.command("enrol", self.code())

    def start(self, wait=20):
        end = time.monotonic() + wait
        with open(self.log_path, "ab") as log:
            with LOCK:
                self.proc = subprocess.Popen(self.args() + ["run"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **be(self.uid))
        while time.monotonic() < end:
            if self.proc.poll() is not None:
                raise RuntimeError("troth-agent ended with %d:\n%s" % (self.proc.returncode, self.log()))
            try:
                with as_user(self.uid), socket.socket() as s:
                    s.connect(("127.0.0.1", self.port))
                return self
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("troth-agent did not listen:\n" + self.log())

    def log(self, n=4000):
        if not os.path.exists(self.log_path):
            return "the agent was never started"
        with open(self.log_path, "rb") as f:
            return f.read()[-n:].decode(errors="replace")

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.terminate()
            return self.proc.wait(30)
        return self.proc.returncode if self.proc else 0

    def clean(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def client(self, originator=None, **kw):
        return Client(self, self.name if originator is None else originator, **kw)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.clean()
