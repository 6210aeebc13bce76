# SPDX-License-Identifier: Apache-2.0
"""A notification target for scripts: an HTTPS server with mutual TLS 1.3 and a credential of its own.  Standard library only."""
import json
import os
import queue
import socket
import ssl
import threading


class Sink:
    """how: an X-M2M-RSC, or hang, close, garbage, redirect, plain; may be changed at any time.  got: notifications in order,
    as (path, headers with lower-case names, content)."""

    def __init__(self, cse, name, how=2000, port=0):
        self.cse, self.name, self.how, self.got = cse, name, how, queue.Queue()
        self.listener, self.port, self.open, self.threads = None, port, set(), []
        self.lock, self.connects, self.hanging, self.ended, self.drops = threading.Lock(), 0, threading.Event(), False, 0
        self.use(name)
        self.listen()

    def use(self, name):
        """Shows that credential from the next connection on."""
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.minimum_version = ssl.TLSVersion.TLSv1_3
        base = os.path.join(self.cse.creds, name)
        ctx.load_cert_chain(base + ".crt", base + ".key")
        ctx.load_verify_locations(os.path.join(self.cse.creds, "ca.crt"))
        ctx.verify_mode = ssl.CERT_REQUIRED
        self.ctx = ctx

    def url(self, path=""):
        return "https://127.0.0.1:%d/%s" % (self.port, path or self.name)

    def listen(self):
        s = socket.socket()
        self.bind(s)
        s.listen(128)
        self.listener, self.port = s, s.getsockname()[1]
        t = threading.Thread(target=self.accept, args=(s,), daemon=True)
        t.start()

    def bind(self, s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))

    def refuse(self):
        """No connection is taken, and those that are open end."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.drop()

    def drop(self):
        with self.lock:
            self.drops += 1
            for c in list(self.open):
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def end(self):
        self.ended = True
        self.hanging.set()
        self.refuse()

    def accept(self, listener):
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                return
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connects += 1
                self.open.add(c)
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, raw):
        try:
            drops = self.drops
            with self.ctx.wrap_socket(raw, server_side=True) as s:
                with self.lock:
                    # Its socket had no handle during the handshake, so drop() could not end it.
                    if drops != self.drops:
                        return
                    self.open.discard(raw)
                    self.open.add(s)
                raw = s
                f = s.makefile("rb")
                while self.one(s, f):
                    pass
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(raw)
            raw.close()

    def one(self, s, f):
        line = f.readline(8192)
        if not line:
            return False
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while True:
            h = f.readline(8192).decode("latin-1").rstrip("\r\n")
            if not h:
                break
            k, v = h.split(":", 1)
            headers[k.lower()] = v.strip()
        body = f.read(int(headers.get("content-length", 0)))
        how = self.how
        self.got.put((path, headers, json.loads(body) if body else None))
        ri = headers.get("x-m2m-ri", "")
        text = "HTTP/1.1 200 \r\nX-M2M-RSC: %s\r\nX-M2M-RI: %s\r\nX-M2M-RVI: 3\r\nContent-Length: 0\r\n\r\n" % (how, ri)
        if how == "hang":
            self.hanging.wait()
            return False
        if how == "close":
            s.sendall(text.encode()[:30])
            return False
        if how == "garbage":
            s.sendall(b"SSH-2.0-nonsense\r\n\x01\x02\r\n\r\n")
            return False
        if how == "redirect":
            s.sendall(("HTTP/1.1 307 \r\nLocation: https://127.0.0.1:%d/\r\nX-M2M-RI: %s\r\nContent-Length: 0\r\n\r\n"
                       % (self.port, ri)).encode())
            return True
        if how == "plain":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            return True
        s.sendall(text.encode())
        return True

    def take(self, timeout=10):
        return self.got.get(timeout=timeout)

    def none(self, seconds=0.3):
        try:
            got = self.got.get(timeout=seconds)
        except queue.Empty:
            return True
        raise AssertionError("%s has got %s" % (self.name, got))
